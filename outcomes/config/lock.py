"""One at a time: a lock that the operating system holds, and frees whatever way the process
ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.core.errors import OutputError


class HeldError(OutputError):
    """Another process holds the lock."""


@contextmanager
def held(file: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a lock file, which is made where it is missing; nothing stale can stay behind.

    Raises HeldError where another process holds it for longer than `wait` seconds, OutputError
    where it cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as e:
        raise OutputError(
            f"Cannot write in {file.parent}: {e.strerror or type(e).__name__}."
        ) from None
    try:
        until = time.monotonic() + wait
        while not _taken(handle, file):
            if time.monotonic() >= until:
                raise HeldError(
                    f"Another run is at work in {file.parent}. Nothing was done; try again later."
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)  # frees the lock


def _taken(handle: int, file: Path) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as e:
        raise OutputError(
            f"{file.parent} cannot be locked ({e.strerror or type(e).__name__}); use a folder on a"
            " local disk."
        ) from None
    return True

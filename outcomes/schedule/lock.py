"""One run at a time: a lock that the operating system holds, and frees whatever way the process ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.core.errors import OutputError
from outcomes.schedule.exit_codes import LockedError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one run. Raises LockedError at once where another run holds it; nothing stale can stay behind.

    Raises OutputError where the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as e:
        raise OutputError(f"Cannot write in {folder}: {e.strerror or type(e).__name__}.") from None
    try:
        _take(handle, folder)
        yield
    finally:
        os.close(handle)  # frees the lock


def _take(handle: int, folder: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise LockedError(f"Another run is at work in {folder}. Nothing was done; try again later.") from None
    except OSError as e:
        raise OutputError(
            f"{folder} cannot be locked ({e.strerror or type(e).__name__}); use a folder on a local disk."
        ) from None

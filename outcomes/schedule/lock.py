"""One run of a schedule at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.config.lock import HeldError, held
from outcomes.schedule.exit_codes import LockedError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for one run. Raises LockedError at once where another run holds it,
    OutputError.
    """
    hold = held(folder / ".lock")
    try:
        hold.__enter__()
    except HeldError as e:
        raise LockedError(str(e)) from None
    try:
        yield
    finally:
        hold.__exit__(None, None, None)

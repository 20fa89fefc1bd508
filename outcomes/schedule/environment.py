"""A process that nobody looks at: no display, perhaps no home, perhaps no environment, and an end
to every wait.
"""

from __future__ import annotations

import atexit
import faulthandler
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def prepare() -> None:
    """Let pictures be drawn without a display, and without a home that can be written to."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    logging.getLogger("matplotlib").setLevel(
        logging.WARNING
    )  # it tells of every font list it makes
    if "MPLCONFIGDIR" not in os.environ and not _home_is_writable():
        folder = tempfile.mkdtemp(prefix="outcomes-")
        os.environ["MPLCONFIGDIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _home_is_writable() -> bool:
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no such user
        return False
    return home.is_dir() and os.access(home, os.W_OK)


@contextmanager
def watchdog(minutes: float) -> Iterator[None]:
    """End the whole process if it takes longer: a hung network drive must not hold the lock for
    ever. 0 waits for ever.
    """
    stream = sys.__stderr__
    if minutes and stream is not None:
        faulthandler.dump_traceback_later(minutes * 60, exit=True, file=stream)
    try:
        yield
    finally:
        if minutes:
            faulthandler.cancel_dump_traceback_later()

"""Reading a whole file, where it is one: a pipe or a device is never opened, a size is bounded."""

from __future__ import annotations

import stat
from pathlib import Path

from outcomes.core.errors import DataError, OutcomesError

#: What one data file may hold, in bytes.
MOST = 1 << 31


def must_be_regular(path: Path, error: type[OutcomesError] = DataError) -> int:
    """The size of a file, in bytes.

    Raises `error` for a folder, a pipe (FIFO), a device or a socket, which could be read without
    end; OSError where there is no such file.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise error(f"'{path.name}' is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise error(
            f"'{path.name}' is a pipe or a device, not a file. Save what it gives as a file first."
        )
    return found.st_size


def read_bytes(
    path: str | Path, *, error: type[OutcomesError] = DataError, largest: int = MOST
) -> bytes:
    """The content of a regular file.

    Raises `error` for what is no regular file or is larger than `largest` bytes, OSError where
    there is no such file or it cannot be opened.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "a.txt"
    ...     file.write_text("seven")
    ...     read_bytes(file)
    5
    b'seven'
    """
    path = Path(path)
    if must_be_regular(path, error) > largest:
        raise error(
            f"'{path.name}' is larger than {largest // 10**6} MB, more than such a file may hold."
        )
    return path.read_bytes()

"""Files that are there as a whole or not at all: written beside their place, flushed to the disk,
renamed.

What a reader, a full disk, a failing rename or a kill can meet is the old file or the new one,
never half of either. Where anything goes wrong, everything is as it was before. What a killed
process left beside (`.outcomes-1a2b3c4d`) is removed by the next that writes into the folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from outcomes.core.errors import OutputError

#: How long a run waits for another that writes into the same folder, in seconds.
PATIENCE = 30.0
_BESIDE = re.compile(r"\.outcomes-[0-9a-f]{8}")
_CHUNK = 1 << 20
#: What a disk says that cannot flush a folder, such as a share of a network.
_NO_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class _File:
    """One file to write: its place, where it is written first, what it holds, and its
    permissions.
    """

    target: Path
    beside: Path
    data: bytes
    mode: int
    exact: bool


def write(path: str | Path, data: bytes | str, *, private: bool = False) -> Path:
    """Write one file, replacing what is there only by a rename; text is written as UTF-8.

    A private file can be read by its owner alone (mode 0600). Else a file that is replaced keeps
    its permissions. A symbolic link stays, and the file it leads to is replaced. Missing folders
    are made.

    Returns the path. Raises OutputError where the disk refuses or the path is a folder, a FIFO or a
    device.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(Path(folder) / "new" / "a.txt", "seen whole", private=True).read_text()
    'seen whole'
    """
    path = Path(path)
    return write_all(path.parent, {path.name: data}, private=(path.name,) if private else ())[0]


def write_all(
    folder: str | Path, files: Mapping[str, bytes | str], *, private: Collection[str] = ()
) -> list[Path]:
    """Write the files of one run together: all are written beside their places first, then renamed
    in the order given.

    So the main file, or the manifest, comes last: where it is new, all are. Names may lead into
    folders below (or be absolute). Those in `private` can be read by their owner alone. Two
    processes that write into one folder do so one after the other. Where a step fails, files that
    were renamed already are put back and new folders are removed.

    Returns the paths. Raises OutputError where the disk refuses, or another run holds the folder
    for half a minute.
    """
    home = Path(folder)
    made: list[Path] = []
    try:
        wanted = [
            _planned(home / name, data.encode() if isinstance(data, str) else data, name in private)
            for name, data in files.items()
        ]
        folders = sorted({f.target.parent for f in wanted})
        for place in folders:
            made += _make(place)
        with _alone(folders):
            _commit(wanted, folders)
    except BaseException as e:
        for place in reversed(made):
            with contextlib.suppress(OSError):
                place.rmdir()
        if isinstance(e, OSError):
            raise OutputError(
                f"Cannot write in {home}: {e.strerror or type(e).__name__}."
            ) from None
        raise
    return [home / name for name in files]


def publish(folder: Path, target: Path) -> Path:
    """Put a finished folder in its place by one rename, after everything in it has reached the
    disk.

    Returns the new place. Raises OSError where the disk refuses; then the folder is where it was.
    """
    for path in sorted(folder.rglob("*")):
        _sync(path)
    _sync(folder)
    _insist(lambda: os.rename(folder, target))
    _sync(target.parent)
    return target


def _planned(path: Path, data: bytes, private: bool) -> _File:
    target = path.resolve() if path.is_symlink() else path
    mode, exact = 0o600 if private else 0o666, private
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        there = os.stat(target).st_mode
        if not stat.S_ISREG(there):
            raise OutputError(f"{path} is there and is not a regular file: choose another name.")
        if not private:
            mode, exact = stat.S_IMODE(there) & 0o777, True
    return _File(target, target.with_name(f".outcomes-{secrets.token_hex(4)}"), data, mode, exact)


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; the new ones, the outermost first."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


@contextlib.contextmanager
def _alone(folders: Sequence[Path]) -> Iterator[None]:
    """Hold the folders against other writers, and remove what writers that were killed left in
    them.

    Where the system or the disk cannot lock a folder, nothing is held and nothing removed.
    """
    if os.name == "nt":  # Windows has no handle to lock a folder by; each rename is still whole
        yield
        return
    handles: list[int] = []
    try:
        for folder in folders:
            handles.append(os.open(folder, os.O_RDONLY))
            if _hold(handles[-1], folder):
                _tidy(folder)
        yield
    finally:
        for handle in handles:
            os.close(handle)


def _hold(handle: int, folder: Path) -> bool:
    import fcntl

    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise OutputError(
                    f"Another run is writing in {folder}. Try again when it has ended."
                ) from None
            time.sleep(0.02)
        except OSError:
            return False
        else:
            return True


def _tidy(folder: Path) -> None:
    for path in folder.iterdir():
        if _BESIDE.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


def _commit(files: Sequence[_File], folders: Sequence[Path]) -> None:
    """Write all beside, then rename all; where a step fails, everything as it was."""
    renamed: list[tuple[Path, Path | None]] = []
    try:
        for file in files:
            _write_beside(file)
        for file in files:
            renamed.append((file.target, _kept(file.target)))
            _insist(lambda file=file: os.replace(file.beside, file.target))  # type: ignore[misc]
        for folder in folders:
            _sync(folder)
    except BaseException:
        for target, old in reversed(renamed):
            with contextlib.suppress(OSError):
                os.replace(old, target) if old else target.unlink(missing_ok=True)
        raise
    finally:
        for path in (*(f.beside for f in files), *(old for _, old in renamed if old)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _write_beside(file: _File) -> None:
    handle = os.open(
        file.beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), file.mode
    )
    try:
        if file.exact and hasattr(os, "fchmod"):
            os.fchmod(handle, file.mode)
        rest = memoryview(file.data)
        while rest:
            rest = rest[os.write(handle, rest[:_CHUNK]) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _kept(target: Path) -> Path | None:
    """A second name of the file that is about to be replaced, to put it back by; None where there
    is none.
    """
    if not target.exists():
        return None
    old = target.with_name(f".outcomes-{secrets.token_hex(4)}")
    try:
        os.link(target, old)
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EIO):
            raise
        try:
            shutil.copy2(target, old)  # a disk that knows no second names
        except OSError:
            old.unlink(missing_ok=True)
            raise
    return old


def _sync(path: Path) -> None:
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if folder or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as e:
        if not folder or e.errno not in _NO_FLUSH:
            raise
    finally:
        os.close(handle)


def _insist(act: Callable[[], object]) -> None:
    """Do it; on Windows again for a second, where a virus scanner or an open viewer is in the
    way.
    """
    for wait in (0.05, 0.15, 0.3, 0.5) if os.name == "nt" else ():
        try:
            act()
            return
        except PermissionError:
            time.sleep(wait)
    act()

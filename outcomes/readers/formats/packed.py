"""Files packed by gzip or zip: unpacked within limits, into a folder that is deleted afterwards."""

from __future__ import annotations

import contextlib
import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from outcomes.core.errors import DataError
from outcomes.readers.formats.preflight import MAX_BYTES, MAX_PARTS

ENDINGS = (".gz", ".zip")
#: How much an archive may grow beyond a megabyte; texts of repeated rows reach 50.
MAX_GROWTH = 500
_CHUNK = 1 << 20


@contextlib.contextmanager
def unpacked(path: Path, data: bytes) -> Iterator[Path]:
    """The one file in an archive, for as long as it is needed. `data` are the archive's bytes.

    Raises DataError for archives that are damaged, protected, hold several files or other archives,
    or unpack to too much.
    """
    try:
        name, inner = _gz(path, data) if path.suffix.lower() == ".gz" else _zip(path, data)
    except DataError:
        raise
    except Exception as wrong:  # whatever zipfile and the packings within have to say
        raise DataError(
            f"{path.name} is damaged or not what its ending says. Unpack it yourself, or ask for it"
            " again."
        ) from wrong
    if Path(name).suffix.lower() in ENDINGS:
        raise DataError(f"{path.name} holds another archive. Unpack it once.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        try:
            file.write_bytes(inner)
        except (OSError, ValueError):
            raise DataError(
                f"{path.name} is refused: the name of the file in it cannot be used here. Unpack"
                " it yourself."
            ) from None
        yield file


def _gz(path: Path, data: bytes) -> tuple[str, bytes]:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as handle:
        return path.stem, bounded(handle.read, path.name, len(data))


def _zip(path: Path, data: bytes) -> tuple[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = [part for part in package.infolist() if _is_a_file(part)]
        if len(parts) > MAX_PARTS:
            raise DataError(f"{path.name} is refused: it holds {len(parts)} files.")
        if len(parts) != 1:
            names = ", ".join(PurePosixPath(part.filename).name for part in parts[:10])
            raise DataError(
                f"{path.name} holds {len(parts)} files{': ' + names if names else ''}. Unpack it"
                " and name the one that holds the table."
            )
        if parts[0].flag_bits & 1:
            raise DataError(f"{path.name} has a password. Unpack it yourself, and keep it safe.")
        with package.open(parts[0]) as handle:
            name = PurePosixPath(parts[0].filename.replace("\\", "/")).name
            return name, bounded(handle.read, path.name, len(data))


def _is_a_file(part: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(part.filename)
    return not (part.is_dir() or name.name.startswith(".") or name.parts[0] == "__MACOSX")


def bounded(read: Callable[[int], bytes], name: str, packed: int) -> bytes:
    """All bytes of something packed, which `packed` bytes hold. Raises DataError for too many."""
    limit = min(MAX_BYTES, max(_CHUNK, packed * MAX_GROWTH))
    made = bytearray()
    while chunk := read(_CHUNK):
        made += chunk
        if len(made) > limit:
            raise DataError(
                f"{name} is refused: it unpacks to more than {limit >> 20} MB. Unpack it yourself,"
                " and save the table alone."
            )
    return bytes(made)

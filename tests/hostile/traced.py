"""Which files below a folder a command opens, to read and to write, as Python's audit hook sees."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WATCHED: list[tuple[str, set[str], set[str]]] = []
_BESIDE = re.compile(r"\.outcomes-[0-9a-f]{8}")


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _WATCHED:
        return
    if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
        path, mode, flags = os.fsdecode(args[0]), args[1], args[2]
        write = bool(flags & (os.O_WRONLY | os.O_RDWR)) if mode is None else set(mode) & set("wax+")
        _note(path, bool(write))
    elif event == "os.rename":
        _note(os.fsdecode(args[1]), True)


def _note(path: str, write: bool) -> None:
    for folder, read, written in _WATCHED:
        full = os.path.abspath(path)
        if full.startswith(folder + os.sep) and not os.path.isdir(full):
            name = os.path.relpath(full, folder).replace(os.sep, "/")
            if not _BESIDE.fullmatch(Path(name).name):
                (written if write else read).add(name)


sys.addaudithook(_hook)


@contextmanager
def traced(folder: Path) -> Iterator[tuple[set[str], set[str]]]:
    """The names of the files read and written below a folder meanwhile."""
    entry = (str(folder.resolve()), set[str](), set[str]())
    _WATCHED.append(entry)
    try:
        yield entry[1], entry[2]
    finally:
        _WATCHED.remove(entry)

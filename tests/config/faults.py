"""A disk that refuses the n-th time something is asked of it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from outcomes.config import atomic

#: What the writer asks of the disk, one after the other.
STEPS = ("open", "write", "fsync", "link", "replace")


@dataclass
class Disk:
    """Stands for `os` in the writer: counts what is asked, and refuses the call of number
    `refused`.
    """

    refused: int = -1
    half: bool = False
    code: int = errno.ENOSPC
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def ask(*args: Any, **more: Any) -> Any:
            self.asked.append(name)
            if len(self.asked) - 1 == self.refused:
                if name == "write" and self.half:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **more)

        return ask


def disk(
    monkeypatch: pytest.MonkeyPatch,
    refused: int = -1,
    *,
    half: bool = False,
    code: int = errno.ENOSPC,
) -> Disk:
    """Put such a disk under the writer; `code` is the error it refuses with."""
    made = Disk(refused, half, code)
    monkeypatch.setattr(atomic, "os", made)
    return made


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the content of each file, None for a folder."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
    }

"""Texts, keys and lists as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def quoted(text: str) -> str:
    """The text as a TOML string.

    >>> quoted('a "b"')
    '"a \\\\"b\\\\""'
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def bare(text: str) -> str:
    """A key as TOML: in quotes where it needs them."""
    return text if _PLAIN.fullmatch(text) else quoted(text)


def listed(items: Sequence[Any]) -> str:
    """Texts as a TOML list."""
    return f"[{', '.join(quoted(str(i)) for i in items)}]"


def pairs(said: Mapping[str, Any]) -> str:
    """Keys and values for an inline table; numbers as numbers."""
    return ", ".join(
        f"{bare(k)} = {quoted(v) if isinstance(v, str) else format(v, 'g')}"
        for k, v in said.items()
    )

"""The page of the command line, from its parser."""

from __future__ import annotations

import argparse
import os
from unittest.mock import patch

from outcomes.cli.arguments import EXIT_CODES, parser

HEAD = """# Command line

This page lists every command of `outcomes` with its options. It is made from the program's own parser, so it is what
`outcomes COMMAND --help` prints.
"""


def page() -> str:
    """The whole page."""
    with patch.dict(os.environ, {"COLUMNS": "78", "NO_COLOR": "1"}):
        top = parser()
        choices = next(a for a in top._actions if isinstance(a, argparse._SubParsersAction)).choices
        parts = [HEAD, _block(top.format_help())]
        for name, sub in choices.items():
            sub.epilog = None
            parts.append(f"## outcomes {name}\n\n{_block(sub.format_help())}")
    parts.append(f"## Exit codes\n\nEvery command ends with one of these.\n\n{_block(EXIT_CODES)}")
    return "\n".join(parts)


def _block(text: str) -> str:
    return f"```text\n{text.rstrip()}\n```\n"

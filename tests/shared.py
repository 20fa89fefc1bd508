"""Where the shared reference material lies, beside the checkout; tests that need it skip, with a reason, where it is absent."""

from __future__ import annotations

import csv
import os
from functools import lru_cache
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("OUTCOMES_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def needs(relative: str) -> pytest.MarkDecorator:
    """A mark that skips a test where this file or folder of the shared material is absent."""
    return pytest.mark.skipif(not (SHARED / relative).exists(), reason=f"needs ../shared/{relative}, which is not here")


@lru_cache(maxsize=1)
def oracle_rows() -> tuple[dict[str, str], ...]:
    """All reference rows: case_id, data_file, method, options, quantity, value, rtol, r_package, r_version, note."""
    path = SHARED / "oracles/expected.csv"
    if not path.exists():
        return ()
    with path.open(encoding="utf-8", newline="") as handle:
        return tuple(csv.DictReader(handle))


def oracle_data(name: str) -> list[dict[str, str]]:
    """One oracle data set as rows of text."""
    with (SHARED / "oracles/data" / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))

"""docs/instruments.md is what the library says now."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.skipif(
    not (DOCS / "make_instruments.py").exists(), reason="needs the docs folder, which is not here"
)
def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("make_instruments", DOCS / "make_instruments.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.TARGET.read_text(encoding="utf-8") == module.text(), (
        "run: python docs/make_instruments.py"
    )

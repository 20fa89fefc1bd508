"""A small clinic's files in a folder, for tests of what people type."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

STUDY = """[study]
title = "Small clinic"

[data]
scores = "scores.csv"

[roles]
patient = "id"
visit = "visit"

[visits]
order = ["pre", "post"]

[instruments]
pain_nrs = { average = "nrs" }

[[analysis]]
method = "PairedT"
outcome = "pain_nrs_average"
before = "pre"
after = "post"
"""

BEFORE, AFTER = (7, 6, 8, 5, 9, 6), (4, 6, 5, 5, 4, 3)


def rows(before: Iterable[object] = BEFORE, after: Iterable[object] = AFTER) -> str:
    """A CSV of one score before and after; patients are Q00, Q01, …."""
    lines = [f"Q{i:02d},pre,{b}" for i, b in enumerate(before)] + [
        f"Q{i:02d},post,{a}" for i, a in enumerate(after)
    ]
    return "\n".join(["id,visit,nrs", *lines, ""])


def clinic(folder: Path, scores: str | bytes = "", study: str = STUDY) -> Path:
    """Write the files of a clinic; returns the study file."""
    content = scores if isinstance(scores, bytes) else (scores or rows()).encode()
    (folder / "scores.csv").write_bytes(content)
    (folder / "study.toml").write_text(study, encoding="utf-8")
    return folder / "study.toml"


def toml_list(names: Iterable[str]) -> str:
    """Names as a TOML list."""
    return json.dumps(list(names))

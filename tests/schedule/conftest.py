"""What the tests of schedules share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outcomes.reporting.document import Document
from tests.schedule.clinic import write_scores


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder with scores and a study file."""
    write_scores(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures: where a test is about when and where, not what."""

    def write_document(doc: Any, folder: Path, *, formats: tuple[str, ...]) -> list[Path]:
        files = [folder / f"report.{kind}" for kind in formats]
        for file in files:
            file.write_text(f"{doc.title}\n", encoding="utf-8")
        return files

    monkeypatch.setattr(
        "outcomes.reporting.build", lambda study, results, **_: Document(study.title, "", ())
    )
    monkeypatch.setattr("outcomes.reporting.write_document", write_document)

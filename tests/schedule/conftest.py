"""What the tests of schedules share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.schedule.clinic import write_scores


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder with scores and a study file."""
    write_scores(tmp_path)
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures: where a test is about when and where, not what."""

    def write_report(study: Any, results: Any, path: Path, **_: Any) -> Path:
        path.write_text(f"{study.title}: {len(results)} answers\n", encoding="utf-8")
        return path

    monkeypatch.setattr("outcomes.report.write_report", write_report)

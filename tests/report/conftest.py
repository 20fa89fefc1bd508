"""One sample study, answered once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

import outcomes as oc
from outcomes.report import build
from outcomes.report.model import Document
from outcomes.result import Results

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "study.toml"


@pytest.fixture(scope="session")
def results() -> Results:
    study = oc.read_study(SAMPLE)
    return oc.Plan.of(study).run(study)


@pytest.fixture(scope="session")
def document(results: Results) -> Document:
    return build(results.study, results)

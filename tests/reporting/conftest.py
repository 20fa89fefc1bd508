"""One sample study, answered once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

import outcomes as oc
from outcomes.core.result import Results
from outcomes.reporting import build
from outcomes.reporting.document import Document

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "study.toml"


@pytest.fixture(scope="session")
def results() -> Results:
    study = oc.read_study(SAMPLE)
    return oc.Plan.of(study).run(study)


@pytest.fixture(scope="session")
def document(results: Results) -> Document:
    return build(results.study, results)

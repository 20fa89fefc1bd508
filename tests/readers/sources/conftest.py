"""Nothing waits between two tries, and no proxy stands between a test and its own server."""

from __future__ import annotations

import pytest

from outcomes.readers.sources import fhir_server, retries
from tests.readers.sources.servers import TOKEN


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    monkeypatch.setattr(retries, "pause", made.append)
    monkeypatch.setattr(fhir_server, "pause", made.append)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REDCAP_TOKEN", TOKEN)
    monkeypatch.setenv("FHIR_TOKEN", TOKEN)
    return made

"""The study files of the how-to pages read what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

import outcomes as oc
from tests.readers.sources.servers import Fhir, Redcap, serving
from tests.readers.sources.test_fhir_server import OBSERVATIONS
from tests.shared import EXPORTS

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to"


def toml(page: str) -> str:
    found = re.search(r"```toml\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_study_of_the_page_about_redcap(tmp_path: Path) -> None:
    raw = (EXPORTS / "redcap_raw_long.csv").read_text("utf-8")
    book = (EXPORTS / "redcap_data_dictionary.csv").read_text("utf-8")
    with serving(Redcap(raw, book)) as server:
        text = toml("redcap-api.md").replace("https://redcap.clinic.example", server.url)
        (tmp_path / "study.toml").write_text(text, "utf-8")
        study = oc.read_study(tmp_path / "study.toml")
    assert study.visits == ("baseline", "month_1") and len(study.infusions) == 3
    assert study.wide("pain_nrs")["month_1"].dropna().tolist() == [4.0, 6.0]


def test_the_study_of_the_page_about_fhir(tmp_path: Path) -> None:
    resources = [
        {
            **OBSERVATIONS[0],
            "id": f"x{p}{d}",
            "subject": {"reference": f"Patient/p{p}"},
            "effectiveDateTime": f"2024-03-{1 + d:02d}",
            "valueQuantity": {"value": 8 - d // 10},
        }
        for p in range(4)
        for d in (0, 20)
    ]
    with serving(Fhir(resources)) as server:
        text = toml("fhir-server.md").replace("https://fhir.clinic.example", server.url)
        (tmp_path / "study.toml").write_text(text, "utf-8")
        study = oc.read_study(tmp_path / "study.toml")
    assert study.enrolled == 4 and study.wide("pain")["week_4"].tolist() == [6.0] * 4

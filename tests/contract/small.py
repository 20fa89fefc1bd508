"""Every question with plausible names, and studies so small that every word about one patient is
said.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

import outcomes as oc
from outcomes.analyses.question import Analysis
from outcomes.core.result import Result
from outcomes.study.study import Study
from tests.builders import PAIN

VISITS = ("baseline", "week_1", "week_4")
PGIC = oc.Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)
CHANGE = oc.PairedT("pain", before="baseline", after="week_4")

#: What a field of this name is given, whether it has to be or not.
VALUES: dict[str, Any] = {
    "outcome": "pain",
    "before": "baseline",
    "after": "week_4",
    "anchor": "pgic",
    "other": "pgic",
    "margin": 1.0,
    "subgroup": "sex",
    "within": "region",
    "analysis": CHANGE,
    "questions": (CHANGE, dataclasses.replace(CHANGE, level=0.9)),
    "times": (0.0, 1.0, 4.0),
    "draws": 20,
    "where": {"sex": "m"},
}
#: Questions that would not be asked without more than that.
MORE: dict[str, dict[str, Any]] = {
    "RegressionToMean": {"at_least": 4, "reliability": 0.7},
    "IndividualChange": {"reliability": 0.8},
    "ImprovementGrid": {"rules": ("30%", "2 points")},
    "PooledSites": {"by": "site"},
    "Imputed": {"seed": 1},
    "Diary": {"max_gap": 30},
}


def example(kind: type[Analysis], **more: Any) -> Analysis:
    """The question with plausible names in its required fields, and visits and few draws where it
    has such a field.
    """
    given = {}
    for f in dataclasses.fields(kind):
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required or (
            f.name in ("before", "after", "draws") and not (f.name == "draws" and f.default == 0)
        ):
            given[f.name] = VALUES[f.name]
    return kind(**given | MORE.get(kind.__name__, {}) | more)


def _patients(n: int) -> pd.DataFrame:
    i = np.arange(n)
    return pd.DataFrame(
        {
            "patient": [f"p{k + 1:03d}" for k in i],
            "arm": np.where(i % 2, "ketamine", "placebo"),
            "sex": np.where(i // 2 % 2, "f", "m"),
            "site": [f"site {k % 3}" for k in i],
            "region": "north",
            "route": np.where(i % 2, "IV", "oral"),
        }
    )


def _events(patients: pd.DataFrame) -> dict[str, pd.DataFrame]:
    who = patients["patient"]
    infusions = pd.DataFrame(
        {
            "patient": who,
            "infusion": 1,
            "guess": np.where(np.arange(len(who)) % 3, "ketamine", "placebo"),
        }
    )
    infusions = infusions.merge(patients[["patient", "arm"]])
    events = pd.DataFrame(
        {
            "patient": who[:1],
            "infusion": 1,
            "event": "nausea",
            "severity": "mild",
            "serious": "no",
            "onset": 10,
        }
    )
    return {"infusions": infusions, "events": events}


def small(n: int, design: str = "parallel", seed: int = 1, **more: Any) -> Study:
    """A study of n patients with everything a question may ask for; in a crossover, an N-of-1, two
    or four periods of each.
    """
    rng, patients = np.random.default_rng(seed), _patients(n)
    periods = {"crossover": 2, "n-of-1": 4}.get(design, 0)
    rows = []
    for k, who in enumerate(patients["patient"]):
        for period in range(periods or 1):
            arm = ("ketamine", "placebo")[(k + period) % 2]
            for j, visit in enumerate(VISITS):
                row = {
                    "patient": who,
                    "visit": visit,
                    "pain": float(np.clip(rng.integers(5, 10) - 2 * (j > 0), 0, 10)),
                    "pgic": 2.0 + k % 3,
                }
                rows.append(row | ({"period": period + 1, "arm": arm} if periods else {}))
    if periods:
        patients = patients.drop(columns="arm").assign(
            sequence=np.where(np.arange(n) % 2, "PK", "KP")
        )
        infusions = (
            pd.DataFrame(rows)[["patient", "period", "arm"]]
            .drop_duplicates()
            .rename(columns={"period": "infusion"})
        )
        infusions["guess"] = "ketamine"
        events = pd.DataFrame(
            {
                "patient": patients["patient"][:1],
                "infusion": 1,
                "event": "nausea",
                "severity": "mild",
            }
        )
        extra = {"infusions": infusions, "events": events}
    else:
        extra = _events(patients)
    return Study(
        pd.DataFrame(rows),
        visits=VISITS,
        patients=patients,
        design=design,
        measures={"pain": PAIN, "pgic": PGIC},
        **extra,
        **more,
    )


def words(result: Result) -> list[str]:
    """Every text a reader sees of an answer: sentence, methods, notes, how, and the cells of its
    tables.
    """
    question = result.analysis
    tables = [
        oc.table(result),
        *(oc.table(f) for key, f in result.data.items() if key.endswith("table")),
    ]
    cells = [cell for t in tables for row in (t.header, *t.rows) for cell in row]
    said = [
        result.sentence(),
        result.sentence("apa"),
        question.methods_text(),
        question.title(result.outcome),
        result.failed,
    ]
    return [
        text for text in (*said, *result.notes, *(e.how for e in result.estimates), *cells) if text
    ]

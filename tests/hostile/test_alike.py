"""What a shared report does not say, none of its files holds: two clinics that differ in hidden
things alone get the same bytes, in every format.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.core.outcome import Outcome
from outcomes.reporting import LEDGER, build, document_files, table_files

N = 48
ASK = {"before": "baseline", "after": "week_4"}
PLAN = oc.Plan(
    oc.Describe(characteristics=("diagnosis", "sex")),
    oc.PairedT("pain", role="primary", **ASK),
    oc.Responders("pain", **ASK),
    oc.Course("pain"),
)


def clinic() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of 48 patients, a row each, and who they are: 7 have a diagnosis of few."""
    rng = np.random.default_rng(13)
    before = rng.integers(3, 11, N)
    after = np.clip(before - rng.integers(-2, 7, N), 0, 10)
    ids = [f"p{i:03d}" for i in range(N)]
    rare = ["phantom pain"] * 3 + ["cancer pain"] * 4
    kinds = rare + ["CRPS"] * 21 + ["neuropathy"] * (N - 28)
    sex = np.where(np.arange(N) % 2, "male", "female")
    scores = pd.DataFrame({"patient": ids, "baseline": before, "week_4": after})
    return scores, pd.DataFrame({"patient": ids, "diagnosis": kinds, "sex": sex})


def other_codes(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    codes = {p: f"zz-{k:04d}" for k, p in enumerate(reversed(scores["patient"].tolist()))}
    for frame in (scores, who):
        frame["patient"] = frame["patient"].map(codes)


def other_order(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    for frame in (scores, who):
        frame[:] = frame.sample(frac=1, random_state=5).to_numpy()


def rare_to_rarer(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    who.loc[3, "diagnosis"] = "phantom pain"  # 4 and 3 of the rare ones, not 3 and 4


def another_rare_one(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    who["diagnosis"] = who["diagnosis"].replace("phantom pain", "cluster headache")


def scores_of_others(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    """The same pairs of scores, of other patients: the rare ones have those of the common."""
    pairs = scores[["baseline", "week_4"]].to_numpy()
    scores[["baseline", "week_4"]] = np.roll(pairs, 11, axis=0)


def one_step(scores: pd.DataFrame, who: pd.DataFrame) -> None:
    """One patient a point more and another a point less, at both visits: the sums are the same, and
    so is each rounded number.
    """
    x = scores[["baseline", "week_4"]].to_numpy()
    same = [k for k in range(N) if x[k, 0] == x[k, 1]]
    i, j = next(
        (i, j)
        for i in same
        for j in same
        if i != j and x[i, 0] < 10 and x[j, 0] > 1 and x[j, 0] != x[i, 0] + 1
    )
    scores.loc[i, ["baseline", "week_4"]] += 1
    scores.loc[j, ["baseline", "week_4"]] -= 1


def files(scores: pd.DataFrame, who: pd.DataFrame, folder: Path) -> dict[str, bytes]:
    long = scores.melt("patient", var_name="visit", value_name="pain")
    study = oc.Study(
        long.astype({"pain": float}),
        patients=who,
        visits=("baseline", "week_4"),
        measures={"pain": Outcome("pain", "average pain (NRS)", "lower", "points", 0, 10, 1)},
        title="Clinic",
    )
    results = PLAN.run(study)
    folder.mkdir()
    doc = build(study, results, audience="share", ledger=folder / LEDGER)
    return {
        **document_files(doc, formats=("html", "docx", "pdf")),
        **table_files(doc, results),
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files(*clinic(), tmp_path_factory.mktemp("first") / "a")


@pytest.mark.parametrize(
    "change",
    [other_codes, other_order, rare_to_rarer, another_rare_one, scores_of_others, one_step],
)
def test_hidden_things_change_no_byte(change, first: dict[str, bytes], tmp_path: Path) -> None:
    scores, who = clinic()
    change(scores, who)
    assert not (clinic()[0].equals(scores) and clinic()[1].equals(who))
    again = files(scores, who, tmp_path / "b")
    assert [n for n in first if first[n] != again.get(n)] == [] and first.keys() == again.keys()


def test_a_number_that_is_said_does_change_them(first: dict[str, bytes], tmp_path: Path) -> None:
    scores, who = clinic()
    scores["week_4"] = (scores["week_4"] - 1).clip(lower=0)
    again = files(scores, who, tmp_path / "b")
    assert {n for n in first if first[n] != again[n]} >= {
        "report.html",
        "report.docx",
        "report.pdf",
    }

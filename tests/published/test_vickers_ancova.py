"""Vickers et al, BMJ 2004;328:744 (data: Trials 2006;7:15): acupuncture for chronic headache,
randomised, 401 patients.

Every printed ANCOVA figure, once by the kernels and once through the public face. Tolerance: the
printed digits.
"""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

import outcomes as oc
from outcomes.stats.regression.linear import Design, adjusted_means, factor, numeric, ols
from tests.shared import PUBLISHED

FILE = "vickers2004_acupuncture/acupuncture.csv"

#: printed: difference (control − acupuncture), low, high
SCORE_12 = (4.6, 2.2, 7.0)
SCORE_3 = (3.9, 1.6, 6.3)
DAYS_12 = (1.8, 0.6, 2.9)
DAYS_3 = (1.8, 0.7, 2.9)
MIGRAINE_12 = (4.9, 2.4, 7.5)
TENSION_12 = (1.1, -2.4, 4.5)
COVARIATES = ("age", "sex", "migraine", "chronicity")


def patients() -> dict[str, np.ndarray]:
    """The columns; days are missing where the score of that visit is (the file writes 0 for
    them).
    """
    with (PUBLISHED / FILE).open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    columns = {c: np.array([float(r[c]) if r[c] else math.nan for r in rows]) for c in rows[0]}
    for days, score in (("f1", "pk1"), ("f2", "pk2"), ("f5", "pk5")):
        columns[days] = np.where(np.isnan(columns[score]), math.nan, columns[days])
    return columns


def kernel(before: str, after: str, *, migraine: int | None = None):
    d = patients()
    keep = ~np.isnan(d[after]) & ~np.isnan(
        d["pk5"]
    )  # 3 months: the 295 patients who also have 12 months
    covariates = [c for c in COVARIATES if migraine is None or c != "migraine"]
    if migraine is not None:
        keep &= d["migraine"] == migraine
    arm = factor(
        "arm", np.where(d["group"][keep] == 1, "acupuncture", "control"), reference="acupuncture"
    )
    terms = [numeric(c, d[c][keep]) for c in (before, *covariates)]
    design = Design((arm, *terms, factor("acupuncturist", d["acupuncturist"][keep].astype(int))))
    return ols(design, d[after][keep]), design


def printed(value: float, low: float, high: float) -> tuple[float, float, float]:
    return tuple(oc.wording.round_half_away(x, 1) for x in (value, low, high))


@pytest.mark.parametrize(
    ("before", "after", "migraine", "expected"),
    [
        ("pk1", "pk5", None, SCORE_12),
        ("pk1", "pk2", None, SCORE_3),
        ("f1", "f5", None, DAYS_12),
        ("f1", "f2", None, DAYS_3),
        ("pk1", "pk5", 1, MIGRAINE_12),
        ("pk1", "pk5", 0, TENSION_12),
    ],
)
def test_kernels(before, after, migraine, expected):
    fit, _ = kernel(before, after, migraine=migraine)
    e = fit.coefficient("arm[control]")
    assert printed(e.value, e.low, e.high) == expected


def test_the_p_value_and_the_adjusted_means():
    fit, design = kernel("pk1", "pk5")
    assert 0.0002 <= fit.coefficient("arm[control]").p < 0.00026  # printed 0.0002
    a, c = adjusted_means(fit, design, "arm")
    assert c.value - a.value == pytest.approx(fit.coefficient("arm[control]").value, rel=1e-12)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> oc.Study:
    """The same file through the public face: a wide table, days blanked where their visit is
    missing.
    """
    d = patients()
    folder = tmp_path_factory.mktemp("vickers")
    columns = ["pk1", "pk2", "pk5", "f1", "f2", "f5", *COVARIATES, "acupuncturist"]
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as handle:
        out = csv.writer(handle)
        out.writerow(["id", "arm", *columns])
        for i in range(len(d["id"])):
            numbers = [
                "" if math.isnan(d[c][i]) else repr(float(d[c][i])).removesuffix(".0")
                for c in columns
            ]
            out.writerow(
                [int(d["id"][i]), "acupuncture" if d["group"][i] == 1 else "control", *numbers]
            )
    return oc.read_table(
        folder / "scores.csv",
        patient="id",
        arm="arm",
        design="parallel",
        wide={"suffix": {"baseline": "1", "month_3": "2", "month_12": "5"}},
        visits=["baseline", "month_3", "month_12"],
        outcomes={
            "score": {"column": "pk", "better": "lower", "title": "headache score"},
            "days": {"column": "f", "better": "lower", "title": "headache days", "unit": "days"},
        },
        allow=["age"],
    )


def ask(outcome: str, after: str, **more) -> oc.ANCOVA:
    covariates = more.pop("covariates", COVARIATES)
    return oc.ANCOVA(
        outcome,
        before="baseline",
        after=after,
        covariates=covariates,
        site="acupuncturist",
        reference="acupuncture",
        **more,
    )


@pytest.mark.parametrize(
    ("outcome", "after", "expected", "analysed"),
    [
        ("score", "month_12", SCORE_12, 301),
        ("score", "month_3", SCORE_3, 295),
        ("days", "month_12", DAYS_12, 301),
        ("days", "month_3", DAYS_3, 295),
    ],
)
def test_public_face(study, outcome, after, expected, analysed):
    completed = study.wide("score")["month_12"].notna()
    seen = study.where(lambda p: completed.reindex(p.index)) if after == "month_3" else study
    result = ask(outcome, after).run(seen)
    e = result["adjusted difference"]
    assert printed(e.value, e.low, e.high) == expected
    assert result.counts.analysed == analysed


@pytest.mark.parametrize(("migraine", "expected"), [(1, MIGRAINE_12), (0, TENSION_12)])
def test_subgroups(study, migraine, expected):
    some = study.where(lambda p: p["migraine"].astype(float) == migraine)
    e = ask("score", "month_12", covariates=("age", "sex", "chronicity")).run(some)[
        "adjusted difference"
    ]
    assert printed(e.value, e.low, e.high) == expected


def test_hc3_stands_although_one_acupuncturist_saw_one_patient(study):
    e = ask("score", "month_12", se="HC3").run(study)["adjusted difference"]
    classical = ask("score", "month_12").run(study)["adjusted difference"]
    assert e.value == classical.value
    assert e.se == pytest.approx(classical.se, rel=0.1)


def test_the_difference_between_the_subgroups_is_what_is_tested(study):
    question = oc.Interaction(
        "score", before="baseline", after="month_12", subgroup="migraine", reference="acupuncture"
    )
    result = question.run(study)
    assert result.estimates[0].name == "interaction"
    assert all(math.isnan(e.p) for e in result.estimates[1:])
    assert result.estimates[0].p > 0.05

"""Whole questions against R: `questions/NAME.csv` was written by `scripts/questions/NAME.R` from the
data sets of this folder.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.analyses.longitudinal.rm_anova import Effects
from outcomes.core.measure import Measure
from outcomes.stats.groups.dunnett import dunnett_critical, dunnett_p
from outcomes.stats.individual.change_index import METHODS
from tests.shared import DATA, REFERENCE

Answer = Callable[[], dict[str, float]]
ANSWERS: dict[str, Answer] = {}
PAIN = oc.Outcome("pain", "Pain", "lower", "points", 0, 10, 0.1)
TIMES = {"before": "pre", "after": "post"}


@cache
def wanted() -> dict[str, dict[str, tuple[float, float]]]:
    """case -> quantity -> (value, rtol)."""
    found: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for path in sorted((REFERENCE / "questions").glob("*.csv")):
        with path.open(encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                found[row["case"]][row["quantity"]] = float(row["value"]), float(row["rtol"])
    return dict(found)


def answer(case: str) -> Callable[[Answer], Answer]:
    """Register our answer to a case."""

    def register(found: Answer) -> Answer:
        ANSWERS[case] = found
        return found

    return register


@pytest.mark.parametrize("case", wanted())
def test_a_question_gives_the_numbers_of_r(case):
    ours = ANSWERS[case]()
    assert set(ours) == set(wanted()[case])
    wrong = [
        f"{q}: {ours[q]!r} for {value!r}"
        for q, (value, rtol) in wanted()[case].items()
        if not math.isclose(ours[q], value, rel_tol=rtol, abs_tol=1e-12)
    ]
    assert wrong == []


def pre_post(frame: pd.DataFrame, by: str, **more: str) -> oc.Study:
    """A study of columns pre and post, one row a patient."""
    wide = frame.assign(patient=[f"p{k:04d}" for k in range(len(frame))])
    long = wide.melt(
        ["patient", by], value_vars=["pre", "post"], var_name="visit", value_name="pain"
    )
    return oc.Study(
        long, visits=("pre", "post"), design="parallel", measures={"pain": PAIN}, **more
    )


def data(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"{name}.csv")


def against_margins(model: str) -> dict[str, float]:
    study = pre_post(data("grp_rct_n060"), "arm")
    given = TIMES | {"reference": "placebo", "model": model}
    got: dict[str, float] = {}
    for m in (0.5, 1, 2):
        worse = oc.ArmNonInferiority("pain", margin=m, **given).run(study).estimates[0]
        within = oc.ArmEquivalence("pain", margin=m, **given).run(study).estimates[0]
        got |= {f"ni_p_{m:g}": worse.p, f"tost_p_{m:g}": within.p}
    got |= {"low90": within.low, "high90": within.high}
    if model == "ancova":
        got |= {"estimate": worse.value, "low95": worse.low, "high95": worse.high}
    return got


@answer("margin_ancova")
def _margin_ancova() -> dict[str, float]:
    return against_margins("ancova")


@answer("margin_change")
def _margin_change() -> dict[str, float]:
    return against_margins("change")


def dunnett(model: str, column: str = "route") -> dict[str, float]:
    frame = data("grp_routes_n096")
    nerve = (frame["route"] == "IV") & (frame["neuropathic"] == 1)
    frame["four"] = np.where(nerve, "IVn", frame["route"])
    question = oc.Dunnett("pain", by=column, reference="IV", model=model, **TIMES)
    result = question.run(pre_post(frame, column))
    got: dict[str, float] = {}
    for e in result.estimates:
        if e.contrast.reference:
            key = e.contrast.group
            got |= {f"estimate_{key}": e.value, f"se_{key}": e.se, f"low_{key}": e.low}
            got |= {f"high_{key}": e.high, f"p_adjusted_{key}": e.p_adjusted}
    return got


@answer("dunnett_ancova")
def _dunnett_ancova() -> dict[str, float]:
    return dunnett("ancova")


@answer("dunnett_change")
def _dunnett_change() -> dict[str, float]:
    return dunnett("change")


@answer("dunnett_four")
def _dunnett_four() -> dict[str, float]:
    return dunnett("ancova", "four")


@answer("dunnett_critical")
def _dunnett_critical() -> dict[str, float]:
    got = {}
    for key in wanted()["dunnett_critical"]:
        k, df = map(int, key.split())
        half = np.full((k, k), 0.5) + np.eye(k) / 2
        got[key] = dunnett_critical(0.95, half, df)
        assert dunnett_p(got[key], half, df) == pytest.approx(0.05, rel=1e-6)
    return got


@answer("individual_change")
def _individual_change() -> dict[str, float]:
    """The index of the first patients, who is in which class, and the cut-offs."""
    frame = data("pp_n049_cont")
    frame = frame[frame[["pre", "post"]].notna().all(axis=1)].assign(arm="all")
    study, got = pre_post(frame, "arm"), {}
    for index in METHODS:
        question = oc.IndividualChange(
            "pain", reliability=0.8, index=index, cutoff="c", norm_mean=2, norm_sd=1.5, **TIMES
        )
        result = question.run(study)
        values = result.data["pairs"]["rci"].to_numpy()
        got |= {f"{index}_rci_{k + 1}": values[k] for k in range(5)}
        classes = result.data["pairs"]["change_class"].value_counts()
        for name in ("recovered", "improved", "unchanged", "deteriorated"):
            got[f"{index}_{name}"] = float(classes.get(name, 0))
            assert result[name].value == pytest.approx(classes.get(name, 0) / len(frame))
    for cut in ("a", "b", "c"):
        question = oc.IndividualChange(
            "pain", reliability=0.8, cutoff=cut, norm_mean=2, norm_sd=1.5, **TIMES
        )
        got[f"cutoff_{cut}"] = question.run(study)["cut-off"].value
    return got


def follow_up(name: str = "long_rct_n060", *, rounded: bool = False) -> oc.Study:
    """Arms at a baseline and several visits; the scores as they are, or rounded to counts."""
    frame = data(name)
    frame["patient"] = [f"p{k:04d}" for k in frame["id"]]
    first = frame.drop_duplicates("patient").assign(visit="V0", y=lambda d: d["base"])
    both = pd.concat([first, frame])
    if rounded:
        later = both["visit"] != "V0"
        both.loc[later, "y"] = both.loc[later, "y"].round()
    scores = both[["patient", "arm", "visit", "y"]].rename(columns={"y": "pain"})
    return oc.Study(
        scores,
        visits=tuple(sorted(both["visit"].unique())),
        design="parallel",
        measures={"pain": PAIN},
    )


def score_gee(family: str, working: str) -> dict[str, float]:
    study = follow_up(rounded=family == "poisson")
    link = {"gaussian": "identity", "poisson": "log"}[family]
    given = {"link": link, "working": working, "reference": "placebo"}
    small = oc.ScoreGEE("pain", **given).run(study)
    plain = oc.ScoreGEE("pain", correction="none", **given).run(study)
    got: dict[str, float] = {}
    for e, f in zip(small.estimates, plain.estimates, strict=True):
        key = e.visit or "all"
        value = math.log(e.value) if family == "poisson" else e.value
        got |= {f"estimate_{key}": value, f"mancl_se_{key}": e.se}
        got |= {f"robust_se_{key}": f.se} if e.visit else {"mancl_p_all": e.p}
    return got


for _family in ("gaussian", "poisson"):
    for _working in ("independence", "exchangeable", "ar1"):
        ANSWERS[f"gee {_family} {_working}"] = partial(score_gee, _family, _working)


def slope_model(random: str) -> oc.Result:
    study = follow_up()
    days = data("long_rct_n060").drop_duplicates("visit").set_index("visit")["time"]
    visits = tuple(v for v in study.visits if v != "V0")
    return oc.SlopeModel(
        "pain",
        times=tuple(float(days[v]) for v in visits),
        visits=visits,
        baseline="V0",
        by="arm",
        reference="placebo",
        random=random,
        df="satterthwaite",
    ).run(study)


def slopes(random: str) -> dict[str, float]:
    result = slope_model(random)
    first = next(e for e in result.estimates if e.group == "placebo")
    e = result.main
    return {
        "slope_placebo": first.value,
        "difference": e.value,
        "difference_se": e.se,
        "difference_df": e.df,
        "loglik": result.model.loglik,
    }


def drawn_checks(result: oc.Result) -> dict[str, float]:
    """Rows 1, 7, 20 and the last of what the picture of diagnostics draws, and sums over all."""
    frame = result.data["diagnostics"]
    at = (1, 7, 20, len(frame))
    columns = [c for c in ("fitted", "standardised", "leverage") if c in frame]
    got = {f"{c}_{k}": float(frame[c].iloc[k - 1]) for c in columns for k in at}
    got["sum_abs_standardised"] = float(frame["standardised"].abs().sum())
    return got | ({"largest_leverage": frame["leverage"].max()} if "leverage" in frame else {})


@answer("diagnostics ancova")
def _diagnostics_ancova() -> dict[str, float]:
    study = pre_post(data("grp_rct_n060"), "arm")
    return drawn_checks(oc.ANCOVA("pain", reference="placebo", **TIMES).run(study))


@answer("diagnostics mmrm")
def _diagnostics_mmrm() -> dict[str, float]:
    return drawn_checks(oc.MMRM("pain", reference="placebo").run(follow_up()))


@answer("diagnostics slope")
def _diagnostics_slope() -> dict[str, float]:
    return drawn_checks(slope_model("slope"))


@answer("diagnostics gee")
def _diagnostics_gee() -> dict[str, float]:
    return drawn_checks(oc.ScoreGEE("pain", reference="placebo").run(follow_up()))


ANSWERS["slope slope"] = partial(slopes, "slope")
ANSWERS["slope intercept"] = partial(slopes, "intercept")


@answer("free baseline")
def _free_baseline() -> dict[str, float]:
    study = follow_up()
    who = study.scores["patient"]
    aged = oc.Study(
        study.scores.assign(age=40 + who.str[1:].astype(int) % 17),
        visits=study.visits,
        design="parallel",
        measures={"pain": PAIN},
    )
    result = oc.CLDA(
        "pain", constrained=False, covariates=("age",), reference="placebo", df="satterthwaite"
    ).run(aged)
    got = {"loglik": result.model.loglik}
    for e in result.estimates:
        if e.measure is Measure.DIFFERENCE_IN_CHANGE:
            got |= {f"difference_{e.visit}": e.value, f"se_{e.visit}": e.se}
    return got


@answer("ante-dependence")
def _ante_dependence() -> dict[str, float]:
    result = oc.MMRM("pain", covariance=("ad",), reference="placebo", df="satterthwaite").run(
        follow_up()
    )
    sigma, visits = result.model.sigma, follow_up().visits[1:]
    cells = sigma.set_index(["visit", "other visit"])
    e = next(x for x in result.estimates if x.visit == visits[-1])
    got = {"loglik": result.model.loglik, "difference": e.value, "se": e.se}
    got["sd"] = float(np.sqrt(cells.loc[(visits[0], visits[0]), "covariance"]))
    for k, pair in enumerate(pairwise(visits), 1):
        got[f"rho_{k}"] = float(cells.loc[pair, "correlation"])
    return got


def within(b: int) -> dict[str, float]:
    """The first 2b visits as two conditions at b visits."""
    long = follow_up().scores
    at = long["visit"].str[1:].astype(int)
    whole = long.dropna()["patient"].value_counts()
    keep = (at < 2 * b) & long["patient"].isin(whole[whole == 6].index)
    halves = long[keep].assign(
        cond=np.where(at[keep] < b, "A", "B"),
        episode=1 + (at[keep] >= b),
        visit=[f"v{k % b}" for k in at[keep]],
    )
    study = oc.Study(
        halves.drop(columns="arm"),
        visits=tuple(f"v{k}" for k in range(b)),
        measures={"pain": PAIN},
    )
    result = oc.WithinPatients("pain", condition="cond", reference="A").run(study)
    e, (condition, visit, both) = (
        result.estimates[0],
        [e for e in result.estimates if isinstance(e.part, Effects)],
    )
    got = {"difference": e.value, "low": e.low, "high": e.high, "p": e.p}
    got |= {"F_condition": condition.value, "F_visit": visit.value, "F_both": both.value}
    return got | {"p_gg_visit": visit.p, "p_gg_both": both.p}


ANSWERS["within 2 x 2"] = partial(within, 2)
ANSWERS["within 2 x 3"] = partial(within, 3)


def _sites(case: str, reference: str) -> dict[str, float]:
    frame = data("sites_n080")
    own = frame[frame["case"] == case].rename(columns={"w0": "pre", "w4": "post"})
    own = own.assign(patient=own["patient"].astype(str))
    long = own.melt(
        ["patient", "site", "arm"], value_vars=["pre", "post"], var_name="visit", value_name="pain"
    )
    study = oc.Study(long, visits=("pre", "post"), design="parallel", measures={"pain": PAIN})
    r = oc.OneStageSites("pain", **TIMES, reference=reference).run(study)
    e, spread = r["adjusted difference"], r["site x arm SD"]
    # where lme4 ends a little above a variance of zero, ours is zero
    none = spread.value < 1e-6
    sd = wanted()[f"{case} {reference}"]["sd"][0]
    return {
        "difference": e.value,
        "sd": sd if none and sd < 1e-6 else spread.value,
        "p": spread.p,
    }


for _case in sorted(set(data("sites_n080")["case"])):
    for _first in ("P", "K"):
        ANSWERS[f"{_case} {_first}"] = lambda c=_case, r=_first: _sites(c, r)

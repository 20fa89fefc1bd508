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
from outcomes.stats.mixed.lmm import mixed
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
                value = math.nan if row["value"] == "NA" else float(row["value"])
                found[row["case"]][row["quantity"]] = value, float(row["rtol"])
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
        if not (math.isnan(value) and math.isnan(ours[q]))
        and not math.isclose(ours[q], value, rel_tol=rtol, abs_tol=1e-12)
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


def _few(case: int, reference: int) -> dict[str, float]:
    own = data("sites_few").query("case == @case")
    arm = own["arm"] if reference == 0 else 1 - own["arm"]
    random = np.column_stack([np.ones(len(own)), arm])
    matrix = np.column_stack([random, own["base"]])
    names = ("intercept", "arm", "base")
    given = {"names": names, "cluster": own["site"], "random": random}
    return {
        kind: mixed(own["y"], matrix, reml=kind == "REML", **given).fit.loglik
        for kind in ("REML", "ML")
    }


for _number in sorted(set(data("sites_few")["case"])):
    ANSWERS[f"few patients a site {_number}"] = partial(_few, _number, _number % 2)


@answer("one-way")
def _one_way() -> dict[str, float]:
    result = oc.OneWayANOVA("pain", by="route", reference="IN", **TIMES).run(
        pre_post(data("grp_routes_n096"), "route")
    )
    test, spread = result["groups differ"], result["groups differ in spread"]
    got = {"F": test.value, "p": test.p, "p_spread": spread.p}
    got |= {"eta2": result["eta squared"].value, "omega2": result["omega squared"].value}
    pairs = {frozenset((e.contrast.group, e.contrast.reference)): e for e in result.estimates}
    for key in [q for q in wanted()["one-way"] if q.startswith("difference_")]:
        pair = key.removeprefix("difference_")
        e = pairs[frozenset(pair.split("-"))]
        turned = e.contrast.group != pair.split("-")[0]
        got[key] = -e.value if turned else e.value
        got[f"low_{pair}"] = -e.high if turned else e.low
        got[f"p_adjusted_{pair}"] = e.p_adjusted
    return got


@answer("kruskal")
def _kruskal() -> dict[str, float]:
    result = oc.KruskalWallis("pain", by="route", **TIMES).run(
        pre_post(data("grp_routes_n096"), "route")
    )
    h = result["H"]
    return {"H": h.value, "p": h.p, "epsilon2": result["epsilon squared"].value}


@answer("answers")
def _answers() -> dict[str, float]:
    frame = data("grp_routes_n096")
    frame["patient"], frame["visit"] = frame["id"].astype(str), "post"
    pgic = oc.Outcome("pgic", "PGIC", "lower", "points", 1, 7, 1)
    columns = ["patient", "visit", "route", "pgic"]
    study = oc.Study(frame[columns], visits=("post",), measures={"pgic": pgic})
    rows = oc.AnswersByVisit("pgic", by="route").run(study).estimates
    got = {}
    for key in wanted()["answers"]:
        what, route, given = key.split("_")
        e = next(e for e in rows if e.contrast.group == route and e.name == f"answer {given}")
        got[key] = getattr(e, {"share": "value"}.get(what, what))
    return got


def four_visits(*, arms: bool = False) -> oc.Study:
    """Everybody at four visits."""
    frame = data("long_complete_n018")
    frame["patient"] = frame["id"].astype(str)
    scores = frame[["patient", "visit", "y", *(["arm"] if arms else [])]]
    return oc.Study(
        scores.rename(columns={"y": "pain"}),
        visits=("V1", "V2", "V3", "V4"),
        design="parallel" if arms else "before-after",
        measures={"pain": PAIN},
    )


@answer("rm anova")
def _rm_anova() -> dict[str, float]:
    r = oc.RMANOVA("pain").run(four_visits())
    e, hf, joint = r["visit"], r["visit, Huynh-Feldt"], r["visit, multivariate"]
    return {
        "F": e.value,
        "p_gg": e.p,
        "p_hf": hf.p,
        "epsilon_gg": r["Greenhouse-Geisser epsilon"].value,
        "epsilon_hf": r["Huynh-Feldt epsilon"].value,
        "F_multivariate": joint.value,
        "p_multivariate": joint.p,
    }


@answer("rm anova by arm")
def _rm_anova_by_arm() -> dict[str, float]:
    r = oc.RMANOVA("pain", by="arm").run(four_visits(arms=True))
    arm, visit, both = r["arm"], r["visit"], r["arm × visit"]
    got = {"F_arm": arm.value, "p_arm": arm.p, "F_visit": visit.value, "F_both": both.value}
    return got | {"p_gg_visit": visit.p, "p_gg_both": both.p}


@answer("quade")
def _quade() -> dict[str, float]:
    e = oc.Quade("pain").run(four_visits())["Quade F"]
    return {"F": e.value, "p": e.p}


@answer("friedman")
def _friedman() -> dict[str, float]:
    r = oc.Friedman("pain").run(four_visits())
    return {"chi2": r["chi2"].value, "p": r["chi2"].p, "w": r["Kendall's W"].value}


@answer("page")
def _page() -> dict[str, float]:
    e, order, *_ = oc.PageTrend("pain", trend="rise").run(four_visits()).estimates
    return {"L": e.value, "z": e.statistic, "p": e.p, "correlation": order.value}


def two_scores() -> oc.Study:
    """The first two visits of everybody as one score, the last two as another."""
    frame = data("long_complete_n018")
    wide = frame.pivot(index="id", columns="visit", values="y").reset_index()
    halves = [
        pd.DataFrame(
            {"patient": wide["id"].astype(str), "visit": v, "first": wide[a], "second": wide[b]}
        )
        for v, a, b in (("pre", "V1", "V3"), ("post", "V2", "V4"))
    ]
    measures = {n: oc.Outcome(n, n, "lower", "points", 0, 10, 0.1) for n in ("first", "second")}
    return oc.Study(pd.concat(halves), visits=("pre", "post"), measures=measures)


@answer("profile")
def _profile() -> dict[str, float]:
    test, first, second = oc.HotellingT2(**TIMES).run(two_scores()).estimates
    holm = {"p_holm_first": first.p_adjusted, "p_holm_second": second.p_adjusted}
    return {"F": test.value, "df2": test.df2, "p": test.p} | holm


@answer("change correlation")
def _change_correlation() -> dict[str, float]:
    (e,) = oc.ChangeCorrelations(**TIMES).run(two_scores()).estimates
    return {"r": e.value, "low": e.low, "high": e.high, "p": e.p}


@answer("share-logistic")
def _share_logistic() -> dict[str, float]:
    table = data("meta_sites_k09").rename(columns={"responders": "events"})
    return {"share": oc.pool_summaries(table, measure="share-logistic")["pooled"].value}


@answer("moderator")
def _moderator() -> dict[str, float]:
    table = data("meta_sites_k09")[["site", "n", "mean_change", "sd_change"]]
    r = oc.pool_summaries(table, moderators=("n",))
    e = next(e for e in r.estimates if e.measure is Measure.SLOPE and e.name == "n")
    return {"slope": e.value, "se": e.se, "p": e.p, "R2": r["R2"].value}


def at_random(kind: str) -> dict[str, float]:
    table = data("bin_strata_sites").rename(columns={"x1": "events1", "x2": "events2"})
    e = oc.pool_summaries(table, measure=kind)["pooled"]
    return {"value": e.value, "low": e.low, "high": e.high, "p": e.p}


for _kind in ("RD-random", "RR-random", "OR-random"):
    ANSWERS[_kind] = partial(at_random, _kind)


@answer("infusions")
def _infusions() -> dict[str, float]:
    rows = data("infusions_nested").rename(columns={"infusion": "episode", "y": "pain"})
    study = oc.Study(rows, visits=("before", "day_1", "day_7"), measures={"pain": PAIN})
    r = oc.InfusionModel("pain", last=4, df="kenward-roger-expected").run(study)
    changes = r.select(measure=Measure.CHANGE)
    named = {"day_1": changes[0], "day_7": changes[1], "first": changes[2], "later": changes[-1]}
    found = {q: e.value for q, e in named.items()} | {f"{q}_se": e.se for q, e in named.items()}
    found |= {f"{q}_df": e.df for q, e in named.items()} | {"loglik": r.model.loglik}
    spread = ("sd_before", "sd_change", "sd_infusion", "sd_score")
    found |= dict(zip(spread, (e.value for e in r.select(measure=Measure.VARIANCE)), strict=True))
    (test,) = r.select(measure=Measure.OVERALL_TEST)
    return found | {"F": test.value, "F_df": test.df, "F_p": test.p}


@answer("infusions at the boundary")
def _infusions_at_the_boundary() -> dict[str, float]:
    rows = data("infusions_nested").rename(columns={"infusion": "episode", "flat": "pain"})
    study = oc.Study(rows, visits=("before", "day_1", "day_7"), measures={"pain": PAIN})
    r = oc.InfusionModel("pain", last=4).run(study)
    spread = ("sd_before", "sd_change", "sd_infusion", "sd_score")
    found = dict(zip(spread, (e.value for e in r.select(measure=Measure.VARIANCE)), strict=True))
    return found | {"loglik": r.model.loglik, "day_7": r.main.value}


@answer("next course")
def _next_course() -> dict[str, float]:
    rows = data("infusion_days")
    patients = rows[["patient", "followed"]].drop_duplicates()
    study = oc.Study(patients[["patient"]].assign(visit="pre"), patients=patients, infusions=rows)
    r = oc.NextInfusion(followed="followed", course=21, days=(90,), last=2).run(study)
    found: dict[str, float] = {}
    for k in (1, 2):
        median, free = r.select(group=f"course {k}")
        found |= {f"n_{k}": float(median.n or 0), f"median_{k}": median.value}
        found |= {f"low_{k}": median.low, f"high_{k}": median.high}
        limits = {f"free90low_{k}": free.low, f"free90high_{k}": free.high}
        found |= {f"free90_{k}": free.value} | limits
    return found

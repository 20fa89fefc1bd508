"""Missing scores as questions that wrap questions: imputed, pooled, tipped, and laid open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from itertools import pairwise
from math import isnan, nan
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from outcomes.analysis import Analysis, from_dict
from outcomes.errors import AnalysisError, unknown
from outcomes.incomplete import Grid, grid_of, incomplete_of
from outcomes.result import Counts, Estimate, Result
from outcomes.stats import missingness
from outcomes.stats.chained import chained
from outcomes.stats.imputation import rubin
from outcomes.stats.reference_based import METHODS as MODELS
from outcomes.stats.reference_based import (
    ancova_differences,
    conditional_mean_jackknife,
    draws,
    normal_estimate,
)
from outcomes.study import Study
from outcomes.wording import digits_for, interval, number, p_value, plural, share_of, spoken

CHAINED = {"pmm": "chained equations with predictive mean matching"}
#: Every way to fill a gap, and what it is called.
WAYS = MODELS | CHAINED | missingness.CARRIED


@dataclass(frozen=True)
class _Wrapper(Analysis):
    """A question about another question's missing scores."""

    analysis: Analysis

    @property
    def outcome(self) -> str:
        """The score of the wrapped question."""
        return str(getattr(self.analysis, "outcome", ""))

    @property
    def comparative(self) -> bool:  # type: ignore[override]
        """As the wrapped question."""
        return bool(self.analysis.comparative)

    def _by(self, study: Study) -> str:
        """The column of the arms, where the wrapped question or this one compares any."""
        by = getattr(self, "by", "") or str(getattr(self.analysis, "by", "") or "")
        return by if by and by in study.patient_frame else ""


@dataclass(frozen=True)
class Imputed(_Wrapper):
    """What would the answer be if the missing scores were filled in, with the uncertainty of that?

    The wrapped question is asked of `draws` completed studies and its estimates are pooled by Rubin's rules with
    Barnard-Rubin degrees of freedom. `method`:

    - "mar": draws from a normal model of all visits (baseline among them) with means by arm and unstructured covariance;
    - "j2r", "cr", "cir", "lmcf", "rtb": reference-based, for scores after a patient's last visit seen: jump to reference, copy
      reference, copy increments in reference, last mean carried forward, return to baseline; gaps before are taken as mar;
    - "pmm": chained equations with predictive mean matching, with the patient characteristics in `auxiliary`;
    - "locf", "bocf", "wocf": single imputation, as a labelled sensitivity analysis only, since its intervals are too narrow.

    `delta` is added to imputed scores after the baseline (of the arms named in `arms`; default all). `parameters` is
    "posterior" (approximate) or "bootstrap". Patients without any score stay out. Works for every question that gives an
    estimate and its standard error; an estimate without one is averaged over the draws, without interval.

    References: Rubin 1987; Barnard & Rubin 1999 (doi 10.1093/biomet/86.4.948); Carpenter 2013 (doi 10.1080/10543406.2013.834911).

    >>> import numpy as np, pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcdefgh"), "w0": [7, 6, 8, 5, 8, 7, 6, 9], "w4": [4, 3, 6, 5, None, 6, 4, None]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w4"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> result = oc.Imputed(oc.PairedT("pain", before="w0", after="w4"), draws=20, seed=1).run(study)
    >>> result.counts.analysed, result["mean change"].how
    (8, "Rubin's rules, 20 imputations, Barnard-Rubin df")
    """

    _: KW_ONLY
    draws: int = 50
    seed: int = 20260101
    method: str = "mar"
    delta: float = 0.0
    arms: Sequence[str] = ()
    by: str = ""
    reference: str = ""
    auxiliary: Sequence[str] = ()
    parameters: str = "posterior"

    short: ClassVar[str] = "imputed"
    references: ClassVar[tuple[str, ...]] = (
        "Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation. Biometrika 1999;86:948-955.",
        "Carpenter JR, Roger JH, Kenward MG. Analysis of longitudinal trials with protocol deviation. "
        "J Biopharm Stat 2013;23:1352-1371.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in WAYS:
            raise AnalysisError(unknown("imputation method", self.method, WAYS))
        if self.draws < 2:
            raise AnalysisError(f"draws is a number of imputations of at least 2, better 20 or more; got {self.draws}.")

    def title(self, outcome: Any = None) -> str:
        """The wrapped question's title with the way the gaps were filled."""
        extra = f", delta {number(self.delta, 2)}" if self.delta else ""
        return self.label or f"{self.analysis.title(outcome)}, {WAYS[self.method]}{extra}"

    def compute(self, study: Study) -> Result:
        grid = grid_of(study, self.outcome)
        completed = list(self._completed(study, grid))
        shift = grid.shift(self.delta, self.arms, self._by(study))
        results = [self.analysis.compute(grid.study(scores + shift)) for scores in completed]
        return self._pool(study, grid, results)

    def _completed(self, study: Study, grid: Grid) -> list[np.ndarray]:
        """The completed scores (patients, visits) of every draw; what stays missing is nan."""
        rng = np.random.default_rng(self.seed)
        if self.method in missingness.CARRIED:
            return [grid.carried(self.method)]
        if self.method in CHAINED:
            extra = grid.auxiliary(study, self.auxiliary, self._by(study))
            whole = chained(
                np.hstack([grid.scores[grid.some], extra[grid.some]]), number=self.draws, rng=rng, how=self.method
            )
            return [grid.fill(w[:, : grid.scores.shape[1]], grid.some) for w in whole]
        reference = self.reference or str(getattr(self.analysis, "reference", "") or "")
        data, own, columns = incomplete_of(
            study, grid, by=self._by(study), reference=reference, joint=self.method == "mar", covariates=self.auxiliary
        )
        filled = draws(data, self.method, number=self.draws, rng=rng, parameters=self.parameters)
        return [grid.fill(f, own, columns) for f in filled]

    def _pool(self, study: Study, grid: Grid, results: Sequence[Result]) -> Result:
        first = results[0]
        single = self.method in missingness.CARRIED
        estimates = first.estimates if single else _pooled(results, self.level)
        note = f"{share_of(grid.filled, grid.scores.size)} scores at {plural(len(grid.visits), 'visit')} were imputed: "
        note += WAYS[self.method]
        note += f", delta {number(self.delta, 2)} added" if self.delta else ""
        notes = [*first.notes, f"{note}{'' if single else f'; {self.draws} imputations, seed {self.seed}'}."]
        if single:
            notes.append(
                "Single imputation: a sensitivity analysis; it takes filled-in scores as if they had been observed."
            )
        shown = replace(first, estimates=estimates)
        tail = f" {_how(self)}"
        facts = dict(first.facts) | {s: self.analysis.sentence(shown, s) + tail for s in ("ama", "apa")}
        return Result(self, estimates, first.counts, first.outcome, tuple(notes), facts=facts)

    def sentence(self, result: Result, style: str = "ama") -> str:
        return str(result.facts[style])

    def methods_text(self) -> str:
        return f"{self.analysis.methods_text()} {_how(self)}"


def _how(question: Imputed) -> str:
    if question.method in missingness.CARRIED:
        return f"Sensitivity analysis: {WAYS[question.method]}."
    way = "under missing at random" if question.method == "mar" else f"by {WAYS[question.method]}"
    extra = f", with {number(question.delta, 2)} added," if question.delta else ""
    return f"Missing scores were imputed {question.draws} times {way}{extra} and pooled by Rubin's rules with Barnard-Rubin df."


def _pooled(results: Sequence[Result], level: float) -> tuple[Estimate, ...]:
    """Every estimate of the first result, pooled with its namesakes in the others."""
    out = []
    blank: dict[str, Any] = dict.fromkeys(("low", "high", "p", "statistic", "df", "se", "p_adjusted"), nan)
    for i, e in enumerate(results[0].estimates):
        own = [r.estimates[i] for r in results if i < len(r.estimates) and r.estimates[i].term == e.term]
        own = [o for o in own if not isnan(o.value)]
        if len(own) < len(results):
            out.append(replace(e, value=nan, reason="not_estimable", **blank))
            continue
        values, errors = np.array([o.value for o in own]), np.array([o.se for o in own])
        if np.isnan(errors).any():
            out.append(replace(e, value=float(values.mean()), how="mean over imputations", **blank))
            continue
        dfs = np.array([o.df for o in own])
        complete = float(np.mean(dfs)) if np.isfinite(dfs).all() else np.inf
        p = rubin(values, errors**2, df_complete=complete, level=e.level or level, name=e.name, unit=e.unit).estimate
        tested: dict[str, Any] = {} if not isnan(e.p) else {"p": nan, "statistic": nan}
        out.append(replace(p, visit=e.visit, group=e.group, **tested))
    return tuple(out)


@dataclass(frozen=True)
class TippingPoint(_Wrapper):
    """How much worse would the missing scores have to be before the conclusion changes?

    The wrapped question is answered with `delta` points added to the imputed scores after the baseline (of the arms in `arms`;
    default: every arm but the reference, or all patients where there is none), in the direction that is worse for the
    outcome. The tipping point is the delta, found by root search, at which p crosses 1 − level; the same imputations serve
    every delta. Judge it by whether so bad a course of those who left is plausible.

    `term` names the estimate (default: the first with a p-value), `most` the largest delta looked at (default: the range
    of the scores seen).

    References: Cro 2020 (doi 10.1002/sim.8569); Permutt 2016 (doi 10.1002/sim.6753).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcdefgh"), "w0": [7, 6, 8, 5, 8, 7, 6, 9], "w4": [4, 3, 6, 5, None, 6, 4, None]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w4"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> result = oc.TippingPoint(oc.PairedT("pain", before="w0", after="w4"), draws=10, seed=1).run(study)
    >>> result["tipping point"].value > 0
    True
    """

    _: KW_ONLY
    draws: int = 30
    seed: int = 20260101
    arms: Sequence[str] = ()
    by: str = ""
    term: str = ""
    most: float = nan

    short: ClassVar[str] = "tipping point"
    references: ClassVar[tuple[str, ...]] = (
        "Cro S, Morris TP, Kenward MG, Carpenter JR. Sensitivity analysis for clinical trials with missing continuous outcome "
        "data using controlled multiple imputation. Stat Med 2020;39:2815-2842.",
    )

    def title(self, outcome: Any = None) -> str:
        """The wrapped question's title, tipped."""
        return self.label or f"{self.analysis.title(outcome)}, tipping point"

    def compute(self, study: Study) -> Result:
        grid = grid_of(study, self.outcome)
        wrapped = Imputed(self.analysis, draws=self.draws, seed=self.seed, by=self.by, level=self.level)
        by = self._by(study)
        completed = wrapped._completed(study, grid)
        arms = tuple(self.arms) or grid.treated(study, by, str(getattr(self.analysis, "reference", "") or ""))
        outcome = study.outcome(self.outcome)
        worse = -1.0 if outcome.better == "higher" else 1.0

        def at(delta: float) -> Estimate:
            shift = grid.shift(worse * delta, arms, by)
            pooled = _pooled([self.analysis.compute(grid.study(c + shift)) for c in completed], self.level)
            return self._term(pooled, grid.visits[-1])

        most = self.most if not isnan(self.most) else float(np.nanmax(grid.scores) - np.nanmin(grid.scores))
        curve = [(float(d), at(float(d))) for d in np.linspace(0.0, most, 6)]
        tip, words = self._root(curve, at)
        rows = [{"delta": worse * d, "value": e.value, "low": e.low, "high": e.high, "p": e.p} for d, e in curve]
        if not isnan(tip):
            e = at(tip)
            rows.append({"delta": worse * tip, "value": e.value, "low": e.low, "high": e.high, "p": e.p})
        frame = pd.DataFrame(rows).sort_values("delta", key=abs, ignore_index=True)
        start = curve[0][1]
        estimates = (
            Estimate(
                "tipping point", worse * tip, unit=outcome.unit, how=words, reason="not_estimable" if isnan(tip) else ""
            ),
            replace(start, how=f"delta 0: {start.how}"),
        )
        counts = self.analysis.compute(grid.study(completed[0])).counts
        notes = (
            f"{share_of(grid.filled, grid.scores.size)} scores were imputed ({self.draws} imputations, seed {self.seed}).",
        )
        facts = {"words": words, "arms": arms, "most": most, "term": start.term}
        return Result(self, estimates, counts, outcome, notes, {"tipping": frame}, facts=facts)

    def _term(self, estimates: Sequence[Estimate], last: str) -> Estimate:
        """The estimate named by `term`; by default the first with a p-value, at the main visit where there are several."""
        main = str(getattr(self.analysis, "visit", "") or last)
        several = len({e.visit for e in estimates if e.visit and not isnan(e.p)}) > 1
        for e in estimates:
            if (self.term in (e.term, e.name)) if self.term else not isnan(e.p) and (not several or e.visit == main):
                return e
        raise AnalysisError(
            f"No estimate '{self.term}' with a p-value. There is: {', '.join(e.term for e in estimates)}."
        )

    def _root(self, curve: Sequence[tuple[float, Estimate]], at: Callable[[float], Estimate]) -> tuple[float, str]:
        alpha = 1 - self.level
        if not curve[0][1].p < alpha:
            return nan, f"p is {p_value(curve[0][1].p)} without any delta: there is no conclusion to tip"
        for (low, _), (high, e) in pairwise(curve):
            if e.p >= alpha:
                root = brentq(lambda d: at(d).p - alpha, low, high, xtol=1e-4 * max(high, 1e-9))
                return float(root), f"p crosses {number(alpha, 2)} there"
        return nan, f"p stays below {number(alpha, 2)} up to {number(curve[-1][0], 1)}"

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        tip, k = result["tipping point"], digits_for(result.outcome.resolution)
        whose = f" of {', '.join(spoken(a) for a in result.facts['arms'])}" if result.facts["arms"] else ""
        if isnan(tip.value):
            return f"Tipping point for {result.outcome.title}: {tip.how}."
        size, side = number(abs(tip.value), k), "higher" if tip.value > 0 else "lower"
        return (
            f"The conclusion on {result.outcome.title} would change if the missing scores{whose} were {size} {result.outcome.unit} "
            f"{side} (worse) than predicted from those observed ({self.draws} imputations)."
        )


@dataclass(frozen=True)
class ReferenceBased(Analysis):
    """Would the arms still differ if those who left had followed the reference arm from then on?

    Conditional-mean imputation from the mixed model for repeated measures (baseline a covariate), then ANCOVA at each visit;
    standard errors by the jackknife over patients, which needs no random numbers and is right for the treatment-policy
    estimand that the method stands for. `method` is "j2r", "cr", "cir", "lmcf", "rtb" or "mar"; `visit` the main visit.

    Reference: Wolbers 2022 (doi 10.1002/pst.2234); Carpenter 2013 (doi 10.1080/10543406.2013.834911).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [("a", "K", 7, 5, 4), ("b", "K", 6, 5, 3), ("c", "K", 8, 4, 6), ("d", "K", 5, 3, None), ("e", "P", 8, 8, 7),
    ...         ("f", "P", 5, 5, 4), ("g", "P", 6, 6, 5), ("h", "P", 7, 5, 6), ("i", "P", 6, 6, None), ("j", "K", 6, 4, 4)]
    >>> wide = pd.DataFrame(rows, columns=["patient", "arm", "w0", "w1", "w4"])
    >>> study = oc.Study(wide.melt(["patient", "arm"], var_name="visit", value_name="pain"), visits=("w0", "w1", "w4"),
    ...                  design="parallel", measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> result = oc.ReferenceBased("pain", reference="P").run(study)
    >>> result["adjusted difference | K - P | w4"].value < 0
    True
    """

    outcome: str
    _: KW_ONLY
    method: str = "j2r"
    visit: str = ""
    by: str = "arm"
    reference: str = ""
    covariates: Sequence[str] = ()

    short: ClassVar[str] = "reference-based imputation"
    comparative: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = (
        "Wolbers M, Noci A, Delmar P, et al. Standard and reference-based conditional mean imputation. "
        "Pharm Stat 2022;21:1246-1257.",
    )

    def compute(self, study: Study) -> Result:
        if self.method not in MODELS:
            raise AnalysisError(unknown("imputation method", self.method, MODELS))
        grid = grid_of(study, self.outcome)
        data, own, _ = incomplete_of(
            study, grid, by=self.by, reference=self.reference, joint=False, covariates=self.covariates
        )
        levels = grid.levels(study, self.by, self.reference)
        indicators = list(data.indicators)
        value, se = conditional_mean_jackknife(
            data, self.method, analyse=lambda c, kept: ancova_differences(c, data.design[kept], indicators)
        )
        how = f"{WAYS[self.method]}, conditional mean, ANCOVA, jackknife"
        outcome, main = study.outcome(self.outcome), self.visit or data.visits[-1]
        if main not in data.visits:
            raise AnalysisError(unknown("visit", main, data.visits))
        rows = tuple(
            normal_estimate("adjusted difference", float(value[a, j]), float(se[a, j]), level=self.level, unit=outcome.unit, how=how,
                            visit=v, group=f"{arm} - {levels[0]}")
            for a, arm in enumerate(levels[1:]) for j, v in enumerate(data.visits)
        )  # fmt: skip
        n = int(own.sum())
        left = ((f"no score at {grid.visits[0]}, or no {spoken(self.by)} or covariate", study.enrolled - n),)
        counts = Counts(study.enrolled, n, left if study.enrolled > n else ())
        gaps = int(np.isnan(data.scores).sum())
        note = f"{share_of(gaps, data.scores.size)} follow-up scores were imputed: {WAYS[self.method]}."
        return Result(self, rows, counts, outcome, (note,), facts={"main": main})

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k, parts = digits_for(result.outcome.resolution), []
        for e in result.estimates:
            if e.visit == result.facts["main"]:
                tested = "" if e.reason else f" ({interval(e.low, e.high, k, level=e.level)}; {p_value(e.p, style)})"
                parts.append(f"{e.group} {number(e.value, k)} {e.unit}{tested}")
        where = spoken(result.facts["main"])
        return (
            f"With missing scores imputed as {WAYS[self.method]}, the adjusted difference in {result.outcome.title} at {where} was "
            f"{'; '.join(parts)}; n={result.counts.analysed} of {result.counts.enrolled} (conditional mean, jackknife)."
        )


@dataclass(frozen=True)
class MissingScores(Analysis):
    """Who is missing, when, and were they different at the start?

    The number seen at each visit with the fixed denominator (all enrolled) and the variable one (those with a baseline);
    complete, monotone and intermittent patterns; baseline of those seen against those not, at each visit. Little's test
    of missing completely at random only on request (`little=True`): its power is low and a large p proves nothing.

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcd"), "w0": [7, 6, 8, 5], "w4": [4, 3, None, 5]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w4"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> oc.MissingScores("pain").run(study)["share observed | w4"].value
    0.75
    """

    outcome: str
    _: KW_ONLY
    visits: Sequence[str] = ()
    little: bool = False

    short: ClassVar[str] = "missing scores"
    comparative: ClassVar[bool] = True

    def compute(self, study: Study) -> Result:
        wide = study.wide(self.outcome)
        visits = tuple(study.visit(v) for v in self.visits) or study.visits
        scores = wide[list(visits)].to_numpy(float)
        found, base = missingness.patterns(scores), scores[:, 0]
        seen = ~np.isnan(scores)
        n, started = len(scores), int(seen[:, 0].sum())
        rows = [
            Estimate("share observed", float(s.mean()) if n else nan, visit=v, unit="of enrolled")
            for v, s in zip(visits, seen.T)
        ]
        rows += [
            Estimate("share observed of those with a baseline", float(s[seen[:, 0]].mean()) if started else nan, visit=v,
                     unit=f"of those with {visits[0]}", reason="" if started else "too_few")
            for v, s in zip(visits[1:], seen.T[1:])
        ]  # fmt: skip
        rows += missingness.stayers_and_leavers(base, seen[:, 1:], visits[1:])
        if self.little:
            rows.append(missingness.little_mcar(scores))
        counts = Counts(n, n)
        staircase = pd.DataFrame(found.shapes, columns=list(visits)).assign(n=found.counts)
        facts = {
            "complete": found.complete,
            "monotone": found.monotone,
            "intermittent": found.intermittent,
            "visits": visits,
        }
        return Result(self, tuple(rows), counts, study.outcome(self.outcome), (), {"staircase": staircase}, facts=facts)

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        n, f = result.counts.enrolled, result.facts
        last = f["visits"][-1]
        seen = round(result[f"share observed | {last}"].value * n) if n else 0
        return (
            f"{result.outcome.title}: {share_of(f['complete'], n)} patients had every score, {f['monotone']} left and did not return, "
            f"{f['intermittent']} missed a visit in between; {share_of(seen, n)} had a score at {spoken(last)}."
        )


@dataclass(frozen=True)
class SideBySide(Analysis):
    """Do analyses that treat the missing scores differently agree?

    Any questions (a paired t-test, a mixed model, imputed, reference-based, carried forward …) about the same quantity, the first
    the reference; one estimate of each in a forest. `terms` names the estimate of each (default: its first).

    >>> import pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame({"patient": list("abcdefgh"), "w0": [7, 6, 8, 5, 8, 7, 6, 9], "w4": [4, 3, 6, 5, None, 6, 4, None]})
    >>> study = oc.Study(wide.melt("patient", var_name="visit", value_name="pain"), visits=("w0", "w4"),
    ...                  measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> paired = oc.PairedT("pain", before="w0", after="w4")
    >>> result = oc.SideBySide((paired, oc.Imputed(paired, draws=10, seed=1), oc.Imputed(paired, method="bocf"))).run(study)
    >>> [round(e.value, 2) for e in result.estimates][0::2]
    [-1.83, -1.38]
    """

    questions: Sequence[Analysis]
    _: KW_ONLY
    terms: Sequence[str] = ()

    short: ClassVar[str] = "analyses side by side"
    comparative: ClassVar[bool] = True

    def __post_init__(self) -> None:
        made = tuple(from_dict(q) if isinstance(q, Mapping) else q for q in self.questions)
        object.__setattr__(self, "questions", made)
        super().__post_init__()
        if not made or (self.terms and len(self.terms) != len(made)):
            raise AnalysisError(
                "SideBySide needs at least one question, and as many terms as questions where it names them."
            )

    @property
    def outcome(self) -> str:
        """The score of the first question."""
        return str(getattr(self.questions[0], "outcome", ""))

    def compute(self, study: Study) -> Result:
        terms = tuple(self.terms) or ("",) * len(self.questions)
        results = [q.compute(study) for q in self.questions]
        names = [q.title(r.outcome) for q, r in zip(self.questions, results)]
        rows = tuple(
            replace(r[t] if t else r.estimates[0], name=n, group="", visit="") for r, t, n in zip(results, terms, names)
        )
        first = results[0]
        signs = {np.sign(e.value) for e in rows if not isnan(e.value)}
        verdicts = {e.p < 1 - self.level for e in rows if not isnan(e.p)}
        facts = {"agree": len(signs) == 1 and len(verdicts) <= 1, "axis": rows[0].unit or "estimate"}
        forest = pd.DataFrame(
            [
                {"label": e.name, "value": e.value, "low": e.low, "high": e.high, "main": i == 0}
                for i, e in enumerate(rows)
            ]
        )
        notes = tuple(dict.fromkeys(n for r in results for n in r.notes))
        return Result(self, rows, first.counts, first.outcome, notes, {"forest": forest}, ("forest",), facts)

    def sentence(self, result: Result, style: str = "ama") -> str:
        assert result.outcome is not None
        k = digits_for(result.outcome.resolution)
        parts = [
            f"{e.name} {number(e.value, k)}" + ("" if isnan(e.low) else f" ({interval(e.low, e.high, k)})")
            for e in result.estimates
        ]
        verdict = "All point the same way with the same verdict" if result.facts["agree"] else "They do not all agree"
        return f"Side by side: {'; '.join(parts)}. {verdict}."


def companions(question: Analysis, study: Study, *, over: float = 0.1) -> tuple[Analysis, ...]:
    """The sensitivity analyses a question brings with it: its tipping point, where more than 10% of its scores are missing.

    A question without a visit to be missing at (or one that deals with missing scores itself) has none.
    """
    name = str(getattr(question, "outcome", "") or "")
    if not name or isinstance(question, (_Wrapper, ReferenceBased, MissingScores, SideBySide)):
        return ()
    visits = [v for v in (getattr(question, "before", ""), getattr(question, "after", "")) if v]
    if hasattr(question, "covariance"):
        visits = [study.baseline, *(getattr(question, "visits", ()) or study.visits)]
    scores = study.wide(name)[list(dict.fromkeys(visits))]
    if scores.empty or float(scores.isna().to_numpy().mean()) <= over:
        return ()
    return (TippingPoint(question, role="sensitivity", family=question.family),)

"""Imputed: any question, answered from completed studies and pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass, replace
from math import inf, isnan, nan
from typing import Any, ClassVar

import numpy as np
from scipy import special

from outcomes.analyses.groups.group_data import ComparedGroups, JointEffect
from outcomes.analyses.missing.incomplete import Grid, grid_of, incomplete_of
from outcomes.analyses.missing.wrapper import CHAINED, MODELS, NOTHING, WAYS, _Wrapper
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase, named, say
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result
from outcomes.core.style import STYLES, written_in
from outcomes.core.wording import number, plural, share_of
from outcomes.stats.missing.chained_equations import chained
from outcomes.stats.missing.imputation import rubin, rubin_wald
from outcomes.stats.missing.patterns import CARRIED
from outcomes.stats.missing.reference_based import draws
from outcomes.stats.wald import critical
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True, eq=False)
class Filled:
    """The completed scores (patients, visits) of each draw, and the question's answer to each."""

    grid: Grid
    scores: Sequence[np.ndarray]
    results: Sequence[Result]

    @property
    def count(self) -> int:
        """How many gaps were filled."""
        return self.grid.put_in(self.scores[0])


@dataclass(frozen=True)
class Imputed(_Wrapper):
    """What would the answer be if the missing scores were filled in, with the uncertainty of that?

    The wrapped question is asked of `draws` completed studies and its estimates are pooled by
    Rubin's rules with Barnard-Rubin degrees of freedom. `method`:

    - "mar": draws from a normal model of all visits (baseline among them) with means by arm and
      unstructured covariance;
    - "j2r", "cr", "cir", "lmcf", "rtb": reference-based, for scores after a patient's last visit
      seen: jump to reference, copy
      reference, copy increments in reference, last mean carried forward, return to baseline; gaps
      before are taken as mar;
    - "pmm": chained equations with predictive mean matching, with the patient characteristics in
      `auxiliary`;
    - "locf", "bocf", "wocf": single imputation, as a labelled sensitivity analysis only, since its
      intervals are too narrow.

    `delta` is added to imputed scores after the baseline (of the arms named in `arms`; default
    all). `parameters` is "posterior" (approximate) or "bootstrap"; `by_arm=True` gives each arm its
    own covariance, so that with "mar" arms are imputed separately (not for "pmm" and single
    imputation). Patients without any score stay out. Works for every question that gives an
    estimate and its standard error; an estimate without one is averaged over the draws, without
    interval.

    References: Rubin 1987; Barnard & Rubin 1999 (doi 10.1093/biomet/86.4.948); Carpenter 2013 (doi
    10.1080/10543406.2013.834911).

    >>> import numpy as np, pandas as pd, outcomes as oc
    >>> wide = pd.DataFrame(
    ...     {
    ...         "patient": list("abcdefgh"),
    ...         "w0": [7, 6, 8, 5, 8, 7, 6, 9],
    ...         "w4": [4, 3, 6, 5, None, 6, 4, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     wide.melt("patient", var_name="visit", value_name="pain"),
    ...     visits=("w0", "w4"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> result = oc.Imputed(oc.PairedT("pain", before="w0", after="w4"), draws=20, seed=1).run(
    ...     study
    ... )
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
    by_arm: bool = False

    traits: ClassVar[frozenset[Trait]] = frozenset({Trait.HANDLES_MISSING})
    short: ClassVar[str] = "imputed"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation."
            " Biometrika 1999;86:948-955."
        ),
        (
            "Carpenter JR, Roger JH, Kenward MG. Analysis of longitudinal trials with protocol"
            " deviation. J Biopharm Stat 2013;23:1352-1371."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in WAYS:
            raise AnalysisError(unknown("imputation method", self.method, WAYS))
        if self.by_arm and self.method not in MODELS:
            raise AnalysisError(
                f"by_arm is for {', '.join(MODELS)}; '{self.method}' has no covariance."
            )
        if self.draws < 2:
            raise AnalysisError(
                "draws is a number of imputations of at least 2, better 20 or more; got"
                f" {self.draws}."
            )

    def title(self, outcome: Any = None) -> str:
        """The wrapped question's title with the way the gaps were filled."""
        if self.label:
            return self.label
        parts = {"question": self.analysis.title(outcome), "way": named(WAYS[self.method])}
        if self.delta:
            return say("{question}, {way}, delta {delta}", **parts, delta=number(self.delta, 2))
        return say("{question}, {way}", **parts)

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        inner = self.analysis.needs(study)
        by = tuple(c for c in (self.by, *self.auxiliary) if c)
        own = PatientValues.at(study, self.outcome, characteristics=by, rows=True)
        return inner | own if isinstance(inner, PatientValues) else None

    def compute(self, study: Study) -> Result:
        return self._beside_seen(self.pooled(self.filled(study)), study)

    def filled(self, study: Study) -> Filled:
        """The gaps of the study filled, and the wrapped question asked of every draw."""
        grid = grid_of(study, self.outcome)
        completed = self.completed_scores(study, grid)
        shift = grid.shift(self.delta, self.arms, self._by(study))
        results = [self.analysis.compute(grid.study(scores + shift)) for scores in completed]
        return Filled(grid, completed, results)

    def _beside_seen(self, made: Result, study: Study) -> Result:
        """The answer with a forest of its main estimate: of the scores seen, and with the missing
        ones imputed.
        """
        try:
            seen = self.analysis.compute(study).main
        except AnalysisError:  # nobody has every score
            seen = None
        main = made.main
        if main is None or seen is None or isnan(main.value) or isnan(seen.value):
            return made
        rows = ((Phrase.of("scores seen"), seen), (Phrase.of("missing scores imputed"), main))
        axis = made.axis
        if not axis.words:
            null = None if isnan(main.measure.null) else main.measure.null
            axis = ValueAxis(main.said, null=null, log=null == 1)
        data = {"forest": forest_frame(rows, lambda e: e is main)}
        return replace(made, data=data, pictures=("forest",), axis=axis)

    def completed_scores(self, study: Study, grid: Grid) -> list[np.ndarray]:
        """The completed scores (patients, visits) of every draw; what stays missing is nan."""
        rng = np.random.default_rng(self.seed)
        if self.method in CARRIED:
            return [grid.carried(self.method)]
        if self.method in CHAINED:
            extra = grid.auxiliary(study, self.auxiliary, self._by(study))
            whole = chained(
                np.hstack([grid.scores[grid.some], extra[grid.some]]),
                number=self.draws,
                rng=rng,
                how=self.method,
            )
            return [grid.fill(w[:, : grid.scores.shape[1]], grid.some) for w in whole]
        reference = self.reference or str(getattr(self.analysis, "reference", "") or "")
        data, own, columns = incomplete_of(
            study,
            grid,
            by=self._by(study),
            reference=reference,
            joint=self.method == "mar",
            covariates=self.auxiliary,
        )
        if self.by_arm and not len(data.indicators):
            raise AnalysisError("by_arm needs two arms or more: give by= (a column such as arm).")
        data = replace(data, by_arm=self.by_arm)
        filled = draws(data, self.method, number=self.draws, rng=rng, parameters=self.parameters)
        return [grid.fill(f, own, columns) for f in filled]

    def pooled(self, made: Filled) -> Result:
        """The answer from completed studies."""
        grid, filled, results, first = made.grid, made.count, made.results, made.results[0]
        single = self.method in CARRIED
        own = self.analysis.over_imputations(results, self.level)
        estimates = first.estimates if single else pooled(results, self.level)
        if own is not None:
            estimates = own.estimates
        elif not single:
            self._must_be_pooled(first, estimates)
        note = (
            f"{share_of(filled, grid.scores.size)} scores at"
            f" {plural(len(grid.visits), 'visit')} were imputed: "
        )
        note += WAYS[self.method]
        note += f", delta {number(self.delta, 2)} added" if self.delta else ""
        note += "." if single else f"; {self.draws} imputations, seed {self.seed}."
        notes = [*(own.notes if own else first.notes), note if filled else NOTHING]
        if single:
            notes.append(
                "Single imputation: a sensitivity analysis; it takes filled-in scores as if they"
                " had been observed."
            )
        shown = replace(
            first,
            estimates=estimates,
            detail=_averaged([r.detail for r in results]),
        )
        texts = {}
        for name in STYLES:
            with written_in(name):
                said = self.analysis.over_imputations(results, self.level)
                texts[name] = (
                    said.sentences[name == "apa"] if said else self.analysis.sentence(shown, name)
                )
        return Result(
            self,
            estimates,
            first.counts,
            first.outcome,
            tuple(notes),
            model=first.model,
            main_visit=first.main_visit,
            randomised=first.randomised,
            axis=first.axis,
            detail=ImputedWords(texts, shown.detail, _how(self), own.methods if own else ""),
        )

    def _must_be_pooled(self, first: Result, estimates: tuple[Estimate, ...]) -> None:
        """Refuse a question whose main estimate has no standard error to pool."""
        main, found = first.main, replace(first, estimates=estimates).main
        if main is None or found is None or not isnan(found.se):
            return
        if isnan(main.value) or (isnan(main.low) and isnan(main.p)) or main.reason:
            return
        raise AnalysisError(
            f"{self.analysis.short[:1].upper()}{self.analysis.short[1:]} cannot be imputed: its"
            f" {main.name} has no standard error that Rubin's rules could pool. Impute PairedT,"
            " ANCOVA, WelchT, MMRM, CohortModel, Responders or CompareResponders instead, or give"
            " a mixed model, which needs no imputation."
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        words = result.about(ImputedWords)
        assert words is not None
        return f"{words.texts.get(style, words.texts[''])} {words.how}"

    def methods_text(self) -> str:
        return f"{self.analysis.methods_text()} {_how(self)}"

    def methods_of(self, result: Result) -> str:
        """The wrapped question's methods, from what was fitted, and the imputation."""
        words = result.about(ImputedWords)
        return f"{(words and words.methods) or self.analysis.methods_of(result)} {_how(self)}"


def _how(question: Imputed) -> str:
    if question.method in CARRIED:
        return f"Sensitivity analysis: {WAYS[question.method]}."
    way = "under missing at random" if question.method == "mar" else f"by {WAYS[question.method]}"
    extra = f", with {number(question.delta, 2)} added," if question.delta else ""
    way += ", with a covariance for each arm," if question.by_arm else ""
    return (
        f"Missing scores were imputed {question.draws} times {way}{extra} and pooled by Rubin's"
        " rules with Barnard-Rubin df."
    )


def pooled(results: Sequence[Result], level: float) -> tuple[Estimate, ...]:
    """Every estimate of the first result, pooled with its namesakes in the others, on the scale its
    interval is symmetric on.
    """
    out = []
    blank: dict[str, Any] = dict.fromkeys(
        ("low", "high", "p", "statistic", "df", "se", "p_adjusted"), nan
    )
    for i, e in enumerate(results[0].estimates):
        own = [
            r.estimates[i] for r in results if i < len(r.estimates) and r.estimates[i].matches(e)
        ]
        own = [o for o in own if not isnan(o.value)]
        if len(own) < len(results):
            if e.reason:  # it was undefined before anything was imputed
                out.append(replace(e, value=nan, **blank))
            continue
        scales = {_scale(o) for o in own}
        if e.measure is Measure.OVERALL_TEST:  # a statistic is not pooled; what it rests on is
            joint = [d.joint for r in results if (d := r.about(ComparedGroups)) and d.joint]
            if len(joint) == len(results):
                out.append(_together(e, joint))
            continue
        if len(scales) > 1 or None in scales:
            out.append(
                replace(
                    e,
                    value=float(np.mean([o.value for o in own])),
                    how="mean over imputations",
                    **blank,
                )
            )
            continue
        out.append(pooled_rows(own, str(scales.pop()), e.level or level))
    return tuple(out)


def _together(e: Estimate, joint: Sequence[JointEffect]) -> Estimate:
    """The test of all groups over the imputations: Wald's test of the pooled coefficients (D1)."""
    test = rubin_wald(
        [j.values for j in joint],
        [j.covariance for j in joint],
        df_complete=float(np.mean([j.df for j in joint])),
    ).test
    return replace(test, name=e.name)


def pooled_rows(own: Sequence[Estimate], scale: str, level: float) -> Estimate:
    """Rubin's rules on the scale of the estimates, and back."""
    e, forth, back = own[0], *TRANSFORMS[scale]
    values, errors = (
        np.array([forth(o.value) for o in own]),
        np.array([_error(o, scale) for o in own]),
    )
    dfs = np.array([o.df for o in own])
    complete = float(np.mean(dfs)) if np.isfinite(dfs).all() else np.inf
    p = rubin(
        values, errors**2, df_complete=complete, level=level, name=e.name, unit=e.unit
    ).estimate
    ends: dict[str, Any] = {k: back(getattr(p, k)) for k in ("value", "low", "high")}
    tested: dict[str, Any] = {} if not isnan(e.p) else {"p": nan, "statistic": nan}
    how = p.how if scale == "identity" else f"{p.how}; pooled on the {scale} scale, which se is on"
    place: dict[str, Any] = {
        f: getattr(e, f) for f in ("visit", "group", "measure", "place", "n", "part")
    }
    return replace(p, how=how, **place, **ends, **tested)


#: Scales that estimates are pooled on: there and back.
TRANSFORMS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "identity": (float, float),
    "log": (lambda v: float(np.log(v)), lambda v: float(np.exp(v))),
    "logit": (lambda v: float(special.logit(v)), lambda v: float(special.expit(v))),
}


def _scale(e: Estimate) -> str | None:
    """The scale on which an estimate has a standard error: its interval is symmetric there; None
    where it has no such scale.
    """
    if isnan(e.se):
        return None
    width = e.high - e.low
    if isnan(width) or abs((e.low + e.high) / 2 - e.value) <= 1e-6 * width:
        return "identity"
    if e.low > 0 and abs(np.log(e.value / e.low) - np.log(e.high / e.value)) <= 1e-6 * np.log(
        e.high / e.low
    ):
        return "log"
    return "logit" if e.measure is Measure.SHARE and 0 < e.value < 1 else None


def _error(e: Estimate, scale: str) -> float:
    if scale == "identity":
        return e.se
    if scale == "logit":
        return e.se / (e.value * (1 - e.value))
    df = inf if isnan(e.df) else e.df
    return float(np.log(e.high / e.low)) / 2 / critical(e.level, df)


@dataclass(frozen=True)
class ImputedWords:
    """The sentence of the question over the imputed scores, by style, what the question says of its
    topic, averaged over the imputations, and how scores were imputed.
    """

    texts: Mapping[str, str]
    inner: Any
    how: str
    #: The question's methods over imputed scores, where they are others.
    methods: str = ""


def _averaged(details: Sequence[Any]) -> Any:
    """What the results say beside their estimates, averaged over the draws where it is a number
    (counts rounded).
    """
    first = details[0]
    if isinstance(first, Mapping):
        return {k: _averaged([f.get(k, first[k]) for f in details]) for k in first}
    if is_dataclass(first) and not isinstance(first, type):
        names = [f.name for f in fields(first)]
        return replace(first, **{n: _averaged([getattr(f, n) for f in details]) for n in names})
    if isinstance(first, tuple) and first and all(len(f) == len(first) for f in details):
        return tuple(_averaged(each) for each in zip(*details))
    if isinstance(first, (bool, str)) or not isinstance(
        first, (int, float, np.integer, np.floating)
    ):
        return first
    mean = float(np.mean(details))
    return round(mean) if isinstance(first, (int, np.integer)) else mean

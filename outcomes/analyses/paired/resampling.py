"""Mean change without the normal distribution: sign flips, trimmed means, the bootstrap."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np

from outcomes.analyses.groups.group_data import moved
from outcomes.analyses.paired.mean_change import pairs_data
from outcomes.analyses.paired.ranks import nobody
from outcomes.analyses.question import Analysis
from outcomes.core.estimate import REASONS
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import digits_for, interval, number, p_value, percent, spoken, statistic
from outcomes.stats.paired.location import check_option, trimmed_change
from outcomes.stats.paired.signed_rank import monte_carlo_error, sign_flip
from outcomes.stats.resampling import bootstrap
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class SignFlip(Analysis):
    """Is the mean change larger than chance signs would make it?

    Permutation test of the mean change: if nothing changed, each patient's change could as well
    have had the other sign. Exact over all 2ⁿ flips where they can be counted on the decimals of
    the score (up to 200 patients) or enumerated (up to 36 changes with any decimals); else 9,999
    random flips from `seed`, p = (b+1)/(m+1), with its Monte Carlo error. It needs no normal
    distribution, and it assumes symmetric changes, as ranks do.

    References: Fisher RA. The Design of Experiments. 1935: 21; Phipson & Smyth 2010 (doi
    10.2202/1544-6115.1585).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.SignFlip("pain", before="pre", after="post").run(study)["mean change"].p
    0.25
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    draws: int = 9999
    seed: int = 20260101

    short: ClassVar[str] = "sign-flip permutation test"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Phipson B, Smyth GK. Permutation P-values should never be zero. Stat Appl Genet Mol"
            " Biol 2010;9:39."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        rng = np.random.default_rng(self.seed)
        before, after = pairs.tally.rows.T  # an order that no division of the patients changes
        flipped = sign_flip(before, after, draws=self.draws, rng=rng)
        estimates = (replace(flipped.test, unit=pairs.outcome.unit, level=self.level),)
        return Result(
            self,
            estimates,
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
            pictures=("slopes",),
            detail=Flips(flipped.draws),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        e, draws = result.estimates[0], result.told(Flips).draws
        error = f", Monte Carlo error of P {monte_carlo_error(e.p, draws):.2g}" if draws else ""
        how = f"{draws} random flips, seed {self.seed}{error}" if draws else "exact"
        size = f"{number(e.value, digits_for(outcome.resolution))} {outcome.unit}"
        return (
            f"The mean change of {outcome.title} from {spoken(self.before)} to {spoken(self.after)}"
            f" was {size} (sign-flip permutation test, {how}: {p_value(e.p, style)};"
            f" n={counts.analysed} of"
            f" {counts.enrolled}){moved(outcome, e, digits_for(outcome.resolution))}."
        )

    def methods_text(self) -> str:
        return (
            "The mean change was tested by flipping the signs of patients' changes, exactly where"
            f" all flips could be counted and with {self.draws} random flips (seed {self.seed})"
            " otherwise."
        )

    def methods_of(self, result: Result) -> str:
        """Exact or with random flips, as it was done."""
        told = result.about(Flips)
        if told is None:
            return self.methods_text()
        way = (
            f"with {told.draws} random flips (seed {self.seed})"
            if told.draws
            else "over all possible flips (exact)"
        )
        return f"The mean change was tested by flipping the signs of patients' changes, {way}."


@dataclass(frozen=True)
class Yuen(Analysis):
    """Did the score change once a few extreme scores no longer count?

    Difference of the trimmed means (`trim` cut at each end of either visit) with Yuen's t-test for
    pairs on winsorised variances, df = n − 2⌊trim·n⌋ − 1. It estimates the change of the typical
    patient's score, not the mean change.

    References: Yuen 1974 (doi 10.1093/biomet/61.1.165); Wilcox RR. Introduction to Robust
    Estimation and Hypothesis Testing. 5th ed. 2022: 5.9.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbccdd"),
    ...         "visit": ["pre", "post"] * 4,
    ...         "pain": [7.0, 5, 6, 5, 8, 4, 7, 6],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.Yuen("pain", before="pre", after="post").run(study)["trimmed mean change"].value
    -2.0
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    trim: float = 0.2

    short: ClassVar[str] = "trimmed means (Yuen)"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Yuen KK. The two-sample trimmed t for unequal population variances. Biometrika"
            " 1974;61:165-170."
        ),
    )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        e = trimmed_change(pairs.before, pairs.after, trim=self.trim, level=self.level)
        return Result(
            self,
            (replace(e, unit=pairs.outcome.unit),),
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
            pictures=("slopes",),
        )

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        e, k = result.estimates[0], digits_for(outcome.resolution)
        who = f"n={counts.analysed} of {counts.enrolled}"
        if math.isnan(e.value):
            return (
                f"The {percent(self.trim)} trimmed mean of {outcome.title} cannot be compared:"
                f" {REASONS[e.reason]} ({who})."
            )
        said = (
            f"The {percent(self.trim)} trimmed mean of {outcome.title} changed by"
            f" {number(e.value, k)} {outcome.unit} from {spoken(self.before)} to"
            f" {spoken(self.after)}"
        )
        if e.reason:
            return f"{said} (no interval: {REASONS[e.reason]}; {who})."
        tested = f"Yuen {statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}"
        limits = interval(e.low, e.high, k, level=e.level)
        return f"{said} ({limits}; {tested}; {who}){moved(outcome, e, k, '')}."

    def methods_text(self) -> str:
        return (
            f"As a robust check, {percent(self.trim)} trimmed means were compared with Yuen's"
            " t-test for pairs."
        )


@dataclass(frozen=True)
class Bootstrap(Analysis):
    """What interval does resampling the patients give for the change?

    BCa bootstrap (bias-corrected and accelerated; `draws` resamples of patients from `seed`) of the
    mean change, the median change or d_av (`statistic`). Asked for only: at 20 patients or more,
    and never for threshold rates, whose steps it cannot follow.

    Reference: Efron 1987 (doi 10.1080/01621459.1987.10478410).

    >>> import numpy as np, pandas as pd, outcomes as oc
    >>> before = np.arange(24) % 5 + 5.0
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": np.repeat(np.arange(24), 2).astype(str),
    ...         "visit": ["pre", "post"] * 24,
    ...         "pain": np.column_stack([before, before - np.arange(24) % 3]).ravel(),
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> oc.Bootstrap("pain", before="pre", after="post", draws=1000).run(study)["mean change"].value
    -1.0
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    statistic: str = "mean change"
    draws: int = 9999
    seed: int = 20260101

    short: ClassVar[str] = "BCa bootstrap"
    references: ClassVar[tuple[str, ...]] = (
        "Efron B. Better bootstrap confidence intervals. J Am Stat Assoc 1987;82:171-185.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_option("statistic", self.statistic, tuple(_STATISTICS))

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        return PatientValues.at(study, self.outcome, (self.before, self.after))

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        e = bootstrap(
            pairs.tally.rows,  # an order that no division of the patients changes
            _STATISTICS[self.statistic],
            rng=np.random.default_rng(self.seed),
            draws=self.draws,
            level=self.level,
            name=self.statistic,
            measure=Measure.CHANGE,
        )
        unit = "SD" if self.statistic == "d_av" else pairs.outcome.unit
        return Result(
            self,
            (replace(e, unit=unit),),
            pairs.counts,
            pairs.outcome,
            data=pairs_data(pairs),
        )

    @property
    def _named(self) -> str:
        """The statistic as a sentence calls it."""
        return TITLED.get(self.statistic, self.statistic)

    def sentence(self, result: Result, style: str = "ama") -> str:
        outcome, counts = result.outcome, result.counts
        assert outcome is not None
        if not counts.analysed:
            return nobody(self, result)
        e = result.estimates[0]
        k = 2 if self.statistic == "d_av" else digits_for(outcome.resolution)
        size = (
            number(e.value, k)
            if self.statistic == "d_av"
            else f"{number(e.value, k)} {outcome.unit}"
        )
        said = (
            f"The {self._named} of {outcome.title} from {spoken(self.before)} to"
            f" {spoken(self.after)} was {size}"
        )
        who = f"n={counts.analysed} of {counts.enrolled}"
        if e.reason:
            return f"{said} (no bootstrap interval: {REASONS[e.reason]}; {who})."
        return (
            f"{said} ({interval(e.low, e.high, k, level=e.level)}, BCa bootstrap, {self.draws}"
            f" draws, seed {self.seed}; {who})."
        )

    def methods_text(self) -> str:
        return (
            f"The interval of the {self._named} is a BCa bootstrap of patients ({self.draws}"
            f" draws, seed {self.seed})."
        )


def _mean(rows: np.ndarray) -> np.ndarray:
    return (rows[..., 1] - rows[..., 0]).mean(axis=-1)


def _median(rows: np.ndarray) -> np.ndarray:
    return np.median(np.round(rows[..., 1] - rows[..., 0], 9), axis=-1)


def _d_av(rows: np.ndarray) -> np.ndarray:
    spread = np.sqrt((rows[..., 0].var(axis=-1, ddof=1) + rows[..., 1].var(axis=-1, ddof=1)) / 2)
    return np.divide(_mean(rows), spread, out=np.full(np.shape(spread), np.nan), where=spread > 0)


#: What a sentence calls a statistic whose name is a symbol.
TITLED = {"d_av": "change in units of the average SD"}
_STATISTICS = {"mean change": _mean, "median change": _median, "d_av": _d_av}


@dataclass(frozen=True)
class Flips:
    """How many random flips were drawn; 0 where every flip was counted."""

    draws: int

"""One number with its uncertainty, and what it is: kind, place, unit, and why it is undefined."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from outcomes.core.contrast import Contrast, Versus
from outcomes.core.language import say
from outcomes.core.measure import Measure
from outcomes.core.wording import MINUS, spoken

NAN = math.nan

#: Why a number is undefined (`Estimate.reason`): a code for machines, words for people.
REASONS = MappingProxyType(
    {
        "too_few": "too few patients",
        "zero_variance": "no spread to judge it by",
        "all_zero": "every difference is zero",
        "no_discordant": "no patient differs between the two",
        "no_events": "no event, or only events, in a group",
        "not_reached": "not reached",
        "nothing_imputed": "nothing was imputed",
        "at_limit": "no interval at the end of its range",
        "may_be_zero": "the difference may be 0: benefit and harm are both possible",
        "not_estimable": "the data do not determine it",
        "not_converged": "the model did not converge",
        "separation": "the groups are perfectly separated",
        "needs_input": "it needs a value that was not supplied",
    }
)

#: What tables for people say where the name of an estimate is a symbol or an abbreviation.
TITLES = MappingProxyType(
    {
        "d_av": "standardised by the average SD",
        "g_av": "standardised by the average SD, corrected for small samples",
        "d_z": "standardised by the SD of the changes",
        "g_z": "standardised by the SD of the changes, corrected for small samples",
        "d_b": "standardised by the SD before",
        "g_b": "standardised by the SD before, corrected for small samples",
        "d_rm": "standardised for repeated measures",
        "g_rm": "standardised for repeated measures, corrected for small samples",
        "g_s": "standardised by the pooled SD (Hedges' g)",
        "d_ppc2": "standardised by the pooled SD before (Morris)",
        "d_total": "standardised by the total SD",
        "d_within": "standardised by the SD within patients",
        "icc": "intraclass correlation of periods",
        "PS_dep": "probability of being better afterwards",
        "chi2": "Friedman \N{GREEK SMALL LETTER CHI}²",
        "tau2": "\N{GREEK SMALL LETTER TAU}² (variance between units)",
        "tau": "\N{GREEK SMALL LETTER TAU} (SD between units)",
        "I2": "I²",
        "H2": "H²",
        "Q": "Cochran's Q",
        "Oldham r": "correlation of change and mean (Oldham)",
        "r of change and before": "correlation of change and score before",
    }
)


def reason_said(reason: str) -> str:
    """Why a number is undefined, in the language in force; empty where it is not."""
    return say(REASONS[reason], "name") if reason else ""


class Alike:
    """Equal when all fields are; an undefined number is the same as another undefined one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self._all() == other._all() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def _all(self) -> tuple[object, ...]:
        values = (getattr(self, f.name) for f in dataclasses.fields(self))  # type: ignore[arg-type]
        return tuple(None if v != v else v for v in values)


@dataclass(frozen=True, slots=True)
class Statistic:
    """A test statistic and its degrees of freedom (nan where it has none); an F has two."""

    value: float
    df: float = NAN
    df2: float = NAN


@dataclass(frozen=True, slots=True, eq=False)
class Estimate(Alike):
    """One number with its uncertainty: one row of every table.

    `name` says what is estimated ("mean change", "d_av"), `how` the test or interval with its
    options ("exact signed-rank, mid-ranks, zeros dropped"), `reason` a code of `REASONS` when the
    value, the interval or p is undefined (nan). Numbers are plain floats in full precision;
    rounding happens in `wording`. `measure` says what kind of number it is: direction, printing and
    words follow from it, never from the name. `visit` and `group` say which visit and which arm,
    route or stratum a row belongs to, where there are several; a `Versus` as group is one group
    against a reference. `place` says more than these two: what a change is counted from, a
    subgroup, a side effect. `part` tells apart the rows of one kernel that have the same measure
    and place; it is a member of the kernel's own enumeration. `n` is how many the row rests on
    (None: everybody analysed).
    """

    name: str
    value: float
    low: float = NAN
    high: float = NAN
    level: float = 0.95
    p: float = NAN
    statistic: float = NAN
    df: float = NAN
    se: float = NAN
    unit: str = ""
    how: str = ""
    reason: str = ""
    visit: str = ""
    group: str = ""
    p_adjusted: float = NAN
    measure: Measure = Measure.UNSTATED
    place: Contrast | None = None
    n: int | None = None
    #: The procedure of `p_adjusted` and over what, ("Holm", "in the family other scores"), where a
    #: plan adjusted it; None where the question itself did, or nobody.
    adjusted_by: tuple[str, str] | None = None
    part: Enum | None = None
    #: The denominator degrees of freedom of an F; nan for any other statistic.
    df2: float = NAN

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "level", "p", "statistic", "df", "se", "p_adjusted"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.reason and self.reason not in REASONS:
            raise ValueError(f"Estimate.reason is one of {', '.join(REASONS)}, not {self.reason!r}")

    @property
    def contrast(self) -> Contrast:
        """Which visit, group, reference, subgroup and event the row is about, as fields."""
        if self.place is not None:
            return self.place
        pair = self.group if isinstance(self.group, Versus) else None
        group, reference = (pair.group, pair.reference) if pair else (str(self.group), "")
        return Contrast(visit=self.visit, group=group, reference=reference)

    @property
    def test(self) -> Statistic | None:
        """The test statistic with its degrees of freedom; None where there is none."""
        if math.isnan(self.statistic):
            return None
        return Statistic(self.statistic, self.df, self.df2)

    def comparing(self, group: str, reference: str, *, said: bool = True) -> Estimate:
        """The row as one of a group against a reference; without `said` its term leaves the pair
        out, where there is only one.
        """
        place = dataclasses.replace(self.contrast, group=group, reference=reference)
        pair = Versus.of(group, reference) if said else ""
        return dataclasses.replace(self, group=pair, place=place)

    def matches(self, other: Estimate) -> bool:
        """Whether another row is about the same thing: its measure, part, place and label."""
        mine, its = ((e.measure, e.part, e.contrast, e.term) for e in (self, other))
        return mine == its

    @property
    def label(self) -> str:
        """What is estimated, for people; never compared or taken apart."""
        return self.name

    @property
    def method(self) -> str:
        """The test or interval with its options."""
        return self.how

    @property
    def scale(self) -> str:
        """The unit of the number: points of the score, SD, share, percentage points, ratio, days,
        patients …
        """
        if self.unit == "difference of shares":
            return "percentage points"
        return self.unit or ("ratio" if self.measure.null == 1 else "none")

    @property
    def term(self) -> str:
        """The name with its group and visit: what the `term` column of a results table says."""
        return " | ".join(part for part in (self.name, self.group, self.visit) if part)

    @property
    def said(self) -> str:
        """The term as tables for people have it: 'adjusted difference · ketamine − placebo · week
        4'.
        """
        name = TITLES.get(self.name) or spoken(self.name)
        parts = (name, spoken(self.group), spoken(self.visit))
        text = " · ".join(part for part in parts if part)
        return text.replace(" - ", f" {MINUS} ").replace(" x ", " \N{MULTIPLICATION SIGN} ")


def named(rows: Iterable[Estimate], names: Iterable[str]) -> tuple[Estimate, ...]:
    """The rows that a user names, by label or by term, in their order."""
    wanted = set(names)
    return tuple(e for e in rows if {e.name, e.term} & wanted)


def chosen(
    rows: Iterable[Estimate],
    *,
    measure: Measure | None = None,
    part: Enum | None = None,
    visit: str | None = None,
    group: str | None = None,
    reference: str | None = None,
    subgroup: str | None = None,
    event: str | None = None,
) -> tuple[Estimate, ...]:
    """The rows of this measure, part and place, in their order; None asks nothing of a field.

    >>> mean = Estimate("mean", 3.0, measure=Measure.LEVEL, group="ketamine")
    >>> other = Estimate("mean", 4.0, measure=Measure.LEVEL, group="placebo")
    >>> [e.value for e in chosen([mean, other], measure=Measure.LEVEL, group="placebo")]
    [4.0]
    """
    place = {
        "visit": visit,
        "group": group,
        "reference": reference,
        "subgroup": subgroup,
        "event": event,
    }
    wanted = {k: v for k, v in place.items() if v is not None}
    return tuple(
        e
        for e in rows
        if (measure is None or e.measure is measure)
        and (part is None or e.part is part)
        and all(getattr(e.contrast, k) == v for k, v in wanted.items())
    )

"""How many patients improved by a published amount: score by score, visit by visit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from enum import Enum, auto
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.groups.group_data import (
    chosen_words,
    codes_of,
    is_randomised,
    levels_of,
    unrandomised,
)
from outcomes.analyses.question import Analysis
from outcomes.analyses.responders.one_group import (
    INTERVALS,
    improvement_sign,
    parse_rule,
    responded,
    rule_name,
)
from outcomes.core.contrast import Contrast
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, no_score_at
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.style import style_of
from outcomes.core.wording import level_text, limits_text, listed, number, plural, share_of, spoken
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues


@dataclass(frozen=True)
class ImprovementGrid(Analysis):
    """How many patients improved by a published meaningful amount, in each score and at each visit?

    Every within-person threshold of change that the library has for a score, with a number and a
    source that was seen, is a rule (percent of the score before where it gives one, else points);
    thresholds between groups classify nobody and are left out. `rules` asks for these instead
    ("30%", "2 points"), and says where the library has them. `outcomes` are the scores (default:
    all with a rule and scores at two visits), `before` the first visit (default: the baseline),
    `visits` the others (default: all after it with a score).

    Each share is of the patients with the score before, missing scores counted as non-response,
    with Wilson's interval (`interval`: see `Responders`); the share of patients with both scores
    stands beside it. With `by` (route, diagnosis) each group has its share, described and not
    compared.

    Percent change is undefined at a score of 0 before: such patients count as non-responders, and
    are left out of the share of patients with both scores. Nothing shows that the treatment did it,
    and a threshold of another population may not fit.

    Raises AnalysisError for unknown names, and where no score has a rule.

    References: Dworkin 2008 (doi 10.1016/j.jpain.2007.09.005); Wilson 1927 (doi
    10.1080/01621459.1927.10502953).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbcc"),
    ...         "visit": ["pre", "post"] * 3,
    ...         "pain": [10, 7, 6, 5, 8, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> result = oc.ImprovementGrid(rules=("30%",)).run(study)
    >>> [(e.n, round(e.value, 3)) for e in result.estimates]
    [(3, 0.333), (2, 0.5)]
    """

    outcomes: tuple[str, ...] = ()
    _: KW_ONLY
    before: str = ""
    visits: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    by: str = ""
    interval: str = "wilson"

    short: ClassVar[str] = "meaningful improvement by score and visit"
    chapter: ClassVar[str] = "Responders"
    references: ClassVar[tuple[str, ...]] = (
        "Dworkin RH, et al. Interpreting the clinical importance of treatment outcomes (IMMPACT)."
        " J Pain 2008;9:105-121.",
        "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat"
        " Assoc 1927;22:209-212.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interval not in INTERVALS:
            raise AnalysisError(unknown("interval", self.interval, INTERVALS))
        for rule in self.rules:
            if parse_rule(rule)[0] not in ("percent", "points"):
                raise AnalysisError(
                    f"A rule of this question is an improvement, '30%' or '2 points'; got '{rule}'."
                )

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        names = self.outcomes or study.outcome_names
        return PatientValues.at(study, names, characteristics=(self.by,))

    def compute(self, study: Study) -> Result:
        before = study.visit(self.before or study.baseline)
        after = tuple(study.visit(v) for v in self.visits)
        if before in after:
            raise AnalysisError(f"visits are those after `before`, which is {spoken(before)}.")
        levels, code = self._groups(study)
        rows: list[Estimate] = []
        table: list[dict[str, object]] = []
        sources: list[dict[str, str]] = []
        grid: dict[str, dict[str, float]] = {}
        begun = np.zeros(study.enrolled, dtype=bool)
        visits: dict[str, None] = {}
        for outcome in self._scores(study, before, after):
            wide = study.wide(outcome.name)
            start = wide[before].to_numpy(float)
            had, sign = ~np.isnan(start), improvement_sign(outcome)
            begun |= had
            for rule, why in self._rules(outcome):
                label = f"{outcome.title}, {rule_name(rule)}"
                sources.append({"score": outcome.title, "improvement": rule_name(rule)} | why)
                cells: dict[str, object] = {
                    "score": outcome.title,
                    "improvement": rule_name(rule),
                }
                for visit in after or _later(study, before):
                    end = wide[visit].to_numpy(float)
                    if not (~np.isnan(end) & had).any():
                        continue
                    visits[visit] = None
                    met, usable = responded(start, end, rule, sign)
                    met, both = met & had & ~np.isnan(end), had & ~np.isnan(end)
                    place = Contrast(visit, before)

                    def share(
                        who: np.ndarray,
                        part: Denominator,
                        name: str,
                        place: Contrast,
                        met: np.ndarray = met,
                    ) -> Estimate:
                        k, n = int((met & who).sum()), int(who.sum())
                        made = INTERVALS[self.interval][1](k, n, level=self.level, name=name)
                        return replace(
                            made,
                            how=f"{made.how}; {k} of {n}",
                            n=n,
                            visit=place.visit,
                            group=place.group,
                            place=place,
                            part=part,
                        )

                    all_ = share(had, Denominator.EVERYBODY, label, place)
                    rows += [
                        all_,
                        share(
                            both & usable,
                            Denominator.SEEN,
                            f"{label}, of patients with both scores",
                            place,
                        ),
                    ]
                    cells[visit] = share_of(int((met & had).sum()), int(had.sum()))
                    grid.setdefault(label, {})[visit] = all_.value
                    for i, level in enumerate(levels):
                        own = had & (code == i)
                        e = share(own, Denominator.GROUP, label, replace(place, group=level))
                        rows.append(e)
                        grid.setdefault(f"{label}, {level}", {})[visit] = e.value
                table.append(cells)
        counts = _counted(study, begun, before)
        seen = [v for v in study.visits if v in visits]
        frames = {
            "grid": pd.DataFrame(grid).T.reindex(columns=seen),
            "grid_table": pd.DataFrame(table).reindex(columns=["score", "improvement", *seen]),
            "threshold_table": pd.DataFrame(sources),
        }
        randomised = not levels or is_randomised(study, self.by)
        notes = [FITS]
        if not randomised:
            notes.append(unrandomised(self.by))
        unknown_group = int(((code < 0) & begun).sum()) if levels else 0
        if unknown_group:
            notes.append(
                f"{plural(unknown_group, 'patient')} without {spoken(self.by)} are in no group."
                if unknown_group > 1
                else f"1 patient without {spoken(self.by)} is in no group."
            )
        return Result(
            self,
            tuple(rows),
            counts,
            None,
            tuple(notes),
            frames,
            ("grid",),
            detail=Grid(before, seen[-1] if seen else "", tuple(levels)),
            main_visit=seen[-1] if seen else "",
            randomised=randomised,
        )

    def _groups(self, study: Study) -> tuple[tuple[str, ...], np.ndarray]:
        if not self.by:
            return (), np.zeros(study.enrolled, dtype=np.int64)
        levels = levels_of(study, self.by)
        return levels, codes_of(study, self.by, levels)

    def _scores(self, study: Study, before: str, after: tuple[str, ...]) -> list[Outcome]:
        """The scores that are asked for, or all with a rule and a pair of visits."""
        if self.outcomes:
            asked = [study.outcome(n) for n in self.outcomes]
            without = [o.title for o in asked if not next(self._rules(o), None)]
            if without:
                raise AnalysisError(
                    f"The library has no within-person threshold with a number for"
                    f' {listed(without)}. Name one: rules=("30%",).'
                )
            for o in asked:
                improvement_sign(o)
        else:
            asked = [
                o
                for o in map(study.outcome, study.outcome_names)
                if o.better and not o.of_change and next(self._rules(o), None)
            ]
        found = []
        for o in asked:
            wide = study.wide(o.name)
            had = wide[before].notna()
            if any((wide[v].notna() & had).any() for v in after or _later(study, before)):
                found.append(o)
        if not found:
            raise AnalysisError(
                f"No score with a threshold was given at {spoken(before)} and at a visit after it."
                ' Name scores and rules: outcomes=(…,), rules=("30%",).'
            )
        return found

    def _rules(self, outcome: Outcome) -> Iterator[tuple[str, dict[str, str]]]:
        """Each rule of a score with its kind, basis, population and source."""
        library = _library(outcome)
        if not self.rules:
            yield from library.items()
            return
        for rule in self.rules:
            own = {"kind": "declared", "basis": "", "population": "", "source": ""}
            named = next((w for r, w in library.items() if parse_rule(r) == parse_rule(rule)), own)
            yield rule, named

    def title(self, outcome: Outcome | None = None) -> str:
        """The label, or what it counts."""
        return self.label or "Meaningful improvement by score and visit"

    def sentence(self, result: Result, style: str = "ama") -> str:
        told = result.told(Grid)
        rows = result.select(part=Denominator.EVERYBODY, visit=told.visit)
        parts = []
        for e in rows[:MOST]:
            ends = (f"{number(100 * v, 0)}%" for v in (e.low, e.high))
            limits = f"{level_text(e.level)} {style_of().confidence}{limits_text(*ends)}"
            k = round(e.value * (e.n or 0))
            parts.append(f"{e.label} in {share_of(k, e.n or 0)} ({limits})")
        more = len(rows) - MOST
        rest = f"; {plural(more, 'other row')} in the table" if more > 0 else ""
        return (
            f"Improvement from {spoken(told.before)} to {spoken(told.visit)}, missing scores"
            f" counted as non-response: {'; '.join(parts)}{rest}."
            f"{chosen_words(result.randomised, self.by)}"
        )

    def methods_text(self) -> str:
        rules = (
            f"by {listed([rule_name(r) for r in self.rules])}"
            if self.rules
            else "by each published within-person threshold of its instrument"
        )
        return (
            f"For each score and visit the share of patients who improved {rules} is shown with its"
            f" {INTERVALS[self.interval][0]} interval, of patients with a score before (missing"
            " scores counted as non-response) and of patients with both scores."
        )


#: How many rows a sentence names.
MOST = 6
FITS = (
    "Thresholds were found in the populations that the table names, by the methods it names; in"
    " other patients another amount may matter. The same patients are counted at every visit; no"
    " test is made."
)


class Denominator(Enum):
    """Whose share a row is."""

    EVERYBODY = auto()
    SEEN = auto()
    GROUP = auto()


@dataclass(frozen=True)
class Grid:
    """The visit before, the main visit after, and the groups."""

    before: str
    visit: str
    groups: tuple[str, ...]


def _later(study: Study, before: str) -> tuple[str, ...]:
    return study.visits[study.visits.index(before) + 1 :]


def _library(outcome: Outcome) -> dict[str, dict[str, str]]:
    """The rules that the library has for a score, in its order, each once with all its sources."""
    found: dict[str, dict[str, str]] = {}
    for t in outcome.thresholds:
        if t.kind != "within-person" or not t.verified:
            continue
        if not math.isnan(t.percent):
            rule = f"{t.percent:g}%"
        elif not math.isnan(t.value):
            rule = f"{t.value:g} points"
        else:
            continue
        why: dict[str, str] = {
            "kind": t.kind,
            "basis": t.basis,
            "population": t.population,
            "source": t.citation,
        }
        if rule not in found:
            found[rule] = why
            continue
        old = found[rule]
        for key in ("basis", "population", "source"):
            said = [old[key], *([why[key]] if why[key] not in old[key] else [])]
            old[key] = " / ".join(w for w in said if w)
    return found


def _counted(study: Study, begun: np.ndarray, before: str) -> Counts:
    gone = study.enrolled - int(begun.sum())
    left = ((no_score_at(before), gone),) if gone else ()
    return Counts(study.enrolled, int(begun.sum()), left)

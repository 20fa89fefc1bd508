"""What every comparison of groups shares: who is in which group, who is left out, and the words for
a difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from outcomes.core.direction import below_level
from outcomes.core.errors import AnalysisError
from outcomes.core.estimate import REASONS, Estimate
from outcomes.core.flow import Counts, Flow, flow_by, not_recorded
from outcomes.core.language import Phrase
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.picture import Frames
from outcomes.core.result import Result
from outcomes.core.wording import (
    interval,
    listed,
    number,
    p_value,
    round_half_away,
    spoken,
    statistic,
)
from outcomes.stats.groups.means import standardised_difference
from outcomes.stats.regression.linear import Term, coded, factor, numeric
from outcomes.study.set_aside import reasons
from outcomes.study.study import Study

#: Groups that others are compared with where no reference is named.
USUAL_REFERENCES = ("placebo", "control", "usual care", "sham", "standard care", "waiting list")


@dataclass(frozen=True, eq=False)
class Groups:
    """The analysed patients of several groups: scores before and after, the group of each, who was
    left out.

    `levels` has the reference first. `y` is what is compared: the change where there is a visit
    before, else the score.
    """

    by: str
    levels: tuple[str, ...]
    code: np.ndarray
    before: np.ndarray
    after: np.ndarray
    place: np.ndarray
    counts: Counts
    outcome: Outcome
    randomised: bool
    #: Of every enrolled patient: the group (None: not known), and why left out ("" for those
    #: analysed).
    everybody: np.ndarray
    why: np.ndarray
    ids: pd.Index
    #: Groups of which nobody can be analysed: named, and in no comparison.
    empty: tuple[str, ...] = ()

    @cached_property
    def y(self) -> np.ndarray:
        """Change (after − before, 9 decimals), or the score after where no visit before was asked
        for.
        """
        return (
            self.after
            if np.isnan(self.before).all()
            else np.round(self.after - self.before, 9) + 0.0
        )

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row an analysed patient, without ids."""
        return pd.DataFrame(
            {"group": self.labels, "before": self.before, "after": self.after, "value": self.y}
        )

    @property
    def labels(self) -> np.ndarray:
        """The name of each analysed patient's group."""
        return np.array(self.levels, dtype=object)[self.code]

    @property
    def term(self) -> Term:
        """The groups as a term of a design."""
        return coded(self.by, self.code, self.levels)

    def only(self, mask: np.ndarray) -> Groups:
        """Some of the analysed patients, in the same groups."""
        return replace(
            self,
            code=self.code[mask],
            before=self.before[mask],
            after=self.after[mask],
            place=self.place[mask],
        )

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values by group, in the order of the levels."""
        return {level: values[mine] for level, mine in self.members.items()}

    @cached_property
    def members(self) -> dict[str, np.ndarray]:
        """Which of the analysed patients belong to each level."""
        return {level: self.code == i for i, level in enumerate(self.levels)}

    @property
    def flow(self) -> Flow:
        """Who was counted, group by group."""
        codes, levels = self.everybody.tolist(), (*self.levels, *self.empty)
        return flow_by(codes, levels, self.why.tolist())

    @property
    def patients(self) -> pd.Index:
        """The ids of the analysed patients."""
        return self.ids[self.place]

    @property
    def sizes(self) -> str:
        """'30 ketamine, 28 placebo'."""
        sizes = [f"{int(mine.sum())} {spoken(v)}" for v, mine in self.members.items()]
        return ", ".join((*sizes, *(f"0 {spoken(v)}" for v in self.empty)))

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said of groups that nobody randomised, and of those without a patient."""
        chosen = () if self.randomised else (unrandomised(self.by),)
        if not self.empty:
            return chosen
        return (*chosen, nobody(self.empty))

    def imbalance(self, before: str, *, adjusted: bool = False) -> tuple[str, ...]:
        """What must be said of groups whose scores before are further apart than chance should
        leave them; nothing where no visit before was asked for.
        """
        if not before:
            return ()
        return imbalances(
            self.split(self.before), before, randomised=self.randomised, adjusted=adjusted
        )


def nobody(groups: Sequence[str]) -> str:
    """The note on groups of which nobody can be analysed."""
    names = listed([spoken(v) for v in groups])
    return f"Nobody with {names} has the scores that are needed: in no comparison."


#: Scores before that are further apart than this, in SDs, are said (Cochran & Rubin 1973).
OVERLAP = 0.25


def imbalances(
    before: Mapping[str, np.ndarray], visit: str, *, randomised: bool, adjusted: bool
) -> tuple[str, ...]:
    """A note for each group whose scores before differ from the reference's (the first) by more
    than `OVERLAP` SD.
    """
    reference, *others = before
    why = (
        "an imbalance by chance, "
        + ("adjusted for." if adjusted else "which this comparison does not adjust for.")
        if randomised
        else "the groups were not alike before"
        + (", and the adjustment leans on the model." if adjusted else ".")
    )
    notes = []
    for group in others:
        x, y = before[group], before[reference]
        gap = standardised_difference(x, y) if min(len(x), len(y)) > 1 else np.nan
        if abs(gap) > OVERLAP:
            notes.append(
                f"Scores at {spoken(visit)} differ by {number(gap, 2)} SD ({spoken(group)} minus"
                f" {spoken(reference)}), more than {number(OVERLAP, 2)}: {why}"
            )
    return tuple(notes)


def unrandomised(by: str) -> str:
    """The note under every comparison of groups that were chosen."""
    return (
        f"Groups by {spoken(by)} were not randomised: chance did not decide who was in which group,"
        " and a difference may be due to whatever else differs between them."
    )


def is_randomised(study: Study, by: str) -> bool:
    """Whether chance decided who is in which of these groups: the arms of a controlled study, or
    its sequences.
    """
    return study.controlled and by in ("arm", "sequence")


def chosen_words(randomised: bool, by: str) -> str:
    """The sentence after a comparison of groups that nobody randomised."""
    return "" if randomised else f" Groups by {spoken(by)} were not randomised."


def versus(e: Estimate, joint: str = "minus") -> str:
    """The two groups of a comparison as a person says them: 'ketamine minus placebo'."""
    return f"{spoken(e.contrast.group)} {joint} {spoken(e.contrast.reference)}"


@dataclass(frozen=True, eq=False)
class JointEffect:
    """The coefficients of the groups (k,), their covariance (k, k) and the residual degrees of
    freedom.
    """

    values: np.ndarray
    covariance: np.ndarray
    df: float


@dataclass(frozen=True)
class ComparedGroups:
    """The groups that are compared, the reference first, and how many patients each has, in
    words.
    """

    groups: tuple[str, ...]
    sizes: str
    #: What the test of all groups rests on, where it can be pooled over imputations.
    joint: JointEffect | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, g: Groups) -> ComparedGroups:
        """Those of the analysed patients."""
        return cls(g.levels, g.sizes)


def adjusted_words(
    result: Result, e: Estimate, style: str, by: str = "Holm", over: str = ""
) -> str:
    """'Holm P=.02 over the 3 visits', naming what adjusted it: the plan's family where it is in
    one, else the question itself.

    Empty where the p-value was not adjusted.
    """
    by, over = (by, over) if e.adjusted_by is None else e.adjusted_by
    return (
        ""
        if np.isnan(e.p_adjusted) or not by
        else f"{by} {p_value(e.p_adjusted, style)} {over}".rstrip()
    )


def moved(outcome: Outcome, e: Estimate, digits: int, on_average: str = " on average") -> str:
    """': scores improved on average' of a change, or that its direction is not clear, by its
    interval, else by its p.

    Nothing of a change that prints as zero, or that has neither interval nor p.
    """
    if np.isnan(e.low) and np.isnan(e.p):
        return ""
    clear = below_level(e.p, e.level) if np.isnan(e.low) else not e.low <= 0 <= e.high
    if not clear:
        return ": the direction of the change is not clear"
    shown = round_half_away(e.value, digits)
    return f": scores {outcome.direction(shown)}{on_average}" if shown else ""


def unspread(reason: str) -> str:
    """Why a comparison of groups has no interval or test, in words."""
    return REASONS[reason]


def grouped(
    study: Study, outcome: str, *, after: str, by: str, before: str = "", reference: str = ""
) -> Groups:
    """The patients of each group with the scores that are needed, everybody else counted with a
    reason.

    Raises AnalysisError for unknown names, a `reference` that is no group or has nobody, or fewer
    than two groups with patients.
    """
    asked = after, by, before, reference
    found: Groups = study.once(
        ("groups", outcome, *asked), lambda: _grouped(study, outcome, *asked)
    )
    _two_with_patients(found, study, after, before)
    return found


def _two_with_patients(g: Groups, study: Study, after: str, before: str) -> None:
    """Refuse a comparison in words where not two groups have patients with the scores, or the
    reference has none.
    """
    have = [v for v, mine in g.members.items() if mine.any()]
    if len(have) > 1 and g.levels[0] in have:
        return
    at = f"both {spoken(before)} and {spoken(after)}" if before else spoken(after)
    needed = f"{g.outcome.title} at {at}"
    if not have:
        raise AnalysisError(f"No patient of {study.enrolled} has {needed}: nothing to compare.")
    if len(have) > 1:
        raise AnalysisError(
            f"Nobody with {spoken(g.levels[0])}, the reference, has {needed}. Name another"
            f" reference: {listed([spoken(v) for v in have])}."
        )
    raise AnalysisError(
        f"Only patients with {spoken(have[0])} have {needed}: a comparison by {spoken(g.by)} needs"
        " two groups."
    )


def _grouped(
    study: Study, outcome: str, after: str, by: str, before: str, reference: str
) -> Groups:
    levels = study.once(("levels", by, reference), lambda: levels_of(study, by, reference))
    everybody = codes_of(study, by, levels)
    if before:
        pairs = study.pairs(outcome, before=before, after=after)
        place = study.patient_ids.get_indexer(pairs.patients)
        pre, post, meaning = pairs.before, pairs.after, pairs.outcome
        left = list(pairs.counts.left_out)
    else:
        wide = study.wide(outcome)[study.visit(after)]
        seen = wide.notna().to_numpy()
        place, post, meaning = np.flatnonzero(seen), wide.to_numpy()[seen], study.outcome(outcome)
        absent = reasons(study.settings, study.wide(outcome), "", after)[~seen]
        pre, left = np.full(len(post), np.nan), list(Counter(absent).items())
    why = reasons(study.settings, study.wide(outcome), before, after)
    why[everybody < 0] = not_recorded(by)
    known = everybody[place] >= 0
    if (~known).any():
        left.append((not_recorded(by), int((~known).sum())))
    counts = Counts(study.enrolled, int(known.sum()), tuple(left))
    randomised = is_randomised(study, by)
    levels, empty, to = _with_patients(levels, everybody[place[known]], reference)
    everybody = to[everybody]
    return Groups(
        by,
        levels,
        everybody[place[known]],
        pre[known],
        post[known],
        place[known],
        counts,
        meaning,
        randomised,
        everybody,
        why,
        study.patient_ids,
        empty,
    )


def _with_patients(
    levels: tuple[str, ...], code: np.ndarray, reference: str
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """The groups that have a patient to analyse, those that have none, and the new place of each
    old one (the last stays −1). All stay where fewer than two are left, or where the declared
    reference has nobody: then nothing can be compared.
    """
    seen = np.bincount(code, minlength=len(levels)) > 0
    if seen.sum() < 2 or (reference and not seen[levels.index(reference)]):
        seen[:] = True
    return parted(levels, seen)


def parted(
    levels: tuple[str, ...], seen: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
    """The levels that are seen, those that are not, and the place of each level in the first
    followed by the second (the last stays −1, for a level that is not known).

    >>> parted(("a", "b", "c"), np.array([True, False, True]))
    (('a', 'c'), ('b',), array([ 0,  2,  1, -1]))
    """
    order = np.argsort(~seen, kind="stable")
    left, gone = (tuple(v for v, s in zip(levels, seen) if s == there) for there in (True, False))
    return left, gone, np.append(np.argsort(order), -1)


def codes_of(study: Study, by: str, levels: Sequence[str]) -> np.ndarray:
    """The place of every enrolled patient's group among the levels; −1 where it is not known."""

    def factorized() -> tuple[np.ndarray, list[str]]:
        made, distinct = pd.factorize(study.characteristic(by))
        return made, [str(v) for v in distinct]

    made, words = study.once(("codes", by), factorized)
    places = [levels.index(w) if w in levels else -1 for w in words]
    return np.array([*places, -1], dtype=np.int64)[made]


def levels_of(
    study: Study, by: str, reference: str = "", column: pd.Series | None = None
) -> tuple[str, ...]:
    """The groups of a study by a characteristic (or in a column of its rows), the reference first:
    the one asked for, else the one the protocol declares, else see `level_order`.
    """
    there = study.characteristic(by) if column is None else column
    return level_order(there, by, reference, declared=study.protocol.reference_of(by))


def level_order(
    column: pd.Series, by: str, reference: str = "", *, declared: str = ""
) -> tuple[str, ...]:
    """The groups there are, the reference first (default: the declared one, else placebo, control …
    where one is so called, else the first).

    Raises AnalysisError where there are fewer than two, or the reference is none of them.
    """
    there = column.dropna()
    if isinstance(there.dtype, pd.CategoricalDtype):
        levels = [str(v) for v in there.cat.categories if (there == v).any()]
    else:
        levels = [str(v) for v in sorted(there.unique(), key=lambda v: (str(type(v)), v))]
    if len(levels) < 2:
        raise AnalysisError(
            f"A comparison by {spoken(by)} needs two groups; there is"
            f" {f'only {spoken(levels[0])}' if levels else 'none'}."
        )
    if reference and reference not in levels:
        raise AnalysisError(f"No {spoken(by)} '{reference}'. There is: {', '.join(levels)}.")
    return reference_first(levels, reference, declared)


def reference_first(
    levels: Sequence[str], reference: str = "", declared: str = ""
) -> tuple[str, ...]:
    """The groups in their order, but the reference first: the one asked for, the declared one where
    anybody is in it, one called placebo or control, or the first.
    """
    usual = [v for v in levels if spoken(v).lower() in USUAL_REFERENCES]
    first = reference or (declared if declared in levels else next(iter([*usual, *levels]), ""))
    return (first, *(v for v in levels if v != first))


def two_levels(groups: Groups, *, instead: str) -> tuple[str, str]:
    """The two groups, other than the reference first. Raises AnalysisError where there are more."""
    if len(groups.levels) > 2:
        raise AnalysisError(
            f"This compares two groups; by {spoken(groups.by)} there are {len(groups.levels)}:"
            f" {', '.join(groups.levels)}. Ask {instead}, or choose two with"
            f" study.where({groups.by}=[…])."
        )
    return groups.levels[1], groups.levels[0]


def what(groups: Groups, before: str, after: str) -> str:
    """'change in pain from baseline to week 4', or 'pain at week 4'."""
    score, when = groups.outcome, spoken(after)
    if not before:
        return Phrase.of("{score} at {visit}", score=score, visit=when)
    return Phrase.of(
        "change in {score} from {before} to {after}",
        score=score,
        before=spoken(before),
        after=when,
    )


def means(
    groups: Mapping[str, np.ndarray], name: str, unit: str, measure: Measure
) -> tuple[Estimate, ...]:
    """The plain mean of each group as a row, with its standard error."""
    rows = []
    for level, y in groups.items():
        se = float(y.std(ddof=1)) / len(y) ** 0.5 if len(y) > 1 else np.nan
        value = float(y.mean()) if len(y) else np.nan
        rows.append(
            Estimate(
                name,
                value,
                se=se,
                unit=unit,
                group=level,
                n=len(y),
                measure=measure,
                reason="" if len(y) else "too_few",
            )
        )
    return tuple(rows)


def two_words(e: Estimate, digits: int, style: str) -> str:
    """The interval, test and p of a difference, or why there is none."""
    if e.reason:
        return f"no interval: {unspread(e.reason)}"
    tested = f"{statistic('t', e.statistic, e.df, style)}, {p_value(e.p, style)}"
    return f"{interval(e.low, e.high, digits, level=e.level)}; {tested}"


def lower_is_better(outcome: Outcome) -> str:
    """'; lower is better', for a sentence that says which of two groups is lower."""
    return f"; {outcome.better} is better" if outcome.better else ""


def groups_frame(groups: Groups) -> pd.DataFrame:
    """Group, before, after and what is compared of each analysed patient, without ids."""
    return groups.frame.copy(
        deep=False
    )  # shared by the questions about these groups; pandas copies on writing


def groups_data(groups: Groups) -> Frames:
    """The frame of the groups, made when a picture reads it."""
    return Frames({"groups": partial(groups_frame, groups)})


def pair_words(result: Result, pairs: Iterable[Estimate], digits: int, style: str, by: str) -> str:
    """'PO differed from IV by 1.2 points (95% CI, 0.4 to 2.0; Holm P=.009)', pair after pair."""
    parts = []
    for e in pairs:
        a, b = spoken(e.contrast.group), spoken(e.contrast.reference)
        if np.isnan(e.value):
            parts.append(f"{a} against {b} not compared, {unspread(e.reason)}")
            continue
        amount = f"{a} differed from {b} by {number(e.value, digits)} {e.unit}".rstrip()
        if e.reason:
            parts.append(f"{amount} (no interval: {unspread(e.reason)})")
            continue
        p = adjusted_words(result, e, style, by) or p_value(e.p, style)
        parts.append(f"{amount} ({interval(e.low, e.high, digits, level=e.level)}; {p})")
    return "; ".join(parts)


def covariate_terms(
    study: Study, groups: Groups, names: Sequence[str], *, factors: Sequence[str] = ()
) -> tuple[Groups, list[Term]]:
    """The covariates as terms of a design, and the groups without patients who lack one of them
    (counted).

    A column of numbers enters as a number, any other column, and those in `factors`, as a factor.
    Raises AnalysisError for an unknown characteristic.
    """
    columns = {
        name: study.characteristic(name).iloc[groups.place]
        for name in dict.fromkeys((*names, *factors))
    }
    keep, left = np.ones(len(groups.code), dtype=bool), list(groups.counts.left_out)
    why = groups.why.copy()
    for name, column in columns.items():
        absent = keep & column.isna().to_numpy()
        if absent.any():
            left.append((not_recorded(name), int(absent.sum())))
            why[groups.place[absent]] = not_recorded(name)
        keep &= ~absent
    kept = groups
    if not keep.all():
        counts = Counts(groups.counts.enrolled, int(keep.sum()), tuple(left), groups.counts.noun)
        levels, empty, to = _with_patients(groups.levels, groups.code[keep], "")
        before = len(groups.levels)
        everybody = np.where(
            groups.everybody < before,
            to[np.minimum(groups.everybody, before - 1)],
            groups.everybody,
        )
        # groups that were empty before stand behind those that are empty now
        rest = groups.only(keep)
        kept = replace(
            rest,
            levels=levels,
            empty=(*empty, *groups.empty),
            code=to[rest.code],
            counts=counts,
            everybody=everybody,
            why=why,
        )
        if len(np.unique(kept.code)) < 2:
            raise AnalysisError(
                f"Fewer than two groups by {spoken(groups.by)} have patients whose"
                f" {listed([spoken(c) for c in columns])} is recorded."
            )
    terms = []
    for name, column in columns.items():
        number_like = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(
            column
        )
        values = column[keep]
        terms.append(
            numeric(name, values.to_numpy(float))
            if number_like and name not in factors
            else factor(name, values)
        )
    return kept, terms

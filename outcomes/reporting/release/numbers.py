"""What a policy does with each typed number: where it knows no rule for it, it does not go out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from outcomes.analyses.traits import Trait
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.language import Phrase, in_language, named, say
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import NONE, digits_for, percent, spoken
from outcomes.reporting.numbers import Count, Difference, Number, Part, Share, Shown, Value
from outcomes.reporting.numbers import released_value as shown_released
from outcomes.reporting.parts import has, several_rows
from outcomes.reporting.release.control import (
    HIDDEN,
    DisclosureControl,
    Released,
    share_words,
)
from outcomes.reporting.release.rules import half_width
from outcomes.study.study import Study

NO_RULE = Phrase.of("the policy has no rule for this kind of number")
TELLS = Phrase.of("a number that would tell about a few patients")
CLOSE = 1e-9


def digits_of(outcome: Outcome) -> int:
    """At most one decimal; two for an index, whose whole scale is about 1 long."""
    index = outcome.high - outcome.low <= 2 or outcome.resolution <= 0.01
    return 2 if index else min(1, digits_for(outcome.resolution))


class Releaser:
    """Shows each number as the disclosure control releases it; a number is judged once."""

    def __init__(self, study: Study, control: DisclosureControl) -> None:
        self.study, self.control = study, control
        self._seen: dict[tuple[Any, ...], Shown] = {}
        self._tallies: dict[tuple[str, int], dict[str, str]] = {}
        self._means: dict[tuple[str, ...], Any] = {}
        self._models: dict[tuple[str, str], int] = {}
        #: The answers of which something went out.
        self.answers: set[int] = set()

    def show(self, number: Number) -> Shown:
        """The number as it may be shown."""
        key = _key(number)
        if key not in self._seen:
            self._seen[key] = self._show(number)
        return self._seen[key]

    def _show(self, number: Number) -> Shown:
        match number:
            case Count():
                return self._count(number)
            case Part():
                return self._part(number)
            case Share():
                return self._share(number)
            case Value():
                return self._value(number.result, number.estimate)
            case Difference():
                return self._difference(number)

    # --- counts and shares ------------------------------------------------------------------------

    def _count(self, c: Count) -> Shown:
        text = self.control.count(c.n, c.what, c.of)
        n = self.control.rounded(c.n)
        if not self.control.out(text):
            few = (
                TELLS if n > 0 else Phrase.of("{n} patients or fewer", n=self.control.policy.hidden)
            )
            text = say("hidden") if text == HIDDEN else text
            empty = Estimate("count", NAN, measure=Measure.COUNT)
            return Shown(text, "", empty, 0, text, percent=NONE, about="about ", hidden=few)
        share = NONE
        if c.of and self.control.out(self.control.count(c.of, "number of patients")):
            share = self.control.ratio(min(n / self.control.rounded(c.of), 1.0))
        e = Estimate("count", float(n), measure=Measure.COUNT)
        return Shown(text, "", e, 0, text, percent=share, about="about ")

    def _part(self, part: Part) -> Shown:
        tally, level = part.tally, part.level
        key = (tally.name, tally.total)
        if key not in self._tallies:
            if d := part.division:
                groups = {name: (t.groups, t.total) for name, t in d.parts.items()}
                whole = (d.whole.groups, d.whole.total)
                self.control.divided(d.whole.name, whole, groups, grows=d.whole.grows)
            self._tallies[key] = self.control.counts(
                tally.groups, tally.total, tally.name, grows=tally.grows, sizes=tally.sizes
            )
        text = self._tallies[key][level]
        if not self.control.out(text):
            few = Phrase.of(
                "{n} patients or fewer, or a number that would tell it",
                n=self.control.policy.hidden,
            )
            empty = Estimate("count", NAN, measure=Measure.COUNT)
            said = say("hidden")
            return Shown(said, "", empty, 0, said, percent=NONE, hidden=few)
        for name in (level, spoken(level), in_language(level), named(spoken(level))):
            self.control.name(name)
        share, n = NONE, self.control.rounded(tally.groups[level])
        if part.of and self.control.out(self.control.count(part.of, "number of patients")):
            share = self.control.ratio(min(n / self.control.rounded(part.of), 1.0))
        e = Estimate("count", float(n), measure=Measure.COUNT)
        return Shown(text, "", e, 0, text, percent=share, about="about ")

    def _share(self, s: Share) -> Shown:
        e = self.control.share(s.count, s.total, s.what)
        total = self.control.count(s.total)
        if math.isnan(e.value):
            few = Phrase.of(
                "{n} patients or fewer with it, or without it", n=self.control.policy.hidden
            )
            return Shown(NONE, NONE, e, 0, NONE, total, NONE, hidden=few)
        text, limits = share_words(e)
        count = self.control.count(s.count)
        return Shown(text, limits, e, 0, count, total, percent(e.value), about="about ")

    def _difference(self, d: Difference) -> Shown:
        """The difference of two shares, where both went out: made of their rounded counts, so that
        it tells nothing that they do not.

        Of the same patients without an interval, for that would need counts of pairs.
        """
        parts = [self.show(d.group), self.show(d.reference)]
        if hidden := next((s.hidden for s in parts if s.hidden), ""):
            empty = Estimate("difference", NAN, measure=d.value.estimate.measure)
            return Shown(NONE, NONE, empty, hidden=hidden)
        e = self.control.difference(
            (d.group.count, d.group.total), (d.reference.count, d.reference.total), d.paired
        )
        for name in (d.value.estimate.contrast.group, d.value.estimate.contrast.reference):
            self.control.name(spoken(name))
        return shown_released(replace(d.value.estimate, level=0.95), e.value, e.low, e.high, 2)

    # --- estimates --------------------------------------------------------------------------------

    def _value(self, r: Result, e: Estimate) -> Shown:
        made = self._released(r, e)
        if made.hidden:
            return Shown(NONE, NONE, Estimate(e.name, NAN, measure=e.measure), hidden=made.rule)
        self.answers.add(id(r))
        where = e.contrast
        title, label = r.analysis.title(r.outcome), named(e.label)
        for name in (e.said, label, where.group, where.reference, title):
            self.control.name(spoken(name))
            self.control.name(name)
        return shown_released(e, made.value, made.low, made.high, made.digits)

    def _released(self, r: Result, e: Estimate) -> Released:
        outcome = r.outcome
        if r.failed or math.isnan(e.value):
            return Released(NAN, rule=Phrase.of("it is not known"))
        if outcome is None:
            return Released(NAN, rule=NO_RULE)
        if e.level != 0.95:
            return Released(NAN, rule=Phrase.of("the policy knows 95% intervals only"))
        where = e.contrast
        plain = not (where.reference or where.subgroup or where.event)
        if has(r, Trait.MODELLED):
            return self._modelled(r, e, outcome)
        if plain and not several_rows(self.study) and e.measure in (Measure.CHANGE, Measure.LEVEL):
            made = self._change(r, e, outcome) or self._seen_mean(r, e, outcome)
            if made is not None:
                return made
        return Released(NAN, rule=NO_RULE)

    def _change(self, r: Result, e: Estimate, outcome: Outcome) -> Released | None:
        """A mean change, or one of the two means it is made of; None where `e` is no such mean.

        Two of the three tell the third, so all are withheld where one is.
        """
        main = next((x for x in r.estimates if x.contrast.from_visit and x.contrast.visit), None)
        if main is None or main.contrast.group:
            return None
        before, after = main.contrast.from_visit, main.contrast.visit
        if {before, after} - set(self.study.visits) or e.contrast.group:
            return None
        pairs = self.study.pairs(outcome.name, before=before, after=after)
        if not len(pairs.before):
            return None
        which = {"before": pairs.before.mean(), "after": pairs.after.mean()}
        part = "change" if e.measure is Measure.CHANGE else ""
        mean, half = float(pairs.change.mean()), half_width(pairs.change)
        if part and not (_same(e.value, mean) and _same(e.low, mean - half)):
            return None
        if not part:
            at = {"before": before, "after": after}
            part = next(
                (p for p in which if at[p] == e.contrast.visit and _same(e.value, which[p])), ""
            )
        if not part:
            return None
        key = ("change", outcome.name, before, after)
        if key not in self._means:
            first = pd.Series(pairs.before, pairs.patients)
            last = pd.Series(pairs.after, pairs.patients)
            parts = {
                "before": {before: (1, first)},
                "after": {after: (1, last)},
                "change": {after: (1, last), before: (-1, first)},
            }
            what = f"{outcome.title}, {spoken(before)} to {spoken(after)}"
            self._means[key] = self.control.linked(outcome, parts, digits_of(outcome), what=what)
        made: Mapping[str, Released] = self._means[key]
        return made[part]

    def _seen_mean(self, r: Result, e: Estimate, outcome: Outcome) -> Released | None:
        """The mean of the patients seen at a visit, of everybody or of a group; None where `e` is
        no such mean.
        """
        visit, group = e.contrast.visit, e.contrast.group
        by = getattr(r.analysis, "by", "") or ""
        if (
            e.measure is not Measure.LEVEL
            or visit not in self.study.visits
            or bool(group) != bool(by)
        ):
            return None
        key = ("seen", outcome.name, by, visit)
        if key not in self._means:
            self._means[key] = self._groups(outcome, by, visit)
        parts, kept = self._means[key]
        if group not in parts or not _same(e.value, float(parts[group].mean())):
            return None
        if group not in kept:
            return Released(NAN, rule=self._few_in_a_group())
        at = (*key, group)
        if at not in self._means:
            what = f"{outcome.title} at {spoken(visit)}"
            self._means[at] = self.control.mean(
                outcome, {visit: (1, parts[group])}, digits_of(outcome), what=what
            )
        made: Released = self._means[at]
        return made

    def _few_in_a_group(self) -> Phrase:
        return Phrase.of("fewer than {n} patients in a group", n=self.control.policy.least)

    def _groups(
        self, outcome: Outcome, by: str, visit: str
    ) -> tuple[dict[str, pd.Series], set[str]]:
        """The scores of each group at a visit, and the groups that may be shown there.

        Else the hidden group were the total less the shown ones.
        """
        seen = self.study.wide(outcome.name)[visit].dropna()
        parts = {"": seen}
        if by:
            column = self.study.characteristic(by)
            groups = column.astype(str).where(column.notna()).reindex(seen.index)
            parts = {str(g): x for g, x in seen.groupby(groups)}
        least = self.control.policy.least
        kept = {g for g, x in parts.items() if len(x) >= least}
        rest = len(seen) - sum(len(parts[g]) for g in kept)
        if by and 0 < rest < least and kept:
            kept.discard(min(kept, key=lambda g: len(parts[g])))
        self.control.hidden += len(parts) - len(kept)
        return parts, kept

    def _modelled(self, r: Result, e: Estimate, outcome: Outcome) -> Released:
        """A change or difference from a model, where each of its groups is large enough.

        One answer a score and kind of question: a second, over slightly other patients, would tell
        about the difference.
        """
        if not e.measure.of_score or e.unit != outcome.unit or math.isnan(e.low):
            return Released(NAN, rule=NO_RULE)
        main = r.main
        if main is None or (e.measure, e.method) != (main.measure, main.method):
            return Released(
                NAN, rule=Phrase.of("only the main kind of estimate of a model goes out")
            )
        kind = r.analysis.short
        if self._models.setdefault((kind, outcome.name), id(r)) != id(r):
            return Released(
                NAN, rule=Phrase.of("the same model of this score is in the report already")
            )
        frame = self.study.long(outcome.name).dropna(subset=["value"])
        by = getattr(r.analysis, "by", "")
        by = next((c for c in (by, "arm", "sequence") if c and c in frame), None)
        groups = frame.groupby([by, "visit"] if by else ["visit"])["patient"].nunique()
        if groups.empty or groups.min() < self.control.policy.least:
            self.control.hidden += 1
            return Released(NAN, rule=self._few_in_a_group())
        said = frame["value"].astype(str).groupby(frame["patient"]).agg("|".join)
        return self.control.estimate(outcome, said, e, digits_of(outcome), kind=kind)


def _same(a: float, b: float) -> bool:
    return bool(math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)) or (
        math.isnan(a) and math.isnan(b)
    )


def _key(number: Number) -> tuple[Any, ...]:
    match number:
        case Count():
            return ("count", number.n, number.what, number.of)
        case Part():
            return ("part", number.tally.name, number.tally.total, number.level, number.of)
        case Share():
            return ("share", number.count, number.total, number.what)
        case Difference():
            return ("difference", *_key(number.value), *_key(number.group), *_key(number.reference))
        case Value():
            e = number.estimate
            return ("value", id(number.result), e.term, e.measure, e.value)

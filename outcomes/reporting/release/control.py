"""What may leave the clinic: every number of a shared report goes through one control.

A policy hides small counts and rounds the rest. The control applies it, remembers what it released,
and lets a block of the report pass only when every number in it is one it issued, so that no other
number can be published by mistake.

The presets carry the thresholds of published rules (OpenSAFELY, NHS Digital's HES rules, CMS, UK
LLC, ACRO). All of them here also round to 5, hide 0 like any small count, show no minimum or
maximum, and take rates from rounded counts: rounding is what protects a report that is made again
every month.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from outcomes.core.errors import PrivacyError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.language import THIN, Phrase, say
from outcomes.core.outcome import Outcome
from outcomes.core.wording import NONE, interval, number, percent, round_half_away, whole
from outcomes.reporting.document import (
    Block,
    Bullets,
    Document,
    Figure,
    Flow,
    KeyNumbers,
    Paragraph,
    Releasable,
    TableBlock,
)
from outcomes.reporting.fingerprints import token
from outcomes.reporting.release.audit import Mean, Reached, Together
from outcomes.reporting.release.ledger import Ledger, PrintedMean
from outcomes.reporting.release.policy import Policy
from outcomes.reporting.release.rules import (
    LEAST_DF,
    Decision,
    Passed,
    decide,
    half_width,
    half_widths,
    withheld,
)
from outcomes.reporting.release.span import Span
from outcomes.reporting.release.tables import CountTables, HiddenCounts
from outcomes.stats.proportions.single import wilson
from outcomes.stats.proportions.two_groups import risk_difference

#: Pictures that draw nothing but released numbers; a line, step or dot for a patient is not among
#: them.
SHARED_PICTURES = ("course", "dots", "bands", "forest")

#: What stands for a count that is not shown, and why one is hidden that is not small itself.
HIDDEN = "hidden"
NARROWS = "withheld: with the other counts it would tell a small one"
AGAIN = "printed so before"


@dataclass(frozen=True, slots=True)
class Released:
    """A number that went out, rounded to `digits`; nan where it is withheld. `rule` says what let
    it pass, or the reason.
    """

    value: float
    low: float = NAN
    high: float = NAN
    digits: int = 1
    rule: str = ""

    @property
    def hidden(self) -> bool:
        """Whether nothing went out."""
        return math.isnan(self.value)

    @property
    def words(self) -> tuple[str, str]:
        """The number and its interval as text; an en dash where it is withheld."""
        if self.hidden:
            return NONE, NONE
        said = NONE if math.isnan(self.low) else interval(self.low, self.high, self.digits)
        return number(self.value, self.digits), said


@dataclass
class DisclosureControl:
    """The one place where a number becomes publishable: it hides, rounds, compares with what was
    published, and remembers.
    """

    policy: Policy
    ledger: Ledger
    issued: set[str] = field(default_factory=set)
    values: set[float] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    #: The patients of this report (as fingerprints), and how many there are.
    patients: frozenset[str] = frozenset()
    enrolled: int = 0
    #: The counts of this report; while they are only gathered, nothing is compared.
    tables: CountTables = field(default_factory=CountTables)
    gathering: bool = False
    passed: list[Passed] = field(default_factory=list)
    #: The score of each column of the span, as far as this study still has it.
    scores: dict[str, float] = field(default_factory=dict)
    #: What is out about each score, and sets of scores that agree with it.
    together: dict[str, Together] = field(default_factory=dict)
    hidden: int = 0
    chapter: str = ""
    _parts: set[tuple[int, int]] = field(default_factory=set)
    _runs: dict[tuple[str, int], list[tuple[str, int]]] = field(default_factory=dict)
    _open: HiddenCounts | None = None
    _structure: tuple[int, int] = (0, 0)

    # --- what goes out ----------------------------------------------------------------------------

    def rounded(self, n: int) -> int:
        """A count as it may be shown, the midpoint of the values it stands for; −1 where it is
        hidden. Issues nothing.
        """
        if n <= self.policy.hidden:
            return -1
        return int(self.policy.base * math.floor(n / self.policy.base + 0.5))

    def count(self, n: int, what: str = "number of patients", of: int = 0) -> str:
        """A count as text: rounded, '≤7' where it is small (or zero), and "hidden" where it would
        narrow a small count down. `of` is the whole that it is a part of.
        """
        name, shown = self._known(n), self.rounded(n)
        if n < of:
            self._less(of, n)
        if shown < 0:
            self.hidden += 1
            return self._note(
                what, f"≤{self.policy.hidden}", f"hidden: {self.policy.hidden} or fewer"
            )
        if not self._stays_open(name, shown):
            self.hidden += 1
            return self._note(what, HIDDEN, NARROWS)
        rule = f"more than {self.policy.hidden}, rounded to {self.policy.base}"
        return self._note(what, self._say(whole(shown), shown), rule)

    @staticmethod
    def out(text: str) -> bool:
        """Whether a count's text is a number that went out."""
        return text != HIDDEN and not text.startswith("≤")

    def counts(
        self,
        groups: Mapping[str, int],
        total: int,
        name: str,
        *,
        grows: bool = True,
        sizes: bool = False,
    ) -> dict[str, str]:
        """Counts of the levels of a characteristic, which add up to a total.

        The largest are shown first. One that, with all tables of this report and of earlier ones,
        would narrow a small count down is hidden too (complementary suppression). `grows` says
        that patients join a level but do not leave it, `sizes` that other tables count the
        patients of a level as their total.
        """
        key = self.ledger.key
        names = {g: token(key, "level", name, g) for g in groups}
        self.tables.add(self._known(total), names.values())
        for g, n in groups.items():
            self._value(names[g], n)
        if grows:
            self.tables.grows |= {*names.values()}
        if sizes or not grows:
            for g, n in groups.items():
                if self.rounded(n) > 0:
                    self.tables.add(self._known(n), [names[g]])
        self._runs[name, total] = [(names[g], n) for g, n in groups.items()]
        self._nested()
        shown = {
            g
            for g in sorted(groups, key=lambda g: -groups[g])
            if self.rounded(groups[g]) > 0 and self._stays_open(names[g], self.rounded(groups[g]))
        }
        self.hidden += len(groups) - len(shown)
        rule = f"more than {self.policy.hidden}, rounded to {self.policy.base}"
        out = {}
        for g, n in groups.items():
            if g in shown:
                out[g] = self._note(
                    f"{name}: {g}", self._say(whole(self.rounded(n)), self.rounded(n)), rule
                )
            else:
                out[g] = HIDDEN
        return out

    def divided(
        self,
        name: str,
        counts: tuple[Mapping[str, int], int],
        groups: Mapping[str, tuple[Mapping[str, int], int]],
        *,
        grows: bool = True,
    ) -> None:
        """Remember that the levels of a characteristic, and the patients, of these groups (tables
        of their own, by name) add up to those of everybody: another table, or an earlier report,
        may show these.
        """
        levels, total = counts
        at = partial(token, self.ledger.key, "level")
        self.tables.add(self._known(total), [at(name, g) for g in levels])
        self.tables.grows |= {at(name, g) for g in levels if grows}
        sizes = [n for _, n in groups.values()]
        if sum(sizes) == total:
            self.tables.add(self._known(total), map(self._known, sizes))
        for group, (of, size) in groups.items():
            self.tables.add(self._known(size), [at(group, g) for g in of])
            for g, n in of.items():
                self._value(at(group, g), n)
        for g, n in levels.items():
            parts = [at(group, g) for group, (of, _) in groups.items() if g in of]
            if rest := n - sum(of.get(g, 0) for of, _ in groups.values()):
                parts.append(at(f"{name} in no group", g))
                self._value(parts[-1], rest)
            self.tables.add(at(name, g), parts)

    def divided_share(self, groups: Sequence[tuple[int, int]]) -> None:
        """Remember that the patients of groups, and those of them with an answer (each (with it,
        patients)), add up to those of everybody, whose share another table or an earlier report
        of the same patients may show.
        """
        k, n = (sum(x) for x in zip(*groups, strict=True))
        for with_it, of in [*groups, (k, n)]:
            self._less(of, with_it)
        for whole_, parts in ((k, [a for a, _ in groups]), (n, [b for _, b in groups])):
            self.tables.add(self._known(whole_), [self._known(p) for p in parts])

    def share(self, k: int, n: int, what: str = "share") -> Estimate:
        """A share from rounded counts with Wilson's interval; undefined where the count or its
        complement is small, or where it would narrow a small count down.
        """
        top, bottom, rest = self.rounded(k), self.rounded(n), self.rounded(n - k)
        if 0 < k < n:
            self._less(n, k)
            self._parts.add((k, n))
            self._nested()
        reason = f"withheld: {self.policy.hidden} or fewer with it or without it"
        small = top < 0 or rest < 0
        if not small and not (
            self._stays_open(self._known(n), bottom) and self._stays_open(self._known(k), top)
        ):
            small, reason = True, NARROWS
        if small:
            self.hidden += 1
            self._note(what, NONE, reason)
            return Estimate("share", NAN, reason="too_few")
        e = wilson(min(top, bottom), bottom)
        value, low, high = (round_half_away(v, 2) for v in (e.value, e.low, e.high))
        made = Estimate("share", value, low, high)
        for v in (made.value, made.low, made.high):
            self._say(percent(v), v)
        self._note(
            what,
            percent(value),
            f"from rounded counts; more than {self.policy.hidden} with and without it",
        )
        return made

    def difference(
        self, group: tuple[int, int], reference: tuple[int, int], paired: bool
    ) -> Estimate:
        """The difference of two shares that went out, from their rounded counts.

        Its interval is wide enough for every pair of counts that are rounded to these
        (Miettinen-Nurminen): it never says more than the counts themselves. Without an interval
        where the shares are of the same patients.
        """
        (k1, n1), (k2, n2) = group, reference
        (least1, shown1, most1), (least2, shown2, most2) = (
            self._stands_for(k1),
            self._stands_for(k2),
        )
        (few1, all1, many1), (few2, all2, many2) = self._stands_for(n1), self._stands_for(n2)
        value = min(shown1 / all1, 1.0) - min(shown2 / all2, 1.0)
        low = risk_difference((least1, max(many1, least1)), (min(most2, few2), few2)).low
        high = risk_difference((min(most1, few1), few1), (least2, max(many2, least2))).high
        ends = (value, NAN, NAN) if paired else (value, low, high)
        value, low, high = (round_half_away(v, 2) if v == v else v for v in ends)
        for v in (value, low, high):
            if not math.isnan(v):
                self._say(number(100 * v, 0), v)
        self._note("difference of shares", number(100 * value, 0), "from rounded counts")
        return Estimate("difference", value, low, high)

    def _stands_for(self, n: int) -> tuple[int, int, int]:
        """The least count that is shown as this one is, what is shown, and the largest."""
        shown, half = self.rounded(n), self.policy.base / 2
        least, most = math.ceil(shown - half), math.ceil(shown + half) - 1
        return max(least, self.policy.hidden + 1), shown, most

    # --- what counts tell about each other --------------------------------------------------------

    def _known(self, n: int) -> str:
        """The name of a number of patients. Equal ones have one name: a reader may know that they
        are the same patients.
        """
        name = token(self.ledger.key, "patients", n)
        self._value(name, n)
        if self.enrolled and n < self.enrolled:
            self._less(self.enrolled, n)
        return name

    def _value(self, name: str, n: int) -> None:
        if self.rounded(n) < 0:
            self.tables.small.add(name)
        else:
            self.tables.would[name] = self.rounded(n)

    def _less(self, whole: int, part: int) -> None:
        """Remember that the others of a whole are a count too."""
        key = self.ledger.key
        rest = token(key, "others", whole, part)
        self._value(rest, whole - part)
        names = (token(key, "patients", n) for n in (whole, part))
        self.tables.add(next(names), (next(names), rest))

    def _nested(self) -> None:
        """A share of the same patients as a table, such as the responders of its bands, is the sum
        of the levels at one of its ends.
        """
        for (_, total), levels in self._runs.items():
            for k, n in self._parts:
                for run in _ends(levels) if n == total else ():
                    if sum(m for _, m in run) == k:
                        self.tables.add(self._known(k), [name for name, _ in run])

    def _stays_open(self, name: str, shown: int) -> bool:
        """Whether a count may be shown beside everything that is out; if so, it is out from now
        on.
        """
        if self.gathering:
            return True
        if self._open is None or self._structure != self._size():
            self._structure = self._size()
            reports = list(self.ledger.tables)
            at = self.ledger.place_of(self.patients)
            if at < len(reports):
                reports[at] = self.tables
            else:
                reports.append(self.tables)
            self._open = HiddenCounts(
                reports, now=at, base=self.policy.base, hidden=self.policy.hidden
            )
        return not self._open.closed_by(name, shown)

    def _size(self) -> tuple[int, int]:
        return len(self.tables.sums), len(self.tables.small)

    def ratio(self, share: float) -> str:
        """A share of two rounded counts: nothing is in it that they do not say."""
        text = percent(share)
        self.issued.update(_numbers(text))
        return text

    def mean(
        self,
        outcome: Outcome,
        visits: Mapping[str, tuple[int, pd.Series]],
        digits: int,
        *,
        what: str = "mean",
    ) -> Released:
        """The mean of a weighted sum of scores, rounded, with its t interval, as coarse as the
        release rules ask.

        `visits` maps each visit to its weight and the scores of the same patients there: a level is
        one visit with weight 1, a change two with 1 and −1. Withheld where the rules say so, and
        where it and all sums released so far isolate fewer patients than a mean may rest on.
        """
        if self.gathering:
            return Released(0.0, 0.0, 0.0, digits)
        values = sum(
            (w * x for w, x in visits.values()),
            start=pd.Series(0.0, next(iter(visits.values()))[1].index),
        )
        weights, owner = self._columns(outcome.name, visits)
        if there := self.ledger.printed(outcome.name, weights):
            made = Decision(there.digits, there.interval, AGAIN)
        else:
            made = self._decided(outcome, values.to_numpy(float), visits, digits)
        if made.released and self._isolates(outcome, weights, owner):
            made = Decision(
                -1,
                False,
                withheld(Phrase.of("with sums released before it would tell about a few patients")),
            )
        if not made.released:
            self.hidden += 1
            self._note(what, NONE, made.words)
            return Released(NAN, rule=made.words)
        self.ledger.spans.setdefault(outcome.name, Span()).add(weights, owner)
        x = values.to_numpy(float)
        if there is None:
            half_out = half_widths(x, made.digits) if made.interval else None
            self.scored(outcome).add(Mean.of(visits, half_out))
            means = self.ledger.means.setdefault(outcome.name, [])
            means.append(PrintedMean(weights, made.digits, made.interval))
        m, half = float(x.mean()), half_width(x) if made.interval else NAN
        shown = self._rounded((m, m - half, m + half), made.digits)
        out = Released(*shown, made.digits, made.words)
        self._note(what, " ".join(w for w in out.words if w != NONE), made.words)
        return out

    def linked(
        self,
        outcome: Outcome,
        parts: Mapping[str, Mapping[str, tuple[int, pd.Series]]],
        digits: int,
        *,
        what: str,
    ) -> dict[str, Released]:
        """Means of which all but one tell the last: all go out or none does."""
        hidden, issued, said = self.hidden, len(self.passed), set(self.issued)
        span = self.ledger.spans.get(outcome.name, Span())
        rows, means = list(span.rows), list(self.scored(outcome).means)
        printed = list(self.ledger.means.get(outcome.name, ()))
        made, reason = dict[str, Released](), ""
        for name, visits in parts.items():
            made[name] = self.mean(outcome, visits, digits, what=f"{what}, {name}")
            if made[name].hidden:
                reason = made[name].rule
                break
        if reason:
            self.hidden, self.issued = hidden + len(parts), said
            del self.passed[issued:]
            self.ledger.spans.get(outcome.name, span).rows[:] = rows
            self.scored(outcome).means[:] = means
            self.ledger.means.get(outcome.name, [])[:] = printed
            made = {name: Released(NAN, rule=reason) for name in parts}
            for name in parts:
                self._note(f"{what}, {name}", NONE, reason)
        return made

    def scored(self, outcome: Outcome) -> Together:
        """What is out about this score."""
        made = Together(outcome.low, outcome.high, outcome.resolution)
        return self.together.setdefault(outcome.name, made)

    def recall(self, outcome: Outcome, wide: pd.DataFrame) -> None:
        """Reckon with the means of this score that earlier reports printed, where all their scores
        are still those of this study (a column a visit).
        """
        at = {
            token(self.ledger.key, outcome.name, v, p, float(x)): (v, p, float(x))
            for v in wide
            for p, x in wide[v].dropna().items()
        }
        told = self.scored(outcome)
        told.know(wide)
        for m in self.ledger.means.get(outcome.name, ()):
            if not m.columns.keys() <= at.keys():
                continue
            scores: dict[str, dict[str, float]] = {}
            weights: dict[str, int] = {}
            for c, w in m.columns.items():
                v, p, x = at[c]
                scores.setdefault(v, {})[p] = x
                weights[v] = w
            visits = {v: (w, pd.Series(scores[v]).sort_index()) for v, w in weights.items()}
            total = sum(w * x.to_numpy(float) for w, x in visits.values())
            half = half_widths(np.asarray(total), m.digits) if m.interval else None
            told.add(Mean.of(visits, half))

    def judged(
        self, outcome: Outcome, scores: pd.DataFrame, met: Callable[..., np.ndarray]
    ) -> None:
        """Reckon with the number of patients whose scores (a column a visit) meet a test, such as
        responders and bands: it may go out, rounded, or be hidden for being small.
        """
        k, n = int(met(*(scores[v].to_numpy(float) for v in scores)).sum()), len(scores)
        low, high = self._window(k)
        rest_low, rest_high = self._window(n - k)
        limits = max(low, n - rest_high), min(high, n - rest_low)
        told = self.scored(outcome)
        told.know(scores)
        told.reached.append(Reached(tuple(scores), scores.index, met, limits))

    def _window(self, n: int) -> tuple[int, int]:
        """The numbers that are shown or hidden as this one is."""
        shown, spread = self.rounded(n), self.policy.base // 2
        return (0, self.policy.hidden) if shown < 0 else (shown - spread, shown + spread)

    def _decided(
        self,
        outcome: Outcome,
        x: np.ndarray,
        visits: Mapping[str, tuple[int, pd.Series]] | None,
        digits: int,
    ) -> Decision:
        """The decision about a mean beside all that is out of this score; without visits alone."""
        low, high = outcome.low, outcome.high
        if change := visits is not None and len(visits) > 1:
            low, high = low - high, high - low
        least, look = self.policy.least, None
        if visits is not None:
            told = self.scored(outcome)
            told.know(pd.DataFrame({v: s for v, (_, s) in visits.items()}))

            def look(half: tuple[float, float] | None) -> str:
                return told.narrowed_by(Mean.of(visits, half), least - 1)

        return decide(
            x,
            low=low,
            high=high,
            step=outcome.resolution,
            digits=digits,
            least=least,
            change=change,
            narrowed_by=look,
        )

    def _columns(
        self, outcome: str, visits: Mapping[str, tuple[int, pd.Series]]
    ) -> tuple[dict[str, int], dict[str, str]]:
        weights, owner, key = dict[str, int](), dict[str, str](), self.ledger.key
        for visit, (w, x) in visits.items():
            for patient, value in x.items():
                column = token(key, outcome, visit, patient, float(value))
                weights[column], owner[column] = w, token(key, "patient", patient)
                self.scores[column] = float(value)
        return weights, owner

    def _isolates(
        self, outcome: Outcome, weights: Mapping[str, int], owner: Mapping[str, str]
    ) -> bool:
        """Whether this sum and those before tell about a few: by the span, or as a difference of
        two groups that may not go out.
        """
        span = self.ledger.spans.get(outcome.name, Span())
        if weights in span.rows:
            return False
        if span.isolates(weights, owner, max(self.policy.least, LEAST_DF + 1)):
            return True
        if len(set(weights.values())) > 1:
            return False
        for row in span.rows:
            inside, outside = weights.keys() - row.keys(), row.keys() - weights.keys()
            if bool(inside) == bool(outside) or set(row.values()) != set(weights.values()):
                continue
            rest = sorted(self.scores[c] for c in inside or outside if c in self.scores)
            if rest and not self._decided(outcome, np.array(rest), None, 0).released:
                return True
        return False

    def estimate(
        self, outcome: Outcome, members: pd.Series, e: Estimate, digits: int, *, kind: str
    ) -> Released:
        """An estimate of a model, rounded, where it rests on enough patients, who differ enough,
        and nothing near it is out.
        """
        if self.gathering:
            return Released(0.0, 0.0, 0.0, digits)
        n, name = len(members), f"{kind} of {outcome.name}"
        weights, owner = self._columns_of_model(name, members)
        span = self.ledger.spans.setdefault(name, Span())
        what, reason = f"{kind}, {outcome.title}", ""
        if math.isnan(e.value) or n - 1 < max(LEAST_DF, self.policy.hidden):
            reason = withheld(Phrase.of("too few patients"))
        elif not e.df >= LEAST_DF:
            reason = withheld(Phrase.of("fewer than {n} residual degrees of freedom", n=LEAST_DF))
        elif _alike((e.high - e.low) / 2 / 1.96 * math.sqrt(n), n, outcome.high - outcome.low):
            reason = withheld(Phrase.of("the scores are too much alike"))
        elif span.isolates(weights, owner, self.policy.least):
            reason = withheld(
                Phrase.of("with estimates released before it would tell about a few patients")
            )
        if reason:
            self.hidden += 1
            self._note(what, NONE, reason)
            return Released(NAN, rule=reason)
        span.add(weights, owner)
        rule = f"a model of at least {self.policy.least} patients in every group"
        out = Released(*self._rounded((e.value, e.low, e.high), digits), digits, rule)
        self._note(what, " ".join(out.words), rule)
        return out

    def _columns_of_model(
        self, name: str, members: pd.Series
    ) -> tuple[dict[str, int], dict[str, str]]:
        key = self.ledger.key
        owner = {token(key, name, p, v): token(key, "patient", p) for p, v in members.items()}
        return dict.fromkeys(owner, 1), owner

    def name(self, text: str) -> str:
        """A name or a fixed sentence that may hold digits of its own (PROMIS-29, week 4, at least
        30%).
        """
        if _numbers(text):
            self.names.add(text)
        return text

    def _rounded(self, values: Iterable[float], digits: int) -> tuple[float, float, float]:
        shown = [v if math.isnan(v) else round_half_away(v, digits) for v in values]
        for v in shown:
            if not math.isnan(v):
                self._say(number(v, digits), v)
        return shown[0], shown[1], shown[2]

    def _say(self, text: str, value: float) -> str:
        self.issued.update(_numbers(text))
        self.values.add(float(value))
        return text

    def _note(self, what: str, text: str, rule: str) -> str:
        self.passed.append(Passed(": ".join(w for w in (self.chapter, what) if w), text, rule))
        return text

    # --- the gate ---------------------------------------------------------------------------------

    def release(self, block: Block) -> Releasable:
        """The block, marked as publishable. Raises PrivacyError where a number in it was not issued
        here.
        """
        if isinstance(block, Figure) and block.kind not in SHARED_PICTURES:
            raise PrivacyError(
                f"A picture of kind '{block.kind}' draws single patients; it cannot be shared."
            )
        for text in texts(block):
            self.check(text)
        if isinstance(block, Figure):
            if block.result.estimates or set(block.result.data) != {block.kind}:
                raise PrivacyError("A shared picture holds nothing but the numbers it draws.")
            frame = block.result.data[block.kind].select_dtypes("number").to_numpy(float)
            if strange := set(frame[~np.isnan(frame)].tolist()) - self.values:
                raise PrivacyError(
                    f"{len(strange)} number(s) of a picture have not passed the disclosure policy."
                )
        return Releasable(block, self.policy.name)

    def check(self, text: str) -> None:
        """Raise PrivacyError where a text holds a number that was neither issued here nor part of a
        known name.
        """
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"(?<![\d.,]){re.escape(name)}(?!\d)", " ", text)
        if strange := _numbers(text) - self.issued:
            place = re.sub(r"\d", "#", text)[:60]
            raise PrivacyError(
                f"{len(strange)} number(s) of a text ('{place}…') have not passed the disclosure"
                " policy."
            )


def texts(block: Block) -> Iterable[str]:
    """Every text of a block."""
    match block:
        case Paragraph():
            yield block.text
        case Bullets():
            yield from block.items
        case KeyNumbers():
            for k in block.items:
                yield from (k.value, k.label, k.detail)
        case Flow():
            for s in block.steps:
                yield from (s.n, s.label, *(w for pair in s.out for w in pair))
        case Figure():
            yield from (block.caption, block.alt)
            yield block.result.analysis.title(block.result.outcome)
            for frame in block.result.data.values():
                yield from frame.select_dtypes(exclude="number").astype(str).to_numpy().ravel()
            yield from _words(block.numbers) if block.numbers else ()
        case TableBlock():
            yield from _words(block.table)


def _words(table: object) -> Iterable[str]:
    from outcomes.tables.results_table import Table

    assert isinstance(table, Table)
    yield from (table.title, *table.header, *table.notes)
    for row in table.rows:
        yield from row


def verify(doc: Document, control: DisclosureControl) -> Document:
    """The document for sharing, after its title and headings have passed the control too."""
    for text in (doc.title, doc.subtitle, *(s.title for s in doc.sections)):
        control.check(text)
    return doc


def _numbers(text: str) -> set[str]:
    return set(re.findall(rf"\d+(?:[.,·{THIN}]\d+)*", text))


def _alike(sd: float, n: int, scale: float) -> bool:
    """Whether mean and SD tell every score to within half the scale.

    No score lies further from the mean than SD·(n − 1)/√n (Samuelson, J Am Stat Assoc
    1968;63:1522-5).
    """
    told = 2 * sd * (n - 1) / math.sqrt(n) if n > 1 else 0.0
    return not told > 0 or (math.isfinite(scale) and told < scale / 2)


def share_words(e: Estimate) -> tuple[str, str]:
    """A released share and its interval as percentages; an en dash where it is hidden."""
    if math.isnan(e.value):
        return NONE, NONE
    low, high = number(100 * e.low, 0), percent(e.high)
    return percent(e.value), say("{low} to {high}", low=low, high=high)


def _ends(levels: Sequence[tuple[str, int]]) -> Iterable[Sequence[tuple[str, int]]]:
    """The runs of levels at either end of a table, but for all of them."""
    for k in range(1, len(levels)):
        yield levels[:k]
        yield levels[k:]

"""What may leave the clinic: one desk over which every number of a shared report goes.

A policy hides small counts and rounds the rest. The desk applies it, remembers what it let through, and clears a block
of the report only when every number in it is one it issued, so that a number nobody thought of cannot slip out.

The presets carry the thresholds of published rules (OpenSAFELY, NHS Digital's HES rules, CMS, UK LLC, ACRO). All of
them here also round to 5, hide 0 like any small count, show no minimum or maximum, and take rates from rounded counts:
rounding is what protects a report that is made again every month.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import PrivacyError
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.wording import NONE, interval, number, percent, round_half_away
from outcomes.reporting.document import (
    Block,
    Bullets,
    Cleared,
    Document,
    Figure,
    Flow,
    KeyNumbers,
    Paragraph,
    TableBlock,
)
from outcomes.reporting.ledger import Ledger, token, too_close
from outcomes.stats.proportions.single import wilson

#: Pictures that draw nothing but released numbers; a line, step or dot for a patient is not among them.
SHARED_PICTURES = ("course", "dots", "bands")


@dataclass(frozen=True)
class Policy:
    """A disclosure rule: counts up to `hidden` are not shown, others are rounded to `base`."""

    name: str
    hidden: int
    base: int = 5
    source: str = ""

    @property
    def least(self) -> int:
        """The fewest patients a mean or a difference between two reports may rest on."""
        return self.hidden + 1

    @property
    def words(self) -> str:
        """The rule in a sentence."""
        return (
            f"Counts of {self.hidden} or fewer are hidden, other counts are rounded to the nearest {self.base}, percentages come "
            f"from rounded counts, means rest on at least {self.least} patients, and no minimum, maximum or single patient is shown."
        )


PRESETS = {
    p.name: p
    for p in (
        Policy("opensafely", 7, source="OpenSAFELY statistical disclosure control (docs.opensafely.org)"),
        Policy("nhs", 7, source="NHS Digital, Hospital Episode Statistics disclosure rules, 2018"),
        Policy("cms", 10, source="CMS cell size suppression policy (resdac.org), with rounding added"),
        Policy(
            "ukllc",
            9,
            source="UK Longitudinal Linkage Collaboration: fewer than 10, zero included, with rounding added",
        ),
        Policy("acro", 9, source="ACRO defaults: at least 10, rounding base 5"),
    )
}


@dataclass
class Desk:
    """The one place where a number becomes publishable: it hides, rounds, compares with what was published, and remembers."""

    policy: Policy
    ledger: Ledger
    issued: set[str] = field(default_factory=set)
    values: set[float] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    means: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    #: Answers made once and used in several places.
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: int = 0

    # --- what goes out ------------------------------------------------------------------------------------------

    def rounded(self, n: int) -> int:
        """A count as it may be shown; −1 where it is hidden. Nothing is said by calling this."""
        if n <= self.policy.hidden:
            return -1
        return int(self.policy.base * math.floor(n / self.policy.base + 0.5))

    def count(self, n: int) -> str:
        """A count as text: rounded, or '≤7' where it is small (or zero)."""
        shown = self.rounded(n)
        if shown < 0:
            self.hidden += 1
            return f"≤{self.policy.hidden}"
        return self._say(str(shown), shown)

    def counts(self, groups: Mapping[str, int], total: int) -> dict[str, str]:
        """Counts that add up to a total: where the total would narrow a hidden one down, the smallest shown is hidden too."""
        hide = {g for g, n in groups.items() if self.rounded(n) < 0}
        while hide and len(hide) < len(groups) and self._narrow(groups, hide, total):
            hide.add(min((g for g in groups if g not in hide), key=lambda g: groups[g]))
        self.hidden += len(hide)
        shown = {g: self.count(n) for g, n in groups.items() if g not in hide}
        return {g: shown.get(g, "hidden") for g in groups}

    def _narrow(self, groups: Mapping[str, int], hide: set[str], total: int) -> bool:
        """Whether hidden counts could be told, from the total and the shown counts, to within fewer than 4 values."""
        spread = self.policy.base // 2
        parts = [self.rounded(n) for g, n in groups.items() if g not in hide]
        whole = self.rounded(total)
        low = whole - sum(parts) - spread * (len(parts) + 1)
        high = whole - sum(parts) + spread * (len(parts) + 1)
        most = max(max(groups[g] for g in hide), self.policy.hidden)
        least_one = max(0, low - most * (len(hide) - 1))
        most_one = min(most, high)
        return most_one - least_one < 3

    def share(self, k: int, n: int) -> Estimate:
        """A share from rounded counts with Wilson's interval; undefined where the count or its complement is small."""
        top, bottom, rest = self.rounded(k), self.rounded(n), self.rounded(n - k)
        if top < 0 or rest < 0:
            self.hidden += 1
            return Estimate("share", NAN, reason="too_few")
        e = wilson(min(top, bottom), bottom)
        value, low, high = (round_half_away(v, 2) for v in (e.value, e.low, e.high))
        made = Estimate("share", value, low, high)
        for v in (made.value, made.low, made.high):
            self._say(percent(v), v)
        return made

    def mean(
        self, variable: str, values: pd.Series, digits: int, *, scale: float, also: Mapping[str, pd.Series] = {}
    ) -> Estimate:
        """The mean of one score a patient (indexed by patient), rounded, with its t interval.

        Undefined where it rests on too few, where a mean of the same variable over nearly the same patients is
        already out (in this report or an earlier one), or where the scores are so alike that mean and interval would tell
        each of them to within half the `scale` (highest less lowest score). `also` are the variables that this mean tells
        about, too.
        """
        told = {variable: values, **also}
        sets = {v: self._tokens(v, x) for v, x in told.items()}
        alike = any(_alike(float(x.std()), len(x), scale) for x in told.values())
        if len(values) < self.policy.least or alike or any(self._close(v, s) for v, s in sets.items()):
            self.hidden += 1
            return Estimate("mean", NAN, reason="too_few")
        for v, s in sets.items():
            self.means.setdefault(v, []).append(s)
        x = values.to_numpy(float)
        half = _t_half(x)
        m = float(x.mean())
        return Estimate("mean", *self._rounded((m, m - half, m + half), digits))

    def estimate(self, variable: str, members: pd.Series, e: Estimate, digits: int, *, scale: float) -> Estimate:
        """An estimate of a model, rounded, where it rests on enough patients, who differ enough, and nothing near it is out."""
        tokens = self._tokens(variable, members)
        alike = _alike((e.high - e.low) / 2 / 1.96 * math.sqrt(len(members)), len(members), scale)
        if len(members) < self.policy.least or alike or self._close(variable, tokens) or math.isnan(e.value):
            self.hidden += 1
            return replace(e, value=NAN, low=NAN, high=NAN, p=NAN, reason="too_few")
        self.means.setdefault(variable, []).append(tokens)
        value, low, high = self._rounded((e.value, e.low, e.high), digits)
        return Estimate(e.name, value, low, high, e.level, unit=e.unit, group=e.group, visit=e.visit)

    def name(self, text: str) -> str:
        """A name or a fixed sentence that may hold digits of its own (PROMIS-29, week 4, at least 30%)."""
        if _numbers(text):
            self.names.add(text)
        return text

    def _rounded(self, values: Iterable[float], digits: int) -> tuple[float, float, float]:
        shown = [round_half_away(v, digits) for v in values]
        for v in shown:
            self._say(number(v, digits), v)
        return shown[0], shown[1], shown[2]

    def _say(self, text: str, value: float) -> str:
        self.issued.update(_numbers(text))
        self.values.add(float(value))
        return text

    def _tokens(self, variable: str, values: pd.Series) -> frozenset[str]:
        return frozenset(token(self.ledger.key, variable, p, v) for p, v in values.items())

    def _close(self, variable: str, tokens: frozenset[str]) -> bool:
        there = [*self.means.get(variable, ()), *self.ledger.earlier(variable)]
        return any(too_close(tokens, other, self.policy.least) for other in there)

    # --- the gate -----------------------------------------------------------------------------------------------

    def clear(self, block: Block) -> Cleared:
        """The block, marked as publishable. Raises PrivacyError where a number in it was not issued here."""
        if isinstance(block, Figure) and block.kind not in SHARED_PICTURES:
            raise PrivacyError(f"A picture of kind '{block.kind}' draws single patients; it cannot be shared.")
        for text in texts(block):
            self.check(text)
        if isinstance(block, Figure):
            if block.result.estimates or set(block.result.data) != {block.kind}:
                raise PrivacyError("A shared picture holds nothing but the numbers it draws.")
            frame = block.result.data[block.kind].select_dtypes("number").to_numpy(float)
            if strange := set(frame[~np.isnan(frame)].tolist()) - self.values:
                raise PrivacyError(f"{len(strange)} number(s) of a picture have not passed the disclosure policy.")
        return Cleared(block, self.policy.name)

    def check(self, text: str) -> None:
        """Raise PrivacyError where a text holds a number that was neither issued here nor part of a known name."""
        for name in sorted(self.names, key=len, reverse=True):
            text = re.sub(rf"(?<![\d.]){re.escape(name)}(?!\d)", " ", text)
        if strange := _numbers(text) - self.issued:
            place = re.sub(r"\d", "#", text)[:60]
            raise PrivacyError(
                f"{len(strange)} number(s) of a text ('{place}…') have not passed the disclosure policy."
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


def seal(doc: Document, desk: Desk) -> Document:
    """The document for sharing, after its title and headings have passed the desk too."""
    for text in (doc.title, doc.subtitle, *(s.title for s in doc.sections)):
        desk.check(text)
    return doc


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:[.,]\d+)*", text))


def _alike(sd: float, n: int, scale: float) -> bool:
    """Whether mean and SD tell every score to within half the scale.

    No score lies further from the mean than SD·(n − 1)/√n (Samuelson, J Am Stat Assoc 1968;63:1522-5).
    """
    told = 2 * sd * (n - 1) / math.sqrt(n) if n > 1 else 0.0
    return not told > 0 or (math.isfinite(scale) and told < scale / 2)


def _t_half(x: Sequence[float] | np.ndarray) -> float:
    from scipy import special

    n = len(x)
    return float(special.stdtrit(n - 1, 0.975) * np.std(x, ddof=1) / math.sqrt(n)) if n > 1 else NAN


def mean_words(e: Estimate, digits: int) -> tuple[str, str]:
    """A released mean and its interval as text; an en dash where it is hidden."""
    if math.isnan(e.value):
        return NONE, NONE
    return number(e.value, digits), NONE if math.isnan(e.low) else interval(e.low, e.high, digits)


def share_words(e: Estimate) -> tuple[str, str]:
    """A released share and its interval as percentages; an en dash where it is hidden."""
    if math.isnan(e.value):
        return NONE, NONE
    return percent(e.value), f"{number(100 * e.low, 0)} to {number(100 * e.high, 0)}%"

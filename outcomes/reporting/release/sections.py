"""The release policy as a filter: the same blocks as in the report for internal use, and of each
only what may go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pandas as pd

from outcomes.analyses.question import Analysis
from outcomes.core.errors import PrivacyError
from outcomes.core.flow import Counts
from outcomes.core.language import Phrase, in_language, message, named, say
from outcomes.core.picture import labelled_frame
from outcomes.core.result import Result
from outcomes.core.wording import NONE, listed, spoken
from outcomes.plots import caption
from outcomes.reporting.document import (
    Block,
    Bullets,
    Figure,
    Flow,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Releasable,
    Section,
    Step,
    TableBlock,
)
from outcomes.reporting.numbers import About, Drawn, Fixed, Grid, Instead, Said, Shown, Text
from outcomes.reporting.release.control import SHARED_PICTURES, DisclosureControl
from outcomes.reporting.release.numbers import NO_RULE, Releaser
from outcomes.reporting.release.rules import reason_of
from outcomes.reporting.told import ci_head
from outcomes.tables.results_table import Table

#: The column of a picture's data that holds the number of a mark.
VALUE = {"course": "mean", "dots": "share", "forest": "value", "bands": "patients"}
UNKNOWN = Phrase.of("the policy does not know what its words tell about patients")


class Filter:
    """Lets a block through as far as every number in it may go out; what it does not know, it
    withholds.
    """

    def __init__(self, releaser: Releaser, control: DisclosureControl, *, sample: bool) -> None:
        self.releaser, self.control, self.sample = releaser, control, sample
        #: What was withheld: the chapter, what it is, and why.
        self.withheld: list[tuple[str, str, str]] = []
        self.chapter = ""

    def sections(self, parts: list[Section]) -> Iterator[Section]:
        """The sections that have something left; a chapter without a block and without a part goes
        with all its words.
        """
        kept = [self._section(s) for s in parts]
        for i, s in enumerate(kept):
            below = kept[i + 1 :]
            inner = next((j for j, x in enumerate(below) if x.level <= s.level), len(below))
            if s.blocks or any(x.blocks for x in below[:inner]):
                yield s

    def _section(self, s: Section) -> Section:
        if s.level == 2:
            self.chapter = s.title
        self.control.chapter = s.title
        made = []
        for b in s.blocks:
            block = self.block(b)
            if block is None:
                continue
            try:
                made.append(self.control.release(block))
            except PrivacyError:
                self._withhold("", UNKNOWN)
        return replace(s, blocks=tuple(made))

    # --- one block --------------------------------------------------------------------------------

    def block(self, b: Any) -> Block | None:
        """The block as it may go out; None where nothing of it may."""
        match b:
            case Releasable():
                raise PrivacyError("A block passes the disclosure policy once.")
            case Paragraph():
                text = self.text(b.text)
                return None if text is None else replace(b, text=text)
            case Bullets():
                items = [t for i in b.items if (t := self.text(i)) is not None]
                return replace(b, items=tuple(items)) if items else None
            case KeyNumbers():
                keys = tuple(k for i in b.items if (k := self._key(i)) is not None)
                return KeyNumbers(keys) if keys else None
            case Flow():
                return self._flow(b)
            case Grid():
                return self._table(b)
            case Drawn():
                return self._figure(b)
            case Instead():
                before = len(self.withheld)
                for one in b.blocks:
                    made = self.block(one)
                    if made is not None:
                        del self.withheld[before:]
                        return made
                return None
            case _:
                self._withhold("a table" if isinstance(b, TableBlock) else "a part", UNKNOWN)
                return None

    def text(self, text: Text, *, cell: bool = False) -> str | None:
        """A text as it may go out: fixed words, and words about numbers that were released."""
        if isinstance(text, Said):
            shown = [self.releaser.show(n) for n in text.numbers]
            hidden = next((s.hidden for s in shown if s.hidden), "")
            if hidden and not cell:
                self._withhold("", hidden)
                return None
            return text.write(*shown)
        if isinstance(text, Fixed) or text == "":
            return self.control.name(str(text))
        if not cell:
            self._withhold("", UNKNOWN)
        return None

    def _withhold(self, what: str, why: str) -> None:
        self.withheld.append((self.chapter, what, why))

    def _key(self, k: KeyNumber) -> KeyNumber | None:
        parts = [self.text(t) for t in (k.value, k.label, k.detail)]
        if any(p is None for p in parts):
            return None
        return KeyNumber(*(p or "" for p in parts))

    def _flow(self, b: Flow) -> Flow | None:
        steps = []
        for s in b.steps:
            label, n = self.text(s.label), self.text(s.n, cell=True)
            out = [(self.text(why), self.text(m, cell=True)) for why, m in s.out]
            if label is None or n is None:
                return None
            known = tuple((w, m) for w, m in out if w is not None and m is not None)
            steps.append(Step(label, n, known))
        return Flow(tuple(steps))

    # --- tables -----------------------------------------------------------------------------------

    def _table(self, g: Grid) -> TableBlock | None:
        title = self.text(g.title)
        if title is None:
            return None
        rows: list[tuple[str, ...]] = []
        lost, dashed = 0, set[int]()
        for row in g.rows:
            shown = [self.releaser.show(n) for c in row if isinstance(c, Said) for n in c.numbers]
            if not shown:
                lost += 1
                continue
            if g.rest is None and all(s.hidden for s in shown) and len(g.rows) > 1:
                lost += 1
                continue
            if any(s.hidden for s in shown) and g.rest is not None:
                lost += 1
                continue
            cells = [self.text(c, cell=True) for c in row]
            dashed |= {i for i, c in enumerate(row) if self._withheld_by_rule(c)}
            rows.append(tuple(NONE if c is None else c for c in cells))
        if not rows and not (lost and g.rest):
            self._withhold(title, Phrase.of("none of its numbers may go out"))
            return None
        if lost and g.rest:
            rows.append((g.rest, say("hidden"), *[NONE] * (len(g.header) - 2))[: len(g.header)])
        return TableBlock(self._slim(g, title, rows, dashed), g.folded)

    def _withheld_by_rule(self, text: Text) -> bool:
        """Whether a rule withheld a number that might have gone out: its dash stays visible."""
        if not isinstance(text, Said):
            return False
        return any(self.releaser.show(n).hidden not in ("", NO_RULE) for n in text.numbers)

    def _slim(self, g: Grid, title: str, rows: list[tuple[str, ...]], dashed: set[int]) -> Table:
        """The table without the columns that no rule lets out."""
        empty = [
            all(r[i] == "" or (r[i] == NONE and i not in dashed) for r in rows)
            for i in range(len(g.header))
        ]
        keep = [i for i, none in enumerate(empty) if not none or i == 0]
        heads = [self.control.name(head(h, about=True)) for h in g.header]
        notes = tuple(t for n in g.notes if (t := self.text(n, cell=True)))
        numeric = tuple(keep.index(i) for i in g.numeric if i in keep)
        slim = tuple(tuple(r[i] for i in keep) for r in rows)
        return Table(title, tuple(heads[i] for i in keep), slim, notes, numeric)

    # --- pictures ---------------------------------------------------------------------------------

    def _figure(self, d: Drawn) -> Figure | None:
        what = d.result.analysis.title(d.result.outcome)
        if d.kind not in SHARED_PICTURES or not d.marks:
            self._withhold(
                say("the picture of {question}", question=what),
                Phrase.of("it draws single patients, or numbers that the policy has no rule for"),
            )
            return None
        rows, missing = list[dict[str, Any]](), list[tuple[str, str]]()
        said: list[tuple[str, ...]] = []
        for m in d.marks:
            shown = self.releaser.show(m.number)
            n = self.releaser.show(m.n) if m.n is not None else None
            if shown.hidden or (n is not None and n.hidden):
                visit = spoken(m.labels.get("visit", ""))
                missing.append((visit, shown.hidden or (n.hidden if n else "")))
                if d.kind == "bands":
                    rows.append({**m.labels, VALUE[d.kind]: math.nan, "shown": say("hidden")})
                    said.append((*map(_in_words, m.labels.values()), say("hidden")))
                continue
            rows.append(self._mark(d.kind, m.labels, shown, n))
            names = tuple(_in_words(v) for v in m.labels.values() if v)
            said.append((*names, *([n.text] if n else []), *_numbers(shown)))
        if not any(not math.isnan(r[VALUE[d.kind]]) for r in rows):
            self._withhold(
                say("the picture of {question}", question=what),
                missing[0][1] if missing else UNKNOWN,
            )
            return None
        for m in d.marks:
            for label in m.labels.values():
                self.control.name(_in_words(label))
        title = self.control.name(what)
        drawn = self._drawn(d, title, labelled_frame(rows))
        table = self._numbers_table(d, said) if d.kind == "bands" else None
        alt = f"{title}: {'; '.join(' '.join(r) for r in said)}."
        return Figure(
            drawn,
            d.kind,
            self.control.name(caption(drawn, d.kind)),
            alt,
            table,
            without=_without(missing) if d.kind != "bands" else "",
        )

    def _mark(self, kind: str, labels: Any, shown: Shown, n: Shown | None) -> dict[str, Any]:
        e = shown.estimate
        row: dict[str, Any] = dict(labels)
        row = row | {VALUE[kind]: e.value}
        if kind == "bands":
            return row | {"shown": shown.text}
        row |= {"low": e.low, "high": e.high}
        if kind == "forest":
            row |= {"measure": e.measure.value, **asdict(e.contrast)}
        if n is not None:
            row |= {"n": n.estimate.value, "of": n.estimate.value}
        return row

    def _drawn(self, d: Drawn, title: str, frame: pd.DataFrame) -> Result:
        """A result that holds nothing but released numbers to draw."""
        return Result(
            Analysis(label=title),
            (),
            Counts(0, 0),
            d.result.outcome,
            data={d.kind: frame},
            pictures=(d.kind,),
            sample=self.sample,
            axis=d.result.axis,
        )

    def _numbers_table(self, d: Drawn, said: list[tuple[str, ...]]) -> Table | None:
        names = [k for k in d.marks[0].labels if any(m.labels.get(k) for m in d.marks)]
        patients = say("{head}, about", head=say("patients"))
        counts = [patients] if d.marks[0].n is not None else []
        value = [patients] if d.kind == "bands" else [say(_HEADS[d.kind]), ci_head(0.95)]
        header = (*(named(spoken(n)) for n in names), *counts, *value)
        rows = tuple(r for r in said if len(r) == len(header))
        numeric = tuple(range(len(names), len(header)))
        return Table(say("Numbers"), header, rows, numeric=numeric) if rows else None


def _in_words(label: str) -> str:
    """The label of a mark as people read it."""
    return in_language(label) if isinstance(label, Phrase) else named(spoken(label))


_HEADS = {"course": message("mean"), "dots": message("share"), "forest": message("value")}


def _numbers(s: Shown) -> tuple[str, ...]:
    return (s.text, s.interval) if s.interval else (s.text,)


def head(text: Text, *, about: bool) -> str:
    """A column's head; of rounded counts with "about"."""
    if isinstance(text, Said):
        return ""
    return say("{head}, about", head=text) if about and isinstance(text, About) else str(text)


def _without(missing: list[tuple[str, str]]) -> str:
    """'no week 4 because fewer than 8 patients …'."""
    reasons: dict[str, list[str]] = {}
    for visit, why in missing:
        reasons.setdefault(reason_of(why), []).append(visit)
    said = []
    for why, visits in reasons.items():
        which = listed(list(dict.fromkeys(v for v in visits if v)))
        said.append(
            say("no {visits} because {why}", visits=which, why=why)
            if any(visits)
            else say("no other rows because {why}", why=why)
        )
    return "; ".join(said)

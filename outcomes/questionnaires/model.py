"""What a score means: an instrument's items, rules, bands, thresholds, reliability and terms; and
the library of them.

An instrument is data: one TOML file in `outcomes/questionnaires/library/` (or in a clinic's own
folder), with score tables as CSV beside it. `file` reads and validates it, `rules` scores with it,
`examples` runs its worked examples and looks for codings that do not fit, `names` finds its columns
in a file.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import InstrumentError, unknown
from outcomes.core.estimate import NAN
from outcomes.core.listing import listed_frame
from outcomes.core.outcome import Outcome, names_rating
from outcomes.core.wording import number

LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Item:
    """One question of a questionnaire: its code, the answers it allows, and a neutral label (never
    its wording).

    `step` is the distance between two possible answers, 0 where any number in the range is one;
    `allowed` are the only answers where they are not evenly spaced (HIT-6: 6, 8, 10, 11, 13).
    `aliases` follow the instrument's name in a column (`bpi_int_1`), `names` stand alone
    (`PAININ9`).
    """

    code: str
    low: float
    high: float
    step: float = 1.0
    title: str = ""
    better: str = ""
    aliases: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    loinc: str = ""
    allowed: tuple[float, ...] = ()

    @property
    def answers(self) -> str:
        """The answers it allows, in words.

        >>> (
        ...     Item("1", 0, 3).answers,
        ...     Item("now", 0, 10, step=0.5).answers,
        ...     Item("dose", 0, math.inf, 0).answers,
        ... )
        ('0 to 3', '0 to 10 in steps of 0.5', '0 or more')
        >>> Item("1", 6, 13, allowed=(6, 8, 10, 11, 13)).answers
        '6, 8, 10, 11, 13'
        """
        if self.allowed:
            return ", ".join(f"{a:g}" for a in self.allowed)
        if math.isinf(self.high):
            return f"{self.low:g} or more"
        return f"{self.low:g} to {self.high:g}" + (
            f" in steps of {self.step:g}" if self.step not in (0, 1) else ""
        )


@dataclass(frozen=True)
class Band:
    """A severity band: from `low` (included) up to the next band."""

    low: float
    label: str


@dataclass(frozen=True)
class Threshold:
    """A published size of change that matters: to whom, by what evidence, where it is printed.

    `value` is in the score's unit and `percent` of the first score, both as sizes without sign (nan
    where the source gives none; `range` has its two ends where it gives a range). `kind` says what
    it may be used for: "within-person" classifies patients, "between-group" judges a difference of
    means, "other" neither. `verified` is False where the source was not seen.
    """

    text: str
    kind: str
    basis: str = ""
    population: str = ""
    citation: str = ""
    value: float = NAN
    percent: float = NAN
    range: tuple[float, ...] = ()
    verified: bool = True

    def __str__(self) -> str:
        parts = [
            self.text,
            self.kind if self.kind != "other" else "",
            self.basis,
            self.population,
            self.citation,
        ]
        return "; ".join(p for p in parts if p) + ("" if self.verified else "; unverified")


@dataclass(frozen=True)
class Reliability:
    """A published reliability of a score: ICC, alpha, SEM (standard error of measurement) or
    MDC95.
    """

    statistic: str
    text: str
    value: float = NAN
    population: str = ""
    citation: str = ""
    verified: bool = True

    def __str__(self) -> str:
        parts = [f"{self.statistic} {self.text}", self.population, self.citation]
        return "; ".join(p for p in parts if p) + ("" if self.verified else "; unverified")


@dataclass(frozen=True, eq=False)
class Table:
    """A look-up table: the score (and its standard error) of raw value `first`, `first + 1`, …"""

    first: float
    values: np.ndarray
    se: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Rule:
    """How a score comes from items, or from scores before it: see `rules` for what each word
    does.
    """

    kind: str
    of: tuple[str, ...]
    at_least: int = 0
    reverse: tuple[str, ...] = ()
    blank: float = NAN
    blank_items: tuple[str, ...] = ()
    partial: bool = False
    recode: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: tuple[float, ...] = ()
    factor: float = 1.0
    offset: float = 0.0
    cuts: tuple[float, ...] = ()
    table: Table | None = None
    round_up: bool = False
    criteria: tuple[Mapping[str, Any], ...] = ()
    function: str = ""
    edge: float = NAN


@dataclass(frozen=True, eq=False)
class Score:
    """A score: its name, range, direction, how it is made, its bands, thresholds and measurement
    error.

    `unverified` says what of its rule was not seen in a source, `unverified_prorating` what of its
    rule for blanks.
    """

    name: str
    title: str
    low: float
    high: float
    rule: Rule
    better: str = ""
    unit: str = "points"
    resolution: float = NAN
    bands: tuple[Band, ...] = ()
    bands_source: str = ""
    thresholds: tuple[Threshold, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    mdc95: float = NAN
    sem: float = NAN
    aliases: tuple[str, ...] = ()
    loinc: str = ""
    unverified: str = ""
    unverified_prorating: str = ""
    notes: tuple[str, ...] = ()

    def band(self, values: Any) -> np.ndarray:
        """The severity band of each value; "" where it is missing or there are no bands.

        >>> list(instrument("phq9").scores[0].band([4, 5, 27, np.nan]))
        ['minimal', 'mild', 'severe', '']
        """
        x = np.atleast_1d(np.asarray(values, dtype=float))
        labels = np.array(["", *(b.label for b in self.bands)], dtype=object)
        place = np.searchsorted([b.low for b in self.bands], np.round(x, 9), side="right")
        return labels[np.where(np.isnan(x), 0, place)]


@dataclass(frozen=True)
class Flag:
    """An answer that somebody must look at, whatever the total: item at or above a value."""

    name: str
    item: str
    at_least: float
    message: str


@dataclass(frozen=True)
class Option:
    """A choice that scoring needs (no default) or allows; `changes` says how each choice scores
    instead.

    `listed` are the choices a message names where there are more that are no standard choice;
    `sources` where each is published.
    """

    name: str
    title: str
    choices: tuple[str, ...]
    default: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Mapping[str, Rule]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of a table of answers, row by row.

    `values` has a column a score (and `<score>_se` where a table gives a standard error);
    `prorated` counts the blanks that a manual's rule filled in; `problems` lists refused answers as
    (row position, item, what is wrong), never the answer; `absent` names scores that could not be
    made and the items they lack; `flags` has 1, 0 or nan (not answered) for each flag; `notes` says
    what was declared or is unverified.
    """

    values: pd.DataFrame
    prorated: pd.DataFrame
    problems: tuple[tuple[int, str, str], ...]
    absent: Mapping[str, tuple[str, ...]]
    flags: pd.DataFrame
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Instrument:
    """A questionnaire, and everything needed to score it and to say what its score means."""

    id: str
    title: str
    items: tuple[Item, ...]
    scores: tuple[Score, ...]
    default_score: str
    domain: str = ""
    missing_rule: str = ""
    licence: str = ""
    licence_contact: str = ""
    references: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    loinc: str = ""
    cdisc: str = ""
    flags: tuple[Flag, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def item(self, code: str) -> Item:
        """The item with this code. Raises InstrumentError that lists what there is."""
        for i in self.items:
            if i.code == code:
                return i
        raise InstrumentError(
            f"{self.title}: {unknown('item', code, [i.code for i in self.items])}"
        )

    def get(self, score: str) -> Score:
        """The score with this name. Raises InstrumentError that lists what there is."""
        for s in self.scores:
            if s.name == score:
                return s
        raise InstrumentError(
            f"{self.title}: {unknown('score', score, [s.name for s in self.scores])}"
        )

    def score(self, items: pd.DataFrame, *, strict: bool = False, **options: Any) -> Scored:
        """Every score that these answers allow, scored as the manual says.

        `items` has one column an item code (floats, nan = not answered); a column named like a
        score is that score, already computed elsewhere. `strict=True` fills nothing in: only
        complete answers are scored. Options every instrument has: `reverse=[item codes]` for
        answers whose numbers run against this library's coding, `shift=-1` for a file that counts
        answers from 1 instead of 0; others (`value_set` of EQ-5D) are in `.options`.

        Raises InstrumentError for a column that is no item, an unknown option or a missing choice.

        >>> phq = instrument("phq9")
        >>> answers = pd.DataFrame(
        ...     [[1.0] * 9, [2.0] * 8 + [np.nan]], columns=[i.code for i in phq.items]
        ... )
        >>> (
        ...     phq.score(answers).values["total"].tolist(),
        ...     phq.score(answers).prorated["total"].tolist(),
        ... )
        ([9.0, 18.0], [0, 1])
        """
        from outcomes.questionnaires.scoring import score

        return score(self, items, strict=strict, options=options)

    def outcome(self, score: str = "") -> Outcome:
        """What a score means, for tables and sentences; without a name, the default score.

        >>> instrument("phq9").outcome("total").better
        'lower'
        """
        s = self.get(score or self.default_score)
        plain = s.title.casefold() in ("", "total", self.title.casefold())
        return Outcome(
            name=f"{self.id}_{s.name}",
            title=self.title if plain else f"{self.title} {s.title}",
            better=s.better,
            unit=s.unit,
            low=s.low,
            high=s.high,
            resolution=s.resolution,
            instrument=self.id,
            thresholds=s.thresholds,
            mdc95=s.mdc95,
            notes=s.notes,
            of_change=names_rating(self.id, self.title, self.domain),
            parts=() if plain else (self.title, s.title),
            score=s.name,
        )

    def find(self, columns: Sequence[str], prefix: str = "") -> dict[str, str]:
        """Item code → column, for the columns that carry this instrument's items under a declared
        name.

        With `prefix`, columns are read as that prefix and an item's code or alias. See `recognise`
        for the names known.
        """
        from outcomes.questionnaires.aliases import find

        return find(self, columns, prefix)

    def __repr__(self) -> str:
        scores = ", ".join(s.name for s in self.scores)
        return f"<Instrument {self.id}: {self.title}; {len(self.items)} items; scores {scores}>"

    def __str__(self) -> str:
        from outcomes.questionnaires.describe import as_markdown

        return as_markdown(self)

    def _repr_html_(self) -> str:
        from outcomes.questionnaires.describe import as_html

        return as_html(self)


@functools.cache
def shipped() -> Mapping[str, Path]:
    """The TOML file of every instrument of the library, by its id."""
    return MappingProxyType({p.stem: p for p in sorted(LIBRARY.glob("*.toml"))})


@functools.cache
def _load_shipped(path: Path) -> Instrument:
    return load_instrument(path)


def instrument(id: str) -> Instrument:
    """The instrument with this id. Raises InstrumentError that lists what there is.

    >>> instrument("gad7").default_score
    'total'
    """
    there = shipped()
    if id not in there:
        raise InstrumentError(unknown("instrument", id, there))
    return _load_shipped(there[id])


def load_instrument(path: str | Path) -> Instrument:
    """An instrument from a TOML file, such as a clinic's own. Raises InstrumentError that points at
    the line.
    """
    from outcomes.questionnaires.loader import read

    return read(Path(path))


def instruments(search: str = "") -> pd.DataFrame:
    """The library as a table; `search` keeps rows that have these words anywhere (name, domain,
    scores, licence).

    >>> list(instruments("insomnia")["id"])
    ['isi']
    """
    rows = []
    for id in shipped():
        kind = instrument(id)
        main = kind.get(kind.default_score) if kind.scores else None
        rows.append(
            {
                "id": id,
                "title": kind.title,
                "domain": kind.domain,
                "items": len(kind.items),
                "scores": ", ".join(s.name for s in kind.scores),
                "range": (
                    f"{number(main.low, 0)} to {number(main.high, 0)}"
                    if main and math.isfinite(main.high)
                    else ""
                ),
                "better": main.better if main else "",
                "missing items": kind.missing_rule,
                "licence": kind.licence,
            }
        )
    table = listed_frame(rows, grouped="domain")
    return table.having(search) if search else table

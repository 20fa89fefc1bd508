"""The typed numbers of a report: what each text, cell and mark is about.

A chapter writes texts about numbers (`Said`), not finished strings. The report for internal use
shows every number in full; a release policy shows, coarsens or withholds each by its type. So both
are made of the same blocks. A plain `str` is text for internal use: a policy cannot know what it
tells. `Fixed` marks text that says nothing about patients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from outcomes.core.direction import direction, direction_said, p_text, value_and_interval
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.language import say
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.core.wording import NONE, digits_for, interval, number, percent, percent_sign, whole


class Fixed(str):
    """Text that depends on no patient: a name, a heading, a sentence that is always the same."""

    __slots__ = ()


def fixed(text: str, /, **fields: object) -> Fixed:
    """A message that depends on no patient, in the language in force."""
    return Fixed(say(text, **fields))


class About(Fixed):
    """The head of a column of counts; "about" is added to it where counts are rounded."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class Count:
    """A number of patients; `of` is the whole that it is a part of, where a percentage is shown."""

    n: int
    what: str = "number of patients"
    of: int = 0


@dataclass(frozen=True, eq=False)
class Share:
    """So many of so many patients; `estimate` is the share with its interval, in full."""

    count: int
    total: int
    estimate: Estimate | None = None
    what: str = "share"


@dataclass(frozen=True, eq=False)
class Value:
    """An estimate of an answer."""

    result: Result
    estimate: Estimate


@dataclass(frozen=True, eq=False)
class Tally:
    """Numbers of patients that add up to a total: the levels of a characteristic, or a flow.

    `grows` says that patients join a level but do not leave it, as they leave "no score yet";
    `sizes` that other tables count the patients of a level as their total.
    """

    groups: Mapping[str, int]
    total: int
    name: str
    grows: bool = True
    sizes: bool = False


@dataclass(frozen=True, eq=False)
class Division:
    """A tally of everybody and, by name, those of the groups that make everybody up."""

    whole: Tally
    parts: Mapping[str, Tally]


@dataclass(frozen=True, eq=False)
class Part:
    """One number of a tally; `of` is the whole where a percentage is shown. `division` says which
    tallies make up that of everybody, where this is one of them.
    """

    tally: Tally
    level: str
    of: int = 0
    division: Division | None = None


@dataclass(frozen=True, eq=False)
class Difference:
    """A difference of two shares of an answer: the group's less the reference's. `paired` says that
    they are of the same patients.
    """

    value: Value
    group: Share
    reference: Share
    paired: bool = False


Number = Count | Share | Value | Part | Difference


@dataclass(frozen=True, eq=False)
class Shown:
    """A number as a report shows it: in full, or as a policy has released it.

    `estimate` holds what is shown and nothing finer, nan where it is withheld; `hidden` is the
    reason why. `about` is set where counts are rounded, so that words say "about".
    """

    text: str
    interval: str = NONE
    estimate: Estimate = field(default_factory=lambda: Estimate("", NAN))
    digits: int = 1
    count: str = ""
    total: str = ""
    percent: str = ""
    p: str = ""
    p_adjusted: str = ""
    about: str = ""
    hidden: str = ""

    def say(self, value: float) -> str:
        """A number beside this one, such as its size without the sign, to the same digits."""
        return number(value, self.digits)

    def with_interval(self) -> str:
        """'−1.5 (−1.9 to −1.2)'."""
        return self.text if self.interval in (NONE, "") else f"{self.text} ({self.interval})"


@dataclass(frozen=True, eq=False)
class Said:
    """A text about numbers: `write` gets them as they are shown and gives the words."""

    numbers: tuple[Number, ...]
    write: Callable[..., str]


Text = str | Said


@dataclass(frozen=True, eq=False)
class Grid:
    """A table of texts about numbers.

    `rest` says what becomes of a row with a withheld number: None keeps it with a dash, "" leaves
    it out, and a text stands in one row for all that were left out.
    """

    title: Text
    header: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    notes: tuple[Text, ...] = ()
    numeric: tuple[int, ...] = ()
    folded: bool = False
    rest: str | None = None


@dataclass(frozen=True, eq=False)
class Mark:
    """One mark of a picture: what it is called, its number, and how many patients it rests on."""

    labels: Mapping[str, str]
    number: Number
    n: Count | Part | None = None


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture of an answer; `marks` are its numbers, without which no policy lets it pass."""

    result: Result
    kind: str
    alt: Text
    marks: tuple[Mark, ...] = ()
    numbers: Any = None
    caption: Text = ""


@dataclass(frozen=True, eq=False)
class Instead:
    """The first of these blocks that may go out."""

    blocks: tuple[Any, ...]


class Printer(Protocol):
    """How numbers are shown to one audience."""

    def show(self, number: Number) -> Shown:
        """The number as this audience sees it."""


class Full:
    """Every number in full: for internal use."""

    def show(self, number: Number) -> Shown:
        """The number with nothing withheld."""
        match number:
            case Count():
                share = percent(number.n / number.of) if number.of else ""
                return Shown(whole(number.n), count=whole(number.n), percent=share)
            case Part():
                n = number.tally.groups[number.level]
                share = percent(n / number.of) if number.of else ""
                return Shown(whole(n), count=whole(n), percent=share)
            case Share():
                return shown_share(number, number.estimate)
            case Value():
                return shown_value(number.result, number.estimate)
            case Difference():
                return shown_value(number.value.result, number.value.estimate)


def shown_share(s: Share, e: Estimate | None) -> Shown:
    """A share in full."""
    text = percent(s.count / s.total) if s.total else NONE
    limits = NONE
    if e is not None and not math.isnan(e.low):
        limits = interval(100 * e.low, 100 * e.high, 0, unit=percent_sign())
    e = e or Estimate("share", s.count / s.total if s.total else NAN, measure=Measure.SHARE)
    return Shown(text, limits, e, 0, whole(s.count), whole(s.total), text)


def shown_value(r: Result, e: Estimate) -> Shown:
    """An estimate in full."""
    text, limits = value_and_interval(e, r.outcome)
    plain = r.outcome is not None and bool(e.unit) and e.unit == r.outcome.unit
    digits = digits_for(r.outcome.resolution) if plain and r.outcome else 2
    return Shown(text, limits or NONE, e, digits, p=p_text(e.p), p_adjusted=p_text(e.p_adjusted))


def released_value(e: Estimate, value: float, low: float, high: float, digits: int) -> Shown:
    """An estimate as a policy has released it: nothing finer than what is printed."""
    kept = replace(
        e, value=value, low=low, high=high, p=NAN, p_adjusted=NAN, statistic=NAN, df=NAN, se=NAN
    )
    limits = NONE if math.isnan(low) else interval(low, high, digits)
    return Shown(number(value, digits), limits, kept, digits, about="about ")


def direction_cell(r: Result) -> Callable[[Shown], str]:
    """What a shown estimate says for patients: "improved", "not clear", "hidden"."""

    def write(s: Shown) -> str:
        if s.hidden:
            return say("hidden")
        word = direction(s.estimate, r.outcome)
        if not word and s.estimate.measure.directed and r.outcome is not None:
            word = "not clear"
        return direction_said(word, s.estimate) if word else NONE

    return write


def text_of(s: Shown) -> str:
    """The number alone."""
    return s.text


def interval_of(s: Shown) -> str:
    """Its interval alone."""
    return s.interval


def cell(n: Number, write: Callable[[Shown], str] = text_of) -> Said:
    """A cell about one number."""
    return Said((n,), write)

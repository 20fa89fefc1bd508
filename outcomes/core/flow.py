"""Who was counted: everybody enrolled, with a reason for each patient left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from outcomes.core.language import Phrase
from outcomes.core.wording import listed, spoken


def no_score_at(visit: object, *, nor: object = "") -> Phrase:
    """Why a patient is left out: no score at a visit (or at either of two).

    >>> no_score_at("week_4"), no_score_at("baseline", nor="week_4")
    ('no score at week 4', 'no score at baseline nor week 4')
    """
    first = spoken(str(visit))
    if nor:
        return Phrase.of("no score at {first} nor {last}", first=first, last=spoken(str(nor)))
    return Phrase.of("no score at {visit}", visit=first)


def not_recorded(name: object) -> Phrase:
    """Why a patient is left out: a characteristic that is not recorded.

    >>> not_recorded("arm")
    'no arm recorded'
    """
    return Phrase.of("no {what} recorded", what=spoken(str(name)))


@dataclass(frozen=True, slots=True)
class Counts:
    """Who was counted: enrolled = analysed + left out, with a reason for each patient left out.

    >>> Counts(41, 35, (("no score at week_4", 6),)).left_out
    (('no score at week_4', 6),)
    """

    enrolled: int
    analysed: int
    left_out: tuple[tuple[str, int], ...] = ()
    noun: str = "patient"

    def __post_init__(self) -> None:
        out = sum(n for _, n in self.left_out)
        if self.enrolled != self.analysed + out:
            raise ValueError(
                f"counts do not add up: {self.enrolled} enrolled, {self.analysed} analysed, {out}"
                " left out"
            )


@dataclass(frozen=True, slots=True)
class EventCount:
    """An intercurrent event that a declared strategy was carried out for.

    `with_event` and `of` count patients by arm (one entry "" where there are no arms); `done` says
    what the strategy did, as a sentence has it after the counts.

    >>> EventCount("rescue opioid", "composite", (("", 3, 20),), "counted as failures").words
    'rescue opioid in 3 of 20 patients (composite: counted as failures)'
    """

    event: str
    strategy: str
    counts: tuple[tuple[str, int, int], ...]
    done: str

    @property
    def words(self) -> str:
        """The event with its counts by arm and what was done."""
        seen = [f"{n} of {of}{f' with {spoken(arm)}' if arm else ''}" for arm, n, of in self.counts]
        patients = " patients" if len(seen) == 1 else ""
        return f"{self.event} in {listed(seen)}{patients} ({self.strategy}: {self.done})"


#: Who was counted in each arm: its name and its counts, in the order of the arms.
Flow = tuple[tuple[str, Counts], ...]


def flow_by(code: Sequence[int], levels: Sequence[str], why: Sequence[str]) -> Flow:
    """Who was counted, arm by arm.

    `code` is the place of every enrolled patient's arm among `levels` (−1 where it is not known),
    `why` the reason why a patient was left out ("" for those analysed), in the same order. Reasons
    come in the order of their words, whatever the order of the patients.

    >>> flow_by([1, 0, 1, -1], ("p", "k"), ["", "", "no score", "no arm"])[1]
    ('k', Counts(enrolled=2, analysed=1, left_out=(('no score', 1),), noun='patient'))
    """
    seen = Counter(zip(code, why, strict=True))
    out = []
    for i, level in enumerate(levels):
        mine = {w: n for (at, w), n in seen.items() if at == i}
        analysed = mine.pop("", 0)
        left = tuple(sorted(mine.items()))
        out.append((level, Counts(analysed + sum(mine.values()), analysed, left)))
    return tuple(out)

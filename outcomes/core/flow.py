"""Who was counted: everybody enrolled, with a reason for each patient left out."""

from __future__ import annotations

from dataclasses import dataclass


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
                f"counts do not add up: {self.enrolled} enrolled, {self.analysed} analysed, {out} left out"
            )

"""What a picture of an answer needs beside its numbers: the axis that its estimates lie on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The axis of the estimates: its words, where no effect is, and how it is divided.

    `words` is the axis title ("" for the picture's own), `null` the line of no effect (None: there
    is none), `log` a logarithmic axis for ratios, `percent` a share shown as a percentage, and
    `margins` the margins that the plan declared, in points of the score.

    >>> ValueAxis("rate ratio", null=1.0, log=True).words
    'rate ratio'
    """

    words: str = ""
    null: float | None = 0.0
    log: bool = False
    percent: bool = False
    margins: tuple[float, ...] = ()

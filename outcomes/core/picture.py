"""What a picture of an answer needs beside its numbers: the axis that its estimates lie on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from outcomes.core.contrast import Contrast
from outcomes.core.estimate import Estimate
from outcomes.core.language import Phrase, in_source
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The axis of the estimates: its words, where no effect is, how it is divided, and which side
    is better.

    `words` is the axis title ("" for the picture's own), `null` the line of no effect (None: there
    is none), `log` a logarithmic axis for ratios, `percent` a share shown as a percentage, and
    `margins` the margins that the plan declared, in points of the score. `better` ("lower",
    "higher") says which side of the line is better for the patients of the group that is compared
    with the reference, where the kind of estimate does not say it itself (harms, responders).

    >>> ValueAxis("rate ratio", null=1.0, log=True).words
    'rate ratio'
    """

    words: str = ""
    null: float | None = 0.0
    log: bool = False
    percent: bool = False
    margins: tuple[float, ...] = ()
    better: str = ""


class Frames(Mapping[str, "pd.DataFrame"]):
    """The frames that an answer's pictures draw, each made when it is first read and then kept.

    A value is a frame or a function without arguments that makes one; which frames there are is
    known without making any. A pickle has the frames themselves.

    >>> import pandas as pd
    >>> frames = Frames({"pairs": lambda: pd.DataFrame({"change": [-1.0, 2.0]})})
    >>> list(frames), len(frames["pairs"]), frames["pairs"] is frames["pairs"]
    (['pairs'], 2, True)
    """

    __slots__ = ("_made",)

    def __init__(self, made: Mapping[str, pd.DataFrame | Callable[[], pd.DataFrame]]) -> None:
        self._made: dict[str, pd.DataFrame | Callable[[], pd.DataFrame]] = dict(made)

    def __getitem__(self, name: str) -> pd.DataFrame:
        found = self._made[name]
        if callable(found):
            with in_source():
                found = self._made[name] = found()
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._made

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __repr__(self) -> str:
        return f"Frames({', '.join(self)})"

    def __reduce__(self) -> tuple[object, ...]:
        return Frames, (dict(self),)


def score_words(text: str, /, outcome: Outcome, *, unit: str = "") -> Phrase:
    """A message about a score, such as the title of an axis: its fields are `score`, the title, and
    `unit` (default: that of the score).
    """
    return Phrase.of(text, score=outcome, unit=Phrase.of(unit or outcome.unit, "name"))


#: The columns of a forest that say what its rows are, for the words of the picture; tables of its
#: numbers leave them out.
MEANING = ("measure", *(f.name for f in fields(Contrast)))


def labelled_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> pd.DataFrame:
    """The frame of a picture, a row an item: its labels stay the messages they are, which a report
    writes in its own language (pandas' own texts would keep the English words only).

    >>> frame = labelled_frame([{"label": Phrase.of("worse"), "patients": 3}])
    >>> type(frame["label"].iloc[0]).__name__
    'Phrase'
    """
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(columns) or None)
    if "label" in frame:
        frame["label"] = pd.Series([r["label"] for r in rows], frame.index, dtype=object)
    return frame


def forest_frame(
    rows: Iterable[tuple[str, Estimate]], main: Callable[[Estimate], bool] | None = None
) -> pd.DataFrame:
    """The rows of a forest, each an estimate with its label: value and interval, what it is, and
    whether it is the one drawn as a diamond.

    >>> e = Estimate("mean change", -1, -2, 0, measure=Measure.CHANGE, visit="week_4")
    >>> row = forest_frame([("pain", e)]).iloc[0]
    >>> row["label"], float(row["value"]), row["measure"], row["visit"]
    ('pain', -1.0, 'change', 'week_4')
    """
    columns = ["label", "value", "low", "high", *(["main"] if main else []), *MEANING]
    made = [
        {"label": label, "value": e.value, "low": e.low, "high": e.high}
        | ({"main": main(e)} if main else {})
        | {"measure": e.measure.value, **asdict(e.contrast)}
        for label, e in rows
    ]
    return labelled_frame(made, columns)


def forest_rows(frame: pd.DataFrame) -> list[Estimate]:
    """The estimates that the rows of a forest show, as far as each says what it is and has a
    value.
    """
    if not set(MEANING) <= set(frame):
        return []
    places = (Contrast(*(str(v) for v in row)) for row in frame[list(MEANING[1:])].to_numpy())
    numbers = frame[["label", "value", "low", "high", "measure"]].itertuples(index=False)
    return [
        Estimate(str(r.label), r.value, r.low, r.high, measure=Measure(r.measure), place=place)
        for r, place in zip(numbers, places, strict=True)
        if not math.isnan(r.value)
    ]

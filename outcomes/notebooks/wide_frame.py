"""Before and after from a table with one row a patient: the shortest way to a first answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from outcomes.analyses.paired.mean_change import PairedT
from outcomes.core.errors import AnalysisError, DataError, unknown
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import listed_addresses
from outcomes.study.study import Study
from outcomes.tables import Table
from outcomes.tables import table as as_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False)
class PairedAnswer:
    """The answer to "did the score change?": its result and its study; a table and a picture on
    demand.
    """

    result: Result
    study: Study

    @property
    def table(self) -> Table:
        """All estimates, for people."""
        return as_table(self.result)

    def plot(self, kind: str = "", *, ax: Axes | None = None) -> Axes:
        """The picture, as `oc.plot` draws it."""
        from outcomes.plots import plot

        return plot(self.result, kind, ax=ax)

    def __repr__(self) -> str:
        return f"{self.result.sentence()}\n\n{self.table}"

    def _repr_html_(self) -> str:
        from outcomes.notebooks.card import result_html

        return result_html(self.result)


def paired(
    frame: pd.DataFrame,
    *,
    before: str,
    after: str,
    patient: str = "",
    title: str = "",
    better: str = "",
    unit: str = "points",
) -> PairedAnswer:
    """Did a score change from one column to another, in a table with one row a patient?

    `before` and `after` are columns of numbers; an empty cell is a missing score. `patient` is the
    column of ids (without it, each row is a patient). `better` is "lower" or "higher", or "" for a
    score without a better side. The question is `PairedT`; `answer.study` asks others:
    ``oc.SignedRank("score", before=…, after=…).run(answer.study)``.

    Raises AnalysisError for an unknown column or direction, DataError for cells that are no numbers
    and for a patient with several rows (by address).

    >>> import pandas as pd, outcomes as oc
    >>> frame = pd.DataFrame({"id": list("abc"), "pre": [7.0, 6, 8], "post": [5, 5, 4]})
    >>> answer = oc.paired(
    ...     frame, before="pre", after="post", patient="id", title="Pain NRS", better="lower"
    ... )
    >>> round(answer.result["mean change"].value, 2)
    -2.33
    """
    for column in filter(None, (before, after, patient)):
        if column not in frame:
            raise AnalysisError(unknown("column", column, map(str, frame.columns)))
    if before == after:
        raise AnalysisError(
            f"before and after are the same column ('{before}'). Choose two of: {_names(frame)}."
        )
    if better not in ("lower", "higher", ""):
        raise AnalysisError(unknown("direction", better, ("lower", "higher")))
    ids = frame[patient] if patient else pd.Series(range(1, len(frame) + 1), index=frame.index)
    if ids.isna().any():
        raise DataError(
            f"The column '{patient}' is empty in {_rows(ids.isna())}: every row needs a patient."
        )
    visits = (str(before), str(after))
    parts = [
        pd.DataFrame(
            {"patient": ids.astype(str).to_numpy(), "visit": visit, "score": _numbers(frame, visit)}
        )
        for visit in visits
    ]
    rows = tuple(f"row {i + 1}" for _ in visits for i in range(len(frame)))
    measure = Outcome("score", title or "Score", better, unit)
    study = Study(
        pd.concat(parts), visits=visits, measures={"score": measure}, title=title, rows=rows
    )
    return PairedAnswer(PairedT("score", before=visits[0], after=visits[1]).run(study), study)


def _names(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns))


def _rows(wrong: Any) -> str:
    return listed_addresses(tuple(f"row {i + 1}" for i, bad in enumerate(wrong) if bad))


def _numbers(frame: pd.DataFrame, column: str) -> Any:
    values = pd.to_numeric(frame[column], errors="coerce").astype(float)
    wrong = values.isna() & frame[column].notna() & (frame[column].astype(str).str.strip() != "")
    if wrong.any():
        raise DataError(
            f"The column '{column}' has {int(wrong.sum())} cell(s) that are no numbers:"
            f" {_rows(wrong)}. Correct or empty them."
        )
    return values.to_numpy()

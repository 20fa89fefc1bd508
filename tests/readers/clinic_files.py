"""Small files as clinics send them, and the path of a newcomer: init, check."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from outcomes.checks import check
from outcomes.readers.draft import guess_study
from outcomes.study.study import Study


@dataclass(frozen=True)
class Drafted:
    """The first study file of a data file, what it says as data, its study and what stands in the
    way.
    """

    text: str
    said: dict[str, Any]
    study: Study | None
    problem: str

    def change(self, outcome: str = "pain_nrs_average") -> float:
        """The mean change from the first to the last visit of those seen at both."""
        assert self.study is not None, self.problem
        wide = self.study.wide(outcome)
        return float((wide[self.study.visits[-1]] - wide[self.study.baseline]).mean())

    def rules(self) -> list[str]:
        """The rules that the check of the study names."""
        assert self.study is not None, self.problem
        return list(check(self.study)["rule"])


def csv(folder: Path, rows: str | Sequence[Sequence[Any]], name: str = "scores.csv") -> Path:
    """A text table from lines, or from rows of cells."""
    path = folder / name
    text = rows if isinstance(rows, str) else "\n".join(",".join(map(str, r)) for r in rows)
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return path


def xlsx(folder: Path, rows: Sequence[Sequence[Any]], name: str = "scores.xlsx") -> Path:
    """A workbook of one sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))  # type: ignore[union-attr]
    book.save(folder / name)
    return folder / name


def draft(path: Path) -> Drafted:
    """What `outcomes init` makes of a file."""
    text, study, problem = guess_study(path)
    return Drafted(text, tomllib.loads(text), study, problem)


def long_rows(visits: Sequence[str] = ("baseline", "week_4"), patients: int = 6) -> list[list[Any]]:
    """Rows of patient, visit and pain: 8 before, 5 after, one point less for every other
    patient.
    """
    return [
        [f"K{p:03d}", visit, (8, 5, 4, 3)[k] - p % 2]
        for p in range(1, patients + 1)
        for k, visit in enumerate(visits)
    ]

"""Frames to files and to the screen, and what is refused before minutes are spent on it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from outcomes.config import atomic
from outcomes.core.errors import MissingExtraError, OutputError, StudyError

if TYPE_CHECKING:
    import pandas as pd

#: Extras and the package that each brings.
EXTRAS = {"pdf": "typst", "docx": "docx", "xlsx": "xlsxwriter", "parquet": "pyarrow"}


def kind_of_file(path: str) -> str:
    """The kind of file that a name asks for. Raises StudyError, MissingExtraError or OutputError
    where it cannot be made.
    """
    kind = Path(path).suffix.lower()
    if kind not in (".csv", ".json", ".parquet"):
        raise StudyError(f"--to ends in .csv, .json or .parquet; got '{kind or path}'.")
    if kind == ".parquet":
        must_have("parquet")
    must_be_writable(Path(path).parent)
    return kind


def must_have(extra: str) -> None:
    """Refuse what an absent extra would make, before minutes are spent on it."""
    package = EXTRAS.get(extra, "")
    if package and importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"{extra.upper()} needs the {extra} extra: pip install 'outcomes[{extra}]'"
        )


def must_be_writable(folder: Path) -> None:
    """Refuse a folder that is not there or cannot be written, before minutes are spent on what
    should go there.
    """
    if not folder.is_dir():
        what = (
            f"'{folder}' is a file, not a folder"
            if folder.exists()
            else f"There is no folder '{folder}' to write to"
        )
        raise OutputError(f"{what}.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Cannot write in {folder}: no permission.")


def write(frame: pd.DataFrame, path: str, *, private: bool = False) -> None:
    """A frame as CSV (no cell of which a spreadsheet takes for a formula), JSON or Parquet, as a
    whole or not at all.

    A private file, one that holds patients' data, can be read by its owner alone. Raises
    OutputError.
    """
    atomic.write(path, _content(frame, kind_of_file(path)), private=private)


def _content(frame: pd.DataFrame, kind: str) -> bytes | str:
    if kind == ".csv":
        from outcomes.tables.grid import safe_cell

        words = {c: frame[c].map(safe_cell) for c in frame.select_dtypes(exclude="number")}
        return str(
            frame.assign(**words).rename(columns=safe_cell).to_csv(index=False, lineterminator="\n")
        )
    if kind == ".json":
        return str(frame.to_json(orient="records", indent=1, double_precision=15))
    return bytes(frame.to_parquet(index=False))


def show(frame: pd.DataFrame, title: str, brief: Sequence[str] = ()) -> None:
    """A frame on the screen: on a terminal a rich table (of the `brief` columns), elsewhere
    tab-separated lines of all.
    """
    frame = frame.loc[:, [c for c in frame if (frame[c].astype(str) != "").any()]]
    if not sys.stdout.isatty():
        print("\t".join(map(str, frame.columns)))
        for row in frame.itertuples(index=False):
            print("\t".join(map(str, row)))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    frame = frame[list(brief) or list(frame.columns)]
    table = Table(*map(str, frame.columns), title=title, title_justify="left")
    for row in frame.itertuples(index=False):
        table.add_row(*(escape(str(v)) for v in row))
    Console().print(table)

"""Files of SPSS, SAS and Stata: every case as text, what the file itself calls missing kept apart,
nothing rounded.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from outcomes.config.regular import read_bytes
from outcomes.core.errors import DataError, MissingExtraError, unknown
from outcomes.readers.cells import Declared, TextTable, fingerprint, from_grid, tidy
from outcomes.readers.formats.preflight import MAX_BYTES
from outcomes.readers.formats.stat_dates import moment_reader, number_text
from outcomes.readers.parse import DECLARED_MISSING
from outcomes.study.study import Issue

#: By a file's ending: whose it is, and what of pyreadstat reads it.
SYSTEMS = {
    ".sav": ("SPSS", "read_sav"),
    ".zsav": ("SPSS", "read_sav"),
    ".dta": ("Stata", "read_dta"),
    ".xpt": ("SAS", "read_xport"),
    ".sas7bdat": ("SAS", "read_sas7bdat"),
}
_CELL = 8  # bytes that a cell takes at least once it is read
_RECORD = 80  # bytes of a SAS transport file's records
_MEMBER = (
    b"HEADER RECORD*******MEMBER  HEADER RECORD",
    b"HEADER RECORD*******MEMBV8  HEADER RECORD",
)
_CASES = re.compile(rb"HEADER RECORD\*{7}OBS(?:    |V8  ) HEADER RECORD")


@dataclass(frozen=True, eq=False)
class _Variable:
    """One column as the file has it: its values, how it is stored and shown, its value labels, what
    it calls missing.
    """

    name: str
    values: Sequence[Any]
    stored: str = "double"
    shown: str = ""
    labels: Mapping[Any, str] = field(default_factory=dict)
    ranges: Sequence[Mapping[str, Any]] = ()

    def code(self, value: Any) -> str:
        """The code of a value that the file calls missing (``99``, ``.a``), or nothing."""
        if isinstance(value, str) and self.stored != "string":
            return f".{value}"
        if any(
            r["lo"] <= value <= r["hi"]
            for r in self.ranges
            if isinstance(r["lo"], str) == isinstance(value, str)
        ):
            return value if isinstance(value, str) else number_text(value)
        return ""


def read_statistical(
    path: str | Path, *, encoding: str = "", labels: bool | Sequence[str] = False
) -> TextTable:
    """The cases of an SPSS (.sav, .zsav), Stata (.dta) or SAS (.xpt, .sas7bdat) file as text; row 1
    is the first case.

    Codes are read, not their labels; `labels` (true, or the columns) takes the labels where there
    are any. Values that the file declares missing (SPSS user-missing, ``.a`` to ``.z``) are kept
    apart from blanks and listed. Dates are ISO text. Numbers are as stored. `encoding` is for files
    that name none, or a wrong one.

    Raises MissingExtraError without pyreadstat; DataError for a file that is broken, cut off, has a
    password or no cases.
    """
    path = Path(path)
    data = read_bytes(path)
    system, _ = SYSTEMS[path.suffix.lower()]
    _look_at(data, path.name)
    read, meta, notes = _parsed(data, path, encoding)
    variables = _variables(read, meta)
    if path.suffix.lower() == ".xpt":
        variables = _with_tags(variables, data, meta)
    names = [v.name for v in variables]
    if not all(isinstance(n, str) for n in names):
        raise DataError(f"{path.name} is damaged: a column has no name. Save it again, or as CSV.")
    wanted = names if labels is True else list(labels or ())
    for name in wanted:
        if name not in names:
            raise DataError(f"{path.name}, labels: {unknown('column', name, names)}")
    texts = []
    for variable in variables:
        text, said = _text(variable, system, variable.name in wanted)
        texts.append(text)
        notes += said
    notes += _unused_labels([v.name for v in variables if v.labels and v.name not in wanted])
    n = len(texts[0]) if texts else 0
    grid = pd.DataFrame(dict(enumerate(texts)), dtype=str)
    table = from_grid(path.name, grid, np.arange(1, n + 1), headings=names, notes=notes)
    titles = {tidy(n): tidy(t) for n, t in zip(meta.column_names, meta.column_labels) if t}
    meant = {
        tidy(v.name): {
            f"{code:g}" if isinstance(code, (int, float)) else str(code): str(label)
            for code, label in v.labels.items()
        }
        for v in variables
        if v.labels and v.name not in wanted
    }
    return replace(table, declared=Declared(titles=titles, labels=meant), **fingerprint(data))


def _look_at(data: bytes, name: str) -> None:
    if not data.strip():
        raise DataError(f"{name} is empty.")
    if b"ENCRYPTEDSAV" in data[:64]:
        raise DataError(f"{name} has a password. Save it without one in SPSS, or as CSV.")
    cut = f"{name} is cut off: its end is not there. Copy or export it again."
    if data.startswith(b"<stata_dta>") and b"</stata_dta>" not in data[-40:]:
        raise DataError(cut)
    if not name.lower().endswith(".xpt"):
        return
    members = sum(data[i : i + 41] in _MEMBER for i in range(0, len(data), _RECORD))
    if members > 1:
        raise DataError(f"{name} holds {members} data sets. Save each in a file of its own.")
    if len(data) % _RECORD:
        raise DataError(cut)


def _parsed(
    data: bytes, path: Path, encoding: str
) -> tuple[dict[str, list[Any]], Any, list[Issue]]:
    """The raw values by column, the file's description of them, and a note where the encoding had
    to be assumed.
    """
    try:
        import pyreadstat
    except ImportError:
        raise MissingExtraError(
            f"{path.name} needs the statfiles extra: pip install 'outcomes[statfiles]'. Or save it"
            " as CSV."
        ) from None
    system, reader = SYSTEMS[path.suffix.lower()]
    how: dict[str, Any] = {"output_format": "dict", "disable_datetime_conversion": True}
    if reader != "read_xport":
        how["user_missing"] = True
    _small_enough(data, path)
    tries = [encoding or None] if encoding or reader != "read_xport" else [None, "WINDOWS-1252"]
    for tried in tries:
        try:
            read, meta = getattr(pyreadstat, reader)(io.BytesIO(data), encoding=tried, **how)
        except UnicodeDecodeError:
            continue
        except (
            pyreadstat.ReadstatError,
            pyreadstat.PyreadstatError,
            ValueError,
            OverflowError,
            TypeError,
            MemoryError,
        ) as wrong:
            if "convert string" in str(wrong) or "encoding" in str(wrong):
                break
            raise DataError(
                f"{path.name} cannot be read as {system} data: it is damaged, cut off, has a"
                f" password or is of another kind. Save it again in {system}, or as CSV."
            ) from None
        assumed = (
            "The file names no encoding and is not UTF-8; it was read as Windows-1252. Check"
            " accented letters."
        )
        return (
            read,
            meta,
            [Issue("encoding", assumed, severity="warning")] if tried and not encoding else [],
        )
    raise DataError(
        f"{path.name}: its text is not in the encoding that it names. Say which it is: "
        'scores = { file = "…", encoding = "WINDOWS-1252" }.'
    )


def _small_enough(data: bytes, path: Path) -> None:
    """Refuse what would not fit into memory, by what the file says of itself."""
    import pyreadstat

    cells = unpacked = 0
    with contextlib.suppress(Exception):  # what is damaged is said when it is read
        reader = getattr(pyreadstat, SYSTEMS[path.suffix.lower()][1])
        meta = reader(io.BytesIO(data), metadataonly=True)[1]
        cells = max(meta.number_rows or 0, 0) * max(meta.number_columns or 0, 1)
    if data.startswith(b"$FL3"):
        unpacked = _unpacked(data)
    if cells * _CELL > MAX_BYTES or unpacked > MAX_BYTES:
        raise DataError(
            f"{path.name} is refused: it says that it has {cells} cells, or unpacks to more than"
            f" {MAX_BYTES >> 20} MB. Save the variables that are needed in a file of their own."
        )


def _unpacked(data: bytes) -> int:
    """To how many bytes a .zsav file says that it unpacks: from the list of its blocks at its end
    (PSPP Developers Guide, "Data Record"). 0 where there is none.
    """
    for blocks in range(1, min(len(data) // 24, 1_000_000)):
        start = len(data) - 24 - 24 * blocks
        if start < 0:
            break
        bias, zero, _, told = struct.unpack_from("<qqii", data, start)
        if (bias, zero, told) == (-100, 0, blocks):
            ends = (start + 24 + 24 * k + 16 for k in range(blocks))
            return sum(struct.unpack_from("<I", data, e)[0] for e in ends)
    return 0


def _variables(read: Mapping[str, list[Any]], meta: Any) -> list[_Variable]:
    return [
        _Variable(
            name,
            values,
            meta.readstat_variable_types.get(name, "double"),
            meta.original_variable_types.get(name) or "",
            meta.variable_value_labels.get(name, {}),
            meta.missing_ranges.get(name, ()),
        )
        for name, values in read.items()
    ]


def _with_tags(variables: Sequence[_Variable], data: bytes, meta: Any) -> list[_Variable]:
    """With the special missing values of a SAS transport file (``.A`` to ``.Z``, ``._``): the first
    byte of an empty number.
    """
    found = _CASES.search(data)
    widths = [int(meta.variable_storage_width[v.name]) for v in variables]
    n, width = len(variables[0].values) if variables else 0, sum(widths)
    if not found or not n:
        return list(variables)
    cases = np.frombuffer(data, np.uint8, n * width, found.start() + _RECORD).reshape(n, width)
    made = []
    for variable, start in zip(variables, np.r_[0, np.cumsum(widths)[:-1]].astype(int)):
        values = list(variable.values)
        if variable.stored != "string":
            first = cases[:, start]
            for i in np.flatnonzero(
                (first == ord("_")) | ((first >= ord("A")) & (first <= ord("Z")))
            ):
                values[i] = chr(first[i]) if values[i] is None else values[i]
        made.append(replace(variable, values=values))
    return made


def _text(variable: _Variable, system: str, labelled: bool) -> tuple[list[str], list[Issue]]:
    """A column's cells as text, and what is to be said of them."""
    moment, unread = (
        moment_reader(system, variable.shown) if variable.stored != "string" else (None, "")
    )
    one = variable.stored == "float"
    texts, codes, bare, near = {}, {}, set(), set()
    for value in {v for v in variable.values if v is not None and v == v}:
        if code := variable.code(value):
            codes[value] = code
            texts[value] = DECLARED_MISSING + code
        elif labelled and value in variable.labels:
            texts[value] = str(variable.labels[value])
        elif isinstance(value, str):
            texts[value] = value
        else:
            texts[value] = moment(value) if moment else number_text(value, single=one)
            if labelled and variable.labels:
                bare.add(value)
            if not moment and abs(value) < 1e15 and 0 < abs(value - round(value)) < 1e-6:
                near.add(value)
    notes = _missing_note(variable, codes)
    off = "a hair off a whole number (7.000000001); they were read as they are stored"
    notes += _cells_note(variable, near, "float_noise", off, "warning")
    notes += _cells_note(
        variable, bare, "no_label", "without a value label; their codes were read", "note"
    )
    if unread:
        notes.append(
            Issue(
                "date_format",
                f"{variable.name}: {unread}",
                severity="warning",
                column=variable.name,
            )
        )
    return [texts.get(v, "") if v is not None else "" for v in variable.values], notes


def _cells_note(
    variable: _Variable, picked: set[Any], rule: str, words: str, severity: Any
) -> list[Issue]:
    if not picked:
        return []
    where = _where(variable, picked)
    text = f"{variable.name}: {len(where)} cell(s) {words}."
    return [Issue(rule, text, len(where), severity, column=variable.name, addresses=where)]


def _missing_note(variable: _Variable, codes: Mapping[Any, str]) -> list[Issue]:
    """How many cells hold each code that the file declares missing."""
    if not codes:
        return []
    counts = Counter(v for v in variable.values if v in codes)
    said = []
    for value, n in sorted(counts.items(), key=lambda pair: codes[pair[0]]):
        label = variable.labels.get(value, "")
        said.append(f"{codes[value]}{f' {label}' if label else ''}: {n}")
    words = (
        f"hold codes that the file itself declares missing ({'; '.join(said)}); they count as coded"
        " missing"
    )
    return _cells_note(variable, set(codes), "declared_missing", words, "note")


def _where(variable: _Variable, picked: set[Any]) -> tuple[str, ...]:
    return tuple(
        f"row {i}, column {variable.name}" for i, v in enumerate(variable.values, 1) if v in picked
    )


def _unused_labels(names: Sequence[str]) -> list[Issue]:
    if not names:
        return []
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    text = (
        f"{len(names)} column(s) have value labels; their codes were read ({shown}). Say labels ="
        " true to read the labels."
    )
    return [Issue("value_labels", text, len(names), "note")]

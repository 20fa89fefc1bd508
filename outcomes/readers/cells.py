"""A file as people see it: every cell as text, with the address it has there."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypedDict

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, looks_like_value, there_is, unknown
from outcomes.study.record import Issue, RowNumbers

#: Rows that a clinic adds under its table; a "patient" of this name is a summary, not a person.
SUMMARIES = frozenset(
    (
        "mean",
        "average",
        "avg",
        "median",
        "sd",
        "std",
        "stdev",
        "std dev",
        "std. dev.",
        "standard deviation",
        "total",
        "totals",
        "sum",
        "subtotal",
        "grand total",
        "count",
        "minimum",
        "maximum",
        "mean (sd)",
        "mean ± sd",
        "mean±sd",
        "mean:",
        "average:",
        "mittelwert",
        "durchschnitt",
        "mittel",
        "summe",
        "gesamt",
        "moyenne",
        "médiane",
        "écart-type",
        "total général",
        "somme",
        "media",
        "mediana",
        "promedio",
        "suma",
        "gemiddelde",
        "mediaan",
        "totaal",
        "somma",
        "totale",
        "média",
        "soma",
    )
)


class Fingerprint(TypedDict):
    """Which bytes a table was parsed from."""

    size: int
    sha256: str


def fingerprint(data: bytes) -> Fingerprint:
    """Size and SHA-256 of a file's bytes, taken where they are parsed: a second look at the file
    might see another one.
    """
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@dataclass(frozen=True)
class Declared:
    """What an export (or the data dictionary that came with it) itself says of its columns; a study
    file may say otherwise.

    `types` are the columns' types, `identifiers` the columns marked as identifying, `visits` their
    order, `baseline` where records are flagged as baseline (visit → addresses), `missing` codes
    that look like codes for missing, `titles` what the columns are in words, `labels` what a
    column's codes mean.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    identifiers: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    baseline: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Distinct:
    """The different texts of a column of a frame in the order of the rows, and which of them each
    row has.
    """

    frame: pd.DataFrame
    codes: np.ndarray
    texts: list[str]

    @cached_property
    def folded(self) -> list[str]:
        """The texts without capitals and surrounding spaces."""
        made = "\0".join(self.texts).casefold().split("\0")
        if len(made) != len(self.texts):
            made = [t.casefold() for t in self.texts]
        return [t.strip() for t in made]

    def rows(self, fits: Sequence[bool]) -> np.ndarray:
        """Which rows have one of the texts that fit."""
        return np.array([*fits, False], dtype=bool)[self.codes]


@dataclass(frozen=True, eq=False)
class TextTable:
    """One table of a file: text cells (blank is ``""``), the file's own row numbers, and what
    reading it found.

    `rows` are the row numbers a spreadsheet program shows for the file. `letters` are the column
    letters of a spreadsheet, empty for a text file. `size` and `sha256` are of the bytes that were
    parsed.

    >>> table = TextTable("a.csv", pd.DataFrame({"id": ["001"], "nrs": ["7"]}), np.array([2]))
    >>> table.address(0, "nrs"), table.row_address(0)
    ('row 2, column nrs', 'row 2')
    """

    name: str
    frame: pd.DataFrame
    rows: np.ndarray
    letters: tuple[str, ...] = ()
    sheet: str = ""
    notes: tuple[Issue, ...] = ()
    headings: tuple[str, ...] = field(default=(), repr=False)
    size: int = 0
    sha256: str = ""
    declared: Declared = field(default=Declared(), repr=False)
    _known: dict[str, Distinct] = field(default_factory=dict, repr=False)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The headings, as the file has them but for surrounding spaces and line breaks."""
        return tuple(self.frame.columns.tolist())

    def distinct(self, column: str) -> Distinct:
        """The different texts of a column, and which of them each row has; found once."""
        known = self._known.get(column)
        if known is None or known.frame is not self.frame:
            codes, uniques = pd.factorize(self[column])
            known = Distinct(self.frame, codes, uniques.tolist())
            self._known[column] = known
        return known

    def __len__(self) -> int:
        return len(self.frame)

    def address(self, row: int, column: str) -> str:
        """Where the cell stands in the file: ``B7`` in a spreadsheet, ``row 7, column nrs`` in a
        text file.
        """
        number = int(self.rows[row])
        if self.letters:
            return f"{self.letters[self.columns.index(column)]}{number}"
        return f"row {number}, column {column}"

    def row_address(self, row: int) -> str:
        """Where the row stands in the file."""
        return f"row {int(self.rows[row])}"

    def row_addresses(self) -> Sequence[str]:
        """The addresses of all rows; plain numbers are written when asked for."""
        if type(self).row_address is TextTable.row_address:
            return RowNumbers(self.rows)
        return tuple(self.row_address(i) for i in range(len(self)))

    def own(self, column: str) -> np.ndarray:
        """Which rows have a cell of their own in this column: all, but for columns that a reading
        has repeated.
        """
        return np.ones(len(self), dtype=bool)

    def addresses(self, mask: np.ndarray, column: str) -> tuple[str, ...]:
        """The addresses of the cells of a column that a mask of rows picks."""
        return tuple(self.address(int(i), column) for i in np.flatnonzero(mask))

    def __getitem__(self, column: str) -> pd.Series:
        if column not in self.frame:
            raise DataError(f"{self.name}: {unknown('column', column, self.columns)}")
        return self.frame[column]

    def keep(self, mask: np.ndarray, *notes: Issue) -> TextTable:
        """The rows a mask picks; what falls is told by the notes that come with it."""
        kept = self.frame[mask].reset_index(drop=True)
        return replace(self, frame=kept, rows=self.rows[mask], notes=self.notes + notes)

    def without(self, columns: Iterable[str], rule: str, message: str) -> TextTable:
        """Without these columns; a note says which cells went."""
        away = set(columns)
        gone = [c for c in self.columns if c in away]
        if not gone:
            return self
        notes = []
        for name in gone:
            filled = (self.frame[name] != "").to_numpy()
            notes.append(
                Issue(
                    rule,
                    message,
                    int(filled.sum()),
                    "note",
                    column=name,
                    addresses=self.addresses(filled, name),
                )
            )
        stay = [i for i, c in enumerate(self.columns) if c not in gone]
        letters = tuple(self.letters[i] for i in stay) if self.letters else ()
        return replace(
            self, frame=self.frame.iloc[:, stay], letters=letters, notes=self.notes + tuple(notes)
        )

    def filled_addresses(self, mask: np.ndarray) -> tuple[str, ...]:
        """The addresses of all cells with something in them in these rows, row by row."""
        where = np.argwhere((self.frame[mask] != "").to_numpy())
        rows = np.flatnonzero(mask)
        return tuple(self.address(int(rows[i]), self.columns[j]) for i, j in where)


def from_grid(
    name: str,
    grid: pd.DataFrame,
    rows: np.ndarray,
    *,
    headings: Sequence[str],
    letters: Sequence[str] = (),
    sheet: str = "",
    notes: Sequence[Issue] = (),
) -> TextTable:
    """A table from its headings and the grid of text under them.

    Empty rows and empty unnamed columns are left out; an unnamed column with cells is called
    ``unnamed_<position>``.

    Raises DataError for two columns of the same name, and when there is no row.
    """
    found = list(notes)
    grid = _without_spaces(grid)
    filled = (grid != "").to_numpy() if len(grid) else np.zeros(grid.shape, dtype=bool)
    names = [tidy(h) for h in headings]
    stay = [j for j, text in enumerate(names) if text or filled[:, j].any()]
    unnamed = [j for j in stay if not names[j]]
    for j in unnamed:
        names[j] = f"unnamed_{j + 1}"
    if unnamed:
        called = tuple(names[j] for j in unnamed)
        found.append(
            Issue(
                "unnamed_column",
                f"{len(called)} column(s) without a heading: called {', '.join(called)}.",
            )
        )
    refuse_repeated(name, [names[j] for j in stay])
    keep = filled.any(axis=1)
    if not keep.any():
        raise DataError(f"{name} has headings but no rows: {there_is(names[j] for j in stay)}.")
    if not keep.all():
        found.append(
            Issue(
                "empty_rows",
                f"{int((~keep).sum())} empty row(s) left out.",
                int((~keep).sum()),
                "note",
            )
        )
    frame = grid.loc[keep].iloc[:, stay].reset_index(drop=True)
    frame.columns = pd.Index([names[j] for j in stay])
    marks = tuple(letters[j] for j in stay) if letters else ()
    return TextTable(name, frame, np.asarray(rows)[keep], marks, sheet, tuple(found))


def refuse_repeated(name: str, headings: Sequence[str]) -> None:
    """Raises DataError where headings repeat. Where most do, the row holds no headings but data,
    which are not shown.
    """
    often = Counter(headings)
    twice = {n: k for n, k in often.items() if k > 1}
    if not twice:
        return
    if len(headings) - len(often) >= max(3, len(headings) / 3):
        raise DataError(
            f"{name}: {sum(twice.values())} of {len(headings)} headings occur more than once. The"
            " row of headings looks like data: is the file without headings, or turned on its side"
            " (patients in columns)? Put one row of headings on top, a patient and visit a row."
        )
    places = {n: [i for i, h in enumerate(headings, 1) if h == n] for n in twice}
    said = [
        f"{'a value' if looks_like_value(n) or n.isdecimal() else repr(n)} ({k} times) in columns"
        f" {', '.join(map(str, places[n]))}"
        for n, k in twice.items()
    ]
    raise DataError(
        f"{name}: {len(twice)} column name(s) occur more than once: {'; '.join(said)}. Rename all"
        " but one."
    )


def _without_spaces(grid: pd.DataFrame) -> pd.DataFrame:
    """Cells of nothing but spaces are blank."""
    spaces = {j: mask for j in grid if (mask := grid[j].str.isspace()).any()}
    return (
        grid.mask(pd.DataFrame(spaces).reindex(columns=grid.columns, fill_value=False), "")
        if spaces
        else grid
    )


def drop_summaries(table: TextTable, column: str) -> TextTable:
    """Without the rows that summarise the others ("Mean" where a patient should stand), each listed
    by its cells.
    """
    texts = table.distinct(column)
    if SUMMARIES.isdisjoint(texts.folded):
        return table
    mask = texts.rows([t in SUMMARIES for t in texts.folded])
    gone = table.filled_addresses(mask)
    message = (
        f"{int(mask.sum())} summary row(s) (a mean, a total …) are not patients and were left out."
    )
    return table.keep(
        ~mask,
        Issue("summary_row", message, int(mask.sum()), "warning", column=column, addresses=gone),
    )


def tidy(heading: str) -> str:
    """A heading on one line, without surrounding spaces.

    >>> tidy(" NRS\\n average ")
    'NRS average'
    """
    return re.sub(r"\s+", " ", heading).strip()


_NUMBER = re.compile(
    r"[<>≤≥~≈]?\s*[+\-\u2212]?\s*(?:\d{1,3}(?:[.,]\d{3})+|\d+(?:[.,]\d*)?|[.,]\d+|½)\s*(?:[%?]|/\s*\d+)?(?:[eE][+-]?\d+)?"
)


def is_number(text: str) -> bool:
    """Whether a cell is written as a number, however untidily; ranges, dates and codes are not.

    >>> [is_number(t) for t in ("7", " 6,5 ", "70%", "7/10", ">8", "0-10", "K7", "")]
    [True, True, True, True, True, False, False, False]
    """
    return bool(_NUMBER.fullmatch(text.strip()))


#: Marks beside digits of other scripts, and the ones that programs know.
_MARKS = str.maketrans("．，٫−－＋％٪／：", ".,.--+%%/:")


def plain_digits(text: str) -> str:
    """A number, or a date, with its digits as programs know them: those of other scripts and those
    as wide as a Chinese character have the same meaning.

    >>> plain_digits("٧"), plain_digits("６．５"), plain_digits("۱۲/۱۰"), plain_digits("7²")
    ('7', '6.5', '12/10', '7²')
    """
    if text.isascii():
        return text
    digits = {ord(c): str(unicodedata.decimal(c)) for c in set(text) if c.isdecimal()}
    return text.translate(digits).translate(_MARKS)


def shape(text: str) -> str:
    """How a code is written: a for letters, 9 for digits, everything else as it is.

    >>> shape("K001"), shape("03-512"), shape("Oral clinic")
    ('a9', '9-9', 'a a')
    """
    return _LETTERS.sub("a", _DIGITS.sub("9", _SPACES.sub(" ", text.strip())))


_SPACES, _DIGITS, _LETTERS = (re.compile(p) for p in (r"\s+", r"\d+", r"[^\W\d_]+"))


#: Every digit as a 9.
_NINES = str.maketrans("012345678", "999999999")


def pattern(text: str) -> str:
    """A text with 9 for every digit: many codes have one.

    >>> pattern("K-012"), pattern("K-345")
    ('K-999', 'K-999')
    """
    return text.translate(_NINES) if text.isascii() else re.sub(r"\d", "9", text)


def patterns(texts: Sequence[str]) -> list[str]:
    """The pattern of each text, of all in one go.

    >>> patterns(["K-012", "٣", ""])
    ['K-999', '9', '']
    """
    whole = "\0".join(texts)
    made = pattern(whole).split("\0") if texts else []
    return made if len(made) == len(texts) else [pattern(t) for t in texts]


def shapes(texts: Sequence[str]) -> list[str]:
    """How codes are written, each as `shape` says."""
    written = patterns(texts)
    known = {p: shape(p) for p in dict.fromkeys(written)}
    return [known[p] for p in written]


def key(text: str) -> str:
    """A name for comparing: lower case, no accents, words joined by one underscore.

    >>> key("BPI int."), key("Dépression PHQ-9"), key("nrsAvg")
    ('bpi_int', 'depression_phq_9', 'nrs_avg')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^0-9a-z]+", "_", plain.casefold()).strip("_")


def letter(position: int) -> str:
    """The letter of a spreadsheet column, counted from 0.

    >>> letter(0), letter(25), letter(26), letter(16383)
    ('A', 'Z', 'AA', 'XFD')
    """
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(65 + rest) + text
    return text

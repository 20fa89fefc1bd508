"""Which rows of a table are patients: repeated headings, units, section headings, totals, footnotes
and a second table below are left out and listed, or the run stops and names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError
from outcomes.core.wording import plural
from outcomes.readers.cells import SUMMARIES, TextTable, is_number, tidy
from outcomes.readers.cells import shapes as shapes_of
from outcomes.readers.parse import is_error
from outcomes.study.study import Issue


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that begin the label of a row of totals, and words that may follow them.
_FIRST = _words(
    "mean means average avg median sd std stdev sem se total totals sum subtotal count"
    " min minimum max maximum n iqr range variance p ci mittelwert durchschnitt summe"
    " gesamt anzahl moyenne médiane somme nombre media mediana promedio suma gemiddelde"
    " mediaan totaal aantal somma totale standardabweichung standardfehler streuung differenz"
    " ecart écart différence effectif desviación desviacion diferencia número deviazione"
    " differenza numero verschil standaardafwijking t z f d cohen effect effektstärke responder"
    " mw stabw anz desvio desv dp mín máx mínimo máximo mediane médias moy méd moyen effectifs"
    " standaarddeviatie standaardfout sumario resumen résumé zusammenfassung samenvatting summary"
    " gesamtzahl gesamtsumme ic ki lqr q1 q3 quartil percentil perzentil"
    " mittel medianwert spannweite rango amplitud bereik range geral"
    " responders improved difference diff change percent test wilcoxon anova subtotal zwischensumme"
)
_REST = _FIRST | _words(
    "of score scores change changes patient patients record records row rows all group"
    " arm value values deviation standard dev valid missing grand quartile improved"
    " responders percent number difference diff cases patienten enregistrements"
    " pacientes patiënten pazienti und et y e and der de error size test signed rank paired cell"
    " standard estándar estandar type typ di des du pain schmerz douleur dolor dolore pijn nrs vas"
    " padrão padrao est típica tip típico typique moyenne quadratique kwartiel quartil geral"
    " abweichung fehler g s baseline follow up week pre post before after"
)
#: Labels of one letter or sign that are totals where patients' codes hold digits.
_SIGNS = _words("N n M Ø ø σ Σ µ μ p P t T F d D SD DP DE ET IC CI")
#: Words in a cell that mean an answer is missing; no headings.
_ABSENT = _words("na n/a nan nil none null unk unknown missing refused nd - -- . ? * x not done")
#: How many rows below the headings may explain them (question texts, units).
_EXPLAINING = 3
#: How many rows are looked at to see which columns hold numbers.
_SEEN = 2_000


def only_patients(table: TextTable, last: int | None = None) -> TextTable:
    """The table without the rows that are not patients, each listed by its cells.

    `last` is the number of the last row of the table, where somebody says it: everything below is
    left out, and no gap above is questioned.

    Raises DataError where rows below an empty row may be patients or another table.
    """
    if len(table.columns) < 2:
        return table if last is None else _below(table, last)
    if last is not None:
        table = _below(table, last)
    look = _Look(table)
    table = _repeated_headings(table)
    table = _explained(table, look)
    table = _totals(table, look)
    table = _lines(table, look)
    table = _test_records(table, look)
    if last is None:
        table = _second_tables(table, look)
    return _without_empty_columns(table)


def _leave_out(table: TextTable, gone: np.ndarray, rule: str, words: str) -> TextTable:
    """Without these rows; the note lists every cell of them."""
    if not gone.any():
        return table
    if gone.all():
        raise DataError(f"{table.name}: no row of the table is a patient; all of them {words}")
    n = int(gone.sum())
    rows = ", ".join(str(int(r)) for r in table.rows[gone][:10]) + (" …" if n > 10 else "")
    text = f"{plural(n, 'row')} ({rows}) left out: {words}"
    where = table.filled_addresses(gone)
    return table.keep(~gone, Issue(rule, text, n, "warning", addresses=where))


def _below(table: TextTable, last: int) -> TextTable:
    words = f"they stand below row {last}, which is said to be the last of the table."
    return _leave_out(table, table.rows > last, "below_the_table", words)


def _repeated_headings(table: TextTable) -> TextTable:
    """Rows that repeat the headings, as printed pages do."""
    head = [tidy(c).casefold() for c in table.columns]
    first = table.distinct(table.columns[0])
    if head[0] not in first.folded:
        return table
    maybe = np.flatnonzero(first.rows([t == head[0] for t in first.folded]))
    gone = np.zeros(len(table), dtype=bool)
    for i in maybe:
        cells = [tidy(c).casefold() for c in table.frame.iloc[int(i)]]
        same = sum(c == h for c, h in zip(cells, head))
        gone[i] = same > 1 and same >= sum(map(bool, cells))
    return _leave_out(table, gone, "heading_row", "they repeat the headings.")


@dataclass(frozen=True)
class _Codes:
    """The first column that most rows fill, how each of its cells is written, the ways in which
    codes are written (those of rows with several cells in the first part of the table), and how
    many cells each row has.
    """

    column: str
    shapes: np.ndarray
    known: frozenset[str]
    counts: np.ndarray

    @cached_property
    def strange(self) -> np.ndarray:
        """Which rows have a cell that is not written like a code."""
        place, uniques = pd.factorize(self.shapes)
        return np.array([u not in self.known for u in uniques], dtype=bool)[place]


class _Look:
    """What is known of a table's rows, found once while no row is left out. `starts` are the
    numbers of the rows below an empty one, in the file as it is.
    """

    def __init__(self, table: TextTable) -> None:
        self.starts = table.rows[np.r_[True, np.diff(table.rows) > 1]]
        self._seen: tuple[TextTable, _Codes] | None = None

    def blocks(self, table: TextTable) -> np.ndarray:
        """The number of the block of each row; an empty row of the file begins a new one."""
        return np.searchsorted(self.starts, table.rows, side="right")

    def codes(self, table: TextTable) -> _Codes:
        """How the codes of this table are written."""
        if self._seen is None or self._seen[0] is not table:
            self._seen = (table, self._find(table))
        return self._seen[1]

    def _find(self, table: TextTable) -> _Codes:
        counts = np.zeros(len(table), dtype=int)
        column = ""
        for name in table.columns:
            filled = (table.frame[name] != "").to_numpy(bool)
            counts += filled
            if not column and filled.mean() >= 0.5:
                column = name
        column = column or table.columns[0]
        known_texts = table.distinct(column)
        shapes = np.array(shapes_of(known_texts.texts), dtype=object)[known_texts.codes]
        rich = (counts > 1) & (shapes != "")
        blocks = self.blocks(table)
        first = rich & (blocks == blocks[0])
        main = pd.Series(shapes[first if first.sum() >= 3 else rich], dtype=object)
        often = main.value_counts()
        digits = sum(n for text, n in often.items() if "9" in str(text)) * 2 > len(main)
        known = [
            str(text)
            for text, n in often.items()
            if n * 5 >= len(main) or (n > 1 and n * 20 >= len(main) and "9" in str(text))
        ]
        return _Codes(column, shapes, frozenset(k for k in known if "9" in k or not digits), counts)


def _numeric(table: TextTable, rows: np.ndarray) -> list[str]:
    """The columns that hold numbers in these rows, by the first of them."""
    at = np.flatnonzero(rows)[:_SEEN]
    found = []
    for column in table.columns:
        there = [c for c in table.frame[column].iloc[at].tolist() if c]
        if there and sum(map(is_number, there)) * 10 >= 8 * len(there):
            found.append(column)
    return found


def _is_word(cell: str) -> bool:
    """Whether a cell of a column of numbers is a word that is no answer: a heading, a unit."""
    text = cell.strip().casefold()
    return bool(text) and not is_number(text) and text not in _ABSENT and not is_error(text)


def _is_heading(table: TextTable, row: int, numeric: Iterable[str], least: int = 1) -> bool:
    """Whether a row has words in the columns of numbers, and no number anywhere."""
    cells = table.frame.iloc[row]
    if any(is_number(c) for c in cells):
        return False
    return sum(_is_word(cells[c]) for c in numeric) >= least and not any(
        cells[c] and not _is_word(cells[c]) for c in numeric
    )


def _explained(table: TextTable, look: _Look) -> TextTable:
    """Without the rows directly below the headings that explain them: question texts, units."""
    if len(table) < 3 or any(map(is_number, table.frame.iloc[0])):
        return table
    codes = look.codes(table)
    for n in range(min(_EXPLAINING, len(table) - 2), 0, -1):
        rest = np.arange(len(table)) >= n
        numeric = [c for c in _numeric(table, rest) if c != codes.column]
        known = set(codes.shapes[rest])
        strange = [codes.shapes[i] == "" or codes.shapes[i] not in known for i in range(n)]
        if numeric and all(strange[i] and _is_heading(table, i, numeric) for i in range(n)):
            words = "they explain the headings (question texts or units) and are not patients."
            return _leave_out(table, ~rest, "heading_row", words)
    return table


def _totals(table: TextTable, look: _Look) -> TextTable:
    """Without rows that sum up others: a mean, a total, a count."""
    codes = look.codes(table)
    maybe = np.flatnonzero(codes.strange)
    gone = np.zeros(len(table), dtype=bool)
    with_digits = bool(codes.known) and all("9" in shape for shape in codes.known)
    for i in map(int, maybe):
        cells = [c for c in table.frame.iloc[i] if c]
        label = table.frame[codes.column].iloc[i] or (cells[0] if cells else "")
        gone[i] = is_total(label) or (with_digits and re.sub(r"[\W_]", "", label) in _SIGNS)
    words = "rows of a mean, a total or a count are not patients."
    return _leave_out(table, gone, "summary_row", words)


def is_total(label: str) -> bool:
    """Whether a label is that of a row that sums up others.

    >>> [is_total(t) for t in ("Mean (SD)", "Total records: 20", "n = 10", "P-21", "Range Road")]
    [True, True, True, False, False]
    """
    if re.fullmatch(r"[^\W\d_]{1,4}[-_. ]?\d+", label.strip()):
        return False  # a code
    words = re.findall(r"[^\W\d_]+", label.casefold())
    text = label.strip().casefold()
    if text in SUMMARIES:
        return True
    first = bool(words) and words[0] in _FIRST
    bare = len(words) == 1 and len(words[0]) == 1 and not re.search(r"[=:]", text)
    return first and not bare and all(w in _REST for w in words) and len(label) < 40


def _lines(table: TextTable, look: _Look) -> TextTable:
    """Without rows of a single cell that is no patient's code: section headings, footnotes,
    legends.
    """
    look_of = look.codes(table)
    alone = look_of.counts == 1
    if not alone.any() or np.median(look_of.counts) < 2:
        return table
    here = table.columns.index(look_of.column)
    gone, codes = np.zeros(len(table), dtype=bool), np.zeros(len(table), dtype=bool)
    for i in map(int, np.flatnonzero(alone)):
        cells = table.frame.iloc[i]
        j = int((cells != "").to_numpy().argmax())
        text, written = cells.iloc[j].strip(), str(look_of.shapes[i])
        if j == here:
            like_a_code = "9" in written and not re.search(r"[\s:*]", text)
            gone[i] = written not in look_of.known and not like_a_code and "a" in written
            codes[i] = not gone[i] and not (written in look_of.known and like_a_code)
        else:
            gone[i] = not is_number(text) and len(text.split()) > 1
    words = (
        "a single cell that is not written like the codes of the other rows: a heading, a footnote"
        " or a legend. If it is a patient, fill in another cell of the row."
    )
    if codes.any():
        text = (
            f"{plural(int(codes.sum()), 'row')} with a code and nothing else: patients without any"
            " score, or headings? Delete those that are no patients."
        )
        where = tuple(table.row_address(int(i)) for i in np.flatnonzero(codes))
        note = Issue("code_only", text, len(where), "warning", addresses=where)
        table = replace(table, notes=(*table.notes, note))
    return _leave_out(table, gone, "line_of_text", words)


#: Codes of records that somebody made to try a form out.
_TEST = re.compile(
    r"(test|dummy|demo|muster|prueba|essai|teste|prova|proef)([\W_]*(patient|pat|subject|id|user))?"
    r"[\W_]*[0-9]*",
    re.IGNORECASE,
)


_TESTING = re.compile(r"(?im)^\s*(?:test|dummy|demo|muster|prueba|essai|teste|prova|proef)")


def _test_records(table: TextTable, look: _Look) -> TextTable:
    """The same, with a note on rows whose code says that they are a test; they are read."""
    texts = table.distinct(look.codes(table).column)
    if not _TESTING.search("\n".join(texts.texts)):
        return table
    here = texts.rows([bool(_TEST.fullmatch(t.strip())) for t in texts.texts])
    if not here.any() or here.mean() > 0.5:
        return table
    n = int(here.sum())
    said = (
        f"{plural(n, 'row')} with the code of a test record, read like the others. If they are no"
        " patients, delete them, or leave them out: include under [study]."
    )
    where = tuple(table.row_address(int(i)) for i in np.flatnonzero(here))
    note = Issue("test_record", said, n, "warning", addresses=where)
    return replace(table, notes=(*table.notes, note))


def _second_tables(table: TextTable, look: _Look) -> TextTable:
    """Without what stands below an empty row and is no patient; a stop where it may be one."""
    blocks, codes = look.blocks(table), look.codes(table)
    if blocks[0] == blocks[-1] and not codes.strange.any():
        return table
    column, shapes, known = codes.column, codes.shapes, codes.known
    main = blocks == blocks[0]
    numeric = [c for c in _numeric(table, main if main.sum() >= 3 else blocks >= 0) if c != column]
    gone = np.zeros(len(table), dtype=bool)
    with_digits = all("9" in s for s in known)
    for start, stop in _stretches(table, blocks, codes, numeric):
        rows = range(start, stop)
        strange = [i for i in rows if not _fits(table, i, shapes, known, numeric)]
        headed = _is_heading(table, start, numeric) and shapes[start] not in known
        unlike = all(
            shapes[i] not in known and (shapes[i] == "" or (with_digits and "9" not in shapes[i]))
            for i in rows
        )
        if not strange:
            continue
        if not (unlike or (headed and blocks[start] != (blocks[start - 1] if start else -1))):
            raise _uncertain(table, [int(table.rows[i]) for i in strange], start)
        gone[start:stop] = True
    words = (
        "they stand below the table (another table, a legend) and are not patients. If they are:"
        f" last = {int(table.rows[-1])} beside the file's name."
    )
    return _leave_out(table, gone, "below_the_table", words)


def _stretches(
    table: TextTable,
    blocks: np.ndarray,
    codes: _Codes,
    numeric: list[str],
) -> list[tuple[int, int]]:
    """First row and end of what may be no patients: each block below an empty row, and what begins
    inside a block with a row of words over numbers.
    """
    ends = [*np.flatnonzero(np.diff(blocks)) + 1, len(table)]
    found = []
    for start, stop in zip([0, *ends[:-1]], ends):
        odd = [
            i
            for i in np.flatnonzero(codes.strange[start:stop]) + start
            if i > start and _is_heading(table, int(i), numeric, min(2, len(numeric)) or 1)
        ]
        if start:
            found.append((int(start), int(odd[0]) if odd else int(stop)))
        if odd:
            found.append((int(odd[0]), int(stop)))
    end = _end(table, codes)
    return (
        found if end is None or any(a <= end < b for a, b in found) else [*found, (end, len(table))]
    )


def _end(table: TextTable, codes: _Codes) -> int | None:
    """The first of the last rows that have words of several parts where codes are: "t-test",
    "% improved".
    """
    last = len(table)
    if not codes.known or not all("9" in s for s in codes.known):
        return None
    while last > 1 and codes.strange[last - 1] and "9" not in str(codes.shapes[last - 1]):
        label = str(table.frame[codes.column].iloc[last - 1]).strip()
        if not label or not re.search(
            r"[^\W\d_][\s.%:=/()]|[\s.%:=/()*-][^\W\d_]|^\W*[^\W\d_]{0,3}\W*$", label
        ):
            break
        last -= 1
    return last if last < len(table) else None


def _fits(
    table: TextTable, row: int, shapes: np.ndarray, known: frozenset[str], numeric: list[str]
) -> bool:
    """Whether a row is written like a patient's: its code, and not only words where numbers are."""
    cells = [c for c in table.frame.iloc[row][numeric] if c]
    return shapes[row] in known and not (cells and all(map(_is_word, cells)))


def _uncertain(table: TextTable, rows: list[int], start: int) -> DataError:
    said = ", ".join(map(str, rows[:10])) + (" …" if len(rows) > 10 else "")
    above, end = int(table.rows[start - 1]), int(table.rows[-1])
    return DataError(
        f"{table.name}: row(s) {said} are not written like the rows above: patients, or another"
        " table below the first? Say which row is the last of the table, beside the file's name:"
        f" last = {above} leaves out and lists what is below; last = {end} reads all rows"
        " (for `outcomes init`: --last)."
    )


def _without_empty_columns(table: TextTable) -> TextTable:
    """Without unnamed columns of which every cell stood in a row that was left out."""
    empty = [
        c
        for c in table.columns
        if re.fullmatch(r"unnamed_\d+", c) and not (table.frame[c] != "").any()
    ]
    return (
        table.without(empty, "empty_column", "An unnamed column without cells.") if empty else table
    )

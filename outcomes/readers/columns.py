"""The columns of all tables, parsed by their types, with a report of what became of every cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import DataError, StudyError, unknown
from outcomes.core.outcome import Outcome
from outcomes.core.wording import listed_addresses
from outcomes.readers.cells import TextTable
from outcomes.readers.code_labels import labelled, refuse_unlabelled
from outcomes.readers.dates import is_date
from outcomes.readers.instrument_columns import (
    column_types,
    instrument_use,
    outcome_factor,
    plain_outcome,
)
from outcomes.readers.parse import (
    NEVER_CALCULATED,
    OUTSIDE,
    PARSED,
    UNPARSEABLE,
    ColumnType,
    Parsed,
    is_error,
    is_numeric,
    parse_column,
    report_row,
)
from outcomes.readers.recipe import ROLE_TYPES, ROLES, Recipe
from outcomes.readers.shape.derived import with_column
from outcomes.study.study import KEYS, Issue

#: Roles whose values have words of their own.
_OWN_WORDS = ("patient", "visit", "arm")


@dataclasses.dataclass(frozen=True)
class WholeColumns:
    """What only the whole tables decide, where parts of them are read: the distinct texts of each
    column, and the type of each that has no declared one. By table and column.
    """

    texts: Mapping[str, Mapping[str, Sequence[str]]]
    kinds: Mapping[str, Mapping[str, str]]


class Reader:
    """Parses the columns of all tables by their types, and keeps the column report and what could
    not be read.
    """

    def __init__(
        self,
        recipe: Recipe,
        tables: Mapping[str, TextTable],
        ids: Mapping[str, pd.Series],
        whole: WholeColumns | None = None,
    ) -> None:
        self.recipe, self.tables, self.ids, self.whole = recipe, dict(tables), ids, whole
        self.report: list[dict[str, Any]] = []
        self.issues: list[Issue] = []
        self.dates: dict[str, pd.Series] = {}
        self.kinds: dict[tuple[str, str], str] = {}
        columns = tables["scores"].columns
        self.uses = [
            instrument_use(n, said, columns, recipe.folder)
            for n, said in recipe.instruments.items()
        ]
        if whole:  # whether answers count from another number is decided for the whole
            self.uses = [
                dataclasses.replace(use, options={"shift": 0, **use.options}) if use.items else use
                for use in self.uses
            ]
        plain = [plain_outcome(n, said) for n, said in recipe.outcomes.items()]
        for column, _ in plain:
            if column not in columns:
                raise StudyError(f"[outcomes] {unknown('column', column, columns)}")
        self.measures = {outcome.name: outcome for _, outcome in plain}
        plain = self._one_column_a_score(plain)
        self.renamed = {column: outcome.name for column, outcome in plain}
        self.scores = column_types(self.uses)
        self.scores |= {
            c: (
                ColumnType(
                    "score", o.low, o.high, factor=outcome_factor(o.name, recipe.outcomes[o.name])
                ),
                True,
            )
            for c, o in plain
        }
        taken = {c for t in tables.values() for r in _OWN_WORDS if (c := recipe.role(r, t))}
        refuse_unlabelled(recipe.labels, tables, {*self.scores, *taken})
        everywhere = {c for t in tables.values() for c in t.columns}
        for column, kind in recipe.types.items():
            ColumnType(kind)
            if column not in everywhere:
                raise StudyError(f"[columns] {unknown('column', column, sorted(everywhere))}")

    def _one_column_a_score(
        self, plain: Sequence[tuple[str, Outcome]]
    ) -> list[tuple[str, Outcome]]:
        """A column that several scores use, once for each that reads its cells otherwise: the cells
        stay those of the file.
        """
        types: dict[str, tuple[ColumnType, bool]] = {}
        for k, use in enumerate(self.uses):
            own = column_types([use])
            again = {
                c: self._copy(c, f"{c} ({use.kind.id})")
                for c, kind in own.items()
                if types.setdefault(c, kind) != kind
            }
            if again:
                items = {i: again.get(c, c) for i, c in use.items.items()}
                totals = {s: again.get(c, c) for s, c in use.totals.items()}
                self.uses[k] = dataclasses.replace(use, items=items, totals=totals)
        made, taken = list[tuple[str, Outcome]](), set(types)
        for column, outcome in plain:
            twice = column in taken
            made.append((self._copy(column, outcome.name) if twice else column, outcome))
            taken.add(column)
        return made

    def _copy(self, column: str, name: str) -> str:
        """A further column with the cells of another one. Raises StudyError for a name in use."""
        table = self.tables["scores"]
        if name in table.columns:
            raise StudyError(
                f"The column '{column}' is already a score, and '{name}' is a column too. Give the"
                " second score another name."
            )
        self.tables["scores"] = with_column(table, name, table[column], column)
        return name

    def worse_high(self) -> dict[str, bool | None]:
        """Of each column of scores whether more is worse; None where that is not declared."""
        found: dict[str, bool | None] = {}
        for use in self.uses:
            sides = {c: use.kind.item(i).better for i, c in use.items.items()}
            sides |= {c: use.kind.get(s).better for s, c in use.totals.items()}
            found |= {c: side == "lower" if side else None for c, side in sides.items()}
        for name, outcome in self.measures.items():
            found[name] = outcome.better == "lower" if outcome.better else None
        return found

    def alone(self) -> list[str]:
        """The columns that are scores by themselves, not answers to one of several items."""
        alone = [c for u in self.uses for c in u.totals.values()]
        for use in self.uses:
            if all(len(s.rule.of) <= 1 for s in use.kind.scores):
                alone += use.items.values()
        return [*alone, *self.measures]

    def as_scores(self) -> None:
        """Take items that are scores by themselves (a pain rating) for ready scores, of which a
        mean need not be a possible answer.
        """
        made = []
        for use in self.uses:
            of = {s.rule.of[0]: s.name for s in use.kind.scores if len(s.rule.of) == 1}
            alone = bool(use.items) and set(use.items) <= set(of) and not use.options
            totals = {of[code]: column for code, column in use.items.items()} if alone else {}
            made.append(
                dataclasses.replace(use, items={}, totals={**use.totals, **totals})
                if alone
                else use
            )
        self.uses = made

    def frame(self, name: str) -> pd.DataFrame:
        """One table of the study: role columns under the roles' names, all others under their
        own.
        """
        table, recipe = self.tables[name], self.recipe
        # of two roles of one column, a key of the scores wins among the scores
        order = sorted(ROLES, key=lambda role: name == "scores" and role in KEYS)
        roles = {column: role for role in order if (column := recipe.role(role, table))}
        made: dict[str, Any] = {}
        for column in table.columns:
            role = roles.get(column, "")
            if role == "patient":
                made["patient"] = self.ids[name].to_numpy(object)
                continue
            done = self._parsed(name, table, column, role)
            if role == "date":
                self.dates[name] = pd.Series(done.values)
            elif role == "visit":
                made["visit"] = self._visit(table, column, done)
            else:
                made[role or self.renamed.get(column, column)] = done.values
        frame = pd.DataFrame(made)
        front = [c for c in ("patient", "period", "episode", "visit") if c in frame]
        frame = frame[front + [c for c in frame if c not in front]]
        if name == "patients" and frame["patient"].duplicated().any():
            where = [
                table.row_address(int(i))
                for i in np.flatnonzero(frame["patient"].duplicated(keep=False))
            ]
            raise DataError(
                f"{table.name} has several rows for the same patient: {listed_addresses(where)}. It"
                " has one row each."
            )
        return frame

    def _parsed(self, name: str, table: TextTable, column: str, role: str) -> Parsed:
        text, recipe = table[column], self.recipe
        if column in recipe.labels:
            text, strange = labelled(name, table, column, recipe.labels[column])
            self.issues += strange
        declared, ready = self._type(text, column, role, name)
        where = f" in column '{column}' ({name} table)"
        origin = getattr(table, "origins", {}).get(column, column)
        among = self.whole.texts[name].get(origin) if self.whole else None
        done = parse_column(text, declared, missing=recipe.missing, where=where, among=among)
        if role in ("period", "episode", "infusion") and declared.kind == "integer":
            done = dataclasses.replace(done, values=pd.array(done.values, dtype="Int64"))
            if not done.values.isna().any():
                done = dataclasses.replace(done, values=done.values.to_numpy(dtype=np.int64))
        if table.own(column).any():
            self.report.append(report_row(name, table, column, done))
        self._unread(name, table, column, done, declared)
        if declared.factor != 1:
            n = int(done.where(PARSED, OUTSIDE).sum())
            text = f"{column}: every number times {declared.factor:g}, as declared."
            self.issues.append(Issue("factor", text, n, "note", name, column))
        if ready:
            outside = done.status == OUTSIDE
            if outside.any():
                values = np.where(outside, np.nan, done.values)
                scale = f"{declared.low:g} to {declared.high:g}"
                self._lost(
                    name,
                    table,
                    column,
                    outside,
                    "refused answer",
                    f"are not on the scale {scale}; they count as missing.",
                )
                done = dataclasses.replace(done, values=values)
        return done

    def _unread(
        self, name: str, table: TextTable, column: str, done: Parsed, declared: ColumnType
    ) -> None:
        """Cells that could not be read; errors of a spreadsheet and dates among scores apart, as
        their cause is known.
        """
        text, kind = table[column], declared.kind
        lost = done.where(UNPARSEABLE)
        if kind == "score":
            _refuse_mixed_shares(table, column, text, done, declared.high)
        if not lost.any():
            return
        errors, dated = lost.copy(), lost & (kind in ("score", "number", "integer"))
        errors[errors] = text[errors].map(is_error)
        dated[dated] = text[dated].map(is_date)
        formatted = dated.copy()
        formatted[formatted] = text[formatted].str.match("(1899|190[0-4])-")
        for mask, rule, words in (
            (errors, "error_cell", _shown_errors(text[errors & table.own(column)])),
            (
                formatted,
                "date_as_score",
                "hold a small number in the format of a date (a day of 1900). They count as"
                " missing. Give the cells the format 'General' or '0', and save the file.",
            ),
            (
                dated & ~formatted,
                "date_as_score",
                f"hold a date where a {kind} is expected: spreadsheet programs turn '7/10' or"
                " '7-10' into one. They count as missing until the file is corrected.",
            ),
            (
                lost & ~errors & ~dated,
                "unparseable",
                f"could not be read as a {kind}; they count as missing.",
            ),
        ):
            self._lost(name, table, column, mask, rule, words)

    def _type(self, text: pd.Series, column: str, role: str, name: str) -> tuple[ColumnType, bool]:
        recipe = self.recipe
        if name == "scores" and column in self.scores:
            return self.scores[column]
        if column in recipe.labels:
            self.kinds[name, column] = "category"
            return ColumnType("category"), False
        kind = recipe.types.get(column, ROLE_TYPES.get(role, "")) or self.tables[
            name
        ].declared.types.get(column, "")
        if kind in ("", "code") and self.whole:
            kind = self.whole.kinds[name][column]
        if kind == "code":
            kind = "integer" if _whole(text) else "text"
        if not kind:
            kind = "number" if is_numeric(text, recipe.missing) else "category"
        self.kinds[name, column] = kind
        return ColumnType(kind, date_order=recipe.date_order), False

    def _visit(self, table: TextTable, column: str, done: Parsed) -> np.ndarray:
        values = pd.Series(done.values, dtype=object)
        blank = values.isna().to_numpy()
        if blank.any():
            where = [table.row_address(int(i)) for i in np.flatnonzero(blank)]
            raise DataError(
                f"{table.name}: {len(where)} row(s) have no visit in column '{column}':"
                f" {listed_addresses(where)}. Fill in the visit, or delete the rows."
            )
        names = self.recipe.visit_names
        return (
            values.map(lambda v: names.get(v, v)).to_numpy(object)
            if names
            else values.to_numpy(object)
        )

    def _lost(
        self,
        name: str,
        table: TextTable,
        column: str,
        lost: np.ndarray,
        rule: str,
        words: str,
    ) -> None:
        mask = lost & table.own(column)
        if n := int(mask.sum()):
            where = table.addresses(mask, column)
            self.issues.append(
                Issue(rule, f"{column}: {n} cell(s) {words}", n, "warning", name, column, where)
            )


def _whole(text: pd.Series) -> bool:
    values: Sequence[str] = [str(v).strip() for v in pd.unique(text).tolist()]
    return all(
        v.isascii() and v.isdigit() and (v == "0" or v[0] != "0") for v in values if v
    ) and any(values)


def _shown_errors(text: pd.Series) -> str:
    """What is said of cells that show a spreadsheet's error, by error."""
    counts = text.str.strip().value_counts()
    if n := int(counts.get(NEVER_CALCULATED, 0)):
        return (
            f"hold a formula that was never calculated ({n} of {len(text)}) or an error: there is"
            " no value in the file. They count as missing. Open the file in a spreadsheet program,"
            " let it calculate, and save it."
        )
    said = ", ".join(f"{error} {n}" for error, n in counts.items())
    return (
        f"show a spreadsheet error ({said}): the value is not in the file; they count as missing."
        " Mend the formulas, or fill in the values."
    )


def _refuse_mixed_shares(
    table: TextTable, column: str, text: pd.Series, done: Parsed, high: float
) -> None:
    """Stop where a score is a percentage in some cells and a fraction in others."""
    if high <= 1 or not any(str(v).strip().endswith("%") for v in pd.unique(text).tolist()):
        return
    shares = text.str.strip().str.endswith("%").to_numpy(bool)
    values = np.asarray(done.values, dtype=float)
    fractions = ~shares & (values > 0) & (values < 1)
    if fractions.any():
        where = [listed_addresses(table.addresses(mask, column), 5) for mask in (shares, fractions)]
        raise DataError(
            f"{table.name}, column '{column}': some cells are percentages ({where[0]}), others"
            f" fractions below 1 ({where[1]}). Write all of them in one way."
        )

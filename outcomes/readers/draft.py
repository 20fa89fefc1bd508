"""A first study file for a table: what it seems to be, with every guess marked, for a person to
correct.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.core.errors import OutcomesError, StudyError, unknown
from outcomes.questionnaires import recognise
from outcomes.readers import privacy
from outcomes.readers.cells import TextTable, key
from outcomes.readers.drafting.baseline import baseline_columns, late
from outcomes.readers.drafting.codings import Labels, instrument_lines, profiles
from outcomes.readers.drafting.days import day_column, windows_of
from outcomes.readers.drafting.missing_codes import CODES, missing_line
from outcomes.readers.drafting.patients import (
    headings,
    parts_of_code,
    patient_column,
    row_numbers,
    turned,
    visit_column,
)
from outcomes.readers.drafting.scores import Texts, better_side, claimed_by, scores_of
from outcomes.readers.drafting.sheets import one_sheet
from outcomes.readers.drafting.toml_text import bare, listed, quoted
from outcomes.readers.exports.forms import Guess, guess_forms
from outcomes.readers.exports.measures import measures_of
from outcomes.readers.exports.redcap import INSTANCE
from outcomes.readers.fhir.reader import guessed
from outcomes.readers.fhir.table import FhirTable
from outcomes.readers.files import Source, in_parts, read_file, read_rows
from outcomes.readers.older_forms import FORM
from outcomes.readers.parse import is_numeric
from outcomes.readers.shape.visit_names import NO_SCORE, in_order, visit_time, wide_columns
from outcomes.readers.shape.visit_spellings import arms_within, as_names, spellings
from outcomes.readers.studyfile import study_from_text
from outcomes.study.study import Study

_ROLES = {
    "visit": (
        "visit",
        "avisit",
        "redcap_event_name",
        "event_name",
        "timepoint",
        "time_point",
        "visit_name",
        "meetmoment",
        "assmnt",
        "assessment_name",
        "consulta",
        "session",
        "time",
        "temps",
        "tempo",
        "tiempo",
        "mzp",
        "zeitpunkt",
        "messzeitpunkt",
        "besuch",
        "visite",
        "visita",
        "bezoek",
        "termin",
        "week",
        "woche",
        "semaine",
        "semana",
        "settimana",
        "month",
        "monat",
        "mois",
        "mes",
        "mese",
    ),
    "arm": (
        "redcap_arm",
        "arm",
        "treatment",
        "treat",
        "group",
        "trt",
        "trt01p",
        "trtp",
        "therapy",
        "randomisation",
        "randomization",
        "allocation",
        "studienarm",
        "behandlung",
        "behandlungsgruppe",
        "gruppe",
        "traitement",
        "groupe",
        "bras",
        "tratamiento",
        "grupo",
        "brazo",
        "trattamento",
        "gruppo",
        "braccio",
        "behandeling",
        "groep",
    ),
    "period": ("period", "period_id", "xover_period"),
    "sequence": ("sequence", "seq", "order"),
    "site": (
        "site",
        "centre",
        "center",
        "clinic",
        "siteid",
        "site_id",
        "hospital",
        "krankenhaus",
        "klinik",
        "zentrum",
        "standort",
        "etablissement",
        "hopital",
        "clinique",
        "centro",
        "clinica",
        "ospedale",
        "sede",
        "ziekenhuis",
        "kliniek",
        "redcap_data_access_group",
    ),
    "route": ("route", "route_of_administration", "via", "applikation", "voie"),
    "episode": ("episode", "course", "infusion", "infusion_no", "infusion_number"),
}
_NOBODY = (
    "No column seems to name the patient. Say which under [roles] patient, or add a column with a"
    " code for each patient (the same at each visit)."
)
#: The line of [visits] where no visit seems to be the one before treatment.
OPEN_BASELINE = '# baseline = "…"'
_NO_BASELINE = (
    "No visit's name says that it is before treatment. Say which is, under [visits] baseline, or"
    " which column holds the baseline of each score, under [visits] baseline_columns."
)
_TURNED = (
    " The headings look like patients' codes: if patients are in columns, turn the table on its"
    " side first (a row a patient and visit)."
)
#: The first line of a study file that has no plan because something stands in the way.
NO_PLAN = "# No plan can be made yet:"
#: What stands under [visits] where a file has dates and no visits.
_DAYS = (
    (
        "# Or, as the file has dates: the first and last day of each visit, counted from a"
        " patient's first infusion or date."
    ),
    "# days = { baseline = [-7, 0], week_4 = [14, 42] }",
    (
        '# several = "closest"   # where patients have several rows in one visit: which counts?'
        " closest, first, last, worst, mean"
    ),
)
#: What is asked where patients have several rows at one visit.
_SEVERAL = (
    '# several = "last"   # needed: patients have several rows at one visit. Which counts: first,'
    " last, worst or mean?"
)
#: How many columns are explained in the words of the file.
_TITLES = 200


def guess_study(
    data: str | Path, *, sheet: str | None = None, beside: Path | None = None, **said_of_file: Any
) -> tuple[str, Study | None, str]:
    """A commented study file for a table, every guess marked ``# guess``, and the study that it
    gives, if it gives one.

    `said_of_file` is what else a person says of the file: header, last, encoding. Sheets with the
    same headings are proposed as one table. Without a study (a role that could not be guessed, say)
    text and words say what stands in the way.

    Raises DataError where the file cannot be read as a table.
    """
    path = Path(data)
    export, table = _export(Source(path, sheet or "", **said_of_file))
    source = export.source
    folder = Path(beside) if beside else path.parent
    name = Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    said = {
        "sheet": "" if source.sheets else source.sheet or table.sheet,
        "sheets": source.sheets,
        "by": source.by,
        **said_of_file,
        "resource": source.resource,
        "per": source.per,
        "without": source.without,
        "form": source.form,
        "measure": source.measure,
        "value": source.value,
        "each": source.each,
    }
    text = _text(export, name, {k: v for k, v in said.items() if v})
    try:
        if not re.search(r"(?m)^patient = ", text):
            raise StudyError(_NOBODY + _TURNED * turned(table) + _counting(table))
        if OPEN_BASELINE in text:
            raise StudyError(_NO_BASELINE)
        study = study_from_text(text, folder)
        if not study.outcome_names:
            problem = "It has no score yet: declare one under [instruments] or [outcomes]."
        elif len(study.visits) < 2:
            problem = (
                "It has one visit only, so there is no before and after: see [visits]."
                + " Its rows have dates: say there which days are which visit (days = …)."
                * bool(re.search(r"(?m)^date = ", text))
            )
        else:
            return text, study, ""
    except OutcomesError as error:
        problem = str(error)
    reason = "\n".join(f"# {line}" for line in problem.splitlines())
    way = "# Mend that, then 'outcomes init' of this file adds a ready-made plan."
    return f"{NO_PLAN}\n{reason}\n{way}\n\n{text}", None, problem


def _counting(table: TextTable) -> str:
    """What is said of columns that number the rows."""
    counting = sorted(row_numbers(table))
    names = ", ".join(f"'{c}'" for c in counting)
    return f" Numbers of rows, not of patients: {names}." if counting else ""


def patient_codes(
    data: str | Path, *, patient: str = "", sheet: str = ""
) -> tuple[pd.DataFrame, str]:
    """The cells of a file as text, and the column of the patient's code.

    Raises StudyError where no column seems to be it, or the named one is not there.
    """
    table = read_rows(Source(Path(data), sheet))
    column = patient or patient_column(table)
    if not column:
        raise StudyError(f"{_NOBODY} For this command: --patient COLUMN.")
    if column not in table.columns:
        raise StudyError(unknown("column", column, table.columns))
    return table.frame, column


def _export(given: Source) -> tuple[Guess, TextTable]:
    whole, beside_it = one_sheet(in_parts(given))
    export = guess_forms(guessed(whole))
    export = dataclasses.replace(export, forms={**export.forms, **beside_it})
    found = measures_of(export.table, patient_column(export.table))
    if found and not {*export.forms} - {*beside_it}:
        one = dataclasses.replace(export.source, **found)
        export = Guess(one, read_file(one), forms=beside_it)
    return export, export.table


def _text(export: Guess, file: str, said: dict[str, Any]) -> str:
    table = export.table
    patient = patient_column(table)
    dated = {"date": "date"} if isinstance(table, FhirTable) else {}
    found = privacy.scan(
        "scores",
        table.frame,
        allow=dated,
        ids=[patient] if patient else [],
        marked=table.declared.identifiers,
        scores=[c for hit in recognise(table.columns) for c in claimed_by(hit)],
    )
    found += export.findings
    drop = list(dict.fromkeys(f.column for f in found if f.column != patient))
    columns = [c for c in table.columns if c not in drop]
    roles = {
        "patient": patient,
        **dated,
        **(_roles(table, columns, patient) if patient else {}),
        **export.roles,
    }
    free = [c for c in columns if c not in roles.values()]
    wide = {} if "visit" in roles else wide_columns(free)
    timed = {}
    if patient and not wide and "visit" not in roles and not dated:
        dates = [f.column for f in found if f.kind == "date"]
        timed = day_column(table, free, patient, dates)
        drop = [c for c in drop if c not in timed.values()]
        columns = [c for c in table.columns if c not in drop]
        roles |= timed
        free = [c for c in free if c not in timed.values()]
    spans = windows_of(table, patient, timed) if timed else {}
    names = [*wide, *[c for c in free if not any(c in by.values() for by in wide.values())]]
    spelt = _spelt(table, roles)
    order = _order(table, roles, wide, spelt)
    several = _several(table, roles, found)
    roles |= several
    drop = [c for c in drop if c not in several.values()]
    beside = baseline_columns(table, roles, names) if not spans and late(*order) else {}
    if beside:
        names = [n for n in names if n not in beside.values()]
        order = (("baseline", *order[0]), order[1])
    design = _design(roles, len(spans or order[0]))
    lines = [
        (
            "# Study file: what the data mean, and the plan. Lines marked 'guess' were guessed from"
            " names: look at each."
        ),
        "",
        "[study]",
        f"title = {quoted(Path(file).stem)}",
        (
            f"design = {quoted(design)}   # guess. One of: before-after, follow-up, routes,"
            " parallel, crossover, n-of-1"
        ),
        f"form = {FORM}   # of this file; a later version of outcomes reads it by this number",
        (
            '# entry = { outcome = "…", at_least = 4 }   # if patients were admitted by a score,'
            " say so here"
        ),
        "",
        "[data]",
        _scores(file, said),
        *_further(export, file, {k: v for k, v in said.items() if k == "sheet"}),
        *_outside(file),
        missing_line(table, columns),
        "",
        "[roles]",
        *_role_lines(table, roles),
        "",
        "[visits]",
        *(_spans(spans) if spans else _visits(*order, columns, _flagged(table), beside)),
        *_names(spelt),
        *([_SEVERAL] if several else []),
        *(_DAYS if (dated or timed) and not spans and not order[0] else ()),
    ]
    if wide:
        lines += ["", "[wide.columns]   # guess: which columns hold one score at several visits"]
        lines += [
            f"{bare(s)} = {{ {', '.join(f'{bare(v)} = {quoted(c)}' for v, c in by.items())} }}"
            for s, by in wide.items()
        ]
    lines += _instruments(table, names, wide)
    lines += _titles(table, columns)
    if drop:
        lines += [
            "",
            (
                "[privacy]   # these columns may identify a patient; they are not read. Allow one"
                " only if you are sure"
            ),
        ]
        lines += [
            *[f"# {f.column}: {f.kind}; {f.why}" for f in found if f.column in drop],
            f"drop = {listed(drop)}   # guess",
        ]
    return "\n".join(lines) + "\n"


def _outside(file: str) -> list[str]:
    """The line that allows a file outside the study file's folder, which the user has named."""
    folder = Path(file).parent.as_posix()
    return [f"folders = {listed([folder])}"] if folder.startswith("..") or folder[:1] == "/" else []


def _role_lines(table: TextTable, roles: dict[str, str]) -> list[str]:
    """The lines of [roles]; a patient's code that is unique only within a site is made of both."""
    said: dict[str, Any] = dict(roles)
    if not roles["patient"]:
        del said["patient"]
        return [
            '# patient = "…"   # needed: no column seems to name the patient. Each patient has a',
            "# code, the same at each visit; where each row is one patient, add a column of"
            " numbers.",
            *[f"{r} = {quoted(c)}   # guess" for r, c in said.items()],
        ]
    parts = parts_of_code(table, roles["patient"], roles.get("visit", ""), roles.get("site", ""))
    lines = [f"{r} = {quoted(c)}   # guess" for r, c in said.items()]
    if parts:
        lines[0] = f"patient = {listed(parts)}   # guess: the code is unique only within its site"
    return lines


def _scores(file: str, said: dict[str, str]) -> str:
    if not said:
        return f"scores = {quoted(file)}"
    fields = "".join(
        f", {k} = {quoted(v) if isinstance(v, str) else v if isinstance(v, int) else listed(v)}"
        for k, v in said.items()
    )
    guess = "" if [*said] == ["sheet"] else "   # guess"
    return f"scores = {{ file = {quoted(file)}{fields} }}{guess}"


def _further(export: Guess, file: str, said: dict[str, Any]) -> list[str]:
    """The lines of [data] for the other tables that a REDCap export holds, and for its
    dictionary.
    """
    lines = [
        _scores(file, {**said, **form}).replace("scores", name, 1)
        for name, form in export.forms.items()
    ]
    lines += [
        f"# the form {quoted(form)} repeats and is in no table yet: "
        + (
            f"it seems to hold scores; to analyse these: scores = {{ file = {quoted(file)}, form ="
            f" {quoted(form)} }} and visit = {quoted(INSTANCE)} under [roles]"
            if form in export.scored
            else "infusions or events, perhaps"
        )
        for form in export.unread
    ]
    if export.source.dictionary:
        beside = Path(file).with_name(export.source.dictionary.name).as_posix()
        lines.append(
            f"dictionary = {quoted(beside)}   # guess: the data dictionary that lies beside the"
            " export"
        )
    return lines


def _titles(table: TextTable, columns: Sequence[str]) -> list[str]:
    """What the file itself says in words of the columns that are read: questions of a survey,
    labels of a statistics file.
    """
    said = [
        (c, text)
        for c in columns
        if (text := table.declared.titles.get(c, "")) and key(text) != key(c)
    ]
    more = [f"#   … and {len(said) - _TITLES} more"] if len(said) > _TITLES else []
    lines = [
        f"#   {bare(c)}: {''.join(filter(str.isprintable, text))}" for c, text in said[:_TITLES]
    ]
    return ["", "# What the file says of its columns:", *lines, *more] if said else []


def _roles(table: TextTable, columns: Sequence[str], patient: str) -> dict[str, str]:
    by_key = {k: c for k, c in headings(table, columns).items() if c != patient}
    ids = table[patient]
    roles: dict[str, str] = {}
    several = bool(ids.duplicated().any())
    for role, names in _ROLES.items():
        for name in names:
            column = by_key.get(name, "")
            if column and column not in roles.values() and _fits(role, table[column], ids, several):
                roles[role] = column
                break
    if "visit" not in roles:
        asked = visit_column(table, [c for c in columns if c not in (patient, *roles.values())])
        if asked and _fits("visit", table[asked], ids, several):
            roles["visit"] = asked
    return roles


def _fits(role: str, text: pd.Series, ids: pd.Series, several: bool) -> bool:
    values = set(text.str.strip()) - {""}
    if role in ("visit", "period", "episode"):
        many = several and 1 < len(values) <= 60
        return many and (role != "visit" or not (text == "").any())
    return 1 < len(values) <= 30 and len(values) < max(3, ids.nunique())


def _design(roles: dict[str, str], visits: int) -> str:
    if "period" in roles and ("sequence" in roles or "arm" in roles):
        return "crossover"
    return "parallel" if "arm" in roles else "follow-up" if visits > 2 else "before-after"


def _spelt(table: TextTable, roles: dict[str, str]) -> list[tuple[str, ...]]:
    """Visits that seem to be written in several ways."""
    if not roles["patient"] or "visit" not in roles or table.declared.visits:
        return []
    visit = table[roles["visit"]].str.strip()
    who = (
        table[roles["patient"]].astype(str) + table[roles["site"]].astype(str)
        if "site" in roles
        else table[roles["patient"]]
    )
    return spellings(visit[visit != ""], who[visit != ""])


def _several(
    table: TextTable, roles: Mapping[str, str], found: Sequence[privacy.Finding]
) -> dict[str, str]:
    """The date of a row, where patients have several rows at one visit that only dates tell
    apart.
    """
    keys = [roles[r] for r in ("patient", "visit", "site", "period", "episode") if roles.get(r)]
    if "visit" not in roles or "date" in roles or not table.frame.duplicated(keys).any():
        return {}
    dates = [f.column for f in found if f.kind == "date"]
    tell = [c for c in dates if not table.frame.duplicated([*keys, c]).any()]
    return {"date": tell[0]} if tell else {}


def _names(spelt: Sequence[tuple[str, ...]]) -> list[str]:
    visits, arms = arms_within(spelt)
    if arms:
        said = ", ".join(f"{quoted(name)} = {quoted(visit)}" for name, visit in visits.items())
        return [
            f"names = {{ {said} }}   # guess: the visits without the group in their names",
            f"# The names also hold a group ({', '.join(arms)}). To compare the groups, give them a"
            " column of their own",
            '# in the file, and say under [roles]: arm = "its name". Else nothing compares them.',
        ]
    return [f"names = {{ {as_names(spelt)} }}   # guess: one visit in several spellings"] * bool(
        spelt
    )


def _spans(spans: dict[str, list[int]]) -> list[str]:
    """The lines of [visits] for visits that are days."""
    said = ", ".join(f"{bare(visit)} = {days}" for visit, days in spans.items())
    return [
        (
            "# First and last day of each visit, counted from the patient's first infusion or"
            " first row: guessed from"
        ),
        "# the days that rows lie on. Set them to what the protocol says; other rows are left out.",
        f"days = {{ {said} }}   # guess",
        f"baseline = {quoted(next(iter(spans)))}   # guess",
    ]


def _order(
    table: TextTable,
    roles: dict[str, str],
    wide: dict[str, dict[str, str]],
    spelt: Sequence[tuple[str, ...]],
) -> tuple[tuple[str, ...], bool]:
    if "visit" in roles and table.declared.visits:
        return table.declared.visits, True
    if "visit" in roles:
        further = {v for _, *rest in spelt for v in rest}
        there = pd.unique(table[roles["visit"]].str.strip())
        if visits := arms_within(spelt)[0]:
            return in_order(visits.get(v, v) for v in there if v)
        return in_order(v for v in there if v and v not in further)
    return in_order(v for by in wide.values() for v in by)


def _flagged(table: TextTable) -> str:
    """The visit that the file flags as baseline most often; blank where it flags none."""
    flags = table.declared.baseline
    return max(flags, key=lambda visit: len(flags[visit]), default="")


def _visits(
    order: Sequence[str],
    sure: bool,
    columns: Sequence[str],
    flagged: str,
    beside: Mapping[str, str],
) -> list[str]:
    if beside:
        pairs = ", ".join(f"{bare(s)} = {quoted(c)}" for s, c in beside.items())
        return [
            f"order = {listed(order)}   # guess",
            'baseline = "baseline"   # guess: no row is of a visit before treatment, but',
            f"baseline_columns = {{ {pairs} }}   # guess: columns that seem to hold the baseline",
        ]
    if order and not flagged and late(order, sure):
        return [
            f"order = {listed(order)}   # guess",
            f"{OPEN_BASELINE}   # needed: which visit is before treatment? No name says so. If the"
            " baseline is",
            '# in a column of its own: baseline_columns = { nrs_avg = "base_pain" }',
        ]
    if order:
        start = flagged or next((v for v in order if visit_time(v) == 0), order[0])
        why = "" if sure else ": the order of the file, as the names tell no time"
        return [f"order = {listed(order)}   # guess{why}", f"baseline = {quoted(start)}   # guess"]
    numbered = _numbered(columns)
    ends = {f"visit_{n}": n for n in next(iter(numbered.values()), ())} or {
        "baseline": "_pre",
        "week_4": "_post",
    }
    seen = f" ({', '.join(numbered)} here, perhaps)" if numbered else ""
    return [
        (
            "# No visits were found. Name the visit column under [roles], or, where one score"
            " stands in several columns:"
        ),
        f"# order = {listed(list(ends))}",
        f"# [wide.suffix]   # visit = what its columns end in{seen}",
        *[f"# {visit} = {quoted(end)}" for visit, end in ends.items()],
    ]


def _numbered(columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names that end in the same two or more numbers as another name does (pk1, pk2, pk5, f1, f2,
    f5): visits, perhaps.
    """
    ends: dict[str, list[str]] = {}
    for column in columns:
        if found := re.fullmatch(r"(.*[^0-9])([0-9]{1,2})", column):
            ends.setdefault(found[1], []).append(found[2])
    alike = Counter(tuple(e) for e in ends.values() if len(e) > 1)
    best = max(alike, key=lambda e: (alike[e], len(e)), default=())
    return {stem: best for stem, e in ends.items() if tuple(e) == best and alike[best] > 1}


def _instruments(
    table: TextTable, names: Sequence[str], wide: dict[str, dict[str, str]]
) -> list[str]:
    lines, claimed = ["", "[instruments]"], set()
    texts = _texts(table, wide)
    for hit in scores_of(names, texts, table.declared.titles):
        lines += instrument_lines(
            hit, texts, (*CODES, *table.declared.missing), _labels(table, wide)
        )
        claimed |= claimed_by(hit)
    if len(lines) == 2:
        lines.append(
            '# no instrument was recognised; for example: pain_nrs = { average = "nrs_avg" }'
        )
    rest = [n for n in names if n not in claimed and (n in wide or _score_like(table, n))]
    numbered = (
        {}
        if wide
        else {f"{stem}{n}": stem for stem, ends in _numbered(names).items() for n in ends}
    )
    rest = list(dict.fromkeys(numbered.get(n, n) for n in rest))
    five = [n for n in rest if n not in numbered.values() and profiles(texts(n))]
    rest = [n for n in rest if n not in five]
    lines += [
        f"# {quoted(n)} holds EQ-5D profiles (five digits a cell), which have no mean. Make five"
        " columns of them: mobility, self-care, usual activities, pain, anxiety."
        for n in five
    ]
    if rest:
        lines += [
            "",
            "[outcomes]   # scores of no known instrument: say which side is better, and the scale",
        ]
        for n in rest:
            better = better_side(n)
            line = (
                f"{bare(key(n))} = {{ column = {quoted(n)}, title = {quoted(n)}, better ="
                f" {quoted(better)} }}   # guess"
                + ("" if better else ': say which side is better, "lower" or "higher"')
            )
            lines.append(
                line
                if n in wide and not NO_SCORE.search(key(n))
                else f"# {line}{', with [wide.suffix]' if n in numbered.values() else ''}"
            )
    return lines


def _texts(table: TextTable, wide: dict[str, dict[str, str]]) -> Texts:
    """The cells of a column, or of a score over all its visits in a wide table."""

    def cells(name: str) -> pd.Series:
        columns = list(wide.get(name, {}).values()) or [name]
        return pd.concat([table[c] for c in columns], ignore_index=True)

    return cells


def _labels(table: TextTable, wide: dict[str, dict[str, str]]) -> Labels:
    """What the file says that the codes of a column mean, or of a score in a wide table."""

    def meant(name: str) -> Mapping[str, str]:
        columns = [*wide.get(name, {}).values()] or [name]
        return next((said for c in columns if (said := table.declared.labels.get(c))), {})

    return meant


def _score_like(table: TextTable, column: str) -> bool:
    if column not in table.columns or not is_numeric(table[column], CODES):
        return False
    return table[column].nunique() > 2 and not re.search(
        r"(^|_)(qsdy|ady|age|alter|year|day|time|no|nr|id)(_|$)", key(column)
    )

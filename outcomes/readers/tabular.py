"""One table of scores, for a notebook: said in arguments instead of a study file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from outcomes.core.errors import StudyError, unknown
from outcomes.readers.code_labels import code_labels
from outcomes.readers.recipe import Recipe
from outcomes.readers.shape.visit_windows import windows
from outcomes.readers.source import Source
from outcomes.readers.study_form import SEVERAL
from outcomes.readers.studyfile import from_sources
from outcomes.study.study import Study

if TYPE_CHECKING:
    import pandas as pd
    from narwhals.typing import IntoDataFrame

    DataFrame: TypeAlias = pd.DataFrame | IntoDataFrame


def read_table(
    path: str | Path | Mapping[str, Any] | DataFrame,
    *,
    patient: str | Sequence[str],
    visit: str | None = None,
    visits: Sequence[str] | None = None,
    baseline: str | None = None,
    days: Mapping[str, Sequence[float]] | None = None,
    visit_names: Mapping[str, str] | None = None,
    instruments: Mapping[str, Any] | None = None,
    outcomes: Mapping[str, Any] | None = None,
    wide: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
    missing: Sequence[str | float] = (),
    allow: Sequence[str] = (),
    drop: Sequence[str] = (),
    labels: Mapping[str, Mapping[str, str]] | None = None,
    include: Mapping[str, Any] | None = None,
    baseline_columns: Mapping[str, str] | None = None,
    several: str = "",
    sheet: str | None = None,
    sheets: Sequence[str] = (),
    more: Sequence[str | Path] = (),
    by: str = "",
    header: int | None = None,
    last: int | None = None,
    encoding: str = "",
    date_order: str = "",
    ids: str = "exact",
    design: str = "before-after",
    title: str = "",
    patients: str | Path | Mapping[str, Any] | DataFrame | None = None,
    infusions: str | Path | Mapping[str, Any] | DataFrame | None = None,
    events: str | Path | Mapping[str, Any] | DataFrame | None = None,
    dictionary: str | Path | None = None,
    without: Sequence[str] = (),
    **roles: str,
) -> Study:
    """Read a table of scores into a study.

    `path` is a file of any kind that is read (text, Excel, SPSS, Stata, SAS, Parquet …), a data
    frame of pandas, polars or pyarrow, or a mapping that says more of it, as in a study file:
    ``{"file": "clinic.sav", "labels": True}``. A frame is read as a file of it would be: each cell
    as text, with its address, where row 1 is the first; it stays as it is. `sheet`, `header` (the
    number of the row of headings), `last` (that of the last row) and `encoding` are of a file.
    `sheets` of a workbook, or `more` files beside the first, are parts of one table, and `by` is
    the column that holds their names ("visit", "site" or "patient").
    `patient` names the column of the patient's code, or several where a code is unique only within
    a site (``["site", "id"]``). The table is long (a row for each patient and `visit`) or wide (a
    row a patient; columns such as ``nrs_pre`` and ``nrs_post``, or as `wide` declares:
    ``{"suffix": {"pre": "_1", "post": "_2"}}``, ``{"prefix": …}`` or
    ``{"columns": {"nrs": {"pre": "before", "post": "later"}}}``).
    `visits` is their order, `baseline` one of them; where rows have dates and no visits, `days`
    gives each visit its first and last day (``{"baseline": [-7, 0], "week_4": [14, 42]}``), counted
    from the patient's first infusion or date. `visit_names` gives the study's name of a visit where
    the file writes it otherwise (``{"Wk 4": "week_4"}``). `instruments` says which columns hold
    which questionnaire (``{"pain_nrs": {"average": "nrs"}, "phq9": {"prefix": "phq9_"}}``);
    `outcomes` declares other scores (``{"headache": {"column": "pk", "better": "lower"}}``).
    Further roles are keyword arguments: ``arm``, ``period``, ``sequence``, ``site``, ``route``,
    ``episode``, ``date``
    … Of a REDCap export, `dictionary` is the data dictionary and `without` are forms that are no
    scores (a further table of the same file is ``infusions={"file": …, "form": "infusion_log"}``).
    `baseline_columns` names the column of each score's baseline where a long table has it beside
    later scores, `several` says which of several rows at one visit counts ("last", "closest" …),
    `include` reads only some patients (``{"diagnosis": ["CRPS"], "age": {"at_least": 18}}``) and
    counts the others, `labels` are what codes mean (``{"sex": {"1": "female", "2": "male"}}``).
    `columns` gives types of other columns ("number", "category", "date", "yes/no", "text").

    Every cell is read as text and parsed by its type; ``study.columns`` says for each column how
    many were parsed, blank, coded as missing (`missing`) or could not be read, and where;
    ``study.issues`` lists everything else.

    Raises DataError (a file that cannot be used as it is), StudyError (roles that do not fit),
    PrivacyError (columns that may identify a patient and are neither in `allow` nor in `drop`),
    InstrumentError.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "scores.csv"
    >>> _ = file.write_text("id,nrs_pre,nrs_post\\n001,7,4\\n002,8,6?\\n")
    >>> study = read_table(file, patient="id", instruments={"pain_nrs": {"average": "nrs"}})
    >>> study.visits, list(study.scores["patient"].unique())
    (('pre', 'post'), ['001', '002'])
    >>> nrs = study.columns.iloc[0]
    >>> f"{nrs.parsed} parsed, {nrs.unparseable} not: {nrs.addresses}"
    '3 parsed, 1 not: row 3, column nrs_post'
    """
    here = Path()
    files = {"patients": patients, "infusions": infusions, "events": events}
    known = str(dictionary) if dictionary else None
    scores: dict[str, Any] = dict(path) if isinstance(path, Mapping) else {"file": path}
    told: dict[str, Any] = {
        "without": tuple(without),
        "sheets": list(sheets),
        "more": [str(Path(file).absolute()) for file in more],
        "by": by,
        "sheet": sheet,
        "header": header,
        "last": last,
    }
    told["encoding"] = encoding
    sources = {"scores": Source.of(scores | {k: v for k, v in told.items() if v}, here, known)}
    for name, file in files.items():
        if file is not None:
            given = file if isinstance(file, Mapping) else {"file": file}
            sources[name] = Source.of(given, here, known)
    said: dict[str, Any] = {"patient": patient, **({"visit": visit} if visit else {}), **roles}
    return from_sources(
        Recipe(
            sources,
            said,
            tuple(visits or ()),
            baseline or "",
            instruments=instruments or {},
            outcomes=outcomes or {},
            types=columns or {},
            labels=code_labels(labels or {}),
            include=include or {},
            baseline_columns={str(k): str(v) for k, v in (baseline_columns or {}).items()},
            several=_rule(several),
            wide=wide or {},
            missing=tuple(map(str, missing)),
            date_order=date_order,
            ids=ids,
            days=windows(days or {}),
            visit_names={str(k): str(v) for k, v in (visit_names or {}).items()},
            allow=tuple(allow),
            drop=tuple(drop),
            study={"title": title, "design": design},
        )
    )


def _rule(several: str) -> str:
    if several and several not in SEVERAL:
        raise StudyError(unknown("rule for several rows at one visit", several, SEVERAL))
    return several

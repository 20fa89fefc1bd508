"""Reports: one model of sections, rendered as one self-contained file in each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from outcomes.analyses.question import Analysis
from outcomes.config import atomic
from outcomes.core.errors import StudyError, unknown
from outcomes.core.language import speaking
from outcomes.core.result import Result, Results
from outcomes.core.style import written_in
from outcomes.plans.plan import Plan
from outcomes.readers.sources.snapshot import snapshot_of
from outcomes.study.study import Study

if TYPE_CHECKING:
    from outcomes.reporting.document import Document

T = TypeVar("T")
FORMATS = ("html", "pdf", "docx")
#: What was shared so far: a file that stays inside the clinic.
LEDGER = "shared-ledger.json"
#: What a report for internal use knew, for the next one.
SNAPSHOT = "snapshot.json"


def write_report(
    study: Study,
    answers: Plan | Results | Result,
    path: str | Path,
    *,
    audience: str = "internal",
    policy: str = "opensafely",
    ledger: str | Path | None = None,
    **options: Any,
) -> Path:
    """Write the report of a plan (answered here) or of results already there; the path's ending
    chooses the format.

    `.html` is one file that opens in any browser and asks the network for nothing; `.pdf` (extra
    `pdf`) is tagged PDF/UA-1; `.docx` (extra `docx`) has editable tables. All three hold the same
    sections and numbers. The same study, plan and version give the same bytes.

    `since` is the folder of the last internal report (with its `snapshot.json`, see
    `write_snapshot`): the report then says what is new, changed, late or withdrawn, and draws the
    run of results; `period` names this report in it.

    `language` is the language of the report ("en", "de", "fr", "es", "pt", "nl"; default: the study
    file's, else English); the statistical sentences of the appendix and the methods text stay
    English.
    What databases and servers gave for the study is written beside the report, in a folder
    `source-snapshot` (not beside one for sharing).

    `audience="share"` makes the report that may leave the clinic: only numbers that pass the
    disclosure `policy` (opensafely, nhs, cms, ukllc, acro), no mark for a single patient, and
    refused where too few patients differ from a report shared earlier. What was shared is
    remembered in the `ledger`, one file a study that stays inside the clinic (default:
    `shared-ledger.json` beside the folder of the report; the command line has it beside the study
    file).

    Returns the path. Raises PrivacyError for a refused report, StudyError for another ending or a
    folder that cannot be made, MissingExtraError for a missing extra.

    >>> import pandas as pd, tempfile, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]}
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> plan = oc.Plan(oc.PairedT("pain", before="pre", after="post"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     oc.write_report(study, plan, f"{folder}/pain.html").stat().st_size > 5000
    True
    """
    target = Path(path)
    kind = target.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise StudyError(
            f"A report ends in {', '.join(f'.{f}' for f in FORMATS)}; got"
            f" '{target.suffix or target.name}'."
        )
    more = {"audience": audience, "policy": policy, "ledger": ledger, **options}
    return write_reports(study, answers, target.parent, name=target.stem, formats=(kind,), **more)[
        0
    ]


def write_reports(
    study: Study,
    answers: Plan | Results | Result,
    folder: str | Path,
    *,
    formats: tuple[str, ...] = FORMATS,
    name: str = "report",
    **options: Any,
) -> list[Path]:
    """Write the same report in several formats; its sections are made once. Options as in
    `write_report`.

    Raises what `write_report` raises.
    """
    for kind in formats:
        if kind not in FORMATS:
            raise StudyError(unknown("format", kind, FORMATS))
    pulled = snapshot_of(study.settings) if options.get("audience") != "share" else None
    beside = pulled.to_write() if pulled else {}

    def put(doc: Document) -> list[Path]:
        files = document_files(doc, formats=formats, name=name)
        return _put(doc, Path(folder), files, beside)

    return published(lambda: build(study, answers, folder=Path(folder), **options), put)


def published(make: Callable[[], Document], put: Callable[[Document], T]) -> T:
    """Make a document and publish it; made again where another report of the study was shared in
    between.
    """
    from outcomes.reporting.release.ledger import LedgerMovedError

    for _ in range(5):
        try:
            return put(make())
        except LedgerMovedError:
            continue
    return put(make())


def write_document(
    doc: Document, folder: str | Path, *, formats: tuple[str, ...] = FORMATS, name: str = "report"
) -> list[Path]:
    """Write a document from `build` in several formats. Raises PrivacyError, MissingExtraError,
    OutputError.
    """
    return _put(doc, Path(folder), document_files(doc, formats=formats, name=name))


def document_files(
    doc: Document, *, formats: tuple[str, ...] = FORMATS, name: str = "report"
) -> dict[str, bytes]:
    """A document from `build` in several formats: the content of each file. Raises PrivacyError,
    MissingExtraError.
    """
    return {f"{name}.{kind}": _render(doc, kind) for kind in formats}


def write_tables(answers: Results, folder: str | Path, **options: Any) -> list[Path]:
    """Write every table of the report as CSV and all of them as one workbook (extra `xlsx`),
    formulas made harmless.

    For internal use `results.csv` and the workbook's last sheet also hold every number in full
    precision. Options as in `write_report`. Returns the paths. Raises StudyError where the results
    do not know their study.
    """
    if answers.study is None:
        raise StudyError(
            "These results do not know their study: answer a plan with plan.run(study)."
        )
    return write_document_tables(
        build(answers.study, answers, folder=Path(folder), **options), answers, folder
    )


def write_document_tables(doc: Document, answers: Results, folder: str | Path) -> list[Path]:
    """Write the tables of a document from `build`; as `write_tables` does. Raises
    MissingExtraError, OutputError.
    """
    return _put(doc, Path(folder), table_files(doc, answers))


def table_files(doc: Document, answers: Results) -> dict[str, bytes]:
    """The content of each file that `write_document_tables` writes. Raises MissingExtraError."""
    from outcomes.reporting.document import numbered_tables
    from outcomes.reporting.render.spreadsheet import files

    frame = answers.to_frame() if doc.audience == "internal" else None
    with doc.written():
        return files(list(numbered_tables(doc)), frame)


def write_snapshot(
    study: Study,
    results: Results,
    folder: str | Path,
    *,
    since: str | Path | None = None,
    period: str = "",
) -> Path:
    """Write what this report knew, so that the next one (`since=folder`) can say what is new; as
    confidential as the data.

    `since` is the folder of the report before, whose history is carried on; `period` names this one
    ("2026-10"). Returns the path of `snapshot.json`. Raises StudyError where it cannot be written.
    """
    return atomic.write(
        Path(folder) / SNAPSHOT,
        snapshot_text(study, results, since=since, period=period),
        private=True,
    )


def snapshot_text(
    study: Study, results: Results, *, since: str | Path | None = None, period: str = ""
) -> str:
    """What `write_snapshot` writes."""
    import json

    from outcomes.reporting.chapters.changes_since import check, read_snapshot, snapshot

    said = snapshot(
        study.ready, results, last=read_snapshot(since) if since else None, period=period
    )
    return json.dumps({**said, "check": check(said)}, ensure_ascii=False)


def _answered(study: Study, answers: Any) -> Results:
    """The answers as one list: of a plan (answered here), a question, results, or a list of
    them.
    """
    if isinstance(answers, Results):
        return answers
    if isinstance(answers, Plan):
        return answers.run(study)
    given = list(answers) if isinstance(answers, list | tuple) else [answers]
    if given and all(isinstance(a, Result) for a in given):
        return Results(tuple(given), study)
    if given and all(isinstance(a, Analysis) for a in given):
        return Plan(given).run(study)
    kinds = ", ".join(dict.fromkeys(type(a).__name__ for a in given)) or "an empty list"
    raise StudyError(
        f"A report is written of a plan, of results, or of a list of questions or results, not of"
        f" {kinds}. oc.write_report(study, oc.Plan(oc.PairedT(…)), path) answers and writes one."
    )


def build(
    study: Study,
    answers: Plan | Results | Result,
    *,
    audience: str = "internal",
    policy: str = "opensafely",
    ledger: str | Path | None = None,
    folder: Path = Path("reports"),
    language: str = "",
    **options: Any,
) -> Document:
    """The document of a report, before any format: what every renderer gets. Options as in
    `write_report`.
    """
    from outcomes.reporting.builder import document
    from outcomes.reporting.document import AUDIENCES

    if audience not in AUDIENCES:
        raise StudyError(unknown("audience", audience, AUDIENCES))
    results = _answered(study, answers)
    if audience != "internal" and options.get("since"):
        raise StudyError(
            "What is new since last time counts single patients, so it cannot stand in a report for"
            " sharing."
        )
    with written_in(study.style), speaking(language or study.language):
        if audience == "internal":
            return document(study.ready, results, **options)
        book = Path(ledger) if ledger else folder.absolute().parent / LEDGER
        return _for_sharing(study.ready, results, policy, book)


def _for_sharing(study: Study, results: Results, policy: str, ledger: Path) -> Document:
    from dataclasses import replace

    from outcomes.reporting.release.control import DisclosureControl
    from outcomes.reporting.release.ledger import Ledger, Record
    from outcomes.reporting.release.policy import PRESETS
    from outcomes.reporting.release.report import shared_document

    if policy not in PRESETS:
        raise StudyError(unknown("disclosure policy", policy, PRESETS))
    control = DisclosureControl(PRESETS[policy], Ledger.open(ledger, study))
    doc = shared_document(study, results, control)
    record = Record(ledger, control.ledger.read, control.ledger.text())
    return replace(doc, record=record, review=tuple(control.passed))


def _render(doc: Document, kind: str) -> bytes:
    if kind == "html":
        from outcomes.reporting.render import html

        return html.render(doc).encode()
    if kind == "pdf":
        from outcomes.reporting.render import pdf

        return pdf.render(doc)
    from outcomes.reporting.render import docx

    return docx.render(doc)


def _put(
    doc: Document,
    folder: Path,
    files: dict[str, bytes],
    beside: Mapping[str, bytes | str] = MappingProxyType({}),
) -> list[Path]:
    """All files at once, and with them the ledger; the first file is the main one, so it gets its
    place last. Those `beside` can be read by their owner alone.
    """
    from outcomes.reporting.release.ledger import recorded

    with recorded(doc.record):
        together = {**beside, **dict(reversed(files.items()))}
        atomic.write_all(folder, together, private=tuple(beside))
    return [folder / name for name in files]

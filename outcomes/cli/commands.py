"""What each command does; each returns its exit code."""

from __future__ import annotations

import argparse
import logging
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import outcomes
from outcomes.cli import output
from outcomes.config import atomic
from outcomes.core.errors import StudyError, unknown
from outcomes.core.wording import plural

log = logging.getLogger("outcomes")


def report(args: argparse.Namespace) -> int:
    """Answer the plan and write the report, in every format asked for."""
    from outcomes.reporting import FORMATS, SNAPSHOT, build, snapshot_text

    formats = [f.strip().lower() for f in args.format.split(",") if f.strip()] or ["html"]
    for kind in formats:
        if kind not in (*FORMATS, "tables"):
            raise StudyError(unknown("format", kind, (*FORMATS, "tables")))
        output.must_have("xlsx" if kind == "tables" else kind)
    output.must_be_writable(
        next(
            p for p in (Path(args.out).absolute(), *Path(args.out).absolute().parents) if p.exists()
        )
    )
    study, plan = _study_and_plan(args)
    results, out = _answer(plan, study), Path(args.out)
    paths = _share(args, study, results, formats) if args.audience == "share" else []
    if not paths:
        more = {"since": args.since} if args.since else {}
        doc = build(study, results, folder=out, language=args.language, **more)
        pulled = _pulled(study, out)
        knew: dict[str, bytes | str] = {
            SNAPSHOT: snapshot_text(study, results, since=args.since or None)
        }
        files = _files(doc, results, formats, pulled | knew)
        atomic.write_all(out, files, private=(SNAPSHOT, *pulled))
        paths = _places(out, formats)
    log.info(
        "%s answered, %d not.",
        plural(len(results) - len(results.failed), "question"),
        len(results.failed),
    )
    _say_failed(results)
    for path in paths:
        print(f"Report: {path.resolve()}")
    return 5 if results.failed else 0


def _files(
    doc: Any, results: Any, formats: list[str], more: dict[str, bytes | str]
) -> dict[str, bytes | str]:
    """Every file of a report, the one to open first last: where it is new, all are."""
    from outcomes.reporting import document_files, table_files

    reports = document_files(doc, formats=tuple(f for f in formats if f != "tables"))
    tables = table_files(doc, results) if "tables" in formats else {}
    return (
        {f"tables/{name}": data for name, data in tables.items()}
        | more
        | dict(reversed(reports.items()))
    )


def _places(out: Path, formats: list[str]) -> list[Path]:
    return [out / f"report.{f}" for f in formats if f != "tables"] + [out / "tables"] * (
        "tables" in formats
    )


def _share(args: argparse.Namespace, study: Any, results: Any, formats: list[str]) -> list[Path]:
    """Publish the report for sharing together with its entry in the ledger."""
    from outcomes.reporting import build, published
    from outcomes.reporting.release.ledger import recorded

    out = Path(args.out) / "share"

    def put(doc: Any) -> None:
        with recorded(doc.record):
            pulled = _pulled(study, Path(args.out))  # never among what is shared
            atomic.write_all(out, _files(doc, results, formats, pulled), private=tuple(pulled))

    published(
        lambda: build(
            study,
            results,
            audience="share",
            policy=args.policy,
            ledger=_ledger(args),
            language=args.language,
        ),
        put,
    )
    return _places(out, formats)


def _ledger(args: argparse.Namespace) -> Path:
    """The ledger of the study: beside the study file, whatever folder the report goes to, unless
    one is stated.
    """
    from outcomes.reporting import LEDGER

    return Path(args.ledger) if args.ledger else Path(args.study).absolute().parent / LEDGER


def share(args: argparse.Namespace) -> int:
    """Show what a report for sharing would release, number by number, for a person to sign off;
    publishes nothing.
    """
    import pandas as pd

    from outcomes.reporting import build

    if not args.review:
        raise StudyError(
            "outcomes share --review STUDY shows what a report for sharing would release."
        )
    study, plan = _study_and_plan(args)
    results = _answer(plan, study)
    doc = build(study, results, audience="share", policy=args.policy, ledger=_ledger(args))
    frame = pd.DataFrame(
        [(p.what, p.text, p.rule) for p in doc.review], columns=["number", "as printed", "rule"]
    )
    if args.to:
        output.kind_of_file(args.to)
        output.write(frame, args.to)
        print(f"Review: {Path(args.to).resolve()}")
    else:
        output.show(
            frame,
            f"{len(frame)} numbers for sharing, {doc.suppressed} withheld; nothing was published",
        )
    print(f"To publish: outcomes report {args.study} --audience share --policy {args.policy}")
    return 5 if results.failed else 0


def export_sums(args: argparse.Namespace) -> int:
    """Write the sums that pooled answers need, for other clinics: no patient is in them."""
    import os

    study, _ = _study_and_plan(args)
    sums = outcomes.export_sums(
        study,
        args.to,
        site=args.site or study.title,
        key=os.environ.get("OUTCOMES_SUMS_KEY", ""),
        policy=args.policy,
        ledger=_ledger(args),
    )
    kept = sum(q.cells for q in sums.questions)
    print(f"Sums of {plural(len(sums.questions), 'question')}: {Path(args.to).resolve()}")
    print(f"{plural(kept, 'cell')} withheld by policy {args.policy}.")
    return 0


def run(args: argparse.Namespace) -> int:
    """Answer the plan and write every number."""
    output.kind_of_file(args.to)
    study, plan = _study_and_plan(args, engine=args.engine, parts=args.parts)
    results = _answer(plan, study)
    output.write(results.to_frame(), args.to)
    _say_failed(results)
    print(f"Results: {Path(args.to).resolve()}")
    return 5 if results.failed else 0


def check(args: argparse.Namespace) -> int:
    """List what the checks find."""
    if args.to:
        output.kind_of_file(args.to)
    study = _read(args)
    plan = outcomes.Plan.of(study)
    frame = outcomes.check(study)
    if args.to:
        output.write(frame, args.to)
        print(f"Checked: {Path(args.to).resolve()}")
    else:
        output.show(frame, f"{len(frame)} to look at in {study.title or args.study}")
    log.info("The plan has %s.", plural(len(plan), "question"))
    return 5 if (frame["severity"] == "error").any() or (frame["rule"] == "plan_asks").any() else 0


def score(args: argparse.Namespace) -> int:
    """Score the questionnaires."""
    output.kind_of_file(args.to)
    study = _read(args).score(strict=args.strict)
    names = [
        c for c in study.scores if c in study.measures or c.removesuffix("_se") in study.measures
    ]
    output.write(study.scores[[*study.keys, *names]], args.to, private=True)
    print(f"Scores: {Path(args.to).resolve()}")
    return 0


def pseudonyms(args: argparse.Namespace) -> int:
    """Replace patients' codes by pseudonyms, and keep key and table apart."""
    from outcomes.cli.private_data import pseudonyms as replace_codes

    return replace_codes(args)


def export(args: argparse.Namespace) -> int:
    """Write the tables of a study without patients' codes and dates."""
    from outcomes.cli.private_data import export as write_tables

    return write_tables(args)


def init(args: argparse.Namespace) -> int:
    """Write a study file from what a data file looks like, or add a plan to one."""
    from outcomes.plans.ready_made import starter

    if Path(args.data).suffix.lower() == ".toml":
        return _add_plan(args)
    target = Path(args.to) if args.to else Path(args.data).parent / "study.toml"
    _free(target, args.force)
    said = {"header": args.header, "last": args.last, "encoding": args.encoding}
    text, problem = starter(
        args.data,
        kind=args.plan,
        sheet=args.sheet or None,
        beside=target.parent,
        **{name: value for name, value in said.items() if value},
    )
    atomic.write(target, text)
    print(
        f"Study file: {target.resolve()}\nLook at every line marked 'guess', then: outcomes check"
        f" {target}"
    )
    if problem:
        print(f"It has no plan yet. {problem}\nMend that in the file, then: outcomes init {target}")
    return 0


def _add_plan(args: argparse.Namespace) -> int:
    """The ready-made plan at the end of a study file that has none."""
    from outcomes.plans.ready_made import with_plan

    file = Path(args.data)
    target = Path(args.to) if args.to else file
    if target != file:
        _free(target, args.force)
    study = outcomes.read_study(file)
    if study.questions:
        raise StudyError(
            f"{file} has a plan already ({len(study.questions)} [[analysis]]); it stays as it is."
        )
    atomic.write(target, with_plan(file.read_text("utf-8-sig"), study, args.plan))
    print(f"Study file: {target.resolve()}\nLook at its plan, then: outcomes report {target}")
    return 0


def _free(target: Path, force: bool) -> None:
    output.must_be_writable(target.parent)
    if target.exists() and not force:
        raise StudyError(
            f"{target} is already there. Choose another name with --to, or replace it with --force."
        )


def plan(args: argparse.Namespace) -> int:
    """Freeze the plan of a study file, or compare it with the frozen one."""
    from outcomes.plans.frozen import freeze, frozen_file, frozen_plan
    from outcomes.plans.frozen_comparison import deviations

    study = outcomes.read_study(args.study)
    if args.what == "freeze":
        target = Path(args.to) if args.to else frozen_file(args.study)
        output.must_be_writable(target.parent)
        made = freeze(study, target, replace=args.replace)
        print(
            f"Frozen plan: {target.resolve()}\nFrozen on {made.date}; digest (SHA-256)"
            f" {made.digest}\nRegister it before anybody looks at the answers: upload this file to"
            " a registry (osf.io/registries, clinicaltrials.gov, or your ethics file) with its"
            " digest, and write the number you get under [paper] registration in the study file."
        )
        if target.resolve() != frozen_file(args.study).resolve():
            print(f"Reports look for it at {frozen_file(args.study)}: put it there.")
        return 0
    frozen = frozen_plan(study)
    if frozen is None:
        raise StudyError(
            f"No plan of {args.study} was frozen. To freeze it: outcomes plan freeze {args.study}"
        )
    found = deviations(frozen, study, outcomes.Plan.of(study))
    print(f"The plan was frozen on {frozen.date}. {plural(len(found), 'deviation')} from it.")
    for deviation in found:
        print(f"- {deviation.text}")
    return 5 if found else 0


def notebook(args: argparse.Namespace) -> int:
    """Write a notebook for a study."""
    from outcomes.notebooks import write_notebook

    file = write_notebook(
        args.kind,
        args.study,
        args.to or Path(args.study).parent / f"{args.kind}.ipynb",
        force=args.force,
    )
    print(f"Notebook: {file.resolve()}\nOpen it with: jupyter lab {file}")
    return 0


def methods(args: argparse.Namespace) -> int:
    """List the questions, those with a word in them, or show one."""
    import inspect

    from outcomes.plans.plan import kinds

    if args.name:
        found = kinds()
        if args.name not in found:
            if (rows := outcomes.questions(args.name)).empty:
                raise StudyError(unknown("method", args.name, found))
            output.show(rows, f"Questions with '{args.name}' in them", ("method", "question"))
            return 0
        print(
            f"{args.name}{inspect.signature(found[args.name])}\n\n{inspect.getdoc(found[args.name])}"
        )
        return 0
    output.show(
        outcomes.questions(),
        "Questions a plan can ask (outcomes methods NAME shows one)",
        ("method", "question"),
    )
    return 0


def instruments(args: argparse.Namespace) -> int:
    """List the instruments, show one, or run the examples of one's own."""
    if args.name == "check":
        from outcomes.questionnaires import run_examples

        if not args.file:
            raise StudyError("Which file? outcomes instruments check my_instrument.toml")
        mine = outcomes.load_instrument(args.file)
        failures = run_examples(mine)
        for line in failures:
            print(line)
        print(f"{mine.title}: {len(failures)} of {len(mine.examples)} worked examples fail.")
        return 5 if failures else 0
    frame = outcomes.instruments(args.name)
    if args.name and args.name in set(frame.get("id", ())):
        print(outcomes.instrument(args.name))
        return 0
    if frame.empty:
        raise StudyError(unknown("instrument", args.name, outcomes.instruments()["id"]))
    output.show(
        frame,
        "Questionnaires (outcomes instruments ID shows one)",
        ("id", "title", "domain", "scores"),
    )
    return 0


def redcap_dictionary(args: argparse.Namespace) -> int:
    """Write the data dictionary of a REDCap project that asks these instruments."""
    from outcomes.core.errors import InstrumentError
    from outcomes.questionnaires import redcap_dictionary as dictionary

    target = Path(args.to)
    _free(target, args.force)
    try:
        text = dictionary.redcap_dictionary(args.instruments, record=args.record)
    except InstrumentError as wrong:
        raise StudyError(str(wrong)) from None
    atomic.write(target, text)
    fields = text.count("\n") - 1
    print(
        f"Data dictionary: {target.resolve()}\n{plural(fields, 'field')} in"
        f" {plural(len(args.instruments) + 1, 'form')}. In REDCap: Project Setup, Data Dictionary,"
        " Upload. Labels are neutral: put the licensed wording in their place and leave names and"
        " codes as they are."
    )
    return 0


def selftest(args: argparse.Namespace) -> int:
    """Compare the statistics with the stored reference values."""
    from outcomes.validation import page, selftest

    verdict = selftest()
    print(page(verdict, every_method=args.methods))
    return 0 if verdict.passed else 5


def gallery(args: argparse.Namespace) -> int:
    """Write the gallery of the invented sample as one page that opens without a network."""
    from outcomes.gallery import page

    out = Path(args.out)
    output.must_be_writable(
        next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    )
    log.info("Every question is asked of the invented sample; this takes about a minute.")
    print(f"Gallery: {atomic.write(out / 'gallery.html', page()).resolve()}")
    return 0


def run_due(args: argparse.Namespace) -> int:
    """Make what a schedule owes."""
    from outcomes.schedule import run_due, skip
    from outcomes.schedule.environment import watchdog

    if args.skip:
        skip(args.schedule, args.skip, args.reason)
        print(f"Skipped: {args.skip}. To make it all the same: --period {args.skip}")
        return 0
    now, trial = _moment(args.now), bool(args.now)
    with watchdog(args.timeout):
        woken = run_due(args.schedule, now, period=args.period, accept=args.accept, trial=trial)
    for made in woken.made:
        name = f"{made.line} {made.label}".strip()
        if made.exit_code:
            print(f"outcomes: {name}: {made.words}", file=sys.stderr)
        if made.report and not args.quiet:
            print(f"Report: {made.report} ({name}: {made.words})")
    if not woken.made:
        log.info("Nothing is owed.")
    return woken.exit_code


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise StudyError(f"--now is a time such as 2026-03-01T06:00; got '{text}'.") from None


def status(args: argparse.Namespace) -> int:
    """Say how a schedule stands."""
    import json

    from outcomes.schedule import status

    found = status(args.schedule)
    print(json.dumps(found.to_dict(), indent=1) if args.json else found)
    return found.exit_code


def schedule(args: argparse.Namespace) -> int:
    """Write a schedule, test its notices, or show the entries for the system's scheduler."""
    from outcomes.schedule import init, show, try_channels

    if args.what == "test":
        told = try_channels(args.schedule)
        for channel, problem in told:
            print(f"{channel}: {f'not delivered: {problem}' if problem else 'delivered'}")
        return 6 if any(problem for _, problem in told) else 0
    if args.what == "show":
        print(show(args.schedule, args.system), end="")
    else:
        file = init(args.schedule, study=args.study, force=args.force)
        print(
            f"Schedule: {file.resolve()}\nLook at every line: time_zone is this computer's, and"
            " start says which period gets the first report. Then:\n"
            f"  outcomes run-due {file} --now {date.today()}T12:00   a trial: it does not count\n"
            f"  outcomes run-due {file}   makes what is owed"
        )
    return 0


def _read(args: argparse.Namespace) -> Any:
    return outcomes.read_study(args.study, snapshot=args.from_snapshot or None)


def _pulled(study: Any, folder: Path) -> dict[str, bytes | str]:
    """What databases and servers gave for the study, as files beside its report."""
    from outcomes.readers.sources.snapshot import snapshot_of

    found = snapshot_of(study.settings)
    files = found.to_write() if found else {}
    return {str(folder.absolute() / name): data for name, data in files.items()}


def _study_and_plan(
    args: argparse.Namespace, *, engine: str | None = None, parts: int | None = None
) -> tuple[Any, Any]:
    """The study and its plan; in parts, where an engine is named or the file has [engine]."""
    path, in_parts = args.study, bool(engine or parts)
    if engine is not None and not in_parts:
        from outcomes.readers.studyfile import engine_said

        in_parts = bool(engine_said(path))
    study = (
        outcomes.read_parts(
            path,
            engine=engine or None,
            parts=parts or None,
            snapshot=args.from_snapshot or None,
        )
        if in_parts
        else _read(args)
    )
    plan = outcomes.Plan.of(study)
    if not len(plan):
        raise StudyError(
            f"{path} has no [[analysis]]: nothing is asked. To add a ready-made plan: outcomes init"
            f" {path}"
        )
    log.info("Read %s.", study)
    return study, plan


def _answer(plan: Any, study: Any) -> Any:
    if not sys.stderr.isatty():
        return plan.run(
            study,
            progress=lambda i, n, what: log.info("[%d/%d] %s", i + 1, n, what) if i < n else None,
        )
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Answering", total=len(plan))
        return plan.run(
            study, progress=lambda i, n, what: bar.update(task, completed=i, description=what[:60])
        )


def _say_failed(results: Any) -> None:
    for r in results.failed:
        print(f"Not answered: {r.analysis.title(r.outcome)}: {r.failed}", file=sys.stderr)

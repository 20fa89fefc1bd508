"""What each command does; each returns its exit code."""

from __future__ import annotations

import argparse
import logging
import sys
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
    from outcomes.reporting import FORMATS, LEDGER, SNAPSHOT, build, document_files, snapshot_text, table_files

    formats = [f.strip().lower() for f in args.format.split(",") if f.strip()] or ["html"]
    for kind in formats:
        if kind not in (*FORMATS, "tables"):
            raise StudyError(unknown("format", kind, (*FORMATS, "tables")))
        output.must_have("xlsx" if kind == "tables" else kind)
    output.must_be_writable(
        next(p for p in (Path(args.out).absolute(), *Path(args.out).absolute().parents) if p.exists())
    )
    study, plan = _study_and_plan(args.study)
    out, how = Path(args.out), {"audience": args.audience, "policy": args.policy}
    if args.audience == "share":
        out, how = out / "share", how | {"ledger": out / LEDGER}
    elif args.since:
        how |= {"since": args.since}
    results = _answer(plan, study)
    doc = build(study, results, folder=out, **how)
    reports = document_files(doc, formats=tuple(f for f in formats if f != "tables"))
    files: dict[str, bytes | str] = {}
    if "tables" in formats:
        files = {f"tables/{name}": data for name, data in table_files(doc, results).items()}
    if args.audience == "internal":
        files[SNAPSHOT] = snapshot_text(study, results, since=args.since or None)
    atomic.write_all(out, files | dict(reversed(reports.items())), private=(SNAPSHOT,))
    paths = [out / name for name in reports] + [out / "tables"] * ("tables" in formats)
    log.info("%s answered, %d not.", plural(len(results) - len(results.failed), "question"), len(results.failed))
    _say_failed(results)
    for path in paths:
        print(f"Report: {path.resolve()}")
    return 5 if results.failed else 0


def run(args: argparse.Namespace) -> int:
    """Answer the plan and write every number."""
    output.kind_of_file(args.to)
    study, plan = _study_and_plan(args.study)
    results = _answer(plan, study)
    output.write(results.to_frame(), args.to)
    _say_failed(results)
    print(f"Results: {Path(args.to).resolve()}")
    return 5 if results.failed else 0


def check(args: argparse.Namespace) -> int:
    """List what the checks find."""
    if args.to:
        output.kind_of_file(args.to)
    study = outcomes.read_study(args.study)
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
    study = outcomes.read_study(args.study).score(strict=args.strict)
    names = [c for c in study.scores if c in study.measures or c.removesuffix("_se") in study.measures]
    output.write(study.scores[[*study.keys, *names]], args.to, private=True)
    print(f"Scores: {Path(args.to).resolve()}")
    return 0


def init(args: argparse.Namespace) -> int:
    """Write a study file from what a data file looks like, or add a plan to one."""
    from outcomes.plans.ready_made import starter

    if Path(args.data).suffix.lower() == ".toml":
        return _add_plan(args)
    target = Path(args.to) if args.to else Path(args.data).parent / "study.toml"
    _free(target, args.force)
    text, problem = starter(args.data, kind=args.plan, sheet=args.sheet or None, beside=target.parent)
    atomic.write(target, text)
    print(f"Study file: {target.resolve()}\nLook at every line marked 'guess', then: outcomes check {target}")
    if problem:
        print(f"It has no plan yet: {problem}\nMend that in the file, then: outcomes init {target}")
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
        raise StudyError(f"{file} has a plan already ({len(study.questions)} [[analysis]]); it stays as it is.")
    atomic.write(target, with_plan(file.read_text("utf-8-sig"), study, args.plan))
    print(f"Study file: {target.resolve()}\nLook at its plan, then: outcomes report {target}")
    return 0


def _free(target: Path, force: bool) -> None:
    output.must_be_writable(target.parent)
    if target.exists() and not force:
        raise StudyError(f"{target} is already there. Choose another name with --to, or replace it with --force.")


def notebook(args: argparse.Namespace) -> int:
    """Write a notebook for a study."""
    from outcomes.notebooks import write_notebook

    file = write_notebook(
        args.kind, args.study, args.to or Path(args.study).parent / f"{args.kind}.ipynb", force=args.force
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
        print(f"{args.name}{inspect.signature(found[args.name])}\n\n{inspect.getdoc(found[args.name])}")
        return 0
    output.show(
        outcomes.questions(), "Questions a plan can ask (outcomes methods NAME shows one)", ("method", "question")
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
    output.show(frame, "Questionnaires (outcomes instruments ID shows one)", ("id", "title", "domain", "scores"))
    return 0


def selftest(args: argparse.Namespace) -> int:
    """Compare the statistics with the stored reference values."""
    from outcomes.validation import page, selftest

    verdict = selftest()
    print(page(verdict, every_method=args.methods))
    return 0 if verdict.passed else 5


def run_due(args: argparse.Namespace) -> int:
    """Make what a schedule owes."""
    from outcomes.schedule import run_due
    from outcomes.schedule.environment import watchdog

    with watchdog(args.timeout):
        woken = run_due(args.schedule, period=args.period, accept=args.accept)
    for made in woken.made:
        name = f"{made.line} {made.label}".strip()
        if made.exit_code:
            print(f"outcomes: {name}: {made.words}", file=sys.stderr)
        if made.report and not args.quiet:
            print(f"Report: {made.report} ({name}: {made.words})")
    if not woken.made:
        log.info("Nothing is owed.")
    return woken.exit_code


def status(args: argparse.Namespace) -> int:
    """Say how a schedule stands."""
    import json

    from outcomes.schedule import status

    found = status(args.schedule)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if args.json else found)
    return found.exit_code


def schedule(args: argparse.Namespace) -> int:
    """Write a schedule, or show the entries for the system's scheduler."""
    from outcomes.schedule import init, show

    if args.what == "show":
        print(show(args.schedule, args.system), end="")
    else:
        file = init(args.schedule, study=args.study, force=args.force)
        print(f"Schedule: {file.resolve()}\nLook at every line, then: outcomes run-due {file}")
    return 0


def _study_and_plan(path: str) -> tuple[Any, Any]:
    study = outcomes.read_study(path)
    plan = outcomes.Plan.of(study)
    if not len(plan):
        raise StudyError(
            f"{path} has no [[analysis]]: nothing is asked. To add a ready-made plan: outcomes init {path}"
        )
    log.info("Read %s.", study)
    return study, plan


def _answer(plan: Any, study: Any) -> Any:
    if not sys.stderr.isatty():
        return plan.run(study, progress=lambda i, n, what: log.info("[%d/%d] %s", i + 1, n, what) if i < n else None)
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Answering", total=len(plan))
        return plan.run(study, progress=lambda i, n, what: bar.update(task, completed=i, description=what[:60]))


def _say_failed(results: Any) -> None:
    for r in results.failed:
        print(f"Not answered: {r.analysis.title(r.outcome)}: {r.failed}", file=sys.stderr)

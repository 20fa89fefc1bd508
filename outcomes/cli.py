"""The command line: parse, call, exit with a documented code."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import outcomes
from outcomes.errors import MissingExtraError, OutcomesError, OutputError, StudyError, unknown
from outcomes.wording import plural

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("outcomes")

#: The kinds of `outcomes.notebooks`, listed here so that --help stays quick (a test compares).
NOTEBOOKS = ("before-after", "crossover", "follow-up", "parallel", "routes", "side-effects", "symptoms", "plan", "sites")

#: The kinds of `outcomes.plans`, listed here for the same reason.
PLANS = ("before-after", "follow-up", "parallel", "crossover", "routes", "side-effects")

#: Extras and the package that each brings.
EXTRAS = {"pdf": "typst", "docx": "docx", "xlsx": "xlsxwriter", "parquet": "pyarrow"}

EXIT_CODES = """exit codes:
  0  done
  1  a fault in the program itself
  2  the command or the study file is wrong
  3  a data file is missing or cannot be read as it is
  4  columns may identify a patient: allow or drop each by name in [privacy]
  5  the data have errors, or the plan asks for what is not there (check); a question could not be answered (run,
     report); the input is stale, so nothing was published (run-due); a report is overdue, failed or was changed (status)
  6  the report is there, but a notice could not be delivered (run-due)
 74  a file or folder cannot be written: disk full, or no permission
 75  another run is at work: try later (run-due)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 2
    log.handlers[:] = [logging.StreamHandler(sys.stderr)]
    log.setLevel(logging.WARNING if args.quiet else logging.INFO)
    try:
        return int(args.call(args) or 0)
    except OutcomesError as e:
        print(f"outcomes: {e}", file=sys.stderr)
        return e.exit_code
    except BrokenPipeError:
        return 0
    except OSError as e:
        print(f"outcomes: Cannot use {e.filename or 'a file'}: {e.strerror or type(e).__name__}.", file=sys.stderr)
        return OutputError.exit_code
    except KeyboardInterrupt:
        print("outcomes: stopped", file=sys.stderr)
        return 130
    except Exception as e:
        if args.debug:
            raise
        # the message of an unforeseen error may hold a value, so only its kind and place are printed
        print(
            f"outcomes: internal error ({type(e).__name__} at {_place(e)}). Please report it; --debug shows more.",
            file=sys.stderr,
        )
        return 1


def _place(e: BaseException) -> str:
    tb = e.__traceback__
    while tb and tb.tb_next:
        tb = tb.tb_next
    return f"{Path(tb.tb_frame.f_code.co_filename).name}:{tb.tb_lineno}" if tb else "?"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="outcomes",
        description="Did our patients get better? Scores in, an honest report out.",
        epilog="Start with: outcomes init scores.csv   then: outcomes report study.toml --out reports",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"outcomes {outcomes.__version__}")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, call: Callable[[argparse.Namespace], int | None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        sub.set_defaults(call=call, command=name)
        sub.add_argument("--quiet", action="store_true", help="print only results, warnings and errors")
        sub.add_argument("--debug", action="store_true", help="show the traceback of an internal error (may show data)")
        return sub

    study: dict[str, Any] = {"metavar": "STUDY.toml", "help": "the study file: which columns mean what, and the plan"}
    p = add("report", _report, "answer the study's plan and write one report that opens in any browser")
    p.add_argument("study", **study)
    p.add_argument("--out", default="reports", metavar="DIR", help="folder for the report (default: reports)")
    p.add_argument("--format", default="html", metavar="LIST", help="html, pdf, docx, tables; several with commas")
    p.add_argument("--audience", default="internal", choices=["internal", "share"], help="share: no small or exact number")
    p.add_argument("--policy", default="opensafely", help="with share: opensafely, nhs, cms, ukllc or acro")
    p.add_argument("--since", default="", metavar="DIR", help="the folder of the last report: adds what is new since then")
    p = add("run", _run, "answer the study's plan and write every number to a file for machines")
    p.add_argument("study", **study)
    p.add_argument("--to", required=True, metavar="FILE", help="results.csv, results.json or results.parquet")
    p = add("check", _check, "list what in the data needs a look; nothing is repaired")
    p.add_argument("study", **study)
    p.add_argument("--to", metavar="FILE", help="write the list to a .csv or .json file instead of the screen")
    p = add("score", _score, "score the questionnaires and write the scores to a file")
    p.add_argument("study", **study)
    p.add_argument("--to", required=True, metavar="FILE", help="scores.csv, scores.json or scores.parquet")
    p.add_argument("--strict", action="store_true", help="score only complete questionnaires")
    p = add("init", _init, "look at a data file and write a commented study file, with every guess marked")
    p.add_argument("data", metavar="DATA", help="a CSV, TSV or Excel file; or a study file that has no plan yet, to add one")
    p.add_argument(
        "--to", default="", metavar="FILE", help="the study file to write (default: study.toml beside the data)"
    )
    p.add_argument("--plan", default="", metavar="KIND", help=f"one of {', '.join(PLANS)} (default: the one that fits)")
    p.add_argument("--sheet", default="", help="which sheet of a workbook")
    p.add_argument("--force", action="store_true", help="replace a study file that is already there")
    p = add("notebook", _notebook, "write a notebook for this kind of study, ready to open in JupyterLab")
    p.add_argument("kind", metavar="KIND", help=f"one of {', '.join(NOTEBOOKS)}")
    p.add_argument("study", **study)
    p.add_argument("--to", default="", metavar="FILE", help="the .ipynb to write (default: KIND.ipynb beside the study file)")
    p.add_argument("--force", action="store_true", help="replace a notebook that is already there")
    p = add("methods", _methods, "list the questions that a plan can ask")
    p.add_argument("name", nargs="?", default="", help="show one question in full")
    p = add("instruments", _instruments, "list the questionnaires that can be scored, show one, or check your own")
    p.add_argument("name", nargs="?", default="", help="an instrument's id, a word to search for, or 'check'")
    p.add_argument("file", nargs="?", default="", help="with 'check': your instrument's TOML file")
    schedule: dict[str, Any] = {"metavar": "SCHEDULE.toml", "help": "the schedule: which study, how often, where to, who is told"}
    p = add("selftest", _selftest, "compare the statistics on this computer with R's values; one page for the IT department")
    p.add_argument("--methods", action="store_true", help="one line a method, not only one an area")
    p = add("run-due", _run_due, "make the reports that a schedule owes by now; what is done already stays as it is")
    p.add_argument("schedule", **schedule)
    p.add_argument("--period", default="", help="make this period, such as 2026-10, whether it is owed or not")
    p.add_argument("--accept", action="store_true", help="publish although the input looks stale, cut short or wrong")
    p.add_argument("--timeout", type=float, default=110, metavar="MINUTES", help="give up after this (default: 110)")
    p = add("status", _status, "say what ran, what is due and what is overdue; the exit code is for a monitor")
    p.add_argument("schedule", **schedule)
    p.add_argument("--json", action="store_true", help="print it for machines")
    p = add("schedule", _schedule, "write a schedule file, or show what to paste into the system's scheduler")
    p.add_argument("what", choices=["init", "show"], help="init writes a commented file; show prints entries")
    p.add_argument("schedule", **schedule)
    p.add_argument("--study", default="study.toml", metavar="STUDY.toml", help="init: the study file it reports")
    p.add_argument("--force", action="store_true", help="init: replace a schedule that is already there")
    p.add_argument("--for", dest="system", default="", metavar="SYSTEM", help="show: only cron, systemd or windows")
    return parser


# --- commands ---------------------------------------------------------------------------------------------------


def _report(args: argparse.Namespace) -> int:
    from outcomes.report import FORMATS, LEDGER, write_reports, write_snapshot, write_tables

    formats = [f.strip().lower() for f in args.format.split(",") if f.strip()] or ["html"]
    for kind in formats:
        if kind not in (*FORMATS, "tables"):
            raise StudyError(unknown("format", kind, (*FORMATS, "tables")))
        _needs("xlsx" if kind == "tables" else kind)
    _folder(next(p for p in (Path(args.out).absolute(), *Path(args.out).absolute().parents) if p.exists()))
    study, plan = _study_and_plan(args.study)
    out, how = Path(args.out), {"audience": args.audience, "policy": args.policy}
    if args.audience == "share":
        out, how = out / "share", how | {"ledger": out / LEDGER}
    elif args.since:
        how |= {"since": args.since}
    results = _answer(plan, study)
    paths = write_reports(study, results, out, formats=tuple(f for f in formats if f != "tables"), **how)
    if "tables" in formats:
        write_tables(results, out / "tables", **how)
        paths.append(out / "tables")
    if args.audience == "internal":
        write_snapshot(study, results, out, since=args.since or None)
    log.info("%s answered, %d not.", plural(len(results) - len(results.failed), "question"), len(results.failed))
    _say_failed(results)
    for path in paths:
        print(f"Report: {path.resolve()}")
    return 5 if results.failed else 0


def _run(args: argparse.Namespace) -> int:
    _writer(args.to)
    study, plan = _study_and_plan(args.study)
    results = _answer(plan, study)
    _write(results.to_frame(), args.to)
    _say_failed(results)
    print(f"Results: {Path(args.to).resolve()}")
    return 5 if results.failed else 0


def _check(args: argparse.Namespace) -> int:
    if args.to:
        _writer(args.to)
    study = outcomes.read_study(args.study)
    plan = outcomes.Plan.of(study)
    frame = outcomes.check(study)
    if args.to:
        _write(frame, args.to)
        print(f"Checked: {Path(args.to).resolve()}")
    else:
        _show(frame, f"{len(frame)} to look at in {study.title or args.study}")
    log.info("The plan has %s.", plural(len(plan), "question"))
    return 5 if (frame["severity"] == "error").any() or (frame["rule"] == "plan_asks").any() else 0


def _score(args: argparse.Namespace) -> int:
    _writer(args.to)
    study = outcomes.read_study(args.study).score(strict=args.strict)
    names = [c for c in study.scores if c in study.measures or c.removesuffix("_se") in study.measures]
    _write(study.scores[[*study.keys, *names]], args.to)
    print(f"Scores: {Path(args.to).resolve()}")
    return 0


def _init(args: argparse.Namespace) -> int:
    from outcomes.plans import starter

    if Path(args.data).suffix.lower() == ".toml":
        return _add_plan(args)
    target = Path(args.to) if args.to else Path(args.data).parent / "study.toml"
    _free(target, args.force)
    text, problem = starter(args.data, kind=args.plan, sheet=args.sheet or None, beside=target.parent)
    target.write_text(text, encoding="utf-8")
    print(f"Study file: {target.resolve()}\nLook at every line marked 'guess', then: outcomes check {target}")
    if problem:
        print(f"It has no plan yet: {problem}\nMend that in the file, then: outcomes init {target}")
    return 0


def _add_plan(args: argparse.Namespace) -> int:
    """The ready-made plan at the end of a study file that has none."""
    from outcomes.plans import with_plan

    file = Path(args.data)
    target = Path(args.to) if args.to else file
    if target != file:
        _free(target, args.force)
    study = outcomes.read_study(file)
    if study.questions:
        raise StudyError(f"{file} has a plan already ({len(study.questions)} [[analysis]]); it stays as it is.")
    target.write_text(with_plan(file.read_text("utf-8-sig"), study, args.plan), encoding="utf-8")
    print(f"Study file: {target.resolve()}\nLook at its plan, then: outcomes report {target}")
    return 0


def _free(target: Path, force: bool) -> None:
    _folder(target.parent)
    if target.exists() and not force:
        raise StudyError(f"{target} is already there. Choose another name with --to, or replace it with --force.")


def _notebook(args: argparse.Namespace) -> int:
    from outcomes.notebooks import write_notebook

    file = write_notebook(args.kind, args.study, args.to or Path(args.study).parent / f"{args.kind}.ipynb", force=args.force)
    print(f"Notebook: {file.resolve()}\nOpen it with: jupyter lab {file}")
    return 0


def _methods(args: argparse.Namespace) -> int:
    import inspect

    from outcomes.plan import kinds

    if args.name:
        found = kinds()
        if args.name not in found:
            raise StudyError(unknown("method", args.name, found))
        print(f"{args.name}{inspect.signature(found[args.name])}\n\n{inspect.getdoc(found[args.name])}")
        return 0
    _show(outcomes.questions(), "Questions a plan can ask (outcomes methods NAME shows one)", ("method", "question"))
    return 0


def _instruments(args: argparse.Namespace) -> int:
    if args.name == "check":
        from outcomes.scoring import run_examples

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
    _show(frame, "Questionnaires (outcomes instruments ID shows one)", ("id", "title", "domain", "scores"))
    return 0


def _selftest(args: argparse.Namespace) -> int:
    from outcomes.selftest import page, selftest

    verdict = selftest()
    print(page(verdict, every_method=args.methods))
    return 0 if verdict.passed else 5


def _run_due(args: argparse.Namespace) -> int:
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


def _status(args: argparse.Namespace) -> int:
    import json

    from outcomes.schedule import status

    found = status(args.schedule)
    print(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) if args.json else found)
    return found.exit_code


def _schedule(args: argparse.Namespace) -> int:
    from outcomes.schedule import init, show

    if args.what == "show":
        print(show(args.schedule, args.system), end="")
    else:
        file = init(args.schedule, study=args.study, force=args.force)
        print(f"Schedule: {file.resolve()}\nLook at every line, then: outcomes run-due {file}")
    return 0


# --- helpers ----------------------------------------------------------------------------------------------------


def _study_and_plan(path: str) -> tuple[Any, Any]:
    study = outcomes.read_study(path)
    plan = outcomes.Plan.of(study)
    if not len(plan):
        raise StudyError(f"{path} has no [[analysis]]: nothing is asked. To add a ready-made plan: outcomes init {path}")
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


def _writer(path: str) -> str:
    kind = Path(path).suffix.lower()
    if kind not in (".csv", ".json", ".parquet"):
        raise StudyError(f"--to ends in .csv, .json or .parquet; got '{kind or path}'.")
    if kind == ".parquet":
        _needs("parquet")
    _folder(Path(path).parent)
    return kind


def _needs(extra: str) -> None:
    """Refuse what an absent extra would make, before minutes are spent on it."""
    package = EXTRAS.get(extra, "")
    if package and importlib.util.find_spec(package) is None:
        raise MissingExtraError(f"{extra.upper()} needs the {extra} extra: pip install 'outcomes[{extra}]'")


def _folder(folder: Path) -> None:
    """Refuse a folder that is not there or cannot be written, before minutes are spent on what should go there."""
    if not folder.is_dir():
        what = f"'{folder}' is a file, not a folder" if folder.exists() else f"There is no folder '{folder}' to write to"
        raise OutputError(f"{what}.")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"Cannot write in {folder}: no permission.")


def _write(frame: pd.DataFrame, path: str) -> None:
    kind = _writer(path)
    if kind == ".csv":
        from outcomes.report.spreadsheet import safe_cell

        words = {c: frame[c].map(safe_cell) for c in frame.select_dtypes(exclude="number")}
        frame.assign(**words).rename(columns=safe_cell).to_csv(path, index=False)
    elif kind == ".json":
        frame.to_json(path, orient="records", indent=1, double_precision=15)
    else:
        frame.to_parquet(path, index=False)


def _show(frame: pd.DataFrame, title: str, brief: Sequence[str] = ()) -> None:
    """A frame on the screen: on a terminal a rich table (of the `brief` columns), elsewhere tab-separated lines of all."""
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


if __name__ == "__main__":
    sys.exit(main())

"""What may be typed after `outcomes`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import outcomes
from outcomes.cli import commands as do
from outcomes.core.language import LANGUAGE_CODES

#: The kinds of `outcomes.notebooks`, listed here so that --help stays quick (a test compares).
NOTEBOOKS = (
    "before-after",
    "crossover",
    "follow-up",
    "parallel",
    "routes",
    "side-effects",
    "symptoms",
    "plan",
    "sites",
)

#: The kinds of `outcomes.plans.ready_made`, listed here for the same reason.
PLANS = ("before-after", "follow-up", "parallel", "crossover", "routes", "courses", "side-effects")

#: The engines of `outcomes.study.engines`, listed here for the same reason.
ENGINES = ("serial", "processes", "dask", "spark")

EXIT_CODES = """exit codes:
  0  done
  1  a fault in the program itself
  2  the command or the study file is wrong
  3  a data file is missing or cannot be read as it is
  4  columns may identify a patient: allow or drop each by name in [privacy]
  5  the data have errors, or the plan asks for what is not there (check);
     a question could not be answered (run, report);
     the input is stale, so nothing was published (run-due);
     a report is overdue, failed or was changed (status);
     the plan is not the frozen one (plan compare)
  6  the report is there, but a notice could not be delivered (run-due)
 69  a database or server could not be reached, refused, or did not give its
     rows whole: nothing was read
 74  a file or folder cannot be written: disk full, or no permission
 75  another run is at work: try later (run-due)
"""

#: The one thing that nearly every command needs.
STUDY: dict[str, Any] = {
    "metavar": "STUDY.toml",
    "help": "the study file: which columns mean what, and the plan",
}
SNAPSHOT: dict[str, Any] = {
    "default": "",
    "metavar": "DIR",
    "help": (
        "read again what databases and servers gave for an earlier report: the folder of that"
        " report, or its source-snapshot"
    ),
}
LEDGER: dict[str, Any] = {
    "default": "",
    "metavar": "FILE",
    "help": (
        "with share: what was shared so far (default: shared-ledger.json beside the study file)"
    ),
}
SCHEDULE: dict[str, Any] = {
    "metavar": "SCHEDULE.toml",
    "help": "the schedule: which study, how often, where to, who is told",
}

Call = Callable[[argparse.Namespace], int]
Add = Callable[[str, Call, str], argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """Every command with its options and the exit codes."""
    top = argparse.ArgumentParser(
        prog="outcomes",
        description="Did our patients get better? Scores in, an honest report out.",
        epilog=(
            "Start with: outcomes init scores.csv   then: outcomes report study.toml --out reports"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"outcomes {outcomes.__version__}")
    top.set_defaults(command=None)
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, call: Call, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(call=call, command=name)
        sub.add_argument(
            "--quiet", action="store_true", help="print only results, warnings and errors"
        )
        sub.add_argument(
            "--debug",
            action="store_true",
            help="show the traceback of an internal error (may show data)",
        )
        return sub

    _with_a_study(add)
    _around_it(add)
    _on_a_schedule(add)
    return top


def _with_a_study(add: Add) -> None:
    p = add(
        "report",
        do.report,
        "answer the study's plan and write one report that opens in any browser",
    )
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument(
        "--out", default="reports", metavar="DIR", help="folder for the report (default: reports)"
    )
    p.add_argument(
        "--format",
        default="html",
        metavar="LIST",
        help="html, pdf, docx, tables; several with commas",
    )
    p.add_argument(
        "--audience",
        default="internal",
        choices=["internal", "share"],
        help="share: no small or exact number",
    )
    p.add_argument(
        "--policy", default="opensafely", help="with share: opensafely, nhs, cms, ukllc or acro"
    )
    p.add_argument("--ledger", **LEDGER)
    p.add_argument(
        "--since",
        default="",
        metavar="DIR",
        help="the folder of the last report: adds what is new since then",
    )
    p.add_argument(
        "--language",
        default="",
        choices=["", *LANGUAGE_CODES],
        metavar="CODE",
        help="en, de, fr, es, pt or nl (default: the study file's, else English)",
    )
    p = add(
        "share",
        do.share,
        "review what a report for sharing would release, number by number, before it is published",
    )
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument(
        "--review",
        action="store_true",
        help="list each number with the rule that let it pass or withheld it",
    )
    p.add_argument("--policy", default="opensafely", help="opensafely, nhs, cms, ukllc or acro")
    p.add_argument("--ledger", **LEDGER)
    p.add_argument(
        "--to",
        default="",
        metavar="FILE",
        help="write the list to a .csv or .json file instead of the screen",
    )
    p = add(
        "export-sums",
        do.export_sums,
        "write sums of this clinic's scores, from which several clinics get the exact pooled"
        " answers without sharing patients; signed with the key in OUTCOMES_SUMS_KEY",
    )
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument("--to", required=True, metavar="FILE", help="sums.json")
    p.add_argument(
        "--site", default="", help="what the clinic is called (default: the study's title)"
    )
    p.add_argument("--policy", default="opensafely", help="opensafely, nhs, cms, ukllc or acro")
    p.add_argument("--ledger", **LEDGER)
    p = add("run", do.run, "answer the study's plan and write every number to a file for machines")
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument(
        "--to", required=True, metavar="FILE", help="results.csv, results.json or results.parquet"
    )
    p.add_argument(
        "--engine",
        default="",
        choices=["", *ENGINES],
        metavar="NAME",
        help=(
            f"read the study in parts and answer from sums over them: {', '.join(ENGINES)}"
            " (default: what [engine] says; without it, the study is read whole)"
        ),
    )
    p.add_argument(
        "--parts", type=int, default=0, metavar="N", help="with an engine: how many parts"
    )
    p = add("check", do.check, "list what in the data needs a look; nothing is repaired")
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument(
        "--to", metavar="FILE", help="write the list to a .csv or .json file instead of the screen"
    )
    p = add("score", do.score, "score the questionnaires and write the scores to a file")
    p.add_argument("study", **STUDY)
    p.add_argument("--from-snapshot", **SNAPSHOT)
    p.add_argument(
        "--to", required=True, metavar="FILE", help="scores.csv, scores.json or scores.parquet"
    )
    p.add_argument("--strict", action="store_true", help="score only complete questionnaires")
    p = add("pseudonyms", do.pseudonyms, "replace patients' codes in a data file by pseudonyms")
    p.add_argument("data", metavar="DATA", help="a data file (CSV, Excel, SPSS …)")
    p.add_argument(
        "--apart",
        required=True,
        metavar="FOLDER",
        help="where the key and the table of codes are kept: not the folder of the data",
    )
    p.add_argument("--patient", default="", metavar="COLUMN", help="the column of the code")
    p.add_argument("--sheet", default="", metavar="NAME", help="the sheet of a workbook")
    p.add_argument("--to", metavar="FILE.csv", help="default: DATA.coded.csv beside the data")
    p.add_argument("--force", action="store_true", help="replace a file that is there")
    p = add(
        "export",
        do.export,
        "write the tables of a study with pseudonyms for codes and moved dates",
    )
    p.add_argument("study", **STUDY)
    p.add_argument("--deidentified", action="store_true", help="needed: nothing else is exported")
    p.add_argument("--key", required=True, metavar="FILE", help="the key that pseudonyms made")
    p.add_argument("--to", required=True, metavar="FOLDER", help="where the tables are written")
    p.add_argument("--force", action="store_true", help="replace files that are there")
    p = add(
        "init",
        do.init,
        "look at a data file and write a commented study file, with every guess marked",
    )
    p.add_argument(
        "data",
        metavar="DATA",
        help="a data file (CSV, Excel, SPSS, FHIR …), or a study file without a plan, to add one",
    )
    p.add_argument(
        "--to",
        default="",
        metavar="FILE",
        help="the study file to write (default: study.toml beside the data)",
    )
    p.add_argument(
        "--plan",
        default="",
        metavar="KIND",
        help=f"one of {', '.join(PLANS)} (default: the one that fits)",
    )
    p.add_argument("--sheet", default="", help="which sheet of a workbook")
    for name, what in (
        ("header", "the number of the row with the headings, where it is not found"),
        ("last", "the number of the last row of the table, where more stands below it"),
    ):
        p.add_argument(f"--{name}", type=int, default=None, metavar="ROW", help=what)
    p.add_argument(
        "--encoding", default="", metavar="NAME", help="how a text table is encoded, as cp1252"
    )
    p.add_argument(
        "--force", action="store_true", help="replace a study file that is already there"
    )


def _around_it(add: Add) -> None:
    p = add(
        "plan",
        do.plan,
        "freeze the plan with its date and digest before the answers are seen, or compare with it",
    )
    p.add_argument(
        "what",
        choices=["freeze", "compare"],
        help="freeze writes the plan as it is now; compare lists how it differs from the frozen",
    )
    p.add_argument("study", **STUDY)
    p.add_argument(
        "--to",
        default="",
        metavar="FILE",
        help="freeze: the file to write (default: STUDY.plan.toml beside the study file)",
    )
    p.add_argument(
        "--replace",
        default="",
        metavar="REASON",
        help="freeze: replace a plan that was frozen before; reports say when and why",
    )
    p = add(
        "notebook",
        do.notebook,
        "write a notebook for this kind of study, ready to open in JupyterLab",
    )
    p.add_argument("kind", metavar="KIND", help=f"one of {', '.join(NOTEBOOKS)}")
    p.add_argument("study", **STUDY)
    p.add_argument(
        "--to",
        default="",
        metavar="FILE",
        help="the .ipynb to write (default: KIND.ipynb beside the study file)",
    )
    p.add_argument("--force", action="store_true", help="replace a notebook that is already there")
    p = add("methods", do.methods, "list the questions that a plan can ask")
    p.add_argument(
        "name", nargs="?", default="", help="a question to show in full, or words to search for"
    )
    p = add(
        "instruments",
        do.instruments,
        "list the questionnaires that can be scored, show one, or check your own",
    )
    p.add_argument(
        "name", nargs="?", default="", help="an instrument's id, a word to search for, or 'check'"
    )
    p.add_argument("file", nargs="?", default="", help="with 'check': your instrument's TOML file")
    p = add(
        "redcap-dictionary",
        do.redcap_dictionary,
        "write the data dictionary of a REDCap project that asks these questionnaires: fields,"
        " codes and choices, and no wording",
    )
    p.add_argument("instruments", nargs="+", metavar="ID", help="ids, as outcomes instruments says")
    p.add_argument(
        "--to",
        default="dictionary.csv",
        metavar="FILE",
        help="the CSV to write (default: dictionary.csv)",
    )
    p.add_argument(
        "--record",
        default="record_id",
        metavar="NAME",
        help="the first field, the patient's code (default: record_id)",
    )
    p.add_argument("--force", action="store_true", help="replace a file that is already there")
    p = add(
        "selftest",
        do.selftest,
        "compare the statistics on this computer with R's values; one page for the IT department",
    )
    p.add_argument("--methods", action="store_true", help="one line a method, not only one an area")
    p = add(
        "gallery",
        do.gallery,
        "write one page with every question asked of the invented sample: code, table, pictures",
    )
    p.add_argument(
        "--out", default="gallery", metavar="DIR", help="folder for the page (default: gallery)"
    )


def _on_a_schedule(add: Add) -> None:
    p = add(
        "run-due",
        do.run_due,
        "make the reports that a schedule owes by now; what is done already stays as it is",
    )
    p.add_argument("schedule", **SCHEDULE)
    p.add_argument(
        "--period", default="", help="make this period, such as 2026-10, whether it is owed or not"
    )
    p.add_argument(
        "--accept",
        action="store_true",
        help="publish although the input looks stale, cut short or wrong",
    )
    p.add_argument(
        "--now",
        default="",
        metavar="TIME",
        help="a trial: make what would be owed at this time, such as 2026-03-01T06:00, in the"
        " folder 'trial'; it is marked, counts nowhere and tells nobody",
    )
    p.add_argument(
        "--skip",
        default="",
        metavar="PERIOD",
        help="write down that this period has no report, with --reason, and make nothing",
    )
    p.add_argument("--reason", default="", metavar="TEXT", help="skip: why, for status and index")
    p.add_argument(
        "--timeout",
        type=float,
        default=110,
        metavar="MINUTES",
        help="give up after this (default: 110)",
    )
    p = add(
        "status",
        do.status,
        "say what ran, what is due and what is overdue; the exit code is for a monitor",
    )
    p.add_argument("schedule", **SCHEDULE)
    p.add_argument("--json", action="store_true", help="print it for machines")
    p = add(
        "schedule",
        do.schedule,
        "write a schedule file, test its notices, or show what to paste into the system's"
        " scheduler",
    )
    p.add_argument(
        "what",
        choices=["init", "test", "show"],
        help="init writes a commented file; test sends a notice through each channel; show prints"
        " entries",
    )
    p.add_argument("schedule", **SCHEDULE)
    p.add_argument(
        "--study",
        default="study.toml",
        metavar="STUDY.toml",
        help="init: the study file it reports",
    )
    p.add_argument(
        "--force", action="store_true", help="init: replace a schedule that is already there"
    )
    p.add_argument(
        "--for",
        dest="system",
        default="",
        metavar="SYSTEM",
        help="show: only cron, systemd or windows",
    )

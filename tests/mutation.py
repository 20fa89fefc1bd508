"""How often do the tests notice a fault? Small random faults are put into the code, one at a time.

    .venv/bin/python -m tests.mutation --sample 400 --seed 1

Each fault changes one place of the syntax tree: a comparison, an arithmetic or logical operator, a
constant, a returned value, a slice. The tests run once to see which of them run which line (kept in
`build/covered`; delete it after larger changes). Then those that run a fault's line are asked in a
temporary copy, until one fails. A fault that no test notices is printed with its place. Faults that
neither fail nor pass within the time limit are counted apart. docs/testing.md gives the last
figure. Needs coverage (`pip install coverage`) and a system that can fork.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Where faults are put, and the tests of that room.
ROOMS: dict[str, tuple[str, ...]] = {
    "outcomes/core": (
        "tests/test_result.py",
        "tests/test_direction.py",
        "tests/test_wording.py",
        "tests/test_tables.py",
        "tests/test_tables_and_families.py",
        "tests/contract",
    ),
    "outcomes/stats": ("tests/stats", "tests/validation"),
    "outcomes/analyses": ("tests/analyses", "tests/contract"),
    "outcomes/reporting/plain_language.py": ("tests/reporting",),
    "outcomes/reporting/release/control.py": ("tests/reporting",),
    "outcomes/reporting/release/ledger.py": ("tests/reporting",),
    "outcomes/reporting/chapters": ("tests/reporting",),
    "outcomes/readers": ("tests/readers",),
}
#: Asked as well, whatever they name.
ALWAYS = {"outcomes/stats": "tests/validation/test_selftest.py"}
#: Asked of any room where they run a line.
FURTHER = [
    "outcomes",
    "tests/reference",
    "tests/published",
    "tests/golden",
    "tests/plots",
    "tests/checks",
]
PLUGINS = ("-p", "no:cacheprovider")
#: The libraries that were read before pytest started are no fault.
ALREADY = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
#: The exit code of a child that never came to the tests.
BROKEN = 99
#: Read once, before the first fault.
LIBRARIES = ("numpy", "pandas", "scipy.stats", "matplotlib.pyplot", "seaborn", "hypothesis")
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True)
class Fault:
    """One change of one file: the text between two offsets becomes another."""

    file: str
    line: int
    start: int
    end: int
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {_short(self.was)}  ->  {_short(self.becomes)}"


def _short(text: str) -> str:
    one = re.sub(r"\s+", " ", text)
    return one if len(one) <= 70 else one[:67] + "..."


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What this node may become."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for i, op in enumerate(ops):
                other = [*ops[:i], COMPARISONS[type(op)](), *ops[i + 1 :]]
                yield ast.Compare(left, other, right)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS and not _text(
            left
        ) | _text(right):
            yield ast.BinOp(left, OPERATORS[type(op)](), right)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Slice(lower=None, upper=upper, step=None) if upper is not None:
            yield ast.Slice(upper, None, None)
        case ast.Slice(lower=lower, upper=None, step=None) if lower is not None:
            yield ast.Slice(None, lower, None)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Return(value=value) if value is not None and not _none(value):
            yield ast.Return(ast.Constant(None))


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that may be changed: no annotations, decorators, format codes or messages of
    errors.
    """
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "format_spec") or isinstance(
            node, ast.Raise
        ):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield child
                yield from _places(child)


def faults(path: Path) -> list[Fault]:
    """Every fault that may be put into a file."""
    text = path.read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw, found = text.encode(), []
    for node in _places(ast.parse(text)):
        if not hasattr(node, "lineno"):
            continue
        start, end = (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )  # type: ignore[attr-defined]
        for other in changes(node):
            becomes = ast.unparse(ast.fix_missing_locations(other))
            if isinstance(node, ast.expr) and not isinstance(node, ast.Slice | ast.Constant):
                becomes = f"({becomes})"
            name = path.relative_to(ROOT).as_posix()
            found.append(Fault(name, node.lineno, start, end, raw[start:end].decode(), becomes))
    return found


def sampled(size: int, seed: int) -> list[tuple[Fault, str]]:
    """A random sample of all faults, each with its room."""
    every = []
    for room in ROOMS:
        place = ROOT / room
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        every += [(fault, room) for file in files for fault in faults(file)]
    return random.Random(seed).sample(every, min(size, len(every)))


def asked_of(fault: Fault, room: str) -> list[str]:
    """The test files of a room that name the module or a question in it; the whole room where none
    does.
    """
    files = [
        p
        for t in ROOMS[room]
        for p in (sorted((ROOT / t).rglob("test_*.py")) if (ROOT / t).is_dir() else [ROOT / t])
    ]
    dotted = fault.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    parent, _, name = dotted.rpartition(".")
    questions = re.findall(
        r"^class ([A-Z]\w*)", (ROOT / fault.file).read_text(encoding="utf-8"), re.M
    )
    said = [rf"\b{re.escape(dotted)}\b", rf"from {re.escape(parent)} import [^\n]*\b{name}\b"]
    said += [rf"\boc\.{q}\b" for q in questions]
    named = [p for p in files if re.search("|".join(said), p.read_text(encoding="utf-8"))]
    always = [ROOT / ALWAYS[room]] if room in ALWAYS else []
    return [p.relative_to(ROOT).as_posix() for p in dict.fromkeys([*(named or files), *always])]


def covered(folder: Path) -> tuple[dict[str, dict[int, set[str]]], dict[str, float]]:
    """Which tests ran each line (file, line: test ids), and how long each test took.

    The suite runs once for it, without its slowest parts; what it wrote into `folder` is used
    again.
    """
    import coverage

    data, took = folder / "coverage.db", folder / "seconds.json"
    if not took.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tests = dict.fromkeys([t for room in ROOMS.values() for t in room] + FURTHER)
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *PLUGINS, "-p", "tests.mutation", *tests],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OUTCOMES_COVERED": str(folder)},
            check=False,
        )
    seconds: dict[str, float] = json.loads(took.read_text(encoding="utf-8"))
    found = coverage.CoverageData(str(data))
    found.read()
    lines: dict[str, dict[int, set[str]]] = {}
    for file in found.measured_files():
        name = Path(file).relative_to(ROOT).as_posix()
        by_line = found.contexts_by_lineno(file)
        lines[name] = {line: set(tests) & set(seconds) for line, tests in by_line.items()}
    return lines, seconds


def pytest_configure(config: pytest.Config) -> None:
    """As a plugin of pytest: note which test runs which line."""
    if folder := os.environ.get("OUTCOMES_COVERED"):
        config.pluginmanager.register(_Coverage(Path(folder)))


class _Coverage:
    def __init__(self, folder: Path) -> None:
        import coverage

        self.folder = folder
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()  # they would call every fault noticed
        self.coverage = coverage.Coverage(
            data_file=str(folder / "coverage.db"), include=[str(ROOT / "outcomes/*")]
        )
        self.coverage.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_unconfigure(self) -> None:
        self.coverage.stop()
        self.coverage.save()
        text = json.dumps({t: s for t, s in self.seconds.items() if t not in self.failed})
        (self.folder / "seconds.json").write_text(text, encoding="utf-8")


def chosen_for(
    fault: Fault,
    room: str,
    lines: dict[str, dict[int, set[str]]],
    seconds: dict[str, float],
    budget: float,
) -> list[str]:
    """The tests that run the line: those that name the module first, then the fastest, at most
    `budget` seconds of them and at least one. A line that runs only while the module is imported
    is asked of the files that name it.
    """
    named = asked_of(fault, room)
    tests = lines.get(fault.file, {}).get(fault.line, set())
    if not tests:
        return named
    in_order = sorted(tests, key=lambda t: (t.split("::")[0] not in named, seconds[t], t))
    found, total = [], 0.0
    for test in in_order:
        total += seconds[test]
        if found and total > budget:
            break
        found.append(test)
    return found


def judged(fault: Fault, tests: list[str], copy: Path, limit: int) -> str:
    """Whether these tests notice a fault in the copy: killed, survived or undecided."""
    target = copy / fault.file
    before = target.read_bytes()
    target.write_bytes(before[: fault.start] + fault.becomes.encode() + before[fault.end :])
    try:
        return passed(tests, copy, limit)
    finally:
        target.write_bytes(before)


def passed(tests: list[str], copy: Path, seconds: int) -> str:
    """What a run of these tests says of the copy: in a child of this process, which has read the
    libraries but nothing of the project.
    """
    child = os.fork()
    if not child:
        signal.alarm(seconds)
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = True
        for name in [n for n in sys.modules if n.split(".")[0] in ("outcomes", "tests")]:
            del sys.modules[name]
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        code = BROKEN
        try:
            code = int(pytest.main(["-x", "-q", *PLUGINS, *ALREADY, *tests]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "undecided" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
    if os.WEXITSTATUS(status) == BROKEN:
        raise RuntimeError("pytest did not start in the copy")
    return "survived" if os.WEXITSTATUS(status) in (0, 5) else "killed"


def main() -> None:
    """Run a sample and print what survived."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--sample", type=int, default=400, help="how many faults")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--limit", type=int, default=300, help="seconds for each fault")
    asked.add_argument("--budget", type=float, default=30, help="seconds of tests for each fault")
    asked.add_argument("--covered", type=Path, default=ROOT / "build/covered", help="folder")
    asked.add_argument(
        "--from", dest="first", type=int, default=0, help="leave out so many faults of the sample"
    )
    said = asked.parse_args()
    lines, seconds = covered(said.covered)
    for library in LIBRARIES:
        importlib.import_module(library)
    chosen = sampled(said.sample, said.seed)[said.first :]
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        leave = shutil.ignore_patterns(".*", "__pycache__", "reports", "build", "dist")
        shutil.copytree(ROOT, copy, ignore=leave)
        for fault, room in chosen:
            tests = chosen_for(fault, room, lines, seconds, said.budget)
            verdict = judged(fault, tests, copy, said.limit)
            counted[verdict] += 1
            print(f"{verdict:9} {fault}", flush=True)
    decided = counted["killed"] + counted["survived"]
    print(
        f"{counted['killed']} of {decided} killed"
        f" ({100 * counted['killed'] / max(decided, 1):.0f}%), {counted['undecided']} undecided"
    )


if __name__ == "__main__":
    main()

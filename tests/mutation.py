"""How often do the tests notice a fault? Small random faults are put into the code, one at a time.

    .venv/bin/python -m tests.mutation --sample 400 --seed 1

Each fault changes one place of the syntax tree: a comparison, an arithmetic or logical operator, a
constant, a returned value, a slice. The tests run once to see which of them run which line (kept in
`build/covered`; delete it after larger changes). Then those that run a fault's line are asked in a
temporary copy, until one fails. A fault that no test notices is printed with its place. Faults that
neither fail nor pass within the time limit are counted apart. What was found is written to
`build/mutation-SEED.jsonl` fault by fault: a run that was stopped goes on where it was, and
`--again` asks once more of what survived. A fault is known by its file, its function and its text,
not by its line, and so it is the same one after the file has changed elsewhere: the sample of a
seed stays the same but for places that come or go.

`tests/equivalent_faults.toml` lists the faults of a sample that can change no answer, word or
message, each with the reason. They are left out of the figure, and their number is printed.
docs/testing.md gives the last figure. Needs coverage (`pip install coverage`) and a system that can
fork.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import gc
import hashlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
#: Asked first, because they ask most: run before the others to see which lines they run.
FIRST = (
    "tests/golden",
    "tests/words",
    "tests/analyses",
    "tests/stats",
    "tests/readers",
    "tests/reporting",
    "tests/contract",
    "outcomes",
)
#: Too slow, or about other things than a number, a word or a file that is read.
LEFT_OUT = (
    "tests/hostile",
    "tests/notebooks",
    "tests/sample",
    "tests/test_house.py",
    "tests/test_site.py",
    "tests/test_site_browser.py",
)
#: They compare all numbers, words and pictures of a question with those that were read.
STRONG = {
    "tests/golden/test_numbers.py::test_every_number_of_an_example_is_as_it_was_written",
    "tests/words/test_every_reading.py::test_words_and_pictures_are_those_that_were_read",
}
#: Seconds that pytest needs for a test beside the test.
OVERHEAD = 0.02
PLUGINS = ("-p", "no:cacheprovider")
#: The libraries that were read before pytest started are no fault.
ALREADY = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
#: The exit code of a child that never came to the tests.
BROKEN = 99
#: The functions of this process by file, name and first line, once `read_in` has been here.
FUNCTIONS: dict[tuple[str, str, int], list[types.FunctionType]] = {}
#: Arguments that state what holds for every input: no test can reach a difference.
INVARIANTS = ("strict",)
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
    #: The function or class it is in, and the how-manieth such place there.
    scope: str
    nth: int
    #: The lines that run it: those of its statement, or of all that uses what it sets on import.
    lines: range

    def lines_in(self, ran: Iterable[int]) -> list[int]:
        """Those of these lines that run it."""
        return [line for line in ran if line in self.lines]

    @property
    def key(self) -> str:
        """What it is known by from run to run."""
        return "|".join((self.file, self.scope, self.was, self.becomes, str(self.nth)))

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
    """The nodes that may be changed: no annotations, decorators, format codes, messages of errors,
    and nothing that states what always holds (`assert`, `zip(strict=…)`).
    """
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "format_spec") or isinstance(
            node, ast.Raise | ast.Assert
        ):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.keyword) and child.arg in INVARIANTS:
                continue
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield child
                yield from _places(child)


def faults(path: Path) -> list[Fault]:
    """Every fault that may be put into a file."""
    text = path.read_text(encoding="utf-8")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw, tree = text.encode(), ast.parse(text)
    name, found = path.relative_to(ROOT).as_posix(), []
    seen: Counter[tuple[str, str, str]] = Counter()
    around = list(_statements(tree, ""))
    for node in _places(tree):
        if not hasattr(node, "lineno"):
            continue
        start, end = (
            starts[node.lineno - 1] + node.col_offset,
            starts[node.end_lineno - 1] + node.end_col_offset,
        )  # type: ignore[attr-defined]
        scope, lines = next((s, r) for s, r in reversed(around) if node.lineno in s[1])
        for other in changes(node):
            becomes = ast.unparse(ast.fix_missing_locations(other))
            if isinstance(node, ast.expr) and not isinstance(node, ast.Slice | ast.Constant):
                becomes = f"({becomes})"
            was = raw[start:end].decode()
            seen[place := (scope[0], was, becomes)] += 1
            found.append(
                Fault(name, node.lineno, start, end, was, becomes, scope[0], seen[place], lines)
            )
    return found


def _statements(tree: ast.AST, scope: str) -> Iterator[tuple[tuple[str, range], range]]:
    """Scope and lines of each statement, outer ones first, with the lines to ask for: what runs on
    import is asked of all that is in its class, its function or its file.
    """
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            continue
        if isinstance(node, ast.match_case):
            yield from _statements(node, scope)
            continue
        whole = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inner = f"{scope}.{node.name}".strip(".")
            yield (inner, whole), whole
            yield from _statements(node, inner)
        else:
            body = getattr(node, "body", None)
            head = range(node.lineno, body[0].lineno) if body else whole
            running = isinstance(tree, ast.Module | ast.ClassDef)
            at_import = range(1, 10**6) if isinstance(tree, ast.Module) else whole
            if isinstance(tree, ast.ClassDef):
                at_import = range(tree.lineno, (tree.end_lineno or 0) + 1)
            yield (scope, whole), at_import if running else (head or whole)
            yield from _statements(node, scope)


def sampled(size: int, seed: int) -> list[tuple[Fault, str]]:
    """A random sample of all faults, each with its room: those whose digest is smallest."""
    every = []
    for room in ROOMS:
        place = ROOT / room
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        every += [(fault, room) for file in files for fault in faults(file)]

    def digest(entry: tuple[Fault, str]) -> bytes:
        return hashlib.sha256(f"{seed}|{entry[0].key}".encode()).digest()

    return sorted(every, key=digest)[:size]


def equivalent() -> dict[str, str]:
    """The keys of faults that can change nothing, with the reason."""
    text = (ROOT / "tests/equivalent_faults.toml").read_text(encoding="utf-8")
    return {e["fault"]: e["because"] for e in tomllib.loads(text)["equivalent"]}


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
    """Which tests ran each line (file, line of today: test ids), and how long each test took.

    The suite runs once for it, part by part in a copy, without its slowest parts; a part whose
    answer is in `folder` is used again, and a line that has moved since is found again.
    """
    import coverage

    copy = folder / "copy"
    if not copy.exists():
        copied(copy)
    parts = [t for t in dict.fromkeys([*FIRST, *_parts()]) if (copy / t).exists()]
    lines: dict[str, dict[int, set[str]]] = {}
    seconds: dict[str, float] = {}
    for part in parts:
        name = part.replace("/", "-")
        data, took = folder / f"{name}.db", folder / f"{name}.json"
        if not took.exists():
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", *PLUGINS, "-p", "tests.mutation", part],
                cwd=copy,
                env=os.environ | {"PYTHONPATH": str(copy), "OUTCOMES_COVERED": str(folder / name)},
                check=False,
            )
        of_part: dict[str, float] = json.loads(took.read_text(encoding="utf-8"))
        seconds |= of_part
        found = coverage.CoverageData(str(data))
        found.read()
        for file in found.measured_files():
            here = lines.setdefault(file.rpartition("/copy/")[2], {})
            for line, tests in found.contexts_by_lineno(file).items():
                here.setdefault(line, set()).update(set(tests) & set(of_part))
    return {file: _moved(copy, file, by_line) for file, by_line in lines.items()}, seconds


def _parts() -> Iterator[str]:
    """What runs at a time: a folder of tests, or one of the files beside them."""
    for path in sorted((ROOT / "tests").iterdir()):
        name = path.relative_to(ROOT).as_posix()
        if name not in LEFT_OUT and (path.name.startswith("test_") or any(path.glob("test_*.py"))):
            yield name


def _moved(copy: Path, file: str, by_line: dict[int, set[str]]) -> dict[int, set[str]]:
    """The tests by the lines of the file as it is now."""
    if not (ROOT / file).exists():
        return {}
    then, now = ((place / file).read_text(encoding="utf-8").splitlines() for place in (copy, ROOT))
    if then == now:
        return by_line
    same = difflib.SequenceMatcher(None, then, now, autojunk=False).get_matching_blocks()
    return {
        b + i + 1: by_line[a + i + 1]
        for a, b, size in same
        for i in range(size)
        if a + i + 1 in by_line
    }


def copied(copy: Path) -> None:
    """The project without what was built or is hidden."""
    leave = shutil.ignore_patterns(".*", "__pycache__", "reports", "build", "dist")
    shutil.copytree(ROOT, copy, ignore=leave)


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
            data_file=f"{folder}.db", include=[str(ROOT / "outcomes/*")]
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
        Path(f"{self.folder}.json").write_text(text, encoding="utf-8")


def chosen_for(
    fault: Fault,
    room: str,
    lines: dict[str, dict[int, set[str]]],
    seconds: dict[str, float],
    budget: float,
) -> list[str]:
    """The tests that run the line, at most `budget` seconds of them and at least one. The words of
    every question come first, then the tests that name the module, then the fastest; of one test's
    cases five at a time. A line that no test runs is asked of the files that name its module.
    """
    named = asked_of(fault, room)
    ran = lines.get(fault.file, {})
    tests = set().union(*(ran[line] for line in ran.keys() & set(fault.lines_in(ran))))
    if not tests:
        return named
    turn: Counter[str] = Counter()
    in_order = []
    for test in sorted(tests, key=lambda t: (seconds[t], t)):
        function = test.split("[")[0]
        turn[function] += 1
        strong = function in STRONG
        in_order.append((turn[function] // 5, not strong, test.split("::")[0] not in named, test))
    found, total = [], 0.0
    for *_, test in sorted(in_order, key=lambda t: (*t[:3], seconds[t[3]])):
        if total + seconds[test] + OVERHEAD <= budget:
            total += seconds[test] + OVERHEAD
            found.append(test)
    return found or [min(tests, key=lambda t: (seconds[t], t))]


def judged(fault: Fault, tests: list[str], copy: Path, limit: int) -> str:
    """Whether these tests notice a fault in the copy: killed, survived or undecided."""
    target = copy / fault.file
    before = target.read_bytes()
    after = before[: fault.start] + fault.becomes.encode() + before[fault.end :]
    target.write_bytes(after)
    try:
        return passed(tests, limit, lambda: put_in(fault, target, after.decode()))
    finally:
        target.write_bytes(before)


def put_in(fault: Fault, target: Path, text: str) -> None:
    """The fault in this process: in the code of its function, where the module has been read and
    the fault is in a function; otherwise everything of the project is read anew.
    """
    outer = next((f for f in _outermost(ast.parse(text)) if _within(f, fault.line)), None)
    lines = _first_lines(outer) if outer else ()
    there = [
        f for line in lines if outer for f in FUNCTIONS.get((str(target), outer.name, line), ())
    ]
    if not there or outer is None:
        for name in [n for n in sys.modules if n.split(".")[0] in ("outcomes", "tests")]:
            del sys.modules[name]
        return
    for function in there:
        function.__code__ = _code(compile(text, str(target), "exec"), function.__code__)


def _outermost(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """The functions of a module and the methods of its classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.stmt):
            yield from _outermost(node)


def _within(function: ast.FunctionDef, line: int) -> bool:
    return function.body[0].lineno <= line <= (function.end_lineno or 0)


def _first_lines(function: ast.FunctionDef) -> set[int]:
    return {function.lineno, *(d.lineno for d in function.decorator_list)}


def _code(module: types.CodeType, like: types.CodeType) -> types.CodeType:
    """The code of the function that begins where another one does."""
    for constant in module.co_consts:
        if isinstance(constant, types.CodeType):
            if (constant.co_name, constant.co_firstlineno) == (like.co_name, like.co_firstlineno):
                return constant
            with contextlib.suppress(LookupError):
                return _code(constant, like)
    raise LookupError(like.co_name)


def passed(tests: list[str], seconds: int, before: Callable[[], None] = lambda: None) -> str:
    """What these tests say, in a child of this process after `before` was done there. The limit is
    of computing time; on a busy computer a test waits.
    """
    child = os.fork()
    if not child:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.alarm(20 * seconds)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        code = BROKEN
        try:
            before()
            code = int(pytest.main(["-x", "-q", *PLUGINS, *ALREADY, *tests]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "undecided" if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGPROF) else "killed"
    if os.WEXITSTATUS(status) == BROKEN:
        raise RuntimeError("pytest did not start in the copy")
    return "survived" if os.WEXITSTATUS(status) in (0, 5) else "killed"


def read_in(copy: Path, tests: Iterable[str]) -> None:
    """The libraries, the project in the copy and its tests, read once in this process."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    for name in [n for n in sys.modules if n.split(".")[0] in ("outcomes", "tests")]:
        del sys.modules[name]
    for library in LIBRARIES:
        importlib.import_module(library)
    for path in sorted((copy / "outcomes").rglob("*.py")):
        name = path.relative_to(copy).with_suffix("").as_posix().replace("/", ".")
        if not name.endswith(("__init__", "__main__")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    pytest.main(["--collect-only", "-qq", *PLUGINS, *ALREADY, *sorted(tests)])
    gc.collect()
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType):
            code = function.__code__
            place = (code.co_filename, code.co_name, code.co_firstlineno)
            FUNCTIONS.setdefault(place, []).append(function)
    gc.freeze()


def main() -> None:
    """Run a sample and print what survived."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--sample", type=int, default=400, help="how many faults")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--limit", type=int, default=60, help="seconds of computing for each fault")
    asked.add_argument("--budget", type=float, default=20, help="seconds of tests for each fault")
    asked.add_argument("--covered", type=Path, default=ROOT / "build/covered", help="folder")
    asked.add_argument("--again", action="store_true", help="ask again of what survived")
    asked.add_argument("--only", default="", help="only faults of files whose name has this in it")
    said = asked.parse_args()
    lines, seconds = covered(said.covered)
    chosen, same = sampled(said.sample, said.seed), equivalent()
    log = ROOT / f"build/mutation-{said.seed}.jsonl"
    known = {e["fault"]: e["verdict"] for e in _logged(log)}
    with tempfile.TemporaryDirectory() as folder, log.open("a", encoding="utf-8") as noted:
        copy = Path(folder) / "copy"
        copied(copy)
        read_in(copy, {t.split("::")[0] for t in seconds})
        for fault, room in chosen:
            before = known.get(fault.key)
            asks = before is None or (said.again and before != "killed")
            if not asks or said.only not in fault.file or fault.key in same:
                continue
            tests = chosen_for(fault, room, lines, seconds, said.budget)
            known[fault.key] = verdict = judged(fault, tests, copy, said.limit)
            entry = {"fault": fault.key, "verdict": verdict, "tests": len(tests)}
            noted.write(json.dumps(entry) + "\n")
            noted.flush()
            print(f"{verdict:9} {fault} ({len(tests)} tests)", flush=True)
    left = [fault for fault, _ in chosen if fault.key not in same]
    counted = Counter(known.get(fault.key, "not asked") for fault in left)
    decided = counted["killed"] + counted["survived"]
    print(*(f"survived  {f}" for f in left if known.get(f.key) == "survived"), sep="\n")
    print(
        f"{counted['killed']} of {decided} killed"
        f" ({100 * counted['killed'] / max(decided, 1):.1f}%), {counted['undecided']} undecided,"
        f" {counted['not asked']} not asked, {len(chosen) - len(left)} equivalent"
    )


def _logged(log: Path) -> list[dict[str, str]]:
    """What earlier runs found, the latest last."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()

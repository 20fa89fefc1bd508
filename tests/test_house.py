"""The house stands: lint, layers and types, run as tests so that one command covers them."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(p for p in (ROOT / "outcomes").rglob("*.py"))


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_lint() -> None:
    run("ruff", "check", "--quiet", ".")


def test_types() -> None:
    run("mypy")


def test_layers() -> None:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_every_module_of_the_top_level_has_its_room_in_the_layers() -> None:
    import tomllib

    layers = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]["layers"]
    named = {name.strip("() ") for layer in layers for name in re.split(r"[|:]", layer)}
    there = {
        p.stem
        for p in (ROOT / "outcomes").iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert there - {"__init__", "__main__"} == named


def test_importing_costs_little_more_than_pandas() -> None:
    heavy = (
        "[m for m in ('scipy', 'statsmodels', 'matplotlib', 'seaborn', 'jinja2', 'rich') if m in"
        " sys.modules]"
    )
    code = f"import sys, json, outcomes; print(json.dumps({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_public_functions_and_classes_say_what_they_do(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), f"{path.name} has no docstring"
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_reading_all_questions_imports_neither_scipy_stats_nor_statsmodels() -> None:
    """Each costs about half a second, as much as pandas: kernels import them where they need them."""
    there = "any(m in sys.modules for m in ('scipy.stats', 'statsmodels'))"
    code = f"import sys, outcomes as oc; oc.questions(); sys.exit({there})"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rounding_happens_in_wording_only() -> None:
    # round(x, 9) before ranking is a rule of the methods, not for readers; format specs with digits
    # are for readers
    offenders = []
    for path in MODULES:
        if path.name == "wording.py":
            continue
        for i, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"\{[^{}]+:\.\d+[fe%]\}", line):
                offenders.append(f"{path.relative_to(ROOT)}:{i}")
    assert offenders == []

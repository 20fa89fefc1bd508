"""What `import outcomes` offers: whole, typed, quick to complete, and open to a user's own
question.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import outcomes as oc
from outcomes.analyses import load

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "outcomes" / "__init__.pyi"


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def stub_names() -> set[str]:
    imported = [
        n for n in ast.walk(ast.parse(STUB.read_text("utf-8"))) if isinstance(n, ast.ImportFrom)
    ]
    return {alias.name for node in imported for alias in node.names}


def test_the_stub_is_written_from_the_code() -> None:
    said = python(
        "import sys; sys.path.insert(0, 'docs'); import make_stub; print(make_stub.text(), end='')"
    )
    assert said == STUB.read_text("utf-8"), "run: python docs/make_stub.py"


def test_the_stub_has_every_question_and_nothing_that_is_not_there() -> None:
    assert set(load()) <= stub_names()
    assert {*stub_names(), "__version__"} == set(oc.__all__)
    for name in oc.__all__:
        assert getattr(oc, name) is not None


@pytest.mark.parametrize("name", sorted(load()))
def test_a_question_of_the_face_is_the_class_itself(name: str) -> None:
    assert getattr(oc, name) is load()[name]


def test_no_public_name_is_also_a_module() -> None:
    """Importing such a module would put it in the place of the function."""
    rooms = {
        p.stem
        for p in (ROOT / "outcomes").iterdir()
        if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert rooms & set(oc.__all__) == {"plans"}


def test_a_user_script_passes_a_strict_type_checker() -> None:
    flags = ["--strict", "--follow-imports=silent", "--ignore-missing-imports"]
    command = [sys.executable, "-m", "mypy", *flags, "tests/typed_user_script.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_and_listing_names_reads_neither_pandas_nor_a_question() -> None:
    code = (
        "import sys, json, outcomes; dir(outcomes); print(json.dumps([m for m in ('pandas',"
        " 'numpy', 'outcomes.analyses') if m in sys.modules]))"
    )
    assert json.loads(python(code)) == []


def test_completion_offers_questions_first_and_no_internals() -> None:
    offered = dir(oc)
    assert set(load()) <= set(offered)
    assert {"read_study", "check", "plot", "table", "write_report", "Study"} <= set(offered)
    assert not {"InstrumentUse", "Counts", "sys", "lazy_loader", "Any", "annotations"} & set(
        offered
    )
    assert offered[:3] == ["ANCOVA", "Agreement", "Among"]


@pytest.mark.parametrize("jedi", [False, True])
def test_the_first_tab_offers_what_users_type_and_loads_nothing_heavy(jedi: bool) -> None:
    pytest.importorskip("IPython")
    code = f"""
import sys, json
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.completer import provisionalcompleter
shell = InteractiveShell.instance()
shell.Completer.use_jedi = {jedi}
shell.run_cell("import outcomes as oc")
with provisionalcompleter():
    list(shell.Completer.completions("str.", 4))  # jedi's own first import is not ours
    found = [c.text.removeprefix(".") for c in shell.Completer.completions("oc.", 3)]
print(json.dumps([sorted({{"scipy.optimize", "scipy.stats", "statsmodels", "matplotlib", "seaborn"}}
    & set(sys.modules)), found]))
"""
    heavy, found = json.loads(python(code).splitlines()[-1])
    assert (
        heavy == []
    )  # numpy, pandas and scipy.special alone: under a second, benchmarks/imports.py
    assert {"PairedT", "plot", "read_study"} <= set(found)
    assert not {"InstrumentUse", "Counts"} & set(found)


def test_a_question_that_a_user_defines_is_part_of_the_face() -> None:
    code = """
import outcomes as oc
class Mine(oc.Analysis):
    "What is mine?"
print(oc.Mine is Mine, "Mine" in dir(oc), list(oc.questions().loc[oc.questions()["method"] == "Mine", "topic"]))
"""
    assert python(code) == "True True ['Your own']\n"


def test_an_unknown_name_says_where_the_questions_are() -> None:
    with pytest.raises(AttributeError, match=r"oc\.questions\(\) lists the questions"):
        oc.PairedTee  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'plott'"):
        oc.plott  # noqa: B018

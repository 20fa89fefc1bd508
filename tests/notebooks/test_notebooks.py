"""Every notebook runs from a clean kernel, says what its committed outputs say, and gives nobody away."""

from __future__ import annotations

import ast
import csv
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from outcomes import cli
from outcomes.errors import OutcomesError
from outcomes.notebooks import KINDS, write_notebook
from outcomes.notebooks.write import CODE, CONDITION, notebook, template

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS, SAMPLE = ROOT / "notebooks", ROOT / "data" / "sample"

spec = importlib.util.spec_from_file_location("build_notebooks", NOTEBOOKS / "build.py")
assert spec is not None and spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

STRICT = """import warnings
warnings.simplefilter("error")
warnings.simplefilter("ignore", PendingDeprecationWarning)  # the kernel's own, when it shuts down"""


def run(file: Path) -> Any:
    """The notebook run with every warning an error."""
    book = nbformat.read(file, as_version=4)
    book.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    nbformat.write(book, file)
    book = build.run(file)
    del book.cells[0]
    return book


@lru_cache
def committed(kind: str) -> Any:
    return nbformat.read(build.shipped(kind), as_version=4)


def outputs(book: Any) -> list[Any]:
    return [o for cell in book.cells if cell.cell_type == "code" for o in cell.outputs]


def words(book: Any) -> list[dict[str, str]]:
    """Everything written, picture bytes left out."""
    shown = []
    for o in outputs(book):
        data = o.get("data", {"text": o.get("text", "")})
        shown.append({kind: text for kind, text in data.items() if not kind.startswith("image/")})
    return shown


# --- the shipped notebooks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_runs_without_a_warning_and_says_what_is_committed(kind: str, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "data" / "sample")
    (tmp_path / "notebooks").mkdir()
    book = run(build.build(kind, tmp_path))
    stale = f"the template or a result changed: python notebooks/build.py {kind}"
    assert [c.source for c in book.cells] == [c.source for c in committed(kind).cells], stale
    assert words(book) == words(committed(kind)), stale
    assert not [o for o in outputs(book) if o.output_type == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_clean(kind: str) -> None:
    book = committed(kind)
    nbformat.validate(book)
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert all(not cell.metadata for cell in book.cells)
    code = [c for c in book.cells if c.cell_type == "code"]
    assert [c.execution_count for c in code] == list(range(1, len(code) + 1))
    text = json.dumps(words(book))
    assert not re.search(r"/home|/root|/tmp|/work|/Users|[A-Z]:\\\\|Warning:|Traceback|<Axes", text)
    assert not [o for o in outputs(book) if o.output_type in ("error",) or o.get("name") == "stderr"]
    assert not [d for d in words(book) if "not answered" in str(d).lower() or "nan" in re.findall(r"[a-z]+", str(d).lower())]
    assert build.shipped(kind).stat().st_size < 1_500_000


@pytest.mark.parametrize("kind", KINDS)
def test_no_patient_in_an_output(kind: str) -> None:
    ids = set()
    for table in SAMPLE.rglob("patients.csv"):
        with table.open(encoding="utf-8", newline="") as handle:
            ids |= {row["patient_id"] for row in csv.DictReader(handle)}
    assert len(ids) > 200
    shown = set(re.findall(r"\w+", json.dumps(words(committed(kind)))))
    assert shown & ids == set()


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_appears_once(kind: str) -> None:
    pictures = [o["data"]["image/png"] for o in outputs(committed(kind)) if "image/png" in o.get("data", {})]
    assert len(pictures) == len(set(pictures))
    drawing = [c for c in committed(kind).cells if c.cell_type == "code" and re.search(r"oc\.plot\(|plt\.subplots\(", c.source)]
    assert len(pictures) == len(drawing)


@pytest.mark.parametrize("kind", KINDS)
def test_template_is_short_cells_after_a_cell_of_options(kind: str) -> None:
    text = template(kind)
    assert CONDITION.sub("", text).count("<!--") == 0, "conditions are not nested and each has its end"
    blocks = CODE.findall(text)
    first = ast.parse(blocks[0]).body
    assert all(isinstance(node, ast.Assign) and node.targets[0].id.isupper() for node in first)  # type: ignore[attr-defined]
    options = {node.targets[0].id for node in first}  # type: ignore[attr-defined]
    later = {n.id for block in blocks[1:] for n in ast.walk(ast.parse(block)) if isinstance(n, ast.Name)}
    assert options <= later, "an option that nothing uses"
    assert "STUDY" in options
    for block in blocks:
        ast.parse(block)
        assert len(block.splitlines()) <= 16
        assert max(map(len, block.splitlines())) <= 108
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    for needed in ("What you would change", "The data", "The plan", "How sure may we be?", "What this does not show"):
        assert needed in headings


def test_one_notebook_a_kind() -> None:
    assert sorted(p.name for p in NOTEBOOKS.glob("*.ipynb")) == sorted(f"{k.file}.ipynb" for k in KINDS.values())
    assert tuple(KINDS) == cli.NOTEBOOKS


# --- a user's own study -----------------------------------------------------------------------------------------------


def test_a_small_csv_becomes_a_notebook_that_runs(tmp_path: Path) -> None:
    scores = [(4, 7, 5), (5, 8, 8), (6, 6, 3), (7, 9, 7), (8, 5, 5), (9, 8, 4), (10, 7, None), (11, 6, 7)]
    lines = ["code;visit;pain", *(f"x{i};pre;{a}\nx{i};post;{'' if b is None else b}" for i, a, b in scores)]
    (tmp_path / "scores.csv").write_text("\n".join(lines), "utf-8")
    (tmp_path / "study.toml").write_text(
        '[study]\ntitle = "Ours"\n[data]\nscores = "scores.csv"\n[roles]\npatient = "code"\nvisit = "visit"\n'
        '[visits]\norder = ["pre", "post"]\nbaseline = "pre"\n'
        '[outcomes]\npain = { title = "Pain", better = "lower", low = 0, high = 10 }\n',
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "outcomes", "notebook", "before-after", str(tmp_path / "study.toml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    book = run(tmp_path / "before-after.ipynb")
    first = next(c for c in book.cells if c.cell_type == "code")
    assert 'STUDY = "study.toml"' in first.source and 'OUTCOME = "pain"' in first.source and "OTHERS = []" in first.source
    text = json.dumps([c.source for c in book.cells]) + json.dumps(words(book))
    assert "invented" not in text.lower() and "truth.json" not in text and str(tmp_path) not in text
    assert "7 of 8" in text


@pytest.mark.parametrize("case", ["kind", "ending", "folder", "there"])
def test_refusals_are_words(case: str, tmp_path: Path) -> None:
    study = SAMPLE / "study.toml"
    (tmp_path / "there.ipynb").write_text("{}")
    kind, to = {
        "kind": ("befor-after", tmp_path / "a.ipynb"),
        "ending": ("before-after", tmp_path / "a.py"),
        "folder": ("before-after", tmp_path / "no" / "a.ipynb"),
        "there": ("before-after", tmp_path / "there.ipynb"),
    }[case]
    with pytest.raises(OutcomesError) as caught:
        write_notebook(kind, study, to)
    said = {"kind": "before-after", "ending": ".ipynb", "folder": "no folder", "there": "already there"}[case]
    assert said in str(caught.value)
    assert (tmp_path / "there.ipynb").read_text() == "{}"


def test_options_are_filled_and_conditions_kept() -> None:
    text = "# A\n\n<!-- if yes -->\nkept\n\n<!-- end -->\n<!-- if no -->\ngone\n<!-- end -->\n```python\nA = 1  # one\nB = []\n```\n"
    made = json.loads(notebook(text, {"A": 'x"y', "B": ["long name"] * 8}, {"yes"}))
    assert "kept" in json.dumps(made) and "gone" not in json.dumps(made)
    code = "".join(made["cells"][1]["source"])
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert scope["A"] == 'x"y' and scope["B"] == ["long name"] * 8 and "# one" in code

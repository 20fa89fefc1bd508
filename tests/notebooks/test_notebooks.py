"""Every notebook runs from a clean kernel, says what its committed outputs say, and gives nobody
away.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import html
import importlib.util
import io
import json
import random
import re
import shutil
import subprocess
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest

from outcomes import cli
from outcomes.cli import arguments
from outcomes.core.errors import OutcomesError
from outcomes.notebooks import KINDS, write_notebook
from outcomes.notebooks.write import CODE, CONDITION, notebook, template

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS, SAMPLE = ROOT / "notebooks", ROOT / "data" / "sample"

spec = importlib.util.spec_from_file_location("build_notebooks", NOTEBOOKS / "build.py")
assert spec is not None and spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

PIXELS = re.compile(r'(?<=src="data:image/png;base64,)[^"]+')

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
        shown.append(
            {
                kind: PIXELS.sub("", text)
                for kind, text in data.items()
                if not kind.startswith("image/")
            }
        )
    return shown


# --- the shipped notebooks ------------------------------------------------------------------------


def alike(now: object, then: object) -> bool:
    """The same words and counts; decimals may differ by one in the last printed digit, as far as
    imputations and root searches move between versions of numpy and scipy.
    """
    number = r"\d*\.\d+|\d+"
    a, b = (json.dumps(x, sort_keys=True, ensure_ascii=False) for x in (now, then))
    if re.sub(number, "#", a) != re.sub(number, "#", b):
        return False

    def close(x: str, y: str) -> bool:
        return x == y or (
            "." in y and abs(float(x) - float(y)) <= 1.0001 * 10.0 ** -len(y.partition(".")[2])
        )

    return all(
        close(x, y) for x, y in zip(re.findall(number, a), re.findall(number, b), strict=True)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_runs_without_a_warning_and_says_what_is_committed(kind: str, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "data" / "sample")
    (tmp_path / "notebooks").mkdir()
    book = run(build.build(kind, tmp_path))
    stale = f"the template or a result changed: python notebooks/build.py {kind}"
    assert [c.source for c in book.cells] == [c.source for c in committed(kind).cells], stale
    assert alike(words(book), words(committed(kind))), stale
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
    assert not [
        o for o in outputs(book) if o.output_type in ("error",) or o.get("name") == "stderr"
    ]
    assert not [
        d
        for d in words(book)
        if "not answered" in str(d).lower() or "nan" in re.findall(r"[a-z]+", str(d).lower())
    ]
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
    pictures = [
        o["data"]["image/png"] for o in outputs(committed(kind)) if "image/png" in o.get("data", {})
    ]
    assert len(pictures) == len(set(pictures))
    drawing = [
        c
        for c in committed(kind).cells
        if c.cell_type == "code" and re.search(r"oc\.plot\(|plt\.subplots\(", c.source)
    ]
    assert len(pictures) == len(drawing)


@pytest.mark.parametrize("kind", KINDS)
def test_each_picture_has_its_words_wherever_it_is_shown(kind: str) -> None:
    book = committed(kind)
    shown = [o for o in outputs(book) if "image/png" in o.get("data", {})]
    for output in shown:
        alt = output.metadata["image/png"]["alt"]
        assert (
            len(alt) > 40
            and alt.endswith(".")
            and not re.search(r"\d\.\d{3}|nan|_[a-z]", alt.replace("d_av", ""))
        )
        assert alt == output.data["text/plain"]
        assert f'<img alt="{html.escape(alt)}" ' in output.data["text/html"]
        assert output.data["image/png"].strip() in output.data["text/html"]


def test_words_of_pictures_are_in_the_page_that_nbconvert_makes() -> None:
    export = pytest.importorskip(
        "nbconvert", reason="nbconvert comes with the extra 'notebooks'"
    ).HTMLExporter
    book = committed("symptoms")
    page = export(template_name="lab").from_notebook_node(book)[0]
    pictures = [o for o in outputs(book) if "image/png" in o.get("data", {})]
    assert "No description has been provided" not in page
    assert page.count('<img alt="') == len(pictures) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_cells_may_be_run_again(kind: str) -> None:
    """A name is given its value in one cell, and never from what it was before."""
    there: set[str] = set()
    for cell in committed(kind).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        assert not [n for n in tree.body if isinstance(n, ast.AugAssign) and n.target.id in there]  # type: ignore[attr-defined]
        named = {
            t.id
            for n in tree.body
            if isinstance(n, ast.Assign)
            for t in n.targets
            if isinstance(t, ast.Name)
        }
        assert not named & there, f"{named & there} named in two cells"
        there |= named


@pytest.mark.parametrize("kind", KINDS)
def test_template_is_short_cells_after_a_cell_of_options(kind: str) -> None:
    text = template(kind)
    assert CONDITION.sub("", text).count("<!--") == 0, (
        "conditions are not nested and each has its end"
    )
    blocks = CODE.findall(text)
    first = ast.parse(blocks[0]).body
    assert all(isinstance(node, ast.Assign) and node.targets[0].id.isupper() for node in first)  # type: ignore[attr-defined]
    options = {node.targets[0].id for node in first}  # type: ignore[attr-defined]
    later = {
        n.id for block in blocks[1:] for n in ast.walk(ast.parse(block)) if isinstance(n, ast.Name)
    }
    assert options <= later, "an option that nothing uses"
    assert "STUDY" in options
    for block in blocks:
        ast.parse(block)
        assert len(block.splitlines()) <= 16
        assert max(map(len, block.splitlines())) <= 108
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    for needed in (
        "What you would change",
        "The data",
        "The plan",
        "How sure may we be?",
        "What this does not show",
    ):
        assert needed in headings


def test_one_notebook_a_kind() -> None:
    assert sorted(p.name for p in NOTEBOOKS.glob("*.ipynb")) == sorted(
        f"{k.file}.ipynb" for k in KINDS.values()
    )
    assert tuple(KINDS) == arguments.NOTEBOOKS


# --- a user's own study ---------------------------------------------------------------------------


def clinic(folder: Path) -> Path:
    """A clinic's own cohort: other names, other visits, no entry rule, two sites, two routes, a few
    gaps.
    """
    rng = random.Random(5)
    scores, patients, infusions, events = (
        ["code,when,pain,sleep"],
        ["code,how,clinic,dx"],
        ["code,number"],
        ["code,number,what"],
    )
    for i in range(24):
        level = rng.randint(5, 9)
        for when, fall in (("pre", 0), ("month 1", 2), ("month 3", 1)):
            if when == "pre" or rng.random() > 0.2:
                pain = max(0, level - fall + rng.randint(-1, 1))
                scores.append(f"x{i},{when},{pain},{pain + rng.randint(-1, 1)}")
        patients.append(
            f"x{i},{rng.choice(['nasal', 'infusion'])},{'NS'[i % 2]},{rng.choice(['CRPS', 'cancer'])}"
        )
        infusions.append(f"x{i},1")
        if rng.random() < 0.4:
            events.append(f"x{i},1,nausea")
    for name, lines in (
        ("scores", scores),
        ("patients", patients),
        ("infusions", infusions),
        ("events", events),
    ):
        (folder / f"{name}.csv").write_text("\n".join(lines), "utf-8")
    return study_file(
        folder,
        """[study]
design = "before-after"
[data]
scores = "scores.csv"
patients = "patients.csv"
infusions = "infusions.csv"
events = "events.csv"
[roles]
patient = "code"
visit = "when"
route = "how"
site = "clinic"
infusion = "number"
event = "what"
[visits]
order = ["pre", "month 1", "month 3"]
[outcomes]
pain = { title = "Pain", better = "lower", low = 0, high = 11, resolution = 1 }
sleep = { title = "Sleep", better = "lower", low = -1, high = 12, resolution = 1 }
""",
    )


def two_arms(folder: Path) -> Path:
    """A trial with one follow-up visit and nothing but scores."""
    rng = random.Random(6)
    lines = ["code,when,group,pain"]
    for i in range(30):
        arm, level = ("active", "usual care")[i % 2], rng.randint(5, 9)
        lines.append(f"x{i},pre,{arm},{level}")
        lines.append(f"x{i},post,{arm},{level - rng.randint(0, 3) * (arm == 'active')}")
    (folder / "scores.csv").write_text("\n".join(lines), "utf-8")
    return study_file(
        folder,
        """[study]
design = "parallel"
[data]
scores = "scores.csv"
[roles]
patient = "code"
visit = "when"
arm = "group"
[visits]
order = ["pre", "post"]
[outcomes]
pain = { title = "Pain", better = "lower", low = 0, high = 10, resolution = 1 }
""",
    )


def two_periods(folder: Path) -> Path:
    """A crossover with one score a period."""
    rng = random.Random(7)
    lines = ["code,part,drug,pain"]
    for i in range(20):
        for part in (1, 2):
            drug = ("a", "b")[(i + part) % 2]
            lines.append(f"x{i},{part},{drug},{rng.randint(3, 8) - (drug == 'a')}")
    (folder / "scores.csv").write_text("\n".join(lines), "utf-8")
    return study_file(
        folder,
        """[study]
design = "crossover"
[data]
scores = "scores.csv"
[roles]
patient = "code"
period = "part"
arm = "drug"
[outcomes]
pain = { title = "Pain", better = "lower", low = 0, high = 10, resolution = 1 }
""",
    )


def run_here(file: Path) -> str:
    """The code of a notebook run in this process, every warning an error; what its tables and texts
    say.
    """
    cells = [c.source for c in nbformat.read(file, as_version=4).cells if c.cell_type == "code"]
    names: dict[str, Any] = {}
    said = []
    with contextlib.chdir(file.parent), warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in cells:
            tree = ast.parse(source)
            last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, "cell", "exec"), names)
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
                shown = getattr(value, "_repr_html_", None) or getattr(
                    value, "_repr_markdown_", str
                )
                said.append(str(shown()))
            for number in plt.get_fignums():
                plt.figure(number).savefig(io.BytesIO(), format="png", dpi=30)
            plt.close("all")
    return "\n".join(said)


def awkward(
    folder: Path,
    visits: tuple[str, ...] = ("pre", "week 1", "week 4"),
    *,
    n: int = 16,
    better: str = "lower",
    pain: str = "pain",
    site: str = "NS",
    fall: int = 2,
    same: bool = False,
    patients: bool = True,
) -> Path:
    """A small study without side effects; `site` names the clinics by turns, `same` makes all
    changes equal.
    """
    rng = random.Random(8)
    scores, people = [f'code,when,"{pain}",sleep'], ["code,clinic"]
    for i in range(n):
        level = rng.randint(5, 8)
        for k, when in enumerate(visits):
            score = level - fall * bool(k) + (0 if same else rng.randint(-1, 1))
            scores.append(f"x{i},{when},{score},{score if same else score + rng.randint(-1, 1)}")
        people.append(f"x{i},{site[i % len(site)]}")
    (folder / "scores.csv").write_text("\n".join(scores), "utf-8")
    (folder / "patients.csv").write_text("\n".join(people), "utf-8")
    order = json.dumps(visits, ensure_ascii=False)
    return study_file(
        folder,
        f"""[study]
[data]
scores = "scores.csv"
{'patients = "patients.csv"' if patients else ""}
[roles]
patient = "code"
visit = "when"
{'site = "clinic"' if patients else ""}
[visits]
order = {order}
[outcomes]
"{pain}" = {{ title = "{pain}", better = "{better}", low = -2, high = 12, resolution = 1 }}
sleep = {{ title = "Sleep", better = "{better}", low = -4, high = 14, resolution = 1 }}
""",
    )


def treated_without_saying(folder: Path) -> Path:
    """A crossover with side effects, whose infusions do not say which treatment they were."""
    study = two_periods(folder)
    rows = [f"x{i},{part},{part}" for i in range(20) for part in (1, 2)]
    (folder / "infusions.csv").write_text("\n".join(["code,part,number", *rows]), "utf-8")
    (folder / "events.csv").write_text(
        "code,part,number,what\nx1,1,1,nausea\nx2,2,2,nausea", "utf-8"
    )
    text = study.read_text("utf-8").replace(
        "[roles]", 'infusions = "infusions.csv"\nevents = "events.csv"\n[roles]'
    )
    return study_file(
        folder, text.replace("[outcomes]", 'infusion = "number"\nevent = "what"\n[outcomes]')
    )


AWKWARD: dict[str, tuple[tuple[str, ...], Any]] = {
    "few": (("before-after", "follow-up", "symptoms", "sites"), lambda f: awkward(f, n=5)),
    "letters": (
        ("before-after", "follow-up", "symptoms"),
        lambda f: awkward(f, ("πριν", "nach Übung", "до"), pain="Schmerzstärke"),
    ),
    "signs": (
        ("before-after", "symptoms", "sites", "plan"),
        lambda f: awkward(f, ("be'fore", "af{x}ter\\n"), pain="pa_in {y}*"),
    ),
    "higher": (("follow-up", "plan"), lambda f: awkward(f, better="higher", fall=-2)),
    "one at a clinic": (("sites",), lambda f: awkward(f, n=17, site="NNNNNNNNNNNNNNNNS")),
    "scores alone": (
        ("before-after", "follow-up", "symptoms", "plan"),
        lambda f: awkward(f, patients=False),
    ),
    "crossover": (("crossover", "side-effects"), treated_without_saying),
}


@pytest.mark.parametrize(
    ("case", "kind"), [(case, kind) for case, (kinds, _) in AWKWARD.items() for kind in kinds]
)
def test_runs_on_an_awkward_study(case: str, kind: str, tmp_path: Path) -> None:
    study = AWKWARD[case][1](tmp_path)
    said = run_here(write_notebook(kind, study, tmp_path / "mine.ipynb"))
    assert "not answered" not in said.lower() and not re.search(r"\bnan\b|\bNone\b", said)


@pytest.mark.parametrize(("better", "there"), [("lower", True), ("higher", False)])
def test_relief_is_timed_where_the_days_are_known(better: str, there: bool, tmp_path: Path) -> None:
    file = write_notebook("follow-up", awkward(tmp_path, better=better), tmp_path / "mine.ipynb")
    assert ("DurationOfRelief" in file.read_text("utf-8")) is there
    assert ("BACK = " in file.read_text("utf-8")) is there


@pytest.mark.parametrize(
    ("kind", "study", "said"),
    [
        ("before-after", lambda f: awkward(f, n=1), "too few patients"),
        ("plan", lambda f: awkward(f, same=True), "no spread to judge it by"),
        ("follow-up", lambda f: awkward(f, same=True), "covariance"),
        ("sites", lambda f: awkward(f, n=2), "too few patients"),
        ("before-after", lambda f: awkward(f, ("pre",)), "one visit only"),
        ("before-after", lambda f: awkward(f, better=""), "no direction"),
    ],
)
def test_a_study_without_an_answer_is_refused_in_words(
    kind: str, study: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(OutcomesError) as caught:
        write_notebook(kind, study(tmp_path), tmp_path / "mine.ipynb")
    assert said in str(caught.value)
    assert not (tmp_path / "mine.ipynb").exists()


def study_file(folder: Path, text: str) -> Path:
    (folder / "study.toml").write_text(text, "utf-8")
    return folder / "study.toml"


OWN = dict.fromkeys(KINDS, clinic) | {"parallel": two_arms, "crossover": two_periods}


@pytest.mark.parametrize("kind", KINDS)
def test_runs_on_a_study_of_one_s_own(kind: str, tmp_path: Path) -> None:
    study = OWN[kind](tmp_path)
    book = run(write_notebook(kind, study, tmp_path / "mine.ipynb"))
    first = next(c for c in book.cells if c.cell_type == "code")
    assert 'STUDY = "study.toml"' in first.source
    assert '"pain"' in first.source or '"sleep"' in first.source or kind == "side-effects"
    text = json.dumps([c.source for c in book.cells]) + json.dumps(words(book))
    assert "nvented" not in text.replace("Invent many trials", "").replace(
        "invented trial", ""
    ).replace("Invented data", "")
    assert "truth.json" not in text and str(tmp_path) not in text
    assert not [o for o in outputs(book) if o.output_type == "error" or o.get("name") == "stderr"]


def test_from_the_command_line(tmp_path: Path) -> None:
    study = two_arms(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "outcomes", "notebook", "parallel", str(study)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "parallel.ipynb" in done.stdout
    nbformat.validate(nbformat.read(tmp_path / "parallel.ipynb", as_version=4))
    assert cli.main(["notebook", "parallel", str(study)]) == 2  # it is there already
    assert cli.main(["notebook", "parallel", str(study), "--force", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("kind", "study", "said"),
    [
        ("crossover", clinic, "period"),
        (
            "before-after",
            two_arms,
            "compares treatments (parallel). Ask for: outcomes notebook parallel",
        ),
        ("follow-up", two_arms, "compares treatments"),
        ("parallel", clinic, "arm"),
        ("routes", two_arms, "route"),
        ("side-effects", two_arms, "events"),
        ("symptoms", two_arms, "beside its main one"),
        ("sites", two_arms, "site"),
    ],
)
def test_a_study_that_does_not_fit_is_refused_in_words(
    kind: str, study: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(OutcomesError) as caught:
        write_notebook(kind, study(tmp_path), tmp_path / "mine.ipynb")
    assert said in str(caught.value)
    assert not (tmp_path / "mine.ipynb").exists()


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
    said = {
        "kind": "before-after",
        "ending": ".ipynb",
        "folder": "no folder",
        "there": "already there",
    }[case]
    assert said in str(caught.value)
    assert (tmp_path / "there.ipynb").read_text() == "{}"


def test_options_are_filled_and_conditions_kept() -> None:
    text = (
        "# A\n\n<!-- if yes -->\nkept\n\n<!-- end -->\n<!-- if no -->\ngone\n<!-- end -->\n"
        "<!-- if not no -->\nkept too\n<!-- end -->\n<!-- if not yes -->\ngone\n<!-- end -->\n"
        "```python\nA = 1  # one\nUNUSED = 2\nB = []\n```\n\n```python\nA, B\n```\n"
    )
    made = json.loads(notebook(text, {"A": 'x"y', "B": ["long name"] * 8}, {"yes"}))
    assert "kept too" in json.dumps(made) and "gone" not in json.dumps(made)
    code = "".join(next(c for c in made["cells"] if c["cell_type"] == "code")["source"])
    assert "UNUSED" not in code
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert scope["A"] == 'x"y' and scope["B"] == ["long name"] * 8 and "# one" in code


def test_the_page_lists_every_notebook_with_its_question() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text("utf-8")
    for name, kind in KINDS.items():
        assert f"| [{kind.file}](../notebooks/{kind.file}.ipynb) | `{name}` | {kind.asks} |" in page

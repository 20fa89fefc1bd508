"""The site: every page says what it is for, every block of Python runs, and the whole is built
without a warning.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))
WRITTEN = sorted(p for p in DOCS.rglob("*.md") if "paper" not in p.parts)
#: Pages whose Python is only a fragment of a program; elsewhere in the tests it is run.
FRAGMENTS = {"reports.md", "schedule.md"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )


PYTHON = [p for p in WRITTEN if blocks(p, "python") and p.name not in FRAGMENTS]


@pytest.mark.parametrize("page", PYTHON, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    code = "\n".join(blocks(page, "python"))
    exec(compile(code, page.name, "exec"), {"__name__": "page"})
    plt.close("all")


@pytest.mark.parametrize("page", WRITTEN, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_the_toml_of_a_page_is_toml(page: Path) -> None:
    import tomllib

    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_the_questionnaire_of_the_how_to_scores_as_it_says(tmp_path: Path) -> None:
    import outcomes as oc

    instrument, use = blocks(DOCS / "how-to" / "own-questionnaire.md", "toml")
    (tmp_path / "mood.toml").write_text(instrument, "utf-8")
    rows = "patient,visit,mood_1,mood_2,mood_3,mood_4\na,pre,0,1,2,3\na,post,0,0,0,1\n"
    (tmp_path / "scores.csv").write_text(rows)
    visits = '[data]\nscores = "scores.csv"\n[visits]\norder = ["pre", "post"]\n'
    (tmp_path / "study.toml").write_text(visits + use, "utf-8")
    study = oc.read_study(tmp_path / "study.toml").ready
    assert list(study.scores["mood_total"]) == [6, 1]


@pytest.mark.parametrize("page", WRITTEN, ids=lambda p: p.relative_to(DOCS).as_posix())
def test_a_page_says_first_what_it_is_for(page: Path) -> None:
    title, _, first = page.read_text("utf-8").split("\n", 2)
    assert title.startswith("# ")
    assert re.match(r"(This page|These pages|`outcomes`) ", first), f"it begins: {first[:60]}"


def test_every_question_has_its_place_and_an_example_or_a_reason() -> None:
    from site_pages.questions import placed

    from outcomes.gallery.examples import EXAMPLES, NOT_SHOWN
    from outcomes.plans.plan import kinds

    names = {n for n, kind in kinds().items() if kind.__module__.startswith("outcomes.")}
    assert placed() == names
    codes = [code for examples in EXAMPLES.values() for _, code in examples.values()]
    shown = {re.match(r"question = oc\.(\w+)\(", code)[1] for code in codes}
    assert shown | set(NOT_SHOWN) == names
    assert not shown & set(NOT_SHOWN)


def test_shipped_notebooks_have_no_link_that_depends_on_where_they_are_opened() -> None:
    import nbformat

    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "markdown":
                for link in re.findall(r"\]\(([^)]+)\)", cell.source):
                    assert re.match(r"https?://|#|attachment:", link), f"{file.name}: {link}"


def test_a_broken_link_and_a_fetched_file_are_found(tmp_path: Path) -> None:
    from site_pages.links import broken

    (tmp_path / "a.html").write_text(
        '<h1 id="x"></h1><a href="b.html#y">1</a><a href="#x">2</a><a href="c.html">3</a>'
    )
    (tmp_path / "b.html").write_text(
        '<script src="https://cdn.example.org/a.js"></script><a href="https://x.org">4</a>'
    )
    assert broken(tmp_path) == [
        "a.html: b.html#y has no such place",
        "a.html: c.html is not there",
        "b.html loads https://cdn.example.org/a.js from the network",
    ]


def test_what_the_workflows_run_is_what_the_readme_says() -> None:
    tests = (ROOT / ".github/workflows/tests.yml").read_text("utf-8")
    assert ".ci/run" in tests
    wanted = (ROOT / "pyproject.toml").read_text("utf-8")
    lowest = re.search(r'requires-python = ">=([\d.]+)"', wanted)[1]
    assert f'"{lowest}"' in tests
    assert "python docs/build.py" in (ROOT / ".github/workflows/docs.yml").read_text("utf-8")


def test_the_version_is_the_same_everywhere() -> None:
    import tomllib

    import outcomes

    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        == outcomes.__version__
    )
    assert f"version: {outcomes.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_pictures_of_the_pages_are_there_and_small() -> None:
    pages = [ROOT / "README.md", *WRITTEN]
    for page in pages:
        for picture in re.findall(r"(?:\]\(|\{image\} )([\w./-]+\.png)", page.read_text("utf-8")):
            assert (page.parent / picture).stat().st_size < 150_000, picture


def test_the_site_is_built_without_a_warning_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "docs/build.py", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, (done.stderr + done.stdout)[-4000:]
    page = (tmp_path / "site" / "gallery" / "before-and-after.html").read_text("utf-8")
    assert (tmp_path / "site" / "tutorials" / "01_before_and_after.html").exists()
    assert ".PairedT" in re.sub(r"<[^>]+>", "", page)
    assert page.count("<table") >= 10
    shutil.rmtree(tmp_path / "site")


def test_every_source_that_the_paper_cites_is_listed_and_every_listed_one_is_cited() -> None:
    cited = set(re.findall(r"@(\w+)\]", (DOCS / "paper/paper.md").read_text("utf-8")))
    assert cited == set(
        re.findall(r"^@\w+\{(\w+),", (DOCS / "paper/paper.bib").read_text("utf-8"), re.MULTILINE)
    )


def test_every_block_of_python_is_python() -> None:
    for page in WRITTEN:
        for block in blocks(page, "python"):
            ast.parse(block)

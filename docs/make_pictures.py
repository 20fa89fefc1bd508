"""Make the pictures of README and of the first steps from the sample: `python docs/make_pictures.py
[CHROMIUM]`.

Needs Chromium with its driver, Pillow, openpyxl, nbconvert, jupyterlab and selenium. Every picture is made from data/sample; nothing is
drawn by hand.
"""

from __future__ import annotations

import csv
import html
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import outcomes as oc

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SAMPLE = ROOT / "data" / "sample"
COLUMNS = ["patient_id", "visit", "nrs_average", *(f"phq9_{i}" for i in range(1, 10))]
PATIENTS = 60

SHEET = """table{border-collapse:collapse;font:14px sans-serif}td,th{border:1px solid #c8ccd0;padding:4px 10px;text-align:right}
th{background:#eef1f4;font-weight:normal;color:#444;text-align:center}td:nth-child(2),td:nth-child(3){text-align:left}"""
TERMINAL = (
    "pre{font:14px/1.45"
    " monospace;background:#16212c;color:#e8edf2;margin:0;padding:16px;white-space:pre-wrap}"
)


def main(chromium: str) -> None:
    """Make them all."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = _rows()
        _workbook(rows, folder / "my_scores.xlsx")
        _shot(chromium, folder, _sheet(rows[:13]), "step-spreadsheet", 912, 385)
        said = _outcomes(folder, "init", "my_scores.xlsx")
        first = "\n".join((folder / "study.toml").read_text("utf-8").splitlines()[:34])
        _shot(
            chromium,
            folder,
            _terminal(f"$ outcomes init my_scores.xlsx\n{said}\n\n{first}"),
            "step-init",
            1000,
            800,
        )
        said = _outcomes(folder, "check", "study.toml")
        _shot(
            chromium,
            folder,
            _terminal(f"$ outcomes check study.toml\n{said}"),
            "step-check",
            1000,
            320,
        )
        _outcomes(folder, "report", "study.toml", "--out", "reports")
        _screenshot(chromium, folder / "reports" / "report.html", "step-report", 1000, 800)
        _outcomes(folder, "report", str(SAMPLE / "study.toml"), "--out", "sample")
        _screenshot(chromium, folder / "sample" / "report.html", "report", 1000, 1200)
        _notebook(chromium, folder)
        _panel(folder)
    _plot()


def _rows() -> list[list[str]]:
    """The sample's first patients at two visits, as a clinic would keep them."""
    with (SAMPLE / "scores.csv").open(encoding="utf-8") as file:
        found = [r for r in csv.DictReader(file) if r["visit"] in ("baseline", "week_4")]
    wanted = set(list(dict.fromkeys(r["patient_id"] for r in found))[:PATIENTS])
    return [[r[c] for c in COLUMNS] for r in found if r["patient_id"] in wanted]


def _workbook(rows: list[list[str]], file: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Scores"
    for row in (COLUMNS, *rows):
        sheet.append([int(v) if v.isdigit() else v or None for v in row])
    book.save(file)


def _sheet(rows: list[list[str]]) -> str:
    letters = "".join(f"<th>{chr(65 + i)}</th>" for i in range(len(COLUMNS)))
    body = [f"<tr><th></th>{letters}</tr>"]
    for number, row in enumerate((COLUMNS, *rows), 1):
        body.append(
            f"<tr><th>{number}</th>{''.join(f'<td>{html.escape(v)}</td>' for v in row)}</tr>"
        )
    return f"<style>body{{margin:0}}{SHEET}</style><table>{''.join(body)}</table>"


def _terminal(text: str) -> str:
    return f"<style>body{{margin:0;background:#16212c}}{TERMINAL}</style><pre>{html.escape(text)}</pre>"


def _outcomes(folder: Path, *words: str) -> str:
    """What a command prints, with its folder left out."""
    space = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "112", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "outcomes", *words]
    done = subprocess.run(
        command, cwd=folder, env=space, capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return done.stdout.replace(f"{folder}{os.sep}", "").rstrip()


def _notebook(chromium: str, folder: Path) -> None:
    import nbformat
    from nbconvert import HTMLExporter

    book = nbformat.read(ROOT / "notebooks" / "01_before_and_after.ipynb", as_version=4)
    shown = next(i for i, cell in enumerate(book.cells) if _draws(cell))
    book.cells = book.cells[
        max(shown - 2, 0) : shown + 2
    ]  # a notebook is long: the cells around its first picture
    page, _ = HTMLExporter().from_notebook_node(book)
    file = folder / "notebook.html"
    file.write_text(page, "utf-8")
    _screenshot(chromium, file, "notebook", 1000, 700)


def _panel(folder: Path) -> None:
    """`oc.explore` of the spreadsheet, in JupyterLab."""
    from tests.notebooks.lab import find, lab, until

    (folder / "study.toml").unlink()
    code = 'import outcomes as oc\noc.explore("my_scores.xlsx")'
    with lab(folder, code, "1400,2100") as browser:
        until(lambda: find(browser, ".oc-card img"))
        shown = browser.find_element("css selector", ".jp-Notebook .jp-Cell")
        shown.screenshot(str(PICTURES / "step-explore.png"))
    _small(PICTURES / "step-explore.png")


def _draws(cell: Any) -> bool:
    return any("image/png" in o.get("data", {}) for o in cell.get("outputs", []))


def _plot() -> None:
    study = oc.read_study(SAMPLE / "parallel" / "study.toml")
    question = oc.MMRM("pain_nrs_average", visit="week_4", reference="placebo")
    oc.plot(question.run(study)).figure.savefig(PICTURES / "plot.png", dpi=110)
    plt.close("all")
    _small(PICTURES / "plot.png")


def _shot(chromium: str, folder: Path, page: str, name: str, width: int, height: int) -> None:
    file = folder / f"{name}.html"
    file.write_text(f"<!doctype html><meta charset=utf-8>{page}", "utf-8")
    _screenshot(chromium, file, name, width, height)


def _screenshot(chromium: str, page: Path, name: str, width: int, height: int) -> None:
    target = PICTURES / f"{name}.png"
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--virtual-time-budget=4000",
    ]
    command = [
        chromium,
        *flags,
        f"--window-size={width},{height}",
        f"--screenshot={target}",
        page.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    _small(target)


def _small(file: Path) -> None:
    """Few colours suffice for text and lines, and make a picture a tenth as large."""
    Image.open(file).convert("RGB").quantize(64).save(file, optimize=True)


if __name__ == "__main__":
    found = (
        sys.argv[1]
        if len(sys.argv) > 1
        else shutil.which("chromium") or shutil.which("google-chrome")
    )
    if not found:
        raise SystemExit("Chromium is not there: install it, or give its path.")
    main(found)

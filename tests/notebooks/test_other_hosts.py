"""The shipped notebooks where they were not written: converted by marimo's own tool and run as the
program that it makes of them, and rendered by Voilà.

Run with `pytest -m browser`; needs the extra `browser`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.notebooks.lab import until

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the notebooks with the sample beside them, as they are shipped."""
    home = tmp_path_factory.mktemp("hosts")
    shutil.copytree(ROOT / "data" / "sample", home / "data" / "sample")
    (home / "notebooks").mkdir()
    for book in BOOKS:
        shutil.copy(book, home / "notebooks")
    return home / "notebooks"


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("book", [b.stem for b in BOOKS])
def test_marimo_converts_it_finds_no_fault_and_runs_it(folder: Path, book: str) -> None:
    pytest.importorskip("marimo")
    made = run("-m", "marimo", "convert", f"{book}.ipynb", "-o", f"{book}.py", cwd=folder)
    assert made.returncode == 0, made.stderr
    checked = run("-m", "marimo", "check", "--strict", f"{book}.py", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = run(f"{book}.py", cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]


def test_voila_renders_one_with_its_pictures_and_without_an_error(folder: Path) -> None:
    pytest.importorskip("voila")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "voila", f"{BOOKS[0].stem}.ipynb", "--no-browser", f"--port={port}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        page = until(lambda: _page(port), 300)
    finally:
        server.terminate()
        server.wait(20)
    assert page.count("data:image/png;base64,") >= 3, "pictures made while it was opened"
    tables = page.count("<table") + page.count(r"\u003ctable")  # drawn by the browser from JSON
    assert tables >= 3 and "Traceback" not in page and "<h1" in page


def _page(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=240) as answer:
            return answer.read().decode("utf-8")
    except OSError:
        return ""

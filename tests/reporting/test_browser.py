"""A report opened in Chromium: nothing asked of the network, nothing said on the console, nothing
axe-core objects to.

Run with `pytest -m browser`. It needs Chromium, and node with axe-core and puppeteer-core:
`npm install --prefix DIR axe-core@4 puppeteer-core`, and `OUTCOMES_NODE_MODULES=DIR/node_modules`; `.ci/browser` does all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import outcomes as oc
from outcomes.core.result import Results
from outcomes.reporting import write_report, write_snapshot

SAMPLE = Path(__file__).parents[2] / "data" / "sample"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seen(results: Results, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    chromium, node = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("node")
    modules = os.environ.get("OUTCOMES_NODE_MODULES", "")
    if not chromium or not node:
        pytest.skip("Chromium or node is not installed")
    if not (Path(modules) / "axe-core").is_dir() or not (Path(modules) / "puppeteer-core").is_dir():
        pytest.skip("OUTCOMES_NODE_MODULES names no folder with axe-core and puppeteer-core")
    folder = tmp_path_factory.mktemp("browser")
    write_snapshot(results.study, results, folder)
    files = [
        write_report(results.study, results, folder / "internal.html", since=folder),
        write_report(results.study, results, folder / "share" / "shared.html", audience="share"),
    ]
    for name in ("crossover", "parallel"):
        study = oc.read_study(SAMPLE / name / "study.toml")
        files.append(write_report(study, oc.Plan.of(study), folder / f"{name}.html"))
    command = [node, str(Path(__file__).with_name("axe.mjs")), chromium, modules, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_request_leaves_the_page(seen: list[dict]) -> None:
    assert len(seen) == 12 and not [r for s in seen for r in s["requests"]]


def test_the_console_is_silent_and_every_picture_is_there(seen: list[dict]) -> None:
    assert not [m for s in seen for m in s["messages"]]
    assert not any(s["images"] for s in seen)


def test_axe_finds_no_violation(seen: list[dict]) -> None:
    assert [v for s in seen for v in s["violations"]] == []


def test_the_page_does_not_scroll_sideways(seen: list[dict]) -> None:
    assert [(s["width"], s["media"], s["overflow"]) for s in seen if s["overflow"]] == []

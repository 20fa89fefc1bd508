"""The built site in Chromium: every page, light and dark, wide and on a phone; and its search.

Run with `pytest -m browser`; needs what `tests/reporting/test_browser.py` needs, and the extra `docs`.
`OUTCOMES_SITE` names a site that is built already.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if built := os.environ.get("OUTCOMES_SITE"):
        return Path(built)
    target = tmp_path_factory.mktemp("built") / "site"
    subprocess.run([sys.executable, "docs/build.py", str(target)], cwd=ROOT, check=True)
    return target


@pytest.fixture(scope="module")
def seen(site: Path) -> dict[str, Any]:
    chromium, node = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("node")
    modules = os.environ.get("OUTCOMES_NODE_MODULES", "")
    if not chromium or not node:
        pytest.skip("Chromium or node is not installed")
    if not (Path(modules) / "axe-core").is_dir() or not (Path(modules) / "puppeteer-core").is_dir():
        pytest.skip("OUTCOMES_NODE_MODULES names no folder with axe-core and puppeteer-core")
    command = [node, str(ROOT / "tests" / "site.mjs"), chromium, modules, str(site)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert len(found["pages"]) > 150, "every page, light and dark"
    return found


def wrong(seen: dict[str, Any], what: str) -> list[Any]:
    return [(p["file"], p["width"], p["scheme"], p[what]) for p in seen["pages"] if p[what]]


def test_no_page_asks_the_network_or_complains(seen: dict[str, Any]) -> None:
    assert wrong(seen, "problems") == []


def test_every_picture_is_there(seen: dict[str, Any]) -> None:
    assert wrong(seen, "images") == []


def test_axe_finds_no_violation(seen: dict[str, Any]) -> None:
    assert wrong(seen, "violations") == []


def test_no_page_scrolls_sideways(seen: dict[str, Any]) -> None:
    assert wrong(seen, "overflow") == []


def test_the_search_finds_pages_without_a_server(seen: dict[str, Any], site: Path) -> None:
    found = seen["search"]["found"]
    assert "explanation/regression-to-the-mean.html" in found[:3]
    assert all((site / link.split("#")[0].split("?")[0]).exists() for link in found)
    assert seen["search"]["problems"] == []

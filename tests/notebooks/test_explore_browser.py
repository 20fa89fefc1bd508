"""`oc.explore` in a real JupyterLab, driven in Chromium with the keyboard.

Run with `pytest -m browser`. It needs Chromium with its driver (Debian: chromium-driver) and the extra
`notebooks`, and selenium.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
CELL = "import outcomes as oc\noc.explore('scores.csv')"


def notebook() -> dict:
    return {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": "explore",
                "metadata": {},
                "outputs": [],
                "source": CELL,
            }
        ],
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def scores(patients: int = 30) -> pd.DataFrame:
    ids = np.repeat([f"p{i:03d}" for i in range(patients)], 2)
    return pd.DataFrame(
        {
            "patient_id": ids,
            "timepoint": ["baseline", "week_4"] * patients,
            "nrs_average": [8 - (i % 2) * (1 + i % 3) for i in range(2 * patients)],
            "eq_vas": [50 + i % 7 for i in range(2 * patients)],
            "route": ["oral" if i % 4 < 2 else "nasal" for i in range(2 * patients)],
        }
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A JupyterLab with a notebook that shows the panel, in Chromium."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium or its driver is not installed")
    webdriver = pytest.importorskip("selenium.webdriver")
    pytest.importorskip("jupyterlab")
    folder = tmp_path_factory.mktemp("lab")
    scores().to_csv(folder / "scores.csv", index=False)
    (folder / "explore.ipynb").write_text(json.dumps(notebook()), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        f"--ServerApp.root_dir={folder}",
    ]
    env = os.environ | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "config")}
    server = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for said in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1800"):
        options.add_argument(said)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.folder = folder
    try:
        until(lambda: answers(port))
        browser.get(f"http://127.0.0.1:{port}/lab/tree/explore.ipynb?reset")
        until(lambda: find(browser, ".jp-Notebook .jp-CodeCell .cm-content"))
        until(lambda: "Idle" in browser.find_element("css selector", "body").text)
        for button in find(browser, ".jp-Dialog .jp-mod-accept"):
            button.click()
        find(browser, ".jp-CodeCell .cm-content")[0].click()
        find(browser, ".jp-CodeCell .cm-content")[0].send_keys(shift() + enter())
        until(lambda: card(browser))
        yield browser
    finally:
        browser.quit()
        server.terminate()
        server.wait(20)


def shift() -> str:
    from selenium.webdriver.common.keys import Keys

    return Keys.SHIFT


def enter() -> str:
    from selenium.webdriver.common.keys import Keys

    return Keys.ENTER


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find(browser: Any, css: str) -> list[Any]:
    return browser.find_elements("css selector", css)


def until(said: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come in time")


def card(browser: Any) -> str:
    """The words of the card on the screen; "" while there is none."""
    shown = [e.text for e in find(browser, ".jp-OutputArea .oc-card")]
    return shown[0] if shown else ""


def control(browser: Any, words: str) -> Any:
    """The control that a label names, found as a screen reader finds it."""
    (label,) = [e for e in find(browser, "label.widget-label") if text(e) == words]
    return browser.find_element("id", label.get_attribute("for"))


def text(element: Any) -> str:
    return (element.get_attribute("textContent") or "").strip()


def open_part(browser: Any, title: str) -> None:
    """Open a part of the accordion where it is closed."""
    for part in find(browser, ".jupyter-widget-Collapse"):
        head = part.find_element("css selector", ".jupyter-widget-Collapse-header")
        inside = part.find_elements("css selector", ".jupyter-widget-Collapse-contents")
        if text(head) == title and not any(e.is_displayed() for e in inside):
            head.click()


def test_the_panel_answers_at_once_about_the_main_score(page: Any) -> None:
    assert "Pain NRS average" in card(page) and "30" in card(page)
    (picture,) = find(page, ".jp-OutputArea .oc-card img")
    assert page.execute_script("return arguments[0].naturalWidth", picture) > 400
    assert picture.get_attribute("alt")


def test_every_control_has_a_label(page: Any) -> None:
    open_part(page, "Columns and instruments")
    for element in find(page, ".jp-OutputArea select, .jp-OutputArea input[type=text]"):
        name = element.get_attribute("id")
        labels = find(page, f'label[for="{name}"]') if name else []
        assert labels or element.get_attribute("aria-label"), element.get_attribute("outerHTML")


def test_another_score_is_chosen_with_the_keyboard(page: Any) -> None:
    control(page, "Score").send_keys("EQ")
    until(lambda: "EQ VAS" in card(page))
    code = find(page, ".jp-OutputArea pre")[-1].text
    assert "oc.PairedT('eq_vas" in code


def test_a_column_chosen_as_a_role_changes_the_study_file_and_the_groups(page: Any) -> None:
    open_part(page, "Columns and instruments")
    until(lambda: control(page, "Route").is_displayed())
    pick(page, "Visit", "none")
    until(lambda: "Not a study yet" in find(page, ".jp-OutputArea")[0].text)
    until(lambda: not card(page))
    pick(page, "Visit", "timepoint")
    until(lambda: card(page))
    open_part(page, "Study file")
    study_file = until(lambda: find(page, ".jp-OutputArea textarea"))[0].get_attribute("value")
    assert 'visit = "timepoint"\n' in study_file, "chosen, so no guess any more"


def pick(browser: Any, words: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(control(browser, words)).select_by_visible_text(value)


def test_the_code_is_copied_by_its_button(page: Any) -> None:
    (button,) = [b for b in find(page, ".jp-OutputArea button") if text(b) == "Copy as code"]
    button.click()
    until(lambda: text(button) == "Copied")
    code = text(find(page, ".jp-OutputArea pre")[-1])
    assert page.execute_script("return getSelection().toString()").strip() == code


def test_the_study_file_the_notebook_and_the_report_are_written(page: Any) -> None:
    for name, made in (
        ("Write study.toml", "study.toml"),
        ("Write notebook", "before-after.ipynb"),
        ("Write report", "report.html"),
    ):
        (button,) = [b for b in find(page, ".jp-OutputArea button") if text(b) == name]
        button.click()
        until(lambda made=made: (page.folder / made).exists())

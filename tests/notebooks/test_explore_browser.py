"""`oc.explore` in a real JupyterLab, driven in Chromium with the keyboard.

Run with `pytest -m browser`. It needs Chromium with its driver (Debian: chromium-driver) and the extra
`notebooks`, and selenium.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.lab import find, lab, until

pytestmark = pytest.mark.browser
CELL = "import outcomes as oc\noc.explore('scores.csv')"


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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Any]:
    """A JupyterLab with a notebook that shows the panel, in Chromium."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("Chromium or its driver is not installed")
    pytest.importorskip("selenium")
    pytest.importorskip("jupyterlab")
    scores().to_csv(folder / "scores.csv", index=False)
    with lab(folder, CELL) as browser:
        until(lambda: card(browser))
        yield browser


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


def test_the_study_file_the_notebook_and_the_report_are_written(page: Any, folder: Path) -> None:
    for name, made in (
        ("Write study.toml", "study.toml"),
        ("Write notebook", "before-after.ipynb"),
        ("Write report", "report.html"),
    ):
        (button,) = [b for b in find(page, ".jp-OutputArea button") if text(b) == name]
        button.click()
        until(lambda made=made: (folder / made).exists())

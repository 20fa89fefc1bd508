"""A real JupyterLab in headless Chromium: for the tests of `oc.explore`, and for its picture in the
docs.

Needs Chromium with its driver (Debian: chromium, chromium-driver), jupyterlab and selenium.
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def notebook(code: str) -> dict[str, Any]:
    """A notebook of one cell."""
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "one",
        "metadata": {},
        "outputs": [],
        "source": code,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": [cell],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@contextmanager
def lab(folder: Path, code: str, size: str = "1400,1800") -> Iterator[Any]:
    """The browser, after it opened a notebook in `folder` and ran its cell."""
    from selenium import webdriver
    from selenium.webdriver.common.keys import Keys

    (folder / "explore.ipynb").write_text(json.dumps(notebook(code)), encoding="utf-8")
    settings = folder / ".jupyter"
    news = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--port={port}", "--IdentityProvider.token=", "--ServerApp.password="),
            f"--ServerApp.root_dir={folder}",
        ],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(settings)}
        | {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(settings)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for said in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={size}"):
        options.add_argument(said)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    browser = webdriver.Chrome(options=options, service=service)
    try:
        until(lambda: _listens(port))
        browser.get(f"http://127.0.0.1:{port}/lab/tree/explore.ipynb?reset")
        until(lambda: find(browser, ".jp-Notebook .jp-CodeCell .cm-content"))
        until(lambda: "Idle" in browser.find_element("css selector", "body").text)
        for button in find(browser, ".jp-Dialog .jp-mod-accept"):
            button.click()
        (cell,) = find(browser, ".jp-CodeCell .cm-content")
        cell.click()
        cell.send_keys(Keys.SHIFT + Keys.ENTER)
        yield browser
    finally:
        browser.quit()
        server.terminate()
        server.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find(browser: Any, css: str) -> list[Any]:
    """The elements that a selector names."""
    return browser.find_elements("css selector", css)


def until(said: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until it is so, and give what it says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := said():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come in time")

"""Every command that writes: all its files or none, whatever the disk refuses at whatever
moment.
"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pandas as pd
import pytest

import outcomes as oc
from outcomes.cli import main
from tests.clinic import STUDY, clinic
from tests.config.faults import disk, tree

BARE = STUDY.split("[[analysis]]")[0]
COMMANDS: dict[str, tuple[list[str], set[str]]] = {
    "report": (
        ["report", "study.toml", "--out", "reports", "--format", "html,tables"],
        {
            "reports/report.html",
            "reports/snapshot.json",
            "reports/tables/results.csv",
            "reports/tables/tables.xlsx",
        },
    ),
    "run": (["run", "study.toml", "--to", "results.csv"], {"results.csv"}),
    "score": (["score", "study.toml", "--to", "scores_made.json"], {"scores_made.json"}),
    "init": (["init", "scores.csv", "--to", "first.toml"], {"first.toml"}),
    "init of a study file": (["init", "bare.toml"], {"bare.toml"}),
    "notebook": (["notebook", "before-after", "study.toml", "--to", "mine.ipynb"], {"mine.ipynb"}),
    "pseudonyms": (
        ["pseudonyms", "scores.csv", "--apart", "apart"],
        {"apart/pseudonyms.key", "apart/scores.pseudonyms.csv", "scores.coded.csv"},
    ),
    "redcap-dictionary": (
        ["redcap-dictionary", "phq9", "--to", "fields.csv"],
        {"fields.csv"},
    ),
    "schedule init": (["schedule", "init", "monthly.toml"], {"monthly.toml"}),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clinic(tmp_path)
    (tmp_path / "bare.toml").write_text(BARE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "MPLBACKEND", "Agg"
    )  # a run sets it for good; a notebook's kernel would inherit it
    return tmp_path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same report without the seconds that drawing it takes."""
    monkeypatch.setattr(
        "outcomes.reporting._render", lambda doc, kind: f"<p>{doc.audience}".encode()
    )


def spared(asked: list[str]) -> list[int]:
    """The calls to refuse: every one, or of many equal ones the first two and the last."""
    out = []
    for step in dict.fromkeys(asked):
        at = [i for i, s in enumerate(asked) if s == step]
        out += at if len(at) <= 4 else [*at[:2], at[-1]]
    return sorted(out)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_all_its_files_or_everything_as_it_was(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, made = COMMANDS[name]
    before = tree(place)
    with monkeypatch.context() as m:
        counted = disk(m)
        assert main([*words, "--quiet"]) == 0
    whole = tree(place)
    changed = {n for n, data in whole.items() if data is not None and before.get(n) != data}
    assert made <= changed
    assert counted.asked.count("replace") == len(changed)  # no file came about in another way
    for n in spared(counted.asked):
        restore(place, before)
        with monkeypatch.context() as m:
            disk(m, n, half=True)
            assert main([*words, "--quiet"]) == 74, counted.asked[n]
        assert tree(place) == before, f"call {n}: {counted.asked[n]}"
        assert "Cannot write in" in capsys.readouterr().err
    assert main([*words, "--quiet"]) == 0
    assert tree(place).keys() == whole.keys()


@pytest.mark.usefixtures("quick")
def test_what_explore_writes_is_all_there_or_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The study file of a frame with its scores, the notebook, and a report over an old one."""
    pytest.importorskip("ipywidgets")
    scores = [(f"q{i}", v, 3 + (i + k) % 7) for i in range(12) for k, v in enumerate(("a", "b"))]
    panel = oc.explore(pd.DataFrame(scores, columns=["id", "visit", "nrs"]))
    panel.folder.value = str(tmp_path)
    (tmp_path / "report.html").write_text("the user's", "utf-8")
    for button, made in (
        ("Write study.toml", {"study.toml", "scores.csv"}),
        ("Write notebook", {f"{panel.kind.value}.ipynb"}),
        ("Write report", {"report.html"}),
    ):
        before, opened = tree(tmp_path), panel.opened
        with monkeypatch.context() as m:
            counted = disk(m)
            panel.buttons[button].click()
        after = tree(tmp_path)
        assert {n for n in after if after[n] != before.get(n)} == made, button
        assert counted.asked.count("replace") == len(made)
        for n in spared(counted.asked):
            restore(tmp_path, before)
            panel.opened = opened
            with monkeypatch.context() as m:
                disk(m, n, half=True)
                panel.buttons[button].click()
            assert tree(tmp_path) == before, f"{button}, call {n}: {counted.asked[n]}"
            assert panel.opened.file == opened.file
        panel.buttons[button].click()
        assert tree(tmp_path).keys() == after.keys()
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "scores.csv").stat().st_mode) == 0o600


def restore(place: Path, before: dict[str, bytes | None]) -> None:
    for path in sorted(place.rglob("*"), reverse=True):
        if str(path.relative_to(place)) not in before:
            path.rmdir() if path.is_dir() else path.unlink()
    for name, data in before.items():
        if data is not None:
            (place / name).write_bytes(data)


@pytest.mark.usefixtures("quick")
@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_what_holds_patients_data_is_readable_by_its_owner_alone(place: Path) -> None:
    assert main(["score", "study.toml", "--to", "made.csv", "--quiet"]) == 0
    assert main(["report", "study.toml", "--out", "reports", "--quiet"]) == 0
    for name in ("made.csv", "reports/snapshot.json"):
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600, name


@pytest.mark.usefixtures("quick")
def test_an_old_report_stays_whole_where_a_new_one_fails(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["report", "study.toml", "--out", "reports", "--format", "html,tables", "--quiet"]
    assert main(words) == 0
    with monkeypatch.context() as m:
        counted = disk(m)
        assert main(words) == 0
    old = tree(place)
    last = max(i for i, step in enumerate(counted.asked) if step == "replace")
    (place / "scores.csv").write_text(
        (place / "scores.csv").read_text().replace("Q05,post,3", "Q05,post,2")
    )
    with monkeypatch.context() as m:
        disk(m, last)
        assert main(words) == 74
    assert {n: d for n, d in tree(place).items() if n != "scores.csv"} == {
        n: d for n, d in old.items() if n != "scores.csv"
    }

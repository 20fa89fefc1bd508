"""The panel of `oc.explore`, driven through its widgets without a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import outcomes as oc
from outcomes.notebooks.exploration import askable, asked, corrected, opened
from tests.builders import two_visits

pytest.importorskip("ipywidgets")
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample" / "study.toml"


def long_frame(patients: int = 12) -> pd.DataFrame:
    visits = ["baseline", "week_4"]
    ids = np.repeat([f"p{i:03d}" for i in range(patients)], 2)
    pain = [7 - (i % 2) * (1 + i % 3) for i in range(2 * patients)]
    return pd.DataFrame({"patient_id": ids, "visit": visits * patients, "nrs_avg": pain})


def test_a_study_is_answered_at_once_with_the_code_that_does_the_same() -> None:
    study = two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    panel = oc.explore(study)
    asked = oc.PairedT("pain", before="baseline", after="week_4").run(study)
    assert panel.result.to_frame().equals(asked.to_frame())
    scope = {"study": study}
    exec(panel.code.removesuffix("\nresult"), scope)
    assert scope["result"].to_frame().equals(asked.to_frame())
    assert "<img" in panel.card.value and "Copy as code" in panel.shown.value


def test_another_choice_gives_another_answer_and_unused_controls_are_off() -> None:
    panel = oc.explore(two_visits([7, 6, 8, 5], [5, 5, 4, 5]))
    panel.question.value = "SignedRank"
    assert (
        type(panel.result.analysis).__name__ == "SignedRank"
        and "oc.SignedRank('pain'" in panel.code
    )
    assert panel.chosen["by"].disabled and not panel.chosen["before"].disabled
    panel.chosen["before"].value = "week_4"
    assert panel.result is None and "same visit" in panel.card.value and panel.code == ""


@pytest.mark.parametrize("name", [name for _, name in askable()])
def test_every_question_offered_is_answered_or_refused_in_words(name: str) -> None:
    panel = oc.explore(two_visits([7, 6, 8, 5], [5, 5, 4, 5]))
    panel.question.value = name
    assert (panel.result is None) == ('role="alert"' in panel.card.value)


def test_a_frame_is_guessed_and_its_study_file_corrected_and_written(tmp_path: Path) -> None:
    panel = oc.explore(long_frame())
    assert panel.opened.study is not None and "guess" in panel.text.value
    panel.text.value = panel.text.value.replace('title = "scores"', 'title = "Mended"')
    panel.read.click()
    assert panel.opened.study.title == "Mended"
    panel.folder.value = str(tmp_path)
    panel.buttons["Write study.toml"].click()
    read = oc.read_study(tmp_path / "study.toml")
    assert read.title == "Mended" and read.enrolled == 12
    assert f"oc.read_study('{(tmp_path / 'study.toml').as_posix()}')" in panel.code
    panel.buttons["Write study.toml"].click()
    assert "already there" in panel.said.value
    panel.buttons["Write notebook"].click()
    assert (tmp_path / f"{panel.kind.value}.ipynb").exists(), panel.said.value
    panel.buttons["Write report"].click()
    assert (tmp_path / "report.html").stat().st_size > 5000
    assert "oc.write_report(study, plan" in panel.code


def test_a_frame_is_read_as_every_frame_is_and_its_code_runs() -> None:
    frame = long_frame().set_index("patient_id")  # a named index is a column, as in oc.read_table
    panel = oc.explore(frame)
    assert panel.opened.study is not None and panel.opened.study.enrolled == 12
    scope = {"frame": frame}
    exec(panel.code.removesuffix("\nresult"), scope)
    assert scope["result"].to_frame().equals(panel.result.to_frame())


def test_frames_of_polars_are_explored_and_their_rows_are_kept_from_others(tmp_path: Path) -> None:
    import polars

    panel = oc.explore(polars.DataFrame(long_frame()))
    assert panel.result is not None
    panel.folder.value = str(tmp_path)
    panel.buttons["Write study.toml"].click()
    assert oc.read_study(tmp_path / "study.toml").enrolled == 12
    if os.name == "posix":
        assert (tmp_path / "scores.csv").stat().st_mode & 0o077 == 0


def test_the_code_of_a_file_runs_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long_frame().to_csv("scores.csv", index=False)
    panel = oc.explore("scores.csv")
    scope: dict[str, object] = {}
    exec(panel.code.removesuffix("\nresult"), scope)
    assert scope["result"].to_frame().equals(panel.result.to_frame())
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_a_study_file_that_does_not_fit_says_why_and_is_mended() -> None:
    panel = oc.explore(long_frame())
    good = panel.text.value
    panel.text.value = good.replace('visit = "visit"', 'visit = "vist"')
    panel.read.click()
    assert (
        panel.opened.study is None
        and 'role="alert"' in panel.seen.value
        and "vist" in panel.seen.value
    )
    panel.buttons["Write report"].click()
    assert "no study yet" in panel.said.value
    panel.text.value = good
    panel.read.click()
    assert panel.result is not None


def test_the_sample_study_is_read_with_its_groups() -> None:
    panel = oc.explore(SAMPLE)
    assert "oc.read_study" in panel.code and panel.checks.value.count('class="oc-row"') == len(
        oc.check(panel.opened.study)
    )
    assert len(panel.chosen["by"].options) > 1


def test_a_choice_asks_one_question_and_reads_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = oc.explore(two_visits([7, 6, 8, 5], [5, 5, 4, 5]))
    runs: list[str] = []
    run = oc.SignedRank.run
    monkeypatch.setattr(oc.SignedRank, "run", lambda q, s: runs.append("run") or run(q, s))
    monkeypatch.setattr("outcomes.notebooks.exploration.Opened.again", None)
    panel.question.value = "SignedRank"
    assert runs == ["run"] and panel.result.analysis.outcome == "pain"


def test_without_ipywidgets_the_message_names_the_extra() -> None:
    code = (
        "import sys; sys.modules['ipywidgets'] = None; import outcomes as oc; oc.explore('x.csv')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (
        "MissingExtraError: oc.explore needs ipywidgets: pip install 'outcomes[notebooks]'"
        in done.stderr
    )


def test_a_file_that_is_not_there_is_an_error_of_reading() -> None:
    with pytest.raises(oc.OutcomesError):
        opened("no_such_file.csv")


def test_the_code_names_only_what_the_question_uses() -> None:
    question, code = asked("PairedT", {"outcome": "pain", "before": "a", "after": "b", "by": "arm"})
    assert code == "result = oc.PairedT('pain', before='a', after='b').run(study)\nresult"
    assert question.outcome == "pain"


def test_roles_and_instruments_are_corrected_and_all_else_stays() -> None:
    text = (
        '[roles]\npatient = "p"   # guess\nvisit = "v"   # guess\n\n'
        '[instruments]\nphq9 = { 1 = "a" }   # guess: x\nisi = { 1 = "b" }\n# a remark\n'
    )
    once = corrected(text, text, {"patient": "p", "visit": "w", "arm": "g"}, ["isi"])
    assert once == (
        '[roles]\npatient = "p"   # guess\nvisit = "w"\narm = "g"\n\n'
        '[instruments]\nisi = { 1 = "b" }\n# a remark\n'
    )
    again = corrected(once, text, {"arm": ""}, ["isi", "phq9"])
    assert "arm" not in again and 'phq9 = { 1 = "a" }   # guess: x' in again


def test_a_column_is_chosen_as_a_role_and_an_instrument_left_out() -> None:
    panel = oc.explore(long_frame().rename(columns={"visit": "timepoint"}))
    assert panel.roles["visit"].value == "timepoint" and panel.result is not None
    panel.roles["visit"].value = ""
    assert panel.opened.study is None and "Not a study yet" in panel.seen.value
    panel.roles["visit"].value = "timepoint"
    assert panel.result is not None and 'visit = "timepoint"\n' in panel.text.value
    assert panel.instruments.options == (("Pain NRS", "pain_nrs"),)
    panel.instruments.value = []
    assert panel.result is None or "pain_nrs" not in panel.code
    panel.instruments.value = ["pain_nrs"]
    assert "oc.PairedT('pain_nrs_average'" in panel.code


def test_the_main_score_is_asked_about_first() -> None:
    assert oc.explore(SAMPLE).chosen["outcome"].value == "pain_nrs_average"

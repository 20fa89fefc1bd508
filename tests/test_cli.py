"""What people type: every command, every exit code, and what stands on the screen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from outcomes import cli
from outcomes.cli import arguments
from outcomes.core.result import COLUMNS
from tests.clinic import STUDY, clinic, rows

COMMANDS = (
    "report",
    "share",
    "export-sums",
    "run",
    "check",
    "score",
    "pseudonyms",
    "export",
    "init",
    "plan",
    "notebook",
    "methods",
    "instruments",
    "redcap-dictionary",
    "selftest",
    "gallery",
    "run-due",
    "status",
    "schedule",
)


@pytest.fixture
def outcomes(capsys: pytest.CaptureFixture[str]):
    """Run a command; gives its exit code, what it printed, and what it said beside."""

    def run(*words: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(w) for w in words])
        except SystemExit as stop:
            code = int(stop.code or 0)
        out = capsys.readouterr()
        assert "Traceback" not in out.out + out.err
        return code, out.out, out.err

    return run


# --- help -----------------------------------------------------------------------------------------


def test_without_a_command_the_help_says_where_to_start(outcomes) -> None:
    code, out, _ = outcomes()
    assert code == 2
    assert "outcomes init scores.csv" in out


def test_every_command_is_listed_and_has_help_with_exit_codes(outcomes) -> None:
    code, top, _ = outcomes("--help")
    assert code == 0
    listed = re.findall(r"^    ([a-z-]+)", top.split("commands:")[1], re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    for command in COMMANDS:
        code, out, _ = outcomes(command, "--help")
        assert code == 0
        assert "exit codes:" in out
        for jargon in ("DataFrame", "kwargs", "str ", "None", "parser"):
            assert jargon not in out, f"{command}: '{jargon}' is no word of a clinic"
        for option in re.findall(r"^  (--[a-z-]+)[^\n]*\n", out, re.MULTILINE):
            assert re.search(rf"{option}\b[^\n]*(  +\S|\n {{10,}}\S)", out), (
                f"{command} {option} is not explained"
            )


def test_the_version(outcomes) -> None:
    import outcomes as oc

    assert outcomes("--version")[:2] == (0, f"outcomes {oc.__version__}\n")


def test_lists_in_the_help_are_those_of_the_library() -> None:
    from outcomes.notebooks import KINDS
    from outcomes.plans.ready_made import PLANS

    assert tuple(PLANS) == arguments.PLANS
    assert tuple(KINDS) == arguments.NOTEBOOKS


def test_the_documented_exit_codes_are_those_of_the_errors() -> None:
    from outcomes.core import errors

    documented = {int(n) for n in re.findall(r"^ *(\d+)  ", arguments.EXIT_CODES, re.MULTILINE)}
    kinds = [
        e
        for e in vars(errors).values()
        if isinstance(e, type) and issubclass(e, errors.OutcomesError)
    ]
    assert {0, 1, *(e.exit_code for e in kinds)} <= documented


# --- commands -------------------------------------------------------------------------------------


def test_report(outcomes, tmp_path: Path) -> None:
    code, out, err = outcomes("report", clinic(tmp_path), "--out", tmp_path / "new/reports")
    assert code == 0
    assert out == f"Report: {tmp_path / 'new/reports/report.html'}\n"
    assert "[1/1] pain nrs average, pre to post: paired t-test" in err
    assert "1 question answered, 0 not." in err
    assert "Small clinic" in (tmp_path / "new/reports/report.html").read_text("utf-8")


def test_quiet_says_only_where_the_report_is(outcomes, tmp_path: Path) -> None:
    code, out, err = outcomes("report", clinic(tmp_path), "--out", tmp_path, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("Report: ")


def test_a_question_without_an_answer_is_said_and_the_report_is_there(
    outcomes, tmp_path: Path
) -> None:
    study = clinic(tmp_path, study=STUDY.replace('after = "post"', 'after = "pots"'))
    code, out, err = outcomes("report", study, "--out", tmp_path)
    assert code == 5
    assert "No visit 'pots'. There is: pre, post. Did you mean 'post'?" in err
    assert Path(out.removeprefix("Report: ").strip()).exists()


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_run_writes_the_fixed_columns(outcomes, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"results.{ending}"
    assert outcomes("run", clinic(tmp_path), "--to", file)[0] == 0
    frame = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[ending](file)
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].iloc[0] == pytest.approx(-14 / 6, rel=1e-15)
    if ending == "json":
        assert json.loads(file.read_text("utf-8"))[0]["low"] == pytest.approx(
            frame["low"].iloc[0], rel=1e-14
        )


def test_check_prints_the_list_and_its_exit_code_says_whether_there_are_errors(
    outcomes, tmp_path: Path
) -> None:
    code, out, err = outcomes("check", clinic(tmp_path, rows([7, 6, "five"], [4, 6, 11])))
    assert code == 0
    assert out.startswith("severity\trule\ttable")
    assert "row 4, column nrs" in out
    assert "row 7" in out
    assert "five" not in out + err
    assert "The plan has 1 question." in err
    code, out, _ = outcomes("check", clinic(tmp_path, rows([7], [4])))
    assert code == 5
    assert "There is 1 patient" in out
    code, out, _ = outcomes(
        "check", clinic(tmp_path, study=STUDY.replace('after = "post"', 'after = "pots"'))
    )
    assert code == 5, "a plan that cannot be answered is told before anybody runs it"
    assert "Did you mean 'post'?" in out


def test_check_to_a_file(outcomes, tmp_path: Path) -> None:
    assert outcomes("check", clinic(tmp_path), "--to", tmp_path / "issues.csv")[0] == 0
    assert list(pd.read_csv(tmp_path / "issues.csv"))[:2] == ["severity", "rule"]


def test_score(outcomes, tmp_path: Path) -> None:
    assert outcomes("score", clinic(tmp_path), "--to", tmp_path / "scores_out.csv")[0] == 0
    frame = pd.read_csv(tmp_path / "scores_out.csv", dtype=str)
    assert list(frame) == ["patient", "visit", "pain_nrs_average"]
    assert frame["pain_nrs_average"].astype(float).tolist() == [7, 6, 8, 5, 9, 6, 4, 6, 5, 5, 4, 3]


def test_init_then_report(outcomes, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(rows(), "utf-8")
    code, out, _ = outcomes("init", tmp_path / "scores.csv")
    assert code == 0
    assert "no plan" not in out
    text = (tmp_path / "study.toml").read_text("utf-8")
    assert "# guess" in text
    assert outcomes("report", tmp_path / "study.toml", "--out", tmp_path, "--quiet")[0] == 0
    code, _, err = outcomes("init", tmp_path / "scores.csv")
    assert code == 2
    assert "already there" in err
    assert (tmp_path / "study.toml").read_text("utf-8") == text
    assert outcomes("init", tmp_path / "scores.csv", "--force", "--plan", "follow-up")[0] == 0
    assert "CohortModel" in (tmp_path / "study.toml").read_text("utf-8")


def test_init_says_what_stands_in_the_way_and_later_adds_the_plan(outcomes, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(
        "id,pk1,pk2,f1,f2\na,30,20,9,7\nb,25,24,12,12\nc,40,20,20,9\nd,33,31,15,15\n"
    )
    study = tmp_path / "study.toml"
    code, out, _ = outcomes("init", tmp_path / "s.csv")
    assert code == 0
    assert "It has no plan yet. It has no score yet" in out
    assert f"outcomes init {study}" in out
    text = study.read_text("utf-8")
    for mark in ("# order", "# [wide", "# visit_", "# pk =", "# f ="):
        assert mark in text, "what a clinic may mean is written ready to be taken"
        text = text.replace(mark, mark[2:])
    study.write_text(text, "utf-8")
    code, _, err = outcomes("report", study, "--out", tmp_path)
    assert code == 2
    assert f"To add a ready-made plan: outcomes init {study}" in err
    assert outcomes("init", study)[0] == 0
    done = study.read_text("utf-8")
    assert done.count("[[analysis]]") > 3
    assert "No plan can be made yet" not in done
    assert outcomes("report", study, "--out", tmp_path, "--quiet")[0] == 0
    code, _, err = outcomes("init", study)
    assert code == 2
    assert "has a plan already" in err
    assert study.read_text("utf-8") == done


def test_methods(outcomes) -> None:
    code, out, _ = outcomes("methods")
    assert code == 0
    assert "PairedT\tDid the score change" in out
    code, out, _ = outcomes("methods", "PairedT")
    assert code == 0
    assert out.startswith("PairedT(outcome")
    code, out, _ = outcomes("methods", "crossover")
    assert code == 0
    assert "Crossover\t" in out and "PairedT" not in out
    code, _, err = outcomes("methods", "PairdT")
    assert code == 2
    assert "Did you mean 'PairedT'?" in err


def test_instruments(outcomes, tmp_path: Path) -> None:
    code, out, _ = outcomes("instruments")
    assert code == 0
    assert out.count("\n") > 10
    assert "PHQ-9" in outcomes("instruments", "phq9")[1]
    assert outcomes("instruments", "phq")[1].count("PHQ") >= 3
    assert outcomes("instruments", "zzz")[0] == 2
    assert outcomes("instruments", "check")[0] == 2
    library = Path(cli.__file__).parents[1] / "questionnaires" / "library"
    code, out, _ = outcomes("instruments", "check", library / "isi.toml")
    assert code == 0
    assert "0 of" in out
    broken = (
        (library / "isi.toml")
        .read_text("utf-8")
        .replace("scores = { total = 7 }", "scores = { total = 8 }", 1)
    )
    (tmp_path / "isi.toml").write_text(broken, "utf-8")
    code, out, _ = outcomes("instruments", "check", tmp_path / "isi.toml")
    assert code == 5
    assert "1 of" in out


# --- exit codes -----------------------------------------------------------------------------------


def test_a_fault_of_the_program_shows_its_place_and_no_data(
    outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: object) -> None:
        raise ValueError("patient Q01 has 7")

    monkeypatch.setattr("outcomes.checks.find_issues", fault)
    code, out, err = outcomes("check", clinic(tmp_path))
    assert code == 1
    assert re.fullmatch(
        r"outcomes: internal error \(ValueError at test_cli\.py:\d+\)\. Please report it; --debug"
        r" shows more\.\n",
        err,
    )
    assert "Q01" not in out
    with pytest.raises(ValueError, match="Q01"):
        cli.main(["check", str(tmp_path / "study.toml"), "--debug"])


def test_a_stop_by_hand_is_no_error_text(
    outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("outcomes.checks.find_issues", stop)
    assert outcomes("check", clinic(tmp_path))[::2] == (130, "outcomes: stopped\n")


@pytest.mark.parametrize(
    "words, code, said",
    [
        (["bogus"], 2, "invalid choice"),
        (["report"], 2, "required"),
        (["report", "nope.toml"], 2, "There is no study file 'nope.toml'"),
        (["report", "."], 2, "'.' is a folder. Name the study file in it"),
        (
            ["report", "study.toml", "--format", "doc"],
            2,
            "No format 'doc'. There is: html, pdf, docx, tables. Did you mean 'docx'?",
        ),
        (
            ["run", "study.toml", "--to", "results.txt"],
            2,
            "--to ends in .csv, .json or .parquet; got '.txt'.",
        ),
        (
            ["run", "study.toml", "--to", "no/results.csv"],
            74,
            "There is no folder 'no' to write to.",
        ),
        (["check", "study.toml", "--to", "issues.txt"], 2, "--to ends in"),
        (
            ["score", "study.toml", "--to", "scores.csv/x.csv"],
            74,
            "'scores.csv' is a file, not a folder.",
        ),
        (["report", "study.toml", "--out", "scores.csv"], 74, "is a file, not a folder"),
        (["init", "nope.csv", "--to", "new.toml"], 3, "There is no file 'nope.csv'"),
        (["init", ".", "--to", "new.toml"], 3, "is a folder, not a file"),
        (["init", "scores.csv", "--to", "no/new.toml"], 74, "There is no folder 'no' to write to."),
        (["init", "scores.csv", "--to", "new.toml", "--plan", "before"], 2, "No plan 'before'"),
        (["instruments", "check", "nope.toml"], 3, "nope.toml cannot be read"),
    ],
)
def test_wrong_words_get_one_line_and_the_documented_code(
    outcomes, tmp_path, monkeypatch, words, code, said
) -> None:
    clinic(tmp_path)
    monkeypatch.chdir(tmp_path)
    got, out, err = outcomes(*words)
    assert got == code
    assert said in err
    assert out == ""


def test_data_and_privacy_have_their_own_codes(outcomes, tmp_path: Path) -> None:
    for command in ("report", "check"):
        assert outcomes(command, clinic(tmp_path, b""))[0] == 3
        study = clinic(
            tmp_path,
            rows().replace("visit,nrs", "visit,surname"),
            STUDY.replace('"nrs"', '"surname"'),
        )
        code, out, err = outcomes(command, study)
        assert code == 4
        assert "surname (scores table): name" in err
        assert "Q01" not in out + err


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write everywhere"
)
def test_what_may_not_be_read_or_written_is_said(outcomes, tmp_path: Path) -> None:
    study = clinic(tmp_path)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert outcomes("run", study, "--to", closed / "results.csv")[0] == 74
    assert outcomes("report", study, "--out", closed / "new")[0] == 74
    (tmp_path / "scores.csv").chmod(0)
    assert outcomes("check", study)[::2] == (
        3,
        "outcomes: scores.csv cannot be opened: Permission denied.\n",
    )
    study.chmod(0)
    code, _, err = outcomes("check", study)
    assert code == 2
    assert "cannot be opened: Permission denied" in err


@pytest.mark.parametrize(
    "opened, code",
    [("scores.csv", 3), ("study.toml", 2)],
    ids=["data that may not be read", "study file that may not be read"],
)
def test_permissions_without_needing_another_user(
    outcomes, tmp_path, monkeypatch, opened, code
) -> None:
    study = clinic(tmp_path)
    for name in ("open", "read_bytes"):
        honest = getattr(Path, name)

        def closed(self: Path, *words: object, honest=honest, **more: object) -> object:
            if self.name == opened:
                raise PermissionError(13, "Permission denied", str(self))
            return honest(self, *words, **more)

        monkeypatch.setattr(Path, name, closed)
    got, _, err = outcomes("check", study)
    assert got == code
    assert "cannot be opened: Permission denied." in err


def test_a_disk_that_is_full_is_said(
    outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "results.csv")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    code, out, err = outcomes("run", clinic(tmp_path), "--to", tmp_path / "results.csv", "--quiet")
    assert (code, out) == (74, "")
    assert "Cannot use results.csv: No space left on device." in err


# --- the screen -----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of other systems")
def test_progress_and_tables_on_a_terminal_plain_text_elsewhere(tmp_path: Path) -> None:
    import pty

    study = clinic(tmp_path)

    def on_terminal(*words: object) -> str:
        ours, theirs = pty.openpty()
        env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        command = [sys.executable, "-m", "outcomes", *map(str, words)]
        with subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=env
        ) as process:
            os.close(theirs)
            seen = b""
            try:
                while chunk := os.read(ours, 4096):
                    seen += chunk
            except OSError:  # Linux says EIO where the other side has closed
                pass
            process.wait()
        os.close(ours)
        return seen.decode("utf-8", "replace")

    shown = on_terminal("report", study, "--out", tmp_path)
    assert "\x1b[" in shown
    assert "100%" in shown
    assert "[1/1]" not in shown
    assert "━" in on_terminal("check", study)
    plain = subprocess.run(
        [sys.executable, "-m", "outcomes", "report", study, "--out", tmp_path],
        capture_output=True,
        check=True,
    )
    assert b"\x1b" not in plain.stdout + plain.stderr
    assert b"[1/1]" in plain.stderr


def test_a_clinics_own_questionnaire_goes_all_the_way(outcomes, tmp_path: Path) -> None:
    library = Path(cli.__file__).parents[1] / "questionnaires" / "library"
    own = (
        (library / "phq2.toml")
        .read_text("utf-8")
        .replace('id = "phq2"', 'id = "mine"')
        .replace("PHQ-2", "Our two questions")
    )
    (tmp_path / "mine.toml").write_text(own, "utf-8")
    lines = [
        f"Q{i:02d},{visit},{(i + k) % 4},{(2 * i + k) % 4}"
        for k, visit in enumerate(("pre", "post"))
        for i in range(8)
    ]
    study = STUDY.replace(
        'pain_nrs = { average = "nrs" }', 'mine = { prefix = "m_", file = "mine.toml" }'
    ).replace("pain_nrs_average", "mine")
    change = (
        '[[analysis]]\nmethod = "IndividualChange"\noutcome = "mine"\nbefore = "pre"\nafter ='
        ' "post"\n'
    )
    file = clinic(tmp_path, "\n".join(["id,visit,m_1,m_2", *lines, ""]), f"{study}\n{change}")
    code, _, err = outcomes("report", file, "--out", tmp_path)
    assert "No instrument" not in err
    assert code in (0, 5), "a question may stay open; the report is made"
    assert "Our two questions" in (tmp_path / "report.html").read_text("utf-8")


PLAN = "".join(
    f'\n[[analysis]]\nmethod = "{method}"\noutcome = "pain_nrs_average"\n{visits}'
    for method, visits in {
        **dict.fromkeys(
            ("SignedRank", "Responders", "Robustness", "RegressionToMean"),
            'before = "pre"\nafter = "post"\n',
        ),
        **dict.fromkeys(("Course", "CohortModel", "MissingScores"), ""),
    }.items()
)


@pytest.mark.parametrize(
    "before, after",
    [
        ([7], [4]),
        ([""] * 4, [""] * 4),
        ([7, 6, 5], [""] * 3),
        ([7, 6, 5, 4], [7, 6, 5, 4]),
        ([7, 6, 5, 4], [5, 4, 3, 2]),
        (["five", "six"], [1, 2]),
        ([77, 6, 5], [-4, 3, 2]),
        ([0, 0, 0], [0, 1, 2]),
    ],
    ids=[
        "one patient",
        "no score at all",
        "nobody seen again",
        "no change",
        "one change for all",
        "words",
        "off the scale",
        "no pain before",
    ],
)
def test_awkward_data_still_give_a_report_that_says_so(
    outcomes, tmp_path: Path, before, after
) -> None:
    study = clinic(tmp_path, rows(before, after), STUDY + PLAN)
    assert outcomes("check", study)[0] in (0, 5)
    code, _, err = outcomes("report", study, "--out", tmp_path, "--quiet")
    assert code in (0, 5), err
    assert "internal error" not in err
    page = (tmp_path / "report.html").read_text("utf-8")
    text = re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(svg|style).*?</\1>", "", page))
    assert not re.search(r"\b(nan|NaN|inf)\b", text), (
        "an undefined number is shown as such, never as nan"
    )
    assert "Q00" not in text + err


# --- what leaves ----------------------------------------------------------------------------------


def test_no_cell_of_a_csv_is_a_formula(outcomes, tmp_path: Path) -> None:
    study = clinic(tmp_path, study=STUDY + 'label = "=HYPERLINK(\\"http://example.org\\")"\n')
    assert outcomes("run", study, "--to", tmp_path / "results.csv", "--quiet")[0] == 0
    frame = pd.read_csv(tmp_path / "results.csv")
    assert set(frame["label"]) == {'\'=HYPERLINK("http://example.org")'}
    assert frame["value"].iloc[0] == pytest.approx(-14 / 6, rel=1e-15), (
        "numbers stay numbers, at full precision"
    )
    assert outcomes("run", study, "--to", tmp_path / "results.json", "--quiet")[0] == 0
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))[0]["label"].startswith(
        "=HYPERLINK"
    ), "JSON runs nothing"


@pytest.mark.parametrize(
    "package, words",
    [
        ("typst", ["report", "--format", "pdf"]),
        ("docx", ["report", "--format", "html,docx"]),
        ("xlsxwriter", ["report", "--format", "tables"]),
        ("pyarrow", ["run", "--to", "results.parquet"]),
    ],
)
def test_a_missing_extra_is_said_before_minutes_are_spent(
    outcomes, tmp_path, monkeypatch, package, words
) -> None:
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else found(name, *a)
    )
    monkeypatch.setattr(
        "outcomes.read_study", lambda *_: pytest.fail("read before the extra was looked for")
    )
    clinic(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, _, err = outcomes(words[0], "study.toml", *words[1:])
    assert code == 2
    assert re.search(r"needs the \w+ extra: pip install 'outcomes\[\w+\]'", err)

"""Whatever a file holds: a documented exit code, in time, no patient in a message, no cell lost."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from outcomes.cli import main
from tests.hostile.clinics import ATTACKS
from tests.hostile.fuzz import fuzz

#: Seeds that CI runs again at every change; `python -m tests.hostile.fuzz` takes any other.
SMALL, LARGE = 7, (11, 12, 13)


def test_a_few_damaged_files_of_every_kind() -> None:
    found, count = fuzz(SMALL, 8 * len(ATTACKS))
    assert not found, "\n".join(map(str, found))
    assert set(count) == {a.name for a in ATTACKS}


@pytest.mark.slow
@pytest.mark.parametrize("seed", LARGE)
def test_many_damaged_files_of_every_kind(seed: int) -> None:
    found, _ = fuzz(seed, 2_000)
    assert not found, "\n".join(map(str, found))


def test_the_fuzzer_sees_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(args: object) -> int:
        print("ZQPAT003 has 6.61313")
        raise RuntimeError

    monkeypatch.setattr("outcomes.cli.commands.check", broken)
    kinds = {f.kind for f in fuzz(SMALL, 3 * len(ATTACKS))[0]}
    assert kinds == {"exit 1", "canary"}


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_console_that_lacks_a_letter_ends_no_run(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "☂.csv").write_text("id,visit,nrs\na,pre,7\na,post,5\n", encoding="utf-8")
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(["init", str(tmp_path / "☂.csv"), "--to", str(tmp_path / "☂.toml")]) == 0
    sys.stdout.flush()
    assert b"?.toml" in raw.getvalue()


@pytest.mark.parametrize("rows", ["key,raw,score\nt,0\n", "key,raw,score\nt,nan,x\n", "\xff", "\0"])
def test_a_damaged_side_file_of_an_instrument_is_named(
    rows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attack = next(a for a in ATTACKS if a.name == "instrument")
    attack.write(tmp_path, __import__("random").Random(1))
    (tmp_path / "side.csv").write_bytes(rows.encode("latin-1"))
    assert main(["instruments", "check", str(tmp_path / "mine.toml")]) == 3
    assert "mine.toml, line" in capsys.readouterr().err


def test_a_file_on_its_side_shows_no_patient(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["id,ZQPAT001,ZQPAT001,ZQPAT002,ZQPAT002", "visit,pre,post,pre,post", "nrs,7,5,6,4"]
    (tmp_path / "scores.csv").write_text("\n".join(lines), encoding="utf-8")
    assert main(["init", os.fspath(tmp_path / "scores.csv")]) in (0, 3)
    assert "ZQPAT" not in "".join(capsys.readouterr())

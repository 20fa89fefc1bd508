"""What is said of a file is said of the bytes that were parsed, whatever becomes of the file
meanwhile.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from outcomes.readers import read_study
from outcomes.readers.cells import TextTable
from outcomes.readers.files import Source, read_file
from tests.readers.books import plain

STUDY = '[data]\nscores = "{file}"\n[outcomes]\nnrs = {{ better = "lower", low = 0, high = 10 }}\n'
ROWS = [
    ["patient", "visit", "nrs"],
    ["a", "pre", 7],
    ["a", "post", 5],
    ["b", "pre", 6],
    ["b", "post", 2],
]


def written(path: Path) -> Path:
    if path.suffix == ".xlsx":
        return plain(path, ROWS)
    path.write_text("\n".join(",".join(map(str, r)) for r in ROWS) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["scores.csv", "scores.xlsx"])
def test_a_file_replaced_while_it_is_read_is_not_hashed_as_what_it_was_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / name)
    parsed = path.read_bytes()
    (tmp_path / "study.toml").write_text(STUDY.format(file=name), encoding="utf-8")

    def replaced(source: Source) -> TextTable:
        table = read_file(source)
        path.write_bytes(b"another export")
        return table

    monkeypatch.setattr("outcomes.readers.assemble.read_file", replaced)
    (said,) = read_study(tmp_path / "study.toml").sources
    assert (said["sha256"], said["bytes"], said["rows"]) == (
        hashlib.sha256(parsed).hexdigest(),
        len(parsed),
        4,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_hash_is_of_the_file_and_not_of_its_text_after_decoding(
    encoding: str, tmp_path: Path
) -> None:
    path = tmp_path / "scores.csv"
    path.write_bytes("sep=;\r\npatient;visit;müde\r\na;pre;7\r\n".encode(encoding))
    table = read_file(Source(path))
    assert (table.sha256, table.size) == (
        hashlib.sha256(path.read_bytes()).hexdigest(),
        path.stat().st_size,
    )


def test_a_file_is_opened_for_its_content_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory and time: nothing is read a second time to be hashed."""
    path, opened = written(tmp_path / "scores.csv"), []
    (tmp_path / "study.toml").write_text(STUDY.format(file=path.name), encoding="utf-8")
    whole = Path.read_bytes

    def counted(file: Path) -> Any:
        opened.append(file.name)
        return whole(file)

    monkeypatch.setattr(Path, "read_bytes", counted)
    read_study(tmp_path / "study.toml")
    assert opened == ["study.toml", "scores.csv"]


def test_the_study_file_is_hashed_as_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(STUDY.format(file=written(tmp_path / "scores.csv").name), encoding="utf-8")
    sha = hashlib.sha256(file.read_bytes()).hexdigest()

    def replaced(source: Source) -> TextTable:
        file.write_text("another plan", encoding="utf-8")
        return read_file(source)

    monkeypatch.setattr("outcomes.readers.assemble.read_file", replaced)
    assert read_study(file).settings["study_file"]["sha256"] == sha

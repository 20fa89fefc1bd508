"""TOML that is hostile ends in a clear error; what is written is read back the same."""

from __future__ import annotations

import math
import os
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.cli import main
from outcomes.config import toml
from outcomes.core.errors import InstrumentError, StudyError
from tests.bounds import ends

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "a number of 5,000 digits": ("a = " + "9" * 5000, "too many digits"),
    "a number of 4,000 digits": ("b = 1\na = " + "9" * 4000, "line 2: the number is too large"),
    "a hexadecimal number": ("a = 0x" + "f" * 3000, "too large"),
    "1e308": ("[x]\na = 1e308", "line 2: the number is too large: no setting is beyond 1e15"),
    "3,000 brackets": ("a = " + "[" * 3000 + "]" * 3000, "nested more than 32 levels"),
    "40 brackets": ("a = " + "[" * 40 + "]" * 40, "nested more than 32 levels"),
    "100,000 open brackets": ("a = " + "[" * 100_000, "nested more than 32 levels"),
    "500 tables in tables": ("a = {" + "b = {" * 500 + "}" * 501, "nested more than 32 levels"),
    "a key of 5,000 parts": (".".join("a" * 5000) + " = 1", "nested more than 32 levels"),
    "a heading of 5,000 parts": ("[" + ".".join("a" * 5000) + "]", "nested more than 32 levels"),
    "a date of no calendar": ("a = 2026-02-30", "not valid TOML"),
    "no UTF-8": (b"a = '\xff\xfe'", "not UTF-8 text"),
    "UTF-16": ("a = 1".encode("utf-16"), "not UTF-8 text"),
    "a NUL": ("a = '\0'", "not valid TOML"),
    "too many bytes": ("#" * 2_000_001, "larger than 2 MB"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_end_in_a_clear_error(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, words = HOSTILE[name]
    path = tmp_path / "study.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with ends(), pytest.raises(StudyError, match=words):
        toml.read(path)
    commands = [
        (["check", str(path)], 2),
        (["run-due", str(path)], 2),
        (["instruments", "check", str(path)], 3),
    ]
    for command, code in commands:
        assert main([*command, "--quiet"]) == code, command
        said = capsys.readouterr().err
        assert "study.toml" in said and "internal error" not in said


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    document, data = toml.read(tmp_path / "a.toml")
    assert document.data == {"a": 1} and data.startswith(b"\xef\xbb\xbf")


@pytest.mark.skipif(sys.platform == "win32", reason="special files of POSIX")
@pytest.mark.parametrize("command", [["check"], ["run-due"], ["instruments", "check"]])
def test_fifos_devices_and_folders_are_refused_at_once(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path, words in (
        (tmp_path / "pipe.toml", "regular file"),
        ("/dev/zero", "regular file"),
        (tmp_path, "folder"),
    ):
        assert main([*command, str(path), "--quiet"]) in (2, 3)
        assert words in capsys.readouterr().err


def test_the_error_is_of_the_kind_asked_for() -> None:
    with pytest.raises(InstrumentError):
        toml.parse("a", "a.toml", InstrumentError)


def test_a_message_says_file_line_and_table_and_shows_no_control_characters() -> None:
    document = toml.parse('[a]\n"b\\u001b" = 1\n[c."d.e"]\nf.g = 2\n', "x.toml")
    assert (
        str(document.wrong(("c", "d.e", "f", "g"), "wrong.", "[c]"))
        == "x.toml, line 4, [c]: wrong."
    )
    assert str(document.wrong(("c", "d.e", "none"), "wrong.")) == "x.toml, line 3: wrong."
    assert "\x1b" not in str(document.wrong((), "\x1b[31m"))
    assert str(toml.Document().wrong(("a",), "wrong.", "[a]")) == "[a] wrong."


PLAIN = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_back_the_same(plain: object) -> None:
    assert tomllib.loads(f"x = {toml.value(plain)}")["x"] == plain
    assert tomllib.loads(toml.dumps({"a b": plain}))["a b"] == plain


@given(st.text(st.characters(codec="utf-8")))
def test_a_key_is_read_back_the_same(name: str) -> None:
    assert tomllib.loads(f"{toml.key(name)} = 1") == {name: 1}


def test_infinity_is_a_number() -> None:
    assert toml.parse(f"a = {toml.value(math.inf)}").data["a"] == math.inf

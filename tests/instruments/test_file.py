"""A clinic's own instrument: read, validated, and told where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from outcomes.config.toml import lines_of
from outcomes.core.errors import InstrumentError
from outcomes.questionnaires import load_instrument, run_examples
from outcomes.questionnaires.schema import runs

GOOD = """id = "our_sleep"
title = "Our sleep questions"
licence = "ours"

[[items]]
codes = "1-3"
answers = [0, 4]

[[scores]]
name = "total"
range = [0, 12]
better = "lower"
rule = "sum"
at_least = 2
bands = [[0, "good"], [6, "poor"]]

[[examples]]
items = [1, 2, ""]
scores = { total = 4.5 }
source = "our own arithmetic"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "our_sleep.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_ten_lines_make_an_instrument(tmp_path: Path) -> None:
    kind = load_instrument(write(tmp_path, GOOD))
    assert run_examples(kind) == []
    made = kind.score(pd.DataFrame({"1": [4.0], "2": [4.0], "3": [4.0]}))
    assert made.values["total"].tolist() == [12]
    assert kind.default_score == "total" and kind.path.name == "our_sleep.toml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'rule = "sum"',
            'rule = "summ"',
            r"line 13: No rule 'summ'\. There is: sum, .* Did you mean 'sum'\?",
        ),
        (
            'better = "lower"',
            'beter = "lower"',
            r"line 12: \[\[scores\]\]: No key 'beter'.* Did you mean 'better'\?",
        ),
        ("range = [0, 12]", "range = [12, 0]", r"line 11: range is two numbers, the lowest first"),
        ("range = [0, 12]\n", "", r"line 9: \[\[scores\]\] needs range"),
        ("at_least = 2", 'at_least = "2"', r"line 14: at_least is a number, not text"),
        ("at_least = 2", "at_least = 4", r"line 14: at_least is between 1 and the 3 parts"),
        ("at_least = 2", 'of = ["1", "4"]', r"line 14: No item or earlier score '4'"),
        ("at_least = 2", 'reverse = ["9"]', r"line 14: No part of this score '9'"),
        ("at_least = 2", "weights = [1, 2]", r"line 14: weights has 2 numbers for 3 parts"),
        ("at_least = 2", 'table = "none.csv:a"', r"line 14: table names a CSV beside the TOML"),
        (
            "at_least = 2",
            'table = "../secret.csv:a"',
            r"line 14: table names a CSV beside the TOML",
        ),
        ("at_least = 2", 'function = "run_me"\nrule = "function"', r"not valid TOML"),
        (
            '[[0, "good"], [6, "poor"]]',
            '[[6, "poor"], [0, "good"]]',
            r"line 15: bands are .* in rising order",
        ),
        ('items = [1, 2, ""]', "items = [1, 2]", r"line 18: the example has 2 answers for 3 items"),
        ("scores = { total = 4.5 }", "scores = { totl = 4.5 }", r"line 19: No score 'totl'"),
        (
            'codes = "1-3"',
            'codes = "1-3"\ntitles = ["a"]',
            r"line 7: titles has 1 entries for 3 items",
        ),
        ('licence = "ours"\n', "", r"line 1: an instrument needs licence"),
        ('title = "Our sleep questions"', "title = 3", r"line 2: title is text, not a number"),
    ],
)
def test_messages_point_at_the_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(InstrumentError, match=message):
        load_instrument(write(tmp_path, GOOD.replace(old, new)))


def test_broken_and_absent_files(tmp_path: Path) -> None:
    with pytest.raises(InstrumentError, match=r"our_sleep.toml is not valid TOML: .*line 1"):
        load_instrument(write(tmp_path, "id = \n"))
    with pytest.raises(InstrumentError, match="cannot be read"):
        load_instrument(tmp_path / "nothing.toml")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "key,raw,score,se\na,0,30,5\na,1,40,4\na,2,50,\n", encoding="utf-8"
    )
    text = GOOD.replace('codes = "1-3"', 'codes = "1-2"').replace(
        "answers = [0, 4]", "answers = [0, 1]"
    )
    text = text.replace("at_least = 2", 'table = "t.csv:a"').split("[[examples]]")[0]
    made = load_instrument(write(tmp_path, text)).score(
        pd.DataFrame({"1": [0.0, 1], "2": [1.0, 1]})
    )
    assert made.values["total"].tolist() == [40, 50]
    assert made.values["total_se"].iloc[0] == 4 and pd.isna(made.values["total_se"].iloc[1])
    (tmp_path / "t.csv").write_text("key,raw,score,se\na,0,30,5\na,2,50,4\n", encoding="utf-8")
    with pytest.raises(InstrumentError, match="line 14: no unbroken run of raw values for key 'a'"):
        load_instrument(write(tmp_path, text))


def test_lines_of_keys() -> None:
    text = (
        'a = 1\n[[b]]\nc = [\n  1,\n  2,\n]\nd = """\nx = 3\n"""\n[[b]]\nc = 2\n[e."1.0".f]\ng'
        " = 4\n"
    )
    lines = lines_of(text)
    assert (
        lines[("a",)] == 1
        and lines[("b", 0)] == 2
        and lines[("b", 0, "c")] == 3
        and lines[("b", 0, "d")] == 7
    )
    assert lines[("b", 1, "c")] == 11 and lines[("e", "1.0", "f", "g")] == 13
    assert ("b", 0, "x") not in lines


def test_runs_of_codes() -> None:
    assert runs(["5a", "1-3", "pf1-pf2"]) == ("5a", "1", "2", "3", "pf1", "pf2")
    assert runs("6_3mo") == ("6_3mo",)


def test_answers_are_two_ends_or_every_answer_in_rising_order(tmp_path: Path) -> None:
    text = (
        'id = "x"\ntitle = "X"\nlicence = "free"\n[[items]]\ncode = "1"\nanswers = {}\n'
        '[[scores]]\nname = "s"\nrange = [0, 9]\nrule = "sum"\n'
    )
    path = tmp_path / "x.toml"
    path.write_text(text.format("[0, 2, 5]"), encoding="utf-8")
    item = load_instrument(path).items[0]
    assert (item.low, item.high, item.allowed) == (0, 5, (0, 2, 5))
    for wrong in ("[0, 5, 2]", '[0, 1, "2"]', "[0, 1, 1]"):
        path.write_text(text.format(wrong), encoding="utf-8")
        with pytest.raises(InstrumentError, match=r"line 6: answers is the lowest"):
            load_instrument(path)

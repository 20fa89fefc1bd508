"""Every word that a reader sees of every question, in every situation of `situations.py`.

The texts stand in `tests/snapshots/words/`, what pictures draw in `tests/snapshots/drawn/`, a file
a question, and are compared as a whole. After a deliberate change:
`SNAPSHOTS=write python -m pytest tests/words`, and read the difference. Below that, what must hold
of all of them, whatever they say.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from outcomes.core.direction import direction, is_clear
from outcomes.core.measure import Measure
from outcomes.core.result import Result
from outcomes.plans.plan import kinds
from tests.words.situations import SITUATIONS, answer, drawn, situations, study, words

SNAPSHOTS = Path(__file__).parents[1] / "snapshots" / "words"
PICTURES = Path(__file__).parents[1] / "snapshots" / "drawn"
#: Where there is most to draw, and where every group has an axis that better is on the other side of.
DRAWN = ("improvement", "improvement, higher is better", "three groups")
#: Those of the package: tests define questions too.
KINDS = [name for name, k in kinds().items() if k.__module__.startswith("outcomes.")]
#: Said once a question, wherever it is the same again.
ONCE = ("title", "methods", "how", "note", "head")


@cache
def answers(name: str) -> dict[str, Result]:
    """The answers of a question, by situation."""
    return {s.name: answer(name, s) for s in situations(name)}


@cache
def texts(name: str) -> list[tuple[str, str, str]]:
    """Situation, kind and text of everything that is said."""
    return [(s, kind, text) for s, r in answers(name).items() for kind, text in words(r)]


def rendered(name: str) -> str:
    """The file of a question: situation by situation, what was said before left out."""
    lines, seen, before = [f"# {name}"], set(), {}
    for situation, result in answers(name).items():
        said = tuple(words(result))
        if said in before:
            lines += ["", f"## {situation}: as {before[said]}"]
            continue
        before[said] = situation
        lines += ["", f"## {situation}"]
        for kind, text in said:
            if kind not in ONCE or (kind, text) not in seen:
                lines.append(f"{kind}: {text}")
            seen.add((kind, text))
    return "\n".join(lines) + "\n"


def pictured(name: str) -> str:
    """The file of what a question draws."""
    lines = [f"# {name}"]
    for situation in DRAWN:
        if situation in answers(name):
            lines += ["", f"## {situation}", *drawn(answers(name)[situation])]
    return "\n".join(lines) + "\n"


def same(path: Path, text: str) -> None:
    """Compare a text with its file, or write it."""
    if os.environ.get("SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", KINDS)
def test_words_and_pictures_are_those_that_were_read(name):
    same(SNAPSHOTS / f"{name}.txt", rendered(name))
    same(PICTURES / f"{name}.txt", pictured(name))


def test_what_a_question_needs_of_a_study_in_parts_is_what_was_read():
    lines = []
    for name in KINDS:
        question = answers(name)["improvement"].analysis
        lines.append(f"{name}: {question.needs(study(name, SITUATIONS[0]))}")
    same(PICTURES.parent / "needs.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("folder", [SNAPSHOTS, PICTURES])
def test_no_snapshot_is_left_of_a_question_that_is_gone(folder):
    assert {p.stem for p in folder.glob("*.txt")} == set(KINDS)


#: What no text may hold.
NEVER = {
    "a number that is none": r"\b(nan|NaN|None(?! of)|inf)\b",
    "a warning of a library": r"Warning\b",
    "half an interval": r"– to |to –| –[;,.)]|=–",
    "a double space": r"\S  +\S",
    "a word twice": r"\b([A-Za-z]{2,}) \1\b",
    "a hyphen for a minus": r"(?<![\w)]) ?-\d| \w+ - \w+",
    "a stop or comma twice": r",,|;;|\.\.(?!\.)|;\.|,\.|: ;|; ?$|,$",
    "empty brackets": r"\( ?\)",
    "one of several": r"(?<![\d.,−–/])1 (patients|visits|pairs|points|questions|sites|infusions|levels)\b",
    "an internal error": r"internal error",
}
#: A word between underscores is a name that people do not say. Refusals give names to type.
UNDERSCORE = r"\w_\w"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("slip", NEVER)
def test_no_slip_in_any_word(name, slip):
    found = [(s, t) for s, _, t in texts(name) if re.search(NEVER[slip], t)]
    assert found == []


@pytest.mark.parametrize("name", KINDS)
def test_no_underscore_outside_a_refusal(name):
    found = [
        (s, t) for s, _, t in texts(name) if re.search(UNDERSCORE, t) and "Not answered" not in t
    ]
    assert found == []


@pytest.mark.parametrize("name", KINDS)
def test_brackets_come_in_pairs(name):
    def paired(text: str) -> bool:
        depth = 0
        for c in re.sub(r"\[0, 1\)|\(0, 1\]", "", text):
            depth += (c in "([") - (c in ")]")
            if depth < 0:
                return False
        return depth == 0

    assert [(s, t) for s, _, t in texts(name) if not paired(t)] == []


@pytest.mark.parametrize("name", KINDS)
def test_sentences_and_methods_are_sentences(name):
    said = [(s, t) for s, kind, t in texts(name) if kind in ("sentence", "methods", "note")]
    assert [(s, t) for s, t in said if not re.match(r"[A-Z0-9Α-Ω≥≤]", t)] == []
    assert [(s, t) for s, t in said if not t.endswith(".")] == []
    methods = [t for _, kind, t in texts(name) if kind == "methods"]
    assert all(len(t.split()) > 4 for t in methods)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_undefined_says_why(name):
    silent = [
        (s, e.said)
        for s, r in answers(name).items()
        for e in r.estimates
        if e.value != e.value and e.p != e.p and not e.reason
    ]
    assert silent == []


@pytest.mark.parametrize("name", KINDS)
def test_the_word_of_direction_agrees_with_the_sign(name):
    for situation, r in answers(name).items():
        for e in r.estimates:
            word = direction(e, r.outcome)
            if word in ("", "not clear"):
                continue
            up = e.value > e.measure.null
            better = up == (r.outcome.better == "higher")
            good = word == "improved" or word.startswith("better with")
            assert good == better, (situation, e)
            assert is_clear(e)


#: Of percentages of a score, or scores near 0, the two scales do not mirror one another; and rows
#: that are the answers given are others on the other scale.
NO_MIRROR = ("AnswersByVisit", "DurationOfRelief", "ReturnOfPain", "RegressionToMean")


@pytest.mark.parametrize("name", [k for k in KINDS if k not in NO_MIRROR])
def test_a_score_that_counts_the_other_way_gets_the_same_words(name):
    found = answers(name)
    if "improvement, higher is better" not in found:
        pytest.skip("asks of no score")
    one, other = (found[s] for s in ("improvement", "improvement, higher is better"))
    said = [[direction(e, r.outcome) for e in r.estimates] for r in (one, other)]
    assert said[0] == said[1]


@pytest.mark.parametrize("name", KINDS)
def test_nothing_but_the_direction_is_claimed_of_a_worsening(name):
    r = answers(name).get("worsening")
    if r is None or r.failed or r.outcome is None:
        pytest.skip("no such answer")
    main = r.main
    if main is not None and main.measure is Measure.CHANGE:
        assert direction(main, r.outcome) in ("worsened", "not clear")

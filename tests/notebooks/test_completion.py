"""Outcomes, visits and columns on <Tab> inside strings, asked as IPython asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import outcomes as oc
from outcomes.notebooks.completion import completions
from tests.builders import two_visits

pytest.importorskip("IPython")
SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


@pytest.fixture
def names() -> dict[str, object]:
    frame = pd.DataFrame({"pre": [1.0], "post": [2.0], "id": ["a"]})
    study = two_visits([7, 6, 8, 5], [5, 5, 4, 5])
    return {"oc": oc, "study": study, "df": frame, "PairedT": oc.PairedT}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('oc.PairedT("pa', ["pain"]),
        ("x = PairedT('", ["pain"]),
        ('oc.PairedT(outcome="', ["pain"]),
        ('oc.PairedT("pain", before="', ["baseline", "week_4"]),
        ('oc.PairedT("pain",\n    before="baseline", after="we', ["week_4"]),
        ('oc.Course("pain", visits=("baseline", "w', ["week_4"]),
        ('study.pairs("pain", after="W', ["week_4"]),
        ('study.long("', ["pain"]),
        ('oc.paired(df, before="p', ["pre", "post"]),
        ('print(oc.paired(df, before="pre", after="po', ["post"]),
        ('print("pa', []),
        ('oc.PairedT("pain")  # don\'t say "pa', []),
        ('oc.PairedT("pain", rule="', []),
        ('"pa', []),
        ('nothing.at.all("pa', []),
        ("oc.PairedT(", []),
    ],
)
def test_the_names_that_fit(code: str, expected: list[str], names: dict[str, object]) -> None:
    assert completions(code, names)[1] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('oc.ANCOVA("pain", after="week_4", reference="', ["ketamine", "placebo"]),
        ('oc.ANCOVA("pain", after="week_4", reference="pl', ["placebo"]),
        ('oc.ANCOVA("pain", by="route", reference="', ["nasal", "oral"]),
        ("oc.ANCOVA('pain', by = 'route', reference='", ["nasal", "oral"]),
        ('oc.Crossover("pain", reference="', ["ketamine", "nasal", "oral", "placebo"]),
    ],
)
def test_the_groups_that_a_reference_may_be(code: str, expected: list[str]) -> None:
    patients = pd.DataFrame(
        {
            "patient": ["p001", "p002", "p003"],
            "arm": ["placebo", "ketamine", "placebo"],
            "route": ["oral", None, "nasal"],
        }
    )
    study = two_visits([7, 6, 8], [5, 5, 4], patients=patients)
    assert completions(code, {"oc": oc, "study": study})[1] == expected


def test_a_reference_among_treatments_that_patients_have_one_after_the_other() -> None:
    study = oc.read_study(SAMPLE / "crossover" / "study.toml")
    found = completions('oc.Crossover("pain_nrs_average", reference="', {"oc": oc, "study": study})
    assert set(found[1]) >= set(study.scores["arm"].dropna())


def test_ipython_completes_them_and_nothing_else_there() -> None:
    from IPython.core.completer import provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    try:
        oc._offer_on_tab(shell)
        oc._offer_on_tab(shell)  # once is enough
        assert len(shell.Completer.custom_matchers) == 1
        shell.user_ns |= {"oc": oc, "study": two_visits([7, 6, 8], [5, 5, 4])}
        for code, there in (
            ('oc.PairedT("pa', {"pain"}),
            ('oc.PairedT("pain", before="', {"baseline", "week_4"}),
            ('x = 1\noc.PairedT("pain", before="ba', {"baseline"}),
        ):
            with provisionalcompleter():
                found = list(shell.Completer.completions(code, len(code)))
            assert {c.text for c in found} == there
            assert {code[c.start : c.end] for c in found} == {code.rpartition('"')[2]}
        with provisionalcompleter():
            found = [c.text for c in shell.Completer.completions("oc.Pair", 7)]
        assert any("PairedT" in f for f in found)
    finally:
        shell.Completer.custom_matchers.clear()
        InteractiveShell.clear_instance()


def test_outside_ipython_nothing_is_loaded_for_it() -> None:
    code = (
        "import sys, outcomes\n"
        "assert not {'IPython', 'pandas', 'outcomes.notebooks.completion'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_in_ipython_importing_is_enough() -> None:
    code = "import outcomes; print(len(get_ipython().Completer.custom_matchers))"
    command = [sys.executable, "-m", "IPython", "--no-banner", "--quick", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"

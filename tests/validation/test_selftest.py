"""`outcomes selftest`: what is shipped, the page, the exit code; and that a wrong kernel is
noticed.
"""

from __future__ import annotations

import math
import re
from importlib.resources import files
from pathlib import Path

import pytest

from outcomes.cli import main
from outcomes.validation import Verdict, lines, longitudinal, page, reference_adapters, selftest
from outcomes.validation.cases import FAMILIES, Case, Comparison, compare, methods
from outcomes.validation.reference_adapters import paired
from outcomes.validation.verdict import bucket, shipped
from tests.bounds import ends


def test_it_passes_within_seconds_and_covers_every_family():
    with ends():
        verdict = selftest()
    assert verdict.passed
    assert {x.area for x in verdict.lines} == set(FAMILIES.values())
    assert sum(x.compared for x in verdict.lines) > 2500


def test_what_is_shipped_is_small_and_no_patient_stands_in_it():
    text = files("outcomes.validation").joinpath("reference.json").read_text(encoding="utf-8")
    assert len(text) < 215_000
    cases, source = shipped()
    assert "R 4.2.2" in source
    assert all(c.package and c.version for c in cases)
    # carriers under other licences, and real trials, are named r_* or are completed versions of
    # them
    assert not [c.data for c in cases if c.data.startswith(("r_", "mi_btheb", "mi_nhanes"))]
    assert not [c for c in cases if c.package == "mmrm"]


def test_the_page(capsys):
    assert main(["selftest"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("outcomes ") and "selftest: PASSED" in printed
    assert len(printed.splitlines()) <= 60 and max(map(len, printed.splitlines())) <= 100
    for word in (*FAMILIES.values(), "numpy", "scipy", "Python", "R 4.2.2", "UTC"):
        assert word in printed
    assert main(["selftest", "--methods"]) == 0
    assert "Signed-rank, zeros dropped, exact on mid-ranks" in capsys.readouterr().out


def test_a_wrong_kernel_fails_by_name_with_exit_code_5(monkeypatch, capsys):
    right = paired.trimmed_change
    monkeypatch.setattr(
        paired, "trimmed_change", lambda before, after: right(before, after, trim=0.1)
    )
    assert main(["selftest"]) == 5
    printed = capsys.readouterr().out
    assert "selftest: FAILED" in printed
    assert "Trimmed mean change (Yuen)" in printed and "pp_n010_nrs, " in printed


def test_a_kernel_that_breaks_is_a_failed_line_and_no_lost_page(monkeypatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(paired, "trimmed_change", broken)
    cases = [c for c in shipped()[0] if c.method in ("yuen_paired", "sign_test")]
    by_method = {x.method: x for x in lines(cases)}
    assert by_method["yuen_paired"].failed == by_method["yuen_paired"].compared > 0
    assert by_method["sign_test"].failed == 0


def one(ours: float, expected: float, rtol: float = 1e-9):
    case = Case("c", "d", "wilson", "", {"low": (expected, rtol)}, lambda name: [])
    return Comparison(case, "low", ours, expected, rtol)


@pytest.mark.parametrize(
    ("ours", "expected", "agrees", "size"),
    [
        (1 + 2e-9, 1, False, 2e-9),
        (1 + 5e-10, 1, True, 5e-10),
        (math.nan, math.nan, True, 0),
        (math.nan, 1, False, math.inf),
        (1, math.nan, False, math.inf),
        (math.inf, math.inf, True, 0),
        (math.inf, 5, False, math.inf),
        (3e-13, 0, True, 3e-13),
        (1e-3, 0, False, math.inf),
        (2e-20, 1e-20, True, 1e-20),
    ],
)
def test_what_a_disagreement_is(ours, expected, agrees, size):
    found = one(ours, expected)
    assert found.agrees == agrees
    assert found.disagreement == pytest.approx(size, rel=1e-6)


def test_buckets_hold_what_they_say():
    assert [bucket(v) for v in (0, 1e-13, 9.9e-13, 1.1e-12, 0.003)] == [
        "<1e-12",
        "<1e-12",
        "<1e-12",
        "<1e-11",
        "<1e-02",
    ]


def test_every_family_registers_methods_and_every_shipped_method_is_known():
    assert {m.family for m in methods().values()} == set(FAMILIES)
    assert {c.method for c in shipped()[0]} <= set(methods())
    assert all(len(compare(c)) == len(c.expected) for c in shipped()[0][:20])


def test_page_of_a_single_area():
    cases = [c for c in shipped()[0] if c.method == "nof1"]
    text = page(Verdict(lines(cases), 0.0), every_method=True)
    assert "One patient, randomised pairs" in text and "5 numbers of 1 method beside" in text


def test_no_adapter_reads_what_to_do_off_the_name_of_a_case() -> None:
    folder = Path(reference_adapters.__file__).parent
    texts = {
        p.name: p.read_text("utf-8") for p in [*folder.glob("*.py"), Path(longitudinal.__file__)]
    }
    assert len(texts) > 12
    named = re.compile(r"\bcase\.name\b|\bc\.name\.|\b(?:case|c)\.data\s*(?:==|in\b)|\bcase ==")
    assert {n: named.findall(t) for n, t in texts.items() if named.search(t)} == {}

"""Families of scores, studies of one patient, and many periods: tables that fit, and true words."""

from __future__ import annotations

import pandas as pd

import outcomes as oc
from outcomes.reporting import build
from outcomes.reporting.document import Bullets, Flow, KeyNumbers, Paragraph, all_blocks, all_tables
from outcomes.tables.widths import laid_out
from tests.builders import PAIN


def periods_of_one_patient() -> oc.Study:
    """One patient, ten periods of two treatments, two scores at three visits of each."""
    rows = [
        (
            "a",
            p,
            ("ketamine", "placebo")[(p + (p - 1) // 2) % 2],
            v,
            6.0 - (p % 3) - j,
            7.0 - (p % 2) - j,
        )
        for p in range(1, 11)
        for j, v in enumerate(("pre", "day_1", "week_1"))
    ]
    return oc.Study(
        pd.DataFrame(rows, columns=["patient", "period", "arm", "visit", "pain", "worst"]),
        visits=("pre", "day_1", "week_1"),
        design="n-of-1",
        measures={"pain": PAIN, "worst": oc.Outcome("worst", "Worst pain", "lower", "points")},
    )


def test_one_patient_is_told_of_in_the_singular_and_many_periods_fit_the_page() -> None:
    study = periods_of_one_patient()
    plan = oc.Plan([oc.Describe(), oc.NOf1("pain", reference="placebo", role="primary")])
    doc = build(study, plan.run(study))
    said = []
    for b in all_blocks(doc):
        if isinstance(b, Paragraph):
            said.append(str(b.text))
        elif isinstance(b, Bullets):
            said += map(str, b.items)
        elif isinstance(b, KeyNumbers):
            said += [f"{k.value} {k.label}" for k in b.items]
        elif isinstance(b, Flow):
            said += [f"{s.n} {s.label}" for s in b.steps]
    text = "\n".join(said)
    assert "1 patient, who was asked" in text and "1 patient is in this number." in text
    assert "1 patient took part" in text and "1 patient enrolled" in text
    assert "1 patients" not in text and "All 1 " not in text
    described = next(t for t in said if t.startswith("1 patient enrolled. "))
    assert len(described) < 200
    for t in all_tables(doc):
        size, widths = laid_out(t, 493)
        assert size >= 6 and sum(widths) <= 493.1, t.title


def test_notes_of_single_scores_say_whose_they_are_and_are_not_a_page_of_lines() -> None:
    scores = [f"s{i}" for i in range(6)]
    frame = pd.DataFrame(
        {
            "patient": [p for p in range(12) for _ in "ab"],
            "visit": ["pre", "post"] * 12,
            **{
                s: [
                    0.0 if p <= i and v == 0 else 5.0 + (p + v) % 4
                    for p in range(12)
                    for v in (0, 1)
                ]
                for i, s in enumerate(scores)
            },
        }
    )
    study = oc.Study(
        frame,
        visits=("pre", "post"),
        measures={s: oc.Outcome(s, s.upper(), "lower", "points", 0, 10, 1) for s in scores},
    )
    asked = [oc.PairedT(s, before="pre", after="post", family="all") for s in scores]
    doc = build(study, oc.Plan(asked).run(study))
    alone = [str(b.text) for b in all_blocks(doc) if isinstance(b, Paragraph)]
    assert not any("with a score of 0 at pre" in t for t in alone)
    notes = next(t for t in all_tables(doc) if "Notes on single scores" in t.title)
    assert len({r[0] for r in notes.rows}) == 6

"""Write docs/methods.md from the questions themselves: `python docs/make_methods.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

import outcomes
from outcomes.tables.question_list import OWN, TOPICS, by_topic

#: Functions that belong to a topic without being questions of a study.
FUNCTIONS = {"Several sites": ("site_summary", "pool_summaries")}

HEAD = """# Methods

This page lists every question a plan can ask, with its formula, assumptions, defaults and source. It is written from the
code by `docs/make_methods.py`; `outcomes methods NAME` shows the same. How each agrees with R: [Our numbers beside R's](parity.md).

## House rules

* Change is after minus before; which side is better belongs to the instrument.
* Interval first, then P; raw and adjusted P side by side; no significance stars, no verdict from P > .05.
* Everybody enrolled is counted, with a reason for each patient left out.
* An undefined number is shown as undefined with its reason, never as 0, 1 or infinity in silence.
* No test is chosen by looking at the data (no normality pre-test, no carry-over pre-test).
* Words claim no effect where there is no control group, no better route where routes were chosen by clinicians.

## Left out on purpose

Trial sequential analysis, network meta-analysis, latent-class trajectories and mediation, pharmacokinetics, causal weighting or
matching for routes, Bayesian hierarchical models, and power computed after the fact.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for topic in TOPICS:
        parts.append(f"\n## {topic}\n")
        parts += [_part(name, kind) for of, name, kind in by_topic() if of == topic]
        parts += [_part(f"{name}()", getattr(outcomes, name)) for name in FUNCTIONS.get(topic, ())]
    lost = [n for of, n, k in by_topic() if of == OWN and k.__module__.startswith("outcomes.")]
    if lost:
        raise SystemExit(
            f"No topic for: {', '.join(lost)}. Add their module to TOPICS in"
            " outcomes.tables.question_list."
        )
    return "\n".join(parts)


def _part(name: str, thing: object) -> str:
    text = inspect.cleandoc(inspect.getdoc(thing) or "").split("\n>>>")[0].strip()
    return f"### {name}\n\n{text}\n"


if __name__ == "__main__":
    Path(__file__).with_name("methods.md").write_text(page(), encoding="utf-8")

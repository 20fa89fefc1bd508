"""Write docs/methods.md from the questions themselves: `python docs/make_methods.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

import outcomes
from outcomes.plans.plan import kinds

#: Families of questions, in the order a reader meets them; the module says which one a question belongs to.
FAMILIES = {
    "Describe": ("describe",),
    "Before and after, the same patients": ("paired", "responders.one_group", "individual", "missing.robustness"),
    "Two or more groups": ("groups", "regression", "responders.between_groups", "subset"),
    "Repeated follow-up": ("longitudinal",),
    "Missing scores": ("missing",),
    "Crossover, N-of-1, repeated infusions": ("crossover", "longitudinal.repeated_infusions"),
    "Side effects": ("safety", "groups.blinding"),
    "Several sites": ("sites",),
}  # fmt: skip
#: Functions that belong to a family without being questions of a study.
FUNCTIONS = {"Several sites": ("site_summary", "pool_summaries")}

HEAD = """# Methods

Every question a plan can ask, with its formula, assumptions, defaults and source. Written from the code by
`docs/make_methods.py`; `outcomes methods NAME` shows the same. How each is proven against R: `docs/parity.md`.

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
    found = kinds()
    parts, seen = [HEAD], set()
    for family, modules in FAMILIES.items():
        parts.append(f"\n## {family}\n")
        for name, kind in found.items():
            home = kind.__module__.removeprefix("outcomes.analyses.")
            if (
                name in seen
                or not kind.__module__.startswith("outcomes.")
                or not any(f"{home}.".startswith(f"{m}.") for m in modules)
            ):
                continue
            seen.add(name)
            parts.append(_part(name, kind))
        parts += [_part(f"{name}()", getattr(outcomes, name)) for name in FUNCTIONS.get(family, ())]
    lost = [n for n, k in found.items() if n not in seen and k.__module__.startswith("outcomes.")]
    if lost:
        raise SystemExit(f"No family for: {', '.join(lost)}. Add their module to FAMILIES.")
    return "\n".join(parts)


def _part(name: str, thing: object) -> str:
    text = inspect.cleandoc(inspect.getdoc(thing) or "").split("\n>>>")[0].strip()
    return f"### {name}\n\n{text}\n"


if __name__ == "__main__":
    Path(__file__).with_name("methods.md").write_text(page(), encoding="utf-8")

"""Write outcomes/__init__.pyi, the public face, from the code: `python docs/make_stub.py` (a test
keeps it up to date).

Questions are found. A public function or class that is not a question is named in `PUBLIC`.
"""

from __future__ import annotations

from pathlib import Path

from outcomes.tables.question_list import OWN, by_topic

TARGET = Path(__file__).resolve().parents[1] / "outcomes" / "__init__.pyi"

#: What is public beside the questions: group -> module -> names.
PUBLIC = {
    "Read, check, answer, show, report": {
        "readers": ("read_parts", "read_study", "read_table"),
        "checks": ("check",),
        "notebooks.explore_panel": ("explore",),
        "notebooks.wide_frame": ("PairedAnswer", "paired"),
        "plans.plan": ("Plan",),
        "plans.study_draft": ("Draft", "draft"),
        "plots": ("plot",),
        "tables": ("questions", "table"),
        "reporting": ("write_report",),
    },
    "Questionnaires": {
        "questionnaires": ("Instrument", "instrument", "instruments", "load_instrument")
    },
    "Plan a study": {
        "analyses.planning.formulas": (
            "detectable_difference",
            "sample_size_crossover",
            "sample_size_mcnemar",
            "sample_size_non_inferiority",
            "sample_size_paired",
            "sample_size_precision",
            "sample_size_responders",
            "sample_size_two_arms",
        ),
        "analyses.planning.simulation": ("simulate_power",),
    },
    "Several sites": {
        "analyses.sites.site_summary": ("site_summary",),
        "reporting.release.sums": ("export_sums",),
        "analyses.sites.shared_sums": ("PooledSums", "SharedSums", "pool_sums"),
        "analyses.sites.summaries": ("pool_summaries",),
    },
    "What goes in and what comes out": {
        "analyses.question": ("Analysis",),
        "core.errors": ("OutcomesError",),
        "core.estimate": ("Estimate",),
        "core.flow": ("Counts",),
        "core.outcome": ("Outcome",),
        "core.result": ("Result", "Results"),
        "plans.estimand": ("Estimand",),
        "plans.families": ("Family",),
        "plots": ("Described",),
        "study": ("InstrumentUse", "Issue", "PartitionedStudy", "Study"),
    },
    "Modules": {"core": ("errors", "wording"), "": ("plans",)},
}

HEAD = '''"""What `import outcomes` offers, for type checkers, editors and the lazy loader.

Written by docs/make_stub.py; do not edit by hand.
"""
'''


def text() -> str:
    """The whole stub."""
    groups: dict[str, dict[str, list[str]]] = {}
    for topic, name, kind in by_topic():
        if topic != OWN or kind.__module__.startswith("outcomes."):
            home = kind.__module__.removeprefix("outcomes.")
            groups.setdefault(f"Questions: {topic}", {}).setdefault(home, []).append(name)
    for group, modules in PUBLIC.items():
        groups[group] = {module: list(names) for module, names in modules.items()}
    lines = [HEAD, "# isort: skip_file"]
    for group, found in groups.items():
        lines.append(f"\n# {group}")
        lines += [
            f"from .{module} import {name} as {name}"
            for module in sorted(found)
            for name in sorted(found[module])
        ]
    return "\n".join([*lines, "", "__version__: str", ""])


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")

"""What the report was made from."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import outcomes
from outcomes.analyses.question import Analysis
from outcomes.core.language import message, say, say_n
from outcomes.core.result import Results
from outcomes.plans.plan import Plan
from outcomes.reporting.document import Code, Section, TableBlock
from outcomes.study.study import Study
from outcomes.tables.results_table import Table


def provenance(study: Study, results: Results) -> Section:
    """What the report was made from: versions, files with fingerprints, the plan, seeds."""
    plan = Plan(r.analysis for r in results)
    rows = [("outcomes", outcomes.__version__), ("Python", platform.python_version())]
    rows += [(name, metadata.version(name)) for name in ("pandas", "numpy", "scipy")]
    for source in study.sources:
        rows.append((str(source.get("file", "file")), _source_words(source)))
    rows.append(
        (
            say("plan"),
            say_n(
                "{n} question, digest {digest}",
                "{n} questions, digest {digest}",
                len(plan),
                digest=plan.digest,
            ),
        )
    )
    seeds = sorted({str(s) for q in plan for s in seeds_of(q)})
    rows.append((say("random seed"), ", ".join(seeds) or say("none used")))
    toml = tuple(line for line in plan.to_toml().splitlines() if line)
    return Section(
        message("Provenance"),
        (
            TableBlock(
                Table(
                    say("What this report was made from"),
                    (say("item"), say("version or fingerprint")),
                    tuple(rows),
                )
            ),
            Code(say("The plan as it stands in the study file"), toml),
        ),
    )


def seeds_of(question: Analysis) -> list[int]:
    """The random seeds of a question and of the questions within it."""
    own = [s] if (s := getattr(question, "seed", None)) is not None else []
    within = [getattr(question, "analysis", None), *getattr(question, "questions", ())]
    return own + [s for q in within if isinstance(q, Analysis) for s in seeds_of(q)]


def _source_words(source: Any) -> str:
    parts = [say("pulled from {source}", source=source["from"])] if "from" in source else []
    parts += [say_n("{n} row", "{n} rows", int(source["rows"]))] if "rows" in source else []
    if "sha256" in source:
        parts.append(f"SHA-256 {str(source['sha256'])[:16]}…")
    return ", ".join(parts)

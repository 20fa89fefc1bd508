"""The report receives results: it imports no statistics, and takes no mean of scores."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPORTING = Path(__file__).resolve().parents[2] / "outcomes" / "reporting"
#: The release rules check what a reader could work out from a number: they need the scores.
RELEASE = REPORTING / "release"
#: Functions that make a statistic of scores.
STATISTICS = frozenset(
    [
        "mean",
        "median",
        "std",
        "var",
        "quantile",
        "percentile",
        "average",
        "nanmean",
        "nanmedian",
        "corrcoef",
        "cov",
        "corr",
    ]
)


def computed(tree: ast.AST) -> list[str]:
    """Imports of the statistics room, and calls that make a statistic."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("outcomes.stats"):
            found.append(f"{node.lineno}: imports {node.module}")
        if isinstance(node, ast.Import):
            found += [
                f"{node.lineno}: imports {a.name}"
                for a in node.names
                if a.name.startswith(("outcomes.stats", "scipy", "statsmodels"))
            ]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("scipy", "stats")):
            found.append(f"{node.lineno}: imports {node.module}")
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in STATISTICS:
            found.append(f"{node.lineno}: calls {called.attr}")
    return found


def test_no_chapter_or_renderer_computes_a_statistic() -> None:
    found = [
        f"{path.relative_to(REPORTING)}:{line}"
        for path in sorted(REPORTING.rglob("*.py"))
        if RELEASE not in path.parents
        for line in computed(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "from outcomes.stats.control_chart import xmr",
        "import outcomes.stats",
        "from scipy import special",
        "x = scores.mean()",
        "np.median(x)",
    ],
)
def test_the_rule_above_notices(code: str) -> None:
    assert computed(ast.parse(code))

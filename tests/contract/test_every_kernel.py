"""Every public function of `outcomes.stats` answers a question, or says here why it is kept."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "outcomes"

PAPER = "Works from the numbers of a published paper, which no study of a clinic holds."
OTHER_FORM = "A second form, to compare with papers and programs that use it; the default is asked."
DIAGNOSTIC = "For whoever judges the assumptions of a model by hand; no question decides by it."
#: Kernels that no question reaches, and why they stay.
KEPT: dict[str, str] = {
    "crossover.two_period.standardised": OTHER_FORM,
    "diary.days_with_relief": OTHER_FORM,
    "groups.means.OneWay": OTHER_FORM,
    "groups.means.anova": OTHER_FORM,
    "groups.means.brown_forsythe": OTHER_FORM,
    "groups.means.tukey_hsd": OTHER_FORM,
    "groups.ranks.epsilon_squared": OTHER_FORM,
    "groups.ranks.probability_of_superiority": OTHER_FORM,
    "meta_analysis.effect_measures.CrossoverEffect": PAPER,
    "meta_analysis.effect_measures.crossover_effect": PAPER,
    "meta_analysis.effect_measures.standardised_mean_difference": PAPER,
    "meta_analysis.effect_measures.two_shares": PAPER,
    "meta_analysis.funnel.begg": OTHER_FORM,
    "meta_analysis.glmm.pooled_logit": OTHER_FORM,
    "meta_analysis.random_effects.meta_regression": PAPER,
    "meta_analysis.three_level.nested_variances": PAPER,
    "missing.imputation.JointTest": DIAGNOSTIC,
    "missing.imputation.rubin_wald": DIAGNOSTIC,
    "mixed.mmrm.Predictions": DIAGNOSTIC,
    "mixed.mmrm.predict": DIAGNOSTIC,
    "mixed.mmrm.residual_summary": DIAGNOSTIC,
    "mixed.small_sample.likelihood_ratio": DIAGNOSTIC,
    "paired.effect_sizes.d_av": OTHER_FORM,
    "paired.effect_sizes.d_b": OTHER_FORM,
    "paired.effect_sizes.d_rm": OTHER_FORM,
    "paired.effect_sizes.d_z": OTHER_FORM,
    "paired.location.shapiro_wilk": DIAGNOSTIC,
    "paired.rank_effects.r_from_z": OTHER_FORM,
    "paired.repeated_measures.Hotelling": OTHER_FORM,
    "paired.repeated_measures.hotelling": OTHER_FORM,
    "paired.repeated_measures.page": OTHER_FORM,
    "paired.repeated_measures.quade": OTHER_FORM,
    "proportions.ratios.odds_ratio": OTHER_FORM,
    "proportions.single.agresti_coull": OTHER_FORM,
    "proportions.single.jeffreys": OTHER_FORM,
    "proportions.single.mid_p": OTHER_FORM,
    "proportions.two_groups.cohens_h": OTHER_FORM,
}

Name = tuple[str, str]


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {_module(p): ast.parse(p.read_text("utf-8")) for p in sorted(ROOT.rglob("*.py"))}


def _imports(tree: ast.AST) -> dict[str, Name]:
    """What each imported name of a module is: (module, name), or (module, "") for a module."""
    found: dict[str, Name] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                at = (whole, "") if whole in TREES else (node.module, alias.name)
                found[alias.asname or alias.name] = at
        elif isinstance(node, ast.Import):
            found |= {alias.asname: (alias.name, "") for alias in node.names if alias.asname}
    return found


def _used(node: ast.AST, module: str, imports: dict[str, Name]) -> Iterator[Name]:
    """The module-level names that a piece of code mentions."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield imports.get(part.id, (module, part.id))
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            owner, name = imports.get(part.value.id, ("", "x"))
            if not name:
                yield owner, part.attr


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def unreached() -> list[str]:
    """Public functions and classes of `outcomes.stats` that nothing but other kernels and the table of reference values leads to."""
    uses: dict[Name, set[Name]] = defaultdict(set)
    todo: set[Name] = set()
    for module, tree in TREES.items():
        imports = _imports(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                uses[module, node.name] |= set(_used(node, module, imports))
            elif not _is_import(node):
                called = set(_used(node, module, imports))
                targets = {t.id for t in ast.walk(node) if isinstance(t, ast.Name)}
                for name in targets:  # a table of functions leads to all of them
                    uses[module, name] |= called
        if not module.startswith(("outcomes.stats", "outcomes.validation")):
            todo |= {name for node in tree.body for name in _used(node, module, imports)}
    seen: set[Name] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= uses[name] - seen
    return sorted(
        f"{module.removeprefix('outcomes.stats.')}.{node.name}"
        for module, tree in TREES.items()
        if module.startswith("outcomes.stats")
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and (module, node.name) not in seen
    )


def test_every_kernel_answers_a_question_or_says_why_it_is_kept() -> None:
    assert unreached() == sorted(KEPT)
    assert all(KEPT.values())

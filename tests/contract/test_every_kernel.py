"""Every public function of `outcomes.stats` answers a question, or is a part of one that does."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "outcomes"

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


def test_every_kernel_answers_a_question() -> None:
    assert unreached() == []

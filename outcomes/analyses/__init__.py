"""Questions: Study in, Result out. One family a file; a class put here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from outcomes.analyses.question import Analysis, questions


@cache
def load() -> dict[str, type[Analysis]]:
    """Every question of the library, by name (imports the families on first need)."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return {
        name: kind for name, kind in questions().items() if kind.__module__.startswith("outcomes.")
    }

"""Patient-reported outcomes in pain care: read, score, check, ask, report.

A frozen question, run on a study, gives a frozen answer::

    import outcomes as oc

    study = oc.read_study("data/sample/study.toml")
    oc.check(study)
    oc.PairedT("pain_nrs", before="baseline", after="week_4").run(study)

`oc.questions()` lists the questions. Everything loads on first use, so that `import outcomes` stays
cheap; the names are in the stub beside this file (SPEC 1), where editors and type checkers read
them.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import lazy_loader

__version__ = "0.1.0"

_attached, _, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = [*_names, "__version__"]

#: Seldom typed by a user: importable, but not offered by completion.
_NOT_OFFERED = frozenset({"Counts", "Described", "InstrumentUse", "Issue", "PairedAnswer"})


def __getattr__(name: str) -> Any:
    if name in _names:
        return _attached(name)
    if name[:1].isupper():  # a question that a user has defined
        from outcomes.plans.plan import kinds

        if name in (found := kinds()):
            return found[name]
    raise AttributeError(
        f"module 'outcomes' has no attribute '{name}'; oc.questions() lists the questions"
    )


def __dir__() -> list[str]:
    asked = sys.modules.get(
        "outcomes.analyses.question"
    )  # a user's own questions exist only where it is imported
    return sorted({*_names, *(asked.questions() if asked else ())} - _NOT_OFFERED)


def _offer_on_tab(shell: Any) -> None:
    """Let IPython complete names of the study inside strings; loads nothing before the first."""
    import re

    in_a_call = re.compile(r"\w\s*\([^#]*[\"'][^\"'\n]*$")

    def names_on_tab(context: Any) -> dict[str, Any]:
        from IPython.core.completer import SimpleCompletion

        nothing = {"completions": [], "suppress": False}
        lines = context.full_text.split("\n")[: context.cursor_line]
        text = "\n".join([*lines, context.text_until_cursor])
        if not in_a_call.search(text):
            return nothing
        # by its name, as every public thing here is loaded: the face imports no room itself;
        # a <Tab> must never end in a traceback, whatever stands in the cell
        try:
            module = importlib.import_module("outcomes.notebooks.completion")
            typed, found = module.completions(text, shell.user_ns)
        except Exception:
            return nothing
        if not found:
            return nothing
        made = [SimpleCompletion(text=name, type="name") for name in found]
        return {"completions": made, "matched_fragment": typed, "suppress": True}

    names_on_tab.matcher_api_version = 2  # type: ignore[attr-defined]
    names_on_tab.matcher_identifier = "outcomes"  # type: ignore[attr-defined]
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if matchers is not None and all(
        getattr(m, "matcher_identifier", "") != "outcomes" for m in matchers
    ):
        matchers.append(names_on_tab)


if "IPython" in sys.modules:
    _shell = getattr(sys.modules["IPython"], "get_ipython", lambda: None)()
    if _shell is not None:
        _offer_on_tab(_shell)

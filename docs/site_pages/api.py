"""Pages of the Python interface: every public name, by the room it lives in, from its docstring."""

from __future__ import annotations

import inspect

import outcomes
from outcomes.plans.plan import kinds

#: Rooms in the order a reader meets them, with what one finds there.
ROOMS = {
    "readers": ("Read", "These functions turn files into a study."),
    "study": ("Study", "These classes hold the data of a study and what they mean."),
    "checks": ("Check", "These functions list what in the data needs a look."),
    "questionnaires": ("Instruments", "These functions find, load and describe questionnaires."),
    "analyses": (
        "Ask",
        "These functions plan studies and pool them; `Analysis` is what every question has.",
    ),
    "plans": ("Plan", "These classes hold several questions and how they belong together."),
    "core": ("Answers", "These classes are what a question gives back, and the errors."),
    "tables": ("Tables", "These functions turn answers into tables."),
    "plots": ("Pictures", "These functions turn answers into pictures."),
    "reporting": ("Reports", "These functions write reports."),
}


def pages() -> dict[str, str]:
    """File name -> text."""
    found: dict[str, list[str]] = {}
    for name in public_names():
        found.setdefault(_room(name), []).append(name)
    made = {}
    for room, names in found.items():
        title, about = ROOMS.get(
            room, (room.capitalize(), f"These names live in `outcomes.{room}`.")
        )
        made[f"{room}.md"] = "\n\n".join([f"# {title}", about, *map(_entry, names)]) + "\n"
    order = [r for r in ROOMS if r in found] + [r for r in found if r not in ROOMS]
    made["index.md"] = _index(order, found)
    return made


def public_names() -> list[str]:
    """Every public name that is a class or a function, without the questions: they have a page of
    their own.
    """
    questions = set(kinds())
    named = (n for n in outcomes.__all__ if not n.startswith("_") and n not in questions)
    return sorted(n for n in named if callable(getattr(outcomes, n)))


def _room(name: str) -> str:
    parts = str(getattr(getattr(outcomes, name), "__module__", "outcomes")).split(".")
    return parts[1] if len(parts) > 1 else "analyses"


def _entry(name: str) -> str:
    thing = getattr(outcomes, name)
    directive = "autoclass" if inspect.isclass(thing) else "autofunction"
    lines = [f".. {directive}:: outcomes.{name}"]
    if inspect.isclass(thing):
        lines += [
            "   :members:",
            "   :exclude-members: set",
        ]  # matplotlib makes a method `set` for each artist
    body = "\n".join(lines)
    return f"## {name}\n\n```{{eval-rst}}\n{body}\n```"


def _index(order: list[str], found: dict[str, list[str]]) -> str:
    rows = "\n".join(
        f"| [{ROOMS.get(r, (r.capitalize(),))[0]}]({r}.md) |"
        f" {', '.join(f'`{n}`' for n in found[r])} |"
        for r in order
    )
    tree = "\n".join(f"{r}" for r in order)
    return (
        "# Python interface\n\nThis page lists every public name of `import outcomes as oc`, with"
        " a link to its description. The questions have a [page of their"
        " own](../questions.md).\n\n| page | names |\n| --- | ---"
        f" |\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"
    )

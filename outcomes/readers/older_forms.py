"""Older forms of the study file: what changed from form to form, and how an old file is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from outcomes.config.toml import Document

#: The form of study files that this version writes; a key that gets another name or meaning makes
#: the next one.
FORM = 2
#: The setting of a study that lists what was read by its older name.
SETTING = "older_form"
#: Form 2: parts of instruments that had another name in form 1.
_PARTS = MappingProxyType({("eq_vas", "vas"): "health"})


def current(document: Document) -> tuple[Document, tuple[str, ...]]:
    """The document as the present form would say it, and each change in words; the file stays as it
    is. Without ``[study] form`` it may be of any form.

    Raises the document's error for a form that this version does not know.

    >>> old = Document("study.toml", "", {"instruments": {"eq_vas": {"vas": "eq"}}})
    >>> new, changes = current(old)
    >>> new.data["instruments"], changes
    ({'eq_vas': {'health': 'eq'}}, ("[instruments] eq_vas: 'vas' is called 'health' now",))
    """
    study = document.data.get("study")
    form = study.get("form", 1) if isinstance(study, Mapping) else 1
    if isinstance(form, bool) or not isinstance(form, int):
        return document, ()  # the declared field says what is wrong
    if not 1 <= form <= FORM:
        raise document.wrong(
            ("study", "form"),
            f"The file is of form {form}; this version reads forms 1 to {FORM}. Install the version"
            " of outcomes that it was written for.",
            "[study]",
        )
    data, changes = dict(document.data), list[str]()
    for step in STEPS[form - 1 :]:
        data, said = step(data)
        changes += said
    if isinstance(study, Mapping):  # what is of the file is not of the study
        data["study"] = {k: v for k, v in study.items() if k != "form"}
    return replace(document, data=data), tuple(changes)


def _to_2(data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    uses, said = data.get("instruments"), list[str]()
    if not isinstance(uses, Mapping):
        return data, said
    new = dict(uses)
    for (name, old), now in _PARTS.items():
        use = new.get(name)
        if isinstance(use, Mapping) and old in use and now not in use:
            new[name] = {now if k == old else k: v for k, v in use.items()}
            said.append(f"[instruments] {name}: '{old}' is called '{now}' now")
    return data | {"instruments": new}, said


#: How a file of each form becomes one of the next; the first is for form 1.
STEPS: tuple[Callable[[dict[str, Any]], tuple[dict[str, Any], list[str]]], ...] = (_to_2,)

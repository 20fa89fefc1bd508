"""What an instrument's TOML may say: its tables and keys, runs of codes, and on which line each key
stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from outcomes.core.errors import InstrumentError

NUMBER, TEXT, LIST, TABLE, YES = (int, float), (str,), (list,), (dict,), (bool,)
#: What each table may hold, and of which type; the first names are needed.
FIELDS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "": {
        "id": TEXT,
        "title": TEXT,
        "domain": TEXT,
        "licence": TEXT,
        "licence_contact": TEXT,
        "items": LIST,
        "scores": LIST,
        "default_score": TEXT,
        "missing_rule": TEXT,
        "references": LIST,
        "traps": LIST,
        "aliases": LIST,
        "loinc": TEXT,
        "cdisc": TEXT,
        "thresholds": LIST,
        "reliability": LIST,
        "flags": LIST,
        "options": TABLE,
        "examples": LIST,
        "facts": TABLE,
    },
    "items": {
        "code": TEXT,
        "codes": TEXT + LIST,
        "answers": LIST,
        "step": NUMBER,
        "title": TEXT,
        "titles": LIST,
        "better": TEXT,
        "aliases": LIST,
        "names": LIST,
        "loinc": TEXT + LIST,
    },
    "scores": {
        "name": TEXT,
        "range": LIST,
        "rule": TEXT,
        "title": TEXT,
        "better": TEXT,
        "unit": TEXT,
        "resolution": NUMBER,
        "of": LIST,
        "at_least": NUMBER,
        "reverse": LIST,
        "blank": NUMBER,
        "blank_items": LIST,
        "partial": YES,
        "recode": TEXT + LIST,
        "weights": LIST,
        "center": LIST,
        "scale": LIST,
        "factor": NUMBER,
        "offset": NUMBER,
        "cuts": LIST,
        "table": TEXT,
        "round_up": YES,
        "criteria": LIST,
        "function": TEXT,
        "edge": NUMBER,
        "bands": LIST,
        "bands_source": TEXT,
        "aliases": LIST,
        "loinc": TEXT,
        "unverified": TEXT,
        "unverified_prorating": TEXT,
        "notes": LIST,
    },
    "thresholds": {
        "score": TEXT + LIST,
        "text": TEXT,
        "kind": TEXT,
        "basis": TEXT,
        "population": TEXT,
        "citation": TEXT,
        "value": NUMBER,
        "percent": NUMBER,
        "range": LIST,
        "verified": YES,
    },
    "reliability": {
        "score": TEXT + LIST,
        "statistic": TEXT,
        "text": TEXT,
        "value": NUMBER,
        "population": TEXT,
        "citation": TEXT,
        "verified": YES,
    },
    "flags": {"name": TEXT, "item": TEXT, "at_least": NUMBER, "message": TEXT},
    "options": {"title": TEXT, "choices": LIST, "default": TEXT, "sets": TEXT, "changes": TABLE},
    "examples": {
        "items": LIST + TABLE,
        "scores": TABLE,
        "bands": TABLE,
        "source": TEXT,
        "tolerance": NUMBER,
        "options": TABLE,
    },
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "": ("id", "title", "licence", "items", "scores"),
    "items": ("answers",),
    "scores": ("name", "range", "rule"),
    "thresholds": ("text", "kind"),
    "reliability": ("statistic", "text"),
    "flags": ("name", "item", "at_least", "message"),
    "options": ("title",),
    "examples": ("items", "scores", "source"),
}
KINDS = ("within-person", "between-group", "other")
RULES = ("sum", "mean", "max", "count", "criteria", "function")
BETTER = ("lower", "higher", "")


#: The most codes that a run such as pf1-pf20 may stand for.
_LONGEST = 1000


def runs(names: Sequence[str] | str) -> tuple[str, ...]:
    """Codes with runs written out.

    >>> runs(["pf1-pf3", "pain"]), runs("1-3")
    (('pf1', 'pf2', 'pf3', 'pain'), ('1', '2', '3'))
    """
    out: list[str] = []
    for name in [names] if isinstance(names, str) else names:
        run = re.fullmatch(r"(.*?)([0-9]{1,9})-(.*?)([0-9]{1,9})", str(name))
        if run and run[1] == run[3] and int(run[2]) <= int(run[4]):
            if int(run[4]) - int(run[2]) >= _LONGEST:
                raise InstrumentError(
                    f"'{str(name)[:40]}' is a run of more than {_LONGEST} codes. No instrument has"
                    " so many items: look at the numbers of the run."
                )
            out += [f"{run[1]}{k}" for k in range(int(run[2]), int(run[4]) + 1)]
        else:
            out.append(str(name))
    return tuple(out)

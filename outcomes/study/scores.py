"""Which of a study's scores is the main one, and which are ratings of change."""

from __future__ import annotations

import re

from outcomes.core.outcome import Outcome
from outcomes.study.study import Study

#: Scores of the library that are pain intensity, most telling first.
PAIN = (
    "pain_nrs_average",
    "pain_nrs_worst",
    "pain_nrs_now",
    "pain_nrs_least",
    "pain_vas_mm",
    "bpi_sf_severity",
    "bpi_sf_average",
    "bpi_sf_worst",
    "peg_mean",
    "bpi_sf_peg",
    "promis29_pain_intensity",
)
_PAIN_WORDS = re.compile(r"(?<![a-z])(pain|nrs|nprs|vas)(?![a-z])")
_OTHER_WORDS = re.compile(r"interfer|catastroph|accept|efficacy|disab|relief|fear|quality|impact")


def main_score(study: Study) -> str:
    """The name of the score that the study is about; "" where it has none.

    It is the score of the first question that the study file calls primary, else the first pain
    intensity (see `PAIN`, then scores of a study's own that are called pain), else the first score
    that has a better side and is no rating of change.
    """
    for entry in study.questions:
        if entry.get("role") == "primary" and (name := _asked(study, entry)):
            return name
    names = study.outcome_names
    known = [n for n in PAIN if n in names]
    called = [n for n in names if _is_pain(study.outcome(n))]
    directed = [n for n in names if study.outcome(n).better and not study.outcome(n).of_change]
    return next(iter((*known, *called, *directed, *names)), "")


def ratings(study: Study) -> list[Outcome]:
    """The ratings of change (PGIC and its kin) that the study has; yes-or-no scores made of them
    apart.
    """
    found = [study.outcome(n) for n in study.outcome_names]
    return [o for o in found if o.of_change and o.unit != "yes/no"]


def _asked(study: Study, entry: object) -> str:
    """The score that a declared question is about, its own or that of the question it wraps."""
    if not hasattr(entry, "get"):
        return ""
    name = str(entry.get("outcome") or "")
    if not name:
        return _asked(study, entry.get("analysis"))
    mine = [m.name for m in study.ready.measures.values() if name in (m.name, m.instrument)]
    return study.outcome(name).name if mine else ""


def _is_pain(outcome: Outcome) -> bool:
    """Whether a score that belongs to no known instrument is called pain intensity."""
    words = f"{outcome.name} {outcome.title}".casefold().replace("_", " ")
    own = not outcome.instrument and not outcome.of_change and outcome.better != "higher"
    return own and bool(_PAIN_WORDS.search(words)) and not _OTHER_WORDS.search(words)

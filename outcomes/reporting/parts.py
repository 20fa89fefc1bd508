"""What several chapters of a report need to know about the results."""

from __future__ import annotations

from outcomes.analyses.traits import Trait
from outcomes.core.language import message
from outcomes.core.result import Result, Results
from outcomes.study.scores import main_score
from outcomes.study.study import Study

PATIENTS, ANSWERS, RESPONDERS, COURSE, ROBUSTNESS, SAFETY = (
    message("The patients"),
    message("Answers"),
    message("Responders"),
    message("The course over time"),
    message("Robustness"),
    message("Side effects"),
)
#: Chapters of answers, in the order a reader wants them; a chapter that is not named here stands
#: before the robustness.
ORDER = (PATIENTS, ANSWERS, RESPONDERS, COURSE, ROBUSTNESS, SAFETY)


def chapter(r: Result) -> str:
    """The chapter an answer belongs to."""
    return ROBUSTNESS if r.analysis.role == "sensitivity" else r.analysis.chapter or ANSWERS


def primary(results: Results) -> list[Result]:
    """The primary answers; where a plan names none, its first about the study's main score, else
    its first.
    """
    chosen = [r for r in results if r.analysis.role == "primary"]
    answered = [r for r in results if r.estimates and chapter(r) == ANSWERS]
    main = main_score(results.study) if isinstance(results.study, Study) else ""
    mine = [r for r in answered if main and r.outcome is not None and r.outcome.name == main]
    return chosen or (mine or answered)[:1]


def several_rows(study: Study) -> bool:
    """Whether patients have several rows a visit (crossover periods, repeated infusions)."""
    return len(study.keys) > 2 and study.codes.several


def scored(r: Result) -> int:
    """The patients behind an answer: those analysed, of a model of several visits those with a
    score at its main visit.
    """
    if "observed" not in r.data or not r.main_visit:
        return r.counts.analysed
    frame = r.data["observed"]
    return int(frame.loc[frame["visit"] == r.main_visit, "n"].sum())


def many_missing(r: Result) -> bool:
    """Whether more than 10% of the patients have no score behind an answer: then the report looks
    into what that may mean.
    """
    return scored(r) < 0.9 * r.counts.enrolled


def has(r: Result, *traits: Trait) -> bool:
    """Whether the question of an answer does one of these things."""
    return not r.analysis.traits.isdisjoint(traits)


def capital(text: str) -> str:
    """A text with a capital letter first."""
    return text[:1].upper() + text[1:]

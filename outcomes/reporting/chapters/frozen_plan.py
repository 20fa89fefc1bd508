"""The frozen plan in a report: its date and digest, and every deviation from it."""

from __future__ import annotations

from collections.abc import Iterator

from outcomes.core.language import in_source, message, say, say_n
from outcomes.core.result import Results
from outcomes.core.wording import date_text
from outcomes.plans.frozen import FrozenPlan, frozen_plan
from outcomes.plans.frozen_comparison import Deviation, deviations
from outcomes.reporting.document import Bullets, Paragraph, Section
from outcomes.reporting.numbers import Fixed
from outcomes.study.study import Study

#: Digits of the digest that are printed; the file has all of them.
SHORT = 16


def deviated(study: Study, results: Results) -> Iterator[Section]:
    """A section for the first pages: what was done otherwise than the frozen plan says; nothing
    where no plan was frozen.
    """
    frozen = frozen_plan(study)
    if frozen is None:
        return
    found = deviations(frozen, study, results)
    lead = Fixed(f"{_frozen_on(frozen)} {_count(found)}")
    blocks = [Paragraph(lead, "caution" if found else "plain")]
    more = [Bullets(tuple(map(_told, found)), "caution")] if found else []
    yield Section(message("The frozen plan and what was done otherwise"), (*blocks, *more))


def frozen_words(study: Study, results: Results) -> str:
    """What a paper's methods section says of the plan: when it was frozen, or that it was not, and
    each deviation.
    """
    with in_source():
        return _frozen_words(study, results)


def _frozen_words(study: Study, results: Results) -> str:
    frozen = frozen_plan(study)
    if frozen is None:
        return "The plan of analysis was not frozen before the answers were seen."
    found = deviations(frozen, study, results)
    if not found:
        return f"{_frozen_on(frozen)} The analyses followed it."
    return f"{_frozen_on(frozen)} Deviations from it: {' '.join(d.text for d in found)}"


def _told(deviation: Deviation) -> str:
    """A deviation as text of the plan alone, which may be shared; why a question has no answer, and
    why a plan was replaced, may tell of patients.
    """
    tells_of_patients = deviation.kind in ("not answered", "replaced")
    return deviation.text if tells_of_patients else Fixed(deviation.text)


def _frozen_on(frozen: FrozenPlan) -> str:
    return say(
        "The plan was frozen on {date} (SHA-256 {digest}…).",
        date=date_text(frozen.date),
        digest=(frozen.declared or frozen.digest)[:SHORT],
    )


def _count(found: tuple[Deviation, ...]) -> str:
    if not found:
        return say("Nothing was done otherwise.")
    return say_n("There is {n} deviation from it.", "There are {n} deviations from it.", len(found))

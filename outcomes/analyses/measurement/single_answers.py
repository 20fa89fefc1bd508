"""The single answers of a questionnaire behind a score, as its manual counts them."""

from __future__ import annotations

import numpy as np

from outcomes.core.outcome import Outcome
from outcomes.questionnaires.answers import answers, columns
from outcomes.questionnaires.model import Score
from outcomes.study.scored import InstrumentUse
from outcomes.study.study import Study


def behind(study: Study, outcome: Outcome) -> tuple[InstrumentUse, Score] | None:
    """The questionnaire whose single answers were read, and the score of it that is the outcome;
    None where there is none.
    """
    for use in study.uses:
        score = next(
            (s for s in use.kind.scores if f"{use.kind.id}_{s.name}" == outcome.name), None
        )
        if score is not None and use.items:
            return use, score
    return None


def answered(study: Study, use: InstrumentUse, codes: list[str]) -> dict[str, np.ndarray]:
    """The answers to these questions in every row of the scores, as the manual counts them; nan
    where refused or missing.
    """
    asked = study.ready.scores[[use.items[c] for c in codes]].set_axis(codes, axis=1)
    choices = {
        "shift": float(use.options.get("shift", 0)),
        "reverse": tuple(use.options.get("reverse", ())),
    }
    parts, _ = answers(use.kind, columns(use.kind, asked), choices)
    return {c: parts[c].values for c in codes}

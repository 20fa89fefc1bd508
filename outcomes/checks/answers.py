"""Rules about answers to instruments: codings that do not fit, answers somebody must look at,
scoring that needs a word.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from outcomes.checks.rules import rule
from outcomes.core.language import Phrase
from outcomes.core.wording import plural
from outcomes.questionnaires import Instrument, other_origin, suspicions
from outcomes.study.study import InstrumentUse, Issue, Study


@rule
def suspicious_coding(study: Study) -> Iterator[Issue]:
    """Answers that look as if they were stored in another coding than the instrument's: said, never
    repaired.
    """
    for use, kind, items in _answers(study):
        frame = items + float(use.options.get("shift", 0))
        for code in set(use.options.get("reverse", ())) & set(frame):
            item = kind.item(code)
            frame[code] = item.low + item.high - frame[code]
        said = [i.message for i in study.ready.issues if i.rule == "suspicious_coding"]
        for text in suspicions(kind, frame):
            if any(message.startswith(text) for message in said):
                continue
            yield Issue("suspicious_coding", text, 1, "warning")


@rule
def fraction_of_scale(study: Study) -> Iterator[Issue]:
    """Ready scores that look like fractions of 1 where the scale goes to 10 or more."""
    for use in study.uses:
        for name, column in use.totals.items():
            score, x = use.kind.get(name), study.scores[column].to_numpy(float)
            x = x[~np.isnan(x)]
            within = len(x) > 1 and ((x >= 0) & (x <= 1)).all() and (x % 1 != 0).any()
            if score.high >= 10 and within:
                text = (
                    f"{use.kind.title} {score.title}: all {len(x)} values are from 0 to 1, where"
                    f" the scale goes to {score.high:g}. Fractions? Then declare factor ="
                    f" {score.high:g} under [instruments] {use.kind.id}."
                )
                yield Issue("fraction_of_scale", text, len(x), "error", "scores", column)


@rule
def safety_flag(study: Study) -> Iterator[Issue]:
    """Answers that somebody must look at, whatever the total; and how many were not answered."""
    for use, kind, items in _answers(study):
        for flag in kind.flags:
            if flag.item not in items:
                continue
            x = items[flag.item].to_numpy(float) + float(use.options.get("shift", 0))
            rows = study.record.at(np.flatnonzero(x >= flag.at_least))
            column = use.items[flag.item]
            if "shift" not in use.options and other_origin(kind, items):
                unknown = Phrase.of(
                    "{questionnaire}: the answers seem to count from another number, so it is not"
                    " known which of them need a look; declare shift.",
                    questionnaire=Phrase.of(kind.title, "name"),
                )
                n = int((~np.isnan(x)).sum())
                yield Issue("safety_flag", unknown, n, "warning", "scores", column)
            elif rows:
                yield Issue(
                    "safety_flag",
                    Phrase.of(
                        "{questionnaire}: {flag}.",
                        questionnaire=Phrase.of(kind.title, "name"),
                        flag=Phrase.of(flag.message, "name"),
                    ),
                    len(rows),
                    "warning",
                    "scores",
                    column,
                    rows,
                )
            given = items.notna().any(axis=1).to_numpy()
            if n := int((np.isnan(x) & given).sum()):
                text = (
                    f"{kind.title}: item {flag.item} is not answered in"
                    f" {plural(n, 'questionnaire')} (its safety flag is unknown)."
                )
                yield Issue("safety_flag", text, n, "note", "scores", column)


@rule
def scoring_note(study: Study) -> Iterator[Issue]:
    """What scoring was told (recodings, value set and its source) and which of its facts are
    unverified.
    """
    for kind, notes in study.scoring_notes:
        for note in notes:
            text = note if note.startswith(kind.title) else f"{kind.title}: {note}"
            yield Issue("scoring_note", f"{text}.", 1, "note")


def _answers(study: Study) -> Iterator[tuple[InstrumentUse, Instrument, pd.DataFrame]]:
    """Each instrument in use with its answers, a column an item code."""
    for use in study.uses:
        if use.items:
            kind = use.kind
            items = study.scores[list(use.items.values())].set_axis(list(use.items), axis=1)
            yield use, kind, items.astype(float)

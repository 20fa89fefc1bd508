"""The instruments of a study: which columns hold their answers, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from outcomes.core.errors import InstrumentError, unknown
from outcomes.core.outcome import Outcome
from outcomes.core.wording import plural
from outcomes.questionnaires import Instrument, other_origin, ready_totals
from outcomes.questionnaires import instrument as find_instrument
from outcomes.study.record import Issue


@dataclass(frozen=True)
class InstrumentUse:
    """Which columns of the scores table hold an instrument's items, or its scores when the clinic
    exports only these. `answers` are the numbers of answers in words; `factor` is what every number
    in the file was multiplied by.
    """

    instrument: str | Instrument
    items: Mapping[str, str] = field(default_factory=dict)
    totals: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[str, float] = field(default_factory=dict)
    factor: float = 1.0

    @property
    def kind(self) -> Instrument:
        """The instrument itself: the library's, or a clinic's own."""
        return (
            find_instrument(self.instrument)
            if isinstance(self.instrument, str)
            else self.instrument
        )


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores table with the score of every instrument, what each score means, what scoring
    found, and what it was told (recodings, value set) of each instrument with answers.
    """

    scores: pd.DataFrame
    measures: Mapping[str, Outcome]
    issues: tuple[Issue, ...]
    notes: tuple[tuple[Instrument, tuple[str, ...]], ...]


def score_all(
    scores: pd.DataFrame,
    uses: Sequence[InstrumentUse],
    measures: Mapping[str, Outcome],
    rows: Sequence[str],
    *,
    strict: bool = False,
) -> Scored:
    """Score every instrument in use: columns `<instrument>_<score>` beside the answers.

    Raises InstrumentError for a column, instrument or option that is not there.
    """
    meaning, issues = dict(measures), list[Issue]()
    notes: list[tuple[Instrument, tuple[str, ...]]] = []
    taken = {c for use in uses for c in (*use.items.values(), *use.totals.values())}
    for use in uses:
        kind = use.kind
        absent = [c for c in (*use.items.values(), *use.totals.values()) if c not in scores]
        if absent:
            raise InstrumentError(
                f"{kind.title}: {unknown('column', absent[0], map(str, scores.columns))}"
            )
        made: dict[str, Any] = {}
        if use.items:
            items = scores[list(use.items.values())].set_axis(list(use.items), axis=1)
            if "shift" not in use.options and (text := other_origin(kind, items)):
                issues.append(_unknown_origin(kind, text, items, rows))
                items = items.astype(float) * np.nan
            done = kind.score(items, strict=strict, **use.options)
            made |= {f"{kind.id}_{s}": done.values[s].to_numpy() for s in done.values}
            notes.append((kind, done.notes))
            issues += [*_refused(kind, use, done, rows), *_prorated(kind, done)]
            issues += _disagreeing(use, scores, made, taken, rows)
        made |= {f"{kind.id}_{s}": scores[c].to_numpy() for s, c in use.totals.items()}
        made |= _of_scores(use, scores, made, strict=strict)
        scores = pd.concat(
            [scores.drop(columns=[c for c in made if c in scores]), pd.DataFrame(made)], axis=1
        )
        own = {s.name for s in kind.scores}
        for name in made:
            if (short := name[len(kind.id) + 1 :]) in own:
                meaning[name] = kind.outcome(short)
    return Scored(scores, meaning, tuple(issues), tuple(notes))


def _of_scores(
    use: InstrumentUse, scores: pd.DataFrame, made: Mapping[str, Any], *, strict: bool
) -> dict[str, Any]:
    """Scores that are made of other scores (summaries of PROMIS T-scores), where the file has all
    of these and no answers.
    """
    kind, ready = use.kind, use.totals
    rest = [
        s.name
        for s in kind.scores
        if s.rule.of and set(s.rule.of) <= set(ready) and f"{kind.id}_{s.name}" not in made
    ]
    if not rest:
        return {}
    given = scores[list(ready.values())].set_axis(list(ready), axis=1)
    done = kind.score(given, strict=strict)
    return {f"{kind.id}_{s}": done.values[s].to_numpy() for s in rest if s in done.values}


def _unknown_origin(kind: Instrument, text: str, items: pd.DataFrame, rows: Sequence[str]) -> Issue:
    """Answers that count from another number than the instrument's: none is scored until it is
    said.
    """
    answered = np.flatnonzero(items.notna().any(axis=1))
    said = f"{kind.title}: {text} If they are right as they are, declare shift = 0. None is scored."
    where = tuple(rows[int(i)] for i in answered)
    return Issue("suspicious_coding", said, len(where), "error", addresses=where)


def _refused(kind: Any, use: InstrumentUse, done: Any, rows: Sequence[str]) -> Iterator[Issue]:
    by_item: dict[tuple[str, str], list[str]] = {}
    for row, item, why in done.problems:
        by_item.setdefault((item, why), []).append(rows[row])
    for (item, why), where in by_item.items():
        text, column = f"{kind.title}: {why}; not scored.", use.items.get(item, item)
        yield Issue(
            "refused answer", text, len(where), "warning", column=column, addresses=tuple(where)
        )


def _disagreeing(
    use: InstrumentUse,
    scores: pd.DataFrame,
    made: Mapping[str, Any],
    taken: set[str],
    rows: Sequence[str],
) -> Iterator[Issue]:
    """A total in the file that is not the total of the answers beside it."""
    free = [c for c in scores if c not in taken and scores[c].dtype.kind == "f"]
    for name, column in ready_totals(use.kind, free).items():
        of_answers = made.get(f"{use.kind.id}_{name}")
        if of_answers is None:
            continue
        off = np.flatnonzero(np.abs(of_answers - scores[column].to_numpy(float)) > 0.05)
        if len(off):
            text = (
                f"{use.kind.title}: in {plural(len(off), 'row')} the total in the file ({column})"
                " is not the total of the answers, which are used. Are the answers complete, and"
                " coded as the instrument codes them?"
            )
            where = tuple(rows[int(i)] for i in off)
            yield Issue(
                "total_disagrees", text, len(off), "warning", column=column, addresses=where
            )


def _prorated(kind: Any, done: Any) -> Iterator[Issue]:
    for score in done.prorated:
        if n := int((done.prorated[score].to_numpy() > 0).sum()):
            text = f"{kind.title}, {score}: scored with missing items as its manual allows."
            yield Issue("prorated", text, n, "note")

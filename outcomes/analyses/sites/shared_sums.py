"""Sums that a clinic can send instead of its patients: what they hold, how they are signed, and the
exact answers over several clinics.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from outcomes.analyses.question import from_dict, unanswered
from outcomes.analyses.shared_cells import QuestionSums
from outcomes.config.regular import read_bytes
from outcomes.core.errors import AnalysisError, OutcomesError, StudyError
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result
from outcomes.core.wording import listed, number, plural
from outcomes.stats.meta_analysis.random_effects import pool
from outcomes.study.protocol import Protocol
from outcomes.study.study import Study

FORMAT = 1


@dataclass(frozen=True)
class SharedSums:
    """The sums of one clinic, gated by a disclosure policy, with what is needed to add them up."""

    site: str
    policy: str
    visits: tuple[str, ...]
    baseline: str
    design: str
    questions: tuple[QuestionSums, ...]
    version: str = ""

    def to_json(self, key: str) -> str:
        """The sums as JSON, signed with a key that all clinics share (HMAC-SHA256)."""
        body = {"format": FORMAT, **dataclasses.asdict(self)}
        return json.dumps({"sums": body, "signature": _signature(body, key)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, key: str, name: str = "The file") -> SharedSums:
        """The sums in a JSON text. Raises StudyError where it is none, of another format, or signed
        with another key (or changed since).
        """
        try:
            said = json.loads(text)
            body, signature = said["sums"], str(said["signature"])
            form = body.pop("format")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise StudyError(
                f"{name} holds no sums: outcomes export-sums writes them as JSON."
            ) from None
        if form != FORMAT:
            raise StudyError(f"{name} has format {form}; this version reads format {FORMAT}.")
        if not hmac.compare_digest(signature, _signature({"format": FORMAT, **body}, key)):
            raise StudyError(
                f"{name} is not signed with this key, or was changed after it was signed. Ask the"
                " clinic to send it again, and compare the keys."
            )
        questions = tuple(
            QuestionSums(**{**q, "withheld": tuple(q["withheld"])}) for q in body["questions"]
        )
        return cls(**{**body, "visits": tuple(body["visits"]), "questions": questions})


def _signature(body: Mapping[str, Any], key: str) -> str:
    if not key:
        raise StudyError(
            "Sums are signed with a key that the clinics share: set it in the environment variable"
            " OUTCOMES_SUMS_KEY (or key= in Python)."
        )
    text = json.dumps(body, sort_keys=True).encode()
    return hmac.digest(key.encode(), text, hashlib.sha256).hex()


@dataclass(frozen=True, eq=False)
class PooledSums:
    """The answers over several clinics, exact, and the clinics beside each other.

    `results` has the pooled answer of each question, `sites` the main estimate of each clinic,
    `without` the pooled main estimate without each clinic in turn, `heterogeneity` how much clinics
    differ (from three on), `withheld` what each clinic kept back.
    """

    results: tuple[Result, ...]
    sites: pd.DataFrame
    without: pd.DataFrame
    heterogeneity: pd.DataFrame
    withheld: pd.DataFrame

    def __getitem__(self, i: int) -> Result:
        return self.results[i]

    def __len__(self) -> int:
        return len(self.results)


def pool_sums(
    sources: Sequence[str | Path | SharedSums], *, key: str = "", level: float | None = None
) -> PooledSums:
    """The answers over clinics that sent sums instead of patients: exactly what the pooled rows
    would give, for those patients whose sums were shared.

    `sources` are files that `outcomes export-sums` wrote, or `SharedSums`; `key` is the key they
    are signed with. Notes on each answer say how much was withheld and, for a mean change of a
    score with known ends, what that may move. Raises StudyError for files that are not signed with
    the key, and AnalysisError for fewer than two clinics, or clinics that asked different
    questions.
    """
    read = [
        s if isinstance(s, SharedSums) else SharedSums.from_json(_text(s), key, Path(s).name)
        for s in sources
    ]
    names = [s.site for s in read]
    if len(read) < 2 or len(set(names)) < len(names):
        raise AnalysisError("Sums are pooled over two or more clinics, each once and by its name.")
    first = read[0]
    for other in read[1:]:
        if [q.question for q in other.questions] != [q.question for q in first.questions]:
            raise AnalysisError(
                f"{other.site} and {first.site} asked different questions. Let all clinics use one"
                " plan."
            )
        if (other.visits, other.baseline) != (first.visits, first.baseline):
            raise AnalysisError(f"{other.site} and {first.site} have different visits.")
    results, sites, without, spread, kept = [], list[Any](), list[Any](), list[Any](), list[Any]()
    for i in range(len(first.questions)):
        parts = {s.site: s.questions[i] for s in read}
        try:
            whole = _answered(first, list(parts.values()))
        except OutcomesError as why:  # the other questions are answered
            one = next(iter(parts.values()))
            whole = unanswered(from_dict(one.question), _nobody(first, one), str(why))
        title = whole.analysis.title(whole.outcome)
        results.append(replace(whole, notes=(*whole.notes, *_notes(whole, parts))))
        alone = {name: _main(first, [part]) for name, part in parts.items()}
        sites += [{"question": title, "site": n, **e} for n, e in alone.items()]
        for name in parts:
            rest = [part for other, part in parts.items() if other != name]
            without.append({"question": title, "without": name, **_main(first, rest)})
        spread += [{"question": title, **row} for row in _heterogeneity(alone)]
        kept += [
            {
                "question": title,
                "site": n,
                "cells": p.cells,
                "at least": p.withheld[0],
                "at most": p.withheld[1],
            }
            for n, p in parts.items()
        ]
    return PooledSums(tuple(results), *map(pd.DataFrame, (sites, without, spread, kept)))


def _text(path: str | Path) -> str:
    try:
        return read_bytes(path, error=StudyError).decode("utf-8")
    except (OSError, UnicodeError):
        raise StudyError(f"The file of sums '{Path(path).name}' cannot be read.") from None


def _main(shared: SharedSums, parts: Sequence[QuestionSums]) -> dict[str, Any]:
    """The main estimate of an answer as a row, or why there is none."""
    try:
        result = _answered(shared, parts)
        e = result.main
    except OutcomesError as why:
        return {"estimate": "", "n": 0, "value": math.nan, "why": str(why)}
    if e is None:
        n = result.counts.analysed
        return {"estimate": "", "n": n, "value": math.nan, "why": "there is no estimate"}
    n = result.counts.analysed if e.n is None else e.n
    row = {"estimate": e.term, "n": n, "value": e.value, "low": e.low, "high": e.high}
    return {**row, "se": e.se, "p": e.p, "why": e.reason}


def _heterogeneity(alone: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How much clinics differ: the random-effects mean, τ², I² and Q of their main estimates."""
    usable = [r for r in alone.values() if r.get("se", math.nan) > 0]
    if len(usable) < 3:
        return []
    rows: tuple[Estimate, ...] = pool([r["value"] for r in usable], [r["se"] ** 2 for r in usable])
    return [
        {"estimate": e.term, "value": e.value, "low": e.low, "high": e.high, "p": e.p} for e in rows
    ]


def _notes(result: Result, parts: Mapping[str, QuestionSums]) -> list[str]:
    notes = [
        f"From the sums of {plural(len(parts), 'clinic')} ({listed(list(parts))}): patients without"
        " the scores are not counted here."
    ]
    for name in dict.fromkeys(row[0] for part in parts.values() for row in part.responses):
        lacking = [
            site
            for site, part in parts.items()
            if any(row[0] == name and row[3] is None for row in part.responses)
        ]
        if lacking:
            notes.append(
                f"Withheld by {listed(lacking)}, so not counted there: {name} (few patients reached"
                " it, or few did not)."
            )
    least, most = (sum(p.withheld[k] for p in parts.values()) for k in (0, 1))
    if not most:
        return notes
    who = str(most) if least == most else f"{least} to {most}"
    said = f"Withheld by disclosure policies: {who} patients, in cells that are too small."
    outcome, e = result.outcome, result.main
    if outcome is not None and e is not None and e.measure is Measure.CHANGE:
        n, width = result.counts.analysed, outcome.high - outcome.low
        if math.isfinite(width) and n:
            low, high = ((n * e.value + sign * most * width) / (n + most) for sign in (-1, 1))
            said += (
                " Had all of them changed by the whole scale, the mean change would lie between"
                f" {number(low, 1)} and {number(high, 1)}."
            )
    return [*notes, said]


# --- the answers ----------------------------------------------------------------------------------


def _answered(shared: SharedSums, parts: Sequence[QuestionSums]) -> Result:
    """The answer of a question from the sums of some clinics."""
    first = parts[0]
    question = from_dict(first.question)
    study = _nobody(shared, first)
    return question.of_sums(parts, study.outcome(first.outcome["name"]), study)


def _nobody(shared: SharedSums, sums: QuestionSums) -> Study:
    """A study with the visits of the clinics and the score of a question, and without a patient."""
    outcome = Outcome(**sums.outcome)
    nobody = pd.DataFrame({"patient": pd.Series(dtype=object), "visit": pd.Series(dtype=object)})
    return Study(
        nobody,
        visits=shared.visits,
        baseline=shared.baseline,
        protocol=Protocol(design=shared.design),
        measures={outcome.name: outcome},
        scored=True,
    )

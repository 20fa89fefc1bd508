"""Rules about completeness, plausibility and agreement of the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from outcomes.checks.rules import rule
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import listed, percent, plural, spoken
from outcomes.readers.older_forms import SETTING as OLDER
from outcomes.study.study import Issue, Study

#: Share of missing scores at a visit above which it is a warning, not a note (methods: tipping
#: point above 10%).
MUCH_MISSING = 0.10
#: Share of patients at the end of a scale above which change in one direction can hardly be seen
#: (Terwee 2007).
MANY_AT_END = 0.15


@rule
def too_few_patients(study: Study) -> Iterator[Issue]:
    """Fewer than two patients: nothing can be said of a group."""
    if study.enrolled < 2:
        message = f"There is {plural(study.enrolled, 'patient')}: no spread, no interval, no test."
        yield Issue("too_few_patients", message, study.enrolled, "error")


@rule
def older_form(study: Study) -> Iterator[Issue]:
    """The study file says something by a name that it had in an older form."""
    for change in study.settings.get(OLDER, ()):
        yield Issue("older_form", f"{change}. It was read all the same.", 1, "note", "study")


@rule
def no_outcome(study: Study) -> Iterator[Issue]:
    """No score to analyse."""
    if not study.outcome_names:
        message = (
            "No score is declared: name instruments under [instruments] or plain columns under"
            " [outcomes]."
        )
        yield Issue("no_outcome", message, 1, "error")


@rule
def plan_asks(study: Study) -> Iterator[Issue]:
    """The plan names a score or a visit that is not there, or asks for a score where none was
    recorded.
    """
    for i, entry in enumerate(study.questions, 1):
        for problem in dict.fromkeys(_cannot_be_asked(study, entry)):
            text = f"[[analysis]] number {i} ({entry.get('method', 'no method')}): {problem}"
            yield Issue("plan_asks", text, 1, "warning", "plan")


def _cannot_be_asked(study: Study, entry: Mapping[str, Any]) -> Iterator[str]:
    visits = [
        str(entry[k])
        for k in ("baseline", "before", "after", "visit")
        if isinstance(entry.get(k), str) and entry[k]
    ]
    strange = [v for v in visits if v not in study.visits]
    yield from (unknown("visit", v, study.visits) for v in strange)
    for word in entry.values():  # a question about a question (Imputed, SideBySide) holds others
        for inner in word if isinstance(word, list | tuple) else [word]:
            if isinstance(inner, Mapping) and "method" in inner:
                yield from _cannot_be_asked(study, inner)
    if not isinstance(entry.get("outcome"), str):
        return
    try:
        outcome = study.outcome(entry["outcome"])
    except AnalysisError as error:
        yield str(error)
        return
    if outcome.name in _wide_outcomes(study):
        empty = [v for v in visits if v not in strange and study.wide(outcome.name)[v].isna().all()]
        if empty and len(empty) < len(study.visits):
            yield (
                f"no score of {outcome.title} was recorded at"
                f" {listed([spoken(v) for v in dict.fromkeys(empty)])}."
            )


@rule
def missing_scores(study: Study) -> Iterator[Issue]:
    """How many scores are missing at each visit, of all enrolled; scores never recorded at a visit
    apart.
    """
    names = _wide_outcomes(study)
    empty = [n for n in names if study.wide(n).isna().all(axis=None)]
    for name in empty:
        yield Issue(
            "missing_scores",
            f"{study.outcome(name).title}: every score is missing.",
            study.enrolled,
            "error",
            column=name,
        )
    for visit in study.visits:
        absent = {n: int(study.wide(n)[visit].isna().sum()) for n in names if n not in empty}
        never = [study.outcome(n).title for n, k in absent.items() if k == study.enrolled]
        if never:
            yield Issue(
                "missing_scores",
                f"Not recorded at {spoken(visit)}: {listed(never)}.",
                len(never),
                "note",
            )
        some = {n: k for n, k in absent.items() if 0 < k < study.enrolled}
        if not some:
            continue
        worst, least = max(some, key=lambda n: some[n]), min(some.values())
        most, severe = some[worst], max(some.values()) / study.enrolled > MUCH_MISSING
        said = (
            f"{most} ({percent(most / study.enrolled)})"
            if most == least
            else (
                f"{least} to {most} ({percent(least / study.enrolled)} to"
                f" {percent(most / study.enrolled)})"
            )
        )
        text = f"At {spoken(visit)}, {said} of {study.enrolled} enrolled patients have no score"
        text += (
            f" (most: {study.outcome(worst).title})."
            if len(some) > 1
            else f": {study.outcome(worst).title}."
        )
        yield Issue("missing_scores", text, most, "warning" if severe else "note")


@rule
def no_change(study: Study) -> Iterator[Issue]:
    """All changes from baseline zero, or all the same: typical of copied columns."""
    for name in _wide_outcomes(study):
        frame = study.wide(name)
        for visit in study.visits:
            change = np.round((frame[visit] - frame[study.baseline]).dropna().to_numpy(), 9)
            if visit == study.baseline or len(change) < 2 or np.ptp(change) > 0:
                continue
            what = "zero" if change[0] == 0 else "the same"
            text = (
                f"{study.outcome(name).title}: all {len(change)} changes to {spoken(visit)} are"
                f" {what}; were columns copied?"
            )
            yield Issue("no_change", text, len(change), "warning", column=name)


@rule
def ends_of_scale(study: Study) -> Iterator[Issue]:
    """Many patients at the best or worst possible score at baseline (answers of yes or no have
    nothing between).
    """
    for name in _wide_outcomes(study):
        outcome, seen = study.outcome(name), study.wide(name)[study.baseline].dropna().to_numpy()
        if outcome.unit == "yes/no":
            continue
        for end, word in ((outcome.low, "lowest"), (outcome.high, "highest")):
            n = int((seen == end).sum())
            if len(seen) >= 10 and n / len(seen) > MANY_AT_END:
                text = (
                    f"{outcome.title}: {n} of {len(seen)} ({percent(n / len(seen))}) have the"
                    f" {word} possible score at {spoken(study.baseline)}; further change that way"
                    " cannot be seen."
                )
                yield Issue("ends_of_scale", text, n, "note", column=name)


@rule
def entry_threshold(study: Study) -> Iterator[Issue]:
    """A declared entry threshold: who is below it, and a reminder of regression to the mean."""
    if not study.entry.get("outcome") or not _wide_outcomes(study):
        return
    outcome = study.outcome(str(study.entry["outcome"]))
    at_least, at_most = study.entry.get("at_least"), study.entry.get("at_most")
    seen = study.wide(outcome.name)[study.baseline].dropna().to_numpy()
    outside = np.zeros(len(seen), bool)
    if at_least is not None:
        outside |= seen < at_least
    if at_most is not None:
        outside |= seen > at_most
    if n := int(outside.sum()):
        text = (
            f"{outcome.title} at {spoken(study.baseline)} does not meet the declared entry"
            f" threshold in {plural(n, 'patient')}."
        )
        yield Issue("entry_threshold", text, n, "warning", column=outcome.name)
    text = (
        f"Patients were selected by {outcome.title}: part of any improvement is regression to the"
        " mean."
    )
    yield Issue("entry_threshold", text, len(seen), "note", column=outcome.name)


@rule
def tables_disagree(study: Study) -> Iterator[Issue]:
    """Patients in one table and not in another."""
    scored = set(study.scores["patient"])
    for table in ("patients", "infusions", "events"):
        frame = getattr(study, table)
        if frame is None:
            continue
        theirs = set(frame["patient"])
        if n := len(theirs - scored):
            severity = "note" if table == "patients" else "warning"
            text = (
                f"In the {table} table, without a row in the scores table: {plural(n, 'patient')}."
            )
            yield Issue("tables_disagree", text, n, severity, table)
        if table == "patients" and (n := len(scored - theirs)):
            yield Issue(
                "tables_disagree",
                f"With scores, but not in the patients table: {plural(n, 'patient')}.",
                n,
                "warning",
                table,
            )


@rule
def no_baseline(study: Study) -> Iterator[Issue]:
    """Patients with later scores but none at baseline (scores that are never asked at baseline
    apart).
    """
    found = {}
    for name in _wide_outcomes(study):
        frame = study.wide(name)
        later = frame.drop(columns=study.baseline).notna().any(axis=1)
        n = int((frame[study.baseline].isna() & later).sum())
        if n and frame[study.baseline].notna().any():
            found[study.outcome(name).title] = n
    if found:
        said = ", ".join(f"{title} {n}" for title, n in found.items())
        text = (
            f"Patients with later scores but none at {spoken(study.baseline)} (left out of every"
            f" change): {said}."
        )
        yield Issue("no_baseline", text, max(found.values()), "warning")


@rule
def copied_forward(study: Study) -> Iterator[Issue]:
    """A whole questionnaire equal to the one before: possible, but also the mark of values carried
    forward.
    """
    if "visit" not in study.scores or len(study.keys) > 2:
        return
    order = np.lexsort((study.codes.visit, study.codes.patient))
    patient = study.codes.patient[order]
    for use in study.uses:
        columns = list(use.items.values())
        if len(columns) < 5:
            continue
        values = study.scores[columns].to_numpy(float)[order]
        full = ~np.isnan(values).any(axis=1)
        same = (values[1:] == values[:-1]).all(axis=1) & full[1:] & (patient[1:] == patient[:-1])
        varied = np.ptp(values[1:], axis=1) > 0
        where = order[1:][same & varied]
        if len(where):
            kind = use.kind
            text = (
                f"{kind.title}: all answers equal those of the visit before; check that none was"
                " carried forward."
            )
            yield Issue(
                "copied_forward",
                text,
                len(where),
                "note",
                addresses=study.record.at(where),
            )


def _wide_outcomes(study: Study) -> list[str]:
    """The scores that can be laid out patients × visits; with periods or episodes these rules do
    not apply.
    """
    several = len(study.keys) > 2 and study.codes.several
    return [] if several else study.outcome_names

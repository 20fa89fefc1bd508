"""A study with a row for every patient at every visit, for methods that fill in missing scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from outcomes.study.study import Study


def at_every_visit(study: Study, visits: Sequence[str]) -> Study:
    """The scored study with a row for each enrolled patient at each of these visits, patient by
    patient, visit by visit; then its rows at other visits.

    Rows that were not there have no scores and no answers, and what is known of the patient (a
    score that happens to be the same at each visit is not known of the patient). Patients have at
    most one row a visit.
    """
    ready = study.ready
    codes, n, m = ready.codes, ready.enrolled, len(visits)
    wanted = np.full(len(codes.visits) + 1, -1)  # the last: a visit that is not declared
    wanted[[codes.visits.index(v) for v in visits]] = np.arange(m)
    to = wanted[codes.visit]
    rest = np.flatnonzero(to < 0)
    cells = np.full(n * m, -1)
    own = np.flatnonzero(to >= 0)
    cells[codes.patient[own] * m + to[own]] = own
    place = np.concatenate([cells, rest])
    patient = np.concatenate([np.repeat(np.arange(n), m), codes.patient[rest]])
    order = [codes.visits.index(v) for v in visits]
    visit = np.concatenate([np.tile(order, n), codes.visit[rest]]).astype(np.intp)
    frame = ready.scores.reindex(place).reset_index(drop=True)
    known = ready.patient_frame
    answers = {c for use in ready.uses for c in (*use.items.values(), *use.totals.values())}
    of_patient = frame.columns.intersection(known.columns).difference([*ready.measures, *answers])
    for column in of_patient:
        fill = known[column].to_numpy()[patient]
        frame[column] = frame[column].where(frame[column].notna(), fill)
    frame["patient"] = codes.patients.to_numpy()[patient]
    frame["visit"] = pd.Index(codes.visits).to_numpy()[visit]
    laid_out = replace(
        codes,
        rows={**codes.rows, "scores": patient},
        visit=visit,
        key=patient * max(len(codes.visits), 1) + visit,
    )
    return ready.with_rows(frame, laid_out)

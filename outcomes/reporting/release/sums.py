"""The sums of a clinic as they may leave it: cells of few patients withheld, differences to what
was released before counted too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import outcomes
from outcomes.analyses.sites.shared_sums import SharedSums
from outcomes.config import atomic
from outcomes.core.errors import StudyError, unknown
from outcomes.core.outcome import Outcome
from outcomes.plans.plan import Plan
from outcomes.reporting import LEDGER
from outcomes.reporting.fingerprints import patient_tokens, token
from outcomes.reporting.release.ledger import Ledger, Record, recorded
from outcomes.reporting.release.policy import PRESETS, Policy
from outcomes.reporting.release.span import Span
from outcomes.reporting.release.tables import CountTables, HiddenCounts
from outcomes.study.study import Study


def export_sums(
    study: Study,
    to: str | Path,
    *,
    site: str,
    key: str,
    policy: str = "opensafely",
    ledger: str | Path = "",
) -> SharedSums:
    """Write the sums of a clinic's scores as signed JSON, for `pool_sums`, and remember them in the
    ledger of what was shared (default: `shared-ledger.json` beside the file).

    Raises StudyError without a key or a question that can be shared, and what `gated_sums` raises.
    """
    to = Path(to)
    sums, record = gated_sums(
        study, site=site, policy=policy, ledger=ledger or to.absolute().parent / LEDGER
    )
    text = sums.to_json(key)
    to.absolute().parent.mkdir(parents=True, exist_ok=True)
    with recorded(record):
        atomic.write(to, text)
    return sums


def gated_sums(
    study: Study, *, site: str, policy: str = "opensafely", ledger: str | Path
) -> tuple[SharedSums, Record]:
    """What the study's plan needs of this clinic, gated, and what the ledger is to remember of it.

    For each `PairedT`, `Responders` and `MMRM` of the plan: sums and products of scores by pattern
    of visits and arm, and counts of responders. A cell of as few patients as the policy hides, of
    patients who all have the same score, or that tells about a few together with anything released
    before, is withheld. Raises StudyError where the plan has none of these questions.
    """
    if policy not in PRESETS:
        raise StudyError(unknown("policy", policy, PRESETS))
    ready, plan = study.ready, Plan.of(study)
    asked = [q for q in plan if q.shareable]
    if not asked:
        raise StudyError(
            "The plan asks nothing whose sums can be shared: PairedT, Responders or MMRM."
        )
    gate = _Gate(PRESETS[policy], Ledger.open(Path(ledger), study), ready)
    made = tuple(q.sums_to_share(ready, gate) for q in asked)
    gate.ledger.add(gate.patients, ready, gate.tables)
    sums = SharedSums(
        site,
        policy,
        tuple(map(str, study.visits)),
        study.baseline,
        study.design,
        made,
        outcomes.__version__,
    )
    return sums, Record(Path(ledger), gate.ledger.read, gate.ledger.text())


class _Gate:
    """Lets cells and counts out that a policy allows, and remembers them.

    Counts go out exactly. A count is a sum too (of ones), so the same span that compares sums of
    scores says whether counts, subtracted from one another, tell of a few patients; and the tables
    of counts say whether a small count that a shared report hides stays open beside them.
    """

    def __init__(self, policy: Policy, ledger: Ledger, study: Study) -> None:
        self.policy, self.ledger, self.enrolled = policy, ledger, study.enrolled
        self.patients = patient_tokens(study, ledger.key)
        at = ledger.place_of(self.patients)
        self.tables = ledger.tables[at] if at < len(ledger.tables) else CountTables()

    def allowed(self, outcome: Outcome, scores: pd.DataFrame) -> bool:
        """Whether the sums and products of these patients may go out at every visit; if so, the
        ledger remembers them.
        """
        n, visits = scores.shape
        if n < max(self.policy.least, visits + 3):  # fewer scores than twice the sums
            return False
        grid = scores.dropna(axis=1, how="all")
        levels = [grid[v].to_numpy(float) for v in grid.columns]
        changes = [x - y for x, y in combinations(levels, 2)]
        if any(np.ptp(x[~np.isnan(x)]) == 0 for x in (*levels, *changes)):
            return False
        span, key = self.ledger.spans.setdefault(outcome.name, Span()), self.ledger.key
        sums = []
        for visit in grid.columns:
            owner = {
                token(key, outcome.name, visit, p, float(v)): token(key, "patient", p)
                for p, v in grid[visit].dropna().items()
            }
            weights = dict.fromkeys(owner, 1)
            if span.isolates(weights, owner, self.policy.least):
                return False
            sums.append((weights, owner))
        if not self._counts(outcome.name, [scores.index]):
            return False
        for weights, owner in sums:
            span.add(weights, owner)
        return True

    def counted(self, outcome: Outcome, who: pd.Index, among: pd.Index) -> bool:
        """Whether it may be told how many these patients are, and among how many; if so, it is
        remembered.
        """
        return self._counts(outcome.name, [among, who])

    def _counts(self, outcome: str, groups: Sequence[pd.Index]) -> bool:
        """Whether the exact numbers of these patients may go out, each group within the one before;
        all of them or none. Numbers of one score are compared, not those of different scores.
        """
        key, tables = self.ledger.key, self.tables
        span = self.ledger.spans.setdefault(f"patients with {outcome}", Span())
        rows = [{token(key, "patient", p): 1 for p in who} for who in groups]
        kept = list(span.rows)
        for row in rows:
            if len(row) <= self.policy.hidden or span.isolates(
                row, {p: p for p in row}, self.policy.least
            ):
                span.rows[:] = kept
                return False
            span.add(row, {p: p for p in row})
        draft = deepcopy(tables)
        sizes = [self.enrolled, *map(len, groups)]
        names = [token(key, "patients", n) for n in sizes]
        for (whole, n), (part, k) in pairwise(zip(names, sizes, strict=True)):
            if k < n:
                rest = token(key, "others", n, k)
                draft.add(whole, (part, rest))
                if n - k <= self.policy.hidden:
                    draft.small.add(rest)
        draft.would = dict(zip(names[1:], sizes[1:], strict=True))
        at = self.ledger.place_of(self.patients)
        reports = [*self.ledger.tables[:at], draft, *self.ledger.tables[at + 1 :]]
        still_open = HiddenCounts(
            reports, now=at, base=self.policy.base, hidden=self.policy.hidden, exact=True
        )
        if any(still_open.closed_by(name, n) for name, n in draft.would.items()):
            span.rows[:] = kept
            return False
        vars(tables).update(vars(draft))
        return True

    def bounds(self, n: int) -> tuple[int, int]:
        """The least and most number of patients that a rounded count stands for."""
        if not n:
            return 0, 0
        if n <= self.policy.hidden:
            return 1, self.policy.hidden
        base = self.policy.base
        shown = base * math.floor(n / base + 0.5)
        return max(shown - base // 2, self.policy.least), shown + base // 2

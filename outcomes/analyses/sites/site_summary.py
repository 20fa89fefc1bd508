"""What one clinic sends so that many can pool without sharing patients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from outcomes.analyses.responders.one_group import improvement_sign, parse_rule, responded
from outcomes.core.errors import AnalysisError
from outcomes.stats.paired.correlation import pearson
from outcomes.study.study import Pairs, Study

#: The numbers of a row, as `pool_summaries` names them.
NUMBERS = (
    "n",
    "mean_before",
    "sd_before",
    "mean_after",
    "sd_after",
    "mean_change",
    "sd_change",
    "r",
)


def site_summary(
    study: Study,
    outcome: str,
    *,
    before: str,
    after: str,
    by: str = "site",
    rule: str = "",
    least: int = 5,
) -> pd.DataFrame:
    """One row a site (or arm, or any other group of `by`), in the columns that `pool_summaries`
    takes; no patient in it.

    Of the patients with both scores: n, mean and SD before, after and of the change, and r, the
    correlation of before and after; with `rule` ("30%", "2 points", as in `Responders`) also
    `events`, how many improved by so much. Numbers are exact, so that pooling the rows is pooling
    the sites: ``pool_summaries(rows)`` equals `PooledSites` of `PairedT`.

    A row is left empty, whole and never in part, where it would tell about single patients; the
    column `suppressed` says why, and `pool_summaries` leaves such a row out and counts it. That is
    so with fewer than `least` patients (default 5); with `rule` fewer than `least` who improved, or
    who did not (none at all is few, too); or scores or changes all alike. A score of 0 before
    cannot fall by a percentage and counts as not improved. Patients without both scores or without
    a `by` are in no row. Do not send the numbers of all sites together beside the rows: the
    difference would be the row left out.

    These rows are for partners who agreed to pool, not for everybody: they are exact, and of a few
    patients exact means and SDs narrow down the scores. A report with the audience "share" also
    rounds, and hides counts up to 7, 9 or 10 by its policy; for partners who ask for such a policy,
    set `least` above that: 8 for "opensafely" and "nhs", 10 for "ukllc" and "acro", 11 for "cms".

    Raises AnalysisError for unknown names, an unknown `rule` or one where the outcome has no better
    side, and `least` below 3 (of two patients each would know the other's score).

    >>> import pandas as pd, outcomes as oc
    >>> rows = [
    ...     (f"p{s}{i}", s, v, y)
    ...     for s, ys in {
    ...         "A": [(7, 5), (6, 5), (8, 4), (9, 4), (5, 5)],
    ...         "B": [(7, 6), (9, 7)],
    ...     }.items()
    ...     for i, two in enumerate(ys)
    ...     for v, y in zip(("pre", "post"), two)
    ... ]
    >>> study = oc.Study(
    ...     pd.DataFrame(rows, columns=["patient", "site", "visit", "pain"]),
    ...     visits=("pre", "post"),
    ...     measures={"pain": oc.Outcome("pain", "Pain", "lower")},
    ... )
    >>> oc.site_summary(study, "pain", before="pre", after="post")[
    ...     ["site", "n", "mean_change", "suppressed"]
    ... ]
      site    n  mean_change             suppressed
    0    A     5         -2.4
    1    B  <NA>          NaN  fewer than 5 patients
    """
    if least < 3:
        raise AnalysisError(
            f"least is a number of patients of at least 3, better 5 or more; got {least}."
        )
    pairs = study.pairs(outcome, before=before, after=after)
    groups = study.characteristic(by).reindex(pairs.patients)
    names = sorted(study.characteristic(by).dropna().unique(), key=str)
    sign = (
        improvement_sign(pairs.outcome)
        if rule and parse_rule(rule)[0] in ("percent", "points")
        else 1
    )
    rows = [_row(pairs, (groups == name).to_numpy(), rule, sign, least) for name in names]
    columns = [*NUMBERS, *(["events"] if rule else []), "suppressed"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[:-1], float))
    table = table.astype({c: "Int64" for c in ("n", "events") if c in table})
    table.insert(0, by, [str(name) for name in names])
    return table


def _row(pairs: Pairs, mine: np.ndarray, rule: str, sign: int, least: int) -> dict[str, Any]:
    """A site's numbers, or only why they are kept back."""
    first, last, change = pairs.before[mine], pairs.after[mine], pairs.change[mine]
    n = len(first)
    if n < least:
        return {"suppressed": f"fewer than {least} patients"}
    if min(np.ptp(first), np.ptp(last), np.ptp(change)) == 0:
        return {"suppressed": "all alike before, after or in change"}
    made: dict[str, Any] = {"n": n, "r": pearson(first, last).value, "suppressed": ""}
    for name, values in (("before", first), ("after", last), ("change", change)):
        made |= {f"mean_{name}": float(values.mean()), f"sd_{name}": float(values.std(ddof=1))}
    if not rule:
        return made
    events = int(responded(first, last, rule, sign)[0].sum())
    if min(events, n - events) < least:
        return {"suppressed": f"fewer than {least} responders or non-responders"}
    return made | {"events": events}

"""Description: what is counted, means, quartiles, changes, and the share that reached each
change.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from outcomes.analyses.describe import Describe
from outcomes.analyses.responders.one_group import responded
from outcomes.core.outcome import Outcome
from outcomes.stats.paired.location import changes, mean_change, median_change, sign_test
from outcomes.study.study import Study
from outcomes.validation.cases import Case, answers, column, differs, pairs

differs(
    "two pairs always lie on a line: a correlation of them is undefined here",
    lambda c, q: c.method == "descriptives" and q == "r" and len(pairs(c)[0]) < 3,
)
differs(
    "a responder rule asks for an improvement above zero",
    lambda c, q: c.method == "ecdf_change" and q.endswith(">=0)"),
)


@answers(
    "describe",
    {"descriptives": ("Mean, SD, quartiles (type 7), range, counts", "mean, sd, quantile, cor")},
)
def _describe(case: Case) -> dict[str, float]:
    rows = case.rows()
    before, after = pairs(case)
    ids = np.arange(len(before))
    scores = pd.DataFrame(
        {
            "patient": [*ids, *ids],
            "visit": ["pre"] * len(ids) + ["post"] * len(ids),
            "score": [*before, *after],
        }
    )
    study = Study(scores, visits=("pre", "post"), measures={"score": Outcome("score", "score")})
    visits = Describe().run(study).data["visits"].set_index("visit")
    signs, change, d = sign_test(before, after), mean_change(before, after), changes(before, after)
    got = {
        "n_rows": len(rows),
        "n_pairs": len(before),
        "mean_diff": visits.loc["post", "mean change"],
        "sd_diff": change.se * np.sqrt(len(before)),
        "median_diff": median_change(before, after).median.value,
        "n_pos": signs.n_up,
        "n_neg": signs.n_down,
        "n_zero": len(before) - signs.n_up - signs.n_down,
        "min_diff": d.min(),
        "max_diff": d.max(),
        "r": visits.loc["post", "correlation"],
    }
    for visit in ("pre", "post"):
        got[f"n_missing_{visit}"] = np.isnan(column(rows, visit)).sum()
        got |= {f"{k}_{visit}": visits.loc[visit, k] for k in ("mean", "sd", "median", "q1", "q3")}
    return got


@answers("describe", {"ecdf_change": ("Share of patients who improved by at least so much", "own")})
def _reached(case: Case) -> dict[str, float]:
    before, after = pairs(case)
    return case.each(
        lambda q: float(
            np.mean(responded(before, after, f"{q.split('>=')[1].rstrip(')')} points", -1)[0])
        )
    )

"""Studies that are hard on every question: scores far from 0, with many decimals or without spread,
very few patients, an arm of one, visits without scores.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from outcomes.study.study import Study
from tests.words.situations import SITUATIONS, Situation, study

Scores = Callable[[pd.DataFrame, str], pd.Series]


def _rescored(name: str, made: Scores, resolution: float = 1) -> Study:
    there = study(name, SITUATIONS[0])
    scores, measures = there.scores.copy(), dict(there.measures)
    for c in ("pain", "pain_now"):
        scores[c] = made(scores, c)
        measures[c] = dataclasses.replace(
            measures[c], low=math.nan, high=math.nan, resolution=resolution
        )
    return dataclasses.replace(there, scores=scores, measures=measures)


def _noise(s: pd.DataFrame, c: str) -> pd.Series:
    return s[c] + np.random.default_rng(1).normal(0, 0.3, len(s)).round(9)


def _first(s: pd.DataFrame, c: str) -> pd.Series:
    """Every patient (and period) changes by the same amount."""
    keys = [k for k in ("patient", "period", "episode") if k in s]
    return s.groupby(keys)[c].transform("first") - (s["visit"] != "baseline") * 2.0


def _missing(name: str, visit: str) -> Study:
    there = study(name, SITUATIONS[0])
    keys = ("patient", "visit", "period", "arm", "episode")
    scores = there.scores.copy()
    scores.loc[scores["visit"] == visit, [c for c in scores if c not in keys]] = np.nan
    return dataclasses.replace(there, scores=scores)


def _sparse(name: str) -> Study:
    return _rescored(name, lambda s, c: s[c].mask(np.random.default_rng(3).random(len(s)) < 0.55))


def _two_visits(name: str) -> Study:
    there = study(name, SITUATIONS[0])
    scores = there.scores[there.scores["visit"] != "week_1"]
    return dataclasses.replace(there, scores=scores, visits=("baseline", "week_4"))


def _patients(name: str, change: Callable[[pd.DataFrame], dict[str, object]]) -> Study:
    there = study(name, SITUATIONS[0])
    assert there.patients is not None
    made = {k: v for k, v in change(there.patients).items() if k in there.patients}
    return dataclasses.replace(there, patients=there.patients.assign(**made))


def _lone(p: pd.DataFrame) -> dict[str, object]:
    one = np.arange(len(p)) == 0
    return {"arm": np.where(one, "ketamine", "placebo"), "route": np.where(one, "IV", "oral")}


HOSTILE: dict[str, Callable[[str], Study]] = {
    "scores near 5,000": partial(_rescored, made=lambda s, c: s[c] + 5000),
    "scores near 1,000,000": partial(_rescored, made=lambda s, c: s[c] + 1e6),
    "many decimals": partial(_rescored, made=_noise, resolution=1e-9),
    "two values": partial(
        _rescored, made=lambda s, c: (s[c] > 5).astype(float).where(s[c].notna())
    ),
    "all 0": partial(_rescored, made=lambda s, c: s[c].where(s[c].isna(), 0.0)),
    "half begin at 0": partial(
        _rescored,
        made=lambda s, c: s[c].mask(
            (s["visit"] == "baseline") & s[c].notna() & (np.arange(len(s)) % 2 == 0), 0.0
        ),
    ),
    "one change": partial(_rescored, made=_first),
    "an outlier": partial(
        _rescored, made=lambda s, c: s[c].mask(s[c].notna() & (np.arange(len(s)) == 4), 1e5)
    ),
    "sparse": _sparse,
    "two visits": _two_visits,
    "no week 1": partial(_missing, visit="week_1"),
    "no week 4": partial(_missing, visit="week_4"),
    "no baseline": partial(_missing, visit="baseline"),
    "an arm of one": partial(_patients, change=_lone),
    "arms unknown": partial(
        _patients,
        change=lambda p: {"arm": p["arm"].where(np.arange(len(p)) % 4 != 0)} if "arm" in p else {},
    ),
    "one site": partial(_patients, change=lambda p: {"site": "A", "region": "north"}),
    "sites of two": partial(
        _patients, change=lambda p: {"site": [f"s{k // 2}" for k in range(len(p))]}
    ),
}
HOSTILE |= {
    f"{n} patients": (lambda name, n=n: study(name, Situation("few", n=n))) for n in (1, 3, 4, 5)
}
HOSTILE["4 patients, worse"] = lambda name: study(name, Situation("few", "worsening", n=4))

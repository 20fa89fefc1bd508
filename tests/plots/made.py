"""A result with the data of each kind of picture, as large, long or empty as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import outcomes as oc
from outcomes.analyses.question import Analysis
from outcomes.core.contrast import Contrast, Versus
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts
from outcomes.core.measure import Measure
from outcomes.core.picture import ValueAxis, forest_frame
from outcomes.core.result import Result

PAIN = oc.Outcome("pain", "Pain NRS average", "lower", "points", 0, 10, 1)
LONG = "Diabetic peripheral neuropathy of both feet, more than 5 years"
SIGNS = r"Cost $x^2$ of \alpha & 100% <b>_i"


@dataclass(frozen=True)
class _Asked(Analysis):
    """A question that says no more than it is asked."""

    before: str = ""
    after: str = ""
    short: ClassVar[str] = "a method with a name"

    def title(self, outcome: Any = None) -> str:
        name = outcome.title if outcome else ""
        return f"{name}: {self.short}"

    def sentence(self, result: Result, style: str = "ama") -> str:
        return "Said."


@dataclass(frozen=True)
class Case:
    """What the data of a picture look like: names of groups and visits, and how many patients."""

    groups: tuple[str, ...] = ("ketamine", "placebo")
    visits: tuple[str, ...] = ("baseline", "week_1", "week_4")
    n: int = 60
    outcome: oc.Outcome = PAIN


def _many(word: str, n: int) -> tuple[str, ...]:
    return tuple(f"{word} {i + 1}" for i in range(n))


CASES = {
    "plain": Case(),
    "long names": Case(
        (LONG, f"{LONG} on"), tuple(f"{LONG} {i}" for i in "abc"), outcome=replace(PAIN, title=LONG)
    ),
    "signs": Case(
        (SIGNS, f"{SIGNS}2"), ("base$line$", r"week\4", "$"), outcome=replace(PAIN, title=SIGNS)
    ),
    "5 groups": Case(_many("group", 5)),
    "12 groups": Case(_many("clinic", 12), n=120),
    "20 visits": Case(visits=_many("week", 20)),
    "one patient": Case(("ketamine",), n=1),
    "nobody": Case(n=0),
    "500 patients": Case(n=500),
    "100,000 patients": Case(n=100_000),
}


def _scores(c: Case, m: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    start = rng.integers(4, 11, c.n)[:, None]
    return np.clip(start - rng.integers(-1, 4, (c.n, m)) * (np.arange(m) > 0), 0, 10).astype(float)


def _label(c: Case) -> np.ndarray:
    return np.array([c.groups[i % len(c.groups)] for i in range(c.n)], dtype=object)


def _change(value: float = -1.5) -> Estimate:
    return Estimate("mean change", value, -2.1, -0.9, measure=Measure.CHANGE)


def _against(c: Case, measure: Measure, value: float = -1.0, **more: Any) -> list[Estimate]:
    first, *others = c.groups
    return [
        Estimate(
            "difference", x, x - 0.8, x + 0.9, measure=measure, group=Versus.of(g, first), **more
        )
        for i, g in enumerate(others)
        for x in [value + 0.1 * i]
    ]


def _result(
    c: Case,
    data: dict[str, pd.DataFrame],
    estimates: Sequence[Estimate] = (),
    axis: ValueAxis | None = None,
) -> Result:
    return Result(
        _Asked(before=c.visits[0], after=c.visits[-1]),
        tuple(estimates),
        Counts(c.n, c.n),
        c.outcome,
        data=data,
        axis=axis or ValueAxis(),
        sample=True,
    )


def pairs(c: Case) -> Result:
    x = _scores(c, 2)
    frame = pd.DataFrame({"before": x[:, 0], "after": x[:, 1], "change": x[:, 1] - x[:, 0]})
    return _result(c, {"pairs": frame}, [_change()] if c.n else [], ValueAxis(margins=(-1.0, 1.0)))


def groups(c: Case) -> Result:
    x = _scores(c, 2)
    frame = pd.DataFrame(
        {"group": _label(c), "before": x[:, 0], "after": x[:, 1], "value": x[:, 1] - x[:, 0]}
    )
    return _result(c, {"groups": frame}, _against(c, Measure.DIFFERENCE_IN_CHANGE))


def patients(c: Case) -> Result:
    frame = pd.DataFrame(_scores(c, len(c.visits)), columns=list(c.visits))
    return _result(c, {"patients": frame.assign(group=_label(c))})


def course(c: Case) -> Result:
    rows = [
        {"group": g, "visit": v, "n": c.n, "mean": m, "low": m - 0.4, "high": m + 0.4}
        for i, g in enumerate(c.groups)
        for j, v in enumerate(c.visits)
        for m in [7.0 - 2 * (j > 0) + 0.4 * i if c.n else np.nan]
    ]
    return _result(c, {"course": pd.DataFrame(rows)})


def observed(c: Case) -> Result:
    rows = [
        {"group": g, "visit": v, "n": c.n // (j + 1), "enrolled": c.n}
        for g in c.groups
        for j, v in enumerate(c.visits)
    ]
    return _result(c, {"observed": pd.DataFrame(rows)})


def forest(c: Case) -> Result:
    rows = _against(c, Measure.DIFFERENCE) or [_change(np.nan if not c.n else -1.5)]
    frame = forest_frame([(f"{g} ", e) for g, e in zip(c.groups, rows)], lambda e: e is rows[0])
    return _result(c, {"forest": frame}, rows, ValueAxis("difference in pain", margins=(-2.0,)))


def dots(c: Case) -> Result:
    events = c.visits
    rows, found = [], []
    for i, event in enumerate(events):
        for j, g in enumerate(c.groups):
            share = 0.1 + 0.6 * i / len(events) + 0.02 * j if c.n else np.nan
            rows.append(
                {"label": event, "group": g, "share": share, "low": share / 2, "high": share + 0.1}
            )
        found += [
            replace(e, place=replace(e.contrast, event=event))
            for e in _against(c, Measure.SHARE_DIFFERENCE, 0.1 if c.n else np.nan)
        ]
    return _result(c, {"dots": pd.DataFrame(rows)}, found)


def _curve(c: Case, shift: float) -> pd.DataFrame:
    steps = np.linspace(-100, 100, min(max(c.n, 2), 400))
    return pd.DataFrame({"improvement": steps, "share": np.linspace(1, 0, len(steps)) ** shift})


def ecdf(c: Case) -> Result:
    parts = [
        _curve(c, 1 + i / 3).assign(group=g, n=c.n // len(c.groups)) for i, g in enumerate(c.groups)
    ]
    return _result(c, {"ecdf": pd.concat(parts)})


def dropout(c: Case) -> Result:
    parts = [
        _curve(c, 1 + i / 3).assign(group=g, n=c.n)
        for i, g in enumerate(("patients with both scores", *c.groups[:2]))
    ]
    return _result(c, {"dropout": pd.concat(parts)})


def bands(c: Case) -> Result:
    n = [c.n // (i + 1) for i in range(len(c.groups))]
    frame = pd.DataFrame({"label": c.groups, "patients": n, "shown": [str(x) for x in n]})
    return _result(c, {"bands": frame.astype({"patients": float})})


def answers(c: Case) -> Result:
    frame = pd.DataFrame({"group": c.groups} | {k: c.n // (k + 1) for k in range(1, 8)})
    return _result(c, {"answers": frame})


def profile(c: Case) -> Result:
    rows = [
        {"question": q, "group": g, "visit": v, "answer": str(a), "patients": c.n // (a + j)}
        for q in (c.groups if len(c.groups) > 2 else ("",))
        for g in (c.groups if len(c.groups) <= 2 else ("",))
        for j, v in enumerate(c.visits)
        for a in range(1, 6)
    ]
    return _result(c, {"profile": pd.DataFrame(rows)})


def severity(c: Case) -> Result:
    names = ("any side effect", *c.groups)
    words = ("severe", "moderate", "mild", "")
    rows = [
        {"label": v, "severity": w, "patients": c.n // (2 + i + j), "total": 2 * max(c.n, 1)}
        for i, v in enumerate(names)
        for j, w in enumerate(words)
    ]
    return _result(c, {"severity": pd.DataFrame(rows)})


def staircase(c: Case) -> Result:
    m = len(c.visits)
    rows = [[j <= i for j in range(m)] for i in range(m)] if c.n else []
    frame = pd.DataFrame(rows, columns=list(c.visits))
    return _result(c, {"staircase": frame.assign(n=[c.n // (i + 1) for i in range(len(rows))])})


def correlations(c: Case) -> Result:
    names = list(c.groups)
    table = pd.DataFrame(0.35, index=names, columns=names)
    return _result(c, {"correlations": table})


def grid(c: Case) -> Result:
    table = pd.DataFrame(0.35, index=list(c.groups), columns=list(c.visits))
    return _result(c, {"grid": table})


def tipping(c: Case) -> Result:
    delta = np.linspace(0, 3, 6)
    frame = pd.DataFrame({"delta": delta, "value": delta - 1.5})
    frame = frame.assign(low=frame["value"] - 0.5, high=frame["value"] + 0.5)
    tip = Estimate("tipping value", 1.1, measure=Measure.THRESHOLD)
    return _result(c, {"tipping": frame}, [tip] if c.n else [], ValueAxis("mean change"))


def funnel(c: Case) -> Result:
    i = np.arange(len(c.groups))
    se = 0.2 + 0.05 * i if c.n else np.full(len(i), np.nan)
    frame = pd.DataFrame({"label": c.groups, "value": -1.5 + 0.2 * (i % 4), "se": se})
    return _result(c, {"funnel": frame}, [_change()], ValueAxis("mean change (points)"))


def labbe(c: Case) -> Result:
    rows = [
        {"label": g, "group": 0.3 + 0.04 * i, "reference": 0.2 + 0.05 * (i % 5), "n": c.n}
        for i, g in enumerate(c.groups)
    ]
    frame = pd.DataFrame(rows if c.n else [], columns=["label", "group", "reference", "n"])
    place = Contrast(group=c.groups[0], reference=c.groups[-1])
    common = Estimate("difference", 0.1, measure=Measure.SHARE_DIFFERENCE, place=place)
    return _result(c, {"labbe": frame}, [common] if c.n else [])


def sequences(c: Case) -> Result:
    rows = [
        {"order": f"{g} then more", "period": j + 1, "arm": g, "n": c.n, "mean": 5.0 + i - 0.3 * j}
        for i, g in enumerate(c.groups)
        for j in range(min(len(c.visits), 4))
    ]
    return _result(c, {"cells": pd.DataFrame(rows)})


def run(c: Case) -> Result:
    frame = pd.DataFrame(
        [
            {
                "period": v,
                "value": 0.4 + 0.05 * (i % 4),
                "n": c.n,
                "large": c.n > 20,
                "signal": i == 1,
                "centre": 0.45,
                "low": 0.2,
                "high": 0.7,
            }
            for i, v in enumerate(c.visits)
        ]
    )
    return _result(c, {"run": frame}, axis=ValueAxis(percent=True))


def swimmer(c: Case) -> Result:
    who = np.repeat(np.arange(c.n), 3)
    day = np.tile([0.0, 14.0, 30.0], c.n) + np.where(np.arange(3 * c.n) % 3, who % 50, 0)
    route = [c.groups[i % len(c.groups)] for i in range(3 * c.n)]
    return _result(c, {"swimmer": pd.DataFrame({"patient": who, "day": day, "route": route})})


def survival(c: Case) -> Result:
    rows = [
        {
            "group": g,
            "time": 10.0 * (k + 1),
            "survival": 1 - 0.2 * (k + 1),
            "low": 0.8 - 0.2 * (k + 1) + 0.1,
            "high": 1 - 0.15 * (k + 1),
            "at_risk": c.n // (k + 1),
        }
        for g in c.groups
        for k in range(3)
    ]
    return _result(c, {"survival": pd.DataFrame(rows)})


def agreement(c: Case) -> Result:
    x = _scores(c, 2)
    points = pd.DataFrame({"mean": x.mean(axis=1), "difference": x[:, 1] - x[:, 0]})
    rows = [("upper limit of agreement", 1.0), ("bias", -1.2), ("lower limit of agreement", -3.4)]
    known = c.n > 1
    limits = pd.DataFrame(
        [
            {"label": k, "value": v, "low": v - 0.2, "high": v + 0.2}
            if known
            else {"label": k, "value": np.nan, "low": np.nan, "high": np.nan}
            for k, v in rows
        ]
    )
    return _result(c, {"agreement": points, "limits": limits}, axis=ValueAxis(LONG))


def diagnostics(c: Case) -> Result:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "fitted": rng.normal(5, 1, c.n),
            "residual": rng.normal(0, 1, c.n),
            "leverage": rng.uniform(0, 0.1, c.n),
            "visit": [c.visits[i % len(c.visits)] for i in range(c.n)],
        }
    )
    return _result(c, {"diagnostics": frame})


#: What makes each kind of picture; several where its data have several forms.
MAKE: dict[str, tuple[Callable[[Case], Result], ...]] = {
    "slopes": (pairs,),
    "waterfall": (pairs,),
    "raincloud": (pairs, groups),
    "estimation": (pairs, groups),
    "patients": (groups, patients),
    "course": (course,),
    "observed": (observed,),
    "forest": (forest,),
    "dots": (dots,),
    "ecdf": (ecdf,),
    "dropout": (dropout,),
    "bands": (bands,),
    "answers": (answers,),
    "profile": (profile,),
    "severity": (severity,),
    "staircase": (staircase,),
    "correlations": (correlations,),
    "grid": (grid,),
    "tipping": (tipping,),
    "funnel": (funnel,),
    "labbe": (labbe,),
    "sequences": (sequences,),
    "run": (run,),
    "swimmer": (swimmer,),
    "survival": (survival,),
    "agreement": (agreement,),
    "diagnostics": (diagnostics,),
}

"""Long data of the mixed-model cases as arrays, and R's names for the columns of a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from outcomes.validation.cases import Tables, settings

Row = dict[str, Any]
Features = dict[str, Callable[[Row], float]]


def rows_of(tables: Tables, inputs: str, data: str) -> list[Row]:
    """The rows a case is fitted to, with id, visit, y and covariates; rows without y left out."""
    rows = tables(data)
    if "y" not in rows[0]:
        pairs = [(r["id"], "a", r["pre"]) for r in rows] + [(r["id"], "b", r["post"]) for r in rows]
        return [{"id": i, "visit": v, "y": float(y)} for i, v, y in pairs]
    given = settings(inputs)
    if "baseline" in given:  # the baseline is a column, and one of the visits of the model
        first = {r["id"]: r["base"] for r in rows}
        late = [r for r in rows if r["time"] in given["times"].split() and r["y"]]
        out = [{"id": i, "visit": given["baseline"], "y": float(b)} for i, b in first.items()]
        return out + [{"id": r["id"], "visit": f"M{r['time']}", "y": float(r["y"])} for r in late]
    rename = {"treatment": "arm"}
    return [
        {rename.get(k, k): v for k, v in r.items()} | {"y": float(r["y"])} for r in rows if r["y"]
    ]


def levels(rows: Sequence[Row], name: str) -> list[str]:
    """Factor levels: the control arm first, else in sorted order."""
    seen = sorted({r[name] for r in rows})
    control = [c for c in ("placebo", "TAU") if c in seen][:1]
    return control + [v for v in seen if v not in control]


def is_factor(rows: Sequence[Row], name: str) -> bool:
    """Whether a column is a factor: text, or the site."""
    try:
        [float(r[name]) for r in rows]
    except ValueError:
        return True
    return name == "site"


def wide(rows: Sequence[Row], features: Features) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores and features as patients × visits arrays, and the visits in order."""
    visits = sorted(
        {r["visit"] for r in rows}, key=lambda v: (len(v), v) if v[-1].isdigit() else (0, v)
    )
    ids = {i: n for n, i in enumerate(dict.fromkeys(r["id"] for r in rows))}
    scores = np.full((len(ids), len(visits)), np.nan)
    design = np.zeros((len(ids), len(visits), len(features)))
    for r in rows:
        at = ids[r["id"]], visits.index(r["visit"])
        scores[at] = r["y"]
        design[at] = [f(r) for f in features.values()]
    return scores, design, visits


def features_of(rows: Sequence[Row], formula: str) -> tuple[Features, set[str], dict[str, float]]:
    """Features, those that interact with visit, and equal-weight values of nuisance factors."""
    features: Features = {"intercept": lambda r: 1.0}
    by_visit: set[str] = set()
    at: dict[str, float] = {}
    for term in formula.split("~")[1].split("+"):
        names = [n.strip() for n in term.split("*")]
        for name in names:
            if name == "visit":
                continue
            if is_factor(rows, name):
                order = levels(rows, name)
                for level in order[1:]:
                    features[f"{name} {level}"] = lambda r, n=name, v=level: float(r[n] == v)  # type: ignore[misc]
                    if name != "arm":
                        at[f"{name} {level}"] = 1 / len(order)
            else:
                features[name] = lambda r, n=name: float(r[n])  # type: ignore[misc]
            if "visit" in names:
                by_visit |= {f for f in features if f == name or f.startswith(f"{name} ")}
    return features, by_visit, at


def r_names(names: Sequence[str]) -> Mapping[str, int]:
    """R's names of the coefficients, with an interaction's parts in either order."""
    out = {}
    for i, name in enumerate(names):
        parts = [p.replace(" ", "") for p in name.split(" x ")]
        if name == "intercept":
            out["(Intercept)"] = i
        elif len(parts) == 2:
            out[f"{parts[0]}:visit{parts[1]}"] = out[f"visit{parts[1]}:{parts[0]}"] = i
        else:
            out[parts[0]] = i
    return out

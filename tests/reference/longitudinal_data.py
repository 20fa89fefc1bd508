"""The oracle data of areas 50, 60 and 61 as arrays, and R's names for the columns of a model."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from tests.shared import oracle_data, oracle_rows

FLOOR = 1e-12


def cases(methods, *, skip=lambda row: False):
    """Rows of the reference table by (case, method, options)."""
    out = defaultdict(list)
    for row in oracle_rows():
        if methods(row["method"]) and not skip(row):
            out[row["case_id"], row["method"], row["options"]].append(row)
    return dict(out)


def close(row, value, rtol=None):
    """Words for a disagreement beyond the row's tolerance; empty where it agrees."""
    rtol = float(row["rtol"]) if rtol is None else rtol
    if row["value"] == "NA":
        return "" if math.isnan(value) else f"{row['quantity']}: {value!r}, expected undefined"
    expected = float(row["value"])
    if abs(value - expected) <= max(rtol * abs(expected), FLOOR):
        return ""
    where = f"{row['case_id']} {row['method']} {row['quantity']}"
    return f"{where}: {value!r}, expected {expected!r} (relative {value / expected - 1:.2e})"


def number(text):
    return float(text) if text not in ("", "NA") else math.nan


def rows_of(case, data_file):
    """The rows a case is fitted to, as dicts with id, visit, y and covariates; rows without y left out."""
    data = oracle_data(data_file)
    if data_file == "r_sleep.csv":
        pairs = [(r["id"], "a", r["pre"]) for r in data] + [(r["id"], "b", r["post"]) for r in data]
        return [{"id": i, "visit": v, "y": float(y)} for i, v, y in pairs]
    if case == "mmrm_cohort_n120":
        first = {r["id"]: r["base"] for r in data}
        out = [{"id": i, "visit": "M0", "y": float(b)} for i, b in first.items()]
        late = [r for r in data if r["time"] in ("1", "3", "6", "12") and r["y"]]
        return out + [{"id": r["id"], "visit": f"M{r['time']}", "y": float(r["y"])} for r in late]
    rename = {"treatment": "arm"} if data_file == "r_btheb_long.csv" and case.startswith("mmrm") else {}
    return [{rename.get(k, k): v for k, v in r.items()} | {"y": float(r["y"])} for r in data if r["y"]]


def levels(rows, name):
    """Factor levels: the control arm first, else in sorted order."""
    seen = sorted({r[name] for r in rows})
    for control in ("placebo", "TAU"):
        if control in seen:
            seen.remove(control)
            return [control, *seen]
    return seen


def is_factor(rows, name):
    try:
        [float(r[name]) for r in rows]
    except ValueError:
        return True
    return name == "site"


def visit_order(rows):
    return sorted({r["visit"] for r in rows}, key=lambda v: (len(v), v) if v[-1].isdigit() else (0, v))


def wide(rows, features):
    """Scores and features as patients x visits arrays."""
    visits = visit_order(rows)
    ids = {i: n for n, i in enumerate(dict.fromkeys(r["id"] for r in rows))}
    scores = np.full((len(ids), len(visits)), np.nan)
    design = np.zeros((len(ids), len(visits), len(features)))
    for r in rows:
        at = ids[r["id"]], visits.index(r["visit"])
        scores[at] = r["y"]
        design[at] = [f(r) for f in features.values()]
    return scores, design, visits


def features_of(rows, formula):
    """Features (name -> function of a row), those that interact with visit, and equal-weight values of nuisance factors."""
    features = {"intercept": lambda r: 1.0}
    by_visit, at = set(), {}
    for term in formula.split("~")[1].split("+"):
        names = [n.strip() for n in term.split("*")]
        for name in names:
            if name == "visit":
                continue
            if is_factor(rows, name):
                order = levels(rows, name)
                for level in order[1:]:
                    features[f"{name} {level}"] = lambda r, n=name, v=level: float(r[n] == v)
                    if name != "arm":
                        at[f"{name} {level}"] = 1 / len(order)
            else:
                features[name] = lambda r, n=name: float(r[n])
            if "visit" in names:
                by_visit |= {f for f in features if f == name or f.startswith(f"{name} ")}
    return features, by_visit, at


def r_names(names):
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

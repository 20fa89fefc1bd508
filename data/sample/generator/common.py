"""What both invented studies share: reproducible draws, answers to items, side effects, files."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SEVERITIES = {"mild": 0.65, "moderate": 0.28, "severe": 0.07}
RELATIONS = {"related": 0.70, "possible": 0.22, "unlikely": 0.08}


class Draw:
    """Random numbers from PCG64 uniforms alone, so that the files stay the same whatever the numpy
    version.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    def uniform(self, *shape: int) -> np.ndarray:
        return self._bits.random(shape)

    def normal(self, *shape: int) -> np.ndarray:
        u, v = 1.0 - self.uniform(*shape), self.uniform(*shape)
        return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)

    def logistic(self, *shape: int) -> np.ndarray:
        u = np.clip(self.uniform(*shape), 1e-12, 1 - 1e-12)
        return np.log(u / (1 - u))

    def pick(self, shares: np.ndarray | Sequence[float], n: int) -> np.ndarray:
        """n category numbers with these probabilities (one set for all, or one row each)."""
        edges = np.cumsum(
            np.broadcast_to(np.asarray(shares, float), (n, np.shape(shares)[-1])), axis=1
        )
        return np.minimum((self.uniform(n, 1) > edges / edges[:, -1:]).sum(1), edges.shape[1] - 1)


def expit(x: np.ndarray | float) -> Any:
    """The inverse of the log odds."""
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def logit(p: float) -> float:
    """The log odds."""
    return math.log(p / (1 - p))


def whole(x: np.ndarray, low: int, high: int) -> np.ndarray:
    """Round half up to whole points inside a scale."""
    return np.clip(np.floor(x + 0.5), low, high).astype(int)


def answers(
    draw: Draw,
    latent: np.ndarray,
    cuts: Sequence[float],
    offsets: Sequence[float],
    scale: float,
    first: int,
) -> np.ndarray:
    """Answers to items of a trait: one step up for every cut that the trait, blurred by logistic
    noise, passes.

    latent (…,) gives (…, items); an item with a higher offset is endorsed later.
    """
    blurred = (
        latent[..., None] - np.asarray(offsets) + scale * draw.logistic(*latent.shape, len(offsets))
    )
    return first + sum((blurred > cut).astype(int) for cut in cuts)


def event_probability(median: np.ndarray, frailty_sd: float) -> np.ndarray:
    """Probability of each event (last axis) for a patient drawn at random, and of any of them
    (appended last).

    Events are independent given a patient's frailty z ~ N(0, frailty_sd²) on the log-odds scale;
    the integral is Gauss-Hermite.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    weights = weights / weights.sum()
    odds = np.log(median / (1 - median))
    p = expit(odds[..., None] + frailty_sd * nodes)
    return np.concatenate([p @ weights, ((1 - (1 - p).prod(-2)) @ weights)[..., None]], axis=-1)


def correlation(columns: np.ndarray) -> list[list[float]]:
    """Correlations between visits, rounded."""
    return np.round(np.corrcoef(columns, rowvar=False), 3).tolist()


def rounded(values: np.ndarray | float, digits: int = 3) -> Any:
    """Plain rounded numbers for truth.json."""
    return (np.round(np.asarray(values, float), digits) + 0.0).tolist()


def by(names: Sequence[str], values: np.ndarray, digits: int = 3) -> dict[str, float]:
    """Names with their rounded values."""
    return dict(zip(names, rounded(values, digits), strict=True))


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV file (UTF-8, commas, unix line ends), columns in the order of the first row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON file, indented, in the order written."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def entry(
    table: str,
    column: str,
    meaning: str,
    type_: str,
    values: str = "",
    unit: str = "",
    missing: str = "",
) -> dict[str, str]:
    """One line of a data dictionary."""
    return {
        "table": table,
        "column": column,
        "meaning": meaning,
        "type": type_,
        "values": values,
        "unit": unit,
        "missing": missing,
    }


def side_effect_entries(table: str, events: Sequence[str]) -> list[dict]:
    """Dictionary lines of a side-effect table."""
    return [
        entry(
            table,
            "event",
            "side effect; asked for at every treatment session",
            "category",
            "; ".join(events),
        ),
        entry(table, "severity", "how strong it was", "ordered category", "; ".join(SEVERITIES)),
        entry(
            table,
            "relation",
            "judged relation to the treatment",
            "ordered category",
            "; ".join(RELATIONS),
        ),
        entry(
            table,
            "onset_min",
            "time from the start of the session to its onset",
            "number",
            "0 or more",
            "minutes",
        ),
        entry(
            table,
            "serious",
            "serious adverse event by the usual regulatory definition",
            "yes/no",
            "yes; no",
        ),
    ]


def side_effect_details(draw: Draw, severity: int, serious: float) -> dict[str, Any]:
    """Severity (its number), relation, onset and seriousness of one side effect."""
    return {
        "severity": list(SEVERITIES)[severity],
        "relation": list(RELATIONS)[int(draw.pick(list(RELATIONS.values()), 1)[0])],
        "onset_min": int(
            5 * max(1, round(float(np.exp(np.log(20) + 0.6 * draw.normal(1)[0])) / 5))
        ),
        "serious": "yes" if draw.uniform(1)[0] < serious else "no",
    }

"""An invented randomised trial with two parallel arms: one ketamine infusion or one placebo
infusion in neuropathic pain.

Invented data: no real patient. The assumptions and the published figures they are set to stand in
README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import SEVERITIES, Draw, expit, side_effect_details, whole
from trial import EVENTS, FRAILTY, GUESS, GUESSES

SEED = 20270
PATIENTS = 120
VISITS = ("baseline", "week_1", "week_4", "week_12")
ARMS = ("ketamine", "placebo")
SITES = ("A", "B")
ENTRY = 4

MEAN, BETWEEN, WITHIN = 6.3, 1.35, 1.1
FALL = {
    "ketamine": (0.0, 2.1, 1.8, 1.1),
    "placebo": (0.0, 0.9, 0.7, 0.6),
}  # mean fall from baseline to each visit
RESPONSE_SPREAD = 0.5  # SD of the log response to ketamine between patients
LEAVES = (
    -2.6,
    0.4,
)  # log odds of not coming back: intercept, and slope on the last pain score above 5


def simulate(n: int = PATIENTS, seed: int = SEED) -> dict[str, np.ndarray]:
    """Complete data: pain (patients × visits), arm number, and at which visits each patient
    came.
    """
    draw = Draw(seed, 1)
    m = 2 * n
    level, noise = MEAN + BETWEEN * draw.normal(m), WITHIN * draw.normal(m, len(VISITS))
    admitted = np.flatnonzero(whole(level + noise[:, 0], 0, 10) >= ENTRY)[:n]
    level, noise = level[admitted], noise[admitted]
    arm = (np.argsort(draw.uniform(-(-n // 4), 4), axis=1).ravel()[:n] < 2).astype(
        int
    )  # random blocks of four
    relief = np.exp(RESPONSE_SPREAD * draw.normal(n) - RESPONSE_SPREAD**2 / 2)
    fall = np.array([FALL[name] for name in ARMS])[arm]
    fall = np.where(arm[:, None] == 0, fall * relief[:, None], fall)
    average = whole(level[:, None] + noise - fall, 0, 10)
    worst = np.clip(average + whole(1.5 + 0.8 * draw.normal(*average.shape), 0, 4), 0, 10)
    felt = 3.8 + 0.55 * (average - average[:, :1]) + 0.8 * draw.normal(*average.shape)
    came = np.ones(average.shape, bool)
    for v in range(
        2, len(VISITS)
    ):  # who leaves is told from the last score seen: missing at random
        leaves = draw.uniform(n) < expit(LEAVES[0] + LEAVES[1] * (average[:, v - 1] - 5))
        came[:, v] = came[:, v - 1] & ~leaves
    return {"average": average, "worst": worst, "pgic": whole(felt, 1, 7), "arm": arm, "came": came}


def tables(sample: dict[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
    """The rows of scores, patients, infusions and side_effects."""
    draw = Draw(SEED, 2)
    out: dict[str, list[dict[str, Any]]] = {
        "scores": [],
        "patients": [],
        "infusions": [],
        "side_effects": [],
    }
    n = len(sample["arm"])
    age, female, site = (
        draw.pick((0.1, 0.2, 0.3, 0.3, 0.1), n),
        draw.uniform(n) < 0.5,
        draw.pick((0.6, 0.4), n),
    )
    frailty, median = FRAILTY * draw.normal(n), np.array(list(EVENTS.values())).T
    bands = ("18-39", "40-49", "50-59", "60-69", "70 or over")
    for i in range(n):
        who, k = f"R{i + 1:03d}", int(sample["arm"][i])
        guess = GUESS[draw.pick(GUESSES[ARMS[k]], 1)[0]]
        out["patients"].append(
            {
                "patient_id": who,
                "arm": ARMS[k],
                "site": SITES[site[i]],
                "age_band": bands[age[i]],
                "sex": "female" if female[i] else "male",
                "guess": guess,
            }
        )
        out["infusions"].append(
            {
                "patient_id": who,
                "infusion": 1,
                "day": 0,
                "route": "IV",
                "dose_mg_kg": ("0.5", "0")[k],
            }
        )
        for v, visit in enumerate(VISITS):
            if sample["came"][i, v]:
                out["scores"].append(
                    {
                        "patient_id": who,
                        "visit": visit,
                        "nrs_average": sample["average"][i, v],
                        "nrs_worst": sample["worst"][i, v],
                        "pgic": sample["pgic"][i, v] if v else "",
                    }
                )
        p = expit(np.log(median[k] / (1 - median[k])) + frailty[i])
        out["side_effects"] += [
            {"patient_id": who, "infusion": 1, "event": name}
            | side_effect_details(draw, draw.pick(list(SEVERITIES.values()), 1)[0], 0.0)
            for name, yes in zip(EVENTS, draw.uniform(len(p)) < p, strict=True)
            if yes
        ]
    out["scores"][int(draw.uniform(1)[0] * len(out["scores"]))]["nrs_worst"] = "-99"
    return out

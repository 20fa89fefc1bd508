"""An invented two-period crossover trial: one ketamine infusion against one placebo infusion in
neuropathic pain.

Invented data: no real patient. The assumptions and the published figures they are set to stand in
README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import SEVERITIES, Draw, expit, side_effect_details, whole

SEED = 20252
PATIENTS = 40
VISITS = ("pre", "post")
TREATMENTS = ("ketamine", "placebo")
SEQUENCES = {"KP": ("ketamine", "placebo"), "PK": ("placebo", "ketamine")}
ENTRY = 4

MEAN, BETWEEN, WITHIN = 6.3, 1.35, 1.1
FALL = {"ketamine": 1.7, "placebo": 0.6}  # mean fall from before the infusion to a week after it
RESPONSE_SPREAD = 0.5  # SD of the log response to ketamine between patients
PERIOD = -0.3  # everybody in the second period, before and after
CARRY_OVER = 0.0

EVENTS = {  # probability for a patient of middling frailty: ketamine, placebo
    "dissociation": (0.33, 0.02),
    "dizziness": (0.28, 0.06),
    "nausea": (0.17, 0.05),
    "sedation": (0.20, 0.08),
    "blurred vision": (0.12, 0.01),
    "headache": (0.09, 0.09),
}
FRAILTY, SERIOUS = 0.7, 0.0
GUESS = ("ketamine", "placebo", "do not know")
GUESSES = {"ketamine": (0.70, 0.13, 0.17), "placebo": (0.22, 0.46, 0.32)}


def simulate(n: int = PATIENTS, seed: int = SEED) -> dict[str, np.ndarray]:
    """Complete data: pain (patients × periods × visits), treatment number (patients × periods), who
    stayed.
    """
    draw = Draw(seed, 1)
    m = 2 * n
    level, noise = MEAN + BETWEEN * draw.normal(m), WITHIN * draw.normal(m, 2, 2)
    admitted = np.flatnonzero(whole(level + noise[:, 0, 0], 0, 10) >= ENTRY)[:n]
    level, noise = level[admitted], noise[admitted]
    swap = np.argsort(draw.uniform(-(-n // 4), 4), axis=1).ravel()[:n] < 2  # random blocks of four
    treatment = np.where(swap[:, None], [1, 0], [0, 1])
    relief = np.exp(RESPONSE_SPREAD * draw.normal(n) - RESPONSE_SPREAD**2 / 2)
    fall = np.where(treatment == 0, FALL["ketamine"] * relief[:, None], FALL["placebo"])
    latent = level[:, None, None] + noise + np.array([0.0, PERIOD])[:, None]
    latent[..., 1] -= fall
    latent[:, 1, :] += CARRY_OVER * (treatment[:, :1] == 0)
    average = whole(latent, 0, 10)
    worst = np.clip(average + whole(1.5 + 0.8 * draw.normal(*average.shape), 0, 4), 0, 10)
    stays = draw.uniform(n) >= expit(-2.7 + 0.35 * (average[:, 0, 1] - 5))
    return {"average": average, "worst": worst, "treatment": treatment, "stays": stays}


def tables(sample: dict[str, np.ndarray]) -> dict[str, list[dict[str, Any]]]:
    """The rows of scores, patients, infusions and side_effects."""
    draw = Draw(SEED, 2)
    out: dict[str, list[dict[str, Any]]] = {
        "scores": [],
        "patients": [],
        "infusions": [],
        "side_effects": [],
    }
    n = len(sample["stays"])
    age, female, frailty = (
        draw.pick((0.1, 0.2, 0.3, 0.3, 0.1), n),
        draw.uniform(n) < 0.5,
        FRAILTY * draw.normal(n),
    )
    median = np.array(list(EVENTS.values())).T
    for i in range(n):
        who, sequence = f"N{i + 1:02d}", "KP" if sample["treatment"][i, 0] == 0 else "PK"
        bands = ("18-39", "40-49", "50-59", "60-69", "70 or over")
        out["patients"].append(
            {
                "patient_id": who,
                "sequence": sequence,
                "age_band": bands[age[i]],
                "sex": "female" if female[i] else "male",
            }
        )
        for period in range(2 if sample["stays"][i] else 1):
            k = int(sample["treatment"][i, period])
            given = {"patient_id": who, "period": period + 1}
            day = 0 if period == 0 else 35 + int(draw.uniform(1)[0] * 4)
            out["infusions"].append(
                given
                | {
                    "infusion": period + 1,
                    "day": day,
                    "treatment": TREATMENTS[k],
                    "route": "IV",
                    "dose_mg_kg": ("0.5", "0")[k],
                    "guess": GUESS[draw.pick(GUESSES[TREATMENTS[k]], 1)[0]],
                }
            )
            for v, visit in enumerate(VISITS):
                out["scores"].append(
                    given
                    | {
                        "treatment": TREATMENTS[k],
                        "visit": visit,
                        "nrs_average": sample["average"][i, period, v],
                        "nrs_worst": sample["worst"][i, period, v],
                    }
                )
            p = expit(np.log(median[k] / (1 - median[k])) + frailty[i])
            out["side_effects"] += [
                given
                | {"infusion": period + 1, "treatment": TREATMENTS[k], "event": name}
                | side_effect_details(draw, draw.pick(list(SEVERITIES.values()), 1)[0], SERIOUS)
                for name, yes in zip(EVENTS, draw.uniform(len(p)) < p, strict=True)
                if yes
            ]
    lost = out["scores"][int(draw.uniform(1)[0] * len(out["scores"]))]
    lost["nrs_worst"] = "-99"
    return out

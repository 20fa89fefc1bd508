"""An invented year of a clinic that gives courses of three ketamine infusions and repeats a course
when pain is back.

Invented data: no real patient. The assumptions stand in README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import SEVERITIES, Draw, expit, side_effect_details, whole
from trial import EVENTS, FRAILTY

SEED = 20282
PATIENTS = 80
VISITS = ("before", "min_20", "min_40", "min_60", "min_120", "day_1", "day_7")
MINUTES = VISITS[1:5]
PLANNED = 3  # infusions of a course
DAYS = 365  # of follow-up
DIAGNOSES = {"neuropathy": 0.45, "CRPS": 0.3, "fibromyalgia": 0.25}

MEAN, BETWEEN, BETWEEN_INFUSIONS, WITHIN = 6.8, 1.2, 0.5, 0.9
FALL = {"day_1": 2.2, "day_7": 1.4}  # mean fall at 0.5 mg/kg, the same at every infusion
RESPONSE_SPREAD = 0.8  # SD of the fall between patients, in points
DOSE_EFFECT = 0.1  # points of fall for each further 0.1 mg/kg
FIRST_DOSE, STEP, MOST = 0.5, 0.1, 1.0  # raised where the last fall at day 7 was below 1 point
STOPS = {"side effect": -3.6, "no benefit": -2.6, "own wish": -3.4}  # log odds after an infusion
RETURNS = 45.0  # median days from a course to the next, for a fall of 1.4 points
RISE = {"min_20": 8.0, "min_40": 16.0, "min_60": 12.0, "min_120": 3.0}  # mmHg at 0.5 mg/kg
DISSOCIATION = {"min_20": 6.0, "min_40": 14.0, "min_60": 8.0, "min_120": 0.5}  # CADSS, likewise


def simulate(n: int = PATIENTS, seed: int = SEED) -> dict[str, Any]:
    """Patients, and one row an infusion with complete scores around it."""
    draw = Draw(seed, 1)
    level, fall = MEAN + BETWEEN * draw.normal(n), RESPONSE_SPREAD * draw.normal(n)
    pressure, weight = 124 + 11 * draw.normal(n), np.floor(78 + 14 * draw.normal(n) + 0.5)
    weight = np.clip(weight, 48, 130)
    given: list[dict[str, Any]] = []
    stopped, followed = [""] * n, np.zeros(n, int)
    for i in range(n):
        followed[i] = DAYS - int(120 * draw.uniform(1)[0])
        day, dose, course, number, benefit = 0, FIRST_DOSE, 1, 0, 0.0
        while day <= followed[i] and not stopped[i]:
            for place in range(PLANNED):
                if day > followed[i]:
                    break
                number += 1
                row = _infusion(draw, level[i], fall[i], pressure[i], dose)
                row |= {"i": i, "infusion": number, "course": course, "day": day, "dose": dose}
                given.append(row)
                benefit = row["nrs"]["before"] - row["nrs"]["day_7"]
                stopped[i] = _stop(draw, benefit)
                if benefit < 1:
                    dose = min(MOST, round(dose + STEP, 1))
                day += 7 + int(4 * draw.uniform(1)[0])
                if stopped[i] or place == PLANNED - 1:
                    break
            wait = RETURNS * np.exp(0.3 * (benefit - 1.4) + 0.5 * draw.normal(1)[0])
            day, course = day + int(np.clip(wait, 14, 300)), course + 1
    return {
        "given": given,
        "weight": weight,
        "stopped": stopped,
        "followed": followed,
        "sex": draw.uniform(n) < 0.55,
        "diagnosis": draw.pick(list(DIAGNOSES.values()), n),
    }


def _infusion(draw: Draw, level: float, fall: float, pressure: float, dose: float) -> dict:
    own, extra = BETWEEN_INFUSIONS * draw.normal(1)[0], DOSE_EFFECT * (dose - FIRST_DOSE) / STEP
    falls = {"before": 0.0} | {v: FALL[v] + fall + extra for v in FALL}
    noise = WITHIN * draw.normal(len(falls))
    pain = {v: int(whole(level + own - f + e, 0, 10)) for (v, f), e in zip(falls.items(), noise)}
    rise, odd = (1 + 0.3 * draw.normal(2)).clip(0.2, 2) * dose / FIRST_DOSE
    start = pressure + 6 * draw.normal(1)[0]
    noise = 4 * draw.normal(len(RISE))
    sbp = {"before": start} | {v: start + rise * r + e for (v, r), e in zip(RISE.items(), noise)}
    cadss = {"before": 0} | {
        v: int(whole(odd * d + 2 * e, 0, 92))
        for (v, d), e in zip(DISSOCIATION.items(), draw.normal(len(DISSOCIATION)))
    }
    return {"nrs": pain, "sbp": {v: int(whole(x, 80, 220)) for v, x in sbp.items()}, "cadss": cadss}


def _stop(draw: Draw, benefit: float) -> str:
    """Why a patient stops after an infusion; "" where it goes on."""
    odds = dict(STOPS)
    odds["no benefit"] += 0.6 * (1 - benefit)
    for (why, log_odds), u in zip(odds.items(), draw.uniform(len(odds)), strict=True):
        if u < expit(log_odds):
            return why
    return ""


def tables(sample: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The rows of scores, patients, infusions and side_effects."""
    draw = Draw(SEED, 2)
    n = len(sample["weight"])
    out: dict[str, list[dict[str, Any]]] = {
        "scores": [],
        "patients": [],
        "infusions": [],
        "side_effects": [],
    }
    frailty = FRAILTY * draw.normal(n)
    median = np.array([m for m, _ in EVENTS.values()])
    first = np.bincount([g["i"] for g in sample["given"] if g["course"] == 1], minlength=n)
    for i in range(n):
        out["patients"].append(
            {
                "patient_id": _who(i),
                "diagnosis": list(DIAGNOSES)[sample["diagnosis"][i]],
                "sex": "female" if sample["sex"][i] else "male",
                "weight_kg": int(sample["weight"][i]),
                "planned": PLANNED,
                "stopped": sample["stopped"][i] if first[i] < PLANNED else "",
                "followed": int(sample["followed"][i]),
            }
        )
    for g in sample["given"]:
        who = {"patient_id": _who(g["i"]), "infusion": g["infusion"]}
        mg = round(g["dose"] * float(sample["weight"][g["i"]]), 1)
        out["infusions"].append(
            {
                **who,
                "course": g["course"],
                "day": g["day"],
                "route": "IV",
                "dose_mg_kg": g["dose"],
                "dose_mg": mg,
                "minutes": 40 if draw.uniform(1)[0] < 0.9 else 30,
            }
        )
        for visit in VISITS:
            missed = draw.uniform(1)[0] < {"day_1": 0.15, "day_7": 0.1}.get(visit, 0.02)
            if not missed:
                row = {c: g[c].get(visit, "") for c in ("nrs", "sbp", "cadss")}
                out["scores"].append({**who, "visit": visit} | row)
        p = expit(np.log(median / (1 - median)) + frailty[g["i"]])
        out["side_effects"] += [
            {**who, "event": name}
            | side_effect_details(draw, draw.pick(list(SEVERITIES.values()), 1)[0], 0.0)
            for name, yes in zip(EVENTS, draw.uniform(len(p)) < p, strict=True)
            if yes
        ]
    return out


def _who(i: int) -> str:
    return f"C{i + 1:03d}"

"""What is true by construction in the three invented studies: parameters, the population, the
sample's complete data.
"""

from __future__ import annotations

import math
from typing import Any

import arms
import clinic
import courses
import numpy as np
import trial
from clinic import BETWEEN, DIAGNOSES, ENTRY, EVENTS, FRAILTY, MEAN, ROUTES, VISITS, WITHIN
from common import by, correlation, event_probability, rounded

NOTICE = "Invented data: no real patient. Change is after − before."


def of_cohort(sample: dict[str, Any], population: dict[str, Any]) -> dict[str, Any]:
    """The cohort's truth."""
    return {
        "notice": NOTICE,
        "seed": clinic.SEED,
        "design": "uncontrolled before-after cohort; no comparison group exists",
        "entry": _entry(),
        "population": _population(population),
        "route": _routes(population),
        "response_by_diagnosis": {d: r for d, (_, _, r) in DIAGNOSES.items()},
        "dropout": _dropout(population),
        "side_effects_first_session": _side_effects(population),
        "sample_complete": _sample(sample),
    }


def _change(scores: np.ndarray) -> np.ndarray:
    return scores - scores[:, :1]


def _entry() -> dict[str, Any]:
    total = math.hypot(BETWEEN, WITHIN)
    z = (ENTRY - 0.5 - MEAN) / total  # whole points: 4 and more is 3.5 and more before rounding
    admitted = 0.5 * math.erfc(z / math.sqrt(2))
    hazard = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / admitted
    return {
        "outcome": "pain_nrs_average",
        "at_least": ENTRY,
        "judged_on": "the baseline score itself",
        "mean_before_selection": MEAN,
        "sd_between": BETWEEN,
        "sd_within": WITHIN,
        "sd_total": rounded(total),
        "reliability": rounded(BETWEEN**2 / total**2, 4),
        "share_of_referred_admitted": rounded(admitted),
        "regression_by_formula": rounded(-(WITHIN**2) / total * hazard),
        "formula": (
            "−(within variance / total SD)·φ(z)/(1−Φ(z)), z = (3.5 − mean)/total SD; no floor or"
            " ceiling"
        ),
    }


def _population(d: dict[str, Any]) -> dict[str, Any]:
    y, untreated = d["pain"]["treated"].astype(float), d["pain"]["untreated"].astype(float)
    fell = -_change(y) / y[:, :1]  # admitted at 4 or more: never 0
    totals = {
        name: sum(d["data"][c] for c in clinic.BLOCKS[name]) for name in ("phq9", "gad7", "isi")
    }
    by_diagnosis = [_change(y)[d["pain"]["diagnosis"] == k].mean(0) for k in range(len(DIAGNOSES))]
    return {
        "computed_from": (
            f"{len(y)} simulated patients by the same code, before any dropout unless said"
        ),
        "nrs_average_mean": by(VISITS, y.mean(0)),
        "nrs_average_sd": by(VISITS, y.std(0, ddof=1)),
        "nrs_average_change": by(VISITS, _change(y).mean(0)),
        "nrs_average_change_sd": by(VISITS, _change(y).std(0, ddof=1)),
        "of_which_treatment": by(VISITS, (y - untreated).mean(0)),
        "of_which_regression_to_the_mean": by(VISITS, _change(untreated).mean(0)),
        "nrs_average_change_by_diagnosis": {
            n: by(VISITS, c) for n, c in zip(DIAGNOSES, by_diagnosis, strict=True)
        },
        "responders_30": by(VISITS[1:], (fell[:, 1:] >= 0.3 - 1e-9).mean(0)),
        "responders_50": by(VISITS[1:], (fell[:, 1:] >= 0.5 - 1e-9).mean(0)),
        "correlation_of_visits": correlation(y),
        "t_score_change": {name: by(VISITS, _change(t).mean(0)) for name, t in d["traits"].items()},
        "total_change": {name: by(VISITS, _change(t).mean(0)) for name, t in totals.items()},
        "eq_vas_change": by(VISITS, _change(d["data"]["eq_vas"].astype(float)).mean(0)),
    }


def _routes(d: dict[str, Any]) -> dict[str, Any]:
    y = d["pain"]["treated"].astype(float)
    mine = [d["route"] == k for k in range(len(ROUTES))]
    return {
        "true_difference_between_routes": 0,
        "chosen_by": "clinician, by baseline pain and diagnosis",
        "share": by(ROUTES, np.array([m.mean() for m in mine])),
        "baseline_mean": by(ROUTES, np.array([y[m, 0].mean() for m in mine])),
        "unadjusted_change_at_week_4": by(
            ROUTES, np.array([(y[m, 3] - y[m, 0]).mean() for m in mine])
        ),
    }


def _dropout(d: dict[str, Any]) -> dict[str, Any]:
    y, seen = d["pain"]["treated"].astype(float), d["came"]
    mean_seen = np.array([y[seen[:, v], v].mean() for v in range(len(VISITS))])
    change_seen = np.array([_change(y)[seen[:, v], v].mean() for v in range(len(VISITS))])
    return {
        "mechanism": (
            "missing not at random: log odds of leaving before a visit = intercept +"
            f" {clinic.LEAVE_UNSEEN}·(pain at that visit − 5) + {clinic.LEAVE_SEEN}·(last pain seen"
            f" − 5.5) + {clinic.LEAVE_SEVERE}·(severe side effect at the first session)"
        ),
        "intercepts": by(VISITS[2:], clinic.LEAVE[2:]),
        "missed_by_chance": by(VISITS, clinic.AWAY),
        "share_seen": by(VISITS, seen.mean(0)),
        "mean_seen": by(VISITS, mean_seen),
        "mean_change_seen": by(VISITS, change_seen),
        "bias_of_the_seen_change": by(VISITS, change_seen - _change(y).mean(0)),
    }


def _side_effects(d: dict[str, Any]) -> dict[str, Any]:
    p = event_probability(np.array(list(EVENTS.values())).T, FRAILTY)
    mix = np.bincount(d["route"], minlength=len(ROUTES)) / len(d["route"])
    return {
        "frailty_sd": FRAILTY,
        "serious_share_of_side_effects": clinic.SERIOUS,
        "by_route": {route: by([*EVENTS, "any"], p[i], 4) for i, route in enumerate(ROUTES)},
        "overall": by([*EVENTS, "any"], mix @ p, 4),
    }


def _sample(d: dict[str, Any]) -> dict[str, Any]:
    y, untreated = d["pain"]["treated"].astype(float), d["pain"]["untreated"].astype(float)
    return {
        "nrs_average_mean": by(VISITS, y.mean(0)),
        "nrs_average_change": by(VISITS, _change(y).mean(0)),
        "of_which_treatment": by(VISITS, (y - untreated).mean(0)),
        "of_which_regression_to_the_mean": by(VISITS, _change(untreated).mean(0)),
        "seen": dict(zip(VISITS, d["came"].sum(0).tolist(), strict=True)),
    }


def of_crossover(
    sample: dict[str, np.ndarray], population: dict[str, np.ndarray]
) -> dict[str, Any]:
    """The crossover's truth."""
    y, names = population["average"].astype(float), trial.TREATMENTS
    p = event_probability(np.array(list(trial.EVENTS.values())).T, trial.FRAILTY)
    means = [y[population["treatment"] == k].mean(0) for k in range(len(names))]
    return {
        "notice": NOTICE,
        "seed": trial.SEED,
        "design": (
            "two-period crossover, sequences KP and PK randomised in blocks of four, 35 days"
            " between infusions"
        ),
        "latent": {
            "treatment_difference": round(trial.FALL["placebo"] - trial.FALL["ketamine"], 9),
            "fall": trial.FALL,
            "period_effect": trial.PERIOD,
            "carry_over": trial.CARRY_OVER,
            "sd_between": trial.BETWEEN,
            "sd_within": trial.WITHIN,
            "reliability": rounded(trial.BETWEEN**2 / (trial.BETWEEN**2 + trial.WITHIN**2), 4),
            "entry_at_least": trial.ENTRY,
        },
        "population": {
            "computed_from": (
                f"{len(y)} simulated patients by the same code, in whole points, before dropout"
            ),
            **_contrasts(population),
            "mean_by_visit": {
                name: by(trial.VISITS, m) for name, m in zip(names, means, strict=True)
            },
            "note": (
                "whole points from 0 to 10: the floor takes a little off the latent difference;"
                " entry, judged before the first infusion, adds regression to the mean, which the"
                " pre score of period 1 alone carries"
            ),
        },
        "dropout": {
            "mechanism": "before period 2, log odds −2.7 + 0.35·(pain after period 1 − 5)",
            "share_staying": rounded(population["stays"].mean()),
        },
        "side_effects": {name: by([*trial.EVENTS, "any"], p[k], 4) for k, name in enumerate(names)},
        "blinding_guesses": {
            t: dict(zip(trial.GUESS, trial.GUESSES[t], strict=True)) for t in names
        },
        "sample_complete": _contrasts(sample) | {"stayed": int(sample["stays"].sum())},
    }


def _contrasts(d: dict[str, np.ndarray]) -> dict[str, float]:
    """Treatment, period and carry-over contrasts of the scores after the infusion."""
    post, first = d["average"][..., 1].astype(float), d["treatment"][:, 0] == 0
    gap, totals = post[:, 0] - post[:, 1], post.sum(1)
    kp, pk = gap[first].mean(), gap[~first].mean()
    return {
        "ketamine_minus_placebo_post": rounded((kp - pk) / 2),
        "period_2_minus_1_post": rounded(-(kp + pk) / 2),
        "carry_over_contrast_of_totals": rounded(totals[first].mean() - totals[~first].mean()),
    }


def of_parallel(sample: dict[str, np.ndarray], population: dict[str, np.ndarray]) -> dict[str, Any]:
    """The parallel trial's truth."""
    p = event_probability(np.array(list(trial.EVENTS.values())).T, trial.FRAILTY)
    return {
        "notice": NOTICE,
        "seed": arms.SEED,
        "design": "two parallel arms, randomised in blocks of four, one infusion each",
        "latent": {
            "fall": {
                name: dict(zip(arms.VISITS, falls, strict=True))
                for name, falls in arms.FALL.items()
            },
            "sd_between": arms.BETWEEN,
            "sd_within": arms.WITHIN,
            "entry_at_least": arms.ENTRY,
        },
        "population": {
            "computed_from": (
                f"{len(population['arm'])} simulated patients by the same code, before dropout"
            ),
            **_between_arms(population),
        },
        "dropout": {
            "mechanism": (
                f"before weeks 4 and 12, log odds −{-arms.LEAVES[0]} + {arms.LEAVES[1]}·(last pain"
                " − 5): missing at random given the scores before"
            ),
            "share_seen": {
                name: by(arms.VISITS, population["came"][population["arm"] == k].mean(0))
                for k, name in enumerate(arms.ARMS)
            },
        },
        "side_effects": {
            name: by([*trial.EVENTS, "any"], p[k], 4) for k, name in enumerate(arms.ARMS)
        },
        "sample_complete": (
            _between_arms(sample) | {"seen": dict(zip(arms.VISITS, sample["came"].sum(0).tolist()))}
        ),
    }


def _between_arms(d: dict[str, np.ndarray]) -> dict[str, Any]:
    """Means, the difference between arms at each visit, and responders at week 4."""
    y = d["average"].astype(float)
    groups = [y[d["arm"] == k] for k in range(len(arms.ARMS))]
    improved = [(g[:, :1] - g[:, 2:3] >= 0.3 * g[:, :1]).mean() for g in groups]
    change = [(g - g[:, :1]).mean(0) for g in groups]
    return {
        "nrs_average_mean": {
            name: by(arms.VISITS, g.mean(0)) for name, g in zip(arms.ARMS, groups, strict=True)
        },
        "ketamine_minus_placebo_change": by(arms.VISITS, change[0] - change[1]),
        "responders_30_week_4": by(arms.ARMS, np.array(improved)),
    }


def of_courses(sample: dict[str, Any], population: dict[str, Any]) -> dict[str, Any]:
    """The truth of the year of courses."""
    return {
        "notice": NOTICE,
        "seed": courses.SEED,
        "design": "courses of three infusions, repeated when pain is back; no control group",
        "latent": {
            "fall_at_the_first_dose": courses.FALL,
            "number_of_the_infusion": "makes no difference to the fall",
            "fall_for_each_further_0.1_mg_kg": courses.DOSE_EFFECT,
            "dose": "raised by 0.1 mg/kg where the last fall at day 7 was below 1 point",
            "sd_between_patients": courses.BETWEEN,
            "sd_of_the_fall_between_patients": courses.RESPONSE_SPREAD,
            "sd_between_infusions": courses.BETWEEN_INFUSIONS,
            "sd_within": courses.WITHIN,
            "blood_pressure_rise_at_the_first_dose": courses.RISE,
            "dissociation_at_the_first_dose": courses.DISSOCIATION,
            "rise_and_dissociation": "in proportion to the dose",
            "median_days_to_the_next_course": courses.RETURNS,
        },
        "population": {
            "computed_from": f"{len(population['weight'])} patients by the same code, all scores",
            **_of_infusions(population),
        },
        "sample_complete": _of_infusions(sample),
    }


def _of_infusions(d: dict[str, Any]) -> dict[str, Any]:
    """Mean changes of first and later infusions, and who completed the first course."""
    given, n = d["given"], len(d["weight"])
    first = np.bincount([g["i"] for g in given if g["course"] == 1], minlength=n)

    def change(of: list[dict[str, Any]]) -> dict[str, float]:
        return {
            v: rounded(np.mean([g["nrs"][v] - g["nrs"]["before"] for g in of]))
            for v in courses.FALL
        }

    return {
        "infusions": len(given),
        "change_at_the_first_infusion": change([g for g in given if g["infusion"] == 1]),
        "change_at_the_fourth_infusion": change([g for g in given if g["infusion"] == 4]),
        "share_who_completed_the_first_course": rounded((first == courses.PLANNED).mean()),
    }

"""The data dictionaries of the invented studies: what every column means."""

from __future__ import annotations

import arms
import clinic
import courses as clinic_year
import trial
from common import entry, side_effect_entries

CODES = "blank; -99; UNK; n/a"
DOMAINS = {
    "pf": ("physical function", "higher is better"),
    "anx": ("anxiety", "higher is worse"),
    "dep": ("depression", "higher is worse"),
    "fat": ("fatigue", "higher is worse"),
    "slp": ("sleep disturbance", "higher is worse, as the form's codes run"),
    "soc": ("ability to take part in social roles", "higher is better"),
    "pi": ("pain interference", "higher is worse"),
}
SEVEN_DAYS = "not asked on day 1 (the questions look back several days)"
EQ5D = ("mobility", "self-care", "usual activities", "pain or discomfort", "anxiety or depression")
ID = "patient number, invented"


def cohort() -> list[dict]:
    """Every column of the cohort's tables."""
    scores = [
        entry("scores", "patient_id", ID, "text", "P001 to P240"),
        entry(
            "scores",
            "visit",
            "visit, counted from the first session",
            "ordered category",
            "; ".join(clinic.VISITS),
        ),
        *[
            entry(
                "scores",
                c,
                f"pain, numeric rating scale, {c[4:]}; higher is worse",
                "number",
                "0 to 10",
                "points",
                CODES,
            )
            for c in clinic.NRS
        ],
        *[
            entry(
                "scores",
                f"promis29_{d}{i}",
                f"PROMIS-29 v2, {name}, item {i}; {way}; {SEVEN_DAYS}",
                "whole number",
                "1 to 5",
                "",
                CODES,
            )
            for d, (name, way) in DOMAINS.items()
            for i in range(1, 5)
        ],
        entry(
            "scores",
            "promis29_nrs",
            f"PROMIS-29 v2, pain intensity; higher is worse; {SEVEN_DAYS}",
            "whole number",
            "0 to 10",
            "points",
            CODES,
        ),
        *[
            entry(
                "scores",
                f"{p}{i}",
                f"{title}, item {i}; higher is worse; {SEVEN_DAYS}",
                "whole number",
                f"0 to {top}",
                "",
                CODES,
            )
            for p, title, k, top in (
                ("phq9_", "PHQ-9", 9, 3),
                ("gad7_", "GAD-7", 7, 3),
                ("isi_", "ISI", 7, 4),
            )
            for i in range(1, k + 1)
        ],
        *[
            entry(
                "scores",
                c,
                f"EQ-5D-5L, {name}; higher is worse; {SEVEN_DAYS}",
                "whole number",
                "1 to 5",
                "",
                CODES,
            )
            for c, name in zip(clinic.EQ5D, EQ5D, strict=True)
        ],
        entry(
            "scores",
            "eq_vas",
            "EQ VAS; higher is better",
            "whole number",
            "0 to 100",
            "points",
            CODES,
        ),
        entry(
            "scores",
            "pgic",
            "patient global impression of change: 1 very much improved, 4 no change, "
            "7 very much worse; not asked at baseline",
            "whole number",
            "1 to 7",
            "",
            CODES,
        ),
    ]
    patients = [
        entry("patients", "patient_id", ID, "text", "P001 to P240"),
        entry(
            "patients", "diagnosis", "main pain diagnosis", "category", "; ".join(clinic.DIAGNOSES)
        ),
        entry(
            "patients",
            "route",
            "route of ketamine, chosen by the clinician",
            "category",
            "; ".join(clinic.ROUTES),
        ),
        entry(
            "patients",
            "age_band",
            "age at the first session",
            "ordered category",
            "10-year bands",
            "years",
        ),
        entry("patients", "sex", "sex", "category", "female; male"),
        entry("patients", "site", "clinic", "category", "A; B; C"),
    ]
    infusions = [
        entry("infusions", "patient_id", ID, "text", "P001 to P240"),
        entry(
            "infusions",
            "infusion",
            "treatment session of any route, from 1 in each patient",
            "whole number",
            "1 to 5",
        ),
        entry(
            "infusions",
            "day",
            "days since the patient's first session",
            "whole number",
            "0 or more",
            "days",
        ),
        entry("infusions", "route", "route of ketamine", "category", "; ".join(clinic.ROUTES)),
        entry("infusions", "dose_mg_kg", "dose at the session", "number", "above 0", "mg/kg"),
    ]
    events = [
        entry("side_effects", "patient_id", ID, "text", "P001 to P240"),
        entry(
            "side_effects",
            "infusion",
            "the session it followed; no row: asked, and none",
            "whole number",
            "1 to 5",
        ),
        *side_effect_entries("side_effects", list(clinic.EVENTS)),
    ]
    return scores + patients + infusions + events


def crossover() -> list[dict]:
    """Every column of the crossover's tables."""
    treatment = ("treatment", "what the infusion held", "category", "; ".join(trial.TREATMENTS))
    nrs = ("number", "0 to 10", "points", "blank; -99")
    period = ("period", "period of the crossover", "whole number", "1; 2")
    infusion = (
        "infusion",
        "infusion, counted in each patient: the same as the period",
        "whole number",
        "1; 2",
    )
    patient = ("patient_id", ID, "text", "N01 to N40")
    lines = {
        "scores": [
            patient,
            period,
            treatment,
            (
                "visit",
                "before the infusion, and one week after it",
                "ordered category",
                "; ".join(trial.VISITS),
            ),
            ("nrs_average", "average pain, numeric rating scale; higher is worse", *nrs),
            ("nrs_worst", "worst pain, numeric rating scale; higher is worse", *nrs),
        ],
        "patients": [
            patient,
            (
                "sequence",
                "order of treatments: KP ketamine first, PK placebo first; randomised",
                "category",
                "KP; PK",
            ),
            ("age_band", "age at entry", "ordered category", "bands", "years"),
            ("sex", "sex", "category", "female; male"),
        ],
        "infusions": [
            patient,
            period,
            infusion,
            (
                "day",
                "days since the patient's first infusion",
                "whole number",
                "0; 35 to 38",
                "days",
            ),
            treatment,
            ("route", "route", "category", "IV"),
            ("dose_mg_kg", "dose of ketamine; 0 for placebo", "number", "0; 0.5", "mg/kg"),
            (
                "guess",
                "what the patient thought it held, asked after the infusion",
                "category",
                "; ".join(trial.GUESS),
            ),
        ],
        "side_effects": [patient, period, infusion, treatment],
    }
    made = [entry(table, *line) for table, columns in lines.items() for line in columns]
    return made + side_effect_entries("side_effects", list(trial.EVENTS))


def parallel() -> list[dict]:
    """Every column of the parallel trial's tables."""
    nrs = ("number", "0 to 10", "points", "blank; -99")
    patient = ("patient_id", ID, "text", "R001 to R120")
    infusion = ("infusion", "infusion, counted in each patient; there is one", "whole number", "1")
    lines = {
        "scores": [
            patient,
            (
                "visit",
                "visit, counted from the infusion",
                "ordered category",
                "; ".join(arms.VISITS),
            ),
            ("nrs_average", "average pain, numeric rating scale; higher is worse", *nrs),
            ("nrs_worst", "worst pain, numeric rating scale; higher is worse", *nrs),
            (
                "pgic",
                "patient global impression of change since baseline; 1 very much improved",
                "number",
                "1 to 7",
                "",
                "blank",
            ),
        ],
        "patients": [
            patient,
            ("arm", "what the infusion held; randomised", "category", "; ".join(arms.ARMS)),
            ("site", "clinic", "category", "; ".join(arms.SITES)),
            ("age_band", "age at entry", "ordered category", "bands", "years"),
            ("sex", "sex", "category", "female; male"),
            (
                "guess",
                "what the patient thought it held, asked after the infusion",
                "category",
                "; ".join(trial.GUESS),
            ),
        ],
        "infusions": [
            patient,
            infusion,
            ("day", "days since the patient's first infusion", "whole number", "0", "days"),
            ("route", "route", "category", "IV"),
            ("dose_mg_kg", "dose of ketamine; 0 for placebo", "number", "0; 0.5", "mg/kg"),
        ],
        "side_effects": [patient, infusion],
    }
    made = [entry(table, *line) for table, columns in lines.items() for line in columns]
    return made + side_effect_entries("side_effects", list(trial.EVENTS))


def courses() -> list[dict]:
    """Every column of the year of courses."""
    patient = ("patient_id", ID, "text", "C001 to C080")
    infusion = ("infusion", "infusion, counted in each patient", "whole number", "1 or more")
    course = (
        "course",
        "course that the infusion belongs to, counted in each patient",
        "whole number",
        "1 or more",
    )
    minutes = "asked before, at 20, 40, 60 and 120 minutes"
    lines = {
        "scores": [
            patient,
            infusion,
            (
                "visit",
                "when, counted from the start of the infusion",
                "ordered category",
                "; ".join(clinic_year.VISITS),
            ),
            (
                "nrs",
                "average pain, numeric rating scale; higher is worse; asked before, at day 1 and"
                " day 7",
                "number",
                "0 to 10",
                "points",
                "blank",
            ),
            ("sbp", f"systolic blood pressure; {minutes}", "number", "80 to 220", "mmHg", "blank"),
            (
                "cadss",
                f"CADSS, dissociation; higher is worse; {minutes}",
                "number",
                "0 to 92",
                "points",
                "blank",
            ),
        ],
        "patients": [
            patient,
            ("diagnosis", "diagnosis", "category", "; ".join(clinic_year.DIAGNOSES)),
            ("sex", "sex", "category", "female; male"),
            ("weight_kg", "weight at entry", "whole number", "48 to 130", "kg"),
            ("planned", "infusions planned in a course", "whole number", "3"),
            (
                "stopped",
                "why the first course was not completed",
                "category",
                "; ".join(clinic_year.STOPS),
                "",
                "blank where it was completed",
            ),
            (
                "followed",
                "last day of follow-up, counted from the first infusion",
                "whole number",
                "245 to 365",
                "days",
            ),
        ],
        "infusions": [
            patient,
            infusion,
            course,
            ("day", "days since the patient's first infusion", "whole number", "0 or more", "days"),
            ("route", "route", "category", "IV"),
            ("dose_mg_kg", "dose of ketamine", "number", "0.5 to 1.0", "mg/kg"),
            ("dose_mg", "dose of ketamine", "number", "above 0", "mg"),
            ("minutes", "duration of the infusion", "whole number", "30; 40", "minutes"),
        ],
        "side_effects": [patient, infusion],
    }
    made = [entry(table, *line) for table, columns in lines.items() for line in columns]
    return made + side_effect_entries("side_effects", list(trial.EVENTS))

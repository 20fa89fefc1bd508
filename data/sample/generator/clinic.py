"""An invented clinic cohort: patients treated with ketamine for chronic pain, no control group.

Invented data: no real patient. The assumptions and the published figures they are set to stand in
README.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from common import SEVERITIES, Draw, answers, expit, logit, side_effect_details, whole

SEED = 20259
PATIENTS = 240
VISITS = ("baseline", "day_1", "week_1", "week_4", "week_12")
ENTRY = 4  # average pain that admits to the programme, judged on the baseline score itself

# --- pain: latent 0-10, N(mean, between²) between patients plus independent N(0, within²) at each visit -----
MEAN, BETWEEN, WITHIN = 6.4, 1.65, 1.455
FALL = np.array([0.0, 2.0, 1.6, 1.0, 0.5])  # mean fall in pain at each visit for a response of 1
DIAGNOSES = {  # share, shift in pain, mean response
    "neuropathy": (0.32, -0.1, 1.25),
    "fibromyalgia": (0.28, 0.2, 0.7),
    "CRPS": (0.16, 0.3, 1.15),
    "arthritis": (0.14, -0.4, 0.85),
    "cancer pain": (0.10, 0.0, 1.0),
}
RESPONSE_SPREAD = 0.6  # SD of the log response between patients: a few respond much, most a little

# --- other traits on the PROMIS T metric ----------------------------------------------------------
# mean in the clinic, slope per point of pain, loading on a common distress factor, own SD between
# patients, direct change of mood at each visit (in units of MOOD), cuts between the five answers
MOOD = np.array([0.0, -2.0, -2.0, -1.0, 0.0])
DOMAINS = {
    "pf": (36.0, -1.2, -1.5, 5.0, 0.0, (28.9, 34.4, 39.2, 45.5)),
    "anx": (57.0, 0.9, 5.5, 5.0, 0.5, (51.2, 59.5, 67.3, 75.4)),
    "dep": (55.5, 0.9, 6.0, 4.5, 1.0, (51.8, 58.9, 65.7, 73.3)),
    "fat": (60.0, 1.1, 3.5, 5.5, 0.0, (43.1, 53.1, 60.7, 69.0)),
    "slp": (57.0, 1.0, 3.0, 6.0, 0.0, (41.1, 50.5, 57.9, 66.0)),
    "soc": (40.0, -1.3, -2.5, 4.5, 0.0, (34.0, 40.5, 48.1, 55.8)),
    "pi": (65.0, 1.9, 1.2, 2.5, 0.0, (52.0, 58.5, 63.8, 69.7)),
}
VISIT_SD = 2.5  # of a trait within a patient, beside what pain brings
SHARED_NOISE = 0.5  # the part of a bad day's pain that colours the other traits too: they regress to the mean as well

# --- staying, treatment, side effects -------------------------------------------------------------
LEAVE = np.array(
    [np.nan, np.nan, logit(0.055), logit(0.22), logit(0.32)]
)  # log odds of leaving before each visit
LEAVE_UNSEEN, LEAVE_SEEN, LEAVE_SEVERE = (
    0.25,
    0.15,
    0.6,
)  # per point of pain at the missed visit, at the last one seen
AWAY = np.array([0.0, 0.20, 0.03, 0.04, 0.0])  # a visit missed by chance, the patient stays
ROUTES = ("IV", "intranasal", "oral")
EVENTS = {  # probability at a session for a patient of middling frailty, by route
    "dissociation": (0.19, 0.11, 0.06),
    "dizziness": (0.15, 0.13, 0.09),
    "nausea": (0.11, 0.09, 0.09),
    "sedation": (0.09, 0.07, 0.07),
    "blurred vision": (0.07, 0.04, 0.02),
    "headache": (0.05, 0.05, 0.05),
    "hypertension": (0.04, 0.02, 0.01),
    "vomiting": (0.03, 0.02, 0.02),
    "anxiety": (0.03, 0.02, 0.02),
    "hallucination": (0.03, 0.015, 0.01),
}
FRAILTY = 0.9  # SD of a patient's tendency to side effects, log odds
SERIOUS = 0.001  # of side effects

SETS = {  # trait, cuts, offsets of the items, noise, lowest answer
    "phq9_": ("dep", (51.0, 62.0, 72.0), (1, 0, -8, -9, -1, 1, 1, 5, 13), 4.0, 0),
    "gad7_": ("anx", (52.5, 62.0, 70.5), (-2, 0, -2, 0, 2, -1, 3), 4.0, 0),
    "isi_": ("slp", (46.0, 53.0, 60.0, 68.0), (0, -1, 2, -3, 3, 0, 0), 4.0, 0),
}
EQ5D = ("eq5d_mo", "eq5d_sc", "eq5d_ua", "eq5d_pd", "eq5d_ad")
NRS = ("nrs_average", "nrs_worst", "nrs_least", "nrs_now")
BLOCKS = {
    "nrs": NRS,
    "promis29": (*[f"promis29_{d}{i}" for d in DOMAINS for i in range(1, 5)], "promis29_nrs"),
    "phq9": tuple(f"phq9_{i}" for i in range(1, 10)),
    "gad7": tuple(f"gad7_{i}" for i in range(1, 8)),
    "isi": tuple(f"isi_{i}" for i in range(1, 8)),
    "eq5d": EQ5D,
    "eq_vas": ("eq_vas",),
    "pgic": ("pgic",),
}
NOT_ASKED = {
    "day_1": ("promis29", "phq9", "gad7", "isi", "eq5d"),
    "baseline": ("pgic",),
}  # recall of 7 or 14 days


def pain(draw: Draw, n: int) -> dict[str, np.ndarray]:
    """Pain of n admitted patients at every visit: as treated, and as it would have been
    untreated.
    """
    share, shift, response = (np.array(v) for v in zip(*DIAGNOSES.values()))
    shift = shift - share @ shift
    own = np.sqrt(BETWEEN**2 - share @ shift**2)
    m = 2 * n  # referred; admitted are those at or above the entry threshold
    diagnosis = draw.pick(share, m)
    level = MEAN + shift[diagnosis] + own * draw.normal(m)
    noise = WITHIN * draw.normal(m, len(VISITS))
    admitted = np.flatnonzero(whole(level + noise[:, 0], 0, 10) >= ENTRY)[:n]
    diagnosis, level, noise = diagnosis[admitted], level[admitted], noise[admitted]
    relief = response[diagnosis] * np.exp(RESPONSE_SPREAD * draw.normal(n) - RESPONSE_SPREAD**2 / 2)
    effect = -FALL * relief[:, None]
    untreated = level[:, None] + noise
    return {
        "diagnosis": diagnosis,
        "treated": whole(untreated + effect, 0, 10),
        "untreated": whole(untreated, 0, 10),
        "burden": level[:, None] + effect + SHARED_NOISE * noise,
    }


def traits(draw: Draw, burden: np.ndarray) -> dict[str, np.ndarray]:
    """T-scores of the seven domains at every visit."""
    n = len(burden)
    distress = draw.normal(n, 1)
    return {
        d: (
            mean
            + slope * (burden - MEAN)
            + load * distress
            + own * draw.normal(n, 1)
            + mood * MOOD
            + VISIT_SD * draw.normal(*burden.shape)
        )
        for d, (mean, slope, load, own, mood, _) in DOMAINS.items()
    }


def columns(
    draw: Draw, p: dict[str, np.ndarray], t: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Complete answers, one (patients × visits) array a column of scores.csv."""
    shape = p["treated"].shape
    out = {"nrs_average": p["treated"]}
    out["nrs_worst"] = np.clip(p["treated"] + whole(1.6 + 0.9 * draw.normal(*shape), 0, 4), 0, 10)
    out["nrs_least"] = np.clip(p["treated"] - whole(2.2 + 1.0 * draw.normal(*shape), 0, 6), 0, 10)
    now = whole(p["treated"] + draw.normal(*shape), 0, 10)
    out["nrs_now"] = np.clip(now, out["nrs_least"], out["nrs_worst"])
    for d, (*_, cuts) in DOMAINS.items():
        items = answers(draw, t[d], cuts, (-2.5, -0.8, 0.8, 2.5), 2.2, 1)
        out |= {f"promis29_{d}{i + 1}": items[..., i] for i in range(4)}
    out["promis29_nrs"] = whole(p["treated"] + 0.6 * draw.normal(*shape), 0, 10)
    for prefix, (d, cuts, offsets, scale, first) in SETS.items():
        items = answers(draw, t[d], cuts, offsets, scale, first)
        out |= {f"{prefix}{i + 1}": items[..., i] for i in range(len(offsets))}
    levels = {
        "eq5d_mo": (-t["pf"], (-42.0, -36.0, -30.0, -22.0)),
        "eq5d_sc": (-t["pf"], (-36.0, -30.0, -24.0, -18.0)),
        "eq5d_ua": (-t["soc"], (-48.0, -42.0, -36.0, -29.0)),
        "eq5d_pd": (6 * p["burden"], (9.0, 25.0, 41.0, 54.0)),
        "eq5d_ad": ((t["anx"] + t["dep"]) / 2, (51.0, 58.0, 66.0, 74.0)),
    }
    out |= {
        name: answers(draw, x, cuts, (0,), 1.5, 1)[..., 0] for name, (x, cuts) in levels.items()
    }
    vas = 50 - 4.5 * (p["burden"] - MEAN) - 0.5 * (t["dep"] - 55.5) + 9 * draw.normal(*shape)
    fine = draw.uniform(*shape) < 0.4  # the others answer in fives
    out["eq_vas"] = np.where(fine, whole(vas, 0, 100), 5 * whole(vas / 5, 0, 20))
    change = p["treated"] - p["treated"][:, :1]
    felt = 4 + 0.5 * change + 0.06 * (t["dep"] - t["dep"][:, :1]) + 0.7 * draw.normal(*shape)
    out["pgic"] = whole(felt, 1, 7)
    return out


def routes(draw: Draw, p: dict[str, np.ndarray]) -> np.ndarray:
    """The route the clinician chose: IV for the worst pain and CRPS, intranasal for cancer pain. It
    changes nothing.
    """
    worse = p["treated"][:, 0] - 6.5
    names = np.array(list(DIAGNOSES))[p["diagnosis"]]
    iv, nasal = 0.9 + 0.45 * worse + 0.6 * (names == "CRPS"), 0.1 + 1.0 * (names == "cancer pain")
    odds = np.stack([iv, nasal, -0.3 * worse], axis=1)
    return draw.pick(np.exp(odds), len(worse))


def happens(draw: Draw, route: np.ndarray, frailty: np.ndarray) -> np.ndarray:
    """Whether each side effect happens at one session: (patients × events)."""
    median = np.array(list(EVENTS.values()))[:, route].T
    return draw.uniform(*median.shape) < expit(np.log(median / (1 - median)) + frailty[:, None])


def attendance(draw: Draw, average: np.ndarray, severe: np.ndarray) -> np.ndarray:
    """Who came to which visit: leaving depends on the last pain seen (MAR) and on pain at the
    missed visit (MNAR).
    """
    n, k = average.shape
    came = np.ones((n, k), dtype=bool)
    stays, last = np.ones(n, dtype=bool), average[:, 0].astype(float)
    for v in range(1, k):
        if v > 1:
            odds = (
                LEAVE[v]
                + LEAVE_UNSEEN * (average[:, v] - 5)
                + LEAVE_SEEN * (last - 5.5)
                + LEAVE_SEVERE * severe
            )
            stays &= draw.uniform(n) >= expit(odds)
        came[:, v] = stays & (draw.uniform(n) >= AWAY[v])
        last = np.where(came[:, v], average[:, v], last)
    return came


def simulate(n: int = PATIENTS, seed: int = SEED) -> dict[str, Any]:
    """The complete data of n patients, what was attended, and the first session's side effects."""
    draw = Draw(seed, 1)
    p = pain(draw, n)
    t = traits(draw, p["burden"])
    data = columns(draw, p, t)
    route = routes(draw, p)
    frailty = FRAILTY * draw.normal(n)
    first = happens(draw, route, frailty)
    severity = draw.pick(list(SEVERITIES.values()), first.size).reshape(first.shape)
    severe = (first & (severity == list(SEVERITIES).index("severe"))).any(1)
    came = attendance(draw, data["nrs_average"], severe)
    return {
        "pain": p,
        "traits": t,
        "data": data,
        "route": route,
        "frailty": frailty,
        "first": first,
        "severity": severity,
        "came": came,
    }


def sessions(draw: Draw, sample: dict[str, Any]) -> list[dict[str, Any]]:
    """Treatment sessions: the first on day 0; some of those seen at week 4 return, more often when
    pain is lower.
    """
    average, came = sample["data"]["nrs_average"], sample["came"]
    rows = []
    for i in range(len(average)):
        days = [0]
        back = expit(-0.5 - 0.35 * (average[i, 3] - average[i, 0]))
        while came[i, 3] and len(days) < 5 and draw.uniform(1)[0] < back:
            days.append(30 + 14 * (len(days) - 1) + int(draw.uniform(1)[0] * 7))
        low, step = ((0.35, 0.05), (0.5, 0.1), (0.5, 0.25))[sample["route"][i]]
        dose = low + step * int(whole(1.5 + 0.4 * (average[i, :1] - 6) + draw.normal(1), 0, 6)[0])
        rows += [
            {
                "i": i,
                "patient_id": f"P{i + 1:03d}",
                "infusion": k + 1,
                "day": day,
                "route": ROUTES[sample["route"][i]],
                "dose_mg_kg": f"{dose:g}",
            }
            for k, day in enumerate(days)
        ]
    return rows


def side_effects(
    draw: Draw, sample: dict[str, Any], given: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """One row a side effect; the first session's are those already drawn with the sample."""
    rows = []
    for g in given:
        i = g["i"]
        what, severity = sample["first"][i], sample["severity"][i]
        if g["infusion"] > 1:
            what = happens(draw, sample["route"][[i]], sample["frailty"][[i]])[0]
            severity = draw.pick(list(SEVERITIES.values()), len(EVENTS))
        rows += [
            {"patient_id": g["patient_id"], "infusion": g["infusion"], "event": name}
            | side_effect_details(draw, severity[k], SERIOUS)
            for k, name in enumerate(EVENTS)
            if what[k]
        ]
    return rows


def patients(draw: Draw, sample: dict[str, Any]) -> list[dict[str, str]]:
    """One row a patient."""
    names, sites, n = list(DIAGNOSES), ("A", "B", "C"), len(sample["route"])
    bands = ("18-29", "30-39", "40-49", "50-59", "60-69", "70 or over")
    age, site = draw.pick((0.06, 0.14, 0.24, 0.28, 0.18, 0.10), n), draw.pick((5, 3, 2), n)
    female = draw.uniform(n) < 0.64
    return [
        {
            "patient_id": f"P{i + 1:03d}",
            "diagnosis": names[sample["pain"]["diagnosis"][i]],
            "route": ROUTES[sample["route"][i]],
            "age_band": bands[age[i]],
            "sex": "female" if female[i] else "male",
            "site": sites[site[i]],
        }
        for i in range(n)
    ]


def scores(draw: Draw, sample: dict[str, Any]) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """scores.csv as a clinic would hand it over, and the list of what was spoilt on purpose."""
    rows = []
    for i, v in zip(*np.nonzero(sample["came"])):
        row = {"patient_id": f"P{i + 1:03d}", "visit": VISITS[v]}
        for block, names in BLOCKS.items():
            if block in NOT_ASKED.get(VISITS[v], ()):
                row |= dict.fromkeys(names, "")
                continue
            row |= {c: str(sample["data"][c][i, v]) for c in names}
            absent, how = draw.uniform(2)
            if absent < (0.008 if block == "nrs" else 0.03):
                row |= dict.fromkeys(names, "" if how < 0.6 else "-99" if how < 0.9 else "UNK")
            elif len(names) > 4:  # now and then one item left out
                skipped = draw.uniform(len(names)) < 0.004
                row |= {c: "" for c, s in zip(names, skipped, strict=True) if s}
        rows.append(row)
    return rows, spoil(draw, rows)


def spoil(draw: Draw, rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Typos and codes of the kind clinics have; each is listed with what a careful reader makes of
    it.
    """
    plan = [  # column, text made of the true answer, what it means, how often
        ("nrs_average", "{}/10", "the answer: 'of 10' written out", 3),
        ("nrs_average", "{},5", "decimal comma: the answer and a half", 2),
        ("nrs_average", " {} ", "the answer: spaces around it", 3),
        ("nrs_average", "n/a", "missing code", 2),
        ("nrs_average", "UNK", "missing code", 2),
        ("nrs_worst", "77", "out of range: a 7 typed twice", 1),
        ("nrs_average", "{}?", "not parseable: a person has to look", 1),
        ("eq_vas", "-99", "missing code", 3),
        ("phq9_9", "n/a", "missing code", 2),
        ("promis29_pi2", "6", "out of range: the item ends at 5", 1),
    ]
    done, used = [], set()
    for column, text, meaning, times in plan:
        while times:
            r = int(draw.uniform(1)[0] * len(rows))
            answer = rows[r][column]
            fits = (
                answer == "7"
                if text == "77"
                else answer.isdigit() and ("{" not in text or 0 < int(answer) < 10)
            )
            if (
                r in used
                or not fits
                or (rows[r]["visit"] == "baseline" and column == "nrs_average")
            ):
                continue
            rows[r][column] = text.format(answer)
            used.add(r)
            done.append(
                {
                    "row": r + 2,
                    "visit": rows[r]["visit"],
                    "column": column,
                    "text": rows[r][column],
                    "answer": answer,
                    "meaning": meaning,
                }
            )
            times -= 1
    return sorted(done, key=lambda d: d["row"])

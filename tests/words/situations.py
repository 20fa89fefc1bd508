"""Every question in every situation a reader may meet, and all the words it then says.

The studies are invented and small: whole scores from 0 to 10 (or 0 to 100 where higher is better),
two patients without a last score, side effects with a severity. What differs from situation to
situation is one thing only, named by the situation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

import outcomes as oc
from outcomes.analyses.question import Analysis
from outcomes.core.direction import direction, value_and_interval
from outcomes.core.result import Result
from outcomes.core.wording import p_value
from outcomes.plans.plan import kinds
from outcomes.study.study import Study
from tests.builders import MOOD, PAIN

VISITS = ("baseline", "week_1", "week_4")
PGIC = oc.Outcome("pgic", "patient global impression of change", "lower", "points", 1, 7, 1)
MOOD_NOW = oc.Outcome("mood_now", "mood right now", "higher", "points", 0, 100, 1)
OTHER = oc.Outcome("pain_now", "pain right now (NRS)", "lower", "points", 0, 10, 1)
ITEMS = tuple(f"item{k}" for k in range(1, 10))

#: What happens to each group: the change at week 4 of placebo, ketamine and esketamine.
EFFECTS = {
    "improvement": (-0.5, -3.0, -2.0),
    "worsening": (-1.0, 2.0, 1.0),
    "nothing": (0.0, 0.0, 0.0),
}
GROUPS = ("placebo", "ketamine", "esketamine")
ROUTES = ("oral", "IV", "SC")


@dataclasses.dataclass(frozen=True)
class Situation:
    """One situation: what is said of it, and how the study is made."""

    name: str
    effect: str = "improvement"
    n: int = 24
    groups: int = 2
    higher: bool = False
    #: Patients of the last group have no score after the baseline.
    empty: bool = False
    #: Nobody has a score after the baseline.
    one_visit: bool = False
    #: How many clinics, in three regions.
    sites: int = 4
    #: "equal": every score is 5. "separated": no two groups have a later score in common.
    shape: str = ""


SITUATIONS = (
    Situation("improvement"),
    Situation("improvement, higher is better", higher=True),
    Situation("worsening", "worsening"),
    Situation("nothing", "nothing"),
    Situation("two patients", n=2),
    Situation("one visit", one_visit=True),
    Situation("all scores equal", shape="equal"),
)
#: Where groups are compared.
OF_GROUPS = (
    Situation("three groups", n=36, groups=3),
    Situation("an empty group", n=36, groups=3, empty=True),
    Situation("one group only", groups=1),
    Situation("perfect separation", shape="separated"),
)

PAIN_4 = {"before": "baseline", "after": "week_4"}
CHANGE = oc.PairedT("pain", **PAIN_4)
ADJUSTED = oc.ANCOVA("pain", **PAIN_4)

#: The design that a question is for, where it is not a trial of two arms (if it compares groups) or a cohort.
DESIGN = {
    "Crossover": "crossover",
    "CrossoverBinary": "crossover",
    "WithinPatients": "crossover",
    "SideEffectsPaired": "crossover",
    "RepeatedInfusions": "episodes",
    "InfusionModel": "episodes",
    "NextInfusion": "episodes",
    "NOf1": "n-of-1",
    "Agreement": "before-after",
    "Among": "parallel",
    "Describe": "parallel",
    "EventTable": "before-after",
    "GamesHowell": "routes",
    "Imputed": "parallel",
    "InternalConsistency": "before-after",
    "ParetianChange": "before-after",
    "KruskalWallis": "routes",
    "MissingScores": "before-after",
    "NestedSites": "before-after",
    "OneWayANOVA": "routes",
    "PooledSites": "parallel",
    "RMANOVA": "parallel",
    "Robustness": "parallel",
    "SideBySide": "before-after",
    "SideEffects": "before-after",
    "SideEffectsByRoute": "routes",
    "SlopeModel": "parallel",
    "TestRetest": "before-after",
    "TippingPoint": "parallel",
}
#: What is asked, for each kind of question; `outcome` is put in by the situation.
ASKED: dict[str, dict[str, Any]] = {
    "Agreement": {"other": "pain_now", "visit": "week_4"},
    "Among": {"analysis": ADJUSTED, "where": {"sex": "f"}},
    "ArmEquivalence": {"margin": 1.0, **PAIN_4},
    "ArmNonInferiority": {"margin": 1.0, **PAIN_4},
    "Bootstrap": {"draws": 1000, **PAIN_4},
    "Course": {"by": "arm"},
    "CrossoverBinary": {"before": "baseline", "after": "week_4", "rule": "30%"},
    "Crossover": {"before": "baseline", "after": "week_4"},
    "Describe": {"outcomes": ("pain",), "by": "arm", "characteristics": ("sex", "route")},
    "Diary": {"visits": VISITS, "days": (0, 1, 2)},
    "DurationOfRelief": {"visits": VISITS, "days": (0, 7, 28)},
    "ReturnOfPain": {"visits": VISITS, "days": (0, 7, 28)},
    "ImprovementGrid": {"outcomes": ("pain",), "rules": ("30%", "2 points")},
    "GamesHowell": {"by": "route", **PAIN_4},
    "HotellingT2": {"outcomes": ("pain", "pain_now"), **PAIN_4},
    "KruskalWallis": {"by": "route", **PAIN_4},
    "OneWayANOVA": {"by": "route", **PAIN_4},
    "Imputed": {"analysis": ADJUSTED, "draws": 5, "seed": 1},
    "IndividualChange": {"reliability": 0.8, "source": "an example", "cutoff": 4.0, **PAIN_4},
    "InternalConsistency": {"outcome": "phq9_total", "visit": "week_4"},
    "ParetianChange": {"outcome": "phq9_total", **PAIN_4},
    "MMRM": {"visit": "week_4"},
    "CLDA": {"visit": "week_4"},
    "MeaningfulChange": {"anchor": "pgic", **PAIN_4},
    "NestedSites": {"analysis": CHANGE, "within": "region"},
    "NextInfusion": {"until": 60.0, "days": (14, 28)},
    "NonInferiority": {"margin": 1.0, **PAIN_4},
    "NOf1": {"after": "week_4", "reference": "placebo"},
    "PooledSites": {"analysis": ADJUSTED, "by": "site"},
    "ProportionalOdds": {"outcome": "pgic", "after": "week_4"},
    "RMANOVA": {"by": "arm", "visits": VISITS},
    "Friedman": {"visits": VISITS},
    "PageTrend": {"visits": VISITS},
    "Quade": {"visits": VISITS},
    "RateRatio": {"by": "arm"},
    "ReferenceBased": {"visit": "week_4"},
    "RegressionToMean": {"at_least": 4.0, "reliability": 0.7, **PAIN_4},
    "Interaction": {"subgroup": "sex", **PAIN_4},
    "Robustness": {"by": "arm", "draws": 5, **PAIN_4},
    "SideBySide": {"questions": (CHANGE, oc.Yuen("pain", **PAIN_4))},
    "SideEffectsByRoute": {"by": "route", "collected": "elicited"},
    "SlopeModel": {"times": (0.0, 1.0, 4.0), "by": "arm"},
    "TOST": {"margin": 1.0, **PAIN_4},
    "TestRetest": {"before": "baseline", "after": "week_1"},
    "TippingPoint": {"analysis": ADJUSTED, "draws": 3, "seed": 1},
    "WithinPatients": {"visits": ("week_4",)},
    "CompareResponders": PAIN_4,
    "StratifiedResponders": PAIN_4,
}


def asked(name: str, situation: Situation) -> Analysis:
    """The question of a kind, about the score of the situation."""
    kind = kinds()[name]
    names = {f.name: f for f in dataclasses.fields(kind)}
    given = dict(ASKED.get(name, {}))
    if "outcome" in names and name not in ("SideEffectsPaired",):
        given.setdefault("outcome", "pain")
    for field in ("before", "after"):
        if field in names and names[field].default is dataclasses.MISSING:
            given.setdefault(field, PAIN_4[field])
    if name in ("Responders", "MannWhitney", "WelchT", "Dunnett", "OneStageSites"):
        given |= PAIN_4
    if "reference" in names:
        of = DESIGN.get(name, "")
        given.setdefault("reference", "oral" if of == "routes" else "placebo")
    if situation.higher and name in ("Describe", "ImprovementGrid"):
        given["outcomes"] = ("mood",)
    if situation.higher:
        given = {k: _of_mood(k, v) for k, v in given.items()}
    return kind(**given)


def _of_mood(field: str, value: Any) -> Any:
    """The same question of the score that counts the other way, on a scale ten times as wide."""
    if isinstance(value, Analysis):
        return dataclasses.replace(value, outcome="mood")
    if field == "questions":
        return tuple(_of_mood("", v) for v in value)
    if field == "margin":
        return 10 * value
    if field in ("at_least", "cutoff"):
        return 60.0
    other = {"pain": "mood", "pain_now": "mood_now"}
    return other.get(value, value) if isinstance(value, str) else value


def study(name: str, situation: Situation) -> Study:
    """The study of a question in a situation."""
    design = DESIGN.get(name, "parallel" if kinds()[name].comparative is True else "before-after")
    if design == "n-of-1":  # every patient has rows of his own
        situation = dataclasses.replace(situation, n=min(situation.n, 4))
    if name == "NestedSites":
        situation = dataclasses.replace(situation, sites=6, n=max(situation.n, 2) * 2)
    patients = _patients(situation)
    scores = _scores(patients, situation, design)
    infusions, events = _side_effects(patients, scores, design)
    roles = patients.drop(columns="k")
    if design in ("crossover", "n-of-1"):
        roles = roles.drop(columns="arm").assign(sequence=_sequences(len(roles)))
    elif design != "parallel":
        roles = roles.drop(columns="arm")
    return Study(
        scores,
        visits=VISITS,
        patients=roles,
        infusions=infusions,
        events=events,
        measures={m.name: m for m in (PAIN, OTHER, MOOD, MOOD_NOW, PGIC)},
        uses=(oc.InstrumentUse("phq9", {str(k + 1): c for k, c in enumerate(ITEMS)}),),
        design="before-after" if design == "episodes" else design,
    )


def _sequences(n: int) -> np.ndarray:
    return np.where(np.arange(n) % 2, "PK", "KP")


def _patients(situation: Situation) -> pd.DataFrame:
    k = np.arange(situation.n)
    group = k % situation.groups
    names = np.array(GROUPS if situation.groups > 1 else ("ketamine",))
    return pd.DataFrame(
        {
            "k": group if situation.groups > 1 else 1,
            "patient": [f"p{i + 1:03d}" for i in k],
            "arm": names[group],
            "route": np.array(ROUTES)[group],
            "sex": np.where(k // 3 % 2, "m", "f"),
            "site": np.array(list("ABCDEF"))[k // situation.groups % situation.sites],
            "region": np.array(["north", "south", "west"])[k // situation.groups % 3],
        }
    )


def _scores(patients: pd.DataFrame, situation: Situation, design: str) -> pd.DataFrame:
    """One row a patient and visit (and period or infusion)."""
    rng = np.random.default_rng(7)
    periods = {"crossover": 2, "n-of-1": 4, "episodes": 2}.get(design, 1)
    rows = []
    for i, person in enumerate(patients.itertuples()):
        level = 6 + rng.normal(0, 1.2)
        for period in range(periods):
            k = _treatment(design, i + period, int(person.k))
            for v, visit in enumerate(VISITS):
                change = EFFECTS[situation.effect][k] * (0, 0.6, 1)[v]
                row = _row(situation, level + change, k, v, rng)
                last = situation.empty and k == situation.groups - 1
                dropped = periods == 1 and v == 2 and i in (5, 8)
                if (v and (situation.one_visit or last)) or dropped:
                    row = dict.fromkeys(row, np.nan)
                if v == 0:
                    row["pgic"] = np.nan
                row |= {"patient": person.patient, "visit": visit}
                if design == "episodes":
                    row["episode"] = period + 1
                elif periods > 1:
                    row |= {"period": period + 1, "arm": GROUPS[k]}
                rows.append(row)
    return pd.DataFrame(rows)


def _treatment(design: str, turn: int, group: int) -> int:
    """Which of EFFECTS a patient has: by turns in a crossover, ketamine in a cohort, else by group."""
    if design in ("crossover", "n-of-1"):
        return turn % 2
    return 1 if design in ("before-after", "episodes") else group


def _row(
    situation: Situation, mean: float, k: int, visit: int, rng: np.random.Generator
) -> dict[str, float]:
    """All scores of one patient at one visit."""
    a, b = (float(np.clip(np.round(mean + rng.normal(0, 1.2)), 0, 10)) for _ in range(2))
    items = np.clip(np.round(a / 4 + rng.normal(0, 0.6, len(ITEMS))), 0, 3)
    if situation.shape == "equal":
        a = b = 5.0
        items = np.ones(len(ITEMS))
    elif situation.shape == "separated" and visit:
        a = 1.0 + (6 if k == 0 else 0) + int(rng.integers(0, 3))
    rating = float(np.clip(np.round(a / 1.6), 1, 7))
    mood = {"mood": 100 - 10 * a, "mood_now": 100 - 10 * b}
    return {"pain": a, "pain_now": b, "pgic": rating} | mood | dict(zip(ITEMS, items))


def _side_effects(
    patients: pd.DataFrame, scores: pd.DataFrame, design: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Infusions with what the patient guesses, and side effects with severity and onset."""
    if design in ("crossover", "n-of-1", "episodes"):
        key = "episode" if design == "episodes" else "period"
        one = scores.drop_duplicates(["patient", key]).rename(columns={key: "infusion"})
        infusions = one[["patient", "infusion", *(["arm"] if "arm" in one else [])]]
        infusions = infusions.reset_index(drop=True)
        if design == "episodes":  # the second infusion after 20 to 29 days
            later = 20 + np.arange(len(infusions)) // 2 % 10
            infusions = infusions.assign(day=(infusions["infusion"] - 1) * later)
    else:
        columns = ["patient", "route"] + (["arm"] if design == "parallel" else [])
        infusions = patients[columns].assign(infusion=1)
    i = np.arange(len(infusions))
    guessed = np.where(i % 4 == 3, "do not know", np.where(i % 3, "ketamine", "placebo"))
    infusions = infusions.assign(guess=guessed)
    chosen = infusions[(i % 2 == 1) | (i % 5 == 0)]
    j = np.arange(len(chosen))
    events = chosen[["patient", "infusion"]].assign(
        event=np.array(["nausea", "dizziness", "dissociation"])[j % 3],
        severity=np.where(j % 4 == 3, "moderate", "mild"),
        serious="no",
        relation="related",
        onset=10 + 5 * (j % 4),
    )
    return infusions, events.reset_index(drop=True)


def situations(name: str) -> tuple[Situation, ...]:
    """The situations that a question can be in."""
    groups = kinds()[name].comparative is not False and DESIGN.get(name) != "before-after"
    fixed = DESIGN.get(name) in ("crossover", "n-of-1", "episodes")
    return SITUATIONS + (OF_GROUPS if groups and not fixed else ())


def answer(name: str, situation: Situation) -> Result:
    """The answer of a question in a situation; one that cannot be given is a refusal in words."""
    return oc.Plan(asked(name, situation)).run(study(name, situation))[0]


def words(result: Result) -> Iterator[tuple[str, str]]:
    """Everything that a reader sees of an answer, as kind and text."""
    question = result.analysis
    yield "title", question.title(result.outcome)
    yield "sentence", result.sentence()
    yield "methods", result.methods_text()
    for e in result.estimates:
        value, limits = value_and_interval(e, result.outcome)
        p = p_value(e.p) if e.p == e.p else ""
        adjusted = f"adjusted {p_value(e.p_adjusted)}" if e.p_adjusted == e.p_adjusted else ""
        says = direction(e, result.outcome)
        n = "" if e.n is None else f"n={e.n}"
        yield "row", " | ".join(c for c in (e.said, value, limits, p, adjusted, says, n) if c)
        if e.how:
            yield "how", e.how
    for note in result.notes:
        yield "note", note
    for key, frame in result.data.items():
        if key.endswith("table"):
            made = oc.table(frame)
            yield "head", " | ".join(made.header)
            for cells in made.rows:
                yield "row", " | ".join(c or "–" for c in cells)


def drawn(result: Result) -> Iterator[str]:
    """What the pictures of an answer draw: axis, rows marked as the main ones, and every frame."""
    if result.axis is not None:
        yield f"axis: {result.axis}"
    yield f"counted: {result.counts}"
    yield f"pictures: {', '.join(result.pictures)}"
    for key, frame in result.data.items():
        if key.endswith("table"):
            continue  # among the words
        yield f"{key}: {len(frame)} rows; {' | '.join(map(str, frame.columns))}"
        shown = frame if len(frame) <= 2 * ENDS else pd.concat([frame[:ENDS], frame[-ENDS:]])
        for row in shown.itertuples(index=False):
            yield "  " + " | ".join(map(_cell, row))
        for column in frame.select_dtypes("number") if len(shown) < len(frame) else ():
            yield f"  sum of {column}: {_cell(float(frame[column].sum()))}"


#: Of long frames so many rows from either end, and the sums of the columns.
ENDS = 4


def _cell(value: Any) -> str:
    """A number to six figures, the same on every computer: what is 0 but for rounding is 0."""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else "0" if abs(value) < 1e-9 else f"{value:.6g}"
    return str(value)

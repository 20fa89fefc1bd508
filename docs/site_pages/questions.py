"""From design and data to the question: the decision page, and the list of every question with its
fields.
"""

from __future__ import annotations

import dataclasses

from outcomes.plans.plan import kinds

#: What is known or wanted -> the questions that fit, the main one first; what they cannot say.
WAYS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "One group of patients, one score before and one after": {
        "The mean change, with its interval": (
            ("PairedT", "Yuen", "Bootstrap", "SignFlip"),
            (
                "Why the score changed. Without a control group, regression to the mean, the"
                " natural course and other treatment change scores as well."
            ),
        ),
        "The change by ranks, where single scores are extreme or the scale is coarse": (
            ("SignedRank", "SignTest"),
            (
                "How large the mean change is. The signed-rank test asks about the centre of"
                " symmetric changes, the sign test only about directions."
            ),
        ),
        "The change of several scores together": (
            ("HotellingT2",),
            (
                "Which score changed, and in which direction: the rows of the scores say that. It"
                " needs patients with all the scores."
            ),
        ),
        "How many patients improved": (
            ("Responders", "ImprovementGrid", "IndividualChange"),
            (
                "Who improved because of the treatment. A share of responders has no counterpart in"
                " untreated patients here."
            ),
        ),
        "How much would have changed anyway, because patients were admitted by a high score": (
            ("RegressionToMean",),
            (
                "The natural course and other treatment: it covers one cause only, and needs a"
                " reliability from elsewhere."
            ),
        ),
        "That nothing changed, or that the score is at least not worse": (
            ("TOST", "NonInferiority", "BayesFactor"),
            (
                "Equality. They speak about a margin (or a prior) that has to be chosen and"
                " justified before the data are seen."
            ),
        ),
        "Whether other defensible analyses agree": (
            ("Robustness", "SideBySide"),
            "Which analysis is right. Agreement does not remove a bias that all of them share.",
        ),
        "What patients call an improvement": (
            ("MeaningfulChange",),
            (
                "Whether a difference between group means matters: thresholds within patients are"
                " another thing."
            ),
        ),
    },
    "One group, several follow-up visits": {
        "The course over the visits": (
            ("CohortModel", "Course", "RMANOVA", "Friedman", "Quade"),
            (
                "What those who left would have scored, unless scores are missing at random."
                " RMANOVA, Friedman and Quade leave out those with a gap."
            ),
        ),
        "A steady rise or fall over the visits": (
            ("PageTrend",),
            (
                "How large the trend is. It looks one way only, and leaves out those with a gap;"
                " SlopeModel says how fast."
            ),
        ),
        "How fast the score changes": (
            ("SlopeModel",),
            (
                "The shape of the course: a slope assumes a straight line over time (or over its"
                " logarithm)."
            ),
        ),
        "How long relief lasts": (
            ("DurationOfRelief", "ReturnOfPain"),
            (
                "Relief between visits: a return is seen only when somebody asks. That a"
                " characteristic goes with a sooner return does not make it a cause."
            ),
        ),
        "Daily diaries": (
            ("Diary",),
            "What happened on days without an entry, if bad days are the missing ones.",
        ),
    },
    "Two randomised arms": {
        "The difference at one follow-up visit": (
            ("ANCOVA", "WelchT", "ChangeByArm", "MannWhitney"),
            "Whether each arm improved. Two tests within arms are no comparison of arms.",
        ),
        "That one arm is not worse than the other, or that the two are equivalent": (
            ("ArmNonInferiority", "ArmEquivalence"),
            (
                "Equality. They speak about a margin that has to be chosen and justified before"
                " the data are seen, and about a reference that is known to work."
            ),
        ),
        "Several arms, each against the same reference": (
            ("Dunnett",),
            "How the other arms differ from each other: for all pairs see ANCOVA.",
        ),
        "The difference at several follow-up visits, some scores missing": (
            ("MMRM", "CLDA", "ScoreGEE"),
            (
                "The difference if scores are missing for reasons that neither the arm nor the"
                " earlier scores tell."
            ),
        ),
        "More responders in one arm": (
            ("CompareResponders", "StratifiedResponders", "ResponderGEE", "ProportionalOdds"),
            "How large the effect is in points: cutting a score in two loses information.",
        ),
        "An effect that depends on a subgroup": (
            ("Interaction",),
            (
                "Much, in most trials: an interaction as large as the main effect needs about four"
                " times the patients."
            ),
        ),
        "Whether blinding held": (
            ("Blinding",),
            "Whether a broken blind changed the scores, or the other way round.",
        ),
    },
    "Groups that clinicians or patients chose (routes, sites, diagnoses)": {
        "Differences of scores between them": (
            ("ANCOVA", "GamesHowell", "OneWayANOVA", "KruskalWallis", "MannWhitney"),
            (
                "Which route is better. Groups that were chosen differ in other things; adjusting"
                " for what was measured does not make them alike."
            ),
        ),
        "The same question in a part of the patients": (
            ("Among",),
            (
                "What a trial among these patients would show, where the part was chosen after"
                " treatment began."
            ),
        ),
    },
    "Each patient had both treatments": {
        "Crossover trial, a score": (
            ("Crossover",),
            (
                "The effect, if the first treatment still works in the second period. The"
                " carry-over contrast is shown and decides nothing."
            ),
        ),
        "Crossover trial, yes or no": (
            ("CrossoverBinary",),
            "Anything about patients who answered alike under both treatments.",
        ),
        "One patient, treatment and control in random order": (
            ("NOf1",),
            "Anything about other patients, unless a series of such patients is analysed.",
        ),
        "Conditions without periods: two limbs, rest and movement": (
            ("WithinPatients",),
            "The effect of a condition where the order of the conditions matters.",
        ),
        "Several infusions in each patient": (
            ("InfusionModel", "RepeatedInfusions"),
            "The effect of a next infusion: those who respond come back more often.",
        ),
        "How long until the next infusion or course": (
            ("NextInfusion",),
            (
                "Why patients come back or stay away: who does not return may be well, or may have"
                " given up."
            ),
        ),
    },
    "Missing scores": {
        "Who is missing, and when": (
            ("MissingScores",),
            "Why: no test can show that scores are missing at random.",
        ),
        "The answer with missing scores filled in": (
            ("Imputed", "ReferenceBased"),
            "The truth about those who left; each rests on an assumption that it names.",
        ),
        "How wrong the assumption may be before the conclusion changes": (
            ("TippingPoint",),
            "How likely that is. Readers judge whether the tipping point is plausible.",
        ),
    },
    "Side effects": {
        "Which, how many, how severe": (
            ("SideEffects", "EventTable"),
            "That a treatment is safe. No event in 48 patients leaves risks of up to 6% possible.",
        ),
        "More with one treatment": (
            ("SideEffectsByRoute", "SideEffectsPaired", "RateRatio"),
            (
                "That a difference is absent because it is not significant; and, where routes were"
                " chosen, what caused it."
            ),
        ),
    },
    "Several clinics": {
        "One answer, and how much clinics differ": (
            ("PooledSites", "OneStageSites", "NestedSites"),
            "Why clinics differ. With fewer than five, the spread between them is hardly known.",
        ),
    },
    "The score itself": {
        "How repeatable it is, and how large its error": (
            ("TestRetest",),
            (
                "The error in other patients: the ICC is higher where patients differ more. Treated"
                " patients are no retest."
            ),
        ),
        "Whether two ways of asking give the same score": (
            ("Agreement",),
            "Which of the two is right, or how far apart is too far: that is a clinical judgement.",
        ),
        "Which scores changed together": (
            ("ChangeCorrelations",),
            "Whether one change caused the other, or the treatment either.",
        ),
        "Whether patients got better without any dimension getting worse (EQ-5D)": (
            ("ParetianChange",),
            "How much: a step at the end of a scale counts as one in the middle.",
        ),
        "Whether the questions of a questionnaire measure one thing": (
            ("InternalConsistency",),
            "What that thing is. Many questions alone make alpha high.",
        ),
    },
    "Before anything is tested": {
        "Who the patients are": (
            ("Describe",),
            "Anything beyond these patients.",
        ),
        "Which answers they gave at each visit (PGIC, severity, EQ-5D)": (
            ("AnswersByVisit",),
            "Who changed: the patients who answer differ from visit to visit.",
        ),
    },
}

HEAD = """# Which question do I ask?

This page leads from what you have (design, scores, visits) to the question to ask, and says what each question cannot say.

Start with the heading that describes how the patients got their treatment. The first question of a row is the usual main
question; the others are for sensitivity, or for data that do not suit the first. Formulas, assumptions and sources are in
[Methods](methods.md), a picture of each answer in the [gallery](gallery/index.md). Choose before you look at the answers, and write the
choice into the study file.

`outcomes init scores.xlsx` proposes the usual questions for a design; `outcomes methods` lists them all.
"""
PLANNING = """
## No data yet

How many patients are needed? `oc.sample_size_paired`, `oc.sample_size_two_arms` and the other functions of
[Ask](reference/api/analyses.md) answer that for one design each; `oc.simulate_power` does it for any question of this page.
The notebook [Plan a study](tutorials/08_plan_a_study.ipynb) shows how. They cannot say which difference is worth finding:
that is a judgement, made before.
"""


def page() -> str:
    """The decision page."""
    parts = [HEAD]
    for design, wants in WAYS.items():
        parts.append(f"\n## {design}\n")
        for want, (names, limit) in wants.items():
            parts.append(f"**{want}.**\n")
            parts += [f"- {_link(n)}: {kinds()[n].question()}" for n in names]
            parts.append(f"\n*Cannot say:* {limit}\n")
    parts.append(PLANNING)
    return "\n".join(parts)


def placed() -> set[str]:
    """The questions that have a place on the decision page."""
    return {n for wants in WAYS.values() for names, _ in wants.values() for n in names}


def fields() -> str:
    """Every question with its fields, their types and defaults."""
    head = (
        "# Questions and their fields\n\nThis page lists every question with the fields it takes;"
        " the same names are the keys of an `[[analysis]]` table in the study file. What a question"
        " computes is said in [Methods](../methods.md).\n\nEvery question also takes `role`,"
        " `family`, `label` and `level`.\n"
    )
    common = {"role", "family", "label", "level"}
    parts = [head]
    for name, kind in kinds().items():
        rows = [
            f"| `{f.name}` | `{str(f.type).replace('|', chr(92) + '|')}` | {_default(f)} |"
            for f in dataclasses.fields(kind)
            if f.name not in common
        ]
        table = (
            "\n".join(["| field | type | if it is left out |", "| --- | --- | --- |", *rows])
            if rows
            else ""
        )
        parts.append(
            f"## {name}\n\n{kind.question()} [Method](../methods.md#{name.lower()}) ·"
            f" [Example](../gallery/index.md)\n\n{table}\n"
        )
    return "\n".join(parts)


def _default(f: dataclasses.Field[object]) -> str:
    if f.default is not dataclasses.MISSING:
        return f"`{f.default!r}`"
    if f.default_factory is not dataclasses.MISSING:
        return f"`{f.default_factory()!r}`"
    return "must be given"


def _link(name: str) -> str:
    return f"[{name}](methods.md#{name.lower()})"

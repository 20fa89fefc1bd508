"""The examples of the gallery: family -> title -> study and code. Every question of the package has
one, or a reason.
"""

from __future__ import annotations

STUDIES = {
    "cohort": "data/sample/study.toml",
    "crossover": "data/sample/crossover/study.toml",
    "parallel": "data/sample/parallel/study.toml",
    "courses": "data/sample/courses/study.toml",
}
#: Questions that the sample cannot show, and why. Their docstrings have examples that run.
NOT_SHOWN = {
    "NOf1": "no study of single patients in the sample",
    "NestedSites": "three sites and no larger units in the sample",
    "Diary": "the visits of the sample are too far apart for a diary",
    "TestRetest": "the sample has one visit before treatment; treated patients are no retest",
    "Agreement": "the sample asks for each score in one way only",
}

_PAIN = '"pain_nrs_average", before="baseline", after="week_4"'
_ARMS = f'{_PAIN}, reference="placebo"'


def _cohort(call: str) -> tuple[str, str]:
    return "cohort", f"question = oc.{call}"


def _parallel(call: str) -> tuple[str, str]:
    return "parallel", f"question = oc.{call}"


def _courses(call: str) -> tuple[str, str]:
    return "courses", f"question = oc.{call}"


def _crossover(call: str) -> tuple[str, str]:
    return "crossover", f"question = oc.{call}"


EXAMPLES: dict[str, dict[str, tuple[str, str]]] = {
    "Describe": {
        "The patients": _cohort(
            'Describe(characteristics=["diagnosis", "route", "sex"], outcomes=["pain_nrs_average"])'
        ),
        "The course of a score": _cohort('Course("pain_nrs_average")'),
        "The course by group": _parallel('Course("pain_nrs_average", by="arm")'),
        "Answers at each visit": _cohort('AnswersByVisit("pgic")'),
        "Severity at each visit": _cohort('AnswersByVisit("phq9_total", by="route")'),
        "The questions of a questionnaire": _cohort('AnswersByVisit("eq5d5l_index", items=True)'),
    },
    "Before and after": {
        "Mean change": _cohort(f"PairedT({_PAIN})"),
        "Signed-rank test": _cohort(f"SignedRank({_PAIN})"),
        "Sign test": _cohort(f"SignTest({_PAIN})"),
        "Trimmed mean": _cohort(f"Yuen({_PAIN})"),
        "Sign-flip permutation": _cohort(f"SignFlip({_PAIN}, seed=1)"),
        "Bootstrap": _cohort(f"Bootstrap({_PAIN}, draws=2000, seed=1)"),
        "Bayes factor": _cohort(f"BayesFactor({_PAIN})"),
        "Equivalence": _cohort(f"TOST({_PAIN}, margin=1)"),
        "Not worse": _cohort(f"NonInferiority({_PAIN}, margin=1)"),
        "Regression to the mean": _cohort(f"RegressionToMean({_PAIN}, at_least=4)"),
        "Question by question": _cohort(
            'ParetianChange("eq5d5l_index", before="baseline", after="week_4")'
        ),
        "Several scores together": _cohort(
            'HotellingT2(["pain_nrs_average", "phq9_total", "isi_total"], before="baseline",'
            ' after="week_4")'
        ),
        "Several analyses side by side": _cohort(f"Robustness({_PAIN}, seed=1)"),
        "Several questions side by side": _cohort(
            f"SideBySide([oc.PairedT({_PAIN}), oc.Yuen({_PAIN})])"
        ),
    },
    "Response": {
        "Responders": _cohort(f'Responders({_PAIN}, rules=["30%", "50%", "2 points"])'),
        "Several scores and visits": _cohort('ImprovementGrid(rules=["30%", "50%"])'),
        "Published thresholds by route": _cohort(
            'ImprovementGrid(["pain_nrs_average"], visits=["week_1", "week_4"], by="route")'
        ),
        "Responders of two arms": _parallel(f'CompareResponders({_ARMS}, rules=["30%", "50%"])'),
        "Responders within sites": _parallel(f'StratifiedResponders({_ARMS}, strata="site")'),
        "Response over all visits": _parallel(
            'ResponderGEE("pain_nrs_average", rule="30%", reference="placebo")'
        ),
        "Individual change": _cohort(
            f'IndividualChange({_PAIN}, reliability=0.8, source="an example")'
        ),
        "Meaningful change": _cohort(f'MeaningfulChange({_PAIN}, anchor="pgic")'),
        "Ordered answers": _parallel(
            'ProportionalOdds("pgic", after="week_4", by="arm", reference="placebo")'
        ),
    },
    "Groups": {
        "Difference of two arms": _parallel(f"ANCOVA({_ARMS})"),
        "Difference in mean change": _parallel(f"WelchT({_ARMS})"),
        "Both arms improved": _parallel(f"ChangeByArm({_ARMS})"),
        "Not worse by more than a margin": _parallel(f"ArmNonInferiority({_ARMS}, margin=1)"),
        "Equivalent arms": _parallel(f"ArmEquivalence({_ARMS}, margin=1)"),
        "Several groups against one": _cohort(f'Dunnett({_PAIN}, by="route", reference="oral")'),
        "Difference by ranks": _parallel(f"MannWhitney({_ARMS})"),
        "Several routes": _cohort(f'GamesHowell({_PAIN}, by="route")'),
        "Several routes of like spread": _cohort(f'OneWayANOVA({_PAIN}, by="route")'),
        "Several routes by ranks": _cohort(f'KruskalWallis({_PAIN}, by="route")'),
        "Subgroups": _parallel(f'Interaction({_ARMS}, subgroup="sex")'),
        "Some of the patients": _parallel(
            f'Among(oc.ANCOVA({_ARMS}), where={{"site": ["A", "B"]}})'
        ),
        "Blinding": _parallel("Blinding()"),
    },
    "Repeated follow-up": {
        "Arms at each visit": _parallel(
            'MMRM("pain_nrs_average", visit="week_4", reference="placebo")'
        ),
        "Arms with the baseline among the scores": _parallel(
            'CLDA("pain_nrs_average", visit="week_4", reference="placebo")'
        ),
        "Arms over all visits, without a distribution": _parallel(
            'ScoreGEE("pain_nrs_average", reference="placebo")'
        ),
        "One group over the visits": _cohort('CohortModel("pain_nrs_average")'),
        "Slopes": _parallel(
            'SlopeModel("pain_nrs_average", times=[0, 1, 4, 12], by="arm", reference="placebo")'
        ),
        "Repeated-measures ANOVA": _cohort(
            'RMANOVA("pain_nrs_average", visits=["baseline", "week_1", "week_4"])'
        ),
        "Friedman test": _cohort(
            'Friedman("pain_nrs_average", visits=["baseline", "week_1", "week_4"])'
        ),
        "Quade test": _cohort('Quade("pain_nrs_average", visits=["baseline", "week_1", "week_4"])'),
        "Steady trend": _cohort(
            'PageTrend("pain_nrs_average", visits=["baseline", "week_1", "week_4"])'
        ),
        "Duration of relief": _cohort('DurationOfRelief("pain_nrs_average")'),
        "Who has pain back sooner": _cohort(
            'ReturnOfPain("pain_nrs_average", covariates=["route", "sex"])'
        ),
    },
    "Courses of infusions": {
        "All infusions in one model": _courses('InfusionModel("pain_nrs_average")'),
        "All courses in one model": _courses(
            'InfusionModel("pain_nrs_average", number="course", last=3)'
        ),
        "Mean change of an infusion": _courses(
            'RepeatedInfusions("pain_nrs_average", before="before", after="day_7")'
        ),
        "Time to the next course": _courses('NextInfusion(followed="followed", course=21)'),
    },
    "Missing scores": {
        "Who is missing": _cohort('MissingScores("pain_nrs_average")'),
        "Imputed": _cohort(f"Imputed(oc.PairedT({_PAIN}), draws=10, seed=1)"),
        "Tipping point": _cohort(f"TippingPoint(oc.PairedT({_PAIN}), draws=5, seed=1)"),
        "As in the reference arm": _parallel(
            'ReferenceBased("pain_nrs_average", visit="week_4", reference="placebo")'
        ),
    },
    "Crossover": {
        "Crossover": _crossover('Crossover("pain_nrs_average")'),
        "Conditions within patients, periods left aside": _crossover(
            'WithinPatients("pain_nrs_average", reference="placebo", visits=["post"])'
        ),
        "Crossover, responders": _crossover(
            'CrossoverBinary("pain_nrs_average", after="post", before="pre")'
        ),
    },
    "Side effects": {
        "Shares of patients": _cohort("SideEffects()"),
        "Severity and relation": _cohort("EventTable()"),
        "By route": _cohort(
            'SideEffectsByRoute(by="route", reference="oral", collected="elicited")'
        ),
        "In the same patients": _crossover('SideEffectsPaired(reference="placebo")'),
        "Rates": _parallel('RateRatio(by="arm", reference="placebo")'),
    },
    "Several clinics": {
        "Pooled over sites": _cohort(f'PooledSites(oc.PairedT({_PAIN}), by="site")'),
        "One model of all sites": _parallel(f'OneStageSites({_ARMS}, by="arm", site="site")'),
    },
    "The score itself": {
        "Questions that measure one thing": _cohort('InternalConsistency("phq9_total")'),
        "Changes that go together": _cohort(
            'ChangeCorrelations(["pain_nrs_average", "pain_nrs_worst", "phq9_total", "isi_total",'
            ' "eq5d5l_index"], before="baseline", after="week_4")'
        ),
    },
}

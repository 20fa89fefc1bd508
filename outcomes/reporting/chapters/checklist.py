"""The items of STROBE, CONSORT-PRO and the CONSORT extension to crossover trials: answered from the
study, or 'not supplied'.

The items are told in our own words. The numbers of STROBE were compared with its published
checklist, and of CONSORT 2025 2, 5a, 9 and 12a with the table of the statement; 13 to 27 there,
CONSORT-PRO and the crossover extension were written from knowledge of them and not compared with
the papers: the page and docs/reports.md say so. What a study's data cannot say (ethics, funding,
setting …) a clinic writes under [paper] in its study file.
"""

from __future__ import annotations

from collections.abc import Callable

from outcomes.analyses.traits import Trait
from outcomes.core.language import in_source, message, say, say_n
from outcomes.core.result import Results
from outcomes.core.wording import listed, plural, share_of, spoken
from outcomes.reporting.document import Paragraph, Section, TableBlock
from outcomes.reporting.parts import has, primary, several_rows
from outcomes.study.study import Study
from outcomes.tables.results_table import Table

NOT_SUPPLIED = "not supplied"
SOURCES = {
    "STROBE": "von Elm E, et al. The STROBE statement. Lancet 2007;370:1453-1457.",
    "CONSORT": (
        "Hopewell S, et al. CONSORT 2025 statement: updated guideline for reporting randomised"
        " trials. PLoS Med 2025 (doi 10.1371/journal.pmed.1004587)."
    ),
    "CONSORT-PRO": (
        "Calvert M, et al. Reporting of patient-reported outcomes in randomized trials: "
        "the CONSORT PRO extension. JAMA 2013;309:814-822."
    ),
    "CONSORT crossover": (
        "Dwan K, et al. CONSORT 2010 statement: extension to randomised crossover trials. BMJ"
        " 2019;366:l4378."
    ),
}

#: What a reader must know of the numbers, and of what is not asked here.
LEFT_OUT = {
    "STROBE": ("Not listed, and left to the authors: STROBE 2, 4, 11, 15, 18, 20 and 21."),
    "CONSORT": (
        "Not listed, and left to the authors: CONSORT 1, 3, 4, 5b, 6 to 8, 10, 11, 12b, 14, 15,"
        " 16b, 20b, 21, 22b, 23, 24 and 28 to 30. The numbers of CONSORT 2025 from 13 on were not"
        " compared with the paper."
    ),
    "CONSORT-PRO": "The numbers of CONSORT-PRO were not compared with the paper.",
    "CONSORT crossover": "The numbers of the crossover extension were not compared with the paper.",
}

Answer = Callable[[Study, Results], str] | str

#: (checklist, item, what it asks, how it is answered: a function, or a key of [paper]).
ITEMS: tuple[tuple[str, str, str, Answer], ...] = (
    ("STROBE", "1", "Design named in title or abstract", lambda s, r: _design(s)),
    ("STROBE", "3", "Objectives, with any hypothesis said beforehand", lambda s, r: _questions(r)),
    ("STROBE", "5", "Setting, places, dates of recruitment and follow-up", "setting"),
    ("STROBE", "6", "Who could take part, and how they were found", lambda s, r: _entry(s)),
    ("STROBE", "7", "Outcomes, exposures and confounders defined", lambda s, r: _outcomes(s)),
    ("STROBE", "8", "How each score was collected", "collection"),
    ("STROBE", "9", "What was done about bias", lambda s, r: _bias(r)),
    ("STROBE", "10", "How the number of patients came about", "sample_size"),
    (
        "STROBE",
        "12",
        "Statistical methods, missing data, sensitivity analyses",
        lambda s, r: "see Methods, ready for a paper",
    ),
    ("STROBE", "13", "Numbers at each stage, and why patients left", lambda s, r: _stages(s, r)),
    (
        "STROBE",
        "14",
        "Patients described, with missing data for each variable",
        lambda s, r: _described(r),
    ),
    (
        "STROBE",
        "16",
        "Estimates with their precision",
        lambda s, r: "every answer has its interval",
    ),
    ("STROBE", "17", "Other analyses: subgroups, sensitivity", lambda s, r: _sensitivity(r)),
    ("STROBE", "19", "Limitations", lambda s, r: "see What this design cannot show"),
    ("STROBE", "22", "Funding", "funding"),
    ("CONSORT", "9", "Trial design and allocation ratio", lambda s, r: _design(s)),
    ("CONSORT", "12a", "Eligibility", lambda s, r: _entry(s)),
    ("CONSORT", "13", "Treatments, in enough detail to repeat them", "treatment"),
    ("CONSORT", "16a", "Sample size", "sample_size"),
    ("CONSORT", "17-19", "How patients were randomised", "randomisation"),
    ("CONSORT", "20a", "Who was blinded", "blinding"),
    ("CONSORT", "22a", "Flow of patients in each group", lambda s, r: _stages(s, r)),
    ("CONSORT", "25", "Patients at the start", lambda s, r: _described(r)),
    (
        "CONSORT",
        "26",
        "Estimate and precision of each outcome",
        lambda s, r: "every answer has its interval",
    ),
    ("CONSORT", "27", "Harms", lambda s, r: _harms(s)),
    ("CONSORT", "2", "Registration", "registration"),
    ("CONSORT", "5a", "Funding", "funding"),
    (
        "CONSORT-PRO",
        "P1b",
        "Patient-reported outcome named in the abstract as primary or secondary",
        lambda s, r: _questions(r),
    ),
    ("CONSORT-PRO", "P2b", "Hypothesis about it, and its domains", lambda s, r: _domains(s)),
    (
        "CONSORT-PRO",
        "P6a",
        "Evidence that the instrument is valid, and how it was given",
        lambda s, r: _valid(s),
    ),
    ("CONSORT-PRO", "P12a", "How missing scores were handled", lambda s, r: _missing(s, r)),
    ("CONSORT-PRO", "13a", "Scores available at baseline and later", lambda s, r: _stages(s, r)),
    (
        "CONSORT-PRO",
        "P20/21",
        "Limits of the score, and how far it carries",
        lambda s, r: "see What this design cannot show",
    ),
    (
        "CONSORT crossover",
        "3a",
        "Why a crossover, number and length of periods",
        "crossover_reason",
    ),
    ("CONSORT crossover", "5", "Washout", "washout"),
    (
        "CONSORT crossover",
        "12a",
        "Analysis within patients, allowing for period",
        lambda s, r: _within(r),
    ),
    ("CONSORT crossover", "13a", "Flow by sequence and period", lambda s, r: _periods(s)),
    ("CONSORT crossover", "17a", "Carry-over and period looked at", lambda s, r: _within(r)),
    ("ethics", "", "Approval and consent", "ethics"),
)

WANTED = {
    "parallel": ("CONSORT", "CONSORT-PRO", "ethics"),
    "crossover": ("CONSORT", "CONSORT-PRO", "CONSORT crossover", "ethics"),
    "n-of-1": ("CONSORT", "CONSORT-PRO", "ethics"),
}


def checklist(study: Study, results: Results) -> Section:
    """The checklist of the design, each item answered from the study, from [paper], or 'not
    supplied'.
    """
    wanted = WANTED.get(study.design, ("STROBE", "CONSORT-PRO", "ethics"))
    paper = study.settings.get("paper", {})
    rows = []
    for name, item, asks, answer in ITEMS:
        if name in wanted:
            if isinstance(answer, str):
                said = str(paper.get(answer, "")).strip()
            else:
                with in_source():  # what the published checklists ask and its answer are English
                    said = answer(study, results)
            rows.append((name, item, asks, said or NOT_SUPPLIED))
    open_ = sum(row[-1] == NOT_SUPPLIED for row in rows)
    note = tuple(words[name] for words in (SOURCES, LEFT_OUT) for name in wanted if name in words)
    words = (
        say_n(
            "{n} item of {total} must still be written: the data cannot say them.",
            "{n} items of {total} must still be written: the data cannot say them.",
            open_,
            total=len(rows),
        )
        if open_
        else say("Every item is answered.")
    )
    table = Table(
        say("Reporting checklist: {which}", which=listed([w for w in wanted if w in SOURCES])),
        (say("checklist"), say("item"), say("what it asks"), say("answer")),
        tuple(rows),
        note,
    )
    return Section(message("Reporting checklist"), (Paragraph(words), TableBlock(table)))


def _design(s: Study) -> str:
    return f"{s.design.replace('-', ' ')}, {plural(s.enrolled, 'patient')}" + (
        "" if s.controlled else ", no control group"
    )


def _questions(r: Results) -> str:
    asked = [f"{x.analysis.title(x.outcome)}" for x in r if x.analysis.role == "primary"]
    return f"primary: {listed(asked)}" if asked else ""


def _entry(s: Study) -> str:
    written = str(s.settings.get("paper", {}).get("eligibility", ""))
    if not s.entry:
        return written
    rules = [
        f"{k.replace('_', ' ')} {s.entry[k]:g}" for k in ("at_least", "at_most") if k in s.entry
    ]
    title = s.outcome(str(s.entry["outcome"])).title
    return f"{title} {listed(rules)}; {written or f'other criteria {NOT_SUPPLIED}'}"


def _outcomes(s: Study) -> str:
    return (
        f"{plural(len(s.outcome_names), 'score')} at {plural(len(s.visits), 'visit')}; see The"
        " patients"
    )


def _bias(r: Results) -> str:
    return (
        "size of regression to the mean computed"
        if any(has(x, Trait.REGRESSION_TO_MEAN) for x in r)
        else ""
    )


def _stages(s: Study, r: Results) -> str:
    main = next((x for x in primary(r) if not x.failed), None)
    return (
        f"{share_of(main.counts.analysed, main.counts.enrolled)} analysed; see Who was counted"
        if main
        else ""
    )


def _described(r: Results) -> str:
    return (
        "see The patients"
        if any(has(x, Trait.DESCRIBES_PATIENTS) and not x.failed for x in r)
        else ""
    )


def _sensitivity(r: Results) -> str:
    made = [x for x in r if x.analysis.role == "sensitivity"]
    return (
        f"{plural(len(made), 'sensitivity analysis', 'sensitivity analyses')}; see Robustness"
        if made
        else ""
    )


def _harms(s: Study) -> str:
    return "see Side effects" if s.events is not None else ""


def _domains(s: Study) -> str:
    return listed(list(dict.fromkeys(m.title for m in s.ready.measures.values()))[:8])


def _valid(s: Study) -> str:
    known = sorted({m.instrument for m in s.ready.measures.values() if m.instrument})
    return f"{plural(len(known), 'validated instrument')}; sources in Methods" if known else ""


def _missing(s: Study, r: Results) -> str:
    used = [x.analysis.short for x in r if has(x, Trait.HANDLES_MISSING, Trait.USES_ALL_SCORES)]
    return (
        "patients without a score are counted with each answer;"
        f" {listed(list(dict.fromkeys(used)))}"
        if used
        else "left out, and counted with each answer"
    )


def _within(r: Results) -> str:
    return (
        "see Answers: treatment difference within patients, period allowed for"
        if any(has(x, Trait.CROSSOVER) and not x.failed for x in r)
        else ""
    )


def _periods(s: Study) -> str:
    if "period" not in s.scores or not several_rows(s):
        return ""
    seen = s.scores.groupby("period")["patient"].nunique()
    return "; ".join(
        f"period {spoken(str(p))}: {plural(int(n), 'patient')}" for p, n in seen.items()
    )

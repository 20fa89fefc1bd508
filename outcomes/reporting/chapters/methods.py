"""Methods text ready for a paper, made from the study and its plan."""

from __future__ import annotations

from outcomes import __version__
from outcomes.analyses.traits import Trait
from outcomes.core.result import Results
from outcomes.core.wording import listed, plural, spoken
from outcomes.reporting.chapters.frozen_plan import frozen_words
from outcomes.reporting.document import Block, Bullets, Paragraph, Section
from outcomes.reporting.parts import has
from outcomes.study.study import Study

DESIGN = {
    "before-after": "This is an uncontrolled before-and-after study",
    "follow-up": "This is an uncontrolled study with repeated follow-up",
    "routes": "This is a study of routes of administration that were chosen, not randomised",
    "parallel": "This is a parallel-group study",
    "crossover": "This is a crossover study",
    "n-of-1": "This is a series of N-of-1 trials",
}


def methods(study: Study, results: Results, asked: Results | None = None) -> Section:
    """Design, outcomes, analysis, multiplicity, missing scores and software, in sentences; then the
    references. `asked` are the answers of the plan alone, without what a report adds by itself.
    """
    paragraphs = [
        f"{_design(study)} {_outcomes(study)}",
        _analysis(results),
        f"{_missing(results)} {_software()}",
        frozen_words(study, asked or results),
    ]
    references = list(
        dict.fromkeys([ref for r in results for ref in r.analysis.references] + _instruments(study))
    )
    blocks: list[Block] = [Paragraph(p) for p in paragraphs]
    if references:
        blocks += [Paragraph("References", "small"), Bullets(tuple(references))]
    return Section("Methods, ready for a paper", tuple(blocks))


def _design(study: Study) -> str:
    when = (
        f", with scores at {listed([spoken(v) for v in study.visits])}"
        if len(study.visits) > 1
        else ""
    )
    entry = ""
    if study.entry:
        rules = [
            f"{k.replace('_', ' ')} {study.entry[k]:g}"
            for k in ("at_least", "at_most")
            if k in study.entry
        ]
        entry = (
            f" Patients entered with {study.outcome(str(study.entry['outcome'])).title} of"
            f" {listed(rules)}."
        )
    return f"{DESIGN[study.design]} of {plural(study.enrolled, 'patient')}{when}.{entry}"


def _outcomes(study: Study) -> str:
    names = {m.instrument: None for m in study.ready.measures.values() if m.instrument}
    titles = [study.instrument(n).title for n in names]
    own = [m.title for m in study.ready.measures.values() if not m.instrument]
    said = listed(titles + own)
    return (
        f"Outcomes were {said}, scored as published with the missing-item rule of each instrument."
        if titles
        else f"Outcomes were {said}."
    )


def _instruments(study: Study) -> list[str]:
    ids = dict.fromkeys(m.instrument for m in study.ready.measures.values() if m.instrument)
    return [f"{i.title}: {i.references[0]}" for i in map(study.instrument, ids) if i.references]


def _analysis(results: Results) -> str:
    words = " ".join(dict.fromkeys(r.analysis.methods_of(r) for r in results))
    if events := list(dict.fromkeys(w for r in results if (w := r.events_methods()))):
        words += f" {' '.join(events)}"
    if results.multiplicity:
        words += f" {results.multiplicity}"
    levels = sorted({r.analysis.level for r in results})
    return words + (
        f" Intervals have a confidence level of {listed([f'{100 * v:g}%' for v in levels])}."
        if levels
        else ""
    )


def _missing(results: Results) -> str:
    if any(has(r, Trait.HANDLES_MISSING, Trait.USES_ALL_SCORES) for r in results):
        return "Every analysis says how many patients it counts and why others are left out."
    return (
        "Patients without a needed score were left out of that analysis; no score was filled in,"
        " and the numbers are given with each answer."
    )


def _software() -> str:
    return f"Analyses were made with outcomes {__version__} (Python)."

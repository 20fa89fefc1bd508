"""Methods text ready for a paper, made from the study and its plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from outcomes import __version__
from outcomes.analyses.responders.one_group import ResponseCounts
from outcomes.analyses.traits import Trait
from outcomes.core.language import in_source, language_of, message
from outcomes.core.measure import Measure
from outcomes.core.result import Result, Results
from outcomes.core.wording import listed, plural, spoken
from outcomes.reporting.chapters.frozen_plan import frozen_words
from outcomes.reporting.document import Bullets, Paragraph, Section
from outcomes.reporting.numbers import Fixed, Instead
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

    The sentences are English in every language, as journals want them.
    """
    with in_source():
        made = _methods(study, results, asked)
    return (
        made if language_of().source else replace(made, blocks=tuple(map(_in_english, made.blocks)))
    )


def _in_english(b: Any) -> Any:
    if isinstance(b, Paragraph):
        return replace(b, language="en")
    return Instead(tuple(map(_in_english, b.blocks))) if isinstance(b, Instead) else b


def _methods(study: Study, results: Results, asked: Results | None) -> Section:
    shown = " ".join(dict.fromkeys(r.analysis.methods_of(r) for r in results if _typed(r)))
    paragraphs = [
        Paragraph(f"{_design(study)} {_outcomes(study)}"),
        Paragraph(frozen_words(study, asked or results)),
        Instead((Paragraph(_analysis(results)), Paragraph(Fixed(shown)))),
        Paragraph(f"{_missing(results)} {_software()}"),
    ]
    references = list(
        dict.fromkeys([ref for r in results for ref in r.analysis.references] + _instruments(study))
    )
    blocks: list[Any] = paragraphs
    if references:
        listed_ = Bullets(tuple(map(Fixed, references)))
        blocks += [Paragraph(Fixed("References"), "small"), listed_]
    return Section(message("Methods, ready for a paper"), tuple(blocks))


def _typed(r: Result) -> bool:
    """Whether the numbers of an answer are of kinds that a release policy has rules for."""
    main = r.main
    shares = r.about(ResponseCounts) is not None or "count" in r.data.get("dots", ())
    mean = main is not None and main.measure is Measure.CHANGE and not has(r, Trait.RANKS)
    ends = main is not None and bool(main.contrast.from_visit)
    return has(r, Trait.MODELLED, Trait.COURSE) or shares or (mean and ends)


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

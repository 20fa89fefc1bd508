"""The report for sharing: the blocks of the internal report, filtered by a release policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import deepcopy

import pandas as pd

from outcomes import __version__
from outcomes.analyses.question import Analysis, from_dict
from outcomes.analyses.responders.one_group import ResponseCounts
from outcomes.analyses.traits import Trait
from outcomes.core.errors import PrivacyError
from outcomes.core.language import in_language, language_of, message, named, say
from outcomes.core.outcome import Outcome
from outcomes.core.result import Results
from outcomes.core.style import style_of
from outcomes.core.wording import level_text, listed, spoken
from outcomes.plans.plan import Plan, kinds
from outcomes.reporting.builder import KINDS, chapters, design_words, finished, title_of
from outcomes.reporting.document import Bullets, Document, Paragraph, Section
from outcomes.reporting.fingerprints import patient_tokens
from outcomes.reporting.numbers import Fixed, fixed
from outcomes.reporting.parts import has
from outcomes.reporting.plain_language import scale
from outcomes.reporting.release.control import DisclosureControl, verify
from outcomes.reporting.release.numbers import Releaser
from outcomes.reporting.release.rules import reason_of
from outcomes.reporting.release.sections import Filter
from outcomes.reporting.release.tables import CountTables
from outcomes.study.set_aside import failed_among
from outcomes.study.study import Study


def shared_document(study: Study, results: Results, control: DisclosureControl) -> Document:
    """The report for sharing.

    Raises PrivacyError where fewer patients differ from an earlier shared report than the policy
    allows.
    """
    patients = patient_tokens(study, control.ledger.key)
    least = control.policy.least
    if study.enrolled < least:
        raise PrivacyError(f"A report on fewer than {least} patients cannot be shared.")
    for changed in control.ledger.changed(patients):
        if 0 < changed < least:
            raise PrivacyError(
                f"Only a few patients (fewer than {least}) are new or changed since"
                " an earlier shared report: the difference between the two would tell about them."
                " Wait until there are more, or report internally."
            )
    parts = chapters(study, results)
    control.patients, control.enrolled = patients, study.enrolled
    control.tables = _tables(study, results, parts, control)
    _names(study, results, control)
    reckon_with(study, [(r.analysis, r.outcome) for r in results if not r.failed], control)
    said = control.count(study.enrolled)  # first, so that nothing else hides it
    passing = Filter(Releaser(study, control), control, sample=study.sample)
    kept = list(passing.sections(parts))
    gone = [say(s.title) for s in parts if s.level == 2 and s.title not in {k.title for k in kept}]
    kept.append(_protected(control, passing, gone))
    subtitle = design_words(study)
    if control.out(said):
        subtitle = say("about {n} patients · {design}", n=said, design=subtitle)
    doc = Document(
        title_of(study),
        subtitle,
        finished(kept),
        study.sample,
        "share",
        control.hidden,
        language=language_of().code,
        style=style_of().name,
    )
    control.ledger.add(patients, study, control.tables)
    return verify(doc, control)


def _tables(
    study: Study, results: Results, parts: list[Section], control: DisclosureControl
) -> CountTables:
    """Which counts of the report add up to which, before the first goes out: so it does not depend
    on their order what is hidden.
    """
    at = control.ledger.place_of(control.patients)
    there = control.ledger.tables[at] if at < len(control.ledger.tables) else CountTables()
    draft = DisclosureControl(
        control.policy,
        deepcopy(control.ledger),
        patients=control.patients,
        enrolled=control.enrolled,
        tables=there,
        gathering=True,
    )
    _names(study, results, draft)
    for r in results:
        if not r.failed and has(r, Trait.SEPARATE_GROUPS) and "dots" in r.data:
            for groups in _shares_of_groups(r.data["dots"]):
                draft.divided_share(groups)
    passing = Filter(Releaser(study, draft), draft, sample=study.sample)
    for _ in passing.sections(parts):
        pass
    return draft.tables


def _shares_of_groups(dots: pd.DataFrame) -> Iterator[list[tuple[int, int]]]:
    """For each share that is drawn of several groups: those with it and all, of each group."""
    if {"group", "count", "total"} <= {*dots}:
        for _, rows in dots.groupby("label", sort=False):
            yield [(int(k), int(n)) for k, n in zip(rows["count"], rows["total"], strict=True)]


def reckon_with(
    study: Study,
    asked: Iterable[tuple[Analysis, Outcome | None]],
    control: DisclosureControl,
) -> None:
    """Reckon with all shares of responders and bands of these questions, and of those that earlier
    reports asked, before a mean of the same patients goes out; and with the means that are out.

    Raises PrivacyError where means that are out would, with shares that are asked for the first
    time, tell about a few patients.
    """
    ledger, measures = control.ledger, study.ready.measures
    earlier = [from_dict(said, kinds=kinds()) for said in ledger.asked]
    new = [(q, o) for q, o in asked if o is not None and hasattr(q, "tests") and q not in earlier]
    there = [(q, o) for q in earlier if (o := measures.get(getattr(q, "outcome", "")))]
    for q, outcome in [*there, *new]:
        _judge(study, q, outcome, control)
    for name in ledger.means.keys() & measures.keys():
        control.recall(measures[name], study.wide(name))
    for outcome in dict.fromkeys(o for _, o in new):
        if control.scored(outcome).narrowed(control.policy.hidden):
            raise PrivacyError(
                f"Responders of {outcome.name}, which earlier shared reports did not say, would"
                " with the means in them tell about a few patients. Ask the questions of the"
                " earlier reports, or report internally."
            )
    ledger.asked += [q.to_dict() for q, _ in new]


def _judge(study: Study, q: Analysis, outcome: Outcome, control: DisclosureControl) -> None:
    """Reckon with the shares of responders and bands of one question."""
    wide, after = study.wide(outcome.name), getattr(q, "after", "")
    control.scored(outcome).know(wide)
    visits = [v for v in (getattr(q, "before", ""), after) if v]
    if not {*visits} <= {*wide}:
        return
    scores = wide[visits].dropna()
    able = scores[~failed_among(study.settings, after, scores.index)]
    parts, by = [(scores, able)], getattr(q, "by", "")
    if by in study.patient_frame:
        group = study.characteristic(by)
        parts += [(x, able[able.index.isin(x.index)]) for _, x in scores.groupby(group)]
    for everybody, not_failed in parts:
        for improved, met in q.tests(outcome):  # type: ignore[attr-defined]
            control.judged(outcome, not_failed if improved else everybody, met)


def _names(study: Study, results: Results, control: DisclosureControl) -> None:
    """Names and fixed words with digits in them: of the study, its scores and visits, and of the
    questions.
    """
    plan = Plan(r.analysis for r in results).digest
    for text in (
        title_of(study),
        say(KINDS[study.design]),
        control.policy.words,
        __version__,
        plan,
    ):
        control.name(text)
    for outcome in study.ready.measures.values():
        for text in (outcome.title, outcome.said, scale(outcome)):
            control.name(text)
    for visit in study.visits:
        control.name(spoken(visit))
        control.name(visit)
    for r in results:
        q = r.analysis
        own = (q.short, named(q.short), q.label, q.title(r.outcome), q.family, named(q.family))
        for text in (*q.references, *own):
            control.name(text)
            control.name(text[:1].upper() + text[1:])
        counted = r.about(ResponseCounts)
        for response in counted.responses if counted is not None else ():
            for rule in (response.rule, response.amount):
                control.name(rule)
                control.name(in_language(rule))
    hundred = say("{n} of 100", n="").strip()
    for text in ("95%", level_text(0.95), f"≤{control.policy.hidden}", hundred):
        control.name(text)


def _protected(control: DisclosureControl, passing: Filter, gone: list[str]) -> Section:
    """How patients are protected, and what is withheld and why."""
    control.chapter = message("How patients are protected")
    blocks = [
        Paragraph(
            fixed(
                "Policy: {name}. {words}",
                name=control.policy.name,
                words=control.policy.words,
            )
        ),
        Paragraph(
            fixed(
                "A mean is shown, with fewer digits where needed, only when enough different sets"
                " of scores agree with it and its interval, when no one or two patients make up"
                " most of it, and when no combination of sums released in this report and earlier"
                " ones singles out a few patients. The whole report is made only when enough"
                " patients are new or changed since earlier ones. This lowers the risk that"
                " somebody is recognised; it is no proof that nobody can be, and no statement"
                " about any law."
            )
        ),
        Bullets(tuple(Fixed(t) for t in _withheld(passing, gone, control))),
    ]
    made = (passing.block(b) for b in blocks)
    out = tuple(control.release(b) for b in made if b is not None)
    return Section(control.chapter, out, appendix=True)


def _withheld(passing: Filter, gone: list[str], control: DisclosureControl) -> list[str]:
    """What is withheld and why, a sentence for each reason."""
    said = []
    if gone:
        said.append(
            say(
                "Not in this report: {chapters}. Their words or numbers are about patients in a"
                " way that the policy has no rule for, or rest on too few.",
                chapters=listed(gone),
            )
        )
    reasons: dict[str, list[str]] = {}
    for chapter, what, why in passing.withheld:
        if say(chapter) not in gone and what:
            reasons.setdefault(reason_of(why), []).append(what)
    for why, whats in reasons.items():
        shown = list(dict.fromkeys(whats))
        said.append(say("Withheld because {why}: {what}.", why=why, what=listed(shown)))
    said.append(say("Sentences that are written for internal use are not in this report."))
    said.append(say("No row, line or dot for a single patient is in this report."))
    return said

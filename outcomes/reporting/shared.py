"""The report for sharing: built from nothing but numbers that have passed the disclosure
control.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from outcomes import __version__
from outcomes.core.errors import PrivacyError
from outcomes.core.result import Results
from outcomes.core.wording import NONE, listed, percent, spoken
from outcomes.plans.plan import Plan
from outcomes.reporting.builder import KINDS, finished
from outcomes.reporting.document import (
    Block,
    Bullets,
    Document,
    KeyNumber,
    KeyNumbers,
    Paragraph,
    Section,
    TableBlock,
)
from outcomes.reporting.fingerprints import patient_tokens
from outcomes.reporting.parts import method, several_rows
from outcomes.reporting.plain_language import read_with_care, scale
from outcomes.reporting.release.control import DisclosureControl, verify
from outcomes.reporting.shared_answers import (
    MODELS,
    answers,
    change_of,
    course,
    harms,
    questions_of,
    responders,
)
from outcomes.study.scores import main_score
from outcomes.study.study import Study
from outcomes.tables.results_table import Table


def shared_document(study: Study, results: Results, control: DisclosureControl) -> Document:
    """The report for sharing.

    Raises PrivacyError where fewer patients differ from an earlier shared report than the policy
    allows.
    """
    patients = patient_tokens(study, control.ledger.key)
    if study.enrolled < control.policy.least:
        raise PrivacyError(
            f"A report on fewer than {control.policy.least} patients cannot be shared."
        )
    for changed in control.ledger.changed(patients):
        if 0 < changed < control.policy.least:
            raise PrivacyError(
                f"Only a few patients (fewer than {control.policy.least}) are new or changed since"
                " an earlier shared report: the difference between the two would tell about them."
                " Wait until there are more, or report internally."
            )
    _names(study, results, control)
    chapters: list[tuple[str, Callable[[], Iterator[Block]]]] = [
        ("Who was counted", lambda: _counted(study, results, control)),
        ("The patients", lambda: _patients(study, results, control)),
        ("Answers", lambda: answers(study, results, control)),
        ("Responders", lambda: responders(study, results, control)),
        ("The course over time", lambda: course(study, results, control)),
        ("Side effects", lambda: harms(study, results, control)),
        ("What this design cannot show", lambda: _limits(study)),
        ("Methods", lambda: _methods(results, control)),
        ("How patients are protected", lambda: _protected(study, results, control)),
    ]
    made = []
    for title, blocks in chapters:
        control.chapter = title
        made.append((title, list(blocks())))
    control.chapter = "Summary"
    parts = [("Summary in plain language", list(_summary(study, results, control))), *made]
    sections = finished(
        Section(title, tuple(control.release(b) for b in blocks))
        for title, blocks in parts
        if blocks
    )
    visits = (
        f" · visits: {', '.join(spoken(v) for v in study.visits)}" if len(study.visits) > 1 else ""
    )
    subtitle = f"about {control.count(study.enrolled)} patients · {KINDS[study.design]}{visits}"
    doc = Document(
        study.title or "Patient-reported outcomes",
        subtitle,
        sections,
        study.sample,
        "share",
        control.hidden,
    )
    control.ledger.add(patients, study)
    return verify(doc, control)


def _names(study: Study, results: Results, control: DisclosureControl) -> None:
    """Names and fixed words with digits in them: of the study, its scores and visits, and of the
    methods.
    """
    for text in (
        study.title,
        KINDS[study.design],
        control.policy.words,
        __version__,
        Plan(r.analysis for r in results).digest,
    ):
        control.name(text)
    for outcome in study.ready.measures.values():
        control.name(outcome.title)
        control.name(scale(outcome))
    for visit in study.visits:
        control.name(spoken(visit))
        control.name(visit)
    for r in results:
        for text in (r.methods_text(), *r.analysis.references, r.analysis.short, r.analysis.label):
            control.name(text)
    for text in ("95%", f"≤{control.policy.hidden}", "of 100"):
        control.name(text)


def _summary(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    n = control.count(study.enrolled)
    yield Paragraph(
        f"This report is about roughly {n} patients. Small numbers are hidden and others rounded,"
        " to protect them."
    )
    for name, before, after in [q for q in questions_of(results) if not several_rows(study)][:1]:
        outcome = study.outcome(name)
        made = change_of(study, control, name, before, after)
        if made["change"].hidden:
            continue
        change, first, last = made["change"], made["before"], made["after"]
        likely = "" if math.isnan(change.low) else change.words[1].replace(" to ", " and ")
        verb = "fell" if change.value < 0 else "rose" if change.value > 0 else "stayed"
        clear = change.low > 0 or change.high < 0
        word = (
            {"improved": " (better)", "worsened": " (worse)"}.get(
                outcome.direction(change.value), ""
            )
            if clear
            else ""
        )
        but = (
            ""
            if clear or not likely
            else " No change at all lies within the interval, so the direction is not clear."
        )
        yield KeyNumbers(
            (
                KeyNumber(n, "patients took part, about"),
                KeyNumber(
                    change.words[0],
                    f"average change in {outcome.title}{word}",
                    f"likely between {likely}" if likely else "",
                ),
            )
        )
        yield Paragraph(
            f"On average, {outcome.title} ({scale(outcome)}) {verb} from {first.words[0]} at"
            f" {spoken(before)} to {last.words[0]} at {spoken(after)}{word}, in about"
            f" {control.count(made['n'])} patients with both scores.{but}",
            "lead",
        )
    if care := read_with_care(study):
        yield Paragraph(care, "caution")


def _counted(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    if several_rows(study) or not study.outcome_names:
        yield Paragraph(f"About {control.count(study.enrolled)} patients took part.")
        return
    main = next((q[0] for q in questions_of(results)), main_score(study))
    frame, whole = study.wide(main), control.rounded(study.enrolled)
    rows = []
    for visit in study.visits:
        n = int(frame[visit].notna().sum())
        shown = control.count(n)
        share = control.rounded(n) / whole if control.rounded(n) > 0 else math.nan
        rows.append((spoken(visit), shown, _ratio(control, min(share, 1.0))))
    title = f"Scores recorded at each visit: {study.outcome(main).title}"
    yield TableBlock(
        Table(
            title,
            ("visit", "with a score, about", "of all patients, about"),
            tuple(rows),
            numeric=(1, 2),
        )
    )


def _ratio(control: DisclosureControl, share: float) -> str:
    """A share of two rounded counts: nothing is in it that they do not say."""
    if math.isnan(share):
        return NONE
    control.issued.add(percent(share).rstrip("%"))
    return percent(share)


def _patients(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    asked = next((r.analysis for r in results if method(r) == "Describe"), None)
    rows: list[tuple[str, ...]] = []
    for name in getattr(asked, "characteristics", ()):
        column = study.characteristic(name).dropna().astype(str)
        counts = column.value_counts().sort_index()
        if len(counts) > 12:
            continue
        groups = {str(level): int(n) for level, n in counts.items()}
        groups |= (
            {"not known": study.enrolled - len(column)} if len(column) < study.enrolled else {}
        )
        shown = control.counts(groups, study.enrolled, name)
        kept = [(level, text) for level, text in shown.items() if text != "hidden"]
        # a rare group is not even named
        rest = "other groups, too small to show" if kept else "groups too small to show"
        hidden = [(rest, "hidden")] if len(kept) < len(shown) else []
        for i, (level, text) in enumerate([*kept, *hidden]):
            rows.append((spoken(name) if i == 0 else "", control.name(level), text))
    if rows:
        yield TableBlock(
            Table(
                "Characteristics",
                ("characteristic", "level", "patients, about"),
                tuple(rows),
                numeric=(2,),
            )
        )


def _limits(study: Study) -> Iterator[Block]:
    items = [
        "How those fared who did not answer.",
        "Whether a single patient improved because of treatment.",
    ]
    if not study.controlled:
        cause = (
            "Whether the treatment caused the change: there was no comparison group, scores that"
            " were at their worst tend to be better later whatever is done, and other treatment and"
            " hope are part of every change."
        )
        items.insert(0, cause)
    if Plan.of(study).estimand.carried_out:
        items.append(
            "What the declared strategies for intercurrent events would give: in this report scores"
            " are used whatever happened."
        )
    yield Bullets(tuple(items))


def _methods(results: Results, control: DisclosureControl) -> Iterator[Block]:
    said = list(
        dict.fromkeys(
            r.methods_text()
            for r in results
            if method(r) in ("PairedT", "Responders", "Course", "SideEffects", *MODELS)
        )
    )
    yield Paragraph(" ".join(said))
    yield Paragraph(
        f"Made with outcomes {__version__}; plan {Plan(r.analysis for r in results).digest}.",
        "small",
    )


def _protected(study: Study, results: Results, control: DisclosureControl) -> Iterator[Block]:
    yield Paragraph(f"Policy: {control.policy.name}. {control.policy.words}")
    yield Paragraph(
        "A mean is shown, with fewer digits where needed, only when enough different sets of scores"
        " agree with it and its interval, when no one or two patients make up most of it, and when"
        " no combination of sums released in this report and earlier ones singles out a few"
        " patients. The whole report is made only when enough patients are new or changed since"
        " earlier ones. This lowers the risk that somebody is recognised; it is no proof that"
        " nobody can be, and no statement about any law."
    )
    left = [
        r
        for r in results
        if method(r)
        not in (*MODELS, "PairedT", "SignedRank", "Responders", "Course", "SideEffects", "Describe")
    ]
    names = listed(list(dict.fromkeys(r.analysis.short for r in left)))
    if left:
        yield Paragraph(
            f"Not in the report for sharing: {control.name(names)}; data quality; and everything"
            " with a row, a line or a dot for a patient."
        )

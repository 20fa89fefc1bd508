"""The first page: plain words for the clinic's meeting and for patients, without a statistician's terms."""

from __future__ import annotations

import math
from collections.abc import Iterable

from outcomes.analyses.groups.group_data import versus
from outcomes.core.estimate import Estimate
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result, Results
from outcomes.core.wording import digits_for, listed, number, plural, round_half_away, spoken
from outcomes.reporting.document import Block, Bullets, KeyNumber, KeyNumbers, Paragraph, Section
from outcomes.reporting.parts import ANSWERS, DEALS_WITH_MISSING, chapter, many_missing, method, primary, scored
from outcomes.study.study import Study


def summary(study: Study, results: Results) -> Section:
    """What was found, on one page, in words that need no explanation."""
    told = [r for r in results if not r.failed]
    blocks: list[Block] = [Paragraph(_about(study))]
    keys = [k for r in primary(results) if (k := _key(r))][:1]
    keys += [k for r in told if (k := _responder_key(r))][:2]
    if keys:
        blocks.append(KeyNumbers((KeyNumber(str(study.enrolled), "patients took part"), *keys)))
    for r in primary(results):
        blocks.append(Paragraph(_answer(r), "lead"))
    said = [*_responders(told), *_others(told, primary(results)), *_harms(told)]
    if said:
        blocks.append(Bullets(tuple(said)))
    blocks += [Paragraph(c, "caution") for c in _cautions(study, results)]
    return Section("Summary in plain language", tuple(blocks))


def _about(study: Study) -> str:
    visits = [spoken(v) for v in study.visits]
    who = plural(study.enrolled, "patient")
    if len(visits) < 2:
        return f"This report is about {who}."
    return f"This report is about {who}, who were asked how they were at {listed(visits)}."


def scale(outcome: Outcome) -> str:
    """A score's range and better side in words: "0 to 10, lower is better"."""
    parts = []
    if not math.isnan(outcome.low) and not math.isnan(outcome.high):
        parts.append(f"{outcome.low:g} to {outcome.high:g}".replace("-", "−"))
    if outcome.better:
        parts.append(f"{outcome.better} is better")
    return ", ".join(parts)


def _answer(r: Result) -> str:
    if r.failed or r.outcome is None or not r.estimates:
        return f"The main question could not be answered: {r.failed}" if r.failed else r.sentence()
    if (e := _change(r)) is None:
        return _difference(r)
    return f"{_fell(r, e)} {_how_sure(r, e)} {_who(r)}"


def _change(r: Result) -> Estimate | None:
    """The mean change that the answer is about: that of the main visit, or the last, where there are several."""
    mine = [e for e in r.estimates if e.name == "mean change" and not e.group and not math.isnan(e.value)]
    return next((e for e in mine if e.visit and e.visit == r.facts.get("main")), mine[-1] if mine else None)


def _fell(r: Result, e: Estimate) -> str:
    outcome = r.outcome
    assert outcome is not None
    k, before, after = digits_for(outcome.resolution), _level(r, "before"), _level(r, "after")
    where = f" ({scale(outcome)})" if scale(outcome) else ""
    if round(e.value, 9) == 0:
        return f"On average, {outcome.title}{where} did not change."
    verb = "fell" if e.value < 0 else "rose"
    last = spoken(e.visit or getattr(r.analysis, "after", "")) or "the last visit"
    if before is not None and after is not None:
        first = spoken(getattr(r.analysis, "before", ""))
        moved = f"{verb} from {number(before, k)} at {first} to {number(after, k)} at {last}"
    else:
        moved = f"{verb} by {number(abs(e.value), k)} up to {last}"
    return f"On average, {outcome.title}{where} {moved}{_better(outcome, e)}."


def _level(r: Result, which: str) -> float | None:
    visit = getattr(r.analysis, which, "")
    named = (f"mean {spoken(visit)}", f"mean {visit}")
    return next((e.value for e in r.estimates if e.name in named and not math.isnan(e.value)), None)


def _better(outcome: Outcome, e: Estimate) -> str:
    k = digits_for(outcome.resolution)
    word = {"improved": "better", "worsened": "worse"}.get(outcome.direction(e.value), "")
    return f", {number(abs(e.value), k)} {outcome.unit or 'points'} {word}" if word else ""


def _how_sure(r: Result, e: Estimate) -> str:
    outcome = r.outcome
    assert outcome is not None
    if math.isnan(e.low):
        return "How sure this is cannot be said from so few patients."
    k = digits_for(outcome.resolution)
    if e.low <= 0 <= e.high:
        return (
            f"The numbers are compatible with a fall of up to {number(max(-e.low, 0), k)} and with a rise of up to "
            f"{number(max(e.high, 0), k)}, so the direction is not clear."
        )
    small, large = sorted((abs(e.low), abs(e.high)))
    verb = "fall" if e.value < 0 else "rise"
    return f"For patients like these the average {verb} is likely to lie between {number(small, k)} and {number(large, k)}."


def _who(r: Result) -> str:
    c, noun = r.counts, r.counts.noun
    out, seen = c.enrolled - c.analysed, scored(r)
    if seen < c.analysed:
        last = spoken(r.facts["main"])
        return f"{seen} of {plural(c.enrolled, noun)} had a score at {last}; this number also uses what the others said before."
    if not out:
        return f"All {plural(c.enrolled, noun)} are in this number."
    return f"{c.analysed} of {plural(c.enrolled, noun)} are in this number; the other {out} had no score at a visit that it needs."


def _difference(r: Result) -> str:
    outcome = r.outcome
    assert outcome is not None
    k, parts = digits_for(outcome.resolution), []
    aside = ("period", "carry", "sequence")  # of the design, not of the treatments
    told = [
        e
        for e in r.estimates
        if e.unit == outcome.unit and not math.isnan(e.low) and not e.name.lower().startswith(aside)
    ]
    told = [
        e for e in told if " - " in e.group and e.name == told[0].name and e.visit in ("", r.facts.get("main", e.visit))
    ]
    for e in told[:3]:
        one, other = (spoken(v) for v in e.group.split(" - ", 1))
        shown = round_half_away(e.value, k)  # a side is only said of a difference that can be seen
        side = (
            f"{number(abs(shown), k)} {outcome.unit or 'points'} {'lower' if shown < 0 else 'higher'}"
            if shown
            else "the same"
        )
        clear = "" if not e.low <= 0 <= e.high else ", which leaves open whether there is a difference at all"
        parts.append(
            f"{side} with {one} {'than' if shown else 'as'} with {other}; the difference ({versus(e.group)}) is likely to lie between "
            f"{number(e.low, k)} and {number(e.high, k)}{clear}"
        )
    if not parts:
        return r.sentence()
    where = f" ({scale(outcome)})" if scale(outcome) else ""
    when = f" at {spoken(told[0].visit)}" if told[0].visit else ""
    return f"On average, {outcome.title}{where}{when} was {'. It was '.join(parts)}. {_who(r)}"


def _responders(told: Iterable[Result]) -> Iterable[str]:
    for r in [r for r in told if method(r) == "Responders" and r.outcome][:2]:
        shares = list(r.facts.get("shares", {}).items())
        seen = [(name, k, n) for name, (k, n) in shares if name.endswith(("both scores", "the score")) and n]
        if r.analysis.label and seen:
            _, k, n = seen[0]
            yield f"{r.analysis.label}: {k} of {n} patients who answered ({_of_hundred(k, n)})."
            continue
        good = [
            f"{k} of {n} patients ({_of_hundred(k, n)}) by {_rule(name)}"
            for name, k, n in seen
            if name.startswith("improved")
        ]
        bad = [f"{k} of {n} were worse by {_rule(name)}" for name, k, n in seen if name.startswith("worsened")][:1]
        if good:
            yield (
                f"{r.outcome.title if r.outcome else 'The score'} improved in {listed(good)}; {listed(bad)}."
                if bad
                else f"{listed(good)}."
            )


def _rule(name: str) -> str:
    amount = name.split(" ", 1)[1].split(",")[0].removeprefix("≥")
    return f"at least {amount}" + ("" if amount.endswith("%") or "point" in amount else " points")


def _of_hundred(k: int, n: int) -> str:
    return f"{number(100 * k / n, 0)} of 100"


def _others(told: Iterable[Result], main: list[Result]) -> Iterable[str]:
    """The other scores, sorted by what their intervals say."""
    better, worse, open_ = list[str](), list[str](), list[str]()
    for r in told:
        e = _change(r)
        if (
            e is None
            or any(r is m for m in main)
            or r.outcome is None
            or r.analysis.role != "secondary"
            or chapter(r) != ANSWERS
        ):
            continue
        if math.isnan(e.low) or e.low <= 0 <= e.high or not r.outcome.better:
            open_.append(r.outcome.title)
        else:
            (better if r.outcome.direction(e.value) == "improved" else worse).append(r.outcome.title)
    if better:
        yield f"Better on average: {listed(better)}."
    if worse:
        yield f"Worse on average: {listed(worse)}."
    if open_:
        yield f"Not clear in which direction: {listed(open_)}."


def _harms(told: Iterable[Result]) -> Iterable[str]:
    for r in [r for r in told if method(r) == "SideEffects"][:1]:
        counts = r.facts.get("counts", {})
        named = {k: v for k, v in counts.items() if k not in ("any side effect", "serious side effect")}
        if "any side effect" in counts:
            k, n = counts["any side effect"][:2]
            most = sorted((x for x in named.items() if x[1][0]), key=lambda x: -x[1][0])[:3]
            often = f"; most often {listed([f'{spoken(name)} ({v[0]})' for name, v in most])}" if most else ""
            yield f"At least one side effect was noted in {k} of {n} patients ({_of_hundred(k, n)}){often}."
        if "serious side effect" in counts:
            k, n = counts["serious side effect"][:2]
            yield (
                f"A serious side effect was noted in {k} of {n} patients."
                if k
                else f"No serious side effect was noted in {n} patients."
            )


def read_with_care(study: Study) -> str:
    """What a design without a control group cannot say; nothing of one that has it."""
    if study.design == "routes":
        return (
            "Read with care: the groups were chosen for each patient, not by chance. A difference between them may be due to whatever "
            "led to the choice; it does not say what the treatment did."
        )
    if study.controlled:
        return ""
    return (
        "Read with care: there was no comparison group. These numbers say how patients were before and after; they do not "
        "say what the treatment did. Pain that was at its worst often eases by itself."
    )


def _cautions(study: Study, results: Results) -> Iterable[str]:
    if care := read_with_care(study):
        yield care
    main = next((r for r in primary(results) if not r.failed), None)
    if main is not None and many_missing(main):
        looked = any(method(r) in DEALS_WITH_MISSING for r in results)
        share = 100 * (1 - scored(main) / main.counts.enrolled)
        yield (
            f"Scores are missing for {number(share, 0)} of 100 patients. Those who did not answer may have fared differently"
            + ("; how much that could matter is looked at under Robustness." if looked else ".")
        )
    if results.failed:
        names = listed([r.analysis.title(r.outcome) for r in results.failed])
        yield f"{plural(len(results.failed), 'question')} could not be answered: {names}."


def _key(r: Result) -> KeyNumber | None:
    if r.failed or r.outcome is None or (e := _change(r)) is None:
        return None
    k = digits_for(r.outcome.resolution)
    word = "direction not clear" if e.low <= 0 <= e.high else r.outcome.direction(e.value)
    ends = "" if math.isnan(e.low) else f"likely between {number(e.low, k)} and {number(e.high, k)}"
    return KeyNumber(number(e.value, k), f"average change in {r.outcome.title} ({word})", ends)


def _responder_key(r: Result) -> KeyNumber | None:
    if method(r) != "Responders":
        return None
    found = next(((name, k, n) for name, (k, n) in r.facts.get("shares", {}).items() if n), None)
    if found is None or r.outcome is None:
        return None
    name, k, n = found
    what = r.analysis.label or f"{r.outcome.title} improved by {_rule(name)}"
    return KeyNumber(f"{k} of {n}", what, f"{_of_hundred(k, n)} of those who answered")

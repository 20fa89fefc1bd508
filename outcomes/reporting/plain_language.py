"""The first page: plain words for the clinic's meeting and for patients, without a statistician's
terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from outcomes.analyses.responders.one_group import Response, ResponseCounts
from outcomes.analyses.safety.adverse_events import HarmCounts
from outcomes.analyses.traits import Trait
from outcomes.core.direction import direction, is_clear
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result, Results
from outcomes.core.wording import digits_for, listed, number, plural, round_half_away, spoken
from outcomes.reporting.document import Block, Bullets, KeyNumber, KeyNumbers, Paragraph, Section
from outcomes.reporting.parts import ANSWERS, chapter, has, many_missing, primary, scored
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


# --- the main answer ------------------------------------------------------------------------------


def _answer(r: Result) -> str:
    if r.failed:
        return f"The main question could not be answered: {r.failed}"
    e = r.main
    if e is None or r.outcome is None or math.isnan(e.value):
        return r.sentence()
    if e.measure is Measure.CHANGE and not e.contrast.group:
        return f"{_fell(r, e)} {_how_sure(r, e)} {_who(r)}"
    if e.measure in (Measure.DIFFERENCE, Measure.DIFFERENCE_IN_CHANGE) and e.contrast.reference:
        return _difference(r, e)
    return r.sentence()


def _typical(r: Result) -> str:
    return "For a typical patient" if has(r, Trait.RANKS) else "On average"


def _titled(outcome: Outcome) -> str:
    return f"{outcome.title} ({scale(outcome)})" if scale(outcome) else outcome.title


def _fell(r: Result, e: Estimate) -> str:
    outcome = r.outcome
    assert outcome is not None
    k = digits_for(outcome.resolution)
    if round(e.value, 9) == 0:
        return f"{_typical(r)}, {_titled(outcome)} did not change."
    verb, where = ("fell" if e.value < 0 else "rose"), e.contrast
    last = spoken(where.visit or getattr(r.analysis, "after", "")) or "the last visit"
    before, after = _level(r, where.from_visit), _level(r, where.visit)
    if before is not None and after is not None:
        first = spoken(where.from_visit)
        moved = f"{verb} from {number(before, k)} at {first} to {number(after, k)} at {last}"
    else:
        moved = f"{verb} by {number(abs(e.value), k)} up to {last}"
    return f"{_typical(r)}, {_titled(outcome)} {moved}{_better(outcome, e)}."


def _level(r: Result, visit: str) -> float | None:
    """The mean of everybody at a visit, where the answer has it."""
    if not visit:
        return None
    levels = (
        e.value
        for e in r.estimates
        if e.measure is Measure.LEVEL and e.contrast.visit == visit and not e.contrast.group
    )
    return next((v for v in levels if not math.isnan(v)), None)


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
    if not is_clear(e):
        return (
            f"The numbers are compatible with a fall of up to {number(max(-e.low, 0), k)} and with "
            f"a rise of up to {number(max(e.high, 0), k)}, so the direction is not clear."
        )
    small, large = sorted((abs(e.low), abs(e.high)))
    verb = "fall" if e.value < 0 else "rise"
    what = "typical" if has(r, Trait.RANKS) else "average"
    return (
        f"For patients like these the {what} {verb} is likely to lie between {number(small, k)} and"
        f" {number(large, k)}."
    )


def _who(r: Result) -> str:
    c, noun = r.counts, r.counts.noun
    out, seen = c.enrolled - c.analysed, scored(r)
    if seen < c.analysed:
        return (
            f"{seen} of {plural(c.enrolled, noun)} had a score at {spoken(r.main_visit)}; this"
            " number also uses what the others said before."
        )
    if not out:
        return f"All {plural(c.enrolled, noun)} are in this number."
    return (
        f"{c.analysed} of {plural(c.enrolled, noun)} are in this number; the other {out} had no"
        " score at a visit that it needs."
    )


def _comparisons(r: Result, main: Estimate) -> list[Estimate]:
    """The comparisons of the main kind at the main visit, one for each pair of groups; the main one
    first.
    """
    alike = [
        e
        for e in r.estimates
        if e.measure is main.measure
        and e.contrast.visit == main.contrast.visit
        and e.contrast.reference
    ]
    pairs: dict[tuple[str, str], Estimate] = {(main.contrast.group, main.contrast.reference): main}
    for e in alike:
        pairs.setdefault((e.contrast.group, e.contrast.reference), e)
    return list(pairs.values())


def _difference(r: Result, main: Estimate) -> str:
    outcome = r.outcome
    assert outcome is not None
    k, parts = digits_for(outcome.resolution), []
    for e in _comparisons(r, main)[:3]:
        one, other = spoken(e.contrast.group), spoken(e.contrast.reference)
        shown = round_half_away(e.value, k)  # a side is only said of a difference that can be seen
        side = "the same"
        if shown:
            amount = f"{number(abs(shown), k)} {outcome.unit or 'points'}"
            side = f"{amount} {'lower' if shown < 0 else 'higher'}"
        joined = f"{side} with {one} {'than' if shown else 'as'} with {other}"
        if math.isnan(e.low):
            parts.append(f"{joined}; how sure this is cannot be said from so few patients")
            continue
        word = direction(e, outcome)
        clear = ", which leaves open whether there is a difference at all"
        better = f", {word}" if is_clear(e) and word not in ("", "not clear") else ""
        parts.append(
            f"{joined}{better}; the difference ({one} minus {other}) is likely to lie between "
            f"{number(e.low, k)} and {number(e.high, k)}{'' if is_clear(e) else clear}"
        )
    visit = main.contrast.visit or getattr(r.analysis, "after", "")
    when = f" at {spoken(visit)}" if visit else ""
    if main.measure is Measure.DIFFERENCE_IN_CHANGE:
        what = f"the change in {_titled(outcome)}"
    else:
        what = _titled(outcome)
    return f"{_typical(r)}, {what}{when} was {'. It was '.join(parts)}. {_who(r)}"


# --- responders, other scores, harms --------------------------------------------------------------


def _responses(r: Result) -> list[Response]:
    """What an answer says of responders among those with the score."""
    found = r.about(ResponseCounts)
    return [x for x in found.responses if not x.everybody and x.total] if found else []


def _responders(told: Iterable[Result]) -> Iterable[str]:
    for r in [r for r in told if has(r, Trait.RESPONDERS) and r.outcome][:2]:
        seen = _responses(r)
        if r.analysis.label and seen:
            x = seen[0]
            yield (
                f"{r.analysis.label}: {x.count} of {x.total} patients who answered"
                f" ({_of_hundred(x.count, x.total)})."
            )
            continue
        good = [
            f"{x.count} of {x.total} patients ({_of_hundred(x.count, x.total)}) by {_rule(x)}"
            for x in seen
            if x.kind == "improved"
        ]
        bad = [
            f"{x.count} of {x.total} were worse by {_rule(x)}" for x in seen if x.kind == "worsened"
        ]
        if good:
            title = r.outcome.title if r.outcome else "The score"
            also = f"; {bad[0]}" if bad else ""
            yield f"{title} improved in {listed(good)}{also}."


def _rule(x: Response) -> str:
    return f"at least {x.rule.removeprefix('≥')}"


def _of_hundred(k: int, n: int) -> str:
    return f"{number(100 * k / n, 0)} of 100"


def _others(told: Iterable[Result], main: list[Result]) -> Iterable[str]:
    """The other scores, sorted by what their intervals say."""
    groups: dict[str, list[str]] = {}
    for r in told:
        e = r.main
        if e is None or r.outcome is None or any(r is m for m in main):
            continue
        if r.analysis.role != "secondary" or chapter(r) != ANSWERS:
            continue
        word = direction(e, r.outcome)
        if word:
            head = {"improved": "Better on average", "worsened": "Worse on average"}.get(word, "")
            if not head:
                clear = word not in ("not clear", "rose", "fell")
                head = word[:1].upper() + word[1:] if clear else OPEN
            groups.setdefault(head, []).append(r.outcome.title)
    for head in sorted(groups, key=lambda h: h == OPEN):
        yield f"{head}: {listed(groups[head])}."


OPEN = "Not clear in which direction"


def _harms(told: Iterable[Result]) -> Iterable[str]:
    for r in [r for r in told if has(r, Trait.HARMS)][:1]:
        h = r.about(HarmCounts)
        if h is None or not h.patients:
            continue
        if h.any_event is not None:
            most = [f"{spoken(name)} ({n})" for name, n in h.by_name[:3]]
            often = f"; most often {listed(most)}" if most else ""
            yield (
                f"At least one side effect was noted in {h.any_event} of {h.patients} patients "
                f"({_of_hundred(h.any_event, h.patients)}){often}."
            )
        if h.serious:
            yield f"A serious side effect was noted in {h.serious} of {h.patients} patients."
        elif h.serious == 0:
            yield f"No serious side effect was noted in {h.patients} patients."


# --- what to keep in mind -------------------------------------------------------------------------


def read_with_care(study: Study) -> str:
    """What a design without a control group cannot say; nothing of one that has it."""
    if study.design == "routes":
        return (
            "Read with care: the groups were chosen for each patient, not by chance. A difference"
            " between them may be due to whatever led to the choice; it does not say what the"
            " treatment did."
        )
    if study.controlled:
        return ""
    return (
        "Read with care: there was no comparison group. These numbers say how patients were before"
        " and after; they do not say what the treatment did. Pain that was at its worst often eases"
        " by itself."
    )


def _cautions(study: Study, results: Results) -> Iterable[str]:
    if care := read_with_care(study):
        yield care
    main = next((r for r in primary(results) if not r.failed), None)
    if main is not None and many_missing(main):
        looked = any(has(r, Trait.HANDLES_MISSING) for r in results)
        share = 100 * (1 - scored(main) / main.counts.enrolled)
        yield (
            f"Scores are missing for {number(share, 0)} of 100 patients. Those who did not answer"
            " may have fared differently"
            + ("; how much that could matter is looked at under Robustness." if looked else ".")
        )
    if results.failed:
        names = listed([r.analysis.title(r.outcome) for r in results.failed])
        yield f"{plural(len(results.failed), 'question')} could not be answered: {names}."


def _key(r: Result) -> KeyNumber | None:
    e = r.main
    if r.failed or r.outcome is None or e is None or math.isnan(e.value) or not e.measure.of_score:
        return None
    k, where = digits_for(r.outcome.resolution), e.contrast
    word = direction(e, r.outcome)
    word = "direction not clear" if word in ("not clear", "") else word
    ends = "" if math.isnan(e.low) else f"likely between {number(e.low, k)} and {number(e.high, k)}"
    typical = "typical" if has(r, Trait.RANKS) else "average"
    if where.reference:
        pair = f"{spoken(where.group)} minus {spoken(where.reference)}"
        what = f"{typical} difference in {r.outcome.title}, {pair}"
    elif where.group:
        return None
    else:
        what = f"{typical} change in {r.outcome.title}"
    return KeyNumber(number(e.value, k), f"{what} ({word})", ends)


def _responder_key(r: Result) -> KeyNumber | None:
    if not has(r, Trait.RESPONDERS) or r.outcome is None:
        return None
    x = next(iter(_responses(r)), None)
    if x is None:
        return None
    if x.kind == "reached":
        what = r.analysis.label or f"{r.outcome.title}: {x.rule}"
    else:
        what = r.analysis.label or f"{r.outcome.title} improved by {_rule(x)}"
    return KeyNumber(
        f"{x.count} of {x.total}", what, f"{_of_hundred(x.count, x.total)} of those who answered"
    )

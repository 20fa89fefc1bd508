"""The first page: plain words for the clinic's meeting and for patients, without a statistician's
terms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from outcomes.analyses.responders.one_group import Response, ResponseCounts
from outcomes.analyses.safety.adverse_events import HarmCounts
from outcomes.analyses.traits import Trait
from outcomes.core.direction import direction, is_clear
from outcomes.core.estimate import Estimate
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result, Results
from outcomes.core.wording import listed, number, plural, round_half_away, spoken
from outcomes.reporting.document import Bullets, KeyNumber, KeyNumbers, Paragraph, Section
from outcomes.reporting.numbers import Count, Fixed, Said, Share, Shown, Text, Value, cell
from outcomes.reporting.parts import ANSWERS, chapter, has, many_missing, primary, scored
from outcomes.study.study import Study


def summary(study: Study, results: Results) -> Section:
    """What was found, on one page, in words that need no explanation."""
    told = [r for r in results if not r.failed]
    enrolled = Count(study.enrolled, "patients who took part")
    blocks: list[Any] = [Paragraph(_about(study, enrolled))]
    keys = [k for r in primary(results) if (k := _key(r))][:1]
    keys += [k for r in told if (k := _responder_key(r))][:2]
    if keys:
        label = Said((enrolled,), lambda n: f"patients took part{', about' if n.about else ''}")
        blocks.append(KeyNumbers((KeyNumber(cell(enrolled), label), *keys)))
    for r in primary(results):
        blocks += [Paragraph(text, "lead") for text in _answer(r)]
    said = [*_responders(told), *_others(told, primary(results)), *_harms(told)]
    if said:
        blocks.append(Bullets(tuple(said)))
    blocks += [Paragraph(c, "caution") for c in _cautions(study, results)]
    return Section("Summary in plain language", tuple(blocks))


def _about(study: Study, enrolled: Count) -> Said:
    visits = [spoken(v) for v in study.visits]
    asked = f", who were asked how they were at {listed(visits)}" if len(visits) > 1 else ""
    protected = " Small numbers are hidden and others rounded, to protect them."

    def write(n: Shown) -> str:
        who = f"{'roughly ' if n.about else ''}{n.text} patient{'' if n.text == '1' else 's'}"
        return f"This report is about {who}{asked}.{protected if n.about else ''}"

    return Said((enrolled,), write)


def scale(outcome: Outcome) -> str:
    """A score's range and better side in words: "0 to 10, lower is better"."""
    parts = []
    if not math.isnan(outcome.low) and not math.isnan(outcome.high):
        parts.append(f"{outcome.low:g} to {outcome.high:g}".replace("-", "−"))
    if outcome.better:
        parts.append(f"{outcome.better} is better")
    return ", ".join(parts)


# --- the main answer ------------------------------------------------------------------------------


def _answer(r: Result) -> Iterable[Text]:
    """The main answer; and in its own sentence, who is in it."""
    if r.failed:
        yield f"The main question could not be answered: {r.failed}"
        return
    e = r.main
    if e is None or r.outcome is None or math.isnan(e.value):
        yield r.sentence()
    elif e.measure is Measure.CHANGE and not e.contrast.group:
        yield _change(r, e)
    elif e.measure in (Measure.DIFFERENCE, Measure.DIFFERENCE_IN_CHANGE) and e.contrast.reference:
        yield _difference(r, e)
    else:
        yield r.sentence()


def _typical(r: Result) -> str:
    return "For a typical patient" if has(r, Trait.RANKS) else "On average"


def _titled(outcome: Outcome) -> str:
    return f"{outcome.title} ({scale(outcome)})" if scale(outcome) else outcome.title


def _change(r: Result, e: Estimate) -> Said:
    levels = [x for v in (e.contrast.from_visit, e.contrast.visit) if (x := _level(r, v))]
    both = [Value(r, x) for x in levels] if len(levels) == 2 else []
    counts = (Count(r.counts.analysed, "patients in the main answer"), Count(r.counts.enrolled))

    def write(main: Shown, *more: Shown) -> str:
        ends, who = more[: len(both)], more[len(both) :]
        return f"{_fell(r, main, ends)} {_how_sure(r, main)} {_who(r, *who)}"

    return Said((Value(r, e), *both, *counts), write)


def _level(r: Result, visit: str) -> Estimate | None:
    """The mean of everybody at a visit, where the answer has it."""
    there = (
        e
        for e in r.estimates
        if visit
        and e.measure is Measure.LEVEL
        and e.contrast.visit == visit
        and not e.contrast.group
    )
    return next((e for e in there if not math.isnan(e.value)), None)


def _fell(r: Result, main: Shown, ends: Sequence[Shown]) -> str:
    outcome, e = r.outcome, main.estimate
    assert outcome is not None
    if round(e.value, 9) == 0:
        return f"{_typical(r)}, {_titled(outcome)} did not change."
    verb, where = ("fell" if e.value < 0 else "rose"), e.contrast
    last = spoken(where.visit or getattr(r.analysis, "after", "")) or "the last visit"
    if ends:
        first = spoken(where.from_visit)
        moved = f"{verb} from {ends[0].text} at {first} to {ends[1].text} at {last}"
    else:
        moved = f"{verb} by {main.say(abs(e.value))} up to {last}"
    word = {"improved": "better", "worsened": "worse"}.get(outcome.direction(e.value), "")
    better = f", {main.say(abs(e.value))} {outcome.unit or 'points'} {word}" if word else ""
    return f"{_typical(r)}, {_titled(outcome)} {moved}{better}."


def _how_sure(r: Result, main: Shown) -> str:
    e = main.estimate
    if math.isnan(e.low):
        if main.about:
            return "How sure this is cannot be shown without telling about single patients."
        return "How sure this is cannot be said from so few patients."
    if not is_clear(e):
        return (
            f"The numbers are compatible with a fall of up to {main.say(max(-e.low, 0))} and with "
            f"a rise of up to {main.say(max(e.high, 0))}, so the direction is not clear."
        )
    small, large = sorted((abs(e.low), abs(e.high)))
    verb = "fall" if e.value < 0 else "rise"
    what = "typical" if has(r, Trait.RANKS) else "average"
    return (
        f"For patients like these the {what} {verb} is likely to lie between {main.say(small)} and"
        f" {main.say(large)}."
    )


def _who(r: Result, analysed: Shown, enrolled: Shown) -> str:
    """Who is in the number; in full also how many are not, and why."""
    c, noun = r.counts, r.counts.noun
    if analysed.about:
        return f"About {analysed.text} of about {enrolled.text} {noun}s are in this number."
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


def comparisons(r: Result, main: Estimate) -> list[Estimate]:
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


def _difference(r: Result, main: Estimate) -> Said:
    outcome = r.outcome
    assert outcome is not None
    asked = comparisons(r, main)[:3]
    visit = main.contrast.visit or getattr(r.analysis, "after", "")
    when = f" at {spoken(visit)}" if visit else ""
    change = main.measure is Measure.DIFFERENCE_IN_CHANGE
    what = f"the change in {_titled(outcome)}" if change else _titled(outcome)

    def write(*shown: Shown) -> str:
        parts = [_compared(s, outcome) for s in shown[:-2]]
        joined = ". It was ".join(parts)
        return f"{_typical(r)}, {what}{when} was {joined}. {_who(r, *shown[-2:])}"

    counts = (Count(r.counts.analysed, "patients in the main answer"), Count(r.counts.enrolled))
    return Said((*(Value(r, e) for e in asked), *counts), write)


def _compared(s: Shown, outcome: Outcome) -> str:
    e = s.estimate
    one, other = spoken(e.contrast.group), spoken(e.contrast.reference)
    shown = round_half_away(e.value, s.digits)  # a side only of a difference that can be seen
    side = "the same"
    if shown:
        amount = f"{s.say(abs(shown))} {outcome.unit or 'points'}"
        side = f"{amount} {'lower' if shown < 0 else 'higher'}"
    joined = f"{side} with {one} {'than' if shown else 'as'} with {other}"
    if math.isnan(e.low):
        return f"{joined}; how sure this is cannot be said from so few patients"
    word = direction(e, outcome)
    clear = "" if is_clear(e) else ", which leaves open whether there is a difference at all"
    better = f", {word}" if is_clear(e) and word not in ("", "not clear") else ""
    return (
        f"{joined}{better}; the difference ({one} minus {other}) is likely to lie between"
        f" {s.say(e.low)} and {s.say(e.high)}{clear}"
    )


# --- responders, other scores, harms --------------------------------------------------------------


def responses(r: Result) -> list[Response]:
    """What an answer says of responders among those with the score."""
    found = r.about(ResponseCounts)
    return [x for x in found.responses if not x.everybody and x.total] if found else []


def response_share(x: Response) -> Share:
    """Those who reached a rule, as a typed number."""
    return Share(x.count, x.total, None, "share of responders")


def _responders(told: Iterable[Result]) -> Iterable[Text]:
    for r in [r for r in told if has(r, Trait.RESPONDERS) and r.outcome][:2]:
        seen = responses(r)
        if r.analysis.label and seen:
            yield Said(
                (response_share(seen[0]),),
                lambda s, r=r: (
                    f"{r.analysis.label}: {_of(s)} patients who answered ({of_hundred(s)})."
                ),
            )
            continue
        title = r.outcome.title if r.outcome else "The score"
        good = [x for x in seen if x.kind == "improved"]
        bad = [x for x in seen if x.kind == "worsened"][:1]
        if good:
            yield Said(
                tuple(response_share(x) for x in good),
                lambda *shares, good=good, title=title: (
                    f"{title} improved in "
                    + listed(
                        [
                            f"{_of(s)} patients ({of_hundred(s)}) by {_rule(x)}"
                            for x, s in zip(good, shares, strict=True)
                        ]
                    )
                    + "."
                ),
            )
        if good and (zero := _at_zero(r)):
            yield Said(
                (Share(*zero, None, "patients with a score of 0 before"),),
                lambda s: (
                    f"Of {s.about}{s.total} with a score of 0 before, who cannot improve by a"
                    f" percentage, {s.about}{s.count} got worse."
                ),
            )
        if good and bad:
            yield Said(
                (response_share(bad[0]),),
                lambda s, x=bad[0], title=title: (
                    f"{title} got worse by {_rule(x)} in {_of(s)} patients."
                ),
            )


def _at_zero(r: Result) -> tuple[int, int] | None:
    """Of the patients with a score of 0 before: how many got worse, and how many they are."""
    found = r.about(ResponseCounts)
    return next(iter(found.at_zero.values()), None) if found else None


def _of(s: Shown) -> str:
    return f"{s.about}{s.count} of {s.about}{s.total}"


def _rule(x: Response) -> str:
    return f"at least {x.rule.removeprefix('≥')}"


def of_hundred(s: Shown) -> str:
    """'43 of 100', of a share."""
    return f"{s.percent.rstrip('%')} of 100"


def _others(told: Iterable[Result], main: list[Result]) -> Iterable[Text]:
    """The other scores, sorted by what their intervals say."""
    asked = []
    for r in told:
        e = r.main
        if e is None or r.outcome is None or any(r is m for m in main):
            continue
        if r.analysis.role != "secondary" or chapter(r) != ANSWERS or not direction(e, r.outcome):
            continue
        asked.append((r, e))
    if asked:
        heads = {_head(direction(e, r.outcome)) for r, e in asked}
        for head in sorted(heads, key=lambda h: h == OPEN):
            mine = [(r, e) for r, e in asked if _head(direction(e, r.outcome)) == head]
            yield Said(tuple(Value(r, e) for r, e in mine), _Sorted(head, [r for r, _ in mine]))


@dataclass(frozen=True, eq=False)
class _Sorted:
    """'Better on average: sleep and mood.', of the scores whose shown interval says so."""

    head: str
    results: list[Result]

    def __call__(self, *shown: Shown) -> str:
        titles = [
            r.outcome.title
            for r, s in zip(self.results, shown, strict=True)
            if r.outcome and _head(direction(s.estimate, r.outcome)) == self.head
        ]
        return f"{self.head}: {listed(titles)}."


def _head(word: str) -> str:
    known = {"improved": "Better on average", "worsened": "Worse on average"}
    if word in known:
        return known[word]
    clear = word not in ("", "not clear", "rose", "fell")
    return word[:1].upper() + word[1:] if clear else OPEN


OPEN = "Not clear in which direction"


def _harms(told: Iterable[Result]) -> Iterable[Text]:
    for r in [r for r in told if has(r, Trait.HARMS)][:1]:
        h = r.about(HarmCounts)
        if h is None or not h.patients:
            continue
        if h.any_event is not None:
            most = [(name, Count(n, "patients with it")) for name, n in h.by_name[:3]]
            any_one = Share(h.any_event, h.patients, None, "any side effect")
            yield Said(
                (any_one,),
                lambda s: (
                    f"At least one side effect was noted in {_of(s)} patients ({of_hundred(s)})."
                ),
            )
            if most:
                yield Said(
                    tuple(n for _, n in most),
                    lambda *shown, most=most: (
                        "Most often noted: "
                        + listed(
                            [
                                f"{spoken(name)} ({s.about}{s.text})"
                                for (name, _), s in zip(most, shown, strict=True)
                            ]
                        )
                        + "."
                    ),
                )
        if h.serious:
            yield Said(
                (Share(h.serious, h.patients, None, "serious side effects"),),
                lambda s: f"A serious side effect was noted in {_of(s)} patients.",
            )
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


def _cautions(study: Study, results: Results) -> Iterable[Text]:
    if care := read_with_care(study):
        yield Fixed(care)
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
    where, outcome = e.contrast, r.outcome
    if where.group and not where.reference:
        return None
    typical = "typical" if has(r, Trait.RANKS) else "average"
    if where.reference:
        pair = f"{spoken(where.group)} minus {spoken(where.reference)}"
        what = f"{typical} difference in {outcome.title}, {pair}"
    else:
        what = f"{typical} change in {outcome.title}"
    number = Value(r, e)

    def label(s: Shown) -> str:
        word = direction(s.estimate, outcome)
        return f"{what} ({'direction not clear' if word in ('not clear', '') else word})"

    def ends(s: Shown) -> str:
        low, high = s.estimate.low, s.estimate.high
        return "" if math.isnan(low) else f"likely between {s.say(low)} and {s.say(high)}"

    return KeyNumber(cell(number), Said((number,), label), Said((number,), ends))


def _responder_key(r: Result) -> KeyNumber | None:
    if not has(r, Trait.RESPONDERS) or r.outcome is None:
        return None
    x = next(iter(responses(r)), None)
    if x is None:
        return None
    if x.kind == "reached":
        what = r.analysis.label or f"{r.outcome.title}: {x.rule}"
    else:
        what = r.analysis.label or f"{r.outcome.title} improved by {_rule(x)}"
    s = response_share(x)
    return KeyNumber(
        Said((s,), lambda s: f"{s.count} of {s.total}"),
        Said((s,), lambda s: what + (", about" if s.about else "")),
        Said((s,), lambda s: f"{of_hundred(s)} of those who answered"),
    )

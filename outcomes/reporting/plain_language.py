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
from outcomes.core.direction import direction, direction_said, is_clear
from outcomes.core.estimate import Estimate
from outcomes.core.language import in_language, message, named, say, say_n
from outcomes.core.measure import Measure
from outcomes.core.outcome import Outcome
from outcomes.core.result import Result, Results
from outcomes.core.wording import (
    listed,
    localised,
    number,
    percent_sign,
    round_half_away,
    spoken,
    whole,
)
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
        label = Said(
            (enrolled,),
            lambda n: (
                say("patients took part, about")
                if n.about
                else say_n("patient took part", "patients took part", study.enrolled)
            ),
        )
        blocks.append(KeyNumbers((KeyNumber(cell(enrolled), label), *keys)))
    for r in primary(results):
        blocks += [Paragraph(text, "lead") for text in _answer(r)]
    said = [*_responders(told), *_others(told, primary(results)), *_harms(told)]
    if said:
        blocks.append(Bullets(tuple(said)))
    blocks += [Paragraph(c, "caution") for c in _cautions(study, results)]
    return Section(message("Summary in plain language"), tuple(blocks))


def _about(study: Study, enrolled: Count) -> Said:
    visits = listed([spoken(v) for v in study.visits]) if len(study.visits) > 1 else ""

    def write(n: Shown) -> str:
        fields, count = {"n": n.text, "visits": visits}, enrolled.n
        if n.about:
            about = (
                say(
                    "This report is about roughly {n} patients, who were asked how they were at"
                    " {visits}.",
                    **fields,
                )
                if visits
                else say("This report is about roughly {n} patients.", **fields)
            )
            protected = say("Small numbers are hidden and others rounded, to protect them.")
            return f"{about} {protected}"
        if not visits:
            return say_n(
                "This report is about {n} patient.",
                "This report is about {n} patients.",
                count,
                **fields,
            )
        return say_n(
            "This report is about {n} patient, who was asked how they were at {visits}.",
            "This report is about {n} patients, who were asked how they were at {visits}.",
            count,
            **fields,
        )

    return Said((enrolled,), write)


def scale(outcome: Outcome) -> str:
    """A score's range and better side in words: "0 to 10, lower is better"."""
    parts = []
    if not math.isnan(outcome.low) and not math.isnan(outcome.high):
        ends = [localised(f"{v:g}".replace("-", "−")) for v in (outcome.low, outcome.high)]
        parts.append(say("{low} to {high}", low=ends[0], high=ends[1]))
    if outcome.better:
        lower = outcome.better == "lower"
        parts.append(say("lower is better") if lower else say("higher is better"))
    return ", ".join(parts)


# --- the main answer ------------------------------------------------------------------------------


def _answer(r: Result) -> Iterable[Text]:
    """The main answer; and in its own sentence, who is in it."""
    if r.failed:
        yield say("The main question could not be answered: {why}", why=r.failed)
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


def titled(outcome: Outcome) -> str:
    """A score with its range and better side."""
    if not scale(outcome):
        return outcome.said
    return say("{score} ({scale})", score=outcome.said, scale=scale(outcome))


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
    ranks, where = has(r, Trait.RANKS), e.contrast
    last = spoken(where.visit or getattr(r.analysis, "after", "")) or say("the last visit")
    fields = {"score": titled(outcome), "last": last}
    if round(e.value, 9) == 0:
        return (
            say("For a typical patient, {score} did not change.", **fields)
            if ranks
            else say("On average, {score} did not change.", **fields)
        )
    fell = e.value < 0
    if ends:
        fields |= {
            "from_value": ends[0].text,
            "to_value": ends[1].text,
            "first": spoken(where.from_visit),
        }
        moved = _moved_between(ranks, fell, fields)
    else:
        moved = _moved_by(ranks, fell, fields | {"amount": main.say(abs(e.value))})
    points = say(
        "{amount} {unit}", amount=main.say(abs(e.value)), unit=outcome.units or say("points")
    )
    word = outcome.direction(e.value)
    if word == "improved":
        return say("{change}, {points} better.", change=moved, points=points)
    if word == "worsened":
        return say("{change}, {points} worse.", change=moved, points=points)
    return say("{change}.", change=moved)


def _moved_between(ranks: bool, fell: bool, fields: dict[str, str]) -> str:
    if ranks and fell:
        return say(
            "For a typical patient, {score} fell from {from_value} at {first} to {to_value} at"
            " {last}",
            **fields,
        )
    if ranks:
        return say(
            "For a typical patient, {score} rose from {from_value} at {first} to {to_value} at"
            " {last}",
            **fields,
        )
    if fell:
        return say(
            "On average, {score} fell from {from_value} at {first} to {to_value} at {last}",
            **fields,
        )
    return say(
        "On average, {score} rose from {from_value} at {first} to {to_value} at {last}", **fields
    )


def _moved_by(ranks: bool, fell: bool, fields: dict[str, str]) -> str:
    if ranks and fell:
        return say("For a typical patient, {score} fell by {amount} up to {last}", **fields)
    if ranks:
        return say("For a typical patient, {score} rose by {amount} up to {last}", **fields)
    if fell:
        return say("On average, {score} fell by {amount} up to {last}", **fields)
    return say("On average, {score} rose by {amount} up to {last}", **fields)


def _how_sure(r: Result, main: Shown) -> str:
    e = main.estimate
    if math.isnan(e.low):
        if main.about:
            return say("How sure this is cannot be shown without telling about single patients.")
        return say("How sure this is cannot be said from so few patients.")
    if not is_clear(e):
        return say(
            "The numbers are compatible with a fall of up to {fall} and with a rise of up to"
            " {rise}, so the direction is not clear.",
            fall=main.say(max(-e.low, 0)),
            rise=main.say(max(e.high, 0)),
        )
    small, large = sorted((abs(e.low), abs(e.high)))
    ends = {"low": main.say(small), "high": main.say(large)}
    ranks, fell = has(r, Trait.RANKS), e.value < 0
    if ranks and fell:
        return say(
            "For patients like these the typical fall is likely to lie between {low} and {high}.",
            **ends,
        )
    if ranks:
        return say(
            "For patients like these the typical rise is likely to lie between {low} and {high}.",
            **ends,
        )
    if fell:
        return say(
            "For patients like these the average fall is likely to lie between {low} and {high}.",
            **ends,
        )
    return say(
        "For patients like these the average rise is likely to lie between {low} and {high}.",
        **ends,
    )


def _who(r: Result, analysed: Shown, enrolled: Shown) -> str:
    """Who is in the number; in full also how many are not, and why."""
    c = r.counts
    if analysed.about:
        if c.noun != "patient":
            return say(
                "About {n} of about {total} {units} are in this number.",
                n=analysed.text,
                total=enrolled.text,
                units=nouns(c.noun),
            )
        return say(
            "About {n} of about {total} patients are in this number.",
            n=analysed.text,
            total=enrolled.text,
        )
    out, seen = c.enrolled - c.analysed, scored(r)
    everybody = counted_nouns(c.enrolled, c.noun)
    if seen < c.analysed:
        return say(
            "{n} of {everybody} had a score at {visit}; this number also uses what the others said"
            " before.",
            n=whole(seen),
            everybody=everybody,
            visit=spoken(r.main_visit),
        )
    if not out and c.enrolled == 1:
        return say("{everybody} is in this number.", everybody=everybody)
    if not out:
        return say("All {everybody} are in this number.", everybody=everybody)
    return say_n(
        "{analysed} of {everybody} are in this number; the other {n} had no score at a visit that"
        " it needs.",
        "{analysed} of {everybody} are in this number; the other {n} had no score at a visit that"
        " it needs.",
        out,
        analysed=whole(c.analysed),
        everybody=everybody,
    )


def counted_nouns(n: int, noun: str) -> str:
    """So many patients, or whatever else is counted (infusions, periods …)."""
    if noun == "patient":
        return say_n("{n} patient", "{n} patients", n)
    return say("{n} {units}", n=whole(n), units=noun if n == 1 else nouns(noun))


def nouns(noun: str) -> str:
    """What is counted, in the plural."""
    return named(noun if noun.endswith("s") else f"{noun}s")


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
    change = main.measure is Measure.DIFFERENCE_IN_CHANGE
    fields = {"score": titled(outcome), "visit": spoken(visit)}

    def write(*shown: Shown) -> str:
        first, *more = (_compared(s, outcome) for s in shown[:-2])
        lead = _lead(has(r, Trait.RANKS), change, fields | {"comparison": first})
        rest = [say("It was {comparison}.", comparison=c) for c in more]
        return " ".join([lead, *rest, _who(r, *shown[-2:])])

    counts = (Count(r.counts.analysed, "patients in the main answer"), Count(r.counts.enrolled))
    return Said((*(Value(r, e) for e in asked), *counts), write)


def _lead(ranks: bool, change: bool, fields: dict[str, str]) -> str:
    """What is compared, when, and how it was."""
    if not fields["visit"]:
        if ranks:
            return (
                say("For a typical patient, the change in {score} was {comparison}.", **fields)
                if change
                else say("For a typical patient, {score} was {comparison}.", **fields)
            )
        return (
            say("On average, the change in {score} was {comparison}.", **fields)
            if change
            else say("On average, {score} was {comparison}.", **fields)
        )
    if ranks:
        return (
            say(
                "For a typical patient, the change in {score} at {visit} was {comparison}.",
                **fields,
            )
            if change
            else say("For a typical patient, {score} at {visit} was {comparison}.", **fields)
        )
    return (
        say("On average, the change in {score} at {visit} was {comparison}.", **fields)
        if change
        else say("On average, {score} at {visit} was {comparison}.", **fields)
    )


def _compared(s: Shown, outcome: Outcome) -> str:
    e = s.estimate
    shown = round_half_away(e.value, s.digits)  # a side only of a difference that can be seen
    fields = {
        "one": spoken(e.contrast.group),
        "other": spoken(e.contrast.reference),
        "points": say(
            "{amount} {unit}", amount=s.say(abs(shown)), unit=outcome.units or say("points")
        ),
    }
    if not shown:
        side = say("the same with {one} as with {other}", **fields)
    elif shown < 0:
        side = say("{points} lower with {one} than with {other}", **fields)
    else:
        side = say("{points} higher with {one} than with {other}", **fields)
    if math.isnan(e.low):
        return say("{side}; how sure this is cannot be said from so few patients", side=side)
    word, clear = direction(e, outcome), is_clear(e)
    if clear and word not in ("", "not clear"):
        side = say("{side}, {direction}", side=side, direction=direction_said(word, e))
    fields |= {"side": side, "low": s.say(e.low), "high": s.say(e.high)}
    if clear:
        return say(
            "{side}; the difference ({one} minus {other}) is likely to lie between {low} and"
            " {high}",
            **fields,
        )
    return say(
        "{side}; the difference ({one} minus {other}) is likely to lie between {low} and {high},"
        " which leaves open whether there is a difference at all",
        **fields,
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
                lambda s, r=r: say(
                    "{rule}: {count} patients who answered ({hundred}).",
                    rule=r.analysis.label,
                    count=_of(s),
                    hundred=of_hundred(s),
                ),
            )
            continue
        title = r.outcome.said if r.outcome else say("The score")
        good = [x for x in seen if x.kind == "improved"]
        bad = [x for x in seen if x.kind == "worsened"][:1]
        if good:
            yield Said(
                tuple(response_share(x) for x in good),
                lambda *shares, good=good, title=title: say(
                    "{score} improved in {parts}.",
                    score=title,
                    parts=listed(
                        [
                            say(
                                "{count} patients ({hundred}) by {rule}",
                                count=_of(s),
                                hundred=of_hundred(s),
                                rule=_rule(x),
                            )
                            for x, s in zip(good, shares, strict=True)
                        ]
                    ),
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
                lambda s, x=bad[0], title=title: say(
                    "{score} got worse by {rule} in {count} patients.",
                    score=title,
                    rule=_rule(x),
                    count=_of(s),
                ),
            )


def _at_zero(r: Result) -> tuple[int, int] | None:
    """Of the patients with a score of 0 before: how many got worse, and how many they are."""
    found = r.about(ResponseCounts)
    return found.at_zero if found and found.at_zero[1] else None


def _of(s: Shown) -> str:
    fields = {"count": s.count, "total": s.total}
    if s.about:
        return say("about {count} of about {total}", **fields)
    return say("{count} of {total}", **fields)


def _rule(x: Response) -> str:
    return say("at least {amount}", amount=in_language(x.amount))


def of_hundred(s: Shown) -> str:
    """'43 of 100', of a share."""
    return say("{n} of 100", n=s.percent.removesuffix(percent_sign()))


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

    @property
    def title(self) -> str:
        """The head in the language in force."""
        known = {
            "Better on average": lambda: say("Better on average"),
            "Worse on average": lambda: say("Worse on average"),
            OPEN: lambda: say("Not clear in which direction"),
        }
        if self.head in known:
            return known[self.head]()
        words = (
            direction_said(direction(r.main, r.outcome), r.main) for r in self.results if r.main
        )
        said = next(words, self.head)
        return said[:1].upper() + said[1:]

    def __call__(self, *shown: Shown) -> str:
        titles = [
            r.outcome.said
            for r, s in zip(self.results, shown, strict=True)
            if r.outcome and _head(direction(s.estimate, r.outcome)) == self.head
        ]
        return say("{head}: {scores}.", head=self.title, scores=listed(titles))


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
                lambda s: say(
                    "At least one side effect was noted in {count} patients ({hundred}).",
                    count=_of(s),
                    hundred=of_hundred(s),
                ),
            )
            if most:
                yield Said(
                    tuple(n for _, n in most),
                    lambda *shown, most=most: say(
                        "Most often noted: {effects}.",
                        effects=listed(
                            [
                                say("{name} (about {n})", name=named(spoken(name)), n=s.text)
                                if s.about
                                else say("{name} ({n})", name=named(spoken(name)), n=s.text)
                                for (name, _), s in zip(most, shown, strict=True)
                            ]
                        ),
                    ),
                )
        if h.serious:
            yield Said(
                (Share(h.serious, h.patients, None, "serious side effects"),),
                lambda s: say("A serious side effect was noted in {count} patients.", count=_of(s)),
            )
        elif h.serious == 0:
            yield say_n(
                "No serious side effect was noted in {n} patient.",
                "No serious side effect was noted in {n} patients.",
                h.patients,
            )


# --- what to keep in mind -------------------------------------------------------------------------


def read_with_care(study: Study) -> str:
    """What a design without a control group cannot say; nothing of one that has it."""
    if study.design == "routes":
        return say(
            "Read with care: the groups were chosen for each patient, not by chance. A difference"
            " between them may be due to whatever led to the choice; it does not say what the"
            " treatment did."
        )
    if study.controlled:
        return ""
    return say(
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
        share = number(100 * (1 - scored(main) / main.counts.enrolled), 0)
        yield (
            say(
                "Scores are missing for {share} of 100 patients. Those who did not answer may have"
                " fared differently; how much that could matter is looked at under Robustness.",
                share=share,
            )
            if looked
            else say(
                "Scores are missing for {share} of 100 patients. Those who did not answer may have"
                " fared differently.",
                share=share,
            )
        )
    if results.failed:
        names = listed([r.analysis.title(r.outcome) for r in results.failed])
        yield say_n(
            "{n} question could not be answered: {names}.",
            "{n} questions could not be answered: {names}.",
            len(results.failed),
            names=names,
        )


def _key(r: Result) -> KeyNumber | None:
    e = r.main
    if r.failed or r.outcome is None or e is None or math.isnan(e.value) or not e.measure.of_score:
        return None
    where, outcome = e.contrast, r.outcome
    if where.group and not where.reference:
        return None
    number = Value(r, e)

    def label(s: Shown) -> str:
        word = direction(s.estimate, outcome)
        said = (
            say("direction not clear")
            if word in ("not clear", "")
            else direction_said(word, s.estimate)
        )
        return _key_words(has(r, Trait.RANKS), e, outcome, said)

    def ends(s: Shown) -> str:
        low, high = s.estimate.low, s.estimate.high
        if math.isnan(low):
            return ""
        return say("likely between {low} and {high}", low=s.say(low), high=s.say(high))

    return KeyNumber(cell(number), Said((number,), label), Said((number,), ends))


def _key_words(ranks: bool, e: Estimate, outcome: Outcome, word: str) -> str:
    where = e.contrast
    fields = {
        "score": outcome.said,
        "one": spoken(where.group),
        "other": spoken(where.reference),
        "direction": word,
    }
    if where.reference:
        return (
            say("typical difference in {score}, {one} minus {other} ({direction})", **fields)
            if ranks
            else say("average difference in {score}, {one} minus {other} ({direction})", **fields)
        )
    return (
        say("typical change in {score} ({direction})", **fields)
        if ranks
        else say("average change in {score} ({direction})", **fields)
    )


def _responder_key(r: Result) -> KeyNumber | None:
    if not has(r, Trait.RESPONDERS) or r.outcome is None:
        return None
    x = next(iter(responses(r)), None)
    if x is None:
        return None
    outcome, label = r.outcome, r.analysis.label
    s = response_share(x)

    def what(s: Shown) -> str:
        said = label
        if not said and x.kind == "reached":
            said = say("{score}: {rule}", score=outcome.said, rule=in_language(x.rule))
        elif not said:
            said = say("{score} improved by {rule}", score=outcome.said, rule=_rule(x))
        return say("{count}, about", count=said) if s.about else said

    return KeyNumber(
        Said((s,), lambda s: say("{count} of {total}", count=s.count, total=s.total)),
        Said((s,), what),
        Said((s,), lambda s: say("{hundred} of those who answered", hundred=of_hundred(s))),
    )

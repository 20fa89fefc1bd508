"""How many patients improved by a stated amount, and the curve over all amounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from outcomes.analyses.question import Analysis, OverImputations
from outcomes.analyses.responders.bands import band_of, improvement_bands, percent_gain
from outcomes.analyses.responders.imputed_shares import POOLED, share_row, share_words
from outcomes.analyses.shared_cells import Gate, QuestionSums
from outcomes.analyses.traits import Trait
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import Estimate
from outcomes.core.flow import Counts, no_score_at
from outcomes.core.language import Phrase
from outcomes.core.outcome import Outcome
from outcomes.core.picture import Frames
from outcomes.core.result import Result
from outcomes.core.style import style_of
from outcomes.core.wording import level_text, limits_text, listed, number, plural, share_of, spoken
from outcomes.stats.paired.location import ranked
from outcomes.stats.proportions.single import (
    agresti_coull,
    clopper_pearson,
    jeffreys,
    mid_p,
    wilson,
)
from outcomes.stats.tally import Tally
from outcomes.study.partitioned import PartitionedStudy
from outcomes.study.set_aside import failed_among
from outcomes.study.study import Study
from outcomes.study.sums import PatientValues

RULES = (
    "30%, 50% (of the score before), points such as '2 points', or '<= 2' on the score after (as"
    " for PGIC)"
)

#: Whose share a row is; of percentages, where a score before was 0.
BOTH = Phrase.of("of patients with both scores")
BOTH_ABOVE = Phrase.of("of patients with both scores, above 0 before")

#: Intervals of a share: how a sentence calls them, and what makes them.
INTERVALS: Mapping[str, tuple[str, Callable[..., Estimate]]] = MappingProxyType(
    {
        "wilson": ("Wilson", wilson),
        "clopper-pearson": ("Clopper-Pearson", clopper_pearson),
        "mid-p": ("mid-p", mid_p),
        "jeffreys": ("Jeffreys", jeffreys),
        "agresti-coull": ("Agresti-Coull", agresti_coull),
    }
)


@dataclass(frozen=True)
class Responders(Analysis):
    """How many patients improved by at least 30% or 50%, or by a number of points?

    A patient responds to a rule "30%" when 100·(before − after) ≥ 30·before in decimal arithmetic
    (for scores where lower is better; reversed otherwise), with before > 0; "2 points" asks for an
    improvement of at least 2; "<= 2" asks for a score after of at most 2, as "much" or "very much
    improved" on the PGIC. Each share has Wilson's interval (`interval`: "clopper-pearson" is the
    exact one, which is wider; also "mid-p", "jeffreys" and "agresti-coull"), with two denominators
    side by side: patients with both scores, and all enrolled patients who had a score before
    (missing counted as non-response). Deterioration is counted by the same rules, reversed.

    A responder improved by this much; nothing shows that the treatment did it. Percent change is
    undefined at a score of 0 before: such patients are named, are in no share of improvement of
    patients with both scores, and count as worse where their score got worse.

    References: Farrar 2001 (doi 10.1016/S0304-3959(01)00349-9); Dworkin 2008 (doi
    10.1016/j.jpain.2007.09.005); Wilson 1927 (doi 10.1080/01621459.1927.10502953).

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame(
    ...     {
    ...         "patient": list("aabbcc"),
    ...         "visit": ["pre", "post"] * 3,
    ...         "pain": [10, 7, 6, 5, 8, None],
    ...     }
    ... )
    >>> study = oc.Study(
    ...     scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    ... )
    >>> result = oc.Responders("pain", before="pre", after="post").run(study)
    >>> result["improved ≥30%, of patients with both scores"].value
    0.5
    """

    outcome: str
    _: KW_ONLY
    after: str
    before: str = ""
    rules: tuple[str, ...] = ("30%", "50%")
    interval: str = "wilson"

    traits: ClassVar[frozenset[Trait]] = frozenset(
        {Trait.RESPONDERS, Trait.RATINGS, Trait.COUNTS_FAILURES}
    )
    short: ClassVar[str] = "responders"
    chapter: ClassVar[str] = "Responders"
    references: ClassVar[tuple[str, ...]] = (
        (
            "Dworkin RH, et al. Interpreting the clinical importance of treatment outcomes"
            " (IMMPACT). J Pain 2008;9:105-121."
        ),
        (
            "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am"
            " Stat Assoc 1927;22:209-212."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.interval not in INTERVALS:
            raise AnalysisError(unknown("interval", self.interval, INTERVALS))
        for rule in self.rules:
            if _relative(rule) and not self.before:
                raise AnalysisError(
                    f"The rule '{rule}' compares with a visit before: add before=\"…\"."
                )

    def tests(self, outcome: Outcome) -> Iterator[Test]:
        """What a patient's scores may meet: each rule, its reverse and each band."""
        sign = improvement_sign(outcome) if self.before else 1
        yield from rule_tests(self.rules, self.before, sign)
        if not self.before:
            return
        for rule in filter(_relative, self.rules):
            yield False, lambda b, a, rule=rule: _worse(b, a, rule, sign)
        cuts = [value for kind, value in map(parse_rule, self.rules) if kind == "percent"]
        for band in range(len(cuts) + 2) if cuts else ():
            yield False, lambda b, a, band=band: band_of(b, a, sign, cuts) == band

    def needs(self, study: Study | PartitionedStudy) -> PatientValues | None:
        visits = list(study.visits)  # those between have the scores that are carried forward
        last = visits.index(self.after) + 1 if self.before and self.after in visits else 0
        return PatientValues.at(study, self.outcome, (self.before, self.after, *visits[:last]))

    def compute(self, study: Study) -> Result:
        if not self.before:
            return self._after_only(study)
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        judged = bool(pairs.outcome.better) or any(map(_relative, self.rules))
        sign = improvement_sign(pairs.outcome) if judged else 1
        had_before = int(study.wide(self.outcome)[self.before].notna().sum())
        shares = _Shares(self.level, self.interval)
        tally, failed = pairs.marked(failed_among(study.settings, self.after, pairs.patients))
        (before, after), w = tally.values.T, tally.weights
        at_zero, below = (0, 0), bool((before < 0).any())
        for rule in self.rules:
            improved, usable = responded(before, after, rule, sign)
            improved = improved & ~failed
            name, relative = rule_name(rule), _relative(rule)
            undefined = int(w[~usable].sum())
            sank = ~usable & (np.round(sign * (after - before), 9) < 0)
            if undefined:
                at_zero = int(w[sank].sum()), undefined
            lead, kind = ("improved ", "improved") if relative else ("", "reached")
            shares.add(
                f"{lead}{name}, {BOTH_ABOVE if undefined else BOTH}",
                w[improved].sum(),
                w[usable].sum(),
                rule,
                kind,
            )
            shares.add(
                f"{lead}{name}, missing as non-response",
                w[improved].sum(),
                had_before if len(pairs.before) else 0,
                rule,
                kind,
                True,
            )
            if relative:
                worse = responded(before, after, rule, -sign)[0] | sank
                shares.add(
                    f"worsened {name}, {BOTH}",
                    w[worse].sum(),
                    w.sum(),
                    rule,
                    "worsened",
                )
        cuts = tuple(v for kind, v in map(parse_rule, self.rules) if kind == "percent")
        data: dict[str, Callable[[], pd.DataFrame]] = {}
        if judged:
            scores = study.wide(self.outcome)
            data["ecdf"] = partial(improvement_curve, pairs.tally, sign)
            data["dropout"] = partial(_dropout_curves, scores, self.before, self.after, sign)
        if judged and cuts:
            data["bands"] = partial(improvement_bands, pairs.tally, sign, cuts)
        detail = ResponseCounts(tuple(shares.responses), at_zero, below)
        return Result(
            self,
            tuple(shares.estimates),
            pairs.counts,
            pairs.outcome,
            (f"{detail.zero_words} {AT_ZERO}",) if detail.zero_words else (),
            Frames(data),
            ("ecdf",) if judged else (),
            detail=detail,
        )

    def _after_only(self, study: Study) -> Result:
        """Rules on the score after alone (PGIC)."""
        outcome, scores = (
            study.outcome(self.outcome),
            study.wide(self.outcome)[study.visit(self.after)],
        )
        there = scores.dropna()
        seen, failed = there.to_numpy(), failed_among(study.settings, self.after, there.index)
        shares = _Shares(self.level, self.interval)
        for rule in self.rules:
            met = responded(seen, seen, rule, 1)[0] & ~failed
            shares.add(
                f"{rule_name(rule)}, of patients with the score",
                met.sum(),
                len(seen),
                rule,
                "reached",
            )
            shares.add(
                f"{rule_name(rule)}, missing as non-response",
                met.sum(),
                len(scores) if len(seen) else 0,
                rule,
                "reached",
                True,
            )
        missing = len(scores) - len(seen)
        left = ((no_score_at(self.after), missing),) if missing else ()

        counts = Counts(len(scores), len(seen), left)
        return Result(
            self,
            tuple(shares.estimates),
            counts,
            outcome,
            detail=ResponseCounts(tuple(shares.responses)),
        )

    @property
    def shareable(self) -> bool:
        """Counts of responders add up."""
        return True

    def sums_to_share(self, study: Study, gate: Gate) -> QuestionSums:
        """The counts of responders that the gate lets out."""
        result = self.run(study)
        assert result.outcome is not None
        rows, cells = [], 0
        asked = zip(
            result.estimates, result.told(ResponseCounts).responses, self._who(study), strict=True
        )
        for e, r, (who, among) in asked:
            told = gate.counted(result.outcome, who, among)
            shown = (r.count, r.total) if told else (None, None)
            cells += shown[0] is None
            rows.append([e.name, r.rule, r.kind, *shown, r.everybody])
        return QuestionSums(self.to_dict(), asdict(result.outcome), responses=rows, cells=cells)

    def _who(self, study: Study) -> list[tuple[pd.Index, pd.Index]]:
        """The patients behind each row of the answer: who responded, and among whom."""
        wide = study.wide(self.outcome)
        if not self.before:
            seen = wide.index[wide[self.after].notna()]
            after = wide.loc[seen, self.after].to_numpy(float)
            failed = failed_among(study.settings, self.after, seen)
            reached = [seen[responded(after, after, r, 1)[0] & ~failed] for r in self.rules]
            return [(who, among) for who in reached for among in (seen, wide.index)]
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        there, begun = pairs.patients, wide.index[wide[self.before].notna()]
        failed, made = failed_among(study.settings, self.after, there), []
        relative = any(map(_relative, self.rules))
        sign = improvement_sign(pairs.outcome) if pairs.outcome.better or relative else 1
        for rule in self.rules:
            met, usable = responded(pairs.before, pairs.after, rule, sign)
            who = there[met & ~failed]
            made += [(who, there[usable]), (who, begun)]
            if _relative(rule):
                sank = ~usable & (np.round(sign * (pairs.after - pairs.before), 9) < 0)
                worse = responded(pairs.before, pairs.after, rule, -sign)[0] | sank
                made.append((there[worse], there))
        return made

    def of_sums(self, parts: Sequence[QuestionSums], outcome: Outcome, study: Study) -> Result:
        """The answer from the counts of several clinics."""
        rows: dict[tuple[str, str, bool], list[Any]] = {}
        for part in parts:
            for name, rule, kind, k, n, everybody in part.responses:
                row = rows.setdefault((rule, kind, everybody), [0, 0, name])
                row[2] = max(row[2], name, key=len)  # some clinics have a score of 0 before
                if k is not None:
                    row[0], row[1] = row[0] + k, row[1] + n
        shares, named = _Shares(self.level, self.interval), {rule_name(r): r for r in self.rules}
        for (rule, kind, everybody), (count, total, name) in rows.items():
            shares.add(name, count, total, named[rule], kind, everybody)
        totals = [r.total for r in shares.responses if not r.everybody]
        most, detail = max(totals, default=0), ResponseCounts(tuple(shares.responses))
        told = all(row[3] is not None for part in parts for row in part.responses)
        none = most - min(totals, default=0) if told else 0
        notes = (
            f"{none} with a score of 0 or less before cannot change by a percentage: left out of"
            " the share who improved of patients with both scores.",
        )
        return Result(
            self, tuple(shares.estimates), Counts(most, most), outcome, notes[:none], detail=detail
        )

    def over_imputations(self, results: Sequence[Result], level: float) -> OverImputations:
        """One share a rule: nobody is missing any more."""
        outcome, rows, parts = results[0].outcome, [], []
        told = [t for r in results if (t := r.about(ResponseCounts)) is not None]
        for i, x in enumerate(told[0].responses):
            if x.everybody:
                continue
            counts = [(t.responses[i].count, t.responses[i].total) for t in told]
            lead = "" if x.kind == "reached" else f"{x.kind} "
            row = share_row(f"{lead}{x.rule}", counts, level)
            rows.append(row)
            if x.kind != "worsened":
                words = share_words(row, "patients, missing scores imputed")
                parts.append(f"{rule_words(x.asked, outcome)} was seen in {words}")
        said = ". ".join(p[:1].upper() + p[1:] for p in parts) + "."
        methods = (
            f"Responders ({listed([rule_name(r) for r in self.rules])}) are shown as shares of"
            f" patients, missing scores imputed. {POOLED}"
        )
        zero = told[0].zero_words
        notes = (f"{zero} They are left out of the share who improved.",) if zero else ()
        said = " ".join((said, *notes))
        return OverImputations(tuple(rows), (said, said), methods, notes)

    def sentence(self, result: Result, style: str = "ama") -> str:
        parts = []
        who = "patients with both scores" if self.before else "patients with the score"
        base = "with a score before" if self.before else "enrolled"
        at, counted = -2, result.told(ResponseCounts).responses
        step = 2
        for rule in self.rules:
            at, step = at + step, 3 if self.before and _relative(rule) else 2
            seen = result.estimates[at]
            k, n = counted[at].count, counted[at].total
            total = counted[at + 1].total
            what = f"{rule_words(rule, result.outcome)} was seen in"
            if n == 0:
                parts.append(
                    f"{rule_words(rule, result.outcome)} cannot be judged: no"
                    f" {who}{self._but(rule, n, result)}"
                )
                continue
            limits = (f"{number(100 * v, 0)}%" for v in (seen.low, seen.high))
            announced = f"{INTERVALS[self.interval][0]} {style_of().confidence}"
            ci = f"{level_text(seen.level)} {announced}{limits_text(*limits)}"
            parts.append(
                f"{what} {share_of(k, n)} {who}{self._but(rule, n, result)} ({ci}), "
                f"and in {share_of(k, total)} {base} if missing scores"
                f"{self._and_zero(rule, n, result)} are counted as non-response"
            )
        said = ". ".join(p[:1].upper() + p[1:] for p in parts) + "."
        return " ".join(filter(None, (said, result.told(ResponseCounts).zero_words)))

    def _but(self, rule: str, n: int, result: Result) -> str:
        """', above 0 before', where a percentage left out some of the patients with both scores."""
        return (
            ", above 0 before"
            if parse_rule(rule)[0] == "percent" and n < result.counts.analysed
            else ""
        )

    def _and_zero(self, rule: str, n: int, result: Result) -> str:
        """' and scores of 0 before', where these count as non-response too."""
        below = " or less" if result.told(ResponseCounts).below_zero else ""
        return f" and scores of 0{below} before" if self._but(rule, n, result) else ""

    def methods_text(self) -> str:
        rules, interval = listed([rule_name(r) for r in self.rules]), INTERVALS[self.interval][0]
        if not self.before:
            return (
                f"Responders ({rules}) are shown as shares with {interval} intervals, among"
                " patients with the score and among all enrolled."
            )
        return (
            f"Responders ({rules}) are shown as shares with {interval} intervals, among"
            " patients with both scores and with missing scores counted as non-response; the"
            " cumulative curve shows every other cut-off."
        )


#: How they are counted.
AT_ZERO = (
    "They are left out of the share who improved of patients with both scores, and count as"
    " non-responders where missing scores do; those who got worse count as worse."
)


def parse_rule(rule: str) -> tuple[str, float]:
    """A rule as its kind (percent, points, at_most, at_least) and number. Raises AnalysisError for
    other text.
    """
    text = str(rule).strip()
    try:
        if text.endswith("%"):
            kind, value = "percent", float(text[:-1])
        elif text.split()[-1] in ("point", "points"):
            kind, value = "points", float(text.split()[0])
        elif text.startswith("<="):
            kind, value = "at_most", float(text[2:])
        elif text.startswith(">="):
            kind, value = "at_least", float(text[2:])
        else:
            raise ValueError
    except (ValueError, IndexError):
        raise AnalysisError(f"A responder rule is {RULES}; got '{rule}'.") from None
    if kind in ("percent", "points") and value <= 0:
        raise AnalysisError(f"A responder rule asks for an improvement above zero; got '{rule}'.")
    return kind, value


def _relative(rule: str) -> bool:
    """Whether the rule compares with the score before, and so can be reversed."""
    return parse_rule(rule)[0] in ("percent", "points")


def at_zero_by_group(
    members: Mapping[str, np.ndarray], usable: np.ndarray, change: np.ndarray, sign: int
) -> dict[str, tuple[int, int]]:
    """Of each group the patients without a percentage, as their score before was 0: how many got
    worse, and how many they are.
    """
    none, worse = ~usable, ~usable & (np.round(sign * change, 9) < 0)
    return {v: (int((worse & m).sum()), int((none & m).sum())) for v, m in members.items()}


def at_zero_words(counted: Mapping[str, tuple[int, int]], then: str) -> str:
    """The patients of a comparison who cannot improve by a percentage, as a sentence; `then` says
    how they are counted. Empty where there are none.

    >>> at_zero_words({"ketamine": (1, 2), "placebo": (0, 0)}, "They are left out.")
    '2 patients with a score of 0 before (2 with ketamine, 0 with placebo) cannot improve by a
    percentage; 1 got worse. They are left out.'
    """
    total, worse = (sum(c[i] for c in counted.values()) for i in (1, 0))
    if not total:
        return ""
    each = ", ".join(f"{n} with {spoken(v)}" for v, (_, n) in counted.items())
    return (
        f"{plural(total, 'patient')} with a score of 0 before ({each}) cannot improve by a"
        f" percentage; {worse} got worse. {then}"
    )


def rule_name(rule: str) -> str:
    """The rule as tables print it."""
    kind, value = parse_rule(rule)
    return {
        "percent": Phrase.of("≥{value}%", value=value),
        "points": Phrase.of("≥{value} points", value=value),
        "at_most": Phrase.of("score ≤{value}", value=value),
        "at_least": Phrase.of("score ≥{value}", value=value),
    }[kind]


def rule_amount(rule: str) -> str:
    """What is to be reached, without the sign: "30%", "2 points", or a score, "≤3"."""
    kind, value = parse_rule(rule)
    return {
        "percent": Phrase.of("{value}%", value=value),
        "points": Phrase.of("{value} points", value=value),
        "at_most": Phrase.of("≤{value}", value=value),
        "at_least": Phrase.of("≥{value}", value=value),
    }[kind]


def rule_words(rule: str, outcome: Outcome | None) -> str:
    """The rule as a sentence says it: "an improvement of at least 30% in …"."""
    kind, value = parse_rule(rule)
    title = outcome.title if outcome else "the score"
    amount = f"{value:g}%" if kind == "percent" else f"{value:g} point{'' if value == 1 else 's'}"
    if kind in ("percent", "points"):
        return f"an improvement of at least {amount} in {title}"
    return f"{title} {rule_amount(rule)}"


def improvement_sign(outcome: Outcome) -> int:
    """−1 where lower is better, +1 where higher is. Raises AnalysisError where the score has no
    better side.
    """
    if outcome.better not in ("lower", "higher"):
        raise AnalysisError(
            f"{outcome.title} has no declared direction, so nobody can be called improved. "
            f'Declare it: [outcomes] {outcome.name} = {{ better = "lower" }}.'
        )
    return -1 if outcome.better == "lower" else 1


def responded(
    before: np.ndarray, after: np.ndarray, rule: str, sign: int
) -> tuple[np.ndarray, np.ndarray]:
    """Who meets the rule, and for whom it is defined. Thresholds that are met exactly count
    (9-decimal arithmetic).
    """
    kind, value = parse_rule(rule)
    gain = np.round(sign * (after - before), 9)
    if kind == "percent":
        usable = before > 0
        return usable & (np.round(100 * gain - value * before, 7) >= 0), usable
    usable = np.ones(len(after), dtype=bool)
    if kind == "points":
        return gain >= value, usable
    return (after <= value if kind == "at_most" else after >= value), usable


#: Whether patients who failed for another reason are left out, and what scores may meet.
Test = tuple[bool, Callable[..., np.ndarray]]


def rule_tests(rules: Sequence[str], before: str, sign: int) -> Iterator[Test]:
    """What a patient's scores may meet for some rules; with a percentage, a score of 0 before."""
    for rule in rules:
        if before:
            yield True, lambda b, a, rule=rule: responded(b, a, rule, sign)[0]
        else:
            yield True, lambda after, rule=rule: responded(after, after, rule, 1)[0]
    if before and any(parse_rule(rule)[0] == "percent" for rule in rules):
        yield False, lambda b, _: b <= 0


def _worse(before: np.ndarray, after: np.ndarray, rule: str, sign: int) -> np.ndarray:
    """Who got worse by a rule; from 0, by anything."""
    worse = responded(before, after, rule, -sign)[0]
    if parse_rule(rule)[0] != "percent":
        return worse
    return np.asarray(worse | ((before <= 0) & (np.round(sign * (after - before), 9) < 0)))


@dataclass(frozen=True)
class Response:
    """How many reached a rule: `kind` is improved, worsened or reached (a score itself)."""

    asked: str
    kind: str
    count: int
    total: int
    #: Whether patients without the score are counted too, as not having reached it.
    everybody: bool = False

    @property
    def rule(self) -> str:
        """The rule as tables print it."""
        return rule_name(self.asked)

    @property
    def amount(self) -> str:
        """What is to be reached."""
        return rule_amount(self.asked)


@dataclass(frozen=True)
class ResponseCounts:
    """How many patients reached each rule, and of the patients with a score of 0 before:
    how many of them got worse, and how many they are; whether some of these were below 0.
    """

    responses: tuple[Response, ...]
    at_zero: tuple[int, int] = (0, 0)
    below_zero: bool = False

    @property
    def zero_words(self) -> str:
        """Those who cannot improve by a percentage, and how many of them got worse."""
        worse, n = self.at_zero
        below = " or less" if self.below_zero else ""
        return (
            f"{plural(n, 'patient')} with a score of 0{below} before cannot improve by a"
            f" percentage; {worse} of them got worse."
            if n
            else ""
        )


class _Shares:
    """Shares with their intervals, and the counts behind each."""

    def __init__(self, level: float, interval: str) -> None:
        self.level, self.make = level, INTERVALS[interval][1]
        self.estimates: list[Estimate] = []
        self.responses: list[Response] = []

    def add(
        self, name: str, count: int, total: int, rule: str, kind: str, everybody: bool = False
    ) -> None:
        k, n = int(count), int(total)
        self.responses.append(Response(rule, kind, k, n, everybody))
        estimate = self.make(k, n, level=self.level, name=name)
        self.estimates.append(replace(estimate, how=f"{estimate.how}; {k} of {n}", n=n))


def improvement_curve(tally: Tally, sign: int) -> pd.DataFrame:
    """For each percent improvement, the share of patients who reached at least that much.

    `tally` has the scores before and after, `sign` is −1 where lower is better. Patients with a
    score of 0 before have no percentage and are left out; a missing score after reached nothing,
    whatever the percentage.
    """
    gain, w = percent_gain(tally, sign)
    gain = np.where(np.isnan(gain), -np.inf, gain)
    steps = np.unique(np.concatenate([[-100.0, 0.0, 100.0], gain]))
    steps = steps[(steps >= -100) & (steps <= 100)]
    gain, up_to = ranked(gain, w)
    below = np.concatenate([[0], up_to])[np.searchsorted(gain, steps)]
    n = int(w.sum())
    share = (n - below) / n if n else np.full(len(steps), np.nan)
    curve = pd.DataFrame({"improvement": steps, "share": share})
    curve.attrs["n"] = n
    return curve


#: What may be done with patients whose score after is missing, for curves side by side.
DROPOUT = (
    "patients with both scores",
    "missing: last score carried forward",
    "missing: no response",
)


def _dropout_curves(scores: pd.DataFrame, before: str, after: str, sign: int) -> pd.DataFrame:
    """The curve of responders under three rules for missing scores, from the scores of patients ×
    visits; columns group (the rule), improvement, share and n (patients it is a share of).
    """
    wide = scores[scores[before].notna()]
    up_to = wide.columns[: list(wide.columns).index(after) + 1]
    start, seen = wide[before].to_numpy(float), wide[after].to_numpy(float)
    carried = wide[up_to].ffill(axis=1)[after].to_numpy(float)
    both = ~np.isnan(seen)
    of_both = f"{DROPOUT[0]}, above 0 before" if (start[both] <= 0).any() else DROPOUT[0]
    ways = ((start[both], seen[both]), (start, carried), (start, seen))
    return pd.concat(
        [
            improvement_curve(Tally.of(np.column_stack([x, y])), sign).assign(
                group=name, n=int((x > 0).sum())
            )
            for name, (x, y) in zip((of_both, *DROPOUT[1:]), ways, strict=True)
        ],
        ignore_index=True,
    )

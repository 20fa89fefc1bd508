"""The same question, asked in every way that could be defended."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from outcomes.analysis import Analysis
from outcomes.result import Estimate, Result
from outcomes.stats.paired import mean_change, median_change, sign_test, trimmed_change
from outcomes.stats.signedrank import hodges_lehmann, sign_flip, signed_rank
from outcomes.study import Study
from outcomes.wording import digits_for, listed, number, spoken


@dataclass(frozen=True)
class Robustness(Analysis):
    """Would another defensible analysis of the change between two visits have said something else?

    Side by side: mean change with paired t-test (the reference); 20% trimmed mean (Yuen); Hodges-Lehmann shift with
    the exact signed-rank test; median with the sign test; sign-flip permutation test of the mean; and, for everybody
    who had a score before, missing later scores taken as no change, and taken as the worst change that was seen.
    The conclusion survives when all point the same way and every interval or test keeps the same verdict at `level`.

    The two rows with filled-in scores are deliberately harsh bounds, not estimates. Random flips (needed only beyond
    200 patients) use `seed`.

    >>> import pandas as pd, outcomes as oc
    >>> scores = pd.DataFrame({"patient": list("aabbcc"), "visit": ["pre", "post"] * 3, "pain": [7.0, 5, 6, 5, 8, 4]})
    >>> study = oc.Study(scores, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")})
    >>> oc.Robustness("pain", before="pre", after="post").run(study).facts["survives"]
    True
    """

    outcome: str
    _: KW_ONLY
    before: str
    after: str
    seed: int = 20260101

    short: ClassVar[str] = "every defensible way"
    references: ClassVar[tuple[str, ...]] = (
        "Yuen KK. The two-sample trimmed t for unequal population variances. Biometrika 1974;61:165-170.",
        "Hodges JL, Lehmann EL. Estimates of location based on rank tests. Ann Math Stat 1963;34:598-611.",
    )

    def compute(self, study: Study) -> Result:
        pairs = study.pairs(self.outcome, before=self.before, after=self.after)
        b, a, level = pairs.before, pairs.after, self.level
        rng = np.random.default_rng(self.seed)
        mean = mean_change(b, a, level=level)
        flip = sign_flip(b, a, rng=rng).test
        shift, median = hodges_lehmann(b, a, level=level).shift, median_change(b, a, level=level).median
        rows = [
            replace(mean, name="mean, paired t-test"),
            replace(trimmed_change(b, a, level=level), name="20% trimmed mean (Yuen)"),
            replace(shift, name="Hodges-Lehmann shift, exact signed-rank test", p=signed_rank(b, a).test.p),
            replace(median, name="median, sign test", p=sign_test(b, a).test.p),
            replace(flip, name="mean, sign-flip permutation test", level=level),
            *self._filled(study, pairs.change),
        ]
        rows = [replace(e, unit=pairs.outcome.unit) for e in rows]
        forest = pd.DataFrame(
            {"label": e.name, "value": e.value, "low": e.low, "high": e.high, "main": i == 0} for i, e in enumerate(rows)
        )
        verdicts = {e.name: _verdict(e, 1 - level) for e in rows}
        facts = {
            "verdicts": verdicts,
            "survives": len(set(verdicts.values()) - {"undefined"}) == 1,
            "axis": f"change in {pairs.outcome.title} ({pairs.outcome.unit})",
        }
        return Result(self, tuple(rows), pairs.counts, pairs.outcome, data={"forest": forest}, pictures=("forest",), facts=facts)

    def _filled(self, study: Study, change: np.ndarray) -> list[Estimate]:
        """Everybody with a score before: missing later scores as no change, and as the worst change that was seen."""
        wide, outcome = study.wide(self.outcome), study.outcome(self.outcome)
        before = wide[self.before].dropna().to_numpy()
        missing = int(wide.loc[wide[self.before].notna(), self.after].isna().sum())
        if not missing or not len(change):
            return []
        worst = float(change.min() if outcome.better == "higher" else change.max())
        fills = {"no change": 0.0, **({"worst change seen": worst} if outcome.better else {})}
        zero = np.zeros(len(before))
        return [
            replace(
                mean_change(zero, np.concatenate([change, np.full(missing, value)]), level=self.level),
                name=f"mean, {missing} missing as {words}",
            )
            for words, value in fills.items()
        ]

    def sentence(self, result: Result, style: str = "ama") -> str:
        if not result.counts.analysed:
            return f"No patient has {_title(result)} at both visits."
        first = result.estimates[0]
        verdicts = result.facts["verdicts"]
        main = verdicts[first.name]
        k = digits_for(result.outcome.resolution) if result.outcome else 1
        lead = (
            f"Asked in {len(result.estimates)} ways, the change of {_title(result)} from {spoken(self.before)} to {spoken(self.after)} "
            f"was between {number(min(e.value for e in result.estimates if not math.isnan(e.value)), k)} and "
            f"{number(max(e.value for e in result.estimates if not math.isnan(e.value)), k)}"
        )
        other = [name for name, v in verdicts.items() if v not in (main, "undefined")]
        if main == "undefined":
            return f"{lead}; the paired t-test is undefined here, so there is no verdict to compare with."
        if not other:
            return f"{lead}; every one led to the same verdict ({main})."
        return f"{lead}. The paired t-test says: {main}. Not the same verdict: {listed(other)}."

    def methods_text(self) -> str:
        return (
            "Robustness was judged by asking the same question with a trimmed mean, ranks, signs, permutations, and with missing "
            "scores taken as no change and as the worst change seen."
        )


def _title(result: Result) -> str:
    return result.outcome.title if result.outcome else "the score"


def _verdict(e: Estimate, alpha: float) -> str:
    """Which way the estimate points, and whether its own test (or else its interval) excludes no change."""
    if math.isnan(e.value) or (math.isnan(e.p) and math.isnan(e.low)):
        return "undefined"
    clear = e.p < alpha if not math.isnan(e.p) else not (e.low <= 0 <= e.high)
    return ("lower" if e.value < 0 else "higher") if clear else "not clearly different from no change"

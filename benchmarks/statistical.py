"""The statistics beside what a user would pick instead (pingouin, scipy, statsmodels): ratios,
measured in one run.

    .venv/bin/python benchmarks/statistical.py        (needs the extra `bench`)

Each pair is timed in turn, in CPU time (wall time for two cores); a ratio is the median of theirs
over ours, or ours over theirs where theirs does less.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pingouin as pg
import statsmodels.formula.api as smf
from joblib import Parallel, delayed
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

import outcomes as oc
from outcomes.stats.paired.effect_sizes import paired_effects
from outcomes.stats.paired.location import mean_change
from outcomes.stats.paired.signed_rank import signed_rank

VISITS = ("baseline", "week_1", "week_4")
SCALES = ("pain", "sleep", "mood", "function", "fatigue")


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time of one call by a clock."""
    start = clock()
    work()
    return clock() - start


def in_turn(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    times: int = 9,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float]:
    """Median seconds of each, measured one after the other, after one call of each to warm up.

    Of CPU time, unless another clock is given: on a busy machine the longer of two calls waits more
    often for its turn.
    """
    ours(), theirs()
    pairs = [(seconds(ours, clock), seconds(theirs, clock)) for _ in range(times)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def repeat(work: Callable[[], object], times: int) -> Callable[[], None]:
    """The same call several times, so that short ones can be timed."""

    def many() -> None:
        for _ in range(times):
            work()

    return many


def nrs(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers 0–10 before and after, with ties and zeros."""
    before = rng.integers(4, 11, n).astype(float)
    return before, np.clip(before - rng.integers(-2, 4, n), 0, 10)


def paired_t(n: int) -> str:
    """t, interval, and all named effect sizes with their intervals, against pingouin's ttest."""
    before, after = nrs(n, np.random.default_rng(1))
    ours, theirs = in_turn(
        repeat(lambda: (mean_change(before, after), paired_effects(before, after)), 50),
        repeat(lambda: pg.ttest(after, before, paired=True), 50),
    )
    return (
        f"paired t with d and intervals, n={n}: pingouin.ttest takes {theirs / ours:.1f} times as"
        " long (goal: at least 5)"
    )


def ranks(n: int) -> str:
    """Exact signed-rank with ties, no zeros (all n count), against scipy's normal approximation."""
    before, after = nrs(3 * n, np.random.default_rng(2))
    moved = np.flatnonzero(before != after)[:n]
    before, after = before[moved], after[moved]
    ours, theirs = in_turn(
        repeat(lambda: signed_rank(before, after, method="exact"), 5),
        repeat(lambda: stats.wilcoxon(after - before, method="asymptotic"), 5),
    )
    return (
        f"exact signed-rank with ties, n={n}: {ours / theirs:.1f} times scipy's normal"
        " approximation (goal: at most 40)"
    )


def permutation(n: int) -> str:
    """The same p against scipy's exact permutation of every sign."""
    before, after = nrs(3 * n, np.random.default_rng(3))
    moved = np.flatnonzero(before != after)[:n]
    before, after = before[moved], after[moved]
    every = stats.PermutationMethod(n_resamples=2**n)
    ours, theirs = in_turn(
        repeat(lambda: signed_rank(before, after, method="exact"), 5),
        repeat(lambda: stats.wilcoxon(after - before, method=every), 5),
        times=3,
    )
    same = np.isclose(
        signed_rank(before, after).test.p, stats.wilcoxon(after - before, method=every).pvalue
    )
    return (
        f"exact signed-rank, n={n}: scipy's permutation takes {theirs / ours:.0f} times as long"
        f" (goal: above 1); same p: {same}"
    )


def clinic(n: int = 1000) -> tuple[oc.Study, pd.DataFrame]:
    """Five scales, three visits, two arms, 5 % of the scores missing; and the same as a long
    frame.
    """
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"patient": np.tile(np.arange(n), 3), "visit": np.repeat(VISITS, n)})
    arm = np.where(rng.random(n) < 0.5, "ketamine", "placebo")
    for scale in SCALES:
        level = rng.normal(6, 1.5, n)
        course = [
            level + shift + rng.normal(0, 1.2, n)
            for shift in (0, -1 - 0.5 * (arm == "ketamine"), -1)
        ]
        scores = np.clip(np.round(np.concatenate(course)), 0, 10)
        scores[rng.random(3 * n) < 0.05] = np.nan
        frame[scale] = scores
    measures = {s: oc.Outcome(s, s.capitalize(), "lower", "points", 0, 10, 1) for s in SCALES}
    patients = pd.DataFrame({"patient": np.arange(n), "arm": arm})
    study = oc.Study(frame, visits=VISITS, measures=measures, patients=patients)
    return study, frame.merge(patients, on="patient")


def plan(*, mixed: bool) -> oc.Plan:
    """Eight questions about each of the five scales; with `mixed` the last of them is a mixed
    model.
    """
    two = {"before": "baseline", "after": "week_4"}
    questions: list[object] = []
    for s in SCALES:
        questions += [
            oc.PairedT(s, **two),
            oc.SignedRank(s, **two),
            oc.TOST(s, margin=1, **two),
            oc.Responders(s, **two),
            oc.ANCOVA(s, **two),
            oc.WelchT(s, **two),
            oc.MannWhitney(s, **two),
            oc.CohortModel(s, covariance=("cs",)) if mixed else oc.RMANOVA(s),
        ]
    return oc.Plan(*questions)


def one_by_one(long: pd.DataFrame, *, mixed: bool) -> list[object]:
    """The same forty with pingouin, scipy and statsmodels, as their documentation shows it."""
    out: list[object] = []
    for s in SCALES:
        wide = long.pivot(index="patient", columns="visit", values=s).join(
            long.drop_duplicates("patient").set_index("patient")["arm"]
        )
        both = wide.dropna(subset=["baseline", "week_4"])
        before, after = both["baseline"], both["week_4"]
        change = after - before
        arms = change[both["arm"] == "ketamine"], change[both["arm"] == "placebo"]
        out += [
            pg.ttest(after, before, paired=True),
            pg.wilcoxon(after, before),
            pg.tost(after, before, bound=1, paired=True),
            [
                proportion_confint(
                    int(((before - after) >= c * before).sum()), len(both), method="wilson"
                )
                for c in (0.3, 0.5)
            ],
            smf.ols("week_4 ~ baseline + C(arm)", both).fit().summary2(),
            pg.ttest(*arms),
            (pg.mwu(*arms), pg.compute_effsize(*arms)),
            (
                smf.mixedlm(
                    f"{s} ~ C(visit)", seen := long.dropna(subset=[s]), groups=seen["patient"]
                )
                .fit()
                .summary()
                if mixed
                else pg.rm_anova(long, dv=s, within="visit", subject="patient", correction=True)
            ),
        ]
    return out


def forty(*, mixed: bool) -> str:
    """A plan of forty questions on a thousand patients, from the tables to the results table."""
    study, long = clinic()
    asked = plan(mixed=mixed)

    def ours() -> pd.DataFrame:
        results = asked.run(clinic_again(study))
        assert not results.failed, [r.failed for r in results.failed]
        return results.to_frame()

    a, b = in_turn(ours, lambda: one_by_one(long, mixed=mixed), times=5 if mixed else 9)
    kind = "five of them mixed models" if mixed else "no mixed model"
    return (
        f"{len(asked)} questions ({kind}), 1,000 patients: one by one takes {b / a:.1f} times as"
        " long (goal: at least 5)"
    )


def one_scale(n: int, rng: np.random.Generator) -> oc.Study:
    """A small study made by a model of the patients."""
    before, after = nrs(n, rng)
    rows = pd.DataFrame(
        {"patient": [*range(n)] * 2, "visit": ["pre"] * n + ["post"] * n, "pain": [*before, *after]}
    )
    return oc.Study(
        rows, visits=("pre", "post"), measures={"pain": oc.Outcome("pain", "Pain", "lower")}
    )


def power_on_two_cores(runs: int = 400) -> str:
    """Simulated power of a plan, on one core and on two; the same answer on both."""
    two = {"before": "pre", "after": "post"}
    asked = oc.Plan(
        oc.PairedT("pain", **two), oc.SignedRank("pain", **two), oc.Responders("pain", **two)
    )

    def run(jobs: int) -> pd.DataFrame:
        return oc.simulate_power(asked, one_scale, n=40, runs=runs, seed=1, n_jobs=jobs).table

    def loop(jobs: int) -> None:
        Parallel(n_jobs=jobs)(delayed(sum)(range(10**6)) for _ in range(runs // 4))

    same = run(1).equals(run(2))
    wall = time.perf_counter
    one, both = in_turn(lambda: run(1), lambda: run(2), 3, wall)
    bare, bare_both = in_turn(lambda: loop(1), lambda: loop(2), 3, wall)
    gain = (
        f"two cores are {one / both:.2f} times as fast as one (a bare loop through joblib:"
        f" {bare / bare_both:.2f})"
    )
    return f"simulated power, {runs} runs of 3 questions: {gain}; same answer: {same}"


def clinic_again(study: oc.Study) -> oc.Study:
    """The study anew, so that nothing computed before helps."""
    return oc.Study(study.scores, visits=VISITS, measures=study.measures, patients=study.patients)


def main() -> None:
    """Print every ratio."""
    warnings.simplefilter("ignore")
    todo = [
        (paired_t, 35),
        (paired_t, 1000),
        (ranks, 300),
        (permutation, 8),
        (permutation, 10),
        (permutation, 13),
    ]
    for work, n in todo:
        print(work(n))
    print(forty(mixed=False))
    print(forty(mixed=True))
    print(power_on_two_cores())


if __name__ == "__main__":
    sys.exit(main())

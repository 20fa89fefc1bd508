"""The mixed models beside what a user would pick instead; ratios, measured in one run.

- an unstructured MMRM with degrees of freedom and marginal means, against R's nlme::gls (fit only;
  it has no usable degrees
  of freedom). R `mmrm` is not in Debian; where both were measured, `gls` took 12 times as long as
  `mmrm` at 200 and at 1,000 patients;
- a random intercept, against statsmodels MixedLM and R's lme4;
- how the cost grows with patients: the fit from a summary at 1,000 and at 1,000,000, summarising
  against pandas' pivot;
- reference-based conditional means with the jackknife on 172 patients.

    python benchmarks/longitudinal.py

R parts are skipped, with a word, where Rscript or a package is absent.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from outcomes.stats.missing.reference_based import (
    Incomplete,
    ancova_differences,
    conditional_mean_jackknife,
)
from outcomes.stats.mixed.cross_products import Summary, summarise, summarise_rows
from outcomes.stats.mixed.lmm import mixed
from outcomes.stats.mixed.mmrm import repeated

GLS_TO_MMRM = 12.0
FEATURES = ("intercept", "baseline", "arm")
ARMS = {"placebo": {"arm": 0.0}, "ketamine": {"arm": 1.0}}


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """The best of several runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def in_turn(*works: Callable[[], object], times: int) -> list[float]:
    """The median of several runs of each, taken in turn, so that a busy machine is unfair to
    neither.
    """
    spent: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for each, work in zip(spent, works):
            each.append(seconds(work, 1))
    return [float(np.median(each)) for each in spent]


def trial(patients: int, visits: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Scores (patients, visits) with dropout and gaps, features (patients, 3)."""
    rng = np.random.default_rng(seed)
    arm, base = rng.integers(0, 2, patients), rng.normal(7, 1.2, patients)
    y = (
        0.8 * base[:, None]
        - 0.1 * arm[:, None] * np.arange(visits)
        + rng.normal(0, 1, (patients, 1))
    )
    y = (
        y
        + 0.5 * rng.normal(0, 1, (patients, visits)).cumsum(axis=1)
        + rng.normal(0, 1, (patients, visits))
    )
    left = rng.integers(1, int(visits * 2.5), patients)
    y[(np.arange(visits) >= left[:, None]) | (rng.random((patients, visits)) < 0.02)] = np.nan
    return y, np.column_stack([np.ones(patients), base, arm])


def named(visits: int) -> tuple[str, ...]:
    """v1, v2, …"""
    return tuple(f"v{j + 1}" for j in range(visits))


def answer(summary: Summary) -> float:
    """Fit, Kenward-Roger, and every marginal mean and difference; the log-likelihood."""
    m = repeated(summary, by_visit=("baseline", "arm"), arms=ARMS, covariance=("us",))
    for visit in summary.visits:
        m.difference("ketamine", "placebo", visit=visit)
        for arm in ARMS:
            m.mean(arm, visit=visit)
    return m.fit.loglik


def long(y: np.ndarray, x: np.ndarray) -> pd.DataFrame:
    """One row a patient and visit observed."""
    n, m = y.shape
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), m),
            "v": np.tile(np.arange(1, m + 1), n),
            "y": y.ravel(),
            "base": np.repeat(x[:, 1], m),
            "arm": np.repeat(x[:, 2], m),
        }
    )
    return frame.dropna().reset_index(drop=True)


def in_r(script: str, frame: pd.DataFrame) -> dict[str, float]:
    """What an R script prints as name=value lines; empty where R or a package is absent."""
    if shutil.which("Rscript") is None:
        print("  (no Rscript here: the R side is skipped)")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.csv"
        frame.to_csv(path, index=False)
        done = subprocess.run(
            ["Rscript", "-e", script.replace("FILE", str(path))],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        print(
            "  (R could not:"
            f" {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no message'})"
        )
        return {}
    return {
        k: float(v) for k, v in (line.split("=") for line in done.stdout.split() if "=" in line)
    }


GLS = """suppressMessages(library(nlme)); d <- read.csv("FILE"); d$V <- factor(d$v); t <- system.time(
m <- gls(y ~ base*V + arm*V, d, correlation = corSymm(form = ~ v | id), weights = varIdent(form = ~ 1 | V),
control = glsControl(maxIter = 200, msMaxIter = 500, opt = "nlminb")))
cat(sprintf("seconds=%.6f\\nloglik=%.6f\\n", t[["elapsed"]], as.numeric(logLik(m))))"""
LMER = """suppressMessages(library(lme4)); d <- read.csv("FILE"); t <- system.time(m <- lmer(y ~ base + arm*factor(v) + (1|id), d))
cat(sprintf("seconds=%.6f\\nloglik=%.6f\\n", t[["elapsed"]], as.numeric(logLik(m))))"""


def unstructured() -> None:
    """MMRM against gls."""
    for patients in (200, 1_000):
        y, x = trial(patients, 5)
        ours = seconds(lambda y=y, x=x: answer(summarise(y, x, visits=named(5), features=FEATURES)))
        theirs = in_r(GLS, long(y, x))
        line = (
            f"MMRM {patients} patients x 5 visits: {ours * 1e3:.1f} ms with Kenward-Roger and"
            " marginal means"
        )
        if theirs:
            gap = answer(summarise(y, x, visits=named(5), features=FEATURES)) - theirs["loglik"]
            ratio = theirs["seconds"] / ours
            line += (
                f"; gls {theirs['seconds']:.2f} s, {ratio:.0f} times as long (mmrm about"
                f" {ratio / GLS_TO_MMRM:.0f})"
            )
            line += f"; loglik − gls' {gap:.1e}"
        print(line)
    for patients, visits in ((10_000, 5), (1_000, 10)):
        y, x = trial(patients, visits)
        ours = seconds(
            lambda y=y, x=x, v=visits: answer(summarise(y, x, visits=named(v), features=FEATURES)),
            3,
        )
        print(
            f"MMRM {patients} patients x {visits} visits: {ours * 1e3:.1f} ms with Kenward-Roger"
            " and marginal means"
        )


def random_intercept() -> None:
    """lmm against statsmodels and lme4."""
    frame = long(*trial(2_400, 5, seed=4))
    x = np.column_stack(
        [
            np.ones(len(frame)),
            frame["base"],
            frame["arm"],
            *((frame["v"] == k) for k in range(2, 6)),
            *((frame["v"] == k) * frame["arm"] for k in range(2, 6)),
        ]
    ).astype(float)
    names = tuple(f"b{i}" for i in range(x.shape[1]))
    fitted = mixed(frame["y"], x, names=names, cluster=frame["id"])
    ours = seconds(lambda: mixed(frame["y"], x, names=names, cluster=frame["id"]), 3)
    print(f"random intercept, {len(frame)} rows: {ours * 1e3:.0f} ms with Kenward-Roger")
    from statsmodels.regression.mixed_linear_model import MixedLM

    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = MixedLM(frame["y"], x, groups=frame["id"]).fit(reml=True)
    spent = time.perf_counter() - start
    print(
        f"  statsmodels {spent:.2f} s, {spent / ours:.0f} times as long; loglik {theirs.llf:.4f},"
        f" ours {fitted.fit.loglik:.4f}"
    )
    r = in_r(LMER, frame)
    if r:
        gap = fitted.fit.loglik - r["loglik"]
        print(
            f"  lme4 {r['seconds']:.2f} s (fit only), {r['seconds'] / ours:.1f} times as long;"
            f" loglik − lme4's {gap:.1e}"
        )


def scaling() -> None:
    """The summary's cost with patients, and the fit's without."""
    summaries = [
        summarise(*trial(n, 5), visits=named(5), features=FEATURES) for n in (1_000, 1_000_000)
    ]
    small, large = in_turn(lambda: answer(summaries[0]), lambda: answer(summaries[1]), times=40)
    print(
        f"fit from the summary: {small * 1e3:.2f} ms at 1,000 patients, {large * 1e3:.2f} ms at"
        f" 1,000,000: ratio {large / small:.2f}"
    )
    frame = long(*trial(1_000_000, 5))
    columns = frame["id"].to_numpy(), frame["v"].to_numpy() - 1, frame["y"].to_numpy()
    design = np.column_stack([np.ones(len(frame)), frame["base"], frame["arm"]])
    pivot, ours = in_turn(
        lambda: frame.pivot(index="id", columns="v", values="y"),
        lambda: summarise_rows(*columns, design, visits=named(5), features=FEATURES),
        times=3,
    )
    print(
        f"summarising {len(frame)} rows of 1,000,000 patients: {ours:.2f} s, pandas' pivot"
        f" {pivot:.2f} s: ratio {ours / pivot:.2f}"
    )
    tracemalloc.start()
    summarise_rows(*columns, design, visits=named(5), features=FEATURES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"  peak memory beyond the input {peak / 1e6:.0f} MB (input"
        f" {(design.nbytes + sum(c.nbytes for c in columns)) / 1e6:.0f} MB)"
    )


def reference_based() -> None:
    """Jump to reference, conditional mean and jackknife."""
    y, x = trial(172, 4, seed=3)
    y[np.isnan(y[:, 0]), 0] = 5.0
    data = Incomplete(
        y,
        x,
        named(4),
        FEATURES,
        FEATURES[1:],
        x[:, 2].astype(np.int64),
        np.array([2]),
        np.array([[0.0], [1.0]]),
        0,
        x[:, 1],
    )
    spent = seconds(
        lambda: conditional_mean_jackknife(
            data, "j2r", analyse=lambda c, k: ancova_differences(c, x[k], [2])
        ),
        2,
    )
    print(
        f"jump to reference with jackknife, 172 patients x 4 visits: {spent:.2f} s (R rbmi: 57 s"
        " where it was measured)"
    )


if __name__ == "__main__":
    unstructured()
    random_intercept()
    scaling()
    reference_based()

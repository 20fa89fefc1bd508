"""ANCOVA: coefficients, robust standard errors, adjusted means, pairs, interaction with the
baseline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from outcomes.stats.groups.means import standardised_difference
from outcomes.stats.regression.linear import (
    Design,
    Fit,
    Term,
    adjusted_means,
    factor,
    interaction,
    numeric,
    ols,
    pairwise,
)
from outcomes.validation.cases import Case, answers, column

#: how each case was set up: arm column, reference, post column, covariates (as R orders the levels)
STATS = {"_est": "value", "_se": "se", "_t": "statistic", "_p": "p", "_low": "low", "_high": "high"}


@dataclass(frozen=True, eq=False)
class Trial:
    """Scores before and after, the arm, and the covariates of a case."""

    pre: np.ndarray
    post: np.ndarray
    arm: Term
    extra: tuple[Term, ...]

    @property
    def change(self) -> np.ndarray:
        return np.round(self.post - self.pre, 9)

    @property
    def design(self) -> Design:
        return Design((self.arm, numeric("pre", self.pre), *self.extra))

    def ours(self, term: str) -> str:
        """Our name of R's coefficient: siteB is site[B], gPO is g[PO]."""
        if ":" in term:
            return ":".join(self.ours(part) for part in term.split(":"))
        known = {"(Intercept)": "intercept", "pre_": "pre", "I(pre_ - mean(pre_))": "pre"}
        known |= {
            n.replace("[", "").replace("]", ""): n for t in (self.arm, *self.extra) for n in t.names
        }
        return known.get(term, term)

    def coefficients(
        self, fit: Fit, terms: Iterable[str], stats: Mapping[str, str]
    ) -> dict[str, float]:
        out: dict[str, float] = {}
        for term in terms:
            e = fit.coefficient(self.ours(term))
            out |= {f"{term}{suffix}": getattr(e, name) for suffix, name in stats.items()}
        return out


def trial(case: Case) -> Trial:
    """Patients with both scores."""
    rows = case.rows()
    pre, post = column(rows, "pre"), column(rows, case.given("after"))
    keep = ~np.isnan(pre) & ~np.isnan(post)
    rows = [r for r, k in zip(rows, keep, strict=True) if k]
    extra = []
    for c in case.given("covariates").split():
        values = [r[c] for r in rows]
        try:
            extra.append(numeric(c, np.array(values, float)))
        except ValueError:
            extra.append(factor(c, values))
    return Trial(
        pre[keep],
        post[keep],
        factor("g", [r[case.given("arm")] for r in rows], reference=case.given("reference")),
        tuple(extra),
    )


@answers(
    "ancova",
    {"ancova": ("ANCOVA of score and change, with covariates", "lm(post ~ arm + pre + …)")},
)
def _ancova(case: Case) -> dict[str, float]:
    t = trial(case)
    got: dict[str, float] = {}
    for name, y in {"post_": t.post, "chg": t.change}.items():
        fit = ols(t.design, y)
        terms = {
            q.split(":", 1)[1].rsplit("_", 1)[0]
            for q in case.quantities
            if q.startswith(f"{name}:")
        }
        found = t.coefficients(fit, terms - {"df", "sigma", "r2"}, STATS)
        got |= {
            f"{name}:{k}": v
            for k, v in (found | {"df": fit.df, "sigma": fit.sigma, "r2": fit.r2}).items()
        }
    return got


@answers("ancova", {"ancova_robust": ("Standard errors HC2 and HC3", "sandwich::vcovHC")})
def _robust(case: Case) -> dict[str, float]:
    t = trial(case)
    terms = {q.rsplit("_", 2)[0] for q in case.quantities}
    got = t.coefficients(ols(t.design, t.post, se="HC3"), terms, {"_HC3_se": "se", "_HC3_p": "p"})
    return got | t.coefficients(ols(t.design, t.post, se="HC2"), terms, {"_HC2_se": "se"})


@answers("ancova", {"ancova_adjusted_means": ("Adjusted means", "emmeans::emmeans")})
def _adjusted(case: Case) -> dict[str, float]:
    t = trial(case)
    got: dict[str, float] = {}
    for e in adjusted_means(ols(t.design, t.post), t.design, "g"):
        got |= {
            f"{e.group}_mean": e.value,
            f"{e.group}_se": e.se,
            f"{e.group}_low": e.low,
            f"{e.group}_high": e.high,
        }
    return got


@answers("ancova", {"ancova_F": ("Joint tests of terms", "car::Anova(type = 2)")})
def _joint(case: Case) -> dict[str, float]:
    t = trial(case)
    fit, design = ols(t.design, t.post), t.design
    names = {"pre": "pre_"}
    return {
        f"{names.get(x.name, x.name)}_F": fit.wald(design.columns_of(x.name)).statistic
        for x in design.terms
    }


@answers(
    "ancova",
    {
        "ancova_pairs_tukey": (
            "Pairs of adjusted means (Tukey)",
            'emmeans::pairs(adjust = "tukey")',
        ),
        "ancova_pairs_holm": ("Pairs of adjusted means (Holm)", 'emmeans::pairs(adjust = "holm")'),
    },
)
def _pairs_of_means(case: Case) -> dict[str, float]:
    t = trial(case)
    got: dict[str, float] = {}
    for e in pairwise(ols(t.design, t.post), t.design, "g", adjust=case.method.rsplit("_", 1)[1]):
        b, a = e.contrast.group, e.contrast.reference
        got |= {f"{a} - {b}_est": -e.value, f"{a} - {b}_se": e.se, f"{a} - {b}_padj": e.p_adjusted}
    return got


@answers(
    "ancova",
    {
        "ancova_interaction": (
            "Arm by baseline interaction, centred",
            "lm(post ~ arm * pre); vcovHC",
        )
    },
)
def _by_baseline(case: Case) -> dict[str, float]:
    t = trial(case)
    p = numeric("pre", t.pre, center=True)
    design = Design((t.arm, p, *t.extra, interaction(t.arm, p)))
    plain = ols(design, t.post)
    both = plain.wald(design.columns_of("g:pre"))
    terms = {q.removesuffix("_HC3_se").removesuffix("_est") for q in case.quantities} - {"F", "p"}
    got = t.coefficients(plain, terms, {"_est": "value"})
    got |= t.coefficients(ols(design, t.post, se="HC3"), terms, {"_HC3_se": "se"})
    return got | {"F": both.statistic, "p": both.p}


@answers("ancova", {"change_score": ("Change by arm, unadjusted", "lm(change ~ arm)")})
def _change_score(case: Case) -> dict[str, float]:
    t = trial(case)
    fit = ols(Design((t.arm,)), t.change)
    return t.coefficients(fit, {q.rsplit("_", 1)[0] for q in case.quantities}, STATS)


@answers("ancova", {"baseline_smd": ("Standardised difference at baseline", "own")})
def _at_baseline(case: Case) -> dict[str, float]:
    t = trial(case)
    reference = t.pre[t.arm.columns.sum(axis=1) == 0]
    return {
        f"{level}_vs_{t.arm.levels[0]}": standardised_difference(
            t.pre[t.arm.columns[:, j] == 1], reference
        )
        for j, level in enumerate(t.arm.levels[1:])
    }

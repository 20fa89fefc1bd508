"""Before the study: how many patients, with which power, or how precise, by formula. By simulation:
`simulation`.

Nothing here takes an observed result: power of an observed effect says no more than its interval.
Of a finished study ask `detectable_difference`.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.wording import listed, number, percent
from outcomes.stats import power as kernel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SampleSize:
    """How many patients a design needs: `analysed` (with the outcome) and `enrolled` (allowing for
    dropout), both in all.

    `goal` is what that buys ("80% power …"), `assumptions` what it rests on, `how` the method.
    """

    design: str
    analysed: int
    enrolled: int
    goal: str
    how: str
    assumptions: Mapping[str, float] = field(default_factory=dict)
    arms: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "assumptions", MappingProxyType(dict(self.assumptions)))

    def sentence(self) -> str:
        """The number of patients in words, with what it assumes."""
        per_arm = f" ({self.analysed // self.arms} per arm)" if self.arms > 1 else ""
        more = (
            f"; {self.enrolled} are to be enrolled, allowing for"
            f" {percent(self.assumptions['dropout'])} dropout"
        )
        given = listed(
            [
                f"{k.replace('_', ' ')} {v:g}"
                for k, v in self.assumptions.items()
                if k not in ("dropout", "power", "alpha")
            ]
        )
        return (
            f"{self.analysed} patients{per_arm} with the outcome give {self.goal} ({self.design};"
            f" {given}; {self.how}){more if self.enrolled > self.analysed else ''}."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row: the sizes, the goal and every assumption."""
        import pandas as pd

        head = {
            "design": self.design,
            "analysed": self.analysed,
            "enrolled": self.enrolled,
            "goal": self.goal,
            "how": self.how,
        }
        return pd.DataFrame([head | dict(self.assumptions)])

    def _repr_html_(self) -> str:
        return (
            f"<p>{html.escape(self.sentence())}</p>{self.to_frame().to_html(index=False, border=0)}"
        )


def sample_size_paired(
    *,
    d_z: float = math.nan,
    d_av: float = math.nan,
    r: float = math.nan,
    difference: float = math.nan,
    sd_change: float = math.nan,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients for a before-and-after comparison (paired t-test)?

    Give the change to detect in one of three ways: `d_z`, in SDs of the changes; `d_av` with `r`,
    in SDs of the scores and the correlation of before and after; `difference` with `sd_change`, in
    points. Noncentral t, both tails.

    >>> print(sample_size_paired(difference=1.0, sd_change=2.0, dropout=0.2).sentence())
    34 patients with the outcome give 80% power (paired t-test; difference 1 and sd change 2;
    noncentral t, two-sided alpha 0.05); 43 are to be enrolled, allowing for 20% dropout.
    """
    given = {
        k: v
        for k, v in {
            "d_z": d_z,
            "d_av": d_av,
            "r": r,
            "difference": difference,
            "sd_change": sd_change,
        }.items()
        if v == v
    }
    ways: dict[frozenset[str], Callable[[], float]] = {
        frozenset({"d_z"}): lambda: d_z,
        frozenset({"d_av", "r"}): lambda: kernel.d_z_from_d_av(d_av, r=r),
        frozenset({"difference", "sd_change"}): lambda: difference / sd_change,
    }
    if frozenset(given) not in ways:
        raise AnalysisError("Give d_z, or d_av with r, or difference with sd_change.")
    n = kernel.paired_n(ways[frozenset(given)](), power=power, alpha=alpha, sides=sides)
    return _size("paired t-test", n, given, power=power, alpha=alpha, sides=sides, dropout=dropout)


def sample_size_two_arms(
    *,
    difference: float,
    sd: float,
    r: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients for two arms of equal size?

    `difference` and `sd` in points; `r`, the correlation of baseline and follow-up, makes it
    ANCOVA.

    >>> sample_size_two_arms(difference=1.0, sd=2.0, r=0.6).analysed
    84
    """
    per_arm = kernel.two_arm_n(difference / sd, r=r, power=power, alpha=alpha, sides=sides)
    given = {"difference": difference, "sd": sd} | ({"r": r} if r else {})
    design = "ANCOVA, two arms" if r else "t-test, two arms"
    return _size(
        design, per_arm, given, power=power, alpha=alpha, sides=sides, dropout=dropout, arms=2
    )


def sample_size_crossover(
    *,
    difference: float,
    sd_within: float,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients for a two-period crossover?

    `sd_within` is the SD of one patient's scores under one treatment: the SD of the difference
    between periods over √2.

    >>> sample_size_crossover(difference=1.0, sd_within=1.5).analysed
    38
    """
    n = kernel.crossover_n(difference, sd_within=sd_within, power=power, alpha=alpha, sides=sides)
    given = {"difference": difference, "sd_within": sd_within}
    return _size(
        "AB/BA crossover", n, given, power=power, alpha=alpha, sides=sides, dropout=dropout
    )


def sample_size_mcnemar(
    *,
    first_only: float,
    second_only: float,
    power: float = 0.8,
    alpha: float = 0.05,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients to compare two answers of the same patients (McNemar)?

    `first_only` and `second_only` are the expected shares who answer yes at one time (or to one
    treatment) only.

    >>> sample_size_mcnemar(first_only=0.25, second_only=0.10).analysed
    120
    """
    n = kernel.mcnemar_n(first_only, second_only, power=power, alpha=alpha)
    given = {"first_only": first_only, "second_only": second_only}
    return _size(
        "McNemar test", n, given, power=power, alpha=alpha, dropout=dropout, method="Connor 1987"
    )


def sample_size_responders(
    *,
    share1: float,
    share2: float,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients to compare the shares of responders of two arms?

    >>> sample_size_responders(share1=0.3, share2=0.5).analysed
    186
    """
    per_arm = kernel.two_share_n(share1, share2, power=power, alpha=alpha, sides=sides)
    given = {"share1": share1, "share2": share2}
    return _size(
        "responders, two arms",
        per_arm,
        given,
        power=power,
        alpha=alpha,
        sides=sides,
        dropout=dropout,
        arms=2,
        method="arcsine approximation",
    )


def sample_size_non_inferiority(
    *,
    margin: float,
    sd: float,
    design: str = "two arms",
    loss: float = 0.0,
    r: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.025,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients to show that a treatment is not worse by more than a margin?

    `margin` above 0, in points; `loss` is how much worse it truly is (0: the same). `sd` of one
    visit for "two arms" (with `r`, ANCOVA), of the changes for "paired", within a patient for
    "crossover". One-sided `alpha`.

    >>> sample_size_non_inferiority(margin=1.0, sd=2.0).analysed
    128
    """
    if not margin > loss:
        raise AnalysisError("margin is above 0 and above the true loss.")
    distance, given = (
        margin - loss,
        {"margin": margin, "sd": sd, "loss": loss} | ({"r": r} if r else {}),
    )
    common: dict[str, Any] = {"power": power, "alpha": alpha, "sides": 1}
    sizes: dict[str, Callable[[], float]] = {
        "two arms": lambda: kernel.two_arm_n(distance / sd, r=r, **common),
        "paired": lambda: kernel.paired_n(distance / sd, **common),
        "crossover": lambda: kernel.crossover_n(distance, sd_within=sd, **common),
    }
    if design not in sizes:
        raise AnalysisError(unknown("design", design, sizes))
    arms = 2 if design == "two arms" else 1
    return _size(
        f"non-inferiority, {design}", sizes[design](), given, dropout=dropout, arms=arms, **common
    )


def sample_size_precision(
    *,
    half_width: float,
    sd: float = math.nan,
    share: float = math.nan,
    level: float = 0.95,
    dropout: float = 0.0,
) -> SampleSize:
    """How many patients for an interval of ± half_width, around a mean change (`sd`) or a share
    (`share`, Wilson)?

    What a pilot or a cohort without a comparison should be planned by.

    >>> (
    ...     sample_size_precision(half_width=0.1, share=0.4).analysed,
    ...     sample_size_precision(half_width=0.5, sd=2.0).analysed,
    ... )
    (89, 64)
    """
    if (sd == sd) == (share == share):
        raise AnalysisError("Give either sd (of a mean change) or share (of patients).")
    if sd == sd:
        n, given, design, how = (
            kernel.mean_precision_n(half_width, sd=sd, level=level),
            {"sd": sd},
            "mean change",
            "t interval",
        )
    else:
        n, given = kernel.share_precision_n(half_width, share=share, level=level), {"share": share}
        design, how = "share of patients", "Wilson interval"
    analysed = math.ceil(n - 1e-9)
    goal = f"a {percent(level)} interval of ±{number(half_width, 3).rstrip('0')}"
    return SampleSize(
        design,
        analysed,
        kernel.with_dropout(analysed, dropout),
        goal,
        how,
        {"half_width": half_width} | given | {"dropout": dropout},
    )


def detectable_difference(
    n: int,
    *,
    sd: float,
    design: str = "paired",
    r: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Which difference could a study of n patients in all have detected?

    For "paired" `sd` is that of the changes, for "two arms" of one visit (with `r`, ANCOVA), for
    "crossover" within a patient. nan where the study is too small for any.

    >>> round(detectable_difference(34, sd=2.0), 2)
    0.99
    """
    ways: dict[str, Callable[[float], float]] = {
        "paired": lambda d: kernel.paired_power(d, n, alpha=alpha),
        "two arms": lambda d: kernel.two_arm_power(d, n / 2, r=r, alpha=alpha),
        "crossover": lambda d: kernel.crossover_power(d, n, sd_within=1.0, alpha=alpha),
    }
    if design not in ways:
        raise AnalysisError(unknown("design", design, ways))
    if n < 4:
        return math.nan
    return sd * kernel.detectable(ways[design], power=power)


def _size(
    design: str,
    n: float,
    given: Mapping[str, float],
    *,
    power: float,
    alpha: float,
    dropout: float,
    sides: int = 2,
    arms: int = 1,
    method: str = "noncentral t",
) -> SampleSize:
    """Whole patients in all, from a real number of them (an arm)."""
    each = math.ceil(n - 1e-9)
    how = f"{method}, {'two' if sides == 2 else 'one'}-sided alpha {alpha:g}"
    return SampleSize(
        design,
        arms * each,
        arms * kernel.with_dropout(each, dropout),
        f"{percent(power)} power",
        how,
        dict(given) | {"power": power, "alpha": alpha, "dropout": dropout},
        arms,
    )

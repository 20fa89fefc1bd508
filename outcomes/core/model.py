"""What was really fitted, as a record: the methods sentence is written from it, never from the
question's class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING

from outcomes.core.wording import listed, number

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A fitted mixed model: its covariance, how it was estimated, and what was tried before.

    `covariance` is the structure's name in words ("unstructured", "unstructured, by arm"),
    `estimator` REML or ML, `df` the degrees of freedom in words, `covariates` what the means were
    adjusted for, `tried` each covariance that was left before this one with the reason, `boundary`
    the variance that lies at zero. `aic` and `bic` count covariance parameters, with ML the
    coefficients too, so that REML values compare only models with the same fixed effects.
    `coefficients` is a table of the fixed effects with their standard errors, `sigma` one of the
    covariance and correlation of each pair of visits (None where the model has none).

    >>> FittedModel(
    ...     "compound symmetry",
    ...     "REML",
    ...     "Kenward-Roger",
    ...     tried=(("unstructured", "It is singular."),),
    ... ).words
    'a compound symmetry covariance, REML and Kenward-Roger degrees of freedom'
    """

    covariance: str
    estimator: str
    df: str
    covariates: tuple[str, ...] = ()
    tried: tuple[tuple[str, str], ...] = ()
    boundary: str = ""
    loglik: float = nan
    aic: float = nan
    bic: float = nan
    #: Covariance, estimator and degrees of freedom in short, as a sentence has them in brackets.
    how: str = ""
    coefficients: pd.DataFrame | None = field(default=None, compare=False, repr=False)
    sigma: pd.DataFrame | None = field(default=None, compare=False, repr=False)

    @property
    def words(self) -> str:
        """Covariance, estimator and degrees of freedom, as a methods sentence says them."""
        own = self.covariance.removesuffix(", by arm")
        article = "an" if own[:1] in "aeiouAEIOU" else "a"
        each = " for each arm" if own != self.covariance else ""
        return (
            f"{article} {own} covariance{each}, {self.estimator} and {self.df} degrees of freedom"
        )

    @property
    def history(self) -> str:
        """What was tried before and why it was left, as sentences; empty where the first covariance
        was fitted.
        """
        if not self.tried:
            return ""
        names = listed([title for title, _ in self.tried])
        were = "was" if len(self.tried) == 1 else "were"
        reasons = " ".join(dict.fromkeys(why for _, why in self.tried))
        return f"The {names} covariance {were} tried before and could not be fitted: {reasons}"

    @property
    def criteria(self) -> str:
        """'AIC 102.3, BIC 108.1 (ML)', for comparing models of the same scores."""
        return f"AIC {number(self.aic, 1)}, BIC {number(self.bic, 1)} ({self.estimator})"

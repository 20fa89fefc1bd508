"""How well a fitted model fits, as the frame that the picture "diagnostics" draws.

Columns: `visit` (where there are several), `fitted`, `residual` (in points), `standardised` (in
units of its standard deviation under the model) and `leverage`. They are there to be looked at: no
question changes its method by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from outcomes.stats.mixed.mmrm import Predictions
from outcomes.stats.regression.linear import Fit


def checks_of_fit(fit: Fit, y: np.ndarray) -> dict[str, Callable[[], pd.DataFrame]]:
    """Of a linear model, what makes the frame of its internally standardised residuals and
    leverages; empty where none can be standardised.
    """
    if fit.df < 1 or not fit.sigma > 0:
        return {}
    return {"diagnostics": partial(_residuals, fit, y)}


def _residuals(fit: Fit, y: np.ndarray) -> pd.DataFrame:
    residual = fit.residuals
    columns = {
        "fitted": np.asarray(y, dtype=float) - residual,
        "residual": residual,
        "standardised": fit.standardised,
        "leverage": fit.leverage,
    }
    return pd.DataFrame(columns)


def checks_of_scores(
    found: Predictions, visits: Sequence[object] | np.ndarray[Any, Any] = (), *, origin: float = 0.0
) -> dict[str, pd.DataFrame]:
    """Of a mixed model: residuals from the marginal mean, scaled by the Cholesky factor of the
    fitted covariance. `visits` names the columns of the predictions (or each row, where they have
    no columns); `origin` is what was taken off the scores.
    """
    residual, at = found.residual, np.asarray(visits, dtype=object)
    if residual.ndim == 2:
        at = np.tile(at, len(residual))
    columns = {
        "fitted": found.mean.ravel() + origin,
        "residual": residual.ravel(),
        "standardised": found.scaled.ravel(),
        "leverage": found.leverage.ravel(),
    }
    frame = pd.DataFrame({**({"visit": at} if len(at) else {}), **columns})
    return {"diagnostics": frame[frame["residual"].notna()].reset_index(drop=True)}

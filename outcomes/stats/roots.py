"""Where a function crosses zero, by Brent's method of scipy."""

from __future__ import annotations

from collections.abc import Callable

_EPS = 2.0**-52


def root(
    f: Callable[[float], float],
    low: float,
    high: float,
    *,
    xtol: float = 2e-12,
    rtol: float = 4 * _EPS,
) -> float:
    """The point between `low` and `high` at which `f`, of opposite signs there, is zero.

    >>> round(root(lambda x: x * x - 2, 0, 2), 9)
    1.414213562
    """
    from scipy.optimize import brentq  # a quarter of a second, which the first <Tab> would pay

    return float(brentq(f, low, high, xtol=xtol, rtol=rtol))

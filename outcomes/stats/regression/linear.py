"""Linear models: a design of named columns, least squares, contrasts and adjusted means.

A design is a tuple of terms. Factors use treatment coding, their first level is the reference.
Every later family (logistic, ordinal, mixed models) reads `Design.matrix` and `Design.names`;
`Design.row` gives the row of a reference patient, from which adjusted means and contrasts follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from outcomes.core.contrast import Versus
from outcomes.core.errors import AnalysisError, unknown
from outcomes.core.estimate import NAN, Estimate
from outcomes.core.measure import Measure
from outcomes.stats.groups.means import FTest
from outcomes.stats.groups.studentized_range import tukey_critical, tukey_p
from outcomes.stats.multiplicity import adjust as adjusted_p
from outcomes.stats.wald import wald

Array = np.ndarray

#: A column repeats the columns before it when less than this share of its length is new (as in R's
#: `lm`).
TOLERANCE = 1e-7


@dataclass(frozen=True, eq=False)
class Term:
    """One variable of a design: its columns, their names, and the row of the reference patient.

    `levels` is empty for a number. The reference patient has the mean of a number and every level
    of a factor in equal parts, so that adjusted means do not depend on how many patients happened
    to be in each level.
    """

    name: str
    columns: Array
    names: tuple[str, ...]
    reference: Array
    levels: tuple[str, ...] = ()
    parts: tuple[Term, ...] = ()

    def row(self, given: Mapping[str, object]) -> Array:
        """The columns of one patient: what `given` says, else the reference."""
        if self.parts:
            first, second = (part.row(given) for part in self.parts)
            return np.outer(second, first).ravel()
        if self.name not in given:
            return self.reference
        value = given[self.name]
        if not self.levels:
            return np.array([float(value)])  # type: ignore[arg-type]
        if str(value) not in self.levels:
            raise AnalysisError(unknown(f"level of {self.name}", str(value), self.levels))
        return np.array([float(level == str(value)) for level in self.levels[1:]])


def numeric(name: str, values: Sequence[float] | Array, *, center: bool = False) -> Term:
    """A number as it is (`center=True`: less its mean). The reference patient has the mean.

    A number with two values (0/1, yes/no) is a factor in all but name: the reference patient has
    both in equal parts.
    """
    x = np.asarray(values, dtype=float)
    if center:
        x = x - x.mean()
    two = np.unique(x)
    middle = two.mean() if len(two) == 2 else x.mean() if len(x) else NAN
    return Term(name, x[:, None], (name,), np.array([middle]))


def factor(
    name: str, values: Sequence[object] | Array, *, reference: str = "", levels: Sequence[str] = ()
) -> Term:
    """A variable with levels, in treatment coding: one 0/1 column for every level but the reference
    (the first).

    >>> factor("route", ["IV", "PO", "IN"], reference="IV").names
    ('route[IN]', 'route[PO]')
    """
    distinct, made = np.unique(np.asarray(values).astype(str), return_inverse=True)
    words = distinct.tolist()
    there = list(levels) or words
    if reference:
        if reference not in there:
            raise AnalysisError(unknown(f"level of {name}", reference, there))
        there = [reference, *(level for level in there if level != reference)]
    place = np.array([there.index(w) if w in there else -1 for w in words], dtype=np.int64)
    return coded(name, place[made] if len(place) else made, there)


def coded(name: str, code: ArrayLike, levels: Sequence[str]) -> Term:
    """A variable with levels, given by the place of each row's level (0 is the reference).

    >>> coded("route", [0, 2, 1], ("IV", "IN", "PO")).columns.tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
    """
    places = np.asarray(code)[:, None] == np.arange(1, max(len(levels), 1))
    shares = np.full(max(0, len(levels) - 1), 1 / max(1, len(levels)))
    names = tuple(f"{name}[{v}]" for v in levels[1:])
    return Term(name, places.astype(float), names, shares, tuple(levels))


def interaction(first: Term, second: Term) -> Term:
    """The products of the columns of two terms."""
    pairs = [(i, j) for j in range(second.columns.shape[1]) for i in range(first.columns.shape[1])]
    columns = [first.columns[:, i] * second.columns[:, j] for i, j in pairs]
    names = tuple(f"{first.names[i]}:{second.names[j]}" for i, j in pairs)
    matrix = np.column_stack(columns) if columns else np.empty((len(first.columns), 0))
    return Term(
        f"{first.name}:{second.name}",
        matrix,
        names,
        np.outer(second.reference, first.reference).ravel(),
        parts=(first, second),
    )


@dataclass(frozen=True, eq=False)
class Design:
    """An intercept and the terms, as one matrix (patients × columns) with names.

    >>> d = Design(
    ...     (
    ...         factor("arm", ["placebo", "drug", "drug"], reference="placebo"),
    ...         numeric("before", [6, 7, 8]),
    ...     )
    ... )
    >>> d.names
    ('intercept', 'arm[drug]', 'before')
    >>> d.row(arm="drug")
    array([1., 1., 7.])
    """

    terms: tuple[Term, ...]

    @property
    def matrix(self) -> Array:
        """The columns, patients × (1 + columns of the terms)."""
        return np.column_stack(
            [np.ones(len(self.terms[0].columns)), *(t.columns for t in self.terms)]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column."""
        return ("intercept", *(name for t in self.terms for name in t.names))

    def row(self, **given: object) -> Array:
        """The row of a reference patient with these values: `row(arm="ketamine", before=6)`."""
        for name in given:
            if name not in [t.name for t in self.terms]:
                raise AnalysisError(unknown("term", name, [t.name for t in self.terms]))
        return np.concatenate([[1.0], *(t.row(given) for t in self.terms)])

    def columns_of(self, name: str) -> list[int]:
        """The positions of a term's columns."""
        start = 1
        for t in self.terms:
            if t.name == name:
                return list(range(start, start + len(t.names)))
            start += len(t.names)
        raise AnalysisError(unknown("term", name, [t.name for t in self.terms]))


def aliased_columns(matrix: Array) -> list[int]:
    """Columns that are a combination of the columns before them, left to right.

    >>> aliased_columns(np.array([[1.0, 0, 1], [1, 1, 2], [1, 0, 1]]))
    [2]
    """
    kept: list[int] = []
    basis = np.empty((len(matrix), 0))
    for j in range(matrix.shape[1]):
        x = matrix[:, j]
        rest = x - basis @ (basis.T @ x)
        rest = rest - basis @ (basis.T @ rest)
        size = np.linalg.norm(rest)
        if size > TOLERANCE * np.linalg.norm(x):
            kept.append(j)
            basis = np.column_stack([basis, rest / size])
    return [j for j in range(matrix.shape[1]) if j not in kept]


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear model fitted by least squares. Aliased coefficients are nan, and so is what depends
    on them.
    """

    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    df: int
    sigma: float
    r2: float
    residuals: Array
    leverage: Array
    se_kind: str
    aliased: tuple[str, ...]
    dependence: Array

    @property
    def standardised(self) -> Array:
        """Residuals over their own standard error, e / (s √(1 − h)); nan where a row is fitted
        exactly. As `rstandard` in R.
        """
        free = 1 - self.leverage
        spread = self.sigma * np.sqrt(np.where(free > 1e-10, free, NAN))
        return np.asarray(self.residuals / (spread if self.sigma > 0 else NAN), dtype=float)

    def contrast(
        self,
        row: Array,
        *,
        name: str = "",
        level: float = 0.95,
        group: str = "",
        unit: str = "",
        measure: Measure = Measure.UNSTATED,
    ) -> Estimate:
        """A combination of the coefficients with its t interval and test: estimate, se, t, df,
        p.
        """
        row = np.asarray(row, dtype=float)
        kept = ~np.isnan(self.coefficients)
        how = f"t with {self.df} residual df, {self.se_kind} standard error"
        if not kept.all() and not np.allclose(row[~kept], row[kept] @ self.dependence, atol=1e-8):
            return Estimate(
                name,
                NAN,
                level=level,
                unit=unit,
                how=how,
                reason="not_estimable",
                group=group,
                measure=measure,
            )
        value = float(row[kept] @ self.coefficients[kept])
        if self.df < 1:
            return Estimate(
                name,
                value,
                level=level,
                unit=unit,
                how=how,
                reason="too_few",
                group=group,
                measure=measure,
            )
        used = kept & (row != 0)
        variance = float(row[used] @ self.covariance[np.ix_(used, used)] @ row[used])
        if self.sigma == 0 or not variance > 0:
            reason = "not_estimable" if np.isnan(variance) else "zero_variance"
            return Estimate(
                name,
                value,
                level=level,
                df=self.df,
                se=variance,
                unit=unit,
                how=how,
                reason=reason,
                group=group,
                measure=measure,
            )
        return wald(
            name,
            value,
            variance**0.5,
            df=self.df,
            level=level,
            unit=unit,
            how=how,
            group=group,
            measure=measure,
        )

    def coefficient(self, name: str, *, level: float = 0.95) -> Estimate:
        """One coefficient by its name."""
        if name not in self.names:
            raise AnalysisError(unknown("coefficient", name, self.names))
        return self.contrast(
            np.eye(len(self.names))[self.names.index(name)], name=name, level=level
        )

    def wald(self, columns: Sequence[int]) -> FTest:
        """The joint F test that these coefficients are zero (aliased ones are left out and cost no
        df).
        """
        at = [j for j in columns if not np.isnan(self.coefficients[j])]
        if not at or self.df < 1 or self.sigma == 0:
            reason = "not_estimable" if not at else "too_few" if self.df < 1 else "zero_variance"
            return FTest(NAN, len(at), self.df, NAN, reason)
        b, v = self.coefficients[at], self.covariance[np.ix_(at, at)]
        return FTest.of(float(b @ np.linalg.solve(v, b)) / len(at), len(at), self.df)


def ols(
    design: Design | Array,
    y: Sequence[float] | Array,
    *,
    names: Sequence[str] = (),
    se: str = "classical",
) -> Fit:
    """Least squares of `y` (one number a patient) on a design.

    Formula: b = (X'X)⁻¹X'y by QR; covariance classical s²(X'X)⁻¹, or the sandwich
    (X'X)⁻¹X'diag(w)X(X'X)⁻¹ with w = e²/(1−h) (HC2) or e²/(1−h)² (HC3). Columns that repeat earlier
    columns are aliased: their coefficients are nan.

    Raises `AnalysisError` when the lengths differ or `se` is unknown.
    Source: MacKinnon & White 1985, J Econometrics 29:305, doi:10.1016/0304-4076(85)90158-7.

    >>> fit = ols(Design((numeric("x", [1, 2, 3, 4]),)), [1, 3, 2, 5])
    >>> e = fit.coefficient("x")
    >>> round(e.value, 6), round(e.p, 4)
    (1.1, 0.1685)
    """
    x = design.matrix if isinstance(design, Design) else np.asarray(design, dtype=float)
    names = (
        design.names
        if isinstance(design, Design)
        else tuple(names) or tuple(f"x{j}" for j in range(x.shape[1]))
    )
    y = np.asarray(y, dtype=float)
    if len(y) != len(x):
        raise AnalysisError(
            f"The design has {len(x)} rows and the outcome {len(y)}: one row a patient is needed in"
            " both."
        )
    gone = aliased_columns(x)
    kept = [j for j in range(x.shape[1]) if j not in gone]
    q, r = np.linalg.qr(x[:, kept])
    b = np.linalg.solve(r, q.T @ y)
    e = y - x[:, kept] @ b
    df = len(y) - len(kept)
    if float(e @ e) <= 1e-24 * max(1.0, float(y @ y)):
        e = np.zeros_like(y)
    rss = float(e @ e)
    sigma = (rss / df) ** 0.5 if df > 0 else NAN
    bread = np.linalg.inv(r)
    bread = bread @ bread.T
    leverage = (q**2).sum(axis=1)
    covariance = _covariance(se, x[:, kept], e, leverage, bread, sigma)
    full_b = np.full(len(names), NAN)
    full_b[kept] = b
    full_v = np.full((len(names), len(names)), NAN)
    full_v[np.ix_(kept, kept)] = covariance
    total = float(((y - y.mean()) ** 2).sum())
    dependence = (
        np.linalg.lstsq(x[:, kept], x[:, gone], rcond=None)[0] if gone else np.empty((len(kept), 0))
    )
    return Fit(
        tuple(names),
        full_b,
        full_v,
        df,
        sigma,
        1 - rss / total if total > 0 else NAN,
        e,
        leverage,
        se,
        tuple(names[j] for j in gone),
        dependence,
    )


def _covariance(se: str, x: Array, e: Array, leverage: Array, bread: Array, sigma: float) -> Array:
    if se == "classical":
        return sigma**2 * bread
    power = {"HC2": 1, "HC3": 2}
    if se not in power:
        raise AnalysisError(unknown("standard error", se, ["classical", *power]))
    # a patient alone in a level is fitted exactly: no say in the other coefficients, no spread to
    # judge its own by
    alone = leverage > 1 - 1e-10
    weight = np.where(alone, 0.0, e**2 / np.where(alone, 1.0, 1 - leverage) ** power[se])
    covariance = bread @ (x.T @ (x * weight[:, None])) @ bread
    own = (np.abs(bread @ x[alone].T) > 1e-9 * np.sqrt(np.diag(bread))[:, None]).any(axis=1)
    covariance[own, :] = covariance[:, own] = NAN
    return covariance


def adjusted_means(
    fit: Fit, design: Design, name: str, *, level: float = 0.95, unit: str = ""
) -> tuple[Estimate, ...]:
    """The mean outcome of each level of a factor, at the mean of every number and equal parts of
    every other factor.

    Without p: nobody asks whether a mean score is zero.

    Source: Searle, Speed & Milliken 1980, Am Stat 34:216, doi:10.1080/00031305.1980.10483031.
    """
    term = next((t for t in design.terms if t.name == name), None)
    if term is None or not term.levels:
        raise AnalysisError(unknown("factor", name, [t.name for t in design.terms if t.levels]))
    rows = (
        fit.contrast(
            design.row(**{name: v}),
            name="adjusted mean",
            level=level,
            group=v,
            unit=unit,
            measure=Measure.LEVEL,
        )
        for v in term.levels
    )
    return tuple(replace(e, p=NAN, statistic=NAN) for e in rows)


def pairwise(
    fit: Fit,
    design: Design,
    name: str,
    *,
    adjust: str = "tukey",
    level: float = 0.95,
    unit: str = "",
) -> tuple[Estimate, ...]:
    """All differences between the adjusted means of a factor, later level − earlier level.

    `adjust`: "tukey" (simultaneous intervals and p from the studentized range), "holm" (adjusted p,
    the intervals are one at a time) or "" (none). `p` is always the raw one, `p_adjusted` the
    adjusted one. Source: Tukey 1953; Kramer 1956, Biometrics 12:307; Holm 1979, Scand J Stat 6:65.
    """
    if adjust not in ("tukey", "holm", ""):
        raise AnalysisError(unknown("adjustment", adjust, ["tukey", "holm"]))
    levels = next(t.levels for t in design.terms if t.name == name)
    pairs = [(a, b) for i, a in enumerate(levels) for b in levels[i + 1 :]]
    raw = [
        fit.contrast(
            design.row(**{name: b}) - design.row(**{name: a}),
            name="adjusted difference",
            level=level,
            group=Versus.of(b, a),
            unit=unit,
            measure=Measure.DIFFERENCE,
        )
        for a, b in pairs
    ]
    if adjust == "holm":
        return tuple(
            replace(e, p_adjusted=p)
            for e, p in zip(raw, adjusted_p([e.p for e in raw]), strict=True)
        )
    if adjust == "" or len(levels) < 3:
        return tuple(raw)
    half = tukey_critical(level, len(levels), fit.df) / 2**0.5
    return tuple(
        replace(
            e,
            p_adjusted=tukey_p(2**0.5 * abs(e.statistic), len(levels), fit.df),
            low=e.value - half * e.se,
            high=e.value + half * e.se,
            how=e.how + ", Tukey simultaneous interval",
        )
        for e in raw
    )

"""Covariance structures over visits, with analytic first and second derivatives.

A structure turns its parameters into the covariance of a patient's scores at all visits. `linear`
says whether the covariance is linear in them (then the second derivatives are zero).
Heterogeneous structures (a standard deviation for each visit) are written as sd_j sd_l R_jl with
the log standard deviations first and the correlation parameters after them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outcomes.core.errors import AnalysisError, unknown

Array = NDArray[np.float64]
#: A correlation (M, M) with its first (q, M, M) and second (q, q, M, M) derivatives.
Correlation = tuple[Array, Array, Array]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Covariances (groups, M, M), first derivatives (q, groups, M, M), second (q, q, groups, M, M)
    or None where zero.
    """

    sigma: Array
    first: Array
    second: Array | None = None


@dataclass(frozen=True, eq=False)
class Linear:
    """A covariance that is a weighted sum of known matrices: sum over a of theta_a B_a."""

    title: str
    bases: Array
    names: tuple[str, ...]
    random: Array | None = None
    #: Whether every pair of visits has a covariance of its own.
    unstructured: bool = False
    linear: bool = field(default=True, init=False)

    def __call__(self, theta: Array) -> Evaluated:
        return Evaluated(np.tensordot(theta, self.bases, 1)[None], self.bases[:, None])

    def start(self, moments: Array) -> Array:
        """Least squares on a moment estimate (M, M) that is positive definite; shrunk to its
        diagonal until positive definite.
        """
        flat = self.bases.reshape(len(self.bases), -1).T
        for share in (1.0, 0.9, 0.5, 0.1):
            target = share * moments + (1 - share) * np.diag(np.diag(moments))
            theta = np.asarray(np.linalg.lstsq(flat, target.ravel(), rcond=None)[0], dtype=float)
            if self.random is not None:
                theta = _inside(
                    theta, self.random.shape[1], self.names, float(np.trace(moments)) / len(moments)
                )
            if _positive(np.tensordot(theta, self.bases, 1)):
                return theta
        plain = np.eye(len(moments)).ravel() * np.trace(moments) / len(moments)
        return np.asarray(np.linalg.lstsq(flat, plain, rcond=None)[0], dtype=float)

    def faces(self) -> list[Structure]:
        """The boundary of a random-effects covariance: each variance zero in turn, or correlated
        effects of lower rank, down to none.
        """
        assert self.random is not None
        k, z = self.random.shape[1], self.random
        variances = [
            i
            for i, n in enumerate(self.names)
            if n == "nested" or (n[:2] == "G_" and n[2:].split("_")[0] == n.split("_")[2])
        ]
        correlated = len([n for n in self.names if n[:2] == "G_"]) > k
        out: list[Structure] = []
        for i in variances:
            if self.names[i] != "nested" and correlated:
                continue
            rest = z if self.names[i] == "nested" else np.delete(z, i, axis=1)
            names = (
                (*(f"G_{a + 1}_{a + 1}" for a in range(rest.shape[1])),)
                if not correlated
                else self.names[: k * (k + 1) // 2]
            )
            tail = tuple(n for j, n in enumerate(self.names) if j != i and n[:2] != "G_")
            keep = [j for j in range(len(self.names)) if j != i]
            out.append(Linear(self.title, self.bases[keep], names + tail, random=rest))
        if correlated:
            out += [self.factor(rank) for rank in range(k - 1, 0, -1)]
            fixed = [j for j, n in enumerate(self.names) if n[:2] != "G_"]
            named = tuple(self.names[j] for j in fixed)
            out.append(Linear(self.title, self.bases[fixed], named, random=z[:, :0]))
        return out

    def factor(self, rank: int | None = None) -> Factor:
        """The same random effects as Z L L' Z', L of this rank (full): always inside the cone."""
        assert self.random is not None
        rank = self.random.shape[1] if rank is None else rank
        cells = [(a, b) for b in range(rank) for a in range(b, self.random.shape[1])]
        nested = [j for j, n in enumerate(self.names) if n == "nested"]
        rest = (*(self.names[j] for j in nested), "sigma2")
        names = (*(f"L_{a + 1}_{b + 1}" for a, b in cells), *rest)
        return Factor(self.title, self.random, rank, names, self.bases[nested])

    def of_factor(self, theta: Array) -> Array:
        """The parameters of this covariance where those of its `factor` of full rank are theta."""
        assert self.random is not None
        k = self.random.shape[1]
        lower = np.zeros((k, k))
        cells = [(a, b) for b in range(k) for a in range(b, k)]
        lower[tuple(np.transpose(cells))] = theta[: len(cells)]
        g = lower @ lower.T
        return np.array([*(g[a, b] for a in range(k) for b in range(a, k)), *theta[len(cells) :]])


@dataclass(frozen=True, eq=False)
class Heterogeneous:
    """sd_j sd_l R_jl: log standard deviations (one for each visit, or one for all), then the
    parameters of the correlation.
    """

    title: str
    correlation: Callable[[Array], Correlation]
    guess: Callable[[Array], Array]
    spread: Array
    names: tuple[str, ...]
    linear: bool = field(default=False, init=False)

    def __call__(self, theta: Array) -> Evaluated:
        n_sd = self.spread.shape[1]
        log_sd = self.spread @ theta[:n_sd]
        r, r1, r2 = self.correlation(theta[n_sd:])
        scale = np.exp(log_sd[:, None] + log_sd[None, :])
        both = (self.spread[:, None, :] + self.spread[None, :, :]).transpose(2, 0, 1)
        sigma = scale * r
        q, m = len(theta), len(log_sd)
        first = np.concatenate([sigma * both, scale * r1])
        second = np.empty((q, q, m, m))
        second[:n_sd, :n_sd] = sigma * both[:, None] * both[None, :]
        second[:n_sd, n_sd:] = scale * both[:, None] * r1[None, :]
        second[n_sd:, :n_sd] = second[:n_sd, n_sd:].transpose(1, 0, 2, 3)
        second[n_sd:, n_sd:] = scale * r2
        return Evaluated(sigma[None], first[:, None], second[:, :, None])

    def start(self, moments: Array) -> Array:
        """Moment standard deviations and correlations; the correlations shrunk until the covariance
        is positive definite.
        """
        sd = np.sqrt(np.diag(moments))
        log_sd = np.linalg.lstsq(self.spread, np.log(sd), rcond=None)[0]
        guess = self.guess(moments / np.outer(sd, sd))
        for share in (0.95, 0.8, 0.5, 0.2, 0.0):
            theta = np.r_[log_sd, share * guess]
            if _positive(self(theta).sigma[0]):
                return theta
        raise AnalysisError(f"No start was found for the {self.title} covariance.")


@dataclass(frozen=True, eq=False)
class Factor:
    """Random effects as Z L L' Z' + sigma2 I, L (effects, rank) lower triangular; of reduced rank,
    the face of a fit at the boundary. `bases` are further matrices with a variance each (effects
    nested in the patient).
    """

    title: str
    random: Array
    rank: int
    names: tuple[str, ...]
    bases: Array = field(default_factory=lambda: np.empty((0, 0, 0)))
    linear: bool = field(default=False, init=False)

    def lower(self, theta: Array) -> Array:
        """L (effects, rank)."""
        found = np.zeros((self.random.shape[1], self.rank))
        for value, cell in zip(theta, self._cells()):
            found[cell] = value
        return found

    def _cells(self) -> list[tuple[int, int]]:
        return [(a, b) for b in range(self.rank) for a in range(b, self.random.shape[1])]

    def __call__(self, theta: Array) -> Evaluated:
        m, cells = len(self.random), self._cells()
        half = self.random @ self.lower(theta)
        sigma = half @ half.T + theta[-1] * np.eye(m)
        q = len(theta)
        first, second = np.zeros((q, m, m)), np.zeros((q, q, m, m))
        for i, (a, b) in enumerate(cells):
            outer = np.outer(self.random[:, a], half[:, b])
            first[i] = outer + outer.T
            for j, (c, d) in enumerate(cells):
                if b == d:
                    outer = np.outer(self.random[:, a], self.random[:, c])
                    second[i, j] = outer + outer.T
        for i, base in enumerate(self.bases, len(cells)):
            sigma, first[i] = sigma + theta[i] * base, base
        first[-1] = np.eye(m)
        return Evaluated(sigma[None], first[:, None], second[:, :, None])

    def start(self, moments: Array) -> Array:
        """Half the variance in the first random effect, half in the residual."""
        v = float(np.trace(moments)) / len(moments)
        scale = np.sqrt(np.mean(self.random**2, axis=0))
        theta = [np.sqrt(v / 2) / scale[a] * (1.0 if a == b else 0.3) for a, b in self._cells()]
        rest = len(self.bases) + 1
        return np.array([*theta, *[v / 2 / rest] * rest])


@dataclass(frozen=True, eq=False)
class ByGroup:
    """The same structure with its own parameters in each group of patients (arm)."""

    structure: Structure
    groups: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.structure.title}, by arm"

    @property
    def linear(self) -> bool:
        return self.structure.linear

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{n} | {g}" for g in self.groups for n in self.structure.names)

    def __call__(self, theta: Array) -> Evaluated:
        parts = [self.structure(part) for part in np.split(theta, len(self.groups))]
        q, n_groups, m = len(self.structure.names), len(parts), parts[0].sigma.shape[-1]
        first = np.zeros((q * n_groups, n_groups, m, m))
        second = None if self.linear else np.zeros((q * n_groups, q * n_groups, n_groups, m, m))
        for g, part in enumerate(parts):
            own = slice(g * q, (g + 1) * q)
            first[own, g] = part.first[:, 0]
            if second is not None and part.second is not None:
                second[own, own, g] = part.second[:, :, 0]
        return Evaluated(np.concatenate([part.sigma for part in parts]), first, second)

    def start(self, moments: Array) -> Array:
        """The same start for every group."""
        return np.tile(self.structure.start(moments), len(self.groups))


Structure = Linear | Heterogeneous | Factor | ByGroup


def _positive(sigma: Array) -> bool:
    try:
        np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        return False
    return True


def _inside(theta: Array, k: int, names: tuple[str, ...], variance: float) -> Array:
    """A start inside the cone of the random effects: if the moments' is not, a small diagonal
    one.
    """
    g = random_covariance(theta, k, names)
    others = [v for v, n in zip(theta, names) if n in ("nested", "sigma2")]
    if min(others) > 0 and (k == 0 or np.linalg.eigvalsh(g).min() > 0):
        return theta
    out = np.zeros(len(theta))
    for i, name in enumerate(names):
        if name in ("nested", "sigma2"):
            out[i] = variance / 2
        elif name.split("_")[1] == name.split("_")[2]:
            a = int(name.split("_")[1]) - 1
            out[i] = max(abs(g[a, a]), 1e-3 * variance) / 2
    return out


def random_covariance(theta: Array, k: int, names: tuple[str, ...]) -> Array:
    """The covariance (k, k) of the random effects, from parameters named G_a_b."""
    g = np.zeros((k, k))
    for value, name in zip(theta, names):
        if name.startswith("G_"):
            a, b = (int(part) - 1 for part in name.split("_")[1:])
            g[a, b] = g[b, a] = value
    return g


def components(structure: Structure, theta: Array, effects: int) -> tuple[Array, float, float]:
    """The covariance (effects, effects) of correlated random effects, the variance of effects
    nested in the patient and that of the rest, wherever the fit lies; 0 at a boundary.
    """
    named = dict(zip(getattr(structure, "names", ()), theta, strict=True))
    if isinstance(structure, Factor):
        lower = structure.lower(theta)
        g = lower @ lower.T
    else:
        g = random_covariance(theta, effects, tuple(named))
    return g, float(named.get("nested", 0.0)), float(named["sigma2"])


def _lagged(m: int) -> NDArray[np.int64]:
    return np.abs(np.subtract.outer(np.arange(m), np.arange(m)))


def _mean_at(r: Array, where: NDArray[np.bool_]) -> float:
    return float(np.mean(r[where])) if where.any() else 0.0


def _ar1(
    m: int,
) -> tuple[Callable[[Array], Correlation], Callable[[Array], Array], tuple[str, ...]]:
    lag = _lagged(m)

    def correlation(phi: Array) -> Correlation:
        rho = float(phi[0])
        first = np.where(lag > 0, lag * rho ** np.maximum(lag - 1, 0), 0.0)
        second = np.where(lag > 1, lag * (lag - 1) * rho ** np.maximum(lag - 2, 0), 0.0)
        return (
            np.asarray(_if_below_one(rho) * rho**lag, dtype=float),
            first[None],
            second[None, None],
        )

    return correlation, lambda r: np.array([_mean_at(r, lag == 1)]), ("rho",)


def _if_below_one(rho: float) -> float:
    """1, or nan for a correlation outside (-1, 1), which no Cholesky factor survives."""
    return 1.0 if abs(rho) < 1 else float("nan")


def _cs(m: int) -> tuple[Callable[[Array], Correlation], Callable[[Array], Array], tuple[str, ...]]:
    off = 1.0 - np.eye(m)

    def correlation(phi: Array) -> Correlation:
        return np.eye(m) + float(phi[0]) * off, off[None], np.zeros((1, 1, m, m))

    return correlation, lambda r: np.array([_mean_at(r, off > 0)]), ("rho",)


def _toeplitz(
    m: int,
) -> tuple[Callable[[Array], Correlation], Callable[[Array], Array], tuple[str, ...]]:
    lag = _lagged(m)
    bands = np.array([lag == h for h in range(1, m)], dtype=float).reshape(m - 1, m, m)

    def correlation(phi: Array) -> Correlation:
        return np.eye(m) + np.tensordot(phi, bands, 1), bands, np.zeros((m - 1, m - 1, m, m))

    guess = lambda r: np.array([_mean_at(r, lag == h) for h in range(1, m)])  # noqa: E731
    return correlation, guess, tuple(f"rho_{h}" for h in range(1, m))


def _ante(
    m: int,
) -> tuple[Callable[[Array], Correlation], Callable[[Array], Array], tuple[str, ...]]:
    spans = [(j, k) for j in range(m) for k in range(j + 1, m)]

    def correlation(phi: Array) -> Correlation:
        r, first, second = np.eye(m), np.zeros((m - 1, m, m)), np.zeros((m - 1, m - 1, m, m))
        for j, k in spans:
            steps = range(j, k)
            r[j, k] = r[k, j] = np.prod(phi[j:k]) * _if_below_one(float(np.abs(phi[j:k]).max()))
            for s in steps:
                first[s, j, k] = first[s, k, j] = np.prod([phi[t] for t in steps if t != s])
                for u in steps:
                    if u != s:
                        second[s, u, j, k] = second[s, u, k, j] = np.prod(
                            [phi[t] for t in steps if t not in (s, u)]
                        )
        return r, first, second

    return (
        correlation,
        lambda r: np.diag(r, 1).copy(),
        tuple(f"rho_{j}_{j + 1}" for j in range(1, m)),
    )


def _unstructured(m: int) -> Linear:
    cells = [(j, k) for j in range(m) for k in range(j, m)]
    bases = np.zeros((len(cells), m, m))
    for i, (j, k) in enumerate(cells):
        bases[i, j, k] = bases[i, k, j] = 1.0
    return Linear(
        "unstructured", bases, tuple(f"Sigma_{j + 1}_{k + 1}" for j, k in cells), None, True
    )


_CORRELATIONS = {"toeplitz": _toeplitz, "ar1": _ar1, "cs": _cs}
#: Names of the covariance structures, and how a sentence calls them.
STRUCTURES = {
    "us": "unstructured",
    "toeph": "heterogeneous Toeplitz",
    "ar1h": "heterogeneous AR(1)",
    "csh": "heterogeneous compound symmetry",
    "ante": "heterogeneous ante-dependence",
    "ad": "ante-dependence",
    "toep": "Toeplitz",
    "ar1": "AR(1)",
    "cs": "compound symmetry",
}


def structure(name: str, n_visits: int) -> Structure:
    """The covariance structure of this name for so many visits.

    "us" unstructured, "toeph" / "ar1h" / "csh" heterogeneous Toeplitz / first-order autoregressive
    / compound symmetry, "ante" heterogeneous ante-dependence of order one (each visit has its own
    correlation with the next; further apart they multiply: SAS ANTE(1)), "toep", "ar1", "cs" and
    "ad" the same with one variance.

    Sources: Gabriel 1962, Ann Math Stat 33:201; SAS/STAT, the MIXED procedure, REPEATED TYPE=.

    >>> structure("us", 3).names[:2], structure("ar1h", 3).names
    (('Sigma_1_1', 'Sigma_1_2'), ('log sd 1', 'log sd 2', 'log sd 3', 'rho'))
    """
    if name not in STRUCTURES:
        called = next((k for k, title in STRUCTURES.items() if title == name.lower()), "")
        hint = f" {name.capitalize()} covariance is called '{called}'." if called else ""
        raise AnalysisError(unknown("covariance", name, STRUCTURES) + hint)
    if name == "us" or n_visits == 1:
        return _unstructured(n_visits)
    if name in ("ante", "ad"):
        built, each = _ante(n_visits), name == "ante"
    else:
        each = name.endswith("h")
        built = _CORRELATIONS[
            {"toep": "toeplitz", "ar1": "ar1", "cs": "cs"}[name.removesuffix("h")]
        ](n_visits)
    correlation, guess, names = built
    spread = np.eye(n_visits) if each else np.ones((n_visits, 1))
    sds = tuple(f"log sd {j + 1}" for j in range(n_visits)) if each else ("log sd",)
    return Heterogeneous(STRUCTURES[name], correlation, guess, spread, sds + names)


def random_effects(
    columns: ArrayLike, *, correlated: bool = True, title: str = "random effects"
) -> Linear:
    """Covariance Z G Z' + sigma2 I of random effects with known columns Z (visits, effects):
    intercept, time, phase ...

    >>> random_effects([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]).names
    ('G_1_1', 'G_1_2', 'G_2_2', 'sigma2')
    """
    z = np.asarray(columns, dtype=float)
    m, k = z.shape
    cells = [(a, b) for a in range(k) for b in range(a, k) if correlated or a == b]
    outers = [np.outer(z[:, a], z[:, b]) for a, b in cells]
    bases = [o if a == b else o + o.T for o, (a, b) in zip(outers, cells)]
    names = tuple(f"G_{a + 1}_{b + 1}" for a, b in cells)
    return Linear(title, np.array([*bases, np.eye(m)]), (*names, "sigma2"), random=z)

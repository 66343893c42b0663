"""Distribution functions of coordinates and norms of noise, written down without the library.

Closed forms come from `scipy.special`; where there is none, an mpmath quadrature on a grid. `Law`
gives, for a density written as text, the distribution function of a coordinate and that of a norm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
from scipy.special import betainc, expit, gammainc, gammaincc, ndtr, stdtr

DIM = 3


@dataclass(frozen=True)
class Law:
    """A density in dimension DIM and what is known about it.

    `coordinate` is the distribution function of every coordinate (or one per coordinate), `radius`
    that of the norm of order `order`; either may be None. `exchangeable` says that coordinates may
    be permuted and their signs changed.
    """

    psi: str
    coordinate: Callable | tuple[Callable, ...] | None
    radius: Callable | None = None
    order: float = np.inf
    support: str | None = None
    exchangeable: bool = True


def symmetric(inside: Callable) -> Callable:
    """Distribution function of X from P[|X| <= c]."""
    return lambda x: 0.5 + 0.5 * np.sign(x) * inside(np.abs(x))


def by_quadrature(log_density: Callable, grid: np.ndarray) -> Callable:
    """Distribution function at the points of a grid only, which must hold all of the mass.

    mpmath integrates between neighbouring points; the result is a step function of the grid, so
    callers evaluate it on the grid (see `ks_on_grid`).
    """
    pieces = [
        float(mpmath.quad(lambda t: mpmath.exp(log_density(t)), [a, b], maxdegree=5))
        for a, b in zip(grid[:-1], grid[1:], strict=True)
    ]
    values = np.append(0.0, np.cumsum(pieces)) / np.sum(pieces)

    def cdf(x):
        return values[np.searchsorted(grid, x)]

    cdf.grid = grid
    return cdf


def laplace(rate: float = 1.0) -> Callable:
    return symmetric(lambda c: -np.expm1(-rate * c))


def gamma_norm(shape: float, power: float = 1.0, rate: float = 1.0) -> Callable:
    """Norm r with density r^(shape * power - 1) exp(-rate r^power)."""
    return lambda r: gammainc(shape, rate * r**power)


def _cubic_exponential(c):
    # r = ||x||_oo ~ Gamma(d). Given r a coordinate is uniform on [-r, r] with probability 1 - 1/d,
    # else +-r: P[|x| <= c] = P[r <= c] + c / d P[Gamma(d - 1) > c].
    return gammainc(DIM, c) + c / DIM * gammaincc(DIM - 1, c)


def _cap(c):
    # Ball: x^2 ~ Beta(1/2, (d + 1)/2).
    return betainc(0.5, (DIM + 1) / 2, np.minimum(c, 1.0) ** 2)


def _hole(x):
    # t^2 exp(-t^2/2): integrate by parts.
    return ndtr(x) - x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _asymmetric(x):
    # Density 3/4 exp(3 x) below 0 and 3/4 exp(-x) above.
    return np.where(x < 0, np.exp(3 * np.minimum(x, 0)) / 4, 1 - 0.75 * np.exp(-np.maximum(x, 0)))


def _chi(r):
    return gammainc(DIM / 2, r**2 / 2)


PRODUCTS = {
    "gaussian": Law("norm(x, 2)**2/2", ndtr, _chi, 2),
    "laplace": Law("norm(x, 1)", laplace(), gamma_norm(DIM), 1),
    "logistic": Law("coordinate_sum(2*log(cosh(t/2)))", expit),
    "Student": Law("coordinate_sum(2*log(1 + t**2/3))", lambda x: stdtr(3, x)),
    "Cauchy": Law("coordinate_sum(log(1 + t**2))", lambda x: 0.5 + np.arctan(x) / np.pi),
    "Pareto 1/2": Law(
        "coordinate_sum(3*log(1 + abs(t))/2)", symmetric(lambda c: 1 - (1 + c) ** -0.5)
    ),
    "exp(-sqrt)": Law(
        "coordinate_sum(sqrt(abs(t)))",
        symmetric(lambda c: gammainc(2, np.sqrt(c))),
        gamma_norm(2 * DIM, 0.5),
        0.5,
    ),
    "pole": Law("coordinate_sum(log(abs(t))/2 + abs(t))", symmetric(lambda c: gammainc(0.5, c))),
    "half line": Law(
        "coordinate_sum(t)", lambda x: -np.expm1(-x), gamma_norm(DIM), 1, "x >= 0", False
    ),
    "asymmetric Laplace": Law("coordinate_sum(2*abs(t) - t)", _asymmetric, exchangeable=False),
    "zero inside": Law("coordinate_sum(t**2/2 - 2*log(abs(t)))", _hole),
    "mixture": Law(
        "coordinate_sum(-log(exp(-(t - 2)**2/2) + exp(-(t + 2)**2/2)/3))",
        lambda x: 0.75 * ndtr(x - 2) + 0.25 * ndtr(x + 2),
        exchangeable=False,
    ),
    "cut Gaussian": Law(
        "norm(x, 2)**2/2",
        lambda x: (ndtr(x) - ndtr(-1)) / (ndtr(1) - ndtr(-1)),
        support="norm(x, oo) <= 1",
    ),
    "quartic": Law(
        "coordinate_sum(t**4 + t**2 - t)",
        by_quadrature(lambda t: -(t**4) - t**2 + t, np.linspace(-3, 3, 61)),
        exchangeable=False,
    ),
    "weighted": Law(
        "coordinate_sum(abs(t), weights=(1, 2, 1))",
        (laplace(), laplace(2.0), laplace()),
        exchangeable=False,
    ),
    "unequal": Law(
        "x[0]**2/2 + abs(x[1]) + log(1 + x[2]**2)",
        (ndtr, laplace(), lambda x: 0.5 + np.arctan(x) / np.pi),
        exchangeable=False,
    ),
}

_RADII = np.append(1e-9, np.linspace(0.1, 6, 60))

RADIALS = {
    "exp linf": Law("norm(x, oo)", symmetric(_cubic_exponential), gamma_norm(DIM)),
    "exp linf 2 1": Law("norm(x, oo)**2 + log(norm(x, oo))", None, gamma_norm((DIM - 1) / 2, 2)),
    "exp l2": Law("norm(x, 2)", None, gamma_norm(DIM), 2),
    "exp l1 2": Law("norm(x, 1)**2", None, gamma_norm(DIM / 2, 2), 1),
    "Student l2": Law(  # 2 a = d + 3 degrees of freedom 3, coordinates t / sqrt(3)
        "3*log(1 + norm(x, 2)**2)", lambda x: stdtr(3, np.sqrt(3) * x), None
    ),
    "power linf": Law(  # r / (1 + r) ~ Beta(d, a - d)
        "7*log(1 + norm(x, oo))/2", None, lambda r: betainc(DIM, 0.5, r / (1 + r))
    ),
    **{
        f"r + r^2 in l{order}": Law(
            f"norm(x, {name}) + norm(x, {name})**2",
            None,
            by_quadrature(
                lambda r: (DIM - 1) * mpmath.log(r) - r - r**2,
                _RADII,
            ),
            order,
        )
        for order, name in ((1, "1"), (2, "2"), (np.inf, "oo"))
    },
}

UNIFORMS = {
    "cube": Law("0", lambda x: (1 + x) / 2, lambda r: r**DIM, support="norm(x, oo) <= 1"),
    "ball": Law("0", symmetric(_cap), lambda r: r**DIM, 2, support="norm(x, 2) <= 1"),
    "cross polytope": Law(
        "0",
        symmetric(lambda c: 1 - (1 - np.minimum(c, 1)) ** DIM),
        lambda r: r**DIM,
        1,
        support="norm(x, 1) <= 1",
    ),
}


def mixed(profile: Callable, phi: Callable, end: float) -> tuple[Callable, Callable]:
    """Distribution functions of a coordinate and of the maximum, on a fine grid of (0, end).

    Trapezoids in y^2 = m: profiles like log m leave an integrable density there. The grid has
    2e5 points; its error, below 1e-6, is nothing against a Kolmogorov–Smirnov distance.
    """
    m = np.linspace(0, np.sqrt(end), 200_001)[1:] ** 2
    inner = _cumulative(np.exp(-phi(m)), m)
    density = np.exp(-profile(m) - phi(m)) * inner ** (DIM - 1)
    total = _cumulative(density, m)
    maximum = total / total[-1]
    # P[|x| <= c] = P[M <= c] + (1 - 1/d) I(c) E[1 / I(M); M > c]
    rest = _cumulative(density / inner, m)
    inside = maximum + (1 - 1 / DIM) * inner * (rest[-1] - rest) / total[-1]
    return symmetric(lambda c: np.interp(c, m, inside)), lambda r: np.interp(r, m, maximum)


def _cumulative(values: np.ndarray, m: np.ndarray) -> np.ndarray:
    steps = np.diff(m) * (values[1:] + values[:-1]) / 2
    return np.append(0.0, np.cumsum(steps)) + values[0] * m[0]


def _mixed_law(psi: str, profile: Callable, phi: Callable, end: float) -> Law:
    return Law(psi, *mixed(profile, phi, end))


MIXED = {
    "normal": _mixed_law("log(norm(x, oo)) + norm(x, 2)**2/2", np.log, lambda t: t**2 / 2, 12),
    "kink": _mixed_law(
        "5*abs(norm(x, oo) - 7/3) + norm(x, 1)", lambda m: 5 * abs(m - 7 / 3), np.abs, 12
    ),
    "not integrable without the maximum": _mixed_law(
        "norm(x, oo)**4 - norm(x, 2)**2", lambda m: m**4, lambda t: -(t**2), 4
    ),
    "heavy": _mixed_law(
        "3*log(1 + norm(x, oo)) + coordinate_sum(2*log(1 + t**2))",
        lambda m: 3 * np.log1p(m),
        lambda t: 2 * np.log1p(t**2),
        3000,
    ),
}

"""Named smoothing densities; each is nothing but a psi.

No other module needs this one: `SmoothingDistribution` takes any psi, and engines see structures,
never names. Every function takes `scale` or `sigma` (noise per coordinate), scale 1 by default.
"""

from __future__ import annotations

from typing import Any

import sympy

from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import coordinate_sum, exact, norm, t, x

__all__ = [
    "exp_l1",
    "exp_l2",
    "exp_linf",
    "exp_lp",
    "gaussian",
    "laplace",
    "mixed_linf_l2",
    "pareto",
    "power_l2",
    "power_linf",
    "uniform_ball",
    "uniform_cube",
]


def gaussian(
    dim: int, *, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Gaussian, exp(-||x||_2^2 / 2).

    Examples
    --------
    >>> gaussian(dim=3072, sigma=0.5).scale
    0.5
    """
    return SmoothingDistribution(norm(x, 2) ** 2 / 2, dim=dim, scale=scale, sigma=sigma)


def laplace(
    dim: int, *, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Laplace, exp(-||x||_1)."""
    return SmoothingDistribution(norm(x, 1), dim=dim, scale=scale, sigma=sigma)


def exp_lp(
    dim: int, *, p: Any, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Generalised Gaussian with independent coordinates, exp(-sum |x_i|^p), p > 0."""
    power = exact(p, name="p")
    psi = coordinate_sum(sympy.Abs(t) ** power)
    return SmoothingDistribution(psi, dim=dim, scale=scale, sigma=sigma)


def uniform_cube(
    dim: int, *, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Uniform on the cube [-1, 1]^dim."""
    return SmoothingDistribution(
        0, dim=dim, support=norm(x, sympy.oo) <= 1, scale=scale, sigma=sigma
    )


def uniform_ball(
    dim: int, *, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Uniform on the Euclidean unit ball."""
    return SmoothingDistribution(0, dim=dim, support=norm(x, 2) <= 1, scale=scale, sigma=sigma)


def exp_linf(
    dim: int, *, k: Any = 1, j: Any = 0, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """||x||_oo^-j exp(-||x||_oo^k)."""
    return SmoothingDistribution(_exp(sympy.oo, k, j), dim=dim, scale=scale, sigma=sigma)


def exp_l2(
    dim: int, *, k: Any = 1, j: Any = 0, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """||x||_2^-j exp(-||x||_2^k)."""
    return SmoothingDistribution(_exp(2, k, j), dim=dim, scale=scale, sigma=sigma)


def exp_l1(
    dim: int, *, k: Any = 1, j: Any = 0, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """||x||_1^-j exp(-||x||_1^k)."""
    return SmoothingDistribution(_exp(1, k, j), dim=dim, scale=scale, sigma=sigma)


def power_linf(
    dim: int, *, a: Any, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """(1 + ||x||_oo)^-a, a > dim."""
    psi = exact(a, name="a") * sympy.log(1 + norm(x, sympy.oo))
    return SmoothingDistribution(psi, dim=dim, scale=scale, sigma=sigma)


def power_l2(
    dim: int, *, k: Any = 2, a: Any, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """(1 + ||x||_2^k)^-a, a > dim / k."""
    psi = exact(a, name="a") * sympy.log(1 + norm(x, 2) ** exact(k, name="k"))
    return SmoothingDistribution(psi, dim=dim, scale=scale, sigma=sigma)


def pareto(
    dim: int, *, a: Any, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """Symmetric Pareto coordinates, prod (1 + |x_i|)^-(a + 1), a > 0."""
    psi = coordinate_sum((exact(a, name="a") + 1) * sympy.log(1 + sympy.Abs(t)))
    return SmoothingDistribution(psi, dim=dim, scale=scale, sigma=sigma)


def mixed_linf_l2(
    dim: int, *, k: Any, scale: float | None = None, sigma: float | None = None
) -> SmoothingDistribution:
    """||x||_oo^-k exp(-||x||_2^2 / 2)."""
    psi = exact(k, name="k") * sympy.log(norm(x, sympy.oo)) + norm(x, 2) ** 2 / 2
    return SmoothingDistribution(psi, dim=dim, scale=scale, sigma=sigma)


def _exp(order: Any, k: Any, j: Any) -> sympy.Expr:
    radius = norm(x, order)
    return radius ** exact(k, name="k") + exact(j, name="j") * sympy.log(radius)

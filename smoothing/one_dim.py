"""Laws of a single coordinate and of the radius, resolved on panels with relative accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from numerics.ball import BallFunction
from numerics.branches import SmoothBranch, smooth_branches
from numerics.centres import centres
from numerics.errors import AssumptionError
from numerics.legendre import legendre_rule
from numerics.panels import HalfBranch, PanelDensity, build_panels
from smoothing.structure import COORDINATE, RADIUS, Marginal, PolytopeRadial, Radial

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "OneDimDensity",
    "half_branches",
    "marginal_branches",
    "marginal_density",
    "radius_branches",
    "radius_density",
]

Array = NDArray[np.float64]

_OFFSET = sympy.Symbol("y", positive=True)


@dataclass(frozen=True)
class OneDimDensity:
    """A density on the line as panels, with its distribution function and quantiles.

    Examples
    --------
    >>> from smoothing.structure import COORDINATE as t, Marginal
    >>> law = marginal_density(Marginal(t**2 / 2, (-sympy.oo, sympy.oo), 1))
    >>> float(law.sf(0.0).round(12)), float(law.ppf_upper(0.15865525393145707).round(12))
    (0.5, 1.0)
    """

    panels: PanelDensity

    @property
    def log_normaliser(self) -> float:
        """log of the integral of exp(-potential)."""
        return self.panels.log_normaliser

    def pdf(self, x: ArrayLike) -> Array:
        """Density at `x` (any shape); 0 outside the resolved support."""
        index, local, inside = self._locate(x)
        half = (self.panels.right - self.panels.left)[index] / 2
        values = _legendre_values(self.panels.density[index], local) / half
        return np.where(inside, values, 0.0)

    def cdf(self, x: ArrayLike) -> Array:
        """P[X <= x], relatively accurate in the lower tail."""
        return self._mass(x, upper=False)

    def sf(self, x: ArrayLike) -> Array:
        """P[X > x], relatively accurate in the upper tail."""
        return self._mass(x, upper=True)

    def ppf_upper(self, tail: ArrayLike) -> Array:
        """The x with P[X > x] = tail, for tails in [0, 1]."""
        from numerics.panel_kernels import quantiles

        probabilities = np.asarray(tail, dtype=np.float64)
        return quantiles(self.panels, probabilities.ravel(), True).reshape(probabilities.shape)

    def ppf_lower(self, p: ArrayLike) -> Array:
        """The x with P[X <= x] = p, for p in [0, 1]."""
        from numerics.panel_kernels import quantiles

        probabilities = np.asarray(p, dtype=np.float64)
        return quantiles(self.panels, probabilities.ravel(), False).reshape(probabilities.shape)

    def _mass(self, x: ArrayLike, upper: bool) -> Array:
        panels = self.panels
        index, local, _ = self._locate(x)
        masses = panels.panel_mass
        if upper:
            beyond = np.append(np.cumsum((masses + panels.gap_mass[1:])[::-1])[::-1], 0.0)
            rest = beyond[index + 1] + panels.gap_mass[index + 1]
            part = _legendre_integral(panels.density[index], local, np.ones_like(local))
        else:
            before = np.append(0.0, np.cumsum(masses + panels.gap_mass[:-1]))
            rest = before[index] + panels.gap_mass[index]
            part = _legendre_integral(panels.density[index], -np.ones_like(local), local)
        return np.minimum(rest + part, 1.0)

    def _locate(self, x: ArrayLike) -> tuple[NDArray[np.intp], Array, NDArray[np.bool_]]:
        panels = self.panels
        points = np.asarray(x, dtype=np.float64)
        last = len(panels.left) - 1
        index = np.minimum(np.maximum(np.searchsorted(panels.edges, points) - 1, 0), last)
        offset = points - panels.anchor[index] - panels.left[index]
        width = (panels.right - panels.left)[index]
        raw = 2 * offset / width - 1
        inside = (raw >= -1 - 1e-12) & (raw <= 1 + 1e-12)
        return index, np.minimum(np.maximum(raw, -1.0), 1.0), inside


def _legendre_values(coefficients: Array, local: Array) -> Array:
    order = coefficients.shape[-1]
    basis = np.polynomial.legendre.legvander(local, order - 1)
    return np.asarray(np.sum(basis * coefficients, axis=-1)).reshape(np.shape(local))


def _legendre_integral(coefficients: Array, start: Array, stop: Array) -> Array:
    """Integral of a Legendre series, by Gauss nodes so that small pieces keep their digits."""
    rule = legendre_rule()
    half = (stop - start) / 2
    points = start[..., None] + half[..., None] * (1 + rule.nodes)
    values = _legendre_values(coefficients[..., None, :], points)
    return np.asarray(half * (values @ rule.weights))


def half_branches(
    branches: Iterable[SmoothBranch],
    symbol: sympy.Symbol,
    log_jacobian: sympy.Expr = sympy.S.Zero,
    value: bool = False,
) -> list[HalfBranch]:
    """Anchor each smooth stretch at its finite ends.

    A stretch is cut at the centres of narrow features, between two finite points in the middle,
    and the whole line is cut at 0. With `value`, the derivative of the potential is attached to
    each point.
    """
    halves: list[HalfBranch] = []
    for branch in (piece for b in branches for piece in _cut_at_centres(b, symbol)):
        slope = branch.expr.diff(symbol) if value else None
        log_density = log_jacobian - branch.expr
        for anchor, direction, length in _anchors(branch):
            density = _from_anchor(log_density, symbol, anchor, direction)
            drift = None if slope is None else _from_anchor(slope, symbol, anchor, direction)
            halves.append(HalfBranch(float(anchor), direction, float(length), density, drift))
    return halves


def _cut_at_centres(branch: SmoothBranch, symbol: sympy.Symbol) -> Iterator[SmoothBranch]:
    inner = centres(branch.expr, symbol, branch.lower, branch.upper)
    ends = [branch.lower, *inner, branch.upper]
    for lower, upper in zip(ends[:-1], ends[1:], strict=True):
        yield SmoothBranch(lower, upper, branch.expr)


def _from_anchor(
    expr: sympy.Expr, symbol: sympy.Symbol, anchor: sympy.Expr, direction: int
) -> BallFunction:
    """`expr` as a function of the distance from the anchor."""
    if anchor == 0 and direction == 1:
        return BallFunction(expr, symbol)  # substitution takes seconds for logarithms of sums
    return BallFunction(expr.subs(symbol, anchor + direction * _OFFSET), _OFFSET)


def _anchors(branch: SmoothBranch) -> list[tuple[sympy.Expr, int, sympy.Expr]]:
    lower, upper = branch.lower, branch.upper
    if lower.is_infinite and upper.is_infinite:
        return [(sympy.S.Zero, -1, sympy.oo), (sympy.S.Zero, 1, sympy.oo)]
    if upper.is_infinite:
        return [(lower, 1, sympy.oo)]
    if lower.is_infinite:
        return [(upper, -1, sympy.oo)]
    half = (upper - lower) / 2
    return [(lower, 1, half), (upper, -1, half)]


def marginal_branches(marginal: Marginal) -> tuple[SmoothBranch, ...]:
    """Smooth stretches of phi on the support of the marginal."""
    return smooth_branches(marginal.phi, COORDINATE, *marginal.support)


def radius_branches(radial: Radial | PolytopeRadial) -> tuple[SmoothBranch, ...]:
    """Smooth stretches of the profile g on the support of the radius."""
    return smooth_branches(radial.profile, RADIUS, *radial.support)


@lru_cache(maxsize=256)
def marginal_density(marginal: Marginal) -> OneDimDensity:
    """Law of one coordinate, density proportional to exp(-phi).

    Raises
    ------
    AssumptionError
        exp(-phi) is not integrable.
    """
    return OneDimDensity(build_panels(half_branches(marginal_branches(marginal), COORDINATE)))


@lru_cache(maxsize=256)
def radius_density(radial: Radial | PolytopeRadial) -> OneDimDensity:
    """Law of the gauge value r, density proportional to r^(d-1) exp(-g(r)).

    `log_normaliser` is that of the radius, without the surface of the unit ball.
    """
    log_jacobian = (radial.dim - 1) * sympy.log(RADIUS)
    halves = half_branches(radius_branches(radial), RADIUS, log_jacobian)
    if not halves:
        raise AssumptionError("the support of the radius is empty")
    return OneDimDensity(build_panels(halves))

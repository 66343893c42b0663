"""A coarse, direct computation of R that shares no step with the symbolic derivation.

The density is put on a fine grid, gamma is evaluated at every node, nodes are sorted by gamma, and
Phi(p) is the running sum: this is Definition F.4 itself, with no use of shapes, monotonicity or
closed forms. It is good to about six digits, enough to tell a right formula from a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, S, Symbol

from differential.kernels import without_hyperbolics
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial

__all__ = ["discretised_radius"]

Array = NDArray[np.float64]

#: Nodes per side; the midpoint rule then has relative error near 1e-8 per smooth piece.
_NODES = 60_000
#: exp(-60) of the largest density is below float64's resolution of the total mass.
_DEPTH = 60.0
_COARSE = np.linspace(-40.0, 60.0, 8001)


@dataclass(frozen=True)
class _Atoms:
    """Values of gamma_u with their probabilities, and the singular part theta_u."""

    values: Array
    masses: Array
    singular: float

    def radius(self, tails: Array) -> Array:
        """Integrate 1/Phi from each tail to 1/2, Phi piecewise linear between the atoms."""
        return _integrate(*self.reciprocal_flux(), tails)

    def reciprocal_flux(self) -> tuple[Array, Array]:
        """(p, 1/Phi(p)) at the cumulative probabilities of the atoms."""
        order = np.argsort(-self.values, kind="stable")
        masses = self.masses[order]
        grid = np.cumsum(masses)
        flux = np.cumsum(masses * self.values[order]) + self.singular
        return grid, 1 / np.maximum(flux, 1e-300)


def discretised_radius(structure: Product | Radial, order: Expr, tails: Array) -> Array | None:
    """Radii at the given tails to about six digits; None where the law of gamma is not a grid.

    Examples
    --------
    >>> laplace = Product((Marginal(abs(COORDINATE), (-sympy.oo, sympy.oo), 2),), 2)
    >>> discretised_radius(laplace, S.One, np.array([0.05])).round(4)
    array([2.3026])
    """
    if isinstance(structure, Product):
        return _product(structure, order, tails)
    if structure.order == 2 or structure.dim == 1:
        return _spherical(structure, order, tails)
    return _signed(structure, order, tails)


def _product(product: Product, order: Expr, tails: Array) -> Array | None:
    if order != 1 and product.dim > 1:
        if len(product.marginals) > 1:
            return None
        phi = product.marginals[0].phi
        if order is S.Infinity and sympy.diff(phi, COORDINATE, 2).subs(COORDINATE, 1) == 0:
            return _signs(phi, product.dim).radius(tails)
        length = np.sqrt(product.dim) if order is S.Infinity else 1.0
        return _along_axes(product.marginals, tails, False) / length
    return _along_axes(product.marginals, tails, product.dim == 1)


def _along_axes(marginals: tuple[Marginal, ...], tails: Array, on_a_line: bool) -> Array:
    laws = [law for marginal in marginals for law in _axis_laws(marginal)]
    if on_a_line:
        return np.min([law.radius(tails) for law in laws], axis=0)
    grid = np.unique(np.concatenate([law.reciprocal_flux()[0] for law in laws]))
    curves = [np.interp(grid, *law.reciprocal_flux()) for law in laws]
    reciprocal = np.min(curves, axis=0)
    return _integrate(grid, reciprocal, tails)


def _integrate(grid: Array, reciprocal: Array, tails: Array) -> Array:
    """int_s^{1/2} of a piecewise linear function by the trapezoid rule."""
    # Cells far below the tails would drown the sum: 1/Phi is infinite at p = 0.
    first = max(int(np.searchsorted(grid, 0.1 * float(np.min(tails)))) - 1, 0)
    grid, reciprocal = grid[first:], reciprocal[first:]
    cells = np.diff(grid) * (reciprocal[1:] + reciprocal[:-1]) / 2
    below = np.concatenate([[0.0], np.cumsum(cells)])
    return np.asarray(np.interp(0.5, grid, below) - np.interp(tails, grid, below))


def _axis_laws(marginal: Marginal) -> list[_Atoms]:
    """gamma for u = e_i and -e_i."""
    low, high = marginal.support
    x = Symbol("x", positive=True)
    slopes, masses, ends = [], [], {}
    origin = S.Zero if low <= 0 <= high else (low if low > 0 else high)
    pieces = [(1, origin, high), (-1, origin, low)]
    logs = []
    for sign, start, end in pieces:
        length = abs(end - start)
        if length == 0:
            continue
        phi = marginal.phi.subs(COORDINATE, start + sign * x)
        nodes, log_mass = _nodes(_numpy(-phi, x), float(length))
        logs.append((sign, phi, nodes, log_mass, length))
    shift = max(float(np.max(log_mass)) for *_, log_mass, _ in logs)
    total = sum(float(np.sum(np.exp(log_mass - shift))) for *_, log_mass, _ in logs)
    for sign, phi, nodes, log_mass, length in logs:
        slopes.append(sign * _numpy(sympy.diff(phi, x), x)(nodes))
        masses.append(np.exp(log_mass - shift) / total)
        for point, outward in ((length, sign), (S.Zero, -sign)):
            # The origin is an end of the support only when there is nothing on its other side.
            if point.is_finite and (point > 0 or len(logs) == 1):
                value = _numpy(-phi, x)(np.array([float(point)]))[0]
                ends[outward] = float(np.exp(value - shift)) / total
    values, weights = np.concatenate(slopes), np.concatenate(masses)
    plus = _Atoms(values, weights, ends.get(1, 0.0))
    return [plus, _Atoms(-values, weights, ends.get(-1, 0.0))]


def _nodes(log_density: Callable[[Array], Array], end: float) -> tuple[Array, Array]:
    """Midpoints in log x over (0, end) and the logarithms of their (unnormalised) masses."""
    limit = np.log(end) if np.isfinite(end) else _COARSE[-1]

    def log_mass(u: Array) -> Array:
        with np.errstate(all="ignore"):
            value = log_density(np.exp(u)) + u
        return np.where(np.isfinite(value), value, -np.inf)

    coarse = np.append(_COARSE[limit > _COARSE], limit - 1e-12)
    heights = log_mass(coarse)
    kept = np.flatnonzero(heights > np.max(heights) - _DEPTH)
    low = coarse[max(kept[0] - 1, 0)]
    high = min(coarse[min(kept[-1] + 1, len(coarse) - 1)], limit)
    step = (high - low) / _NODES
    middle = low + step * (np.arange(_NODES) + 0.5)
    return np.exp(middle), log_mass(middle) + np.log(step)


def _numpy(expr: Expr, variable: Symbol) -> Callable[[Array], Array]:
    safe = sympy.expand_log(without_hyperbolics(expr), force=True)
    call = sympy.lambdify(variable, safe, "numpy")

    def evaluate(points: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(call(points), dtype=np.float64) * np.ones_like(points)

    return evaluate


def _signs(phi: Expr, dim: int) -> _Atoms:
    """phi = c |t| along the diagonal: c times a sum of signs, convolved one by one."""
    masses = np.ones(1)
    for _ in range(dim):
        masses = np.convolve(masses, [0.5, 0.5])
    slope = float(sympy.diff(phi, COORDINATE).subs(COORDINATE, 1))
    # Every atom is split, so that Phi is linear between neighbours of the grid.
    split = 2000
    values = np.repeat(slope * (dim - 2 * np.arange(dim + 1)), split)
    return _Atoms(values, np.repeat(masses / split, split), 0.0)


def _radius_grid(radial: Radial) -> tuple[Array, Array, Array, float]:
    """Nodes of r, masses, slopes g'(r), and the density of r at the ends of its support."""
    low, high = radial.support
    g = _numpy(radial.profile, RADIUS)
    dim = radial.dim

    def log_density(r: Array) -> Array:
        inside = r >= float(low)
        return np.where(inside, (dim - 1) * np.log(np.maximum(r, 1e-300)) - g(r), -np.inf)

    nodes, log_mass = _nodes(log_density, float(high))
    shift = float(np.max(log_mass))
    masses = np.exp(log_mass - shift)
    total = float(np.sum(masses))
    ends = [float(end) for end in (low, high) if end.is_finite and end.is_positive]
    boundary = sum(float(np.exp(log_density(np.array([e]))[0] - shift)) / total for e in ends)
    slopes = _numpy(sympy.diff(radial.profile, RADIUS), RADIUS)(nodes)
    return nodes, masses / total, slopes, boundary


def _signed(radial: Radial, order: Expr, tails: Array) -> Array | None:
    """A_u in {alpha, 0, -alpha} (I.6, I.9, I.14)."""
    if radial.order == 1 and order is S.Infinity and not radial.profile.diff(RADIUS).has(RADIUS):
        return _signs(radial.profile.subs(RADIUS, sympy.Abs(COORDINATE)), radial.dim).radius(tails)
    if radial.order is S.Infinity and order == 1:
        alpha, weight = 1.0, 1.0 / radial.dim
    elif radial.order == order:
        alpha, weight = 1.0, 1.0
    elif radial.order == 1 and order is S.Infinity and radial.dim == 2:
        alpha, weight = 2.0, 0.5
    else:
        return None
    _, masses, slopes, boundary = _radius_grid(radial)
    values = np.concatenate([alpha * slopes, np.zeros(1), -alpha * slopes])
    weights = np.concatenate([masses * weight / 2, [1.0 - weight], masses * weight / 2])
    return _Atoms(values, weights, alpha * weight / 2 * boundary).radius(tails)


def _spherical(radial: Radial, order: Expr, tails: Array) -> Array | None:
    """gamma = c T with a constant slope c, or an iid normal density, or one dimension."""
    slope = sympy.diff(radial.profile, RADIUS)
    if radial.dim == 1 or (sympy.diff(slope, RADIUS).is_number and slope.has(RADIUS)):
        phi = radial.profile.subs(RADIUS, sympy.Abs(COORDINATE))
        high = radial.support[1]
        radii = _along_axes((Marginal(phi, (-high, high), 1),), tails, True)
    elif not slope.has(RADIUS):
        angle = (np.arange(2 * _NODES) + 0.5) * np.pi / (2 * _NODES)
        log_mass = (radial.dim - 2) * np.log(np.sin(angle))
        masses = np.exp(log_mass - log_mass.max())
        radii = _Atoms(float(slope) * np.cos(angle), masses / masses.sum(), 0.0).radius(tails)
    else:
        return None
    return radii / np.sqrt(radial.dim) if order is S.Infinity else radii

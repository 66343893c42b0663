"""Three interleaved grids that carry a density in two or three dimensions and its gradient.

The trapezoidal rule after x = m + A sinh(t) converges faster than any power for smooth integrands
on all of R^d, with light tails and heavy ones (m and A follow the density). Expected excesses have
a kink where gamma = c, which leaves a small error that differs from grid to grid: the spread of
three grids shifted by thirds of a step is the error estimate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.errors import AssumptionError, PrecisionError
from smoothing.expressions import coordinate_sum, norm, t, x
from smoothing.overflow import stabilise

__all__ = ["GridLaw", "grid_laws", "written_out"]

Array = NDArray[np.float64]

#: Points along each axis, by dimension, for few directions and for many.
_POINTS = {2: (400, 320), 3: (64, 48)}
_FEW = 12
#: Angles that turn the grid against all directions of interest, so that its errors average out.
_TURN = (0.5380, 0.3171, 0.8093)
#: Coarse grids that find centre, shape and extent.
_SEARCH_POINTS = {2: 121, 3: 45}
_SEARCH_EXTENTS = (9.0, 6.0, 4.0, 3.0, 3.0, 3.0)
_MAX_EXTENT = 60.0
#: Share of mass and of E|grad psi| that a face of the box may carry; tails end at 2^-40 = 9e-13.
_FACE = 1e-16
#: Points lighter than this share of the heaviest are dropped.
_LIGHT = 1e-19
#: Largest accepted failure of E d_u f = E f gamma_u for bounded f, relative to E|gamma|.
_MAX_DEFECT = 1e-3
_JUMPS = (sympy.Piecewise, sympy.sign, sympy.Heaviside, sympy.floor, sympy.ceiling)


@dataclass(frozen=True)
class GridLaw:
    """Gradients of psi, shape (n, dim), and weights that add up to 1."""

    gradients: Array
    weights: Array


def written_out(psi: sympy.Expr, dim: int) -> sympy.Expr | str:
    """psi in its coordinates, or the reason why the grids do not take it."""
    if psi.atoms(sympy.core.function.AppliedUndef):
        return "psi is a callable, not an expression"
    if psi.has(*_JUMPS):
        return (
            "psi is written with Piecewise, sign or steps, where it may jump; write kinks with "
            "abs, Max and Min"
        )
    axes = [x[i] for i in range(dim)]
    images: dict[sympy.Basic, sympy.Expr] = {}
    for atom in psi.atoms(norm, coordinate_sum):
        if isinstance(atom, norm):
            sizes = [sympy.Abs(a) for a in axes]
            largest = sympy.Max(*sizes)
            power = sum(a**atom.order for a in sizes) if atom.order is not sympy.oo else None
            images[atom] = largest if power is None else power ** (1 / atom.order)
        else:
            weights = atom.weights or [sympy.S.One] * dim
            images[atom] = sympy.Add(
                *(w * atom.phi.subs(t, a) for w, a in zip(weights, axes, strict=True))
            )
    plain = psi.xreplace(images)
    if not plain.free_symbols <= set(axes):
        return "psi has parts that cannot be written in coordinates"
    return plain


def grid_laws(psi: sympy.Expr, dim: int, directions: int) -> tuple[GridLaw, ...]:
    """Three laws of grad psi, each on its own grid.

    Parameters
    ----------
    psi : expression in the coordinates, from `written_out`
    dim : {2, 3}
    directions : int
        How many will be asked for: many get coarser grids.

    Raises
    ------
    AssumptionError
        The density jumps or |grad psi| is not integrable, as integration by parts shows.
    PrecisionError
        The box that holds the density cannot be found.
    """
    evaluate = _compiled(psi, dim)
    centre, shape = _located(evaluate, dim)
    extents = _extents(evaluate, centre, shape, dim)
    count = _POINTS[dim][directions > _FEW]
    laws = []
    for shift in (-1 / 3, 0.0, 1 / 3):
        points, jacobian = _grid(centre, shape, extents, count, shift)
        law, kept = _weighted(evaluate, points, jacobian)
        _check_by_parts(law, (points[kept] - centre) @ np.linalg.inv(shape).T, shape)
        laws.append(law)
    return tuple(laws)


_Evaluate = Callable[[Array], tuple[Array, Array]]


def _compiled(psi: sympy.Expr, dim: int) -> _Evaluate:
    axes = [x[i] for i in range(dim)]
    stable = stabilise(psi)
    function = sympy.lambdify(axes, [stable, *(stable.diff(a) for a in axes)], "numpy", cse=True)

    def evaluate(points: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            values = function(*points.T)
        full = [np.broadcast_to(np.asarray(v, dtype=np.float64), len(points)) for v in values]
        return full[0], np.stack(full[1:], axis=1)

    return evaluate


def _grid(
    centre: Array, shape: Array, extents: Array, count: int, shift: float
) -> tuple[Array, Array]:
    """Points m + A sinh(t) for t on a grid of (-T, T)^d, and |det A| prod cosh(t_i)."""
    steps = 2 * extents / count
    axes = [
        (np.arange(count) + 0.5 + shift) * step - extent
        for step, extent in zip(steps, extents, strict=True)
    ]
    flat = np.stack([a.ravel() for a in np.meshgrid(*axes, indexing="ij")], axis=1)
    jacobian = np.prod(np.cosh(flat), axis=1)
    return centre + np.sinh(flat) @ shape.T, jacobian


def _weighted(
    evaluate: _Evaluate, points: Array, jacobian: Array
) -> tuple[GridLaw, NDArray[np.bool_]]:
    psi, gradient = evaluate(points)
    weight = _relative(np.log(jacobian) - psi)
    kept = weight > _LIGHT
    if not np.isfinite(gradient[kept]).all():
        raise AssumptionError("the gradient of psi is not finite where the density lives")
    return GridLaw(gradient[kept], weight[kept] / weight[kept].sum()), kept


def _relative(log_weight: Array) -> Array:
    """exp relative to the largest; points where psi has no finite value weigh nothing."""
    usable = np.where(np.isfinite(log_weight), log_weight, -np.inf)
    if not usable.max() > -np.inf:
        raise PrecisionError("psi has no finite value on a grid around its centre")
    return np.asarray(np.exp(usable - usable.max()))


def _located(evaluate: _Evaluate, dim: int) -> tuple[Array, Array]:
    """Centre and shape of the density, from moments under its square, which always exist."""
    centre, shape = np.zeros(dim), _turn(dim)
    for extent in _SEARCH_EXTENTS:
        count = _SEARCH_POINTS[dim]
        points, jacobian = _grid(centre, shape, np.full(dim, extent), count, 0.0)
        psi, _ = evaluate(points)
        with np.errstate(all="ignore"):
            weight = _relative(np.log(jacobian) - 2 * psi)
            weight /= weight.sum()
        centre = weight @ points
        offset = points - centre
        covariance = 2 * (offset * weight[:, None]).T @ offset
        # Never narrower than the grid can have seen.
        covariance += (extent / count) ** 2 * 0.1 * shape @ shape.T
        spread = np.diag(covariance)
        if not (np.isfinite(covariance).all() and spread.min() > 1e-12 * spread.max()):
            raise AssumptionError(
                "the density could not be located on a grid: exp(-psi) is not integrable, or psi "
                "needs to be centred and scaled"
            )
        # The unit correlation matrix is better scaled, and a little of the identity keeps it solid.
        size = np.sqrt(spread)
        correlation = covariance / np.outer(size, size) + 1e-9 * np.eye(dim)
        shape = size[:, None] * np.linalg.cholesky(correlation) @ _turn(dim)
    return centre, shape


def _turn(dim: int) -> Array:
    """A rotation by generic angles in every coordinate plane."""
    turn = np.eye(dim)
    planes = [(i, j) for i in range(dim) for j in range(i)]
    for angle, (i, j) in zip(_TURN, planes, strict=False):
        plane = np.eye(dim)
        plane[i, i] = plane[j, j] = np.cos(angle)
        plane[i, j], plane[j, i] = np.sin(angle), -np.sin(angle)
        turn = turn @ plane
    return turn


def _extents(evaluate: _Evaluate, centre: Array, shape: Array, dim: int) -> Array:
    """Half widths of the box in t, so that its faces carry next to nothing."""
    extents = np.full(dim, 2.0)
    count = _SEARCH_POINTS[dim]
    while True:
        points, jacobian = _grid(centre, shape, extents, count, 0.0)
        psi, gradient = evaluate(points)
        weight = _relative(np.log(jacobian) - psi)
        size = np.nan_to_num(np.abs(gradient).sum(axis=1), posinf=0.0)
        share = np.where(weight > 0, weight * (1 + size), 0.0).reshape((count,) * dim)
        share /= share.sum()
        grow = np.zeros(dim, dtype=bool)
        for axis in range(dim):
            layers = share.sum(axis=tuple(i for i in range(dim) if i != axis))
            grow[axis] = max(layers[0], layers[-1]) > _FACE * count
        if not grow.any():
            return extents
        extents = np.where(grow, extents * 1.15, extents)
        if extents.max() > _MAX_EXTENT:
            raise AssumptionError(
                "exp(-psi) or its gradient has too heavy tails for a grid: no box holds all but "
                f"{_FACE:.0e} of it; no integrable gradient, or decay slower than |x|^-(d + 1/2)"
            )


def _check_by_parts(law: GridLaw, standard: Array, shape: Array) -> None:
    """E d_u f(y) = E f(y) gamma_u for f = cos(w y + b), y = A^-1 (x - m): fails where q jumps."""
    slopes = law.gradients @ shape
    size = float(law.weights @ np.abs(slopes).sum(axis=1))
    generator = np.random.default_rng(0)
    for _ in range(6):
        frequency = generator.standard_normal(standard.shape[1])
        angle = standard @ frequency + generator.uniform(0, 2 * np.pi)
        left = -(law.weights @ np.sin(angle)) * frequency
        right = (law.weights * np.cos(angle)) @ slopes
        defect = float(np.abs(left - right).max()) / max(size, 1.0)
        if not defect <= _MAX_DEFECT:
            raise AssumptionError(
                f"integration by parts fails by {defect:.1e} (allowed {_MAX_DEFECT:.0e}): "
                "exp(-psi) is not integrable, it jumps, or grad psi is too singular for a grid"
            )

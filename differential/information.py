"""Fisher information of the translations of q, and its supremum over the adversary's ball.

E gamma_u^2 = u^T I u where q has no jumps. For radial densities I = c times the identity, for
products it is diagonal, so that one second moment per distinct coordinate is all it takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from numpy.typing import NDArray

from differential.product_laws import density_jumps
from numerics.ball import BallFunction
from numerics.branches import SmoothBranch
from numerics.errors import AssumptionError
from numerics.panels import HalfBranch, build_panels
from smoothing.norms import LpNorm, Norm
from smoothing.one_dim import half_branches, marginal_branches, radius_branches
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial, Structure

__all__ = ["INFORMATION_ERROR", "Information", "fisher_information", "information_kind", "squared"]

Array = NDArray[np.float64]

#: Panels keep moments to a few 1e-14 (tests/differential); the value is rounded up by this.
INFORMATION_ERROR = 2e-13
#: A radial density r^(d-1) e^-g is evaluated at 1e-300 instead of 0; beside Phi >= 2^-100 a jump
#: below this counts for nothing.
_NO_JUMP = 1e-50


@dataclass(frozen=True)
class Information:
    """Diagonal of I: `values[k]` is that of `counts[k]` coordinates, listed in `indices[k]`.

    `indices` is None when all coordinates have one value. The values are rounded up.
    """

    values: tuple[float, ...]
    counts: tuple[int, ...]
    indices: tuple[tuple[int, ...], ...] | None = None

    def over_ball(self, adversary: Norm) -> float:
        """Supremum of u^T I u over the unit ball of the adversary, rounded up.

        Examples
        --------
        >>> Information((2.0,), (4,)).over_ball(LpNorm(math.inf)) >= 8.0
        True
        """
        dim = sum(self.counts)
        if isinstance(adversary, LpNorm):
            return _up(self._over_lp(adversary.p))
        diagonal = np.empty(dim)
        if self.indices is None:
            diagonal[:] = self.values[0]
        else:
            for value, where in zip(self.values, self.indices, strict=True):
                diagonal[list(where)] = value
        representatives = adversary.orbit_representatives(dim)
        if representatives is None:
            raise AssumptionError(f"the extreme points of {adversary.name} are not a finite list")
        if len(self.values) > 1 and adversary.symmetry != "reflection":
            # Only x -> -x leaves every coordinate in its place; other orbits mix them.
            diagonal[:] = max(self.values)
        return _up(float(np.max(representatives**2 @ diagonal)) * (1 + dim * 1e-15))

    def _over_lp(self, p: float) -> float:
        # Hoelder with exponents p/2 and its conjugate; for p <= 2 an axis is extreme.
        if p <= 2:
            return max(self.values)
        power = 1.0 if math.isinf(p) else p / (p - 2)
        top = max(self.values)
        terms = (n * (v / top) ** power for v, n in zip(self.values, self.counts, strict=True))
        return top * math.fsum(terms) ** (1 / power)


def information_kind(structures: Iterable[Structure]) -> Product | Radial | None:
    """The structure from which the information is computed; None where there is no such one."""
    found = sorted(structures, key=str)
    for kind in (Product, Radial):
        for structure in found:
            if isinstance(structure, kind):
                return structure
    return None


@lru_cache(maxsize=64)
def fisher_information(structure: Product | Radial) -> Information:
    """Information of a density at scale 1, rounded up.

    Raises
    ------
    AssumptionError
        The density jumps, at the ends of its support for instance, or E gamma^2 is infinite.

    Examples
    --------
    >>> gaussian = Product((Marginal(COORDINATE**2 / 2, (-sympy.oo, sympy.oo), 3),), 3)
    >>> round(fisher_information(gaussian).values[0], 9)
    1.0
    """
    if isinstance(structure, Product):
        values = tuple(_of_marginal(m) for m in structure.marginals)
        return Information(values, tuple(m.count for m in structure.marginals), structure.indices)
    if structure.dim == 1:
        raise AssumptionError("a density on the line is a product")
    # E A_u^2 = |u|_2^2 for a Rademacher sum, |u|_2^2 / d for a random coordinate or direction.
    share = 1.0 if structure.order == 1 else 1.0 / structure.dim
    return Information((_up(share * _of_radius(structure)),), (structure.dim,))


def _of_marginal(marginal: Marginal) -> float:
    branches = marginal_branches(marginal)
    return _second_moment(branches, COORDINATE, sympy.S.Zero, branches, str(marginal.phi))


def _of_radius(radial: Radial) -> float:
    jacobian = (radial.dim - 1) * sympy.log(RADIUS)
    branches = radius_branches(radial)
    with_jacobian = tuple(SmoothBranch(b.lower, b.upper, b.expr - jacobian) for b in branches)
    return _second_moment(branches, RADIUS, jacobian, with_jacobian, str(radial.profile))


def _second_moment(
    branches: tuple[SmoothBranch, ...],
    symbol: sympy.Symbol,
    jacobian: sympy.Expr,
    density: tuple[SmoothBranch, ...],
    name: str,
) -> float:
    """E h^2 for h the derivative of the potential, with h^2 as the value carried by the panels."""
    halves = [
        HalfBranch(h.anchor, h.direction, h.length, h.log_density, squared(h.value))
        for h in half_branches(branches, symbol, jacobian, value=True)
    ]
    try:
        panels = build_panels(halves)
    except AssumptionError as error:
        raise AssumptionError(
            f"the Fisher information is infinite, or the density not integrable, for the potential "
            f"{name}: {error}"
        ) from error
    down, up = density_jumps(density, panels.log_normaliser, symbol)
    if max(down, up) > _NO_JUMP:
        raise AssumptionError(
            f"the density with potential {name} jumps (by {max(down, up):.3g}); the Fisher "
            "certificate needs a density without jumps, at the ends of its support too"
        )
    total = float(panels.panel_moment.sum() + panels.gap_moment.sum())
    return total * (1 + INFORMATION_ERROR)


@dataclass(frozen=True)
class _Squared:
    """The square of a function given in balls."""

    function: BallFunction

    def floats(self, points: Iterable[object]) -> Array:
        """Squares at several points, shape (n,)."""
        return np.asarray(self.function.floats(points)) ** 2  # type: ignore[arg-type]


def squared(value: object) -> _Squared:
    """The square of a derivative, for panels that carry it."""
    assert isinstance(value, BallFunction)
    return _Squared(value)


def _up(value: float) -> float:
    return math.nextafter(value * (1 + 4e-16), math.inf)

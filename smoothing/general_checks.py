"""Necessary conditions on a density without structure: real values, decay along a generic ray.

Without structure integrability cannot be decided in high dimension; a density that passes may still
not be integrable, one that fails is certainly not a density.
"""

from __future__ import annotations

import numpy as np
import sympy

from numerics.errors import AssumptionError
from smoothing.evaluate import evaluate_psi, inside_support
from smoothing.exponents import at_infinity
from smoothing.expressions import Coordinate, coordinate_sum, norm, t
from smoothing.gauges import gauge, polytope_gauge
from smoothing.structure import RADIUS, General

__all__ = ["check_general"]

#: Largest dimension in which psi is written out along a ray, coordinate by coordinate.
MAX_DIM = 32
#: Points at which psi must be real, per size of coordinates.
POINTS = 8
SIZES = (0.1, 1.0, 10.0)


def check_general(structure: General, support: sympy.Basic | None) -> None:
    """Refuse a psi that is not real somewhere or does not grow along a generic direction."""
    if structure.psi.atoms(sympy.core.function.AppliedUndef):
        return
    _check_real(structure, support)
    if support is None and structure.dim <= MAX_DIM:
        _check_decay(structure)


def _check_real(structure: General, support: sympy.Basic | None) -> None:
    # a fixed seed: the same psi must be accepted or refused every time
    generator = np.random.default_rng(0)
    for size in SIZES:
        points = size * generator.standard_normal((POINTS, structure.dim))
        points = points[inside_support(support, points)]
        with np.errstate(invalid="ignore"):
            values = evaluate_psi(structure.psi, points)
        if np.isnan(values).any():
            where = points[np.argmax(np.isnan(values))]
            raise AssumptionError(
                f"psi is not real at x = {np.array2string(where, precision=3, threshold=4)}: "
                f"{structure.psi}; restrict the support or take absolute values"
            )


def _check_decay(structure: General) -> None:
    """Along x = r u, |u| with generic coordinates of both signs, r^(d-1) exp(-psi) must decay."""
    d = structure.dim
    direction = [sympy.Rational((-1) ** i * (2 * i + 3), 2 * i + 2) for i in range(d)]
    images: dict[sympy.Basic, sympy.Expr] = {}
    for atom in structure.psi.atoms(norm, gauge, coordinate_sum, Coordinate):
        images[atom] = _along(atom, direction)
    along = structure.psi.xreplace(images)
    behaviour = at_infinity(along - (d - 1) * sympy.log(RADIUS), RADIUS)
    if not behaviour.integrable and not np.isnan(behaviour.exponent):
        raise AssumptionError(
            f"psi is not integrable: along a generic direction exp(-psi) ~ "
            f"r^{-(behaviour.exponent + d - 1):g}, needs faster than r^-{d} in d={d}"
        )


def _along(atom: sympy.Basic, direction: list[sympy.Rational]) -> sympy.Expr:
    if isinstance(atom, norm):
        magnitudes = [abs(u) for u in direction]
        if atom.order is sympy.oo:
            return max(magnitudes) * RADIUS
        return sympy.Add(*(u**atom.order for u in magnitudes)) ** (1 / atom.order) * RADIUS
    if isinstance(atom, coordinate_sum):
        weights = atom.weights or [sympy.S.One] * len(direction)
        terms = (w * atom.phi.subs(t, u * RADIUS) for w, u in zip(weights, direction, strict=True))
        return sympy.Add(*terms)
    if isinstance(atom, gauge):
        value = polytope_gauge(atom.order).gauge([float(u) for u in direction])
        return sympy.Rational(float(value)) * RADIUS
    assert isinstance(atom, Coordinate)
    return direction[atom.index] * RADIUS

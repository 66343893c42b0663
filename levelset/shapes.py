"""Properties of a density that theorems on worst shifts ask for, checked on psi itself.

Monotonicity and convexity are read off derivatives in ball arithmetic at many points of every
smooth branch, and off the jumps between branches. Algebraic forms (g = b r + k log r) are
decided exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import flint
import numpy as np
import sympy
from flint import arb

from numerics.ball import BallFunction
from numerics.branches import SmoothBranch
from numerics.rounding import FloatArray
from smoothing.canonical import is_even
from smoothing.one_dim import marginal_branches, radius_branches
from smoothing.structure import COORDINATE, RADIUS, Marginal, Radial

__all__ = [
    "is_decreasing",
    "is_even_log_concave",
    "is_even_marginal",
    "is_even_unimodal",
    "is_flat_at_zero",
    "linear_plus_logarithm",
]

_SAMPLES = 240
_LOG_RANGE = 40.0


def is_decreasing(radial: Radial) -> bool:
    """Whether the density falls along every ray from the origin."""
    return radial.support[0] == 0 and _rises(radius_branches(radial), RADIUS)


def is_even_unimodal(marginal: Marginal) -> bool:
    """Whether f is even and falls away from 0."""
    if not is_even_marginal(marginal):
        return False
    right = tuple(b for b in marginal_branches(marginal) if float(b.upper) > 0)
    return _rises(right, COORDINATE)


def is_even_log_concave(marginal: Marginal) -> bool:
    """Whether phi is even and convex."""
    if not is_even_unimodal(marginal):
        return False
    branches = [b for b in marginal_branches(marginal) if float(b.upper) > 0]
    slopes = [_signs(b, COORDINATE, order=2) for b in branches]
    if any(np.any(s < 0) for s in slopes):
        return False
    # At a seam the slope may only grow; a jump of phi is not convex.
    for a, b in pairwise(branches):
        point = float(b.lower)
        if _value(a, COORDINATE, point, 0) != _value(b, COORDINATE, point, 0):
            return False
        if _value(a, COORDINATE, point, 1) > _value(b, COORDINATE, point, 1):
            return False
    return True


def linear_plus_logarithm(profile: sympy.Expr, symbol: sympy.Symbol) -> bool:
    """Whether profile = b r + k log r + constant with b > 0 and k >= 0."""
    weighted = sympy.simplify(symbol * sympy.diff(profile, symbol))
    if not weighted.is_polynomial(symbol):
        return False
    powers = sympy.Poly(weighted, symbol)
    b, k = powers.coeff_monomial(symbol), powers.coeff_monomial(1)
    return bool(powers.degree() == 1 and b > 0 and k >= 0)


def is_even_marginal(marginal: Marginal) -> bool:
    """Whether phi and its support are symmetric about 0."""
    low, high = marginal.support
    return bool(low == -high) and is_even(marginal.phi)


def is_flat_at_zero(marginal: Marginal) -> bool:
    """Whether phi next to 0 grows like |t|^4 or more slowly.

    Then ratios of the density near its mode are lost in rounding, which radial sums feel most.
    """
    phi = BallFunction(marginal.phi, COORDINATE)
    high = float(marginal.support[1])
    with flint.ctx.workprec(256):
        sizes = [t for t in 2.0 ** np.arange(-60.0, 61.0) if t < high]
        unit = next((t for t in sizes if _risen(phi, t, t * 2.0**-60) >= 1), sizes[-1])
        return _risen(phi, unit / 1024, unit * 2.0**-60) < 2.0**-34


def _risen(phi: BallFunction, point: float, start: float) -> float:
    return float((phi.ball(point) - phi.ball(start)).mid())


def _rises(branches: tuple[SmoothBranch, ...], symbol: sympy.Symbol) -> bool:
    if any(np.any(_signs(b, symbol, order=1) < 0) for b in branches):
        return False
    return all(
        _value(a, symbol, float(b.lower), 0) <= _value(b, symbol, float(b.lower), 0) + 1e-12
        for a, b in pairwise(branches)
    )


def _signs(branch: SmoothBranch, symbol: sympy.Symbol, order: int) -> FloatArray:
    """Signs of a derivative over the branch; 0 where a ball cannot tell."""
    function = BallFunction(sympy.diff(branch.expr, symbol, order), symbol)
    return np.array([_sign(function, point) for point in _points(branch)])


def _sign(function: BallFunction, point: float) -> int:
    value = function.ball(point)
    return -1 if bool(value < 0) else int(bool(value > 0))


def _points(branch: SmoothBranch) -> Iterator[float]:
    low, high = float(branch.lower), float(branch.upper)
    low = max(low, 0.0)
    away = np.exp(np.linspace(-_LOG_RANGE, _LOG_RANGE, _SAMPLES))
    if np.isfinite(high):
        away = (high - low) * away / (1 + away)
    yield from (float(v) for v in low + away if low < low + v < high)


def _value(branch: SmoothBranch, symbol: sympy.Symbol, point: float, order: int) -> float:
    expr = sympy.diff(branch.expr, symbol, order) if order else branch.expr
    with flint.ctx.workprec(128):
        ball: arb = BallFunction(expr, symbol).ball(point)
    return float(ball.mid())

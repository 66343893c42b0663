r"""Moments of a law on panels, with the part of a heavy tail that lies beyond the last panel.

Panels end where a mass of e^-100 is left. For a tail x^-L that happens at x = e^(100/(L-1)), and
the share of the k-th moment beyond is e^(-100 (L-1-k)/(L-1)): 0.6 of E X^2 at L = 3.01. It is
integrated in y = log x, where the integrand decays like exp(-(L-1-k) y).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.ball import BallFunction
from numerics.legendre import legendre_rule
from smoothing.exponents import at_infinity

if TYPE_CHECKING:
    from smoothing.one_dim import OneDimDensity

__all__ = ["raw_moment"]

#: Length of a panel in units of the decay length of the integrand; 20 or more Legendre nodes
#: resolve exp(-4 s) on [0, 1] to full float64 accuracy.
PANEL_DECAY = 4.0
#: Panels are added until they contribute less than this share of the whole.
NEGLIGIBLE = 1e-18
MAX_PANELS = 400

_LOG = sympy.Symbol("y", real=True)


def raw_moment(
    density: OneDimDensity,
    potential: sympy.Expr,
    symbol: sympy.Symbol,
    support: tuple[sympy.Expr, sympy.Expr],
    order: int,
) -> float:
    """E X^order for the density exp(-potential)/Z on the support.

    Parameters
    ----------
    density : OneDimDensity
        The law resolved on panels.
    potential, symbol, support
        The same law as an expression; `potential` includes the factor r^(d-1) of a radius.
    order : int
        1 or 2.

    Returns
    -------
    float
        inf (or -inf) where one tail diverges, NaN where both do and cancel.
    """
    total = _panel_moment(density, order)
    for side, end in ((1, support[1]), (-1, support[0])):
        if end.is_finite:
            continue
        mirrored = potential.subs(symbol, side * symbol)
        tilted = at_infinity(mirrored - order * sympy.log(symbol), symbol)
        sign = side**order
        if not tilted.integrable:
            total += sign * math.inf
        elif math.isfinite(tilted.exponent):
            total += sign * _tail(density, mirrored, symbol, side, order, tilted.exponent - 1)
    return total


def _panel_moment(density: OneDimDensity, order: int) -> float:
    panels = density.panels
    rule = legendre_rule()
    half = (panels.right - panels.left)[:, None] / 2
    points = panels.anchor[:, None] + panels.left[:, None] + half * (1 + rule.nodes)
    values = np.polynomial.legendre.legval(rule.nodes, panels.density.T)
    body = float(np.sum((values * points**order) @ rule.weights))
    # slivers around poles, whose position is known to many digits; the outer two are tails
    between = panels.anchor[1:] + panels.left[1:]
    return body + float(np.sum(panels.gap_mass[1:-1] * between**order))


def _tail(
    density: OneDimDensity,
    potential: sympy.Expr,
    symbol: sympy.Symbol,
    side: int,
    order: int,
    decay: float,
) -> float:
    """Integral of x^order times the density beyond the last panel on one side."""
    panels = density.panels
    edge = side * float(
        panels.anchor[-1] + panels.right[-1] if side > 0 else panels.anchor[0] + panels.left[0]
    )
    if edge <= 1:
        return 0.0
    in_logarithm = potential.subs(symbol, sympy.exp(_LOG)) - (order + 1) * _LOG
    exponent = BallFunction(in_logarithm, _LOG)
    start, total = math.log(edge), 0.0
    for _ in range(MAX_PANELS):
        width = min(PANEL_DECAY / decay if decay > 0 else math.inf, start)
        part = _panel(exponent, start, width, density.log_normaliser)
        total += part
        start += width
        if part <= NEGLIGIBLE * total:
            break
    return total


def _panel(exponent: BallFunction, start: float, width: float, log_normaliser: float) -> float:
    rule = legendre_rule()
    nodes: NDArray[np.float64] = start + width * (1 + rule.nodes) / 2
    logs = np.array([float((-b - log_normaliser).mid()) for b in exponent.balls(nodes)])
    return float(width / 2 * np.dot(rule.weights, np.exp(logs)))

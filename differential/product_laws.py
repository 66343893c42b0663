"""Laws of gamma for independent coordinates: against e_i, gamma is phi_i'(X)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import sympy

from differential.law import Law
from differential.law_expressions import plain_expressions
from differential.parts import EmptyPart, PanelPart, Part
from numerics.ball import BallFunction
from numerics.branches import SmoothBranch
from numerics.panels import PanelDensity, build_panels
from smoothing.one_dim import half_branches, marginal_branches
from smoothing.structure import COORDINATE, Marginal

__all__ = ["coordinate_law", "density_jumps"]

_DISTANCE = sympy.Symbol("y", nonnegative=True)

#: Panels, cells and cubature each keep tails and moments to a few 1e-14 (tests/differential).
RELATIVE_ERROR = 2e-13


@lru_cache(maxsize=128)
def coordinate_law(marginal: Marginal) -> Law:
    """Law of gamma for u = +e_i: phi'(X) with X from the marginal, jumps of its density apart.

    Raises
    ------
    AssumptionError
        The density or |phi'| times the density is not integrable.
    """
    branches = marginal_branches(marginal)
    panels = build_panels(half_branches(branches, COORDINATE, value=True))
    down, up = density_jumps(branches, panels.log_normaliser)
    positive, negative = part_of(panels, 1), part_of(panels, -1)
    expressions = plain_expressions(COORDINATE, marginal.phi, marginal.support)
    return Law(positive, negative, down, up, RELATIVE_ERROR, expressions)


def part_of(panels: PanelDensity, sign: int) -> Part:
    """Positive part of sign * h(X), or the empty part when that is never positive."""
    part = PanelPart(panels, sign)
    return part if part.mass > 0 else EmptyPart()


def density_jumps(
    branches: tuple[SmoothBranch, ...], log_normaliser: float, symbol: sympy.Symbol = COORDINATE
) -> tuple[float, float]:
    """Total downward and upward jumps of the density along increasing coordinate.

    Examples
    --------
    >>> import sympy
    >>> half_line = Marginal(COORDINATE, (sympy.S.Zero, sympy.oo), 1)
    >>> density_jumps(marginal_branches(half_line), 0.0)
    (0.0, 1.0)
    """
    down = up = 0.0
    edges = [(None, branches[0]), *zip(branches[:-1], branches[1:], strict=True)]
    for before, after in [*edges, (branches[-1], None)]:
        left = 0.0 if before is None else _edge_density(before, True, log_normaliser, symbol)
        right = 0.0 if after is None else _edge_density(after, False, log_normaliser, symbol)
        change = right - left
        if abs(change) <= 1e-13 * max(left, right):
            continue
        down, up = down + max(-change, 0.0), up + max(change, 0.0)
    return down, up


def _edge_density(
    branch: SmoothBranch, at_upper: bool, log_normaliser: float, symbol: sympy.Symbol
) -> float:
    """One-sided limit of the density at an end of a branch."""
    end = branch.upper if at_upper else branch.lower
    if end.is_infinite:
        return 0.0
    inward = -_DISTANCE if at_upper else _DISTANCE
    potential = BallFunction(branch.expr.subs(symbol, end + inward), _DISTANCE)
    value = potential.ball(0.0)
    if not value.is_finite():
        # A logarithm or a negative power at the end: its limit, to all digits of float64.
        value = potential.ball(1e-300)
    exponent = -float(value.mid()) - log_normaliser
    return float(np.exp(exponent)) if exponent < 700 else float("inf")

"""What the steps of the differential method look at: one direction, its law, and where to check.

The direction that is shown is the one in which sets grow fastest at p = 1/4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import sympy
from sympy import Expr, Symbol

from differential.gamma import cover
from differential.law_expressions import LawExpressions, plain_expressions
from differential.law_values import expression_value
from differential.phi import Direction, Phi
from radii.derivation import Check
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial, Structure

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["PROBABILITY", "THRESHOLD", "View", "checked", "phi_of"]

THRESHOLD: Symbol = Symbol("c", real=True)
PROBABILITY: Symbol = Symbol("p", positive=True)
#: Probabilities at which steps are compared.
_SHARES = (0.4, 0.1, 0.01)
#: Longer closed forms than this say less than the general formula.
_READABLE = 60


def phi_of(radius: RadiusFunction) -> Phi | None:
    """Phi of the pair at scale 1; None where the differential laws do not cover it."""
    recipe = cover(radius.smoothing.structures, radius.adversary, radius.dim)
    return None if recipe is None else recipe()


def checked(what: str, expression: Expr | None, number: float) -> tuple[Check, ...]:
    """The value of an expression beside a number; nothing where there is no value to be had."""
    if expression is None:
        return ()
    try:
        return (Check(what, expression_value(expression), number),)
    except NotImplementedError:
        return ()


@dataclass(frozen=True)
class View:
    """A radius with the direction that is shown: the one that grows fastest at p = 1/4."""

    radius: RadiusFunction
    phi: Phi

    @cached_property
    def direction(self) -> Direction:
        name = self.phi.winner(0.25)
        return next(d for d in self.phi.directions if d.name == name)

    @cached_property
    def structure(self) -> Structure:
        """The structure from which the law was made."""
        given = self.direction.law.expressions
        integrals = set() if given is None else given.tail(THRESHOLD).atoms(sympy.Integral)
        radial = any(RADIUS in integral.variables for integral in integrals)
        wanted = Radial if radial else Product
        found = sorted(self.radius.smoothing.structures, key=str)
        return next((s for s in found if isinstance(s, wanted)), found[0])

    @cached_property
    def marginal(self) -> Marginal | None:
        """The law of the coordinate that the direction moves, if it moves one."""
        axis = re.fullmatch(r"-?e(\d+)", self.direction.name)
        if not isinstance(self.structure, Product):
            return None
        marginals, indices = self.structure.marginals, self.structure.indices
        if axis is None and self.direction.law.expressions is None:
            return None  # a sum over coordinates
        if len(marginals) == 1:
            return marginals[0]
        if axis is None or indices is None:
            return None
        coordinate = int(axis[1]) - 1
        return next(m for m, own in zip(marginals, indices, strict=True) if coordinate in own)

    @cached_property
    def expressions(self) -> LawExpressions | None:
        """Of gamma_u / factor; for -e_i those of the mirrored coordinate."""
        given = self.direction.law.expressions
        if given is not None or self.marginal is None:
            return given
        low, high = self.marginal.support
        mirrored = self.marginal.phi.subs(COORDINATE, -COORDINATE)
        return plain_expressions(COORDINATE, mirrored, (-high, -low))

    @cached_property
    def factor(self) -> Expr:
        """The direction's factor, exact where it is the root of an integer."""
        square = self.direction.factor**2
        near = abs(square - round(square)) < 1e-9 * square
        return sympy.sqrt(round(square)) if near else sympy.Float(self.direction.factor)

    def tail(self, c: Expr) -> Expr | None:
        return None if self.expressions is None else self.expressions.tail(c / self.factor)

    def partial(self, c: Expr) -> Expr | None:
        if self.expressions is None:
            return None
        return self.factor * self.expressions.partial_expectation(c / self.factor)

    @cached_property
    def theta(self) -> float:
        return self.direction.factor * self.direction.law.jump_down

    @cached_property
    def is_sum(self) -> bool:
        """Whether values are sums of many integrals, which take seconds each."""
        shown = self.tail(THRESHOLD)
        return shown is not None and shown.has(sympy.Sum)

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """Probabilities for the checks, one of them beyond the last kink."""
        if self.is_sum:
            return (0.1,)
        kinks = self.phi.kinks[(self.phi.kinks > 1e-12) & (self.phi.kinks < _SHARES[-1])]
        return (*_SHARES, float(kinks[0]) / 2) if 0 < len(kinks) <= 4 else _SHARES

    @cached_property
    def thresholds(self) -> tuple[float, ...]:
        """Thresholds just below the quantiles, so that none is an atom."""
        quantiles = self.direction.factor * self.direction.law.upper_quantile(np.array(self.shares))
        return tuple(float(c) for c in np.unique(quantiles - 0.05 * np.abs(quantiles)))

    @cached_property
    def closed_phi(self) -> Expr | None:
        """Phi in closed form, where R has one short enough: 1/Phi(p) = R'(1 - p)."""
        found = None if self.radius.requested == "quadrature" else self.radius._symbolic
        if found is None or found.expression.has(sympy.Min, sympy.Integral):
            return None
        from differential.symbolic import RHO

        slope = sympy.diff(found.expression, RHO).subs(RHO, 1 - PROBABILITY)
        closed = sympy.simplify(1 / slope) if sympy.count_ops(slope) <= _READABLE else slope
        return closed if sympy.count_ops(closed) <= _READABLE else None

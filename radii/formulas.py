"""Looking for an expression of a radius that is already known in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from radii.compile import Evaluator
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Product, Radial, Structure, Uniform

__all__ = ["formula_finder", "symbolic_order"]


def formula_finder(
    structures: tuple[Structure, ...],
    adversary: Norm,
    evaluator: Evaluator,
    seconds: float = 0.0,
) -> Callable[[], Any]:
    """A function that derives an expression and checks it against the evaluator.

    Structures are tried in turn until one closes. Only if none does, SymPy's own integrator gets
    `seconds` for each, in a process of its own.
    """

    def numeric(tails: Any) -> Any:
        points = np.asarray(tails, dtype=np.float64)
        near_zero = evaluator.at_tail(np.minimum(points, 0.25))
        near_half = evaluator.at_margin(np.minimum(np.maximum(0.5 - points, 0.0), 0.25))
        return np.where(points < 0.25, near_zero, near_half)

    def find() -> Any:
        if not structures:
            return None
        import sympy

        from differential.symbolic import SymbolicRadius, derive_symbolic

        assert isinstance(adversary, LpNorm)
        order = sympy.oo if adversary.p == np.inf else sympy.nsimplify(adversary.p)
        best = None
        for limit in (0.0, seconds) if seconds > 0 else (0.0,):
            for structure in structures:
                found = derive_symbolic(structure, order, numeric, seconds=limit)
                if not isinstance(found, SymbolicRadius):
                    continue
                if found.is_closed_form:
                    return found
                best = best if best is not None else found
        return best

    return find


def symbolic_order(structures: frozenset[Structure]) -> tuple[Structure, ...]:
    """The structures that have symbolic derivations, the simplest first."""
    ranks: tuple[type, ...] = (Product, Radial, Uniform)
    usable = [s for s in structures if isinstance(s, ranks)]
    return tuple(sorted(usable, key=lambda s: (ranks.index(type(s)), str(s))))

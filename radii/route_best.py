"""The route "best": every sound route of a pair, combined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from differential.integrate import integrate_reciprocal
from differential.majorant import Bound, smallest_of
from radii.best import BestRadius
from radii.compile import compile_radius
from radii.contest import Entrant, LargestOf, smallest_growth
from radii.formulas import formula_finder, symbolic_order
from radii.grow import growth_by_integral
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal, gathered
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm
from smoothing.structure import Structure

__all__ = ["BestRoute"]


@dataclass(frozen=True)
class BestRoute:
    """Pointwise the largest of the radii of all routes that offer evidence.

    Bounds of Phi are combined before they are integrated, which is better than the larger of the
    two radii.
    """

    name: str = "best"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        from radii.routes import DIRECT, LAST

        verdicts = [(r.name, r.accepts(smoothing, adversary)) for r in (*DIRECT, *LAST)]
        taken = [
            (name, verdict)
            for name, verdict in verdicts
            if isinstance(verdict, Accepted) and verdict.evidence is not None
        ]
        if not taken:
            return Refusal("no other sound route accepts the pair")

        def build() -> RadiusFunction:
            found, _ = gathered(taken)
            return _best(smoothing, adversary, [(taken[i][0], made) for i, made in found])

        return Accepted("combines " + ", ".join(name for name, _ in taken), build)


def _best(
    smoothing: SmoothingDistribution, adversary: Norm, found: list[tuple[str, Evidence]]
) -> BestRadius:
    entrants = [Entrant(name, e.evaluator, _detail(e)) for name, e in found]
    growths = [e.grow for _, e in found]
    bounds: list[Bound] = [e.bound for _, e in found if e.bound is not None]
    if len(bounds) > 1:
        both = smallest_of(bounds)
        if both not in bounds:
            radius = integrate_reciprocal(both, both.kinks, both.relative_error)
            entrants.append(Entrant("differential", radius, both.winner))
            growths.append(growth_by_integral(radius))
    contest = LargestOf(tuple(entrants))
    structures: tuple[Structure, ...] = ()
    if isinstance(adversary, LpNorm) and adversary.p in (1, 2, math.inf):
        structures = symbolic_order(smoothing.structures)
    return BestRadius(
        smoothing,
        adversary,
        "best",
        "conservative",
        tuple(f"route {name}" for name, _ in found),
        compile_radius(contest),
        smallest_growth(growths),
        formula_finder(structures, adversary, contest),
        contest=contest,
    )


def _detail(evidence: Evidence) -> Callable[[float], str] | None:
    return None if evidence.bound is None else evidence.bound.winner

"""The route "conversion": a radius in another norm, divided by the constant of an inclusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radii.compile import compile_radius
from radii.contest import Entrant, LargestOf, Shrunk, smallest_growth
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal, gathered
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm

__all__ = ["ConversionRoute", "inclusion_constant"]

#: Norms from which a radius is carried over.
_SOURCES = (LpNorm(1), LpNorm(2), LpNorm(math.inf))


def inclusion_constant(inner: Norm, outer: LpNorm, dim: int) -> float | None:
    """Smallest C with ||x||_outer <= C ||x||_inner on R^dim, rounded up; None where not known.

    A norm is convex, so its supremum over a ball is attained at an extreme point.

    Examples
    --------
    >>> round(inclusion_constant(LpNorm(math.inf), LpNorm(2), 9), 12)
    3.0
    >>> inclusion_constant(LpNorm(1), LpNorm(2), 9)
    1.0
    """
    if isinstance(inner, LpNorm):
        power = _inverse(outer) - _inverse(inner)
        return 1.0 if power <= 0 else math.nextafter(dim**power * (1 + 4e-16), math.inf)
    vertices = inner.orbit_representatives(dim)
    if vertices is None or inner.symmetry == "orthogonal":
        return None
    # Orbits under signs and permutations have one l_p norm, so representatives are enough.
    rounding = 1 + (dim + 8) * np.finfo(np.float64).eps
    return float(np.max(outer.gauge(vertices))) * rounding


def _inverse(norm: LpNorm) -> float:
    return 0.0 if math.isinf(norm.p) else 1 / norm.p


@dataclass(frozen=True)
class ConversionRoute:
    """||x||_b <= C ||x||_a makes R_a >= R_b / C; the best of b = 1, 2, inf at every rho.

    R_b comes from a route that works on b itself: never from a conversion.
    """

    name: str = "conversion"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        dim = smoothing.dim
        if dim == 1 and isinstance(adversary, LpNorm):
            return Refusal("on the line all l_p norms are one")
        sources: list[tuple[str, float, Accepted]] = []
        for norm in _SOURCES:
            constant = inclusion_constant(adversary, norm, dim)
            if norm == adversary or constant is None:
                continue
            found = _direct(smoothing, norm)
            if found is not None:
                sources.append(
                    (f"{norm.name} ({found[0]}) over {constant:.6g}", constant, found[1])
                )
        if not sources:
            return Refusal("no other route covers the density against l1, l2 or linf")

        def evidence() -> Evidence:
            found, _ = gathered([(title, accepted) for title, _, accepted in sources])
            entrants = [
                Entrant(sources[i][0], Shrunk(made.evaluator, sources[i][1])) for i, made in found
            ]
            growths = [_stretched(made, sources[i][1]) for i, made in found]
            return Evidence(LargestOf(tuple(entrants)), smallest_growth(growths))

        def build() -> RadiusFunction:
            made = evidence()
            return RadiusFunction(
                smoothing,
                adversary,
                self.name,
                "conservative",
                tuple(f"inclusion of balls, from {title}" for title, _, _ in sources),
                compile_radius(made.evaluator),
                made.grow,
            )

        names = ", ".join(title for title, _, _ in sources)
        return Accepted(f"from {names}", build, evidence)


def _direct(smoothing: SmoothingDistribution, norm: Norm) -> tuple[str, Accepted] | None:
    """The first route on the norm itself that offers evidence."""
    from radii.routes import DIRECT

    for route in DIRECT:
        verdict = route.accepts(smoothing, norm)
        if isinstance(verdict, Accepted) and verdict.evidence is not None:
            return route.name, verdict
    return None


def _stretched(made: Evidence, constant: float) -> Callable[[float, float], float]:
    """A step r in one norm is at most C r in the other."""
    return lambda p, r: made.grow(p, math.nextafter(r * constant, math.inf) if r > 0 else r)

"""Routes to a radius: each accepts a pair or says why not, before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from differential.gamma import Coverage, cover, uncovered_reason
from differential.integrate import integrate_reciprocal
from differential.phi import Phi
from levelset.uniform import overlap_radius, refusal
from radii.compile import Evaluator, compile_radius
from radii.grow import growth_by_integral, growth_by_overlap
from radii.radius_function import RadiusFunction
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm
from smoothing.structure import General, Product, Radial, Structure, Uniform

__all__ = ["ROUTES", "Accepted", "Refusal", "Route"]


@dataclass(frozen=True)
class Accepted:
    """A route can derive the pair; `build` does it."""

    reason: str
    build: Callable[[], RadiusFunction] = field(repr=False)


@dataclass(frozen=True)
class Refusal:
    """A route cannot derive the pair, for this reason."""

    reason: str


class Route(Protocol):
    """One way to a radius function."""

    @property
    def name(self) -> str: ...

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        """Decide without computing."""
        ...


@dataclass(frozen=True)
class OverlapRoute:
    """Uniform bodies: exact, from the volume of S and its shifted copy."""

    name: str = "overlap"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        bodies = [s for s in smoothing.structures if isinstance(s, Uniform)]
        if not bodies:
            return Refusal("the density is not uniform on a body")
        exact = overlap_radius(bodies[0], adversary)
        if exact is None:
            return Refusal(refusal(adversary))

        def build() -> RadiusFunction:
            return RadiusFunction(
                smoothing,
                adversary,
                self.name,
                "conservative",
                ("Yang et al. 2020, I.8, I.11, I.19", "Blum et al. 2020, Lemma B.4"),
                compile_radius(exact),
                growth_by_overlap(exact.defect),
                _symbolic_finder((bodies[0],), adversary, exact),
            )

        return Accepted("uniform body with a proved worst shift", build)


@dataclass(frozen=True)
class DifferentialRoute:
    """R = integral of dp / Phi(p) (RSAS, Theorem F.6).

    "quadrature" gives numbers only; "symbolic" gives the same numbers and insists on an
    expression for R, which is checked against them.
    """

    name: str

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        generals = [s for s in smoothing.structures if isinstance(s, General)]
        if generals:
            return Refusal(f"psi has no recognised structure: {generals[0].reason}")
        recipe = cover(smoothing.structures, adversary, smoothing.dim)
        if recipe is None:
            return Refusal(uncovered_reason(smoothing.structures, adversary))
        if self.name == "symbolic":
            return self._accept_symbolic(smoothing, adversary, recipe)
        return Accepted(
            "the law of gamma is known along every vertex",
            lambda: _differential(smoothing, adversary, recipe, self.name, ()),
        )

    def _accept_symbolic(
        self, smoothing: SmoothingDistribution, adversary: Norm, recipe: Coverage
    ) -> Accepted | Refusal:
        if not isinstance(adversary, LpNorm) or adversary.p not in (1, 2, np.inf):
            return Refusal(f"symbolic rules cover l1, l2 and linf, not {adversary.name}")
        structures = _symbolic_order(smoothing.structures)
        return Accepted(
            "rules are tried on the structure; falls through to quadrature if none closes",
            lambda: _differential(smoothing, adversary, recipe, self.name, structures),
        )


#: In the order in which "auto" tries them.
ROUTES: tuple[Route, ...] = (
    OverlapRoute(),
    DifferentialRoute("symbolic"),
    DifferentialRoute("quadrature"),
)


@dataclass(frozen=True)
class _SmallerOf:
    """Pointwise minimum of two radii: on the line a path has one direction (spec 2.1)."""

    first: Evaluator
    second: Evaluator

    @property
    def kinks(self) -> Any:
        return np.union1d(self.first.kinks, self.second.kinks)

    @property
    def relative_error(self) -> float:
        return max(self.first.relative_error, self.second.relative_error)

    @property
    def limit(self) -> float:
        return min(self.first.limit, self.second.limit)

    def at_tail(self, tail: Any) -> Any:
        return np.minimum(self.first.at_tail(tail), self.second.at_tail(tail))

    def at_margin(self, margin: Any) -> Any:
        return np.minimum(self.first.at_margin(margin), self.second.at_margin(margin))


def _differential(
    smoothing: SmoothingDistribution,
    adversary: Norm,
    recipe: Coverage,
    name: str,
    structures: tuple[Structure, ...],
) -> RadiusFunction:
    phi = recipe()
    envelope = integrate_reciprocal(phi, phi.kinks, phi.relative_error)
    evaluator: Evaluator = envelope
    if smoothing.dim == 1 and len(phi.directions) == 2:
        one_way = [Phi((direction,)) for direction in phi.directions]
        evaluator = _SmallerOf(
            *(integrate_reciprocal(f, f.kinks, f.relative_error) for f in one_way)
        )
    return RadiusFunction(
        smoothing,
        adversary,
        name,
        "conservative",
        ("Yang et al. 2020, Theorem F.6, Lemma F.7",),
        compile_radius(evaluator),
        growth_by_integral(envelope),
        _symbolic_finder(structures, adversary, evaluator),
    )


def _symbolic_finder(
    structures: tuple[Structure, ...], adversary: Norm, evaluator: Evaluator
) -> Callable[[], Any]:
    def numeric(tails: Any) -> Any:
        points = np.asarray(tails, dtype=np.float64)
        near_zero = evaluator.at_tail(np.minimum(points, 0.25))
        near_half = evaluator.at_margin(np.minimum(np.maximum(0.5 - points, 0.0), 0.25))
        return np.where(points < 0.25, near_zero, near_half)

    def find() -> Any:
        if not structures:
            return None
        import sympy

        from differential.symbolic import symbolic_radius

        assert isinstance(adversary, LpNorm)
        order = sympy.oo if adversary.p == np.inf else sympy.nsimplify(adversary.p)
        found = [symbolic_radius(s, order, numeric) for s in structures]
        closed = [f for f in found if f is not None]
        return min(closed, key=lambda f: not f.is_closed_form, default=None)

    return find


def _symbolic_order(structures: frozenset[Structure]) -> tuple[Structure, ...]:
    ranks: tuple[type, ...] = (Product, Radial, Uniform)
    usable = [s for s in structures if isinstance(s, ranks)]
    return tuple(sorted(usable, key=lambda s: (ranks.index(type(s)), str(s))))

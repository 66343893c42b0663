"""The routes "symbolic" and "quadrature": R = integral of dp / Phi(p) (RSAS, Theorem F.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from differential.direct_laws import direct_bound, direct_refusal
from differential.gamma import Coverage, cover, uncovered_reason
from differential.integrate import integrate_reciprocal
from differential.majorant import Bound, Majorant
from differential.majorants import majorant
from differential.phi import Phi
from numerics.errors import AssumptionError
from radii.compile import Evaluator, compile_radius
from radii.formulas import formula_finder, symbolic_order
from radii.grow import growth_by_integral
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm
from smoothing.structure import General, Structure

__all__ = ["DifferentialRoute"]


@dataclass(frozen=True)
class DifferentialRoute:
    """R = integral of dp / Phi(p) (RSAS, Theorem F.6).

    "quadrature" gives numbers only; "symbolic" gives the same numbers and insists on an
    expression for R, which is checked against them; `seconds` is the time that SymPy's own
    integrator may take where no rule fits.
    """

    name: str
    seconds: float = 0.0

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        generals = [s for s in smoothing.structures if isinstance(s, General)]
        if generals:
            return self._accept_direct(smoothing, adversary, generals[0])
        recipe = cover(smoothing.structures, adversary, smoothing.dim)
        if recipe is None:
            return self._accept_bound(smoothing, adversary)
        if self.name == "symbolic":
            return self._accept_symbolic(smoothing, adversary, recipe)
        return Accepted(
            "the law of gamma is known along every vertex",
            lambda: _differential(smoothing, adversary, recipe, self, ()),
            lambda: _evidence(smoothing.dim, recipe),
        )

    def _accept_bound(
        self, smoothing: SmoothingDistribution, adversary: Norm
    ) -> Accepted | Refusal:
        """No exact law, but perhaps a proven bound of Phi."""
        recipe = majorant(smoothing.structures, adversary, smoothing.dim)
        if recipe is None or self.name == "symbolic":
            return Refusal(uncovered_reason(smoothing.structures, adversary))
        try:
            bound = recipe()
        except AssumptionError as error:
            return Refusal(str(error))
        reason = f"no exact law, but a bound of Phi: {bound.winner(0.25)}"
        return _bounded(smoothing, adversary, self.name, lambda: bound, reason)

    def _accept_direct(
        self, smoothing: SmoothingDistribution, adversary: Norm, general: General
    ) -> Accepted | Refusal:
        """No structure: grids in two and three dimensions."""
        reason = f"psi has no recognised structure: {general.reason}"
        if self.name == "symbolic":
            return Refusal(reason)
        why = direct_refusal(general, smoothing.support, adversary, smoothing.dim)
        if why is not None:
            return Refusal(f"{reason}; {why}")
        recipe = direct_bound(general.psi, adversary, smoothing.dim)
        reason = "no structure, but an estimate of Phi by quadrature on grids"
        # A well between the points of all grids goes unseen: nothing proves that there is none.
        found = _bounded(smoothing, adversary, self.name, recipe, reason, "estimate")
        return Accepted(found.reason, found.build)

    def _accept_symbolic(
        self, smoothing: SmoothingDistribution, adversary: Norm, recipe: Coverage
    ) -> Accepted | Refusal:
        if not isinstance(adversary, LpNorm) or adversary.p not in (1, 2, np.inf):
            return Refusal(f"symbolic rules cover l1, l2 and linf, not {adversary.name}")
        structures = symbolic_order(smoothing.structures)
        return Accepted(
            "rules are tried on the structure; falls through to quadrature if none closes",
            lambda: _differential(smoothing, adversary, recipe, self, structures),
        )


def _bounded(
    smoothing: SmoothingDistribution,
    adversary: Norm,
    name: str,
    recipe: Callable[[], Bound],
    reason: str,
    guarantee: str = "conservative",
) -> Accepted:
    """Acceptance of a radius that rests on a bound of Phi."""

    def evidence() -> Evidence:
        bound = recipe()
        radius = integrate_reciprocal(bound, bound.kinks, bound.relative_error)
        return Evidence(radius, growth_by_integral(radius), bound)

    def build() -> RadiusFunction:
        found = evidence()
        assert found.bound is not None
        return RadiusFunction(
            smoothing,
            adversary,
            name,
            guarantee,
            ("Yang et al. 2020, Theorem F.6", f"bound of Phi: {found.bound.winner(0.25)}"),
            compile_radius(found.evaluator),
            found.grow,
        )

    return Accepted(reason, build, evidence)


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


def _evidence(dim: int, recipe: Coverage) -> Evidence:
    phi = recipe()
    envelope = integrate_reciprocal(phi, phi.kinks, phi.relative_error)
    evaluator: Evaluator = envelope
    if dim == 1 and len(phi.directions) == 2:
        one_way = [Phi((direction,)) for direction in phi.directions]
        evaluator = _SmallerOf(
            *(integrate_reciprocal(f, f.kinks, f.relative_error) for f in one_way)
        )
    # On the line the smaller of two one-way radii beats the integral of the larger Phi.
    exact = Majorant("exact law of gamma", phi, phi.kinks, phi.relative_error)
    bound = exact if evaluator is envelope else None
    return Evidence(evaluator, growth_by_integral(envelope), bound)


def _differential(
    smoothing: SmoothingDistribution,
    adversary: Norm,
    recipe: Coverage,
    route: DifferentialRoute,
    structures: tuple[Structure, ...],
) -> RadiusFunction:
    found = _evidence(smoothing.dim, recipe)
    return RadiusFunction(
        smoothing,
        adversary,
        route.name,
        "conservative",
        ("Yang et al. 2020, Theorem F.6, Lemma F.7",),
        compile_radius(found.evaluator),
        found.grow,
        formula_finder(structures, adversary, found.evaluator, route.seconds),
    )

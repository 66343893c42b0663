"""The route "overlap": exact radii of uniform bodies, from the volume of S and its shifted copy."""

from __future__ import annotations

from dataclasses import dataclass

from levelset.uniform import overlap_radius, refusal
from radii.compile import compile_radius
from radii.formulas import formula_finder
from radii.grow import growth_by_overlap
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm
from smoothing.structure import Uniform

__all__ = ["OverlapRoute"]


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
        grow = growth_by_overlap(exact.defect)

        def build() -> RadiusFunction:
            return RadiusFunction(
                smoothing,
                adversary,
                self.name,
                "conservative",
                ("Yang et al. 2020, I.8, I.11, I.19", "Blum et al. 2020, Lemma B.4"),
                compile_radius(exact),
                grow,
                formula_finder((bodies[0],), adversary, exact),
            )

        return Accepted(
            "uniform body with a proved worst shift", build, lambda: Evidence(exact, grow)
        )

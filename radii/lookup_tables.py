"""`radii.table`: lookup tables of tight radii, built once and kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from differential.gamma import cover
from differential.integrate import integrate_reciprocal
from levelset.build import DEFAULT_LOSS, MOST_ENTRIES, build_table, check_loss, check_radii
from levelset.ray import Ray, Refusal
from levelset.table import LookupTable
from numerics.bit_table import Evaluator
from numerics.errors import (
    AssumptionError,
    PrecisionError,
    UnsupportedPairError,
    invalid,
)
from numerics.validation import check_count
from radii.cache import Problem, fetch
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm
from smoothing.structure import General

__all__ = [
    "ScaledIntegral",
    "growth_integral_of",
    "made_table",
    "problem_of",
    "proved_ray",
    "table",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScaledIntegral:
    """S, the integral of 1/Phi from a tail to 1/2, in the units of the noise."""

    unit: Evaluator
    scale: float

    @property
    def kinks(self) -> Array:
        """Tails at which S is not smooth."""
        return self.unit.kinks

    @property
    def relative_error(self) -> float:
        """Budget, with the rounding of the product."""
        return self.unit.relative_error + 2.0**-52

    @property
    def limit(self) -> float:
        """S at tail 0."""
        return self.scale * self.unit.limit

    def at_tail(self, tail: ArrayLike) -> Array:
        """S at tails up to 1/4."""
        return self.scale * self.unit.at_tail(tail)

    def at_margin(self, margin: ArrayLike) -> Array:
        """S at tails 1/2 - margin."""
        return self.scale * self.unit.at_margin(margin)


def table(
    smoothing: SmoothingDistribution,
    adversary: Norm | str,
    *,
    radii: ArrayLike | None = None,
    relative_loss: float = DEFAULT_LOSS,
    max_radii: int = MOST_ENTRIES,
    cache: bool = True,
) -> LookupTable:
    r"""Tabulate the tight certified radius of a density by the level-set method.

    Parameters
    ----------
    smoothing : SmoothingDistribution
        The noise.
    adversary : Norm or {"l1", "l2", "linf"}
        Threat model; radii are measured in this norm.
    radii : array_like, optional
        Radii of the entries, increasing; by default as many as `relative_loss` needs.
    relative_loss : float
        What the lookup may lose of the tight radius between entries. What it does lose stands
        in ``table.info.relative_loss``: poles and mixed norms may take more entries than are
        allowed.
    max_radii : int
        Number of entries that is not exceeded (by much) for the sake of the loss. Up to some 300
        become rows of the table, the others only serve the lookup between these.
    cache : bool
        Keep the table in the user's cache folder (or in RADII_CACHE_DIR), and look there first.

    Returns
    -------
    LookupTable
        A certified radius: usable wherever a `RadiusFunction` is.

    Raises
    ------
    UnsupportedPairError
        The level-set method does not know the density's shifts, or which shift is worst.
    AssumptionError
        Nothing is proved about the radii between two entries.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Algorithms 1, 2.

    Examples
    --------
    >>> import radii
    >>> tight = table(radii.families.gaussian(dim=3072, scale=0.5), "l2", cache=False)
    >>> bool(0 <= 0.5 * 1.2815515655446 - tight.radius(0.9) < 1e-6)
    True
    """
    return made_table(
        problem_of(smoothing, adversary, radii, relative_loss, max_radii), cache, None
    )


def problem_of(
    smoothing: SmoothingDistribution,
    adversary: Norm | str,
    radii: ArrayLike | None,
    relative_loss: float,
    max_radii: int,
) -> Problem:
    """What is asked for, checked."""
    noise, norm = _checked(smoothing, adversary)
    wanted = None if radii is None else tuple(check_radii(radii).tolist())
    most = check_count("max_radii", max_radii, minimum=1)
    return Problem(noise, norm, wanted, check_loss(relative_loss), most)


def made_table(problem: Problem, cache: bool, folder: Path | None) -> LookupTable:
    """The table of a problem, from the cache or built; `folder` is the cache's, if named."""
    noise, norm = problem.smoothing, problem.adversary
    ray = proved_ray(noise, norm)

    def build() -> LookupTable:
        return build_table(
            ray,
            radii=problem.radii,
            relative_loss=problem.relative_loss,
            most=problem.max_radii,
            integral=growth_integral_of(noise, norm),
            smoothing=noise,
            adversary=norm,
        )

    return fetch(problem, build, folder) if cache else build()


def proved_ray(noise: SmoothingDistribution, norm: Norm) -> Ray:
    """The worst ray of shifts, computed lazily.

    Raises
    ------
    UnsupportedPairError
        There is no level-set geometry for the pair, or no proof that a ray is the worst.
    """
    from levelset.worst_case import rays

    found = rays(noise, norm)
    reason = found.reason if isinstance(found, Refusal) else _unproved(found)
    if reason is not None:
        raise UnsupportedPairError(
            f"no lookup table of {noise.describe()} against {norm.name}: {reason}"
        )
    assert not isinstance(found, Refusal)
    return found


def _unproved(ray: Ray) -> str | None:
    if ray.proved_by is not None:
        return None
    return (
        f"it would be tight along {ray.direction} only, and nothing proves that no other direction "
        "is worse; levelset.build_table(ray) tabulates it for comparison"
    )


def growth_integral_of(noise: SmoothingDistribution, norm: LpNorm) -> ScaledIntegral | None:
    """S from the differential method; None where it has no finite Phi for the pair.

    Where there is no Phi for the norm itself, that of another one serves: a unit ball inside c
    times the other has Phi <= c times the other Phi.
    """
    for order in (norm.p, 2.0, 1.0, math.inf):
        unit = _unit_integral(noise, LpNorm(order))
        if unit is not None:
            longest = noise.dim ** max(0.0, 1 / order - 1 / norm.p)
            kept = 1.0 if order == norm.p else (1 - 1e-14) / longest
            return ScaledIntegral(ScaledIntegral(unit, kept), noise.scale)
    return None


def _unit_integral(noise: SmoothingDistribution, norm: LpNorm) -> Evaluator | None:
    """S at scale 1."""
    if any(isinstance(s, General) for s in noise.structures):
        return None
    recipe = cover(noise.structures, norm, noise.dim)
    if recipe is None:
        return None
    try:
        phi = recipe()
        return integrate_reciprocal(phi, phi.kinks, phi.relative_error)
    except (AssumptionError, PrecisionError):
        return None


def _checked(
    smoothing: SmoothingDistribution, adversary: Norm | str
) -> tuple[SmoothingDistribution, LpNorm]:
    if not isinstance(smoothing, SmoothingDistribution):
        raise invalid(
            "smoothing",
            "a SmoothingDistribution",
            smoothing,
            "build one with radii.SmoothingDistribution(psi, dim=...)",
        )
    norm = as_norm(adversary)
    if not isinstance(norm, LpNorm):
        raise UnsupportedPairError(
            f"no lookup table against {norm.name}: the level-set method covers l_p norms"
        )
    if smoothing.black_box is not None:
        raise UnsupportedPairError(
            "no lookup table of a density that is given by callables; write psi as an expression"
        )
    return smoothing, norm

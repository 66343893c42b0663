"""`radii.table` and `radii.tables`: lookup tables of tight radii, built once and kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

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

__all__ = ["ScaledIntegral", "growth_integral_of", "proved_ray", "table", "tables"]

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
        What the lookup may lose of the tight radius between entries. What it does lose is
        certified and stands in ``table.info.relative_loss``: where the density is loose under
        the differential method the loss may take more entries than are allowed.
    max_radii : int
        Number of entries that is not exceeded (by much) for the sake of the loss.
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
    noise, norm = _checked(smoothing, adversary)
    wanted = None if radii is None else tuple(check_radii(radii).tolist())
    most = check_count("max_radii", max_radii, minimum=1)
    problem = Problem(noise, norm, wanted, check_loss(relative_loss), most)
    ray = proved_ray(noise, norm)

    def build() -> LookupTable:
        return build_table(
            ray,
            radii=wanted,
            relative_loss=relative_loss,
            most=most,
            integral=growth_integral_of(noise, norm),
            smoothing=noise,
            adversary=norm,
        )

    return fetch(problem, build) if cache else build()


def tables(
    problems: Iterable[tuple[SmoothingDistribution, Norm | str]],
    *,
    radii: ArrayLike | None = None,
    relative_loss: float = DEFAULT_LOSS,
    max_radii: int = MOST_ENTRIES,
    cache: bool = True,
    n_jobs: int = 1,
    progress: bool | Callable[[int, int], None] = False,
) -> list[LookupTable]:
    """Tabulate many densities, in parallel and with resumption.

    Tables that are in the cache are not built again, so that a run that was stopped goes on where
    it was. Where several processes, or machines that share a folder, ask for one table, one of
    them builds it.

    Parameters
    ----------
    problems : iterable of (SmoothingDistribution, Norm or str)
    radii, relative_loss, max_radii, cache
        As for `table`.
    n_jobs : int
        Processes of joblib, -1 for all cores. Within ``joblib.parallel_config(backend="ray")``
        (after ``ray.util.joblib.register_ray()``) the work goes to a Ray cluster.
    progress : bool or callable
        Show a progress bar, or call a function with (tables done, tables in all).

    Returns
    -------
    list of LookupTable
        In the order of `problems`.

    Raises
    ------
    UnsupportedPairError
        One of the pairs has no table; found before anything is built.
    """
    import joblib

    from numerics.progress import reporter

    pairs = [_checked(*problem) for problem in problems]
    for noise, norm in pairs:
        proved_ray(noise, norm)
    settings = {
        "radii": radii,
        "relative_loss": relative_loss,
        "max_radii": max_radii,
        "cache": cache,
    }
    jobs = (
        joblib.delayed(_numbered)(i, noise.describe(), float(norm.p), settings)
        for i, (noise, norm) in enumerate(pairs)
    )
    done: dict[int, LookupTable] = {}
    with reporter(progress, len(pairs), "tables") as report:
        for number, made in _parallel(n_jobs)(jobs):
            done[number] = made
            report(len(done), len(pairs))
    return [done[i] for i in range(len(pairs))]


def _numbered(
    number: int, noise: str, p: float, settings: dict[str, Any]
) -> tuple[int, LookupTable]:
    """One table in a worker; the density travels as text."""
    return number, table(SmoothingDistribution.from_description(noise), LpNorm(p), **settings)


def _parallel(n_jobs: int) -> Any:
    """joblib's parallel runner, giving tables as they are ready where its backend can."""
    import joblib

    try:
        return joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # a backend that gives all results at the end
        return joblib.Parallel(n_jobs=n_jobs)


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

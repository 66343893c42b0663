"""The route "levelset": tight radii from a table of the Neyman-Pearson method (RSAS 4.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from levelset.cells import build_cells
from levelset.ray import Ray
from levelset.table import LookupTable
from numerics.bit_reader import SCALE_ROUNDING
from numerics.bit_table import CompiledRadius
from numerics.errors import UnsupportedPairError
from numerics.rounding import down
from radii.grow import growth_by_integral
from radii.lookup_tables import growth_integral_of, proved_ray, table
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Evidence, Refusal
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm

__all__ = ["LevelsetRoute", "as_radius_function"]

#: Entries of a table that only takes part in "best", which would else wait for it: composition
#: keeps it above the differential radius, and the named route gives the rest.
_FEW_RADII = 300
#: Multipliers tried for the growth of a set where there is no Phi, as logarithms.
_LOG_KAPPAS = np.linspace(-40.0, 40.0, 81)


@dataclass(frozen=True)
class LevelsetRoute:
    """Tight radii where the worst shift is proved; the table comes from the cache if it can."""

    name: str = "levelset"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        if not isinstance(adversary, LpNorm):
            return Refusal(f"the level-set method covers l_p norms, not {adversary.name}")
        if smoothing.black_box is not None:
            return Refusal("psi is given by callables")
        try:
            ray = proved_ray(smoothing, adversary)
        except UnsupportedPairError as error:
            return Refusal(str(error).split(": ", 1)[-1])
        return Accepted(
            f"tight along {ray.direction}, which is the worst direction ({ray.proved_by})",
            lambda: as_radius_function(table(smoothing, adversary)),
            lambda: _evidence(table(smoothing, adversary, max_radii=_FEW_RADII)),
        )


def as_radius_function(built: LookupTable) -> RadiusFunction:
    """A table as a `RadiusFunction`, for all that works with one.

    Raises
    ------
    UnsupportedPairError
        The table's direction is not proved to be the worst, or it was built from a bare ray.
    """
    smoothing, adversary = built.smoothing, built.adversary
    if built.refusal is not None or smoothing is None or adversary is None:
        reason = built.refusal or "it does not say what noise and norm it is of"
        raise UnsupportedPairError(f"the table certifies nothing: {reason}")
    return RadiusFunction(
        smoothing,
        adversary,
        LevelsetRoute.name,
        built.guarantee,
        ("Yang et al. 2020, Algorithms 1 and 2", built.info.proved_by or ""),
        _at_scale_one(built.compiled, smoothing.scale),
        _growth(smoothing, adversary),
    )


def _at_scale_one(compiled: CompiledRadius, scale: float) -> CompiledRadius:
    """The lookup of radii / scale, rounded down; column 0 of a row is a tail, not a radius."""
    factor = (1 - SCALE_ROUNDING) / scale
    rows = compiled.arrays.rows.copy()
    rows[:, 1:] *= factor
    errors = compiled.arrays.errors + 4 * SCALE_ROUNDING
    return replace(
        compiled,
        arrays=replace(compiled.arrays, rows=rows, errors=errors),
        limit=compiled.limit * factor,
    )


def _evidence(built: LookupTable) -> Evidence:
    """The cells behind the lookup, at scale 1."""
    smoothing, adversary = built.smoothing, built.adversary
    assert smoothing is not None
    assert adversary is not None
    integral = growth_integral_of(smoothing, adversary)
    cells = build_cells(
        down(built.radii / smoothing.scale),
        built.tails,
        None if integral is None else integral.unit,
        monotone=built.info.monotone_by is not None,
    )
    return Evidence(cells, _growth(smoothing, adversary))


def _growth(smoothing: SmoothingDistribution, adversary: LpNorm) -> Callable[[float, float], float]:
    """(p, r) -> bound on growth at scale 1, set up when it is first asked for."""

    @cache
    def method() -> Callable[[float, float], float]:
        integral = growth_integral_of(smoothing, adversary)
        if integral is not None:
            return growth_by_integral(integral.unit)
        ray = proved_ray(smoothing, adversary)
        return lambda p, r: _growth_by_divergence(ray, p, r * smoothing.scale)

    return lambda p, r: method()(p, r)


def _growth_by_divergence(ray: Ray, p: float, r: float) -> float:
    """G(p, v) <= kappa p + D(kappa), at the best of many multipliers: any of them is sound."""
    if p >= 1.0 or r == 0.0:
        return p
    kappa: Any = np.exp(_LOG_KAPPAS)
    for _ in range(2):
        values = kappa * p + np.asarray(ray.hockey_stick(r, kappa).upper)
        best = int(np.argmin(values))
        low, high = kappa[max(best - 1, 0)], kappa[min(best + 1, len(kappa) - 1)]
        kappa = np.geomspace(low, high, 33)
    return min(1.0, math.nextafter(float(values.min()) * (1 + 1e-15), math.inf))

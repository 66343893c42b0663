"""Panels for a density that is itself the result of float64 quadrature."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from numerics.errors import PrecisionError
from numerics.panels import HalfBranch, PanelDensity, build_panels

__all__ = ["NumericDensity", "panels_of_density"]

Array = NDArray[np.float64]

#: Density at anchor + offset, both exact, for an array of offsets.
NumericDensity = Callable[[float, Array], Array]

#: Last coefficients of a panel, tried in turn; what is left goes into the error budget.
#: Quadrature and the rounding of nodes leave about 1e-13, slopes of a curved h up to 1e-11.
_RESOLUTIONS = (1e-12, 1e-10)
#: A density that resolves at all needs a few hundred; more means that rounding is being resolved.
_MAX_PANELS = 2500
#: Accepted difference between the integral of the density and its known total.
_MAX_LOSS = 1e-9


@dataclass(frozen=True)
class _LogDensity:
    """The part of `BallFunction` that panels use, for a float64 function."""

    density: NumericDensity
    anchor: float
    direction: int

    def ball(self, point: float | arb) -> arb:
        return self.balls([point])[0]

    def balls(self, points: Iterable[float | arb]) -> list[arb]:
        offsets = self.direction * np.array([float(p) for p in points])
        values = self.density(self.anchor, offsets)
        return [arb(float(np.log(v))) if v > 0 else arb("nan") for v in values]


@dataclass(frozen=True)
class _Identity:
    anchor: float
    direction: int

    def floats(self, points: Iterable[float | arb]) -> Array:
        return self.anchor + self.direction * np.array([float(p) for p in points])


def panels_of_density(
    density: NumericDensity, critical: Array, top: float, total: float
) -> tuple[PanelDensity, float]:
    """Panels of a density on (0, top) carrying the identity, and the relative loss of mass.

    Parameters
    ----------
    density : callable
    critical : array
        Points of (0, top) where the density is not smooth, increasing.
    top : float
        Upper end of the support, possibly inf.
    total : float
        The known integral of the density.

    Raises
    ------
    PrecisionError
        The density does not integrate to its total within 1e-9.
    """
    ends = [0.0, *critical[(critical > 0) & (critical < top)], top]
    branches: list[HalfBranch] = []
    for lower, upper in zip(ends[:-1], ends[1:], strict=True):
        if np.isinf(upper):
            sides = [(lower, 1, np.inf)]
        else:
            half = (upper - lower) / 2
            sides = [(lower, 1, half), (upper, -1, half)]
        for anchor, direction, length in sides:
            log_density = _LogDensity(density, anchor, direction)
            value = _Identity(anchor, direction)
            branches.append(HalfBranch(anchor, direction, length, log_density, value))
    panels, resolution = _resolve(branches)
    loss = abs(float(np.expm1(panels.log_normaliser - np.log(total))))
    if not loss <= _MAX_LOSS:
        raise PrecisionError(
            f"the density of gamma integrates to {1 + loss:.3e} of its mass (allowed deviation "
            f"{_MAX_LOSS:.0e}); psi has structure finer than the quadrature resolves"
        )
    return panels, loss + (0.0 if resolution == _RESOLUTIONS[0] else resolution)


def _resolve(branches: list[HalfBranch]) -> tuple[PanelDensity, float]:
    fine, coarse = _RESOLUTIONS
    try:
        return build_panels(branches, resolution=fine, max_panels=_MAX_PANELS), fine
    except PrecisionError:
        pass
    try:
        return build_panels(branches, resolution=coarse, max_panels=_MAX_PANELS), coarse
    except PrecisionError as error:
        raise PrecisionError(
            "the density of gamma could not be resolved to 1e-10 near an extremum or a limit of "
            "g'; this happens in low dimension, so raise dim or change psi"
        ) from error

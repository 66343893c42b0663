r"""Hockey-stick divergences from the Mellin transform M(z) = E_q[L^z] of the likelihood ratio.

For 0 < c < 1, min(L, kappa) = kappa/(2 pi i) int_{Re z = c} (L/kappa)^z / (z (1-z)) dz, hence at
c = 1/2

    1 - D(kappa) = E min(L, kappa) = sqrt(kappa) h(log kappa),
    h(l) = (1/pi) Re int_0^oo M(1/2 + i w) e^{-i w l} / (1/4 + w^2) dw.

When log L is a sum of independent terms M is a product, so the convolution that privacy accounting
does by FFT on a grid is done here without a grid. The trapezoidal rule with step 2 pi / T returns
the sum of h(l + k T) over all integers k (Poisson), and 0 <= h(l) <= e^{-|l|/2}, so its error is
one-sided and known. Truncation is bounded by the values of |M| seen beyond the cut, and by what
the caller knows to last: atoms of log L bring |M| back after it has vanished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["MellinTransform", "mellin_transform"]

ComplexArray = NDArray[np.complex128]
Values = Callable[[FloatArray], tuple[ComplexArray, FloatArray]]
Comeback = Callable[[float], float]

#: Period of the trapezoidal rule in log kappa.
_PERIOD = 140.0
_BLOCK = 128
_LARGEST = 12_288
_NEGLIGIBLE = 1e-17
#: |M| beyond the cut is taken to be at most this multiple of what was seen there.
_SAFETY = 4.0
_ROUNDING = 2e-15


@dataclass(frozen=True)
class MellinTransform:
    """M(1/2 + i w) at w = k step, with bounds on its error and on what lies beyond."""

    omega: FloatArray
    values: ComplexArray
    errors: FloatArray
    beyond: float

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        flat = multipliers.ravel()
        with np.errstate(divide="ignore"):
            logs = np.maximum(np.log(flat), -1e3)
        step = 2 * np.pi / _PERIOD
        weights = np.where(self.omega == 0, 0.5, 1.0) * step / np.pi / (0.25 + self.omega**2)
        phases = np.exp(-1j * logs[:, None] * self.omega)
        h = np.real(phases @ (weights * self.values))
        root = np.sqrt(flat)
        size = float(np.sum(weights * np.abs(self.values)))
        slack = float(np.sum(weights * self.errors)) + self.beyond + _ROUNDING * size
        alias = np.exp(-(_PERIOD - np.abs(logs)) / 2) * 2.1
        # The trapezoidal sum exceeds h by the aliases, which are >= 0.
        upper = 1 - root * (h - slack - alias)
        lower = 1 - root * (h + slack)
        least = np.maximum(1 - flat, 0.0)
        upper = np.clip(upper + 4e-16, least, 1.0)
        lower = np.clip(lower - 4e-16, least, upper)
        return Bounds(lower.reshape(multipliers.shape), upper.reshape(multipliers.shape))


def mellin_transform(
    values: Values,
    *,
    largest: int = _LARGEST,
    block: int = _BLOCK,
    comeback: Comeback | None = None,
) -> MellinTransform:
    """Sample M until it is negligible.

    Parameters
    ----------
    values : callable
        Frequencies (n,) -> M(1/2 + i w) and bounds on the error of its absolute value.
    largest : int
        Number of frequencies at which to give up; the bounds then widen.
    block : int
        Frequencies per call at first.
    comeback : callable, optional
        Frequency -> bound on (1/pi) int |M|/w^2 beyond it for parts of M that may come back however
        small they have been.
    """
    step = 2 * np.pi / _PERIOD
    found: list[tuple[FloatArray, ComplexArray, FloatArray]] = []
    count = 0
    while count < largest:
        omega = np.asarray(step * np.arange(count, count + block), dtype=np.float64)
        m, error = values(omega)
        found.append((omega, m, error))
        count += block
        if np.abs(m).max() / (0.25 + omega[0] ** 2) < _NEGLIGIBLE:
            break
        if np.abs(m).max() <= 2 * error.max():
            break  # what is left is the noise of the quadrature
        block = min(2 * block, 1024) if count >= 8 * block else block
    start = float(found[-1][0][-1])
    seen = float(np.abs(found[-1][1]).max())
    beyond = _SAFETY * seen / (np.pi * start)
    if comeback is not None:
        beyond = max(beyond, comeback(start))
    # |M| <= 1 always: E L^(1/2) is at most that
    beyond = min(beyond, 1 / (np.pi * start))
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    return MellinTransform(columns[0], columns[1], columns[2], beyond)

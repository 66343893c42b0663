r"""Hockey-stick divergences of even densities from their real Mellin transform.

Of an even density x -> v - x exchanges q and q(. - v), so M(z) = E L^z is the same at z and 1 - z:
real on Re z = 1/2. With l = log kappa,

    D(kappa) = (1 - kappa)_+ + sqrt(kappa) g(|l|),
    g(l) = e^{-|l|/2} - (1/pi) int_0^oo M(1/2 + i w) cos(w l) / (1/4 + w^2) dw >= 0,

and g falls as fast as the tails of log L do. So a trapezoidal rule with step 2 pi/T, which returns
the sum of g(l + k T) over all integers k, needs a period T of twice the range of log L only: a
long one for large shifts, whose transforms are narrow, and a short one for small shifts.

That T is long enough is seen from the sum itself: at T/2 it is at least 2 g(T/2), and because
e^{l/2} g(l) = D(e^l) falls, g(l) <= g(T/2) e^{-(l - T/2)/2} beyond.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["EvenTransform", "cosine_weights"]

#: Rounding of a sum over frequencies, relative to the sum of the absolute values.
_ROUNDING = 5e-15


def cosine_weights(step: float, count: int) -> FloatArray:
    """Weights of M(1/2 + i k step), k < count, in the trapezoidal rule."""
    omega = step * np.arange(count)
    weights = step / np.pi / (0.25 + omega**2)
    weights[0] /= 2
    return np.asarray(weights)


@dataclass(frozen=True)
class EvenTransform:
    """M(1/2 + i k step), k = 0, 1, ..., of an even density.

    Attributes
    ----------
    step : float
    values : array (n,)
    error : float
        Bound on the error of the sum over frequencies, its truncation included.
    """

    step: float
    values: FloatArray
    error: float

    @property
    def period(self) -> float:
        """T, the distance of the copies of g that the rule adds up."""
        return float(2 * np.pi / self.step)

    def periodic(self, logs: FloatArray) -> FloatArray:
        """The sum of g(l + k T) over all k, at |l| <= T/2."""
        omega = self.step * np.arange(len(self.values))
        sums = np.cos(logs[:, None] * omega) @ self._terms
        quarter = self.period / 4
        # The same sum of e^{-|l|/2} is cosh((T/2 - |l|)/2) / sinh(T/4).
        near = np.abs(logs) / 2
        copies = np.exp(-near) + np.exp(near - 2 * quarter)
        return np.asarray(copies / -np.expm1(-2 * quarter) - sums)

    def slack(self, logs: FloatArray) -> FloatArray:
        """Bound on the error of `periodic`."""
        copies = np.exp(-np.abs(logs) / 2)
        return np.asarray(self.error + _ROUNDING * (float(np.sum(np.abs(self._terms))) + copies))

    @cached_property
    def at_end(self) -> float:
        """Upper bound on g(T/2)."""
        end = np.array([self.period / 2])
        return max(float(self.periodic(end)[0] + self.slack(end)[0]), 0.0) / 2

    @cached_property
    def _terms(self) -> FloatArray:
        return np.asarray(cosine_weights(self.step, len(self.values)) * self.values)

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        flat = multipliers.ravel()
        with np.errstate(divide="ignore"):
            logs = np.maximum(np.log(flat), -1e3)
        far = np.abs(logs)
        half = self.period / 2
        inside = np.minimum(far, half)
        g, slack = self.periodic(inside), self.slack(inside)
        copies = (np.exp(inside / 2 - half / 2) + np.exp(-(inside + half) / 2)) * self.at_end
        copies /= -np.expm1(-half)
        high = np.where(far <= half, g + slack, self.at_end * np.exp(-(far - half) / 2))
        low = np.where(far <= half, g - slack - copies, 0.0)
        least = np.maximum(1 - flat, 0.0)
        root = np.exp(np.minimum(logs, 700.0) / 2)
        upper = np.clip(least + root * np.maximum(high, 0.0) * (1 + 1e-15) + 4e-16, least, 1.0)
        lower = np.clip(least + root * np.maximum(low, 0.0) * (1 - 1e-15) - 4e-16, least, upper)
        return Bounds(lower.reshape(multipliers.shape), upper.reshape(multipliers.shape))

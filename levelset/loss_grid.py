"""Growth of products from log ratios on a grid: convolution by FFT, with every error bounded.

`loss_law` encloses the law S of one log ratio between two laws on the multiples of a step h. The
coordinates' laws are multiplied as Fourier transforms on a circle of N steps, together with that of
k(l) = e^{-|l|/2}, which gives S * k on the grid points. Between them S * k of a law on the grid is
known too: E min(L, kappa) is linear in kappa there.

Going round the circle does no harm. Either the log ratios of all coordinates together stay on a
half of it, a quarter to each side, and k is cut at half a turn; or the circle is long, and as
0 <= S * k <= e^{-|l|/2} for every S, what comes round is between 0 and 2.1 e^{-(T - |l|)/2}, T the
circumference.

The enclosure is about dim h^2/4 times the density of log L wide. Atoms of l that are no whole
number of steps apart add to that, so h is chosen to make them so, as nearly as can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from levelset.loss_law import GridLaw, LogRatio
from numerics.bounds import Bounds
from numerics.rounding import FloatArray

__all__ = ["LossCurve", "Terms", "loss_curve"]

#: Log ratios and how many coordinates have each of them.
Terms = Sequence[tuple[LogRatio, int]]

_CIRCLE = 140.0
#: log kappa up to which a long circle is read; beyond, D only falls.
_READ = 60.0
_FIRST, _MOST = 2**15, 2**21
#: A second grid that misses the aim by this factor is not followed by a third.
_NEARLY = 5.0
#: log ratios are known to about 1e-13: no grid is finer than a hundred times that.
_FINEST = 1e-11
#: Largest kappa at which the width is asked for.
_LARGEST = 1e6
#: Error of one FFT per level and unit of the 1-norm: sqrt(5) eps per butterfly (Higham 2002, 24.1),
#: and as much for its twiddle factor.
_BUTTERFLY = 1e-15


@dataclass(frozen=True)
class LossCurve:
    """D at the multipliers e^logs, enclosed, with the value of any law on the grid between.

    Attributes
    ----------
    logs : array (n,)
        Grid points log kappa, ascending.
    upper, lower : arrays (n,)
        D(kappa) from above, non-increasing; from below at the grid points alone.
    floor : array (n,)
        D from below, non-increasing: largest `lower` from here on.
    slack : array (n,)
        Part of the bounds that is rounding, which grows with sqrt(kappa).
    """

    logs: FloatArray
    upper: FloatArray
    lower: FloatArray
    floor: FloatArray
    slack: FloatArray

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        flat = multipliers.ravel()
        with np.errstate(divide="ignore"):
            logs = np.log(flat)
        # an error of log kappa moves the threshold by 1e-15 or so: D falls by at most that
        right = np.clip(np.searchsorted(self.logs, logs, side="right"), 1, len(self.logs) - 1)
        begin, step = self.logs[right - 1], self.logs[right] - self.logs[right - 1]
        share = np.clip(np.expm1(logs - begin) / np.expm1(step), 0.0, 1.0)
        below = logs < self.logs[0]
        first = flat / np.exp(self.logs[0])  # from D(0) = 1 to the first grid point
        upper = _chord(self.upper[right - 1], self.upper[right], share)
        lower = _chord(self.lower[right - 1], self.lower[right], share) - self.slack[right]
        lower = np.maximum(lower, self.floor[right])
        upper = np.where(below, _chord(1.0, self.upper[0], first), upper)
        lower = np.where(below, _chord(1.0, self.lower[0], first) - self.slack[0], lower)
        least = np.maximum(1 - flat, 0.0)
        upper = np.clip(upper + 2e-15, least, 1.0)
        lower = np.clip(lower - 2e-15, least, upper)
        return Bounds(lower.reshape(multipliers.shape), upper.reshape(multipliers.shape))

    def growth(self, p: FloatArray) -> Bounds:
        """G(p) = min over kappa of kappa p + D(kappa), on all of the grid at once."""
        kappa = np.exp(self.logs)
        edges = np.asarray(p, dtype=np.float64)
        low, high = np.empty(len(edges)), np.empty(len(edges))
        for i, start in enumerate(edges):
            high[i] = min(float(np.min(kappa * start + self.upper)), 1.0)
            inner = kappa * start + self.lower
            # linear between grid points, up to rounding; and D falls
            cells = np.minimum(inner[1:], inner[:-1]) - self.slack[1:]
            cells = np.maximum(cells, kappa[:-1] * start + self.floor[1:])
            # below the first point D is linear, from D(0) = 1
            first = min(1.0, float(inner[0])) - self.slack[0]
            low[i] = min(float(np.min(cells)), first, kappa[-1] * start + self.floor[-1])
        high = np.maximum(high + 2e-15, edges)
        return Bounds(np.clip(low - 2e-15, edges, high), high)

    def tails(self) -> tuple[float, float, float]:
        """Best kappa, and (1/2 - D(kappa))/kappa at its maximum, from below and from above."""
        kappa = np.exp(self.logs)
        safe = (0.5 - 2e-15 - self.upper) / kappa
        best = int(np.argmax(safe))
        inner = 0.5 - self.lower
        cells = np.maximum(
            (inner[:-1] + self.slack[1:]) / kappa[:-1], (inner[1:] + self.slack[1:]) / kappa[1:]
        )
        cells = np.minimum(cells, (0.5 - self.floor[1:]) / kappa[:-1])
        # below the first point D is linear from D(0) = 1, and the quotient rises
        first = (inner[0] + self.slack[0]) / kappa[0]
        ends = first, (0.5 - self.floor[-1]) / kappa[-1]
        low = max(float(safe[best]), 0.0)
        high = max(float(np.max(cells)), *map(float, ends), 0.0)
        return float(kappa[best]), low * (1 - 1e-15), max(min(high + 4e-15, 0.5), low)

    @property
    def width(self) -> float:
        """Largest width up to kappa = 1e6."""
        return float(np.max((self.upper - self.floor)[self.logs <= np.log(_LARGEST)]))


def _chord(start: FloatArray | float, stop: FloatArray, share: FloatArray) -> FloatArray:
    return np.asarray((1 - share) * start + share * stop)


def loss_curve(terms: Terms, aim: float, size: int = _FIRST) -> LossCurve:
    """Enclose D, by finer and finer grids until it is `aim` wide.

    Parameters
    ----------
    terms : sequence of (LogRatio, int)
        Distinct coordinates and their counts.
    aim : float
        Width at which to stop; wider where the finest grid is not enough.
    size : int
        Steps of the first grid.
    """
    curve = _composed(terms, size)
    for attempt in range(3):
        width = curve.width
        if width <= (_NEARLY * aim if attempt else aim) or size >= _MOST:
            break
        # the width falls like the square of the step, half the wish is a margin
        wanted = size * np.sqrt(2 * width / aim)
        size = int(min(wanted, _MOST, max(size, _room(terms) / _FINEST)))
        curve = _composed(terms, size)
    return curve


def _room(terms: Terms) -> float:
    """Circumference that the log ratios need."""
    reach = sum(count * term.reach for term, count in terms)
    return min(4.02 * reach + 1e-9, _CIRCLE)


def _composed(terms: Terms, size: int) -> LossCurve:
    room = _room(terms)
    step = _aligned_step(terms, max(1.1 * room / size, _FINEST))
    # four steps of margin for each coordinate: a law on the grid reaches two cells beyond
    count = int(fft.next_fast_len(int(np.ceil(room / step)) + 16 * sum(n for _, n in terms)))
    laws = [(term.on_grid(step), n) for term, n in terms]
    long = room >= _CIRCLE
    kernel = _kernel(count, step, long)
    weights = fft.rfft(kernel)
    sides = [_convolved(laws, weights, count, side) for side in ("spread", "contracted")]
    half = min(count // 4, int(_READ / step)) if long else count // 4
    index = np.arange(-half, half + 1)
    offset = sum(n * law.offset for law, n in laws)
    logs = index * step + offset
    root = np.exp(logs / 2)
    norm = float(np.abs(weights).sum() * 2 / count)
    levels = np.log2(count) + 4
    dim = sum(n for _, n in laws)
    rounding = _BUTTERFLY * levels * norm * (dim + 2) * root
    missing = sum(n * law.missing for law, n in laws)
    slack = rounding + missing
    alias = 2.1 * np.exp(-(count * step - np.abs(logs)) / 2) * root if long else 0.0
    low, high = (root * side[index] for side in sides)
    upper = np.minimum.accumulate(np.minimum(1 - low + slack + alias, 1.0))
    lower = 1 - high
    if long:
        # log ratios may lie beyond: D may fall to 0, and is only known to be at least 1 - kappa
        lower[0], lower[-1] = 1 - np.exp(logs[0]), 0.0
    floor = np.maximum.accumulate(np.maximum(lower - slack, 0.0)[::-1])[::-1]
    return LossCurve(np.asarray(logs), upper, lower, floor, slack)


def _convolved(
    laws: Sequence[tuple[GridLaw, int]], weights: NDArray[np.complex128], count: int, side: str
) -> FloatArray:
    """S * k at all points of the circle; point j at log ratio j * step, round the circle."""
    product = weights.copy()
    for law, n in laws:
        circle = np.zeros(count)
        masses = getattr(law, side)
        # longer laws than the circle go round it
        np.add.at(circle, (law.base + np.arange(law.length)) % count, masses)
        product *= _power(fft.rfft(circle), n)
    return np.asarray(fft.irfft(product, count))


def _power(base: NDArray[np.complex128], exponent: int) -> NDArray[np.complex128]:
    """By squaring: each multiplication is accurate to a few units in the last place."""
    result = np.ones_like(base)
    while exponent:
        if exponent & 1:
            result *= base
        exponent >>= 1
        if exponent:
            base = base * base
    return result


def _kernel(count: int, step: float, long: bool) -> FloatArray:
    """e^{-|l|/2} on the circle: all its turns on a long one, else cut at half a turn."""
    distance = np.minimum(np.arange(count), count - np.arange(count)) * step
    kernel = np.exp(-distance / 2)
    return kernel + np.exp(-(count * step - distance) / 2) if long else kernel


def _aligned_step(terms: Terms, largest: float) -> float:
    """A step near `largest` of which nearly all atoms of a coordinate are multiples apart."""
    found = [
        np.column_stack([np.abs(place - term.anchor), n * np.sqrt(p * q)])
        for term, n in terms
        for place, p, q in [term.atoms.T]
    ]
    distances, weights = np.concatenate(found).T
    far = distances > 1e-3 * largest
    distances, weights = distances[far], weights[far]
    if len(distances) == 0 or np.max(distances) < largest:
        return largest
    main = float(distances[np.argmax(weights)])
    main = main if main >= largest else float(np.max(distances))
    least = int(np.ceil(main / largest))
    steps = main / np.arange(least, least + max(least // 3, 8))
    misses = np.zeros(len(steps))
    for distance, weight in zip(distances, weights, strict=True):
        misses += weight * np.abs(distance - steps * np.round(distance / steps))
    # what is below rounding is equally good: then the largest such step
    return float(steps[np.argmax(misses <= misses.min() + 1e-14 * main)])

"""Tables of c -> log P[S > c] and log E(S - c)+, and the law of a sum read from them.

Producers know these two functions at any threshold; a table holds them as Legendre series on
panels, so that a quantile costs about a microsecond and Phi is smooth between kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from differential.parts import EmptyPart, Part
from numerics.errors import PrecisionError
from numerics.legendre import ORDER, legendre_rule

__all__ = ["ExcessTable", "ShiftedPart", "Stretch", "build_table"]

Array = NDArray[np.float64]

#: log P and log E(S - c)+ at an array of thresholds.
LogPair = Callable[[Array], tuple[Array, Array]]

#: Asked of log E(S - c)+ on a panel, weighted by its share of c p + E(S - c)+.
RESOLUTION = 1e-13
#: Rounding of a logarithm of the given size shows in the last coefficients (2 ORDER + 1)/2-fold.
_ROUNDING = 20 * 2.0**-53
#: log P only steers the choice of c, with an effect of second order (spec 2, duality).
_STEERING, _TAIL_NOISE = 1e-15, 1e-2
#: Panels narrower than this share of their position are accepted as they are if their error is
#: below `_ROUGH`, which goes into the budget.
_NARROWEST = 2.0**-40
_ROUGH = 1e-9
_MAX_PANELS = 20_000
_CHECKS = np.array([-1.0, -0.9965, 0.3, 0.9965, 1.0])


@dataclass(frozen=True)
class Stretch:
    """Thresholds lower <= c <= upper on which one function is evaluated and smooth inside."""

    lower: float
    upper: float
    function: LogPair


@dataclass(frozen=True, eq=False)
class ExcessTable:
    """Panels [edges[i], edges[i+1]] of log P[S > c] and log E(S - c)+ for c >= 0.

    Attributes
    ----------
    edges : array (m + 1,)
    log_tail, log_excess : arrays (m, ORDER)
    joints : array
        Probabilities at which Phi may not be smooth.
    error : float
        Largest relative error of Phi that was left unresolved.
    top, top_excess : float
        Where the table reaches the supremum of S: that, and a bound on E(S - top)+. Thresholds
        beyond the last edge are then at the top; else top is inf.
    """

    edges: Array
    log_tail: Array
    log_excess: Array
    joints: Array
    error: float
    top: float = np.inf
    top_excess: float = 0.0

    @cached_property
    def _tail_ends(self) -> tuple[Array, Array]:
        signs = (-1.0) ** np.arange(ORDER)
        left, right = self.log_tail @ signs, self.log_tail.sum(axis=1)
        # monotone by definition; rounding at the joints must not break the search
        left = np.minimum.accumulate(left)
        return left, np.minimum(right, left)

    @property
    def mass(self) -> float:
        """P[S > 0]."""
        return float(np.exp(self._tail_ends[0][0]))

    @property
    def mean(self) -> float:
        """E S+."""
        return float(np.exp(self.log_excess[0] @ (-1.0) ** np.arange(ORDER)))

    @property
    def kinks(self) -> Array:
        """Probabilities where the quantile is not smooth."""
        return self.joints

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        """P[S > c] and E(S - c)+ for c >= 0; beyond the table, the values at its end."""
        from differential.excess_kernels import read

        return read(np.asarray(c, dtype=np.float64), self.edges, self.log_tail, self.log_excess)

    def quantile(self, p: Array) -> tuple[Array, Array]:
        """A threshold near the upper quantile of p in (0, mass), and E(S - c)+ there."""
        from differential.excess_kernels import solve

        ends = self._tail_ends
        logs = np.log(np.asarray(p, dtype=np.float64))
        c, excess = solve(logs, self.edges, *ends, self.log_tail, self.log_excess)
        if np.isfinite(self.top):
            beyond = logs < ends[1][-1]
            c, excess = np.where(beyond, self.top, c), np.where(beyond, self.top_excess, excess)
        return c, excess


def build_table(
    stretches: Sequence[Stretch],
    top: float = np.inf,
    top_excess: float = 0.0,
    resolution: float = RESOLUTION,
) -> ExcessTable:
    """Resolve consecutive stretches on panels.

    A finite `top` says that the last stretch ends next to the supremum of S; `resolution` is the
    accuracy asked for, relative to Phi.

    Raises
    ------
    PrecisionError
        A function does not settle on small panels.
    """
    rows: list[tuple[Array, Array, Array]] = []
    starts, error = [], 0.0
    for stretch in stretches:
        pieces, rough = _resolve(stretch, resolution)
        starts.append(sum(len(r[0]) for r in rows))
        rows.append(pieces)
        error = max(error, rough)
    left, log_tail, log_excess = (np.concatenate(column) for column in zip(*rows, strict=True))
    signs = (-1.0) ** np.arange(ORDER)
    at_starts = np.exp(log_tail[starts] @ signs)
    before = np.exp(log_tail[np.array(starts[1:], dtype=np.int64) - 1].sum(axis=1))
    joints = np.unique(np.concatenate([at_starts, before]))
    edges = np.append(left, stretches[-1].upper)
    return ExcessTable(edges, log_tail, log_excess, joints, error, top, top_excess)


def _resolve(stretch: Stretch, resolution: float) -> tuple[tuple[Array, Array, Array], float]:
    rule = legendre_rule()
    local = np.concatenate([rule.nodes, _CHECKS])
    basis = np.polynomial.legendre.legvander(_CHECKS, ORDER - 1)
    left, right = np.array([stretch.lower]), np.array([stretch.upper])
    done: list[tuple[Array, Array, Array]] = []
    rough = 0.0
    while len(left):
        c = left[:, None] + (right - left)[:, None] * (0.5 + 0.5 * local)
        c[:, -1], c[:, ORDER] = right, left
        tail, excess = (v.reshape(c.shape) for v in stretch.function(c.ravel()))
        series = [_series(v[:, :ORDER]) for v in (tail, excess)]
        missed = [
            _missed(s, v[:, ORDER:], basis) for s, v in zip(series, (tail, excess), strict=True)
        ]
        # error of Phi = c p + E(S - c)+ relative to Phi
        share = np.exp(np.minimum(np.max(excess - tail - np.log(c + 1e-300), axis=1), 0.0))
        # a wrong c costs the error of the tail times that of c, which stays inside its panel
        width = (right - left) / np.maximum(right, stretch.upper / 4)
        steered = missed[0] * np.minimum(missed[0], width)
        needed = np.maximum(missed[1] * share, steered)
        allowed = resolution + _ROUNDING * np.abs(excess).max(axis=1)
        fine = (missed[1] * share <= allowed) & (steered <= _STEERING) & (missed[0] < _TAIL_NOISE)
        narrow = (width <= _NARROWEST) & ~fine
        if not (needed[narrow] <= _ROUGH).all():
            raise PrecisionError(
                "the law of gamma is too singular to tabulate: an error of "
                f"{needed[narrow].max():.1e} is left near c = {left[narrow].max():.6g} (allowed "
                f"{_ROUGH:.0e})"
            )
        keep = fine | narrow
        rough = max(rough, float(needed[keep].max(initial=0.0)))
        done.append((left[keep], series[0][keep], series[1][keep]))
        left, right = left[~keep], right[~keep]
        middle = left + (right - left) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        if sum(len(d[0]) for d in done) + len(left) > _MAX_PANELS:
            raise PrecisionError("the law of gamma does not settle on small panels")
    columns = [np.concatenate(column) for column in zip(*done, strict=True)]
    order = np.argsort(columns[0])
    return (columns[0][order], columns[1][order], columns[2][order]), rough


def _missed(series: Array, at_checks: Array, basis: Array) -> Array:
    """Error of each series at the checks, and its last coefficients."""
    seen = np.abs(series @ basis.T - at_checks).max(axis=1)
    return np.asarray(np.maximum(seen / 4, np.abs(series[:, -2:]).max(axis=1)))


def _series(samples: Array) -> Array:
    """Legendre coefficients by rows; the rounding of a large constant is kept out of them."""
    middle = samples[:, ORDER // 2, None]
    series = (samples - middle) @ legendre_rule().to_coefficients.T
    series[:, :1] += middle
    return np.asarray(series)


@dataclass(frozen=True, eq=False)
class ShiftedPart:
    """Positive part of mean + S, from tables of the centred S and of -S.

    Below its mean, E(S - c)+ = -c + E(-S - (-c))+ keeps the accuracy of the other side.
    """

    shift: float
    upper: ExcessTable
    lower: ExcessTable

    @cached_property
    def _at_zero(self) -> tuple[float, float]:
        tail, excess = self.tail_and_excess(np.zeros(1))
        return float(tail[0]), float(excess[0])

    @property
    def mass(self) -> float:
        return self._at_zero[0]

    @property
    def mean(self) -> float:
        return self._at_zero[1]

    @property
    def kinks(self) -> Array:
        both = np.concatenate([self.upper.kinks, 1 - self.lower.kinks, [self.mass]])
        return np.unique(both[(both > 0) & (both <= self.mass)])

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        offset = np.asarray(c, dtype=np.float64) - self.shift
        tail, excess = self.upper.tail_and_excess(np.maximum(offset, 0.0))
        other_tail, other_excess = self.lower.tail_and_excess(np.maximum(-offset, 0.0))
        above = offset >= 0
        return np.where(above, tail, 1 - other_tail), np.where(above, excess, other_excess - offset)

    def quantile(self, p: Array) -> tuple[Array, Array]:
        points = np.asarray(p, dtype=np.float64)
        high = points < self.upper.mass
        c, excess = np.zeros_like(points), np.zeros_like(points)
        c[high], excess[high] = self.upper.quantile(points[high])
        below, rest = self.lower.quantile(1 - points[~high])
        c[~high], excess[~high] = -below, rest + below
        return c + self.shift, excess


def split_at_mean(shift: float, upper: ExcessTable, lower: ExcessTable) -> tuple[Part, Part]:
    """Positive and negative part of mean + S."""
    parts: list[Part] = []
    for part in (ShiftedPart(shift, upper, lower), ShiftedPart(-shift, lower, upper)):
        parts.append(part if part.mass > 0 else EmptyPart())
    return parts[0], parts[1]

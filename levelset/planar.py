r"""Mixed-norm densities in the plane under equal shifts: D(kappa) as a double integral.

In d = 2 the transform of log L decays too slowly to be inverted (see `mixed`), while
D(kappa) = int int (q(x - v) - kappa q(x))_+ dx is only a double integral, over a = (M - m)/2 and
b = (M + m)/2. In b the norms have kinks at 0 and r, and the set ends at roots of log L = log kappa;
pieces in between are integrated by Gauss rules whose nodes crowd at 0 and r. In a intervals are
halved where the rule and its halves disagree, so kinks and tangencies need not be located.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from levelset.product import Potential
from numerics.bounds import Bounds
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray

__all__ = ["PlanarShift"]

Indices = NDArray[np.int64]

#: Intervals in a before any is halved, cells per piece in b, and nodes on each.
_INTERVALS = 8
_CELLS = 8
_ORDER = 14
#: Disagreement of an interval of a with its halves that is accepted, and the last halving.
_TOLERANCE = 2e-12
_LAST_LEVEL = 26
#: Mass of one coordinate beyond the domain; what is lost of the whole is measured, not assumed.
_BEYOND = 1e-17
_ROUNDING = 2e-13
_STEPS = 10


class _Block(NamedTuple):
    """An interval of a: nodes (n,), weights, and q and q(. - v) at all nodes (n, cells, order)."""

    a: FloatArray
    weight: FloatArray
    plain: FloatArray
    shifted: FloatArray
    ends: FloatArray


@dataclass(frozen=True)
class PlanarShift:
    """One shift r (1, 1), r > 0, at scale 1.

    Parameters
    ----------
    potential : Potential
        -log of the factor f of each coordinate.
    profile : callable
        h, of the largest coordinate.
    log_normaliser : float
        log of the integral of f f e^{-h} over (a, b).
    r : float
    """

    potential: Potential
    profile: Callable[[FloatArray], FloatArray]
    log_normaliser: float
    r: float
    _blocks: dict[tuple[int, int], _Block] = field(default_factory=dict, repr=False)
    _far: list[float] = field(default_factory=list, repr=False)

    def hockey_stick(self, kappa: FloatArray) -> Bounds:
        """D(kappa), shape of `kappa`."""
        multipliers = np.asarray(kappa, dtype=np.float64)
        flat = multipliers.ravel()
        lost = [abs(1 - m) + e for m, e in (self._adaptive(which, 0.0) for which in "qv")]
        low, high = np.empty(len(flat)), np.empty(len(flat))
        for i, k in enumerate(flat):
            value, error = self._adaptive("d", float(k))
            slack = error + lost[1] + k * lost[0] + _ROUNDING * (1 + k)
            low[i] = max(value - slack, 1 - k, 0.0)
            high[i] = max(min(value + slack, 1.0), low[i])
        return Bounds(low.reshape(multipliers.shape), high.reshape(multipliers.shape))

    def _adaptive(self, what: str, kappa: float) -> tuple[float, float]:
        """Integral over a, and the sum of the disagreements."""
        keys = [(0, i) for i in range(_INTERVALS)]
        values = self._integrals(keys, what, kappa)
        total = error = 0.0
        while keys:
            level = keys[0][0] + 1
            halves = [(level, 2 * i + j) for _, i in keys for j in (0, 1)]
            finer = self._integrals(halves, what, kappa)
            off = np.abs(finer[::2] + finer[1::2] - values)
            done = (off <= _TOLERANCE * max(1.0, min(kappa, 1e3))) | (level == _LAST_LEVEL)
            total += float(np.sum((finer[::2] + finer[1::2])[done]))
            error += float(np.sum(off[done]))
            again = np.repeat(~done, 2)
            keys = [key for key, more in zip(halves, again, strict=True) if more]
            values = finer[again]
        return total, error

    def _integrals(self, keys: list[tuple[int, int]], what: str, kappa: float) -> FloatArray:
        """One integral per interval of a."""
        blocks = [self._block(key) for key in keys]
        a, weight, plain, shifted, ends = (np.concatenate(c) for c in zip(*blocks, strict=True))
        rule = legendre_rule(_ORDER)
        if what != "d":
            inner = (plain if what == "q" else shifted) @ rule.weights
        else:
            inner = np.maximum(shifted - kappa * plain, 0.0) @ rule.weights
            level = float(np.log(kappa)) if kappa > 0 else -np.inf
            with np.errstate(invalid="ignore"):
                signs = ends > level
            rows, cells = np.nonzero(signs[:, 1::2] != signs[:, ::2])
            if len(rows):
                inner[rows, cells] = self._cut(a[rows], cells, level, kappa, signs[rows, 2 * cells])
        return np.asarray((np.sum(inner, axis=1) * weight).reshape(len(keys), -1).sum(axis=1))

    def _cut(
        self, a: FloatArray, cells: Indices, level: float, kappa: float, first: NDArray[np.bool_]
    ) -> FloatArray:
        """Cells that the edge of the set crosses: the part inside it, as an integral over z."""
        low, high = -np.ones(len(a)), np.ones(len(a))
        for _ in range(2 * _STEPS):
            # An error of the root counts only squared, because the integrand is 0 there.
            middle = (low + high) / 2
            _, _, ratio = self._at(a, cells, middle)
            inside = (ratio > level) == first
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        root = (low + high) / 2
        start, stop = np.where(first, -1.0, root), np.where(first, root, 1.0)
        rule = legendre_rule(_ORDER)
        half = (stop - start)[:, None] / 2
        z = start[:, None] + half * (1 + rule.nodes)
        plain, shifted, _ = self._at(a[:, None], cells[:, None], z)
        return np.asarray((np.maximum(shifted - kappa * plain, 0.0) * half) @ rule.weights)

    def _block(self, key: tuple[int, int]) -> _Block:
        if key not in self._blocks:
            level, index = key
            rule = legendre_rule(_ORDER)
            width = 1.0 / (_INTERVALS * 2**level)
            t = width * (index + (1 + rule.nodes) / 2)
            # a = far t^4 crowds nodes at 0, where h may be infinite
            a = self._end * t**4
            weight = self._end * 4 * t**3 * rule.weights * width / 2
            cells = np.arange(3 * _CELLS)
            plain, shifted, _ = self._at(a[:, None, None], cells[None, :, None], rule.nodes)
            edges = np.array([-1.0, 1.0]) * (1 - 1e-12)
            _, _, ratio = self._at(a[:, None, None], cells[None, :, None], edges)
            self._blocks[key] = _Block(a, weight, plain, shifted, ratio.reshape(len(a), -1))
        return self._blocks[key]

    @property
    def _end(self) -> float:
        if not self._far:
            self._far.append(float(np.max(np.abs(self.potential.law.ppf_upper(_BEYOND)))))
        return self._far[0]

    def _at(
        self, a: FloatArray, cells: Indices, z: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """q and q(. - v) times the Jacobian, and log L, at z in [-1, 1] of cells in b."""
        piece, inner = np.divmod(cells, _CELLS)
        lengths = np.array([self._end, self.r, self._end])
        t = (inner + (1 + z) / 2) / _CELLS
        # the integral of 140 t^3 (1 - t)^3: nodes crowd at both ends, where norms have kinks
        x = t**4 * (35 - 84 * t + 70 * t**2 - 20 * t**3)
        y = (1 - t) ** 4 * (35 - 84 * (1 - t) + 70 * (1 - t) ** 2 - 20 * (1 - t) ** 3)
        length = lengths[piece]
        jacobian = length * 140 * (t * (1 - t)) ** 3 / (2 * _CELLS)
        # Distances to 0 and to r, each from its own end, so that none is a difference.
        after, before = length * x, length * y
        at_zero = np.where(piece == 0, -before, np.where(piece == 1, after, self.r + after))
        at_r = np.where(piece == 2, after, np.where(piece == 1, -before, -self.r - before))
        log_f = self.potential.log_pdf
        plain = log_f(at_zero + a) + log_f(at_zero - a) - self.profile(a + np.abs(at_zero))
        shifted = log_f(at_r + a) + log_f(at_r - a) - self.profile(a + np.abs(at_r))
        with np.errstate(invalid="ignore", over="ignore"):
            ratio = np.where(np.isneginf(shifted), -np.inf, shifted - plain)
            q = np.exp(plain - self.log_normaliser) * jacobian
            qv = np.exp(shifted - self.log_normaliser) * jacobian
        return q, qv, ratio

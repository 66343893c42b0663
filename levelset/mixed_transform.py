r"""D(kappa) of mixed densities under equal shifts, by their Mellin transform.

With M and m the largest and the least coordinate, ||x||_oo = max(M, -m) and
||x - v||_oo = max(M - r, r - m); given both, the other coordinates are independent, cut to [m, M].
Hence the Mellin transform of the likelihood ratio is a double integral,

    M(z) = d(d-1)/Z int int f(M) f(m) e^{-h(A) + z (h(A) - h(B) + Y(M) + Y(m))}
           (C(M) - C(m))^{d-2} dm dM,    C(a) = int_{-oo}^a f e^{z Y},  Y = log f(. - r) - log f.

It is taken over a = (M - m)/2 and b = (M + m)/2, where A = a + |b| and B = a + |b - r|, at
z = 1/2 + i w, where it is real. Frequencies are taken in blocks, low ones first; each block gets
the first rule that agrees with the next finer one *in D*, uniformly over kappa: high frequencies
decay slowly in few dimensions, and errors there nearly cancel.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from levelset.even_inversion import EvenTransform, cosine_weights
from levelset.mixed_density import MixedDensity
from levelset.mixed_kernels import integral_matrix, transform
from levelset.mixed_nodes import MixedShift, Pairs
from numerics.rounding import FloatArray

__all__ = ["mixed_transform"]

#: Nodes per direction: each rule has half as many again as the one before.
_COUNTS = (24, 36, 54, 81, 122, 182, 274)
#: Errors of g, relative to M(1/2), that are aimed at, and the work (nodes times frequencies) spent.
_TOLERANCE = 1e-11
_WORK = 5e7
_BLOCK = 8
_MOST_FREQUENCIES = 1024
#: Radians that 20 nodes per panel integrate to 1e-14, and those of the rule compared with.
_TURN, _COARSE_TURN = 5.0, 7.0
#: |M| beyond the cut is taken to be at most this multiple of what was seen in the last quarter.
_SAFETY = 4.0
#: Least period, because errors of M(1/2) count 4/T times, and how many times the frequencies it
#: may cost.
_LEAST_PERIOD, _LONGER = 0.25, 32.0
#: Points of [0, T/2] at which rules are compared; twice the largest difference counts.
_SAMPLES = 33


def mixed_transform(density: MixedDensity, r: float) -> EvenTransform:
    """M(1/2 + i w) for the shift r (1, ..., 1), r > 0."""
    sampler = _Sampler(MixedShift(density, r))
    spread = sampler.spread()
    period = max(spread * (16 + spread), min(_LEAST_PERIOD, _LONGER * 16 * spread))
    best = sampler.sampled(2 * np.pi / period)
    while best.at_end > 4 * best.error + _TOLERANCE * best.values[0] and sampler.work < _WORK:
        period *= 2
        sampler.level = 0
        other = sampler.sampled(2 * np.pi / period)
        if other.at_end + other.error >= best.at_end + best.error:
            break
        best = other
    return best


@dataclass
class _Sampler:
    """Values of M and the rules that they were found with."""

    shift: MixedShift
    level: int = 0
    work: float = 0.0
    rules: dict[int, Pairs] = field(default_factory=dict)

    def values(self, omega: FloatArray, level: int, turn: float) -> FloatArray:
        """M(1/2 + i w) by one rule."""
        if level not in self.rules:
            self.rules[level] = self.shift.rule(_COUNTS[level])
        pairs = self.rules[level]
        self.work += len(pairs.ratio) * len(omega)
        cuts, panels = self.shift.panels(turn, float(omega[-1]))
        power = self.shift.density.dim - 2.0
        nodes = pairs.on(cuts, panels)
        return np.asarray(transform(omega, nodes, panels, integral_matrix(), power))

    def spread(self) -> float:
        """Standard deviation of log L under sqrt(q q_v), about, from where |M| has halved."""

        def left(omega: float) -> float:
            first, other = self.values(np.array([0.0, omega]), 0, _COARSE_TURN)
            return float(other / first)

        omega = 1 / self.shift.r
        while (ratio := left(omega)) < 0.5:
            omega /= 2
        while ratio > 0.95:
            omega *= 2
            ratio = left(omega)
        return float(np.sqrt(-2 * np.log(max(ratio, 1e-3))) / omega)

    def sampled(self, step: float) -> EvenTransform:
        """Values at multiples of the step until more of them gain nothing."""
        values, error, beyond = np.empty(0), 0.0, np.inf
        while len(values) < _MOST_FREQUENCIES:
            omega = step * np.arange(len(values), len(values) + _BLOCK, dtype=np.float64)
            better, off, settled = self._block(omega, values[0] if len(values) else None)
            more = np.append(values, better)
            last = float(np.max(np.abs(more[-max(_BLOCK, len(more) // 4) :])))
            cut = _SAFETY * last / (np.pi * omega[-1])
            if not settled and error + off + cut > error + beyond:
                break
            values, error, beyond = more, error + off, cut
            if beyond <= _TOLERANCE * values[0] or self.work > _WORK:
                break
        density = self.shift.density
        common = 2e-15 * density.dim + 1e-14 * np.sqrt(density.dim) + density.normaliser_error
        sizes = cosine_weights(step, len(values)) @ np.abs(values)
        return EvenTransform(step, values, error + beyond + float(common * sizes))

    def _block(self, omega: FloatArray, size: float | None) -> tuple[FloatArray, float, bool]:
        """Values at some frequencies, how far two rules are apart in g, and if that is little."""
        step = float(omega[1] - omega[0])
        weights = cosine_weights(step, round(omega[-1] / step) + 1)[-len(omega) :]
        logs = np.linspace(0, np.pi / step, _SAMPLES)
        cosines = np.cos(logs[:, None] * omega) * weights
        coarse = self.values(omega, self.level, _COARSE_TURN)
        while True:
            fine = self.values(omega, self.level + 1, _TURN)
            off = 2 * float(np.max(np.abs(cosines @ (fine - coarse))))
            settled = off <= _TOLERANCE * (fine[0] if size is None else size) / 4
            if settled or self.level + 2 == len(_COUNTS) or self.work > _WORK:
                return fine, off, settled
            self.level += 1
            coarse = fine

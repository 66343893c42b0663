"""Compiled sums for transforms: E exp(zY) over quadrature points, and inversion on a line."""

from __future__ import annotations

import numpy as np

from numerics.jit import kernel

__all__ = ["excess_sums", "log_means"]

#: 1/k! for k = 2..15: below |s| = 1/2 the series of exp(s) - 1 - s is exact to 1e-17.
_INVERSE_FACTORIALS = np.cumprod(1.0 / np.arange(1.0, 16.0))[1:]


@kernel
def log_means(z, points, weights, direct, shift):  # type: ignore[no-untyped-def]
    """log E exp(z (Y - mean)) for centred points.

    Directly the mean is summed as it is, scaled by exp(-shift); else as 1 + E(exp(s) - 1 - s),
    which keeps the relative accuracy of its logarithm near 0.
    """
    out = np.empty(z.shape[0], dtype=np.complex128)
    for i in range(z.shape[0]):
        total = 0.0 + 0.0j
        if direct:
            for j in range(points.shape[0]):
                total += weights[j] * np.exp(z[i] * points[j] - shift)
            out[i] = shift + np.log(total)
            continue
        for j in range(points.shape[0]):
            s = z[i] * points[j]
            if abs(s) < 0.5:
                term = _INVERSE_FACTORIALS[13] + 0.0j
                for k in range(12, -1, -1):
                    term = term * s + _INVERSE_FACTORIALS[k]
                total += weights[j] * term * s * s
            else:
                total += weights[j] * (np.exp(s) - 1.0 - s)
        size = abs(total)
        if size < 0.25:
            # log(1 + w) with both parts accurate near 0
            real = 0.5 * np.log1p(2.0 * total.real + size * size)
            out[i] = complex(real, np.arctan2(total.imag, 1.0 + total.real))
        else:
            out[i] = np.log(1.0 + total)
    return out


@kernel
def excess_sums(offsets, step, tail_terms, excess_terms):  # type: ignore[no-untyped-def]
    """Trapezoid sums 1 + 2 Re sum_n A_n exp(-i n step offset), for tails and excesses."""
    count = offsets.shape[0]
    tail, excess = np.empty(count), np.empty(count)
    for i in range(count):
        turn = np.exp(complex(0.0, -step * offsets[i]))
        phase = 1.0 + 0.0j
        first, second = 0.0, 0.0
        for n in range(tail_terms.shape[0]):
            phase *= turn
            first += (tail_terms[n] * phase).real
            second += (excess_terms[n] * phase).real
        tail[i] = 1.0 + 2.0 * first
        excess[i] = 1.0 + 2.0 * second
    return tail, excess

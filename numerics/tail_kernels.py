"""Compiled reading of tail tables: a few nanoseconds per value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numerics.jit import kernel
from numerics.tail_table import BIN_DEGREE, BIN_OCTAVES, MANTISSA_BITS, TailTable

__all__ = ["BINS", "FIRST_BIN", "HALF", "LOCAL_BITS", "LOCAL_MASK", "read"]

Array = NDArray[np.float64]

#: Mantissa bits below those that choose the bin, and their mask.
LOCAL_BITS = 52 - MANTISSA_BITS
LOCAL_MASK = (1 << LOCAL_BITS) - 1
#: Bins per side, with one at each end for what lies outside.
BINS = (BIN_OCTAVES << MANTISSA_BITS) + 2
#: Value of (bits of p) >> LOCAL_BITS for p just below the first octave (1023 is the bias of
#: float64 exponents).
FIRST_BIN = ((1023 - BIN_OCTAVES - 1) << MANTISSA_BITS) - 1
#: What is subtracted from a uniform on the grid k 2^-53 to centre it (see `signed_tails`).
HALF = 0.5 - 2.0**-54

_DEGREE = BIN_DEGREE
_SCALE = 2.0**-LOCAL_BITS


@kernel
def _from_pieces(p, start, stop, left, width, series):  # type: ignore[no-untyped-def]
    """Legendre series (Clenshaw) of the piece among start..stop-1 that holds p."""
    lo, hi = start, stop
    while hi - lo > 1:
        middle = (lo + hi) // 2
        if left[middle] <= p:
            lo = middle
        else:
            hi = middle
    z = min(max(2.0 * (p - left[lo]) / width[lo] - 1.0, -1.0), 1.0)
    b1 = 0.0
    b2 = 0.0
    for k in range(series.shape[1] - 1, 0, -1):
        b0 = series[lo, k] + (2 * k + 1) / (k + 1) * z * b1 - (k + 1) / (k + 2) * b2
        b2 = b1
        b1 = b0
    return series[lo, 0] + z * b1 - 0.5 * b2


@kernel
def _read_loop(values, uniform, bins, left, width, series, lower_count, out):  # type: ignore[no-untyped-def]
    total = left.shape[0]
    for i in range(values.shape[0]):
        if uniform:
            centred = values[i] - HALF
            p = 0.5 - abs(centred)
            upper = centred > 0.0
        else:
            p = abs(values[i])
            upper = values[i] > 0.0
        bits = np.float64(p).view(np.int64)
        k = min(max(int(bits >> LOCAL_BITS) - FIRST_BIN, 0), BINS - 1)
        if upper:
            k += BINS
        z = (bits & LOCAL_MASK) * _SCALE - 0.5
        result = bins[k, _DEGREE]
        for j in range(_DEGREE - 1, -1, -1):
            result = result * z + bins[k, j]
        if result != result:
            if upper:
                result = _from_pieces(p, lower_count, total, left, width, series)
            else:
                result = _from_pieces(p, 0, lower_count, left, width, series)
        out[i] = result


def read(table: TailTable, values: Array, *, uniform: bool, out: Array | None = None) -> Array:
    """Values of a table at signed tails, or at uniforms that stand for them; any shape."""
    points = np.ascontiguousarray(values, dtype=np.float64)
    result = np.empty(points.shape) if out is None else out
    _read_loop(
        points.reshape(-1), uniform, table.bins, table.left, table.width, table.series,
        table.lower_count, result.reshape(-1),
    )  # fmt: skip
    return result

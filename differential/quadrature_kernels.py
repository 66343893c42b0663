"""Compiled densities of gamma = h A: h on cells, A a cosine of a random direction or a lattice."""

from __future__ import annotations

import numpy as np

from differential.part_kernels import crossing
from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["cosine_density", "lattice_density"]


@kernel
def _cosine_term(c, h, gap, power):
    """(1 - (c/h)^2)^power / h with gap = h - c > 0."""
    # The power is near d/2, so the logarithm needs its relative accuracy near 0 as well as far off.
    cosine = c / h
    log_square = np.log1p(-cosine * cosine) if cosine < 0.5 else np.log(gap * (h + c) / (h * h))
    return np.exp(power * log_square) / h


@kernel
def _height(value, slope, near, offset, gap0, c):
    """h - c at near + offset, where h - c = gap0 at near; without cancellation for small offsets.

    Close to the threshold the difference of two nearly equal values would lose its digits, so
    the mean slope is used instead, by the two-point Gauss rule (exact for cubics).
    """
    if abs(offset) > 1e-3:
        return series(value, near + offset) - c
    first = series(slope, near + offset * 0.21132486540518713)  # (1 - 1/sqrt(3)) / 2
    second = series(slope, near + offset * 0.7886751345948129)
    return gap0 + offset * 0.5 * (first + second)


@kernel
def _distance_to_top(slope, far, sign, top_gap):
    """Distance of the crossing from `far`, where h exceeds the threshold by top_gap, both small."""
    distance = top_gap / abs(series(slope, far))
    for _ in range(6):
        first = series(slope, far - sign * distance * 0.21132486540518713)
        second = series(slope, far - sign * distance * 0.7886751345948129)
        distance = top_gap / (0.5 * abs(first + second))
    return distance


@kernel
def _graded(c, density, value, slope, near, far, length, gap0, first, power, nodes, weights):
    """Integral from `near`, where h - c = gap0 is small or 0, to `far` in doubling stretches.

    `length` is |far - near|, given apart because their difference may have lost its digits.
    """
    sign = 1.0 if far > near else -1.0
    total = 0.0
    done = 0.0
    step = min(max(first, 1e-13), length)
    while done < length:
        reach = min(step, length - done)
        singular = gap0 == 0.0 and done == 0.0
        for j in range(nodes.shape[0]):
            s = 0.5 * (1.0 + nodes[j])
            # offset = reach s^2 absorbs an inverse square root at the threshold (d = 2)
            offset = reach * s * s if singular else done + reach * s
            jacobian = reach * s if singular else 0.5 * reach
            gap = _height(value, slope, near, sign * offset, gap0, c)
            if gap > 0.0:
                f = weights[j] * jacobian * series(density, near + sign * offset)
                total += f * _cosine_term(c, c + gap, gap, power)
        done += reach
        step = done
    return total


@kernel
def cosine_density(
    anchor,
    offsets,
    power,
    constant,
    atom_value,
    atom_mass,
    panel,
    start,
    stop,
    low,
    high,
    rising,
    at_nodes,
    h_nodes,
    density,
    value,
    slope,
    nodes,
    weights,
):
    """Density of h T at anchor + offset, f_T(t) = constant (1 - t^2)^power."""
    out = np.zeros(offsets.shape[0])
    for n in range(offsets.shape[0]):
        c = anchor + offsets[n]
        total = 0.0
        for a in range(atom_value.shape[0]):
            # Exact near the atom: anchor is its value.
            gap = (atom_value[a] - anchor) - offsets[n]
            if gap > 0.0:
                total += atom_mass[a] * _cosine_term(c, atom_value[a], gap, power)
        for q in range(panel.shape[0]):
            if high[q] <= c:
                continue
            i = panel[q]
            near = start[q] if rising[q] else stop[q]
            far = stop[q] if rising[q] else start[q]
            if low[q] < c:
                sign = 1.0 if far > near else -1.0
                top_gap = high[q] - c
                if abs(high[q] - anchor) <= 2e-14 * abs(anchor):
                    top_gap = -offsets[n]  # exact: the anchor is the end of h
                if top_gap < 1e-4 * (high[q] - low[q]):
                    length = _distance_to_top(slope[i], far, sign, top_gap)
                    z = far - sign * length
                else:
                    z = crossing(value[i], start[q], stop[q], c)
                    length = abs(far - z)
                total += _graded(
                    c,
                    density[i],
                    value[i],
                    slope[i],
                    z,
                    far,
                    length,
                    0.0,
                    abs(z - near),
                    power,
                    nodes,
                    weights,
                )
            elif low[q] - c < 0.5 * (high[q] - low[q]):
                gap = low[q] - c
                first = 0.5 * gap / (high[q] - low[q]) * abs(far - near)
                total += _graded(
                    c,
                    density[i],
                    value[i],
                    slope[i],
                    near,
                    far,
                    abs(far - near),
                    gap,
                    first,
                    power,
                    nodes,
                    weights,
                )
            else:
                for j in range(nodes.shape[0]):
                    h = h_nodes[q, j]
                    total += at_nodes[q, j] * _cosine_term(c, h, h - c, power)
        out[n] = constant * total
    return out


@kernel
def lattice_density(
    anchor, offsets, factors, shares, panel, start, stop, low, high, density, value, slope
):
    """Density of a_k h at anchor + offset, a_k with weight w_k; shares are w_k / a_k."""
    out = np.zeros(offsets.shape[0])
    least, most = low.min(), high.max()
    for n in range(offsets.shape[0]):
        c = anchor + offsets[n]
        total = 0.0
        for k in range(factors.shape[0]):
            # factors decrease, so y grows
            y = c / factors[k]
            if y >= most:
                break
            if y < least:
                continue
            for q in range(panel.shape[0]):
                if low[q] <= y < high[q]:
                    i = panel[q]
                    z = crossing(value[i], start[q], stop[q], y)
                    steep = abs(series(slope[i], z))
                    if steep > 0.0:
                        total += shares[k] * series(density[i], z) / steep
        out[n] = total
    return out

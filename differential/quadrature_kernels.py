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
def _stretch(c, density, value, start, stop, power, singular, nodes, weights):
    """Integral over local coordinates from start to stop (either order), c reached at start."""
    total = 0.0
    length = stop - start
    for j in range(nodes.shape[0]):
        s = 0.5 * (1.0 + nodes[j])
        if singular:
            # z = start + length s^2 absorbs an inverse square root at start (d = 2).
            z = start + length * s * s
            jacobian = length * s
        else:
            z = start + length * s
            jacobian = 0.5 * length
        h = series(value, z)
        gap = h - c
        if gap > 0.0:
            total += (
                weights[j] * abs(jacobian) * series(density, z) * _cosine_term(c, h, gap, power)
            )
    return total


@kernel
def _graded(c, density, value, near, far, first, power, singular, nodes, weights):
    """Integral from the end `near`, close to the threshold, to `far` in doubling stretches."""
    length = abs(far - near)
    sign = 1.0 if far > near else -1.0
    total = 0.0
    done = 0.0
    step = min(max(first, 1e-13), length)
    while done < length:
        stop = min(done + step, length)
        total += _stretch(
            c,
            density,
            value,
            near + sign * done,
            near + sign * stop,
            power,
            singular and done == 0.0,
            nodes,
            weights,
        )
        done = stop
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
                z = crossing(value[i], start[q], stop[q], c)
                total += _graded(
                    c, density[i], value[i], z, far, abs(z - near), power, True, nodes, weights
                )
            elif low[q] - c < 0.5 * (high[q] - low[q]):
                first = 0.5 * (low[q] - c) / (high[q] - low[q]) * abs(far - near)
                total += _graded(
                    c, density[i], value[i], near, far, first, power, low[q] == c, nodes, weights
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

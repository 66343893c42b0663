"""Mellin transforms of mixed densities, compiled: one sum over nodes per frequency.

Panels carry sqrt(f f_v) and log(f_v/f) at Gauss nodes, f_v = f(. - r). At one frequency the
products exp(i w log(f_v/f)) sqrt(f f_v) become series, their integrals are read at the
largest and the least coordinate of every node, and the difference is what one of the other
coordinates contributes.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import NDArray

from numerics.jit import kernel
from numerics.legendre import legendre_rule
from numerics.panel_kernels import series
from numerics.rounding import FloatArray

__all__ = ["Nodes", "Panels", "inner_sizes", "integral_matrix", "log_densities", "transform"]


class Panels(NamedTuple):
    """log(f_v/f) and sqrt(f f_v) at the nodes of panels, (m, order), and their half widths (m,)."""

    ratio: FloatArray
    root: FloatArray
    half: FloatArray


class Nodes(NamedTuple):
    """Nodes of the pair of extreme coordinates, (n,) each.

    The logarithm of quadrature weight times density, the log ratio, and where the largest and the
    least coordinate lie: number of the panel and local variable in [-1, 1].
    """

    log_weight: FloatArray
    ratio: FloatArray
    top: NDArray[np.int64]
    top_z: FloatArray
    bottom: NDArray[np.int64]
    bottom_z: FloatArray


@kernel
def log_densities(x, edges, anchor, left, right, density):
    """log f at points (n,) from the Legendre series of f on panels; -inf where f is 0."""
    out = np.empty(x.shape[0])
    last = left.shape[0] - 1
    for i in range(x.shape[0]):
        j = min(max(np.searchsorted(edges, x[i]) - 1, 0), last)
        width = right[j] - left[j]
        z = 2.0 * (x[i] - anchor[j] - left[j]) / width - 1.0
        if z > 1.0 + 1e-12 or z < -1.0 - 1e-12:
            out[i] = -np.inf
        else:
            value = series(density[j], min(max(z, -1.0), 1.0)) * 2.0 / width
            out[i] = np.log(value) if value > 0.0 else -np.inf
    return out


@cache
def integral_matrix() -> FloatArray:
    """From values at the nodes of a panel to Chebyshev coefficients of the integral from the left.

    Chebyshev series are evaluated without a division. The last row has the weights of the whole
    panel, whose rounding is smaller: all other coordinates multiply it by d.
    """
    rule = legendre_rule()
    primitives = legendre.legint(rule.to_coefficients, lbnd=-1)
    points = chebyshev.chebpts1(len(primitives))
    from_values = np.linalg.inv(chebyshev.chebvander(points, len(primitives) - 1))
    values = legendre.legvander(points, len(primitives) - 1) @ primitives
    return np.vstack([from_values @ values, rule.weights])


@kernel
def _chebyshev(coefficients, z):
    b1 = 0.0 * coefficients[0]
    b2 = b1
    for k in range(coefficients.shape[0] - 1, 0, -1):
        b1, b2 = coefficients[k] + 2.0 * z * b1 - b2, b1
    return coefficients[0] + z * b1 - b2


@kernel
def _integrals(omega, panels, matrix, out):
    """Series, (m, order + 1), of the integral of root exp(i omega ratio) from the left end."""
    count, order = panels.ratio.shape
    values = np.empty(order, np.complex128)
    before = 0.0 + 0.0j
    for p in range(count):
        for j in range(order):
            turn = omega * panels.ratio[p, j]
            size = panels.half[p] * panels.root[p, j]
            values[j] = complex(size * np.cos(turn), size * np.sin(turn))
        for k in range(order + 1):
            c = 0.0 + 0.0j
            for j in range(order):
                c += matrix[k, j] * values[j]
            out[p, k] = c
        out[p, 0] += before
        for j in range(order):
            before += matrix[order + 1, j] * values[j]


@kernel
def transform(omega, nodes, panels, matrix, power):
    """Real part of the sum over nodes of weight exp(i w ratio) inner(w)^power, for each w."""
    count, order = panels.ratio.shape
    table = np.empty((count, order + 1), np.complex128)
    out = np.empty(omega.shape[0])
    for i in range(omega.shape[0]):
        _integrals(omega[i], panels, matrix, table)
        total = 0.0
        for j in range(nodes.ratio.shape[0]):
            inner = _chebyshev(table[nodes.top[j]], nodes.top_z[j])
            inner -= _chebyshev(table[nodes.bottom[j]], nodes.bottom_z[j])
            square = inner.real * inner.real + inner.imag * inner.imag
            size = nodes.log_weight[j] + 0.5 * power * np.log(square)
            turn = omega[i] * nodes.ratio[j] + power * np.arctan2(inner.imag, inner.real)
            total += np.exp(size) * np.cos(turn)
        out[i] = total
    return out


@kernel
def inner_sizes(nodes, panels, matrix, power):
    """log of inner(0)^power at each node; -inf where nothing fits between the extremes."""
    count, order = panels.ratio.shape
    table = np.empty((count, order + 1), np.complex128)
    _integrals(0.0, panels, matrix, table)
    out = np.empty(nodes.ratio.shape[0])
    for j in range(nodes.ratio.shape[0]):
        inner = _chebyshev(table[nodes.top[j]], nodes.top_z[j]).real
        inner -= _chebyshev(table[nodes.bottom[j]], nodes.bottom_z[j]).real
        out[j] = power * np.log(inner) if inner > 0.0 else -np.inf
    return out

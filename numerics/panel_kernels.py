"""Numba kernels on panel densities: quantiles, tails of h(X) and expected excesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from numerics.jit import kernel
from numerics.legendre import legendre_rule
from numerics.panels import PanelDensity

__all__ = ["integral", "integrals", "quantiles", "series"]

Array = NDArray[np.float64]


@kernel
def series(coefficients, z):
    """Clenshaw evaluation of a Legendre series at z."""
    n = coefficients.shape[0]
    b1 = 0.0
    b2 = 0.0
    for k in range(n - 1, 0, -1):
        b0 = coefficients[k] + (2 * k + 1) / (k + 1) * z * b1 - (k + 1) / (k + 2) * b2
        b2 = b1
        b1 = b0
    return coefficients[0] + z * b1 - 0.5 * b2


@kernel
def integral(coefficients, start, stop, nodes, weights):
    """Integral of a Legendre series over [start, stop] with relative accuracy."""
    half = 0.5 * (stop - start)
    total = 0.0
    for j in range(nodes.shape[0]):
        total += weights[j] * series(coefficients, start + half * (1.0 + nodes[j]))
    return half * total


@kernel
def _integral_loop(coefficients, rows, start, stop, nodes, weights):
    out = np.empty(rows.shape[0])
    for i in range(rows.shape[0]):
        out[i] = integral(coefficients[rows[i]], start[i], stop[i], nodes, weights)
    return out


def integrals(coefficients: Array, rows: NDArray[np.intp], start: Array, stop: Array) -> Array:
    """Integrals of the chosen Legendre series over local intervals [start, stop], shape (n,)."""
    rule = legendre_rule()
    return np.asarray(_integral_loop(coefficients, rows, start, stop, rule.nodes, rule.weights))


@kernel
def _quantile(target, density, from_top, nodes, weights):
    """Local z with mass `target` between z and the end of the panel, by bracketed Newton."""
    lo, hi = -1.0, 1.0
    total = 2.0 * density[0]
    z = 1.0 - 2.0 * target / total if from_top else -1.0 + 2.0 * target / total
    for _ in range(60):
        if not (lo < z < hi):
            z = 0.5 * (lo + hi)
        if from_top:
            gap = integral(density, z, 1.0, nodes, weights) - target
        else:
            gap = target - integral(density, -1.0, z, nodes, weights)
        if gap > 0.0:
            lo = z
        else:
            hi = z
        slope = series(density, z)
        step = gap / slope if slope > 0.0 else 0.0
        moved = z + step
        if abs(moved - z) <= 4e-16 * (1.0 + abs(z)) or hi - lo < 1e-16:
            return min(max(moved, -1.0), 1.0)
        z = moved
    return z


@kernel
def _quantile_loop(
    probabilities, order, cumulative, density, anchor, left, right, from_top, nodes, weights
):
    out = np.empty(probabilities.shape[0])
    m = density.shape[0]
    for i in range(probabilities.shape[0]):
        p = probabilities[i]
        # cumulative[k]: mass before the k-th panel counted from the chosen end
        k = np.searchsorted(cumulative, p, side="right") - 1
        k = min(max(k, 0), m - 1)
        panel = order[k]
        target = p - cumulative[k]
        total = 2.0 * density[panel, 0]
        target = min(max(target, 0.0), total)
        z = _quantile(target, density[panel], from_top, nodes, weights)
        half = 0.5 * (right[panel] - left[panel])
        out[i] = anchor[panel] + (left[panel] + half * (1.0 + z))
    return out


def quantiles(panels: PanelDensity, probabilities: Array, from_top: bool) -> Array:
    """Points with the given mass above (`from_top`) or below them."""
    rule = legendre_rule()
    m = len(panels.left)
    order = np.arange(m)[::-1].copy() if from_top else np.arange(m)
    gaps = panels.gap_mass[::-1] if from_top else panels.gap_mass
    masses = panels.panel_mass[order]
    cumulative = np.cumsum(np.append(gaps[0], masses[:-1] + gaps[1:-1]))
    return np.asarray(
        _quantile_loop(
            probabilities,
            order,
            cumulative,
            panels.density,
            panels.anchor,
            panels.left,
            panels.right,
            from_top,
            rule.nodes,
            rule.weights,
        )
    )

"""Compiled sums over the cells of h(X): mass and expected excess above a threshold, quantiles."""

from __future__ import annotations

import numpy as np

from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["evaluate", "solve"]


@kernel
def crossing(value, start, stop, c):
    """Local coordinate in [start, stop] where the monotone series `value` equals c (Illinois)."""
    a, b = start, stop
    fa = series(value, a) - c
    fb = series(value, b) - c
    if fa * fb > 0.0:
        # c lies within rounding of an end value.
        return a if abs(fa) < abs(fb) else b
    side = 0
    z = 0.5 * (a + b)
    for _ in range(80):
        z = (a * fb - b * fa) / (fb - fa) if fb != fa else 0.5 * (a + b)
        if not (min(a, b) <= z <= max(a, b)):
            z = 0.5 * (a + b)
        fz = series(value, z) - c
        if abs(b - a) <= 1e-15 or fz == 0.0:
            break
        if fz * fb > 0.0:
            b, fb = z, fz
            if side == -1:
                fa *= 0.5
            side = -1
        else:
            a, fa = z, fz
            if side == 1:
                fb *= 0.5
            side = 1
    return z


@kernel
def cut_sums(c, cell, panel, start, stop, rising, density, value, nodes, weights):
    """Mass and excess over c of the part of one cell above c."""
    i = panel[cell]
    z = crossing(value[i], start[cell], stop[cell], c)
    lo = z if rising[cell] else start[cell]
    hi = stop[cell] if rising[cell] else z
    half = 0.5 * (hi - lo)
    mass = 0.0
    excess = 0.0
    for j in range(nodes.shape[0]):
        point = lo + half * (1.0 + nodes[j])
        f = weights[j] * series(density[i], point)
        mass += f
        excess += f * max(series(value[i], point) - c, 0.0)
    return half * mass, half * excess


@kernel
def interval_sums(
    c,
    k,
    base_mass,
    base_moment,
    cut_start,
    cut,
    panel,
    start,
    stop,
    rising,
    density,
    value,
    nodes,
    weights,
):
    """P[gamma > c] and E(gamma - c)+ for c in [grid[k], grid[k+1])."""
    mass = 0.0
    excess = 0.0
    for q in range(cut_start[k], cut_start[k + 1]):
        m, e = cut_sums(c, cut[q], panel, start, stop, rising, density, value, nodes, weights)
        mass += m
        excess += e
    full = base_moment[k] - c * base_mass[k]
    return mass + base_mass[k], excess + max(full, 0.0)


@kernel
def evaluate(
    points,
    grid,
    base_mass,
    base_moment,
    cut_start,
    cut,
    panel,
    start,
    stop,
    rising,
    density,
    value,
    nodes,
    weights,
):
    """Tail and excess at each threshold >= 0, shapes (n,), (n,)."""
    n = points.shape[0]
    tail = np.zeros(n)
    excess = np.zeros(n)
    last = grid.shape[0] - 1
    for i in range(n):
        c = points[i]
        if c >= grid[last]:
            continue
        k = np.searchsorted(grid, c, side="right") - 1
        tail[i], excess[i] = interval_sums(
            c,
            k,
            base_mass,
            base_moment,
            cut_start,
            cut,
            panel,
            start,
            stop,
            rising,
            density,
            value,
            nodes,
            weights,
        )
    return tail, excess


@kernel
def solve(
    targets,
    grid,
    tail_at,
    base_mass,
    base_moment,
    cut_start,
    cut,
    panel,
    start,
    stop,
    rising,
    density,
    value,
    nodes,
    weights,
):
    """Upper quantile c, P[gamma > c] and E(gamma - c)+ for each target probability.

    The quantile only has to be near: Phi(p) <= c p + E(gamma - c)+ for every c, with an error of
    second order (spec 2, duality).
    """
    n = targets.shape[0]
    quantile = np.zeros(n)
    tail = np.zeros(n)
    excess = np.zeros(n)
    last = grid.shape[0] - 1
    for i in range(n):
        p = targets[i]
        # tail_at decreases; the last k with tail_at[k] > p.
        lo, hi = -1, last
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if tail_at[mid] > p:
                lo = mid
            else:
                hi = mid
        k = lo
        if k < 0:
            c = 0.0
            k = 0
        elif p < base_mass[k]:
            c = grid[k + 1]
        else:
            a, b = grid[k], grid[k + 1]
            fa, fb = tail_at[k] - p, base_mass[k] - p
            side = 0
            c = 0.5 * (a + b)
            for step in range(100):
                c = (a * fb - b * fa) / (fb - fa) if fb != fa else 0.5 * (a + b)
                if step % 3 == 2:
                    # A tail that decays by many e-folds per interval stalls false position.
                    c = np.sqrt(a * b) if a > 0.0 and b > 4.0 * a else 0.5 * (a + b)
                if not (a < c < b):
                    c = 0.5 * (a + b)
                if not (a < c < b):
                    c = b
                    break
                mass, _ = interval_sums(
                    c,
                    k,
                    base_mass,
                    base_moment,
                    cut_start,
                    cut,
                    panel,
                    start,
                    stop,
                    rising,
                    density,
                    value,
                    nodes,
                    weights,
                )
                gap = mass - p
                if abs(gap) <= 1e-10 * p:
                    break
                if b - a <= 3e-16 * b:
                    # Near a maximum of h one ulp of c can hold more mass than p. From above the
                    # bound errs by that ulp times p, from below by the mass it lets in.
                    c = b
                    break
                if gap > 0.0:
                    a, fa = c, gap
                    if side == 1:
                        fb *= 0.5
                    side = 1
                else:
                    b, fb = c, gap
                    if side == -1:
                        fa *= 0.5
                    side = -1
        quantile[i] = c
        if c < grid[last]:
            j = k if c < grid[k + 1] else k + 1
            tail[i], excess[i] = interval_sums(
                c,
                j,
                base_mass,
                base_moment,
                cut_start,
                cut,
                panel,
                start,
                stop,
                rising,
                density,
                value,
                nodes,
                weights,
            )
    return quantile, tail, excess

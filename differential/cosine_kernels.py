"""Compiled integrals over the radius: P[h T > c] and E(h T - c)+ for h on cells."""

from __future__ import annotations

import numpy as np

from differential.part_kernels import crossing
from numerics.jit import kernel
from numerics.panel_kernels import series

__all__ = ["cosine_sums", "cosine_terms", "terms_loop"]

#: Nearer than this share of a cell to its low end, a singularity of order (h - c)^(3/2) no longer
#: shows in the sums at 1e-15.
_NEAREST = 1e-6


@kernel
def cosine_terms(t, complement, dim, top, tail_table, excess_table):
    """P[T > t] and E(T - t)+; complement = 1 - t^2, given apart for its digits near t = 1."""
    root = np.sqrt(dim)
    x = t * root
    y = x / (1.0 + x)
    panels = tail_table.shape[0]
    scaled = y / top * panels
    k = min(int(scaled), panels - 1)
    z = 2.0 * (scaled - k) - 1.0
    log_s = np.log1p(-t * t) if t < 0.5 else np.log(complement)
    power = np.exp(0.5 * (dim - 1) * log_s)
    tail = power * series(tail_table[k], z) / (1.0 + x)
    excess = power * complement * series(excess_table[k], z) / (root * (1.0 + x) * (1.0 + x))
    return tail, excess


@kernel
def terms_loop(t, complement, dim, top, tail_table, excess_table):
    """`cosine_terms` at many points."""
    tail = np.zeros(t.shape[0])
    excess = np.zeros(t.shape[0])
    for i in range(t.shape[0]):
        if complement[i] > 0.0:
            tail[i], excess[i] = cosine_terms(
                t[i], complement[i], dim, top, tail_table, excess_table
            )
    return tail, excess


@kernel
def _graded(
    c, density, value, begin, end, first, crossed, dim, top, tails, excesses, nodes, weights
):
    """Both sums from `begin`, where h - c is small or 0, to `end` in doubling stretches."""
    sign = 1.0 if end > begin else -1.0
    length = abs(end - begin)
    tail = 0.0
    excess = 0.0
    done = 0.0
    step = min(max(first, _NEAREST * length), length)
    while done < length:
        reach = min(step, length - done)
        singular = crossed and done == 0.0
        for j in range(nodes.shape[0]):
            s = 0.5 * (1.0 + nodes[j])
            # offset = reach s^2 makes (h - c)^(1/2), the worst power (d = 2), a polynomial
            offset = reach * s * s if singular else done + reach * s
            jacobian = reach * s if singular else 0.5 * reach
            point = begin + sign * offset
            h = series(value, point)
            if h > c:
                f = weights[j] * jacobian * series(density, point)
                complement = (h - c) * (h + c) / (h * h)
                p, e = cosine_terms(c / h, complement, dim, top, tails, excesses)
                tail += f * p
                excess += f * h * e
        done += reach
        step = done
    return tail, excess


@kernel
def cosine_sums(
    points,
    atom_value,
    atom_mass,
    panel,
    start,
    stop,
    low,
    high,
    rising,
    f_nodes,
    h_nodes,
    density,
    value,
    dim,
    top,
    tails,
    excesses,
    nodes,
    weights,
    power_sums,
    odd,
    near_zero,
    mean_cosine,
):
    """P[h T > c] and E(h T - c)+ at each threshold c >= 0, shapes (n,), (n,).

    `f_nodes` is the density times the weight at the nodes of whole cells, `h_nodes` the value.
    Where c < near_zero * low the powers of c/h are summed instead of the nodes: P[T > u] = 1/2 -
    sum of odd[k] u^(2k+1), and `power_sums` holds the mass, the moment and E (low/h)^(2k+1).
    """
    tail = np.zeros(points.shape[0])
    excess = np.zeros(points.shape[0])
    for n in range(points.shape[0]):
        c = points[n]
        for a in range(atom_value.shape[0]):
            h = atom_value[a]
            if h > c:
                complement = (h - c) / h * (1.0 + c / h)
                p, e = cosine_terms(c / h, complement, dim, top, tails, excesses)
                tail[n] += atom_mass[a] * p
                excess[n] += atom_mass[a] * h * e
        for q in range(panel.shape[0]):
            if high[q] <= c:
                continue
            if c <= near_zero * low[q]:
                u = c / low[q]
                mass = power_sums[q, 0]
                p = 0.5 * mass
                e = mean_cosine * power_sums[q, 1] - 0.5 * c * mass
                power = u
                for k in range(odd.shape[0]):
                    term = odd[k] * power * power_sums[q, 2 + k]
                    p -= term
                    e += c * term / (2 * k + 2)
                    power *= u * u
                tail[n] += p
                excess[n] += e
                continue
            spread = high[q] - low[q]
            if low[q] - c >= 0.5 * spread:
                for j in range(nodes.shape[0]):
                    h = h_nodes[q, j]
                    if h > c:  # where h touches 0 its digits are rounding
                        complement = (h - c) * (h + c) / (h * h)
                        p, e = cosine_terms(c / h, complement, dim, top, tails, excesses)
                        tail[n] += f_nodes[q, j] * p
                        excess[n] += f_nodes[q, j] * h * e
                continue
            i = panel[q]
            begin = start[q] if rising[q] else stop[q]
            end = stop[q] if rising[q] else start[q]
            crossed = low[q] < c
            if crossed:
                z = crossing(value[i], start[q], stop[q], c)
                # h' may vanish at the low end of the cell: the mirror image of the crossing
                first = abs(z - begin)
                begin = z
            else:
                first = 0.5 * (low[q] - c) / spread * abs(end - begin)
            p, e = _graded(
                c,
                density[i],
                value[i],
                begin,
                end,
                first,
                crossed,
                dim,
                top,
                tails,
                excesses,
                nodes,
                weights,
            )
            tail[n] += p
            excess[n] += e
    return tail, excess

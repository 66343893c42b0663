"""Tail and expected excess of T, one coordinate of a uniform unit vector, as smooth tables.

With s = 1 - t^2 and x = t sqrt(d), d >= 2,

    P[T > t] = s^((d-1)/2) M(y) / (1 + x),    E(T - t)+ = s^((d+1)/2) N(y) / (sqrt(d) (1 + x)^2),

where M and N are ratios of the kind of Mills' ratio: positive, between constants, and analytic in
y = x / (1 + x) on the whole range of t in [0, 1] for every d. They come from Gauss' 2F1 (DLMF
8.17.8) in ball arithmetic, once per dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from differential.cosine_kernels import terms_loop
from numerics.legendre import legendre_rule
from numerics.panels import legendre_series

__all__ = ["CosineMills", "cosine_mills"]

Array = NDArray[np.float64]

#: The cancellation in N near t = 1 costs about 2 log2(d) bits; 256 leave 200.
_BITS = 256
#: Panels in y; with 20 nodes each the last coefficients are below 1e-15 for every d (tested).
_PANELS = 12


@dataclass(frozen=True)
class CosineMills:
    """Legendre series of M and N on equal panels of [0, top] in y."""

    dim: int
    top: float
    tail: Array
    excess: Array

    def tail_and_excess(self, t: Array) -> tuple[Array, Array]:
        """P[T > t] and E(T - t)+ for t in [0, 1], shape (n,)."""
        flat = np.asarray(t, dtype=np.float64)
        complement = (1 - flat) * (1 + flat)
        tail, excess = terms_loop(
            flat, complement, float(self.dim), self.top, self.tail, self.excess
        )
        return tail, excess


@lru_cache(maxsize=32)
def cosine_mills(dim: int) -> CosineMills:
    """The tables for one dimension, >= 2.

    Examples
    --------
    >>> tail, excess = cosine_mills(3).tail_and_excess(np.array([0.5]))  # T is uniform: 1/4, 1/16
    >>> bool(abs(4 * tail[0] - 1) < 1e-14), bool(abs(16 * excess[0] - 1) < 1e-14)
    (True, True)
    """
    rule = legendre_rule()
    with flint.ctx.workprec(_BITS):
        root = arb(dim).sqrt()
        top = float((root / (1 + root)).mid())
        # C / (d - 1) with the density C (1 - t^2)^((d-3)/2) of T
        half = arb(dim) / 2
        unit = (half.lgamma() - (half - arb(1) / 2).lgamma()).exp() / arb.pi().sqrt() / (dim - 1)
        tails, excesses = np.empty((_PANELS, len(rule.nodes))), np.empty((_PANELS, len(rule.nodes)))
        for k in range(_PANELS):
            for j, node in enumerate(rule.nodes):
                y = (k + (1 + arb(float(node))) / 2) * top / _PANELS
                tails[k, j], excesses[k, j] = _ratios(y / (1 - y), root, dim, unit)
    series = [np.array([legendre_series(row) for row in rows]) for rows in (tails, excesses)]
    return CosineMills(dim, top, *series)


def _ratios(x: arb, root: arb, dim: int, unit: arb) -> tuple[float, float]:
    t = x / root
    s = 1 - t * t
    tail = unit * s.hypgeom_2f1(arb(1) / 2, arb(dim - 1) / 2, arb(dim + 1) / 2)
    # E(T - t)+ = C s^((d-1)/2) / (d-1) - t P[T > t]
    excess = (unit - t * tail) / s
    return float((tail * (1 + x)).mid()), float((excess * root * (1 + x) ** 2).mid())

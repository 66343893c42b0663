"""Cosines of a uniform direction in R^d: the law behind l2 radial densities.

Given ||x||_2 = s the cosine T between x and the shift has density ~ (1 - tau^2)^((d-3)/2), and
||x - v||_2 <= t means T >= (s^2 + r^2 - t^2)/(2 s r): equation I.20 of [1]. The tail
P[T > tau] = (1 - tau^2)^a e^{R(tau)}, a = (d-1)/2, has a smooth R, whose scale is 1/sqrt(2a);
a few polynomials per dimension replace millions of incomplete beta functions.

References
----------
.. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Theorem I.20.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from levelset.laws import SPHERE, Law
from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from numerics.stable import log_gamma_ratio

__all__ = ["sphere_law"]

#: Largest width of a piece in arsinh(sqrt(2a) tau), and the degree that leaves 1e-15 of R on it.
_STEP = 0.25
_DEGREE = 11
#: Panels and nodes of the integral behind each value of R.
_PIECES = 24
_EXPONENT = 45.0


@lru_cache(maxsize=32)
def sphere_law(dim: int) -> Law:
    """The law of t given s for the sphere in dimension `dim` >= 2."""
    power = (dim - 1) / 2
    scale = np.sqrt(2 * power)
    count = int(np.ceil(np.arcsinh(scale) / _STEP))
    step = float(np.arcsinh(scale)) / count
    z = np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    theta = step * (np.arange(count)[:, None] + (1 + z) / 2)
    tau = np.minimum(np.sinh(theta) / scale, 1.0)
    values = _log_mills(tau.ravel(), dim).reshape(tau.shape)
    table = np.zeros_like(values)
    for i in range(count):
        powers = chebyshev.cheb2poly(chebyshev.chebfit(z, values[i], _DEGREE))
        table[i, : len(powers)] = powers
    return Law(SPHERE, dim, step, table)


def _log_mills(tau: FloatArray, dim: int) -> FloatArray:
    """R(tau) = log( P[T > tau] / (1 - tau^2)^a ) for 0 <= tau <= 1.

    With u = 1 - (1 - tau) v^2 the integral of (1 - u^2)^(a-1) over (tau, 1) is
    2 (1 - tau)^a times that of v^(d-2) (1 + u)^(a-1) over (0, 1), which is smooth for every d.
    """
    power = (dim - 1) / 2
    rule = legendre_rule()
    gap = (1 - tau)[:, None]
    # The logarithm of the integrand is concave in log v and falls by `_EXPONENT` within `depth`.
    depth = _depth(tau, power)[:, None]
    edges = np.linspace(0.0, 1.0, _PIECES + 1)
    nodes = ((edges[:-1, None] + (rule.nodes + 1) / (2 * _PIECES)).ravel())[None, :]
    weights = np.tile(rule.weights / (2 * _PIECES), _PIECES)[None, :]
    w = depth * nodes  # 1 - v
    with np.errstate(divide="ignore"):
        logs = (2 * power - 1) * np.log1p(-w) if dim > 2 else np.zeros_like(w)
    # (1 + u) relative to 1 + tau, which leaves the factor (1 + tau)^-1 outside
    logs = logs + (power - 1) * np.log1p(gap * w * (2 - w) / (1 + tau[:, None]))
    integral = np.sum(weights * np.exp(logs), axis=1) * depth[:, 0]
    half = np.array([power])
    log_constant = float(log_gamma_ratio(half, np.array([0.5]))[0]) - 0.5 * np.log(np.pi)
    return np.asarray(log_constant + np.log(2 * integral) - np.log1p(tau))


def _depth(tau: FloatArray, power: float) -> FloatArray:
    """How far from v = 1 the integrand matters: exponent a tau^2-ish and a w^2 alike."""
    # d/dw of the log integrand at w = 0 is -(d - 2) + (d - 3) gap / (1 + tau) <= 0 and its second
    # derivative is at most -(d - 2): solve for a fall of 45.
    slope = np.maximum((2 * power - 1) - (2 * power - 2) * (1 - tau) / (1 + tau), 0.0)
    curvature = max(2 * power - 1, 1e-300)
    fall = 2 * _EXPONENT / (slope + np.sqrt(slope**2 + 2 * _EXPONENT * curvature))
    return np.minimum(1.0, fall)

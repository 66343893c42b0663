r"""How strongly D can bend along equal shifts of q = ||x||_oo^-k exp(-c ||x||_2^2/2).

See `curvature` for M. With z = y + r (1, ..., 1), y ~ q, i the largest coordinate of z and S the
sum of its coordinates, gamma(z) = c S + k sgn(z_i)/||z|| and, because ||z|| is convex along the
line, d_u gamma >= c d - k/||z||^2. On the set {q(z) < q(y)} of M

    ||z|| >= r/2:

if not, all coordinates of y lie in (-3r/2, -r/2) and exceed those of z in size, whence q(y) < q(z).
So w = 1/max(||z||, r/2)^2 on that set, 0 elsewhere, bounds 1/||z||^2, and by Minkowski's inequality

    M <= (sqrt(E (a - c S)^2) + k sqrt(E w))^2 + E (k w - c d)_+ .

With probability 1/2 the largest coordinate of y in size is positive, and ||z|| = ||y|| + r. Else it
is -s, s = ||y||, and with t the largest of the others ||z|| = max(|r - s|, t + r). If that is below
s, q(z) < q(y) needs ||z||_2 > ||y||_2, so that the sum of the coordinates of y, at most
(d - 1) t - s, exceeds -d r/2. Given s the others are independent and cut to [-s, s].

Flipping a sign keeps q, so that the coordinates of y are uncorrelated; ||y||_2^2 c has the
chi-squared law with d - k degrees of freedom, q being homogeneous but for a function of the 2-norm.
Hence E (a - c S)^2 = c (d - k) + (a - c d r)^2. The law of ||y|| has a density proportional to
s^-k exp(-c s^2/2) erf(s sqrt(c/2))^(d-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy
from scipy.special import erf, erfc

from numerics.legendre import legendre_rule
from numerics.rounding import FloatArray
from smoothing.structure import COORDINATE, RADIUS, Mixed

__all__ = ["PowerOfMaximum", "mixed_curvature", "power_of_maximum"]

#: The integrand has kinks and steps in ||y||, where a panel of the rule may be off by a fraction of
#: itself; so much is added for them.
_GENEROSITY = 1.05
_ORDER = 10
#: Halvings of [0, 1] towards 0, and the end of the law in standard deviations of a coordinate.
_HALVINGS, _END = 1000, 40
#: Bins of the largest coordinate but one, on each of which the largest w counts.
_BINS = 32
#: With d - k smaller the halvings do not reach the mass at 0.
_LEAST_ROOM = 0.05
#: Shares that cannot be felt: w is at most 4/r^2.
_UNFELT = 1e-30


@dataclass(frozen=True)
class PowerOfMaximum:
    """k and c of ||x||_oo^-k exp(-c ||x||_2^2/2), and the dimension."""

    k: float
    c: float
    dim: int


def power_of_maximum(mixed: Mixed) -> PowerOfMaximum | None:
    """Parameters of a mixed density, up to its constant; None where it is another one."""
    k = sympy.simplify(RADIUS * sympy.diff(mixed.profile, RADIUS))
    slope = sympy.diff(mixed.phi, COORDINATE)
    c = sympy.simplify(sympy.diff(slope, COORDINATE))
    if not (k.is_number and k >= 0 and c.is_number and c > 0):
        return None
    if slope.subs(COORDINATE, 0) != 0 or mixed.dim - k < _LEAST_ROOM:
        return None
    return PowerOfMaximum(float(k), float(c), mixed.dim)


def mixed_curvature(noise: PowerOfMaximum, r: FloatArray, slopes: FloatArray) -> FloatArray:
    """Upper bound on M at shifts r (1, ..., 1), r > 0, where log kappa has the given slopes in r.

    Examples
    --------
    A Gaussian has M at most c d where log kappa = c d r^2/2:

    >>> gaussian = PowerOfMaximum(0.0, 1.0, 3)
    >>> found = mixed_curvature(gaussian, np.array([0.5]), np.array([1.5]))
    >>> bool(3 <= found[0] < 3.2)
    True
    """
    k, c, dim = noise.k, noise.c, noise.dim
    s, mass = _law_of_maximum(noise)
    found = np.empty(len(r))
    for i, (shift, slope) in enumerate(zip(r.tolist(), slopes.tolist(), strict=True)):
        w, share = _inverse_squares(noise, s, shift)
        share = share * (mass[:, None] / 2)
        away = 1 / (s + shift) ** 2
        both = float(np.sum(share * w) + mass @ away / 2)
        bent = np.sum(share * np.maximum(k * w - c * dim, 0.0))
        bent += mass @ np.maximum(k * away - c * dim, 0.0) / 2
        plain = c * (dim - k) + (slope - c * dim * shift) ** 2
        found[i] = (np.sqrt(plain) + k * np.sqrt(both)) ** 2 + bent
    return np.asarray(found * _GENEROSITY)


def _inverse_squares(
    noise: PowerOfMaximum, s: FloatArray, r: float
) -> tuple[FloatArray, FloatArray]:
    """Bounds on w where -s is the largest coordinate in size, and their shares, shape (n, bins).

    Bins are of the largest of the other coordinates.
    """
    t = s[:, None] * np.linspace(-1.0, 1.0, _BINS + 1)
    below = (1 + erf(t * np.sqrt(noise.c / 2)) / erf(s * np.sqrt(noise.c / 2))[:, None]) / 2
    share = np.diff(np.clip(below, 0.0, 1.0) ** (noise.dim - 1), axis=1)
    least, most, s = t[:, :-1], t[:, 1:], s[:, None]
    size = np.maximum(np.maximum(np.abs(r - s), least + r), r / 2)
    outside = (most + r < s) & (2 * s > r) & ((noise.dim - 1) * most - s < -noise.dim * r / 2)
    return np.where(outside, 0.0, 1 / size**2), share


@lru_cache(maxsize=16)
def _law_of_maximum(noise: PowerOfMaximum) -> tuple[FloatArray, FloatArray]:
    """Nodes and masses of the law of ||y||_oo, those that can be felt."""
    edges = np.concatenate(
        [0.5 ** np.arange(_HALVINGS, 0.0, -1.0), np.linspace(1.0, _END, 10 * (_END - 1) + 1)]
    )
    rule = legendre_rule(_ORDER)
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half * (1 + rule.nodes)).ravel()
    # s in standard deviations of a coordinate without the power
    with np.errstate(divide="ignore"):
        inside = np.where(t < 1, np.log(erf(t / np.sqrt(2))), np.log1p(-erfc(t / np.sqrt(2))))
    logs = (noise.dim - 1) * inside - noise.k * np.log(t) - t**2 / 2
    logs += np.log((half * rule.weights).ravel())
    mass = np.exp(logs - logs.max())
    felt = mass > _UNFELT
    return t[felt] / np.sqrt(noise.c), mass[felt] / mass.sum()

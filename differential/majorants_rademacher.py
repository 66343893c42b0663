"""An upper bound of Phi for sums of signs: gamma = <u, eps>, |u|_2 <= 1, eps_i independent signs.

Let J(p) be the supremum of E gamma f over all dimensions, all u and all functions f of the signs
with values in [0, 1] and mean p: the root of the largest level-1 weight. Splitting f by one
coordinate into two functions of means p - x and p + x gives, by Cauchy-Schwarz on (u', u_d),

    J_d(p)^2 <= max_x ((J_{d-1}(p - x) + J_{d-1}(p + x)) / 2)^2 + x^2,    J_0 = 0.           (*)

Let m(p) = s phi(N^-1(p/s)) with phi and N the normal density and distribution function,
s = pi e N(-1) and p0 = s N(-1) = 0.215. Then J <= V for

    V(p) = m(p) for p <= p0,    V(p) = sqrt(p/2) from p0 to 1/2,

where sqrt(p/2), an unconditional bound (`majorants_exponential`), meets m at p0. By induction it is
enough that V satisfies (*) for p <= p0, where a = p - x and b = p + x stay in [0, 2 p0]. The right
side falls as x grows when

    (V'(a) - V'(b)) (V(a) + V(b)) >= 2 (b - a),    a + b <= 2 p0.                          (**)

For b <= p0: m' = -z at z = N^-1(p/s), so that (**) says that the trapezoidal rule exceeds the
integral of phi over [z_a, z_b]; and phi is convex below z = -1, that is up to p0. For b > p0, write
U = sqrt(b/2); (**) becomes m'm + m'U - m/(4U) - 1/4 >= 4U^2 - 2a with m at a, which is concave in
U and so needs proof at both ends only: at b = p0 it follows from the case before, as U' < m' there;
at b = 2 p0 - a it is an inequality in z_a alone, which the tests prove in interval arithmetic.

Subcubes show J(2^-k) >= sqrt(k) 2^-k, and sums of many equal signs J(p) >= phi(N^-1(p)), to which V
is asymptotic as p -> 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from differential.majorant import Majorant

__all__ = ["PROFILE_END", "PROFILE_SCALE", "rademacher_bound", "rademacher_profile"]

Array = NDArray[np.float64]

_LOWER_NORMAL = 0.5 * math.erfc(1 / math.sqrt(2))
PROFILE_SCALE = math.pi * math.e * _LOWER_NORMAL
PROFILE_END = PROFILE_SCALE * _LOWER_NORMAL
#: phi(z) carries z^2 times the relative error of z, and z^2 < 140 for p >= 2^-100.
_ERROR = 2e-13


def rademacher_profile(p: Array) -> Array:
    """V on (0, 1/2], rounded up.

    Examples
    --------
    >>> rademacher_profile(np.array([0.125, 0.5])).round(4).tolist()
    [0.2241, 0.5]
    """
    from scipy.special import ndtri

    # m exceeds sqrt(p/2) beyond p0, but lies below it before: no comparison of p with p0 is needed.
    z = ndtri(np.minimum(p, PROFILE_END) / PROFILE_SCALE)
    gaussian = PROFILE_SCALE / math.sqrt(2 * math.pi) * np.exp(-(z**2) / 2)
    value = np.where(p < PROFILE_END, gaussian, np.sqrt(p / 2))
    return np.asarray(value * (1 + _ERROR))


def rademacher_bound(weight: float) -> Majorant:
    """Phi <= weight V for gamma = sum of c_i eps_i with |c|_2 <= weight for every u of the ball.

    This covers random c independent of the signs as long as |c|_2 <= weight, because V is concave.
    """
    factor = weight * (1 + _ERROR)

    def on_half(p: Array) -> Array:
        return factor * rademacher_profile(p)

    return Majorant("sums of signs", on_half, np.array([PROFILE_END]))

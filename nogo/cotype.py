r"""Cotype-2 constants: how far a norm is from total variation (RSAS section 7, appendix J).

C_2(T) is the smallest C with E||sum_j s_j x_j|| >= (sum_j ||x_j||^2)^(1/2) / C for all finite
families x_j and independent signs s_j (Definition 7.2, first moment). A small noise moment
therefore cannot certify a large radius in a norm of large cotype constant: Theorem 7.3 says
eps <= K (s/l)^(1/4) / C_2(T) with a universal K that the paper leaves open, so K is a symbol here.

Where the numbers come from, with d >= 1:

* C_2 >= sqrt(2) for every norm: x_1 = x_2 gives E|s_1 + s_2| = 1 against sqrt(2).
* C_2(l_p) = sqrt(2) for 1 <= p <= 2: E||.||_p >= ||(E|.|)_i||_p, Khintchine's constant
  1/sqrt(2) in each coordinate (Szarek 1976), then Minkowski in l_p(l_2) for p <= 2.
* d^(1/2-1/p) <= C_2(l_p) <= sqrt(2) d^(1/2-1/p) for p >= 2: x_j = e_j below; above, comparison
  with l_2, where the constant is sqrt(2) (Latala and Oleszkiewicz 1994).
* C_2 <= sqrt(2 d) for every norm, by John's theorem.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath
import numpy as np
import sympy
from numpy.typing import NDArray

from nogo.exact import DIGITS, as_order, round_down, round_up
from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.validation import check_count, check_dim
from smoothing.norms import LpNorm, Norm, PolytopeNorm, as_norm

__all__ = ["UNIVERSAL_CONSTANT", "cotype_2", "cotype_ratio", "search_cotype", "useful_radius"]

Gauge = Callable[[Any], Any]

#: K of Theorem 7.3, left open by the paper.
UNIVERSAL_CONSTANT = sympy.Symbol("K", positive=True)

#: 2^(n-1) sign patterns are enumerated.
_MOST_VECTORS = 14


def cotype_2(norm: Any, dim: int) -> Bounds:
    """Enclose the cotype-2 constant of a norm on R^dim.

    Parameters
    ----------
    norm : {"l1", "l2", "linf"} or Norm
    dim : int

    Returns
    -------
    Bounds
        One float wide for l_p with p <= 2, within a factor sqrt(2) for p >= 2, between sqrt(2) and
        sqrt(2 dim) for any other norm (`search_cotype` raises the lower end).

    References
    ----------
    .. [1] Yang et al. 2020, Definition 7.2 and Theorem 7.3.

    Examples
    --------
    >>> cotype_2("l1", 3072).contains(2**0.5)
    True
    >>> linf = cotype_2("linf", 3072)
    >>> round(linf.lower, 3), round(linf.upper, 3)
    (55.426, 78.384)
    """
    adversary, d = as_norm(norm), check_dim(dim)
    with mpmath.workdps(DIGITS):
        root = mpmath.sqrt(2)
        if not isinstance(adversary, LpNorm):
            return _outwards(root, root * mpmath.sqrt(d))
        if adversary.p <= 2 or d == 1:
            return _outwards(root, root)
        order = as_order(adversary.p)
        inverse = mpmath.mpf(0) if order == float("inf") else 1 / mpmath.mpf(order)
        power = mpmath.mpf(d) ** (mpmath.mpf(1) / 2 - inverse)
        return _outwards(max(root, power), root * power)


def cotype_ratio(vectors: Any, norm: Any) -> float:
    """(sum ||x_j||^2)^(1/2) / E||sum s_j x_j||, a lower bound on C_2, rounded down.

    Parameters
    ----------
    vectors : array_like of shape (n, dim)
        At most 14 vectors, not all zero.
    norm : {"l1", "l2", "linf"} or Norm

    Raises
    ------
    InvalidInputError
        Too many vectors for the 2^(n-1) sign patterns, or no vector but 0.

    Examples
    --------
    >>> round(cotype_ratio([[1.0, 0.0], [0.0, 1.0]], "linf"), 12)
    1.414213562373
    """
    rows = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    if rows.ndim != 2 or not 1 <= len(rows) <= _MOST_VECTORS or not np.any(rows):
        legal = f"1 to {_MOST_VECTORS} vectors of shape (n, dim), not all zero"
        raise invalid("vectors", legal, rows.shape, "2^(n-1) sign patterns are enumerated")
    # A sum of 2^13 norms of sums of 14 terms loses less than 64 roundings to nearest.
    return float(_ratio(rows, as_norm(norm).gauge) * (1 - 128 * np.finfo(np.float64).eps))


def search_cotype(
    norm: Any, dim: int, *, vectors: int = 4, starts: int = 8, seed: int = 0
) -> tuple[float, NDArray[np.float64]]:
    """Look for vectors that force a large cotype-2 constant.

    Parameters
    ----------
    norm, dim
        As in `cotype_2`; meant for polytope norms in low dimension.
    vectors, starts, seed : int
        Size of the family, number of random starts, seed of the generator.

    Returns
    -------
    (float, array of shape (vectors, dim))
        The best ratio found, a proven lower bound on C_2, and the vectors that attain it.

    Examples
    --------
    >>> best, family = search_cotype("linf", 2, vectors=2, starts=4)
    >>> round(best, 6), family.shape
    (1.414214, (2, 2))
    """
    from scipy.optimize import minimize

    adversary, d = as_norm(norm), check_dim(dim)
    n = check_count("vectors", vectors)
    gauge = _facet_gauge(adversary, d)
    generator = np.random.default_rng(seed)
    pair = np.zeros((n, d))
    pair[:2, 0] = 1.0  # gives sqrt(2) in every norm
    begun = [np.resize(np.eye(d), (n, d)), *generator.standard_normal((starts, n, d))]
    ended = [
        minimize(
            lambda x: -_ratio(x.reshape(n, d), gauge),
            start.ravel(),
            method="Nelder-Mead",
            options={"maxiter": 200 * n * d, "xatol": 1e-9, "fatol": 1e-12, "adaptive": True},
        ).x.reshape(n, d)
        for start in begun[: 1 + check_count("starts", starts)]
    ]
    best = max([pair, begun[0], *ended], key=lambda rows: _ratio(rows, gauge))
    return cotype_ratio(best, adversary), best


def useful_radius(norm: Any, dim: int, *, margin: Any, accuracy: Any) -> sympy.Expr:
    """Theorem 7.3: the radius of any useful smoothing scheme is at most this multiple of K.

    Parameters
    ----------
    norm, dim
        As in `cotype_2`.
    margin : number
        s = rho - 1/2 at which the radius is certified.
    accuracy : number
        l: some set tells any two inputs at distance 1 apart by this much.

    Returns
    -------
    sympy.Expr
        K (s/l)^(1/4) / C_2, with the lower end of C_2: the paper leaves K open, and so does this.
        It holds for s/l below another universal constant of the paper.

    Examples
    --------
    >>> useful_radius("linf", 16, margin=sympy.Rational(1, 10), accuracy=sympy.Rational(8, 5))
    K/8
    """
    s, accurate = sympy.nsimplify(margin), sympy.nsimplify(accuracy)
    for name, value in (("margin", s), ("accuracy", accurate)):
        if not value.is_positive:
            raise invalid(name, "positive", value, "see Definition 7.1 of Yang et al.")
    adversary, d = as_norm(norm), check_dim(dim)
    constant = sympy.sqrt(2)
    if isinstance(adversary, LpNorm) and adversary.p > 2:
        inverse = 0 if adversary.p == float("inf") else 1 / sympy.nsimplify(adversary.p)
        constant = sympy.Max(constant, sympy.Integer(d) ** (sympy.Rational(1, 2) - inverse))
    return UNIVERSAL_CONSTANT * (s / accurate) ** sympy.Rational(1, 4) / constant


def _facet_gauge(norm: Norm, dim: int) -> Gauge:
    """The gauge, for a polytope through its facets: thousands of times faster than a program each.

    Only the search uses it; what is reported is evaluated by the norm itself.
    """
    if not isinstance(norm, PolytopeNorm) or dim == 1:
        return norm.gauge
    from scipy.spatial import ConvexHull

    planes = ConvexHull(norm.vertices).equations
    outward = planes[:, :-1] / -planes[:, -1:]
    return lambda v: np.max(v @ outward.T, axis=-1)


def _ratio(rows: NDArray[np.float64], gauge: Gauge) -> float:
    signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=len(rows) - 1)])
    mean = float(np.mean(gauge(signs @ rows)))
    size = float(np.sqrt(np.sum(gauge(rows) ** 2)))
    return size / mean if mean > 0.0 else 0.0


def _outwards(lower: Any, upper: Any) -> Bounds:
    return Bounds(round_down(lower), round_up(upper))

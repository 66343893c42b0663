"""Densities that are in no table of the literature, written twice.

Once as the library reads them (`psi`, `support`), once cut by hand into smooth pieces for the
reference; `tests/test_reference_definition.py` checks that the two agree. `tails` are exact
float64 numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Abs, And, Piecewise, Rational, cosh, exp, log, oo, pi, sqrt

from smoothing.expressions import coordinate_sum, norm, x
from tests.reference.geometry import LINE_SYMBOL as t
from tests.reference.geometry import RADIUS_SYMBOL as r
from tests.reference.geometry import Pieces

__all__ = ["PRODUCTS", "RADIALS", "ProductCase", "RadialCase", "reference_key"]

#: From nearly nothing to nearly one half; most cases take two or three of them.
FAR, SMALL, MIDDLE, NEAR_HALF = 1e-9, 1e-4, 0.1, 0.5 - 1e-6


@dataclass(frozen=True)
class ProductCase:
    """iid coordinates with density exp(-phi) on `support` (a pair of ends)."""

    name: str
    phi: sympy.Expr
    pieces: Pieces
    even: bool = True
    dims: tuple[int, ...] = (1, 3072)
    tails: tuple[float, ...] = (FAR, MIDDLE, NEAR_HALF)
    support: sympy.Basic | None = None
    #: Relative error of the values in unpublished.json, which are kept to 20 digits.
    error: str = "1e-17"

    @property
    def psi(self) -> sympy.Expr:
        return coordinate_sum(self.phi)


@dataclass(frozen=True)
class RadialCase:
    """Density exp(-g(gauge of x)) in dimension `dim`."""

    name: str
    gauge: int | str
    profile: sympy.Expr
    dim: int
    adversaries: tuple[str, ...]
    pieces: Pieces
    tails: tuple[float, ...] = (FAR, MIDDLE)
    support: sympy.Basic | None = None
    error: str = "1e-17"

    @property
    def psi(self) -> sympy.Expr:
        order = oo if self.gauge == "oo" else self.gauge
        return self.profile.subs(r, norm(x, order))


def reference_key(case: ProductCase | RadialCase, dim: int, adversary: str, tail: float) -> str:
    """Name of one value in unpublished.json. Even products do not depend on the dimension."""
    if isinstance(case, ProductCase):
        size = "any" if case.even else ("1" if dim == 1 else "many")
        return f"{case.name}|{size}|{tail!r}"
    return f"{case.name}|gauge {case.gauge}|{dim}|{adversary}|{tail!r}"


def mirrored(*right: tuple[object, object, sympy.Expr]) -> Pieces:
    """Even density from its pieces on t > 0."""
    left = [(-sympy.sympify(b), -sympy.sympify(a), e.subs(t, -t)) for a, b, e in reversed(right)]
    return (*left, *right)


def line(phi: sympy.Expr) -> Pieces:
    return ((-oo, oo, phi),)


_MIXTURE = -log(exp(-((t - 2) ** 2) / 2) + exp(-((t + 2) ** 2) / 2))
_SKEW_MIXTURE = -log(3 * exp(-(t**2) / 2) + exp(-((t - 3) ** 2) / 8))
_STUDENT_3 = 2 * log(1 + t**2 / 3)
_STUDENT_5_HALVES = Rational(7, 4) * log(1 + Rational(2, 5) * t**2)
_LAPLACE_GAUSS = -log(exp(-t) + exp(-(t**2)))
_SKEW_LOGISTIC = t + 3 * log(1 + exp(-t))
_TWO = (1, 64)

PRODUCTS: tuple[ProductCase, ...] = (
    ProductCase("sech cubed", 3 * log(cosh(t)), line(3 * log(cosh(t)))),
    ProductCase("student 3", _STUDENT_3, line(_STUDENT_3)),
    ProductCase("student 2.5", _STUDENT_5_HALVES, line(_STUDENT_5_HALVES), dims=(150528,)),
    ProductCase("gaussian mixture", _MIXTURE, line(_MIXTURE)),
    ProductCase("skew mixture", _SKEW_MIXTURE, line(_SKEW_MIXTURE), even=False, dims=_TWO),
    ProductCase("hyperbolic secant", log(cosh(pi * t / 2)), line(log(cosh(pi * t / 2)))),
    ProductCase(
        "huber",
        Piecewise((t**2 / 2, Abs(t) <= 1), (Abs(t) - Rational(1, 2), True)),
        mirrored((0, 1, t**2 / 2), (1, oo, t - Rational(1, 2))),
    ),
    ProductCase("t^4 + t^2", t**4 + t**2, line(t**4 + t**2), dims=(2, 150528)),
    ProductCase("t^4 - t^2", t**4 - t**2, line(t**4 - t**2)),
    ProductCase("double well", t**4 - 3 * t**2, line(t**4 - 3 * t**2)),
    ProductCase("sqrt(1 + t^2)", sqrt(1 + t**2), line(sqrt(1 + t**2))),
    ProductCase("|t| + t^2", Abs(t) + t**2, mirrored((0, oo, t + t**2))),
    ProductCase("|t| + |t|^3", Abs(t) + Abs(t) ** 3, mirrored((0, oo, t + t**3))),
    ProductCase("|t| + sqrt|t|", Abs(t) + sqrt(Abs(t)), mirrored((0, oo, t + sqrt(t)))),
    ProductCase("log(1 + t^4)", log(1 + t**4), line(log(1 + t**4))),
    ProductCase("gauss times cauchy", t**2 / 2 + log(1 + t**2), line(t**2 / 2 + log(1 + t**2))),
    ProductCase("cosh", cosh(t), line(cosh(t))),
    # The slope nears 1 from above like t exp(-t^2): even 256 bits tell it from 1 only up to
    # t = 13, where 2e-6 of the mass is left. A second computation with 530 bits differs by 2e-13.
    ProductCase(
        "laplace gauss mixture",
        -log(exp(-Abs(t)) + exp(-(t**2))),
        mirrored((0, oo, _LAPLACE_GAUSS)),
        error="1e-12",
    ),
    ProductCase(
        "truncated cauchy",
        log(1 + t**2),
        ((-2, 2, log(1 + t**2)),),
        support=norm(x, oo) <= 2,
    ),
    ProductCase(
        "semicircle", -log(1 - t**2) / 2, ((-1, 1, -log(1 - t**2) / 2),), support=norm(x, oo) <= 1
    ),
    ProductCase(
        "triangle",
        -log(1 - Abs(t)),
        mirrored((0, 1, -log(1 - t))),
        support=norm(x, oo) <= 1,
    ),
    ProductCase(
        "plateau with jumps",
        Piecewise((0, Abs(t) < 1), (Abs(t), True)),
        mirrored((0, 1, sympy.S.Zero), (1, oo, t)),
    ),
    ProductCase("exponential", t, ((0, oo, t),), even=False, dims=_TWO, support=x >= 0),
    ProductCase(
        "half normal", t**2 / 2, ((0, oo, t**2 / 2),), even=False, dims=_TWO, support=x >= 0
    ),
    ProductCase(
        "gamma 3", t - 2 * log(t), ((0, oo, t - 2 * log(t)),), even=False, dims=_TWO, support=x >= 0
    ),
    ProductCase(
        "asymmetric laplace",
        Piecewise((-t, t < 0), (2 * t, True)),
        ((-oo, 0, -t), (0, oo, 2 * t)),
        even=False,
        dims=_TWO,
    ),
    ProductCase("gumbel", t + exp(-t), line(t + exp(-t)), even=False, dims=_TWO),
    ProductCase("skew logistic", _SKEW_LOGISTIC, line(_SKEW_LOGISTIC), even=False, dims=_TWO),
    ProductCase(
        "ramp", -log(t), ((0, 1, -log(t)),), even=False, dims=_TWO, support=And(x >= 0, x <= 1)
    ),
    ProductCase(
        "cut logistic",
        2 * log(cosh(t / 2)),
        ((-1, 3, 2 * log(cosh(t / 2))),),
        even=False,
        dims=_TWO,
        support=And(x >= -1, x <= 3),
    ),
)


def radial(
    name: str,
    gauge: int | str,
    profile: sympy.Expr,
    dim: int,
    *adversaries: str,
    lower: object = 0,
    upper: object = oo,
    tails: tuple[float, ...] = (FAR, MIDDLE),
    pieces: Pieces | None = None,
) -> RadialCase:
    order = oo if gauge == "oo" else gauge
    limits = []
    if lower != 0:
        limits.append(norm(x, order) >= lower)
    if upper != oo:
        limits.append(norm(x, order) <= upper)
    return RadialCase(
        name,
        gauge,
        profile,
        dim,
        adversaries,
        pieces or ((lower, upper, profile),),
        tails,
        And(*limits) if limits else None,
    )


_ROUND_MIX = -log(exp(-(r**2)) + exp(-(r**2) / 8))
_RADIAL_HUBER = Piecewise((r**2 / 2, r <= 20), (20 * r - 200, True))
_ENDS = (FAR, MIDDLE, NEAR_HALF)

RADIALS: tuple[RadialCase, ...] = (
    radial("r + r^2", "oo", r + r**2, 64, "l1", "linf", tails=_ENDS),
    radial("r + r^2", "oo", r + r**2, 150528, "l1", "linf"),
    radial("r + r^2", 1, r + r**2, 3072, "l1", tails=_ENDS),
    radial("r + r^2", 1, r + r**2, 3, "l1", "linf"),
    radial("r + r^2", 2, r + r**2, 64, "l1", "l2", "linf", tails=_ENDS),
    radial("r + r^2", 2, r + r**2, 1, "l2", "linf"),
    radial("r^1.5", 2, r ** Rational(3, 2), 3072, "l2", tails=_ENDS),
    radial("r^1.5", 2, r ** Rational(3, 2), 2, "l2", "linf"),
    radial("r^1.5", 1, r ** Rational(3, 2), 2, "l1", "linf"),
    radial("r^1.5", "oo", r ** Rational(3, 2), 3, "l1", "linf", tails=_ENDS),
    radial("log(1 + r^2)", "oo", 34 * log(1 + r**2), 64, "l1", "linf"),
    radial("log(1 + r^2)", 1, 4 * log(1 + r**2), 3, "l1", "linf"),
    radial("log(1 + r^2)", 2, 4 * log(1 + r**2), 3, "l2", "l1"),
    radial("log(1 + r^2)", 2, 80000 * log(1 + r**2), 150528, "l2"),
    radial("sqrt(1 + r^2)", 2, sqrt(1 + r**2), 64, "l2", tails=_ENDS),
    radial("sqrt(1 + r^2)", "oo", sqrt(1 + r**2), 3072, "linf", "l1"),
    radial("r - log(1 + r)", "oo", r - log(1 + r), 64, "l1", "linf"),
    radial("r - log(1 + r)", 2, r - log(1 + r), 3, "l2"),
    radial("r^2 cut at 2", 1, r**2, 3, "l1", "linf", upper=2, tails=_ENDS),
    radial("r^2 cut at 2", 2, r**2, 3, "l2", "linf", upper=2, tails=_ENDS),
    radial("r cut at 2", "oo", r, 3, "l1", "linf", upper=2, tails=_ENDS),
    radial("shell r from 1 to 2", 2, r, 3, "l2", lower=1, upper=2),
    radial("shell r from 1 to 2", "oo", r, 3, "l1", "linf", lower=1, upper=2),
    radial("(r - 3)^2", "oo", (r - 3) ** 2, 3, "l1", "linf", tails=_ENDS),
    radial("(r - 3)^2", 1, (r - 3) ** 2, 2, "l1", "linf"),
    radial("(r - 3)^2", 2, (r - 3) ** 2, 3, "l2", "l1"),
    radial("r^4 - 2 r^2", 2, r**4 - 2 * r**2, 3, "l2"),
    radial("r^4 - 2 r^2", 1, r**4 - 2 * r**2, 3, "l1"),
    radial("isotropic mixture", 2, _ROUND_MIX, 3, "l2", "linf"),
    radial("isotropic mixture", "oo", _ROUND_MIX, 3, "linf", "l1"),
    radial("r^(4/3) + log(r)/2", "oo", r ** Rational(4, 3) + log(r) / 2, 64, "l1", "linf"),
    radial("r^2 + log(r)/2", 1, r**2 + log(r) / 2, 3, "l1", "linf"),
    radial("r + log(r)/2", 2, r + log(r) / 2, 3, "l2", "l1"),
    radial("r + log(r)/2", 1, r + log(r) / 2, 3072, "l1"),
    radial("log cosh", 1, 2 * log(cosh(r)), 8, "l1"),
    radial("log cosh", 2, 2 * log(cosh(r)), 3, "l2"),
    radial(
        "huber",
        "oo",
        _RADIAL_HUBER,
        64,
        "l1",
        "linf",
        pieces=((0, 20, r**2 / 2), (20, oo, 20 * r - 200)),
    ),
)

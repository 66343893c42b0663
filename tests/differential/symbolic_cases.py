"""Densities for the tests of the symbolic derivation, as structures."""

from __future__ import annotations

import functools

import sympy
from sympy import Abs, Rational, S, exp, log, oo

from differential.symbolic import SymbolicRadius, derive_symbolic
from smoothing.structure import COORDINATE, RADIUS, Marginal, Product, Radial, Uniform

t, r = COORDINATE, RADIUS
LINE = (-oo, oo)
HALF_LINE = (S.Zero, oo)


def product(phi: object, support: tuple[object, object] = LINE, dim: int = 784) -> Product:
    """Identically distributed coordinates."""
    ends = tuple(sympy.sympify(end, strict=True) for end in support)
    return Product((Marginal(sympy.sympify(phi, strict=True), (ends[0], ends[1]), dim),), dim)


def radial(
    order: object, profile: object, dim: int, support: tuple[object, object] = HALF_LINE
) -> Radial:
    """Density of the norm of the given order."""
    ends = tuple(sympy.sympify(end, strict=True) for end in support)
    return Radial(
        sympy.sympify(order, strict=True),
        sympy.sympify(profile, strict=True),
        (ends[0], ends[1]),
        dim,
    )


def uniform(order: object, dim: int) -> Uniform:
    """Uniform on the unit ball."""
    return Uniform(sympy.sympify(order, strict=True), S.One, dim)


#: (structure, adversary) of densities no two of which differ by scale or dimension alone.
DIFFERENT_DENSITIES: dict[str, tuple[Product | Radial | Uniform, object]] = {
    "normal": (product(t**2 / 2), 1),
    "normal radial": (radial(2, r**2, 10), 2),
    "normal off centre": (product((t - 1) ** 2), 1),
    "normal on an interval": (product(t**2 / 2, (-1, 1)), 1),
    "normal plus Laplace": (product(Abs(t) + t**2), 1),
    "normal mixture": (product(t**2 / 2 - log(sympy.cosh(t / 2))), 1),
    "Laplace": (product(Abs(t)), 1),
    "asymmetric Laplace": (product(Abs(t) + t / 2, dim=1), 1),
    "Laplace mixture": (product(-log(exp(-Abs(t)) + exp(-2 * Abs(t)))), 1),
    "three-rate mixture": (product(-log(exp(-Abs(t)) + 3 * exp(-2 * Abs(t)))), 1),
    "exponential": (product(t, HALF_LINE), 1),
    "gamma": (product(t - log(t), HALF_LINE), 1),
    "exponential minimum": (product(t - log(1 - exp(-t)), HALF_LINE), 1),
    "power 3/2": (product(Abs(t) ** Rational(3, 2)), 1),
    "root": (product(sympy.sqrt(Abs(t))), 1),
    "root on an interval": (product(sympy.sqrt(Abs(t)), (-1, 1)), 1),
    "cube root": (product(Abs(t) ** Rational(1, 3)), 1),
    "logistic": (product(2 * log(sympy.cosh(t / 2))), 1),
    "secant": (product(log(sympy.cosh(t))), 1),
    "Gumbel": (product(t + exp(-t)), 1),
    "Cauchy": (product(log(1 + t**2)), 1),
    "Student 2": (product(Rational(3, 2) * log(1 + t**2)), 1),
    "Student 3": (product(2 * log(1 + t**2)), 1),
    "Pareto": (product(4 * log(1 + Abs(t))), 1),
    "Lomax": (product(4 * log(1 + t), HALF_LINE), 1),
    "interval": (product(0, (-1, 1)), 1),
    "parabola on an interval": (product(-2 * log(1 - t**2), (-1, 1)), 1),
    "cube norm": (radial(oo, r, 10), 1),
    "cube norm, diagonal": (radial(oo, r**2, 10), oo),
    "cube norm, power": (radial(oo, 12 * log(1 + r), 10), 1),
    "cube norm, other power": (radial(oo, 5 * log(1 + r), 3), oo),
    "cube norm, bell": (radial(oo, 6 * log(1 + r**2), 3), 1),
    "cube norm, square bell": (radial(oo, Rational(3, 2) * log(1 + r**2), 2), 1),
    "cube norm, valley": (radial(oo, r**2 + log(r) / 2, 8), 1),
    "cube norm, cubic valley": (radial(oo, r**3 + log(r) / 3, 7), 1),
    "cube norm, fractional valley": (radial(oo, r ** Rational(5, 2) + log(r) / 3, 7), oo),
    "cross-polytope norm": (radial(1, r, 5), 1),
    "cross-polytope": (uniform(1, 5), 1),
    "sphere": (radial(2, r, 10), 2),
    "sphere in the plane": (radial(2, r, 2), 2),
    "cube": (uniform(oo, 10), oo),
    "ball": (uniform(2, 10), 2),
}


@functools.cache
def derived(name: str) -> SymbolicRadius:
    """The symbolic radius of one of `DIFFERENT_DENSITIES`, derived once per session."""
    result = derive_symbolic(*DIFFERENT_DENSITIES[name])
    assert isinstance(result, SymbolicRadius), f"{name}: {result.reason}"
    return result

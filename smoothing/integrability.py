"""Decide whether exp(-psi) is integrable and real, and say why when it is not.

Everything is a question about one-dimensional densities: a marginal, the radius with its factor
r^(d-1), or the maximum in a mixed density. Each is tested at infinity, at the ends of its support
and next to the points where the density may have a pole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import sympy

from numerics.errors import AssumptionError
from smoothing.exponents import at_infinity, at_point
from smoothing.general_checks import check_general
from smoothing.moments import preferred
from smoothing.realness import check_real
from smoothing.structure import (
    COORDINATE,
    RADIUS,
    General,
    Marginal,
    Mixed,
    Product,
    Radial,
    Structure,
)

__all__ = ["check_integrable"]

#: Longest root formula used as a candidate for a pole.
MAX_ROOT_DEGREE = 2


def check_integrable(
    structures: frozenset[Structure], dimension: int, support: sympy.Basic | None = None
) -> None:
    """Check that psi is real on its support and exp(-psi) integrable.

    Raises
    ------
    AssumptionError
        With the exponent found and the exponent needed.

    Examples
    --------
    >>> radial = Radial(sympy.Integer(2), 2 * sympy.log(1 + RADIUS), (sympy.S(0), sympy.oo), 3)
    >>> check_integrable(frozenset({radial}), 3)
    Traceback (most recent call last):
    numerics.errors.AssumptionError: psi is not integrable: exp(-psi) ~ r^-2 at infinity,
    needs faster than r^-3 in d=3
    """
    # all structures describe one density, so one of them decides
    structure = preferred(structures)
    if isinstance(structure, Product):
        for marginal in _extreme(structure.marginals):
            _check_marginal(marginal)
    elif isinstance(structure, Radial):
        _check_radial(structure)
    elif isinstance(structure, Mixed):
        _check_mixed(structure, dimension)
    elif isinstance(structure, General):
        check_general(structure, support)


def _extreme(marginals: tuple[Marginal, ...]) -> list[Marginal]:
    """Of marginals c * h with the same h only those with the smallest and the largest c.

    The exponents of exp(-c h) are c times those of exp(-h): the tail is heaviest at the smallest c
    and a pole strongest at the largest. Weights in high dimension need no more than two tests.
    """
    groups: dict[tuple[sympy.Expr, ...], list[Marginal]] = {}
    for marginal in marginals:
        _, shape = marginal.phi.as_coeff_Mul()
        groups.setdefault((shape, *marginal.support), []).append(marginal)
    chosen: list[Marginal] = []
    for group in groups.values():
        ordered = sorted(group, key=lambda m: float(m.phi.as_coeff_Mul()[0]))
        chosen.extend(ordered if len(ordered) < 3 else (ordered[0], ordered[-1]))
    return chosen


def _check_marginal(marginal: Marginal) -> None:
    phi, (lower, upper) = marginal.phi, marginal.support
    check_real(phi, COORDINATE, lower, upper)
    for side, end in ((1, upper), (-1, lower)):
        if not end.is_finite:
            behaviour = at_infinity(phi.subs(COORDINATE, side * COORDINATE), COORDINATE)
            if not behaviour.integrable:
                where = "t = oo" if side == 1 else "t = -oo"
                _refuse("t", behaviour.exponent, f"at {where}", 1, "")
    for point, side in _places(phi, COORDINATE, lower, upper):
        pole = at_point(phi, COORDINATE, point, side)
        if pole >= 1:
            _refuse_pole(_distance("t", point), pole, f"at t = {point}", 1, "")


def _check_radial(radial: Radial) -> None:
    (lower, upper), d = radial.support, radial.dim
    check_real(radial.profile, RADIUS, lower, upper)
    if not upper.is_finite:
        behaviour = at_infinity(radial.profile - (d - 1) * sympy.log(RADIUS), RADIUS)
        if not behaviour.integrable:
            _refuse("r", behaviour.exponent + d - 1, "at infinity", d, f" in d={d}")
    for point, side in _places(radial.profile, RADIUS, lower, upper):
        weight = (d - 1) * sympy.log(RADIUS) if point == 0 else sympy.S.Zero
        pole = at_point(radial.profile - weight, RADIUS, point, side)
        if pole >= 1:
            room = d if point == 0 else 1
            _refuse_pole(
                _distance("r", point), pole + room - 1, f"at r = {point}", room, f" in d={d}"
            )


def _check_mixed(mixed: Mixed, dimension: int) -> None:
    """The maximum has density exp(-g - phi) F^(d-1), F(m) the integral of exp(-phi) up to m."""
    d = dimension
    check_real(mixed.profile, RADIUS, sympy.S.Zero, sympy.oo)
    check_real(mixed.phi, COORDINATE, -sympy.oo, sympy.oo)
    phi = mixed.phi.subs(COORDINATE, RADIUS)
    for point, side in _places(mixed.phi, COORDINATE, sympy.S.Zero, sympy.oo):
        pole = at_point(mixed.phi, COORDINATE, point, side)
        if pole >= 1:
            _refuse_pole(_distance("t", point), pole, f"at t = {point}", 1, "")
    total = at_infinity(mixed.profile + phi - _log_inner_mass(phi, d), RADIUS)
    if not total.integrable:
        _refuse("r", total.exponent + d - 1, "at infinity", d, f" in d={d}")
    at_zero = at_point(mixed.phi, COORDINATE, sympy.S.Zero, 1)
    pole = at_point(mixed.profile + phi, RADIUS, sympy.S.Zero, 1)
    if at_zero == -math.inf:  # F vanishes faster than any power
        return
    shrink = (d - 1) * (1 - at_zero)
    weighted = at_point(
        mixed.profile + phi - sympy.Float(shrink) * sympy.log(RADIUS), RADIUS, sympy.S.Zero, 1
    )
    if weighted >= 1:
        _refuse_pole("r", pole, "at r = 0", d, f" in d={d}")


def _log_inner_mass(phi: sympy.Expr, d: int) -> sympy.Expr:
    """log F(m)^(d-1) for large m: constant, or m exp(-phi), or exp(-phi) / |phi'|."""
    tail = at_infinity(phi, RADIUS)
    if tail.integrable:
        return sympy.S.Zero
    if math.isfinite(tail.exponent):
        return (d - 1) * (sympy.log(RADIUS) - phi)
    return (d - 1) * (-phi - sympy.log(-phi.diff(RADIUS)))


def _places(
    potential: sympy.Expr, symbol: sympy.Symbol, lower: sympy.Expr, upper: sympy.Expr
) -> Iterator[tuple[sympy.Expr, int]]:
    """Points and sides where the density may have a pole: edges, 0, zeros of arguments."""
    candidates = {lower, upper, sympy.S.Zero} | _singular_points(potential, symbol)
    for point in sorted((c for c in candidates if c.is_finite), key=float):
        if lower <= point < upper:
            yield point, 1
        if lower < point <= upper:
            yield point, -1


def _singular_points(potential: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr]:
    arguments = {e.args[0] for e in potential.atoms(sympy.log)}
    arguments |= {e.base for e in potential.atoms(sympy.Pow) if e.exp.is_negative}
    found: set[sympy.Expr] = set()
    for argument in arguments:
        bare = argument.replace(sympy.Abs, lambda inside: inside)
        for factor in sympy.Mul.make_args(sympy.together(bare)):
            found |= _roots(factor.as_base_exp()[0], symbol)
    return found


def _roots(factor: sympy.Expr, symbol: sympy.Symbol) -> set[sympy.Expr]:
    if not factor.is_polynomial(symbol) or not factor.has(symbol):
        return set()
    polynomial = sympy.Poly(factor, symbol)
    if polynomial.degree() > MAX_ROOT_DEGREE:
        return set()
    return {root for root in sympy.roots(polynomial) if root.is_real}


def _distance(name: str, point: sympy.Expr) -> str:
    return name if point == 0 else f"|{name} - {point}|"


def _power(base: str, exponent: float) -> str:
    shown = sympy.nsimplify(round(exponent, 6), rational=True)
    return f"{base}^{shown}" if shown.is_Integer else f"{base}^{float(shown):g}"


def _refuse(variable: str, exponent: float, where: str, needed: int, suffix: str) -> None:
    if math.isnan(exponent):
        raise AssumptionError(
            f"integrability of psi could not be decided {where}: psi leaves every number range; "
            "rescale it"
        )
    if exponent == -math.inf:
        found = f"exp(-psi) grows faster than any power of {variable} {where}"
    elif exponent == 0:
        found = f"exp(-psi) does not decay {where}"
    else:
        found = f"exp(-psi) ~ {_power(variable, -exponent)} {where}"
    raise AssumptionError(
        f"psi is not integrable: {found}, needs faster than {variable}^-{needed}{suffix}"
    )


def _refuse_pole(distance: str, exponent: float, where: str, needed: int, suffix: str) -> None:
    found = (
        f"exp(-psi) grows faster than any power of 1/{distance} {where}"
        if exponent == math.inf
        else f"exp(-psi) ~ {_power(distance, -exponent)} {where}"
    )
    raise AssumptionError(
        f"psi is not integrable: {found}, needs slower than {distance}^-{needed}{suffix}"
    )

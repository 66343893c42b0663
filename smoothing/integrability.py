"""Decide whether exp(-psi) is integrable and real, and say why when it is not.

Everything is a question about one-dimensional densities: a marginal, the radius with its factor
r^(d-1), or the maximum in a mixed density. Each is tested at infinity, at the ends of its support
and next to the points where the density may have a pole.
"""

from __future__ import annotations

import math

import sympy

from numerics.errors import AssumptionError
from smoothing.exponents import at_infinity, at_zero
from smoothing.general_checks import check_general
from smoothing.moments import preferred
from smoothing.poles import pole_candidates
from smoothing.realness import check_real
from smoothing.structure import (
    COORDINATE,
    RADIUS,
    General,
    Marginal,
    Mixed,
    PolytopeRadial,
    Product,
    Radial,
    Structure,
)

__all__ = ["check_integrable"]


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
    elif isinstance(structure, Radial | PolytopeRadial):
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
    _check_poles(phi, COORDINATE, (lower, upper), 1)


def _check_poles(
    potential: sympy.Expr, symbol: sympy.Symbol, interval: tuple[sympy.Expr, sympy.Expr], d: int
) -> None:
    """Check next to every candidate; only at r = 0 the dimension d helps."""
    suffix = f" in d={d}" if d > 1 else ""
    for place in pole_candidates(potential, symbol, *interval):
        room = d if place.point == 0 else 1
        pole = place.exponent(potential - (room - 1) * sympy.log(symbol) if room > 1 else potential)
        if pole >= 1:
            where, distance = place.names()
            _refuse_pole(distance, pole + room - 1, where, room, suffix)


def _check_radial(radial: Radial | PolytopeRadial) -> None:
    (lower, upper), d = radial.support, radial.dim
    check_real(radial.profile, RADIUS, lower, upper)
    if not upper.is_finite:
        behaviour = at_infinity(radial.profile - (d - 1) * sympy.log(RADIUS), RADIUS)
        if not behaviour.integrable:
            _refuse("r", behaviour.exponent + d - 1, "at infinity", d, f" in d={d}")
    _check_poles(radial.profile, RADIUS, radial.support, d)


def _check_mixed(mixed: Mixed, dimension: int) -> None:
    """The maximum has density exp(-g - phi) F^(d-1), F(m) the integral of exp(-phi) up to m."""
    d = dimension
    check_real(mixed.profile, RADIUS, sympy.S.Zero, sympy.oo)
    check_real(mixed.phi, COORDINATE, -sympy.oo, sympy.oo)
    phi = mixed.phi.subs(COORDINATE, RADIUS)
    _check_poles(mixed.phi, COORDINATE, (sympy.S.Zero, sympy.oo), 1)
    for place in pole_candidates(mixed.profile + phi, RADIUS, sympy.S.Zero, sympy.oo):
        if place.point != 0 and (pole := place.exponent(mixed.profile + phi)) >= 1:
            where, distance = place.names()
            _refuse_pole(distance, pole, where, 1, "")
    total = at_infinity(mixed.profile + phi - _log_inner_mass(phi, d), RADIUS)
    if not total.integrable:
        _refuse("r", total.exponent + d - 1, "at infinity", d, f" in d={d}")
    inner_pole = at_zero(mixed.phi, COORDINATE, 1)
    pole = at_zero(mixed.profile + phi, RADIUS, 1)
    if inner_pole == -math.inf:  # F vanishes faster than any power
        return
    shrink = (d - 1) * (1 - inner_pole)
    weighted = at_zero(mixed.profile + phi - sympy.Float(shrink) * sympy.log(RADIUS), RADIUS, 1)
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

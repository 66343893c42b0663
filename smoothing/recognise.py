"""Find every structure of a density by algebra on psi.

psi is rewritten in sums, the maximum and explicit coordinates (see `quantities`). Then

* Product: no dependence on the maximum, and affine in the sums;
* Radial of order p: no dependence on anything but sum_i |x_i|^p (the maximum for p = oo);
* PolytopeRadial: no dependence on anything but the gauge of one body;
* Mixed: a function of the maximum plus something affine in even sums;
* Uniform: constant on the ball of a norm;
* General: none of these, with the reason.

Nothing is compared with stored densities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy

from smoothing.canonical import NOT_ANALYTIC, is_even, standard_form, tidy_number, vanishes
from smoothing.expressions import DIM
from smoothing.products import find_product
from smoothing.quantities import MAXIMUM, Quantities, as_quantities
from smoothing.separable import NO_NUMBER, separate
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
    Uniform,
)
from smoothing.supports import Support, read_support, to_one_dimension

__all__ = ["Recognition", "analyse", "recognise"]

ORDERS = (sympy.S.One, sympy.Integer(2), sympy.oo)


@dataclass(frozen=True)
class Recognition:
    """Structures of a density, each with psi minus the potential of that structure (a number)."""

    offsets: tuple[tuple[Structure, sympy.Expr], ...]

    @property
    def structures(self) -> frozenset[Structure]:
        """All structures found; General alone when there is none."""
        return frozenset(structure for structure, _ in self.offsets)


def recognise(psi: sympy.Expr, support: sympy.Basic | None, dimension: int) -> frozenset[Structure]:
    """Return all structures of the density exp(-psi) on its support.

    Parameters
    ----------
    psi : SymPy expression in x, norm and coordinate_sum
    support : SymPy condition or None
        None means all of R^dimension.
    dimension : int

    Returns
    -------
    frozenset of Product, Radial, Mixed, Uniform
        or of one General, which carries the reason.

    Examples
    --------
    >>> from smoothing.expressions import x, norm
    >>> found = recognise(norm(x, 2)**2 / 2, None, 3)
    >>> sorted(type(s).__name__ for s in found)
    ['Product', 'Radial']
    """
    return analyse(psi, support, dimension).structures


def analyse(psi: sympy.Expr, support: sympy.Basic | None, dimension: int) -> Recognition:
    """Return the structures together with the additive constants they leave out of psi."""
    number = sympy.Integer(dimension)
    psi = psi.xreplace({DIM: number})
    domain = read_support(None if support is None else support.xreplace({DIM: number}), dimension)
    if domain.reason:
        return _general(psi, dimension, domain.reason)
    if dimension == 1:
        return _analyse_line(psi, domain)
    quantities = as_quantities(psi, dimension)
    found = tuple(_structures(quantities, domain))
    return Recognition(found) if found else _general(psi, dimension, _reason(quantities, domain))


def _general(psi: sympy.Expr, dimension: int, reason: str) -> Recognition:
    return Recognition(((General(psi, dimension, reason), sympy.S.Zero),))


def _analyse_line(psi: sympy.Expr, domain: Support) -> Recognition:
    """In dimension 1 every density is a product of one marginal."""
    phi, constant = standard_form(to_one_dimension(psi))
    interval = domain.every
    found: list[tuple[Structure, sympy.Expr]] = [
        (Product((Marginal(phi, interval, 1),), 1), constant)
    ]
    upper = interval[1]
    if phi == 0 and interval[0] == -upper and upper.is_finite:
        found.append((Uniform(sympy.oo, upper, 1), constant))
    return Recognition(tuple(found))


def _structures(quantities: Quantities, domain: Support) -> Iterator[tuple[Structure, sympy.Expr]]:
    box = domain.box()
    product = None if box is None or quantities.gauges else find_product(quantities, *box)
    if product is not None:
        yield product
    radial_orders = []
    for order in ORDERS:
        interval = domain.gauge(order)
        if interval is None:
            continue
        radial = _find_radial(quantities, order, interval)
        if radial is None and product is not None and domain.box() is not None:
            radial = _radial_of_product(product, order, interval)
        if radial is not None:
            radial_orders.append(order)
            yield radial
            yield from _uniform_of(radial)
    bodies = {*quantities.gauges.values(), *(o for o, _ in domain.norms if o not in ORDERS)}
    for body in sorted(bodies, key=str):
        interval = domain.gauge(body)
        radial = None if interval is None else _find_radial(quantities, body, interval)
        if radial is not None:
            yield radial
    if domain.is_everything and not radial_orders and product is None:
        yield from _find_mixed(quantities)


def _find_radial(
    quantities: Quantities, order: sympy.Expr, interval: tuple[sympy.Expr, sympy.Expr]
) -> tuple[Structure, sympy.Expr] | None:
    """Match psi = g(||x||_order), or g of the gauge of a body given in place of an order."""
    polyhedral = order not in ORDERS
    if polyhedral:
        gauge = quantities.gauge_symbol(order)
    else:
        gauge = MAXIMUM if order is sympy.oo else quantities.power_sum(order)
    active = set(quantities.active)
    if active - {gauge} or (not active and not interval[1].is_finite):
        return None
    inactive = quantities.expression.free_symbols - active
    image = RADIUS if polyhedral or order is sympy.oo else RADIUS**order
    profile = quantities.without(inactive).xreplace({gauge: image} if active else {})
    profile, constant = standard_form(profile)
    record = PolytopeRadial if polyhedral else Radial
    return record(order, profile, interval, quantities.dim), constant


def _radial_of_product(
    product: tuple[Product, sympy.Expr],
    order: sympy.Expr,
    interval: tuple[sympy.Expr, sympy.Expr],
) -> tuple[Structure, sympy.Expr] | None:
    """Match identical marginals c |t|^p + constant, p = 1 or 2, however phi is written."""
    record, offset = product
    (marginal, *others) = record.marginals
    whole = marginal.support == (-sympy.oo, sympy.oo)
    if others or order is sympy.oo or not whole or marginal.phi.has(*NOT_ANALYTIC):
        return None
    positive = sympy.Dummy("u", positive=True)
    right = marginal.phi.subs(COORDINATE, positive)
    at_one, at_two = right.subs(positive, 1), right.subs(positive, 2)
    if at_one.has(*NO_NUMBER) or at_two.has(*NO_NUMBER):
        return None
    # phi(u) - phi(1) is to phi(2) - phi(1) as u^p - 1 to 2^p - 1
    steps = (right - at_one) * (2**order - 1) - (at_two - at_one) * (positive**order - 1)
    if not vanishes(steps) or not is_even(marginal.phi):
        return None
    slope = tidy_number((at_two - at_one) / (2**order - 1))
    rest = tidy_number(at_one - slope)
    if slope == 0:
        return None
    profile = slope * RADIUS**order
    return Radial(order, profile, interval, record.dim), offset + record.dim * rest


def _uniform_of(
    radial: tuple[Structure, sympy.Expr],
) -> Iterator[tuple[Structure, sympy.Expr]]:
    record, offset = radial
    if isinstance(record, Radial) and record.profile == 0 and record.support[0] == 0:
        yield Uniform(record.order, record.support[1], record.dim), offset


def _find_mixed(quantities: Quantities) -> Iterator[tuple[Structure, sympy.Expr]]:
    """Match psi = g(max|x_i|) + sum_i phi(x_i) with phi even."""
    parts = separate(quantities)
    if parts is None or set(parts.functions) != {MAXIMUM}:
        return
    terms = [(slope, quantities.sums[symbol]) for symbol, slope in parts.slopes.items()]
    if any(term.weights is not None for _, term in terms):
        return
    phi, constant = standard_form(sympy.Add(*(slope * term.phi for slope, term in terms)))
    if not is_even(phi):
        return
    profile, offset = standard_form(parts.functions[MAXIMUM].xreplace({MAXIMUM: RADIUS}))
    yield Mixed(profile, phi, quantities.dim), offset + parts.constant + quantities.dim * constant


def _reason(quantities: Quantities, domain: Support) -> str:
    """Say what prevents psi from having a structure."""
    active = quantities.active
    names = ", ".join(_name_of(symbol, quantities) for symbol in active)
    if not active:
        return "psi is constant and its support is not the ball of a norm or a box"
    if not domain.is_everything:
        return f"the support does not share a structure with psi, which depends on {names}"
    if len(active) == 1:
        return f"psi is a function of {names}, which is no norm of order 1, 2 or oo"
    return f"psi depends jointly on {names}"


def _name_of(symbol: sympy.Symbol, quantities: Quantities) -> str:
    if symbol == MAXIMUM:
        return "norm(x, oo)"
    if symbol in quantities.gauges:
        return f"the gauge of a body with {len(quantities.gauges[symbol].args)} generators"
    term = quantities.sums.get(symbol)
    return str(symbol) if term is None else f"sum_i {str(term.phi).replace('t', 'x_i')}"

"""Total masses of kernels: a coefficient times gamma functions, kept apart until divided.

Gamma(150527) has seven hundred thousand digits, but only quotients are ever needed, and quotients
of neighbours are short.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import Expr, S

__all__ = ["Mass", "gamma_quotient"]

#: Quotients of gamma functions whose arguments differ by up to this integer become products.
_LONGEST_PRODUCT = 8
#: Gamma functions of arguments up to this are short numbers themselves.
_SMALL_ARGUMENT = 12


@dataclass(frozen=True)
class Mass:
    """coefficient * prod Gamma(numerators) / prod Gamma(denominators)."""

    coefficient: Expr
    numerators: tuple[Expr, ...] = ()
    denominators: tuple[Expr, ...] = ()

    def over(self, other: Mass) -> Expr:
        """Return this mass divided by another as a short expression.

        Examples
        --------
        >>> Mass(S(2), (S(3071),)).over(Mass(S(1), (S(3072),)))
        2/3071
        """
        above = [*self.numerators, *other.denominators]
        below = [*self.denominators, *other.numerators]
        return self.coefficient / other.coefficient * _quotient_of_products(above, below)

    def times(self, factor: Expr) -> Mass:
        """Return the mass of the kernel multiplied by a constant."""
        return Mass(self.coefficient * factor, self.numerators, self.denominators)

    @property
    def expr(self) -> Expr:
        """The mass itself; large when its gamma functions are."""
        return self.over(Mass(S.One))


def gamma_quotient(x: Expr, y: Expr) -> Expr:
    """Return Gamma(x)/Gamma(y) by DLMF 5.5.1 and 5.12.1, without large factorials.

    Examples
    --------
    >>> gamma_quotient(S(5000), S(4999))
    4999
    >>> gamma_quotient(S(3071) / 2, S(3072) / 2)
    beta(1/2, 3071/2)/sqrt(pi)
    """
    gap = sympy.expand(x - y)
    if x.is_Rational and y.is_Rational and max(x, y) <= _SMALL_ARGUMENT and min(x, y) > 0:
        return sympy.gamma(x) / sympy.gamma(y)
    if gap.is_Integer and abs(gap) <= _LONGEST_PRODUCT:
        low = y if gap > 0 else x
        product = sympy.Mul(*(low + i for i in range(abs(int(gap)))))
        return product if gap >= 0 else 1 / product
    if gap.is_positive:
        return sympy.gamma(gap) / sympy.beta(*sorted((y, gap), key=sympy.default_sort_key))
    if gap.is_negative:
        return sympy.beta(*sorted((x, -gap), key=sympy.default_sort_key)) / sympy.gamma(-gap)
    return sympy.gamma(x) / sympy.gamma(y)


def _quotient_of_products(above: list[Expr], below: list[Expr]) -> Expr:
    result = S.One
    above, below = list(above), list(below)
    while above and below:
        x, y = min(((x, y) for x in above for y in below), key=_distance)
        result *= gamma_quotient(x, y)
        above.remove(x)
        below.remove(y)
    for x in above:
        result *= sympy.gamma(x)
    for y in below:
        result /= sympy.gamma(y)
    return result


def _distance(pair: tuple[Expr, Expr]) -> tuple[bool, float]:
    gap = sympy.expand(pair[0] - pair[1])
    size = float(abs(gap)) if gap.is_number else float("inf")
    return not gap.is_Integer, size

"""Rules for partial integrals of positive kernels: incomplete gamma and beta functions.

Each rule returns the share of the total mass below and above a point, and the total, on the
largest interval on which it knows them; `partial_integral` cuts them to the interval asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy
from sympy import Expr, S, Symbol

from differential.kernels import Kernel
from differential.masses import Mass
from differential.rules import Trace, first_match, rule
from numerics.inverse_functions import BetaLower, GammaLower, GammaUpper

__all__ = ["PartialIntegral", "partial_integral"]

_KIND = "integral"
Interval = tuple[Expr, Expr]


@dataclass(frozen=True)
class PartialIntegral:
    """Mass of a kernel on `domain` and the shares of it below and above `variable`."""

    variable: Symbol
    total: Mass
    lower: Expr
    upper: Expr
    domain: Interval

    def below(self, point: Expr) -> Expr:
        """Share of the mass below a point."""
        return self._share(self.lower, point, S.Zero, S.One)

    def above(self, point: Expr) -> Expr:
        """Share of the mass above a point."""
        return self._share(self.upper, point, S.One, S.Zero)

    def _share(self, share: Expr, point: Expr, at_start: Expr, at_end: Expr) -> Expr:
        if point == self.domain[0]:
            return at_start
        return at_end if point == self.domain[1] else share.subs(self.variable, point)

    def cut(self, interval: Interval) -> PartialIntegral:
        """Restrict to a smaller interval and renormalise the shares."""
        low, high = interval
        start, end = self.below(low), self.above(high)
        if start == 0 and end == 0:
            return replace(self, domain=interval)
        kept = self.above(low) - end if start == 0 else 1 - start - end
        if start == 0:
            kept = self.below(high)
        elif end == 0:
            kept = self.above(low)
        return PartialIntegral(
            self.variable,
            self.total.times(kept),
            (self.lower - start) / kept,
            (self.upper - end) / kept,
            interval,
        )


def partial_integral(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    """Integrate a kernel over parts of an interval, or return None when no rule fits."""
    found: PartialIntegral | None = first_match(_KIND, trace, kernel, interval)
    return None if found is None else found.cut(interval)


def _is_positive(expr: Expr) -> bool:
    """Whether a condition may be taken to hold: true unless SymPy knows better."""
    return expr.is_positive is not False and expr.is_zero is not True


def _monomial(expr: Expr, variable: Symbol) -> tuple[Expr, Expr] | None:
    """Split c * variable^k with constants c, k != 0."""
    factor, dependent = expr.as_independent(variable, as_Add=False)
    base, degree = dependent.as_base_exp()
    if base != variable or degree.has(variable):
        return None
    return factor, degree


def _two_terms(expr: Expr, variable: Symbol) -> tuple[Expr, Expr, Expr] | None:
    """Split c0 + c1 * variable^k."""
    constant, dependent = expr.as_independent(variable, as_Add=True)
    if constant == 0 or dependent.is_Add:
        return None
    monomial = _monomial(dependent, variable)
    return None if monomial is None else (constant, *monomial)


@rule(
    "power",
    kind=_KIND,
    statement="int_0^x z^p dz = x^(p+1)/(p+1) for p > -1, from x to oo for p < -1",
    conditions="p > -1 on (0, x), p < -1 on (x, oo), p = 0 on any bounded interval",
    source="DLMF 1.4(iv)",
)
def _power(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    if kernel.bases or kernel.exponent != 0:
        return None
    z, degree = kernel.variable, kernel.power + 1
    low, high = interval
    if degree.is_zero or (low.is_extended_negative and degree != 1):
        return None
    if degree == 1 and low.is_finite and high.is_finite:
        share = (z - low) / (high - low)
        upper = (high - z) / (high - low)
        return PartialIntegral(z, Mass(kernel.coefficient * (high - low)), share, upper, interval)
    if _is_positive(degree) and high.is_finite:
        share = (z / high) ** degree
        total = kernel.coefficient * high**degree / degree
        return PartialIntegral(z, Mass(total), share, 1 - share, (S.Zero, high))
    if degree.is_negative and low.is_positive:
        share = (z / low) ** degree
        total = -kernel.coefficient * low**degree / degree
        return PartialIntegral(z, Mass(total), 1 - share, share, (low, S.Infinity))
    return None


@rule(
    "incomplete gamma",
    kind=_KIND,
    statement="int z^(p) e^(-b z^k) dz = Gamma(a, b z^k)/(|k| b^a), a = (p+1)/k",
    conditions="z > 0, b > 0, a > 0; k of either sign",
    source="DLMF 8.2.1, 8.2.2",
)
def _incomplete_gamma(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    monomial = None if kernel.bases else _monomial(kernel.exponent, kernel.variable)
    if monomial is None or interval[0].is_nonnegative is not True:
        return None
    rate, order = -monomial[0], monomial[1]
    shape = sympy.expand((kernel.power + 1) / order)
    if not (rate.is_positive and _is_positive(shape)):
        return None
    argument = rate * kernel.variable**order
    total = Mass(kernel.coefficient / (abs(order) * rate**shape), (shape,))
    shares = GammaLower(shape, argument), GammaUpper(shape, argument)
    lower, upper = shares if order.is_positive else shares[::-1]
    return PartialIntegral(kernel.variable, total, lower, upper, (S.Zero, S.Infinity))


@rule(
    "completed square",
    kind=_KIND,
    statement="int e^(-b z^2 + c z) dz = sqrt(pi/b) e^(c^2/4b) erfc(-sqrt(b)(z - c/2b))/2",
    conditions="b > 0, on the whole line",
    source="DLMF 7.7.6",
)
def _completed_square(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    if kernel.bases or kernel.power != 0:
        return None
    z = kernel.variable
    polynomial = kernel.exponent.as_poly(z)
    if polynomial is None or polynomial.degree() != 2 or polynomial.LC().is_negative is not True:
        return None
    rate, slope = -polynomial.nth(2), polynomial.nth(1)
    centre = slope / (2 * rate)
    deviation = sympy.sqrt(rate) * (z - centre)
    total = kernel.coefficient * sympy.sqrt(sympy.pi / rate) * sympy.exp(slope**2 / (4 * rate))
    lower, upper = sympy.erfc(-deviation) / 2, sympy.erfc(deviation) / 2
    return PartialIntegral(z, Mass(total), lower, upper, (-S.Infinity, S.Infinity))


@rule(
    "incomplete beta",
    kind=_KIND,
    statement="int z^p (c0 + c1 z^k)^(-b) dz by w = c1 z^k/c0, t = w/(1+w): B_t(a, b-a)",
    conditions="z > 0; c0, c1 > 0; a = (p+1)/k > 0, b > a",
    source="DLMF 8.17.1, 5.12.3",
)
def _incomplete_beta(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    if kernel.exponent != 0 or len(kernel.bases) != 1 or interval[0].is_nonnegative is not True:
        return None
    (base, degree), z = kernel.bases[0], kernel.variable
    terms = _two_terms(base, z)
    if terms is None or not (terms[0].is_positive and terms[1].is_positive):
        return None
    constant, factor, order = terms
    first = sympy.expand((kernel.power + 1) / order)
    second = sympy.expand(-degree - first)
    if not (_is_positive(first) and _is_positive(second)):
        return None
    odds = factor / constant * z**order
    coefficient = kernel.coefficient * constant**degree * (factor / constant) ** (-first)
    total = Mass(coefficient / abs(order), (first, second), (first + second,))
    shares = _beta_share(first, second, odds), _beta_co_share(first, second, odds)
    lower, upper = shares if order.is_positive else shares[::-1]
    return PartialIntegral(z, total, lower, upper, (S.Zero, S.Infinity))


def _beta_share(a: Expr, b: Expr, odds: Expr) -> Expr:
    """I_{w/(1+w)}(a, b), elementary where a or b is 1 or both are 1/2 (DLMF 8.17.7, 4.24)."""
    if a == b == S.Half:
        return 2 * sympy.atan(sympy.sqrt(odds)) / sympy.pi
    if b == 1:
        return (1 + 1 / odds) ** (-a)
    if a == 1:
        return 1 - (1 + odds) ** (-b)
    return BetaLower(a, b, odds / (1 + odds))


def _beta_co_share(a: Expr, b: Expr, odds: Expr) -> Expr:
    """I_{1/(1+w)}(b, a) = 1 - I_{w/(1+w)}(a, b), DLMF 8.17.4."""
    if S.One in (a, b) or a == b == S.Half:
        return _beta_share(b, a, 1 / odds)
    return BetaLower(b, a, 1 / (1 + odds))


@rule(
    "incomplete beta on an interval",
    kind=_KIND,
    statement="int_0^x z^p (c0 - c1 z^k)^q dz by t = c1 z^k/c0: B_t(a, q+1), a = (p+1)/k",
    conditions="0 < z < (c0/c1)^(1/k); c0, c1, k > 0; a > 0, q > -1",
    source="DLMF 8.17.1",
)
def _incomplete_beta_interval(
    kernel: Kernel, interval: Interval, trace: Trace
) -> PartialIntegral | None:
    if kernel.exponent != 0 or len(kernel.bases) != 1 or interval[0].is_nonnegative is not True:
        return None
    (base, degree), z = kernel.bases[0], kernel.variable
    terms = _two_terms(base, z)
    if terms is None or not (terms[0].is_positive and terms[1].is_negative):
        return None
    constant, factor, order = terms[0], -terms[1], terms[2]
    first, second = sympy.expand((kernel.power + 1) / order), sympy.expand(degree + 1)
    if not (_is_positive(first) and _is_positive(second) and order.is_positive):
        return None
    argument = factor / constant * z**order
    coefficient = kernel.coefficient * constant**degree * (factor / constant) ** (-first)
    total = Mass(coefficient / order, (first, second), (first + second,))
    lower = BetaLower(first, second, argument)
    upper = BetaLower(second, first, 1 - argument)
    end = (constant / factor) ** (1 / order)
    return PartialIntegral(z, total, lower, upper, (S.Zero, end))

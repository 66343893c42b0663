"""Rules that reduce one integral to others: exponential variables and sums."""

from __future__ import annotations

import math

import sympy
from sympy import Dummy, Expr, S, Symbol

from differential.kernels import Kernel, kernel_of, summands
from differential.masses import Mass
from differential.rules import Trace, first_match, rule
from differential.rules_integrals import PartialIntegral, partial_integral

__all__: list[str] = []

_KIND = "integral"
Interval = tuple[Expr, Expr]


@rule(
    "exponential substitution",
    kind=_KIND,
    statement="int h(e^(-k z)) dz = int h(v)/(k v) dv with v = e^(-k z)",
    conditions="exponentials of multiples of one rate, and a factor e^(c z)",
    source="DLMF 1.4(iv)",
)
def _exponential_substitution(
    kernel: Kernel, interval: Interval, trace: Trace
) -> PartialIntegral | None:
    if kernel.power != 0:
        return None
    z = kernel.variable
    rate = _common_rate(kernel)
    if rate is None:
        return None
    v = Dummy("v", positive=True)
    for sign in (-1, 1):
        inner = kernel_of(_log_in_exponential(kernel, sign * rate, v), v)
        ends = [sympy.exp(sign * rate * end) for end in interval]
        image = (ends[0], ends[1]) if sign > 0 else (ends[1], ends[0])
        found: PartialIntegral | None = first_match(_KIND, trace, inner, image)
        if found is None:
            continue
        shares = [share.subs(v, sympy.exp(sign * rate * z)) for share in (found.lower, found.upper)]
        natural = [sympy.log(end) * sign / rate for end in found.domain]
        if sign < 0:
            shares, natural = shares[::-1], natural[::-1]
        domain = (
            (-S.Infinity if natural[0] is S.ComplexInfinity else natural[0]),
            (S.Infinity if natural[1] is S.ComplexInfinity else natural[1]),
        )
        return PartialIntegral(z, found.total, shares[0], shares[1], domain)
    return None


def _common_rate(kernel: Kernel) -> Expr | None:
    """The k > 0 such that the kernel is a function of e^(k z), apart from a factor e^(c z)."""
    z = kernel.variable
    rates: set[Expr] = set()
    parts = [base for base, _ in kernel.bases] + list(sympy.Add.make_args(kernel.exponent))
    for part in parts:
        without = part
        for exponential in part.atoms(sympy.exp):
            rate = exponential.args[0] / z
            if rate.has(z):
                return None
            rates.add(abs(rate))
            without = without.xreplace({exponential: S.One})
        if without.has(z) and (part != z and part.coeff(z) * z != part):
            return None
    if not rates:
        linear = kernel.exponent.coeff(z)
        return abs(linear) if linear != 0 and kernel.exponent == linear * z else None
    smallest = min(rates, key=lambda r: float(r))
    quotients = [sympy.nsimplify(r / smallest) for r in rates]
    if not all(q.is_Rational for q in quotients):
        return None
    return smallest / math.lcm(*(int(q.q) for q in quotients))


def _log_in_exponential(kernel: Kernel, rate: Expr, v: Symbol) -> Expr:
    """log of kernel(z(v)) |dz/dv| for v = e^(rate z)."""
    z = kernel.variable
    linear = kernel.exponent.coeff(z)
    rest = kernel.exponent - linear * z

    def in_v(expr: Expr) -> Expr:
        return expr.replace(sympy.exp, lambda u: v ** (u / (rate * z)))

    log_bases = [
        degree * sympy.log(sympy.factor(sympy.together(in_v(base))))
        for base, degree in kernel.bases
    ]
    log_v = sympy.log(v) * (linear / rate - 1)
    return sympy.log(kernel.coefficient / abs(rate)) + log_v + in_v(rest) + sympy.Add(*log_bases)


@rule(
    "sum of kernels",
    kind=_KIND,
    statement="the integral of a sum is the sum of the integrals",
    conditions="a sum to a power of 1 to 4; every term has a rule",
    source="DLMF 1.4.23",
)
def _sum_of_kernels(kernel: Kernel, interval: Interval, trace: Trace) -> PartialIntegral | None:
    terms = summands(kernel)
    if len(terms) == 1:
        return None
    parts = []
    for term in terms:
        found = partial_integral(term, interval, trace)
        if found is None:
            return None
        parts.append(found)
    total = sympy.expand(sympy.Add(*(part.total.expr for part in parts)))
    weights = [sympy.cancel(part.total.expr / total) for part in parts]
    lower = sympy.Add(*(w * part.lower for w, part in zip(weights, parts, strict=True)))
    upper = sympy.Add(*(w * part.upper for w, part in zip(weights, parts, strict=True)))
    return PartialIntegral(kernel.variable, Mass(total), lower, upper, interval)

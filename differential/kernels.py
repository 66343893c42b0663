"""A normal form for positive functions of one variable, on which integration rules match.

A kernel is coefficient * z^power * prod base_i^exponent_i * exp(exponent). Hyperbolic functions
become exponentials and logarithms become powers, so that log cosh and softplus, or a log density
with its terms in another order, arrive at the same form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy
from sympy import Expr, Symbol

__all__ = ["Kernel", "kernel_of", "summands", "without_hyperbolics"]


@dataclass(frozen=True)
class Kernel:
    """coefficient * variable^power * prod(base^e for base, e in bases) * exp(exponent)."""

    variable: Symbol
    coefficient: Expr
    power: Expr
    bases: tuple[tuple[Expr, Expr], ...]
    exponent: Expr

    @property
    def expr(self) -> Expr:
        """The kernel as a SymPy expression."""
        factors = [base**exponent for base, exponent in self.bases]
        return (
            self.coefficient
            * self.variable**self.power
            * sympy.Mul(*factors)
            * sympy.exp(self.exponent)
        )

    def times(self, factor: Expr) -> Kernel:
        """Multiply by a product of powers of the variable and of sums, such as a/(1 + z)."""
        other = kernel_of_product(factor, self.variable)
        exponents = dict(self.bases)
        for base, exponent in other.bases:
            exponents[base] = exponents.get(base, sympy.S.Zero) + exponent
        return replace(
            self,
            coefficient=self.coefficient * other.coefficient,
            power=self.power + other.power,
            bases=_sorted_bases(exponents),
            exponent=self.exponent + other.exponent,
        )


def kernel_of(log_density: Expr, variable: Symbol) -> Kernel:
    """Return exp(log_density) in normal form.

    Examples
    --------
    >>> z = Symbol("z", positive=True)
    >>> kernel_of(2 * sympy.log(z) - 3 * sympy.log(1 + z) - z**2 + 1, z).expr
    E*z**2*exp(-z**2)/(z + 1)**3
    """
    expanded = sympy.expand_log(sympy.expand(without_hyperbolics(log_density)), force=True)
    coefficient, power, exponent = sympy.S.One, sympy.S.Zero, sympy.S.Zero
    exponents: dict[Expr, Expr] = {}
    for term in sympy.Add.make_args(sympy.expand(expanded)):
        if not term.has(variable):
            coefficient *= sympy.exp(term)
            continue
        factor, logarithm = _logarithm_in(term, variable)
        if logarithm is None:
            exponent += term
        elif logarithm == variable:
            power += factor
        else:
            content, base = logarithm.primitive()
            coefficient *= content**factor
            exponents[base] = exponents.get(base, sympy.S.Zero) + factor
    return Kernel(variable, coefficient, power, _sorted_bases(exponents), exponent)


def kernel_of_product(product: Expr, variable: Symbol) -> Kernel:
    """Return a product of powers in normal form; sums among its factors become bases."""
    coefficient, power, exponent = sympy.S.One, sympy.S.Zero, sympy.S.Zero
    exponents: dict[Expr, Expr] = {}
    for factor in sympy.Mul.make_args(sympy.powsimp(product, force=True)):
        base, degree = factor.as_base_exp()
        if not factor.has(variable):
            coefficient *= factor
        elif isinstance(factor, sympy.exp) or base == sympy.E:
            exponent += sympy.log(factor) if base != sympy.E else degree
        elif base == variable:
            power += degree
        else:
            content, base = base.primitive()
            coefficient *= content**degree
            exponents[base] = exponents.get(base, sympy.S.Zero) + degree
    return Kernel(variable, coefficient, power, _sorted_bases(exponents), exponent)


def summands(kernel: Kernel) -> tuple[Kernel, ...]:
    """Write a kernel with a sum to a positive integer power as a sum of kernels."""
    for position, (base, degree) in enumerate(kernel.bases):
        if base.is_Add and degree.is_Integer and 0 < degree <= 4:
            rest = replace(kernel, bases=kernel.bases[:position] + kernel.bases[position + 1 :])
            return tuple(rest.times(term) for term in sympy.Add.make_args((base**degree).expand()))
    return (kernel,)


def _logarithm_in(term: Expr, variable: Symbol) -> tuple[Expr, Expr | None]:
    """Split factor * log(argument) with a factor free of the variable."""
    factor, dependent = term.as_independent(variable, as_Add=False)
    if isinstance(dependent, sympy.log):
        return factor, dependent.args[0]
    return factor, None


def without_hyperbolics(expr: Expr) -> Expr:
    """Write hyperbolic functions with exponentials that do not overflow for positive arguments.

    Examples
    --------
    >>> z = Symbol("z", positive=True)
    >>> without_hyperbolics(sympy.cosh(z))
    (1 + exp(-2*z))*exp(z)/2
    """
    exp = sympy.exp
    return (
        expr.replace(sympy.sech, lambda u: 1 / sympy.cosh(u))
        .replace(sympy.tanh, lambda u: (1 - exp(-2 * u)) / (1 + exp(-2 * u)))
        .replace(sympy.cosh, lambda u: exp(u) * (1 + exp(-2 * u)) / 2)
        .replace(sympy.sinh, lambda u: exp(u) * (1 - exp(-2 * u)) / 2)
    )


def _sorted_bases(exponents: dict[Expr, Expr]) -> tuple[tuple[Expr, Expr], ...]:
    present = [(base, degree) for base, degree in exponents.items() if degree != 0]
    return tuple(sorted(present, key=lambda item: sympy.default_sort_key(item[0])))

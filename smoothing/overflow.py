"""Rewrite expressions so that float64 does not overflow inside a logarithm.

log cosh t and log(1 + e^t) are about |t|, but cosh and exp leave the range of float64 near 710.
The largest exponent is taken out of every logarithm of a sum of exponentials.
"""

from __future__ import annotations

import sympy

__all__ = ["stabilise"]


def stabilise(expression: sympy.Expr) -> sympy.Expr:
    """Return an equal expression that can be evaluated in float64 at |t| = 1e4 and beyond.

    Examples
    --------
    >>> from smoothing.expressions import t
    >>> stabilise(sympy.log(sympy.cosh(t)))
    log(1 + exp(-2*Abs(t))) + Abs(t) - log(2)
    >>> stabilise(sympy.log(1 + sympy.exp(t)))
    log(exp(t - Max(0, t)) + exp(-Max(0, t))) + Max(0, t)
    """
    return expression.replace(sympy.log, _stable_log)


def _stable_log(argument: sympy.Expr) -> sympy.Expr:
    factors = sympy.Mul.make_args(argument)
    if len(factors) > 1 and all(f.is_positive for f in factors):
        return sympy.Add(*(_stable_log(f) for f in factors))
    base, power = argument.as_base_exp()
    if power != 1 and power.is_real and base.is_positive and base is not sympy.E:
        return power * _stable_log(base)
    if isinstance(argument, sympy.cosh | sympy.sech):
        size = sympy.Abs(argument.args[0])
        value = size + sympy.log(1 + sympy.exp(-2 * size)) - sympy.log(2)
        return value if isinstance(argument, sympy.cosh) else -value
    return _log_of_sum(argument)


def _log_of_sum(argument: sympy.Expr) -> sympy.Expr:
    """Take the largest exponent out of a sum of terms, some of them exponentials."""
    split = [_split(term) for term in sympy.Add.make_args(argument)]
    exponents = {exponent for _, exponent in split}
    if not any(e.free_symbols for e in exponents):
        return sympy.log(argument)
    largest = sympy.Max(*exponents)
    terms = [factor * sympy.exp(exponent - largest) for factor, exponent in split]
    return largest + sympy.log(sympy.Add(*terms))


def _split(term: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Return (f, u) with term = f e^u; cosh v = e^|v| (1 + e^(-2|v|)) / 2 counts as exponential."""
    factor, exponent = sympy.S.One, sympy.S.Zero
    for part in sympy.Mul.make_args(term):
        base, power = part.as_base_exp()
        if isinstance(part, sympy.exp):
            exponent += part.args[0]
        elif isinstance(base, sympy.cosh) and power.is_positive:
            size = sympy.Abs(base.args[0])
            exponent += power * size
            factor *= ((1 + sympy.exp(-2 * size)) / 2) ** power
        else:
            factor *= part
    return factor, exponent

"""Regularised incomplete gamma and beta functions and their inverses at any precision.

Everything here takes and returns mpmath numbers and honours a precision in bits. The inverses run
Newton's method on the logarithm of the smaller tail, in log x for the gamma and in log(x/(1-x)) for
the beta distribution. Both logarithms are concave there (the density of the logarithm of a gamma
variable and of the log-odds of a beta variable is log-concave, hence so are its tails), so that
Newton converges from every start; scipy supplies a good one.
"""

from __future__ import annotations

from collections.abc import Callable

import flint
import mpmath
from flint import arb
from mpmath import mpf

from numerics import special
from numerics.errors import PrecisionError

__all__ = [
    "beta_density",
    "beta_lower",
    "beta_lower_inverse",
    "gamma_density",
    "gamma_lower",
    "gamma_lower_inverse",
    "gamma_upper",
    "gamma_upper_inverse",
]

#: Extra bits in intermediate results: log x^a loses log2(a log x) < 24 bits for a <= 1e6.
_GUARD = 32
_MAX_BITS = 1 << 14
#: Longer series are left to ball arithmetic, which has expansions for them.
_MAX_TERMS = 20_000
#: Newton doubles the digits in each step; 200 is reached only when it does not converge.
_MAX_STEPS = 200


def gamma_density(a: mpf, x: mpf, bits: int) -> mpf:
    """Density of the gamma distribution with shape `a`: x^(a-1) e^(-x) / Gamma(a)."""
    with mpmath.workprec(bits + _GUARD):
        return mpmath.exp((a - 1) * mpmath.log(x) - x - mpmath.loggamma(a))


def beta_density(a: mpf, b: mpf, x: mpf, bits: int) -> mpf:
    """Density of the beta distribution: x^(a-1) (1-x)^(b-1) / B(a, b)."""
    with mpmath.workprec(bits + _GUARD):
        log_beta = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)
        return mpmath.exp((a - 1) * mpmath.log(x) + (b - 1) * mpmath.log1p(-x) - log_beta)


def gamma_lower(a: mpf, x: mpf, bits: int) -> mpf:
    """P(a, x), DLMF 8.2.4."""
    if x <= 0:
        return mpf(0)
    if x > a + 1:
        with mpmath.workprec(bits + _GUARD):
            return 1 - _gamma_upper_ball(a, x, bits)
    return _gamma_lower_series(a, x, bits)


def gamma_upper(a: mpf, x: mpf, bits: int) -> mpf:
    """Q(a, x), DLMF 8.2.4."""
    if x <= 0:
        return mpf(1)
    if x > a + 1:
        return _gamma_upper_ball(a, x, bits)
    with mpmath.workprec(bits + _GUARD):
        return 1 - _gamma_lower_series(a, x, bits)


def beta_lower(a: mpf, b: mpf, x: mpf, bits: int) -> mpf:
    """I_x(a, b), DLMF 8.17.2."""
    if x <= 0 or x >= 1:
        return mpf(0 if x <= 0 else 1)
    below_mean = x * (a + b) <= a
    # The series gains at least -log2(ratio of late terms) bits per term.
    if -mpmath.log(x if below_mean else 1 - x, 2) < bits / _MAX_TERMS:
        return _ball(lambda: _arb(x).beta_lower(_arb(a), _arb(b), regularized=True), bits)
    if below_mean:
        return _beta_lower_series(a, b, x, bits)
    with mpmath.workprec(bits + _GUARD):
        return 1 - _beta_lower_series(b, a, 1 - x, bits + _GUARD)


def gamma_lower_inverse(a: mpf, y: mpf, bits: int) -> mpf:
    """The x with P(a, x) = y."""
    return _gamma_inverse(a, y, bits, lower=True)


def gamma_upper_inverse(a: mpf, y: mpf, bits: int) -> mpf:
    """The x with Q(a, x) = y."""
    return _gamma_inverse(a, y, bits, lower=False)


def _gamma_inverse(a: mpf, y: mpf, bits: int, *, lower: bool) -> mpf:
    if y <= 0 or y >= 1:
        return mpf(0) if (y <= 0) == lower else mpf("inf")
    work = bits + _GUARD
    with mpmath.workprec(work + _GUARD):
        # Solve for the smaller of the two tails; 1 - y is exact enough when y > 1/2.
        target = mpmath.log(min(y, 1 - y))
        use_lower = lower == (y <= mpf("0.5"))
        guess = float((special.gammaincinv if lower else special.gammainccinv)(float(a), float(y)))
        if not 0 < guess < float("inf"):
            guess = max(a, -target) if not use_lower else mpf(a)
        tail_function = gamma_lower if use_lower else gamma_upper

        def log_tail_and_slope(u: mpf) -> tuple[mpf, mpf]:
            x = mpmath.exp(u)
            tail = tail_function(a, x, work)
            slope = x * gamma_density(a, x, work) / tail
            return mpmath.log(tail), slope if use_lower else -slope

        return mpmath.exp(_newton(log_tail_and_slope, target, mpmath.log(guess), work))


def beta_lower_inverse(a: mpf, b: mpf, y: mpf, bits: int) -> mpf:
    """The x with I_x(a, b) = y."""
    if y <= 0 or y >= 1:
        return mpf(0 if y <= 0 else 1)
    work = bits + _GUARD
    use_lower = y < mpf("0.5")

    def log_tail_and_slope(v: mpf) -> tuple[mpf, mpf]:
        x, complement = 1 / (1 + mpmath.exp(-v)), 1 / (1 + mpmath.exp(v))
        tail = beta_lower(a, b, x, work) if use_lower else beta_lower(b, a, complement, work)
        slope = x * complement * beta_density(a, b, x, work) / tail
        return mpmath.log(tail), slope if use_lower else -slope

    with mpmath.workprec(work + _GUARD):
        target = mpmath.log(y if use_lower else 1 - y)
        guess = float(special.betaincinv(float(a), float(b), float(y)))
        start = mpmath.log(a / b)
        if 0 < guess < 1:
            start = mpmath.log(guess) - mpmath.log1p(-mpf(guess))
        return 1 / (1 + mpmath.exp(-_newton(log_tail_and_slope, target, start, work)))


def _newton(
    value_and_slope: Callable[[mpf], tuple[mpf, mpf]], target: mpf, start: mpf, bits: int
) -> mpf:
    """Solve value(u) = target for a concave monotone function."""
    u = start
    previous = mpf("inf")
    for _ in range(_MAX_STEPS):
        value, slope = value_and_slope(u)
        step = (target - value) / slope
        u += min(step, 1) if slope < 0 else step  # tangents overshoot where the tail is e^(-e^u)
        # Quadratic convergence: a step of 2^-(bits/2) leaves an error of about 2^-bits.
        if abs(step) < mpf(2) ** (-bits // 2 - 4) * max(1, abs(u)) or step == 0:
            return u
        if abs(step) >= previous and abs(step) < mpf(2) ** (-bits // 3):
            return u
        previous = abs(step)
    raise PrecisionError(f"Newton's method did not converge from {start} to log tail {target}")


def _gamma_lower_series(a: mpf, x: mpf, bits: int) -> mpf:
    """x^a e^-x / Gamma(a+1) * sum_k x^k/(a+1)_k for x <= a + 1, DLMF 8.7.1 (Kummer's 1F1)."""
    work = bits + _GUARD
    with mpmath.workprec(work + _GUARD):
        one = 1 << work
        # Fixed point arithmetic: all terms are positive and at most 1.
        x_fixed, a_fixed = int(mpmath.floor(x * one)), int(mpmath.floor(a * one))
        term, total, k = one, one, 0
        while term:
            k += 1
            term = term * x_fixed // (a_fixed + k * one)
            total += term
        log_factor = a * mpmath.log(x) - x - mpmath.loggamma(a + 1)
        return mpmath.exp(log_factor) * mpf(total) / one


def _beta_lower_series(a: mpf, b: mpf, x: mpf, bits: int) -> mpf:
    """x^a (1-x)^b / (a B(a,b)) * sum_k (a+b)_k/(a+1)_k x^k below the mean a/(a+b), DLMF 8.17.8."""
    work = bits + _GUARD
    with mpmath.workprec(work + _GUARD):
        one = 1 << work
        x_fixed, a_fixed, sum_fixed = (int(mpmath.floor(v * one)) for v in (x, a, a + b))
        term, total, k = one, one, 0
        while term:
            # Terms decrease from the second on, and are at most 1 below the mean.
            term = term * (sum_fixed + k * one) // (a_fixed + (k + 1) * one) * x_fixed >> work
            total += term
            k += 1
        log_beta = mpmath.loggamma(a) + mpmath.loggamma(b) - mpmath.loggamma(a + b)
        log_factor = a * mpmath.log(x) + b * mpmath.log1p(-x) - mpmath.log(a) - log_beta
        return mpmath.exp(log_factor) * mpf(total) / one


def _gamma_upper_ball(a: mpf, x: mpf, bits: int) -> mpf:
    return _ball(lambda: _arb(x).gamma_upper(_arb(a), regularized=1), bits)


def _arb(x: mpf) -> arb:
    sign, mantissa, exponent, _ = x._mpf_
    return arb((-1) ** sign * int(mantissa)) * arb(2) ** int(exponent)


def _ball(evaluate: Callable[[], arb], bits: int) -> mpf:
    """Midpoint of a ball that is accurate to `bits` bits, at rising working precision."""
    work = bits + _GUARD
    while work <= _MAX_BITS:
        with flint.ctx.workprec(work):
            ball = evaluate()
            if ball.is_finite() and ball.rel_accuracy_bits() >= bits:
                mantissa, exponent = ball.mid().man_exp()
                with mpmath.workprec(work):
                    return mpmath.ldexp(mpf(int(mantissa)), int(exponent))
        work *= 2
    raise PrecisionError(f"no {bits} bits after working with {_MAX_BITS}: got {ball.str(5)}")

"""The chain of the differential method: gradient, law of gamma_u, phi, Phi, integrand, radius.

Values of expressions come from `differential.law_values`, SciPy's quadrature and difference
quotients; the numbers beside them are those of the engine's laws and of the compiled table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
from sympy import Symbol

from radii.chain import general_chain, potential_step, radius_checks
from radii.chain_gamma import gradient_step, law_step, sampled_checks
from radii.chain_view import PROBABILITY, THRESHOLD, View, checked, phi_of
from radii.derivation import Check, DerivationStep
from radii.notation import PHI, PHI_BAR

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["differential_chain"]

_PHI_OF_P = sympy.Function("Phi")(PROBABILITY)


def differential_chain(radius: RadiusFunction) -> tuple[DerivationStep, ...]:
    """All steps from psi to R for a radius of the routes "symbolic" and "quadrature"."""
    phi = phi_of(radius)
    if phi is None:
        return general_chain(radius)
    view = View(radius, phi)
    return (
        potential_step(radius.smoothing, view.structure),
        gradient_step(view),
        law_step(view),
        _tail(view),
        _partial_expectation(view),
        _growth_rate(view),
        _integrand(view),
        _radius(view),
    )


def _tail(view: View) -> DerivationStep:
    law, factor = view.direction.law, view.direction.factor
    checks = [
        check
        for c in view.thresholds
        for check in checked(f"c = {c:.6g}", view.tail(_exact(c)), float(law.tail(c / factor)))
    ]
    if view.expressions is None:
        checks = sampled_checks(view, view.thresholds)[0]
    exact = view.expressions is not None and checks
    words = "The probability of the superlevel set of γ." if exact else _no_expression(view)
    rule = "RSAS, Lemma F.7"
    return DerivationStep("Tail", PHI(THRESHOLD), view.tail(THRESHOLD), rule, words, tuple(checks))


def _partial_expectation(view: View) -> DerivationStep:
    law, factor = view.direction.law, view.direction.factor
    checks: list[Check] = []
    for c in view.thresholds:
        number = factor * float(law.partial_expectation(c / factor))
        checks += checked(f"c = {c:.6g}", view.partial(_exact(c)), number)
    if view.expressions is None:
        checks = sampled_checks(view, view.thresholds)[1]
    exact = view.expressions is not None and checks
    words = "How fast the superlevel set grows." if exact else _no_expression(view)
    left, shown = PHI_BAR(THRESHOLD), view.partial(THRESHOLD)
    return DerivationStep(
        "Partial expectation", left, shown, "RSAS, Lemma F.7", words, tuple(checks)
    )


def _exact(c: float) -> sympy.Float:
    return sympy.Float(c, 17)


def _no_expression(view: View) -> str:
    known = "in numbers only" if view.expressions is None else "as an expression too long to check"
    return f"Known {known}, for u = {view.direction.name}."


def _dual(view: View, p: float) -> float | None:
    """c p + E(gamma - c)+ + theta at the engine's quantile c, from the expressions."""
    c = view.direction.factor * float(view.direction.law.upper_quantile(p))
    tail, partial = (checked("", e(_exact(c)), 0.0) for e in (view.tail, view.partial))
    if not tail or not partial:
        return None
    return partial[0].by_expression + c * (p - tail[0].by_expression) + view.theta


def _growth_by_excess(view: View, p: float) -> tuple[Check, ...]:
    """Phi as the integral of the quantile function (RSAS, Definition F.4), from the law itself."""
    from scipy.integrate import quad

    law, factor = view.direction.law, view.direction.factor
    value, _ = quad(lambda t: float(law.upper_quantile(t)), 0.0, p, limit=200, epsrel=1e-9)
    number = float(view.direction.phi(p))
    note = "SciPy's quadrature of the quantile"
    return (Check(f"p = {p:.4g}", factor * value + view.theta, number, note),)


def _growth_rate(view: View) -> DerivationStep:
    """Phi(p): the most that mass p grows, per unit of movement."""
    q = Symbol("c")
    general = PHI_BAR(q) + q * (PROBABILITY - PHI(q))
    general = general + Symbol("theta") if view.theta else general
    closed = view.closed_phi
    checks: list[Check] = []
    for p in view.shares:
        number = float(view.direction.phi(p))
        by_law = _dual(view, p)
        if by_law is not None:
            checks.append(Check(f"from φ and φ̄, p = {p:.4g}", by_law, number))
        elif view.expressions is None:
            checks += _growth_by_excess(view, p)
        if closed is not None:
            value = float(closed.subs(PROBABILITY, sympy.Rational(p)).evalf(17))
            checks.append(Check(f"closed form, p = {p:.4g}", value, float(view.phi(p))))
    words = "c is the threshold with φ(c) = p; for any other c the right side is larger."
    rule = "RSAS, Definition F.4; duality"
    if closed is not None:
        words = "For p ≤ 1/2; the same as φ̄(c) + c (p − φ(c)) + θ where φ(c) = p."
        rule += "; closed form by 1/Φ(p) = R′(1 − p)"
    if len(view.phi.directions) > 1:
        names = ", ".join(d.name for d in view.phi.directions)
        words += f" Φ is the largest over u = {names}."
    shown = general if closed is None else closed
    return DerivationStep("Growth rate", _PHI_OF_P, shown, rule, words, tuple(checks))


def _integrand(view: View) -> DerivationStep:
    """1/Phi, against a difference quotient of the compiled radius."""
    closed = view.closed_phi
    expression = 1 / _PHI_OF_P if closed is None else sympy.simplify(1 / closed)
    scale = view.radius.smoothing.scale
    checks = []
    for p in view.shares:
        step = 1e-4 * p
        near, far = (float(view.radius(tail=s)) for s in (p - step, p + step))
        value = 1 / float(view.phi(p))
        quotient = (near - far) / (2 * step) / scale
        checks.append(Check(f"p = {p:.4g}", value, quotient, "difference quotient of the table"))
    words = "In the threshold c, dp/Φ(p) is |φ′(c)| dc/φ̄(c) where γ has a density."
    return DerivationStep(
        "Integrand", 1 / _PHI_OF_P, None if closed is None else expression,
        "RSAS, Theorem F.6, Lemma F.7", words, tuple(checks),
    )  # fmt: skip


def _radius(view: View) -> DerivationStep:
    """R in closed form if there is one, else the integral, by quadrature."""
    radius, rho = view.radius, Symbol("rho")
    left = sympy.Function("R")(rho)
    found = radius._symbolic if radius.requested != "quadrature" else None
    if found is not None:
        details = tuple(DerivationStep(s.title, None, s.expression, s.rule) for s in found.steps)
        words = "" if radius.is_closed_form else "An integral or an inverse is left to evaluate."
        rules = ", ".join(dict.fromkeys(found.fired))
        rule = "RSAS, Theorem F.6" + (f"; rules: {rules}" if rules else "")
        return DerivationStep(
            "Radius",
            left,
            radius.expression,
            rule,
            words,
            radius_checks(radius, view.shares[3:]),
            details[:-1],
        )
    integral = sympy.Integral(1 / _PHI_OF_P, (PROBABILITY, 1 - rho, sympy.Rational(1, 2)))
    checks = _quadrature_checks(view)
    words = "By quadrature: no rule gives an expression, or none was asked for."
    return DerivationStep(
        "Radius", left, Symbol("lambda") * integral, "RSAS, Theorem F.6", words, checks
    )


def _quadrature_checks(view: View) -> tuple[Check, ...]:
    from scipy.integrate import quad

    checks = []
    for p in (0.4, 0.1, 0.01):
        inside = [float(k) for k in view.phi.kinks if p < k < 0.5][:40]
        value, _ = quad(
            lambda v: 1 / float(view.phi(v)), p, 0.5, points=inside or None, limit=200, epsrel=1e-11
        )
        scaled = view.radius.smoothing.scale * value
        checks.append(
            Check(
                f"ρ = {1 - p:.4g}", scaled, float(view.radius(tail=p)), "SciPy's quadrature of 1/Φ"
            )
        )
    return tuple(checks)

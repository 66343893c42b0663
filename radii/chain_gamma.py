"""Steps of the differential method up to the law of gamma_u, with checks by differences of psi."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from sympy import Expr, Symbol

from radii.chain import points_of
from radii.chain_view import View, checked
from radii.derivation import Check, DerivationStep
from smoothing.evaluate import evaluate_psi
from smoothing.expressions import coordinate_sum
from smoothing.structure import COORDINATE, RADIUS, Product, Radial, Structure

__all__ = ["gradient_step", "law_step", "sampled_checks"]

Array = NDArray[np.float64]
#: Draws of the noise where nothing but sampling is left to compare with.
_DRAWS = 2000


def gradient_step(view: View) -> DerivationStep:
    """gamma_u = <u, grad psi>, against a difference quotient of psi along u."""
    u = _vector(view.direction.name, view.radius.dim)
    words = f"u = {view.direction.name}, the vertex of the adversary's ball along which mass grows "
    words += "fastest, one for each orbit of the symmetries of ψ."
    expression: Expr | None = None
    if isinstance(view.structure, Radial):
        expression = sympy.diff(view.structure.profile, RADIUS) * Symbol("A_u")
        words += " r = ‖x‖ and A_u = ⟨u, ∇‖x‖⟩ are independent."
    elif view.marginal is not None and (view.factor == 1):
        sign = -1 if view.direction.name.startswith("-") else 1
        expression = sign * sympy.diff(view.marginal.phi, COORDINATE)
        words += " t is the coordinate that moves."
    elif view.marginal is not None:
        expression = view.factor * sympy.diff(view.marginal.phi, COORDINATE)
        words += " The law depends on the length of u only: t is the coordinate along u."
    elif isinstance(view.structure, Product) and len(view.structure.marginals) == 1:
        expression = coordinate_sum(sympy.diff(view.structure.marginals[0].phi, COORDINATE))
        words += " Each term counts with its sign, or weight, in u."
    checks = () if u is None else _gradient_checks(view, u)
    rule = "chain rule; RSAS, Definition F.4"
    return DerivationStep("Gradient", Symbol("gamma_u"), expression, rule, words, checks)


def _vector(name: str, dim: int) -> Array | None:
    """The direction that a name stands for, None for names of other kinds."""
    sign = -1.0 if name.startswith("-") else 1.0
    axis = re.fullmatch(r"-?e(\d+)", name)
    if axis is not None:
        return sign * np.eye(1, dim, int(axis[1]) - 1)[0]
    return np.full(dim, sign) if name in ("(1,...,1)", "-(1,...,1)") else None


def _gradient_checks(view: View, u: Array) -> tuple[Check, ...]:
    point = points_of(view.radius.smoothing, 1)[0]
    if isinstance(view.structure, Radial):
        # Coordinates are exchangeable; the largest one matters most in the first place.
        point = np.roll(point, -int(np.argmax(np.abs(point))))
    value = _gamma_at(view.structure, u, point)
    if value is None:
        return ()
    step = 1e-4 * max(1.0, float(np.max(np.abs(point)))) / view.radius.dim**0.25
    stencil = np.array([-2.0, -1.0, 1.0, 2.0])
    psi = evaluate_psi(view.radius.smoothing.psi, point + step * stencil[:, None] * u)
    slope = float(psi @ np.array([1.0, -8.0, 8.0, -1.0])) / (12 * step)
    return (Check("⟨u, ∇ψ⟩ at a draw of the noise", value, slope, "difference quotient of ψ"),)


def sampled_checks(view: View, thresholds: tuple[float, ...]) -> tuple[list[Check], list[Check]]:
    """Tails and partial expectations by sampling, for laws that are known in numbers only."""
    u = _vector(view.direction.name, view.radius.dim)
    if u is None or not isinstance(view.structure, (Product, Radial)):
        return [], []
    gamma = np.array(
        [_gamma_at(view.structure, u, x) for x in points_of(view.radius.smoothing, _DRAWS)],
        dtype=np.float64,
    )
    law, factor = view.direction.law, view.direction.factor
    tails: list[Check] = []
    partials: list[Check] = []
    for c in thresholds:
        above = gamma > c
        for found, kept, number in (
            (tails, above * 1.0, float(law.tail(c / factor))),
            (partials, gamma * above, factor * float(law.partial_expectation(c / factor))),
        ):
            error = float(np.std(kept)) / np.sqrt(_DRAWS)
            note = f"mean of {_DRAWS} draws, standard error {error:.2g}"
            found.append(Check(f"c = {c:.6g}", float(np.mean(kept)), number, note))
    return tails, partials


@lru_cache(maxsize=32)
def _slope(potential: Expr, variable: Symbol) -> Callable[[Any], Any]:
    # lambdify sees trees that the grammar or the user's own SymPy built, never text.
    return sympy.lambdify(variable, potential.diff(variable), "scipy")


def _gamma_at(structure: Structure, u: Array, point: Array) -> float | None:
    """gamma_u at a point from the structure's derivative."""
    if isinstance(structure, Radial):
        order = float(structure.order)
        r = float(np.linalg.norm(point, ord=order))
        slope = float(_slope(structure.profile, RADIUS)(r))
        if order == 1:
            return slope * float(np.sign(point) @ u)
        if order == 2:
            return slope * float(point @ u) / r
        largest = int(np.argmax(np.abs(point)))
        return slope * float(np.sign(point[largest]) * u[largest])
    if isinstance(structure, Product):
        total = 0.0
        for index, marginal in enumerate(structure.marginals):
            own = slice(None) if structure.indices is None else list(structure.indices[index])
            total += float(np.sum(_slope(marginal.phi, COORDINATE)(point[own]) * u[own]))
        return total
    return None


def law_step(view: View) -> DerivationStep:
    """The density of the one variable that is left, and the masses on the two sides of 0."""
    law = view.direction.law
    left: Any = None
    expression: Expr | None = None
    words = ""
    if isinstance(view.structure, Radial):
        radial = view.structure
        weight = RADIUS ** (radial.dim - 1) * sympy.exp(-radial.profile)
        left, expression = sympy.Function("f")(RADIUS), _normalised(weight, RADIUS, radial.support)
        words = f"f is the density of r. {_cosine_words(radial, view)}"
    elif view.marginal is not None:
        weight = sympy.exp(-view.marginal.phi)
        left = sympy.Function("f")(COORDINATE)
        expression = _normalised(weight, COORDINATE, view.marginal.support)
        words = "f is the density of the coordinate t."
    elif isinstance(view.structure, Product):
        words = "A sum of independent terms, one for each coordinate; its law is known in numbers."
    if law.jump_down or law.jump_up:
        words += (
            f" Where the density jumps down along u, mass is lost at rate θ = {view.theta:.6g}."
        )
    checks: list[Check] = []
    if view.expressions is not None:
        zero = sympy.Float(0.0)
        mean = view.direction.factor * law.positive.mean
        checks += checked("P[γ > 0]", view.tail(zero), law.positive.mass)
        checks += checked("E[γ; γ > 0]", view.partial(zero), mean)
    else:
        checks += sampled_checks(view, (0.0,))[0]
    rule = (
        "RSAS, Lemma I.25"
        if isinstance(view.structure, Radial)
        else ("independence of coordinates; RSAS, Theorem I.1")
    )
    return DerivationStep("Law of γ", left, expression, rule, words, tuple(checks))


def _normalised(weight: Expr, variable: Symbol, support: tuple[Expr, Expr]) -> Expr:
    return weight / sympy.Integral(weight, (variable, *support))


def _cosine_words(radial: Radial, view: View) -> str:
    """The law of A_u, which depends on the gauge and the adversary alone (spec 2.2)."""
    diagonal = "1,...,1" in view.direction.name
    if radial.order == 2:
        return (
            "A_u is "
            + ("√d times " if diagonal else "")
            + ("2 Beta((d−1)/2, (d−1)/2) − 1, the cosine of a uniform direction.")
        )
    if radial.order == 1 and diagonal:
        return "A_u is 2 Binomial(d, 1/2) − d, the sum of the signs."
    if radial.order == sympy.oo and not diagonal:
        return "A_u is +1 and −1 with probability 1/(2d) each, else 0."
    return "A_u is +1 or −1 with probability 1/2 each."

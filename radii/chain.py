"""Steps of a derivation that every route can give: psi, and what the radius is worth.

A route with more to say has an entry in `steps_of`, as the differential and the overlap routes do,
or passes its own function of the radius as `RadiusFunction.chain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sympy
from numpy.typing import NDArray

from radii.derivation import Check, DerivationStep
from smoothing.distribution import SmoothingDistribution
from smoothing.evaluate import evaluate_psi
from smoothing.structure import COORDINATE, RADIUS, General, Product, Radial, Structure, Uniform

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = [
    "RHOS",
    "general_chain",
    "overlap_chain",
    "points_of",
    "potential_step",
    "radius_checks",
    "steps_of",
]

Array = NDArray[np.float64]

#: Where radii are compared.
RHOS = (0.6, 0.9, 0.99)
#: Checks that draw points use this seed, so that a derivation prints the same every time.
_SEED = 20200713


def steps_of(radius: RadiusFunction) -> tuple[DerivationStep, ...]:
    """The chain that fits the route by which a radius was derived."""
    from radii.chain_differential import differential_chain

    chains = {
        "overlap": overlap_chain,
        "symbolic": differential_chain,
        "quadrature": differential_chain,
    }
    return chains.get(radius.requested, general_chain)(radius)


def general_chain(radius: RadiusFunction) -> tuple[DerivationStep, ...]:
    """What is known without knowing the route: psi, the radius, and how far sets can grow."""
    growth = tuple(
        Check(
            f"growth of 1 − ρ at the radius, ρ = {rho}",
            0.5,
            float(radius.growth(1 - rho, radius(rho))),
            "1/2 where the route attains its own bound",
        )
        for rho in RHOS
        if np.isfinite(radius(rho))
    )
    words = f"Route {radius.route!r}, guarantee {radius.guarantee!r}: tabulated, rounded down."
    sources = "; ".join(radius.references) or "the route's own"
    left, expression = _radius_expression(radius)
    step = DerivationStep(
        "Radius", left, expression, sources, words, (*radius_checks(radius), *growth)
    )
    return (potential_step(radius.smoothing, None), step)


def overlap_chain(radius: RadiusFunction) -> tuple[DerivationStep, ...]:
    """A uniform body: gamma vanishes inside, and the volume of S and its shift decides."""
    body = next(s for s in radius.smoothing.structures if isinstance(s, Uniform))
    found = radius._symbolic
    # The last two steps are the radius itself, which comes below.
    steps = () if found is None else found.steps[:-2]
    overlap = tuple(DerivationStep(s.title, None, s.expression, s.rule) for s in steps)
    p, v = sympy.symbols("p v", positive=True)
    share = sympy.Function("O")
    boundary = DerivationStep(
        "Gradient",
        sympy.Symbol("gamma_u"),
        sympy.S.Zero,
        "RSAS, Definition H.12",
        "ψ is constant on the body S: only the jump at its boundary moves mass, so the "
        "probabilities are volumes.",
    )
    growth = DerivationStep(
        "Growth",
        sympy.Function("G")(p, v),
        p + 1 - share(v),
        "Neyman–Pearson; Blum et al. 2020, Lemma B.4",
        "O(v) is the share of S that S + v covers; the worst set takes all of what S + v adds. "
        "The radius is the v with G(1 − ρ, v) = 1/2.",
        tuple(
            Check(f"G(1 − ρ, R(ρ)), ρ = {rho}", 0.5, float(radius.growth(1 - rho, radius(rho))))
            for rho in RHOS
        ),
        overlap,
    )
    left, expression = _radius_expression(radius)
    last = DerivationStep(
        "Radius", left, expression, "; ".join(radius.references), "", radius_checks(radius)
    )
    return (potential_step(radius.smoothing, body), boundary, growth, last)


def _radius_expression(radius: RadiusFunction) -> tuple[sympy.Basic, sympy.Expr | None]:
    return sympy.Function("R")(sympy.Symbol("rho")), radius.expression


def radius_checks(radius: RadiusFunction, extra: tuple[float, ...] = ()) -> tuple[Check, ...]:
    """The expression against the compiled table, at `RHOS` and extra tails; none without one."""
    if radius.expression is None:
        return ()
    from differential.symbolic import RHO
    from differential.symbolic_check import value_at
    from differential.symbolic_parts import TAIL

    in_tail = radius.expression.subs(RHO, 1 - TAIL)
    return tuple(
        Check(f"ρ = {1 - tail:.7g}", value_at(in_tail, TAIL, tail), float(radius(tail=tail)))
        for tail in (*(1 - rho for rho in RHOS), *extra)
    )


def potential_step(smoothing: SmoothingDistribution, structure: Structure | None) -> DerivationStep:
    """psi, and the structure that the derivation uses, evaluated at two random points."""
    support = f" on {smoothing.support_text}" if smoothing.support is not None else ""
    words = f"q(x) ∝ exp(−ψ(x/λ)){support}, λ = {smoothing.scale:g}, d = {smoothing.dim}."
    checks: tuple[Check, ...] = ()
    if structure is not None and not isinstance(structure, (Uniform, General)):
        words += f" {_described(structure)}"
        points = points_of(smoothing, 2)
        by_structure = [structure_value(structure, point) for point in points]
        given = evaluate_psi(smoothing.psi, points)
        if None not in by_structure:
            first, second = (float(v) for v in by_structure if v is not None)
            note = "a difference of two values" if abs(given[0] - given[1]) < abs(given[0]) else ""
            what = "ψ(x) − ψ(y) at two draws of the noise"
            checks = (Check(what, first - second, float(given[0] - given[1]), note),)
    return DerivationStep(
        "Potential", sympy.Symbol("psi"), smoothing.psi, "definition of the noise", words, checks
    )


def _described(structure: Structure) -> str:
    if isinstance(structure, Product):
        count = len(structure.marginals)
        return "Independent coordinates" + (
            ", identically distributed." if count == 1 else f" with {count} different laws."
        )
    if isinstance(structure, Radial):
        return f"A function g(r) of r = ‖x‖ of order {structure.order}."
    return f"Structure: {type(structure).__name__.lower()}."


def points_of(smoothing: SmoothingDistribution, count: int) -> Array:
    """Draws of the noise at scale 1."""
    return smoothing.sample(count, np.random.default_rng(_SEED)) / smoothing.scale


def structure_value(structure: Structure, point: Array) -> float | None:
    """psi at a point as the structure has it, up to a constant; None where it is not known how."""
    if isinstance(structure, Radial):
        r = np.linalg.norm(point, ord=float(structure.order))
        return float(sympy.lambdify(RADIUS, structure.profile, "scipy")(r))
    if isinstance(structure, Product):
        total = 0.0
        for index, marginal in enumerate(structure.marginals):
            own = point if structure.indices is None else point[list(structure.indices[index])]
            # NumPy's functions on arrays; SymPy trees only, no text.
            values = sympy.lambdify(COORDINATE, marginal.phi, "scipy")(own)
            total += float(np.sum(np.broadcast_to(values, own.shape)))
        return total
    return None

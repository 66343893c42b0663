"""The front door: derive a radius function from a density and an adversary."""

from __future__ import annotations

from dataclasses import dataclass

from numerics.errors import (
    AssumptionError,
    InvalidInputError,
    PrecisionError,
    UnsupportedPairError,
    invalid,
)
from radii.radius_function import RadiusFunction
from radii.route_differential import DifferentialRoute
from radii.routes import ON_REQUEST, ROUTES, Accepted, Refusal, Route
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm, as_norm

__all__ = ["RouteReport", "derive", "explain_routes"]

#: Seconds that SymPy's own integrator gets per structure where an expression is insisted on.
_PATIENCE = 10.0


@dataclass(frozen=True)
class RouteReport:
    """Verdict of every route on a pair, in the order in which "auto" tries them."""

    verdicts: tuple[tuple[str, Accepted | Refusal], ...]

    @property
    def accepted(self) -> tuple[str, ...]:
        """Names of the routes that accept."""
        return tuple(name for name, verdict in self.verdicts if isinstance(verdict, Accepted))

    def __str__(self) -> str:
        lines = []
        for name, verdict in self.verdicts:
            word = "accepted" if isinstance(verdict, Accepted) else "refused"
            lines.append(f"{name:<11}{word:<9} {verdict.reason}")
        return "\n".join(lines)


def explain_routes(smoothing: SmoothingDistribution, adversary: Norm | str) -> RouteReport:
    """Every route's verdict on a pair; computes no radius.

    Examples
    --------
    >>> import radii
    >>> q = radii.families.uniform_cube(dim=3, scale=1.0)
    >>> radii.explain_routes(q, "l1").accepted[0]
    'overlap'
    """
    noise, norm = _checked(smoothing, adversary)
    return RouteReport(tuple((route.name, route.accepts(noise, norm)) for route in ROUTES))


def derive(
    smoothing: SmoothingDistribution, adversary: Norm | str, *, route: str = "auto"
) -> RadiusFunction:
    r"""Derive the certified radius of a smoothing distribution against an adversary.

    Parameters
    ----------
    smoothing : SmoothingDistribution
        Noise with density proportional to ``exp(-psi(x / scale))`` on R^dim.
    adversary : Norm or {"l1", "l2", "linf"}
        Threat model; radii are measured in this norm.
    route : str, default "auto"
        "auto" takes the first route that accepts the pair (see `explain_routes`); or the name of
        one route: "overlap", "symbolic" (insists on an expression), "quadrature", "fisher",
        "conversion" or "best", which combines all sound ones.

    Returns
    -------
    RadiusFunction
        Maps ``prob_lower`` of any shape to float64 radii of that shape, in the units of the
        classifier's input, never above the exact radius.

    Raises
    ------
    UnsupportedPairError
        No route accepts the pair, or the forced route does not; one reason per route.
    AssumptionError
        A property that the route needs fails, such as a finite E|g'|.

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Theorem F.6.

    Examples
    --------
    >>> import radii
    >>> radius = derive(radii.families.laplace(dim=3072, scale=1.0), "l1")
    >>> radius.expression
    -log(2 - 2*rho)
    """
    noise, norm = _checked(smoothing, adversary)
    names = [r.name for r in ROUTES]
    if route != "auto" and route not in names:
        legal = ", ".join(repr(n) for n in ("auto", *names))
        raise invalid("route", f"one of {legal}", route, "see radii.explain_routes")
    if route != "auto":
        return _forced(route, noise, norm)
    verdicts: list[tuple[str, Accepted | Refusal]] = []
    failure: AssumptionError | PrecisionError | None = None
    for candidate in ROUTES:
        if candidate.name in ON_REQUEST:
            continue
        verdict = candidate.accepts(noise, norm)
        if isinstance(verdict, Accepted):
            try:
                return verdict.build()
            except (AssumptionError, PrecisionError) as error:
                # Another route may do without what fails here, such as a finite E|g'|.
                failure = failure or error
                verdict = Refusal(str(error))
        verdicts.append((candidate.name, verdict))
    if failure is not None:
        raise failure
    raise UnsupportedPairError(
        f"no route derives a radius of {noise.describe()} against {norm.name}:\n"
        f"{RouteReport(tuple(verdicts))}"
    )


def _forced(route: str, noise: SmoothingDistribution, norm: Norm) -> RadiusFunction:
    taken: Route = next(r for r in ROUTES if r.name == route)
    if route == "symbolic":
        taken = DifferentialRoute(route, seconds=_PATIENCE)
    verdict = taken.accepts(noise, norm)
    if isinstance(verdict, Refusal):
        raise UnsupportedPairError(
            f"route {route!r} refuses {noise.describe()} against {norm.name}: {verdict.reason}"
        )
    radius = verdict.build()
    if route == "symbolic" and radius.expression is None:
        raise UnsupportedPairError(
            f"route 'symbolic' found no expression for {noise.describe()} against {norm.name}; "
            "use route='quadrature' for the numbers"
        )
    return radius


def _checked(
    smoothing: SmoothingDistribution, adversary: Norm | str
) -> tuple[SmoothingDistribution, Norm]:
    if not isinstance(smoothing, SmoothingDistribution):
        raise invalid(
            "smoothing",
            "a SmoothingDistribution",
            smoothing,
            "build one with radii.SmoothingDistribution(psi, dim=...)",
        )
    norm = as_norm(adversary)
    vertices = getattr(norm, "vertices", None)
    if vertices is not None and vertices.shape[1] != smoothing.dim:
        raise InvalidInputError(
            f"adversary must have vertices of dimension {smoothing.dim}, as the noise, got "
            f"{vertices.shape[1]}; use one dimension for both"
        )
    return smoothing, norm

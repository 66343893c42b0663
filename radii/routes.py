"""The list of routes to a radius, in the order in which "auto" tries them."""

from __future__ import annotations

from radii.route_differential import DifferentialRoute
from radii.route_overlap import OverlapRoute
from radii.verdicts import Accepted, Refusal, Route

__all__ = ["ON_REQUEST", "ROUTES", "Accepted", "Refusal", "Route"]

#: One line per route; each lives in a file `route_<name>.py`.
ROUTES: tuple[Route, ...] = (
    OverlapRoute(),
    DifferentialRoute("symbolic"),
    DifferentialRoute("quadrature"),
)

#: Routes that "auto" leaves alone: they are taken only when they are named.
ON_REQUEST: frozenset[str] = frozenset()

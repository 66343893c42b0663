"""The list of routes to a radius, in the order in which "auto" tries them."""

from __future__ import annotations

from radii.route_best import BestRoute
from radii.route_conversion import ConversionRoute
from radii.route_differential import DifferentialRoute
from radii.route_fisher import FisherRoute
from radii.route_levelset import LevelsetRoute
from radii.route_montecarlo import MonteCarloRoute
from radii.route_overlap import OverlapRoute
from radii.verdicts import Accepted, Refusal, Route

__all__ = ["DIRECT", "LAST", "ON_REQUEST", "ROUTES", "Accepted", "Refusal", "Route"]

#: Routes that work on the adversary's own norm, one line each, in files `route_<name>.py`. Those
#: that offer evidence are what "conversion" and "best" draw from.
DIRECT: tuple[Route, ...] = (
    OverlapRoute(),
    DifferentialRoute("symbolic"),
    DifferentialRoute("quadrature"),
    LevelsetRoute(),
    FisherRoute(),
)
#: Tried when nothing else accepts.
LAST: tuple[Route, ...] = (ConversionRoute(),)
ROUTES: tuple[Route, ...] = (*DIRECT, *LAST, BestRoute(), MonteCarloRoute())

#: Routes that "auto" leaves alone: they are taken only when they are named.
ON_REQUEST: frozenset[str] = frozenset({"best", "montecarlo"})

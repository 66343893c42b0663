"""Wulff crystals: the best shape of noise for a norm, and how fast mass can grow under it."""

from wulff.bodies import LpBall
from wulff.crystal import crystal, crystal_noise, crystal_norm, crystal_zonotope
from wulff.export import save_mesh
from wulff.growth import crystal_growth, growth, growth_limit
from wulff.optimality import crystal_constant, crystal_lower_bound
from wulff.products import mean_absolute_product
from wulff.zonotope import Zonotope

__all__ = [
    "LpBall",
    "Zonotope",
    "crystal",
    "crystal_constant",
    "crystal_growth",
    "crystal_lower_bound",
    "crystal_noise",
    "crystal_norm",
    "crystal_zonotope",
    "growth",
    "growth_limit",
    "mean_absolute_product",
    "save_mesh",
]

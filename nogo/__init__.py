"""Upper limits on any certified radius: what no smoothing noise can do."""

from nogo.blum import BOUNDS, NoiseBound, bound
from nogo.cotype import (
    UNIVERSAL_CONSTANT,
    cotype_2,
    cotype_ratio,
    search_cotype,
    useful_radius,
)
from nogo.gap import probability_needed, total_variation_limit
from nogo.hadamard import orthogonal_directions
from nogo.heavy_tail import HeavyTail, heavy_tail, largest_radius_of_tail
from nogo.limits import Limit, largest_radius, limits, smallest_sigma
from nogo.pairs import PairwiseGrowth
from nogo.search import Constant, least_line_moment, line_constants
from nogo.shifted import (
    cube_radius_enough,
    cube_shift,
    cube_shift_envelope,
    gaussian_shift,
    gaussian_shift_envelope,
    gaussian_sigma_enough,
)
from nogo.usefulness import Usefulness, usefulness

__all__ = [
    "BOUNDS",
    "UNIVERSAL_CONSTANT",
    "Constant",
    "HeavyTail",
    "Limit",
    "NoiseBound",
    "PairwiseGrowth",
    "Usefulness",
    "bound",
    "cotype_2",
    "cotype_ratio",
    "cube_radius_enough",
    "cube_shift",
    "cube_shift_envelope",
    "gaussian_shift",
    "gaussian_shift_envelope",
    "gaussian_sigma_enough",
    "heavy_tail",
    "largest_radius",
    "largest_radius_of_tail",
    "least_line_moment",
    "limits",
    "line_constants",
    "orthogonal_directions",
    "probability_needed",
    "search_cotype",
    "smallest_sigma",
    "total_variation_limit",
    "useful_radius",
    "usefulness",
]

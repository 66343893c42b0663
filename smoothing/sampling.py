"""Noise from psi alone: which recipe a structure gets, and NumPy carrying it out.

Independent coordinates go through the quantile function of each marginal, densities of a norm
through the quantile function of the norm, mixed ones through that of the largest coordinate
(Zhang et al., eq. 13). No density is treated by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from numerics.errors import AssumptionError, InvalidInputError, invalid
from numerics.tail_table import TailTable, build_tail_table
from numerics.validation import check_count
from smoothing.numpy_arrays import NumpyArrays
from smoothing.recipes import CellCone, Cone, Independent, Maximum, Recipe
from smoothing.structure import General, Mixed, PolytopeRadial, Product, Radial, Structure, Uniform

if TYPE_CHECKING:
    from smoothing.distribution import SmoothingDistribution
    from smoothing.one_dim import OneDimDensity

__all__ = ["carry_out", "find_recipe", "recipe_of", "sample"]

Array = NDArray[np.float64]

#: Coordinates worked on at a time: 2^15 float64 and a few copies stay in a processor's cache.
_BLOCK = 2**15
#: Of a coordinate cut to [-m, m] lower tails as small as 2^-54 H(m) are wanted.
_CUT_OCTAVES = 127
#: exp, H and S of log m multiply its rounding by d log H / d log m, which reaches thousands where
#: exp(-phi) grows; no test of 10^18 draws could see such an error.
_CONDITIONAL_TOLERANCE = 1e-10


def sample(q: SmoothingDistribution, n: int, generator: np.random.Generator) -> Array:
    """Draw noise of `q`, scale included.

    Parameters
    ----------
    q : SmoothingDistribution
    n : int
        Number of draws, >= 0.
    generator : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    float64 array (n, dim)

    Raises
    ------
    InvalidInputError
        `n` or `generator` is of the wrong kind, or the user's own sampler returned something else
        than finite numbers of shape (n, dim).
    AssumptionError
        The density has no structure to sample from.

    Examples
    --------
    >>> from smoothing.families import exp_linf
    >>> draws = sample(exp_linf(dim=3, k=2), 1000, np.random.default_rng(1))
    >>> draws.shape, bool(abs((abs(draws).max(axis=1) ** 2).mean() - 1.5) < 0.15)
    ((1000, 3), True)
    """
    count = check_count("n", n, remedy="pass the number of draws")
    if not isinstance(generator, np.random.Generator):
        raise invalid(
            "generator",
            "a numpy.random.Generator",
            generator,
            "pass numpy.random.default_rng(seed)",
        )
    if q.black_box is not None:
        return q.scale * _from_callable(q.black_box.sampler, count, q.dim, generator)
    recipe = recipe_of(q.structures)
    scalars = generator.random((count, recipe.scalars))
    noise = carry_out(recipe, scalars, generator.random((count, recipe.dim)))
    noise *= q.scale
    return noise


def carry_out(recipe: Recipe, scalars: Array, uniforms: Array) -> Array:
    """Noise at scale 1 from uniforms on the grid k 2^-53.

    Parameters
    ----------
    recipe : Recipe
    scalars : array (n, recipe.scalars)
    uniforms : array (n, recipe.dim)

    Returns
    -------
    array (n, recipe.dim)
    """
    arrays, rows = NumpyArrays(), max(1, _BLOCK // recipe.dim)
    noise = np.empty_like(uniforms)
    for start in range(0, len(uniforms), rows):
        block = slice(start, start + rows)
        noise[block] = recipe.noise(arrays, scalars[block], uniforms[block])
    return noise


def recipe_of(structures: Iterable[Structure]) -> Recipe:
    """The recipe of a density: of its structure with the cheapest one.

    Raises
    ------
    AssumptionError
        There is only the General structure; the message names the remedy.
    """
    return find_recipe(min(structures, key=_cost))


def _cost(structure: Structure) -> tuple[int, str]:
    ranks: tuple[type, ...] = (Product, Uniform, Radial, PolytopeRadial, Mixed, General)
    return ranks.index(type(structure)), str(structure)


@lru_cache(maxsize=64)
def find_recipe(structure: Structure) -> Recipe:
    """The recipe of one structure, at scale 1.

    Raises
    ------
    AssumptionError
        The structure is General.

    Examples
    --------
    >>> from smoothing.structure import RADIUS
    >>> ball = Uniform(sympy.Integer(2), sympy.Integer(1), 5)
    >>> draws = carry_out(find_recipe(ball), np.full((1, 2), 0.5), np.full((1, 5), 0.75))
    >>> float(np.linalg.norm(draws).round(12)), 0.5 ** (1 / 5)
    (0.870550563296, 0.8705505632961241)
    """
    if isinstance(structure, Product):
        return _independent(structure)
    if isinstance(structure, Uniform):
        zero = sympy.S.Zero
        return _cone(Radial(structure.order, zero, (zero, structure.radius), structure.dim))
    if isinstance(structure, Radial):
        return _cone(structure)
    if isinstance(structure, PolytopeRadial):
        return _cell_cone(structure)
    if isinstance(structure, Mixed):
        return _maximum(structure)
    raise AssumptionError(
        f"psi must have a product, radial or mixed structure to be sampled, got none: "
        f"{structure.reason}; give a sampler to SmoothingDistribution.from_callable"
    )


def _independent(product: Product) -> Independent:
    from smoothing.one_dim import marginal_density

    tables = tuple(_quantiles(marginal_density(m)) for m in product.marginals)
    groups = product.indices
    columns = None if groups is None else tuple(np.array(g, dtype=np.intp) for g in groups)
    return Independent(tables, columns, product.dim)


def _cone(radial: Radial) -> Cone:
    from smoothing.one_dim import radius_density

    order = 0 if radial.order is sympy.oo else int(radial.order)
    return Cone(_quantiles(radius_density(radial)), order, _direction_table(order), radial.dim)


def _cell_cone(radial: PolytopeRadial) -> CellCone:
    from smoothing.gauges import polytope_gauge
    from smoothing.one_dim import radius_density

    body = polytope_gauge(radial.body)
    ends = np.cumsum(body.shares.astype(np.longdouble)).astype(np.float64)
    return CellCone(
        _quantiles(radius_density(radial)), ends[:-1], body.centres, body.edges, radial.dim
    )


@lru_cache(maxsize=3)
def _direction_table(order: int) -> TailTable:
    """Quantiles of a Laplace, normal or (order 0) uniform variable."""
    from scipy.special import ndtri

    lower = {
        0: lambda p: 2 * p - 1,
        1: lambda p: np.log(2 * p),
        2: ndtri,
    }[order]
    return build_tail_table(lower, lambda p: -lower(p))


def _maximum(mixed: Mixed) -> Maximum:
    from smoothing.maximum import maximum_law

    law = maximum_law(mixed)
    maximum, magnitude = law.log_maximum, law.log_magnitude

    def through_maximum(function: Callable[[Array], Array]) -> TailTable:
        return build_tail_table(
            lambda p: function(maximum.ppf_lower(p)),
            lambda p: function(maximum.ppf_upper(p)),
            tolerance=_CONDITIONAL_TOLERANCE,
        )

    return Maximum(
        through_maximum(np.exp),
        through_maximum(magnitude.cdf),
        through_maximum(magnitude.sf),
        build_tail_table(
            lambda p: np.exp(magnitude.ppf_lower(p)),
            lambda p: np.exp(magnitude.ppf_upper(p)),
            octaves=_CUT_OCTAVES,
        ),
        mixed.dim,
    )


def _quantiles(law: OneDimDensity) -> TailTable:
    return build_tail_table(law.ppf_lower, law.ppf_upper)


def _from_callable(sampler: Any, n: int, dim: int, generator: np.random.Generator) -> Array:
    """Draws of the user's sampler at scale 1, checked."""
    try:
        draws = np.asarray(sampler(n, generator), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"the sampler must return real numbers of shape {(n, dim)}, got an array that "
            f"NumPy refuses ({error}); correct it"
        ) from error
    if draws.shape != (n, dim):
        raise invalid(
            "the sampler's result", f"an array of shape {(n, dim)}", draws.shape, "correct it"
        )
    if not np.isfinite(draws).all():
        bad = float(draws[~np.isfinite(draws)][0])
        raise invalid("the sampler's result", "finite", bad, "correct it")
    return draws

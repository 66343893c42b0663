"""The route "montecarlo": Phi from draws, with a guarantee that is statistical."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from differential.direct_laws import directions
from differential.empirical_laws import MomentBound, empirical_bound
from differential.integrate import integrate_reciprocal
from differential.majorant import Majorant
from differential.sampler_test import check_sampler
from numerics.errors import AssumptionError, UnsupportedPairError, invalid
from numerics.validation import check_alpha
from radii.compile import compile_radius
from radii.grow import growth_by_integral
from radii.radius_function import RadiusFunction
from radii.verdicts import Accepted, Refusal
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, Norm, as_norm

__all__ = ["MonteCarloRoute", "monte_carlo"]

Array = NDArray[np.float64]

#: What the route takes when it is asked for by name.
_DRAWS, _ALPHA, _SEED = 100_000, 1e-4, 0
#: Directions are sorted one by one up to here.
_MOST_DIRECTIONS = 4096
#: Numbers in the array of draws, 400 MB.
_MOST_NUMBERS = 5e7


@dataclass(frozen=True)
class MonteCarloRoute:
    """Densities known by callables that state a bound of a moment of their gradient."""

    name: str = "montecarlo"

    def accepts(self, smoothing: SmoothingDistribution, adversary: Norm) -> Accepted | Refusal:
        box = smoothing.black_box
        if box is None:
            return Refusal("for densities given by callables; this one has an expression")
        if box.gradient_moment is None:
            return Refusal(
                "no finite-sample bound exists without an assumption on the tail of grad psi: "
                "state gradient_moment=(order, value) in SmoothingDistribution.from_callable"
            )
        return Accepted(
            f"confidence band from {_DRAWS:,} draws at alpha = {_ALPHA:g}",
            lambda: monte_carlo(smoothing, adversary, n=_DRAWS, alpha=_ALPHA, seed=_SEED),
        )


def monte_carlo(
    smoothing: SmoothingDistribution,
    adversary: Norm | str,
    *,
    n: int = _DRAWS,
    alpha: float = _ALPHA,
    seed: int = _SEED,
) -> RadiusFunction:
    """A radius function that is never above the exact one with probability at least 1 - alpha.

    Parameters
    ----------
    smoothing : SmoothingDistribution
        Built by `from_callable` with `gradient_moment`.
    adversary : Norm or {"l1", "l2", "linf"}
    n : int, default 100,000
        Number of draws.
    alpha : float, default 1e-4
        Probability that the band on Phi fails, over the draws. A certificate adds it to its own.
    seed : int, default 0
        Seed of the draws; choose it before looking at radii.

    Returns
    -------
    RadiusFunction
        With guarantee "statistical" and `alpha`.

    Raises
    ------
    AssumptionError
        The sampler, psi and its gradient contradict each other.
    UnsupportedPairError
        The density is not given by callables or states no moment.

    Notes
    -----
    The assumption is the stated moment and that psi has no jumps (a test that finds many of them
    is part of the route). Against l1, linf in low dimension and polytopes every vertex is a
    direction with its share of alpha. Otherwise |<u, grad psi>| <= |grad psi|_* in the dual norm
    stands for all directions at once, which is sound and loose.

    Examples
    --------
    >>> from smoothing.distribution import SmoothingDistribution
    >>> laplace = SmoothingDistribution.from_callable(
    ...     lambda x: np.abs(x).sum(axis=1), np.sign,
    ...     lambda n, generator: generator.laplace(size=(n, 2)),
    ...     dim=2, gradient_moment=(math.inf, 1.0))
    >>> radius = monte_carlo(laplace, "l1", n=20_000, alpha=1e-3)
    >>> radius.guarantee, radius.alpha, bool(1.5 < radius(0.9) < math.log(5))
    ('statistical', 0.001, True)
    """
    norm, level = as_norm(adversary), check_alpha(alpha)
    box = smoothing.black_box
    if box is None or box.gradient_moment is None:
        verdict = MonteCarloRoute().accepts(smoothing, norm)
        raise UnsupportedPairError(f"route 'montecarlo' refuses the pair: {verdict.reason}")
    if n < 1000:
        raise invalid("n", "at least 1000 draws", n, "bands of fewer certify nothing")
    if n * smoothing.dim > _MOST_NUMBERS:
        most = int(_MOST_NUMBERS / smoothing.dim)
        raise invalid("n", f"at most {most} in dimension {smoothing.dim}", n, "draw fewer")
    draws_seed, test_seed = np.random.SeedSequence(seed).spawn(2)
    draws = np.asarray(box.sampler(n, np.random.default_rng(draws_seed)), dtype=np.float64)
    if draws.shape != (n, smoothing.dim):
        raise AssumptionError(
            f"the sampler must return shape {(n, smoothing.dim)}, got {draws.shape}"
        )
    check_sampler(box, draws, np.random.default_rng(test_seed))
    gradients = np.asarray(box.grad(draws), dtype=np.float64)
    bound = _band(gradients, norm, level, MomentBound(*box.gradient_moment))
    integral = integrate_reciprocal(bound, bound.kinks, bound.relative_error)
    return RadiusFunction(
        smoothing,
        norm,
        "montecarlo",
        "statistical",
        ("Yang et al. 2020, Theorem F.6", "David and Nagaraja, Order Statistics, 2.3"),
        compile_radius(integral),
        growth_by_integral(integral),
        alpha=level,
    )


def _band(gradients: Array, norm: Norm, alpha: float, moment: MomentBound) -> Majorant:
    dim = gradients.shape[1]
    count = _direction_count(norm, dim)
    if count is None or count > _MOST_DIRECTIONS:
        return empirical_bound([_dual_norm(gradients, norm)], 1, alpha, moment, shared=True)
    if isinstance(norm, LpNorm) and norm.p == 1:
        axes: Iterator[Array] = (gradients[:, i] for i in range(dim))
        return empirical_bound(axes, dim, alpha, moment)
    chosen = directions(norm, dim)
    assert chosen is not None
    columns = (gradients @ u for u in chosen)
    # Vertices around the l2 ball are a little longer than 1, and so may their moments be.
    longest = 1.0
    if isinstance(norm, LpNorm) and norm.p == 2:
        longest = float(np.linalg.norm(chosen, axis=1).max())
    wider = MomentBound(moment.order, moment.value * longest)
    return empirical_bound(columns, len(chosen), alpha, wider)


def _direction_count(norm: Norm, dim: int) -> int | None:
    """Pairs of vertices to look at, None where there is no list."""
    if isinstance(norm, LpNorm):
        if norm.p == 1:
            return dim
        if norm.p == math.inf:
            return 2 ** (dim - 1) if dim <= 16 else None
        return 1 if norm.p == 2 and dim in (2, 3) else None
    vertices = getattr(norm, "vertices", None)
    return None if vertices is None else len(vertices) // 2


def _dual_norm(gradients: Array, norm: Norm) -> Array:
    """sup of <u, grad psi> over the unit ball, which is above gamma_u for every u in it."""
    return np.asarray(norm.support_function(gradients), dtype=np.float64)

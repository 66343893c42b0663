"""Which noise to use: the named families at one noise level, ranked by what they certify."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nogo.limits import largest_radius
from numerics.errors import RadiiError, UnsupportedPairError, invalid
from numerics.validation import check_choice, check_dim, check_positive
from smoothing import families
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm, as_norm

__all__ = ["CANDIDATES", "Advice", "Candidate", "advise", "favoured_shape"]


@dataclass(frozen=True)
class Candidate:
    """One noise of the ranking; `radius` is None where `reason` says why there is none."""

    name: str
    radius: float | None
    route: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Advice:
    """The ranking, best first, what theory favours, and what no noise can exceed."""

    ranking: tuple[Candidate, ...]
    shape: str
    limit: float


Noise = Callable[[int, float], SmoothingDistribution]

#: Named noises at a dimension and sigma; one or two shapes where a family has a parameter.
CANDIDATES: dict[str, Noise] = {
    "gaussian": lambda d, s: families.gaussian(d, sigma=s),
    "laplace": lambda d, s: families.laplace(d, sigma=s),
    "uniform_cube": lambda d, s: families.uniform_cube(d, sigma=s),
    "uniform_ball": lambda d, s: families.uniform_ball(d, sigma=s),
    "exp_lp(p=3)": lambda d, s: families.exp_lp(d, p=3, sigma=s),
    "exp_linf(k=1)": lambda d, s: families.exp_linf(d, k=1, j=0, sigma=s),
    "exp_linf(k=2)": lambda d, s: families.exp_linf(d, k=2, j=0, sigma=s),
    "exp_l2(k=1)": lambda d, s: families.exp_l2(d, k=1, j=0, sigma=s),
    "exp_l1(k=2)": lambda d, s: families.exp_l1(d, k=2, j=0, sigma=s),
    "power_linf(a=d+10)": lambda d, s: families.power_linf(d, a=d + 10, sigma=s),
    "power_l2(k=2,a=d)": lambda d, s: families.power_l2(d, k=2, a=max(d, 3), sigma=s),
    "pareto(a=3)": lambda d, s: families.pareto(d, a=3, sigma=s),
    "mixed_linf_l2(k=1)": lambda d, s: families.mixed_linf_l2(d, k=1, sigma=s),
}


def advise(
    adversary: Any,
    *,
    dim: int,
    rho: float | None = None,
    tail: float | None = None,
    sigma: float = 1.0,
    noises: Sequence[str] | None = None,
    progress: Callable[[list[str]], Iterator[str]] | None = None,
) -> Advice:
    """Rank the named families at equal sigma by the radius they certify.

    Parameters
    ----------
    adversary : {"l1", "l2", "linf"} or LpNorm
    dim : int
    rho, tail : float
        Probability of the top class, or 1 - rho, between 1/2 and 1.
    sigma : float, default 1
        Common noise level per coordinate.
    noises : sequence of str, optional
        Names of `CANDIDATES` to rank; all of them by default.
    progress : callable, optional
        Wraps the list of names, for a progress bar.

    Returns
    -------
    Advice

    Raises
    ------
    InvalidInputError
        The adversary is no l_p norm, or another argument is out of range.

    Examples
    --------
    >>> advice = advise("l1", dim=64, rho=0.9, noises=["laplace", "uniform_cube"])
    >>> advice.ranking[0].name, advice.ranking[0].radius <= advice.limit
    ('uniform_cube', True)
    """
    norm = as_norm(adversary)
    if not isinstance(norm, LpNorm):
        legal = '"l1", "l2", "linf" or LpNorm(p)'
        raise invalid("adversary", legal, norm.name, "derive each noise with radii.derive")
    d, s = check_dim(dim), check_positive("sigma", sigma)
    limit = largest_radius(sigma=s, dim=d, p=norm.p, rho=rho, tail=tail)
    names = list(CANDIDATES) if noises is None else list(noises)
    for name in names:
        check_choice("noises", name, CANDIDATES)
    found = [
        _candidate(name, d, s, norm, rho, tail) for name in (progress(names) if progress else names)
    ]
    ranking = sorted(found, key=lambda c: -1.0 if c.radius is None else c.radius, reverse=True)
    return Advice(tuple(ranking), favoured_shape(norm), limit)


def favoured_shape(norm: LpNorm) -> str:
    """What the Wulff crystal of the norm says about good level sets (RSAS, Theorem 5.1).

    Examples
    --------
    >>> favoured_shape(LpNorm(1)).split(":")[0]
    'cubes'
    """
    if norm.p == 1:
        return "cubes: the Wulff crystal of l1 is the cube"
    if norm.p == 2:
        return "balls: the Wulff crystal of l2 is the ball"
    if norm.p == float("inf"):
        return (
            "zonotopes of the sign vectors: a rhombus in the plane, a rhombic dodecahedron in "
            "space, close to a ball in high dimension"
        )
    between = (
        "a cube (l1) and a ball (l2)" if norm.p < 2 else "a ball (l2) and the zonotope of linf"
    )
    return f"its own Wulff crystal, between {between}"


def _candidate(
    name: str, dim: int, sigma: float, norm: LpNorm, rho: float | None, tail: float | None
) -> Candidate:
    import radii

    try:
        radius = radii.derive(CANDIDATES[name](dim, sigma), norm)
        value = float(radius(rho) if tail is None else radius(tail=tail))
    except RadiiError as error:
        refused = isinstance(error, UnsupportedPairError)
        reason = "no route accepts the pair" if refused else str(error).splitlines()[0]
        return Candidate(name, None, reason=reason)
    return Candidate(name, value, route=radius.route)

"""Thousands of entries between a few that were searched for, each from one evaluation of D.

Algorithm 1 searches for the best multiplier; here it is read off a spline through the multipliers
found so far, which is sound for any error and loses only its square. With these entries the
chords of `chords` bring the loss of a lookup down with the square of their distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from levelset.cells import growth_integral
from levelset.chords import Entries
from levelset.nodes import joined
from levelset.ray import Ray, RayTails
from numerics.bit_table import Evaluator

if TYPE_CHECKING:
    from scipy.interpolate import Akima1DInterpolator

__all__ = ["CurvedRay", "fine_entries"]

Array = NDArray[np.float64]

#: Steps are chosen for this share of the loss: what enters the choice is only estimated.
_MARGIN = 0.65
#: Least relative distance of tails, of margins near 1/2, that the lookup can tell apart.
_CLOSEST = 2.0**-13
#: Phi is infinite next to poles of a density, whose many panels make an entry cost milliseconds.
_MOST_AT_POLES = 5000
#: Entries searched for that a spline needs, and their largest distance in log r (nearer to tail
#: 1/2 than 2^-10 everything is a power of r, and distances may be larger).
_FEWEST, _APART, _FAR_APART = 8, 0.14, 0.7


@runtime_checkable
class CurvedRay(Protocol):
    """A ray that evaluates D at known multipliers and bounds how it bends."""

    def tails_at(self, radii: Array, log_kappa: Array) -> RayTails:
        """Entries with multipliers at or next to the given ones; `tail_upper` is not known: 1/2."""
        ...

    def curvature(self, radii: Array, slopes: Array) -> Array:
        """M of `curvature` at each radius where log kappa has the given slope; inf if unknown."""
        ...


@dataclass(frozen=True)
class _Path:
    """log kappa and log p along the ray, as splines in log r through the searched entries."""

    radii: Array
    log_kappa: Akima1DInterpolator
    log_fall: Akima1DInterpolator

    def multiplier(self, r: Array) -> Array:
        return np.asarray(np.exp(self.log_kappa(np.log(r))))

    def slope(self, r: Array) -> Array:
        """d log kappa / dr."""
        x = np.log(r)
        return np.asarray(np.exp(self.log_kappa(x)) * self.log_kappa(x, 1) / r)

    def tail(self, r: Array) -> tuple[Array, Array, Array]:
        """log p and its first two derivatives."""
        x = np.log(r)
        fall, first, second = np.exp(self.log_fall(x)), self.log_fall(x, 1), self.log_fall(x, 2)
        return (
            np.asarray(-np.log(2.0) - fall),
            np.asarray(-fall * first / r),
            np.asarray(-fall * (first**2 + second - first) / r**2),
        )


def fine_entries(
    ray: Ray, searched: RayTails, integral: Evaluator | None, loss: float, most: int, least: float
) -> Entries | None:
    """Entries close enough for the loss, or `most` of them; None where nothing bounds D.

    Parameters
    ----------
    ray : Ray
    searched : RayTails
        Entries by ascending radius.
    integral : Evaluator or None
        S: where it is nearly tight, fewer entries are needed.
    loss : float
        Relative to the radius.
    most : int
        With 0 the searched entries themselves are taken.
    least : float
        Tails below are not refined.
    """
    if not isinstance(ray, CurvedRay):
        return None
    if most > 0:
        searched = _densified(ray, searched, least)
    path = _path(searched, least)
    if path is None:
        return None
    if integral is None:
        most = min(most, _MOST_AT_POLES)
    bend = ray.curvature(path.radii, path.slope(path.radii))
    if not np.all(np.isfinite(bend)):
        return None
    if most == 0:
        found = searched
    else:
        radii = _placed(path, bend, _composed(path, searched, integral), loss * _MARGIN, most)
        found = ray.tails_at(radii, path.multiplier(radii))
    radii = found.radii
    kept = found.tail_lower > 0
    radii, kappa, tails = radii[kept], found.kappa[kept], found.tail_lower[kept]
    if len(radii) < 2:
        return None
    return Entries(radii, kappa, tails, _between(path, bend, radii, kappa))


def _densified(ray: Ray, searched: RayTails, least: float) -> RayTails:
    """More searched entries where multipliers could not be read off a spline."""
    seen = (searched.tail_lower > 0) & (searched.tail_upper < 0.5)
    seen &= ~np.append(False, searched.tail_lower[:-1] < least)
    radii, tails = searched.radii[seen], searched.tail_lower[seen]
    if len(radii) < 2:
        return searched
    gaps = np.diff(np.log(radii))
    parts = np.ceil(gaps / np.where(tails[1:] > 0.5 - 2.0**-10, _FAR_APART, _APART)).astype(int)
    extra = [
        left * (right / left) ** (np.arange(1, count) / count)
        for left, right, count in zip(radii[:-1], radii[1:], parts, strict=True)
        if count > 1
    ]
    return joined(searched, ray.tails(np.concatenate(extra))) if extra else searched


def _path(searched: RayTails, least: float) -> _Path | None:
    from scipy.interpolate import Akima1DInterpolator

    tails = searched.tail_lower
    beyond = np.append(False, tails[:-1] < least)
    good = (tails > 0) & ~beyond & (tails < 0.5 - 1e-12) & (searched.kappa > 1 + 1e-13)
    # Past a place where the multiplier is lost in rounding, splines would only follow noise.
    last = int(np.argmin(np.append(good, False)[int(np.argmax(good)) :])) + int(np.argmax(good))
    chosen = slice(int(np.argmax(good)), last)
    radii = searched.radii[chosen]
    if len(radii) < _FEWEST or not good.any():
        return None
    x = np.log(radii)
    return _Path(
        radii,
        Akima1DInterpolator(x, np.log(np.log(searched.kappa[chosen]))),
        Akima1DInterpolator(x, np.log(-np.log(2 * tails[chosen]))),
    )


def _composed(path: _Path, searched: RayTails, integral: Evaluator | None) -> Array:
    """What composition loses of a unit of radius, at each radius of the path."""
    if integral is None:
        return np.ones(len(path.radii))
    tails = np.interp(path.radii, searched.radii, searched.tail_lower)
    gained = np.diff(growth_integral(integral, tails)) / np.diff(path.radii)
    lost = np.clip(1 - gained, 1e-14, 1.0)
    return np.append(np.maximum(lost, np.append(lost[1:], lost[-1])), lost[-1])


def _placed(path: _Path, bend: Array, composed: Array, loss: float, most: int) -> Array:
    """Radii whose distance spreads the loss evenly.

    With l = log p and k = log kappa a chord loses
    h^2/8 (M/(kappa p) - 2 k' l' - l'' - l'^2) / |l'| of the radius, composition the share
    `composed` of h.
    """
    r = path.radii
    log_tail, first, second = path.tail(r)
    size = np.exp(np.minimum(path.multiplier(r) + log_tail, 0.0))
    excess = bend / size - 2 * path.slope(r) * first - second - first**2
    excess = np.maximum(excess, 0.1 * bend / size) + 1e-12 / r
    step = np.sqrt(8 * np.abs(first) * r * loss / excess)
    step = np.maximum(step, r * loss / composed)
    margin = -np.expm1(log_tail + np.log(2.0))
    step = np.maximum(step, _CLOSEST * margin / np.abs(first))
    # The count is the integral of 1/step.
    x = np.linspace(np.log(r[0]), np.log(r[-1]), 40 * len(r))
    density = np.exp(np.interp(x, np.log(r), np.log(r / step)))
    count = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    number = int(min(np.ceil(count[-1]) + 1, most))
    return np.asarray(np.exp(np.interp(np.linspace(0, count[-1], max(number, 2)), count, x)))


def _between(path: _Path, bend: Array, radii: Array, kappa: Array) -> Array:
    """M between each entry and the one before.

    M of a radius of the path holds down to the one before. All radii of the path between the two
    entries count, with two neighbours on either side. It was computed for the slope of the spline;
    for another slope (x + y)^2 <= (1 + e) x^2 + (1 + 1/e) y^2, e = 1/20.
    """
    nodes, slopes = path.radii, path.slope(path.radii)
    last = len(nodes) - 1
    first = np.searchsorted(nodes, np.append(radii[0], radii[:-1])) - 2
    after = np.searchsorted(nodes, radii) + 1
    # Each pair is an interval of nodes, of which `reduceat` takes the largest.
    ends = np.stack([np.clip(first, 0, last), np.clip(after, 0, last) + 1], axis=1).ravel()

    def largest(values: Array) -> Array:
        return np.asarray(np.maximum.reduceat(np.append(values, -np.inf), ends)[::2])

    low, high = -largest(-slopes), largest(slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.diff(np.log(kappa), prepend=0.0) / np.diff(radii, prepend=0.0)
    off = np.maximum(np.maximum(slope - high, low - slope), 0.0)
    # Over several radii of the path its slope may vary by more than a little.
    far = after - first > 4
    off[far] = np.maximum(np.abs(slope - high), np.abs(slope - low))[far]
    found = 1.05 * largest(bend) + 21 * off**2
    # Below kappa = 1 the set of the proof is another one.
    found[np.append(True, (kappa[1:] < 1) | (kappa[:-1] < 1))] = np.inf
    return np.asarray(found)

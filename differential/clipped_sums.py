r"""Sums of many even terms without exponential moments, bounded by clipping each term.

For even Y_i and any B > 0, clip(Y) = max(min(Y, B), -B) satisfies Y <= clip(Y) + (Y - B)+, so

    E(sum Y_i - c)+ <= E(sum clip(Y_i) - c)+ + sum E(Y_i - B)+.

The clipped sum has exponential moments and is inverted as any other; every B gives a bound, and the
smallest is used at every p. Where the right B lies depends on p: terms beyond it should be about as
rare as the set, n P[Y > B] ~ p.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from differential.excess_table import ExcessTable, Stretch, build_table
from differential.inversion import windows
from differential.law import Law
from differential.parts import Part
from differential.sum_transform import Group, SumTransform
from differential.term_measure import TermMeasure
from numerics.errors import PrecisionError

__all__ = ["SmallestPart", "clipped_law", "is_heavy"]

Array = NDArray[np.float64]

#: n P[Y > B] for the values of B that are tried; radii are decided where p is not small.
_RARITIES = (1.0, 2.0**-4, 2.0**-9)
#: Each clipped law is followed to tails this much rarer than its B, beyond which others are better.
_FOLLOWED = math.log(2.0**-9)
#: The law of one term, and sums over its panels, are known to better than this.
_TERM_ERROR = 1e-9
#: Tilt, in units of 1 / E|Y|, under which the far tail of a light term still has no weight.
_SMALL_TILT = 1e-3
#: Where the winner among the bounds changes is looked for on this mesh of log p.
_MESH = 600


def is_heavy(measure: TermMeasure) -> bool:
    """Whether E exp(theta Y) is decided by the last panels even for small theta."""
    scale = float(np.sum(measure.weight * np.abs(measure.value)))
    with np.errstate(divide="ignore"):
        exponent = _SMALL_TILT / scale * np.abs(measure.value) + np.log(measure.weight)
    return bool(exponent.max() > 0)


@dataclass(frozen=True, eq=False)
class SmallestPart:
    """The smallest of several upper bounds of E(S - c)+, S even, at every probability."""

    tables: tuple[ExcessTable, ...]
    mass: float = field(default=0.5, init=False)

    @cached_property
    def mean(self) -> float:
        """The smallest bound of E S+."""
        return min(table.mean for table in self.tables)

    def tail_and_excess(self, c: Array) -> tuple[Array, Array]:
        """Tail and excess of the bound that is smallest at each c."""
        return _pick(*_stacked(t.tail_and_excess(c) for t in self.tables))

    def quantile(self, p: Array) -> tuple[Array, Array]:
        """The threshold and excess with the smallest c p + E(S - c)+."""
        points = np.asarray(p, dtype=np.float64)
        c, excess = _stacked(t.quantile(points) for t in self.tables)
        best = np.argmin(c * points + excess, axis=0)[None]
        return np.take_along_axis(c, best, 0)[0], np.take_along_axis(excess, best, 0)[0]

    @cached_property
    def kinks(self) -> Array:
        """Joints of the tables, and where the winner changes."""
        mesh = 0.5 * np.exp(-np.linspace(0.0, 72.0, _MESH))
        crossings = []
        for k in np.flatnonzero(np.diff(self._winner(mesh))):
            high, low = mesh[k : k + 1], mesh[k + 1 : k + 2]
            first = self._winner(high)
            for _ in range(50):
                middle = np.sqrt(high * low)
                same = self._winner(middle) == first
                high, low = np.where(same, middle, high), np.where(same, low, middle)
            crossings.append(float(high[0]))
        joints = np.concatenate([t.kinks for t in self.tables])
        kinks = np.concatenate([joints, crossings, [self.mass]])
        return np.unique(kinks[kinks <= self.mass])

    def _winner(self, p: Array) -> NDArray[np.intp]:
        c, excess = _stacked(t.quantile(p) for t in self.tables)
        return np.asarray(np.argmin(c * p + excess, axis=0))


def _stacked(pairs: Iterable[tuple[Array, Array]]) -> tuple[Array, Array]:
    first, second = zip(*pairs, strict=True)
    return np.array(first), np.array(second)


def _pick(tail: Array, excess: Array) -> tuple[Array, Array]:
    best = np.argmin(excess, axis=0)[None]
    return np.take_along_axis(tail, best, 0)[0], np.take_along_axis(excess, best, 0)[0]


def clipped_law(
    groups: Sequence[Group], laws: Sequence[Law], jumps: tuple[float, float], error: float
) -> Law:
    """An upper bound of the law of a sum of even terms, for Phi(p) with p <= 1/2.

    Parameters
    ----------
    groups : sequence of Group
        The terms, each with an even law.
    laws : sequence of Law
        Law of one term of every group, unweighted; gives E(Y - B)+.
    jumps : pair of float
        Singular terms, carried through.
    error : float
        Relative error of an inverted excess.

    Raises
    ------
    PrecisionError
        No clipped sum has a transform that decays.
    """
    tables, reason = [], ""
    count = sum(g.count for g in groups)
    for rarity in _RARITIES:
        chance = rarity / count
        if chance >= 0.25:
            continue
        clipped = [_clipped(g, law, chance) for g, law in zip(groups, laws, strict=True)]
        transform = SumTransform(tuple(clipped))
        try:
            tables.append(_table(transform, math.log(min(rarity, 1.0)) + _FOLLOWED))
        except PrecisionError as refusal:
            reason = str(refusal)
    if not tables:
        raise PrecisionError(
            "the slope of phi has no exponential moments, so that the law of gamma falls too "
            f"slowly for Fourier inversion, and clipping the terms does not help: {reason}; use "
            "another route, or a density whose slope is bounded"
        )
    part: Part = SmallestPart(tuple(tables))
    return Law(part, part, *jumps, error + max(t.error for t in tables))


def _table(transform: SumTransform, log_smallest: float) -> ExcessTable:
    found = windows(transform, log_smallest)
    return build_table([Stretch(w.lower, w.upper, w.log_tail_and_excess) for w in found])


def _clipped(group: Group, law: Law, chance: float) -> Group:
    """The group with panels beyond B, P[Y > B] ~ chance, made constant; the rest is overflow."""
    measure = group.measure
    wanted = float(law.positive.quantile(np.array([chance]))[0][0])
    smallest = np.abs(measure.value).min(axis=1)
    beyond = smallest >= wanted
    if not beyond.any():
        return group
    # B is where the first panel beyond it begins, so that no panel is cut; beyond it is an atom
    bound = float(smallest[beyond].min())
    chances = measure.weight[beyond].sum(axis=1)
    upward = float(chances[measure.value[beyond, 0] > 0].sum())
    kept = ~beyond
    # slivers beyond B may hold both signs: put at 0, which lowers S by at most B each
    far = np.abs(measure.atoms) >= bound
    missed = bound * float(measure.atom_weight[far].sum())
    excess = float(law.positive.tail_and_excess(np.array([bound]))[1][0])
    new = replace(
        measure,
        value=measure.value[kept],
        weight=measure.weight[kept],
        height=measure.height[kept],
        log_series=measure.log_series[kept],
        joined=(measure.joined & np.append(False, kept[:-1]))[kept],
        atoms=np.concatenate([np.where(far, 0.0, measure.atoms), [-bound, bound]]),
        atom_weight=np.concatenate([measure.atom_weight, [upward, upward]]),
        overflow=(1 + _TERM_ERROR) * excess + missed + measure.overflow,
        panels=replace(measure.panels, value=measure.panels.value[kept]),
    )
    return replace(group, measure=new)

"""Laws of gamma_u = sum_i u_i phi_i'(X_i) for independent coordinates (spec 2.1).

Equal terms are grouped, and the law is computed by what the terms allow: by inverting the
transform where it decays, one term after the other where it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from differential.clipped_sums import clipped_law, is_heavy
from differential.discrete_sums import sum_of_discrete
from differential.excess_table import ExcessTable, Stretch, build_table, split_at_mean
from differential.inversion import Transform, windows
from differential.law import Law
from differential.parts import DiscretePart, EmptyPart
from differential.product_laws import coordinate_law
from differential.sum_transform import Group, SumTransform
from differential.term_measure import is_symmetric, term_measure
from differential.term_recursion import SumSoFar, add_term
from numerics.errors import PrecisionError
from smoothing.structure import Marginal

__all__ = ["Term", "law_of_transforms", "sum_law"]

#: Relative error of E(S - c)+: the logarithm of a transform is summed to 1e-15 and is at most 70,
#: quadrature and panels leave 1e-13 (measured against the Gaussian sum: 2e-13).
SUM_ERROR = 1e-12
#: Relative error of one step of the recursion: panels of the density and of the table.
RECURSION_ERROR = 1e-12
#: Steps of the recursion; each takes about a second.
_MOST_STEPS = 48
#: Probabilities of discrete sums: logarithms of binomial ratios up to 70, and sums of 1e4 products.
DISCRETE_ERROR = 1e-12


@dataclass(frozen=True)
class Term:
    """`count` independent copies of weight * phi'(X), X from the marginal."""

    marginal: Marginal
    weight: float
    count: int


@lru_cache(maxsize=64)
def sum_law(terms: tuple[Term, ...]) -> Law:
    """Law of the sum of all terms, with the jumps of the density along u.

    Raises
    ------
    AssumptionError
        Some E|phi'(X)| is infinite.
    PrecisionError
        The law cannot be computed within its error budget.
    """
    down, up = _jumps(terms)
    mean = up - down
    groups = tuple(Group(term_measure(t.marginal), t.weight, t.count) for t in terms)
    if all(group.measure.is_discrete for group in groups):
        return _discrete_law(groups, (down, up))
    mirrored = tuple(Group(g.measure, -g.weight, g.count) for g in groups)
    even = all(is_symmetric(t.marginal) for t in terms)
    if sum(t.count for t in terms) > _MOST_STEPS and any(is_heavy(g.measure) for g in groups):
        if not even:
            raise PrecisionError(
                "the slope of phi has no exponential moments, so that the tail of gamma falls too "
                "slowly for Fourier inversion, and a density that is not even cannot be clipped; "
                "use another route"
            )
        laws = [coordinate_law(t.marginal) for t in terms]
        return clipped_law(groups, laws, (down, up), SUM_ERROR)
    backward = None if even else SumTransform(mirrored)
    try:
        return law_of_transforms(SumTransform(groups), backward, mean, (down, up))
    except PrecisionError:
        if sum(term.count for term in terms) > _MOST_STEPS:
            raise
    return _recursive_law(groups, mean, (down, up))


def _jumps(terms: Sequence[Term]) -> tuple[float, float]:
    """theta_u and theta_{-u}: jumps of each marginal along the sign of its weight."""
    down = up = 0.0
    for term in terms:
        law = coordinate_law(term.marginal)
        law = law if term.weight > 0 else law.reversed
        size = term.count * abs(term.weight)
        down, up = down + size * law.jump_down, up + size * law.jump_up
    return down, up


def law_of_transforms(
    forward: Transform, backward: Transform | None, mean: float, jumps: tuple[float, float]
) -> Law:
    """Law of mean + S from transforms of the centred S and of -S (None: the same law)."""
    upper = table_of_windows(forward)
    if backward is None:
        return Law(upper, upper, *jumps, SUM_ERROR + upper.error)
    lower = table_of_windows(backward)
    positive, negative = split_at_mean(mean, upper, lower)
    return Law(positive, negative, *jumps, SUM_ERROR + max(upper.error, lower.error))


def table_of_windows(transform: Transform) -> ExcessTable:
    """Table of a centred variable from its transform."""
    found = windows(transform)
    stretches = [Stretch(w.lower, w.upper, w.log_tail_and_excess) for w in found]
    if found[-1].upper < transform.top * (1 - 1e-12):
        return build_table(stretches)
    return build_table(stretches, transform.top, transform.overflow)


def _recursive_law(groups: tuple[Group, ...], mean: float, jumps: tuple[float, float]) -> Law:
    """One term after the other, for sums whose transform decays slowly."""
    total = SumSoFar()
    steps = [group for group in groups for _ in range(group.count)]
    for k, group in enumerate(steps):
        total = add_term(total, group.measure, group.weight, k + 1 == len(steps))
    upper, lower = total.upper, total.lower
    assert upper is not None
    assert lower is not None
    error = len(steps) * RECURSION_ERROR + max(upper.error, lower.error)
    if upper is lower:
        return Law(upper, upper, *jumps, error)
    return Law(*split_at_mean(mean, upper, lower), *jumps, error)


def _discrete_law(groups: tuple[Group, ...], jumps: tuple[float, float]) -> Law:
    """Every phi_i is piecewise linear: sums of atoms (RSAS I.15 for equal weights)."""
    total = sum_of_discrete((g.measure.atoms_of.scaled(g.weight), g.count) for g in groups)
    above, below = total.values > 0, total.values < 0
    sides = [
        (total.values[above][::-1], total.probabilities[above][::-1]),
        (-total.values[below], total.probabilities[below]),
    ]
    parts = [DiscretePart(*side) if len(side[0]) else EmptyPart() for side in sides]
    if jumps[0] == jumps[1] and all(np.array_equal(a, b) for a, b in zip(*sides, strict=True)):
        parts[1] = parts[0]
    return Law(parts[0], parts[1], *jumps, DISCRETE_ERROR)

"""The pairwise growth function of RSAS, appendix J, for finite distributions.

G(p) = sup{q_2(U) : q_1(U) = p} over randomised sets U: sort the atoms by likelihood ratio and fill
up (Neyman and Pearson). Facts J.3 and Lemma J.4 (increasing, concave, TV = max G(p) - p) and
Corollary J.8 (G(1/2) - 1/2 >= TV/2) are statements about this object; densities on R^d have theirs
in `levelset.growth_function`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.errors import invalid
from numerics.validation import check_probability

__all__ = ["PairwiseGrowth"]

#: Weights have to sum to 1 within the rounding of a sum of a few thousand terms.
_SUM_TOLERANCE = 1e-12


@dataclass(frozen=True)
class PairwiseGrowth:
    """Growth from q_1 to q_2 on a finite set.

    Parameters
    ----------
    first, second : array_like of shape (n,)
        Probabilities of the same n outcomes under q_1 and q_2.

    Raises
    ------
    InvalidInputError
        A weight is negative, the sums are not 1, or the shapes differ.

    Examples
    --------
    >>> growth = PairwiseGrowth([0.5, 0.5, 0.0], [0.25, 0.5, 0.25])
    >>> growth(0.0), growth(0.5), growth(1.0), growth.total_variation
    (0.25, 0.75, 1.0, 0.25)
    """

    first: ArrayLike
    second: ArrayLike
    knots: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    values: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        q1, q2 = _weights("first", self.first), _weights("second", self.second)
        if q1.shape != q2.shape:
            legal = f"as long as first, which has {q1.size} outcomes"
            raise invalid("second", legal, q2.shape, "list the same outcomes in both")
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(q1 > 0, q2 / q1, np.where(q2 > 0, np.inf, 0.0))
        order = np.argsort(-ratio, kind="stable")
        knots = np.concatenate([[0.0], np.cumsum(q1[order])])
        values = np.concatenate([[0.0], np.cumsum(q2[order])])
        object.__setattr__(self, "knots", np.minimum(knots, 1.0))
        object.__setattr__(self, "values", np.minimum(values, 1.0))

    def __call__(self, p: float) -> float:
        """Largest q_2-probability of a randomised set of q_1-probability p."""
        value = float(check_probability("p", p))
        # right-most knot: outcomes of q_1-probability 0 come for free
        index = int(np.searchsorted(self.knots, value, side="right")) - 1
        if index + 1 >= len(self.knots):
            return float(self.values[-1])
        share = (value - self.knots[index]) / (self.knots[index + 1] - self.knots[index])
        return float(self.values[index] + share * (self.values[index + 1] - self.values[index]))

    @property
    def total_variation(self) -> float:
        """sup |q_1(U) - q_2(U)| = max_p G(p) - p (Fact J.3)."""
        return float(np.max(self.values - self.knots))


def _weights(name: str, given: ArrayLike) -> NDArray[np.float64]:
    weights = np.asarray(given, dtype=np.float64)
    if weights.ndim != 1 or weights.size == 0 or not np.all(weights >= 0.0):
        raise invalid(name, "a list of weights >= 0", given, "pass one probability per outcome")
    if abs(float(weights.sum()) - 1.0) > _SUM_TOLERANCE:
        raise invalid(name, "weights that sum to 1", float(weights.sum()), "divide by the sum")
    return weights

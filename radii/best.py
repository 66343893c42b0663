"""The radius of the route "best", which can say who won where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from numerics.errors import invalid
from radii.contest import LargestOf
from radii.radius_function import RadiusFunction

__all__ = ["BestRadius"]

#: Tails at which `explain` asks, densest where a certificate from samples can lie.
_ASKED = np.concatenate([0.5 - 2.0 ** np.arange(-20.0, -2.0), 2.0 ** np.arange(-2.0, -60.0, -0.25)])


@dataclass(frozen=True, eq=False, repr=False)
class BestRadius(RadiusFunction):
    """Pointwise the largest of all sound radii of a pair.

    Attributes
    ----------
    contest : LargestOf
        The radii that took part, at scale 1.

    Examples
    --------
    >>> import radii
    >>> q = radii.SmoothingDistribution.parse("norm(x, 1)", dim=3072)
    >>> best = radii.derive(q, "l2", route="best")
    >>> best.winners(0.6)
    'quadrature: sums of signs'
    """

    contest: LargestOf = field(default=LargestOf(()))

    def winners(
        self, prob_lower: ArrayLike | None = None, /, *, tail: ArrayLike | None = None
    ) -> Any:
        """The route behind the radius at rho, and the bound of Phi it rests on there.

        Parameters
        ----------
        prob_lower, tail : array_like of float64
            Probabilities in (1/2, 1), or tails in (0, 1/2), any shape; exactly one of the two.

        Returns
        -------
        str or ndarray of str
            Of the same shape.

        Raises
        ------
        InvalidInputError
            Neither or both arguments, or a value at which R is 0 or not finite.
        """
        if (prob_lower is None) == (tail is None):
            raise invalid(
                "the argument", "exactly one of prob_lower and tail", (prob_lower, tail), "pass one"
            )
        given = np.asarray(tail if prob_lower is None else prob_lower, dtype=np.float64)
        tails = given if prob_lower is None else 1 - given
        if not np.all((tails > 0) & (tails < 0.5)):
            raise invalid("rho", "probabilities in (1/2, 1)", given, "R is 0 up to 1/2")
        names = np.array([self.contest.winner(float(s)) for s in tails.ravel()], dtype=object)
        return names.reshape(tails.shape)[()]

    def explain(self) -> str:
        """Which route wins on which interval of rho, one line each."""
        names = [self.contest.winner(float(s)) for s in _ASKED]
        lines, start = [], 0
        for i in range(1, len(names) + 1):
            if i < len(names) and names[i] == names[start]:
                continue
            low = "1/2" if start == 0 else f"1 - {_ASKED[start]:.3g}"
            high = "1" if i == len(names) else f"1 - {_ASKED[i - 1]:.3g}"
            lines.append(f"rho from {low:<13} to {high:<13} {names[start]}")
            start = i
        return "\n".join(lines)

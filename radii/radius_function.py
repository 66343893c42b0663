"""`RadiusFunction`: the certified radius as a function of the top-class probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.bit_reader import (
    SCALE_ROUNDING,
    elementwise,
    enclosures,
    lower_values,
    numbers,
)
from numerics.bounds import Bounds
from numerics.errors import invalid
from numerics.float_search import largest_tail, smallest_probability
from radii.compile import CompiledRadius
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import Norm

if TYPE_CHECKING:
    import sympy
    from matplotlib.axes import Axes

    from differential.symbolic import SymbolicRadius
    from radii.derivation import Derivation, DerivationStep

__all__ = ["RadiusFunction"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RadiusFunction:
    """Certified radius R(rho), never above the exact one of its route.

    Attributes
    ----------
    smoothing : SmoothingDistribution
        The noise.
    adversary : Norm
        Radii are measured in this norm, in the units of the classifier's input.
    requested : str
        Route that was taken: "overlap", "symbolic" or "quadrature"; see `route`.
    guarantee : str
        "conservative": float64 with an explicit error budget, rounded down. "statistical": wrong
        with probability at most `alpha`. "estimate": from grids in two or three dimensions that
        cannot exclude a narrow feature between their points; it certifies nothing.
    references : tuple of str
        Theorems behind the route.

    Examples
    --------
    >>> import radii
    >>> radius = radii.derive(radii.families.laplace(dim=3, scale=1.0), "l1")
    >>> radius.expression
    -log(2 - 2*rho)
    >>> bool(0 <= np.log(5) - radius(0.9) < 1e-11)
    True
    """

    smoothing: SmoothingDistribution
    adversary: Norm
    requested: str
    guarantee: str
    references: tuple[str, ...]
    compiled: CompiledRadius = field(repr=False)
    grow: Callable[[float, float], float] = field(repr=False)
    symbolic: Callable[[], SymbolicRadius | None] = field(repr=False, default=lambda: None)
    #: Steps of `derivation`, where the route has its own; see `radii.chain.steps_of` for the rest.
    chain: Callable[[RadiusFunction], tuple[DerivationStep, ...]] | None = field(
        repr=False, default=None
    )
    #: Probability that the function is wrong, for the guarantee "statistical"; 0 for the others.
    alpha: float = field(repr=False, default=0.0)

    @property
    def route(self) -> str:
        """How R was obtained; "quadrature" where the symbolic route found no expression."""
        if self.requested == "symbolic" and self._symbolic is None:
            return "quadrature"
        return self.requested

    @property
    def dim(self) -> int:
        """Dimension of the noise."""
        return self.smoothing.dim

    def __call__(
        self, prob_lower: ArrayLike | None = None, /, *, tail: ArrayLike | None = None
    ) -> Any:
        """Radius at rho = `prob_lower`, or at rho = 1 - `tail` for rho near 1.

        Parameters
        ----------
        prob_lower, tail : array_like of float64
            Probabilities in [0, 1], any shape; exactly one of the two.

        Returns
        -------
        float or ndarray
            Radii of the same shape, rounded toward zero; 0 for rho <= 1/2. Tails below 2^-100
            get the radius at 2^-100; a tail of 0 gets the limit, which may be inf.

        Raises
        ------
        InvalidInputError
            A value outside [0, 1] or not a number; neither or both arguments.
        """
        return lower_values(self.compiled, self.smoothing.scale, prob_lower, tail)

    def bounds(
        self, prob_lower: ArrayLike | None = None, /, *, tail: ArrayLike | None = None
    ) -> Bounds:
        """Enclosure of the exact radius of the route; arguments as for a call.

        Notes
        -----
        Where rho is given, the enclosure is for the float64 rho exactly.
        """
        return enclosures(self.compiled, self.smoothing.scale, prob_lower, tail)

    def probability(self, radius: ArrayLike, /) -> Any:
        """Smallest rho, rounded up, with R(rho) >= `radius`; nan where no rho reaches it."""
        return elementwise(lambda r: smallest_probability(self, r), radius)

    def tail(self, radius: ArrayLike, /) -> Any:
        """Largest tail, rounded down, with R(tail=tail) >= `radius`; nan where none does."""
        return elementwise(lambda r: largest_tail(self, r), radius)

    def growth(self, p: ArrayLike, radius: ArrayLike) -> Any:
        """Upper bound on the probability that any set of probability `p` has within `radius`.

        Parameters
        ----------
        p : array_like
            Starting probabilities in [0, 1].
        radius : array_like
            Non-negative radii in the adversary's norm, broadcast against `p`.
        """
        start, distance = np.broadcast_arrays(
            numbers("p", "probabilities in [0, 1]", p), numbers("radius", "numbers >= 0", radius)
        )
        if not np.all((start >= 0) & (start <= 1)):
            raise invalid("p", "probabilities in [0, 1]", p, "check for NaN and percent")
        if not np.all(distance >= 0):
            raise invalid("radius", "numbers >= 0", radius, "check for NaN and signs")
        scale = self.smoothing.scale * (1 - SCALE_ROUNDING)
        values = [
            self.grow(float(a), float(b) / scale)
            for a, b in zip(start.ravel(), distance.ravel(), strict=True)
        ]
        return np.array(values).reshape(start.shape)[()]

    @cached_property
    def _symbolic(self) -> SymbolicRadius | None:
        return self.symbolic()

    @cached_property
    def expression(self) -> sympy.Expr | None:
        """R as a SymPy expression in ``rho`` on [1/2, 1), all numbers put in; None if numeric."""
        if self._symbolic is None:
            return None
        import sympy

        scale = sympy.nsimplify(self.smoothing.scale, rational=True)
        return (
            sympy.Mul(scale, self._symbolic.expression)
            if scale != 1
            else (self._symbolic.expression)
        )

    @property
    def formula(self) -> sympy.Expr | None:
        """R in ``rho``, ``lambda`` and ``d`` as far as they stay symbolic; None if numeric."""
        return None if self._symbolic is None else self._symbolic.formula

    @property
    def is_closed_form(self) -> bool:
        """Whether `expression` is free of integrals and implicit inverses."""
        return self._symbolic is not None and self._symbolic.is_closed_form

    @cached_property
    def derivation(self) -> Derivation:
        """The chain from psi to R, each step with its source and a numerical check.

        Print it, or use its `latex`, `html` and `save_html`.
        """
        from radii.chain import steps_of
        from radii.derivation import Derivation

        return Derivation(self, steps_of(self) if self.chain is None else self.chain(self))

    def plot(self, ax: Axes | None = None, **line: Any) -> Axes:
        """Draw R against rho on the given axes or on new ones, and return them."""
        from radii.plot import plot_radius

        return plot_radius(self, ax, **line)

    def latex(self) -> str:
        """The formula in LaTeX, or a statement of the integral when R is only numeric."""
        import sympy

        if self.formula is None:
            return r"R(\rho) = \lambda \int_{1-\rho}^{1/2} \frac{dp}{\Phi(p)}"
        return r"R(\rho) = " + sympy.latex(self.formula)

    def save(self, path: str | Path) -> None:
        """Write the compiled radius to a file that `radii.load` reads back.

        The file is written in one step, so that a crash leaves no half of it.
        """
        from radii.storage import save

        save(self, Path(path))

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process: the table, bit for bit; the rest is derived again there."""
        from radii.storage import restored

        facts = (self.smoothing, self.adversary, self.requested, self.guarantee, self.references)
        return restored, (*facts, self.compiled, self.alpha)

    @property
    def _table(self) -> tuple[Any, Any, Any]:
        arrays = self.compiled.arrays
        return arrays.bins, arrays.offsets, arrays.rows

    def __repr__(self) -> str:
        return (
            f"RadiusFunction({self.smoothing!r}, {self.adversary.name!r}, "
            f"route={self.requested!r}, guarantee={self.guarantee!r})"
        )

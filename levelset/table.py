"""`LookupTable`: tight certified radii along one ray, computed once and looked up by bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from levelset.table_info import TableInfo
from numerics.bit_reader import elementwise, enclosures, lower_values
from numerics.bit_table import CompiledRadius
from numerics.bounds import Bounds
from numerics.float_search import largest_tail, smallest_probability
from smoothing.distribution import SmoothingDistribution
from smoothing.norms import LpNorm

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LookupTable"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LookupTable:
    """Algorithm 1 tabulated and Algorithm 2 as a lookup, never above the exact radius of the ray.

    Attributes
    ----------
    radii : array (n,)
        Distances of the entries, ascending, in the units of the classifier's input.
    kappa : array (n,)
        Multipliers that prove the entries.
    tails, tails_upper : arrays (n,)
        Enclosures of the largest tail 1 - rho that each distance certifies.
    info : TableInfo
        What the table is of, what is proved, what it loses.
    compiled : CompiledRadius
        The lookup.
    smoothing : SmoothingDistribution or None
        The noise, where the table was built for one.
    adversary : LpNorm or None

    References
    ----------
    .. [1] Yang et al., Randomized Smoothing of All Shapes and Sizes, ICML 2020, Algorithms 1, 2.
    """

    radii: Array
    kappa: Array
    tails: Array
    tails_upper: Array
    info: TableInfo
    compiled: CompiledRadius = field(repr=False)
    smoothing: SmoothingDistribution | None = None
    adversary: LpNorm | None = None

    # What a certifier asks of a radius function (`certify.interfaces.RadiusLike`).
    route = "levelset"

    @property
    def dim(self) -> int:
        """Dimension of the noise."""
        return self.info.dim

    @property
    def guarantee(self) -> str:
        """Worth of the radii: "conservative", or "estimate" where only this ray is known."""
        return self.info.guarantee

    @property
    def refusal(self) -> str | None:
        """Why the radii certify nothing; None where they do."""
        if self.info.proved_by is not None:
            return None
        return (
            f"the table is tight along {self.info.direction} only: that no other direction of "
            f"{self.info.norm} is worse has no proof"
        )

    def radius(
        self, prob_lower: ArrayLike | None = None, /, *, tail: ArrayLike | None = None
    ) -> Any:
        """Radius at rho = `prob_lower`, or at rho = 1 - `tail` for rho near 1 (Algorithm 2).

        Parameters
        ----------
        prob_lower, tail : array_like of float64
            Probabilities in [0, 1], any shape; exactly one of the two.

        Returns
        -------
        float or ndarray
            Radii of the same shape, rounded toward zero; 0 for rho <= 1/2.

        Raises
        ------
        InvalidInputError
            A value outside [0, 1] or not a number; neither or both arguments.
        """
        return lower_values(self.compiled, 1.0, prob_lower, tail)

    __call__ = radius

    def bounds(
        self, prob_lower: ArrayLike | None = None, /, *, tail: ArrayLike | None = None
    ) -> Bounds:
        """Enclosure of the exact radius along the ray; arguments as for `radius`.

        Notes
        -----
        An entry certifies up to its own radius, and the next one with a smaller tail not that
        far; in between the loss that was certified at the build narrows it.
        """
        found = enclosures(self.compiled, 1.0, prob_lower, tail)
        tails = 1 - np.asarray(prob_lower, dtype=np.float64) if tail is None else tail
        s = np.asarray(tails, dtype=np.float64)
        beyond = np.append(self.radii, np.inf)[np.searchsorted(-self.tails_upper, -s, side="right")]
        above = np.where(s >= 0.5, 0.0, beyond)
        upper = np.minimum(found.upper, np.maximum(above, found.lower))
        return Bounds(found.lower, upper)

    def tail(self, radius: ArrayLike, /) -> Any:
        """Largest tail, rounded down, that certifies `radius`; nan where none does."""
        return elementwise(lambda r: largest_tail(self, r), radius)

    def probability(self, radius: ArrayLike, /) -> Any:
        """Smallest rho, rounded up, that certifies `radius`; nan where none does."""
        return elementwise(lambda r: smallest_probability(self, r), radius)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the radius against rho, with the entries, and return the axes."""
        from levelset.table_plot import plot_table

        return plot_table(self, ax)

    def save(self, path: str | Path) -> None:
        """Write the table to a file that `LookupTable.load` reads back, in one atomic step."""
        from levelset.table_file import save_table

        save_table(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> LookupTable:
        """Read a table that `save` wrote.

        Raises
        ------
        InvalidInputError
            The file is missing, damaged, edited, or of another version.
        """
        from levelset.table_file import load_table

        return load_table(Path(path))

    def __len__(self) -> int:
        return len(self.radii)

    def __repr__(self) -> str:
        noise = f"{self.info.noise}, " if self.info.noise else ""
        return (
            f"LookupTable({noise}{self.info.norm}, along {self.info.direction}, {len(self)} radii "
            f"to {self.radii[-1] if len(self) else 0.0:.4g}, loss {self.info.relative_loss:.1e}, "
            f"guarantee={self.guarantee!r})"
        )

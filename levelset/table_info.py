"""What a table is a table of: the header of its file and the answer to "may I trust this"."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["ALGORITHM_VERSION", "TableInfo", "library_versions"]

#: Changes whenever a table built from the same problem could come out differently; tables of
#: another version are never loaded from a cache.
ALGORITHM_VERSION = 2


@dataclass(frozen=True)
class TableInfo:
    """Metadata of a lookup table.

    Attributes
    ----------
    noise : str
        The density as `SmoothingDistribution.describe` writes it; empty for a bare ray.
    norm : str
        Adversary's norm, in which radii are measured.
    dim : int
    direction : str
        The ray of shifts.
    proved_by, monotone_by : str or None
        Theorem that makes the ray the worst one; why D grows along it.
    between : str
        How tails between entries are served: by "composition with Phi", by "steps", or by chords.
    relative_loss : float
        How far the lookup lies, relatively, below the exact radius of the ray between the entries:
        certified for composition and steps; for chords measured in the middle of some of their
        cells, where they lose most, and a tenth added.
    certified_loss : float
        What is proved of it, from composition; `LookupTable.bounds` relies on this.
    relative_error : float
        Budget of the arithmetic that was taken off.
    algorithm : int
        `ALGORITHM_VERSION` of the build.
    versions : tuple of str
        Python and libraries of the build.
    """

    noise: str
    norm: str
    dim: int
    direction: str
    proved_by: str | None
    monotone_by: str | None
    between: str
    relative_loss: float
    certified_loss: float
    relative_error: float
    algorithm: int
    versions: tuple[str, ...]

    @property
    def guarantee(self) -> str:
        """Worth of the radii: "conservative" on a ray proved to be worst, else "estimate"."""
        return "estimate" if self.proved_by is None else "conservative"

    def as_json(self) -> dict[str, Any]:
        """Values that JSON can carry."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TableInfo:
        """Read back what `as_json` gave."""
        return cls(**{**values, "versions": tuple(values["versions"])})


def library_versions() -> tuple[str, ...]:
    """Python, NumPy and SciPy in use."""
    from importlib.metadata import version

    return (
        f"python {platform.python_version()}",
        f"numpy {np.__version__}",
        f"scipy {version('scipy')}",
    )

"""Certificates: what was proved about one image, and a batch of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import overload

import numpy as np
import numpy.typing as npt

__all__ = ["ABSTAIN", "Certificate", "CertificateBatch", "Status"]

#: The class number that stands for "abstained" in predictions and logs.
ABSTAIN = -1


class Status(Enum):
    """Whether a class was certified."""

    CERTIFIED = "certified"
    ABSTAINED = "abstained"


@dataclass(frozen=True)
class Certificate:
    """What `count` of `n` noisy copies of one image prove about the smoothed classifier.

    With probability at least 1 - `failure_probability` over the noise that was drawn, either the
    certificate abstains or the smoothed classifier predicts `prediction` at every point within
    `radius` of the image in the norm `adversary`.

    Attributes
    ----------
    index : int
        Number of the image in its data set; it selects the noise.
    status : Status
        CERTIFIED when a class was proved to win, otherwise ABSTAINED.
    prediction : int
        Certified class, or `ABSTAIN`.
    radius : float
        Certified radius in input units, rounded down; 0 on abstention.
    prob_lower : float
        Lower confidence limit of the top-class probability, rounded down.
    count, n : int
        Fresh noisy copies that got the selected class, and fresh copies in all.
    alpha : float
        Probability that `prob_lower` is too large.
    seed : int
        Seed of the run; with `index` it fixes the noise.
    adversary, guarantee, route, noise : str
        Norm of the radius; worth and origin of the radius function; the noise as text.
    label : int or None
        True class, where known.
    seconds : float
        Time spent on this image.
    radius_alpha : float
        Probability that the radius function is wrong; 0 unless `guarantee` is "statistical".
    rule : str
        How the votes were bounded: "fixed", "anytime N" (under a cap of N) or "classes C top K".
    votes : tuple of (class, count)
        Votes of every class that got any, most first, where all classes were counted.
    """

    index: int
    status: Status
    prediction: int
    radius: float
    prob_lower: float
    count: int
    n: int
    alpha: float
    seed: int
    adversary: str
    guarantee: str
    route: str
    noise: str
    label: int | None = None
    seconds: float = 0.0
    radius_alpha: float = 0.0
    rule: str = "fixed"
    votes: tuple[tuple[int, int], ...] = ()

    @property
    def certified(self) -> bool:
        """Whether a class was certified (possibly with radius 0)."""
        return self.status is Status.CERTIFIED

    @property
    def failure_probability(self) -> float:
        """Probability that the certificate is wrong: `alpha` + `radius_alpha`."""
        return self.alpha + self.radius_alpha

    @property
    def tail(self) -> float:
        """Upper limit of the probability of all other classes: 1 - prob_lower.

        The subtraction is exact for prob_lower >= 1/2 (Sterbenz), hence wherever it is used.
        """
        return 1.0 - self.prob_lower

    @property
    def correct(self) -> bool:
        """Whether the prediction equals the label; False on abstention or without a label."""
        return self.certified and self.label is not None and self.prediction == self.label

    def holds_at(self, radius: float) -> bool:
        """Whether the certificate covers perturbations of this size."""
        return self.certified and self.radius >= radius

    def __str__(self) -> str:
        if not self.certified:
            return f"image {self.index}: abstained ({self.count} of {self.n})"
        return (
            f"image {self.index}: class {self.prediction} certified within {self.radius:.4g} "
            f"in {self.adversary} ({self.count} of {self.n}, alpha = {self.alpha:g})"
        )


_COLUMNS = ("idx", "label", "predict", "radius", "correct", "count", "n", "prob_lower")


@dataclass(frozen=True)
class CertificateBatch(Sequence[Certificate]):
    """Certificates in the order of the images, with array views and a printable table."""

    items: tuple[Certificate, ...]

    @overload
    def __getitem__(self, index: int) -> Certificate: ...
    @overload
    def __getitem__(self, index: slice) -> CertificateBatch: ...
    def __getitem__(self, index: int | slice) -> Certificate | CertificateBatch:
        if isinstance(index, slice):
            return CertificateBatch(self.items[index])
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self.items)

    @property
    def radius(self) -> npt.NDArray[np.float64]:
        """Certified radii, shape (len,); 0 on abstention."""
        return np.array([c.radius for c in self.items], dtype=np.float64)

    @property
    def prediction(self) -> npt.NDArray[np.int64]:
        """Certified classes, shape (len,); `ABSTAIN` on abstention."""
        return np.array([c.prediction for c in self.items], dtype=np.int64)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Which predictions equal their labels, shape (len,)."""
        return np.array([c.correct for c in self.items], dtype=np.bool_)

    @property
    def abstained(self) -> npt.NDArray[np.bool_]:
        """Which images got no class, shape (len,)."""
        return np.array([not c.certified for c in self.items], dtype=np.bool_)

    def as_table(self) -> str:
        """The certificates as text, one line each under a line of column names."""
        rows = [_COLUMNS, *(_cells(certificate) for certificate in self.items)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        )

    def __str__(self) -> str:
        return self.as_table()


def _cells(certificate: Certificate) -> tuple[str, ...]:
    return (
        str(certificate.index),
        "-" if certificate.label is None else str(certificate.label),
        "abstain" if not certificate.certified else str(certificate.prediction),
        f"{certificate.radius:.4g}",
        "-" if certificate.label is None else str(int(certificate.correct)),
        str(certificate.count),
        str(certificate.n),
        f"{certificate.prob_lower:.6f}",
    )

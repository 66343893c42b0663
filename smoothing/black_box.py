"""A density known only through callables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from numerics.errors import invalid

__all__ = ["BlackBox"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BlackBox:
    """Callables of a density without an expression: psi, its gradient and a sampler at scale 1."""

    psi: Callable[[Array], Array]
    grad: Callable[[Array], Array]
    sampler: Callable[[int, np.random.Generator], Array]
    #: (order, value) with (E|<u, grad psi>|^order)^(1/order) <= value on the adversary's ball.
    gradient_moment: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for item in fields(self)[:3]:
            value = getattr(self, item.name)
            if not callable(value):
                raise invalid(
                    item.name, "a callable", value, "see SmoothingDistribution.from_callable"
                )

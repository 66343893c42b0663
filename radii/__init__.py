"""Derive certified radii for randomized smoothing from the density of the noise.

>>> import radii
>>> from radii import x, norm
>>> q = radii.SmoothingDistribution(norm(x, 1), dim=3072)
>>> radii.derive(q, "l1").expression
-log(2 - 2*rho)
"""

from __future__ import annotations

import importlib
from typing import Any

from numerics.bounds import Bounds
from numerics.errors import (
    AssumptionError,
    ExpressionSyntaxError,
    InvalidInputError,
    LogFormatError,
    PrecisionError,
    RadiiError,
    UnsupportedPairError,
)
from radii.derive import derive, explain_routes
from radii.lookup_tables import table
from radii.many_tables import tables
from radii.radius_function import RadiusFunction
from radii.storage import load
from smoothing.distribution import SmoothingDistribution
from smoothing.expressions import coordinate_sum, norm, t, x
from smoothing.norms import LpNorm, Norm, PolytopeNorm

__all__ = [
    "AssumptionError",
    "Bounds",
    "ExpressionSyntaxError",
    "InvalidInputError",
    "LogFormatError",
    "LpNorm",
    "Norm",
    "PolytopeNorm",
    "PrecisionError",
    "RadiiError",
    "RadiusFunction",
    "SmoothingDistribution",
    "UnsupportedPairError",
    "coordinate_sum",
    "derive",
    "explain_routes",
    "families",
    "load",
    "norm",
    "t",
    "table",
    "tables",
    "x",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # The named families are a convenience: nothing depends on them, so they may be absent.
    if name == "families":
        return importlib.import_module("smoothing.families")
    raise AttributeError(f"module 'radii' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""What the engines know about a smoothing density: its structures.

A density exp(-psi) may have several structures at once (the Gaussian is a product and radial in
the l2 gauge). Engines dispatch on these frozen records and never on psi itself. All records
describe the law at scale 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy

__all__ = [
    "COORDINATE",
    "RADIUS",
    "General",
    "Marginal",
    "Mixed",
    "PolytopeRadial",
    "Product",
    "Radial",
    "Structure",
    "Uniform",
]

#: The scalar coordinate in which marginal potentials phi are written.
COORDINATE: sympy.Symbol = sympy.Symbol("t", real=True)

#: The radius (value of the gauge) in which radial profiles g are written.
RADIUS: sympy.Symbol = sympy.Symbol("r", positive=True)


@dataclass(frozen=True)
class Marginal:
    """One-dimensional density proportional to exp(-phi(t)) on the open interval `support`.

    `support` is a pair of SymPy numbers (possibly infinite); `count` says how many coordinates
    share this marginal.
    """

    phi: sympy.Expr
    support: tuple[sympy.Expr, sympy.Expr]
    count: int


@dataclass(frozen=True)
class Product:
    """Independent coordinates. `marginals` lists the distinct ones, counts adding up to `dim`.

    `indices[k]` are the coordinates that follow `marginals[k]`; None when all coordinates are
    identically distributed.
    """

    marginals: tuple[Marginal, ...]
    dim: int
    indices: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True)
class Radial:
    """Density proportional to exp(-profile(r)), r the norm of x of the given order.

    `order` is 1, 2 or sympy.oo; `profile` is an expression in `RADIUS`; `support` a pair of
    SymPy numbers with 0 <= lower < upper <= oo, and the density lives on lower < r < upper.
    """

    order: sympy.Expr
    profile: sympy.Expr
    support: tuple[sympy.Expr, sympy.Expr]
    dim: int


@dataclass(frozen=True)
class PolytopeRadial:
    """Density proportional to exp(-profile(r)), r the gauge of x in a polytope.

    `body` is a `smoothing.gauges.zonotope`, whose boundary `polytope_gauge` describes in numbers;
    `profile` and `support` are as in `Radial`.
    """

    body: sympy.Basic
    profile: sympy.Expr
    support: tuple[sympy.Expr, sympy.Expr]
    dim: int


@dataclass(frozen=True)
class Mixed:
    """Density proportional to exp(-profile(max_i |x_i|) - sum_i phi(x_i)) with phi even."""

    profile: sympy.Expr
    phi: sympy.Expr
    dim: int


@dataclass(frozen=True)
class Uniform:
    """Uniform distribution on the ball of the given order (1, 2 or oo) and radius."""

    order: sympy.Expr
    radius: sympy.Expr
    dim: int


@dataclass(frozen=True)
class General:
    """No recognised structure; `reason` says what prevented one from being found."""

    psi: sympy.Expr
    dim: int
    reason: str


Structure = Product | Radial | PolytopeRadial | Mixed | Uniform | General

"""Options that several commands share, and the reading of exact numbers from text."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from numerics.errors import invalid

if TYPE_CHECKING:
    from smoothing.distribution import SmoothingDistribution

__all__ = [
    "AdversaryOption",
    "DimOption",
    "RouteOption",
    "ScaleOption",
    "SigmaOption",
    "SupportOption",
    "exact_number",
    "smoothing_from_text",
    "tail_of",
]

AdversaryOption = Annotated[
    str, typer.Option("--adversary", "-a", help="Norm of the perturbation: l1, l2 or linf.")
]
DimOption = Annotated[
    int, typer.Option("--dim", "-d", help="Number of coordinates of an input, 3072 for CIFAR-10.")
]
SupportOption = Annotated[
    str | None,
    typer.Option("--support", help='Where the density lives at scale 1: "norm(x, oo) <= 1".'),
]
ScaleOption = Annotated[
    float | None, typer.Option("--scale", help="Noise scale lambda: the density of x/lambda.")
]
SigmaOption = Annotated[
    float | None, typer.Option("--sigma", help="Noise level per coordinate, instead of --scale.")
]
RouteOption = Annotated[
    str, typer.Option("--route", help='"auto", "overlap", "symbolic" or "quadrature".')
]


def smoothing_from_text(
    psi: str,
    *,
    dim: int,
    support: str | None = None,
    scale: float | None = None,
    sigma: float | None = None,
) -> SmoothingDistribution:
    """Parse a density given on the command line; the grammar refuses anything but a formula."""
    from smoothing.distribution import SmoothingDistribution

    return SmoothingDistribution.parse(psi, dim=dim, support=support, scale=scale, sigma=sigma)


def exact_number(name: str, text: str, *, maximum: int | None = None) -> Fraction:
    """Read a decimal ("0.99", "1e-3") or a quotient ("2/255") >= 0 exactly.

    Examples
    --------
    >>> exact_number("at", "2/255")
    Fraction(2, 255)
    """
    legal = "a number >= 0" if maximum is None else f"a number from 0 to {maximum}"
    remedy = "write it as 0.99, 1e-3 or 2/255"
    # The length limit keeps "1e999999999" from becoming an integer with that many digits.
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > 60 or len(exponent) > 4:
        raise invalid(name, legal, text, remedy)
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise invalid(name, legal, text, remedy) from None
    if value < 0 or (maximum is not None and value > maximum):
        raise invalid(name, legal, text, remedy)
    return value


def tail_of(rho: str) -> float:
    """Return the float64 just at or above 1 - rho, for a decimal rho.

    float("0.99") lies above 99/100 and would certify slightly more than what was asked.

    Examples
    --------
    >>> tail_of("0.99"), 1.0 - 0.99
    (0.01, 0.010000000000000009)
    """
    exact = 1 - exact_number("rho", rho, maximum=1)
    nearest = float(exact)
    return nearest if Fraction(nearest) >= exact else math.nextafter(nearest, 1.0)

"""Arguments of the bounds and the rounding of their values.

Every bound here is a short formula, so it is evaluated with 40 digits and rounded once, to the
side on which the statement stays true: noise that is needed down, radii that are out of reach up.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath

from numerics.errors import invalid

__all__ = ["DIGITS", "as_delta", "as_order", "round_down", "round_up"]

#: Working precision; the formulas lose at most three digits, float64 has sixteen.
DIGITS = 40


def as_order(p: object, *, minimum: float = 1.0) -> float:
    """Return the order of an l_p norm as a float, infinity included.

    Raises
    ------
    InvalidInputError
        p is below `minimum` or not a number.

    Examples
    --------
    >>> as_order("inf"), as_order(2)
    (inf, 2.0)
    """
    try:
        order = float(p)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        order = math.nan
    if isinstance(p, bool) or not order >= minimum:
        legal = f"the order of a norm, a number >= {minimum:g} or inf"
        raise invalid("p", legal, p, "pass for example p=2 or p=float('inf')")
    return order


def as_delta(delta: object) -> float:
    """Return a total variation distance strictly between 0 and 1.

    Raises
    ------
    InvalidInputError
        delta lies outside the open interval (0, 1).
    """
    try:
        value = float(delta)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(delta, bool) or not 0.0 < value < 1.0:
        remedy = "get it from a probability with nogo.total_variation_limit(rho)"
        raise invalid("delta", "a total variation distance with 0 < delta < 1", delta, remedy)
    return value


def round_up(value: Any) -> float:
    """The float64 at or just above an mpmath number.

    Examples
    --------
    >>> with mpmath.workdps(40):
    ...     third = mpmath.mpf(1) / 3
    >>> round_down(third) < round_up(third)
    True
    """
    nearest = float(value)
    return nearest if mpmath.mpf(nearest) >= value else math.nextafter(nearest, math.inf)


def round_down(value: Any) -> float:
    """The float64 at or just below an mpmath number."""
    nearest = float(value)
    return nearest if mpmath.mpf(nearest) <= value else math.nextafter(nearest, -math.inf)

"""Decimal text of float64 values, rounded down, and the reverse."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context, Decimal

__all__ = ["down_text", "half_unit"]


def down_text(value: float, digits: int) -> str:
    """Decimal text of `value` >= 0 with so many significant digits, never above the float64.

    Parameters
    ----------
    value : float
        Non-negative, possibly infinite.
    digits : int
        Significant digits kept.

    Examples
    --------
    >>> down_text(0.99993092, 3), down_text(2 / 3, 6), down_text(0.0, 6), down_text(12.5, 6)
    ('0.999', '0.666666', '0', '12.5')
    """
    if not value >= 0.0:
        raise ValueError(f"value must be a number >= 0, got {value!r}")
    if math.isinf(value):
        return "inf"
    if value == 0.0:
        return "0"
    # Decimal(float) is exact, so the only rounding is the one asked for.
    rounded = Context(prec=digits, rounding=ROUND_FLOOR).create_decimal(Decimal(value))
    text = f"{rounded.normalize():f}"
    # Below 1e-9 fixed notation is mostly zeros; the exponent form is exact too.
    return text if rounded >= Decimal("1e-9") else f"{rounded.normalize()}"


def half_unit(value: float, digits: int) -> float:
    """Half a unit in the last of so many significant digits: the error of rounding to nearest.

    Trailing zeros that a printer dropped count as digits, so "1.4" printed with three digits
    stands for 1.40 and has an error of at most 0.005. Rounded up to the next float64.

    Examples
    --------
    >>> round(half_unit(1.4, 3), 12), round(half_unit(0.00825, 3), 12)
    (0.005, 5e-06)
    """
    if value == 0.0:
        return 0.0
    # The exponent is read off the shortest decimal text: log10 could land on the wrong side.
    exponent = Decimal(repr(abs(float(value)))).adjusted()
    return math.nextafter(float(Decimal(5).scaleb(exponent - digits)), math.inf)

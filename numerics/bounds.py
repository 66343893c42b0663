"""Enclosures of real numbers: a lower and an upper float64 between which the exact value lies.

Arithmetic rounds outwards (IEEE 754 basic operations are correctly rounded, so one step to the
neighbouring float suffices), hence an enclosure computed from enclosures is again one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from numerics import directed
from numerics.errors import InvalidInputError, invalid
from numerics.rounding import FloatArray, FloatOrArray, down, up

__all__ = ["ELEMENTARY_ULPS", "Bounds"]

#: Steps taken outwards after exp, log, expm1 and log1p: 0.67 ulps was the largest error among
#: 540,000 random arguments on one machine. The C library and NumPy's vector code
#: document less than 2 ulps; the other two steps are a margin for other platforms.
ELEMENTARY_ULPS = 4

BoundsLike: TypeAlias = "Bounds | float | int | FloatArray"


@dataclass(frozen=True, eq=False)
class Bounds:
    """An interval, or an array of intervals, ``lower <= exact value <= upper``.

    Parameters
    ----------
    lower, upper : float or array_like
        Ends of the intervals, broadcast against each other and stored as Python floats or as
        read-only float64 arrays. Infinite ends are allowed, NaN is not.

    Raises
    ------
    InvalidInputError
        An end is NaN, or some lower end is above its upper end.

    Examples
    --------
    >>> third = Bounds(1.0, 1.0) / 3
    >>> third
    Bounds(lower=0.33333333333333326, upper=0.33333333333333337)
    >>> from fractions import Fraction
    >>> Fraction(1, 3) in third
    True
    """

    lower: Any
    upper: Any

    # NumPy must hand `array * bounds` to __rmul__ instead of looping over the elements.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        lower, upper = np.broadcast_arrays(
            np.asarray(self.lower, dtype=np.float64), np.asarray(self.upper, dtype=np.float64)
        )
        if np.isnan(lower).any() or np.isnan(upper).any():
            raise InvalidInputError(
                "Bounds must have ends that are numbers, got NaN; check the computation before it"
            )
        wrong = lower > upper
        if wrong.any():
            worst = (float(lower[wrong].ravel()[0]), float(upper[wrong].ravel()[0]))
            raise invalid("Bounds", "ordered, lower <= upper", worst, "swap or recompute the ends")
        object.__setattr__(self, "lower", _store(lower))
        object.__setattr__(self, "upper", _store(upper))

    @classmethod
    def exact(cls, value: Any) -> Bounds:
        """Return the interval of width zero at float64 `value`."""
        return cls(value, value)

    @classmethod
    def around(cls, value: FloatOrArray, *, relative: float = 0.0, absolute: float = 0.0) -> Bounds:
        """Return an interval around `value` with the stated error, rounded outwards.

        Examples
        --------
        >>> Bounds.around(100.0, relative=0.01).width < 2.01
        True
        """
        if not (relative >= 0.0 and absolute >= 0.0):
            raise invalid("error", "two numbers >= 0", (relative, absolute), "pass error sizes")
        radius = up(up(np.abs(value) * relative) + absolute)
        return cls(down(value - radius), up(value + radius))

    # -- description -------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array of intervals; () for a single one."""
        return np.shape(self.lower)

    @property
    def width(self) -> FloatOrArray:
        """Upper minus lower end, rounded up; 0 where both are the same infinity."""
        difference = directed.difference_up(self.upper, self.lower)
        return _plain(np.where(self.lower == self.upper, 0.0, difference))

    @property
    def midpoint(self) -> FloatOrArray:
        """A float between the ends, halfway where both are finite."""
        with np.errstate(invalid="ignore"):
            middle = np.where(
                self.lower == self.upper, self.lower, 0.5 * self.lower + 0.5 * self.upper
            )
        # -inf and inf have no middle; 0 lies between them as well as any other number.
        middle = np.where(np.isnan(middle), 0.0, middle)
        return _plain(np.clip(middle, self.lower, self.upper))

    @property
    def relative_width(self) -> FloatOrArray:
        """Width over the smallest absolute value inside, rounded up; inf if that is 0."""
        magnitude = np.maximum(np.maximum(self.lower, np.negative(self.upper)), 0.0)
        width = np.asarray(self.width)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = up(np.asarray(width / magnitude))
        return _plain(np.where(width == 0.0, 0.0, np.where(magnitude == 0.0, np.inf, ratio)))

    def __repr__(self) -> str:
        return f"Bounds(lower={self.lower!r}, upper={self.upper!r})"

    def __getitem__(self, key: Any) -> Bounds:
        return Bounds(np.asarray(self.lower)[key], np.asarray(self.upper)[key])

    # -- comparison --------------------------------------------------------------------------
    # `<` is left undefined: "surely less" and "possibly less" differ, and a certificate that
    # takes one for the other is wrong.

    def contains(self, value: Any) -> Any:
        """Say, element by element, whether a number or all of another interval lies inside.

        Fractions and mpmath or SymPy numbers are compared exactly, not after conversion.
        """
        if isinstance(value, Bounds):
            return np.logical_and(self.lower <= value.lower, value.upper <= self.upper)[()]
        if self.shape == () and np.shape(value) == ():
            return bool(self.lower <= value) and bool(value <= self.upper)
        return np.logical_and(self.lower <= value, value <= self.upper)

    def __contains__(self, value: Any) -> bool:
        return bool(np.all(self.contains(value)))

    def surely_less(self, other: BoundsLike) -> Any:
        """Say whether every value inside is below every value of `other`."""
        return self.upper < _as_bounds(other).lower

    def surely_greater(self, other: BoundsLike) -> Any:
        """Say whether every value inside is above every value of `other`."""
        return self.lower > _as_bounds(other).upper

    def overlaps(self, other: BoundsLike) -> Any:
        """Say whether some value lies in both; two enclosures of one number always overlap."""
        that = _as_bounds(other)
        return np.logical_and(self.lower <= that.upper, that.lower <= self.upper)[()]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bounds):
            return NotImplemented
        return np.array_equal(self.lower, other.lower) and np.array_equal(self.upper, other.upper)

    def __hash__(self) -> int:
        # Adding 0.0 gives both zeros, which are equal, the same bytes.
        return hash((np.add(self.lower, 0.0).tobytes(), np.add(self.upper, 0.0).tobytes()))

    # -- arithmetic --------------------------------------------------------------------------

    def __neg__(self) -> Bounds:
        return Bounds(np.negative(self.upper), np.negative(self.lower))

    def __add__(self, other: BoundsLike) -> Bounds:
        that = _as_bounds(other)
        return Bounds(
            directed.add(self.lower, that.lower, down), directed.add(self.upper, that.upper, up)
        )

    __radd__ = __add__

    def __sub__(self, other: BoundsLike) -> Bounds:
        return self + -_as_bounds(other)

    def __rsub__(self, other: BoundsLike) -> Bounds:
        return -self + other

    def __mul__(self, other: BoundsLike) -> Bounds:
        that = _as_bounds(other)
        return Bounds(*directed.corners(np.multiply, self._ends, that._ends))

    __rmul__ = __mul__

    def __truediv__(self, other: BoundsLike) -> Bounds:
        that = _as_bounds(other)
        if np.any(that.contains(0.0)):
            raise invalid("divisor", "an interval without 0", that, "tighten it or split the range")
        return Bounds(*directed.corners(np.divide, self._ends, that._ends))

    def __rtruediv__(self, other: BoundsLike) -> Bounds:
        return _as_bounds(other) / self

    # -- functions ---------------------------------------------------------------------------

    def increasing(self, function: Callable[[Any], Any], *, ulps: int) -> Bounds:
        """Apply a non-decreasing `function` whose float64 values are off by at most `ulps`.

        Parameters
        ----------
        function : callable
            Maps float64 to float64; the exact function must not decrease on the interval.
        ulps : int
            Its documented or measured error in units in the last place.

        Returns
        -------
        Bounds
            Enclosure of the image.
        """
        with np.errstate(over="ignore", under="ignore", divide="ignore"):
            ends = np.asarray(function(self.lower)), np.asarray(function(self.upper))
        return Bounds(down(ends[0], ulps), up(ends[1], ulps))

    def decreasing(self, function: Callable[[Any], Any], *, ulps: int) -> Bounds:
        """Apply a non-increasing `function` whose float64 values are off by at most `ulps`."""
        return (-self).increasing(lambda x: function(np.negative(x)), ulps=ulps)

    def exp(self) -> Bounds:
        """Enclosure of the exponential."""
        image = self.increasing(np.exp, ulps=ELEMENTARY_ULPS)
        return Bounds(np.maximum(image.lower, 0.0), image.upper)

    def expm1(self) -> Bounds:
        """Enclosure of exp(x) - 1, accurate near 0."""
        image = self.increasing(np.expm1, ulps=ELEMENTARY_ULPS)
        return Bounds(np.maximum(image.lower, -1.0), image.upper)

    def log(self) -> Bounds:
        """Enclosure of the natural logarithm; the lower end of an interval from 0 is -inf."""
        self._require("log", 0.0)
        return self.increasing(np.log, ulps=ELEMENTARY_ULPS)

    def log1p(self) -> Bounds:
        """Enclosure of log(1 + x), accurate near 0."""
        self._require("log1p", -1.0)
        return self.increasing(np.log1p, ulps=ELEMENTARY_ULPS)

    def sqrt(self) -> Bounds:
        """Enclosure of the square root (correctly rounded by IEEE 754)."""
        self._require("sqrt", 0.0)
        image = self.increasing(np.sqrt, ulps=1)
        return Bounds(np.maximum(image.lower, 0.0), image.upper)

    def minimum(self, other: BoundsLike) -> Bounds:
        """Enclosure of the smaller of the two values."""
        that = _as_bounds(other)
        return Bounds(np.minimum(self.lower, that.lower), np.minimum(self.upper, that.upper))

    def maximum(self, other: BoundsLike) -> Bounds:
        """Enclosure of the larger of the two values."""
        that = _as_bounds(other)
        return Bounds(np.maximum(self.lower, that.lower), np.maximum(self.upper, that.upper))

    def intersection(self, other: BoundsLike) -> Bounds:
        """Combine two enclosures of the same value into one; an error if they are disjoint."""
        that = _as_bounds(other)
        return Bounds(np.maximum(self.lower, that.lower), np.minimum(self.upper, that.upper))

    def hull(self, other: BoundsLike) -> Bounds:
        """Smallest interval around both."""
        that = _as_bounds(other)
        return Bounds(np.minimum(self.lower, that.lower), np.maximum(self.upper, that.upper))

    @property
    def _ends(self) -> tuple[FloatOrArray, FloatOrArray]:
        return self.lower, self.upper

    def _require(self, name: str, minimum: float) -> None:
        if np.any(np.less(self.lower, minimum)):
            raise invalid(
                name, f"taken of an interval >= {minimum:g}", self, "clip it with maximum"
            )


def _plain(values: FloatArray) -> FloatOrArray:
    return float(values) if values.ndim == 0 else values


def _store(ends: FloatArray) -> FloatOrArray:
    if ends.ndim == 0:
        return float(ends)
    stored = ends.copy()
    stored.flags.writeable = False
    return stored


def _as_bounds(value: BoundsLike) -> Bounds:
    return value if isinstance(value, Bounds) else Bounds.exact(value)

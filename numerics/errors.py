"""Exceptions raised by every room of the library.

Each message names the parameter, the legal set, the value that was given and the remedy.
"""

from __future__ import annotations

__all__ = [
    "AssumptionError",
    "CorruptImageError",
    "ExpressionSyntaxError",
    "InvalidInputError",
    "LogFormatError",
    "PrecisionError",
    "RadiiError",
    "UnsupportedPairError",
    "invalid",
]


class RadiiError(Exception):
    """Base class of every exception this library raises on purpose."""


class InvalidInputError(RadiiError, ValueError):
    """An argument lies outside its legal set."""


class ExpressionSyntaxError(InvalidInputError):
    """A text expression is not in the grammar of densities."""


class LogFormatError(InvalidInputError):
    """A certification log has a line that cannot be trusted; the message names the line."""


class CorruptImageError(InvalidInputError):
    """A file cannot be read as an image; the message names it."""


class AssumptionError(RadiiError, ValueError):
    """A density lacks a property that the requested computation needs."""


class UnsupportedPairError(RadiiError, ValueError):
    """No route derives a radius for this density and adversary; one reason per route."""


class PrecisionError(RadiiError, ArithmeticError):
    """A numerical error budget could not be met."""


def invalid(parameter: str, legal: str, value: object, remedy: str) -> InvalidInputError:
    """Build the error for a bad argument in the library's one format.

    Examples
    --------
    >>> str(invalid("scale", "a number > 0", -1.0, "pass the noise scale lambda"))
    'scale must be a number > 0, got -1.0; pass the noise scale lambda'
    """
    return InvalidInputError(f"{parameter} must be {legal}, got {value!r}; {remedy}")

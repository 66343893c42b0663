"""Checks of arguments, each returning the argument in the one type the library works with."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from numerics.errors import InvalidInputError, invalid

__all__ = [
    "check_alpha",
    "check_choice",
    "check_count",
    "check_dim",
    "check_positive",
    "check_probability",
    "check_vector",
    "exactly_one_of",
]


def check_dim(dim: object) -> int:
    """Return `dim` as an int >= 1.

    Raises
    ------
    InvalidInputError
        `dim` is not an integer (bools and floats are not), or is below 1.

    Examples
    --------
    >>> check_dim(3072)
    3072
    """
    return check_count("dim", dim, minimum=1, remedy="pass the dimension of the noise")


def check_count(
    name: str, value: object, *, minimum: int = 0, remedy: str = "pass a whole number"
) -> int:
    """Return `value` as an int >= `minimum`.

    Raises
    ------
    InvalidInputError
        `value` is not an integer (bools and floats are not), or is below `minimum`.
    """
    legal = f"an integer >= {minimum}"
    if isinstance(value, (bool, np.bool_)):
        raise invalid(name, legal, value, remedy)
    try:
        # operator.index takes NumPy and SymPy integers too, and refuses 3.0 and "3".
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise invalid(name, legal, value, remedy) from None
    if count < minimum:
        raise invalid(name, legal, value, remedy)
    return count


def check_positive(name: str, value: object) -> float:
    """Return `value` as a finite float > 0.

    Raises
    ------
    InvalidInputError
        `value` is not a real number, is NaN or infinite, or is <= 0.

    Examples
    --------
    >>> check_positive("scale", 2)
    2.0
    """
    number = _real_number(value)
    if number is None or not (0.0 < number < math.inf):
        raise invalid(name, "a finite number > 0", value, f"pass a positive {name}")
    return number


def check_probability(name: str, value: object) -> npt.NDArray[np.float64]:
    """Return `value` as a float64 array of probabilities.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    value : array_like
        Numbers in [0, 1], of any shape.

    Returns
    -------
    float64 array
        The same values and shape; shape () for a scalar.

    Raises
    ------
    InvalidInputError
        Some value is NaN, outside [0, 1] or not a real number. The message shows the first.

    Examples
    --------
    >>> check_probability("rho", [0.6, 0.99])
    array([0.6 , 0.99])
    """
    legal, remedy = "a probability in [0, 1]", "pass probabilities, not percentages or counts"
    try:
        given = np.asarray(value)
    except (TypeError, ValueError):  # ragged nested lists
        raise invalid(name, legal, value, remedy) from None
    if given.dtype.kind == "O":
        given = _from_objects(name, given, legal, remedy)
    if given.dtype.kind not in "iuf":
        raise invalid(name, legal, value, remedy)
    # Negated, so that NaN, which compares false to everything, is caught as well.
    wrong = ~((given >= 0.0) & (given <= 1.0))
    if wrong.any():
        raise invalid(name, legal, given[wrong].ravel()[0].item(), remedy)
    return given.astype(np.float64)


def check_vector(name: str, value: object, dim: int) -> npt.NDArray[np.float64]:
    """Return `value` as a float64 vector of `dim` finite entries, not all zero.

    Raises
    ------
    InvalidInputError
        It has another shape, an entry that is no finite number, or nothing but zeros.

    Examples
    --------
    >>> check_vector("shift", [1, 0], 2)
    array([1., 0.])
    """
    legal = f"{dim} finite numbers, not all zero"
    try:
        vector = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise invalid(name, legal, value, "pass a list or an array") from None
    if vector.shape != (dim,):
        raise invalid(name, legal, f"shape {vector.shape}", "match the dimension of the noise")
    if not np.isfinite(vector).all() or not vector.any():
        raise invalid(name, legal, "other entries", "pass the vector the noise is shifted by")
    return vector


def check_alpha(alpha: object) -> float:
    """Return the failure probability `alpha` as a float in the open interval (0, 1).

    Raises
    ------
    InvalidInputError
        `alpha` is not a real number strictly between 0 and 1.
    """
    number = _real_number(alpha)
    if number is None or not (0.0 < number < 1.0):
        raise invalid(
            "alpha", "a probability with 0 < alpha < 1", alpha, "pass for example alpha=0.001"
        )
    return number


def check_choice(name: str, value: object, legal: Collection[str]) -> str:
    """Return `value` if it is one of the strings in `legal`.

    Raises
    ------
    InvalidInputError
        `value` is not in `legal`; the message lists them.
    """
    if isinstance(value, str) and value in legal:
        return value
    names = ", ".join(repr(choice) for choice in legal)
    raise invalid(name, f"one of {names}", value, f"pick a {name} from the list")


def exactly_one_of(**parameters: Any) -> str:
    """Return the name of the one parameter that is not None.

    Raises
    ------
    InvalidInputError
        None or several of them were given.

    Examples
    --------
    >>> exactly_one_of(scale=None, sigma=0.5)
    'sigma'
    """
    given = [name for name, value in parameters.items() if value is not None]
    if len(given) == 1:
        return given[0]
    names = " and ".join(parameters)
    state = "none of them" if not given else " and ".join(f"{n}={parameters[n]!r}" for n in given)
    raise InvalidInputError(f"exactly one of {names} must be given, got {state}; pass only one")


def _real_number(value: object) -> float | None:
    """Convert a real scalar (Python, NumPy, SymPy, mpmath) to float; None for anything else."""
    if isinstance(value, (bool, np.bool_, str, bytes, complex, np.complexfloating)):
        return None
    try:
        # float() of a SymPy expression with a free symbol or an imaginary part raises.
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def _from_objects(
    name: str, given: npt.NDArray[np.object_], legal: str, remedy: str
) -> npt.NDArray[np.float64]:
    """Convert an array of Python objects (SymPy or mpmath numbers) element by element."""
    numbers = [_real_number(item) for item in given.ravel()]
    if None in numbers:
        raise invalid(name, legal, given.ravel()[numbers.index(None)], remedy)
    return np.asarray(numbers, dtype=np.float64).reshape(given.shape)

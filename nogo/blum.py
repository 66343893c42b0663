"""Lower bounds on the noise that a certified l_p radius needs, with explicit constants.

Each entry says: if TV(q, q+v) <= delta for every ||v||_p <= eps, then

    moment of the noise  >=  coefficient(d, p, delta) * eps**power.

Read from right to left it is the largest radius eps that a noise of known moment can certify. The
numbered ones are Blum et al. 2020; the last four hold with the largest constants this project
could prove (docs/nogo.md): eta + eps*U, with U uniform on [-1/2, 1/2], has a density at most
delta/eps, because no interval of length eps has probability above delta (proof of Lemma 3.3), so
its second and first absolute moments are at least those of the uniform law of that density. In
several dimensions the bound along v is averaged over all v = eps d^(-1/p) (+-1, ..., +-1), whose
directions have mean square <v, x>^2/||v||^2 = ||x||^2/d: no Hadamard matrix and no factor 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath

from nogo.exact import DIGITS, as_delta, as_order, round_down, round_up
from numerics.errors import invalid
from numerics.validation import check_dim

__all__ = ["BOUNDS", "SECOND_MOMENT", "NoiseBound", "bound"]

#: What a bound limits; the per-line moments are of <v, eta>/||v||_2 for the shift v.
SECOND_MOMENT = "E ||eta||_2^2"
FIRST_MOMENT = "E ||eta||_2"
VARIANCE_OF_RANK = "i-th largest E eta_i^2"
LINE_SECOND, LINE_FIRST = "E |eta|^2", "E |eta|"

Coefficient = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True)
class NoiseBound:
    """One no-go theorem, usable in both directions.

    Attributes
    ----------
    name, source, statement : str
    moment : str
        The noise magnitude that is bounded from below.
    power : int
        Power of the radius in the bound.
    orders : (float, float)
        The bound holds for p in this closed range.
    line : bool
        True where the statement is about one dimension, or one direction v with eps = ||v||_2.

    Examples
    --------
    >>> theorem = bound("Theorem 1.2")
    >>> needed = theorem.noise_needed(radius=1.0, dim=4, p=2, delta=0.5)
    >>> round(needed, 12), round(theorem.largest_radius(needed, dim=4, p=2, delta=0.5), 12)
    (0.01, 1.0)
    """

    name: str
    source: str
    statement: str
    moment: str
    power: int
    coefficient: Coefficient = field(repr=False)
    orders: tuple[float, float] = (1.0, float("inf"))
    line: bool = False

    def applies(self, dim: int, p: float) -> bool:
        """Whether the theorem speaks about this dimension and norm."""
        return self.orders[0] <= p <= self.orders[1] and (not self.line or dim == 1)

    def noise_needed(self, radius: float, *, dim: int, p: Any, delta: float) -> float:
        """Smallest `moment` with which any noise can allow this radius, rounded down.

        Parameters
        ----------
        radius : float
            eps >= 0, in the l_p norm.
        dim : int
            Number of coordinates. For the bound on the i-th largest variance it is d-i+1.
        p : float
            Order of the adversary's norm, infinity allowed.
        delta : float
            Total variation allowed within the radius, in (0, 1).

        Raises
        ------
        InvalidInputError
            An argument is out of range, or the theorem does not cover this p or dimension.
        """
        eps = _not_negative("radius", radius)
        with mpmath.workdps(DIGITS):
            return round_down(self._coefficient(dim, p, delta) * mpmath.mpf(eps) ** self.power)

    def largest_radius(self, noise: float, *, dim: int, p: Any, delta: float) -> float:
        """Largest radius that a noise of this `moment` can allow, rounded up."""
        moment = _not_negative("noise", noise)
        with mpmath.workdps(DIGITS):
            ratio = mpmath.mpf(moment) / self._coefficient(dim, p, delta)
            return round_up(ratio ** (mpmath.mpf(1) / self.power))

    def _coefficient(self, dim: int, p: Any, delta: float) -> Any:
        d, order, value = check_dim(dim), as_order(p), as_delta(delta)
        if not self.orders[0] <= order <= self.orders[1]:
            legal = f"from {self.orders[0]:g} to {self.orders[1]:g} for {self.name}"
            raise invalid("p", legal, p, "nogo.largest_radius picks the bounds that apply")
        if self.line and d != 1:
            legal = f"1 for {self.name}, which is about a line"
            raise invalid("dim", legal, dim, "project the noise on the direction of the shift")
        inverse = mpmath.mpf(0) if order == float("inf") else 1 / mpmath.mpf(order)
        return self.coefficient(mpmath.mpf(d), inverse, mpmath.mpf(value))


def _not_negative(name: str, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = float("nan")
    if not number >= 0.0:
        raise invalid(name, "a number >= 0", value, "radii and moments are not negative")
    return number


# Coefficients as functions of d, 1/p and delta, in the letters of the paper.


def _line_square(d: Any, inverse: Any, delta: Any) -> Any:
    return (1 - delta**2) / (12 * delta**2)


def _line_first(d: Any, inverse: Any, delta: Any) -> Any:
    return (1 - delta) / (4 * delta)


_BLUM = "Blum et al. 2020"
_HERE = "docs/nogo.md"
_TWO_UP = (2.0, float("inf"))
_ONE_TO_TWO = (1.0, 2.0)

BOUNDS: tuple[NoiseBound, ...] = (
    NoiseBound(
        "Lemma 3.1",
        _BLUM,
        "E|eta|^2 >= eps^2 (1-delta) / (200 delta^2) on the line",
        LINE_SECOND,
        2,
        lambda d, inverse, delta: (1 - delta) / (200 * delta**2),
        line=True,
    ),
    NoiseBound(
        "Lemma 3.2",
        _BLUM,
        "E|eta|^2 >= eps^2 (1-delta) / 8 on the line",
        LINE_SECOND,
        2,
        lambda d, inverse, delta: (1 - delta) / 8,
        line=True,
    ),
    NoiseBound(
        "Lemma 3.3",
        _BLUM,
        "E|eta| >= eps (1-delta)^2 / (8 delta) on the line",
        LINE_FIRST,
        1,
        lambda d, inverse, delta: (1 - delta) ** 2 / (8 * delta),
        line=True,
    ),
    NoiseBound(
        "Lemma 3.3, squared",
        _BLUM,
        "E|eta|^2 >= eps^2 (1-delta)^4 / (64 delta^2) on the line",
        LINE_SECOND,
        2,
        lambda d, inverse, delta: (1 - delta) ** 4 / (64 * delta**2),
        line=True,
    ),
    NoiseBound(
        "Corollary 3.4",
        _BLUM,
        "E||eta||_2^2 >= d eps^2 (1-delta) / (200 delta^2), from v = eps e_i for every i",
        SECOND_MOMENT,
        2,
        lambda d, inverse, delta: d * (1 - delta) / (200 * delta**2),
        orders=_ONE_TO_TWO,
    ),
    NoiseBound(
        "Theorem 1.2",
        _BLUM,
        "E||eta||_2^2 >= eps^2 d^(2-2/p) (1-delta) / (800 delta^2)",
        SECOND_MOMENT,
        2,
        lambda d, inverse, delta: d ** (2 - 2 * inverse) * (1 - delta) / (800 * delta**2),
        orders=_TWO_UP,
    ),
    NoiseBound(
        "Lemma 3.7",
        _BLUM,
        "i-th largest E eta_i^2 >= eps^2 (d-i+1)^(1-2/p) (1-delta) / (800 delta^2)",
        VARIANCE_OF_RANK,
        2,
        lambda d, inverse, delta: d ** (1 - 2 * inverse) * (1 - delta) / (800 * delta**2),
        orders=_TWO_UP,
    ),
    NoiseBound(
        "Lemma C.1",
        _BLUM,
        "E||eta||_2 >= eps d^(1-1/p) (1-delta) / (24 delta)",
        FIRST_MOMENT,
        1,
        lambda d, inverse, delta: d ** (1 - inverse) * (1 - delta) / (24 * delta),
        orders=_TWO_UP,
    ),
    NoiseBound(
        "line, second moment",
        _HERE,
        "E|eta|^2 >= eps^2 (1-delta^2) / (12 delta^2) on the line; equality at delta = 1/n",
        LINE_SECOND,
        2,
        _line_square,
        line=True,
    ),
    NoiseBound(
        "line, first moment",
        _HERE,
        "E|eta| >= eps (1-delta) / (4 delta) on the line",
        LINE_FIRST,
        1,
        _line_first,
        line=True,
    ),
    NoiseBound(
        "sign average, second moment",
        _HERE,
        "E||eta||_2^2 >= eps^2 d^max(2-2/p, 1) (1-delta^2) / (12 delta^2)",
        SECOND_MOMENT,
        2,
        lambda d, inverse, delta: d ** max(2 - 2 * inverse, 1) * _line_square(d, inverse, delta),
    ),
    NoiseBound(
        "sign average, first moment",
        _HERE,
        "E||eta||_2 >= eps d^max(1-1/p, 1/2) (1-delta) / (4 delta)",
        FIRST_MOMENT,
        1,
        lambda d, inverse, delta: (
            d ** max(1 - inverse, mpmath.mpf(1) / 2) * _line_first(d, inverse, delta)
        ),
    ),
)


def bound(name: str) -> NoiseBound:
    """The bound of that name.

    Raises
    ------
    InvalidInputError
        No bound has this name; the message lists them.

    Examples
    --------
    >>> bound("Lemma C.1").statement
    'E||eta||_2 >= eps d^(1-1/p) (1-delta) / (24 delta)'
    """
    for candidate in BOUNDS:
        if candidate.name == name:
            return candidate
    legal = "one of " + ", ".join(b.name for b in BOUNDS)
    raise invalid("name", legal, name, "see nogo.BOUNDS for the statements")

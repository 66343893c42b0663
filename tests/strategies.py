"""The one home of Hypothesis strategies: small ones, to be combined in tests."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["large_probabilities", "near_half", "probabilities", "scales", "small_tails", "tails"]


def _power_of_ten(exponent: float) -> float:
    return float(10.0**exponent)


def small_tails() -> st.SearchStrategy[float]:
    """1 - rho from 1e-15 to 1e-2, evenly in the exponent."""
    return st.floats(-15, -2).map(_power_of_ten)


def near_half() -> st.SearchStrategy[float]:
    """1 - rho just below 1/2, by 1e-12 to 1e-2."""
    return st.floats(-12, -2).map(lambda e: 0.5 - _power_of_ten(e))


def tails() -> st.SearchStrategy[float]:
    """1 - rho on (0, 1/2), both ends included in spirit."""
    return st.one_of(small_tails(), st.floats(1e-3, 0.499), near_half())


def large_probabilities() -> st.SearchStrategy[float]:
    """Rho as a plain float on (1/2, 1)."""
    return st.floats(0.5, 1.0, exclude_min=True, exclude_max=True)


def probabilities() -> st.SearchStrategy[float]:
    """A probability strictly between 0 and 1, also near both ends."""
    return st.one_of(
        st.floats(1e-9, 1e-3), st.floats(1e-3, 0.999), st.floats(1e-9, 1e-3).map(lambda p: 1 - p)
    )


def scales() -> st.SearchStrategy[float]:
    """A scale lambda from 1e-3 to 1e3."""
    return st.floats(-3, 3).map(_power_of_ten)

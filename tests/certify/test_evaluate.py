"""Certified accuracy, envelopes and tables on lists small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.evaluate import (
    accuracy_curve,
    accuracy_table,
    average_certified_radius,
    certified_accuracy,
    envelope,
)
from numerics.errors import InvalidInputError


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 1.5]), st.booleans()), min_size=1),
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 2.0]), min_size=1),
)
def test_against_counting_one_by_one(images, at):
    radius, correct = zip(*images, strict=True)
    expected = [sum(c and r >= e for r, c in images) / len(images) for e in at]
    assert certified_accuracy(radius, correct, at).tolist() == expected


def test_a_radius_exactly_reached_counts():
    assert certified_accuracy([0.5], [True], [0.5, np.nextafter(0.5, 1)]).tolist() == [1.0, 0.0]


def test_infinite_radii():
    assert certified_accuracy([np.inf, 1.0], [True, True], [5.0, np.inf]).tolist() == [0.5, 0.5]


def test_average_certified_radius():
    assert average_certified_radius([1.0, 2.0], [True, False]) == 0.5


def test_envelope_is_the_best_and_says_whose_it_is():
    at = np.array([0.0, 1.0, 2.0])
    small = accuracy_curve("small", [0.5, 0.5, 1.0], [True] * 3, at)
    large = accuracy_curve("large", [2.0, 0.0, 1.5], [True, False, True], at)
    best = envelope("both", [small, large])
    assert best.accuracy == pytest.approx([1.0, 2 / 3, 1 / 3], rel=1e-15)
    assert best.best == ("small", "large", "large")
    table = accuracy_table([small, large, best], [0.0, 2.0])
    assert table.splitlines()[2] == "| small | 1 | 0 |"
    assert table.splitlines()[4] == "| both | 1 | 0.3333 |"


@pytest.mark.parametrize(
    ("radius", "correct", "at"),
    [
        ([0.1], [True, False], [0.0]),
        ([], [], [0.0]),
        ([float("nan")], [True], [0.0]),
        ([-1.0], [True], [0.0]),
        ([1.0], [True], [-0.5]),
    ],
)
def test_bad_input(radius, correct, at):
    with pytest.raises(InvalidInputError):
        certified_accuracy(radius, correct, at)


def test_bad_curves():
    with pytest.raises(InvalidInputError, match="at least one curve"):
        envelope("none", [])
    one = accuracy_curve("a", [1.0], [True], [0.0])
    other = accuracy_curve("b", [1.0], [True], [0.5])
    with pytest.raises(InvalidInputError, match="same radii"):
        envelope("both", [one, other])
    with pytest.raises(InvalidInputError, match="radii of the curve 'a'"):
        accuracy_table([one], [0.25])

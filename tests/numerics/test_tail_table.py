"""Tail tables against the functions they tabulate: bulk, tails, kinks and jumps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from numerics.errors import PrecisionError
from numerics.tail_table import build_tail_table, signed_tails

RNG = np.random.default_rng(30)
#: Tails in (0, 1/2]: uniform, log-uniform down to 2^-54, and crowded at 1/2.
TAILS = np.concatenate(
    [
        RNG.random(20_000) / 2,
        2.0 ** -(1 + 53 * RNG.random(20_000)),
        0.5 - 2.0 ** -(2 + 50 * RNG.random(2000)),
    ]
)


def odd(lower):
    return lower, lambda p: -lower(p)


FUNCTIONS = {
    "normal": odd(ndtri),
    "Laplace": odd(lambda p: np.log(2 * p)),
    "Cauchy": odd(lambda p: -1 / np.tan(np.pi * p)),
    "heavy": odd(lambda p: 1 - (2 * p) ** -4.0),
    "half line": (lambda p: -np.log1p(-p), lambda p: -np.log(p)),
    "kink": odd(lambda p: -np.abs(p - 0.3) - 1),
    "root inside": odd(lambda p: -2 - np.cbrt(p - 0.2)),
    "root in the middle": odd(lambda p: -np.cbrt(0.5 - p)),
}
#: Next to a root the last interval, 2^-36 of p wide, holds one value: cbrt(2^-38) = 1.5e-4 away.
ROOT_SLACK = {"root inside": 2e-4, "root in the middle": 2e-4}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_are_as_accurate_as_promised(name):
    """1e-12 of the largest value near p, 16 roundings of p, and 16 of the typical value."""
    lower, upper = FUNCTIONS[name]
    table = build_tail_table(lower, upper)
    eps = 2.0**-52
    for side, function in ((-1, lower), (1, upper)):
        exact = function(TAILS)
        # A bin is at most 1/64 of p wide, a piece at most p: both ends bound a monotone function.
        around = [function(np.clip(TAILS * f, 2.0**-54, 0.5)) for f in (0.5, 2.0)]
        largest = np.max(np.abs([exact, *around]), axis=0)
        moved = np.abs(function(np.minimum(TAILS * (1 + 16 * eps), 0.5)) - exact)
        typical = np.abs(function(np.array([0.25]))).max()
        error = np.abs(table(side * TAILS) - exact)
        allowed = 1e-12 * largest + moved + 16 * eps * typical
        assert (error <= allowed + ROOT_SLACK.get(name, 0)).all()


def test_smooth_functions_never_leave_the_bins():
    table = build_tail_table(*odd(ndtri))
    inner = table.bins.reshape(2, -1, table.bins.shape[1])[:, 1:-1]
    assert np.isfinite(inner).all()
    assert np.isnan(table.bins[0]).all()


def test_a_jump_costs_few_bins_and_no_value_between_its_ends():
    def lower(p):
        return np.where(p < 0.3, -2.0, -1.0)

    table = build_tail_table(*odd(lower))
    near = 0.3 + np.arange(-2000, 2001) * 2.0**-54
    values = table(-near)
    assert np.minimum(np.abs(values + 2), np.abs(values + 1)).max() < 1e-12
    assert np.isnan(table.bins[:, 0]).sum() <= 2 * 2 + 4
    # The place of the jump is right to the width of the last interval, 2^-36 of p.
    wide = 0.3 * (1 + np.linspace(-1, 1, 4001) * 2.0**-30)
    wrong = wide[np.abs(table(-wide) - lower(wide)) > 0.5]
    assert np.abs(wrong - 0.3).max(initial=0) <= 0.3 * 2.0**-36


def test_uniforms_are_read_as_their_tails():
    table = build_tail_table(*odd(ndtri))
    uniforms = np.append(RNG.random(1000), [0.0, 2.0**-53, 0.5, 1 - 2.0**-53]).reshape(4, 251)
    assert np.array_equal(table.at_uniforms(uniforms), table(signed_tails(uniforms)))


def test_both_ends_are_equally_fine():
    """Grid point k of 2^53 stands for (k + 1/2) 2^-53, seen from the nearer end, exactly."""
    k = np.array([0, 1, 7, 2**52 - 1, 2**52, 2**53 - 8, 2**53 - 2, 2**53 - 1])
    twice = 2 * k + 1
    expected = np.where(k < 2**52, -twice, 2**54 - twice)
    assert np.array_equal(signed_tails(k * 2.0**-53), expected * 2.0**-54)


def test_tails_beyond_the_table_count_as_its_end():
    table = build_tail_table(*odd(lambda p: np.log(p)), octaves=20)
    assert table(np.array([1e-300]))[0] == pytest.approx(21 * np.log(2), rel=1e-13)


def test_noise_without_limit_is_refused():
    noise = np.random.default_rng(1)
    with pytest.raises(PrecisionError, match="settle"):
        build_tail_table(*odd(lambda p: noise.normal(size=p.shape)))


def test_infinite_values_are_refused():
    with pytest.raises(PrecisionError, match="finite"):
        build_tail_table(*odd(lambda p: np.where(p < 0.1, -np.inf, -1.0)))

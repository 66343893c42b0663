"""New radii from old evidence: synthetic logs with known answers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from certify.confidence import clopper_pearson_lower
from certify.log_reader import COHEN_COLUMNS
from certify.recertify import (
    Counts,
    counts_from_npz,
    recertify_counts,
    recertify_levels,
    recertify_log,
    tail_from_radius,
)
from numerics.errors import InvalidInputError, LogFormatError
from tests.reference.stand_in_radius import StandInRadius

GAUSSIAN = StandInRadius("gaussian", scale=0.5)
CUBE = StandInRadius("uniform", scale=2.0)


def make_counts(predict=(3, 3, -1), count=(900, 800, 450), n=1000):
    size = len(predict)
    whole = np.arange(size)
    return Counts(
        whole,
        np.full(size, 3),
        np.array(predict),
        np.array(count),
        np.full(size, n),
    )


def test_counts_become_radii():
    result = recertify_counts(make_counts(), CUBE, alpha=1e-3)
    expected = 4.0 * (clopper_pearson_lower([900, 800], 1000, 1e-3) - 0.5)
    assert result.radius[:2] == pytest.approx(expected, rel=1e-14)
    assert (result.radius[:2] <= expected).all()
    assert result.radius[2] == 0.0
    assert result.correct.tolist() == [True, True, False]


def test_a_class_below_one_half_is_not_correct():
    result = recertify_counts(make_counts((3, 3, 3), (900, 520, 100)), CUBE, alpha=1e-3)
    assert result.correct.tolist() == [True, False, False]
    assert result.radius[1:].tolist() == [0.0, 0.0]


@given(st.lists(st.floats(1e-9, 0.499), min_size=1, max_size=20), st.sampled_from([2, 3, 4]))
def test_printed_radius_never_proves_too_much(tails, digits):
    """Round to nearest as Cohen's print does, read back: the tail is not below the true one."""
    true = np.array(tails)
    exact = -0.5 * ndtri(true)
    printed = np.array([float(f"{r:.{digits}}") for r in exact])
    recovered = tail_from_radius(printed, GAUSSIAN, rounding="nearest", digits=digits)
    assert (recovered >= true).all()
    # nor far above it: the radius it gives is within one unit of the last printed digit
    again = GAUSSIAN(tail=recovered)
    assert (again >= exact * (1 - 1.01 * 10.0 ** (1 - digits))).all()


@given(st.lists(st.floats(1e-9, 0.499), min_size=1, max_size=20))
def test_face_value_inverts_exactly(tails):
    radii = GAUSSIAN(tail=np.array(tails))
    recovered = tail_from_radius(radii, GAUSSIAN, rounding="down")
    assert (recovered >= np.array(tails)).all()
    # 1e-12 is the allowance for foreign arithmetic; near tail 1/2 a step of the tail is 1e-16.
    assert GAUSSIAN(tail=recovered) == pytest.approx(radii, rel=2e-12, abs=1e-14)


def test_radius_beyond_the_noise_is_refused():
    with pytest.raises(InvalidInputError, match="printed radius must be at most 2"):
        tail_from_radius([2.1], CUBE, rounding="down")
    with pytest.raises(InvalidInputError, match="rounding"):
        tail_from_radius([0.1], CUBE, rounding="up")


def test_cohen_log_to_another_norm(tmp_path):
    path = tmp_path / "cohen.tsv"
    path.write_text(
        "\t".join(COHEN_COLUMNS)
        + "\n0\t3\t3\t1.0\t1\t1.5\n1\t3\t-1\t0.0\t0\t1.5\n2\t3\t5\t0.5\t0\t1.5\n"
    )
    linf = dataclasses.replace(GAUSSIAN, factor=0.5, adversary="linf")
    near = recertify_log(path, linf, old=GAUSSIAN)
    assert near.radius == pytest.approx([0.4975, 0.0, 0.24975], rel=1e-9)
    face = recertify_log(path, linf, old=GAUSSIAN, rounding="down")
    assert face.radius == pytest.approx([0.5, 0.0, 0.25], rel=1e-9)
    assert (face.radius[[0, 2]] <= [0.5, 0.25]).all()
    assert face.correct.tolist() == [True, False, False]
    assert (face.prob_lower[[0, 2]] > 0.5).all()
    with pytest.raises(InvalidInputError, match="old must be a RadiusFunction"):
        recertify_log(path, linf)
    with pytest.raises(InvalidInputError, match="alpha must be None"):
        recertify_log(path, linf, old=GAUSSIAN, alpha=1e-3)


def test_npz_levels(tmp_path):
    path = tmp_path / "counts.npz"
    arrays = {
        "label": np.array([3, 4], dtype=np.int16),
        "predict_1.0": np.array([3, 4], dtype=np.int16),
        "count_1.0": np.array([900, 990]),
        "predict_0.25": np.array([3, 2], dtype=np.int16),
        "count_0.25": np.array([1000, 1000]),
    }
    np.savez(path, **arrays)
    levels = counts_from_npz(path, n=1000)
    assert list(levels) == ["0.25", "1.0"]
    results = recertify_levels(levels, lambda s: StandInRadius("uniform", s), alpha=1e-3)
    assert results["0.25"].correct.tolist() == [True, False]
    best = 2 * 0.25 * (0.001 ** (1 / 1000) - 0.5)
    assert results["0.25"].radius == pytest.approx([best, best], rel=1e-13)
    with pytest.raises(InvalidInputError, match=r"at most the number of trials \(999\), got 1000"):
        counts_from_npz(path, n=999)
    np.savez(path, **{k: v for k, v in arrays.items() if k != "predict_1.0"})
    with pytest.raises(LogFormatError, match=r"no array 'predict_1\.0'"):
        counts_from_npz(path, n=1000)
    np.savez(path, **{**arrays, "count_1.0": np.array([900])})
    with pytest.raises(LogFormatError, match=r"noise level 1.0 differ in shape"):
        counts_from_npz(path, n=1000)


def test_an_estimate_recertifies_nothing():
    """Radii of an unproved worst direction carry the guarantee "estimate"."""
    counts = Counts(*(np.array([value]) for value in (0, 1, 1, 990, 1000)))
    estimate = StandInRadius("gaussian", guarantee="estimate")
    for accept in (("proved", "conservative"), ("statistical",)):
        with pytest.raises(InvalidInputError, match="got 'estimate'"):
            recertify_counts(counts, estimate, alpha=1e-3, accept=accept)
    statistical = StandInRadius("gaussian", guarantee="statistical")
    with pytest.raises(InvalidInputError, match="got 'statistical'"):
        recertify_counts(counts, statistical, alpha=1e-3)
    found = recertify_counts(counts, statistical, alpha=1e-3, accept=("statistical",))
    assert found.radius[0] > 0.0


def test_why_a_radius_certifies_nothing_is_said():
    counts = Counts(*(np.array([value]) for value in (0, 1, 1, 990, 1000)))
    estimate = StandInRadius("gaussian", guarantee="estimate")
    object.__setattr__(estimate, "refusal", "the worst direction has no proof")
    with pytest.raises(InvalidInputError, match="the worst direction has no proof: it certifies"):
        recertify_counts(counts, estimate, alpha=1e-3)

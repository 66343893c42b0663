"""Outputs of trained networks that others published: their certified accuracies come out again.

The files lie beside the repository and are not part of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import radii
from certify.confidence import clopper_pearson_lower
from certify.evaluate import accuracy_curve, certified_accuracy, envelope
from certify.log_reader import read_log
from certify.recertify import (
    counts_from_npz,
    recertify_levels,
    recertify_log,
    recertify_radii,
    tail_from_radius,
)
from smoothing import families

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LOGS = DATA / "gaussian_logs"

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="../shared/data is absent")

L1_RADII = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])

#: Best certified l1 accuracy over sigma, from ../shared/data/README.md.
ROWS = {
    "cifar10": (3072, [0.7055, 0.5848, 0.5079, 0.4319, 0.3326, 0.2599, 0.2066, 0.1717]),
    "imagenet": (150_528, [0.546, 0.406, 0.388, 0.362, 0.330, 0.292, 0.166, 0.148]),
}


@pytest.mark.parametrize("data", ROWS)
def test_uniform_noise_envelope_over_sigma(data):
    dim, expected = ROWS[data]
    levels = counts_from_npz(DATA / f"{data}_uniform_noise_augmentation.npz", n=100_000)
    results = recertify_levels(
        levels,
        lambda sigma: radii.derive(families.uniform_cube(dim, sigma=sigma), "l1"),
        alpha=1e-3,
    )
    curves = [accuracy_curve(s, r.radius, r.correct, L1_RADII) for s, r in results.items()]
    # The rows are printed with four digits, which 0.0005 covers.
    assert envelope(data, curves).accuracy == pytest.approx(expected, abs=5e-4)


#: Dimension and sigma of the logs with l2 radii.
GAUSSIAN_LOGS = {
    "cifar10_resnet110_sigma_0.25.tsv": (3072, 0.25),
    "cifar10_resnet110_sigma_0.50.tsv": (3072, 0.5),
    "imagenet_resnet50_sigma_0.50.tsv": (150_528, 0.5),
}


@pytest.mark.parametrize("name", GAUSSIAN_LOGS)
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_gaussian_logs_in_every_norm(name, norm):
    """Gaussian noise gives the same radius in l1 and l2, and 1 / sqrt(dim) of it in linf."""
    dim, sigma = GAUSSIAN_LOGS[name]
    q = families.gaussian(dim, sigma=sigma)
    log = read_log(LOGS / name)
    new = radii.derive(q, norm)
    factor = dim**-0.5 if norm == "linf" else 1.0
    at = factor * np.array(
        [0.1005, 0.2505, 0.4995, 0.7505, 1.0025, 1.4975]
    )  # between printed numbers
    printed = certified_accuracy(log.radius * factor, log.correct, at)
    face = recertify_log(LOGS / name, new, old=radii.derive(q, "l2"), rounding="down")
    assert certified_accuracy(face.radius, face.correct, at).tolist() == printed.tolist()
    # Read as rounded numbers, radii shrink by half a unit of the third digit at most.
    safe = recertify_log(LOGS / name, new, old=radii.derive(q, "l2"))
    assert (safe.radius <= face.radius).all()
    assert safe.radius == pytest.approx(face.radius, rel=5.1e-3)
    assert (certified_accuracy(safe.radius, safe.correct, at) <= printed).all()


def test_trades_log_at_linf_radius_two_levels_of_grey():
    """62.2 % of 500 images at 2/255 (the paper's 62.6 % is on all 10,000 test images)."""
    q = families.gaussian(3072, sigma=0.12)
    old = radii.derive(q, "linf")
    log = read_log(LOGS / "cifar10_trades_sigma_0.12_linf.tsv")
    for rounding in ("nearest", "down"):
        result = recertify_radii(log, old, old, rounding=rounding)
        accuracy = certified_accuracy(result.radius, result.correct, [2 / 255])
        assert accuracy == pytest.approx([0.622], abs=1e-12)
    # The same run against l1: the radius of all of n copies, 0.12 ndtri(0.001 ** 1e-5) = 0.45737,
    # was printed with three digits.
    against_l1 = recertify_radii(log, old, radii.derive(q, "l1"))
    assert against_l1.radius.max() == pytest.approx(0.12 * 3.8115, rel=1.5e-3)
    assert against_l1.radius.max() <= 0.12 * 3.8115


@pytest.mark.parametrize("name", GAUSSIAN_LOGS)
def test_largest_printed_radii_are_those_of_whole_counts(name):
    """n, n - 1, n - 2 of n = 100,000 copies: the limit, the radius and the print all agree.

    They do at a failure probability of 0.01 per image, and not at the 0.001 of the paper: the
    files must have been made with the former.
    """
    dim, sigma = GAUSSIAN_LOGS[name]
    radius = radii.derive(families.gaussian(dim, sigma=sigma), "l2")
    n = 100_000
    limits = clopper_pearson_lower(n - np.arange(3), n, alpha=0.01)
    expected = [float(f"{value:.3}") for value in radius(tail=1.0 - limits)]
    log = read_log(LOGS / name)
    assert sorted(set(log.radius), reverse=True)[:3] == expected
    # Read back from the print, each tail covers the one of its count.
    recovered = tail_from_radius(expected, radius, rounding="nearest")
    assert (recovered >= 1.0 - limits).all()

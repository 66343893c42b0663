"""Attacks: what they find where the answer is known, and that certificates withstand them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from torch import nn
from typer.testing import CliRunner

import radii
from certify.attacked_accuracy import attacked_accuracy
from certify.attacks import AttackSettings, attack
from certify.balls import norms
from certify.data_files import load_data
from certify.models import small_cnn
from certify.smoothed_classifier import SmoothedClassifier
from certify.training import TrainingSettings, train_with_noise
from numerics.errors import InvalidInputError
from radii.cli import app
from smoothing import families

#: A half-space in ten dimensions: class 0 where W.x > 0.
DIM = 10
W = torch.linspace(-1.0, 2.0, DIM, dtype=torch.float64)


class HalfSpace(nn.Module):
    """Logits (w.x, 0)."""

    def __init__(self, w=W):
        super().__init__()
        self.w = nn.Parameter(w, requires_grad=False)
        self.eval()

    def forward(self, x):
        value = x.flatten(1) @ self.w
        return torch.stack([value, torch.zeros_like(value)], dim=1)


def at_distance(distance, w=W):
    """The point on the normal of the half-space at an l2 distance from its boundary."""
    return (distance * w / w.norm()).unsqueeze(0)


def test_half_space_under_gaussian_noise_has_its_distance_as_radius():
    """rho = N(distance/sigma), and R(rho) = sigma N^-1(rho) is the distance again, in l2."""
    q = families.gaussian(DIM, sigma=0.5)
    radius = radii.derive(q, "l2")
    for distance in (0.01, 0.4, 1.5):
        tail = float(ndtr(-distance / 0.5))
        found = float(radius(tail=tail))
        # ndtr is good to a few eps, which the slope of N^-1 in the tail (here below 40) amplifies.
        assert found <= distance * (1 + 1e-13)
        assert found == pytest.approx(distance, rel=1e-9)


def test_half_space_under_uniform_noise_has_its_distance_as_radius():
    """Noise on [-lambda, lambda]: rho = 1/2 + distance/(2 lambda) along an axis, R the distance."""
    radius = radii.derive(families.uniform_cube(DIM, scale=2.0), "l1")
    for distance in (0.125, 1.0, 1.75):
        assert float(radius(tail=0.5 - distance / 4)) == pytest.approx(distance, rel=1e-12)


@pytest.mark.parametrize("ball", ["l1", "l2", "linf"])
def test_attacks_find_the_distance_to_a_half_space(ball):
    """Below the distance no class changes; 10 % above it the search finds where it does."""
    q = families.gaussian(DIM, sigma=0.3)
    dual = {"l1": "linf", "l2": "l2", "linf": "l1"}[ball]
    x = at_distance(0.5)
    distance = 0.5 * float(W.norm()) / float(norms(W.unsqueeze(0), dual))
    smoothed = SmoothedClassifier(HalfSpace(), q, ball)
    certificate = smoothed.certify(x, n=20_000, n0=16, alpha=1e-6, seed=1)[0]
    # 20,000 copies at alpha = 1e-6 come within 10 % of the exact radius, which for l2 (and for the
    # others, by the l2 ball inside) is at most the distance.
    assert certificate.prediction == 0
    assert certificate.radius <= distance
    if ball == "l2":
        assert certificate.radius >= 0.9 * distance
    settings = AttackSettings(steps=40, copies=8)
    for factor, changed in ((0.98, False), (1.1, True)):
        point = attack(smoothed, x, [0], factor * distance, settings=settings)
        assert float(norms((point - x), ball)) <= factor * distance
        assert bool((W @ point[0]) < 0) == changed


def test_constant_classifier():
    """rho = 1: the limit is alpha^(1/n), and no attack has a gradient to follow."""
    q = families.laplace(DIM, sigma=0.5)
    smoothed = SmoothedClassifier(HalfSpace(0 * W), q, "l1")
    images = torch.rand(2, DIM, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    batch = smoothed.certify(images, n=500, alpha=1e-3)
    # Equal logits: the first class wins everywhere. R = -lambda log(2 (1 - rho)).
    exact = -(0.5 / np.sqrt(2)) * np.log(2 * -np.expm1(np.log(1e-3) / 500))
    assert batch.radius == pytest.approx(exact, rel=1e-9)
    assert (batch.radius <= exact * (1 + 1e-14)).all()
    assert float(smoothed.smoother.radius(tail=0.0)) == np.inf
    points = attack(smoothed, images, [0, 0], batch.radius, settings=AttackSettings(steps=3))
    assert smoothed.predict(points, n=100).tolist() == [0, 0]


def test_bad_input():
    q = families.gaussian(DIM, sigma=0.3)
    smoothed = SmoothedClassifier(HalfSpace(), q, "l2")
    x = at_distance(0.5)
    with pytest.raises(InvalidInputError, match="radius must be finite"):
        attack(smoothed, x, [0], np.inf)
    with pytest.raises(InvalidInputError, match="norm must be one of"):
        attack(smoothed, x, [0], 1.0, norm="l3")
    with pytest.raises(InvalidInputError, match="steps must be"):
        AttackSettings(steps=0)
    numbers = SmoothedClassifier(lambda v: (v @ W > 0).long(), q, "l2")
    with pytest.raises(InvalidInputError, match="must be logits"):
        attack(numbers, x, [0], 1.0)
    assert torch.equal(attack(smoothed, x, [0], 0.0), x)


#: For each norm the noise that fits it, and how strongly.
PAIRS = {
    "l1": lambda: families.uniform_cube(64, sigma=0.5),
    "l2": lambda: families.gaussian(64, sigma=0.35),
    "linf": lambda: families.gaussian(64, sigma=0.35),
}


def certified_digits(q, norm, count, epochs, n):
    """A trained model, its certificates on `count` test images, and those images."""
    digits, model = load_data("digits").first(count), small_cnn()
    train_with_noise(model, load_data("digits?part=train"), q, TrainingSettings(epochs=epochs))
    smoothed = SmoothedClassifier(model, q, norm)
    # One probability of error for all images together.
    batch = smoothed.certify(digits.images, labels=digits.labels, n=n, family=count, seed=3)
    return smoothed, digits, batch


def violations(norm, count, epochs, n, settings, share):
    """Images whose class changes under attack at `share` of their certified radius."""
    smoothed, digits, batch = certified_digits(PAIRS[norm](), norm, count, epochs, n)
    held = batch.radius > 0
    radius = np.where(held, share * batch.radius, 0.0)
    classes = np.where(held, batch.prediction, 0)
    points = attack(smoothed, digits.images, classes, radius, settings=settings)
    assert (norms((points - digits.images).double(), norm).numpy() <= radius).all()
    # Undecided (-1) is no violation; a wrong decision has probability 1e-3 for all images together.
    named = smoothed.predict(points, n=n, alpha=1e-3 / count, seed=99)
    return int(held.sum()), int(((named != batch.prediction) & (named != -1) & held).sum())


@pytest.mark.parametrize("norm", PAIRS)
def test_no_attack_succeeds_within_a_certified_radius(norm):
    """Eight images; the full version below takes minutes."""
    settings = AttackSettings(steps=10, copies=16)
    certified, found = violations(norm, 8, 5, 500, settings, 1.0)
    assert certified >= 4
    assert found == 0


@pytest.mark.parametrize("norm", PAIRS)
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_no_strong_attack_succeeds_within_200_certified_radii(norm):
    settings = AttackSettings(steps=100, copies=64, restarts=3)
    certified, found = violations(norm, 230, 60, 10_000, settings, 1.0)
    assert certified >= 200
    assert found == 0


def test_attacks_do_succeed_far_outside():
    """Otherwise the tests above would say nothing about certificates."""
    certified, found = violations("l2", 8, 5, 500, AttackSettings(steps=10, copies=16), 8.0)
    assert found >= certified / 2


def test_attacked_accuracy_lies_above_certified():
    q = families.gaussian(64, sigma=0.25)
    smoothed, digits, batch = certified_digits(q, "l2", 12, 6, 500)
    settings = AttackSettings(steps=8, copies=8)
    result = attacked_accuracy(
        smoothed, digits.images, digits.labels, batch, [0.2, 0.5, 2.0], settings=settings, n=300
    )
    assert result.violations == ()
    assert (result.certified <= result.empirical + 2 / 12).all()  # 300 copies may not decide
    assert (np.diff(result.certified) <= 0).all()
    assert result.empirical[2] < result.empirical[0]


def test_command(tmp_path):
    options = ["--data", "digits", "--psi", "norm(x, 2)**2/2", "--sigma", 0.5, "-a", "l2"]
    few = ["-n", 200, "--max", 3, "--steps", 2, "--copies", 4, "--predict-n", 100]
    log = ["--log", tmp_path / "run.tsv"]

    def call(*more):
        arguments = ["attack", "certify.models:small_cnn", *options, *few, *more]
        return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})

    done = call("--at", "0.1", "--at", "1/4", *log)
    assert done.exit_code == 0, done.output
    assert "| 0.1 | " in done.output
    assert "violations 0 of 6" in done.output
    again = call("--at", "0.1", *log)  # certificates come from the log
    assert again.exit_code == 0, again.output
    assert "--at must be radii > 0" in call("--at", "0").output

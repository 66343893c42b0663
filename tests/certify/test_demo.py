"""Data, training and the demonstration, on a small scale."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from rich.console import Console

from certify.datasets import load_digits
from certify.demo import DemoSettings, main, run
from certify.demo_report import envelopes, winners
from certify.evaluate import Curve
from certify.log_reader import read_log
from certify.models import multiply_adds, small_cnn
from certify.plots import plot_curves
from certify.training import TrainingSettings, train_with_noise
from numerics.errors import InvalidInputError
from smoothing import families


def test_digits_split():
    digits = load_digits()
    assert (len(digits.train), len(digits.test)) == (1397, 400)
    assert digits.train.images.shape[1:] == (1, 8, 8)
    assert float(digits.train.images.min()) == 0.0
    assert float(digits.train.images.max()) == 1.0
    assert set(digits.test.labels.tolist()) == set(range(10))
    both = torch.cat([digits.train.images, digits.test.images]).flatten(1)
    # scikit-learn's set has no repeated image, so none is in both parts
    assert len(torch.unique(both, dim=0)) == 1797
    assert not torch.equal(load_digits(seed=1).test.labels, digits.test.labels)


def test_multiply_adds_of_the_small_network():
    # 8*8*8*9 + 4*4*32*8*9 + 512*10
    assert multiply_adds(small_cnn(), (1, 8, 8)) == 4608 + 36864 + 5120 <= 100_000


def test_initial_weights_follow_the_seed_alone():
    torch.manual_seed(1)
    first = small_cnn(seed=3)[0].weight
    torch.manual_seed(2)
    again, other = small_cnn(seed=3)[0].weight, small_cnn(seed=4)[0].weight
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_training_learns():
    """Six epochs at sigma = 0.25 (seed 0): far above the 10 % of guessing."""
    digits = load_digits()
    calls = []
    model = small_cnn()
    train_with_noise(
        model,
        digits.train,
        families.laplace(64, sigma=0.25),
        TrainingSettings(epochs=6),
        report=lambda done, total: calls.append((done, total)),
    )
    assert calls[:2] == [(1, 6), (2, 6)]
    assert not model.training
    with torch.inference_mode():
        accuracy = (model(digits.test.images).argmax(1) == digits.test.labels).float()
    assert float(accuracy.mean()) > 0.8


def test_training_repeats():
    data = load_digits().train.first(300)
    losses = [
        train_with_noise(small_cnn(), data, families.laplace(64), TrainingSettings(2, seed=seed))
        for seed in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_diverging_training_is_reported():
    with pytest.raises(InvalidInputError, match="lower learning_rate"):
        train_with_noise(
            small_cnn(),
            load_digits().train,
            families.laplace(64),
            TrainingSettings(epochs=2, learning_rate=1e10),
        )


def test_plot_returns_its_axes_and_shows_nothing():
    curves = [Curve(name, np.array([0.0, 1.0]), np.array([0.9, 0.1])) for name in "ab"]
    axes = plot_curves(curves, adversary="l1", title="t", styles=[{"color": "red"}, {}])
    assert axes.get_xlabel() == "l1 radius"
    assert [line.get_label() for line in axes.get_lines()] == ["a", "b"]
    assert axes.get_lines()[0].get_color() == "red"
    assert plot_curves(curves, ax=axes) is axes
    with pytest.raises(InvalidInputError, match="styles"):
        plot_curves(curves, styles=[{}])


def test_winners_ties_and_nobody():
    radii = np.array([0.0, 1.0, 2.0, 3.0])
    a = Curve("a", radii, np.array([0.9, 0.5, 0.1, 0.0]))
    b = Curve("b", radii, np.array([0.8, 0.5, 0.2, 0.0]))
    assert winners([a, b]) == [("a",), ("a", "b"), ("b",), ()]


def test_small_demo(tmp_path):
    """The whole path, with little training: every output is there and agrees with the logs."""
    console = Console(record=True, width=120, file=io.StringIO())
    settings = DemoSettings(out=tmp_path, sigmas=(0.25,), images=4, samples=200, epochs=3)
    results = run(settings, console)
    text = console.export_text()
    assert [(r.noise, r.sigma) for r in results] == [
        ("uniform", 0.25),
        ("Laplace", 0.25),
        ("Gaussian", 0.25),
    ]
    assert "-log(2 - 2*rho)" in text  # the radius of Laplace noise against l1
    assert re.search(r"LaTeX +R\(\\rho\) = .*\\log", text)
    assert "46,592 multiply-adds" in text
    for name in ("envelopes", "uniform", "laplace", "gaussian"):
        assert (tmp_path / f"demo_{name}.png").stat().st_size > 1000
    for result in results:
        log = read_log(tmp_path / f"demo_{result.noise.lower()}_0.25.tsv")
        assert [r.count for r in log.records] == [c.count for c in result.batch]
        assert log.records[0].n == 200
    curves = envelopes(results, np.array([0.0]))
    for curve, result in zip(curves, results, strict=True):
        assert curve.accuracy[0] == result.batch.correct.mean()


def test_demo_command_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "--samples" in capsys.readouterr().out

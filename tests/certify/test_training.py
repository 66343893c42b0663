"""Training: every objective against its formula, balls against their definition, resuming."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from certify.balls import BALLS, ascent_step, norms, project
from certify.data_files import load_data
from certify.datasets import ImageSet
from certify.models import small_cnn
from certify.objectives import (
    OBJECTIVES,
    Adversarial,
    Direct,
    Stability,
    Trades,
    smoothed_loss,
)
from certify.training import TrainingSettings, paper_settings, train_with_noise
from certify.training_batches import Batches, Variation, pseudo_labelled
from numerics.errors import InvalidInputError
from smoothing import families

CPU = torch.device("cpu")


def seeded(number=0):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize("ball", BALLS)
def test_projections_are_the_nearest_points(ball):
    """Obtuse angles (x - p).(z - p) <= 0 with every z of the ball characterise the projection."""
    x = torch.randn(50, 3, 4, generator=seeded(1), dtype=torch.float64)
    radius = torch.linspace(0.0, 25.0, 50, dtype=torch.float64)
    p = project(x, radius, ball)
    assert (norms(p, ball) <= radius * (1 + 1e-12) + 1e-15).all()
    inside = norms(x, ball) <= radius
    assert inside.any()
    assert torch.equal(p[inside], x[inside])
    points = torch.randn(2000, 12, generator=seeded(2), dtype=torch.float64)
    corners = torch.cat([torch.eye(12), -torch.eye(12)]).double()
    points = torch.cat([points, points.sign(), corners])
    points /= norms(points, ball).unsqueeze(1)
    own = ((x - p) * p).flatten(1).sum(dim=1)
    best = ((x - p).flatten(1) @ points.T).max(dim=1).values * radius
    assert (best <= own + 1e-10).all()


@pytest.mark.parametrize("ball", BALLS)
def test_steps_of_ascent(ball):
    gradient = torch.randn(20, 30, generator=seeded(3), dtype=torch.float64)
    step = ascent_step(gradient, ball)
    assert norms(step, ball) == pytest.approx(1.0)
    # No direction of norm 1 has a larger derivative than the dual norm of the gradient.
    dual = {"l1": "linf", "l2": "l2", "linf": "l1"}[ball]
    assert (step * gradient).sum(dim=1) == pytest.approx(norms(gradient, dual))


#: Two classes, four inputs: logits (w.x, 0).
W = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 0.0, 0.0, 0.0]])


def linear():
    model = nn.Linear(4, 2, bias=False)
    model.weight.data = W.clone()
    return model.requires_grad_(False)


def batch(count=3):
    x = torch.rand(count, 4, generator=seeded(5))
    return x, torch.tensor([0, 1, 0])


def fixed_noise(k):
    return 0.3 * torch.randn(k, 3, 4, generator=seeded(6))


def test_losses_by_their_formulas():
    x, y = batch()
    model = linear()

    def p(inputs, c):  # probability of class c
        z = (inputs.double() @ W[0].double()).numpy()
        one = 1 / (1 + np.exp(-z))
        return one if c == 0 else 1 - one

    first = fixed_noise(1)[0]
    augmented = -np.mean([math.log(p((x + first)[i], int(y[i]))) for i in range(3)])
    assert float(OBJECTIVES["noise"]().loss(model, x, y, fixed_noise)) == pytest.approx(augmented)
    four = fixed_noise(4)
    direct = -np.mean([math.log(p((x + four)[:, i], int(y[i])).mean()) for i in range(3)])
    assert float(Direct(4).loss(model, x, y, fixed_noise)) == pytest.approx(direct)
    clean = -np.mean([math.log(p(x[i], int(y[i]))) for i in range(3)])
    divergence = np.mean(
        [
            sum(p(x[i], c) * math.log(p(x[i], c) / p((x + first)[i], c)) for c in (0, 1))
            for i in range(3)
        ]
    )
    stable = float(Stability().loss(model, x, y, fixed_noise))
    assert stable == pytest.approx(clean + 6 * divergence, rel=1e-5)  # float32
    assert Stability().gamma == Trades().beta == 6.0


def test_inner_searches_find_the_worst_point():
    """For logits (w.x, 0) the worst point of an l2 ball lies along -w or w."""
    x, y = batch()
    model = linear()
    w = W[0] / W[0].norm()
    sign = torch.where(y == 0, -1.0, 1.0).unsqueeze(1)
    worst = smoothed_loss(model, x + 0.5 * sign * w, y, fixed_noise(2)).mean()
    found = Adversarial("l2", 0.5, steps=10, copies=2).loss(model, x, y, fixed_noise)
    assert float(found) == pytest.approx(float(worst), rel=1e-5)
    noisy = x + fixed_noise(1)[0]
    ends = []
    for direction in (-1.0, 1.0):
        p, q = (torch.log_softmax(model(v), 1) for v in (noisy, noisy + 0.435 * direction * w))
        ends.append((p.exp() * (p - q)).sum(dim=1))
    clean = nn.functional.cross_entropy(model(noisy), y)
    # 40 steps of 0.02 reach the boundary; the start decides on which side.
    found = Trades(steps=40, step=0.02).loss(model, x, y, fixed_noise)
    assert float(found) <= float(clean + 6 * torch.stack(ends).max(dim=0).values.mean()) * (
        1 + 1e-5
    )
    assert float(found) >= float(clean + 6 * torch.stack(ends).min(dim=0).values.mean()) * (
        1 - 1e-5
    )


def test_warm_up_of_the_radius():
    goal = Adversarial(radius=1.0, warm_up=4)
    assert [goal.in_epoch(e).radius for e in (0, 1, 3, 9)] == [0.25, 0.5, 1.0, 1.0]


class WithBatchStatistics(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10), nn.Dropout(0.2))


def test_a_search_leaves_batch_statistics_alone():
    digits = load_data("digits").first(16)
    model = WithBatchStatistics().train()
    noise = lambda k: torch.zeros(k, 16, 1, 8, 8)  # noqa: E731
    for goal, passes in ((Adversarial(steps=3), 1), (Trades(steps=3), 2)):
        before = int(model[2].num_batches_tracked)
        goal.loss(model, digits.images, digits.labels, noise)
        assert int(model[2].num_batches_tracked) == before + passes
        assert model.training


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns(name):
    """Two epochs on 600 digits (seed 0): half of the test images right, where guessing has 10 %."""
    digits, model = load_data("digits?part=train").first(600), small_cnn()
    q = families.gaussian(64, sigma=0.12)
    settings = TrainingSettings(epochs=2, batch_size=32)
    small = {"adversarial": {"steps": 2, "copies": 2}, "trades": {"steps": 2}}.get(name, {})
    train_with_noise(model, digits, q, settings, objective=OBJECTIVES[name](**small))
    test = load_data("digits")
    with torch.inference_mode():
        right = (model(test.images).argmax(1) == test.labels).float().mean()
    assert float(right) > 0.5


def train(checkpoint=None, epochs=3, stop_after=None, **changes):
    """A model with dropout and batch statistics; `stop_after` interrupts it after that epoch."""

    class Interruption(Exception):
        pass

    def report(done, total):
        if done == stop_after:
            raise Interruption

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = WithBatchStatistics()
    settings = TrainingSettings(epochs=epochs, variation=Variation(1, flip=True), **changes)
    data = load_data("digits?part=train").first(300)
    noise = families.laplace(64, sigma=0.2)
    try:
        train_with_noise(model, data, noise, settings, checkpoint=checkpoint, report=report)
    except Interruption:
        return None
    return model.state_dict()


def test_resumed_training_is_identical(tmp_path):
    whole = train()
    path = tmp_path / "run.safetensors"
    assert train(path, stop_after=1) is None
    torch.rand(5)  # what happens in between does not matter
    assert train(path, stop_after=2) is None
    resumed = train(path)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    again = train(path)  # nothing is left to do
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    with pytest.raises(InvalidInputError, match=r"of another run: settings .*epochs=3.* now .*=4"):
        train(path, epochs=4)
    assert not list(tmp_path.glob(".*"))
    assert any(name.startswith("momentum.") for name in load_file(path))
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidInputError, match="a checkpoint"):
        train(path)


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(11)
    before = torch.get_rng_state()
    train(epochs=1)
    assert torch.equal(before, torch.get_rng_state())


def test_schedules():
    cosine = TrainingSettings(epochs=2)
    assert [cosine.rate(step, 2) for step in (0, 2)] == pytest.approx([0.1, 0.05])
    steps = TrainingSettings(epochs=55, decay_epochs=(50,))
    assert [steps.rate(step, 10) for step in (499, 500)] == pytest.approx([0.1, 0.01])


def test_settings_of_the_papers():
    yang, imagenet, blum = (
        paper_settings(*pair)
        for pair in (("stability", (3, 32, 32)), ("noise", (3, 224, 224)), ("trades", (3, 32, 32)))
    )
    assert (yang.epochs, yang.batch_size, yang.decay_epochs) == (120, 128, ())
    assert (imagenet.epochs, imagenet.batch_size) == (30, 64)
    assert (blum.epochs, blum.batch_size, blum.decay_epochs) == (55, 256, (50,))
    assert (yang.learning_rate, yang.momentum, yang.weight_decay) == (0.1, 0.9, 1e-4)
    assert (Trades().radius, Trades().steps, Trades().step) == (0.435, 10, 0.007)


def test_variations():
    images = torch.arange(2 * 3 * 5 * 6, dtype=torch.float32).reshape(2, 3, 5, 6) + 1
    assert torch.equal(Variation().apply(images, seeded()), images)
    mirrored = Variation(flip=True).apply(images.repeat(50, 1, 1, 1), seeded())
    flips = (mirrored == images.flip(-1).repeat(50, 1, 1, 1)).flatten(1).all(dim=1)
    kept = (mirrored == images.repeat(50, 1, 1, 1)).flatten(1).all(dim=1)
    assert (flips ^ kept).all()
    assert 30 <= int(flips.sum()) <= 70  # 100 fair coins: outside with probability 1e-4
    shifted = Variation(padding=2).apply(images.repeat(50, 1, 1, 1), seeded())
    seen = set()
    for number, image in enumerate(shifted):
        wide = nn.functional.pad(images[number % 2], [2] * 4)
        places = [
            (i, j) for i in range(5) for j in range(5)
            if torch.equal(image, wide[:, i : i + 5, j : j + 6])
        ]  # fmt: skip
        assert len(places) == 1
        seen.add(places[0])
    assert len(seen) > 15


def test_batches_with_extra_images():
    data = ImageSet(torch.zeros(10, 1, 2, 2), torch.arange(10))
    extra = ImageSet(torch.ones(3, 1, 2, 2), torch.full((3,), 77))
    batches = Batches(data, 8, CPU, extra=extra)
    found = list(batches.epoch(seeded()))
    assert len(found) == batches.steps == 3
    assert [len(labels) for _, labels in found] == [8, 8, 6]
    labels = torch.cat([labels for _, labels in found])
    assert sorted(labels[labels < 77].tolist()) == list(range(10))
    assert all(int((labels == 77).sum()) == 4 for _, labels in found)


def test_pseudo_labels_are_the_teachers():
    images = torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 0]])
    assert pseudo_labelled(linear(), images, batch_size=1).labels.tolist() == [0, 1]
    with pytest.raises(InvalidInputError, match="extra images"):
        pseudo_labelled(linear(), images[:0])

"""The certifier on models whose smoothed probabilities are known, and on every kind of bad input.

Statistical tests use fixed seeds; the false-alarm rates stated are over the choice of the seed.
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from scipy.special import ndtr, ndtri

from certify.certificate import ABSTAIN
from certify.log_reader import read_log
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError, LogFormatError
from smoothing.families import gaussian, uniform_cube
from tests.reference.stand_in_radius import StandInRadius

DIM = 4


class Linear(torch.nn.Module):
    """Class 1 where the mean coordinate is above 1/2: a half space, so rho is known exactly."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((DIM,), 1.0 / DIM))

    def forward(self, x):
        score = x.flatten(1) @ self.weight - 0.5
        return torch.stack([-score, score], dim=1)


def gaussian_classifier(model, scale=0.5):
    return SmoothedClassifier(
        model.eval() if isinstance(model, torch.nn.Module) else model,
        gaussian(dim=DIM, scale=scale),
        StandInRadius("gaussian", scale=scale, dim=DIM, adversary="l2"),
    )


def constant(x):
    return torch.zeros(len(x), 3) + torch.tensor([0.0, 1.0, 0.0])


def test_linear_model_radius_is_below_the_distance_and_close():
    """Gaussian noise and a half space: the exact l2 radius is the distance to the plane.

    Four images; each certificate exceeds the distance with probability at most alpha = 1e-6, so a
    false alarm of the first check has probability 4e-6. The second fails if a count is lower than
    its mean by 5 standard deviations: below 1.2e-6 in all.
    """
    images = torch.tensor([[0.6] * DIM, [0.75] * DIM, [0.45] * DIM, [0.2] * DIM])
    batch = gaussian_classifier(Linear()).certify(images, alpha=1e-6, n=20_000, seed=11)
    distance = np.abs(images.numpy()[:, 0].astype(float) - 0.5) * 2.0  # sqrt(DIM) * |mean - 1/2|
    assert batch.prediction.tolist() == [1, 1, 0, 0]
    assert (batch.radius <= distance).all()
    rho = ndtr(distance / 0.5)
    # The limit lies 4.75 deviations below the observed share (alpha = 1e-6), the share at most 5
    # below rho; 10 together, rounded up to 11 for the skewness.
    worst = rho - 11 * np.sqrt(rho * (1 - rho) / 20_000)
    assert (batch.radius >= 0.5 * ndtri(worst)).all()


def test_constant_model_reaches_the_largest_radius():
    batch = gaussian_classifier(constant).certify(torch.rand(2, DIM), n=500, seed=3)
    assert batch.prediction.tolist() == [1, 1]
    for item in batch:
        assert item.count == item.n == 500
        assert item.radius <= float(-0.5 * ndtri(1 - 0.001 ** (1 / 500)))
        assert item.radius == pytest.approx(-0.5 * ndtri(1 - 0.001 ** (1 / 500)), rel=1e-9)


def test_coin_flip_abstains():
    """At the decision plane rho = 1/2; certifying has probability at most alpha = 1e-6."""
    batch = gaussian_classifier(Linear()).certify(torch.full((1, DIM), 0.5), n=1000, alpha=1e-6)
    assert batch.prediction.tolist() == [ABSTAIN]
    assert batch.radius.tolist() == [0.0]
    assert batch.abstained.tolist() == [True]


def test_counts_do_not_depend_on_batches_or_on_other_images():
    images = torch.rand(3, DIM, generator=torch.Generator().manual_seed(1)) / 2 + 0.25
    smoothed = gaussian_classifier(Linear())
    whole = smoothed.certify(images, n=3000, seed=5)
    for size in (1, 7, 1000, 1024, 5000):
        n = 3000 if size > 1 else 300
        again = smoothed.certify(images, n=n, seed=5, batch_size=size)
        expected = whole if size > 1 else smoothed.certify(images, n=n, seed=5)
        assert [c.count for c in again] == [c.count for c in expected]
    alone = smoothed.certify(images[2:], n=3000, seed=5, indices=[2])
    assert alone[0].count == whole[2].count
    other = smoothed.certify(images, n=3000, seed=6)
    assert [c.count for c in other] != [c.count for c in whole]


def test_more_samples_extend_the_fewer():
    """The first copies do not depend on n, so the count can only grow with n."""
    smoothed = gaussian_classifier(Linear())
    image = torch.full((1, DIM), 0.6)
    seen = []

    def remember(x):
        seen.append(x.clone())
        return Linear()(x)

    smoothed.model = remember
    smoothed.certify(image, n=50, n0=10, seed=2)
    smoothed.certify(image, n=1500, n0=20, seed=2, batch_size=2000)
    assert torch.equal(seen[0], seen[2][:10])
    assert torch.equal(seen[1], seen[3][:50])
    assert not torch.equal(seen[0], seen[1][:10])  # counting is not selection's noise


@pytest.mark.parametrize("form", ["logits", "classes", "numpy logits", "numpy classes", "half"])
def test_forms_of_output(form):
    def model(x):
        logits = Linear()(x)
        return {
            "logits": logits,
            "classes": logits.argmax(1),
            "numpy logits": logits.detach().numpy(),
            "numpy classes": logits.argmax(1).numpy().astype(np.int32),
            "half": logits.half(),
        }[form]

    batch = gaussian_classifier(model).certify(torch.full((1, DIM), 0.9), n=100, seed=0)
    assert batch.prediction.tolist() == [1]


def test_module_in_double_and_images_in_single():
    batch = gaussian_classifier(Linear().double()).certify(torch.full((1, DIM), 0.9), n=100)
    assert batch.prediction.tolist() == [1]


def test_training_mode_is_switched_with_a_warning_and_restored():
    model = torch.nn.Sequential(Linear(), torch.nn.Dropout(0.9))
    smoothed = gaussian_classifier(model)
    model.train()
    model[0].eval()
    with pytest.warns(UserWarning, match="training mode") as caught:
        batch = smoothed.certify(torch.full((1, DIM), 5.0), n=200)
    assert caught[0].filename == __file__
    assert batch[0].count == 200  # dropout would have zeroed most logits
    assert [m.training for m in model.modules()] == [True, False, True]
    broken = gaussian_classifier(Raises())
    broken.model.train()
    with pytest.warns(UserWarning, match="training mode"), pytest.raises(ZeroDivisionError):
        broken.certify(torch.ones(1, DIM), n=100)
    assert broken.model.training
    model.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        smoothed.certify(torch.full((1, DIM), 5.0), n=100)


class Raises(torch.nn.Module):
    def forward(self, x):
        raise ZeroDivisionError


def test_predict():
    """Certain classes are returned; at the plane the test abstains (false alarm: alpha = 1e-6)."""
    images = torch.tensor([[0.9] * DIM, [0.5] * DIM, [0.1] * DIM])
    predicted = gaussian_classifier(Linear()).predict(images, n=1000, alpha=1e-6, seed=4)
    assert predicted.tolist() == [1, ABSTAIN, 0]


def test_log_and_progress(tmp_path):
    path = tmp_path / "run.tsv"
    calls = []
    smoothed = gaussian_classifier(Linear())
    images = torch.tensor([[0.9] * DIM, [0.5] * DIM])
    batch = smoothed.certify(
        images,
        n=200,
        labels=torch.tensor([1, 0]),
        indices=np.array([10, 20]),
        log=path,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 2), (2, 2)]
    log = read_log(path, verify=smoothed.smoother.radius)
    assert [r.index for r in log.records] == [10, 20]
    assert [r.count for r in log.records] == [c.count for c in batch]
    assert log.correct.tolist() == batch.correct.tolist() == [True, False]
    assert log.records[0].noise == smoothed.smoother.q.describe()
    with pytest.raises(LogFormatError, match=r"image 20 has label 0, but .* with label 1"):
        smoothed.certify(images[:1], n=200, labels=[1], indices=[20], log=path)


def test_table_is_readable():
    batch = gaussian_classifier(Linear()).certify(
        torch.tensor([[0.9] * DIM, [0.5] * DIM]), n=200, labels=[1, 0]
    )
    header, first, second = batch.as_table().splitlines()
    assert header.split() == [
        "idx",
        "label",
        "predict",
        "radius",
        "correct",
        "count",
        "n",
        "prob_lower",
    ]
    assert first.split()[:3] == ["0", "1", "1"]
    assert second.split()[2] == "abstain"
    assert str(batch[1]).startswith("image 1: abstained")
    assert len(batch[:1]) == 1


def test_settings_that_can_never_certify_stop_before_the_first_forward_pass():
    def model(x):
        raise AssertionError("a forward pass was made")

    smoothed = gaussian_classifier(model)
    image = torch.ones(1, DIM)
    with pytest.raises(InvalidInputError, match=r"n must be at least 10, .* got 9; pass n >= 10"):
        smoothed.certify(image, n=9)
    with pytest.raises(InvalidInputError, match=r"or at this n an alpha above 0\.000976562"):
        smoothed.certify(image, n=10, alpha=2.0**-10)
    with pytest.raises(InvalidInputError, match=r"n0 must be an integer >= 1, got 0"):
        smoothed.certify(image, n0=0)
    with pytest.raises(InvalidInputError, match="alpha"):
        smoothed.certify(image, alpha=0.0)
    for guarantee in ("estimate", "statistical"):
        weak = dataclasses.replace(smoothed.smoother.radius, guarantee=guarantee)
        with pytest.raises(InvalidInputError, match=f"got '{guarantee}'"):
            SmoothedClassifier(model, smoothed.smoother.q, weak).certify(image)
    with pytest.raises(InvalidInputError, match="an estimate certifies nothing"):
        smoothed.certify(image, accept=("proved", "estimate"))


def test_statistical_radius_adds_its_alpha():
    weak = dataclasses.replace(
        StandInRadius("gaussian", scale=0.5, dim=DIM), guarantee="statistical"
    )
    smoothed = SmoothedClassifier(constant, gaussian(dim=DIM, scale=0.5), weak)
    accept = ("proved", "statistical")
    with pytest.raises(InvalidInputError, match="alpha"):
        smoothed.certify(torch.ones(1, DIM), n=100, accept=accept)
    object.__setattr__(weak, "alpha", 1e-4)
    item = smoothed.certify(torch.ones(1, DIM), n=100, accept=accept)[0]
    assert item.failure_probability == pytest.approx(1.1e-3, rel=1e-15)
    assert item.alpha == 1e-3


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.ones(1, 3), r"of shape \(m, ...\) with 4 coordinates .* make the noise with dim=3"),
        (torch.ones(4), r"with 4 coordinates"),
        (torch.ones(0, 4), r"with 4 coordinates"),
        (torch.ones(1, 4, dtype=torch.uint8), "floating point"),
        (torch.tensor([[0.0] * 4, [0.0, float("nan"), 0.0, 0.0]]), "NaN or infinity in image 1"),
    ],
)
def test_bad_images(images, message):
    with pytest.raises(InvalidInputError, match=message):
        gaussian_classifier(Linear()).certify(images, n=100)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda x: torch.zeros(len(x), 2, 2), r"got \(64, 2, 2\)"),
        (lambda x: torch.zeros(1, 2), r"logits of shape \(64, classes\)"),
        (lambda x: torch.zeros(len(x), 0), r"got \(64, 0\)"),
        (lambda x: torch.zeros(len(x)), "float32"),
        (lambda x: [0] * len(x), "got 'list'"),
        (lambda x: torch.full((len(x), 2), float("nan")), "NaN .* for 64 noisy copies of image 9"),
        (lambda x: torch.full((len(x),), -3), "number that is no class"),
    ],
)
def test_bad_models(model, message):
    with pytest.raises(InvalidInputError, match=message):
        gaussian_classifier(model).certify(torch.ones(1, DIM), n=100, indices=[9])


def test_nan_in_one_copy_of_many_is_found():
    def model(x):
        logits = torch.zeros(len(x), 2)
        logits[x.flatten(1).sum(1) > DIM + 4.0] = float("nan")  # 4 deviations out
        return logits

    with pytest.raises(InvalidInputError, match="NaN"):
        gaussian_classifier(model, scale=0.5).certify(torch.ones(1, DIM), n=100_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": [1, 2]},
        {"labels": [-1]},
        {"labels": [0.5]},
        {"indices": [-1]},
        {"batch_size": 0},
        {"seed": -1},
        {"seed": 0.5},
    ],
)
def test_bad_arguments(wrong):
    with pytest.raises(InvalidInputError, match=next(iter(wrong))):
        gaussian_classifier(Linear()).certify(torch.ones(1, DIM), n=100, **wrong)


def test_repeated_indices():
    with pytest.raises(InvalidInputError, match="distinct"):
        gaussian_classifier(Linear()).certify(torch.ones(2, DIM), n=100, indices=[1, 1])


def test_radius_of_another_dimension():
    with pytest.raises(InvalidInputError, match="dimension of the radius function"):
        SmoothedClassifier(Linear(), uniform_cube(dim=DIM), StandInRadius("uniform", dim=5))


class Ablation:
    """Keeps each coordinate with probability 3/4: randomisation that is not additive."""

    dim = DIM
    radius = StandInRadius("uniform", scale=1.0, dim=DIM, adversary="l0")

    def describe(self):
        return "ablation of a quarter"

    def sample(self, x, n, generator):
        kept = torch.rand((n, *x.shape), generator=generator) < 0.75
        return x * kept


def test_any_smoother_fits(tmp_path):
    """All four coordinates are kept with probability 0.316, three or more with 0.738.

    The count misses by 6 standard deviations with probability below 1e-8 (seed 0).
    """
    smoothed = SmoothedClassifier.from_smoother(lambda x: (x.sum(1) >= 3).long(), Ablation())
    path = tmp_path / "run.tsv"
    item = smoothed.certify(torch.ones(1, DIM), n=10_000, log=path)[0]
    rho = 0.75**4 + 4 * 0.75**3 * 0.25
    assert abs(item.count - 10_000 * rho) < 6 * np.sqrt(10_000 * rho * (1 - rho))
    assert item.adversary == "l0"
    assert read_log(path, verify=Ablation.radius).records[0].noise == "ablation of a quarter"

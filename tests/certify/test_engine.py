"""Forward passes under every option, and what happens when they go wrong."""

from __future__ import annotations

import weakref

import pytest
import torch

from certify.execution import Execution, measured_batch_size
from certify.input_space import InputSpace
from certify.smoothed_classifier import SmoothedClassifier
from numerics.errors import InvalidInputError
from smoothing.families import gaussian
from tests.reference.stand_in_radius import StandInRadius

SHAPE = (2, 3, 3)
DIM = 18
Q = gaussian(dim=DIM, scale=0.5)
RADIUS = StandInRadius("gaussian", scale=0.5, dim=DIM, adversary="l2")


def network():
    """A small convolutional network with fixed random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return torch.nn.Sequential(
            torch.nn.Conv2d(2, 4, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(36, 5),
        ).eval()


IMAGES = torch.rand((2, *SHAPE), generator=torch.Generator().manual_seed(0))


def counts(model, execution=None, **options):
    smoothed = SmoothedClassifier(model, Q, RADIUS, execution=execution)
    return [c.count for c in smoothed.certify(IMAGES, n=600, seed=1, **options)]


@pytest.mark.parametrize(
    "execution",
    [
        Execution(batch_size=37),
        Execution(channels_last=True),
        Execution(batch_size=128, compile="eager"),
    ],
)
def test_options_leave_the_counts_alone(execution):
    # A copy may change class only where two logits agree to seven digits: none of 1,200 does.
    assert counts(network(), execution) == counts(network())


def test_autocast_belongs_to_the_model():
    """bfloat16 keeps 8 bits: a few of the 600 votes of an image may differ."""
    half = counts(network(), Execution(autocast="bfloat16"))
    assert max(abs(a - b) for a, b in zip(half, counts(network()), strict=True)) <= 20
    seen = []

    def model(x):
        seen.append(torch.mm(torch.ones(1, 1), torch.ones(1, 1)).dtype)
        return network()(x)

    counts(model, Execution(autocast="bfloat16"))
    assert set(seen) == {torch.bfloat16}


def test_compiled_models_see_one_batch_size():
    sizes = []

    class Watching(torch.nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return x.flatten(1)[:, :5]

    torch.compiler.reset()
    whole = counts(Watching().eval(), Execution(batch_size=256))
    sizes.clear()
    assert counts(Watching().eval(), Execution(batch_size=256, compile="eager")) == whole
    assert set(sizes) <= {256}


class SmallMemory:
    """Runs out of memory above a batch size, as CPU and GPU allocators report it."""

    def __init__(self, limit, error):
        self.limit, self.error, self.sizes = limit, error, []
        self.model = network()

    def __call__(self, x):
        self.sizes.append(len(x))
        if len(x) > self.limit:
            raise self.error
        return self.model(x)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_out_of_memory_halves_the_batch_and_tries_again(error):
    model = SmallMemory(60, error)
    with pytest.warns(UserWarning, match="out of memory with .* going on with"):
        found = counts(model, batch_size=200)
    assert found == counts(network(), batch_size=200)
    assert model.sizes[:3] == [64, 32, 32]  # selection
    assert max(model.sizes[3:]) <= 60


def test_out_of_memory_with_a_single_copy_is_an_error():
    message = "out of memory on a single copy"
    with (
        pytest.warns(UserWarning, match="out of memory"),
        pytest.raises(InvalidInputError, match=message),
    ):
        counts(SmallMemory(0, MemoryError()), batch_size=4)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        counts(SmallMemory(0, RuntimeError("sizes do not match")))


def test_batch_size_is_doubled_while_copies_get_cheaper():
    """A clock on which a pass costs 8 + its size: from 128 on doubling gains below 5 %."""
    now = [0.0]
    sizes = []

    def run(size):
        sizes.append(size)
        now[0] += 8.0 + size

    # Costs per copy: 16: 1.5, 32: 1.25, 64: 1.125, 128: 1.0625, 256: 1.03125 (a gain of 3 %).
    assert measured_batch_size(run, 4096, lambda: now[0]) == 128
    assert sizes == [16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    assert measured_batch_size(run, 64, lambda: now[0]) == 64
    assert measured_batch_size(run, 1, lambda: now[0]) == 1


def test_batch_size_goes_down_when_the_first_does_not_fit():
    def run(size):
        if size > 5:
            raise MemoryError

    assert measured_batch_size(run, 100, lambda: 0.0) <= 5
    with pytest.raises(MemoryError):
        measured_batch_size(lambda size: run(6), 100)


def test_a_long_run_measures_its_batch_size():
    model = SmallMemory(10**6, MemoryError())
    smoothed = SmoothedClassifier(model, Q, RADIUS)
    found = smoothed.certify(IMAGES[:1], n=60_000, seed=1)
    assert model.sizes[:2] == [16, 16]  # timed, before any copy is counted
    again = SmoothedClassifier(network(), Q, RADIUS, execution=Execution(batch_size=512))
    assert found[0].count == again.certify(IMAGES[:1], n=60_000, seed=1)[0].count


def test_number_of_classes():
    widths = iter([5, 5, 4])

    def changing(x):
        return torch.zeros(len(x), next(widths))

    with pytest.raises(InvalidInputError, match=r"number of the model's classes must be 5.*got 4"):
        SmoothedClassifier(changing, Q, RADIUS).certify(IMAGES[:1], n=500, batch_size=256)
    with pytest.raises(InvalidInputError, match=r"must be 10, .*got 5"):
        SmoothedClassifier(network(), Q, RADIUS, classes=10).certify(IMAGES, n=100)
    with pytest.raises(InvalidInputError, match=r"labels must be below 5.*got 7"):
        SmoothedClassifier(network(), Q, RADIUS).certify(IMAGES, labels=[1, 7], n=100)

    def numbers(x):
        return torch.full((len(x),), 7)

    with pytest.raises(InvalidInputError, match="a number that is no class"):
        SmoothedClassifier(numbers, Q, RADIUS, classes=5).certify(IMAGES, n=100)
    assert SmoothedClassifier(numbers, Q, RADIUS).certify(IMAGES, n=100)[0].prediction == 7


def test_noise_comes_before_normalisation():
    seen = []

    def model(x):
        seen.append(x.clone())
        return torch.zeros(len(x), 2)

    plain = SmoothedClassifier(model, Q, RADIUS)
    plain.certify(IMAGES[:1], n=100)
    space = InputSpace(mean=(0.5, 0.25), std=(0.25, 0.125))
    SmoothedClassifier(model, Q, RADIUS, inputs=space).certify(IMAGES[:1], n=100)
    raw, normalised = seen[0], seen[2]
    mean = torch.tensor([0.5, 0.25]).view(1, 2, 1, 1)
    assert torch.allclose(normalised, (raw - mean) / (mean / 2), atol=1e-6)  # float32 of order 10


def test_input_range_is_checked():
    space = InputSpace(mean=(0.5, 0.25), std=(0.25, 0.125))
    smoothed = SmoothedClassifier(network(), Q, RADIUS, inputs=space)
    outside = IMAGES.clone()
    outside[1, 0, 0, 0] = 1.5
    with pytest.raises(
        InvalidInputError, match=r"\[0, 1\].* to 1.5 in image 1; pass images before"
    ):
        smoothed.certify(outside, n=100)
    with pytest.raises(InvalidInputError, match="as many channels"):
        space.check(torch.rand(1, 3, 2, 2))
    for wrong in (
        {"low": 1.0, "high": 0.0},
        {"mean": (0.0,)},
        {"mean": (0.0,), "std": (0.0,)},
        {"mean": (0.0,), "std": (1.0, 1.0)},
    ):
        with pytest.raises(InvalidInputError):
            InputSpace(**wrong)


def test_radii_in_pixels():
    assert InputSpace(0.0, 255.0).pixels(2.0) == pytest.approx(2.0, rel=1e-15)
    assert InputSpace(-1.0, 1.0).pixels(2 / 255) == pytest.approx(1.0, rel=1e-15)
    assert InputSpace().pixels(2 / 255) <= 2.0


def test_bad_options():
    for wrong in ({"batch_size": 0}, {"batch_size": 1.5}, {"autocast": "int8"}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            Execution(**wrong)


def test_memory_does_not_grow_with_n():
    """Copies alive at any time: the block they are drawn in and one batch, whatever n is."""

    class Counting:
        alive = most = 0

        dim = DIM
        radius = RADIUS

        def describe(self):
            return "counting"

        def sample(self, x, n, generator):
            made = torch.zeros((n, *x.shape))
            Counting.alive += 1
            Counting.most = max(Counting.most, Counting.alive)
            weakref.finalize(made, Counting.free)
            return made

        @staticmethod
        def free():
            Counting.alive -= 1

    smoothed = SmoothedClassifier.from_smoother(lambda x: torch.zeros(len(x), 2), Counting())
    smoothed.certify(IMAGES[:1], n=20_000, batch_size=256)
    assert Counting.most <= 2

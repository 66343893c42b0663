"""What ``radii certify`` does: load, say what was found, certify, sum up."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from certify.certificate import Certificate, CertificateBatch
from certify.data_files import load_data, read_rows
from certify.datasets import ImageSource
from certify.distributed import NamedModel, Workers
from certify.evaluate import average_certified_radius, certified_accuracy
from certify.execution import Execution, default_batch_size
from certify.input_space import InputSpace
from certify.model_files import load_model
from certify.runner import Runner
from certify.shards import Shard
from certify.smoothed_classifier import SmoothedClassifier
from numerics.decimals import down_text
from numerics.errors import CorruptImageError, InvalidInputError, invalid
from numerics.progress import reporter
from numerics.validation import check_count
from smoothing.distribution import SmoothingDistribution

if TYPE_CHECKING:
    from radii.radius_function import RadiusFunction

__all__ = ["CertifyCommand", "Prepared", "named_device"]

#: Radii of the summary between 0 and the largest certified one.
_COLUMNS = 6

#: Images in memory at a time.
_PIECE = 256

#: The same where workers wait for the last of a piece, and are started for each: 1.2 GiB at 224 x
#: 224 pixels.
_PIECE_OF_WORKERS = 2048

#: Time for which forward passes are measured in a dry run.
_MEASURED_SECONDS = 2.0


@dataclass(frozen=True)
class Prepared:
    """What a run works with: classifier, images, the numbers of its part, and of how many."""

    smoothed: SmoothedClassifier
    radius: RadiusFunction
    data: ImageSource
    numbers: list[int]
    family: int


@dataclass(frozen=True)
class CertifyCommand:
    """A run as the command line describes it.

    Attributes
    ----------
    model, architecture, data : str
        For `load_model` and `load_data`.
    noise : callable
        The smoothing distribution of a dimension.
    adversary, route : str
        For `radii.derive`.
    inputs : InputSpace
        Range of the images, normalisation.
    execution : Execution
        Options of the forward passes.
    device : str
        Where the model goes.
    skip, most : int
        Every so manieth image, and so many of them.
    options : dict
        Keyword arguments of `SmoothedClassifier.certify`.
    alpha_for_all : bool
        Whether alpha covers all images of the data set together.
    pixels : bool
        Whether radii are printed in steps of 8-bit images too.
    on_corrupt : {"stop", "skip"}
        What to do with an image file that cannot be read.
    shard : Shard
        Which of the images are this run's.
    workers : Workers, optional
        Who certifies them; this process by default.
    """

    model: str
    architecture: str | None
    data: str
    noise: Callable[[int], SmoothingDistribution]
    adversary: str
    route: str
    inputs: InputSpace
    execution: Execution
    device: str
    skip: int
    most: int | None
    options: dict[str, Any]
    alpha_for_all: bool = False
    pixels: bool = False
    on_corrupt: str = "stop"
    shard: Shard = field(default_factory=Shard)
    workers: Workers | None = None

    def run(self, *, dry: bool, say: Callable[[str], None]) -> CertificateBatch | None:
        """Carry it out; a dry run stops before the first certificate."""
        ready = self.prepare(say)
        if dry:
            self._cost(ready.smoothed, ready.data, ready.numbers, say)
            return None
        batch = self.certified(ready)
        self._summary(batch, say)
        say(f"limit      {_limit(ready.radius, batch)}")
        return batch

    def prepare(self, say: Callable[[str], None]) -> Prepared:
        """Load and derive everything, and say what was found."""
        import radii

        data = load_data(self.data)
        family, numbers = self._chosen(len(data))
        model = load_model(
            self.model, architecture=self.architecture, device=named_device(self.device)
        )
        noise = self.noise(math.prod(data.shape))
        radius = radii.derive(noise, self.adversary, route=self.route)
        smoothed = SmoothedClassifier(
            model, noise, radius, inputs=self.inputs, execution=self.execution
        )
        say(f"data       {self.data}: {data.describe()}")
        say(f"chosen     {len(numbers):,} images{self.shard.describe()}")
        say(f"model      {self.model}: {_size(model)}")
        say(f"noise      {noise.describe()}")
        say(f"radius     {self.adversary}, {radius.route}, {radius.guarantee}")
        return Prepared(smoothed, radius, data, numbers, family)

    def certified(self, ready: Prepared) -> CertificateBatch:
        """Piece by piece, so that memory does not depend on the number of images."""
        smoothed, data, numbers = ready.smoothed, ready.data, ready.numbers
        workers = self.workers
        if workers is not None:
            # Workers load the model by its name: exported programs cannot be sent.
            workers = replace(workers, named=NamedModel(self.model, self.architecture))
        size = _PIECE if workers is None else _PIECE_OF_WORKERS
        done: list[Certificate] = []
        with reporter(True, len(numbers)) as report:
            for start in range(0, len(numbers), size):
                piece = numbers[start : start + size]
                images, kept = read_rows(data, piece, on_corrupt=self.on_corrupt)
                if not kept:
                    continue

                def tell(many: int, _: int, before: int = start) -> None:
                    report(before + many, len(numbers))

                batch = smoothed.certify(
                    images.images,
                    labels=images.labels,
                    indices=kept,
                    family=ready.family if self.alpha_for_all else 1,
                    log_settings={"data": self.data},
                    progress=tell,
                    workers=workers,
                    **self.options,
                )
                done.extend(batch)
        if not done:
            raise InvalidInputError(f"none of the images of {self.data} can be read")
        return CertificateBatch(tuple(done))

    def _chosen(self, available: int) -> tuple[int, list[int]]:
        """How many images the whole run has, and the numbers of this part of it."""
        every = check_count("--skip", self.skip, minimum=1)
        numbers = list(range(0, available, every))
        if self.most is not None:
            numbers = numbers[: check_count("--max", self.most, minimum=1)]
        part = self.shard.part(numbers)
        if not part:
            raise invalid("--shard", f"at most 1/{len(numbers)}", self.shard, "use fewer parts")
        return len(numbers), part

    def _cost(
        self,
        smoothed: SmoothedClassifier,
        data: ImageSource,
        numbers: list[int],
        say: Callable[[str], None],
    ) -> None:
        """Read the images, time forward passes, and what the run would take."""
        readable, image = 0, None
        for row in numbers:
            try:
                image = data.read(row)
                readable += 1
            except CorruptImageError as error:
                say(f"unreadable image {row}: {error}")
        if image is None:
            raise InvalidInputError(f"none of the images of {self.data} can be read")
        execution = self.execution
        if execution.batch_size is None:
            size = default_batch_size(image.numel(), torch.device(self.device))
            execution = replace(execution, batch_size=size)
        runner = Runner(smoothed.model, image, execution, self.inputs)
        x = runner.placed(image).expand(runner.batch_size, *image.shape).clone()
        copies, start = 0, time.perf_counter()
        with torch.inference_mode():
            while copies == 0 or time.perf_counter() - start < _MEASURED_SECONDS:
                runner(x).sum().item()
                copies += len(x)
        speed = copies / (time.perf_counter() - start)
        most = readable * (self.options["n"] + self.options["n0"])
        bound = "at most " if self.options["target"] or self.options["gain"] else ""
        say(f"classes    {runner.classes if runner.classes is not None else 'not known'}")
        say(f"speed      {speed:.4g} copies per second in batches of {runner.batch_size}")
        say(f"cost       {bound}{most:,} copies, {most / speed / 3600:.3g} hours")

    def _summary(self, batch: CertificateBatch, say: Callable[[str], None]) -> None:
        largest = float(batch.radius.max(initial=0.0))
        at = sorted({float(down_text(v, 3)) for v in np.linspace(0.0, largest, _COLUMNS)})
        if self.options["target"] is not None:
            at = [0.0, float(self.options["target"])]
        for radius, share in zip(
            at, certified_accuracy(batch.radius, batch.correct, at), strict=True
        ):
            steps = f" ({self.inputs.pixels(radius):.4g} steps of 8 bits)" if self.pixels else ""
            say(f"certified  {share:.4f} at {self.adversary} radius {radius:g}{steps}")
        used = sum(c.n for c in batch) / len(batch)
        if self.options["target"] is None:  # a target stops once it is reached
            mean = average_certified_radius(batch.radius, batch.correct)
            say(f"average    {mean:.6g} certified radius")
        say(f"abstained  {int(batch.abstained.sum())} of {len(batch)}")
        say(f"copies     {used:.6g} counted per image")
        if self.options["log"] is not None:
            say(f"log        {self.options['log']}")


def _limit(radius: RadiusFunction, batch: CertificateBatch) -> str:
    """How far the largest radius of the run is from what no noise of this level can exceed."""
    from nogo.compare import headroom

    best = max(batch, key=lambda certificate: certificate.radius)
    if not 0.5 < best.prob_lower < 1.0:
        return "nothing certified to compare with one"
    return f"the largest radius is {headroom(radius, best.prob_lower)}"


def named_device(name: str) -> torch.device:
    """The device that a text names, if this machine has it."""
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        text = " ".join(str(error).split())[:160]
        raise invalid("--device", "a device of this machine", name, text) from error


def _size(model: Any) -> str:
    if not isinstance(model, torch.nn.Module):
        return "a function"
    count = sum(p.numel() for p in model.parameters())
    return f"{type(model).__name__}, {count:,} parameters"

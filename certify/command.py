"""What ``radii certify`` does: load, say what was found, certify, sum up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from certify.certificate import CertificateBatch
from certify.data_files import load_data
from certify.datasets import ImageSet
from certify.evaluate import average_certified_radius, certified_accuracy
from certify.execution import Execution, default_batch_size
from certify.input_space import InputSpace
from certify.model_files import load_model
from certify.runner import Runner
from certify.smoothed_classifier import SmoothedClassifier
from numerics.decimals import down_text
from numerics.errors import invalid
from numerics.validation import check_count
from smoothing.distribution import SmoothingDistribution

__all__ = ["CertifyCommand"]

#: Radii of the summary between 0 and the largest certified one.
_COLUMNS = 6

#: Time for which forward passes are measured in a dry run.
_MEASURED_SECONDS = 2.0


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

    def run(self, *, dry: bool, say: Callable[[str], None]) -> CertificateBatch | None:
        """Carry it out; a dry run stops before the first certificate."""
        import radii

        data, numbers = self._chosen()
        model = load_model(self.model, architecture=self.architecture, device=_device(self.device))
        noise = self.noise(data.dim)
        radius = radii.derive(noise, self.adversary, route=self.route)
        smoothed = SmoothedClassifier(
            model, noise, radius, inputs=self.inputs, execution=self.execution
        )
        say(f"data       {self.data}: {len(data)} images of shape {tuple(data.images.shape[1:])}")
        say(f"model      {self.model}: {_size(model)}")
        say(f"noise      {noise.describe()}")
        say(f"radius     {self.adversary}, {radius.route}, {radius.guarantee}")
        if dry:
            self._cost(smoothed, data, say)
            return None
        batch = smoothed.certify(
            data.images,
            labels=data.labels,
            indices=numbers,
            family=len(data) if self.alpha_for_all else 1,
            log_settings={"data": self.data},
            progress=True,
            **self.options,
        )
        self._summary(batch, say)
        return batch

    def _chosen(self) -> tuple[ImageSet, list[int]]:
        whole = load_data(self.data)
        every = check_count("--skip", self.skip, minimum=1)
        numbers = list(range(0, len(whole), every))
        if self.most is not None:
            numbers = numbers[: check_count("--max", self.most, minimum=1)]
        return ImageSet(whole.images[numbers], whole.labels[numbers]), numbers

    def _cost(
        self, smoothed: SmoothedClassifier, data: ImageSet, say: Callable[[str], None]
    ) -> None:
        """Time forward passes, and what the images would take."""
        image = data.images[0]
        execution = self.execution
        if execution.batch_size is None:
            size = default_batch_size(data.dim, torch.device(self.device))
            execution = replace(execution, batch_size=size)
        runner = Runner(smoothed.model, image, execution, self.inputs)
        x = runner.placed(image).expand(runner.batch_size, *image.shape).clone()
        copies, start = 0, time.perf_counter()
        with torch.inference_mode():
            while copies == 0 or time.perf_counter() - start < _MEASURED_SECONDS:
                runner(x).sum().item()
                copies += len(x)
        speed = copies / (time.perf_counter() - start)
        most = len(data) * (self.options["n"] + self.options["n0"])
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


def _device(name: str) -> torch.device:
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

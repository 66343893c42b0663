"""What ``radii train`` does: load, say what was found, train, save the weights."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from certify.architectures import ARCHITECTURES
from certify.checkpoints import save_weights
from certify.command import named_device
from certify.data_files import load_data
from certify.datasets import ImageSet
from certify.execution import Execution
from certify.model_files import build, load_model, read_weights
from certify.objectives import OBJECTIVES, Objective
from certify.runner import Runner
from certify.training import paper_settings, train_with_noise
from certify.training_batches import pseudo_labelled
from certify.weight_names import fitted
from numerics.errors import InvalidInputError, invalid
from numerics.progress import reporter
from numerics.validation import check_choice
from smoothing.distribution import SmoothingDistribution

__all__ = ["TrainCommand", "make_objective", "start_from"]


@dataclass(frozen=True)
class TrainCommand:
    """A training run as the command line describes it.

    Attributes
    ----------
    architecture : str
        For `certify.model_files.build`.
    data : str
        Training images, for `load_data`.
    noise : callable
        The smoothing distribution of a dimension.
    objective : str
        A name of `certify.objectives.OBJECTIVES`.
    out : path
        File of weights; the checkpoint lies beside it.
    changes : dict
        Hyper-parameters that differ from `paper_settings`.
    options : dict
        Settings of the objective that differ from its defaults.
    init : str, optional
        Weights to start from.
    new_head : bool
        Start the last layer anew, as Yang et al. do after pre-training.
    extra, teacher : str, optional
        Images without labels of their own, and the model that labels them; without a teacher the
        labels in the file are used.
    device : str
        Where to train.
    """

    architecture: str
    data: str
    noise: Callable[[int], SmoothingDistribution]
    objective: str
    out: Path
    changes: dict[str, Any]
    options: dict[str, Any]
    init: str | None = None
    new_head: bool = False
    extra: str | None = None
    teacher: str | None = None
    device: str = "cpu"

    def run(self, *, dry: bool, say: Callable[[str], None]) -> float | None:
        """Carry it out; a dry run times one step and stops."""
        data = load_data(self.data)
        objective = make_objective(self.objective, self.options)
        settings = replace(paper_settings(self.objective, data.shape), **self.changes)
        model = self._model(data.labels, settings.seed).to(named_device(self.device))
        noise = self.noise(math.prod(data.shape))
        extra = self._extra()
        checkpoint = self.out.with_name(f"{self.out.stem}.checkpoint.safetensors")
        say(f"data       {self.data}: {data.describe()}")
        if extra is not None:
            say(f"extra      {self.extra}: {extra.describe()}")
        count = sum(p.numel() for p in model.parameters())
        say(f"model      {self.architecture}, {count:,} parameters")
        say(f"noise      {noise.describe()}")
        say(f"objective  {objective}")
        say(f"settings   {settings}")
        if dry:
            few = data.take(range(min(len(data), settings.batch_size)))
            trial = replace(settings, epochs=1)
            train_with_noise(model, few, noise, trial, objective=objective)  # allocates
            start = time.perf_counter()
            train_with_noise(model, few, noise, trial, objective=objective)
            share = len(data) / len(few) * (1 if extra is None else 2)
            hours = (time.perf_counter() - start) * share * settings.epochs / 3600
            say(f"cost       about {hours:.3g} hours")
            return None
        if checkpoint.exists():
            say(f"resumes    {checkpoint}")
        with reporter(True, settings.epochs, "training") as report:
            loss = train_with_noise(
                model,
                data,
                noise,
                settings,
                objective=objective,
                extra=extra,
                checkpoint=checkpoint,
                report=report,
            )
        notes = {"noise": noise.describe(), "objective": repr(objective)}
        if self.architecture in ARCHITECTURES:
            notes["architecture"] = self.architecture
        save_weights(self.out, model, notes)
        say(f"loss       {loss:.6g} in the last epoch")
        say(f"accuracy   {accuracy(model, data_sample(data)):.4f} without noise, in training")
        say(f"weights    {self.out}")
        return loss

    def _model(self, labels: torch.Tensor, seed: int) -> torch.nn.Module:
        classes = int(labels.max()) + 1
        options: dict[str, Any] = {}
        if self.architecture in ARCHITECTURES:
            own = inspect.signature(ARCHITECTURES[self.architecture]).parameters["classes"].default
            options = {"seed": seed, "classes": max(classes, 10) if own == 10 else own}
        model = build(self.architecture, **options)
        if not isinstance(model, torch.nn.Module):
            raise invalid(
                "model", "a torch.nn.Module", type(model).__name__, "functions have no weights"
            )
        if self.init is not None:
            start_from(model, Path(self.init), new_head=self.new_head)
        elif self.new_head:
            raise invalid("--new-head", "given with --init only", True, "drop it")
        return model

    def _extra(self) -> ImageSet | None:
        if self.extra is None:
            if self.teacher is not None:
                raise invalid("--teacher", "given with --extra only", self.teacher, "drop it")
            return None
        found = load_data(self.extra)
        images = found.take(range(len(found)))
        if self.teacher is None:
            return images
        teacher = load_model(self.teacher, device=named_device(self.device))
        return pseudo_labelled(teacher, images.images)


def make_objective(name: str, options: dict[str, Any]) -> Objective:
    """An objective by name, with some settings changed.

    Examples
    --------
    >>> make_objective("stability", {"gamma": 4.0})
    Stability(gamma=4.0)
    """
    kind: Any = OBJECTIVES[check_choice("objective", name, OBJECTIVES)]
    legal = [field.name for field in fields(kind)]
    for option in options:
        if option not in legal:
            shown = ", ".join(legal) or "none"
            raise invalid(
                f"the setting {option} of {name}",
                f"one of its settings ({shown})",
                options[option],
                "drop it",
            )
    made: Objective = kind(**options)
    return made


def start_from(model: torch.nn.Module, path: Path, *, new_head: bool = False) -> None:
    """Copy weights into a model, the last linear layer excepted where it has other classes.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    path : path
        File of weights.
    new_head : bool
        Leave the last linear layer as it is even if it fits.

    Raises
    ------
    InvalidInputError
        The weights are of another architecture.

    References
    ----------
    .. [1] Hendrycks et al., Using pre-training can improve model robustness, ICML 2019.
    """
    if not path.is_file():
        raise invalid("--init", "a file that exists", str(path), "check the path")
    named = fitted(read_weights(path)[0], model, str(path))
    own = model.state_dict()
    linear = [n for n, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)]
    head = {f"{linear[-1]}.weight", f"{linear[-1]}.bias"} if linear else set()
    other = {name for name in named if named[name].shape != own[name].shape}
    if other - head:
        wrong = sorted(other - head)[0]
        raise InvalidInputError(
            f"{path} does not fit the architecture: {wrong} has shape {tuple(named[wrong].shape)}, "
            f"not {tuple(own[wrong].shape)}; only the last layer may differ"
        )
    left = head if new_head or other else set()
    model.load_state_dict({name: own[name] if name in left else named[name] for name in own})


def data_sample(data: Any, most: int = 1000) -> ImageSet:
    """Some images, in memory."""
    step = max(1, len(data) // most)
    taken: ImageSet = data.take(range(0, len(data), step))
    return taken


def accuracy(model: torch.nn.Module, data: ImageSet) -> float:
    """Share of images that the base classifier gets right, without noise."""
    runner = Runner(model, data.images[0], Execution())
    with torch.inference_mode():
        named = torch.cat([runner(part.to(runner.device)).cpu() for part in data.images.split(256)])
    return float((named == data.labels).float().mean())

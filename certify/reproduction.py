"""Training and certifying for the experiments, each model once and each image once.

Weights, checkpoints and logs lie in one folder under names that say what they are, so that an
interrupted experiment goes on where it was and experiments share their models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from certify.architectures import ARCHITECTURES
from certify.certificate import CertificateBatch
from certify.checkpoints import save_weights
from certify.data_files import load_data, resized
from certify.datasets import ImageSet, ImageSource
from certify.distributed import Workers
from certify.execution import Execution
from certify.experiments import NoiseKind, Variant
from certify.objectives import OBJECTIVES, Objective, Trades
from certify.runner import Runner
from certify.sampling import noise_sampler, sampling_device
from certify.smoothed_classifier import SmoothedClassifier
from certify.train_command import start_from
from certify.training import paper_settings, train_with_noise
from certify.training_batches import pseudo_labelled
from smoothing.distribution import SmoothingDistribution

__all__ = ["Bench", "Scale", "smoothed_accuracy"]

#: Rate of the fully connected networks, and of what starts from pre-trained weights (RSAS, D).
_MLP_RATE, _TUNING_RATE = 0.01, 0.001

#: Networks that stand in for the papers' on digits.
_ON_DIGITS = {"wide_resnet40_2": "small_cnn", "resnet110": "pooled_cnn", "alexnet": "pooled_cnn"}

_DIGITS_PIXELS = 64


@dataclass(frozen=True)
class Scale:
    """How large an experiment is; the papers' values where there are any.

    Attributes
    ----------
    data : str
        "digits", "cifar10:FOLDER", or a folder of ImageNet with `train` and `val`.
    out : path
        Folder of everything that is written.
    epochs : int, optional
        Instead of the papers'.
    images, n, n0 : int
        Images to certify, evenly spread, and copies.
    alpha : float
        Failure probability of a certificate.
    device : str
        Where models lie.
    extra, init : str, optional
        Unlabelled images, and pre-trained weights; on digits made by the experiment itself.
    workers : Workers, optional
        Who certifies.
    """

    data: str
    out: Path
    epochs: int | None = None
    images: int = 500
    n: int = 100_000
    n0: int = 64
    alpha: float = 1e-3
    device: str = "cpu"
    extra: str | None = None
    init: str | None = None
    workers: Workers | None = None
    seed: int = 0


@dataclass
class Bench:
    """Models and certificates of one scale."""

    scale: Scale
    say: Callable[[str], None]
    _data: dict[str, ImageSource] = field(default_factory=dict)

    @property
    def on_digits(self) -> bool:
        """Whether the data are the built-in ones."""
        return self.scale.data == "digits"

    def images(self, part: str, size: int | None = None) -> ImageSource:
        """The training or test images, at their own size or another."""
        key = f"{part} {size}"
        if key not in self._data:
            self._data[key] = self._read(part, size)
        return self._data[key]

    def _read(self, part: str, size: int | None) -> ImageSource:
        folder = Path(self.scale.data)
        if folder.is_dir() and (folder / "val").is_dir():
            return load_data(str(folder / ("val" if part == "test" else "train")))
        found = load_data(f"{self.scale.data}?part={part}")
        return found if size is None or not isinstance(found, ImageSet) else resized(found, size)

    def architecture(self, name: str, sizes: bool = False) -> str:
        """The network that stands for the paper's on these data."""
        if self.on_digits:
            return "pooled_cnn" if sizes else _ON_DIGITS.get(name, name)
        large = math.prod(self.images("test").shape) > 50_000
        return "resnet50" if large and name == "wide_resnet40_2" else name

    def noise(self, kind: NoiseKind, sigma: float, dim: int) -> SmoothingDistribution:
        """The density of a record at a dimension."""
        text = kind.psi.format(d=dim)
        return SmoothingDistribution.parse(text, dim=dim, support=kind.support, sigma=sigma)

    def model(
        self,
        variant: Variant,
        sigma: float,
        architecture: str,
        *,
        size: int | None = None,
        images: ImageSource | None = None,
        wrap: Callable[[torch.nn.Module], torch.nn.Module] = lambda module: module,
        tag: str = "",
    ) -> torch.nn.Module:
        """A trained model, from its file if there is one.

        `images` and `wrap` replace the training images and the module for the experiments with
        rotations; `tag` then names what was done.
        """
        data = self.images("train", size) if images is None else images
        settings = paper_settings(variant.objective, data.shape)
        changes: dict[str, Any] = {"seed": self.scale.seed}
        if self.scale.epochs is not None:
            changes |= {"epochs": self.scale.epochs, "decay_epochs": ()}
        if architecture == "mlp":
            changes["learning_rate"] = _MLP_RATE
        level = "" if size is None else f"{size}px"
        epochs = f"{changes.get('epochs', settings.epochs)} epochs"
        parts = (architecture, variant.objective, variant.data, variant.noise.label, f"{sigma:g}")
        name = _slug(*parts, tag, level, epochs)
        path = self.scale.out / "models" / f"{name}.safetensors"
        module = wrap(self._fresh(architecture)).to(self.scale.device)
        if path.exists():
            from safetensors.torch import load_file

            module.load_state_dict(load_file(path))
            return module.eval()
        path.parent.mkdir(parents=True, exist_ok=True)
        extra = None
        if variant.data == "extra":
            data, extra = self._more(data, variant, sigma, architecture)
        elif variant.data == "init":
            start_from(module, self._pretrained(architecture), new_head=True)
            changes["learning_rate"] = _TUNING_RATE
        self.say(f"training {name}")
        train_with_noise(
            module,
            data,
            self.noise(variant.noise, sigma, math.prod(data.shape)),
            replace(settings, **changes),
            objective=_objective(variant.objective, sigma),
            extra=extra,
            checkpoint=path.with_suffix(".checkpoint"),
        )
        save_weights(path, module, {"architecture": architecture, "experiment": name})
        return module

    def _fresh(self, architecture: str) -> torch.nn.Module:
        options: dict[str, Any] = {"seed": self.scale.seed}
        if architecture == "mlp" and self.on_digits:
            options["pixels"] = _DIGITS_PIXELS
        made: torch.nn.Module = ARCHITECTURES[architecture](**options)
        return made

    def _more(
        self, data: ImageSource, variant: Variant, sigma: float, architecture: str
    ) -> tuple[ImageSource, ImageSet]:
        """Images that a teacher labels; on digits half of the training images lose their labels."""
        if not self.on_digits:
            if self.scale.extra is None:
                raise_missing("--extra", "unlabelled images (RSAS: from 80 Million Tiny Images)")
            found = load_data(str(self.scale.extra))
            pool = found.take(range(len(found))).images
        else:
            half = len(data) // 2
            pool = data.take(range(half, len(data))).images
            data = data.take(range(half))
        plain = Variant("teacher", variant.noise, objective="stability")
        name = f"teacher {'half' if self.on_digits else ''}"
        teacher = self.model(plain, sigma, architecture, images=data, tag=name)
        return data, pseudo_labelled(teacher, pool)

    def _pretrained(self, architecture: str) -> Path:
        """Weights of another task; on digits that of mirrored and transposed ones."""
        if not self.on_digits:
            if self.scale.init is None:
                raise_missing("--init", "weights trained on downsampled ImageNet (RSAS, D)")
            return Path(str(self.scale.init))
        path = self.scale.out / "models" / f"{_slug(architecture, 'pretrained')}.safetensors"
        if not path.exists():
            data = self.images("train")
            whole = data.take(range(len(data)))
            other = ImageSet(whole.images.transpose(-1, -2).flip(-1).contiguous(), whole.labels)
            module = self._fresh(architecture)
            q = self.noise(NoiseKind("Gaussian", "norm(x, 2)**2/2"), 0.25, _DIGITS_PIXELS)
            settings = paper_settings("noise", data.shape)
            train_with_noise(module, other, q, replace(settings, epochs=self.scale.epochs or 20))
            save_weights(path, module, {"architecture": architecture})
        return path

    def certificates(
        self,
        variant: Variant,
        sigma: float,
        adversary: str,
        architecture: str,
        *,
        size: int | None = None,
    ) -> CertificateBatch:
        """Certificates of the test images, from the log as far as they are there."""
        data = self.images("test", size)
        step = max(1, len(data) // self.scale.images)
        rows = list(range(0, len(data), step))[: self.scale.images]
        chosen = data.take(rows)
        tested = variant.tested or variant.noise
        parts = (architecture, variant.objective, variant.data, variant.noise.label)
        level = "" if size is None else f"{size}px"
        sizes = f"n {self.scale.n} epochs {self.scale.epochs or 'paper'}"
        name = _slug(*parts, f"as {tested.label}", f"{sigma:g}", adversary, level, sizes)
        log = self.scale.out / "logs" / f"{name}.tsv"
        log.parent.mkdir(parents=True, exist_ok=True)
        smoothed = SmoothedClassifier(
            self.model(variant, sigma, architecture, size=size),
            self.noise(tested, sigma, math.prod(data.shape)),
            adversary,
        )
        self.say(f"certifying {name}")
        return smoothed.certify(
            chosen.images,
            labels=chosen.labels,
            indices=rows,
            alpha=self.scale.alpha,
            n=self.scale.n,
            n0=self.scale.n0,
            seed=self.scale.seed,
            log=log,
            workers=self.scale.workers,
        )


def raise_missing(option: str, what: str) -> None:
    """Refuse an experiment whose data are not here."""
    from numerics.errors import invalid

    raise invalid(option, f"given for this line: {what}", None, "pass the file, or use --only")


def _objective(name: str, sigma: float) -> Objective:
    """TRADES searches within a radius in proportion to sigma: 0.435 at 0.12 (Blum et al., 5.2)."""
    if name == "trades":
        return Trades(radius=0.435 * sigma / 0.12)
    return OBJECTIVES[name]()


def _slug(*parts: str) -> str:
    """A file name out of words."""
    return re.sub(r"[^a-zA-Z0-9.]+", "_", " ".join(part for part in parts if part)).strip("_")


def smoothed_accuracy(
    model: torch.nn.Module,
    q: SmoothingDistribution,
    data: ImageSet,
    *,
    copies: int = 100,
    seed: int = 0,
) -> float:
    """Share of images for which most noisy copies get the right class (no confidence attached)."""
    runner = Runner(model, data.images[0], Execution())
    place = sampling_device(runner.device)
    generator = torch.Generator(device=place).manual_seed(seed)
    draw = noise_sampler(q, runner.device)
    right = 0
    with torch.inference_mode():
        for image, label in zip(data.images, data.labels, strict=True):
            x = runner.placed(image)
            noisy = x + draw(copies, generator).reshape(copies, *x.shape).to(x)
            votes = np.bincount(runner(noisy).cpu().numpy().clip(0))
            right += int(votes.argmax() == int(label))
    return right / len(data)

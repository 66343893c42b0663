"""One run: everything that is the same for all its images, checked once.

`SmoothedClassifier.certify` loops over images with it; so can a worker on another machine, since a
certificate depends on the run's settings and the image's index, and on nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import torch

from certify.certificate import ABSTAIN, Certificate, CertificateBatch, Status
from certify.execution import Execution
from certify.input_space import InputSpace
from certify.interfaces import Smoother, norm_name, radius_alpha
from certify.log_reader import LogRecord
from certify.logs import LogWriter
from certify.procedures import Settings, certify_one, predict_one
from certify.runner import BaseClassifier, Runner
from certify.stopping import GainRule, TargetRule
from numerics.errors import LogFormatError

__all__ = ["Certifier", "certify_all", "fingerprint", "from_record", "run_settings"]


class Certifier:
    """Certifies images one by one.

    Parameters
    ----------
    model : torch.nn.Module or callable
        Base classifier; `evaluation_mode` is the caller's business.
    smoother : Smoother
        Noise and radius.
    settings : Settings
        Statistics and seed.
    execution : Execution
        How forward passes are carried out.
    inputs : InputSpace, optional
        Range and normalisation.
    classes : int, optional
        Number of classes.
    copies : int
        Noisy copies in the whole run, by which the effort of finding a batch size is measured.
    """

    def __init__(
        self,
        model: BaseClassifier,
        smoother: Smoother,
        settings: Settings,
        execution: Execution,
        inputs: InputSpace | None = None,
        classes: int | None = None,
        copies: int = 0,
    ) -> None:
        self.model, self.smoother, self.settings = model, smoother, settings
        self._execution, self._inputs, self._classes = execution, inputs, classes
        self._copies = copies
        self._runner: Runner | None = None

    def parts(self, model: Any) -> dict[str, Any]:
        """Arguments that make the same certifier for another copy of the model."""
        return {
            "model": model,
            "smoother": self.smoother,
            "settings": self.settings,
            "execution": self._execution,
            "inputs": self._inputs,
            "classes": self._classes,
            "copies": self._copies,
        }

    def certify(self, image: torch.Tensor, index: int, label: int | None = None) -> Certificate:
        """Certificate of one image, whose number in its data set selects its noise."""
        with torch.inference_mode():
            return certify_one(
                self._ready(image), self.smoother, image, index, label, self.settings
            )

    def predict(self, image: torch.Tensor, index: int) -> int:
        """Class of one image, or `ABSTAIN`."""
        with torch.inference_mode():
            return predict_one(self._ready(image), self.smoother, image, index, self.settings)

    def _ready(self, image: torch.Tensor) -> Runner:
        if self._runner is None:
            self._runner = Runner(self.model, image, self._execution, self._inputs, self._classes)
            self._runner.adapt_batch_size(image, self._copies)
        return self._runner


def run_settings(
    model: BaseClassifier,
    smoother: Smoother,
    settings: Settings,
    execution: Execution,
    inputs: InputSpace | None,
) -> dict[str, str]:
    """What a resumed run has to agree in, as text for a log."""
    rule, radius = settings.rule, smoother.radius
    mode = "fixed"
    if settings.top is not None:
        mode = f"all classes, top {settings.top}"
    elif isinstance(rule, TargetRule):
        mode = f"target {rule.target!r}"
    elif isinstance(rule, GainRule):
        mode = f"gain {rule.eps!r} by {rule.step}"
    return {
        "mode": mode,
        "n": str(rule.cap),
        "n0": str(settings.n0),
        "alpha": repr(rule.alpha),
        "radius alpha": repr(radius_alpha(radius)),
        "seed": str(settings.seed),
        "noise": smoother.describe(),
        "adversary": norm_name(radius.adversary),
        "guarantee": radius.guarantee,
        "model": fingerprint(model),
        "inputs": "any" if inputs is None else inputs.describe(),
        "execution": execution.describe(),
    }


def fingerprint(model: BaseClassifier) -> str:
    """Name of a model, and for a module a hash of its weights.

    Examples
    --------
    >>> fingerprint(torch.nn.Flatten())
    'Flatten e3b0c44298fc1c14'
    """
    if not isinstance(model, torch.nn.Module):
        kind = type(model)
        named: Any = model if hasattr(model, "__qualname__") else kind
        return f"{named.__module__}.{named.__qualname__}"
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # Bytes, not numbers: NumPy has no bfloat16.
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(memoryview(flat.numpy()))
    return f"{type(model).__name__} {digest.hexdigest()[:16]}"


def from_record(record: LogRecord, label: int | None, smoother: Smoother) -> Certificate:
    """The certificate that a log line stands for, its radius as printed (rounded down).

    Raises
    ------
    LogFormatError
        The line has another label than the image.
    """
    if label is not None and record.label is not None and label != record.label:
        raise LogFormatError(
            f"line {record.line} of the log says that image {record.index} has label "
            f"{record.label}, but it is given with label {label}; these are other data"
        )
    radius = smoother.radius
    return Certificate(
        index=record.index,
        status=Status.ABSTAINED if record.abstained else Status.CERTIFIED,
        prediction=ABSTAIN if record.abstained else record.prediction,
        radius=record.radius,
        prob_lower=record.prob_lower or 0.0,
        count=record.count or 0,
        n=record.n or 0,
        alpha=record.alpha or 0.0,
        seed=record.seed or 0,
        adversary=norm_name(radius.adversary),
        guarantee=radius.guarantee,
        route=radius.route,
        noise=record.noise or "",
        label=record.label if label is None else label,
        seconds=record.seconds,
        radius_alpha=radius_alpha(radius),
        rule=record.rule,
        votes=record.votes,
    )


def certify_all(
    certifier: Certifier,
    images: Any,
    indices: Sequence[int],
    labels: Sequence[int | None],
    writer: LogWriter | None,
    report: Callable[[int, int], None],
) -> CertificateBatch:
    """Certify the images that the log does not hold yet, and log each at once."""
    logged = {} if writer is None else {record.index: record for record in writer.records}
    done: list[Certificate] = []
    for image, index, label in zip(images, indices, labels, strict=True):
        if index in logged:
            certificate = from_record(logged[index], label, certifier.smoother)
        else:
            certificate = certifier.certify(image, index, label)
            if writer is not None:
                writer.write(certificate)
        done.append(certificate)
        report(len(done), len(images))
    return CertificateBatch(tuple(done))

"""Many workers certify the images of one run; the driver logs what they find.

A worker holds a replica of the model and certifies images that it is handed, one at a time. The
noise of an image follows from the seed and the image's number, so results do not depend on which
worker gets it, or how often. A worker that is lost (killed, out of memory, its machine gone) is
replaced, and its image is handed out again.

Two kinds of workers stand behind one interface (`certify.scheduling`): processes of this machine
(`certify.worker_processes`) and actors of a Ray cluster (`certify.ray_workers`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from certify.certificate import Certificate, CertificateBatch
from certify.certifier import Certifier, from_record
from certify.forward import evaluation_mode
from certify.logs import LogWriter
from certify.scheduling import Pool, Task, carry_out
from numerics.errors import invalid

__all__ = ["NamedModel", "Replica", "Workers", "certify_task"]

KINDS = ("processes", "ray")


@dataclass(frozen=True)
class NamedModel:
    """A model that every worker loads by itself, for those that cannot be sent."""

    name: str
    architecture: str | None = None


class Replica:
    """What a worker needs to know; it becomes a certifier where it arrives.

    Parameters
    ----------
    certifier : Certifier
        The driver's. Its module is copied to the CPU, to be sent.
    named : NamedModel, optional
        Load this instead of sending the module.
    """

    def __init__(self, certifier: Certifier, named: NamedModel | None = None) -> None:
        model = named if named is not None else certifier.model
        self.on_cuda = _on_cuda(certifier.model)
        if isinstance(model, torch.nn.Module):
            model = deepcopy(model).cpu() if self.on_cuda else model
        self._parts = certifier.parts(model)

    def certifier(self, device: str) -> Certifier:
        """The certifier of a worker, its module on a device."""
        model = self._parts["model"]
        if isinstance(model, NamedModel):
            from certify.model_files import load_model

            model = load_model(model.name, architecture=model.architecture, device=device)
        elif isinstance(model, torch.nn.Module):
            model = model.to(device)
        return Certifier(**{**self._parts, "model": model})


def certify_task(certifier: Certifier, task: Task) -> Certificate:
    """What a worker does."""
    with evaluation_mode(certifier.model):
        return certifier.certify(torch.from_numpy(task.image), task.index, task.label)


@dataclass(frozen=True)
class Workers:
    """How many workers of which kind.

    Attributes
    ----------
    kind : {"processes", "ray"}
        Processes of this machine, or actors of a Ray cluster (an existing one if there is one).
    count : int, optional
        By default one per GPU if the model lies on one, otherwise one per CPU.
    retries : int
        How often an image is handed out again when its worker is lost.
    named : NamedModel, optional
        For models that cannot be sent to another process.

    Examples
    --------
    >>> Workers.parse("ray:8")
    Workers(kind='ray', count=8, retries=2, named=None)
    """

    kind: str = "processes"
    count: int | None = None
    retries: int = 2
    named: NamedModel | None = None

    @classmethod
    def parse(cls, text: str) -> Workers | None:
        """Read ``ray``, ``ray:8``, ``processes:4`` or ``4``; nothing for ``1``."""
        kind, _, number = ("processes:" + text if text.isdecimal() else text).partition(":")
        if kind not in KINDS or (number and not (number.isdecimal() and int(number) >= 1)):
            raise invalid("--workers", "ray, ray:N, processes:N or N", text, "write ray or 4")
        if text == "1":
            return None
        return cls(kind, int(number) if number else None)

    def pool(self, replica: Replica) -> tuple[Pool, int]:
        """The workers' pool, and how many there should be."""
        if self.kind == "ray":
            from certify.ray_workers import RayPool

            ray_pool = RayPool(replica)
            return ray_pool, self.count or ray_pool.slots()
        from certify.worker_processes import ProcessPool

        pool = ProcessPool(replica)
        return pool, self.count or pool.slots()

    def certify(
        self,
        certifier: Certifier,
        images: torch.Tensor,
        indices: Sequence[int],
        labels: Sequence[int | None],
        writer: LogWriter | None,
        report: Callable[[int, int], None],
    ) -> CertificateBatch:
        """Certify the images that the log does not hold yet, logging each when it is done."""
        logged = {} if writer is None else {record.index: record for record in writer.records}
        found: dict[int, Certificate] = {}
        tasks = []
        for image, index, label in zip(images, indices, labels, strict=True):
            if index in logged:
                found[index] = from_record(logged[index], label, certifier.smoother)
            else:
                tasks.append(Task(image.cpu().numpy(), index, label))
        report(len(found), len(images))
        if tasks:
            pool, count = self.pool(Replica(certifier, self.named))
            try:
                for certificate in carry_out(pool, tasks, count, self.retries):
                    if writer is not None:
                        writer.write(certificate)
                    found[certificate.index] = certificate
                    report(len(found), len(images))
            finally:
                pool.close()
        return CertificateBatch(tuple(found[index] for index in indices))


def _on_cuda(model: Any) -> bool:
    if not isinstance(model, torch.nn.Module):
        return False
    return any(tensor.is_cuda for tensor in model.parameters())

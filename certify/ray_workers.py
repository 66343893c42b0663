"""Workers that are actors of a Ray cluster: an existing one, or one on this machine.

Ray is imported here only. An actor has one GPU if the model lies on one, otherwise one CPU.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from certify.distributed import Replica, certify_task
from certify.scheduling import Done, Failed, Lost, Outcome, Task, WorkerError
from numerics.errors import InvalidInputError, RadiiError

__all__ = ["RayPool"]


class _Actor:
    """A replica on some machine of the cluster."""

    def __init__(self, replica: Replica, device: str) -> None:
        self._certifier = replica.certifier(device)

    def certify(self, task: Task) -> Outcome:
        """An error that would come again is a result; anything else is the end of the actor."""
        try:
            return Done(certify_task(self._certifier, task))
        except RadiiError as error:
            return Failed(error)
        except Exception:
            return Failed(WorkerError(f"image {task.index}:\n{traceback.format_exc()}"))


@dataclass(frozen=True, eq=False)
class _Worker:
    """An actor; compared by identity, whatever Ray's handles do."""

    actor: Any


class RayPool:
    """Actors of a Ray cluster.

    Parameters
    ----------
    replica : Replica
        Put into the cluster's store once.

    Raises
    ------
    InvalidInputError
        Ray is not installed, or the replica cannot be sent.
    """

    def __init__(self, replica: Replica) -> None:
        try:
            self._ray = import_module("ray")
        except ImportError:
            raise InvalidInputError(
                "workers must be processes, since ray is not installed; "
                "pip install 'radii[cluster]', or pass --workers N"
            ) from None
        self._on_cuda = replica.on_cuda
        self._joined = not self._ray.is_initialized()
        if self._joined:
            self._connect()
        resources = {"num_gpus": 1} if self._on_cuda else {"num_cpus": 1}
        self._actor = self._ray.remote(**resources)(_Actor)
        try:
            self._replica = self._ray.put(replica)
        except (TypeError, AttributeError) as error:
            raise InvalidInputError(
                f"the model or its noise cannot be sent to another process ({error}); name the "
                "model by a factory package.module:function or a file"
            ) from error
        # References to results, and whose they are.
        self._running: dict[Any, _Worker] = {}
        self._workers: list[_Worker] = []

    def _connect(self) -> None:
        """Join the cluster that the environment or a local head node names; else start one."""
        try:
            self._ray.init(address="auto", log_to_driver=False)
        except ConnectionError:
            self._ray.init(log_to_driver=False)

    def slots(self) -> int:
        """GPUs of the cluster if the model lies on one, otherwise CPUs."""
        found = self._ray.cluster_resources().get("GPU" if self._on_cuda else "CPU", 1)
        return max(1, int(found))

    def start(self) -> _Worker:
        """A new actor; Ray finds it a place."""
        device = "cuda" if self._on_cuda else "cpu"
        worker = _Worker(self._actor.remote(self._replica, device))
        self._workers.append(worker)
        return worker

    def submit(self, worker: _Worker, task: Task) -> None:
        """Send an image."""
        self._running[worker.actor.certify.remote(task)] = worker

    def wait(self) -> list[tuple[Any, Outcome]]:
        """Results and ends of actors."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1)
        return [(self._running.pop(reference), self._outcome(reference)) for reference in ready]

    def _outcome(self, reference: Any) -> Outcome:
        # Errors of the certifier arrive as results (see _Actor), so that what is raised here
        # says that the actor, its process or its machine is gone, or did not come up.
        try:
            outcome: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Lost(" ".join(str(error).split())[:200])
        return outcome

    def close(self) -> None:
        """End the actors, and leave the cluster if it was joined here."""
        for worker in self._workers:
            self._ray.kill(worker.actor)
        self._workers.clear()
        if self._joined:
            self._ray.shutdown()

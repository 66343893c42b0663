"""Handing out images to workers: who is idle, who is lost, what is tried again.

Workers of every kind stand behind one interface, `Pool`, which this file alone talks to.
"""

from __future__ import annotations

import warnings
from collections import Counter, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from certify.certificate import Certificate
from numerics.errors import RadiiError

__all__ = ["Done", "Failed", "Lost", "Outcome", "Pool", "Task", "WorkerError", "carry_out"]


class WorkerError(RadiiError, RuntimeError):
    """Workers were lost again and again at one image, or one raised an unexpected error."""


@dataclass(frozen=True)
class Task:
    """An image, its number in its data set, and its label."""

    image: np.ndarray[Any, Any]
    index: int
    label: int | None


@dataclass(frozen=True)
class Done:
    """A worker's certificate."""

    certificate: Certificate


@dataclass(frozen=True)
class Failed:
    """An error that would come again, such as a model's wrong output."""

    error: Exception


@dataclass(frozen=True)
class Lost:
    """A worker that is no more, and what is known of its end."""

    reason: str


Outcome = Done | Failed | Lost


class Pool(Protocol):
    """Workers of one kind."""

    def start(self) -> Hashable:
        """A new worker."""
        ...

    def submit(self, worker: Any, task: Task) -> None:
        """Hand an image to an idle worker."""
        ...

    def wait(self) -> list[tuple[Any, Outcome]]:
        """Wait until one worker or more have something to say."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


def carry_out(pool: Pool, tasks: Sequence[Task], count: int, retries: int) -> Iterator[Certificate]:
    """Certificates in the order in which they are done.

    Raises
    ------
    WorkerError
        An image lost more than `retries` workers.
    """
    waiting, lost = deque(tasks), Counter[int]()
    busy: dict[Hashable, Task] = {}
    idle = [pool.start() for _ in range(min(count, len(tasks)))]
    while waiting or busy:
        while idle and waiting:
            worker = idle.pop()
            busy[worker] = waiting.popleft()
            pool.submit(worker, busy[worker])
        for worker, outcome in pool.wait():
            if worker not in busy:  # lost while it had nothing to do
                idle.remove(worker)
                continue
            task = busy.pop(worker)
            if isinstance(outcome, Failed):
                raise outcome.error
            if isinstance(outcome, Done):
                idle.append(worker)
                yield outcome.certificate
                continue
            lost[task.index] += 1
            _warn_or_give_up(task.index, lost[task.index], retries, outcome.reason)
            waiting.appendleft(task)
            idle.append(pool.start())


def _warn_or_give_up(index: int, losses: int, retries: int, reason: str) -> None:
    if losses > retries:
        raise WorkerError(
            f"image {index} lost {losses} workers ({reason}); give them more memory, or fewer "
            "workers or smaller batches"
        )
    warnings.warn(
        f"a worker was lost at image {index} ({reason}); it is replaced, and the image tried again",
        UserWarning,
        stacklevel=3,
    )

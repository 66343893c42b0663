"""Workers that are processes of this machine, each with a pipe of its own."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from certify.distributed import Replica, certify_task
from certify.scheduling import Done, Failed, Lost, Outcome, Task, WorkerError
from numerics.errors import InvalidInputError, RadiiError

__all__ = ["ProcessPool"]

#: Seconds after which a process that was asked to end is killed.
_PATIENCE = 5.0


@dataclass(frozen=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection


class ProcessPool:
    """Processes that are started afresh, as CUDA needs it; GPUs are dealt out in turn.

    Parameters
    ----------
    replica : Replica
        Sent to every process.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []
        self._started = 0

    def slots(self) -> int:
        """GPUs if the model lies on one, otherwise CPUs."""
        return torch.cuda.device_count() if self._replica.on_cuda else os.cpu_count() or 1

    def start(self) -> _Worker:
        """A new process; it says nothing before its first image."""
        ours, theirs = self._context.Pipe()
        device = "cpu"
        if self._replica.on_cuda:
            device = f"cuda:{self._started % torch.cuda.device_count()}"
        self._started += 1
        process = self._context.Process(
            target=_serve, args=(theirs, self._replica, device), daemon=True
        )
        try:
            process.start()
        except (AttributeError, TypeError, ValueError) as error:
            raise InvalidInputError(
                f"the model or its noise cannot be sent to another process ({error}); name the "
                "model by a factory package.module:function or a file"
            ) from error
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def submit(self, worker: _Worker, task: Task) -> None:
        """Send an image; a process that has ended is noticed by `wait`."""
        try:
            worker.pipe.send(task)
        except (BrokenPipeError, ConnectionResetError):
            return

    def wait(self) -> list[tuple[Any, Outcome]]:
        """Certificates, errors and ends of processes."""
        by_source: dict[Any, _Worker] = {}
        for worker in self._workers:
            by_source[worker.pipe] = worker
            by_source[worker.process.sentinel] = worker
        ready = {id(by_source[source]): by_source[source] for source in wait(list(by_source))}
        return [(worker, self._outcome(worker)) for worker in ready.values()]

    def _outcome(self, worker: _Worker) -> Outcome:
        try:
            # What was sent before the end is still in the pipe.
            if worker.pipe.poll():
                outcome: Outcome = worker.pipe.recv()
                return outcome
        except (EOFError, OSError):
            pass
        worker.process.join()
        self._workers.remove(worker)
        worker.pipe.close()
        code = worker.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return Lost(f"process {worker.process.pid} ended with {how}")

    def close(self) -> None:
        """End the processes, and wait for them."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()


def _serve(pipe: Connection, replica: Replica, device: str) -> None:
    """Certify images until the pipe is closed."""
    # Workers share the machine; a thread each keeps them out of each other's way.
    torch.set_num_threads(1)
    certifier = replica.certifier(device)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(_certified(certifier, task))


def _certified(certifier: Any, task: Task) -> Outcome:
    try:
        return Done(certify_task(certifier, task))
    except RadiiError as error:
        return Failed(error)
    except Exception:
        return Failed(WorkerError(f"image {task.index}:\n{traceback.format_exc()}"))

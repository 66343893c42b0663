"""How forward passes are carried out; none of it changes what is certified."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from numerics.validation import check_choice, check_count

__all__ = ["Execution", "default_batch_size", "is_out_of_memory", "measured_batch_size"]

_AUTOCAST = {"bfloat16": torch.bfloat16, "float16": torch.float16}

#: Inputs of one batch, in numbers: 64 MiB of float32 on a CPU (larger batches leave its cache and
#: make the allocator return memory to the system every time), 1 GiB on an accelerator.
_CPU_NUMBERS, _DEVICE_NUMBERS = 2**24, 2**28

#: Copies of one batch: beyond them no network measured here got faster.
_CPU_COPIES, _DEVICE_COPIES = 256, 4096

#: First batch that is timed, and by how much a copy must get cheaper to double it once more.
_FIRST_TIMED, _WORTH_DOUBLING = 16, 0.95


@dataclass(frozen=True)
class Execution:
    """Options of the forward passes.

    The class of a copy can change with them where its two best logits agree to the precision of
    the arithmetic; autocast belongs to the base classifier in that sense.

    Attributes
    ----------
    batch_size : int, optional
        Copies per forward pass. By default the fastest of 16, 32, 64, ... as timed on the first
        image of a long run. Halved, and tried again, when memory runs out.
    autocast : {"bfloat16", "float16"}, optional
        Run the model under `torch.autocast`.
    compile : bool or str
        Run the model through `torch.compile`, or through a backend of it by name. Batches are then
        filled up to one size, so that it compiles once.
    channels_last : bool
        Lay out images and weights with channels last (the model keeps that layout).

    Examples
    --------
    >>> Execution(batch_size=512, autocast="bfloat16").batch_size
    512
    """

    batch_size: int | None = None
    autocast: str | None = None
    compile: bool | str = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            check_count("batch_size", self.batch_size, minimum=1)
        if self.autocast is not None:
            check_choice("autocast", self.autocast, _AUTOCAST)

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """Type of the arithmetic under autocast."""
        return None if self.autocast is None else _AUTOCAST[self.autocast]

    def describe(self) -> str:
        """One line for a log; the batch size is left out, since results do not depend on it."""
        parts = [
            f"autocast {self.autocast}" if self.autocast else "",
            f"compile {self.compile}" if self.compile else "",
            "channels last" if self.channels_last else "",
        ]
        return ", ".join(part for part in parts if part) or "plain"


def default_batch_size(dim: int, device: torch.device) -> int:
    """Largest batch that is ever chosen without being asked for.

    Examples
    --------
    >>> [default_batch_size(dim, torch.device("cpu")) for dim in (3072, 150_528)]
    [256, 111]
    """
    numbers, copies = (
        (_CPU_NUMBERS, _CPU_COPIES) if device.type == "cpu" else (_DEVICE_NUMBERS, _DEVICE_COPIES)
    )
    return max(1, min(copies, numbers // dim))


def measured_batch_size(
    run: Callable[[int], None], largest: int, clock: Callable[[], float] = time.perf_counter
) -> int:
    """Smallest batch after which doubling does not make a copy 5 % cheaper.

    Parameters
    ----------
    run : callable
        Carries out a forward pass of so many copies, and waits for it; may run out of memory.
    largest : int
        Largest size to try.
    clock : callable
        Time in seconds.
    """
    best, cost = 0, float("inf")
    size = min(_FIRST_TIMED, largest)
    while True:
        try:
            seconds = _timed(run, size, clock) / size
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            # Nothing smaller was measured: go down instead of up.
            if best == 0:
                size //= 2
                largest = size
                continue
            return best
        if seconds > _WORTH_DOUBLING * cost:
            return best
        best, cost = size, seconds
        if 2 * size > largest:
            return best
        size *= 2


def _timed(run: Callable[[int], None], size: int, clock: Callable[[], float]) -> float:
    run(size)  # the first pass of a size allocates, and lets libraries choose their algorithms
    start = clock()
    run(size)
    return clock() - start


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on whatever device.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes"))
    True
    >>> is_out_of_memory(RuntimeError("sizes do not match"))
    False
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    words = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    return isinstance(error, RuntimeError) and any(word in text for word in words)

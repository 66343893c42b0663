"""Compiled kernels that cost nothing until they are called.

Importing numba takes about as long as all the rest of the library together, so nothing imports
it at module level: `kernel` wraps a plain function and compiles it on its first call. Machine code
is cached on disk, beside the source where that can be written, else in the user's cache folder.
"""

from __future__ import annotations

import functools
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, overload

__all__ = ["Kernel", "float_bits", "fma", "kernel", "table_load", "table_store"]

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that numba compiles on its first call; kernels may call each other.

    Attributes
    ----------
    python : callable
        The function as written, for debugging and for tests against the compiled one.
    compiled : numba dispatcher
        Compiled form; reading it imports numba.
    """

    def __init__(self, function: Callable[P, R], *, parallel: bool = False) -> None:
        functools.update_wrapper(self, function)
        self.python = function
        self._parallel = parallel
        self._dispatcher: Any = None
        self._inner: Any = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.compiled(*args, **kwargs)

    @property
    def compiled(self) -> Any:
        if self._dispatcher is None:
            prepare()
            self._dispatcher = _compile(self.python, self._parallel)
        return self._dispatcher

    @property
    def inner(self) -> Any:
        """Form for calls out of other kernels, whose machine code takes in that of this one."""
        if self._inner is None:
            prepare()
            self._inner = _compile_inner(self.python, self._parallel)
        return self._inner


@overload
def kernel(function: Callable[P, R]) -> Kernel[P, R]: ...
@overload
def kernel(*, parallel: bool = False) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...
def kernel(function: Callable[P, R] | None = None, *, parallel: bool = False) -> Any:
    """Mark a function of numbers and arrays for compilation on its first call.

    The compiled code releases the interpreter lock, follows IEEE 754 on division by zero (as
    NumPy does) and never reorders floating point operations: there is no `fastmath` to turn on,
    because a radius that depends on the compiler's mood is no certificate.

    Inside a kernel the functions of `numerics.special` listed in `NATIVE` and other kernels can
    be called. Machine code on disk is used only while the sources of the kernel and of all
    kernels that it calls into are what they were.

    Parameters
    ----------
    function : callable
        Plain Python that numba's nopython mode can compile.
    parallel : bool, default False
        Let `numba.prange` loops use several threads.

    Returns
    -------
    Kernel
        Callable with the same signature.

    Examples
    --------
    >>> @kernel
    ... def double(value):
    ...     return 2.0 * value
    >>> double.python(4.0)
    8.0
    """
    if function is None:
        return functools.partial(Kernel, parallel=parallel)
    return Kernel(function, parallel=parallel)


def fma(x: float, y: float, z: float) -> float:
    """Return x * y + z, inside a kernel with one rounding and as one machine instruction.

    Asked for by name, it gives the same digits on every machine, unlike contraction left to the
    compiler. Called from Python it rounds twice.
    """
    return x * y + z


def float_bits(x: float) -> int:
    """Return the bits of a float64 as a signed integer; inside a kernel this costs nothing.

    Exponent and leading mantissa bits, ``float_bits(x) >> (52 - k)``, number the bins of a table
    with 2^k bins per octave: no logarithm and no search.
    """
    return int.from_bytes(struct.pack("<d", x), "little", signed=True)


def table_load(array: Any, i: int) -> Any:
    """Return element `i` of a C-contiguous array that the kernel never writes to.

    The index counts along the flattened array, must be in range and never wraps. LLVM is told
    that no `table_store` reaches the array, without which a loop that looks values up by a
    computed index cannot be vectorised.
    """
    return array.reshape(-1)[i]


def table_store(array: Any, i: int, new: float) -> None:
    """Set to `new` element `i` of a C-contiguous array that the kernel reads by no `table_load`."""
    array.reshape(-1)[i] = new


@functools.cache
def prepare() -> None:
    """Import numba and teach it the kernels and the special functions; once per process."""
    from numba.core import types
    from numba.extending import typeof_impl

    from numerics import native

    # A Kernel met as a global inside another kernel stands for its compiled form.
    @typeof_impl.register(Kernel)
    def _typeof_kernel(value: Kernel[..., Any], context: Any) -> Any:
        return types.Dispatcher(value.inner)

    native.register()


def _options(parallel: bool) -> dict[str, Any]:
    return {"nogil": True, "error_model": "numpy", "parallel": parallel}


def _compile(function: Callable[..., Any], parallel: bool) -> Any:
    import numba

    options = _options(parallel)
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
        # numba itself would only look at the caller's file.
        dispatcher._cache._cache_file._source_stamp = _stamp(function)
        return dispatcher
    except RuntimeError:
        # No folder to cache in: read-only source, no home, or a function typed at a prompt.
        return numba.njit(**options)(function)


def _compile_inner(function: Callable[..., Any], parallel: bool) -> Any:
    """A dispatcher that leaves out all that only Python needs: its files and its wrappers.

    Wrappers unpack every array of every argument and take longer to compile than most kernels.
    """
    import numba
    from numba.core import types

    options = _options(parallel) | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher: Any = numba.njit(**options)(function)
    template = dispatcher.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        # One version for all numbers and flags, not one more for each literal.
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return template(tuple(types.unliteral(kind) for kind in args), plain)

    dispatcher.get_call_template = get_call_template
    return dispatcher


def _stamp(function: Callable[..., Any]) -> str:
    """Digest of the files of a kernel and of all that it reaches through global names."""
    waiting, seen, paths = [function], set(), set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        paths.add(current.__code__.co_filename)
        named = (current.__globals__.get(name) for name in current.__code__.co_names)
        waiting += [value.python for value in named if isinstance(value, Kernel)]
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(Path(path).read_bytes() if Path(path).is_file() else path.encode())
    return digest.hexdigest()

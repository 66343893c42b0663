"""The functions of `scipy.special` as numba can call them from compiled code.

SciPy exports C entry points through `scipy.special.cython_special`. Each address is registered
with LLVM under a fixed name, and cached machine code refers to the name only, so a
kernel cached by one process runs in the next one, where the address is another.
This module is imported by `numerics.jit` when the first kernel is compiled, never earlier.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import scipy.special.cython_special as cython_special
from numba import types
from numba.extending import intrinsic, overload

from numerics import jit, special

__all__ = ["address", "register"]

# Cython writes one C function per type a fused function accepts. Which fuse index is the real
# double differs from function to function, so it is found by its signature.
_SIGNATURE = "double ({arguments}, int __pyx_skip_dispatch)"


def register() -> None:
    """Make what `numerics.jit` and `numerics.special.NATIVE` name callable from kernels."""
    for function in special.NATIVE:
        symbol = f"radii_scipy_special_{function.name}"
        llvmlite.binding.add_symbol(symbol, address(function.name, function.arity))
        _overload(function, types.ExternalFunction(symbol, _c_signature(function.arity)))
    # As Any, because numba's annotations count the typing context among the arguments.
    fused: Any = _fma
    bits: Any = _float_bits
    overload(jit.fma)(lambda x, y, z: lambda x, y, z: fused(x, y, z))
    overload(jit.float_bits)(lambda x: lambda x: bits(x))
    load: Any = _table_load
    store: Any = _table_store
    overload(jit.table_load)(lambda array, i: lambda array, i: load(array, i))
    overload(jit.table_store)(lambda array, i, new: lambda array, i, new: store(array, i, new))


def address(name: str, arity: int) -> int:
    """Return the address of the C function `name` that takes `arity` doubles.

    Raises
    ------
    KeyError
        This SciPy exports no such function.
    """
    wanted = _SIGNATURE.format(arguments=", ".join(["double"] * arity))
    exported = cython_special.__pyx_capi__
    for candidate in (name, *(f"__pyx_fuse_{index}{name}" for index in range(3))):
        capsule = exported.get(candidate)
        if capsule is not None and _capsule_name(capsule) == wanted.encode():
            return _capsule_pointer(capsule, wanted.encode())
    raise KeyError(f"scipy.special.cython_special exports no {name} with signature {wanted}")


def _c_signature(arity: int) -> Any:
    # The trailing int is Cython's skip_dispatch flag.
    return types.float64(*([types.float64] * arity), types.int32)


def _overload(function: special.Native, external: Any) -> None:
    """Tell numba to call `external` where a kernel calls `function` with real scalars."""
    no_dispatch = 0
    implementations: dict[int, Callable[..., Any]] = {
        1: lambda a: external(a, no_dispatch),
        2: lambda a, b: external(a, b, no_dispatch),
        3: lambda a, b, c: external(a, b, c, no_dispatch),
    }
    typers: dict[int, Callable[..., Any]] = {
        1: lambda a: implementations[1],
        2: lambda a, b: implementations[2],
        3: lambda a, b, c: implementations[3],
    }
    overload(function)(typers[function.arity])


@intrinsic
def _fma(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    """LLVM's fused multiply-add: an instruction where there is one, libm's exact fma elsewhere."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), emit


@intrinsic
def _float_bits(typing_context: Any, x: Any) -> Any:
    """Reinterpretation of the register, without a conversion."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.int64))

    return types.int64(types.float64), emit


@intrinsic
def _table_load(typing_context: Any, array: Any, i: Any) -> Any:
    """A load that carries the alias scope of the tables."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_element(context, builder, array, arguments))
        value.set_metadata("alias.scope", _table_scope(builder.module))
        return value

    return array.dtype(array, types.int64), emit


@intrinsic
def _table_store(typing_context: Any, array: Any, i: Any, value: Any) -> Any:
    """A store declared to touch nothing in the alias scope of the tables."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        store = builder.store(arguments[2], _element(context, builder, array, arguments))
        store.set_metadata("noalias", _table_scope(builder.module))
        return context.get_dummy_value()

    return types.void(array, types.int64, array.dtype), emit


def _element(context: Any, builder: Any, array: Any, arguments: Any) -> Any:
    if array.layout != "C":
        raise TypeError(f"a table must be C-contiguous, got {array}")
    data = context.make_array(array)(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


def _table_scope(module: Any) -> Any:
    """LLVM's scoped alias metadata: a list of one scope, inside one domain, both named."""
    domain = module.add_metadata(["radii"])
    return module.add_metadata([module.add_metadata(["radii tables", domain])])


def _capsule_name(capsule: Any) -> bytes:
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return bytes(get_name(capsule))


def _capsule_pointer(capsule: Any, name: bytes) -> int:
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype = ctypes.c_void_p
    get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return int(get_pointer(capsule, name))

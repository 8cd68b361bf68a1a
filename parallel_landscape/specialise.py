"""The one place that compiles: a template closed over plain functions and constants becomes machine code.

A template is an ordinary factory, `template(*functions, **constants) -> kernel`, and the kernel an ordinary function, so the
very same code also runs in plain Python (`Kernel.plain`). Compiled code is kept on disk in one directory per digest of all
that it was made from: byte code, constants, default values and arrays of every function reached, and numba's version. An edited
model therefore never runs old code, and processes that compile different kernels at once never meet in one file.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import os
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.extending import register_jitable

from parallel_landscape import simd
from parallel_landscape.errors import RunError

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy"}
_PACKAGE = __package__


@dataclass(frozen=True)
class Kernel:
    """A compiled function with its origin: `plain` gives the same bits in pure Python, `digest` names the code."""

    compiled: Callable[..., Any]
    plain: Callable[..., Any]
    digest: str

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled function."""
        return self.compiled(*arguments)


class _DigestCache(FunctionCache):
    """Numba's disk cache with the digest (its directory) in place of a pickled closure as the key."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return sig, codegen.magic_tuple()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Numba's, but a damaged file (a full disk, a power cut) is compiled anew instead of an error for ever after."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            self.flush()
            return None


def cache_folder() -> Path:
    """Where compiled kernels are kept: $PLAND_CACHE_DIR, else the user's cache directory."""
    chosen = os.environ.get("PLAND_CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "parallel_landscape" / "kernels"


def specialise(template: Callable[..., Callable[..., Any]], *functions: Callable[..., Any], **constants: Any) -> Kernel:
    """Compile `template(*functions, **constants)`; loaded from the disk cache when nothing it is made of has changed.

    Raises RunError when a function uses a global that cannot be compiled in (anything but numbers, strings, arrays, tuples,
    named tuples, modules and functions).
    """
    plain = template(*functions, **constants)
    reached = list(_reachable(plain))
    digest = _digest(reached)
    for function in reached[1:]:
        _make_callable(function)
    folder = cache_folder() / digest
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        compiled = numba.njit(**_OPTIONS)(plain)
        folder.mkdir(parents=True, exist_ok=True)
        compiled._cache = _DigestCache(plain)
    finally:
        numba.config.CACHE_DIR = before
    return Kernel(compiled, plain, digest)


def compile_function(function: Callable[..., Any]) -> Kernel:
    """`specialise` for a function that needs no template."""
    return specialise(lambda plain: plain, function)


@functools.cache
def _make_callable(function: Callable[..., Any]) -> None:
    """Let compiled code call a plain function.

    Our own are marked for LLVM to inline, without which loops around them do not vectorise; numba's own inlining gives the same
    machine code after up to twenty times the compile time.
    """
    ours = (function.__module__ or "").split(".")[0] == _PACKAGE
    register_jitable(**_OPTIONS, **({"forceinline": True} if ours else {}))(function)


def _reachable(function: Callable[..., Any]) -> Iterator[types.FunctionType]:
    """`function` and every plain function that it may call, each once, in a fixed order."""
    seen: set[int] = set()
    waiting = [function]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current  # type: ignore[misc]
        waiting.extend(value for _, value in _uses(current) if _is_plain(value))  # type: ignore[arg-type]


def _is_plain(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and value.__module__ != simd.__name__ and not _is_library(value)


def _is_library(function: types.FunctionType) -> bool:
    """Functions of numpy, math and numba are known to numba itself."""
    return (function.__module__ or "").split(".")[0] in {"numpy", "numba", "math", "builtins", "operator"}


def _uses(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Names and values of the globals, closure cells and module attributes that the function's code mentions."""
    names = sorted({name for code in _codes(function.__code__) for name in code.co_names})
    found = [(name, function.__globals__[name]) for name in names if name in function.__globals__]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    found += [(name, cell.cell_contents) for name, cell in cells]
    modules = [value for _, value in found if isinstance(value, types.ModuleType)]
    for module in modules:
        members = [(f"{module.__name__}.{name}", getattr(module, name)) for name in names if hasattr(module, name)]
        found += [(name, value) for name, value in members if isinstance(value, types.FunctionType)]
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _digest(functions: list[types.FunctionType]) -> str:
    number = {id(function): index for index, function in enumerate(functions)}
    hasher = hashlib.sha256(f"{numba.__version__} {_OPTIONS} {_source_digest(simd)}".encode())
    for function in functions:
        for code in _codes(function.__code__):
            constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
            hasher.update(repr((code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars)).encode())
        hasher.update(repr(function.__defaults__).encode())
        for name, value in _uses(function):
            described = f"function {number[id(value)]}" if id(value) in number else _describe(value, name, function)
            hasher.update(f"{name}={described};".encode())
    return hasher.hexdigest()[:32]


def _describe(value: Any, name: str, function: types.FunctionType) -> str:
    """A text that differs whenever the compiled meaning of `value` does."""
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic | Enum):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, tuple):
        return "(" + ",".join(_describe(item, name, function) for item in value) + ")"
    if isinstance(value, types.ModuleType | types.BuiltinFunctionType | types.FunctionType | np.ufunc):
        return f"{type(value).__name__} {getattr(value, '__module__', '')}.{value.__name__}"
    if isinstance(value, type):
        return f"type {value.__module__}.{value.__qualname__} {getattr(value, '_fields', '')}"
    raise RunError(
        f"{function.__module__}.{function.__qualname__} uses the global {name!r}, a {type(value).__name__}, which cannot be "
        "compiled. Allowed are numbers, strings, arrays, tuples, modules and functions: pass anything else through params."
    )


@functools.cache
def _source_digest(module: types.ModuleType) -> str:
    return hashlib.sha256(Path(inspect.getfile(module)).read_bytes()).hexdigest()


def code_digest(function: Callable[..., Any]) -> str:
    """The digest of a plain function with all that it reaches; nothing is compiled. Raises RunError as `specialise` does."""
    return _digest(list(_reachable(function)))


def constant_bytes(function: Callable[..., Any]) -> int:
    """Bytes of all arrays that a plain function and what it reaches hold as constants."""
    held = {id(value): value.nbytes for one in _reachable(function) for _, value in _uses(one) if isinstance(value, np.ndarray)}
    return sum(held.values())

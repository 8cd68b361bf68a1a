"""Short vectors of 64-bit words that numba can compile: the kernels stay plain Python.

A vector holds 1, 2, 4 or 8 words, so 64 to 512 patterns, one bit each. In plain Python it is a numpy array of uint64 and
every operation below is numpy's; compiled, it is an LLVM vector value, which becomes one register where the machine has
it and is split where it has not. Both give the same bits. Vectors know `& | ^ ~ + -`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer, infer_global, signature
from numba.extending import lower_builtin, models, register_model
from numpy.typing import NDArray

Word = np.uint64
Vector = NDArray[np.uint64]
Int = int | np.integer[Any]
WIDTHS = (1, 2, 4, 8)

MEMORY = (types.Array, types.CPointer)
_I1, _I32, _I64, _F64 = ir.IntType(1), ir.IntType(32), ir.IntType(64), ir.DoubleType()


class VectorType(types.Type):
    """The numba type of a vector of `width` words."""

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(name=f"words{width}")

    @property
    def llvm(self) -> ir.VectorType:
        """The LLVM type <width x i64>."""
        return ir.VectorType(_I64, self.width)


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, vector.llvm)


VECTORS = {width: VectorType(width) for width in WIDTHS}


def compiled_as(result: Any, arguments: tuple[Any, ...], build: Callable[..., Any]) -> Callable[[Any], Any]:
    """Decorate a plain function with what numba is to emit for it: `build(builder, context, signature, *values)`.

    `arguments` holds numba types or, for arrays and addresses, `MEMORY`; a result that depends on them is a function of them.
    """

    def decorate(plain: Any) -> Any:
        class Template(AbstractTemplate):
            key = plain

            def generic(self, given: tuple[Any, ...], _keywords: dict[str, Any]) -> Any:
                if len(given) != len(arguments) or not all(map(_matches, given, arguments)):
                    return None
                casts = [got if wanted is MEMORY else wanted for got, wanted in zip(given, arguments, strict=True)]
                return signature(result if isinstance(result, types.Type) else result(*given), *casts)

        infer(Template)
        infer_global(plain, types.Function(Template))

        def lowering(context: Any, builder: Any, typed: Any, values: Any) -> Any:
            return build(builder, context, typed, *values)

        for kind in MEMORY if MEMORY in arguments else (None,):
            lower_builtin(plain, *[kind if wanted is MEMORY else wanted for wanted in arguments])(lowering)

        return plain

    return decorate


def _matches(given: Any, wanted: Any) -> bool:
    if wanted is MEMORY:
        return isinstance(given, MEMORY)
    return given == wanted or (wanted == types.uint64 and isinstance(given, types.Integer) and not given.signed)


def _pointer(builder: Any, context: Any, array_type: Any, array: Any, index: Any, target: Any) -> Any:
    """Address of element `index` of a flat C-contiguous array or of an address, as a pointer to `target`."""
    data = array if isinstance(array_type, types.CPointer) else context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), target.as_pointer())


def _intrinsic(builder: Any, name: str, result: Any, values: list[Any]) -> Any:
    function_type = ir.FunctionType(result, [value.type for value in values])
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, function_type, name), values)


def _splat(builder: Any, value: Any, llvm: ir.VectorType) -> Any:
    empty = ir.Constant(llvm, ir.Undefined)
    lanes = ir.Constant(ir.VectorType(_I32, llvm.count), [0] * llvm.count)
    return builder.shuffle_vector(builder.insert_element(empty, value, ir.Constant(_I32, 0)), empty, lanes)


def _reduce_add(builder: Any, vector: Any) -> Any:
    return _intrinsic(builder, f"llvm.vector.reduce.add.v{vector.type.count}i64", _I64, [vector])


def _popcounts(builder: Any, vector: Any) -> Any:
    return _intrinsic(builder, f"llvm.ctpop.v{vector.type.count}i64", vector.type, [vector])


def _per_width(make: Callable[[int], Any]) -> dict[int, Any]:
    return {width: make(width) for width in WIDTHS}


def _make_load(width: int) -> Callable[[Vector, int], Vector]:
    def load(words: Vector, index: Int) -> Vector:
        """The vector that starts at `words[index]`; `words` is flat, `index` unsigned."""
        return words[int(index) : int(index) + width].copy()

    def build(builder: Any, context: Any, signature: Any, words: Any, index: Any) -> Any:
        return builder.load(_pointer(builder, context, signature.args[0], words, index, VECTORS[width].llvm), align=8)

    return compiled_as(VECTORS[width], (MEMORY, types.uint64), build)(load)


def _make_splat(width: int) -> Callable[[int], Vector]:
    def splat(word: Int) -> Vector:
        """A vector with `word` (unsigned) in every lane."""
        return np.full(width, word, dtype=np.uint64)

    def build(builder: Any, _context: Any, _signature: Any, word: Any) -> Any:
        return _splat(builder, word, VECTORS[width].llvm)

    return compiled_as(VECTORS[width], (types.uint64,), build)(splat)


def store(words: Vector, index: Int, vector: Vector) -> None:
    """Write `vector` to `words[index:]`; `index` is unsigned."""
    words[int(index) : int(index) + len(vector)] = vector


def count_ones(vector: Vector) -> int:
    """Number of bits set in the vector, as int64."""
    return int(np.bitwise_count(vector).sum())


def popcounts(vector: Vector) -> Vector:
    """Number of bits set in each word."""
    return np.bitwise_count(vector).astype(np.uint64)


def lane_sum(vector: Vector) -> int:
    """Sum of the words, as signed int64."""
    return int(vector.view(np.int64).sum())


def any_set(vector: Vector) -> bool:
    """Whether any bit is set."""
    return bool(vector.any())


def address(array: NDArray[Any]) -> NDArray[Any]:
    """Where a flat array begins. Unlike an array it is not reference-counted, which inner loops would otherwise pay for."""
    return array


def element(array: NDArray[Any], index: Int) -> Any:
    """array[index] of an array or address; `index` is unsigned."""
    return array[int(index)]


def bits_of(number: float) -> int:
    """The 64 bits of a double, as an unsigned word."""
    return np.float64(number).view(np.uint64)  # type: ignore[return-value]


def double_of(word: Int) -> float:
    """The double whose bits are the unsigned `word`."""
    return np.uint64(word).view(np.float64)


def _build_store(builder: Any, context: Any, signature: Any, words: Any, index: Any, vector: Any) -> Any:
    builder.store(vector, _pointer(builder, context, signature.args[0], words, index, vector.type), align=8)
    return context.get_dummy_value()


def _build_address(builder: Any, context: Any, signature: Any, array: Any) -> Any:
    return context.make_array(signature.args[0])(context, builder, array).data


def _build_element(builder: Any, context: Any, signature: Any, array: Any, index: Any) -> Any:
    target = context.get_value_type(signature.return_type)
    return builder.load(_pointer(builder, context, signature.args[0], array, index, target))


def _build_any(builder: Any, _context: Any, _signature: Any, vector: Any) -> Any:
    name = f"llvm.vector.reduce.or.v{vector.type.count}i64"
    return builder.icmp_unsigned("!=", _intrinsic(builder, name, _I64, [vector]), ir.Constant(_I64, 0))


def _changed_fields(builder: Any, context: Any, signature: Any, values: tuple[Any, ...], block: int) -> tuple[Any, Any]:
    """The 64 fields of one word after the change, and the address they came from."""
    fields, index, columns, start, weight = values
    lanes, skipped = ir.VectorType(_I32, 64), ir.Constant(_I64, 64 * block)
    address = _pointer(builder, context, signature.args[0], fields, builder.add(index, skipped), lanes)
    source = _pointer(builder, context, signature.args[2], columns, builder.add(start, skipped), lanes)
    # weight is +1 or -1: x ^ s - s with s = 0 or -1 negates without a multiplication
    flip = _splat(builder, builder.ashr(builder.trunc(weight, _I32), ir.Constant(_I32, 31)), lanes)
    signed = builder.sub(builder.xor(builder.load(source, align=4), flip), flip)
    return builder.sub(builder.load(address, align=4), signed), address


def _negative_mask(builder: Any, context: Any, signature: Any, values: tuple[Any, ...], block: int) -> Any:
    """One word of `negative`. f - x < 0 is f < x, and f + x < 0 is not (~f < x): one comparison, ends flipped by the sign."""
    fields, index, columns, start, weight = values
    lanes, skipped = ir.VectorType(_I32, 64), ir.Constant(_I64, 64 * block)
    field = builder.load(_pointer(builder, context, signature.args[0], fields, builder.add(index, skipped), lanes), align=4)
    column = builder.load(_pointer(builder, context, signature.args[2], columns, builder.add(start, skipped), lanes), align=4)
    flip = builder.ashr(weight, ir.Constant(_I64, 63))
    below = builder.icmp_signed("<", builder.xor(field, _splat(builder, builder.trunc(flip, _I32), lanes)), column)
    return builder.xor(builder.bitcast(below, _I64), flip)


_FIELDS = (MEMORY, types.uint64, MEMORY, types.uint64, types.int64)


def _make_negative(width: int) -> Callable[..., Vector]:
    def negative(fields: NDArray[np.int32], index: Int, columns: NDArray[np.int32], start: Int, weight: Int) -> Vector:
        """Bit i is set when fields[index+i] - weight * columns[start+i] < 0, for 64 * width lanes; weight is +1 or -1."""
        lanes = 64 * width
        changed = fields[int(index) : int(index) + lanes] - np.int32(weight) * columns[int(start) : int(start) + lanes]
        return np.packbits(changed < 0, bitorder="little").view(np.uint64)

    def build(builder: Any, context: Any, signature: Any, *values: Any) -> Any:
        result = ir.Constant(VECTORS[width].llvm, ir.Undefined)
        for block in range(width):
            mask = _negative_mask(builder, context, signature, values, block)
            result = builder.insert_element(result, mask, ir.Constant(_I32, block))
        return result

    return compiled_as(VECTORS[width], _FIELDS, build)(negative)


def _make_subtract(width: int) -> Callable[..., None]:
    def subtract(fields: NDArray[np.int32], index: Int, columns: NDArray[np.int32], start: Int, weight: Int) -> None:
        """fields[index+i] -= weight * columns[start+i] for 64 * width lanes; weight is +1 or -1."""
        lanes = 64 * width
        fields[int(index) : int(index) + lanes] -= np.int32(weight) * columns[int(start) : int(start) + lanes]

    def build(builder: Any, context: Any, signature: Any, *values: Any) -> Any:
        for block in range(width):
            after, address = _changed_fields(builder, context, signature, values, block)
            builder.store(after, address, align=4)
        return context.get_dummy_value()

    return compiled_as(types.void, _FIELDS, build)(subtract)


def _register_operators(vector: VectorType) -> None:
    ones = ir.Constant(vector.llvm, [-1] * vector.width)
    binary = {operator.and_: "and_", operator.or_: "or_", operator.xor: "xor", operator.add: "add", operator.sub: "sub"}
    for function, method in binary.items():

        def build(builder: Any, _context: Any, _signature: Any, x: Any, y: Any, method: str = method) -> Any:
            return getattr(builder, method)(x, y)

        compiled_as(vector, (vector, vector), build)(function)
    compiled_as(vector, (vector,), lambda builder, _context, _signature, x: builder.xor(x, ones))(operator.invert)
    compiled_as(types.void, (MEMORY, types.uint64, vector), _build_store)(store)
    compiled_as(types.boolean, (vector,), _build_any)(any_set)
    compiled_as(types.int64, (vector,), lambda b, _c, _s, x: _reduce_add(b, _popcounts(b, x)))(count_ones)
    compiled_as(vector, (vector,), lambda b, _c, _s, x: _popcounts(b, x))(popcounts)
    compiled_as(types.int64, (vector,), lambda b, _c, _s, x: _reduce_add(b, x))(lane_sum)


for _vector in VECTORS.values():
    _register_operators(_vector)
compiled_as(lambda array: types.CPointer(array.dtype), (MEMORY,), _build_address)(address)
compiled_as(lambda array, _: array.dtype, (MEMORY, types.uint64), _build_element)(element)
compiled_as(types.uint64, (types.float64,), lambda b, _c, _s, x: b.bitcast(x, _I64))(bits_of)
compiled_as(types.float64, (types.uint64,), lambda b, _c, _s, x: b.bitcast(x, _F64))(double_of)

LOAD = _per_width(_make_load)
SPLAT = _per_width(_make_splat)
NEGATIVE = _per_width(_make_negative)
SUBTRACT = _per_width(_make_subtract)


def aligned(size: int, dtype: Any, boundary: int = 64) -> NDArray[Any]:
    """A zeroed flat array that begins on a multiple of `boundary` bytes, so that vectors do not straddle cache lines."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.zeros(size * itemsize + boundary, dtype=np.uint8)
    offset = -raw.ctypes.data % boundary
    return raw[offset : offset + size * itemsize].view(dtype)

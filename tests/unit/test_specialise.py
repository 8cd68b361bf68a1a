"""Compiled kernels: never stale, never mixed up, loaded instead of compiled again, and the same bits as plain Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
from numba.core.runtime import _nrt_python, rtsys

from parallel_landscape.dynamics.flip import flip_template
from parallel_landscape.ensembles.wang_landau import Weight, cost, visit
from parallel_landscape.errors import RunError
from parallel_landscape.landscapes.perceptron import sign_perceptron
from parallel_landscape.rng import BLOCK, Purpose, generator
from parallel_landscape.sampler import make_sampler
from parallel_landscape.specialise import Kernel, compile_function, specialise

MODEL = """
import numpy as np
FACTOR = {factor}
TABLE = np.array({table})

def helper(x):
    return {helper}

def model(x, y={default}):
    return FACTOR * helper(x) + TABLE[1] + y
"""
ORIGINAL: dict[str, Any] = {"factor": 3, "table": [1.0, 2.0], "helper": "x + 1", "default": 0}


def write_model(folder: Path, **changes: Any) -> ModuleType:
    """A user's module with these changes, executed afresh."""
    path = folder / "model.py"
    path.write_text(MODEL.format(**(ORIGINAL | changes)))
    module = ModuleType("model")
    module.__file__ = str(path)
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


class TestStale:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"factor": 4}, 46.0),
            ({"table": [1.0, 5.0]}, 38.0),
            ({"table": [1.0, 2.0, 3.0]}, 35.0),
            ({"helper": "x + 2"}, 38.0),
            ({"helper": "x * 2"}, 62.0),
            ({"default": 7}, 42.0),
        ],
    )
    def test_edited_part_is_compiled_anew(self, change: dict[str, Any], expected: float, tmp_path: Path) -> None:
        """An edited constant, array, helper or default value, in the same file under the same name."""
        original = compile_function(write_model(tmp_path).model)
        assert original(10) == 35.0
        edited = compile_function(write_model(tmp_path, **change).model)
        assert edited(10) == edited.plain(10) == expected
        assert edited.digest != original.digest

    def test_same_code_has_the_same_digest(self, tmp_path: Path) -> None:
        first, again = (compile_function(write_model(tmp_path).model) for _ in range(2))
        assert first.digest == again.digest

    def test_comment_changes_nothing(self, tmp_path: Path) -> None:
        first = compile_function(write_model(tmp_path).model)
        assert compile_function(write_model(tmp_path, helper="x + 1  # plus one").model).digest == first.digest

    def test_constants_and_functions_of_a_template_count(self) -> None:
        def template(function: Callable[[int], int], *, power: int) -> Callable[[int], int]:
            return lambda x: function(x) ** power

        def up(x: int) -> int:
            return x + 1

        def down(x: int) -> int:
            return x - 1

        kernels = [specialise(template, up, power=2), specialise(template, up, power=3), specialise(template, down, power=2)]
        assert [kernel(5) for kernel in kernels] == [36, 216, 16]
        assert len({kernel.digest for kernel in kernels}) == 3

    def test_global_that_cannot_be_compiled_is_named(self) -> None:
        scope: dict[str, Any] = {"lookup": {"a": 1}}
        exec("def model(x):\n    return x + lookup['a']", scope)
        with pytest.raises(RunError, match="global 'lookup', a dict"):
            compile_function(scope["model"])


KERNEL = """
import os, sys
from parallel_landscape.specialise import specialise

def template(*, constant):
    def kernel(x):
        return x * 1000 + constant
    return kernel

def answer(constant):
    kernel = specialise(template, constant=constant)
    stats = kernel(7), sum(kernel.compiled.stats.cache_hits.values()), sum(kernel.compiled.stats.cache_misses.values())
    os.write(1, f"{constant}: {stats[0]} {stats[1]} {stats[2]}\\n".encode())  # one write: lines of processes never mix

constants = [int(word) for word in sys.argv[1:]]
if len(constants) == 1:
    answer(constants[0])
else:  # one process a constant, all at once
    children = []
    for constant in constants:
        child = os.fork()
        if child == 0:
            answer(constant)
            os._exit(0)
        children.append(child)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


class TestCache:
    def answers(self, folder: Path, *constants: int) -> list[str]:
        """What processes with an empty or filled cache in `folder` say: constant: result, cache hits, cache misses."""
        path = folder / "script.py"
        path.write_text(KERNEL)
        environment = os.environ | {"PLAND_CACHE_DIR": str(folder / "cache")}
        command = [sys.executable, str(path), *map(str, constants)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return sorted(done.stdout.splitlines())

    def test_second_process_loads_instead_of_compiling(self, tmp_path: Path) -> None:
        assert self.answers(tmp_path, 5) == ["5: 7005 0 1"]
        assert self.answers(tmp_path, 5) == ["5: 7005 1 0"]

    def test_race_on_a_cold_cache_never_loads_another_kernel(self, tmp_path: Path) -> None:
        """Eight kernels that differ in one constant, each wanted by two processes at the same moment; then all are cached."""
        wanted = [*range(8), *range(8)]
        expected = sorted(f"{number}: {7000 + number}" for number in wanted)
        assert [line[: line.index(" ", 3)] for line in self.answers(tmp_path, *wanted)] == expected
        assert self.answers(tmp_path, *range(8)) == [f"{number}: {7000 + number} 1 0" for number in range(8)]

    @pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"], ids=["index", "code"])
    @pytest.mark.parametrize("kept", [0, 20], ids=["empty", "cut short"])
    def test_damaged_cache_is_compiled_over(self, kind: str, kept: int, tmp_path: Path) -> None:
        """Files as a full disk or a power cut leaves them."""
        assert self.answers(tmp_path, 5) == ["5: 7005 0 1"]
        for file in (tmp_path / "cache").rglob(kind):
            file.write_bytes(file.read_bytes()[:kept])
        assert self.answers(tmp_path, 5)[0].startswith("5: 7005")
        assert self.answers(tmp_path, 5) == ["5: 7005 1 0"]


class Run(NamedTuple):
    """All that a kernel has changed, as bytes."""

    answer: tuple[int, int, int]
    ln_g: bytes
    histogram: bytes
    state: bytes


def flip_kernel(patterns: int, inputs: int) -> tuple[Any, Kernel]:
    rng = np.random.default_rng(patterns)
    landscape = sign_perceptron(rng.choice([-1, 1], (patterns, inputs)), rng.choice([-1, 1], patterns))
    return landscape, specialise(flip_template, landscape.delta, landscape.commit, cost, visit, stride=1)


def walk(landscape: Any, function: Callable[..., Any], steps: int, block: int = 64) -> Run:
    """Some steps from the same state with the same stream, in a window."""
    state = landscape.initial(generator(1, Purpose.INITIAL))
    level = int(landscape.energy(landscape.params, state))
    levels = len(landscape.levels)
    table = np.zeros(levels)
    table[level + 6 :] = np.inf
    weight = Weight(table, np.zeros(levels, np.int64), 0.01)
    words = (np.uint64(word) for word in (2**63 + 5, Purpose.LEARN, 3, 11, landscape.moves))
    moves, minus_ln_u = np.zeros(block, np.uint32), np.zeros(block)
    answer = function(landscape.params, state, weight, moves, minus_ln_u, *words, levels, level, steps)
    flat = b"".join(part.tobytes() for part in state)
    return Run(tuple(int(number) for number in answer), weight.ln_g.tobytes(), weight.histogram.tobytes(), flat)


class TestFlipKernel:
    @pytest.mark.parametrize(("patterns", "inputs"), [(20, 11), (100, 9), (300, 7)], ids=["1 word", "2 words", "8 words"])
    @pytest.mark.filterwarnings("ignore:overflow encountered")
    def test_plain_and_compiled_have_the_same_bits(self, patterns: int, inputs: int) -> None:
        """State, ln g, histogram and the answer, over 150 steps: two blocks and a part of a third."""
        landscape, kernel = flip_kernel(patterns, inputs)
        assert walk(landscape, kernel.plain, 150) == walk(landscape, kernel.compiled, 150)

    @pytest.fixture
    def allocations(self) -> Iterator[Callable[[], int]]:
        """numba's own count of allocations by compiled code."""
        _nrt_python.memsys_enable_stats()
        yield lambda: rtsys.get_allocation_stats().alloc
        _nrt_python.memsys_disable_stats()

    def test_nothing_is_allocated_in_the_loop(self, allocations: Callable[[], int]) -> None:
        """Twenty times the steps make not one allocation more, and memory does not grow over a thousand calls."""
        landscape, _ = flip_kernel(100, 25)
        sampler = make_sampler(landscape, seed=1)
        slot = sampler.new_slot(0)

        def call(times: int, steps: int) -> int:
            before = allocations()
            for _ in range(times):
                sampler.advance(slot, Purpose.LEARN, 1e-6, steps)
            return allocations() - before

        call(100, BLOCK)
        short = call(100, BLOCK)
        assert call(100, 20 * BLOCK) <= short
        process = psutil.Process()
        before = process.memory_info().rss
        call(1000, BLOCK)
        assert process.memory_info().rss - before < 2**20

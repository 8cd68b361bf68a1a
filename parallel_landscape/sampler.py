"""A landscape with its compiled kernel: moves walkers, knows nothing of windows or processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from parallel_landscape.dynamics.circle import ROTATIONS, circle_template
from parallel_landscape.dynamics.flip import flip_template, scratch, unnoted, untaken
from parallel_landscape.dynamics.pull import Distant, Hook, Pulled, distance_pull, distance_take, field_pull
from parallel_landscape.dynamics.reach import MOST, reach_template
from parallel_landscape.ensembles.frozen import Frozen, count_proposal, frozen_visit
from parallel_landscape.ensembles.wang_landau import Weight, cost, visit
from parallel_landscape.errors import RunError, describe
from parallel_landscape.landscape import Landscape
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.specialise import Kernel, compile_function, specialise
from parallel_landscape.walker import Slot, Walker, new_table


class BrokenLandscape(RunError):
    """A landscape that breaks its promises; carries the slot and the move (-1: not known which), for inspection."""

    def __init__(self, message: str, slot: Slot, move: int = -1) -> None:
        super().__init__(message)
        self.slot = slot
        self.move = move


@dataclass(frozen=True)
class Sampler:
    """Compiled moves of one landscape under Wang-Landau weights; every stream comes from `seed`."""

    landscape: Landscape
    seed: int
    advance_kernel: Kernel
    energy_kernel: Kernel
    reach_kernel: Kernel | None
    scratch: tuple[Any, Any]
    frozen_kernel: Kernel | None = None
    pulled_kernel: Kernel | None = None

    @property
    def levels(self) -> int:
        """Number of levels in the landscape's range, attained or not."""
        return len(self.landscape.levels)

    @property
    def digests(self) -> dict[str, str]:
        """Of the compiled code."""
        kernels = {"advance": self.advance_kernel, "energy": self.energy_kernel}
        others = {"frozen": self.frozen_kernel, "pulled": self.pulled_kernel}
        every = kernels | {name: kernel for name, kernel in others.items() if kernel is not None}
        return {name: kernel.digest for name, kernel in every.items()}

    def new_slot(self, number: int) -> Slot:
        """A slot with a random walker and an empty table over all levels."""
        try:
            state = self.landscape.initial(generator(self.seed, Purpose.INITIAL, number))
        except (Exception, SystemExit) as error:
            raise RunError(f"`initial` of the landscape failed for slot {number}: {describe(error)}") from error
        walker = Walker(state, 0, number)
        walker.level = self.recomputed_level(walker)
        counts = np.zeros((5, self.levels), np.int64)
        return Slot(number, walker, new_table(self.levels, 0, self.levels - 1), *counts)

    def recomputed_level(self, walker: Walker) -> int:
        """The level of a walker from its weights alone. Raises RunError when it is not one of the landscape's levels."""
        energy = _run(self.energy_kernel, "`energy`", self.landscape.params, walker.state)
        levels = self.landscape.levels
        if energy not in levels:
            raise RunError(
                f"the energy of walker {walker.name} is {energy}, which is not among the landscape's levels "
                f"{levels.start}, {levels.start + levels.step}, ..., {levels[-1]}; "
                "check `levels` and `energy` with check_landscape"
            )
        return levels.index(int(energy))

    def advance(self, slot: Slot, purpose: Purpose, ln_f: float, steps: int) -> None:
        """Move the slot's walker by `steps` proposals under the slot's table, raising ln g by `ln_f` a visit."""
        self._move(self.advance_kernel, slot, Weight(slot.ln_g, slot.histogram, ln_f), purpose, steps)

    def advance_frozen(self, slot: Slot, counts: NDArray[np.int64], low: int, steps: int) -> None:
        """Move the slot's walker under its table as it is, and count all proposals; `counts` comes from `frozen.no_counts`."""
        assert self.frozen_kernel is not None
        weight = Frozen(slot.ln_g, slot.histogram, counts.reshape(-1), low, counts.shape[1] // 2 - 1)
        self._move(self.frozen_kernel, slot, weight, Purpose.PRODUCE, steps)

    def advance_pulled(self, slot: Slot, weight: Pulled | Distant, purpose: Purpose, steps: int) -> None:
        """Move the slot's walker under its table and what pulls it."""
        assert self.pulled_kernel is not None
        self._move(self.pulled_kernel, slot, weight, purpose, steps)

    def _move(
        self, kernel: Kernel, slot: Slot, weight: Weight | Frozen | Pulled | Distant, purpose: Purpose, steps: int
    ) -> None:
        moves, minus_ln_u = self.scratch
        walker = slot.walker
        level, accepted, bad = _run(
            kernel,
            "`delta` or `commit`",
            self.landscape.params,
            walker.state,
            weight,
            moves,
            minus_ln_u,
            np.uint64(self.seed),
            np.uint64(purpose),
            np.uint64(slot.number),
            np.uint64(slot.block),
            np.uint64(self.landscape.moves),
            self.levels,
            walker.level,
            steps,
        )
        walker.level = level
        if bad >= 0:
            self.check_drift(slot)  # a wrong running energy leads out of the levels, too
            energy = self.landscape.levels[level]
            raise BrokenLandscape(
                f"move {bad} of walker {walker.name} at energy {energy} changes the energy by something that is no integer or "
                "leads out of the landscape's levels: `delta` or `levels` is wrong; check_landscape finds out which",
                slot,
                int(bad),
            )
        slot.accepted += accepted
        slot.steps += steps
        slot.block += -(-steps // len(moves))

    def reach(self, walker: Walker) -> int:
        """The largest number of levels that one move from here can cross (over at most 1,000 moves, evenly spread).

        1 for rotations: a circle is cut at the ends of a window, and what is left of it leads further.
        """
        if self.reach_kernel is None:
            return 1
        moves = self.landscape.moves
        return int(self.reach_kernel(self.landscape.params, walker.state, moves, -(-moves // MOST)))

    def check_drift(self, slot: Slot) -> None:
        """Compare the walker's level with the one recomputed from its weights. Raises BrokenLandscape when they differ."""
        true = self.recomputed_level(slot.walker)
        if true != slot.walker.level:
            levels = self.landscape.levels
            raise BrokenLandscape(
                f"energy drift in slot {slot.number}: the running energy is {levels[slot.walker.level]}, recomputed from the "
                f"weights it is {levels[true]}; `commit` does not keep the caches right (check_landscape finds the move)",
                slot,
            )


def _run(kernel: Kernel, functions: str, *arguments: Any) -> Any:
    """Call a kernel. Raises RunError that names the user's `functions` in it when they cannot be compiled or raise."""
    try:
        return kernel.compiled(*arguments)
    except NumbaError as error:
        raise RunError(f"{functions} of the landscape cannot be compiled: {error}") from error
    except Exception as error:
        raise RunError(f"{functions} of the landscape failed: {describe(error)}") from error


def make_sampler(landscape: Landscape, seed: int, *, frozen: bool = False, pull: str = "") -> Sampler:
    """Compile (or load) what the landscape needs; with `frozen` also what counts proposals, with `pull` = "field" or "distance"
    what pulls its weights."""
    if landscape.dynamics[0] in ROTATIONS:
        turning = specialise(circle_template, *ROTATIONS[landscape.dynamics[0]], cost, visit)
        return Sampler(landscape, seed, turning, compile_function(landscape.energy), None, scratch())
    moves, stride = (landscape.delta, landscape.commit), landscape.levels.step
    kernel = specialise(flip_template, *moves, cost, visit, stride=stride)
    reach = specialise(reach_template, landscape.delta, stride=stride)
    counting = specialise(flip_template, *moves, cost, frozen_visit, count_proposal, stride=stride) if frozen else None
    pulled = (
        specialise(flip_template, *moves, cost, frozen_visit, unnoted, *_hooks(landscape, pull), stride=stride)
        if pull
        else None
    )
    return Sampler(landscape, seed, kernel, compile_function(landscape.energy), reach, scratch(), counting, pulled)


def _hooks(landscape: Landscape, pull: str) -> tuple[Hook, Hook]:
    """What is asked at a proposal, and what is told of an accepted one."""
    assert landscape.weights is not None
    if pull == "field":
        return field_pull(landscape.weights), untaken
    return distance_pull(landscape.weights), distance_take(landscape.weights)

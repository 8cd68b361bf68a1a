"""A smooth landscape under Wang-Landau weights: moves the walkers of a rank, pack by pack, and counts visits of bins.

Packs are those of `smooth_sampler`. The bin of a walker belongs to the energy that was found when it got there, which it keeps
to the last bit: evaluated anew, it might fall on the other side of an edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.dynamics.flow import Batch, Moved, dot, evaluate, move, tangential
from parallel_landscape.ensembles.flat import FlatWeight
from parallel_landscape.landscapes.binned import BinnedLandscape
from parallel_landscape.rng import Purpose, shared_generator
from parallel_landscape.smooth import F
from parallel_landscape.smooth_sampler import LENGTHS, Draws, SmoothSampler, SmoothSlot, chances_of
from parallel_landscape.walker import Slot, new_table

FURTHEST = 0.3  # of the norm of the weights, by which they change in one step towards a window


@dataclass
class FlatSlot(SmoothSlot):
    """A place in an energy window, with a table over all bins, whose walker moves by `length` a step.

    outside: moves that ended outside the window. adapted: rounds in which `length` was adapted. chances: as in SmoothSlot,
    since somebody took them.
    """

    outside: int = 0
    adapted: int = 0

    @property
    def position(self) -> float:
        """Where the walker is: its bin."""
        return self.walker.level

    def cost(self, position: float) -> float:
        """-ln of the weight that the slot gives to a bin."""
        return Slot.cost(self, position)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that a checkpoint keeps of the slot."""
        moved = np.array([self.divergences, self.outside, self.adapted], np.int64)
        return {**Slot.arrays(self), "moved": moved, "length": np.array([self.length])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Become the slot that `arrays` was taken from."""
        Slot.restore(self, arrays)
        self.divergences, self.outside, self.adapted = arrays["moved"].tolist()
        self.length = float(arrays["length"][0])


Look = Callable[[list[FlatSlot], list[int], Batch], None]


@dataclass(frozen=True)
class FlatSampler(SmoothSampler):
    """Moves of one binned landscape; `levels` is the number of bins."""

    landscape: BinnedLandscape

    def new_slot(self, number: int) -> FlatSlot:
        """A slot with a random walker, and an empty table over all bins."""
        walker = super().new_slot(number).walker
        walker.level = self.level(float(walker.state.energy[0]))
        return FlatSlot(number, walker, new_table(self.levels, 0, self.levels - 1), *np.zeros((5, self.levels), np.int64))

    def level(self, energy: float) -> int:
        """The bin of an energy, as `Bins.level`."""
        return int(self.landscape.bins.level(np.array([energy]))[0])

    def walk(
        self,
        slots: Iterable[FlatSlot],
        purpose: Purpose,
        number: int,
        moves: int,
        gains: Mapping[int, float] | None = None,
        look: Look | None = None,
    ) -> None:
        """Move all these walkers so many times under their tables, raising ln g by `gains` (of slots; 0 when left out) a visit,
        and let `look` see each pack. `number` names the call: it says how long trajectories are, for all slots alike."""
        for members, rows in self._packs(slots):
            batch = self._packed([*members])
            for slot, row in zip(members, rows, strict=True):
                batch.energies[row] = slot.walker.state.energy[0]
            raising = np.zeros(self.pack)
            if gains is not None:
                raising[rows] = [gains[slot.number] for slot in members]
            lengths = shared_generator(self.seed, purpose, number, LENGTHS).random(moves)
            self._walk(members, rows, batch, purpose, lengths, raising)
            if look is not None:
                look(members, rows, batch)

    def _walk(self, members: list[FlatSlot], rows: list[int], batch: Batch, purpose: Purpose, uniforms: F, gains: F) -> None:
        """One pack. The tables of its rows are raised after each move, and stay as they are while a move is made."""
        weight, lengths, damping = self._weight(members, rows)
        counts, sums = np.zeros(weight.tables.shape, np.int64), np.zeros((4, self.pack), np.int64)
        draws = [Draws(self, slot, purpose, len(uniforms)) for slot in members]

        noise = partial(self._normals, draws, rows)
        for uniform in uniforms:
            minus_ln_u = np.zeros(self.pack)
            minus_ln_u[rows] = [draw.exponential() for draw in draws]
            words = self.motion.words(uniform)
            moved = move(self.landscape, weight, self.motion, batch, words, lengths, damping, noise, minus_ln_u)
            here = weight.bins.level(batch.energies[rows])
            weight.raise_at(rows, here, gains[rows])
            counts[rows, here] += 1
            sums += _counted(weight, moved)
        self._put_back(members, batch)
        for slot, row in zip(members, rows, strict=True):
            slot.ln_g[:] = weight.tables[row]
            slot.histogram += counts[row]
            accepted, diverged, outside, chances = sums[:, row].tolist()
            slot.accepted += accepted
            slot.divergences += diverged
            slot.outside += outside
            slot.chances += chances
            slot.steps += len(uniforms)
            slot.block += 1

    def _weight(self, members: list[FlatSlot], rows: list[int]) -> tuple[FlatWeight, F, F]:
        """The weight, the lengths of steps and the damping of a pack; empty places may be anywhere."""
        tables, high = np.zeros((self.pack, self.levels)), np.full(self.pack, self.levels - 1)
        low, (lengths, damping) = np.zeros(self.pack, np.int64), np.zeros((2, self.pack))
        for slot, row in zip(members, rows, strict=True):
            window = np.flatnonzero(np.isfinite(slot.ln_g))
            tables[row], low[row], high[row] = slot.ln_g, window[0], window[-1]
            lengths[row], damping[row] = slot.length, slot.damping
        return FlatWeight(self.landscape.bins, tables, low, high), lengths, damping

    def _put_back(self, slots: list[FlatSlot], batch: Batch) -> None:
        """Walkers are where their rows have come to."""
        levels = self.landscape.bins.level(batch.energies).tolist()
        for slot in slots:
            state, row = slot.walker.state, slot.number % self.pack
            state.weights[:], state.energy[0] = batch.weights[row], batch.energies[row]
            state.velocities[:] = batch.velocities[row, : len(state.velocities)]
            slot.walker.level = levels[row]

    def approach(
        self, slots: Iterable[FlatSlot], targets: Mapping[int, float], windows: Mapping[int, range], steps: int
    ) -> None:
        """Bring walkers towards the energies `targets` (of slots), until they are in one of the bins `windows`.

        Along the gradient, (E - target) / |grad E|^2 at once (B. Polyak, USSR Comput. Math. Math. Phys. 9, 14 (1969)), and half
        as far whenever that was too far. Nothing is sampled on the way.
        """
        for members, rows in self._packs(slots):
            batch = self._packed([*members])
            target, most = np.zeros(self.pack), np.full(self.pack, FURTHEST)
            target[rows] = [targets[slot.number] for slot in members]
            for _ in range(steps):
                left = [slot for slot in members if slot.walker.level not in windows[slot.number]]
                if not left:
                    break
                better = self._approached(batch, target, most)
                most = np.where(better, np.minimum(2.0 * most, FURTHEST), 0.5 * most)
                for slot in left:
                    slot.steps += 1
                self._put_back([slot for slot in left if better[slot.number % self.pack]], batch)

    def _approached(self, batch: Batch, target: F, most: F) -> NDArray[np.bool_]:
        """One step of all rows in place, put back where it leads further away; whether it did not."""
        before, sphere = batch.copy(), self.landscape.sphere
        with np.errstate(all="ignore"):
            along = tangential(batch.gradients, batch.weights, sphere) if sphere else batch.gradients
            steep = dot(along, along)
            wanted = np.where(steep > 0, (batch.energies - target) / steep, 0.0)
            limit = most * np.sqrt(dot(batch.weights, batch.weights) / np.where(steep > 0, steep, 1.0))
            batch.weights = batch.weights - np.clip(wanted, -limit, limit)[:, None] * along
            if sphere:
                batch.weights *= np.sqrt(sphere / dot(batch.weights, batch.weights))[:, None]
            evaluate(self.landscape, batch)
            better = np.abs(batch.energies - target) < np.abs(before.energies - target)
        batch.velocities = before.velocities.copy()
        batch.gradients, batch.energies = batch.gradients.copy(), batch.energies.copy()
        batch.put_back(~better, before)
        batch.velocities[:] = before.velocities
        return better


def _counted(weight: FlatWeight, moved: Moved) -> NDArray[np.int64]:
    """Of each row: accepted, diverged, ended outside, acceptance probability; (4, R)."""
    outside = np.isfinite(moved.energies) & ~weight.inside(moved.energies)
    return np.stack([moved.accepted, moved.diverged & ~outside, outside, chances_of(moved)]).astype(np.int64)

"""The second phase: every window learns ln g, round by round, while walkers change places between windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.ensembles.schedule import MOST_EXTENSIONS, Learner, Schedule
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.exchange.share import average, gather_group
from parallel_landscape.exchange.swap import exchange
from parallel_landscape.exchange.windows import Window
from parallel_landscape.rng import Purpose
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import Slot, commonest

IDLE = 16  # a finished window walks this many times less, so that its processor serves the hard ones


@dataclass
class Learning:
    """Windows with their learners. A group is the set of slots that learn one ln g: a window's walkers, or each alone.

    expected: levels that the search has seen; a schedule waits for them until a walker has made `patience` steps.
    """

    windows: list[Window]
    layout: Layout
    schedule: Schedule
    steps: int
    approach_steps: int
    share: Literal["window", "none"] = "window"
    exchanges: bool = True
    most_rounds: int | None = None
    expected: NDArray[np.bool_] | None = None
    patience: int = 0
    rounds: int = 0
    learners: dict[int, Learner] = field(default_factory=dict)
    known_levels: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def begin(self, slots: dict[int, Slot]) -> None:
        """Give every slot the table of its window, and a table to approach the window by where it lies elsewhere."""
        for slot in slots.values():
            slot.reached = self.fits(slot, slot.walker.level)
            self._new_tables(slot, reached=slot.reached)
            slot.steps = slot.accepted = 0
            self.learners.setdefault(self.group_of(slot.number)[0], Learner())

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {"rounds": self.rounds, "windows": [list(window) for window in self.windows], "patience": self.patience}

    def arrays(self, slot: Slot) -> dict[str, NDArray[Any]]:
        """What a checkpoint keeps of a slot in this phase."""
        return {**slot.arrays(), "learner": self.learner_of(slot).numbers()}

    def restore_slot(self, slot: Slot, arrays: dict[str, NDArray[Any]]) -> None:
        """Put back a slot and the learner of its group."""
        slot.restore(arrays)
        self.learners[self.group_of(slot.number)[0]] = Learner.from_numbers(arrays["learner"])

    def described(self) -> dict[str, Any]:
        """The tables say all."""
        return {}

    def production_begins(self, slots: dict[int, Slot]) -> None:
        """Counts go on."""

    def note_round(self, slot: Slot, number: int, most: int) -> None:
        """Nothing is kept of single rounds of production."""

    def window_of(self, slot: Slot) -> Window:
        """First and last level of the slot's window."""
        return self.windows[self.layout.place(slot.number).window]

    def group_of(self, slot: int) -> range:
        """The slots that learn together with this one."""
        return self.layout.group_of(slot) if self.share == "window" else range(slot, slot + 1)

    def learner_of(self, slot: Slot) -> Learner:
        """The schedule that the slot follows."""
        return self.learners[self.group_of(slot.number)[0]]

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: walk, learn together, change places."""
        self.walk(sampler, slots)
        if self.share == "window" and self.layout.walkers > 1:
            self._learn_together(slots, comm)
        else:
            for slot in slots.values():
                if slot.reached:
                    slot.count_occasions()
                    self._learn(self.learner_of(slot), [slot], slot.visits + slot.histogram, slot.histogram, slot.occasions)
        if self.exchanges:
            found = exchange(slots, self._willing, self.fits, self.layout, comm, sampler.seed, self.rounds)
            for number in found:
                self.arrive(slots[number])
        for slot in slots.values():
            row = self.layout.place(slot.number).window // self.layout.across
            slot.walker.note_end(row == 0, row == len(self.windows) // self.layout.across - 1)
        self.rounds += 1

    def walk(self, sampler: Any, slots: dict[int, Slot]) -> None:
        """Move all walkers for a round: under their tables, or towards their windows."""
        for slot in slots.values():
            if slot.reached:
                learner = self.learner_of(slot)
                sampler.advance(slot, Purpose.LEARN, learner.ln_f, self.steps_of(learner))
            else:
                self._approach(sampler, slot)

    def steps_of(self, learner: Learner) -> int:
        """Steps of a round."""
        return max(1, self.steps // IDLE) if learner.finished else self.steps

    def _willing(self, slot: Slot) -> bool:
        return not self.learner_of(slot).raw

    @cached_property
    def cells(self) -> list[NDArray[np.int64]]:
        """The levels of each window, ascending."""
        return [np.arange(low, high + 1) for low, high in self.windows]

    def cells_of(self, slot: Slot) -> NDArray[np.int64]:
        """The levels of the slot's window, ascending."""
        return self.cells[self.layout.place(slot.number).window]

    def bounds(self, levels: range, window: int) -> dict[str, Any]:
        """Lowest and highest energy of a window."""
        low, high = self.windows[window]
        return {"energy_low": levels[low], "energy_high": levels[high]}

    def energy_of(self, levels: range, level: int) -> float:
        """The energy on a level."""
        return levels[level]

    def fits(self, slot: Slot, level: int) -> bool:
        """Whether a level lies in the slot's window."""
        low, high = self.window_of(slot)
        return low <= level <= high

    def way(self, slot: Slot) -> NDArray[np.int64]:
        """The levels between which a walker outside finds the slot's window: it may turn back, and not walk past."""
        low, high = self.window_of(slot)
        return np.arange(low, len(slot.ln_g)) if slot.walker.level > high else np.arange(high + 1)

    @property
    def out_of_rounds(self) -> bool:
        """Whether max_sweeps is used up."""
        return self.most_rounds is not None and self.rounds >= self.most_rounds

    def unfinished(self, slots: dict[int, Slot]) -> bool:
        """Whether a local slot still has to learn, or may still find its window."""
        return not self.out_of_rounds and any(self._unfinished(slot) for slot in slots.values())

    def learn_on(self, windows: list[list[int]], slots: dict[int, Slot]) -> bool:
        """Let the groups of these (repeat, window, far) go on, unless sent back often enough; whether one here does."""
        chosen = {(repeat, window): far for repeat, window, far in windows}
        sent_back = False
        for first, learner in self.learners.items():
            place = self.layout.place(first)
            far = chosen.get((place.repeat, place.window))
            if far is None or learner.extensions >= MOST_EXTENSIONS:
                continue
            learner.learn_on(far=bool(far))
            sent_back = True
            for number in self.group_of(first):
                if far and number in slots:
                    slots[number].begin_again()
        return sent_back

    def _unfinished(self, slot: Slot) -> bool:
        return not self.learner_of(slot).finished if slot.reached else slot.steps < self.approach_steps

    def _approach(self, sampler: Sampler, slot: Slot) -> None:
        """Walk towards the window for one round under a rough weight that lets the walker neither past the window nor rest."""
        chunk = sampler.landscape.sweep
        for _ in range(max(1, self.steps // chunk)):
            if slot.steps >= self.approach_steps:
                return
            sampler.advance(slot, Purpose.APPROACH, 1.0, chunk)
            if self.fits(slot, slot.walker.level):
                self.arrive(slot)
                return

    def arrive(self, slot: Slot) -> None:
        """A walker has found its window."""
        slot.reached = True
        slot.steps = slot.accepted = 0
        self._new_tables(slot, reached=True)

    def _new_tables(self, slot: Slot, *, reached: bool) -> None:
        slot.ln_g[:] = np.inf
        slot.ln_g[self.cells_of(slot) if reached else self.way(slot)] = 0.0
        for counts in (slot.histogram, slot.visits, slot.counted, slot.occasions, slot.found):
            counts[:] = 0

    def _learn_together(self, slots: dict[int, Slot], comm: Comm) -> None:
        """Groups of several walkers: pool the counts, average ln g, and let everybody draw the same conclusions."""
        rows = {}
        for number, slot in slots.items():
            slot.count_occasions()
            reached = np.full(len(slot.ln_g), slot.reached)
            rows[number] = np.array([slot.ln_g, slot.histogram, slot.visits, reached, slot.occasions])
        known = gather_group(rows, self.layout, comm)
        for first in sorted({self.group_of(number)[0] for number in slots}):
            members = [number for number in self.group_of(first) if known[number][3, 0]]
            here = [slots[number] for number in members if number in slots]
            if not here:
                continue
            counts = sum(known[number][1] for number in members)
            visits = sum(known[number][2] for number in members) + counts
            occasions = sum(known[number][4] for number in members)
            learner = self.learners[first]
            seen = [known[number][1] + known[number][2] > 0 for number in members]
            tables = [known[number][0] for number in members]
            homes = [commonest(table, visited) for table, visited in zip(tables, seen, strict=True)]
            home = all(known[number][1][level] > 0 for number, level in zip(members, homes, strict=True))
            if not learner.raw:
                mean = average(tables, seen)
                if mean is not None:
                    for slot in here:
                        slot.ln_g[:] = np.where(np.isnan(mean), slot.ln_g, mean)
            self._learn(learner, here, visits, counts, occasions, home)

    def _learn(
        self,
        learner: Learner,
        here: list[Slot],
        visits: NDArray[Any],
        counts: NDArray[Any],
        occasions: NDArray[Any],
        home: bool = True,
    ) -> None:
        """The group's round is over. Over all members: `visits` ever, `counts` of the stage, `occasions` of the schedule;
        and whether each has been at home, its commonest level, in the stage."""
        count = int(np.count_nonzero(visits))
        if count == 0:
            return  # all have only just arrived
        group = self.group_of(here[0].number)[0]
        if group not in self.known_levels or count != len(self.known_levels[group]):
            self.known_levels[group] = np.flatnonzero(visits)
        known, cells = self.known_levels[group], self.cells_of(here[0])
        if learner.clock < self.patience:
            known = self._with_expected(known, cells)
        late = count > learner.known and not learner.raw
        learner.known = count
        begins = learner.advance(self.schedule, counts[known], int(occasions[known].min()), self.steps_of(learner), home)
        if late:
            learner.restart()
        for slot in here:
            if late:
                slot.begin_again()
            elif begins:
                slot.clear_histogram()
            if count < len(cells):
                _level_unvisited(slot.ln_g, self.known_levels[group], cells)

    def _with_expected(self, visited: NDArray[np.int64], cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """The levels visited and those of the window that the search has seen: no stage ends without them, for a while."""
        if self.expected is None:
            return visited
        wanted = cells[self.expected[cells]]
        return visited if np.isin(wanted, visited, assume_unique=True).all() else np.union1d(visited, wanted)


def _level_unvisited(ln_g: NDArray[np.float64], known: NDArray[np.int64], inside: NDArray[np.int64]) -> None:
    """Let levels `inside` not yet visited follow the lower of the two nearest visited ones: found late, they trap no walker."""
    right = np.searchsorted(known, inside)
    above = known[np.minimum(right, len(known) - 1)]
    below = known[np.maximum(right - 1, 0)]
    unvisited = above != inside
    ln_g[inside[unvisited]] = np.minimum(ln_g[above], ln_g[below])[unvisited]

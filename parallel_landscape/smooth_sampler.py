"""A smooth landscape with its motion: moves the walkers of a rank, pack by pack, and knows nothing of processes.

Slots s of the same s // pack are evaluated together, each at its own place s % pack; places whose slot is elsewhere hold zeros.
So the shape of every matrix product, and the place of a walker in it, follow from the job alone, and with one thread in the
matrix library a walker's bits do not depend on who sits beside it. Energies and gradients are evaluated anew whenever walkers
are packed, so that nothing but weights and velocities has to be kept to the last bit.
"""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.dynamics.flow import Batch, Canonical, Motion, Moved, Pull, dot, evaluate, force, move
from parallel_landscape.errors import RunError, describe
from parallel_landscape.rng import Purpose, generator, shared_generator
from parallel_landscape.sampler import BrokenLandscape
from parallel_landscape.smooth import F, SmoothLandscape
from parallel_landscape.specialise import code_digest
from parallel_landscape.walker import Slot, Walker

DRAWS = 2**16  # numbers that are drawn at once for a slot, at most
DRIFT = 1e-9  # relative error that an energy may have when it is recomputed
TALLIES = ("moves", "energy", "energy_squared", "virial", "creutz", "back", "forth")  # what a slot sums up over its moves
ONE = 2**30  # an acceptance probability of 1, as an integer, which sums exactly over ranks
LENGTHS = 2**40  # the name of the stream that says how long trajectories are


class State(NamedTuple):
    """weights (n,); velocities (n,), or (0,) where every move draws them anew; energy (1,)."""

    weights: F
    velocities: F
    energy: F


@dataclass
class SmoothSlot(Slot):
    """The place of a walker at inverse temperature `beta`, which moves by `length` a step (in weights, at unit variance of
    velocities) with the given `damping`. tally: sums over the moves since somebody took them, as TALLIES; chances: sum of
    acceptance probabilities in units of 1 / ONE. stiffness, push (n,): as in `Pull`; None: nothing pulls."""

    beta: float = 0.0
    length: float = 0.0
    damping: float = 0.0
    stiffness: float = 0.0
    push: F | None = None
    divergences: int = 0
    chances: int = 0
    tally: F = field(default_factory=lambda: np.zeros(len(TALLIES)))

    @property
    def position(self) -> float:
        """Where the walker is: its energy."""
        return float(self.walker.state.energy[0])

    def cost(self, position: float) -> float:
        """-ln of the weight that the slot gives to an energy."""
        return self.beta * position

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that a checkpoint keeps of the slot."""
        counts = [self.block, self.steps, self.accepted, self.meetings, self.swaps, self.divergences]
        return {"walker": self.walker.pack(), "counts": np.array(counts, np.int64)}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Become the slot that `arrays` was taken from."""
        self.walker.unpack(np.ascontiguousarray(arrays["walker"]))
        counts = arrays["counts"].tolist()
        self.block, self.steps, self.accepted, self.meetings, self.swaps, self.divergences = counts


S = TypeVar("S", bound=SmoothSlot)
Look = Callable[[list[SmoothSlot], list[int], Batch], None]


@dataclass(frozen=True)
class SmoothSampler:
    """Moves of one landscape; every stream comes from `seed`. pack: slots that are evaluated together."""

    landscape: SmoothLandscape
    seed: int
    motion: Motion
    pack: int = 8
    levels: int = 0  # of integer energies, of which there are none

    @cached_property
    def digests(self) -> dict[str, str]:
        """Of the code and the constants that give the energy."""
        return {"energy_gradient": function_digest(self.landscape.energy_gradient)}

    def new_slot(self, number: int) -> SmoothSlot:
        """A slot with a random walker."""
        stream, size = generator(self.seed, Purpose.INITIAL, number), self.landscape.size
        weights = initial_weights(self.landscape, stream, f"slot {number}")
        velocities = np.zeros(0) if self.motion.fresh else stream.standard_normal(size)
        walker, none = Walker(State(weights, velocities, np.zeros(1)), 0, number), np.zeros(0, np.int64)
        slot = SmoothSlot(number, walker, np.zeros(0), none, none, none, none, none, reached=True)  # no levels, no tables
        slot.walker.state.energy[0] = self._energy(slot)
        return slot

    def _energy(self, slot: SmoothSlot) -> float:
        """The energy of a slot's walker, evaluated at its place in its pack. Raises RunError when it is not finite."""
        batch = self._packed([slot])
        energy = float(batch.energies[slot.number % self.pack])
        if not math.isfinite(energy):
            raise RunError(
                f"the energy of walker {slot.walker.name} in slot {slot.number} is {energy}; check `energy_gradient`"
            )
        return energy

    def check_drift(self, slot: SmoothSlot) -> None:
        """Compare the walker's energy with the one recomputed from its weights. Raises BrokenLandscape when they differ."""
        true, held = self._energy(slot), float(slot.walker.state.energy[0])
        if abs(true - held) > DRIFT * max(1.0, abs(true)):
            raise BrokenLandscape(
                f"the energy of slot {slot.number} is {held!r}, recomputed from its weights it is {true!r}: "
                "`energy_gradient` is no function of the weights alone",
                slot,
            )

    def advance(self, slots: Iterable[SmoothSlot], purpose: Purpose, moves: int, look: Look | None = None) -> None:
        """Move all these walkers so many times, and let `look` see each pack: its slots, their rows, the batch."""
        for members, rows in self._packs(slots):
            batch = self._packed(members)
            self._move(members, rows, batch, purpose, moves)
            if look is not None:
                look(members, rows, batch)

    def show(self, slots: Iterable[SmoothSlot], look: Look) -> None:
        """Let `look` see each pack as it is."""
        for members, rows in self._packs(slots):
            look(members, rows, self._packed(members))

    def _packs(self, slots: Iterable[S]) -> Iterator[tuple[list[S], list[int]]]:
        """The slots of each pack that are here, and their places in it."""
        packs: dict[int, list[S]] = {}
        for slot in slots:
            packs.setdefault(slot.number // self.pack, []).append(slot)
        for members in packs.values():
            yield members, [slot.number % self.pack for slot in members]

    def _packed(self, members: list[SmoothSlot]) -> Batch:
        weights, velocities = (np.zeros((self.pack, self.landscape.size)) for _ in range(2))
        for slot in members:
            row = slot.number % self.pack
            weights[row] = slot.walker.state.weights
            if not self.motion.fresh:
                velocities[row] = slot.walker.state.velocities
        batch = Batch(weights, velocities, np.zeros(self.pack), weights)
        try:
            with np.errstate(all="ignore"):  # empty places may be anywhere
                evaluate(self.landscape, batch)
        except Exception as error:
            raise RunError(f"`energy_gradient` of the landscape failed: {describe(error)}") from error
        batch.pull = self._pull(members)
        return batch

    def _pull(self, members: list[SmoothSlot]) -> Pull | None:
        """What pulls the walkers of a pack."""
        fields = {slot.number % self.pack: (slot.stiffness, slot.push) for slot in members if slot.push is not None}
        if not fields:
            return None
        pull = Pull(np.zeros(self.pack), np.zeros((self.pack, self.landscape.size)))
        for row, (stiffness, push) in fields.items():
            pull.stiffness[row], pull.field[row] = stiffness, push
        return pull

    def energy_of(self, weights: F) -> float:
        """The energy of a configuration (n,), evaluated by itself so that its bits depend on nothing else."""
        with np.errstate(all="ignore"):
            return float(self.landscape.energies(weights[None])[0])

    def _normals(self, draws: list[Draws], rows: list[int]) -> F:
        """Fresh normal numbers for the rows of a pack that are here, 0 elsewhere."""
        found = np.zeros((self.pack, self.landscape.size))
        for draw, row in zip(draws, rows, strict=True):
            found[row] = draw.normals()
        return found

    def _move(self, members: list[SmoothSlot], rows: list[int], batch: Batch, purpose: Purpose, moves: int) -> None:
        betas, lengths, damping = np.zeros(self.pack), np.zeros(self.pack), np.zeros(self.pack)
        for slot, row in zip(members, rows, strict=True):
            betas[row], lengths[row], damping[row] = slot.beta, slot.length, slot.damping
        weight = Canonical(betas)
        draws = [Draws(self, slot, purpose, moves) for slot in members]
        uniforms = shared_generator(self.seed, purpose, members[0].block, LENGTHS).random(moves)
        tally, chances = np.zeros((self.pack, len(TALLIES))), np.zeros(self.pack, np.int64)

        noise = partial(self._normals, draws, rows)
        for uniform in uniforms:
            minus_ln_u = np.zeros(self.pack)
            minus_ln_u[rows] = [draw.exponential() for draw in draws]
            moved = move(
                self.landscape, weight, self.motion, batch, self.motion.words(uniform), lengths, damping, noise, minus_ln_u
            )
            self._account(members, rows, batch, moved)
            chances += chances_of(moved)
            tally += self._tally(weight, batch, moved)
        for slot, row in zip(members, rows, strict=True):
            state = slot.walker.state
            state.weights[:], state.energy[0] = batch.weights[row], batch.energies[row]
            state.velocities[:] = batch.velocities[row, : len(state.velocities)]
            slot.tally += tally[row]
            slot.chances += int(chances[row])
            slot.steps += moves
            slot.block += 1

    def _account(self, members: list[SmoothSlot], rows: list[int], batch: Batch, moved: Moved) -> None:
        """Count what was accepted and what diverged. Raises RunError when a walker is lost."""
        for slot, row in zip(members, rows, strict=True):
            slot.accepted += int(moved.accepted[row])
            slot.divergences += int(moved.diverged[row])
            if not math.isfinite(batch.energies[row]):
                raise RunError(
                    f"slot {slot.number} (beta = {slot.beta:g}) has run away to an energy of {batch.energies[row]} after "
                    f"{slot.steps} moves: its step is too long, and nothing tests the moves; choose a smaller [dynamics] step, "
                    "or metropolis = true"
                )

    def _tally(self, weight: Canonical, batch: Batch, moved: Moved) -> F:
        """One move of each row, as TALLIES. The virial is w . grad U / n, whose mean is 1; nan on a sphere. Creutz is
        exp(-work), forth exp(-|work|), and back exp(-work - |work|), which in equilibrium have equal means."""
        with np.errstate(all="ignore"):
            virial = np.full(self.pack, math.nan)
            if not self.landscape.sphere:
                virial = -dot(batch.weights, force(self.landscape, weight, batch)) / self.landscape.size
            work = np.where(np.isfinite(moved.work), moved.work, np.inf)
            forth = np.exp(-np.abs(work))
            back = np.where(work > 0, forth * forth, 1.0)
            columns = [np.ones(self.pack), batch.energies, batch.energies**2, virial, np.exp(-work), back, forth]
            return np.stack(columns, axis=1)


def chances_of(moved: Moved) -> NDArray[np.int64]:
    """min(1, exp(-work)) of each row, as integers."""
    work = np.where(np.isfinite(moved.work), np.maximum(moved.work, 0.0), np.inf)
    return np.asarray(np.rint(ONE * np.exp(-work)), np.int64)


class Draws:
    """The random numbers of one slot in one call of `advance`: a pure function of (seed, purpose, slot, calls so far).

    They are drawn in blocks, whose length does not change them.
    """

    def __init__(self, sampler: SmoothSampler, slot: SmoothSlot, purpose: Purpose, moves: int) -> None:
        self._stream = shared_generator(sampler.seed, purpose, slot.block, slot.number)
        tests = shared_generator(sampler.seed, purpose, slot.block, slot.number, part=1)
        self._tests = iter(tests.standard_exponential(moves).tolist())
        size = sampler.landscape.size
        self._normals = self._blocks(max(1, min(moves, DRAWS // size)), size)

    def _blocks(self, rows: int, size: int) -> Iterator[F]:
        while True:
            yield from self._stream.standard_normal((rows, size))

    def normals(self) -> F:
        """(n,) ~ N(0, 1)."""
        return next(self._normals)

    def exponential(self) -> float:
        """-ln u."""
        return next(self._tests)


def initial_weights(landscape: SmoothLandscape, stream: np.random.Generator, who: str) -> F:
    """Random weights (n,) of a landscape, on its sphere where it has one. Raises RunError that names `who` has got none."""
    try:
        weights = np.array(landscape.initial(stream), np.float64)
    except (Exception, SystemExit) as error:
        raise RunError(f"`initial` of the landscape failed for {who}: {describe(error)}") from error
    if weights.shape != (landscape.size,) or not np.isfinite(weights).all():
        raise RunError(f"`initial` of the landscape must return {landscape.size} finite numbers; {who} got {weights!r}")
    norm = float(weights @ weights)
    if landscape.sphere and norm == 0:
        raise RunError(f"`initial` of the landscape returned weights of norm 0 for {who}, which lie on no sphere")
    return weights * math.sqrt(landscape.sphere / norm) if landscape.sphere else weights


def function_digest(function: Callable[..., Any]) -> str:
    """Of a function's code and all constants and arrays that it uses; of its file where they cannot be told."""
    try:
        found = code_digest(function)
    except RunError:
        found = hashlib.sha256(Path(inspect.getfile(function)).read_bytes()).hexdigest()[:32]
    return f"{found} numpy {np.__version__}"

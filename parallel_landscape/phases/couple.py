"""Coupled replicas: groups that attract each other, y replicas in a group, on a ladder of gamma (and beta).

P ~ exp(-beta sum_a E(w_a) + coupling), S = sum_a w_a, in the forms

    star       gamma sum_a w_a.w_c, w_c a centre of +-1: given S, P(w_c,i = +1) = 1 / (1 + exp(-2 gamma S_i)), and given w_c
               each replica sees the field gamma w_c
    pairwise   (gamma/y) sum_{a<b} w_a.w_b: with h_i ~ N((gamma/y)^(1/2) S_i, 1) given S (Hubbard-Stratonovich), each replica
               sees the field (gamma/y)^(1/2) h
    reference  gamma sum_a w_a.w_r, w_r fixed
    distance   -(gamma/y) sum_a |w_a - c|, c = S/y (Zambon, Malatesta, Tiana, Zecchina, arXiv:2503.08266): the replicas are
               not independent given anything, so they move in turn, each while all others stand still

Given centre or field the replicas of the first three are independent, so that all of them move at once, and exactly. A round
costs one sum over all ranks; everybody draws the centres and fields of his groups from a stream that belongs to (seed, round,
group). Groups exchange gamma and beta by the weights in which centre and field are summed out, and draw new ones after it.
C. Baldassi et al., PNAS 113, E7655 (2016) for star and pairwise coupling of replicas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.dynamics.pull import Distant, Pulled
from parallel_landscape.ensembles import coupled
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.swap import carry, shared_exponentials
from parallel_landscape.phases.equilibrate import BLOCKS, Equilibration
from parallel_landscape.rng import Purpose, generator, shared_generator
from parallel_landscape.sampler import Sampler
from parallel_landscape.walker import Slot

Signs = NDArray[np.int8]
Sums = NDArray[np.int64]
TIES = 1  # the part of a group's stream that decides between +1 and -1 where S = 0


@dataclass
class Coupling(Equilibration):
    """Groups of `layout.walkers` replicas of `size` weights; window k of the layout is group k, with betas[k] and gammas[k].

    chances, summed_out: tables of the star, from one rank. sums (rows, N): of the weights of each group, row = slot //
    replicas; energies (rows,): of each group; both are known from the end of a round on. centres: of the groups that have a
    replica here, drawn in this round. noted: of each replica, energy, w.S, w.centre and energy of the majority, when they were
    last looked at.
    blocks: (BLOCKS, 5): looks in each span of production, and sums over them of what is noted.
    """

    width: ClassVar[int] = 5
    gammas: list[float] = field(default_factory=list)
    size: int = 0
    form: str = "star"
    reference: Signs | None = None
    chances: list[coupled.Table] = field(default_factory=list)
    summed_out: list[coupled.Table] = field(default_factory=list)
    sums: Sums | None = None
    energies: Sums = field(default_factory=lambda: np.zeros(0, np.int64))
    centres: dict[int, Signs] = field(default_factory=dict)
    noted: dict[int, list[int]] = field(default_factory=dict)
    spare: Any = None

    def about(self) -> dict[str, Any]:
        """What all ranks know alike, as plain values for a checkpoint."""
        return {"rounds": self.rounds}

    def described(self) -> dict[str, Any]:
        """The coupling, for frozen.h5."""
        return {"coupling": self.form, "betas": self.betas, "gammas": self.gammas, "size": self.size}

    def step(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """One round: change gamma, draw centres, walk, add up."""
        self.turn(sampler, slots, comm, self.rounds, Purpose.LEARN)
        self.rounds += 1

    def turn(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm, number: int, purpose: Purpose) -> None:
        """Round `number`, counted from the beginning of the run."""
        if self.sums is None:
            self._add_up(sampler, slots, comm)
        if self.exchanges:
            self._meet(sampler, slots, comm, number)
        if self.form == "distance":
            self._walk_in_turn(sampler, slots, comm, purpose)
        else:
            fields = self._fields({self.row(slot) for slot in slots}, sampler.seed, number)
            for slot in slots.values():
                pulled = Pulled(slot.ln_g, slot.histogram, fields[self.row(slot.number)])
                sampler.advance_pulled(slot, pulled, purpose, self.steps)
        self._add_up(sampler, slots, comm)

    def row(self, slot: int) -> int:
        """The group of a slot, counted over all repeats."""
        return slot // self.layout.walkers

    def _add_up(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> None:
        """Sum of weights and energies of each group: one reduction of one byte a weight."""
        ups = {number: weights_of(sampler, slot) > 0 for number, slot in slots.items()}
        energies = np.zeros(self.layout.slots // self.layout.walkers, np.int64)
        for number, slot in slots.items():
            energies[self.row(number)] += self.levels[slot.walker.level]
        size = sampler.landscape.moves
        counts, self.energies = add_bytes({n: (self.row(n), up) for n, up in ups.items()}, energies, size, comm)
        self.sums = 2 * counts.astype(np.int64) - self.layout.walkers

    def _fields(self, rows: set[int], seed: int, number: int) -> dict[int, NDArray[np.float64]]:
        """The field on each replica of these groups; notes their centres where there are any."""
        assert self.sums is not None
        fields: dict[int, NDArray[np.float64]] = {}
        for row in sorted(rows):
            group, sums = row % self.layout.windows, self.sums[row]
            gamma = self.gammas[group]
            if self.reference is not None:
                self.centres[row] = self.reference
                fields[row] = gamma * self.reference.astype(np.float64)
                continue
            draws = shared_generator(seed, Purpose.CENTER, number, row)
            if self.form == "pairwise":
                scale = math.sqrt(gamma / self.layout.walkers)
                fields[row] = scale * coupled.draw_field(sums, scale, draws)
            else:
                self.centres[row] = coupled.draw_centre(sums, self.chances[group], draws)
                fields[row] = gamma * self.centres[row].astype(np.float64)
        return fields

    def _meet(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm, number: int) -> None:
        """Neighbouring groups change places with P = min(1, W_i(j) W_j(i) / (W_i(i) W_j(j))), all replicas together."""
        assert self.sums is not None
        windows, walkers = self.layout.windows, self.layout.walkers
        dots = self._dots(sampler, slots, comm) if self.form == "distance" else None
        here = {self.row(slot) for slot in slots}
        lower = [repeat * windows + k for repeat in range(self.layout.repeats) for k in range(number % 2, windows - 1, 2)]
        lower = [row for row in lower if row in here or row + 1 in here]
        swapping = []
        for row, minus_ln_u in zip(lower, shared_exponentials(sampler.seed, Purpose.EXCHANGE, number, lower), strict=True):
            one, other = row % windows, row % windows + 1
            ln_ratio = self._ln_weight(row + 1, one, dots) - self._ln_weight(row, one, dots)
            ln_ratio += self._ln_weight(row, other, dots) - self._ln_weight(row + 1, other, dots)
            for slot in range(row * walkers, (row + 2) * walkers):
                if slot in slots:
                    slots[slot].meetings += 1
            if -ln_ratio <= minus_ln_u:
                swapping += [(row * walkers + k, (row + 1) * walkers + k) for k in range(walkers)]
                self.sums[[row, row + 1]] = self.sums[[row + 1, row]]
        carry(swapping, slots, self.layout, comm)

    def _ln_weight(self, row: int, group: int, dots: Sums | None) -> float:
        """ln of the weight that the replicas of `row` would have with gamma and beta of `group`."""
        assert self.sums is not None
        sums, gamma = self.sums[row], self.gammas[group]
        if self.reference is not None:
            pull = coupled.reference_weight(sums, gamma, self.reference)
        elif self.form == "star":
            pull = coupled.star_weight(sums, self.summed_out[group])
        elif dots is None:
            pull = coupled.pairwise_weight(sums, gamma, self.layout.walkers)
        else:
            pull = coupled.distance_weight(dots[row], sums, gamma)
        return pull - self.betas[group] * int(self.energies[row])

    def _dots(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm) -> Sums:
        """w.S of each replica, (rows, replicas)."""
        assert self.sums is not None
        mine = np.zeros(self.layout.slots, np.int64)
        for number, slot in slots.items():
            mine[number] = np.dot(weights_of(sampler, slot).astype(np.int64), self.sums[self.row(number)])
        return comm.add(mine).reshape(-1, self.layout.walkers)

    def _walk_in_turn(self, sampler: Sampler, slots: dict[int, Slot], comm: Comm, purpose: Purpose) -> None:
        """One replica of each group walks while all others stand still, then the next: as many rounds of messages."""
        size, replicas = sampler.landscape.moves, self.layout.walkers
        none = np.zeros(self.layout.slots, np.int64)
        every, _ = add_bytes({n: (n, weights_of(sampler, slot) > 0) for n, slot in slots.items()}, none, size, comm)
        signs = (2 * every.astype(np.int8) - 1).reshape(-1, replicas, size)
        for turn in range(replicas):
            moving = {number: slot for number, slot in slots.items() if number % replicas == turn}
            for number, slot in moving.items():
                weight = self._distant(slot, signs[self.row(number)], turn)
                sampler.advance_pulled(slot, weight, purpose, self.steps)
            after = {n: (self.row(n), weights_of(sampler, slot) > 0) for n, slot in moving.items()}
            news, _ = add_bytes(after, none[: len(signs)], size, comm)
            signs[:, turn] = 2 * news.astype(np.int8) - 1

    def _distant(self, slot: Slot, signs: Signs, turn: int) -> Distant:
        """What pulls replica `turn` of a group of `signs` (replicas, N)."""
        order = [*range(turn), *range(turn + 1, len(signs)), turn]
        wide = signs.astype(np.int64)
        sums = wide.sum(axis=0)
        scale = self.gammas[self.layout.place(slot.number).window] / len(signs)
        others = np.ascontiguousarray(signs[order[:-1]])
        return Distant(slot.ln_g, slot.histogram, scale, others, sums, wide[order] @ sums, np.array([sums @ sums]))

    def look(self, sampler: Sampler, slots: dict[int, Slot], number: int) -> None:
        """Note energy, w.S, w.centre (that of the majority where no centre was drawn) and the majority's energy."""
        assert self.sums is not None
        majorities, energies = {}, {}
        if self.spare is None:
            self.spare = sampler.landscape.initial(generator(sampler.seed, Purpose.PILOT))
        for row in {self.row(slot) for slot in slots}:
            draws = partial(shared_generator, sampler.seed, Purpose.CENTER, number, row, TIES)
            majorities[row] = coupled.majority(self.sums[row], draws)
            energies[row] = energy_of(sampler, majorities[row], self.spare)
        for slot in slots.values():
            row, weights = self.row(slot.number), weights_of(sampler, slot).astype(np.int64)
            centre = self.centres.get(row, majorities[row])
            dots = int(weights @ self.sums[row]), int(weights @ centre)
            self.noted[slot.number] = [self.levels[slot.walker.level], *dots, energies[row]]

    def values(self, slot: Slot, size: int) -> dict[str, float]:
        """What was noted of a replica, as it is recorded; `size`: number of weights."""
        _, dot, centre, energy = self.noted[slot.number]
        others = self.layout.walkers - 1
        overlap = {"overlap": (dot - size) / (size * others)} if others else {}
        return {**overlap, "centre-overlap": centre / size, "centre-energy": float(energy)}

    def note_round(self, slot: Slot, number: int, most: int) -> None:
        """Add what was noted in round `number` of production to its block."""
        self.blocks[slot.number][number * BLOCKS // most] += [1, *self.noted[slot.number]]


def weights_of(sampler: Sampler, slot: Slot) -> NDArray[Any]:
    """The configuration of a replica (N,)."""
    assert sampler.landscape.weights is not None
    return np.asarray(sampler.landscape.weights(slot.walker.state))


def energy_of(sampler: Sampler, weights: Signs, spare: Any) -> int:
    """Energy of a configuration +-1 (N,), which a `spare` state takes on: `energy` reads the weights alone, and no cache."""
    landscape = sampler.landscape
    assert landscape.weights is not None
    landscape.weights(spare)[:] = weights
    return int(sampler.energy_kernel(landscape.params, spare))


def add_bytes(
    rows: dict[int, tuple[int, NDArray[np.bool_]]], integers: Sums, size: int, comm: Comm
) -> tuple[NDArray[np.uint8], Sums]:
    """How many of the flags (row, flags (size,)) of all ranks are up, (rows, size), and the sum of all integers (rows,).

    One reduction. At most 255 flags of a place may be up, so that no byte runs over into the next one.
    """
    counts = np.zeros((len(integers), -(-size // 8) * 8), np.uint8)
    for row, flags in rows.values():
        counts[row, :size] += flags
    total = comm.add(np.concatenate([integers, counts.reshape(-1).view(np.int64)]))
    whole = np.ascontiguousarray(total[len(integers) :]).view(np.uint8).reshape(counts.shape)
    return whole[:, :size], total[: len(integers)].copy()

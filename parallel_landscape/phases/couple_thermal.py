"""Coupled replicas of continuous weights: groups that attract each other, on a ladder of gamma (and beta).

The forms are those of `ensembles.attraction`. Given centre or field all replicas move at once, each by hybrid Monte Carlo or
Langevin dynamics in a linear force of its own, and exactly. A round costs one sum over all ranks: of the weights of each
group, as integers, and of the bits of each replica's energy and norm. Everybody draws the fields of his groups from a stream
that belongs to (seed, round, group). Groups exchange gamma and beta, all replicas together, by the weights in which centre and
field are integrated out, and draw new ones after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from parallel_landscape.ensembles import attraction
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Comm
from parallel_landscape.exchange.swap import carry, shared_exponentials
from parallel_landscape.phases.thermal import Slots, Thermal, ThermalPilot, smooth
from parallel_landscape.phases.thermal_production import ThermalProduction
from parallel_landscape.rng import Purpose, shared_generator
from parallel_landscape.smooth import F
from parallel_landscape.smooth_sampler import SmoothSampler, SmoothSlot


@dataclass
class CoupledThermal(Thermal):
    """Groups of `layout.walkers` replicas; window k of the layout is group k, with betas[k] and gammas[k].

    totals (rows, n): sums of the weights of each group, row = slot // replicas; energies_now, norms (slots,): E and |w|^2 of
    each replica; known from the end of a round on. noted: of each replica here, when it was last looked at, what `recorded`
    names.
    """

    gammas: list[float] = field(default_factory=list)
    form: str = "star"
    recorded: tuple[str, ...] = ()
    totals: F | None = None
    energies_now: F = field(default_factory=lambda: np.zeros(0))
    norms: F = field(default_factory=lambda: np.zeros(0))
    noted: dict[int, dict[str, float]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        """The coupling, for frozen.h5."""
        return {**super().described(), "coupling": self.form, "gammas": self.gammas}

    def row(self, slot: int) -> int:
        """The group of a slot, counted over all repeats."""
        return slot // self.layout.walkers

    def prepare(self, sampler: SmoothSampler, slots: Slots, comm: Comm, number: int) -> None:
        """Change gamma, then draw centres or fields."""
        if self.totals is None:
            self._add_up(slots, comm)
        if self.exchanges:
            self._change(slots, comm, sampler.seed, number)
        self._draw(slots, sampler.seed, number)

    def meet(self, sampler: SmoothSampler, slots: Slots, comm: Comm, number: int) -> None:
        """Replicas hear of each other after each walk."""
        self._add_up(slots, comm)

    def _add_up(self, slots: Slots, comm: Comm) -> None:
        """One reduction: an energy and a norm travel as the bits of a double that only its owner does not leave 0."""
        rows, mine = self.layout.slots // self.layout.walkers, smooth(slots)
        bits = np.zeros((2, self.layout.slots), np.int64)
        integers = np.zeros((rows, len(mine[0].walker.state.weights)), np.int64)
        for slot in mine:
            weights = slot.walker.state.weights
            bits[:, slot.number] = np.array([slot.position, attraction.squared(weights)]).view(np.int64)
            try:
                integers[self.row(slot.number)] += attraction.as_integers(weights, self.layout.walkers)
            except OverflowError as error:
                raise RunError(
                    f"slot {slot.number} (beta = {slot.beta:g}) has {error}: give the weights a prior or a larger one"
                ) from None
        total = comm.add(np.concatenate([bits.reshape(-1), integers.reshape(-1)]))
        self.energies_now, self.norms = total[: bits.size].copy().view(np.float64).reshape(bits.shape)
        self.totals = total[bits.size :].reshape(integers.shape) / attraction.ONE

    def _draw(self, slots: Slots, seed: int, number: int) -> None:
        """Tell every replica its field."""
        assert self.totals is not None
        fields: dict[int, tuple[float, F]] = {}
        for slot in smooth(slots):
            row = self.row(slot.number)
            if row not in fields:
                draws = shared_generator(seed, Purpose.CENTER, number, row)
                gamma = self.gammas[row % self.layout.windows]
                fields[row] = attraction.FIELDS[self.form](self.totals[row], gamma, self.layout.walkers, draws)
            slot.stiffness, slot.push = fields[row]

    def _change(self, slots: Slots, comm: Comm, seed: int, number: int) -> None:
        """Neighbouring groups change places with P = min(1, W_i(j) W_j(i) / (W_i(i) W_j(j))), all replicas together."""
        assert self.totals is not None
        windows, walkers = self.layout.windows, self.layout.walkers
        here = {self.row(slot) for slot in slots}
        lower = [repeat * windows + k for repeat in range(self.layout.repeats) for k in range(number % 2, windows - 1, 2)]
        lower = [row for row in lower if row in here or row + 1 in here]
        swapping = []
        for row, minus_ln_u in zip(lower, shared_exponentials(seed, Purpose.EXCHANGE, number, lower), strict=True):
            one, other = row % windows, row % windows + 1
            ln_ratio = self._ln_weight(row + 1, one) - self._ln_weight(row, one)
            ln_ratio += self._ln_weight(row, other) - self._ln_weight(row + 1, other)
            for number_of_slot in range(row * walkers, (row + 2) * walkers):
                if number_of_slot in slots:
                    slots[number_of_slot].meetings += 1
            if -ln_ratio <= minus_ln_u:
                swapping += [(row * walkers + k, (row + 1) * walkers + k) for k in range(walkers)]
                self.totals[[row, row + 1]] = self.totals[[row + 1, row]]
        carry(swapping, slots, self.layout, comm)

    def _ln_weight(self, row: int, group: int) -> float:
        """ln of the weight that the replicas of `row` would have with gamma and beta of `group`."""
        assert self.totals is not None
        mine, replicas = slice(row * self.layout.walkers, (row + 1) * self.layout.walkers), self.layout.walkers
        pull = attraction.ln_weight(self.form, self.totals[row], sum(self.norms[mine].tolist()), self.gammas[group], replicas)
        return pull - self.betas[group] * sum(self.energies_now[mine].tolist())

    def look(self, sampler: SmoothSampler, slots: Slots) -> None:
        """Note overlap and distance, w with the centre, and the energy of the centre: the mean, on a sphere brought back."""
        assert self.totals is not None
        centres: dict[int, tuple[F, float]] = {}
        for slot in smooth(slots):
            row = self.row(slot.number)
            if row not in centres:
                mean = self.totals[row] / self.layout.walkers
                if sampler.landscape.sphere:
                    mean = mean * math.sqrt(sampler.landscape.sphere / max(attraction.squared(mean), 1e-300))
                centres[row] = mean, sampler.energy_of(mean)
            self.noted[slot.number] = self._noted(slot, *centres[row])

    def _noted(self, slot: SmoothSlot, centre: F, centre_energy: float) -> dict[str, float]:
        assert self.totals is not None
        replicas, weights, row = self.layout.walkers, slot.walker.state.weights, self.row(slot.number)
        norms = self.norms[row * replicas : (row + 1) * replicas]
        own, dot, per = float(self.norms[slot.number]), float(weights @ self.totals[row]), len(weights) * max(1, replicas - 1)
        size = math.sqrt(max(own * attraction.squared(centre), 1e-300))
        found = {
            "overlap": (dot - own) / per,
            "distance": (replicas * own - 2.0 * dot + sum(norms.tolist())) / per,
            "centre-overlap": float(weights @ centre) / size,
            "centre-energy": centre_energy,
        }
        return {name: found[name] for name in self.recorded}


@dataclass
class CoupledPilot(CoupledThermal, ThermalPilot):
    """The same while the lengths of steps are adapted."""


@dataclass
class CoupledThermalProduction(ThermalProduction):
    """Production in which replicas are looked at between rounds of `sweeps` moves, when the sums of their groups are known:
    every so often."""

    every: int = 1

    @property
    def sweeps_per_record(self) -> int:
        """Moves between two records of a walker."""
        return self.every * self.sweeps

    @property
    def coupled(self) -> CoupledThermal:
        """The groups."""
        assert isinstance(self.before, CoupledThermal)
        return self.before

    def step(self, sampler: SmoothSampler, slots: Slots, comm: Comm) -> None:  # type: ignore[override]
        """One round: change gamma, draw, walk, add up; then look, when it is time."""
        number = self.before.rounds + self.rounds
        self.coupled.prepare(sampler, slots, comm, number)
        sampler.advance(smooth(slots), Purpose.PRODUCE, self.coupled.steps)
        self.coupled.meet(sampler, slots, comm, number)
        if (self.rounds + 1) % self.every == 0:
            self.coupled.look(sampler, slots)
            sampler.show(smooth(slots), partial(self._look, self.rounds))
        self._note(slots)

    def more_of(self, slot: SmoothSlot) -> dict[str, float]:
        """What was noted of a replica."""
        return self.coupled.noted[slot.number]

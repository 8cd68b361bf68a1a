"""Writes a run folder whose exact answers are known, of any size and number of shards.

    python tests/benchmarks/make_trajectory.py FOLDER --gigabytes 40 --shards 256

The model: n bits; the energy is the number of ones, so g(E) = C(n, E), and a flip takes E to E + 1 with probability
(n - E) / n. The observable `ones` counts ones among the first m bits: hypergeometric on each level, so its mean is m E / n and
g(E, k) = C(m, k) C(n - m, E - k). Observables `noise-1`, ... are E plus a normal number. Frozen weights are 1 / g, distorted on
purpose. A walker stays where it is with probability `stay`, else draws a new state from the law of its slot; so the integrated
autocorrelation time of everything is 1/2 + stay / (1 - stay) records.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.job.job import make_job
from parallel_landscape.store import checkpoint
from parallel_landscape.store.checksums import sha256_of
from parallel_landscape.store.frozen import FrozenSlot, attributes_of, write_frozen
from parallel_landscape.store.result import write_result
from parallel_landscape.store.segments import Segment, fill_segment

LOOKS = 10  # records of a slot between two exchanges
OFFSET = 90.0  # of ln g between windows: the constants of learned tables have nothing to do with each other
BATCH = 65_536  # records made at once
JOB: dict[str, Any] = {
    "name": "synthetic",
    "seed": 1,
    "landscape": {"model": "binary-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 11}},
}


@dataclass(frozen=True)
class Synthetic:
    """What to write. `windows` of equal width, half overlapping; `records` of each slot; `noises` observables of noise."""

    bits: int = 20
    marked: int = 8
    repeats: int = 1
    windows: int = 3
    members: int = 2
    ranks: int = 2
    segments: int = 2
    records: int = 4000
    stay: float = 0.5
    every: int = 5
    noises: int = 0
    weights: bool = False
    transitions: bool = True
    shared: bool = True
    seed: int = 1
    compression: str = "lzf"

    @property
    def slots(self) -> int:
        """Slots in all."""
        return self.repeats * self.windows * self.members

    @property
    def ln_g(self) -> NDArray[np.float64]:
        """Exact ln g (bits + 1,)."""
        return np.array([math.log(math.comb(self.bits, ones)) for ones in range(self.bits + 1)])

    def window(self, number: int) -> tuple[int, int]:
        """First and last level."""
        width = 2 * self.bits / (self.windows + 1)
        return round(number * width / 2), round(number * width / 2 + width)

    def slot(self, number: int) -> FrozenSlot:
        """Where a slot sits, and its weights: those of learning with errors, the same for walkers of one window if shared."""
        rest, member = divmod(number, self.members)
        repeat, window = divmod(rest, self.windows)
        low, high = self.window(window)
        table = (repeat, window) if self.shared else (repeat, window, member)
        errors = np.random.default_rng([self.seed, 99, *table]).normal(0.0, 0.3, high - low + 1)
        return FrozenSlot(repeat, window, member, low, high, True, -self.ln_g[low : high + 1] + errors + OFFSET * window)


def write_run(path: Path, made: Synthetic, *, result: bool = True) -> Path:
    """Write the run folder `path`, as a run that is done; returns it."""
    trajectory = path / "trajectory"
    trajectory.mkdir(parents=True)
    (path / "submitted.toml").write_text(make_job(JOB, path).toml())
    slots = {number: made.slot(number) for number in range(made.slots)}
    observables = [("ones", "ones among the marked bits", "1")]
    observables += [(f"noise-{number + 1}", "the energy and a normal number", "1") for number in range(made.noises)]
    ln_states = made.bits * math.log(2)
    about = attributes_of(range(made.bits + 1), ln_states, made.bits, made.every, made.bits if made.weights else 0)
    write_frozen(trajectory, slots, about, observables)
    segments = [segment for rank in range(made.ranks) for segment in _write_rank(trajectory, made, slots, rank)]
    about = {"phase": "produce", "time": time.time(), "seconds": 1.0, "segments": [segment.plain() for segment in segments]}
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "000001").mkdir()
    checkpoint.publish(path / "checkpoints", 1, about, [])
    if result:
        _write_result(path / "result.nc", made)
    return path


def _write_result(path: Path, made: Synthetic) -> None:
    ones = np.ones(made.bits + 1)
    error = np.random.default_rng([made.seed, 98]).normal(0, 0.1, made.bits + 1)
    root = {"energy": np.arange(made.bits + 1), "ln_g": made.ln_g + error, "ln_g_error": 0.1 * ones}
    bounds = np.array([made.window(number) for number in range(made.windows)])
    attributes = {"status": "converged", "reason": "made up", "normalisation": "absolute", "complete": "yes"}
    root |= {"visited": ones, "known": ones, "histogram": ones}
    write_result(path, root, {"energy_low": bounds[:, 0], "energy_high": bounds[:, 1]}, attributes)


def _write_rank(folder: Path, made: Synthetic, slots: dict[int, FrozenSlot], rank: int) -> Iterator[Segment]:
    mine = [number for number in slots if number * made.ranks // made.slots == rank]
    rng = np.random.default_rng([made.seed, rank])
    walkers = {number: _Walker(made, slots[number], number) for number in mine}
    cuts = [made.records // LOOKS * part // made.segments * LOOKS for part in range(made.segments + 1)]
    for part, (first, last) in enumerate(zip(cuts, cuts[1:], strict=False)):
        columns = _columns(made, walkers, first, last, rng)
        transitions = _transitions(made, walkers, rng) if made.transitions else None
        path = folder / f"leg-0000-rank-{rank:05d}-{part:06d}.h5"
        with h5py.File(path, "w") as file:
            fill_segment(file, columns, transitions, made.compression)
        yield Segment(path.name, path.stat().st_size, sha256_of(path), len(columns["slot"]))


class _Walker:
    """The chain of one slot: level, marked ones and weights of its last record, and visits since the last cut."""

    def __init__(self, made: Synthetic, slot: FrozenSlot, number: int) -> None:
        self.made, self.low, self.number = made, slot.low, number
        law = np.exp(made.ln_g[slot.low : slot.high + 1] + slot.ln_weight - OFFSET * slot.window)
        self.cumulated = np.cumsum(law / law.sum())
        self.last: tuple[Any, ...] | None = None
        self.visits = np.zeros(made.bits + 1, np.int64)

    def walk(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Levels, marked ones and packed weights of the next `count` records."""
        made = self.made
        fresh = rng.random(count) >= made.stay
        fresh[0] |= self.last is None
        number = int(fresh.sum())
        level = self.low + np.searchsorted(self.cumulated, rng.random(number)).clip(max=len(self.cumulated) - 1)
        if made.weights:
            order = np.argsort(rng.random((number, made.bits)), axis=1)
            bits = order < level[:, None]
            ones, packed = bits[:, : made.marked].sum(axis=1), np.packbits(bits, axis=1, bitorder="little")
        else:
            ones, packed = rng.hypergeometric(level, made.bits - level, made.marked), np.zeros((number, 0), np.uint8)
        where = np.cumsum(fresh)
        if self.last is not None:
            level, ones, packed = (np.concatenate([[a], b]) for a, b in zip(self.last, (level, ones, packed), strict=True))
        else:
            where -= 1
        level, ones, packed = level[where], ones[where], packed[where]
        self.last = (level[-1], ones[-1], packed[-1])
        self.visits += np.bincount(level, minlength=made.bits + 1)
        return level, ones, packed


def _columns(
    made: Synthetic, walkers: dict[int, _Walker], first: int, last: int, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Records of one segment in the order of a run: round, slot, look."""
    count, rounds = last - first, (last - first) // LOOKS
    paths = [walker.walk(count, rng) for walker in walkers.values()]

    def woven(rows: list[NDArray[Any]]) -> NDArray[Any]:
        table = np.stack(rows).reshape(len(rows), rounds, LOOKS, *rows[0].shape[1:])
        return np.ascontiguousarray(table.swapaxes(0, 1)).reshape(-1, *rows[0].shape[1:])

    sweeps = (np.arange(first, last) + 1) * made.every
    slots = [np.full(count, number) for number in walkers]
    energy = woven([level for level, _, _ in paths])
    columns: dict[str, NDArray[Any]] = {
        "slot": woven(slots).astype(np.int32),
        "sweep": woven([sweeps] * len(slots)).astype(np.int64),
        "energy": energy.astype(np.int64),
        "walker": woven(slots).astype(np.int32),
        "ones": woven([ones for _, ones, _ in paths]).astype(np.float64),
    }
    for number in range(made.noises):
        pool = rng.normal(size=min(BATCH, max(1, energy.size)))
        columns[f"noise-{number + 1}"] = energy + np.resize(pool, energy.size)
    if made.weights:
        columns["weights"] = woven([packed for _, _, packed in paths])
    return columns


def _transitions(made: Synthetic, walkers: dict[int, _Walker], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Single flips proposed from all levels visited since the last cut, as many as there are steps between records."""
    rows = []
    for number, walker in walkers.items():
        level = np.flatnonzero(walker.visits)
        tries = walker.visits[level] * made.every * made.bits
        up = rng.binomial(tries, 1.0 - level / made.bits)
        for change, count in ((-1, tries - up), (1, up)):
            rows.append(np.stack([np.full(len(level), number), level, np.full(len(level), change), count]))
        walker.visits[:] = 0
    slot, level, change, count = np.concatenate(rows, axis=1)
    kept = count > 0
    return {
        "slot": slot[kept].astype("i4"), "level": level[kept].astype("i4"), "change": change[kept].astype("i4"),
        "count": count[kept],
    }  # fmt: skip


def sized(gigabytes: float, shards: int, noises: int) -> Synthetic:
    """About so many gigabytes of files in so many shards: columns of noise do not compress."""
    ranks = max(1, shards // 16)
    slots = max(ranks, 1)
    bytes_a_record = 8.0 * noises + 3.5
    records = int(gigabytes * 1e9 / bytes_a_record / slots) // LOOKS * LOOKS
    windows = 4 if slots % 4 == 0 else 1
    return Synthetic(
        bits=60, marked=20, windows=windows, members=slots // windows, ranks=ranks, segments=max(1, shards // ranks),
        records=records, noises=noises, stay=0.9,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=40.0)
    parser.add_argument("--shards", type=int, default=256)
    parser.add_argument("--noises", type=int, default=3)
    given = parser.parse_args()
    started = time.perf_counter()
    write_run(given.folder, sized(given.gigabytes, given.shards, given.noises))
    size = sum(path.stat().st_size for path in (given.folder / "trajectory").iterdir())
    print(f"{size / 1e9:.2f} GB in {time.perf_counter() - started:.0f} s: {given.folder}")


if __name__ == "__main__":
    main()

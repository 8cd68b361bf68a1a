"""Segments: what is put in comes out, merged or not; counts add up exactly; one spoilt chunk is noticed when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parallel_landscape.ensembles.frozen import BEYOND, in_coordinates, no_counts
from parallel_landscape.job.columns import buffer_length, columns_of
from parallel_landscape.job.sections import Production
from parallel_landscape.landscapes.potts import potts_2d
from parallel_landscape.store.frozen import FrozenSlot, attributes_of, write_frozen
from parallel_landscape.store.hdf5 import blosc_missing
from parallel_landscape.store.segments import Recorder, fill_segment, read_records, read_segment, read_transitions
from parallel_landscape.store.transitions import added, of_slots

COLUMNS: dict[str, Any] = {"overlap": ("f8", ()), "weights": ("u1", (3,))}


def recorder(folder: Path, capacity: int = 100, compression: str = "lzf") -> Recorder:
    return Recorder(folder, 0, 0, capacity, COLUMNS, compression)


def add(kept: Recorder, number: int) -> None:
    weights = np.array([number % 256, 1, 2], np.uint8)
    kept.add(slot=number % 4, sweep=number, energy=-number, walker=1, overlap=number / 7, weights=weights)


def counts(seed: int, slots: int = 3) -> dict[str, Any]:
    tables = np.random.default_rng(seed).integers(0, 5, (slots, 6, 8))
    return of_slots({slot: in_coordinates(table, 10) for slot, table in enumerate(tables)})


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name]) for name in one
    )


@pytest.mark.parametrize("compression", ["lzf", "gzip", "none", "blosc"])
def test_records_and_counts_come_back(compression: str, tmp_path: Path) -> None:
    if compression == "blosc" and blosc_missing():
        pytest.skip("hdf5plugin is not installed")
    kept = recorder(tmp_path, compression=compression)
    for number in range(250):
        add(kept, number)
    kept.cut(counts(1))
    assert [segment.records for segment in kept.segments] == [100, 100, 50]
    records = read_records(tmp_path, kept.segments)
    assert sorted(records["sweep"].tolist()) == list(range(250))
    np.testing.assert_array_equal(records["overlap"], records["sweep"] / 7)
    assert records["weights"].shape == (250, 3)
    assert [bool(read_transitions(tmp_path, segment)) for segment in kept.segments] == [False, False, True]
    assert same(read_transitions(tmp_path, kept.segments[-1]), counts(1))


def test_merging_loses_nothing(tmp_path: Path) -> None:
    """Twenty checkpoints, some of them without records: few files, all records, and the sum of all counts."""
    kept, total = recorder(tmp_path), []
    for number in range(20):
        for step in range(5 * (number % 3)):
            add(kept, 100 * number + step)
        total.append(counts(number))
        kept.cut(total[-1])
    assert len(kept.segments) == 6 and [segment.tier for segment in kept.segments] == [1, 1, 0, 0, 0, 0]
    assert len(read_records(tmp_path, kept.segments)["slot"]) == sum(5 * (number % 3) for number in range(20))
    assert same(added([read_transitions(tmp_path, segment) for segment in kept.segments]), added(total))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=6), st.integers(0, 5))
def test_counts_add_up(seeds: list[int], cut: int) -> None:
    """In any grouping and order; what is added can be taken away again; dense tables say the same."""
    tables = [counts(seed) for seed in seeds]
    whole = added(tables)
    assert same(whole, added([added(tables[:cut]), added(tables[cut:])]))
    assert same(whole, added(tables[::-1]))
    assert same(added([whole], tables[:cut]), added(tables[cut:]))
    assert whole["count"].sum() == sum(table["count"].sum() for table in tables)
    assert len(np.unique(np.stack([whole[name] for name in ("slot", "level", "change")]), axis=1).T) == len(whole["slot"])


def test_changes_outside_the_band() -> None:
    table = no_counts(3, 5, 2)
    table[1, 0], table[1, 4], table[2, 5] = 7, 8, 9
    found = in_coordinates(table, 3)
    assert list(zip(*(found[name].tolist() for name in ("level", "change", "count")), strict=True)) == [
        (4, -2, 7),
        (4, 2, 8),
        (5, BEYOND, 9),
    ]


def test_one_spoilt_chunk_is_noticed(tmp_path: Path) -> None:
    """Not by the size of the file, and not in the other columns."""
    path = tmp_path / "segment.h5"
    columns = {"energy": np.arange(100_000), "overlap": np.random.default_rng(0).random(100_000)}
    with h5py.File(path, "w") as file:
        fill_segment(file, columns, None)
        spoilt = file["overlap"].id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[spoilt.byte_offset + spoilt.size // 2] ^= 1
    path.write_bytes(content)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["energy"][...], columns["energy"])
        first, length = spoilt.chunk_offset[0], file["overlap"].chunks[0]
        np.testing.assert_array_equal(file["overlap"][:first], columns["overlap"][:first])
        with pytest.raises(OSError):
            file["overlap"][first : first + length]


def test_weights_that_are_not_binary_are_kept_as_they_are(tmp_path: Path) -> None:
    columns = columns_of(Production(rounds=1, weights=True), potts_2d(3, 3), 1)
    assert columns == {"weights": ("|i1", (9,))}
    kept = Recorder(tmp_path, 0, 0, 10, columns)
    kept.add(slot=0, sweep=1, energy=0, walker=0, weights=np.arange(9, dtype=np.int8) % 3)
    kept.cut()
    assert read_segment(tmp_path, kept.segments[0])["weights"][0].tolist() == [0, 1, 2] * 3


def test_a_buffer_is_never_large() -> None:
    assert buffer_length({}) == 65_536
    assert buffer_length({"weights": ("u1", (125_000,))}) * 125_000 < 2**26
    assert buffer_length({"weights": ("u1", (10**9,))}) == 16


def test_frozen_weights_are_shared_and_the_file_is_always_the_same(tmp_path: Path) -> None:
    def slot(repeat: int, member: int, low: int, weights: list[float]) -> FrozenSlot:
        return FrozenSlot(repeat, 0, member, low, low + len(weights) - 1, True, np.array(weights))

    slots = {0: slot(0, 0, 0, [1, 2]), 1: slot(0, 1, 0, [1, 2]), 2: slot(1, 0, 1, [1, 2]), 3: slot(1, 1, 1, [1, 2.5])}
    about = attributes_of(range(-4, 5, 4), np.nan, 9, 10, 0)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_frozen(tmp_path / name, slots, about, [("q", "an overlap", "1")])
    assert (tmp_path / "one" / "frozen.h5").read_bytes() == (tmp_path / "two" / "frozen.h5").read_bytes()
    with h5py.File(tmp_path / "one" / "frozen.h5") as file:
        assert file["table"][...].tolist() == [0, 0, 1, 2] and file["offset"][...].tolist() == [0, 2, 4, 6]
        assert file["ln_weight"][...].tolist() == [1, 2, 1, 2, 1, 2.5]
        assert file["meaning"].asstr()[0] == "an overlap" and np.isnan(file.attrs["ln_states"])
        assert (file.attrs["energy_start"], file.attrs["energy_step"], file.attrs["levels"]) == (-4, 4, 3)

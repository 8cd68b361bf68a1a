"""`pland analyze` on made-up runs: the same numbers however it is done, damage said aloud, and nothing done twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from benchmarks.make_trajectory import Synthetic, write_run

import parallel_landscape as pl
from parallel_landscape.analysis import survey
from parallel_landscape.analysis.findings import Findings, Question
from parallel_landscape.analysis.mbar import make_weights, solve
from parallel_landscape.analysis.schedule import LOOPBACK, local_cluster
from parallel_landscape.cli import main
from parallel_landscape.commands.analyze import Request, analyze
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.store import checkpoint
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.result import read_groups

MADE = Synthetic(bits=12, marked=5, records=3000, weights=True, noises=1, segments=3, repeats=2)
QUESTION = Question(betas=(0.0, 0.5), ranges=((5, 7),), joint=("ones", "noise-1"), pairs=100_000)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("made") / "run", MADE)


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "run"))


def everything(path: Path) -> dict[str, bytes]:
    """All numbers of a result, to the last bit."""
    groups, _ = read_groups(path / "result.nc")
    return {f"{group}/{name}": np.asarray(value).tobytes() for group, table in groups.items() for name, value in table.items()}


def analysed(path: Path, **request: Any) -> dict[str, bytes]:
    shutil.rmtree(path / "analysis", ignore_errors=True)
    analyze(path, Request(QUESTION, **request))
    return everything(path)


@pytest.mark.long
def test_the_same_numbers_with_any_scheduler_and_any_memory(run: Path) -> None:
    """All sums are done in one order, those of floats too: the same bits, not only 1e-12."""
    plain = analysed(run, scheduler="none")
    assert len(plain) > 70
    assert analysed(run, scheduler="threads", workers=2) == plain
    assert analysed(run, scheduler="none", memory=2**20) == plain
    assert analysed(run, scheduler="processes", workers=2, memory=2**30) == plain
    with local_cluster(1) as client:
        security, folder = client.security, run.parent
        files = {}
        for what, text in (
            ("ca", security.tls_ca_file), ("cert", security.tls_client_cert), ("key", security.tls_client_key)
        ):  # fmt: skip
            (folder / what).write_text(text)
            files[what] = str(folder / what)
        assert analysed(run, scheduler=client.scheduler_info()["address"], credentials=files) == plain


def test_blocks_of_any_size_give_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parallel_landscape.analysis import segment_reader

    plain = analysed(run, scheduler="none")
    monkeypatch.setattr(segment_reader, "MOST", 100)
    monkeypatch.setattr(segment_reader, "FEWEST", 100)
    sizes = []
    blocks = segment_reader.Reader.blocks

    def spied(self: Any, columns: Any) -> Iterator[Any]:
        sizes.append(self._block_size([self.file[name] for name in columns]))
        return blocks(self, columns)

    monkeypatch.setattr(segment_reader.Reader, "blocks", spied)
    assert analysed(run, scheduler="none") == plain
    assert max(sizes) <= 6000  # one chunk


def test_what_the_run_wrote_is_kept(run: Path) -> None:
    before, attributes = read_groups(run / "result.nc")
    for _ in range(2):
        analyze(run, Request(scheduler="none"))
        after, now = read_groups(run / "result.nc")
        np.testing.assert_array_equal(after[""]["ln_g_learned"], before[""]["ln_g"])
        np.testing.assert_array_equal(after["windows"]["energy_low"], before["windows"]["energy_low"])
        assert now["status"] == attributes["status"] and now["estimator"] == "transition-matrix"


def test_mbar_agrees_with_pymbar(tmp_path: Path) -> None:
    pymbar = pytest.importorskip("pymbar")
    run = write_run(tmp_path / "run", replace(MADE, records=200, repeats=1, weights=False))
    found = analyze(run, Request(scheduler="none")).groups
    frozen, samples = read_catalogue(run).frozen(), found[""]["samples"]
    counts = np.bincount(frozen.table, found["slots"]["samples"], frozen.tables).astype(int)
    levels = np.repeat(np.arange(frozen.levels), samples)
    energies = np.full((frozen.tables, frozen.levels), np.inf)
    for slot in range(frozen.slots):
        table = frozen.table[slot]
        row = frozen.ln_weight[frozen.offset[table] : frozen.offset[table + 1]]
        energies[table, frozen.low[slot] : frozen.high[slot] + 1] = -row
    with np.errstate(all="ignore"):
        theirs = pymbar.MBAR(np.minimum(energies, 1e3)[:, levels], counts, relative_tolerance=1e-12)
        f = theirs.f_k
    low = np.zeros(frozen.tables, np.int64)
    low[frozen.table] = frozen.low
    ours = solve(make_weights(frozen.ln_weight, frozen.offset, low, frozen.levels), samples, counts)
    np.testing.assert_allclose(-(ours.ln_z - ours.ln_z[0]), f - f[0], atol=1e-8)


def test_an_interrupted_analysis_does_not_read_finished_segments_again(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = survey.open_source

    def counted(source: Any, memory: int) -> Any:
        opened.append(source.path)
        if len(opened) == 10:
            raise KeyboardInterrupt
        return real(source, memory)

    monkeypatch.setattr(survey, "open_source", counted)
    request = Request(scheduler="none")
    with pytest.raises(KeyboardInterrupt):
        analyze(run, request)
    done = len(list((run / "analysis").glob("*/*.npz")))
    assert done == 9
    analyze(run, request)
    segments = len(read_catalogue(run).segments)
    assert len(opened) == 3 * segments + 1  # ends, visits and transitions of each, and the one that was interrupted
    numbers = everything(run)
    assert not list((run / "analysis").glob("**/*.tmp"))
    monkeypatch.setattr(survey, "open_source", real)
    shutil.rmtree(run / "analysis")
    analyze(run, request)
    assert everything(run) == numbers


def test_a_kept_result_that_is_damaged_is_made_anew(run: Path) -> None:
    analyze(run, Request(scheduler="none"))
    numbers = everything(run)
    for number, path in enumerate(sorted((run / "analysis").glob("*/*.npz"))):
        path.write_bytes(path.read_bytes()[: 10 * number])
    analyze(run, Request(scheduler="none"))
    assert everything(run) == numbers


def notes(found: Findings) -> str:
    return " ".join(found.attributes["analysis_notes"])


def publish(path: Path, about: dict[str, Any]) -> None:
    """A second checkpoint."""
    (path / "checkpoints" / "000002").mkdir()
    checkpoint.publish(path / "checkpoints", 2, about, [])


def sound(path: Path, names: set[str]) -> Findings:
    """The analysis of a run whose checkpoint names all segments but these."""
    generation, _ = checkpoint.newest(path / "checkpoints")
    assert generation is not None
    kept = [segment for segment in generation.about["segments"] if segment["name"] not in names]
    publish(path, {**generation.about, "segments": kept})
    return analyze(path, Request(scheduler="none"))


@pytest.mark.parametrize("damage", ["missing", "truncated", "grown", "no file of HDF5"])
def test_a_segment_that_cannot_be_used_is_named_and_the_rest_analysed(
    run: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = sorted((run / "trajectory").glob("leg-*.h5"))[2]
    content = victim.read_bytes()
    changed = {"truncated": content[:-1], "grown": content + b"0", "no file of HDF5": bytes(len(content))}
    if damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes(changed[damage])
    if damage != "no file of HDF5":
        with pytest.raises(RunError, match=victim.name):
            _ = pl.open_run(run).trajectory
    assert main(["analyze", str(run), "--quiet", "--scheduler", "none"]) == 1
    said = capsys.readouterr().out
    assert victim.name in said and "6000 records are left out" in said and "incomplete: 6000 of 36000" in said
    _, attributes = read_groups(run / "result.nc")
    assert "incomplete" in attributes["analysis_status"]
    damaged = everything(run)
    sound(run, {victim.name})
    assert everything(run) == damaged


def spoil_chunk(path: Path, column: str, number: int) -> int:
    """Change one byte of a stored chunk; returns how many records it holds."""
    with h5py.File(path, "r") as file:
        about = file[column].id.get_chunk_info(number)
        records = min(file[column].chunks[0], len(file[column]) - about.chunk_offset[0])
    with path.open("r+b") as raw:
        raw.seek(about.byte_offset + about.size // 2)
        byte = raw.read(1)
        raw.seek(-1, os.SEEK_CUR)
        raw.write(bytes([byte[0] ^ 1]))
    return int(records)


@pytest.mark.parametrize("column", ["energy", "noise-1"])
def test_a_bad_chunk_costs_its_own_records(tmp_path: Path, column: str) -> None:
    run = write_run(tmp_path / "run", replace(MADE, records=9000, segments=1, weights=False))
    whole = analyze(run, Request(scheduler="none"))
    shutil.rmtree(run / "analysis")
    victim = sorted((run / "trajectory").glob("leg-*.h5"))[1]
    lost = spoil_chunk(victim, column, 1)
    found = analyze(run, Request(scheduler="none"))
    assert found.lost == lost == 16384
    assert victim.name in notes(found) and "1 bad chunk, the first one in " + column in notes(found)
    assert found.groups[""]["samples"].sum() == whole.groups[""]["samples"].sum() - lost
    with h5py.File(victim, "r") as file:
        kept = np.ones(len(file["slot"]), bool)
        kept[16384:32768] = False
        energies = np.concatenate([file["energy"][:16384], file["energy"][32768:]]) if column != "energy" else None
    assert kept.sum() + lost == len(kept)
    if energies is not None:
        with h5py.File(sorted((run / "trajectory").glob("leg-*.h5"))[0], "r") as file:
            energies = np.concatenate([energies, file["energy"][...]])
        np.testing.assert_array_equal(found.groups[""]["samples"], np.bincount(energies, minlength=13))
    again = analyze(run, Request(scheduler="none"))  # damaged results are not taken for finished ones
    assert again.lost == lost


def test_a_run_that_goes_on_is_said_to(run: Path) -> None:
    (run / "result.nc").unlink()
    (run / "checksums.json").unlink()
    import platform

    from parallel_landscape.store.run_folder import birth

    alive = {"host": platform.node(), "pid": os.getpid(), "born": birth(os.getpid()), "ranks": 1}
    (run / "alive.json").write_text(json.dumps(alive))
    found = analyze(run, Request(scheduler="none"))
    assert "the run is still going on: analysed up to its checkpoint 1" in notes(found)
    groups, attributes = read_groups(run / "result.nc")
    assert attributes["complete"] == "no" and "ln_g_learned" not in groups[""]
    assert pl.open_run(run).status["state"] == "running"


def test_segments_merged_away_under_our_hands_are_found_in_the_next_checkpoint(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generation, _ = checkpoint.newest(run / "checkpoints")
    assert generation is not None
    victim = run / "trajectory" / generation.about["segments"][0]["name"]
    merged = victim.with_name("leg-0000-rank-00000-000009.h5")
    real = survey.open_source

    def merging(source: Any, memory: int) -> Any:
        if victim.exists():
            victim.rename(merged)
            rows = [{**s, "name": merged.name} if s["name"] == victim.name else s for s in generation.about["segments"]]
            publish(run, {**generation.about, "segments": rows})
        return real(source, memory)

    monkeypatch.setattr(survey, "open_source", merging)
    found = analyze(run, Request(scheduler="none"))
    assert found.lost == 0 and found.attributes["analysis_status"] == "complete"


def test_ten_thousand_segments_open_in_seconds(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replace(MADE, records=100, repeats=1, ranks=1, segments=1))
    generation, _ = checkpoint.newest(run / "checkpoints")
    assert generation is not None
    (row,) = generation.about["segments"]
    rows = []
    for number in range(10_000):
        rows.append({**row, "name": f"leg-0000-rank-00000-{number + 10:06d}.h5"})
        os.link(run / "trajectory" / row["name"], run / "trajectory" / rows[-1]["name"])
    publish(run, {**generation.about, "segments": rows})
    started = time.perf_counter()
    catalogue = read_catalogue(run)
    assert len(catalogue.segments) == 10_000 and time.perf_counter() - started < 10
    assert pl.open_run(run).trajectory.sizes["record"] == 10_000 * row["records"]


def test_the_trajectory_is_lazy_and_right(run: Path) -> None:
    import dask.array

    records = pl.open_run(run).trajectory
    assert isinstance(records.energy.data, dask.array.Array) and records.energy.data.numblocks == (6,)
    assert records.weights.dims == ("record", "byte") and records.energy.attrs["long_name"]
    parts = []
    for segment in read_catalogue(run).segments:
        with h5py.File(run / "trajectory" / segment.name) as file:
            parts.append(file["ones"][...])
    np.testing.assert_array_equal(records["ones"].compute(), np.concatenate(parts))
    victim = sorted((run / "trajectory").glob("leg-*.h5"))[0]
    spoil_chunk(victim, "ones", 0)
    with pytest.raises(RunError, match=f"{victim.name}: the column ones cannot be read"):
        pl.open_run(run).trajectory["ones"].compute()


def test_nobody_joins_or_reads_our_workers_without_credentials() -> None:
    from distributed import Client
    from distributed.security import Security

    with local_cluster(1) as client:
        address = client.scheduler_info()["address"]
        assert address.startswith(f"tls://{LOOPBACK}:")
        assert all(worker.startswith(f"tls://{LOOPBACK}:") for worker in client.scheduler_info()["workers"])
        assert client.submit(sum, (1, 2)).result(timeout=30) == 3
        port = int(address.rpartition(":")[2])
        for stranger, security in ((address, Security.temporary()), (f"tcp://{LOOPBACK}:{port}", None)):
            with pytest.raises((OSError, TypeError)):
                Client(stranger, security=security, timeout=2)
        inodes = listening(os.getpid())
        assert inodes and all(host in ("127.0.0.1", "::1") for host in inodes)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://{LOOPBACK}:{port}", "--no-dashboard"]
        joined = subprocess.run([*command, "--death-timeout", "3"], capture_output=True, text=True, timeout=90)
        assert joined.returncode != 0 or len(client.scheduler_info()["workers"]) == 1
        assert len(client.scheduler_info()["workers"]) == 1


def listening(process: int) -> list[str]:
    """Addresses on which a process and its children listen."""
    psutil = pytest.importorskip("psutil")
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    found = [connection for one in family for connection in one.net_connections("inet")]
    return [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]


def test_a_run_without_production_has_canonical_averages(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replace(MADE, records=100))
    shutil.rmtree(run / "trajectory")
    shutil.rmtree(run / "checkpoints")
    found = analyze(run, Request(Question(betas=(0.0, 1.0))))
    beta_0 = found.groups["canonical"]["energy_mean"][0]
    assert beta_0 == pytest.approx(MADE.bits / 2, abs=0.3) and found.attributes["estimator"] == "learned"
    assert np.isnan(found.groups["canonical"]["energy_mean_error"]).all() and "nothing was recorded" in notes(found)


def test_temperatures_beyond_the_sampled_energies_are_marked(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replace(MADE, bits=20, records=2000))
    (run / "trajectory" / "checksums.json").unlink()
    with h5py.File(run / "trajectory" / "frozen.h5", "r+") as file:
        file.attrs["energy_start"] = -4  # so that four levels below the lowest window are not sampled
        file.attrs["levels"] = 25
        for name in ("low", "high"):
            file[name][...] = file[name][...] + 4
    found = analyze(run, Request(Question(betas=(0.0, 8.0)), scheduler="none"))
    assert found.groups["canonical"]["covered"].tolist() == [True, False]
    assert "do not cover 1 of the inverse temperatures, from 8 to 8" in notes(found)
    assert found.attributes["normalisation"] == "relative"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--joint", "nothing"], "--joint nothing: not recorded; there are: ones, noise-1"),
        (["--energy", "3", "1"], "--energy 3 1: the first must not be larger"),
        (["--scheduler", "magic"], "--scheduler magic: give none, threads"),
        (["--tls-ca", "x"], "belong to a scheduler's address"),
        (["--memory", "10"], "1MiB"),
        (["--beta", "nan"], "--beta: give finite numbers"),
    ],
)
def test_bad_requests(run: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run / "result.nc").read_bytes()
    assert main(["analyze", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert (run / "result.nc").read_bytes() == before


def test_a_folder_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err
    run = write_run(tmp_path / "run", replace(MADE, records=100), result=False)
    manifest = run / "checkpoints" / "000001" / "manifest.json"
    manifest.write_text(manifest.read_text()[:-10])
    assert main(["analyze", str(run)]) == 1
    assert re.search("no checkpoint of .* is sound", capsys.readouterr().err)


def test_overlaps_need_weights(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", replace(MADE, records=100, weights=False))
    with pytest.raises(JobError, match="run again with \\[production\\] weights = true"):
        analyze(run, Request(Question(ranges=((0, 1),))))


def test_no_address_answers(run: Path) -> None:
    with pytest.raises(RunError, match="no scheduler answers at tls://127.0.0.1:9"):
        analyze(run, Request(scheduler="tls://127.0.0.1:9"))

"""`pland verify`: sound runs pass, a changed checkpoint is found where it was changed, and nothing is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from parallel_landscape.cli import main
from parallel_landscape.store import checkpoint, segments
from parallel_landscape.store.checkpoint import Generation
from parallel_landscape.store.checksums import sha256_of

JOB = """
name = "run"
seed = 3
[landscape]
model = "binary-perceptron"
inputs = 15
[landscape.data]
source = "random"
patterns = 20
[dynamics]
sweeps_per_round = 100
[ensemble]
ln_f_final = 1e-3
[exchange]
windows = 2
walkers_per_window = 2
search_sweeps = 20000
[production]
rounds = 12
record_every_sweeps = 20
weights = true
[run]
checkpoint_rounds = 5
"""


def listing(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two ranks; its checkpoints were written in production."""
    base = tmp_path_factory.mktemp("two")
    (base / "job.toml").write_text(JOB)
    command = [sys.executable, "-m", "parallel_landscape", "run", str(base / "job.toml"), "-n", "2", "--quiet"]
    subprocess.run(command, check=True, timeout=120)
    return base / "runs/run"


@pytest.fixture(scope="module")
def all_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run in this process, all its checkpoints kept."""
    base = tmp_path_factory.mktemp("kept")
    (base / "job.toml").write_text(JOB)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "KEPT", 10_000)
        patch.setattr(segments, "KEPT", 10_000)
        assert main(["run", str(base / "job.toml"), "-n", "1", "--quiet"]) == 0
    return base / "runs/run"


@pytest.fixture
def run(parallel: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(parallel, tmp_path / "run"))


def tamper(generation: Generation, slot: int, field: str, index: int, value: float) -> None:
    """Change one number of a checkpoint, and make its checksums agree."""
    entries = []
    for entry in generation.entries:
        path = generation.path / entry.name
        if slot in entry.slots:
            with h5py.File(path, "r+") as file:
                file[field][file["slot"][...].tolist().index(slot), index] = value
            entry = replace(entry, size=path.stat().st_size, sha256=sha256_of(path))
        entries.append(entry)
    checkpoint.publish(generation.path.parent, generation.number, generation.about, entries)


def test_a_sound_run_passes_and_nothing_is_written(parallel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = listing(parallel)
    assert main(["verify", str(parallel)]) == 0
    said = capsys.readouterr().out
    assert "OK: 2 rounds of 4 slots and 40 records replayed" in said and "bytes compared, all the same" in said
    assert listing(parallel) == before


def test_a_changed_number_is_found_where_it_is(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = checkpoint.all_sound(run / "checkpoints")[0]
    tamper(newer, 2, "ln_g", 9, 1234.5)
    assert main(["verify", str(run)]) == 1
    assert "DIFFERENT in slot 2, ln_g[9]: stored 1234.5, replayed " in capsys.readouterr().out


def test_a_changed_beginning_is_noticed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    older = checkpoint.all_sound(run / "checkpoints")[1]
    tamper(older, 1, "counts", 0, 10**6)  # another place in the stream of random numbers
    assert main(["verify", str(run)]) == 1
    assert "DIFFERENT in slot" in capsys.readouterr().out


def test_changed_records_are_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = checkpoint.all_sound(run / "checkpoints")[0]
    listed = newer.about["segments"]
    path = run / "trajectory" / listed[-1]["name"]
    with h5py.File(path, "r+") as file:
        slot, sweep = int(file["slot"][-1]), int(file["sweep"][-1])
        file["energy"][-1] += 1
    listed[-1] |= {"size": path.stat().st_size, "sha256": sha256_of(path)}
    checkpoint.publish(newer.path.parent, newer.number, newer.about, newer.entries)
    assert main(["verify", str(run)]) == 1
    assert f"DIFFERENT in trajectory, slot {slot}, sweep {sweep}, energy[" in capsys.readouterr().out


def test_changed_counts_are_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer = checkpoint.all_sound(run / "checkpoints")[0]
    listed = newer.about["segments"]
    path = run / "trajectory" / listed[-1]["name"]
    with h5py.File(path, "r+") as file:
        stored = int(file["transitions/count"][0]) + 1
        file["transitions/count"][0] = stored
    listed[-1] |= {"size": path.stat().st_size, "sha256": sha256_of(path)}
    checkpoint.publish(newer.path.parent, newer.number, newer.about, newer.entries)
    assert main(["verify", str(run)]) == 1
    assert "DIFFERENT in counts of proposals, count[" in capsys.readouterr().out


def test_one_checkpoint_is_too_few(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(checkpoint.all_sound(run / "checkpoints")[1].path)
    assert main(["verify", str(run)]) == 1
    assert "only one sound checkpoint" in capsys.readouterr().err


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err


def test_from_phase_to_phase(all_kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of neighbours among all checkpoints of the run: within a phase and from one to the next."""
    sound = checkpoint.all_sound(all_kept / "checkpoints")[::-1]
    phases = [generation.about["phase"] for generation in sound]
    pairs = {(phases[k], phases[k + 1]): k for k in range(len(phases) - 1)}
    assert set(pairs) == {
        (a, b) for a, b in [("search",) * 2, ("search", "learn"), ("learn",) * 2, ("learn", "produce"), ("produce",) * 2]
    }
    for number, k in enumerate(pairs.values()):
        run = Path(shutil.copytree(all_kept, tmp_path / str(number)))
        for generation in sound[:k] + sound[k + 2 :]:
            shutil.rmtree(run / "checkpoints" / generation.path.name)
        assert main(["verify", str(run)]) == 0
        assert "OK: " in capsys.readouterr().out


def test_far_apart_in_one_go(all_kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the first checkpoint, in the search, to the last one, at the end of production."""
    run = Path(shutil.copytree(all_kept, tmp_path / "run"))
    for generation in checkpoint.all_sound(run / "checkpoints")[1:-1]:
        shutil.rmtree(generation.path)
    assert main(["verify", str(run)]) == 0
    assert "and 240 records replayed" in capsys.readouterr().out

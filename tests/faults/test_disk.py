"""Disks that are full, read-only or gone, and files with a wrong byte: an error that names the file, or the right numbers.

After each failure the cause is removed, and the run goes on to the bits of one that was never disturbed: nothing is destroyed.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from faults.harness import Data, checkpoints_of, different, final_data, job_of, start, write_job
from parallel_landscape.cli import main
from parallel_landscape.driver import boundary
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.errors import RunError

pytestmark = pytest.mark.faults
LONG = pytest.mark.long

SMALL = job_of(
    ensemble={"ln_f_final": 1e-3},
    exchange={"windows": [[0, 12], [6, 20]], "walkers_per_window": 1, "search_sweeps": 20_000},
    production={"rounds": 200},
    run={"checkpoint_rounds": 20},
)


@dataclass
class Said:
    """Exit code and output of a command carried out in this process."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_pland(capfd: pytest.CaptureFixture[str]) -> Any:
    """Function (arguments) -> Said; no traceback is ever said."""

    def carry_out(*arguments: object) -> Said:
        capfd.readouterr()
        with handlers_kept():
            code = main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        assert "Traceback" not in said.err and "should not happen" not in said.err, said.err
        return Said(code, said.out, said.err)

    return carry_out


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """The data of the undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with handlers_kept():
        assert main(["run", str(write_job(folder, SMALL)), "-n", "1", "--quiet"]) == 0
    return final_data(folder / "runs" / "run")


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped during production, with every kind of file in its folder, as if it had been killed."""
    folder = tmp_path_factory.mktemp("half")
    run = folder / "runs" / "run"
    write_job(folder, SMALL)
    produced = 0

    def stop_in_production(campaign: Any, phase: Any) -> bool:
        nonlocal produced
        produced += type(phase).__name__ == "Production"
        if produced == 110:
            campaign.stop.signal = "SIGTERM"
        return goes_on(campaign, phase)

    from parallel_landscape.driver import rounds

    goes_on = boundary.goes_on
    with pytest.MonkeyPatch.context() as patch, handlers_kept():
        patch.setattr(boundary, "REPORT_SECONDS", 0.05)
        patch.setattr(rounds, "goes_on", stop_in_production)
        assert main(["run", str(folder / "job.toml"), "-n", "1", "--quiet"]) == 3
    (run / "alive.json").write_text(json.dumps({"host": os.uname().nodename, "pid": 2**22 - 1, "ranks": 1}))
    return run


def files_of(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())


KINDS = (
    "submitted.toml", "job.toml", "origin.json", "provenance.json", "checksums.json", "result.nc", "progress.jsonl",
    "alive.json", "manifest old", "manifest new", "rank file old", "rank file new", "segment first", "segment last",
    "trajectory/frozen.h5", "trajectory/checksums.json",
)  # fmt: skip


def file_of(run: Path, kind: str) -> Path:
    """The file of a kind in a run folder."""
    what, _, which = kind.rpartition(" ")
    generations = sorted(path for path in (run / "checkpoints").iterdir() if path.name.isdigit())
    assert len(generations) == 2
    if what == "segment":
        return sorted((run / "trajectory").glob("leg-*.h5"))[0 if which == "first" else -1]
    if what:
        name = {"manifest": "manifest.json", "rank file": "rank-00000.h5"}[what]
        return generations[0 if which == "old" else 1] / name
    return run / kind


def test_every_file_of_a_run_is_tampered_with(half_done: Path) -> None:
    named = {file_of(half_done, kind).relative_to(half_done).parts[0] for kind in KINDS}
    assert named == {name.split("/")[0] for name in files_of(half_done)}


def spoil(path: Path, rng: random.Random) -> bytes:
    """Change one bit of one byte; returns what was there."""
    before = path.read_bytes()
    spoilt = bytearray(before)
    spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
    path.write_bytes(spoilt)
    return before


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 8))])
@pytest.mark.parametrize("kind", KINDS)
def test_one_wrong_bit(kind: str, seed: int, half_done: Path, expected: Data, tmp_path: Path, run_pland: Any) -> None:
    run = shutil.copytree(half_done, tmp_path / "run")
    path = file_of(run, kind)
    before = spoil(path, random.Random(f"{kind} {seed}"))
    for arguments in (["status", run], ["status", run, "--json"]):
        said = run_pland(*arguments)
        assert said.code == 0 or path.name in said.err
        if arguments[-1] == "--json" and said.code == 0:
            json.loads(said.out, parse_constant=pytest.fail)
    said = run_pland("resume", run, "-n", 1, "--quiet")
    if said.code != 0:
        assert said.code in (1, 2) and path.name in said.err
        path.write_bytes(before)
        said = run_pland("resume", run, "-n", 1, "--quiet")
        assert said.code == 0 and "warning" not in said.err
    elif said.err:
        assert str(path) in said.err and "warning" in said.err
    try:
        found = final_data(run)
    except RunError as error:  # records were lost, and the reader says which
        assert kind == "segment first" and str(path) in str(error)
        path.write_bytes(before)
        found = final_data(run)
    assert different(expected, found) == []


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("submitted.toml", 1, "does not match its checksum: it was damaged, or edited; put it back as it was"),
        ("checksums.json", 1, "put it back from a copy, or remove it"),
        ("manifest new", 0, "going on from checkpoint"),
        ("rank file new", 0, "going on from checkpoint"),
        ("segment last", 0, "going on from checkpoint"),
        ("segment first", 0, "records are damaged; put the file back from a copy"),
        ("rank file old", 0, "going on from checkpoint"),
        ("result.nc", 0, ""),
    ],
)
def test_what_is_said_about_a_damaged_file(
    kind: str, code: int, words: str, half_done: Path, tmp_path: Path, run_pland: Any
) -> None:
    run = shutil.copytree(half_done, tmp_path / "run")
    path = file_of(run, kind)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    if kind == "result.nc":
        (run / "alive.json").unlink()  # with it, the run may be about to write another result
        said = run_pland("status", run)
        assert said.code == 1 and str(path) in said.err and "pland resume" in said.err
    said = run_pland("resume", run, "-n", 1, "--quiet")
    assert said.code == code and words in said.err
    assert (str(path) in said.err) == bool(words) and not said.err.count("Traceback")


@pytest.mark.parametrize("kind", ["manifest.json", "rank-00000.h5"])
def test_no_sound_checkpoint_is_an_error_and_nothing_is_removed(
    kind: str, half_done: Path, tmp_path: Path, run_pland: Any
) -> None:
    run = shutil.copytree(half_done, tmp_path / "run")
    spoilt = sorted((run / "checkpoints").glob(f"*/{kind}"))
    for path in spoilt:
        spoil(path, random.Random(1))
    before = files_of(run)
    said = run_pland("resume", run, "-n", 1)
    assert said.code == 1 and all(str(path) in said.err for path in spoilt) and "start a new run" in said.err
    assert files_of(run) == before


def test_damaged_generations_are_kept_aside_and_two_sound_ones_remain(
    half_done: Path, expected: Data, tmp_path: Path, run_pland: Any
) -> None:
    run = shutil.copytree(half_done, tmp_path / "run")
    path = file_of(run, "rank file new")
    spoil(path, random.Random(1))
    assert run_pland("resume", run, "-n", 1, "--quiet").code == 0
    assert (run / "checkpoints" / f"{path.parent.name}.1" / path.name).exists()
    spoil(file_of(run, "rank file new"), random.Random(2))
    assert run_pland("resume", run, "-n", 1, "--quiet").code == 0
    assert different(expected, final_data(run)) == []


def test_missing_files(half_done: Path, expected: Data, tmp_path: Path, run_pland: Any) -> None:
    """Without most of its files a run goes on; where records are missing it says so."""
    for kind in KINDS:
        run = shutil.copytree(half_done, tmp_path / kind.replace(" ", "-"))
        path = file_of(run, kind)
        path.unlink()
        said = run_pland("resume", run, "-n", 1, "--quiet")
        if kind == "submitted.toml":
            assert said.code == 2 and path.name in said.err
        else:
            assert said.code == 0, said.err
            if kind == "segment first":
                assert f"{path} is missing" in said.err
            else:
                assert different(expected, final_data(run)) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 10, 20])
def test_a_disk_that_fills_up(
    number: int, expected: Data, tmp_path: Path, run_pland: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `number`-th file that is written finds no room: half of it is written, then ENOSPC."""
    write = Path.write_bytes
    count = 0

    def full(path: Path, content: bytes) -> int:
        nonlocal count
        count += 1
        if count >= number:
            write(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return write(path, content)

    job, run = write_job(tmp_path, SMALL), tmp_path / "runs" / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        said = run_pland("run", job, "-n", 1, "--quiet")
    assert said.code == 1 and "No space left on device; make room" in said.err and f"cannot write {run}" in said.err
    assert not list(run.rglob("*.tmp"))
    assert run_pland("status", run).code == 0
    assert run_pland("resume", run, "-n", 1, "--quiet").code == 0
    assert different(expected, final_data(run)) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 400 kB of room."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=LONG)])
def test_a_full_disk(ranks: int, small_disk: Path, expected: Data) -> None:
    write_job(small_disk, SMALL)
    (small_disk / "ballast").write_bytes(bytes(2**18))
    code, said = start("run", small_disk / "job.toml", ranks=ranks).ended()
    assert code == 1 and "No space left on device; make room" in said and "Traceback" not in said
    assert said.count("pland: ") == 1
    run = small_disk / "runs" / "run"
    arguments = ["resume", run] if run.exists() else ["run", small_disk / "job.toml"]
    assert start(*arguments, ranks=ranks).ended()[0] == 1  # still full
    (small_disk / "ballast").unlink()
    remount(small_disk, "size=20m")
    code, said = start(*arguments, ranks=ranks).ended()
    assert code == 0, said
    assert different(expected, final_data(run)) == []


@pytest.mark.mpi
def test_a_disk_that_becomes_read_only(small_disk: Path, expected: Data, run_pland: Any) -> None:
    remount(small_disk, "size=20m")
    write_job(small_disk, job_of(**{**SMALL, "production": {"rounds": 2000}}))
    run = small_disk / "runs" / "run"
    under = start("run", small_disk / "job.toml", ranks=2)
    under.wait_for(lambda: (run / "trajectory").exists())
    remount_read_only(small_disk)
    code, said = under.ended()
    assert code == 1 and "Read-only file system" in said and f"cannot write {run}" in said and "Traceback" not in said
    assert run_pland("status", run).code == 0
    said_again = run_pland("resume", run, "-n", 1)
    assert said_again.code == 1 and "Read-only file system" in said_again.err and str(run) in said_again.err
    remount(small_disk, "rw")
    assert start("resume", run, ranks=1).ended()[0] == 0
    assert "result ln_g" not in different(expected, final_data(run))


def remount_read_only(folder: Path) -> None:
    """Between two writes: a file system with a file open for writing is busy."""
    for _ in range(2000):
        if subprocess.run(["mount", "-o", "remount,ro", str(folder)], capture_output=True).returncode == 0:
            return
        time.sleep(0.002)
    pytest.fail("the file system is always busy")


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_folder_that_vanishes(ranks: int, expected: Data, tmp_path: Path) -> None:
    job, run = write_job(tmp_path, SMALL | {"production": SMALL["production"] | {"rounds": 20_000}}), tmp_path / "runs" / "run"
    under = start("run", job, ranks=ranks)
    under.wait_for(lambda: checkpoints_of(run) >= 2)
    run.rename(tmp_path / "elsewhere")
    code, said = under.ended()
    assert code == 1 and "the run folder has been moved or removed" in said and str(run) in said and "Traceback" not in said
    assert not run.exists()
    (tmp_path / "elsewhere").rename(run)
    under = start("resume", run, ranks=ranks)
    earlier = checkpoints_of(run)
    under.wait_for(lambda: checkpoints_of(run) > earlier)
    gone = run.rename(tmp_path / "gone")
    code, said = under.ended()
    assert code == 1 and str(run) in said and "Traceback" not in said
    shutil.rmtree(gone)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("emptied", "ranks"),
    [("all", 2), ("trajectory", 1), pytest.param("trajectory", 2, marks=LONG), pytest.param("submitted.toml", 1, marks=LONG)],
)
def test_a_run_folder_that_is_emptied(emptied: str, ranks: int, tmp_path: Path) -> None:
    """The folder itself stays, so that everything can still be written: the run must not end as if nothing were missing."""
    job, run = write_job(tmp_path, SMALL | {"production": SMALL["production"] | {"rounds": 20_000}}), tmp_path / "runs" / "run"
    under = start("run", job, ranks=ranks)
    under.wait_for(lambda: len(list(run.glob("trajectory/*.h5"))) >= 2)
    (tmp_path / "aside").mkdir()
    for path in list(run.iterdir()) if emptied == "all" else [run / emptied]:
        path.rename(tmp_path / "aside" / path.name)
    code, said = under.ended()
    assert code == 1 and f"{run}/" in said and "Traceback" not in said

"""`pland doctor`: every check says ok on this machine, and finds what is put wrong for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parallel_landscape.cli import main
from parallel_landscape.doctor import processes, software, storage
from parallel_landscape.doctor.examine import CHECKS, IN_FOLDER, examine, findings, lines
from parallel_landscape.doctor.finding import Finding, fault, ok, warning
from parallel_landscape.driver.launch import mpiexec
from parallel_landscape.exchange.comm import Serial

PLAND = [sys.executable, "-m", "parallel_landscape"]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.mpi
def test_this_machine_has_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(tmp_path), "--json"]) == 0
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(found) == list(CHECKS) and all(row["grade"] in ("ok", "warning") for row in found.values())
    assert "2 ranks" in found["MPI world"]["text"] and found["kernel"]["grade"] == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.mpi
def test_under_a_launcher_it_looks_at_those_ranks() -> None:
    done = subprocess.run([mpiexec(), "-n", "2", *PLAND, "doctor"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the launcher's 2 ranks see one world") == 1


@pytest.mark.mpi
def test_a_launcher_of_another_mpi_is_a_fault() -> None:
    environment = {**os.environ, "PMI_SIZE": "4", "PMI_RANK": "1"}
    done = subprocess.run([*PLAND, "doctor", "--json"], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    (world,) = [row for row in json.loads(done.stdout) if row["check"] == "MPI world"]
    assert world["grade"] == "fault" and "started 4 processes, and this one sees 1" in world["text"]


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(processes, "one_world", lambda comm: ok("not tried here"))
    assert examine(Path("/proc")) == 1
    said = capsys.readouterr().out
    assert "fault    folder" in said and "-> choose another folder" in said
    assert not any(f" {name} " in said for name in IN_FOLDER)


def test_a_check_that_fails_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "one_world", lambda comm: 1 / 0)
    found = findings(tmp_path, Serial())
    assert found["MPI world"].grade == "fault" and "ZeroDivisionError" in found["MPI world"].text
    assert len([line for line in lines(found) if "->" in line]) == len([f for f in found.values() if f.remedy])


@pytest.mark.parametrize(
    ("code", "output", "words"),
    [
        (0, '{"rank": 0, "size": 1, "library": "A"}\n{"rank": 0, "size": 1, "library": "A"}\n', "each sees only itself"),
        (1, "", "cannot start 2 ranks (exit code 1): boom"),
        (0, '{"rank": 0, "size": 2, "library": "A"}', "cannot start 2 ranks"),
        (0, '{"rank": 0, "size": 2, "library": "A"}{"rank": 1, "size": 2, "library": "A"}\n\n', "see one world; A"),
    ],
)
def test_what_started_ranks_say_is_judged(code: int, output: str, words: str) -> None:
    found = processes.judge_world("mpiexec", code, output, "boom")
    assert words in found.text and (found.grade == "ok") == ("one world" in words)


def test_two_mpi_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.mpi_wheels().grade == "ok"
    monkeypatch.setattr(processes, "version", lambda name: "5.0")
    assert processes.mpi_wheels().grade == "fault" and "pip uninstall" in processes.mpi_wheels().remedy


def test_more_ranks_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.oversubscription(Serial()).grade == "ok"
    monkeypatch.setenv("MPI_LOCALNRANKS", "1000")
    assert processes.oversubscription(Serial()).grade == "warning"
    monkeypatch.setenv("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")
    assert processes.oversubscription(Serial()).grade == "ok"


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.threads().grade == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert processes.threads().grade == "warning" and "OMP_NUM_THREADS=8" in processes.threads().text
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert processes.threads().grade == "ok"


def test_switches_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes.jit_switches().grade == "ok"
    monkeypatch.setenv("NUMBA_OPT", "0")
    assert processes.jit_switches().grade == "warning"
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert processes.jit_switches().grade == "fault"


def test_file_systems_are_told_apart(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"none / ext4 rw\nserver:/home {tmp_path} nfs4 rw\nnone {tmp_path}/fast tmpfs rw\n")
    (tmp_path / "fast").mkdir()
    (tmp_path / "faster").mkdir()
    kinds = [storage.file_system(place, str(mounts)) for place in (tmp_path / "fast", tmp_path / "faster", Path("/usr"))]
    assert kinds == ["tmpfs", "nfs4", "ext4"] and [storage.is_network(kind) for kind in kinds] == [False, True, False]
    assert storage.file_system(tmp_path, str(tmp_path / "absent")) == ""


def test_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "LITTLE_SPACE", 2**62)
    assert storage.writable(tmp_path).grade == "warning"


def test_a_clock_that_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.clock(tmp_path).grade == "ok"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0)
    assert storage.clock(tmp_path).grade == "warning" and "+3600 s" in storage.clock(tmp_path).text
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert storage.clock(tmp_path).grade == "fault"


def test_locks_that_nobody_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.file_locks(tmp_path).grade == "ok"
    monkeypatch.setattr(storage, "_LOCK", "")
    assert storage.file_locks(tmp_path).grade == "warning"


def test_a_slow_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage.rename_and_fsync(tmp_path).grade in ("ok", "warning")
    monkeypatch.setattr(storage, "SLOW_SECONDS", 0.0)
    assert storage.rename_and_fsync(tmp_path).grade == "warning"


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLAND_CACHE_DIR", str(tmp_path / "file"))
    assert software.cache_place().grade == "fault" and "PLAND_CACHE_DIR" in software.cache_place().remedy
    monkeypatch.setenv("PLAND_CACHE_DIR", str(tmp_path / "fine"))
    assert software.cache_place().grade == "ok"
    monkeypatch.setattr(software, "is_network", lambda kind: True)
    assert software.cache_place().grade == "warning"


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert software.slurm() == ok("not installed here")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert software.slurm().grade == "fault"
    script(tmp_path, "sbatch", "echo slurm 22.05.8")
    assert software.slurm().grade == "warning" and "22.05.8" in software.slurm().text
    for name in ("srun", "scontrol"):
        script(tmp_path, name, "exit 1")
    assert software.slurm() == ok("slurm 22.05.8, inside job 7")
    monkeypatch.delenv("SLURM_JOB_ID")
    assert "controller does not answer" in software.slurm().text
    script(tmp_path, "scontrol", "exit 0")
    assert software.slurm() == ok("slurm 22.05.8, not inside a job")


def test_findings_carry_what_to_do() -> None:
    assert fault("a", "b") == Finding("fault", "a", "b") and warning("a", "b").remedy == "b" and not ok("a").remedy

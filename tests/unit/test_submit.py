"""`pland submit` without SLURM: the batch script, and every wrong request against a cluster file; tests/slurm has the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from parallel_landscape.cli import main
from parallel_landscape.driver.walltime import read_time, show_time
from parallel_landscape.planning import plan
from parallel_landscape.slurm import chain
from parallel_landscape.slurm.cluster import OURS, Cluster, load_cluster
from parallel_landscape.store.run_folder import RunFolder

JOB = """
name = "small"
seed = 1
[landscape]
model = "ising-2d"
length = 4
[ensemble]
ln_f_final = 1e-3
[exchange]
windows = 2
walkers_per_window = 2
[slurm]
cluster = "ours"
time = "01:00:00"
"""
CLUSTER = """
modules = ["mpi/1"]
setup = ["ulimit -c 0"]
environment = {WORDS = "two words"}
account_required = true
default_partition = "main"
[partitions.main]
time = "02:00:00"
nodes = 2
cores = 3
memory = "4GiB"
[partitions.old]
up = false
"""


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job file with a cluster file beside it, on a machine without SLURM."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(plan, "CALIBRATION_SECONDS", 0.01)
    (tmp_path / "slurm" / "clusters").mkdir(parents=True)
    (tmp_path / "slurm" / "clusters" / "ours.toml").write_text(CLUSTER)
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def script(job: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    code = main(["submit", str(job), "--dry-run", "--account", "me", *flags])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert not (job.parent / "runs").exists()
    return said.out


def refusal(job: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert main(["submit", str(job), "--dry-run", *flags]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err and not (job.parent / "runs").exists()
    return said.err


def test_the_script(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = script(job, capsys)
    for line in (
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks=4",
        "#SBATCH --time=01:00:00",
        "#SBATCH --partition=main",
        "#SBATCH --account=me",
        "#SBATCH --signal=B:USR1@180",
        "#SBATCH --requeue",
        "module load mpi/1",
        "ulimit -c 0",
        "export WORDS='two words'",
    ):
        assert line in shown.splitlines(), line
    assert "srun --mpi=pmi2 --kill-on-bad-exit=1" in shown
    assert shown.index("#SBATCH") < shown.index("module load") < shown.index("exec ")


def test_flags_come_before_the_job_and_the_job_before_the_cluster(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = script(job, capsys, "--time", "90", "--ntasks", "2", "--nodes", "1", "--option=--nice", "--chain", "dependent")
    for line in ("--time=01:30:00", "--ntasks=2", "--nodes=1", "--nice", "--no-requeue"):
        assert f"#SBATCH {line}" in shown.splitlines(), line


def test_a_template_of_ones_own(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = job.parent / "slurm" / "batch.sh.j2"
    template.write_text("#!/bin/sh\n# {{ name }} on {{ request.ntasks }}\n")
    assert script(job, capsys) == "#!/bin/sh\n# small on 4\n"
    template.write_text("{{ nmae }}")
    assert "cannot be used: 'nmae' is undefined" in refusal(job, capsys, "--account", "me")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--partition", "mian"], "partition: given 'mian', which this cluster does not have; did you mean 'main'?"),
        (["--partition", "old"], "partition: 'old' takes no jobs"),
        (["--time", "03:00:00"], "time: given 03:00:00; partition 'main' allows at most 02:00:00"),
        (["--time", "2"], "time: given 00:02:00; at least 00:03:00 is needed"),
        (["--time", "soon"], "a time limit is needed"),
        (["--nodes", "3"], "nodes: 3 are asked for; a job in partition 'main' may have at most 2"),
        (["--nodes", "2", "--ntasks", "1"], "nodes: 2 nodes for 1 tasks"),
        (["--nodes", "1", "--ntasks", "4"], "ntasks: 4 on 1 nodes are 4 a node; those of partition 'main' have 3 cores"),
        (["--ntasks", "5"], "ntasks: 5 tasks for 4 slots"),
        (["--ntasks", "0"], "ntasks: given 0"),
        (["--memory-per-task", "3GiB"], "nodes of partition 'main' have 4 GiB"),
        (["--memory-per-task", "much"], "a size is needed"),
        (["--signal-seconds", "3000"], "leave no time to run"),
        (["--cluster", "oars"], "cluster 'oars': there is no such cluster file; did you mean 'ours'?"),
        (["--cluster", "none.toml"], "cluster file none.toml does not exist"),
    ],
)
def test_wrong_requests(flags: list[str], words: str, job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(job, capsys, "--account", "me", *flags)
    assert words in said and "1 mistake:" in said


def test_all_mistakes_at_once(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(job, capsys, "--time", "03:00:00", "--nodes", "3")
    assert "3 mistakes" in said and "account: a job must name one here" in said


def test_a_job_that_no_chain_could_finish(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job.write_text(JOB.replace("1e-3", "1e-12"))
    assert "1 links of 00:10:00 are far too few" in refusal(job, capsys, "--account", "me", "--time", "10", "--links", "1")


def test_no_sbatch_on_this_machine(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", str(job), "--account", "me"]) == 2
    assert "there is no sbatch on this machine" in capsys.readouterr().err
    assert not (job.parent / "runs").exists()


def test_a_section_that_is_wrong(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job.write_text(JOB + "partitoin = 3\n")
    assert main(["check", str(job)]) == 2
    assert "[slurm] partitoin: unknown key; did you mean 'partition'" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(OURS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_clusters_that_come_along(path: Path, tmp_path: Path) -> None:
    assert isinstance(load_cluster(path.stem, tmp_path), Cluster)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("90", 90), ("04:00:00", 240), ("30:00", 30), ("2-12", 3600), ("2-00:30", 2910), ("1:30:30", 91), ("00:00:01", 1)],
)
def test_time_limits(text: str, minutes: int) -> None:
    assert read_time(text) == minutes and read_time(show_time(minutes)) == minutes


@pytest.mark.parametrize("text", ["", "0", "x", "-3", "1:2:3:4", "infinite"])
def test_what_is_no_time_limit(text: str) -> None:
    with pytest.raises(ValueError, match="time limit"):
        read_time(text)


def began(*marks: Any) -> list[chain.Event]:
    return [{"event": "began", "job": "1", "mark": mark} for mark in marks]


def test_when_a_chain_stops() -> None:
    learn, further = ["learn", 10, None], ["learn", 20, None]
    assert chain.reason_to_stop([], 9, []) is None and chain.reason_to_stop(began([]), 9, []) is None
    assert "no progress" in str(chain.reason_to_stop(began([], []), 9, []))
    assert chain.reason_to_stop(began([], []), 9, learn) is None
    assert chain.reason_to_stop(began(learn, further), 9, further) is None
    assert "no progress" in str(chain.reason_to_stop(began(learn, further, further), 9, further))
    assert "3 links were made" in str(chain.reason_to_stop(began([], learn, further), 3, ["learn", 30, None]))


def test_a_chain_begins_anew_when_a_person_submits(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.slurm.mkdir()
    assert chain.summary(folder) is None
    for job in ("1", "2"):
        chain.record(folder, "submitted", job=job, most=5)
        chain.record(folder, "began", job=job, restart=0, mark=[], where="n1")
    with (folder.slurm / "chain.jsonl").open("a") as file:
        file.write('{"event": "ended", "half')  # a link was killed while it wrote
    told = chain.summary(folder)
    assert told is not None and told["jobs"] == ["2"] and told["links"] == 1 and told["open"] and told["most"] == 5
    assert os.listdir(folder.slurm) == ["chain.jsonl"]


def test_a_link_that_begins_before_its_submission_is_recorded_counts(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.slurm.mkdir()
    chain.record(folder, "submitted", job="1", most=5)
    chain.record(folder, "began", job="1", restart=0, mark=[], where="n1")
    chain.record(folder, "began", job="2", restart=0, mark=[], where="n1")
    chain.record(folder, "submitted", job="2", most=5)
    chain.record(folder, "ended", job="2", code=1, mark=[], then="requeue", why="", outside=False)
    found = chain.events(folder)
    assert [event["event"] for event in found] == ["submitted", "began", "ended"]
    assert {event["job"] for event in found} == {"2"}


def test_links_that_were_preempted_do_not_count_as_failed() -> None:
    preempted = [*began([]), {"event": "ended", "job": "1", "outside": True}]
    assert chain.reason_to_stop([*preempted, *preempted, *preempted, *began([])], 9, []) is None
    assert "no progress" in str(chain.reason_to_stop([*preempted, *began([], [])], 9, []))
    assert "4 links were made" in str(chain.reason_to_stop([*preempted, *preempted, *preempted, *began([])], 4, []))


def test_status_asks_slurm_for_a_link_that_has_left_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.slurm.mkdir()
    chain.record(folder, "submitted", job="1", most=5)
    chain.record(folder, "began", job="1", restart=0, mark=[], where="n1", next=None)
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin")
    for name in ("sbatch", "scontrol"):
        (tools / name).write_text("#!/bin/sh\ncat ${0%/*}/said; exit $(cat ${0%/*}/code)\n")
        (tools / name).chmod(0o755)
    for said, code, lost in (
        ("JobId=1 JobState=RUNNING Reason=None", 0, ""),
        ("JobId=1 JobState=OUT_OF_MEMORY Reason=OutOfMemory", 0, "job 1 has left the queue (OUT_OF_MEMORY)"),
        ("slurm_load_jobs error: Invalid job id specified", 1, "job 1 has left the queue (unknown)"),
        ("slurm_load_jobs error: Unable to contact slurm controller", 1, ""),
    ):
        (tools / "said").write_text(said)
        (tools / "code").write_text(str(code))
        told = chain.summary(folder, ask=True)
        assert told is not None and told["lost"] is bool(lost) and told["open"] is not told["lost"]
        assert told["last"].startswith(lost or "job 1 runs on n1") and (not lost or "submit the job file again" in told["last"])
    quiet = chain.summary(folder)
    assert quiet is not None and quiet["open"]

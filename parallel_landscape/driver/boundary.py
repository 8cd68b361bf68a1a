"""Between two rounds: all ranks agree on what comes next, report, and make checkpoints."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np

from parallel_landscape.courses.catalogue import course_of
from parallel_landscape.courses.coupled_course import CoupledProduction
from parallel_landscape.courses.phase import Phase
from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.driver.provenance import version
from parallel_landscape.driver.walltime import slurm_end
from parallel_landscape.errors import Stopped
from parallel_landscape.phases.couple import Coupling
from parallel_landscape.phases.couple_thermal import CoupledPilot, CoupledThermal, CoupledThermalProduction
from parallel_landscape.phases.equilibrate import Equilibration, Pilot
from parallel_landscape.phases.learn import Learning
from parallel_landscape.phases.learn_flat import FlatLearning
from parallel_landscape.phases.learn_joint import JointLearning
from parallel_landscape.phases.produce import Production
from parallel_landscape.phases.produce_flat import FlatProduction
from parallel_landscape.phases.search import Search
from parallel_landscape.phases.thermal import Thermal, ThermalPilot
from parallel_landscape.phases.thermal_production import ThermalProduction
from parallel_landscape.store import checkpoint
from parallel_landscape.store.files import remove, still_there

UNFINISHED, REPORT, SAVE, OUT_OF_TIME, ASKED = 1, 2, 4, 8, 16  # what a rank may ask for; everybody hears all
PHASES: dict[type, str] = {
    Search: "search",
    Learning: "learn",
    JointLearning: "learn",
    FlatLearning: "learn",
    Pilot: "pilot",
    Equilibration: "equilibrate",
    Coupling: "equilibrate",
    Production: "produce",
    CoupledProduction: "produce",
    ThermalPilot: "pilot",
    Thermal: "equilibrate",
    ThermalProduction: "produce",
    FlatProduction: "produce",
    CoupledPilot: "pilot",
    CoupledThermal: "equilibrate",
    CoupledThermalProduction: "produce",
}
REPORT_SECONDS = 5.0
MARGIN_SECONDS = 60.0  # before SLURM's end, with time to write


def goes_on(campaign: Campaign, phase: Phase) -> bool:
    """Whether there is another round in this phase; reports and saves when due.

    Raises Stopped on every rank, the checkpoint written, when somebody asked to stop or time is up.
    """
    flags = campaign.comm.flags(_wishes(campaign, phase))
    goes = bool(flags & UNFINISHED)
    if flags & REPORT:
        report(campaign, phase)
    if goes and flags & (OUT_OF_TIME | ASKED):
        campaign.stopped = "asked to" if flags & ASKED else "walltime"
        save(campaign, phase)
        if campaign.comm.rank == 0:
            remove(campaign.folder.alive)
        campaign.progress.close()
        raise Stopped(f"stopped ({campaign.stopped}), nothing is lost; go on with: pland resume {campaign.folder.path}")
    rounds = campaign.job.run.checkpoint_rounds
    if goes and (flags & SAVE or (rounds is not None and phase.rounds % rounds == 0 and phase.rounds > 0)):
        save(campaign, phase)
    return goes


def _wishes(campaign: Campaign, phase: Phase) -> int:
    flags = UNFINISHED if phase.unfinished(campaign.slots) else 0
    flags |= ASKED if campaign.stop else 0
    if campaign.comm.rank == 0:
        now = time.monotonic()
        run = campaign.job.run
        ahead = now - campaign.looked + 2.0 * campaign.saving_seconds  # another round like the last, and time to write
        campaign.looked = now
        if run.walltime_minutes is not None and now + ahead > campaign.started + 60.0 * run.walltime_minutes:
            flags |= OUT_OF_TIME
        if time.time() + ahead > slurm_end() - MARGIN_SECONDS:
            flags |= OUT_OF_TIME
        if campaign.progress.due or now - campaign.reported > REPORT_SECONDS:
            flags |= REPORT
        if now - campaign.saved > 60.0 * run.checkpoint_minutes:
            flags |= SAVE
    return flags


def report(campaign: Campaign, phase: Phase) -> None:
    """Collect the state of the phase on rank 0, append it to the progress file and show it."""
    line: dict[str, Any] = {
        "phase": PHASES[type(phase)],
        "time": time.time(),
        "round": phase.rounds,
        "most_rounds": phase.most_rounds,
        "ranks": campaign.comm.size,
    }
    line |= course_of(campaign.job).line(campaign, phase)
    if isinstance(phase, Production):
        line |= {"produced": [phase.rounds, phase.most_rounds]}
    if campaign.comm.rank != 0:
        return
    now = time.monotonic()
    line |= {"seconds": campaign.seconds, "checkpoint_seconds": campaign.saving_seconds}
    campaign.folder.report(_without_nan(line))
    if campaign.progress.due:
        campaign.progress.show(line)
    campaign.reported = now


def _without_nan(value: Any) -> Any:
    """NaN as null: JSON has none."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def save(campaign: Campaign, phase: Phase) -> None:
    """Write a generation of checkpoints, after a check that no energy has drifted."""
    started = time.monotonic()
    comm, folder = campaign.comm, campaign.folder.checkpoints
    for slot in campaign.slots.values():
        campaign.sampler.check_drift(slot)
    recorder = None
    if isinstance(phase, Production):
        recorder = phase.recorder
        recorder.forget()
        phase.cut()
    written = recorder.segments if recorder is not None else []
    still_there([campaign.folder.submitted, *(campaign.folder.trajectory / segment.name for segment in written)])
    segments = [segment.plain() for segment in written]
    number = int(comm.broadcast(checkpoint.next_number(folder) if comm.rank == 0 else 0))
    entry = checkpoint.write_rank_file(folder, number, comm.rank, {n: phase.arrays(slot) for n, slot in campaign.slots.items()})
    mine = {"name": entry.name, "size": entry.size, "sha256": entry.sha256, "slots": entry.slots, "segments": segments}
    rows = comm.gather({comm.rank: np.frombuffer(json.dumps(mine).encode(), np.uint8)})
    if rows is not None:
        ranks = [json.loads(row.tobytes()) for row in rows.values()]
        recorded = [*campaign.inherited, *(segment for rank in ranks for segment in rank.pop("segments"))]
        entries = [checkpoint.Entry(**{**rank, "slots": tuple(rank["slots"])}) for rank in ranks]
        took = time.monotonic() - started
        checkpoint.publish(folder, number, {**_about(campaign, phase), "segments": recorded, "saving_seconds": took}, entries)
    campaign.saved = time.monotonic()
    campaign.saving_seconds = campaign.saved - started


def _about(campaign: Campaign, phase: Phase) -> dict[str, Any]:
    """What a resumed run has to know, and has to agree with."""
    return {
        "phase": PHASES[type(phase)],
        "leg": campaign.leg,
        "state": phase.about(),
        "known": np.flatnonzero(campaign.known).tolist(),
        "seconds": campaign.seconds,
        "time": time.time(),
        "job": campaign.job.fingerprint(),
        "kernels": campaign.kernels,
        "numba": version("numba"),
        "code_changed": campaign.code_changed,
        "data": campaign.data_digest,
        "version": version(),
        "ranks": campaign.comm.size,
    }

"""Replay a run from its older checkpoint to its newer one, in one process, and compare every bit. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.courses.catalogue import course_of
from parallel_landscape.courses.phase import Phase
from parallel_landscape.driver.boundary import PHASES
from parallel_landscape.driver.campaign import Campaign, assemble
from parallel_landscape.driver.restore import Saved, check_same, load_run_job
from parallel_landscape.driver.rounds import phase_from
from parallel_landscape.driver.shared_data import SharedData
from parallel_landscape.driver.stopping import StopRequest
from parallel_landscape.errors import RunError
from parallel_landscape.exchange.comm import Serial
from parallel_landscape.phases.produce import Production
from parallel_landscape.store import checkpoint
from parallel_landscape.store.checkpoint import Generation
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.segments import Columns, Recorder, Segment, read_records, read_transitions
from parallel_landscape.store.transitions import added

_ORDER = list(dict.fromkeys(PHASES.values()))


@dataclass(frozen=True)
class Difference:
    """The first place where stored and replayed bits differ."""

    where: str
    field: str
    index: tuple[int, ...]
    stored: Any
    replayed: Any

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return f"{self.where}, {self.field}{at}: stored {self.stored!r}, replayed {self.replayed!r}"


class Listener(Recorder):
    """Keeps records in memory instead of writing segments."""

    def __init__(self, silenced: Recorder) -> None:
        self._columns, self._filled = silenced._columns, 0
        self._parts: list[Columns] = []
        self.segments = []

    def cut(self, transitions: Columns | None = None) -> None:
        """The buffer is full."""
        self._parts.append({name: column[: self._filled].copy() for name, column in self._columns.items()})
        self._filled = 0

    def records(self) -> Columns:
        """All that was recorded, sorted by slot and time."""
        self.cut()
        columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        order = np.lexsort((columns["sweep"], columns["slot"]))
        return {name: column[order] for name, column in columns.items()}


def verify(path: Path, say: Callable[[str], Any]) -> bool:
    """Whether the newer checkpoint of `path` comes out of the older one again, bit by bit; `say` gets sentences for people.

    Raises RunError when there are no two sound checkpoints, and JobError when job, data or code are no longer those of the run.
    """
    folder = RunFolder(path.resolve())
    job = load_run_job(folder)
    older, newer = _two_generations(folder)
    data = SharedData(job, Serial())
    campaign = assemble(job, Serial(), folder, job.build_landscape(data), data, StopRequest(), quiet=True)
    for generation in (older, newer):
        check_same(campaign, generation)
    try:
        stored, begin = (checkpoint.read_slots(generation, campaign.slots) for generation in (newer, older))
        records, counts = _stored_records(folder, older, newer), _stored_counts(folder, older, newer)
    except OSError as error:
        raise RunError(f"{path} has changed while it was read ({error}); is it still running? Then try again") from None
    say(f"replaying from {_named(older)} to {_named(newer)} in one process; that takes about {_estimate(older, newer):.0f} s")
    campaign.known[older.about["known"]] = True
    phase = phase_from(campaign, Saved(older.about, begin))
    assert phase is not None
    phase, rounds = _replay(campaign, _listened(phase), _position(newer.about))
    replayed = {number: phase.arrays(slot) for number, slot in campaign.slots.items()}
    records, again = _both_records(phase, records, older)
    difference = _progress_differs(campaign, phase, newer) or _slots_differ(stored, replayed) or _records_differ(records, again)
    difference = difference or _counts_differ(counts, phase)
    if difference is not None:
        say(f"DIFFERENT in {difference}")
        say(
            "a checkpoint was changed after it was written, or this machine or its libraries give other bits than the run's did"
        )
        return False
    size = sum(array.nbytes for arrays in (*stored.values(), records, counts) for array in arrays.values())
    held = f" and {len(records['slot']):,} records" if records else ""
    say(f"OK: {rounds} rounds of {len(stored)} slots{held} replayed, {size:,} bytes compared, all the same")
    return True


def _two_generations(folder: RunFolder) -> tuple[Generation, Generation]:
    """The older and the newer of the kept generations."""
    damaged: list[str] = []
    sound = checkpoint.all_sound(folder.checkpoints, damaged)
    if len(sound) < 2:
        found = "only one sound checkpoint" if sound else "no sound checkpoint"
        because = "".join(f"; {sentence}" for sentence in damaged)
        raise RunError(f"{folder.path} has {found}, and two are needed, one to replay from and one to compare with{because}")
    return sound[1], sound[0]


def _named(generation: Generation) -> str:
    phase, rounds = _position(generation.about)
    return f"checkpoint {generation.number} ({_ORDER[phase]}, round {rounds})"


def _estimate(older: Generation, newer: Generation) -> float:
    """Seconds that the ranks took together."""
    return max(0.0, newer.about["seconds"] - older.about["seconds"]) * int(newer.about["ranks"])


def _position(about: Mapping[str, Any]) -> tuple[int, int]:
    """How far a checkpoint is: number of the phase, and its rounds."""
    state = about["state"]
    return _ORDER.index(about["phase"]), int(state.get("produced", state["rounds"]))


def _listened(phase: Phase) -> Phase:
    """The same phase; production tells its records to a listener."""
    if isinstance(phase, Production):
        phase.recorder = Listener(phase.recorder)
    return phase


def _replay(campaign: Campaign, phase: Phase, target: tuple[int, int]) -> tuple[Phase, int]:
    """Go on, round by round, until the target is reached or the run is over; returns the phase then and the rounds made."""
    rounds = 0
    while (_ORDER.index(PHASES[type(phase)]), phase.rounds) < target:
        following = _following(campaign, phase)
        if following is None:
            break
        if following is phase:
            phase.step(campaign.sampler, campaign.slots, campaign.comm)
            rounds += 1
        phase = following
    return phase, rounds


def _following(campaign: Campaign, phase: Phase) -> Phase | None:
    """The phase of the next round: this one, the one after it, or None when the run is over."""
    if phase.unfinished(campaign.slots):
        return phase
    after = course_of(campaign.job).following(campaign, phase)
    return after if after is phase or after is None else _listened(after)


def _stored_records(folder: RunFolder, older: Generation, newer: Generation) -> Columns:
    """Records of the segments that only the newer checkpoint names; merged ones reach back before the older one."""
    segments = _only(newer, older)
    return read_records(folder.trajectory, segments) if segments else {}


def _stored_counts(folder: RunFolder, older: Generation, newer: Generation) -> Columns:
    """The proposals counted between the two checkpoints: what the segments of the newer one hold more than the older one's."""
    plus, minus = (
        [read_transitions(folder.trajectory, segment) for segment in _only(one, other)]
        for one, other in ((newer, older), (older, newer))
    )
    return added(plus, minus)


def _only(one: Generation, other: Generation) -> list[Segment]:
    """The segments that one checkpoint names and the other does not."""
    names = {segment["name"] for segment in other.about["segments"]}
    return [Segment(**segment) for segment in one.about["segments"] if segment["name"] not in names]


def _counts_differ(stored: Columns, phase: Phase) -> Difference | None:
    replayed = phase.take_counts() if isinstance(phase, Production) else None
    return _first_difference("counts of proposals", stored, replayed or added([]))


def _both_records(phase: Phase, stored: Columns, older: Generation) -> tuple[Columns, Columns]:
    """Stored and replayed records since the older checkpoint, sorted by slot and time."""
    if not isinstance(phase, Production) or not isinstance(phase.recorder, Listener):
        return stored, {}
    replayed = phase.recorder.records()
    if not stored:
        return {name: column[:0] for name, column in replayed.items()}, replayed
    since = stored["sweep"] > int(older.about["state"].get("produced", 0)) * phase.looks * phase.sweeps
    return {name: column[since] for name, column in stored.items()}, replayed


def _progress_differs(campaign: Campaign, phase: Phase, newer: Generation) -> Difference | None:
    """What all ranks know alike: the phase, its rounds and windows, what the search has seen, the known levels."""
    kind, state, about = PHASES[type(phase)], phase.about(), newer.about
    if kind != about["phase"]:
        return Difference("the whole run", "phase", (), about["phase"], f"{kind}, round {phase.rounds}")
    stored = {**about["state"], "known": about["known"]}
    replayed = {**state, "known": np.flatnonzero(campaign.known).tolist()}
    return _first_difference("the whole run", _as_arrays(stored), _as_arrays(replayed))


def _as_arrays(values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(value) for name, value in values.items()}


def _slots_differ(stored: Mapping[int, Columns], replayed: Mapping[int, Columns]) -> Difference | None:
    for number in sorted(stored):
        found = _first_difference(f"slot {number}", stored[number], replayed[number])
        if found is not None:
            return found
    return None


def _records_differ(stored: Columns, replayed: Columns) -> Difference | None:
    found = _first_difference("trajectory", stored, replayed)
    if found is None or len(found.index) == 0:
        return found
    place = f"trajectory, slot {stored['slot'][found.index[0]]}, sweep {stored['sweep'][found.index[0]]}"
    return Difference(place, found.field, found.index, found.stored, found.replayed)


def _first_difference(where: str, stored: Columns, replayed: Columns) -> Difference | None:
    """The first field, in order of name, whose type, shape or bits differ, and the first index there."""
    for name in sorted(stored.keys() | replayed.keys()):
        if name not in stored or name not in replayed:
            return Difference(
                where, name, (), "there" if name in stored else "absent", "there" if name in replayed else "absent"
            )
        left, right = np.ascontiguousarray(stored[name]), np.ascontiguousarray(replayed[name])
        if (left.dtype, left.shape) != (right.dtype, right.shape):
            return Difference(where, name, (), f"{left.dtype} {left.shape}", f"{right.dtype} {right.shape}")
        if left.tobytes() != right.tobytes():
            bits = [array.reshape(-1).view(np.uint8).reshape(array.size, -1) for array in (left, right)]
            first = int(np.flatnonzero((bits[0] != bits[1]).any(axis=1))[0])
            index = tuple(int(i) for i in np.unravel_index(first, left.shape))
            return Difference(where, name, index, left[index].item(), right[index].item())
    return None

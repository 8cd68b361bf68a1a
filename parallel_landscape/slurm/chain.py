"""The chain of a run: one link after the other, each a SLURM job or a restart of one, until the run is done.

RUN/slurm/chain.jsonl has a line for each event:

    submitted   by a person: job, the most links, how the chain goes on
    began       a link has started: job, restart, where, and how far the run was (its mark)
    ended       a link has ended: exit code, mark, what comes next ("done", "requeue", "next", "stop"), why, and whether it
                was ended from outside (preempted, requeued) rather than by itself

A link that was killed with its node leaves no `ended`; the next one's `began` tells how far it had come.
"""

from __future__ import annotations

import time
from typing import Any

from parallel_landscape.errors import RunError
from parallel_landscape.slurm.controller import gone, present
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_result
from parallel_landscape.store.run_folder import RunFolder, append_line, read_lines

PATIENCE = 2  # links without progress before the chain stops
AGAIN = "submit the job file again, and the run goes on from its last checkpoint"
Event = dict[str, Any]


def record(folder: RunFolder, event: str, **about: Any) -> None:
    """Append an event."""
    append_line(folder.slurm / "chain.jsonl", {"event": event, "time": time.time(), **about})


def events(folder: RunFolder) -> list[Event]:
    """All events since a person has submitted last, that one first; all that there are where it was never recorded.

    The job's number is known only once SLURM has it, so a link may begin before its `submitted` is written.
    """
    found = read_lines(folder.slurm / "chain.jsonl")
    starts = [number for number, event in enumerate(found) if event.get("event") == "submitted"]
    if not starts:
        return found
    submitted = found.pop(starts[-1])
    first = next((number for number, event in enumerate(found) if event.get("job") == submitted["job"]), starts[-1])
    return [submitted, *found[min(first, starts[-1]) :]]


def links(found: list[Event]) -> list[Event]:
    """Their `began` events."""
    return [event for event in found if event["event"] == "began"]


def is_done(folder: RunFolder) -> bool:
    """Whether the run has its final result."""
    try:
        return str(read_result(folder.result)[2].get("complete", "no")) == "yes"
    except (OSError, KeyError, RunError):
        return False


def mark(folder: RunFolder) -> list[Any]:
    """How far the run has come: phase and rounds of the newest checkpoint; empty before the first.

    Counted in rounds, so that a checkpoint which was written again without any new work is no progress.
    """
    for number in sorted((int(path.name) for path in folder.checkpoints.glob("*") if path.name.isdigit()), reverse=True):
        try:
            about = checkpoint.read_generation(folder.checkpoints, number).about
        except (OSError, ValueError, KeyError, RunError):
            continue
        state = about["state"]
        return [about["phase"], state.get("rounds"), state.get("produced")]
    return []


def reason_to_stop(found: list[Event], most: int, now: list[Any]) -> str | None:
    """Why there must be no further link, as a sentence; None when there may be one.

    found: events so far. most: links allowed. now: the run's present mark.
    """
    count = len(links(found))
    if count >= most:
        return f"{count} links were made, the most that were asked for"
    begun = [event for event, after in zip(found, [*found, {}][1:], strict=True) if _counts(event, after)]
    if len(begun) >= PATIENCE and all(event["mark"] == now for event in begun[-PATIENCE:]):
        return f"the last {PATIENCE} links have made no progress"
    return None


def _counts(event: Event, after: Event) -> bool:
    """Whether this is a link that had its time: who is preempted twice at once has not failed."""
    return event["event"] == "began" and not after.get("outside")


def summary(folder: RunFolder, *, ask: bool = False) -> dict[str, Any] | None:
    """What `status` shows: jobs, links, how it stands; None when the run was never submitted.

    ask: whether SLURM is asked if the link that is to come or running still is in its queue: one that was killed with all
    that it had started could leave no word.

    {"jobs": numbers, "links": count, "most": allowed, "open": whether another link is to come or running,
    "lost": whether it should be, but has left the queue, "last": a sentence, "log": the folder of the logs}
    """
    found = events(folder)
    if not found:
        return None
    begun, last = links(found), found[-1]
    jobs = list(dict.fromkeys(str(event["job"]) for event in found if "job" in event))
    most = next((event["most"] for event in found if "most" in event), None)
    goes_on = last["event"] != "ended" or last["then"] in ("requeue", "next")
    awaited = str(last.get("next") or last["job"])
    left = gone(awaited) if goes_on and ask and present() else ""
    return {
        "jobs": jobs, "links": len(begun), "most": most, "open": goes_on and not left, "lost": bool(left),
        "last": f"job {awaited} has left the queue ({left}) and none follows it: {AGAIN}" if left else _sentence(last),
        "log": str(folder.slurm),
    }  # fmt: skip


def _sentence(event: Event) -> str:
    if event["event"] == "submitted":
        return f"job {event['job']} was submitted"
    if event["event"] == "began":
        return f"job {event['job']} runs on {event['where']}" + (f", restart {event['restart']}" if event["restart"] else "")
    after = {"done": "the run is done", "requeue": "requeued", "next": f"job {event.get('next')} follows", "stop": "stopped"}
    why = f": {event['why']}" if event.get("why") else ""
    return f"job {event['job']} ended with exit code {event['code']}, {after[event['then']]}{why}"

"""What a job's walkers have to do before production, as far as its keys tell."""

from __future__ import annotations

from dataclasses import dataclass

from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.exchange.windows import divide
from parallel_landscape.job.coupling import Coupled
from parallel_landscape.job.flat_keys import EnergyWindows, FlatEnsemble, windows_of
from parallel_landscape.job.job import Job
from parallel_landscape.job.joint_keys import Joint, Rectangles
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.job.sections import Ensemble, Exchange
from parallel_landscape.job.tempering import Canonical
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes.joint import JointLandscape


@dataclass(frozen=True)
class Effort:
    """window_levels: levels of each window, which are certain or not. steps: proposals that one walker of each window makes at
    the least. what, note: what it is called, and what else to say of it."""

    window_levels: tuple[int, ...]
    certain: bool
    steps: tuple[float, ...]
    what: str
    note: str


def effort_of(job: Job, landscape: Landscape, steps: int) -> Effort:
    """Before production; `steps`: proposals of a walker in a round."""
    if isinstance(job.ensemble, Coupled):
        groups, rounds = job.ensemble.groups, job.ensemble.equilibration_rounds
        wanted = (float(rounds * steps),) * groups
        return Effort((len(landscape.levels),) * groups, True, wanted, "equilibration", f"{rounds:,} rounds")
    if isinstance(job.ensemble, Canonical):
        section, count = job.ensemble, job.ensemble.count
        rounds = section.equilibration_rounds + section.pilot
        what = "pilot and equilibration" if section.adapted else "equilibration"
        return Effort((len(landscape.levels),) * count, True, (float(rounds * steps),) * count, what, f"{rounds:,} rounds")
    widths, certain = _window_cells(job, landscape) if isinstance(job.ensemble, Joint) else _window_levels(job, landscape)
    return _of_learning(job, widths, certain, landscape.sweep, steps)


def smooth_effort(job: Job) -> Effort:
    """The same with continuous weights, in moves."""
    motion, section = job.dynamics, job.ensemble
    assert isinstance(motion, Moving)
    if isinstance(job.exchange, EnergyWindows) and job.bins is not None:
        widths = tuple(high - low + 1 for low, high in windows_of(job.exchange, job.bins))
        return _of_learning(job, widths, True, 1, motion.sweeps())
    assert isinstance(section, Canonical | Coupled)
    pilot = max(section.pilot if isinstance(section, Canonical) else 0, motion.adapt_rounds if motion.adapted else 0)
    rounds, what = section.equilibration_rounds + pilot, "pilot and equilibration" if pilot else "equilibration"
    wanted = (float(rounds * motion.sweeps()),) * section.count
    return Effort((1,) * section.count, True, wanted, what, f"{rounds:,} rounds")


def _of_learning(job: Job, widths: tuple[int, ...], certain: bool, sweep: int, steps: int) -> Effort:
    assert isinstance(job.ensemble, Schedule)
    wanted = tuple(_learning_steps(job, levels, sweep, steps) for levels in widths)
    note = f"{_visits(job.ensemble):.0e} visits a level; hard windows can take many times longer"
    return Effort(widths, certain, wanted, "learning", note)


def _window_levels(job: Job, landscape: Landscape) -> tuple[tuple[int, ...], bool]:
    """Levels of each window, and whether that is certain: a search may find fewer levels, and lay windows of other widths."""
    assert isinstance(job.exchange, Exchange)
    chosen, levels = job.exchange.windows, landscape.levels
    if isinstance(chosen, list):
        return tuple(levels.index(high) - levels.index(low) + 1 for low, high in chosen), True
    first, last = (levels.index(energy) for energy in job.exchange.energy or (levels[0], levels[-1]))
    windows = divide(first, last, job.layout(levels).windows, job.exchange.overlap)
    certain = job.exchange.energy is not None and not job.exchange.measured
    return tuple(high - low + 1 for low, high in windows), certain


def _window_cells(job: Job, landscape: Landscape) -> tuple[tuple[int, ...], bool]:
    """The same of windows in energy and X: pairs of levels, of which a search may find many empty."""
    assert isinstance(job.exchange, Rectangles) and isinstance(landscape, JointLandscape)
    exchange, rows, columns = job.exchange, landscape.rows, landscape.columns
    if exchange.given is not None:
        ends = [window for row in exchange.given for window in row]
        spans = [((high - low) // rows.step + 1, (right - left) // columns.step + 1) for low, high, left, right in ends]
        return tuple(height * width for height, width in spans), True
    up, across = (_widths(*asked, exchange.overlap) for asked in zip(
        (exchange.energy, exchange.values), (rows, columns), exchange.shape, strict=True))  # fmt: skip
    return tuple(height * width for height in up for width in across), False


def _widths(asked: list[int] | None, levels: range, count: int, overlap: float) -> list[int]:
    """Levels of each window over the range asked for."""
    first, last = (levels.index(end) for end in asked or (levels[0], levels[-1]))
    return [high - low + 1 for low, high in divide(first, last, count, overlap)]


def _visits(schedule: Schedule) -> float:
    """Visits per level that the schedule asks for, at least."""
    if schedule.schedule == "samc":
        return schedule.t0 / schedule.ln_f_final
    if schedule.schedule == "halving":
        return 2.0 / schedule.ln_f_final**0.5
    return 1.0 / schedule.ln_f_final


def _learning_steps(job: Job, levels: int, sweep: int, steps: int) -> float:
    """Proposals of one walker in a window of so many levels; only halving counts the visits of all its walkers together."""
    ensemble, exchange = job.ensemble, job.exchange
    assert isinstance(ensemble, Ensemble | Joint | FlatEnsemble)
    assert isinstance(exchange, Exchange | Rectangles | EnergyWindows)
    together = exchange.walkers_per_window if ensemble.schedule == "halving" and exchange.share == "window" else 1
    wanted = max(_visits(ensemble) * levels / together, float(steps * ensemble.occasions))
    return wanted if ensemble.max_sweeps is None else min(wanted, float(ensemble.max_sweeps * sweep))

"""Jobs that learn ln g of continuous weights: the sections [ensemble] kind = "wang-landau" and [exchange], and their bins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.exchange.windows import Window, divide, sensible_count
from parallel_landscape.job.motion_keys import Langevin, Moving
from parallel_landscape.landscapes.binned import Bins
from parallel_landscape.section import Section

NARROWEST = 3  # bins in a window
MOST = 1_000_000  # bins
SAME = 1e-6  # of a bin, by which an energy may miss an edge
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]


class FlatEnsemble(Schedule):
    """Under which weight, and how it is learnt."""

    model_config = Section.model_config

    kind: Annotated[Literal["wang-landau"], Field(description="learn ln g by visiting all bins of the energy alike")] = (
        "wang-landau"
    )
    bin_width: Annotated[float | None, Field(gt=0, description="width of a bin of energies")] = None
    bins: Annotated[int | None, Field(ge=NARROWEST, le=MOST, description="instead of bin_width: number of bins")] = None
    unbounded: Annotated[
        bool, Field(description="the first and the last bin hold all energies beyond them: ln g of all states, absolute")
    ] = False
    ln_f_final: Annotated[float, Field(gt=0, lt=1, description="learning ends when ln f is below this")] = 1e-4
    max_sweeps: Annotated[int | None, Field(ge=1, description="stop learning after so many moves of each walker")] = None


class EnergyWindows(Section):
    """What walkers do together between rounds."""

    kind: Annotated[Literal["windows", "none"], Field(description="replica exchange between neighbouring windows, or none")] = (
        "windows"
    )
    energy: Annotated[Pair | None, Field(description="where the first bin begins and the last one ends")] = None
    windows: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto"] | Annotated[list[Pair], Field(min_length=1)],
        Field(description='number of windows, "auto", or energies [[lowest, highest], ...] at edges of bins, ascending'),
    ] = "auto"
    walkers_per_window: Annotated[int, Field(ge=1, description="walkers in each window")] = 1
    share: Annotated[
        Literal["window", "none"], Field(description="the walkers of a window average their ln g, or learn alone")
    ] = "window"
    overlap: Annotated[float, Field(gt=0, lt=1, description="fraction of a window that it shares with the next")] = 0.5
    search_sweeps: Annotated[int, Field(ge=1, description="most steps a walker may spend to find its window")] = 10_000

    @property
    def range(self) -> list[float]:
        """Where the first bin begins and the last one ends."""
        if isinstance(self.windows, list):
            return [min(low for low, _ in self.windows), max(high for _, high in self.windows)]
        assert self.energy is not None
        return self.energy


def bins_of(ensemble: FlatEnsemble, exchange: EnergyWindows) -> Bins:
    """The bins of a job without mistakes."""
    low, high = exchange.range
    count = ensemble.bins or round((high - low) / (ensemble.bin_width or 1.0))
    return Bins(low, ensemble.bin_width or (high - low) / count, count, ensemble.unbounded)


def windows_of(exchange: EnergyWindows, bins: Bins) -> list[Window]:
    """First and last bin of each window."""
    if isinstance(exchange.windows, list):
        return [(_edge(low, bins), _edge(high, bins) - 1) for low, high in exchange.windows]
    count = sensible_count(bins.count) if exchange.windows == "auto" else exchange.windows
    return divide(0, bins.count - 1, count, exchange.overlap, None, NARROWEST)


def _edge(energy: float, bins: Bins) -> int:
    return round((energy - bins.start) / bins.width)


def contradictions(ensemble: FlatEnsemble | None, exchange: EnergyWindows | None) -> list[str]:
    """What is wrong between keys of [ensemble] and [exchange], None where the section is wrong by itself."""
    found = []
    if ensemble is not None and (ensemble.bin_width is None) == (ensemble.bins is None):
        found.append("[ensemble] bin_width, bins: give one of them, for energies of continuous weights are told apart by bins.")
    if exchange is None:
        return found
    ranges = _mistakes_in_range(exchange)
    if found or ranges or ensemble is None:
        return found + ranges
    bins = bins_of(ensemble, exchange)
    return _mistakes_in_bins(ensemble, exchange, bins) or _mistakes_in_windows(exchange, bins)


def _mistakes_in_range(exchange: EnergyWindows) -> list[str]:
    chosen, energy = exchange.windows, exchange.energy
    if isinstance(chosen, list):
        wrong = [f"[exchange] windows: given [{low}, {high}]; the lowest must be below the highest." for low, high in chosen
                 if low >= high]  # fmt: skip
        if energy is not None:
            wrong.append("[exchange] energy and explicit windows were both given; leave out energy.")
        return wrong
    if energy is None:
        return ["[exchange] energy: required with continuous weights, whose range no search finds, e.g. energy = [0.0, 10.0]."]
    if energy[0] >= energy[1]:
        return [f"[exchange] energy: given {energy}; the lowest must be below the highest."]
    return []


def _mistakes_in_bins(ensemble: FlatEnsemble, exchange: EnergyWindows, bins: Bins) -> list[str]:
    low, high = exchange.range
    if bins.count > MOST or bins.count < NARROWEST:
        return [
            f"[ensemble] bin_width: given {bins.width:g}, which makes {bins.count} bins of {low:g} to {high:g}; allowed are "
            f"{NARROWEST} to {MOST:,} bins."
        ]
    if abs(bins.edge(bins.count) - high) > SAME * bins.width:
        return [
            f"[ensemble] bin_width: given {bins.width:g}, of which {low:g} to {high:g} is no whole number; let the energies "
            f"end at {bins.edge(bins.count):g}, or give bins = {bins.count}."
        ]
    return []


def _mistakes_in_windows(exchange: EnergyWindows, bins: Bins) -> list[str]:
    chosen = exchange.windows
    if not isinstance(chosen, list):
        most = max(1, bins.count // NARROWEST)
        if chosen != "auto" and chosen > most:
            return [f"[exchange] windows: {chosen} windows in {bins.count} bins; at most {most} ({NARROWEST} bins each)."]
        return []
    off = [end for window in chosen for end in window if abs(bins.edge(_edge(end, bins)) - end) > SAME * bins.width]
    found = [f"[exchange] windows: {end:g} is no edge of a bin; these lie at {bins.start:g} + k {bins.width:g}." for end in off]
    laid = windows_of(exchange, bins)
    if any(last - first + 1 < NARROWEST for first, last in laid):
        found.append(f"[exchange] windows: given {chosen}; each must hold at least {NARROWEST} bins.")
    for number, ((first, last), (after, end)) in enumerate(zip(laid, laid[1:], strict=False)):
        if after <= first or end <= last:
            found.append(f"[exchange] windows: {chosen[number]} and {chosen[number + 1]} are not in ascending order.")
        elif after > last:
            found.append(f"[exchange] windows: {chosen[number]} and {chosen[number + 1]} share no bin; let them overlap.")
    return found


def mistakes_in_motion(motion: Moving, ensemble: FlatEnsemble | None, exchange: EnergyWindows | None) -> list[str]:
    """What is wrong between [dynamics] and windows without a temperature; None for a section that is wrong."""
    found = []
    if not motion.adapted and motion.lengths is None:
        found.append(
            f'[dynamics] step: given {motion.step}; without a temperature there is no step in time: use step = "adapt", or '
            "give lengths in weights, one for each window."
        )
    if motion.adapted and motion.lengths is not None:
        found.append("[dynamics] step, lengths: give one of them.")
    if isinstance(motion, Langevin) and not motion.metropolis:
        found.append("[dynamics] metropolis: given false; ln g is learnt by moves that are tested: give metropolis = true.")
    if motion.lengths is None or ensemble is None or exchange is None or contradictions(ensemble, exchange):
        return found
    count = len(windows_of(exchange, bins_of(ensemble, exchange)))
    if len(motion.lengths) != count:
        found.append(f"[dynamics] lengths: given {len(motion.lengths)}; one for each of the {count} windows is needed.")
    return found

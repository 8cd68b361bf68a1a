"""What may be wrong with the energies and windows of a job."""

from __future__ import annotations

from parallel_landscape.exchange import windows as window_rules
from parallel_landscape.job.sections import Exchange


def contradictions(exchange: Exchange) -> list[str]:
    """What is wrong in [exchange] for every landscape."""
    found = []
    energy, chosen = exchange.energy, exchange.windows
    if energy is not None and energy[0] >= energy[1]:
        found.append(f"[exchange] energy: given {energy}; the lowest must be below the highest.")
    if isinstance(chosen, list):
        ends = [end for window in chosen for end in window]
        found += _window_mistakes(chosen, range(min(ends), max(ends) + 1))
        found += [
            f"[exchange] {key} and explicit windows were both given; leave out {key}."
            for key in ("energy", "spacing")
            if getattr(exchange, key) is not None
        ]
    return found


def mistakes_in_windows(exchange: Exchange, count: int, levels: range) -> list[str]:
    """What is wrong between energies, windows (`count` of them) and the landscape's levels."""
    energy, chosen = exchange.energy, exchange.windows
    if isinstance(chosen, list):
        return _window_mistakes(chosen, levels)
    known = f"levels are {levels[0]}, {levels[0] + levels.step}, ..., {levels[-1]}"
    found = [f"[exchange] energy: {e} is not a level of this landscape: {known}." for e in energy or () if e not in levels]
    if not found:
        first, last = energy or (levels[0], levels[-1])
        room = (last - first) // levels.step + 1
        most = max(1, room // 3)
        if count > most:
            found.append(f"[exchange] windows: {chosen} windows in {room} levels; at most {most} (three levels each).")
    return found


def _window_mistakes(windows: list[list[int]], levels: range) -> list[str]:
    """What is wrong with explicit windows, as sentences about the job file."""
    return [f"[exchange] {sentence}." for sentence in window_rules.mistakes_in(windows, levels)]

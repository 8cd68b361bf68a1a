"""What a person sees while a run goes on: a bar on a terminal, a line now and then otherwise, nothing on other ranks."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import Any, TextIO

TERMINAL = "PLAND_TERMINAL"  # set for ranks whose launcher hides the terminal from them
LINE_SECONDS = 30.0
BAR_SECONDS = 0.5


class Progress:
    """Prints how far the slowest window is. `quiet` prints nothing."""

    def __init__(self, ln_f_final: float, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._final = ln_f_final
        self._terminal = self._stream.isatty() or TERMINAL in os.environ
        self._started = time.monotonic()
        self._last = self._started
        self._bar = False

    @property
    def due(self) -> bool:
        """Whether it is time for the next report."""
        return not self._quiet and time.monotonic() - self._last >= (BAR_SECONDS if self._terminal else LINE_SECONDS)

    def show(self, report: dict[str, Any]) -> None:
        """Print one report."""
        self._last = time.monotonic()
        if self._quiet:
            return
        text = _sentence(report, self._final, self._last - self._started)
        if self._terminal:
            self._stream.write(f"\r\x1b[2K{text}")
            self._bar = True
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._bar:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


def fraction_done(ln_f: float, final: float) -> float:
    """How far ln f has fallen, on a logarithmic scale."""
    return 1.0 if ln_f <= final else max(0.0, min(1.0, math.log(ln_f) / math.log(final)))


def _sentence(report: dict[str, Any], final: float, seconds: float) -> str:
    if report["phase"] == "search":
        return (
            f"{_clock(seconds)}  search: energies {report['energy'][0]} to {report['energy'][1]} found, round {report['round']}"
        )
    if report["phase"] == "produce":
        done, most = report["produced"]
        return f"{_clock(seconds)}  production: round {done} of {most}, {report['steps_per_second']:.2e} steps/s"
    if "ln_f" not in report["windows"]:
        rounds = f"round {report['round']} of {report['most_rounds']}"
        return f"{_clock(seconds)}  {report['phase']}: {rounds}, {report['steps_per_second']:.2e} steps/s"
    ln_f = max(report["windows"]["ln_f"])
    done = fraction_done(ln_f, final)
    bar = "#" * round(24 * done) + "." * (24 - round(24 * done))
    finished = sum(bool(value) for value in report["windows"]["finished"])
    count = len(report["windows"]["finished"])
    return (
        f"{_clock(seconds)}  [{bar}] ln f {ln_f:.1e} of {final:.0e}, {finished}/{count} windows finished, "
        f"{report['steps_per_second']:.2e} steps/s"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:d}:{rest:02d}"


class Counter:
    """How many of `total` pieces are done: a bar on a terminal, a line now and then otherwise."""

    def __init__(self, what: str, total: int, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._what, self._total, self._quiet, self._stream = what, total, quiet, stream or sys.stderr
        self._terminal = self._stream.isatty() or TERMINAL in os.environ
        self._started = self._last = time.monotonic()
        self._done = 0

    def add(self) -> None:
        """One more is done."""
        self._done += 1
        now = time.monotonic()
        if self._quiet or now - self._last < (BAR_SECONDS if self._terminal else LINE_SECONDS):
            return
        self._last = now
        filled = 24 * self._done // max(1, self._total)
        text = (
            f"{_clock(now - self._started)}  [{'#' * filled}{'.' * (24 - filled)}] {self._what}, {self._done} of {self._total}"
        )
        self._stream.write(f"\r\x1b[2K{text}" if self._terminal else text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._terminal and not self._quiet:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()

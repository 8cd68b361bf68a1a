"""Signals that ask a run to stop in good time: SIGTERM, SIGINT (Ctrl-C) and SIGUSR1, the one that SLURM sends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequest:
    """Remembers that somebody asked to stop; the run looks at it once a round. A second Ctrl-C leaves at once."""

    def __init__(self) -> None:
        self.signal: str = ""
        self._interrupts = 0

    def install(self) -> StopRequest:
        """Catch the signals from now on; does nothing outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._catch)
        return self

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number).name
        if number == signal.SIGINT:
            self._interrupts += 1
            if self._interrupts > 1:
                os._exit(130)

    def __bool__(self) -> bool:
        return bool(self.signal)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Give back the signal handlers that a run sets."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

"""Signals that ask a run to stop in good time: SIGTERM, SIGINT (Ctrl-C) and SIGUSR1, the one that SLURM sends."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequest:
    """Remembers that somebody asked to stop; the run looks at it once a round. A second Ctrl-C leaves at once.

    Python runs a signal handler only between two of its own instructions, and a round may take long. So a thread listens.
    """

    _listening: StopRequest | None = None

    def __init__(self) -> None:
        self.signal: str = ""
        self._interrupts = 0

    def install(self) -> StopRequest:
        """Catch the signals from now on; does nothing outside the main thread."""
        if threading.current_thread() is threading.main_thread():
            StopRequest._listening = self
            signal.set_wakeup_fd(_listener(), warn_on_full_buffer=False)
            for number in SIGNALS:
                signal.signal(number, _leave_it_to_the_listener)
        return self

    def hear(self, number: int) -> None:
        """A signal has come."""
        if number not in SIGNALS:
            return
        self.signal = signal.Signals(number).name
        self._interrupts += number == signal.SIGINT
        if self._interrupts > 1:
            os._exit(130)

    def __bool__(self) -> bool:
        return bool(self.signal)


def _leave_it_to_the_listener(number: int, frame: object) -> None:
    """Only so that the signal neither ends the process nor raises KeyboardInterrupt."""


@cache
def _listener() -> int:
    """Where signals are written to, one byte each; a thread reads them at the other end."""
    heard, told = os.pipe()
    os.set_blocking(told, False)

    def listen() -> None:
        while numbers := os.read(heard, 64):
            for number in numbers:
                if StopRequest._listening is not None:
                    StopRequest._listening.hear(number)

    threading.Thread(target=listen, name="signals", daemon=True).start()
    return told


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Give back the signal handlers that a run sets."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    main = threading.current_thread() is threading.main_thread()
    told = signal.set_wakeup_fd(-1) if main else -1
    try:
        yield
    finally:
        if main:
            signal.set_wakeup_fd(told)
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

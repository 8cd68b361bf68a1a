"""Whether the process that drives a run is alive: numbers are given out again, and the dead may wait for their parents."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from parallel_landscape.store.run_folder import birth, lives

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def test_a_process_lives_until_it_ends() -> None:
    born = birth(os.getpid())
    assert born is not None and lives(os.getpid()) and lives(os.getpid(), born)
    assert not lives(os.getpid(), born + "1")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not lives(ended.pid) and birth(ended.pid) is None


def test_a_process_that_nobody_has_waited_for_is_dead() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    last = time.monotonic() + 20
    while lives(ended.pid) and time.monotonic() < last:
        time.sleep(0.02)
    os.kill(ended.pid, 0)  # it still has its number
    assert not lives(ended.pid)
    ended.wait()

"""A user's landscape that goes wrong in the middle of a run: stopped, with the move and the state saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faults.harness import start
from parallel_landscape.store import checkpoint

pytestmark = pytest.mark.faults

CHAIN = """
from typing import NamedTuple
import numpy as np
from parallel_landscape import Landscape

N = 12

class Params(NamedTuple):
    bad: float
    good: int  # moves looked at before it goes wrong

class State(NamedTuple):
    spins: np.ndarray
    walls: np.ndarray  # the energy, kept by commit
    looked: np.ndarray

def model(how: str, good: int):
    bad = {{"nan": np.nan, "inf": np.inf, "half": 0.5, "far": 1000, "forgets": 0}}[how]

    def initial(rng):
        spins = rng.choice(np.array([-1, 1]), N).astype(np.int64)
        return State(spins, np.array([np.sum(spins != np.roll(spins, 1))]), np.zeros(1, np.int64))

    def energy(params, state):
        walls = 0
        for i in range(N):
            walls += state.spins[i] != state.spins[i - 1]
        return walls

    def delta(params, state, move):
        {count}
        s = state.spins
        return s[move] * (s[move - 1] + s[(move + 1) % N])

    def commit(params, state, move):
        {forget}

    return Landscape(Params(bad, good), initial, energy, delta, commit, moves=N, levels=range(N + 1))
"""
COUNT = """state.looked[0] += 1
        if state.looked[0] > params.good:
            return params.bad"""
FORGET = """state.looked[0] += 1
        if state.looked[0] > params.good and move == 3:
            return
        state.spins[move] *= -1"""

JOB = """
name = "run"
seed = 1

[landscape]
model = "shaky:model"
how = "{how}"
good = {good}

[dynamics]
sweeps_per_round = 100

[ensemble]
ln_f_final = 1e-5

[exchange]
windows = [[0, 8], [4, 12]]

[run]
checkpoint_rounds = 5
"""


def write(folder: Path, how: str, good: int) -> Path:
    drifts = how == "forgets"
    text = CHAIN.format(count="" if drifts else COUNT, forget=FORGET if drifts else "state.spins[move] *= -1")
    (folder / "shaky.py").write_text(text)
    (folder / "job.toml").write_text(JOB.format(how=how, good=good))
    return folder / "job.toml"


@pytest.mark.mpi
@pytest.mark.parametrize(("how", "ranks"), [("nan", 1), ("inf", 1), ("half", 1), ("far", 1), ("nan", 2), ("half", 2)])
def test_a_change_of_energy_that_is_no_integer(how: str, ranks: int, tmp_path: Path) -> None:
    code, said = start("run", write(tmp_path, how, 30_000), ranks=ranks).ended()
    assert code == 1 and said.count("pland: ") == 1 and "Traceback" not in said, said
    assert "changes the energy by something that is no integer or leads out of the landscape's levels" in said
    saved = list((tmp_path / "runs" / "run").glob("broken-slot-*.npz"))
    assert saved and any(str(path) in said for path in saved)
    with np.load(saved[0], allow_pickle=False) as content:
        move, spins = int(content["move"]), content["state_spins"]
        assert f"move {move} of walker {int(content['walker'])}" in said or len(saved) > 1
        assert set(spins) == {-1, 1} and int(content["state_looked"][0]) == 30_001
        assert int(content["level"]) == np.sum(spins != np.roll(spins, 1))


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [1, 2])
def test_energy_drift_is_found_at_the_checkpoint(ranks: int, tmp_path: Path) -> None:
    """A commit that forgets to turn a spin: the state is saved, and the checkpoint before stays the newest."""
    code, said = start("run", write(tmp_path, "forgets", 3_000), ranks=ranks).ended()
    assert code == 1 and said.count("pland: ") == 1 and "Traceback" not in said, said
    assert "energy drift in slot" in said and "recomputed from the weights" in said and "broken-slot-" in said
    generation, damaged = checkpoint.newest(tmp_path / "runs" / "run" / "checkpoints")
    assert generation is not None and generation.number == 1 and not damaged
    assert not (tmp_path / "runs" / "run" / "result.nc").exists()

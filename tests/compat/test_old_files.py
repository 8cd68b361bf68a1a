"""Files of earlier versions: results open, and runs go on from their checkpoints. `make.py` has made them."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray
from faults.harness import different, final_data

from parallel_landscape.cli import main
from parallel_landscape.commands.status import status
from parallel_landscape.driver.stopping import handlers_kept
from parallel_landscape.store import checkpoint
from parallel_landscape.store.result import read_result
from parallel_landscape.store.segments import Segment, read_records

STORED = sorted(Path(__file__).parent.glob("schema-*"))


def test_there_are_old_files() -> None:
    assert Path(__file__).parent / f"schema-{checkpoint.SCHEMA}" in STORED


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.name)
def test_a_result_opens(stored: Path) -> None:
    result, windows, attributes = read_result(stored / "run" / "result.nc")
    assert attributes["complete"] == "no" and attributes["seed"] == "7" and attributes["normalisation"] == "absolute"
    assert list(result["energy"]) == list(range(-32, 33, 4)) and len(windows["energy_low"]) == 2
    found = np.exp(result["ln_g"][result["visited"] == 1])
    assert found[0] == pytest.approx(2, rel=0.2) and found.sum() == pytest.approx(2**16)
    with xarray.open_dataset(stored / "run" / "result.nc", engine="h5netcdf") as opened:
        assert opened["ln_g"].dims == ("energy",)
    assert status(stored / "run")["status"] == attributes["status"]


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.name)
def test_a_run_goes_on(stored: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """To the same bits with the same code; with new code when told to, and then the result says so."""
    run = shutil.copytree(stored / "run", tmp_path / "run")
    generation, damaged = checkpoint.newest(run / "checkpoints")
    assert generation is not None and not damaged
    before = read_records(run / "trajectory", [Segment(**segment) for segment in generation.about["segments"]])
    with handlers_kept():
        code = main(["resume", str(run), "-n", "1", "--quiet"])
        said = capfd.readouterr().err
        same = code == 0
        if not same:
            assert code == 2 and "code has changed" in said and "--accept-new-code" in said
            assert main(["resume", str(run), "-n", "1", "--quiet", "--accept-new-code"]) == 0
    found = final_data(run)
    with np.load(stored / "final.npz", allow_pickle=False) as final:
        expected = {name: final[name] for name in final.files}
    with h5netcdf.File(run / "result.nc") as result:
        assert ("code_changed" in result.attrs) == (not same)
    if same:
        assert different(expected, {name: found[name] for name in expected}) == []
    assert found["status"] == expected["status"] and found["complete"] == "yes"
    np.testing.assert_allclose(found["result ln_g"], expected["result ln_g"], atol=0.5)
    assert found["records slot"].shape == expected["records slot"].shape
    for slot in range(4):
        here, then = found["records slot"] == slot, before["slot"] == slot
        assert np.array_equal(found["records energy"][here][: then.sum()], before["energy"][then])

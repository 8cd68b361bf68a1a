"""`pland theory`: tables, sweeps, files and messages."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray

from parallel_landscape.cli import main
from parallel_landscape.commands.theory_view import OTHERS
from parallel_landscape.theory.catalogue import CURVES
from parallel_landscape.theory.quantities import QUANTITIES

QUICK = {
    "alpha": "0.8",
    "alpha_latent": "2",
    "kappa": "-0.5",
    "kappa_1": "-0.4",
    "kappa_2": "-0.5",
    "overlap": "0.5",
    "temperature": "0.1",
    "source": "random",
    "distance": 0.1,
}


def required(name: str) -> list[str]:
    parameters = inspect.signature(CURVES[name][0]).parameters.values()
    keys = [f"{each.name}={QUICK[each.name]}" for each in parameters if each.default is each.empty]
    return ["alpha=1.2"] if name == "freezing" else keys


@pytest.mark.parametrize("name", CURVES)
def test_every_name_gives_a_table_with_meanings(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory", name, *required(name)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(CURVES[name][1]) and QUANTITIES["residual"].meaning in shown


def test_every_key_has_a_meaning() -> None:
    for function, _ in CURVES.values():
        assert set(inspect.signature(function).parameters) <= {*QUANTITIES, *OTHERS}


def test_without_a_name_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(CURVES)


def test_a_sweep_goes_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "curve.nc"
    arguments = ["theory", "spherical-perceptron", "kappa=0", "--sweep", "alpha=0.5:2.5:5", "--output", str(path)]
    assert main(arguments) == 0 and str(path) in capsys.readouterr().out
    with xarray.open_dataset(path) as data:
        np.testing.assert_allclose(data.alpha, [0.5, 1, 1.5, 2, 2.5])
        assert np.isfinite(data.q[:3]).all() and np.isnan(data.q[3:]).all()  # capacity 2: no number, and a reason
        assert [status.startswith("no answer") for status in data.status.values.astype(str)] == [False] * 3 + [True] * 2
        assert data.q.attrs == {"units": "1", "long_name": QUANTITIES["q"].meaning}
        assert data.attrs["curve"] == "spherical-perceptron" and data.attrs["given_kappa"] == 0
    assert list(tmp_path.iterdir()) == [path]


def test_rows_without_an_answer_are_shown_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory", "spherical-perceptron", "--sweep", "alpha=1:3:2"]) == 0
    shown = capsys.readouterr().out
    assert "nan" in shown and "alpha=3: no answer" in shown and "alpha=2.0000" in shown


def test_a_whole_curve_has_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "curve.nc"
    assert main(["theory", "entropy-curve", "source=teacher", "alpha=0.5", "points=9", "--output", str(path)]) == 0
    with xarray.open_dataset(path) as data:
        assert data.sizes == {"row": 9} and float(data.entropy[0]) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["barier"], 2, 'did you mean "barrier"'),
        (["binary-perceptron"], 2, "alpha: left out"),
        (["binary-perceptron", "alpha=1", "gamma=2"], 2, "takes alpha, beta=inf, kappa=0.0"),
        (["binary-perceptron", "alpha=x"], 2, "a number is needed"),
        (["binary-perceptron", "alpha"], 2, "write KEY=VALUE"),
        (["binary-perceptron", "alpha=-1", "loss=cubic"], 2, "2 mistakes"),
        (["barycentre", "alpha=1", "kappa=-1", "vertices=1"], 2, "an integer from 2 up"),
        (["barycentre", "alpha=1", "kappa=-1", "vertices=2.5"], 2, "an integer is needed"),
        (["binary-perceptron", "--sweep", "alpha=1:2"], 2, "KEY=LOW:HIGH:COUNT"),
        (["binary-perceptron", "--sweep", "alpha=1:inf:3"], 2, "finite"),
        (["entropy-curve", "source=digits", "alpha=1"], 2, "one of random, teacher, hidden-manifold"),
        (["entropy-curve", "source=hidden-manifold", "alpha=1"], 2, "alpha_latent: left out"),
        (["spherical-perceptron", "alpha=3"], 1, "there are solutions below alpha=2.0000"),
        (["spherical-perceptron", "--sweep", "alpha=3:4:2"], 1, "there are solutions below alpha=2.0000"),
        (["freezing", "alpha=0.5"], 1, "above the capacity"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory", *arguments]) == code
    shown = capsys.readouterr()
    assert words in shown.err and "Traceback" not in shown.err and not shown.out


PAGE = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", re.findall(r"^pland (theory.*)$", PAGE, re.MULTILINE))
def test_the_commands_of_the_page_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command.split()) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) > 5 or "barrier.nc" in shown


def test_the_python_of_the_page_works(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(block, {})
    assert capsys.readouterr().out.startswith("0.0 0.62484")


def test_a_file_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["theory", "quadratic-basin", "temperature=1", "--output", "/proc/none/x.nc"]) in (1, 2)
    assert "/proc/none" in capsys.readouterr().err


def test_a_run_imports_no_theory() -> None:
    code = "import sys, parallel_landscape.cli; print([m for m in sys.modules if 'theory' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"

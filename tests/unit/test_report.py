"""`pland report` on runs with and without a result, live, dead and damaged; the page needs nothing else and trusts nobody."""

from __future__ import annotations

import json
import os
import platform
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from synthetic.run import JOB, report_line, whole_result, write_run

import parallel_landscape as pl
from parallel_landscape.analysis import plots
from parallel_landscape.cli import main
from parallel_landscape.report import references
from parallel_landscape.report.figures import drawings
from parallel_landscape.report.history import flow, read_progress, some_walkers, thinned
from parallel_landscape.report.material import collect
from parallel_landscape.report.numbers import number, with_error
from parallel_landscape.report.page import write_report
from parallel_landscape.report.theory_curve import per_weight, theory_of
from parallel_landscape.report.verdict import ADVICE, judge
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.theory.spherical import spherical_perceptron

ROOT = Path(__file__).parents[2]
FULL = (
    "entropy", "entropy-error", "estimators", "samples", "theory-entropy", "theory-test-error", "theory-energy",
    "ln-f", "flatness", "coverage", "joins", "exchange", "round-trips",
    "observable-overlap-teacher", "joint-overlap-teacher", "observable-test-error", "joint-test-error", "canonical-energy-mean",
    "canonical-heat-capacity", "canonical-entropy", "canonical-free-energy", "canonical-overlap-teacher",
    "canonical-test-error", "overlap", "overlap-within",
)  # fmt: skip


class Page(HTMLParser):
    """What a browser would find: elements, what would be loaded, and the words."""

    VOID = {"meta", "link", "br", "img", "hr", "input"}

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.tags, self.loads, self.ids, self.open = path.read_text(encoding="utf-8"), [], [], [], []
        self.figures: dict[str, int] = {}
        self.words = ""
        self.feed(self.text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "figure":
            self.figures[str(found["id"]).removeprefix("figure-")] = 0
        if tag in ("path", "use", "image") and "figure" in self.open:
            self.figures[list(self.figures)[-1]] += 1
        for name in ("src", "srcset", "data", "poster", "background", "action", "xlink:href", "href"):
            if name in found and not (tag == "a" and name == "href"):
                self.loads.append(str(found[name]))
        assert not [name for name in found if name.startswith("on")], f"<{tag}> runs a script"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.words += data if "style" not in self.open else ""


def few() -> dict[str, dict[str, Any]]:
    """Groups for a page that is made fast: three figures of the result, three of learning."""
    whole = whole_result()
    root = {name: whole[""][name] for name in ("energy", "ln_g", "ln_g_error", "known", "test-error", "test-error_error")}
    return {"": root, "windows": {name: values[:1] for name, values in whole["windows"].items()}}


FEW = [
    "entropy",
    "entropy-error",
    "theory-entropy",
    "theory-test-error",
    "ln-f",
    "flatness",
    "coverage",
    "observable-test-error",
]


def report(run: Path) -> Page:
    assert main(["report", str(run)]) == 0
    assert not list(run.glob(".*.tmp"))
    return Page(run / "report.html")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(write_run(tmp_path_factory.mktemp("full") / "run"))


def test_every_figure_is_there_and_drawn(full: Page) -> None:
    assert tuple(full.figures) == FULL
    assert min(full.figures.values()) > 10
    assert full.text.count('role="img" aria-label="') == len(FULL) == full.text.count("<svg ")


def test_the_page_loads_nothing(full: Page) -> None:
    assert all(load.startswith(("data:", "#")) for load in full.loads), full.loads
    assert "@import" not in full.text and "script" not in full.tags
    assert set(re.findall(r"url\((.)", full.text)) == {"#"}
    assert "default-src 'none'" in full.text


def test_identifiers_are_used_once_and_links_inside_lead_somewhere(full: Page) -> None:
    assert len(set(full.ids)) == len(full.ids)
    wanted = set(re.findall(r'href="#([^"]+)"', full.text)) | set(re.findall(r"url\(#([^)]+)\)", full.text))
    assert wanted and wanted <= set(full.ids)


def test_the_verdict_comes_first_with_the_largest_error(full: Page) -> None:
    assert full.text.index("verdict good") < full.text.index("<figure")
    assert "Every window finished its schedule" in full.words
    assert "The largest standard error of ln g is 0.032, at E\u00a0=\u00a00, from MBAR." in full.words
    assert "beta above 3.2 is not covered by the sampled levels" in full.words


def test_tables_provenance_job_and_citations(full: Page) -> None:
    for words in ("0 … 8", "12.7734 ± 0.0022", "machine.host", "ln_f_final = 1e-6", "@software{parallel_landscape"):
        assert words in full.words, words
    for paper in ("Phys. Rev. Lett. 86, 2050", "Phys. Rev. Lett. 110, 210603", "J. Chem. Phys. 129, 124105"):
        assert paper in full.words
    assert "SAMC" not in full.words


def test_the_citation_is_that_of_the_repository() -> None:
    given = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for key, value in (("title", f'"{references.TITLE}"'), ("license", references.LICENCE), ("  - name", references.AUTHORS)):
        assert f"\n{key}: {value}\n" in given


def test_names_of_a_run_are_text_not_markup(tmp_path: Path) -> None:
    nasty = '<script>alert(1)</script>"><img src=http://example.org/x onerror=alert(2)>'
    run = write_run(tmp_path / "run", name=nasty, groups=few(), reason=nasty, analysis_notes=[nasty], status=nasty)
    page = report(run)
    assert "script" not in page.tags and "img" not in page.tags and nasty in page.words
    assert all(load.startswith(("data:", "#")) for load in page.loads)


def test_an_observable_with_a_nasty_name_makes_no_odd_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", groups=few())
    (run / "checksums.json").unlink()
    with h5py.File(run / "result.nc", "r+") as file:
        for suffix in ("", "_error"):
            file.move(f"test-error{suffix}", f"a b$^<i>{suffix}")
        file.attrs["observables"] = ["a b$^<i>"]
    assert main(["report", str(run), "--figures", "png"]) == 0
    page = Page(run / "report.html")
    assert "i" not in page.tags and "observable-a-b---i-" in page.figures
    assert (run / "figures" / "observable-a-b---i-.png").exists()


def test_a_run_without_a_result(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "result.nc").unlink()
    page = report(run)
    assert list(page.figures) == ["ln-f", "flatness", "coverage"]
    assert "There is no result yet" in page.words and "No level has a value of ln g yet." in page.words
    assert f"Go on with pland resume {run}." in page.words
    assert "Windows, at the last report" in page.words


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.create()
    folder.submitted.write_text(JOB.format(name='"new"'))
    page = report(folder.path)
    assert not [key for key in page.figures if key not in ("ln-f", "flatness", "coverage")]
    assert "provenance.json cannot be read" in page.words


@pytest.mark.parametrize(("pid", "state", "words"), [(os.getpid(), "live", "Follow it with"), (2**22 + 1, "bad", "Go on with")])
def test_a_live_and_a_dead_run(tmp_path: Path, pid: int, state: str, words: str) -> None:
    run = write_run(tmp_path / "run", groups=few(), complete="no", status="out of time")
    (run / "alive.json").write_text(json.dumps({"host": platform.node(), "pid": pid, "ranks": 2}))
    page = report(run)
    assert f"verdict {state}" in page.text and words in page.words
    assert list(page.figures) == FEW


def test_a_damaged_result_is_said_and_the_rest_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "result.nc").write_bytes((run / "result.nc").read_bytes()[:2000])
    page = report(run)
    assert "verdict bad" in page.text and "does not match its checksum" in page.words
    assert page.words.count("synthetic") and "pland resume" in page.words
    assert list(page.figures) == ["ln-f", "flatness", "coverage"]


def test_without_an_analysis_it_says_so(tmp_path: Path) -> None:
    values = few()
    values[""]["ln_g_error"] = np.full(22, np.nan)
    run = write_run(tmp_path / "run", groups=values, observables=[])
    (run / "checksums.json").unlink()
    with h5py.File(run / "result.nc", "r+") as file:
        del file.attrs["estimator"]
    page = report(run)
    assert "Not analysed yet" in page.words and f"pland analyze {run}" in page.words
    assert "There are no error bars" in page.words and "[run] repeats = 2" in page.words
    assert "± –" in page.words  # values without an error say so


@pytest.mark.parametrize("status", [*ADVICE, "out of time"])
def test_every_verdict_but_converged_says_what_to_do(tmp_path: Path, status: str) -> None:
    run = write_run(tmp_path / "run", groups=few(), status=status, complete="no" if status == "out of time" else "yes")
    verdict = judge(collect(run))
    assert verdict.kind in ("bad", "warning") and verdict.advice


@pytest.mark.parametrize(
    ("error", "analysis", "word"),
    [
        (0.5, "complete", "converged"), (1.5, "complete", "converged but with large errors"),
        (0.5, "incomplete: 7 of 90 records are left out", "converged but with records missing"),
    ],
)  # fmt: skip
def test_a_converged_run_with_poor_numbers_is_not_green(tmp_path: Path, error: float, analysis: str, word: str) -> None:
    values = few()
    values[""]["ln_g_error"] = np.full(22, error)
    verdict = judge(collect(write_run(tmp_path / "run", groups=values, analysis_status=analysis)))
    assert verdict.word == word and verdict.kind == ("good" if word == "converged" else "warning")
    assert bool(verdict.advice) == (error > 1)


def test_figures_as_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", groups=few())
    assert main(["report", str(run), "--figures", "pdf"]) == 0
    assert {path.name for path in (run / "figures").iterdir()} == {f"{key}.pdf" for key in FEW}
    assert all(path.read_bytes().startswith(b"%PDF") for path in (run / "figures").iterdir())


def test_figures_in_a_folder_of_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run")
    (run / "result.nc").unlink()
    paths = write_report(run, str(tmp_path / "paper" / "figures"))[1:]
    assert {path.name for path in paths} == {
        f"{key}.{form}" for key in ("ln-f", "flatness", "coverage") for form in ("png", "pdf")
    }
    (tmp_path / "file").write_text("")
    assert main(["report", str(run), "--figures", str(tmp_path / "file")]) == 2
    assert "give png, pdf or a folder" in capsys.readouterr().err


def test_the_example_of_the_documentation_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    (tmp_path / "runs").mkdir()
    write_run(tmp_path / "runs" / "digits-3-vs-5", groups=few() | {"windows": whole_result()["windows"]})
    text = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(example, {})
    assert (tmp_path / "figure.pdf").exists() and (tmp_path / "runs" / "digits-3-vs-5" / "report.html").exists()
    named = set(re.findall(r"`(plot_\w+)", text))
    assert named == set(plots.__all__)


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "is not a run folder" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_real_run_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job: dict[str, Any] = {
        "name": "real",
        "seed": 1,
        "ensemble": {"ln_f_final": 1e-3},
        "exchange": {"windows": 2},
        "landscape": {"model": "binary-perceptron", "inputs": 9, "data": {"source": "random", "patterns": 11}},
        "production": {"rounds": 20},
        "run": {"repeats": 2},
    }
    run = pl.run(job)
    page = Page(run.report())
    assert {"entropy", "joins", "flow"} <= set(page.figures)
    assert len([key for key in page.figures if key.startswith("walker-")]) == 4
    material = collect(run.path)
    assert material.trajectory is not None
    for segment in (run.path / "trajectory").glob("leg-*.h5"):
        segment.unlink()
    said = " ".join(collect(run.path).missing)
    assert "missing" in said
    assert len(drawings(collect(run.path))) == len(page.figures) - 5  # four walkers and the flow


def records(**columns: list[int]) -> xr.Dataset:
    return xr.Dataset({name: ("record", np.array(values)) for name, values in columns.items()})


def test_the_flow_of_walkers_by_hand() -> None:
    """Three windows, a slot each: one walker goes 0 1 2 1, the other 2 1 0 1, a third never reaches an end."""
    walks = [(0, [0, 1, 2, 1]), (1, [2, 1, 0, 1]), (2, [1, 1, 1, 1])]
    rows = [(slot, 10 * time, walker) for walker, slots in walks for time, slot in enumerate(slots)]
    slot, sweep, walker = (list(column) for column in zip(*reversed(rows), strict=True))
    found = flow(records(slot=slot, sweep=sweep, walker=walker, energy=slot), windows=3, walkers_per_window=1)
    np.testing.assert_allclose(found["fraction"], [0.0, 0.5, 1.0])  # in the middle: up, down, down, up
    assert np.isnan(found["fraction_error"]).all()


def test_a_few_walkers_and_a_bounded_number_of_points() -> None:
    many = records(sweep=[*range(5000)], energy=[*range(5000)], walker=[k % 50 for k in range(5000)], slot=[0] * 5000)
    assert some_walkers(many, 6) == [0, 10, 20, 29, 39, 49]
    mine = thinned(many, 10, most=30)
    assert mine.sizes["record"] <= 30 and (np.diff(mine["sweep"]) > 0).all() and set(mine["walker"].values) == {10}


def test_work_that_was_done_again_shows_once(tmp_path: Path) -> None:
    folder = RunFolder(write_run(tmp_path / "run"))
    folder.report(report_line("learn", 100.0, 1e-3))  # resumed from a checkpoint at less than 105 s
    folder.report(report_line("produce", 120.0, 1e-4))
    with folder.progress.open("a") as file:
        file.write('{"phase": "lea')
    seconds = read_progress(folder, {})["seconds"].values
    assert (np.diff(seconds) > 0).all() and seconds[-2:].tolist() == [100.0, 120.0] and seconds[0] == 7.0


def test_a_long_progress_file_is_read_in_part(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.progress.write_text("".join(json.dumps({"phase": "learn", "number": number}) + "\n" for number in range(5000)))
    numbers = [report["number"] for report in folder.some_reports(100)]
    assert len(numbers) == 100 and numbers[0] == 0 and numbers[-1] == 4999 and (np.diff(numbers) > 40).all()
    assert len(folder.some_reports(10_000)) == 5000 and RunFolder(tmp_path / "none").some_reports(5) == []


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12.34567, 0.0123, "12.346 ± 0.012"), (-0.5, 2.0, "−0.5 ± 2.0"), (1.5, math_nan := float("nan"), "1.5 ± –"),
        (math_nan, 0.1, "–"), (3.0, 0.0, "3 ± 0"), (1234567.0, 120.0, "1234567 ± 120"),
    ],
)  # fmt: skip
def test_values_with_errors(value: float, error: float, text: str) -> None:
    assert with_error(value, error) == text


def test_numbers() -> None:
    shown = {0: "0", 12: "12", 12345.0: "12,345", 0.5: "0.5", 1e9: "1 × 10⁹", -2.5e-7: "−2.5 × 10⁻⁷", float("inf"): "∞"}
    assert {value: number(value) for value in shown} == shown


def test_theory_is_laid_over_the_data(tmp_path: Path) -> None:
    """A curve made from the theory itself lies on it; one with another alpha does not. Only where there is a theory."""
    job = {"landscape": {"model": "binary-perceptron", "inputs": 1001, "data": {"source": "random", "patterns": 401}}}
    theory = theory_of(job)
    assert theory is not None and theory.curve.sizes["point"] > 40
    energy = np.arange(0, 402, 10)
    other = theory_of({"landscape": {**job["landscape"], "data": {"source": "random", "patterns": 601}}})
    assert other is not None
    for source, near in ((theory, True), (other, False)):
        ln_g = 1001 * np.interp(energy / 401, source.curve["energy_per_pattern"], source.curve["entropy"])
        columns = {"ln_g": ("energy", ln_g + 7.0), "ln_g_error": ("energy", np.zeros(len(energy)))}
        measured = per_weight(xr.Dataset(columns, {"energy": energy}, {"normalisation": "relative"}), theory)
        assert (float(np.nanmax(np.abs(measured["difference"]))) < 1e-3) is near
    data = job["landscape"]["data"]
    for change in ({"flip_labels": 3}, {"source": "digits"}, {"source": "hidden-manifold"}):
        assert theory_of({"landscape": {**job["landscape"], "data": {**data, **change}}}) is None
    assert theory_of({"landscape": {**job["landscape"], "model": "committee"}}) is None
    shuffled = {"source": "teacher", "patterns": 401, "shuffle_labels": True}
    assert theory_of({"landscape": {**job["landscape"], "data": shuffled}}).name == theory.name


def test_the_sphere_has_its_theory(tmp_path: Path) -> None:
    """Of every loss that the theory knows, in the units of the job: at beta = 2, mean energies of the saddle point."""
    data = {"source": "random", "alpha": 0.5}
    hinge = {"model": "spherical-perceptron", "inputs": 100, "kappa": 0.2, "loss": "hinge", "data": data}
    violated = {"model": "margin-perceptron", "inputs": 100, "kappa": -0.2, "data": data}
    for landscape, loss, unit in (
        (hinge, "hinge", 1.0),
        ({**hinge, "convention": "mean"}, "hinge", 1 / 50),
        (violated, "errors", 1.0),
        ({**hinge, "loss": "quadratic"}, "quadratic", 1.0),
    ):
        theory = theory_of({"landscape": landscape, "ensemble": {"betas": [0.5 / unit, 40.0 / unit]}})
        assert theory is not None and theory.scale == pytest.approx(50 * unit) and "fraction of it" in theory.remark
        at = spherical_perceptron(0.5, 2.0, landscape["kappa"], loss)
        beta, energy = (theory.curve[name].values[1:] for name in ("beta", "energy_per_pattern"))
        assert np.interp(2.0 / unit, beta[::-1], energy[::-1]) == pytest.approx(at.energy_per_pattern, rel=0.02)
        assert theory.counts is (loss == "errors")
    assert theory_of({"landscape": hinge, "ensemble": {"betas": {"min": 0.1, "max": 3.0, "count": 4}}}) is not None
    assert theory_of({"landscape": hinge, "ensemble": {"temperatures": {"min": 0.1, "max": 3.0, "count": 4}}}) is not None
    wrong = ({"loss": "cross-entropy"}, {"data": {**data, "source": "teacher"}}, {"model": "mlp"})
    assert [theory_of({"landscape": {**hinge, **change}}) for change in wrong] == [None] * 3

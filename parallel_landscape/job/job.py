"""The job file: one section a question, checked whole before anything happens."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel

from parallel_landscape.data.build import build_training_set, load_source
from parallel_landscape.data.held_out import build_test_set
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.exchange import windows as window_rules
from parallel_landscape.exchange.layout import Layout
from parallel_landscape.job.coupling import Center, Coupled
from parallel_landscape.job.flat_keys import EnergyWindows, FlatEnsemble, bins_of, windows_of
from parallel_landscape.job.job_keys import SECTIONS, check_landscape_section, check_name, check_seed, unknown
from parallel_landscape.job.joint_keys import Joint, Rectangles, joint_landscape, mistakes_in_rectangles
from parallel_landscape.job.kinds import Kind, check_dynamics, check_sampling, check_section, kind_of
from parallel_landscape.job.motion_keys import Moving
from parallel_landscape.job.sections import Dynamics, Ensemble, Exchange, Production, Run, Slurm
from parallel_landscape.job.tempering import Canonical, Temperatures
from parallel_landscape.job.window_keys import mistakes_in_windows
from parallel_landscape.landscape import Landscape, moved_by
from parallel_landscape.landscapes.binned import Bins, binned
from parallel_landscape.landscapes.joint import JointLandscape
from parallel_landscape.model import DATA, Made, has_continuous_weights, make_landscape
from parallel_landscape.network import Network
from parallel_landscape.observables.build import mistakes_in_names
from parallel_landscape.observables.catalogue import KINDS as KINDS_OF_OBSERVABLES
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.solvers.catalogue import Solve, read_solve
from parallel_landscape.store.hdf5 import blosc_missing

_ALWAYS: dict[str, type[BaseModel]] = {"run": Run, "slurm": Slurm}
CHANGEABLE = ("checkpoint_minutes", "checkpoint_rounds", "walltime_minutes")  # of [run], once a run has begun
_LATER: dict[str, dict[str, Any]] = {  # keys added later, with their defaults
    "ensemble": {"patience": 100, "reference_number": 0},
    "production": {"observables": [], "parameters": {}, "transitions": 64},
}
ROUND_STEPS = 100_000  # proposals between exchanges when sweeps_per_round is left out


@dataclass(frozen=True)
class Job:
    """A checked job. `model` makes the landscape from `landscape` keys; `source` the training set from `data` keys."""

    name: str
    seed: int
    model_name: str
    model: Callable[..., Made]
    landscape: dict[str, Any]
    source_name: str | None
    data: dict[str, Any]
    dynamics: Dynamics | Moving
    ensemble: Ensemble | Canonical | Coupled | Joint | FlatEnsemble
    exchange: Exchange | Temperatures | Center | Rectangles | EnergyWindows
    production: Production | None
    run: Run
    slurm: Slurm  # what `submit` asks for; no part of the run itself, so neither `resolved` nor `fingerprint` has it
    base: Path
    solve: Solve | None = None  # what `pland solve` does; no part of the run either

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.base / Path(self.run.folder).expanduser() / self.name

    @property
    def kind(self) -> Kind:
        """What there is to know of the kind of ensemble."""
        kind = kind_of(self.ensemble.kind, self.dynamics.kind)
        assert kind is not None
        return kind

    @property
    def bins(self) -> Bins | None:
        """The bins of the energy; None for other kinds of ensembles."""
        if not isinstance(self.ensemble, FlatEnsemble) or not isinstance(self.exchange, EnergyWindows):
            return None
        return bins_of(self.ensemble, self.exchange)

    def layout(self, levels: range, ranks: int = 1) -> Layout:
        """The slots: repeats x windows (or temperatures) x walkers; known before the search."""
        ensemble, exchange = self.ensemble, self.exchange
        pack = self.dynamics.pack if isinstance(self.dynamics, Moving) else 1
        if isinstance(ensemble, Coupled):
            return Layout(self.run.repeats, ensemble.groups, ensemble.replicas, ranks, pack)
        if isinstance(exchange, EnergyWindows):
            assert self.bins is not None
            windows = len(windows_of(exchange, self.bins))
            return Layout(self.run.repeats, windows, exchange.walkers_per_window, ranks, pack)
        if isinstance(ensemble, Canonical):
            assert isinstance(exchange, Temperatures)
            return Layout(self.run.repeats, ensemble.count, exchange.walkers_per_temperature, ranks, pack)
        if isinstance(exchange, Rectangles):
            rows, columns = exchange.shape
            return Layout(self.run.repeats, rows * columns, exchange.walkers_per_window, ranks, across=columns)
        assert isinstance(exchange, Exchange)
        return Layout(self.run.repeats, self._windows_count(levels), exchange.walkers_per_window, ranks)

    def mistakes_in_levels(self, landscape: Landscape) -> list[str]:
        """What is wrong between the job and the levels of its landscape."""
        if isinstance(self.exchange, Rectangles) and isinstance(landscape, JointLandscape):
            return mistakes_in_rectangles(self.exchange, landscape.rows, landscape.columns)
        if not isinstance(self.exchange, Exchange):
            return []
        return mistakes_in_windows(self.exchange, self._windows_count(landscape.levels), landscape.levels)

    def _windows_count(self, levels: range) -> int:
        assert isinstance(self.exchange, Exchange)
        chosen = self.exchange.windows
        if isinstance(chosen, list):
            return len(chosen)
        if chosen != "auto":
            return int(chosen)
        first, last = self.exchange.energy or (levels[0], levels[-1])
        return window_rules.sensible_count((last - first) // levels.step + 1)

    def training_set(self, network: Network) -> TrainingSet:
        """The training set for a network of this architecture."""
        assert self.source_name is not None
        try:
            return build_training_set(load_source(self.source_name), self.data, network, self.seed)
        except JobError as error:
            raise error.within("[landscape.data]") from None

    def test_set(self, network: Network, patterns: int | None, path: Path | None) -> TrainingSet:
        """Patterns for a test, of the rule of the training set, that the training set does not hold; or those of a file."""
        assert self.source_name is not None
        return build_test_set(load_source(self.source_name), self.data, network, self.seed, patterns, path)

    def build_landscape(self, data: Callable[[Network], TrainingSet] | None = None) -> Made:
        """The landscape; `data` replaces the training set's source (another rank's copy, for instance)."""
        source = data or self.training_set
        if isinstance(self.ensemble, Joint):
            return joint_landscape(self.ensemble, self._made, source, self.test_set, self.base, self.seed)
        return self._made(source)

    def _made(self, data: Callable[[Network], TrainingSet]) -> Made:
        given = {DATA: data} if self.source_name is not None else {}
        made = make_landscape(self.model_name, self.model, {**self.landscape, **given})
        if isinstance(made, Landscape):
            return moved_by(made, self.dynamics.kind)
        return made if self.bins is None else binned(made, self.bins)

    def resolved(self) -> dict[str, Any]:
        """The job with its defaults filled in, as plain values for TOML."""
        landscape: dict[str, Any] = {"model": self.model_name, **self.landscape}
        if self.source_name is not None:
            landscape["data"] = {"source": self.source_name, **self.data}
        names = ("dynamics", "ensemble", "exchange", "production", "solve", "run")
        sections = {name: part.model_dump() for name in names if (part := getattr(self, name)) is not None}
        return _plain({"name": self.name, "seed": self.seed, "landscape": landscape, **sections})

    def fingerprint(self) -> str:
        """A digest of all that the result depends on: two jobs with the same one give the same bits."""
        content = {**replace(self, solve=None).resolved(), "run": {"repeats": self.run.repeats}}
        if self.production is not None:
            del content["production"]["compression"]
        for section, keys in _LATER.items():  # so that a run of an earlier version can still go on
            for key, default in keys.items():
                if content.get(section, {}).get(key) == default:
                    del content[section][key]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def with_settings(self, settings: Mapping[str, Any]) -> Job:
        """This job with other values of keys that leave the result alone, "run.walltime_minutes" say; else JobError."""
        wrong = [
            f"{key}: cannot be changed for a run that has begun; allowed: {', '.join('run.' + name for name in CHANGEABLE)}."
            for key in settings
            if key.removeprefix("run.") not in CHANGEABLE or not key.startswith("run.")
        ]
        run = {**self.run.model_dump(), **{key.removeprefix("run."): value for key, value in settings.items()}}
        checked = None if wrong else check_section(Run, "run", run, wrong)
        if checked is None:
            raise JobError(wrong)
        return replace(self, run=checked)

    def toml(
        self,
        windows: list[Any] | None = None,
        betas: list[float] | None = None,
        lengths: list[float] | None = None,
    ) -> str:
        """`resolved` as a job file; with `windows`, `betas`, or `lengths` of steps, as they were found for this run."""
        content = self.resolved()
        if betas is not None:
            found = ("beta", "temperatures", "pilot_rounds")
            kept = {key: value for key, value in content["ensemble"].items() if key not in found}
            content["ensemble"] = {**kept, "betas": betas}
        if lengths is not None:
            kept = {key: value for key, value in content["dynamics"].items() if key != "step"}
            content["dynamics"] = {**kept, "lengths": lengths}
        if windows is not None:
            kept = {key: value for key, value in content["exchange"].items() if key not in ("energy", "spacing", "values")}
            content["exchange"] = {**kept, "windows": windows}
        return tomli_w.dumps(content)


def _plain(value: Any) -> Any:
    """Drop None (TOML has none) and turn tuples and paths into what TOML knows."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def load_job(path: str | Path, base: Path | None = None) -> Job:
    """Read and check a job file. Raises JobError with every mistake found.

    base: where its relative paths and modules start from; the file's own folder when left out.
    """
    content, folder = read_job(path)
    return make_job(content, base or folder)


def read_job(path: str | Path) -> tuple[dict[str, Any], Path]:
    """The content of a job file, not yet checked, and the folder it lies in."""
    path = Path(path).expanduser()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")), path.parent.resolve()
    except FileNotFoundError:
        raise JobError(f"job file {path} does not exist; `pland new NAME > {path}` writes one to start from") from None
    except OSError as error:
        raise JobError(f"job file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise JobError(f"job file {path} is no text in UTF-8: {error.reason} at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"job file {path} is not valid TOML: {error}") from None


def make_job(content: Mapping[str, Any], base: Path | None = None) -> Job:
    """Check the content of a job file; relative paths in it start from `base`. Raises JobError with every mistake found."""
    base = base or Path.cwd()
    wrong: list[str] = []
    wrong += [unknown(key) for key in content if key not in SECTIONS]
    name, seed = check_name(content, wrong), check_seed(content, wrong)
    landscape = check_landscape_section(content.get("landscape"), base, wrong)
    sections: dict[str, Any] = {key: check_section(model, key, content.get(key, {}), wrong) for key, model in _ALWAYS.items()}
    sections["ensemble"], sections["exchange"] = check_sampling(content, wrong)
    sections["dynamics"] = check_dynamics(content, sections["ensemble"], sections["exchange"], wrong)
    continuous = True if isinstance(sections["dynamics"], Moving) else has_continuous_weights(landscape.get("model"))
    sections["production"] = (
        check_section(Production, "production", content["production"], wrong) if "production" in content else None
    )
    if sections["production"] is not None:
        kinds = SMOOTH_KINDS if continuous else KINDS_OF_OBSERVABLES
        wrong += mistakes_in_names(sections["production"].observables, sections["production"].parameters, kinds)
        if sections["production"].compression == "blosc" and blosc_missing():
            wrong.append('[production] compression: "blosc" needs hdf5plugin: pip install hdf5plugin, or use "lzf" or "gzip".')
    sections["solve"] = read_solve(content, continuous, wrong)
    if wrong:
        raise JobError(wrong)
    return Job(name=name, seed=seed, **landscape, **sections, base=base)

"""The job file: one section a question, checked whole before anything happens."""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallel_landscape.data.build import build_training_set, load_source, source_keys
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.ensembles.schedule import Schedule
from parallel_landscape.errors import JobError
from parallel_landscape.exchange import windows as window_rules
from parallel_landscape.keys import check_keys, keys_model, mistakes
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes import MODELS
from parallel_landscape.network import Network

_SECTIONS = ("name", "seed", "landscape", "dynamics", "ensemble", "exchange", "run")
_PATH_KEYS = ("path", "images", "labels")
CHANGEABLE = ("checkpoint_minutes", "checkpoint_rounds", "walltime_minutes")  # of [run], once a run has begun
ROUND_STEPS = 100_000  # proposals between exchanges when sweeps_per_round is left out


class Section(BaseModel):
    """A section of the job file: unknown keys and loose types are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Dynamics(Section):
    """How one walker moves."""

    kind: Annotated[Literal["flip"], Field(description="single moves, accepted by Metropolis")] = "flip"
    sweeps_per_round: Annotated[
        int | None, Field(ge=1, description="sweeps between exchanges; when left out, enough for 100,000 proposals")
    ] = None


class Ensemble(Schedule):
    """Under which weight, and how it is learnt."""

    model_config = Section.model_config

    kind: Annotated[Literal["wang-landau"], Field(description="learn ln g by visiting all levels alike")] = "wang-landau"
    max_sweeps: Annotated[int | None, Field(ge=1, description="stop learning after so many sweeps of each walker")] = None


class Exchange(Section):
    """What walkers do together between rounds."""

    kind: Annotated[
        Literal["windows", "none"], Field(description="replica exchange between neighbouring windows, or none")
    ] = "windows"
    windows: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto"] | list[Annotated[list[int], Field(min_length=2, max_length=2)]],
        Field(description='number of windows, "auto", or energies [[lowest, highest], ...] in ascending order'),
    ] = "auto"
    spacing: Annotated[
        Literal["equal", "diffusion"] | None,
        Field(description="windows of equal width, or of equal measured crossing time (always so for auto)"),
    ] = None
    walkers_per_window: Annotated[int, Field(ge=1, description="walkers in each window")] = 1
    share: Annotated[
        Literal["window", "none"], Field(description="the walkers of a window average their ln g, or learn alone")
    ] = "window"
    overlap: Annotated[float, Field(gt=0, lt=1, description="fraction of a window that it shares with the next")] = 0.5
    energy: Annotated[
        Annotated[list[int], Field(min_length=2, max_length=2)] | None,
        Field(description="lowest and highest energy; found by a search when left out"),
    ] = None
    search_sweeps: Annotated[
        int, Field(ge=1, description="most sweeps a walker may spend to find the range, and again to find its window")
    ] = 200_000

    @property
    def measured(self) -> bool:
        """Whether windows are laid by measured crossing times."""
        return self.windows == "auto" if self.spacing is None else self.spacing == "diffusion"


class Run(Section):
    """Where the run lies and how long it may take."""

    folder: Annotated[str, Field(description="folder of runs; RUN is folder/name")] = "runs"
    repeats: Annotated[int, Field(ge=1, description="independent whole runs: where error bars come from")] = 1
    checkpoint_minutes: Annotated[float, Field(gt=0, description="time between checkpoints")] = 10.0
    checkpoint_rounds: Annotated[int | None, Field(ge=1, description="rounds between checkpoints, besides the minutes")] = None
    walltime_minutes: Annotated[
        float | None, Field(gt=0, description="stop, resumable, before this; SLURM's own limit is found by itself")
    ] = None


@dataclass(frozen=True)
class Job:
    """A checked job. `model` makes the landscape from `landscape` keys; `source` the training set from `data` keys."""

    name: str
    seed: int
    model_name: str
    model: Callable[..., Landscape]
    landscape: dict[str, Any]
    source_name: str | None
    data: dict[str, Any]
    dynamics: Dynamics
    ensemble: Ensemble
    exchange: Exchange
    run: Run
    base: Path

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.base / self.run.folder / self.name

    def windows_count(self, levels: range) -> int:
        """How many windows there are; known before the search."""
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
        return build_training_set(load_source(self.source_name), self.data, network, self.seed)

    def build_landscape(self, data: Callable[[Network], TrainingSet] | None = None) -> Landscape:
        """The landscape; `data` replaces the training set's source (another rank's copy, for instance)."""
        given = {"data": data or self.training_set} if self.source_name is not None else {}
        return self.model(**self.landscape, **given)

    def resolved(self) -> dict[str, Any]:
        """The job with its defaults filled in, as plain values for TOML."""
        landscape: dict[str, Any] = {"model": self.model_name, **self.landscape}
        if self.source_name is not None:
            landscape["data"] = {"source": self.source_name, **self.data}
        sections = {name: getattr(self, name).model_dump() for name in ("dynamics", "ensemble", "exchange", "run")}
        return _plain({"name": self.name, "seed": self.seed, "landscape": landscape, **sections})

    def fingerprint(self) -> str:
        """A digest of all that the result depends on: two jobs with the same one give the same bits."""
        content = self.resolved()
        content["run"] = {"repeats": self.run.repeats}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def with_settings(self, settings: Mapping[str, Any]) -> Job:
        """This job with other values of keys that do not change the result, such as {"run.walltime_minutes": 600}.

        Raises JobError for any other key.
        """
        wrong = [
            f"{key}: cannot be changed for a run that has begun; allowed: {', '.join('run.' + name for name in CHANGEABLE)}."
            for key in settings
            if key.removeprefix("run.") not in CHANGEABLE or not key.startswith("run.")
        ]
        run = {**self.run.model_dump(), **{key.removeprefix("run."): value for key, value in settings.items()}}
        checked = None if wrong else _section(Run, "run", run, wrong)
        if wrong:
            raise JobError(wrong)
        return replace(self, run=checked)

    def toml(self, windows: list[list[int]] | None = None) -> str:
        """`resolved` as a job file; with `windows`, as they were found for this run."""
        content = self.resolved()
        if windows is not None:
            kept = {key: value for key, value in content["exchange"].items() if key not in ("energy", "spacing")}
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
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise JobError(f"job file {path} does not exist; `pland new NAME > {path}` writes one to start from") from None
    except (OSError, UnicodeDecodeError) as error:
        raise JobError(f"job file {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise JobError(f"job file {path} is not valid TOML: {error}") from None
    return make_job(content, base or path.parent.resolve())


def make_job(content: Mapping[str, Any], base: Path | None = None) -> Job:
    """Check the content of a job file; relative paths in it start from `base`. Raises JobError with every mistake found."""
    base = base or Path.cwd()
    wrong: list[str] = []
    unknown = [key for key in content if key not in _SECTIONS]
    wrong += [f"[{key}]: unknown section or key; allowed: {', '.join(_SECTIONS)}." for key in unknown]
    name, seed = _name(content, wrong), _seed(content, wrong)
    landscape = _landscape(content.get("landscape"), base, wrong)
    sections = {
        key: _section(model, key, content.get(key, {}), wrong)
        for key, model in {"dynamics": Dynamics, "ensemble": Ensemble, "exchange": Exchange, "run": Run}.items()
    }
    if wrong:
        raise JobError(wrong)
    return Job(name=name, seed=seed, **landscape, **sections, base=base)


def _name(content: Mapping[str, Any], wrong: list[str]) -> str:
    name = content.get("name")
    if not isinstance(name, str) or not name or any(c in name for c in "/\\\0") or name in (".", ".."):
        wrong.append(f"name: given {name!r}; a run needs a name that can be a folder's, e.g. name = \"digits-3-vs-5\".")
    return str(name)


def _seed(content: Mapping[str, Any], wrong: list[str]) -> int:
    seed = content.get("seed")
    if type(seed) is not int or not 0 <= seed < 2**64:
        given = "not given" if seed is None else f"given {seed!r}"
        wrong.append(f"seed: {given}; an integer from 0 to 2**64 - 1 is required, for nothing else seeds anything.")
        return 0
    return seed


def _section(model: type[BaseModel], key: str, given: Any, wrong: list[str]) -> Any:
    if not isinstance(given, Mapping):
        wrong.append(f"[{key}]: given {given!r}; a section is required, e.g. [{key}].")
        return None
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        wrong += mistakes(model, error, f"[{key}]")
        return None


def _landscape(given: Any, base: Path, wrong: list[str]) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not isinstance(given.get("model"), str):
        wrong.append(f'[landscape] model: required; one of {", ".join(MODELS)}, or "my_module:function".')
        return {}
    keys = {key: value for key, value in given.items() if key not in ("model", "data")}
    try:
        model = load_model(given["model"], base)
    except JobError as error:
        wrong += error.mistakes
        return {}
    allowed = keys_model(model, skip=("data",))
    needs_data = "data" in model.__code__.co_varnames[: model.__code__.co_argcount + model.__code__.co_kwonlyargcount]
    try:
        keys = check_keys(allowed, keys, "[landscape]")
    except JobError as error:
        wrong += error.mistakes
    source, data = _data(given.get("data"), base, wrong) if needs_data or "data" in given else (None, {})
    if source is not None and not needs_data:
        wrong.append(f"[landscape.data]: {given['model']} has no training set; leave this section out.")
    return {"model_name": given["model"], "model": model, "landscape": keys, "source_name": source, "data": data}


def _data(given: Any, base: Path, wrong: list[str]) -> tuple[str | None, dict[str, Any]]:
    if not isinstance(given, Mapping) or not isinstance(given.get("source"), str):
        wrong.append('[landscape.data] source: required, e.g. source = "random".')
        return None, {}
    keys = {key: value for key, value in given.items() if key != "source"}
    for key in _PATH_KEYS:
        if isinstance(keys.get(key), str):
            keys[key] = str((base / keys[key]).resolve())
    try:
        return given["source"], check_keys(source_keys(load_source(given["source"])), keys, "[landscape.data]")
    except JobError as error:
        wrong += [line if line.startswith("[") else f"[landscape.data] {line}" for line in error.mistakes]
        return given["source"], {}


def load_model(name: str, base: Path) -> Callable[..., Landscape]:
    """The function behind a model's name: one of ours, or "module:function" found beside the job file or on the path."""
    if name not in MODELS and ":" not in name:
        raise JobError(f'[landscape] model: given "{name}"; one of {", ".join(MODELS)}, or "my_module:function".')
    module_name, function_name = MODELS.get(name, name).split(":", 1)
    if name not in MODELS and str(base) not in sys.path:
        sys.path.insert(0, str(base))
    try:
        module = import_module(module_name)
    except ImportError as error:
        raise JobError(f'[landscape] model: "{name}": cannot import {module_name} ({error}); it must lie beside the job file.') from None
    except Exception as error:  # whatever a user's module raises is the user's to read
        raise JobError(f'[landscape] model: "{name}": {module_name} fails on import: {type(error).__name__}: {error}') from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise JobError(f'[landscape] model: "{name}": {module_name} has no function {function_name}.')
    return function  # type: ignore[no-any-return]


def check_windows(job: Job, levels: range) -> list[str]:
    """What is wrong between the job's energies and windows and the landscape's levels."""
    found = []
    energy = job.exchange.energy
    if energy is not None:
        if energy[0] >= energy[1]:
            found.append(f"[exchange] energy: given {energy}; the lowest must be below the highest.")
        outside = [e for e in energy if e not in levels]
        found += [
            f"[exchange] energy: {e} is not a level of this landscape: levels are {levels[0]}, {levels[0] + levels.step}, ..., {levels[-1]}."
            for e in outside
        ]
    chosen = job.exchange.windows
    if isinstance(chosen, list):
        found += [f"[exchange] {sentence}" for sentence in window_rules.mistakes_in(chosen, levels)]
        if energy is not None:
            found.append("[exchange] energy and explicit windows were both given; leave out energy.")
        if job.exchange.spacing is not None:
            found.append("[exchange] spacing and explicit windows were both given; leave out spacing.")
    elif not found:
        first, last = energy or (levels[0], levels[-1])
        room = (last - first) // levels.step + 1
        if job.windows_count(levels) > max(1, room // 3):
            found.append(f"[exchange] windows: {chosen} windows in {room} levels; at most {max(1, room // 3)} (three levels each).")
    return found

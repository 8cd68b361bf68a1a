"""What a job file says first: its name, its seed, the landscape and its data."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parallel_landscape.data import SOURCES
from parallel_landscape.data.build import load_source, source_keys
from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys
from parallel_landscape.landscapes import MODELS
from parallel_landscape.model import DATA, load_model, model_keys, takes_data

SECTIONS = ("name", "seed", "landscape", "dynamics", "ensemble", "exchange", "production", "solve", "run", "slurm")
_PATH_KEYS = ("path", "images", "labels")


def unknown(key: str) -> str:
    """What is wrong with a key or section that is none."""
    if key == "sweep":
        return "sweep: this is a study of many runs; `pland run` and `pland submit` carry it out, `make_study` gives its jobs."
    near = difflib.get_close_matches(key, SECTIONS, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{key}: unknown section or key; {hint}Allowed: {', '.join(SECTIONS)}."


def check_name(content: Mapping[str, Any], wrong: list[str]) -> str:
    """The name of the run; `wrong` gets a sentence when it cannot be a folder's."""
    name = content.get("name")
    if not isinstance(name, str) or name.strip() in ("", ".", "..") or not name.isprintable() or set(name) & set("/\\"):
        given = "not given" if name is None else f"given {name!r}"
        wrong.append(f"name: {given}; a run needs a name that can be a folder's, e.g. name = 'digits-3-vs-5'.")
    return str(name)


def check_seed(content: Mapping[str, Any], wrong: list[str]) -> int:
    """The seed; `wrong` gets a sentence when it is none."""
    seed = content.get("seed")
    if type(seed) is not int or not 0 <= seed < 2**64:
        given = "not given" if seed is None else f"given {seed!r}"
        wrong.append(f"seed: {given}; an integer from 0 to 2**64 - 1 is required, for nothing else seeds anything.")
        return 0
    return seed


def check_landscape_section(given: Any, base: Path, wrong: list[str]) -> dict[str, Any]:
    """The section [landscape], with [landscape.data], as fields of a Job; `wrong` gets all mistakes in it."""
    if not isinstance(given, Mapping) or not isinstance(given.get("model"), str):
        wrong.append(f'[landscape] model: required; choose from {", ".join(MODELS)}, or write "my_module:function".')
        return {}
    name, model = given["model"], None
    keys = {key: value for key, value in given.items() if key not in ("model", DATA)}
    try:
        model = load_model(name, base)
        keys = check_keys(model_keys(name, model), keys, "[landscape]")
    except JobError as error:
        wrong += error.mistakes
    source: str | None = None
    data: dict[str, Any] = {}
    if model is not None and not takes_data(model):
        if DATA in given:
            wrong.append(f"[landscape.data]: {name} has no training set; leave this section out.")
    elif model is not None or DATA in given:
        source, data = _data(given.get(DATA), base, wrong)
    return {"model_name": name, "model": model, "landscape": keys, "source_name": source, "data": data}


def _data(given: Any, base: Path, wrong: list[str]) -> tuple[str | None, dict[str, Any]]:
    if not isinstance(given, Mapping) or not isinstance(given.get("source"), str):
        wrong.append(f"[landscape.data] source: required; choose from {', '.join(SOURCES)}.")
        return None, {}
    keys = {key: value for key, value in given.items() if key != "source"}
    for key in _PATH_KEYS:
        if isinstance(keys.get(key), str):
            keys[key] = str((base / Path(keys[key]).expanduser()).resolve())
    try:
        return given["source"], check_keys(source_keys(load_source(given["source"])), keys, "[landscape.data]")
    except JobError as error:
        wrong += error.within("[landscape.data]").mistakes
        return given["source"], {}

"""The keys of a job file, from the models that check them."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from made.tables import plain, table
from parallel_landscape.data import SOURCES
from parallel_landscape.data.build import load_source, transformed
from parallel_landscape.job.kinds import DYNAMICS, KINDS, OF_CONTINUOUS
from parallel_landscape.job.sections import Production, Run, Slurm
from parallel_landscape.keys import keys_model
from parallel_landscape.landscapes import MODELS
from parallel_landscape.model import load_model, model_keys, takes_data
from parallel_landscape.observables.catalogue import KINDS as OBSERVABLES
from parallel_landscape.observables.smooth import SMOOTH_KINDS
from parallel_landscape.solvers import ALGORITHMS
from parallel_landscape.solvers.catalogue import common, load_algorithm

HEAD = ("key", "type", "default", "allowed", "meaning")
NAMES = {bool: "true or false", int: "integer", float: "number", str: "text", dict: "table", Any: "anything"}
BOUNDS = (("gt", "above {}"), ("ge", "from {} up"), ("lt", "below {}"), ("le", "up to {}"))


def job() -> str:
    """All sections, each with its kinds."""
    text, last = "", ""
    for place, section in sections():
        text += section if place == last else f"## {place}\n\n{section}"
        last = place
    return text


def sections() -> Iterable[tuple[str, str]]:
    """Where each part belongs, and the part."""
    yield from _kinds("[landscape]", "model", MODELS, _model)
    yield "[landscape.data]", _section("any source", keys_model(transformed, skip=("training_set", "job_seed")))
    yield from _kinds("[landscape.data]", "source", SOURCES, _source)
    by_kind: dict[type[BaseModel], list[str]] = {}
    for name, keys in DYNAMICS.items():
        by_kind.setdefault(keys, []).append(name)
    for keys, names in by_kind.items():
        told_names = " or ".join(f'"{name}"' for name in names)
        yield "[dynamics]", _section(f"kind = {told_names}", keys)
    for place in ("ensemble", "exchange"):
        for kinds, whose in ((KINDS, ""), (OF_CONTINUOUS, ", continuous weights")):
            for name, kind in kinds.items():
                yield f"[{place}]", _section(f'with [ensemble] kind = "{name}"{whose}', getattr(kind, place))
    yield "[production]", _section("", Production) + _observables()
    yield "[solve]", _section("any algorithm", keys_model(common))
    yield from _kinds("[solve]", "algorithm", ALGORITHMS, _algorithm)
    yield "[run]", _section("", Run)
    yield "[slurm]", _section("", Slurm)


def _kinds(place: str, key: str, names: Iterable[str], keys: Any) -> Iterable[tuple[str, str]]:
    for name in names:
        model, about = keys(name)
        yield place, _section(f'{key} = "{name}"', model, about)


def _model(name: str) -> tuple[type[BaseModel], str]:
    made = load_model(name, Path())
    data = "" if takes_data(made) else " It has no training set."
    return model_keys(name, made), f"{plain(inspect.getdoc(made) or '')}{data}"


def _source(name: str) -> tuple[type[BaseModel], str]:
    source = load_source(name)
    shared = set(inspect.signature(transformed).parameters) - set(inspect.signature(source).parameters)
    return keys_model(source, skip=("network", "rng", *shared)), plain(inspect.getdoc(source) or "")


def _algorithm(name: str) -> tuple[type[BaseModel], str]:
    function = load_algorithm(name)
    return keys_model(function, skip=("problem", "attempt")), plain(inspect.getdoc(function) or "")


def _observables() -> str:
    rows = []
    for kinds, weights in ((OBSERVABLES, "discrete"), (SMOOTH_KINDS, "continuous")):
        for name, kind in kinds.items():
            keys = keys_model(kind.make, skip=("around",)).model_fields
            for key, field in keys.items():
                rows.append((f"`{name}`", weights, f"`{key}`", *_row(field)))
            if not keys:
                rows.append((f"`{name}`", weights, "", "", "", "", "no keys"))
    head = ("observable", "weights", *HEAD)
    told = "Observables and their keys, in `[production.parameters.NAME]`; what they measure: [production](production.md)."
    return f"{told}\n\n{table(head, rows)}\n"


def _section(title: str, model: type[BaseModel], about: str = "") -> str:
    """A heading, what it is about, its keys, and those of tables inside."""
    rows = [(f"`{key}`", *_row(field)) for key, field in model.model_fields.items()]
    text = "".join(f"{part}\n\n" for part in (title and f"### {title}", about) if part)
    text += table(HEAD, rows) if rows else "No keys of its own.\n"
    for inner in dict.fromkeys(one for field in model.model_fields.values() for one in _models(field.annotation)):
        text += f"\nA table of {inner.__name__.lower()}:\n\n"
        text += table(HEAD, [(f"`{key}`", *_row(field)) for key, field in inner.model_fields.items()])
    return text + "\n"


def _row(field: FieldInfo) -> tuple[str, str, str, str]:
    """Type, default, what is allowed, and meaning."""
    kind, allowed = told(field.annotation)
    bounds = [*allowed, *_bounds(field.metadata)]
    default = "required" if field.is_required() else _value(field.get_default(call_default_factory=True))
    return kind, default, "; ".join(dict.fromkeys(bounds)), plain(field.description or "")


def told(hint: Any) -> tuple[str, list[str]]:
    """What a value is called, and what is allowed of it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind, allowed = told(arguments[0])
        inner = [one for extra in arguments[1:] for one in (extra.metadata if isinstance(extra, FieldInfo) else [extra])]
        return kind, [*allowed, *_bounds(inner)]
    if origin in (Union, types.UnionType):
        parts = [told(argument) for argument in arguments if argument is not type(None)]
        return " or ".join(dict.fromkeys(kind for kind, _ in parts)), [one for _, allowed in parts for one in allowed]
    if origin is Literal:
        return "choice", [", ".join(_value(one) for one in arguments)]
    if origin in (list, tuple):
        inner = [argument for argument in arguments if argument is not ...]
        kind, allowed = told(inner[0]) if inner else ("anything", [])
        several = re.sub("^(integer|number|list)", r"\1s", kind)
        return f"list of {several}", [f"each {one}" for one in allowed]
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return f"table of {hint.__name__.lower()}", []
    return NAMES.get(origin or hint, getattr(hint, "__name__", str(hint)).lower()), []


def _bounds(metadata: Iterable[Any]) -> list[str]:
    found = []
    for one in metadata:
        found += [text.format(getattr(one, name)) for name, text in BOUNDS if getattr(one, name, None) is not None]
        least, most = getattr(one, "min_length", None), getattr(one, "max_length", None)
        if least is not None:
            found.append(f"{least} entries" if most == least else f"{least} or more entries")
        if most is not None and most != least:
            found.append(f"{most} entries at most")
    return found


def _models(hint: Any) -> list[type[BaseModel]]:
    """Models inside an annotation."""
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint]
    return [one for argument in get_args(hint) for one in _models(argument)]


def _value(value: Any) -> str:
    if value is None:
        return "left out"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"

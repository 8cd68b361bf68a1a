"""From the names in a job to observables that can be measured; everything that is wrong with them at once."""

from __future__ import annotations

import difflib
import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from parallel_landscape.errors import JobError, RunError, describe
from parallel_landscape.keys import check_keys, keys_model
from parallel_landscape.observables.catalogue import KINDS
from parallel_landscape.observables.observable import Around, Kind, Observable
from parallel_landscape.specialise import Kernel, compile_function
from parallel_landscape.store.schema import RECORDS, RESULT, WINDOWS

PLACE = "[production] observables:"
TAKEN = {*RECORDS, *RESULT, *WINDOWS, "transitions"}  # names of other columns and variables
ENDINGS = ("_error", "_variance")  # of variables that an analysis makes from an observable
KIND = "observable"  # the parameter that says what kind an observable under another name is


@dataclass(frozen=True)
class Observers:
    """Observables by name, compiled, in the order of the job."""

    observables: Mapping[str, Observable]
    kernels: Mapping[str, Kernel]
    digests: Mapping[str, str]

    def measure(self, slot: int, record: int, energy: int, state: Any) -> dict[str, float]:
        """All values for a walker of this energy. Raises RunError that names the observable that fails."""
        values = {}
        for name, one in self.observables.items():
            if one.moment is not None:
                one.moment[:] = slot, record, energy
            try:
                values[name] = float(self.kernels[name](one.params, state))
            except NumbaError as error:
                raise RunError(f"the observable {name!r} cannot be compiled: {error}") from error
            except Exception as error:
                raise RunError(f"the observable {name!r} failed: {describe(error)}") from error
        return values

    def about(self) -> list[tuple[str, str, str]]:
        """Name, meaning and unit of each."""
        return [(name, one.meaning, one.unit) for name, one in self.observables.items()]


def kind_of(name: str, parameters: Mapping[str, Mapping[str, Any]]) -> str:
    """The kind of an observable: its name, unless its parameters say otherwise."""
    return str(parameters.get(name, {}).get(KIND, name))


def mistakes_in_names(
    names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, Kind] = KINDS
) -> list[str]:
    """What is wrong before any landscape is known."""
    found = [f"{PLACE} {name!r} is listed twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    found += [
        f"{PLACE} {name!r} cannot be a name: a file of the run has something else of that name or that ending."
        for name in names
        if name in TAKEN or name.endswith(ENDINGS)
    ]
    found += [
        f"{PLACE} {name!r} cannot be a name: allowed are letters, digits, '-', '_' and '.'."
        for name in names
        if not name or not set(name) <= _LETTERS
    ]
    found += [
        f"[production.parameters.{name}]: this observable is not listed in observables = {list(names)}."
        for name in parameters
        if name not in names
    ]
    for name in names:
        kind = kind_of(name, parameters)
        if kind in kinds:
            found += _keys_of(name, kinds[kind], parameters)[1]
    return found


_LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def _keys_of(name: str, kind: Kind, parameters: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The checked keys of an observable, and what is wrong with them."""
    given = {key: value for key, value in parameters.get(name, {}).items() if key != KIND}
    try:
        return check_keys(keys_model(kind.make, skip=("around",)), given, f"[production.parameters.{name}]"), []
    except JobError as error:
        return {}, list(error.mistakes)


def build(
    names: Sequence[str], parameters: Mapping[str, Mapping[str, Any]], around: Around, kinds: Mapping[str, Kind] = KINDS
) -> tuple[dict[str, Observable], list[str]]:
    """The observables that can be made, and a sentence for everything that is wrong."""
    made: dict[str, Observable] = {}
    wrong = mistakes_in_names(names, parameters, kinds)
    for name in names:
        kind = kind_of(name, parameters)
        own = around.landscape.observables.get(kind)
        if own is not None:
            made[name] = Observable(own, getattr(around.landscape, "params", ()), _first_sentence(own))
            given = [key for key in parameters.get(name, {}) if key != KIND]
            wrong += [
                f"[production.parameters.{name}] {key}: an observable of the landscape's own has no keys." for key in given
            ]
        elif kind not in kinds:
            wrong.append(f"{PLACE} {kind!r} is unknown; {_hint(kind, around, kinds)}{_offer(around, kinds)}")
        elif (reason := kinds[kind].why_not(around)) is not None:
            wrong.append(f"{PLACE} {kind!r} is not to be had here: {reason}. {_offer(around, kinds)}")
        else:
            keys, mistakes = _keys_of(name, kinds[kind], parameters)
            if not mistakes:
                try:
                    made[name] = kinds[kind].make(around, **keys)
                except JobError as error:
                    wrong += [f"[production.parameters.{name}] {sentence}" for sentence in error.mistakes]
    return made, wrong


def compiled(observables: Mapping[str, Observable]) -> Observers:
    """Compile (or load) them. `digests` stand for the code of each and for what it compares with."""
    kernels = {name: compile_function(one.function) for name, one in observables.items()}
    digests = {f"observable {name}": f"{kernels[name].digest} {_digest(one)}" for name, one in observables.items()}
    return Observers(observables, kernels, digests)


def _hint(name: str, around: Around, kinds: Mapping[str, Kind]) -> str:
    near = difflib.get_close_matches(name, [*around.landscape.observables, *kinds], n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def _offer(around: Around, kinds: Mapping[str, Kind]) -> str:
    """What this landscape offers, and why the others cannot be had."""
    refused = {name: kind.why_not(around) for name, kind in kinds.items() if name not in around.landscape.observables}
    offered = [*around.landscape.observables, *(name for name, reason in refused.items() if reason is None)]
    text = f"This landscape offers {', '.join(offered) or 'none'}."
    reasons = [f"{name}: {reason}" for name, reason in refused.items() if reason is not None]
    return text + (f" Not {'; '.join(reasons)}." if reasons else "")


def _first_sentence(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    return text.split("\n\n")[0].replace("\n", " ").rstrip(".") or "an observable of the landscape's own"


def _digest(observable: Observable) -> str:
    hasher = hashlib.sha256()
    for part in _leaves(observable.params):
        if part is not observable.moment:
            hasher.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    return hasher.hexdigest()[:16]


def _leaves(value: Any) -> Iterator[NDArray[Any]]:
    if isinstance(value, tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield np.asarray(value)

"""The kinds of ensembles: which keys [ensemble] and [exchange] may hold for each, and what may be wrong between them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from parallel_landscape.job import coupling, flat_keys, joint_keys, tempering, window_keys
from parallel_landscape.job.coupling import Center, Coupled
from parallel_landscape.job.flat_keys import EnergyWindows, FlatEnsemble
from parallel_landscape.job.joint_keys import Joint, Rectangles
from parallel_landscape.job.motion_keys import Hmc, Langevin, Moving
from parallel_landscape.job.sections import Dynamics, Ensemble, Exchange
from parallel_landscape.job.tempering import Canonical, Temperatures
from parallel_landscape.keys import mistakes
from parallel_landscape.landscape import Landscape
from parallel_landscape.smooth import SmoothLandscape


def _no_pull(ensemble: Any) -> str:
    return ""


def _never(ensemble: Any, landscape: SmoothLandscape) -> list[str]:
    return []


def _always(ensemble: Any, landscape: Landscape, folder: Path, seed: int) -> list[str]:
    return []


@dataclass(frozen=True)
class Kind:
    """Sections of a kind of ensemble; `contradictions(ensemble, exchange)` has a sentence for each mistake between keys, and is
    given None for a section that is wrong by itself.

    produces: whether there is nothing to do without [production]; None: production is not to be had. places, members: what
    slots are called: windows, and the key that says how many walkers each has. pull(ensemble): what pulls weights besides the
    energy, "field" or "distance".
    why_not(ensemble, landscape, folder, seed): sentences about what does not fit a landscape; why_not_smooth(ensemble,
    landscape): of continuous weights.
    """

    ensemble: type[BaseModel]
    exchange: type[BaseModel]
    contradictions: Callable[[Any, Any], list[str]]
    places: str
    members: str
    produces: bool | None = True
    pull: Callable[[Any], str] = _no_pull
    why_not: Callable[[Any, Landscape, Path, int], list[str]] = _always
    why_not_smooth: Callable[[Any, SmoothLandscape], list[str]] = _never


DYNAMICS: dict[str, type[BaseModel]] = {
    **dict.fromkeys(("flip", "rotation", "great-circle"), Dynamics),
    "langevin": Langevin,
    "hmc": Hmc,
}
CONTINUOUS = ("langevin", "hmc")  # kinds of dynamics of continuous weights
SMOOTH = '"canonical", "coupled" or "wang-landau"'  # the kinds of ensembles under which continuous weights move

KINDS = {
    "wang-landau": Kind(
        *(Ensemble, Exchange, lambda _, exchange: [] if exchange is None else window_keys.contradictions(exchange)),
        *("windows", "walkers_per_window", False),
    ),
    "canonical": Kind(
        *(Canonical, Temperatures, tempering.contradictions, "temperatures", "walkers_per_temperature"),
        why_not=tempering.why_not,
    ),
    "coupled": Kind(
        *(Coupled, Center, coupling.contradictions, "groups", "replicas"),
        pull=lambda ensemble: "distance" if ensemble.form == "distance" else "field",
        why_not=coupling.why_not,
        why_not_smooth=coupling.why_not_smooth,
    ),
    "joint": Kind(Joint, Rectangles, joint_keys.contradictions, "windows", "walkers_per_window", None),
}
DEFAULT = "wang-landau"
# what is another one with continuous weights
OF_CONTINUOUS = {
    "wang-landau": Kind(FlatEnsemble, EnergyWindows, flat_keys.contradictions, "windows", "walkers_per_window", False),
}


def kind_of(ensemble: Any, dynamics: Any) -> Kind | None:
    """The kind of ensemble of that name, with the kind of dynamics of that name; None when there is none."""
    names = {**KINDS, **OF_CONTINUOUS} if dynamics in CONTINUOUS else KINDS
    return names.get(ensemble) if isinstance(ensemble, str) else None


def check_sampling(content: Mapping[str, Any], wrong: list[str]) -> tuple[Any, Any]:
    """The sections [ensemble] and [exchange] of a job's content, None where they are wrong; `wrong` gets the sentences."""
    given = content.get("ensemble", {})
    name = given.get("kind", DEFAULT) if isinstance(given, Mapping) else DEFAULT
    moving = content.get("dynamics", {})
    kind = kind_of(name, moving.get("kind") if isinstance(moving, Mapping) else None)
    if kind is None:
        wrong.append(f"[ensemble] kind: given {name!r}; {_near(name, KINDS)}Allowed: {', '.join(KINDS)}.")
        return None, None
    ensemble = check_section(kind.ensemble, "ensemble", given, wrong)
    exchange = check_section(kind.exchange, "exchange", content.get("exchange", {}), wrong)
    wrong += kind.contradictions(ensemble, exchange)
    if kind.produces and "production" not in content:
        wrong.append(f'[production]: required with [ensemble] kind = "{name}", which learns nothing; e.g. rounds = 1000.')
    if kind.produces is None and "production" in content:
        wrong.append(
            f'[production]: not to be had with [ensemble] kind = "{name}", whose result is what it learns; leave it out.'
        )
    return ensemble, exchange


def check_dynamics(content: Mapping[str, Any], ensemble: Any, exchange: Any, wrong: list[str]) -> Any:
    """The section [dynamics], checked together with two others (None where they are wrong); `wrong` gets the sentences."""
    given = content.get("dynamics", {})
    name = given.get("kind", "flip") if isinstance(given, Mapping) else "flip"
    if name not in DYNAMICS:
        wrong.append(f"[dynamics] kind: given {name!r}; {_near(name, DYNAMICS)}Allowed: {', '.join(DYNAMICS)}.")
        return None
    checked = check_section(DYNAMICS[name], "dynamics", given, wrong)
    if isinstance(checked, Moving) and isinstance(ensemble, FlatEnsemble):
        wrong += flat_keys.mistakes_in_motion(checked, ensemble, exchange)
    elif isinstance(checked, Moving):
        known = isinstance(ensemble, Canonical | Coupled)
        if ensemble is not None and not known:
            wrong.append(
                f'[ensemble] kind: "{ensemble.kind}" with [dynamics] kind = "{name}"; continuous weights are sampled with '
                f"[ensemble] kind = {SMOOTH}."
            )
        betas = ensemble.ladder() if known and not ensemble.mistakes() else None
        wrong += checked.mistakes(betas)
    return checked


def _near(name: Any, allowed: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(str(name), allowed, n=1)
    return f"did you mean '{near[0]}'? " if near else ""


def check_section(model: type[BaseModel], key: str, given: Any, wrong: list[str]) -> Any:
    """A section checked by its model; None, and sentences in `wrong`, when there are mistakes."""
    if not isinstance(given, Mapping):
        wrong.append(f"[{key}]: given {given!r}; a section is required, e.g. [{key}].")
        return None
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        wrong += mistakes(model, error, f"[{key}]")
        return None

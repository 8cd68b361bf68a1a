"""The function behind a model's name in the job file, and the landscape that it makes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import BaseModel

from parallel_landscape.errors import JobError, PlandError, describe
from parallel_landscape.keys import keys_model
from parallel_landscape.landscape import Landscape
from parallel_landscape.landscapes import MODELS
from parallel_landscape.smooth import SmoothLandscape

DATA = "data"  # the parameter that stands for the section [landscape.data]
_WHERE = "[landscape] model:"
Made = Landscape | SmoothLandscape


def load_model(name: str, base: Path) -> Callable[..., Made]:
    """The function behind a model's name: one of ours, or "module:function" found in the folder `base` or on the path."""
    if name not in MODELS and not all(name.partition(":")):
        raise JobError(f'{_WHERE} given "{name}"; choose from {", ".join(MODELS)}, or write "my_module:function".')
    module_name, function_name = MODELS.get(name, name).split(":", 1)
    if name not in MODELS:
        _look_in(base, module_name, name)
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise JobError(f'{_WHERE} "{name}": {module_name} fails on import: {describe(error)}.') from error
        raise JobError(f'{_WHERE} "{name}": there is no module {module_name} in {base}, nor is one installed.') from None
    except (Exception, SystemExit) as error:  # whatever a user's module raises is the user's to read
        raise JobError(f'{_WHERE} "{name}": {module_name} fails on import: {describe(error)}.') from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise JobError(f'{_WHERE} "{name}": {inspect.getfile(module)} has no function {function_name}.')
    return function


def _look_in(base: Path, module_name: str, name: str) -> None:
    """Let modules be found in `base` first. Another module of that name may have been imported from elsewhere before."""
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
    loaded = sys.modules.get(module_name)
    wanted = base / f"{module_name.replace('.', '/')}.py"
    if loaded is not None and wanted.exists() and Path(inspect.getfile(loaded)).resolve() != wanted.resolve():
        raise JobError(
            f'{_WHERE} "{name}": another module {module_name} is already in use, {inspect.getfile(loaded)}; '
            f"give {wanted} another name."
        )


def takes_data(model: Callable[..., Made]) -> bool:
    """Whether the model asks for a training set."""
    return DATA in inspect.signature(model).parameters


def has_continuous_weights(model: Callable[..., Made] | None) -> bool | None:
    """Whether what the model returns has continuous weights and a gradient, as its annotation says; None without one."""
    try:
        returned = None if model is None else get_type_hints(model).get("return")
    except (NameError, TypeError, AttributeError):
        return None
    return issubclass(returned, SmoothLandscape) if isinstance(returned, type) and issubclass(returned, Made) else None


def model_keys(name: str, model: Callable[..., Made]) -> type[BaseModel]:
    """The keys of [landscape] that the model allows."""
    try:
        return keys_model(model, skip=(DATA,))
    except (TypeError, ValueError, NameError) as error:
        raise JobError(f'{_WHERE} "{name}": its parameters cannot be read as keys: {error}.') from error


def make_landscape(name: str, model: Callable[..., Made], keys: Mapping[str, Any]) -> Made:
    """What the model returns for `keys`. Raises JobError when it fails or returns anything but a Landscape."""
    try:
        made: Any = model(**keys)
    except JobError as error:
        raise error.within("[landscape]") from None
    except PlandError:
        raise
    except (Exception, SystemExit) as error:
        raise JobError(f'{_WHERE} "{name}" fails: {describe(error)}.') from error
    if not isinstance(made, Landscape | SmoothLandscape):
        wanted = "a parallel_landscape.Landscape or SmoothLandscape is required"
        raise JobError(f'{_WHERE} "{name}" returned {type(made).__name__}; {wanted}.')
    return made

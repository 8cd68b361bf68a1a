"""The keys of a job file, read off the signature of the function that takes them.

A data source or a landscape is a plain function; its keyword parameters are the keys a user may write, their
annotations say what is allowed and `Field(description=...)` says what they mean. Nothing is declared twice.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Strict, ValidationError, create_model
from pydantic_core import ErrorDetails

from parallel_landscape.errors import JobError

CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


def keys_model(*functions: Callable[..., Any], skip: Iterable[str] = ()) -> type[BaseModel]:
    """Model of the keys that `functions` take together: one field a parameter, in order, except those in `skip`.

    Where two functions share a key, the first one's annotation and default count. Scalars are strict ("3" and 3.0 are
    no integers, true is no number; an integer is a fine float); a list is taken for a tuple and a string for a Path, as
    TOML has neither. A parameter without annotation takes anything. *args and **kwargs are refused with a TypeError,
    for then nobody could tell a misspelt key.
    """
    skipped = set(skip)
    fields: dict[str, Any] = {}
    for function in functions:
        hints = get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if name in skipped or name in fields:
                continue
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise TypeError(f"{function.__qualname__} takes '{parameter}': name every key as a parameter of its own.")
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (strict(hints.get(name, Any)), default)
    first = functions[0]
    return create_model(f"{first.__name__}_keys", __config__=CONFIG, __doc__=inspect.getdoc(first), **fields)


def strict(hint: Any) -> Any:
    """The annotation `hint` with every bool, int, float and str inside it taken literally; containers stay lenient."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in (bool, int, float, str):
        return Annotated[hint, Strict()]
    if origin is Annotated:
        return Annotated[(strict(arguments[0]), *arguments[1:])]
    if origin in (Union, UnionType):
        return Union[tuple(strict(argument) for argument in arguments)]  # noqa: UP007 (built at run time)
    if origin in (tuple, list, dict):
        return origin[tuple(strict(argument) for argument in arguments)]
    return hint


def check_keys(model: type[BaseModel], keys: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """The `keys` validated by `model`, defaults filled in; raises a JobError with one sentence a wrong key.

    section: where the keys stand in the job file, for the messages, such as "[landscape.data]".
    """
    try:
        checked = model.model_validate(dict(keys))
    except ValidationError as error:
        raise JobError(mistakes(model, error, section)) from None
    return {name: getattr(checked, name) for name in model.model_fields}


def mistakes(model: type[BaseModel], error: ValidationError, section: str = "") -> list[str]:
    """One sentence a wrong key: what was given, what is allowed, what the key means."""
    by_key: dict[str, list[ErrorDetails]] = {}
    for detail in error.errors():
        by_key.setdefault(str(detail["loc"][0]) if detail["loc"] else "", []).append(detail)
    place = f"{section} " if section else ""
    return [place + sentence(model, key, details) for key, details in by_key.items()]


def sentence(model: type[BaseModel], key: str, details: list[ErrorDetails]) -> str:
    """What is wrong with `key`, given all that pydantic holds against it."""
    first = details[0]
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        near = difflib.get_close_matches(key, model.model_fields, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        return f"{key}: unknown key; {hint}Allowed: {', '.join(model.model_fields)}."
    meaning = model.model_fields[key].description if key in model.model_fields else None
    meaning = f" Meaning: {meaning}" if meaning else ""
    if first["type"] == "missing" and len(first["loc"]) == 1:
        return f"{key}: this key is required and was not given.{meaning}"
    given = "; ".join(dict.fromkeys(f"given {detail['input']!r}" for detail in details))
    allowed = ", or ".join(dict.fromkeys(detail["msg"][0].lower() + detail["msg"][1:] for detail in details))
    return f"{key}: {given}; {allowed}.{meaning}"

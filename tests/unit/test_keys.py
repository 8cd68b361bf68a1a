"""The keys of a job file are those of a function's signature, taken strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from parallel_landscape.errors import JobError
from parallel_landscape.keys import check_keys, keys_model


def model_function(
    rng: object,
    *,
    inputs: Annotated[int, Field(gt=0, description="Number N of inputs.")],
    kappa: Annotated[float | None, Field(ge=0)] = None,
    kind: Literal["full", "tree"] = "full",
    pair: tuple[int, int] = (3, 5),
    pixels: Literal["all"] | list[int] = "all",
    path: Path | None = None,
    open: bool = False,
) -> None:
    """A model."""


MODEL = keys_model(model_function, skip=("rng",))


def checked(**keys: Any) -> dict[str, Any]:
    return check_keys(MODEL, keys, "[landscape]")


def mistakes(**keys: Any) -> tuple[str, ...]:
    with pytest.raises(JobError) as error:
        checked(**keys)
    return error.value.mistakes


def test_fields_in_order_with_descriptions_and_without_the_skipped() -> None:
    assert list(MODEL.model_fields) == ["inputs", "kappa", "kind", "pair", "pixels", "path", "open"]
    assert MODEL.model_fields["inputs"].description == "Number N of inputs."
    assert MODEL.__doc__ == "A model."
    assert MODEL.model_json_schema()["properties"]["inputs"]["exclusiveMinimum"] == 0


def test_defaults_are_filled_in_and_toml_types_are_taken() -> None:
    assert checked(inputs=5) == {
        "inputs": 5, "kappa": None, "kind": "full", "pair": (3, 5), "pixels": "all", "path": None, "open": False,
    }  # fmt: skip
    values = checked(inputs=5, kappa=2, pair=[1, 2], pixels=[0, 4], path="a/b.npz", kind="tree", open=True)
    assert values["kappa"] == 2.0 and isinstance(values["kappa"], float)
    assert values["pair"] == (1, 2) and values["pixels"] == [0, 4] and values["path"] == Path("a/b.npz")
    assert checked(**values) == values


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": "5"}, {"inputs": 5.0}, {"inputs": True}, {"inputs": 0}, {"inputs": None}, {"kappa": "1"}, {"kappa": True},
        {"kappa": float("nan")}, {"kappa": float("inf")}, {"kappa": -1.0}, {"kind": "star"}, {"pair": [1]}, {"pair": [1, 2, 3]},
        {"pair": ["1", 2]}, {"pair": [1, True]}, {"pixels": [1.5]}, {"pixels": "some"}, {"path": 3}, {"open": 1},
        {"open": "yes"},
    ],
)  # fmt: skip
def test_wrong_values_are_refused_with_key_and_value(wrong: dict[str, Any]) -> None:
    (key, value), *_ = wrong.items()
    (sentence,) = mistakes(**({"inputs": 5} | wrong))
    assert sentence.startswith(f"[landscape] {key}: given ")
    assert repr(value) in sentence or repr(value[0]) in sentence or repr(value[1]) in sentence


def test_all_mistakes_at_once_each_saying_what_to_do() -> None:
    found = mistakes(kapa=1.0, kind="star", zzzz=1)
    assert found[0] == "[landscape] inputs: this key is required and was not given. Meaning: Number N of inputs."
    assert "input should be 'full' or 'tree'" in found[1]
    assert "did you mean 'kappa'?" in found[2] and "Allowed: inputs, kappa," in found[2]
    assert "did you mean" not in found[3]
    assert len(found) == 4


def test_a_union_gives_one_sentence() -> None:
    (sentence,) = mistakes(inputs=5, pixels="some")
    assert sentence.count("given 'some'") == 1 and ", or " in sentence


def test_the_model_is_frozen() -> None:
    with pytest.raises(ValidationError):
        MODEL(inputs=5).inputs = 6


def test_the_first_of_several_functions_counts() -> None:
    def first(*, a: int = 1) -> None: ...

    def second(*, a: str = "x", b: bool = False) -> None: ...

    both = keys_model(first, second)
    assert check_keys(both, {}) == {"a": 1, "b": False}
    with pytest.raises(JobError, match="^a: given 'x'"):
        check_keys(both, {"a": "x"})


def test_a_parameter_without_annotation_takes_anything() -> None:
    def plain(inputs, scale=2):  # type: ignore[no-untyped-def]
        return inputs, scale

    assert check_keys(keys_model(plain), {"inputs": [1, "a"]}) == {"inputs": [1, "a"], "scale": 2}


def test_open_ended_signatures_are_programming_errors() -> None:
    def named(**rest: int) -> None: ...

    def listed(*rest: int) -> None: ...

    for function, shown in ((named, r"\*\*rest"), (listed, r"\*rest")):
        with pytest.raises(TypeError, match=shown):
            keys_model(function)

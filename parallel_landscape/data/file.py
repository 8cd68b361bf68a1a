"""A training set of the user's own: a .npz file with `patterns` (P, N) and `labels` (P,) or (P, outputs)."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.patterns import Alpha, Patterns, asked_count, subset
from parallel_landscape.data.training_set import TrainingSet, checked
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network

RECIPE = 'write it with numpy.savez("patterns.npz", patterns=..., labels=...)'


def file(
    network: Network,
    rng: np.random.Generator,
    *,
    path: Annotated[Path, Field(description="A .npz file with patterns (P, N) and labels +-1 (P,) or (P, outputs).")],
    patterns: Patterns = None,
    alpha: Alpha = None,
) -> TrainingSet:
    """The patterns of a file in their order; without `patterns` and `alpha`, all that there are."""
    arrays = load_arrays(path)
    try:
        whole = checked(arrays["patterns"], arrays["labels"], network)
    except JobError as error:
        raise JobError(f"{path}: {mistake}" for mistake in error.mistakes) from None
    chosen = subset(rng, len(whole.patterns), asked_count(network, patterns, alpha))
    return TrainingSet(whole.patterns[chosen], whole.labels[chosen])


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays `patterns` and `labels`; Python objects are never unpickled, for a pickle can run any program."""
    try:
        content = np.load(path.expanduser(), allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise JobError(f"{path} holds a single array, not a .npz archive; {RECIPE}.")
        with content:
            absent = [name for name in ("patterns", "labels") if name not in content.files]
            if absent:
                raise JobError(f"{path} has no array {' and no array '.join(absent)}; it has {content.files}; {RECIPE}.")
            return {name: content[name] for name in ("patterns", "labels")}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise JobError(f"{path} is damaged ({error}); {RECIPE}.") from None
    except OSError as error:
        raise JobError(f"{path} cannot be read ({error.strerror or error}); give the path of a .npz file.") from None
    except ValueError as error:
        raise JobError(f"{path} is no .npz file of plain numbers ({error}); {RECIPE}.") from None

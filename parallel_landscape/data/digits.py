"""The handwritten digits that come with scikit-learn: 1797 pictures of 8 x 8 pixels with 17 shades, no download.

Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI repository (1998).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from parallel_landscape.data.images import Balanced, Binarise, Classes, Images, Pixels, image_patterns
from parallel_landscape.data.patterns import Alpha, Patterns
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network


def digits(
    network: Network,
    rng: np.random.Generator,
    *,
    patterns: Patterns = None,
    alpha: Alpha = None,
    classes: Classes = (3, 5),
    pixels: Pixels = "variance",
    binarise: Binarise = True,
    balanced: Balanced = True,
) -> TrainingSet:
    """Digits of the chosen classes; without `patterns` and `alpha`, all that there are."""
    return image_patterns(
        load_digit_images(),
        network,
        rng,
        patterns=patterns,
        alpha=alpha,
        classes=classes,
        pixels=pixels,
        binarise=binarise,
        balanced=balanced,
    )


def load_digit_images() -> Images:
    """All 1797 digits, read from scikit-learn's own file: importing the library would cost every run two seconds."""
    found = find_spec("sklearn")
    if found is None or found.origin is None:
        raise JobError('source = "digits" needs scikit-learn, which is not installed; run: pip install scikit-learn')
    path = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not path.exists():
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return Images(bunch.images.astype(np.uint8), bunch.target.astype(np.int64))
    table = np.loadtxt(path, delimiter=",", dtype=np.int64)
    return Images(table[:, :-1].reshape(-1, 8, 8).astype(np.uint8), table[:, -1])

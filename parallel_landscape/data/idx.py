"""Pictures in the IDX format of MNIST, Fashion-MNIST, EMNIST, ..., plain or gzipped.

A file is: two zero bytes, 8 (unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit integer, the
bytes themselves (LeCun, Cortes & Burges, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.data.images import Balanced, Binarise, Classes, Images, Pixels, image_patterns
from parallel_landscape.data.patterns import Alpha, Patterns
from parallel_landscape.data.training_set import TrainingSet
from parallel_landscape.errors import JobError
from parallel_landscape.network import Network


def idx(
    network: Network,
    rng: np.random.Generator,
    *,
    images: Annotated[Path, Field(description="IDX file of pictures, such as train-images-idx3-ubyte.gz.")],
    labels: Annotated[Path, Field(description="IDX file of their classes, such as train-labels-idx1-ubyte.gz.")],
    patterns: Patterns = None,
    alpha: Alpha = None,
    classes: Classes = (0, 1),
    pixels: Pixels = "variance",
    binarise: Binarise = True,
    balanced: Balanced = True,
) -> TrainingSet:
    """Pictures of the chosen classes; without `patterns` and `alpha`, all that there are."""
    return image_patterns(
        load_idx_images(images, labels),
        network,
        rng,
        patterns=patterns,
        alpha=alpha,
        classes=classes,
        pixels=pixels,
        binarise=binarise,
        balanced=balanced,
    )


def load_idx_images(images: Path, labels: Path) -> Images:
    """The pictures of one file with the classes of the other."""
    found: list[str] = []
    arrays: list[NDArray[np.uint8]] = []
    for path, dimensions in ((images, 3), (labels, 1)):
        try:
            arrays.append(read_idx(path, dimensions))
        except JobError as error:
            found.extend(error.mistakes)
    if found:
        raise JobError(found)
    pictures, classes = arrays
    if len(pictures) != len(classes):
        raise JobError(
            f"{images} has {len(pictures)} pictures but {labels} has {len(classes)} labels; give files that belong together."
        )
    return Images(pictures, classes.astype(np.int64))


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes with this number of dimensions; gzip is told by the first two bytes."""
    content = read_bytes(path)
    head = 4 + 4 * dimensions
    magic = int.from_bytes(content[:4], "big")
    if len(content) < head or magic != 0x0800 + dimensions:
        raise JobError(
            f"{path} begins with 0x{content[:4].hex()}, but an IDX file of {'pictures' if dimensions == 3 else 'labels'} "
            f"begins with 0x{0x0800 + dimensions:08x}; were images and labels exchanged, or is it another format?"
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:head], dtype=">u4"))
    if len(content) - head != math.prod(shape):
        raise JobError(
            f"{path} announces {' x '.join(map(str, shape))} = {math.prod(shape)} bytes and holds {len(content) - head}; "
            "the file is cut short or damaged: fetch it again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=head).reshape(shape)


def read_bytes(path: Path) -> bytes:
    """The whole file, unpacked when it is gzipped."""
    try:
        content = path.expanduser().read_bytes()
    except OSError as error:
        raise JobError(f"{path} cannot be read ({error.strerror}); give the path of an IDX file.") from None
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise JobError(f"{path} is gzipped but damaged ({error}); fetch it again.") from None

"""`pland local-entropy`: the entropy at each distance from a reference, from replicas around it or from ln g(E, X)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from parallel_landscape.analysis.local_entropy import BLOCKS, Local, Sampling, local_entropy, make_counts
from parallel_landscape.analysis.plane_entropy import Plane, plane_entropy
from parallel_landscape.analysis.segment_reader import Source, open_source
from parallel_landscape.commands.status import status
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.store.catalogue import Catalogue, read_catalogue
from parallel_landscape.store.frozen import NAME
from parallel_landscape.store.result import read_groups, write_groups
from parallel_landscape.store.run_folder import RunFolder

COLUMNS = ("slot", "sweep", "energy", "centre-overlap")
MEMORY = 2**28


def find_local_entropy(path: str | Path, betas: Sequence[float] | None = None) -> Local:
    """Work out the local entropy of the run in a folder and write it into its result.nc, groups `local_entropy` and `path`.

    betas: inverse temperatures (default: those of the run, or 1). Raises JobError when the run has no reference, RunError when
    nothing can be worked out.
    """
    path = Path(path).expanduser().resolve()
    RunFolder(path).refuse_solver(
        f'for the local entropy around a solution, run a job with [ensemble] form = "reference", reference = "{path}"; '
        "its weights must be +-1"
    )
    status(path)
    folder = RunFolder(path)
    plane = _plane(folder)
    if plane is not None:
        found = plane_entropy(plane, np.array([1.0] if betas is None else betas, float))
        return _written(folder, found)
    catalogue = read_catalogue(path)
    if not catalogue.segments or not folder.result.exists():
        raise RunError(f"{path} has recorded nothing yet; wait for its end, or stop it")
    sampling, sweeps, windows = _sampling(catalogue)
    counts = make_counts(_cells(catalogue, sampling, sweeps, windows), len(sampling.gammas), sampling.size)
    chosen = np.unique(sampling.betas) if betas is None else np.array(betas, float)
    found = local_entropy(sampling, counts, chosen)
    return _written(folder, found)


def _written(folder: RunFolder, found: Local) -> Local:
    """Put what was found into result.nc."""
    groups, attributes = read_groups(folder.result)
    groups |= {"local_entropy": found.table} | ({"path": found.path} if found.path else {})
    write_groups(folder.result, groups, {**attributes, "local_entropy_normalisation": found.normalisation})
    return found


def _plane(folder: RunFolder) -> Plane | None:
    """ln g(E, X) of a run with [ensemble] kind = "joint"; None of other runs. Raises JobError when X is no overlap."""
    if not folder.result.exists():
        return None
    groups, attributes = read_groups(folder.result)
    if "joint" not in groups:
        return None
    if attributes["coordinate"] == "test-errors":
        raise JobError(
            f"{folder.path} has errors on a test set for X; the local entropy comes from ln g of energy and overlap, "
            'coordinate = "overlap-reference" or "overlap-teacher"'
        )
    joint, absolute = groups["joint"], str(attributes["normalisation"]) == "absolute"
    return Plane(joint["energy"], joint["value"], joint["ln_g_repeat"], int(attributes["weights"]), absolute)


def _sampling(catalogue: Catalogue) -> tuple[Sampling, int, NDArray[np.int64]]:
    """How the records were sampled, sweeps between them, and the group of each slot."""
    frozen = catalogue.frozen()
    with h5py.File(catalogue.folder / NAME, "r") as file:
        if file.attrs.get("coupling") != "reference":
            raise JobError(
                f"{catalogue.folder.parent} has no reference; the local entropy comes from a run with "
                '[ensemble] kind = "coupled", form = "reference"'
            )
        betas, gammas = (np.array(file.attrs[name], float) for name in ("betas", "gammas"))
        size = int(file.attrs["size"])
    group = np.zeros(int(frozen.slot.max()) + 1, np.int64)
    group[frozen.slot] = frozen.window
    return Sampling(betas, gammas, size, frozen.energies), frozen.sweeps_per_record, group


def _cells(catalogue: Catalogue, sampling: Sampling, sweeps: int, windows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows: group, block, level, distance and number of records of all cells that hold any."""
    last = max(int(block["sweep"].max()) for block in _blocks(catalogue))
    shape = (len(sampling.gammas), BLOCKS, len(sampling.energies), sampling.size + 1)
    found: dict[int, int] = {}
    step = int(sampling.energies[1] - sampling.energies[0]) if len(sampling.energies) > 1 else 1
    for block in _blocks(catalogue):
        looks = block["sweep"].astype(np.int64) // sweeps - 1
        level = (block["energy"].astype(np.int64) - sampling.energies[0]) // step
        distance = np.rint(0.5 * sampling.size * (1.0 - block["centre-overlap"])).astype(np.int64)
        cell = np.ravel_multi_index((windows[block["slot"]], looks * BLOCKS // (last // sweeps), level, distance), shape)
        for key, number in zip(*(column.tolist() for column in np.unique(cell, return_counts=True)), strict=True):
            found[key] = found.get(key, 0) + number
    keys = np.array(sorted(found))
    return np.array([*np.unravel_index(keys, shape), [found[key] for key in keys.tolist()]], np.int64)


def _blocks(catalogue: Catalogue) -> Iterator[dict[str, NDArray[Any]]]:
    """The records, in blocks of bounded size. Raises RunError when some are damaged: an entropy of the rest could be wrong."""
    catalogue.check_whole()
    for segment in catalogue.segments:
        reader = open_source(Source(str(catalogue.path(segment)), segment.sha256, segment.records), MEMORY)
        with reader.file:
            for _, block in reader.blocks(COLUMNS):
                yield block
        if reader.lost:
            raise RunError(f"{reader.source.path} is damaged; put the file back from a copy")


def lines(path: Path, found: Local) -> list[str]:
    """What `pland local-entropy` says in the end."""
    table = found.table
    rows = [f"{path}: local entropy, constant fixed by {found.normalisation or 'nothing: relative'}"]
    for number, beta in enumerate(table["beta"]):
        rows.append(f"beta = {beta:.4g}")
        rows.append("distance        Phi    error    entropy    error  mean energy")
        for d in table["distance"][np.isfinite(table["phi"][number])]:
            row = (table[name][number, d] for name in ("phi", "phi_error", "entropy", "entropy_error", "energy_mean"))
            rows.append("{:8d} {:10.4f} {:8.4f} {:10.4f} {:8.4f} {:12.3f}".format(d, *row))
    if not found.path:
        return rows
    apart = np.abs(found.path["ln_z"] - found.path["ln_z_integrated"]).max()
    return [*rows, f"ln Z of the groups by integration over gamma differs from this by {apart:.3g} at most"]

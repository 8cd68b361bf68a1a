"""Jobs with coupled replicas: [ensemble] kind = "coupled" and its [exchange], and which landscapes can be coupled."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from parallel_landscape.errors import JobError, RunError
from parallel_landscape.landscape import Landscape
from parallel_landscape.observables.overlap import read_reference
from parallel_landscape.rng import Purpose, generator
from parallel_landscape.section import Section
from parallel_landscape.smooth import SmoothLandscape
from parallel_landscape.store.catalogue import read_catalogue
from parallel_landscape.store.segments import read_segment

MOST_REPLICAS = 255  # their sum travels as one byte a weight
MOST_GROUPS = 10_000
TRIED = 64  # moves that are looked at

RECORDED = (
    ("overlap", "mean overlap with the other replicas of the group", "1"),
    ("centre-overlap", "overlap with the centre: drawn (star), the reference, or the majority of the group", "1"),
    ("centre-energy", "energy of the majority of the group's weights", "1"),
)
SMOOTH_FORMS = ("star", "pairwise")  # of continuous weights
RECORDED_SMOOTH = (
    ("overlap", "mean product of the weights with those of the other replicas of the group, per weight", "1"),
    ("distance", "mean squared distance from the other replicas of the group, per weight", "1"),
    ("centre-overlap", "cosine of the angle with the mean of the group's weights", "1"),
    ("centre-energy", "energy of the mean of the group's weights", "1"),
)
Numbers = Annotated[list[float], Field(min_length=1, max_length=MOST_GROUPS)]


class Coupled(Section):
    """Groups of replicas that attract each other, or are attracted by a reference, P ~ exp(-beta sum_a E(w_a) + coupling)."""

    kind: Annotated[Literal["coupled"], Field(description="replicas that attract each other")] = "coupled"
    form: Annotated[
        Literal["star", "pairwise", "distance", "reference"],
        Field(
            description="gamma sum_a w_a.w_c with a centre w_c of +-1; (gamma/y) sum_{a<b} w_a.w_b; "
            "-(gamma/y) sum_a |w_a - c|, c the mean of the replicas; or gamma sum_a w_a.w_r with a reference w_r"
        ),
    ] = "star"
    replicas: Annotated[int, Field(ge=1, le=MOST_REPLICAS, description="y, replicas in a group")] = 3
    gamma: Annotated[
        float | Numbers, Field(description="strength of the attraction; of several, one for each group of a ladder")
    ]
    beta: Annotated[float | Numbers, Field(description="inverse temperature of all groups, or of each")]
    equilibration_rounds: Annotated[int, Field(ge=1, description="rounds that are thrown away before production")]
    reference: Annotated[
        str | None,
        Field(description="form = reference: a .npy file with +1 or -1 for each weight, or the folder of a run or a solver"),
    ] = None
    reference_number: Annotated[
        int, Field(ge=0, description="which of the records with the lowest energy in that folder; solvers: of instance 0")
    ] = 0

    @property
    def recorded(self) -> tuple[tuple[str, str, str], ...]:
        """Name, meaning and unit of what is recorded of each replica besides its energy."""
        return RECORDED if self.replicas > 1 else RECORDED[1:]

    @property
    def recorded_smooth(self) -> tuple[tuple[str, str, str], ...]:
        """The same of continuous weights."""
        return RECORDED_SMOOTH if self.replicas > 1 else RECORDED_SMOOTH[2:]

    @property
    def groups(self) -> int:
        """Number of groups in a ladder."""
        return max(len(given) if isinstance(given, list) else 1 for given in (self.gamma, self.beta))

    @property
    def gammas(self) -> list[float]:
        """gamma of each group."""
        return self.gamma if isinstance(self.gamma, list) else [self.gamma] * self.groups

    @property
    def betas(self) -> list[float]:
        """beta of each group."""
        return self.beta if isinstance(self.beta, list) else [self.beta] * self.groups

    @property
    def count(self) -> int:
        """Number of groups, by the name that it has for temperatures."""
        return self.groups

    def ladder(self) -> list[float]:
        """beta of each group; nothing moves them."""
        return self.betas

    def mistakes(self) -> list[str]:
        """What is wrong between the keys."""
        found = []
        lengths = [len(given) for given in (self.gamma, self.beta) if isinstance(given, list)]
        if len(set(lengths)) > 1:
            found.append(
                f"[ensemble] gamma, beta: given {lengths[0]} and {lengths[1]} numbers; give one for each group in both."
            )
        if self.form in ("pairwise", "distance") and self.replicas < 2:
            found.append(f'[ensemble] replicas: given {self.replicas}; form = "{self.form}" couples 2 or more to each other.')
        if self.form in ("pairwise", "distance") and min(self.gammas) < 0:
            found.append(
                f'[ensemble] gamma: given {self.gamma}; form = "{self.form}" attracts only, so gamma must not be below 0.'
            )
        if (self.form == "reference") != (self.reference is not None):
            found.append('[ensemble] reference: a file or folder is needed with form = "reference", and only there.')
        return found


class Center(Section):
    """What the replicas of a group do together between rounds."""

    kind: Annotated[Literal["center"], Field(description="the sum of a group's weights, from which its centre is drawn")] = (
        "center"
    )
    ladder: Annotated[
        Literal["exchange", "none"], Field(description="neighbouring groups exchange their gamma and beta, or stay alone")
    ] = "exchange"


def contradictions(ensemble: Coupled | None, exchange: Center | None) -> list[str]:
    """What is wrong between keys of [ensemble] and [exchange], None where the section is wrong by itself."""
    return [] if ensemble is None else ensemble.mistakes()


def reference_of(ensemble: Coupled, folder: Path, size: int) -> NDArray[np.int8] | None:
    """The reference (size,) of +-1; None for the other forms. Raises JobError when there is no such thing."""
    if ensemble.reference is None:
        return None
    path = folder / Path(ensemble.reference).expanduser()
    return recorded_reference(path, ensemble.reference_number, size)[0] if path.is_dir() else read_reference(path, size)


def recorded_reference(run: Path, number: int, size: int) -> tuple[NDArray[np.int8], int]:
    """Weights (size,) of +-1 from the folder of a run or a solver, and their energy: of the records with the lowest energy, in
    the order in which they lie there, this one; a solver's are those of instance 0, whose training set is that of a run."""
    try:
        catalogue = read_catalogue(run)
        parts = [_lowest(read_segment(catalogue.folder, segment)) for segment in catalogue.segments]
    except RunError as error:
        raise JobError(str(error)) from None
    if not parts or any("weights" not in part or part["weights"].shape[1] != -(-size // 8) for part in parts):
        raise JobError(
            f"{run} holds no records with {size} weights of +-1; give the folder of a solver of this landscape, or of a run "
            "with [production] weights = true."
        )
    together = {name: np.concatenate([part[name] for part in parts]) for name in ("slot", "sweep", "energy", "weights")}
    found = _lowest(together)
    if number >= len(found["energy"]):
        raise JobError(f"{run} holds {len(found['energy'])} records with its lowest energy; give reference_number below that.")
    bits = np.unpackbits(found["weights"][number], count=size, bitorder="little")
    return 2 * bits.astype(np.int8) - 1, int(found["energy"][number])


def _lowest(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The records with the lowest energy by slot and time; a solver's of instance 0."""
    inside = columns["instance"] == 0 if "instance" in columns else np.ones(len(columns["energy"]), bool)
    inside &= columns["energy"] == columns["energy"][inside].min(initial=columns["energy"].max(initial=0))
    order = np.lexsort((columns["sweep"][inside], columns["slot"][inside]))
    return {name: column[inside][order] for name, column in columns.items()}


def _other_training_set(ensemble: Coupled, landscape: Landscape, folder: Path, seed: int) -> str | None:
    """Why recorded weights do not belong to this landscape: their energy on record is another one."""
    path = folder / Path(ensemble.reference or "").expanduser()
    if ensemble.reference is None or not path.is_dir():
        return None
    weights, energy = recorded_reference(path, ensemble.reference_number, landscape.moves)
    state = landscape.initial(generator(seed, Purpose.PILOT))
    assert landscape.weights is not None
    landscape.weights(state)[:] = weights
    true = int(landscape.energy(landscape.params, state))
    if true == energy:
        return None
    return f"{path} says that these weights have energy {energy}, and here they have {true}: another training set or model."


def why_not(ensemble: Coupled, landscape: Landscape, folder: Path, seed: int) -> list[str]:
    """A sentence for whatever does not fit between [ensemble] and the landscape."""
    reason = why_not_coupled(landscape, seed)
    if reason is not None:
        return [f"[ensemble] kind: {reason}."]
    try:
        reference_of(ensemble, folder, landscape.moves)
        wrong = _other_training_set(ensemble, landscape, folder, seed)
    except JobError as error:
        return [f"[ensemble] reference: {sentence}" for sentence in error.mistakes]
    return [f"[ensemble] reference: {wrong}"] if wrong else []


def why_not_coupled(landscape: Landscape, seed: int, who: str = "coupled replicas need") -> str | None:
    """Why the replicas of a landscape cannot be coupled; None when they can. `who` needs the same, and says so."""
    needed = f"{who} a landscape whose `weights` are all +-1 and whose move i flips weight i"
    if landscape.weights is None:
        return f"{needed}; this one has no `weights`"
    state = landscape.initial(generator(seed, Purpose.PILOT))
    weights = landscape.weights(state)
    if weights.shape != (landscape.moves,) or not np.all(np.abs(weights) == 1):
        return (
            f"{needed}; this one has {landscape.moves} moves, and `weights` of shape {weights.shape} from {weights.min()} to "
            f"{weights.max()}"
        )
    for move in range(0, landscape.moves, -(-landscape.moves // TRIED)):
        before = np.array(landscape.weights(state))
        landscape.delta(landscape.params, state, move)
        landscape.commit(landscape.params, state, move)
        before[move] *= -1
        if not np.array_equal(landscape.weights(state), before):
            return f"{needed}; move {move} does something else here"
    if not any(np.shares_memory(landscape.weights(state), part) for part in state):
        return f"{needed}, and are a part of the state; these are a copy"
    return None


def records_every(sweeps: int, sweeps_per_round: int) -> int:
    """Rounds from one record to the next that are at least `sweeps` apart: replicas are only looked at between rounds."""
    return max(1, -(-sweeps // sweeps_per_round))


def why_not_smooth(ensemble: Coupled, landscape: SmoothLandscape) -> list[str]:
    """The same for continuous weights, which attract each other by their distance."""
    found = []
    if ensemble.form not in SMOOTH_FORMS:
        found.append(
            f'[ensemble] form: given "{ensemble.form}"; continuous weights are coupled by {" or ".join(SMOOTH_FORMS)}.'
        )
    if ensemble.form == "star" and min(ensemble.gammas) < 0:
        found.append(f"[ensemble] gamma: given {ensemble.gamma}; continuous weights attract each other only: 0 or above.")
    if ensemble.form != "pairwise" or landscape.sphere:
        return found
    for gamma, beta in zip(ensemble.gammas, ensemble.betas, strict=False):
        held = landscape.prior + (beta * landscape.confinement if beta > 0 else 0.0)
        pull = gamma * (1.0 - 1.0 / ensemble.replicas)
        if pull > 0 and pull >= held:
            found.append(
                f"[ensemble] gamma: given {gamma:g} with {ensemble.replicas} replicas at beta = {beta:g}; pairwise attraction "
                f"lets them run away together unless gamma (y - 1)/y = {pull:g} is below {held:g}, the precision of the prior "
                'and beta times the growth of the energy; use form = "star", which holds always, a smaller gamma, or a prior.'
            )
    return found

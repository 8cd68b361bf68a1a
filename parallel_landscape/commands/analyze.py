"""`pland analyze`: from a run's trajectory to result.nc, in memory that is bounded by what is asked."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallel_landscape.analysis.findings import Findings, Question, conclude
from parallel_landscape.analysis.schedule import runner, usable_cores
from parallel_landscape.analysis.segment_reader import Source
from parallel_landscape.analysis.survey import Partial, Piece, Survey, folder_of, map_all, partials
from parallel_landscape.analysis.thermal_findings import is_thermal
from parallel_landscape.commands.status import status
from parallel_landscape.driver.progress import Counter
from parallel_landscape.errors import JobError, RunError
from parallel_landscape.store.catalogue import Catalogue, read_catalogue
from parallel_landscape.store.files import make_folder
from parallel_landscape.store.result import Groups, read_groups, write_groups
from parallel_landscape.store.run_folder import RunFolder

MEMORY = 2**31
LEAST_MEMORY = 2**20
KEPT = ("", "windows", "joint", "local_entropy", "path")  # groups that others write
ATTEMPTS = 5  # at a run that goes on, whose segments are merged under our hands


@dataclass(frozen=True)
class Request:
    """What is asked of an analysis. `scheduler`: "none", "threads", "processes" or an address; `memory`: bytes a worker;
    `credentials`: the files ca, cert and key of a scheduler that was given."""

    question: Question = field(default_factory=Question)
    scheduler: str = "threads"
    workers: int = 0
    memory: int = MEMORY
    credentials: dict[str, str] = field(default_factory=dict)
    quiet: bool = True

    def __post_init__(self) -> None:
        if self.memory < LEAST_MEMORY:
            raise JobError(f"--memory {self.memory} bytes: a worker needs 1MiB for its blocks at the least")


def analyze(path: str | Path, request: Request | None = None) -> Findings:
    """Analyse the run in a folder and write its result.nc beside and renamed; what the run's end wrote there is kept.
    Of a folder of `pland solve`, see `solutions`.

    Raises JobError for bad input, RunError when nothing can be analysed. What is missing or damaged is left out, and said in
    the attributes analysis_status and analysis_notes.
    """
    path = Path(path).expanduser().resolve()
    request = request or Request()
    folder = RunFolder(path)
    if folder.of_solver:
        return _solutions(folder, request)
    folder.refuse_solver()
    state = status(path)
    _check_levels(read_catalogue(path))
    earlier = read_groups(folder.result) if folder.result.exists() else ({}, {})
    findings = _analysed(folder, request, _learned(*earlier), state)
    groups = {**{name: group for name, group in earlier[0].items() if name in KEPT}, **findings.groups}
    write_groups(folder.result, groups, {**_attributes(earlier[1], state), **findings.attributes}, findings.observables)
    return findings


def _solutions(folder: RunFolder, request: Request) -> Findings:
    """The same for a folder of `pland solve`."""
    from parallel_landscape.commands import smooth_solutions, solutions

    job, records = solutions.read_attempts(folder)
    kind = smooth_solutions if job.solve is not None and job.solve.goal is not None else solutions
    findings = kind.findings_of(job, records, request.question)
    write_groups(folder.result, findings.groups, findings.attributes, findings.observables)
    return findings


def _learned(groups: Groups, attributes: dict[str, Any]) -> tuple[Groups, dict[str, Any]]:
    """What the run's end wrote, also when it has been analysed before."""
    if "" not in groups:
        return {}, attributes
    root = dict(groups[""])
    if "ln_g" not in root:  # continuous weights have no levels
        return {"": {}, "windows": groups.get("windows", {})}, attributes
    for name in ("ln_g", "ln_g_error"):
        root[name] = root.get(f"{name.replace('ln_g', 'ln_g_learned')}", root[name])
    return {"": root, "windows": groups.get("windows", {})}, attributes


def _attributes(attributes: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Of the result, or of one for a run that has none yet."""
    if attributes:
        return attributes
    reason = f"analysed before the run's end; {state['reason']}"
    return {"status": state["status"], "reason": reason, "normalisation": "relative", "complete": "no"}


def _analysed(folder: RunFolder, request: Request, learned: tuple[Groups, dict[str, Any]], state: dict[str, Any]) -> Findings:
    for _ in range(ATTEMPTS):
        catalogue = read_catalogue(folder.path)
        if not catalogue.segments and "ln_g" not in learned[0].get("", {}):
            raise RunError(
                "; ".join(catalogue.notes) or f"{folder.path} has recorded nothing yet, and learned nothing to go by"
            )
        with surveyor(folder, catalogue, request) as ask:
            findings = conclude(ask, catalogue, request.question, learned, _going_on(state, catalogue))
        if not (ask.gone and read_catalogue(folder.path).generation != catalogue.generation):
            break
    return findings


def _check_levels(catalogue: Catalogue) -> None:
    """Raise JobError when real energies were recorded under weights of bins, or when more than the energy decided where walkers
    went and no configurations were recorded."""
    if not catalogue.segments or is_thermal(frozen := catalogue.frozen()):
        return
    if frozen.size:
        raise JobError(
            f"{catalogue.folder.parent}: ln g of its continuous weights, learned in bins of energy, is in result.nc, and "
            "`pland report` shows it; records of such runs are open_run(...).trajectory, and are not analysed further"
        )
    if frozen.ensemble == "coupled" and not frozen.weights_count:
        raise JobError(
            f"{catalogue.folder.parent}: its replicas are coupled, so their energies say nothing of ln g; result.nc has "
            'energies and overlaps against gamma, `pland local-entropy` works on a run with form = "reference", and with '
            "[production] weights = true this would give P(q) of each group"
        )


def _going_on(state: dict[str, Any], catalogue: Catalogue) -> list[str]:
    if state["state"] in ("running", "elsewhere"):
        return [f"the run is still going on: analysed up to its checkpoint {catalogue.generation}"]
    if state["state"] in ("stopped", "dead"):
        return [f"the run has not ended ({state['state']}): analysed up to its checkpoint {catalogue.generation}"]
    return []


class Surveyor:
    """Puts a survey to every segment of a catalogue, and remembers what was lost."""

    def __init__(self, folder: RunFolder, catalogue: Catalogue, memory: int, run: Any, quiet: bool) -> None:
        self._kept, self._run, self._memory, self._quiet = folder.path / "analysis", run, memory, quiet
        self.sources = [Source(str(catalogue.path(segment)), segment.sha256, segment.records) for segment in catalogue.segments]
        self.notes: dict[str, tuple[str, int]] = {}
        self.gone = False

    def __call__(self, *surveys: Survey) -> list[Iterator[Partial]]:
        """The partial results of each survey in the order of the catalogue; each segment is read once for all of them."""
        if not surveys:
            return []
        kept = [folder_of(survey, self._kept) for survey in surveys]
        for folder in (self._kept, *kept):
            make_folder(folder)
        counter = Counter(f"analysis: {surveys[0].name}", len(self.sources), quiet=self._quiet)
        rows: list[list[Piece]] = self._run(
            functools.partial(map_all, surveys, [str(folder) for folder in kept], self._memory),
            self.sources,
            lambda pieces: counter.add(),
        )
        counter.close()
        for source, pieces in zip(self.sources, rows, strict=True):
            for piece in pieces:
                self._note(source, piece)
        return [partials(list(pieces)) for pieces in zip(*rows, strict=True)]

    def _note(self, source: Source, piece: Piece) -> None:
        self.gone = self.gone or piece.gone
        if piece.lost and piece.lost >= self.notes.get(source.path, ("", 0))[1]:
            self.notes[source.path] = (piece.note, piece.lost)


@contextmanager
def surveyor(folder: RunFolder, catalogue: Catalogue, request: Request) -> Iterator[Surveyor]:
    """A surveyor with the workers that were asked for."""
    workers = request.workers or usable_cores()
    with runner(request.scheduler, workers, request.credentials) as run:
        yield Surveyor(folder, catalogue, request.memory, run, request.quiet)


def request_of(given: dict[str, Any]) -> Request:
    """The request of a command line, by the names of its options. Raises JobError with what makes no sense."""
    credentials = {what: str(given[f"tls_{what}"]) for what in ("ca", "cert", "key") if given[f"tls_{what}"]}
    if credentials and "://" not in given["scheduler"]:
        raise JobError(
            "--tls-ca, --tls-cert and --tls-key belong to a scheduler's address, such as --scheduler tls://host:8786"
        )
    question = Question(
        betas=None if given["beta"] is None else tuple(given["beta"]),
        ranges=tuple((low, high) for low, high in given["energy"]),
        joint=tuple(given["joint"]),
        **({} if given["pairs"] is None else {"pairs": given["pairs"]}),
    )
    return Request(question, given["scheduler"], given["workers"] or 0, given["memory"], credentials, given["quiet"])


def lines(path: Path, findings: Findings) -> Sequence[str]:
    """What `pland analyze` says in the end."""
    about = findings.attributes
    return [f"{path}: {about['analysis_status']}", *(f"  - {note}" for note in about["analysis_notes"] if note)]

"""The house plan: imports point down only, without cycles; files and functions stay short."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import parallel_landscape

PACKAGE = Path(parallel_landscape.__file__).parent
NAME = "parallel_landscape"
LINES, FUNCTION_LINES = 300, 50

# From the bottom up. A module may import from its own level and from those below; a name stands for a module or a folder,
# the longest one counts.
LEVELS: list[set[str]] = [
    {"", "errors", "rng", "simd", "specialise", "network", "landscape", "smooth", "keys", "section", "walker", "machine"}
    | {"data.training_set", "analysis.join", "theory"},
    {
        "landscapes",
        "data",
        "store.variable",
        "store.schema",
        "store.ladder_schema",
        "store.solution_schema",
        "store.trajectory_schema",
        "store.run_folder",
        "store.files",
        "templates",
    }
    | {"driver.provenance", "driver.progress", "driver.stopping", "driver.walltime"},
    {"dynamics", "ensembles", "observables", "paths"},
    {"sampler", "smooth_sampler", "flat_sampler", "check", "check_gradient", "model"},
    {"exchange", "store", "slurm.chain", "slurm.controller"},
    {"analysis"},
    {"solvers"},
    {"job"},
    {"planning.sizes"},
    {"driver"},
    {"phases"},
    {"outcomes"},
    {"courses"},
    {"driver.boundary", "driver.rounds"},
    {"planning", "commands", "doctor", "report"},
    {"handle"},
    {"slurm"},
    {"arguments"},
    {"cli"},
    {"__main__"},
]


def modules() -> dict[str, Path]:
    """Every module by its name inside the package, "" for the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """Modules of this package that a file imports, at the top, in functions or for type checking."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        inside = [name.removeprefix(NAME).lstrip(".") for name in names if name == NAME or name.startswith(f"{NAME}.")]
        found |= {name for name in inside if name and name in MODULES}
    return found


def level(module: str) -> int:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for number, names in enumerate(LEVELS):
            if prefix in names:
                return number
    pytest.fail(f"{module} has no place in the house plan: add it to LEVELS")


GRAPH = {module: imports(path) for module, path in MODULES.items() if module}


@pytest.mark.parametrize("module", GRAPH)
def test_arrows_point_down(module: str) -> None:
    above = {other for other in GRAPH[module] if level(other) > level(module)}
    assert not above, f"{module} imports {sorted(above)}, which lie above it"


def test_no_cycles() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in sorted(GRAPH[module]):
                visit(other, (*path, module))
            done.add(module)

    for module in GRAPH:
        visit(module, ())


def test_analysis_imports_no_sampler() -> None:
    for module in (name for name in GRAPH if name.startswith("analysis.")):
        others = {other for other in GRAPH[module] if other.split(".")[0] not in ("analysis", "store")}
        assert others <= {"errors", "specialise"}


def test_theory_stands_alone() -> None:
    for module, imported in GRAPH.items():
        if module.split(".")[0] == "theory":
            assert all(other == "errors" or other.split(".")[0] == "theory" for other in imported)
        elif module.split(".")[0] not in ("commands", "analysis", "report"):  # `report` lays it over the data
            assert not {other for other in imported if other.split(".")[0] == "theory"}


def test_the_hot_loop_knows_neither_mpi_nor_files() -> None:
    for module in (name for name in GRAPH if name.split(".")[0] in ("dynamics", "ensembles", "landscapes")):
        text = MODULES[module].read_text(encoding="utf-8")
        assert not {other for other in GRAPH[module] if other.split(".")[0] in ("exchange", "store")}
        assert "mpi4py" not in text and "h5py" not in text


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of every function and method, nested ones counted on their own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = sum(
                (child.end_lineno or 0) - child.lineno + 1
                for child in ast.walk(node)
                if child is not node and isinstance(child, ast.FunctionDef)
            )
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - inner


@pytest.mark.parametrize("module", MODULES)
def test_files_and_functions_are_short(module: str) -> None:
    path = MODULES[module]
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES, f"{path} has {lines} lines; split it"
    long = {name: length for name, length in functions(path) if length > FUNCTION_LINES}
    assert not long, f"{path}: functions of more than {FUNCTION_LINES} lines: {long}"

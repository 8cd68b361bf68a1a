"""The reference pages are made from the code, and nothing is missing from them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from parallel_landscape import store
from parallel_landscape.arguments import make_parser
from parallel_landscape.data import SOURCES
from parallel_landscape.data.build import load_source, source_keys
from parallel_landscape.job.job_keys import SECTIONS
from parallel_landscape.job.kinds import DYNAMICS, KINDS, OF_CONTINUOUS
from parallel_landscape.job.sections import Production, Run, Slurm
from parallel_landscape.landscapes import MODELS
from parallel_landscape.model import load_model, model_keys
from parallel_landscape.solvers import ALGORITHMS
from parallel_landscape.solvers.catalogue import algorithm_keys, load_algorithm
from parallel_landscape.store.run_folder import RunFolder
from parallel_landscape.store.variable import Variable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def made() -> Iterator[ModuleType]:
    """The module that makes the pages."""
    sys.path.insert(0, str(DOCS))
    try:
        yield import_module("made")
    finally:
        sys.path.remove(str(DOCS))


def parts(page: str) -> dict[str, str]:
    """What stands below each heading."""
    split = re.split(r"^#+ (.*)$", page, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for title, body in zip(split[1::2], split[2::2], strict=True):
        found[title] = found.get(title, "") + body
    return found


def rows(text: str) -> dict[str, list[str]]:
    """Lines of tables by what is in backticks in their first cell."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", text, re.MULTILINE)
    return {name: [cell.strip() for cell in rest.replace("\\|", "¦").split("|")] for name, rest in found}


def expected() -> Iterator[tuple[str, set[str]]]:
    """Heading and keys of each section, read off what checks them and not off what makes the page."""
    for name in MODELS:
        yield f'model = "{name}"', set(model_keys(name, load_model(name, Path())).model_fields)
    for name in SOURCES:
        yield f'source = "{name}"', set(source_keys(load_source(name)).model_fields)
    for name in ALGORITHMS:
        yield f'algorithm = "{name}"', set(algorithm_keys(load_algorithm(name)).model_fields)
    for kinds, whose in ((KINDS, ""), (OF_CONTINUOUS, ", continuous weights")):
        for name, kind in kinds.items():
            heading = f'with [ensemble] kind = "{name}"{whose}'
            yield heading, {*kind.ensemble.model_fields, *kind.exchange.model_fields}
    yield from (
        ("[production]", set(Production.model_fields)),
        ("[run]", set(Run.model_fields)),
        ("[slurm]", set(Slurm.model_fields)),
    )


def test_every_key_of_every_section_is_in_the_reference(made: ModuleType) -> None:
    page = parts(made.filled((DOCS / "reference-job.md").read_text(encoding="utf-8")))
    shared = set(rows(page["any source"])) | set(rows(page["any algorithm"]))
    for heading, keys in expected():
        there = set(rows(page[heading]))
        assert keys <= there | (shared if heading.startswith(("source", "algorithm")) else set()), heading
        assert there - keys <= {"min", "max", "count", "spacing"} or heading == "[production]", heading
    for name, model in DYNAMICS.items():
        (heading,) = (title for title in page if title.startswith("kind = ") and f'"{name}"' in title)
        assert set(rows(page[heading])) == set(model.model_fields)
    named = {title.strip("[]").partition(".")[0] for title in page if title.startswith("[")}
    assert named == set(SECTIONS) - {"name", "seed"}


def test_a_row_tells_type_default_range_and_meaning(made: ModuleType) -> None:
    page = parts(made.job())
    assert rows(page["[run]"])["checkpoint_minutes"] == ["number", "`10.0`", "above 0", "time between checkpoints"]
    canonical = rows(page['with [ensemble] kind = "canonical"'])
    assert canonical["equilibration_rounds"][:3] == ["integer", "required", "from 1 up"]
    assert canonical["spacing"][:3] == ["choice", '`"geometric"`', '`"geometric"`, `"linear"`, `"adapted"`']
    assert rows(page["[production]"])["weights"][:2] == ["true or false", "`false`"]
    for heading, text in page.items():  # a key without a meaning is one that nobody has described
        assert heading.startswith("[landscape.data]") or not [key for key, row in rows(text).items() if row[-1] == ""], heading


def declared() -> Iterator[tuple[str, Variable]]:
    """Every variable of every file: whatever stands in a module of `store` whose name ends with schema."""
    for path in sorted(Path(store.__file__).parent.glob("*schema.py")):
        for name, table in vars(import_module(f"parallel_landscape.store.{path.stem}")).items():
            if isinstance(table, dict) and table and all(isinstance(one, Variable) for one in table.values()):
                yield from ((f"{path.stem}.{name}", one) for one in table.values())


def test_every_variable_of_every_file_is_in_the_reference(made: ModuleType) -> None:
    page = made.filled((DOCS / "reference-files.md").read_text(encoding="utf-8"))
    told = {
        (name, row.split(" | ")[-1].strip().replace("\\", ""))
        for name, row in re.findall(r"^\| `([^`]+)` \|(.*)\|$", page, re.MULTILINE)
    }
    missing = [f"{place}: {one.name}" for place, one in declared() if (one.name, one.meaning) not in told]
    assert not missing and len(list(declared())) > 150
    names = [name for name in vars(RunFolder) if isinstance(vars(RunFolder)[name], property)]
    for name in set(names) - {"of_solver"}:
        assert f"`{getattr(RunFolder(Path('RUN')), name)}`" in page, name


def test_every_command_with_every_option_is_in_the_reference(made: ModuleType) -> None:
    page = parts(made.filled((DOCS / "reference-commands.md").read_text(encoding="utf-8")))
    (commands,) = (action.choices for action in make_parser()._actions if action.dest == "command")
    for name, parser in dict(commands or {}).items():
        text = page[f"pland {name}"]
        options = {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}
        assert options <= set(re.findall(r"-{1,2}[a-z][\w-]*", text)), name
        assert f"pland {name}" in text
    codes = {line.split("|")[1].strip() for line in page["Exit codes"].splitlines() if line.startswith("|")}
    assert {"0", "1", "2", "3"} <= codes


def test_what_the_docs_import_is_in_the_reference(made: ModuleType) -> None:
    """Of pages, README and examples; and all that the package offers at its top."""
    text = made.api()
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md", *(DOCS / "examples").glob("*.py")]
    shown = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    found = re.findall(r"^from (parallel_landscape[\w.]*) import ([\w, ]+)", shown, re.MULTILINE)
    wanted = {(module, name.strip()) for module, names in found for name in names.split(",")}
    assert len(wanted) > 8
    for module, name in wanted - {("parallel_landscape.analysis", "plots")}:
        assert re.search(rf":: parallel_landscape(\.[\w.]+)?\.{name}$", text, re.MULTILINE), f"{module}.{name}"
    import parallel_landscape

    assert all(f":: parallel_landscape.{name}\n" in text for name in parallel_landscape.__all__)


def test_docstrings_become_text_without_markup(made: ModuleType) -> None:
    lines = ["A |w|^2 of *args and `name_`.", "", "    E = sum_i w_i", "", "More w_i."]
    restructured = import_module("made.docstrings").restructured
    assert restructured(lines) == [
        *(r"A \|w\|^2 of \*args and ``name_``.", "", "", "::", "", "    E = sum_i w_i", "", "", r"More w\_i.")
    ]

"""Makes `tests/oracles` importable from every test, and gives the session a compile cache of its own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where kernels are compiled to: $PLAND_CACHE_DIR when it is set (to keep them between sessions), else a fresh folder."""
    given = os.environ.get("PLAND_CACHE_DIR")
    folder = Path(given) if given else tmp_path_factory.mktemp("kernels")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAND_CACHE_DIR", str(folder))
        yield folder

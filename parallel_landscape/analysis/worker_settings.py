"""How workers that we start are set up."""

from __future__ import annotations

from typing import Any

# Dask has its workers give freed memory back at once. HDF5 takes and frees a buffer for each step of each chunk, so that pages
# would be mapped and cleared again and again, which takes longer than reading.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "268435456", "MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_ARENA_MAX": "1"}
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SETTINGS: dict[str, Any] = {
    "distributed.nanny.pre-spawn-environ": {**KEEP_MEMORY, **dict.fromkeys(_THREADS, "1")},
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.admin.tick.interval": "500ms",
}

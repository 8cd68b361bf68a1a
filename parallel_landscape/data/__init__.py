"""Training sets: one plain function a source, `source(network, rng, *, keys...) -> TrainingSet`.

`SOURCES` maps the name in a job file to "module:function"; `build.load_source` imports it when it is asked for.
"""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "random": "parallel_landscape.data.random_patterns:random_patterns",
    "teacher": "parallel_landscape.data.teacher:teacher",
    "hidden-manifold": "parallel_landscape.data.hidden_manifold:hidden_manifold",
    "gaussian-mixture": "parallel_landscape.data.gaussian_mixture:gaussian_mixture",
    "digits": "parallel_landscape.data.digits:digits",
    "idx": "parallel_landscape.data.idx:idx",
    "file": "parallel_landscape.data.file:file",
}

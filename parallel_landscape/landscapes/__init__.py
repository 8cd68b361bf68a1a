"""What is sampled: energies over states. A landscape is made by a plain function; see `landscape.py`.

`MODELS` maps the name in a job file to "module:function". The keyword parameters of that function are the job file's keys,
except `data`, which stands for the section `[landscape.data]`.
"""

from __future__ import annotations

MODELS: dict[str, str] = {
    "ising-2d": "parallel_landscape.landscapes.ising:ising_2d",
    "potts-2d": "parallel_landscape.landscapes.potts:potts_2d",
    "binary-perceptron": "parallel_landscape.landscapes.perceptron:binary_perceptron",
    "committee": "parallel_landscape.landscapes.committee:committee",
    "binary-mlp": "parallel_landscape.landscapes.mlp:binary_mlp",
    "margin-perceptron": "parallel_landscape.landscapes.sphere:margin_perceptron",
    "quadratic": "parallel_landscape.landscapes.toys:quadratic",
    "double-well": "parallel_landscape.landscapes.toys:double_well",
    "pinched": "parallel_landscape.landscapes.toys:pinched",
    "spherical-perceptron": "parallel_landscape.landscapes.smooth_networks:spherical_perceptron",
    "one-hidden-layer": "parallel_landscape.landscapes.smooth_networks:one_hidden_layer",
    "mlp": "parallel_landscape.landscapes.smooth_networks:mlp",
}

# For models without a training set: "module:function" that tells, from the same keys, the bytes of `params`, the bytes of a
# state and the levels, before any of it is made. Those of networks follow from the network and the number of patterns.
SIZES: dict[str, str] = {
    "ising-2d": "parallel_landscape.landscapes.ising:ising_2d_sizes",
    "potts-2d": "parallel_landscape.landscapes.potts:potts_2d_sizes",
}

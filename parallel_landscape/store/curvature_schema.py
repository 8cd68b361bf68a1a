"""The variables of the file that `pland curvature` writes."""

from __future__ import annotations

from parallel_landscape.store.variable import Variable, table

_W, _S = ("window",), ("window", "sample")
_FROM = "over chains, over samples where there is one chain"


def _mean(name: str, what: str) -> tuple[Variable, Variable]:
    return (
        Variable(name, _W, "f8", "1", f"mean over samples of: {what}"),
        Variable(f"{name}_error", _W, "f8", "1", f"standard error of {name} {_FROM}"),
    )


CURVATURE = table(
    Variable("window", _W, "i8", "1", "number of the temperature, the coldest is 0; or of the window"),
    Variable("beta", _W, "f8", "1", "inverse temperature; nan without one"),
    Variable("cut", _W, "f8", "energy", "curvature from which on a direction is held by the energy: prior times temperature"),
    *_mean("trace", "sum of all eigenvalues of the Hessian"),
    *_mean("largest", "largest eigenvalue"),
    *_mean("directions", "sum of k/(k + cut) over positive eigenvalues k"),
    *_mean("participation", "(sum of eigenvalues)^2 over the sum of their squares"),
    Variable("chain", _S, "i8", "1", "chain that the sample is from"),
    Variable("energy", _S, "f8", "1", "energy of the sample"),
    Variable("sample_trace", _S, "f8", "1", "trace of the Hessian at the sample"),
    Variable("sample_trace_error", _S, "f8", "1", "standard error of sample_trace, over random vectors"),
    Variable("sample_directions", _S, "f8", "1", "sum of k/(k + cut) at the sample"),
    Variable("sample_directions_error", _S, "f8", "1", "standard error of sample_directions, over random vectors"),
    Variable("sample_participation", _S, "f8", "1", "participation of the eigenvalues at the sample"),
    Variable("eigenvalue", ("window", "sample", "rank"), "f8", "1", "the largest eigenvalues at the sample, descending"),
)

"""How flat is it around configurations of one energy: those of tempering, and those of coupled replicas?

python flatness.py RUN_TEMPERING RUN_COUPLED ENERGY FIGURE     (runs of jobs/flat-tempering.toml and jobs/flat-coupled.toml)

Of up to 96 records of each kind: the mean energy E_d after d random flips, and the number N_2 of all pairs of flips that leave
the energy as low as it was. Errors come from eight spans of time.
"""

import sys

import numpy as np
from matplotlib import pyplot

import parallel_landscape as pl
from parallel_landscape.job.job import load_job
from parallel_landscape.network import Network

DISTANCES = (1, 2, 4, 7, 10, 15, 20, 30, 40)
MOST, SETS, SPANS = 96, 40, 8
rng = np.random.default_rng(0)


def records_of(run, energy, places, repeat=0):
    """Weights (records, N) of +-1 and spans of time of some records at an energy, in these windows of a repeat."""
    job, records = load_job(run.path / "job.toml", run.path), run.trajectory
    layout = job.layout(range(1))
    place = [layout.place(int(slot)) for slot in records.slot.values]
    chosen = np.array([one.repeat == repeat and (places is None or one.window in places) for one in place])
    found = np.flatnonzero(chosen & (records.energy.values == energy))
    found = found[np.sort(rng.permutation(len(found))[:MOST])]
    bits = np.unpackbits(records.weights.values[found], axis=1, bitorder="little", count=job.build_landscape().moves)
    return 2 * bits.astype(np.int64) - 1, SPANS * records.sweep.values[found] // (int(records.sweep.max()) + 1)


def energy_after(margins, products, flips):
    """Mean number of negative margins (P,) after random flips; products (P, N): what each weight adds to them."""
    sets = [rng.choice(products.shape[1], flips, replace=False) for _ in range(SETS)]
    return np.mean([(margins - 2 * products[:, chosen].sum(axis=1) < 0).sum() for chosen in sets])


def as_low_pairs(margins, products, energy):
    """Number of pairs of flips after which at most `energy` margins are negative."""
    after = ((margins - 2 * products[:, i])[:, None] - 2 * products[:, i + 1 :] for i in range(products.shape[1] - 1))
    return sum(int(((one < 0).sum(axis=0) <= energy).sum()) for one in after)


def measured(folded, weights, spans, energy):
    """E_d for each distance, and ln(1 + N_2): means and errors."""
    rows = []
    for one in weights:
        products = folded * one
        margins = products.sum(axis=1)
        pairs = np.log1p(as_low_pairs(margins, products, energy))
        rows.append([*(energy_after(margins, products, flips) for flips in DISTANCES), pairs])
    means = np.array([np.mean([row for row, span in zip(rows, spans, strict=True) if span == s], axis=0) for s in set(spans)])
    return np.mean(rows, axis=0), means.std(axis=0, ddof=1) / np.sqrt(len(means))


def main(tempering, coupled, energy, figure):
    tempering, coupled, energy = pl.open_run(tempering), pl.open_run(coupled), int(energy)
    job = load_job(tempering.path / "job.toml", tempering.path)
    examples = job.training_set(Network((job.build_landscape().moves, 1)))
    folded = (examples.patterns * examples.labels.reshape(-1, 1)).astype(np.int64)
    gammas = coupled.windows.gamma.values
    bands = [(4, 5, 6), (7, 8, 9), (10, 11), (12, 13), (14, 15, 16)]
    kinds = [(f"tempering, run {repeat + 1}", tempering, None, repeat) for repeat in (0, 1)]
    kinds += [(f"coupled, gamma {gammas[places[0]]:.1f} to {gammas[places[-1]]:.1f}", coupled, places, 0) for places in bands]
    fig, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for number, (label, run, places, repeat) in enumerate(kinds):
        weights, spans = records_of(run, energy, places, repeat)
        mean, error = measured(folded, weights, spans, energy)
        print(f"{label}: {len(weights)} records, E_10 = {mean[4]:.2f} +- {error[4]:.2f}, "
              f"<ln(1 + N_2)> = {mean[-1]:.2f} +- {error[-1]:.2f}")  # fmt: skip
        colour = f"C{number}"
        left.errorbar(DISTANCES, mean[:-1], error[:-1], label=label, color=colour, marker=".", capsize=2)
        right.errorbar([number], mean[-1:], error[-1:], color=colour, marker="o", capsize=3)
    left.set(xlabel="flips d", ylabel=f"mean energy after d flips, from E = {energy}")
    left.legend(fontsize=7)
    right.set(ylabel=r"$\langle\ln(1 + N_2)\rangle$", xticks=range(len(kinds)))
    ticks = [label.replace("coupled, gamma", "coupled") for label, *_ in kinds]
    right.set_xticklabels(ticks, rotation=30, ha="right", fontsize=7)
    fig.savefig(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])

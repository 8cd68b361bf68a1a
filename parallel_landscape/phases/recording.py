"""What production is to record, and in which form: from the job to the columns of the segments and the file of the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parallel_landscape.driver.campaign import Campaign
from parallel_landscape.job.columns import binary_weights, buffer_length, columns_of, smooth_columns
from parallel_landscape.landscape import counts_proposals
from parallel_landscape.phases.produce import Before, Production
from parallel_landscape.store.files import make_folder
from parallel_landscape.store.frozen import FrozenSlot, attributes_of, write_frozen
from parallel_landscape.store.segments import Recorder


def new_production(campaign: Campaign, before: Before) -> Production:
    """The production of this job, at its beginning."""
    section, sampler = campaign.job.production, campaign.sampler
    assert section is not None
    looks = max(1, before.steps // (section.record_every_sweeps * sampler.landscape.sweep))
    recorder, how = new_recorder(campaign)
    band = min(section.transitions, sampler.levels - 1) if counts_proposals(sampler.landscape) else 0
    return Production(before, section.rounds, section.record_every_sweeps, looks, how, recorder, campaign.observers, band)


def new_recorder(campaign: Campaign, more: Iterable[str] = ()) -> tuple[Recorder, str]:
    """This rank's recorder, and how weights are stored; `more`: names of numbers that the ensemble records."""
    section, sampler = campaign.job.production, campaign.sampler
    assert section is not None
    columns = columns_of(section, sampler.landscape, sampler.seed, more)
    how = "" if "weights" not in columns else "bits" if binary_weights(sampler.landscape, sampler.seed) else "as they are"
    return _recorder(campaign, columns), how


def smooth_recorder(campaign: Campaign, more: Iterable[str] = ()) -> tuple[Recorder, str]:
    """The same of continuous weights."""
    section = campaign.job.production
    assert section is not None
    columns = smooth_columns(section, campaign.sampler.landscape, more)
    return _recorder(campaign, columns), "as they are" if section.weights else ""


def _recorder(campaign: Campaign, columns: Mapping[str, tuple[str, tuple[int, ...]]]) -> Recorder:
    section = campaign.job.production
    assert section is not None
    return Recorder(
        campaign.folder.trajectory, campaign.leg, campaign.comm.rank, buffer_length(columns), columns, section.compression
    )


def describe_sampling(campaign: Campaign, production: Production) -> None:
    """Write under which weights all slots are sampled, for whoever reads the records. All ranks call this together."""
    landscape = campaign.sampler.landscape
    weights = binary_weights(landscape, campaign.job.seed) if production.weights else 0
    about = attributes_of(
        *(
            landscape.levels,
            landscape.ln_states,
            landscape.sweep,
            production.sweeps_per_record,
            weights,
            campaign.job.ensemble.kind,
        )
    )
    write_sampling(campaign, production, about)


def write_sampling(campaign: Campaign, production: Production, about: Mapping[str, Any]) -> None:
    """Gather the weights of all slots, and write them with these attributes and those of the phase before production."""
    mine = {number: [slot.reached, *production.ln_weight(slot)] for number, slot in campaign.slots.items()}
    rows = campaign.comm.gather({number: np.array(row, np.float64).view(np.uint8) for number, row in mine.items()})
    if rows is None:
        return
    folder = campaign.folder.trajectory
    slots = {}
    for number, row in rows.items():
        reached, *ln_weight = row.view(np.float64)
        place = production.before.layout.place(number)
        low, high = production.before.windows[place.window]
        weight = np.array(ln_weight)
        slots[number] = FrozenSlot(place.repeat, place.window, place.walker, low, high, bool(reached), weight)
    make_folder(folder)
    write_frozen(folder, slots, {**about, **production.before.described()}, [*production.observers.about(), *production.more])

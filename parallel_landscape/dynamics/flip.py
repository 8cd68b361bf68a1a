"""Single moves of discrete states: propose, compare, accept, visit.

A move is drawn uniformly, so the chain is Metropolis, P = min(1, weight(new) / weight(old)), written without an exponential:
accept when cost(new) - cost(old) <= -ln u, with cost = -ln weight. A rejected move counts as a visit of the present level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.rng import BLOCK, Bits, draw_block
from parallel_landscape.simd import Int


def unnoted(weight: Any, level: int, change: int) -> None:
    """Take no notice of a proposal."""


def unpulled(weight: Any, state: Any, move: int) -> float:
    """Nothing but the energy decides."""
    return 0.0


def untaken(weight: Any, state: Any, move: int) -> None:
    """Take no notice of an accepted move."""


def flip_template(
    delta: Callable[..., int],
    commit: Callable[..., None],
    cost: Callable[..., float],
    visit: Callable[..., float],
    note: Callable[..., None] = unnoted,
    pull: Callable[..., float] = unpulled,
    take: Callable[..., None] = untaken,
    *,
    stride: int,
) -> Callable[..., tuple[int, int, Int]]:
    """The loop over single moves of a landscape with integer energies `stride` apart, under any weight.

    cost(weight, level) -> -ln of the level's weight; visit(weight, level, cost) learns and returns the cost after it. The
    cost of the present level stays in a register: a load that waits for the last store would be the longest link of the chain.
    note(weight, level, change) hears of every proposal before it is accepted or not, `change` in levels. pull(weight, state,
    move) -> change of the logarithm of the weight by anything but the energy, and take(weight, state, move) hears of a move
    that is accepted, before it is made. The defaults compile to nothing: x - 0.0 is x in all bits.
    """

    def advance(
        params: Any,
        state: Any,
        weight: Any,
        moves: NDArray[np.uint32],
        minus_ln_u: NDArray[np.float64],
        key: Bits,
        purpose: Bits,
        slot: Bits,
        block: Bits,
        bound: Bits,
        levels: int,
        level: int,
        steps: int,
    ) -> tuple[int, int, Int]:
        """Make `steps` moves from `level`; returns (level, accepted, bad move or -1).

        Blocks of `len(moves)` random pairs are drawn from number `block` on; the rest of the last one is thrown away. A move
        whose change of energy is no integer or leads out of [0, levels) ends the loop: the landscape has broken its promise.
        """
        accepted = 0
        done = 0
        here = cost(weight, level)
        while done < steps:
            draw_block(key, purpose, slot, block, bound, moves, minus_ln_u)
            block += np.uint64(1)
            count = min(len(moves), steps - done)
            for i in range(count):
                move = np.int64(moves[i])  # signed, so that a model may write move - 1
                change = delta(params, state, move)
                up: Any = np.int64(change) // stride
                new = level + up
                if np.uint64(new) >= np.uint64(levels) or up * stride != change:
                    return level, accepted, move
                note(weight, level, up)
                there = cost(weight, new)
                if there - here - pull(weight, state, move) <= minus_ln_u[i]:
                    take(weight, state, move)
                    commit(params, state, move)
                    level, here = new, there
                    accepted += 1
                here = visit(weight, level, here)
            done += count
        return level, accepted, np.int64(-1)

    return advance


def scratch() -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """Room for one block of random pairs (moves, -ln u), shared by all walkers of a process."""
    return np.zeros(BLOCK, np.uint32), np.zeros(BLOCK)

"""Where everything of a network of sign units lies in one flat array of 64-bit words.

One array with constant offsets, for separate arrays would keep the compiler from knowing that they do not overlap. A
plane is `words` words, one bit a pattern.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from parallel_landscape.landscapes.bits import planes_for, words_for
from parallel_landscape.network import Network
from parallel_landscape.simd import address

MOST_VOTES = 255  # that eight planes can count
LINE = 8  # words to a cache line: planes begin on one


class Layer(NamedTuple):
    """Offsets, in words, of one layer. A unit has `planes` planes of its counter h = (m-1)/2, the last one its sign, or none.

    first_weight: number of the layer's first weight in the flat vector. frozen: all weights are +1 and never move.
    counters: (units, planes, words). critical: (units, words), patterns with |m| = 1, where one step changes the sign.
    scratch: (units, planes, words), the counters as they would be after the move, for layers two or more above it.
    masks: (fan_in, units), all bits set where the weight is -1, so that a weight spreads over a plane with one load; none
    for the first layer, of which a move reads one weight only, nor for a frozen one.
    """

    units: int
    fan_in: int
    planes: int
    first_weight: int
    frozen: bool
    counters: int
    critical: int
    scratch: int
    masks: int

    def sign(self, unit: int, words: int) -> int:
        """Offset of the sign plane of `unit`."""
        return self.counters + ((unit + 1) * self.planes - 1) * words


class Layout(NamedTuple):
    """All layers, first one first.

    flips: patterns whose unit would turn. wrong: wrong patterns, kept for several outputs. by_votes: the outputs keep no
    planes, their votes are counted anew. errors: for such, the number of wrong patterns now, and then that after the move.
    """

    words: int
    layers: tuple[Layer, ...]
    by_votes: bool
    flips: int
    wrong: int
    errors: int
    size: int


def layout_of(network: Network, words: int, real: bool) -> Layout:
    """The layout for planes of `words` words; with real inputs the first layer has only its sign plane here."""
    layers = []
    end, weight = 0, 0
    last = len(network.layers) - 2
    by_votes = last == 2 and network.fan_in[last] <= MOST_VOTES
    for index, (units, fan_in) in enumerate(zip(network.layers[1:], network.fan_in, strict=True)):
        frozen = network.majority and index == last
        counted = by_votes and index == last
        planes = 0 if counted else (1 if real and index == 0 else planes_for(fan_in))
        critical = end + units * planes * words
        scratch = critical + (0 if counted else units * words)
        masks = scratch + (units * planes * words if index >= 2 else 0)
        layers.append(Layer(units, fan_in, planes, weight, frozen, end, critical, scratch, masks))
        end = masks + (0 if index == 0 or frozen else -(-units * fan_in // LINE) * LINE)
        weight += 0 if frozen else units * fan_in
    return Layout(words, tuple(layers), by_votes, end, end + words, end + 2 * words, end + 2 * words + LINE)


def network_bytes(network: Network, patterns: int) -> int:
    """Bytes of a walker's state on +-1 inputs."""
    return 8 * layout_of(network, words_for(patterns), real=False).size + network.weights


class Memory(NamedTuple):
    """Addresses of the arrays that the kernels of a network use, under the names of `Params` and `State` in sign_network.py."""

    words: Any
    fields: Any
    weights: Any
    columns: Any
    lanes: Any
    valid: Any
    labels: Any


def memory(params: Any, state: Any) -> Memory:
    """The addresses for one move."""
    return Memory(
        address(state.words),
        address(state.fields),
        address(state.weights),
        address(params.columns),
        address(params.lanes),
        address(params.valid),
        address(params.labels),
    )

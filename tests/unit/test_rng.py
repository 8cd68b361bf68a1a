"""Random streams: the published Philox, uniform moves, true exponentials, and the same bits in plain Python and compiled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from parallel_landscape.rng import BLOCK, Purpose, draw_block, fill_exponentials, generator, minus_ln, philox
from parallel_landscape.specialise import compile_function

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")  # words wrap around, and numpy mentions it

# counter, key, result: known answers that the authors publish with Random123 (kat_vectors, philox4x32 10)
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[np.uint64]:
    return [np.uint64(int(word, 16)) for word in text.split()]


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_philox_gives_the_published_answers(counter: str, key: str, result: str, compiled: bool) -> None:
    function: Any = compile_function(philox) if compiled else philox
    low, high = (int(word) for word in function(*words(counter), *words(key)))
    assert [low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high >> 32] == [int(word) for word in words(result)]


def draw(kernel: Any, block: int, slot: int = 3, purpose: int = Purpose.LEARN, bound: int = 100, size: int = BLOCK) -> Any:
    """moves and -ln u of one block."""
    moves, minus_ln_u = np.zeros(size, np.uint32), np.zeros(size)
    key = 12345678901234567890
    kernel(*(np.uint64(value) for value in (key, purpose, slot, block, bound)), moves, minus_ln_u)
    return moves, minus_ln_u


@pytest.fixture(scope="module")
def kernel() -> Any:
    return compile_function(draw_block)


@pytest.fixture(scope="module")
def sample(kernel: Any) -> tuple[NDArray[np.uint32], NDArray[np.float64]]:
    """A million moves below 100, and exponentials."""
    blocks = [draw(kernel, block) for block in range(1000)]
    return np.concatenate([moves for moves, _ in blocks]), np.concatenate([values for _, values in blocks])


class TestBlock:
    @pytest.mark.parametrize("block", [0, 1, 2**32 // (BLOCK // 2) - 1, 2**40])
    def test_plain_and_compiled_have_the_same_bits(self, kernel: Any, block: int) -> None:
        for plain, compiled in zip(draw(kernel.plain, block, size=32), draw(kernel, block, size=32), strict=True):
            assert plain.tobytes() == compiled.tobytes()

    def test_moves_are_uniform(self, sample: Any) -> None:
        """Chi-square over 100 moves; false alarm 1e-4, fixed seed."""
        assert stats.chisquare(np.bincount(sample[0], minlength=100)).pvalue > 1e-4

    @pytest.mark.parametrize("bound", [1, 2, 3, 1000, 2**31 + 1])
    def test_moves_stay_below_the_bound(self, kernel: Any, bound: int) -> None:
        moves, _ = draw(kernel, 7, bound=bound)
        assert moves.max() < bound
        assert bound > 100 or len(np.unique(moves)) == bound

    def test_exponentials_are_exponential(self, sample: Any) -> None:
        """Kolmogorov-Smirnov; false alarm 1e-4, fixed seed."""
        assert stats.kstest(sample[1], "expon").pvalue > 1e-4

    def test_successive_pairs_are_independent(self, sample: Any) -> None:
        """Chi-square over the pairs (move, next move) and (move, u), each in 10 x 10 boxes; false alarm 2e-4, fixed seed."""
        boxes = sample[0] // 10
        chances = (np.exp(-sample[1]) * 10).astype(int)
        for first, second in ((boxes[:-1], boxes[1:]), (boxes, chances)):
            counts = np.histogram2d(first, second, bins=10, range=[[0, 10], [0, 10]])[0]
            assert stats.chi2_contingency(counts).pvalue > 1e-4

    @pytest.mark.parametrize("other", [{"block": 8}, {"slot": 4}, {"purpose": Purpose.SEARCH}])
    def test_other_block_slot_or_purpose_is_another_stream(self, kernel: Any, other: dict[str, int]) -> None:
        """A million pairs of 32-bit chances hold an equal one with probability 2.4e-4; fixed seed."""
        mine, theirs = (draw(kernel, **arguments)[1] for arguments in ({"block": 7}, {"block": 7, **other}))
        assert not np.any(np.isin(mine, theirs))

    def test_blocks_follow_one_another_without_overlap(self, sample: Any) -> None:
        """u has 32 bits, so a million draws hold about 122 equal pairs; a block drawn twice would add 1024. 6 sigma: 1e-9."""
        equal = len(sample[1]) - len(np.unique(sample[1]))
        assert abs(equal - 1.024e6**2 / 2**33) < 6 * math.sqrt(122)


class TestMinusLn:
    @pytest.mark.parametrize("u", [1.0, 0.75, np.nextafter(0.75, 0), 0.5, 0.375, 1e-3, 2.0**-33, 2.0**-54])
    def test_close_to_the_logarithm(self, u: float) -> None:
        assert minus_ln(u) == pytest.approx(-math.log(u), abs=2e-7)

    def test_error_is_below_two_parts_in_ten_million(self) -> None:
        u = np.concatenate([np.linspace(0.3, 1.0, 100_001), np.geomspace(1e-16, 1.0, 10_001)])
        errors = np.array([float(minus_ln(value)) for value in u[::10]]) + np.log(u[::10])
        assert np.abs(errors).max() < 2e-7

    def test_plain_and_compiled_have_the_same_bits(self) -> None:
        kernel = compile_function(minus_ln)
        values = np.random.default_rng(0).uniform(size=500)
        assert all(np.float64(minus_ln(u)).tobytes() == np.float64(kernel(u)).tobytes() for u in values)


class TestShared:
    def test_draw_depends_on_the_name_alone_and_not_on_the_others(self) -> None:
        """Two ranks that ask for different pairs of the same round agree on those that both ask for."""
        kernel = compile_function(fill_exponentials)

        def fill(names: list[int]) -> list[float]:
            out = np.empty(len(names))
            kernel(np.uint64(5), np.uint64(Purpose.EXCHANGE), np.uint64(17), np.array(names, np.uint64), out)
            return out.tolist()

        assert fill([4, 9, 2])[1] == fill([9])[0] == fill([1, 2, 3, 9])[3]
        assert len(set(fill(list(range(1000))))) == 1000

    def test_generator_belongs_to_seed_purpose_and_slot(self) -> None:
        keys = [(1, Purpose.INITIAL, 0), (2, Purpose.INITIAL, 0), (1, Purpose.PERMUTE, 0), (1, Purpose.INITIAL, 1)]
        first = [generator(*key).integers(2**63) for key in keys]
        assert len(set(first)) == 4
        assert first == [generator(*key).integers(2**63) for key in keys]

    def test_seeds_use_all_64_bits(self) -> None:
        first = [generator(seed, Purpose.INITIAL).integers(2**63) for seed in (1, 1 + 2**32, 1 + 2**63)]
        assert len(set(first)) == 3

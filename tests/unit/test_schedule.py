"""How ln f falls."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from parallel_landscape.ensembles.schedule import RAW, Learner, Schedule
from parallel_landscape.walker import Slot, Walker

FLAT = np.full(10, 1000)
UNEVEN = np.array([1000] * 9 + [100])
MISSING = np.array([1000] * 9 + [0])


OFTEN = 10**6  # rounds in which the rarest level was visited: no reason to wait


def rounds(schedule: Schedule, counts: NDArray[np.int64], number: int, steps: int = 10_000) -> list[float]:
    """ln f after each of `number` rounds that end with the same counts."""
    learner = Learner()
    values = []
    for _ in range(number):
        learner.advance(schedule, counts, OFTEN, steps)
        values.append(learner.ln_f)
    return values


class TestHalving:
    schedule = Schedule(schedule="halving", ln_f_final=1e-3, flatness=0.8)

    def test_flat_histogram_halves(self) -> None:
        assert rounds(self.schedule, FLAT, 3) == [0.5, 0.25, 0.125]

    @pytest.mark.parametrize("counts", [UNEVEN, MISSING])
    def test_uneven_histogram_waits(self, counts: NDArray[np.int64]) -> None:
        assert rounds(self.schedule, counts, 3) == [1.0, 1.0, 1.0]

    def test_flatness_counts_levels_above_the_mean_too(self) -> None:
        assert rounds(self.schedule, np.array([1000] * 9 + [1500]), 1) == [1.0]

    def test_few_visits_are_not_flat(self) -> None:
        """At least 1/sqrt(ln f) visits of each level belong to a stage (Zhou and Bhatt)."""
        learner = Learner(ln_f=1e-4)
        schedule = Schedule(schedule="halving", ln_f_final=1e-8)
        assert not learner.advance(schedule, np.full(10, 99), OFTEN, 990)
        assert learner.advance(schedule, np.full(10, 101), OFTEN, 1010)

    def test_ends_at_ln_f_final(self) -> None:
        learner = Learner()
        while not learner.finished:
            learner.advance(self.schedule, FLAT, OFTEN, 10_000)
        assert learner.ln_f == 2.0**-10 and learner.stage == 10


class TestInverseTime:
    schedule = Schedule(schedule="1/t", ln_f_final=1e-6)

    def test_halves_as_soon_as_every_level_is_visited(self) -> None:
        assert rounds(self.schedule, UNEVEN, 2, steps=20) == [0.5, 0.25]

    def test_waits_for_a_known_level(self) -> None:
        assert rounds(self.schedule, MISSING, 3) == [1.0, 1.0, 1.0]

    def test_follows_one_over_visits_per_level(self) -> None:
        learner = Learner()
        for number in range(1, 200):
            learner.advance(self.schedule, FLAT, OFTEN, 1_000)
            time = number * 1_000 / len(FLAT)
            if learner.inverse_time and number > 20:
                assert learner.ln_f == pytest.approx(1.0 / time)
        assert learner.inverse_time

    def test_never_rises(self) -> None:
        values = rounds(self.schedule, FLAT, 100, steps=200)
        assert all(later <= earlier for earlier, later in zip(values, values[1:], strict=False))

    def test_ends_after_one_over_ln_f_final_visits_per_level(self) -> None:
        learner = Learner()
        number = 0
        while not learner.finished:
            learner.advance(self.schedule, FLAT, OFTEN, 100_000)
            number += 1
        assert number * 100_000 / len(FLAT) == pytest.approx(1e6, rel=0.02)


class TestSamc:
    def test_constant_then_one_over_t(self) -> None:
        schedule = Schedule(schedule="samc", t0=3000.0, ln_f_final=1e-6)
        assert rounds(schedule, MISSING, 5) == pytest.approx([1.0, 1.0, 1.0, 3 / 4, 3 / 5])


class TestLearner:
    def test_raw_above_two_to_the_minus_seven(self) -> None:
        assert Learner(ln_f=2 * RAW).raw and not Learner(ln_f=RAW).raw

    def test_late_level_starts_again_from_a_middling_gain(self) -> None:
        learner = Learner(ln_f=1e-5, clock=10**6, stage=20, inverse_time=True, finished=True)
        learner.restart()
        assert (learner.ln_f, learner.clock, learner.inverse_time, learner.finished) == (RAW, 0, False, False)
        assert learner.restarts == 1

    def test_restart_never_lowers_ln_f(self) -> None:
        learner = Learner(ln_f=0.5)
        learner.restart()
        assert learner.ln_f == 0.5

    def test_restarted_schedule_ends_again(self) -> None:
        schedule = Schedule(ln_f_final=1e-4)
        learner = Learner()
        while not learner.finished:
            learner.advance(schedule, FLAT, OFTEN, 10_000)
        learner.restart()
        for _ in range(200):
            learner.advance(schedule, FLAT, OFTEN, 10_000)
        assert learner.finished and learner.ln_f <= 1e-4

    def test_rare_level_keeps_learning_on(self) -> None:
        """However small ln f is: what was visited in few rounds is not known well."""
        learner = Learner(ln_f=1e-9, inverse_time=True)
        schedule = Schedule(ln_f_final=1e-6, occasions=50)
        learner.advance(schedule, FLAT, 49, 1000)
        assert not learner.finished
        learner.advance(schedule, FLAT, 50, 1000)
        assert learner.finished

    def test_window_that_disagrees_learns_on_to_a_quarter(self) -> None:
        schedule = Schedule(ln_f_final=1e-4)
        learner = Learner()
        while not learner.finished:
            learner.advance(schedule, FLAT, OFTEN, 10_000)
        learner.learn_on()
        assert not learner.finished
        while not learner.finished:
            learner.advance(schedule, FLAT, OFTEN, 10_000)
        assert learner.ln_f == pytest.approx(1e-4 / 4, rel=0.05)

    def test_window_far_off_learns_again(self) -> None:
        schedule = Schedule(ln_f_final=1e-4)
        learner = Learner()
        while not learner.finished:
            learner.advance(schedule, FLAT, OFTEN, 10_000)
        learner.learn_on(far=True)
        assert (learner.ln_f, learner.clock, learner.finished, learner.restarts) == (RAW, 0, False, 0)

    def test_numbers_bring_a_learner_back(self) -> None:
        learner = Learner(ln_f=0.1, clock=2**52 + 1, stage=3, restarts=1, inverse_time=True, known=7, flatness=0.25)
        assert Learner.from_numbers(learner.numbers()) == learner

    def test_no_known_level_is_no_progress(self) -> None:
        learner = Learner()
        assert not learner.advance(Schedule(), np.zeros(0, np.int64), 0, 1000)
        assert learner.ln_f == 1.0


class TestOccasions:
    """Levels 0 (rare), 1 and 2 (the commonest)."""

    @staticmethod
    def a_round(slot: Slot, *visited: int) -> list[int]:
        slot.histogram[list(visited)] += 5
        slot.count_occasions()
        return slot.occasions.tolist()

    @staticmethod
    def slot() -> Slot:
        counts = np.zeros((5, 3), np.int64)
        return Slot(0, Walker(None, 0, 0), np.array([0.0, 2.0, 9.0]), *counts)

    def test_walker_that_sits_in_a_state_finds_it_once(self) -> None:
        slot = self.slot()
        self.a_round(slot, 0, 1, 2)
        for _ in range(10):
            found = self.a_round(slot, 0)
        assert found == [1, 1, 1]

    def test_every_return_from_the_commonest_level_counts(self) -> None:
        slot = self.slot()
        for expected in range(1, 5):
            assert self.a_round(slot, 0, 1)[0] == expected
            assert self.a_round(slot, 2)[0] == expected

    def test_round_over_all_levels_counts_for_all(self) -> None:
        slot = self.slot()
        for expected in range(1, 5):
            assert self.a_round(slot, 0, 1, 2) == [expected] * 3


def test_no_stage_ends_while_a_walker_is_away() -> None:
    """Levels that all others visit do not make up for one walker that has not been home: it may sit in a hole."""
    learner, schedule = Learner(), Schedule(schedule="1/t")
    assert not learner.advance(schedule, FLAT, OFTEN, 10_000, home=False) and learner.ln_f == 1.0
    assert learner.advance(schedule, FLAT, OFTEN, 10_000, home=True) and learner.ln_f == 0.5

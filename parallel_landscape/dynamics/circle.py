"""Rotations of weights on a sphere: a circle is drawn at random through the present point, and a point on it by its weight.

On a circle that a one-parameter group of rotations draws, each stability is

    Delta(t) = Delta(0) + b (cos t - 1) + c sin t ,

which meets the margin at two angles or none. Between those angles of all patterns the number of violated patterns is constant,
so the law on the circle, exp(-cost(level)), is a step function and t is drawn from it exactly: a heat bath, without rejection
and without anything to tune. Where neither more nor fewer violated patterns are allowed, t is uniform on the arc around 0. This
leaves every law invariant that depends on the number of violated patterns alone: uniform on solutions, canonical, flat. Where
no arc has any weight, those with the fewest violated patterns are taken: the way down.

"great-circle": the plane of the weights and a random tangent, N P operations. This is hit-and-run on the sphere
(R. L. Smith, Oper. Res. 32, 1296 (1984)). "rotation": the plane of two coordinates, P operations, about as far.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parallel_landscape.rng import BLOCK, Bits, two_words

F = NDArray[np.float64]
TURN = 2.0 * math.pi
_LOW, _32, _11 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(11)
_UNIT = 2.0**-53


def _uniform(word: Bits) -> float:
    """In (0, 1)."""
    return (np.float64(word >> _11) + 0.5) * _UNIT


def two_axes(params: Any, state: Any, room: F, b: F, c: F, key: Bits, purpose: Bits, slot: Bits, number: Bits) -> float:
    """The circle on which weights i and j turn; room holds i and j. Returns a uniform for the place on it."""
    first, second = two_words(key, purpose, slot, number)
    i = np.int64(((first & _LOW) * np.uint64(params.inputs)) >> _32)
    j = np.int64(((first >> _32) * np.uint64(params.inputs - 1)) >> _32)
    j += j >= i
    room[0], room[1] = i, j
    one, two = state.weights[i], state.weights[j]
    for mu in range(params.patterns):
        x, y = params.columns[i, mu], params.columns[j, mu]
        b[mu] = one * x + two * y
        c[mu] = one * y - two * x
    return _uniform(second)


def turn_axes(state: Any, room: F, cosine: float, sine: float) -> None:
    """Go to the angle of these."""
    i, j = np.int64(room[0]), np.int64(room[1])
    one, two = state.weights[i], state.weights[j]
    state.weights[i] = one * cosine - two * sine
    state.weights[j] = two * cosine + one * sine


def great_circle(params: Any, state: Any, room: F, b: F, c: F, key: Bits, purpose: Bits, slot: Bits, number: Bits) -> float:
    """The circle through the weights in a random tangent direction, which room holds. Returns a uniform for the place."""
    inputs = params.inputs
    half = (inputs + 1) // 2
    name = number * np.uint64(half + 1)
    for k in range(half):  # G. E. P. Box, M. E. Muller, Ann. Math. Stat. 29, 610 (1958)
        first, second = two_words(key, purpose, slot, name + np.uint64(k))
        radius, angle = math.sqrt(-2.0 * math.log(_uniform(first))), TURN * _uniform(second)
        room[2 * k] = radius * math.cos(angle)
        room[2 * k + 1] = radius * math.sin(angle)
    along = 0.0
    for i in range(inputs):
        along += room[i] * state.weights[i]
    along /= inputs
    length = 0.0
    for i in range(inputs):
        room[i] -= along * state.weights[i]
        length += room[i] * room[i]
    scale = math.sqrt(inputs / length)
    b[:] = state.fields
    c[:] = 0.0
    for i in range(inputs):
        room[i] *= scale
        for mu in range(params.patterns):
            c[mu] += room[i] * params.columns[i, mu]
    return _uniform(two_words(key, purpose, slot, name + np.uint64(half))[0])


def turn_circle(state: Any, room: F, cosine: float, sine: float) -> None:
    """Go to the angle of these."""
    for i in range(len(state.weights)):
        state.weights[i] = state.weights[i] * cosine + room[i] * sine


def meetings(fields: F, b: F, c: F, kappa: float, at: F, change: NDArray[np.int64]) -> Any:
    """Angles in [0, 2 pi] at which a pattern meets its margin, and what that does to the number of violated ones.

    Written so that a pattern that is satisfied at 0 is so by its own two angles, whatever the rounding.
    """
    count = 0
    for mu in range(len(fields)):
        gap = kappa - (fields[mu] - b[mu])
        square = b[mu] * b[mu] + c[mu] * c[mu]
        if gap * gap < square:
            middle, half = math.atan2(c[mu], b[mu]), math.acos(gap / math.sqrt(square))  # satisfied within half of middle
            if fields[mu] >= kappa:
                enter, leave = min(TURN + (middle - half), TURN), max(middle + half, 0.0)
            else:
                enter = max(middle - half if middle > 0.0 else middle - half + TURN, 0.0)
                leave = min(enter + 2.0 * half, TURN)
            at[count], change[count] = enter, -1
            at[count + 1], change[count + 1] = leave, 1
            count += 2
    return count


def walls(fields: F, b: F, c: F, kappa: float) -> tuple[float, float]:
    """How far one can turn back and ahead before any pattern meets its margin; (0, 2 pi) when none does.

    Patterns that cannot meet it within what is left, as |Delta(t) - Delta(0)| <= |c| t + |b| t^2 / 2, cost next to nothing.
    """
    back, ahead = TURN, TURN
    for mu in range(len(fields)):
        reach = max(back, ahead)
        if abs(fields[mu] - kappa) > reach * (abs(c[mu]) + 0.5 * reach * abs(b[mu])):
            continue
        gap = kappa - (fields[mu] - b[mu])
        square = b[mu] * b[mu] + c[mu] * c[mu]
        if gap * gap < square:
            middle, half = math.atan2(c[mu], b[mu]), math.acos(gap / math.sqrt(square))
            if fields[mu] >= kappa:
                back, ahead = min(back, max(half - middle, 0.0)), min(ahead, max(half + middle, 0.0))
            else:
                enter = max(middle - half if middle > 0.0 else middle - half + TURN, 0.0)
                back, ahead = min(back, max(TURN - enter - 2.0 * half, 0.0)), min(ahead, enter)
    return (0.0, TURN) if ahead == TURN else (back, ahead)


def sort_angles(at: F, change: NDArray[np.int64], count: int) -> None:
    """Sort both by angle, in place: D. L. Shell, Commun. ACM 2, 30 (1959)."""
    gap = 1
    while gap < count // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, count):
            angle, step, k = at[i], change[i], i
            while k >= gap and at[k - gap] > angle:
                at[k], change[k] = at[k - gap], change[k - gap]
                k -= gap
            at[k], change[k] = angle, step
        gap //= 3


def circle_template(
    draw: Callable[..., float], turn: Callable[..., None], cost: Callable[..., float], visit: Callable[..., float]
) -> Callable[..., tuple[int, int, int]]:
    """The loop over circles, to be called like that of `flip_template`; `cost` and `visit` as there."""

    def choose(weight: Any, at: F, change: NDArray[np.int64], mass: F, count: int, level: int, u: float) -> float:
        """An angle from the step function: mass (count + 1,) is room for what each arc weighs."""
        least, lowest, here = math.inf, level, level
        for k in range(count):
            here += change[k]
            least, lowest = min(least, cost(weight, here)), min(lowest, here)
        least = min(least, cost(weight, level))
        here, before, total = level, 0.0, 0.0
        for k in range(count + 1):
            after = at[k] if k < count else TURN
            own = cost(weight, here)
            if least == math.inf:
                weighs = 1.0 if here == lowest else 0.0
            elif own == least or own == math.inf:  # the usual cases, without an exponential
                weighs = 1.0 if own == least else 0.0
            else:
                weighs = math.exp(least - own)
            mass[k] = weighs * (after - before)
            total += mass[k]
            before = after
            if k < count:
                here += change[k]
        u *= total
        k = 0
        while k < count and u >= mass[k]:
            u -= mass[k]
            k += 1
        while k > 0 and mass[k] == 0.0:  # rounding may lead into an arc without weight
            k -= 1
            u = mass[k]
        start, end = at[k - 1] if k > 0 else 0.0, at[k] if k < count else TURN
        return start + (end - start) * min(u / mass[k], 1.0) if mass[k] > 0.0 else 0.0

    def walled(weight: Any, level: int, patterns: int) -> Any:
        """Whether this level has weight, and its neighbours have none."""
        below = level == 0 or cost(weight, level - 1) == math.inf
        above = level == patterns or cost(weight, level + 1) == math.inf
        return below and above and cost(weight, level) < math.inf

    def advance(
        params: Any,
        state: Any,
        weight: Any,
        moves: NDArray[np.uint32],
        minus_ln_u: F,
        key: Bits,
        purpose: Bits,
        slot: Bits,
        block: Bits,
        bound: Bits,
        levels: int,
        level: int,
        steps: int,
    ) -> tuple[int, int, int]:
        """Make `steps` rotations; returns (level, rotations made, -1).

        Fields are worked out anew from the weights first, so that rounding never adds up for long.
        """
        b, c, new = np.empty(params.patterns), np.empty(params.patterns), np.empty(params.patterns)
        at, change = np.empty(2 * params.patterns), np.empty(2 * params.patterns, np.int64)
        mass, room = np.empty(2 * params.patterns + 1), np.empty(params.inputs + 2)
        level, accepted = refresh(params, state), 0
        for step in range(steps):
            u = draw(params, state, room, b, c, key, purpose, slot, block * np.uint64(BLOCK) + np.uint64(step))
            if walled(weight, level, params.patterns):
                back, ahead = walls(state.fields, b, c, params.kappa)
                angle = u * (back + ahead) - back
            else:
                count = meetings(state.fields, b, c, params.kappa, at, change)
                sort_angles(at, change, count)
                angle = choose(weight, at, change, mass, count, level, u)
            cosine, sine = math.cos(angle), math.sin(angle)
            less, there = cosine - 1.0, 0
            for mu in range(params.patterns):
                new[mu] = state.fields[mu] + b[mu] * less + c[mu] * sine
                there += new[mu] < params.kappa
            if cost(weight, there) < math.inf or cost(weight, level) == math.inf:  # else rounding has left the window
                turn(state, room, cosine, sine)
                state.fields[:] = new
                level = there
                accepted += 1
            visit(weight, level, cost(weight, level))
        return level, accepted, -1

    return advance


def refresh(params: Any, state: Any) -> Any:
    """Put the weights on their sphere and work the fields out anew; returns the number of violated patterns."""
    length = 0.0
    for i in range(params.inputs):
        length += state.weights[i] * state.weights[i]
    scale = math.sqrt(params.inputs / length)
    state.fields[:] = 0.0
    for i in range(params.inputs):
        state.weights[i] *= scale
        for mu in range(params.patterns):
            state.fields[mu] += state.weights[i] * params.columns[i, mu]
    return violated(state.fields, params.kappa)


def violated(fields: F, kappa: float) -> Any:
    """Patterns below their margin."""
    count = 0
    for mu in range(len(fields)):
        count += fields[mu] < kappa
    return count


ROTATIONS: dict[str, tuple[Callable[..., float], Callable[..., None]]] = {
    "rotation": (two_axes, turn_axes),
    "great-circle": (great_circle, turn_circle),
}

"""`check_landscape`: does a model keep its promises? If not, which function breaks which, at which move, with which numbers.

Plain Python first, so that any error is the model's own and has a readable traceback: single moves from fresh states, where no
cache can be stale yet, so that `delta` itself is at fault; then a walk, which shows what `commit` forgets. At last the
compiled functions must walk the very same way, bit for bit. Observables must be numbers, the same compiled, and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numpy.typing import NDArray

from parallel_landscape.dynamics.flip import flip_template
from parallel_landscape.ensembles import wang_landau
from parallel_landscape.errors import RunError
from parallel_landscape.landscape import Landscape
from parallel_landscape.rng import Purpose
from parallel_landscape.specialise import compile_function, specialise

FRESH = 30  # states from which a single move is tried
PAIRS = 64  # random pairs in a block of the compiled walk


class LandscapeError(RunError):
    """A landscape that breaks the contract of `landscape.py`."""


def check_landscape(landscape: Landscape, *, moves: int = 200, seed: int = 0) -> None:
    """Raise a LandscapeError that names the function at fault, or return. `moves`: length of the walk in plain Python."""
    rng = np.random.default_rng(seed)
    check_numbers(landscape)
    _check_initial(landscape, seed)
    for trial in range(min(FRESH, moves)):
        move = (0, landscape.moves - 1)[trial] if trial < 2 else int(rng.integers(landscape.moves))
        _check_fresh_move(landscape, _call(landscape.initial, rng), move)
    _check_walk(landscape, rng, moves)
    _check_compiled(landscape, seed, moves)
    for name, observable in landscape.observables.items():
        _check_observable(landscape, name, observable, rng, moves)


def check_numbers(landscape: Landscape) -> None:
    """The plain numbers of the landscape."""
    if not isinstance(landscape.moves, int | np.integer) or landscape.moves < 1:
        raise LandscapeError(f"moves = {landscape.moves!r}; a landscape needs at least one move.")
    if not isinstance(landscape.levels, range) or len(landscape.levels) == 0 or landscape.levels.step < 1:
        raise LandscapeError(
            f"levels = {landscape.levels!r}; allowed is a range of integers, ascending, that holds every energy, such as "
            "range(-2 * sites, 2 * sites + 1, 4)."
        )
    if landscape.sites < 0:
        raise LandscapeError(f"sites = {landscape.sites}; allowed is the number of steps in a sweep, or 0 for `moves`.")
    if not _is_named_tuple(landscape.params):
        raise LandscapeError(f"params is a {type(landscape.params).__name__}; allowed is a NamedTuple of arrays and numbers.")
    for name, observable in landscape.observables.items():
        if not isinstance(name, str) or not callable(observable):
            raise LandscapeError(f"observables has {name!r}: {observable!r}; allowed are names with functions (params, state).")


def _check_initial(landscape: Landscape, seed: int) -> None:
    """`initial` returns arrays, the same ones for the same random numbers, at an energy that is a level."""
    state = _call(landscape.initial, np.random.default_rng(seed))
    if not _is_named_tuple(state):
        raise LandscapeError(f"initial returned a {type(state).__name__}; allowed is a NamedTuple of numpy arrays.")
    for name, value in zip(state._fields, state, strict=True):
        if not isinstance(value, np.ndarray):
            raise LandscapeError(
                f"initial returned a state whose {name} is a {type(value).__name__}; allowed are numpy arrays only, "
                "as nothing else can change in place: make a number an array of length 1."
            )
    again = _call(landscape.initial, np.random.default_rng(seed))
    for name, first, second in zip(state._fields, state, again, strict=True):
        if not _same(first, second):
            raise LandscapeError(
                f"initial gave another {name} when it was called again with the same random numbers; draw from `rng` alone."
            )
    before = _copy(state)
    _energy(landscape, state, "of the initial state")
    for name, first, second in zip(state._fields, before, state, strict=True):
        if not _same(first, second):
            raise LandscapeError(f"energy changed {name} of the state; it must change nothing.")


def _check_fresh_move(landscape: Landscape, state: Any, move: int) -> None:
    """One move from a state that no commit has touched."""
    where = f"at move {move} from a fresh state"
    before, weights = _energy(landscape, state, where), _weights(landscape, state)
    change = _delta(landscape, state, move, where)
    _check_delta_is_quiet(landscape, state, before, weights, where)
    _call(landscape.commit, landscape.params, state, move, where=where)
    after = _energy(landscape, state, f"after commit {where}")
    if after - before != change:
        unchanged = weights is not None and _same(weights, _weights(landscape, state))
        raise LandscapeError(
            f"delta disagrees with energy {where}: delta returned {change}, but commit took the energy from {before} to "
            f"{after}, a change of {after - before}."
            + (" The weights are the same after commit as before: does it make the move?" if unchanged else "")
        )


def _check_walk(landscape: Landscape, rng: np.random.Generator, moves: int) -> None:
    """Many moves from one state, half of them made: the caches must stay right."""
    state = _call(landscape.initial, rng)
    energy = _energy(landscape, state, "of the initial state")
    made = 0
    for step in range(moves):
        move = int(rng.integers(landscape.moves))
        where = f"in step {step} of a walk, at move {move} after {made} moves made"
        weights = _weights(landscape, state)
        change = _delta(landscape, state, move, where)
        _check_delta_is_quiet(landscape, state, energy, weights, where)
        if rng.random() < 0.5:
            continue
        _call(landscape.commit, landscape.params, state, move, where=where)
        after = _energy(landscape, state, f"after commit {where}")
        if after - energy != change:
            raise LandscapeError(
                f"commit leaves the state wrong ({where}): delta returned {change}, but the energy went from {energy} to "
                f"{after}, a change of {after - energy}. From {FRESH} fresh states delta was right, so look for a cache that "
                "commit does not mend, or that delta spoils."
            )
        energy = after
        made += 1


def _check_delta_is_quiet(landscape: Landscape, state: Any, energy: int, weights: Any, where: str) -> None:
    """`delta` may use scratch space, but neither the weights nor the energy may change."""
    if weights is not None and not _same(weights, _weights(landscape, state)):
        raise LandscapeError(f"delta changed the weights {where}; only commit may.")
    now = _energy(landscape, state, f"after delta {where}")
    if now != energy:
        raise LandscapeError(f"delta changed the energy from {energy} to {now} {where}; only commit may.")


def _check_compiled(landscape: Landscape, seed: int, steps: int) -> None:
    """The compiled functions walk the same way as the plain ones, bit for bit."""
    stride = landscape.levels.step
    functions = landscape.delta, landscape.commit, wang_landau.cost, wang_landau.visit
    try:
        kernel, energy = specialise(flip_template, *functions, stride=stride), compile_function(landscape.energy)
        compiled = _walked(landscape, kernel.compiled, seed, steps)
        compiled_energy = int(energy(landscape.params, compiled[0]))
    except NumbaError as error:
        raise LandscapeError(f"{_uncompilable(landscape)} cannot be compiled: {error}") from error
    plain = _walked(landscape, kernel.plain, seed, steps)
    names = [*plain[0]._fields, "ln g", "histogram", "(level, accepted moves, bad move)"]
    for name, one, other in zip(names, [*plain[0], *plain[1:]], [*compiled[0], *compiled[1:]], strict=True):
        if not _same(one, other):
            raise LandscapeError(
                f"delta or commit does not give the same compiled as in plain Python: {name} differs after {steps} steps, "
                f"{_first_difference(one, other)}. Look for integers that overflow, signed and unsigned ones in one expression "
                "(a float, when compiled), indices out of bounds."
            )
    plain_energy = _energy(landscape, plain[0], "after the compiled walk")
    if compiled_energy != plain_energy:
        raise LandscapeError(f"energy is {plain_energy} in plain Python but {compiled_energy} compiled, for the same state.")
    reached = landscape.levels[int(plain[3][0])]
    if reached != plain_energy:
        raise LandscapeError(f"delta adds up to the energy {reached} over {steps} steps, but energy gives {plain_energy}.")


def _walked(landscape: Landscape, advance: Callable[..., Any], seed: int, steps: int) -> tuple[Any, ...]:
    """State, ln g, histogram and what the loop returned after a short Wang-Landau walk."""
    state = landscape.initial(np.random.default_rng(seed))
    levels = len(landscape.levels)
    weight = wang_landau.Weight(np.zeros(levels), np.zeros(levels, np.int64), 0.01)
    level = landscape.levels.index(int(landscape.energy(landscape.params, state)))
    key, purpose, slot, block, bound = (np.uint64(n) for n in (seed, Purpose.PILOT, 0, 0, landscape.moves))
    room = np.zeros(PAIRS, np.uint32), np.zeros(PAIRS)
    with np.errstate(over="ignore"):  # the random numbers wrap around on purpose
        result = advance(landscape.params, state, weight, *room, key, purpose, slot, block, bound, levels, level, steps)
    return state, weight.ln_g, weight.histogram, np.array([int(number) for number in result])


def _check_observable(
    landscape: Landscape, name: str, observable: Callable[..., Any], rng: np.random.Generator, moves: int
) -> None:
    """A number, the same compiled as in plain Python, and nothing changed; in states along a short walk."""
    state = _call(landscape.initial, rng)
    compiled = compile_function(observable)
    for step in range(min(FRESH, moves)):
        before, where = _copy(state), f"of observable {name!r} in step {step} of a walk"
        plain = _call(observable, landscape.params, state, where=where)
        if not isinstance(plain, int | float | np.integer | np.floating):
            raise LandscapeError(f"observable {name!r} returned {plain!r}, a {type(plain).__name__}; allowed are numbers.")
        try:
            value = compiled(landscape.params, state)
        except NumbaError as error:
            raise LandscapeError(f"observable {name!r} cannot be compiled: {error}") from error
        if not np.isclose(float(plain), float(value), rtol=1e-9, atol=1e-12, equal_nan=True):
            raise LandscapeError(
                f"observable {name!r} is {plain} in plain Python but {value} compiled, in step {step} of a walk."
            )
        changed = [field for field, old, new in zip(state._fields, before, state, strict=True) if not _same(old, new)]
        if changed:
            raise LandscapeError(f"observable {name!r} changed {changed[0]} of the state; it must change nothing.")
        move = int(rng.integers(landscape.moves))
        _delta(landscape, state, move, where)
        _call(landscape.commit, landscape.params, state, move, where=where)


def _uncompilable(landscape: Landscape) -> str:
    """Name of the first function that numba refuses by itself."""
    state = landscape.initial(np.random.default_rng(0))
    for name in ("energy", "delta", "commit"):
        try:
            compile_function(getattr(landscape, name))(landscape.params, state, *(() if name == "energy" else (0,)))
        except NumbaError:
            return name
    return "The landscape"


def _energy(landscape: Landscape, state: Any, where: str) -> int:
    """The energy, which must be an integer among the levels."""
    energy = _integer(_call(landscape.energy, landscape.params, state, where=where), "energy", where)
    if energy not in landscape.levels:
        levels = landscape.levels
        raise LandscapeError(
            f"energy returned {energy} {where}, which is not among the levels {levels[0]} ... {levels[-1]} in steps of "
            f"{levels.step}; mend energy or widen levels."
        )
    return energy


def _delta(landscape: Landscape, state: Any, move: int, where: str) -> int:
    return _integer(_call(landscape.delta, landscape.params, state, np.int64(move), where=where), "delta", where)


def _integer(value: Any, name: str, where: str) -> int:
    if not isinstance(value, int | np.integer):
        raise LandscapeError(f"{name} returned {value!r} {where}, a {type(value).__name__}; allowed are integers.")
    return int(value)


def _call(function: Callable[..., Any], *arguments: Any, where: str = "") -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        name = getattr(function, "__name__", "a function").lstrip("_")
        raise LandscapeError(f"{name} raised {type(error).__name__} {where}: {error}".replace(" :", ":")) from error


def _weights(landscape: Landscape, state: Any) -> NDArray[Any] | None:
    return None if landscape.weights is None else np.array(landscape.weights(state))


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _same(one: Any, other: Any) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _first_difference(one: NDArray[Any], other: NDArray[Any]) -> str:
    where = tuple(int(index) for index in np.argwhere(one != other)[0])
    return f"first at {where}: {one[where]} plain, {other[where]} compiled"


def _copy(state: Any) -> Any:
    return type(state)(*(np.array(array) for array in state))

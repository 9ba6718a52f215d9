"""Rolled programs: the same function, in as many equations as there are different elements."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64
from lagrad.program.program import Program, numbered
from lagrad.program.roll import rolled, rolled_list
from lagrad.program.roll.places import run_start
from lagrad.program.trace import trace
from tests.program.roll.scalar_programs import scalar_program
from tests.tracing.programs import listing_of


def traced(fun, *arguments) -> Program:
    """Its equations in float64."""
    with float64():
        return numbered(jax.make_jaxpr(fun)(*arguments))


def agree(fun, *arguments, rtol: float = 1e-13) -> Program:
    """Check values and derivatives of the rolled program against those of the function; give the program.

    Likewise of what is rolled up of a list, where there is one.
    """
    found, listing = rolled(traced(fun, *arguments)), listing_of(fun, *arguments)
    runs = (
        [found.function()]
        if listing is None
        else [found.function(), rolled_list(listing, [0, arguments[0].size])]
    )
    with float64():
        points = [jnp.asarray(each) for each in arguments]
        moves = [jnp.cos(1.0 + jnp.arange(point.size, dtype=float)).reshape(point.shape) for point in points]
        expected = jax.jvp(fun, points, moves)
        for run in filter(None, runs):
            values = jax.jvp(lambda *each, run=run: run(*each)[0], points, moves)
            for one, other in zip(values, expected, strict=True):
                np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max(initial=1.0))
    return found


WEIGHTS = np.linspace(-1.0, 1.0, 70)


def rosenbrock(x):
    """The chained function, a term a pass."""
    total = 0.0
    for i in range(x.size - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def mixture(x):
    """Negative logarithm of a mixture of three densities, an observation a pass."""
    total = 0.0
    for y in np.linspace(-1.0, 2.0, 40):
        density = sum(x[k] * jnp.exp(-((y - x[3 + k]) ** 2) / 2 / x[6 + k] ** 2) / x[6 + k] for k in range(3))
        total -= jnp.log(density)
    return total


def pendulum(x):
    """A row a step and state, from lists of scalars."""
    rows = []
    for k in range(30):
        angle, speed, push = x[3 * k], x[3 * k + 1], x[3 * k + 2]
        rows.append(x[3 * k + 3] - angle - 0.1 * speed)
        rows.append(x[3 * k + 4] - speed - 0.1 * (push - 9.81 * jnp.sin(angle)))
    return jnp.stack(rows)


def steps_of_vectors(x):
    """A vector a step, put together from its entries."""
    states = x.reshape(-1, 2)
    right = [jnp.array([s[1], jnp.sin(s[0])]) for s in states]
    return jnp.concatenate([states[k + 1] - states[k] - 0.1 * right[k] for k in range(len(states) - 1)])


def balances(x):
    """Sums over neighbours, as many as there are: two to nine."""
    rows = []
    for bus in range(20):
        total = -x[bus]
        for other in range(2 + bus % 8):
            total = total + x[bus] * x[(bus + 3 * other) % 40] * jnp.cos(x[bus] - x[20 + other])
        rows.append(total)
    return jnp.stack(rows)


RANDOM = np.random.default_rng(5)
TRIPLES = RANDOM.integers(0, 40, size=(30, 3))
TARGETS, MATRICES = RANDOM.normal(size=(30, 4)), RANDOM.normal(size=(30, 4, 4))


def columns(x):
    """A state a column, as CasADi's users write it."""
    states = x.reshape(4, 30)
    return jnp.concatenate([states[:, k + 1] - states[:, k] - 0.1 * jnp.sin(states[:, k]) for k in range(29)])


def rows_of_transposed(x):
    """The same array turned around again and again."""
    return sum(jnp.sin(x.reshape(4, 30).T[k]) @ x.reshape(4, 30).T[k] for k in range(30))


def triples(x):
    """Elements of a mesh: entries by lists of numbers."""
    return sum(jnp.sin(x[each][0] - x[each][1]) * x[each][2] for each in TRIPLES)


def steps_of_three(x):
    """Slices with steps, forwards and backwards."""
    return jnp.stack([x[k : k + 30 : 10] @ x[k + 3 : k : -1] for k in range(40)])


def tracked(x):
    """Targets and matrices that differ from row to row, as arrays of NumPy."""
    rows = x.reshape(30, 4)
    return sum(jnp.linalg.norm(MATRICES[k] @ rows[k] - TARGETS[k]) for k in range(30))


def named(x):
    """Many named variables: leaves of a pytree, taken apart at once."""
    leaves = dict(zip(range(30), jnp.split(x, 30), strict=True))
    pieces = [jnp.unstack(leaves[k].reshape(1, 2, 2)[0]) for k in range(30)]
    return sum(jnp.sin(pieces[k][0] @ pieces[k + 1][1]) for k in range(29))


def assembled(x):
    """Elements of a mesh added to the rows of their corners; others replace one row after the other."""
    found, other = jnp.zeros(40), x[:30]
    for number, each in enumerate(TRIPLES):
        found = found.at[each].add(MATRICES[number, :3, :3] @ jnp.sin(x[each]))
        other = other.at[29 - number].set(x[number] * x[number + 1])
    return jnp.concatenate([found * other[3], other])


def overwritten(x):
    """What is replaced twice keeps the last value, and what is read in between the first."""
    found, seen = jnp.zeros(6), 0.0
    for k in range(30):
        found = found.at[k % 6].set(jnp.sin(x[k]) * x[k + 1])
        if k == 11:
            seen = found[2] * found[5]
    return jnp.concatenate([found, seen * found])


CLASSICS = {
    "assembled": (assembled, 40, 35),
    "overwritten": (overwritten, 40, 60),
    "columns": (columns, 120, 25),
    "transposed": (rows_of_transposed, 120, 20),
    "triples": (triples, 40, 35),
    "steps": (steps_of_three, 70, 20),
    "tracked": (tracked, 120, 25),
    "named": (named, 120, 30),
    "rosenbrock": (rosenbrock, 50, 20),
    "mixture": (mixture, 9, 40),
    "pendulum": (pendulum, 93, 30),
    "vectors": (steps_of_vectors, 80, 25),
    "balances": (balances, 40, 40),
}


@pytest.mark.parametrize("name", CLASSICS)
def test_repeated_elements_become_arrays(name):
    """As many equations as one element has, give or take, whatever the number of elements."""
    fun, n, most = CLASSICS[name]
    x = np.random.default_rng(0).uniform(0.3, 0.9, n)
    found, listing = agree(fun, x), listing_of(fun, x)
    assert len(found.equations) <= most
    with float64():
        again = jax.make_jaxpr(rolled_list(listing, [0, n]))(x)
    assert len(numbered(again).equations) <= most


@pytest.mark.parametrize("seed", [pytest.param(s, marks=[pytest.mark.slow] * (s > 4)) for s in range(15)])
def test_random_programs_stay_what_they_are(seed):
    """Shared elements, numbers, sums within sums, stacks that are indexed again."""
    fun, n = scalar_program(seed)
    agree(fun, np.random.default_rng(seed).uniform(-1.5, 1.5, n), rtol=1e-11)


def test_params_and_captured_arrays_are_sources_too():
    """Entries of params and of constants are gathered like those of x."""
    weights = np.linspace(1.0, 2.0, 60)

    def fun(x, p):
        table = jnp.asarray(weights)
        return sum(table[i] * p["rate"][i] * jnp.sin(x[i]) for i in range(60))

    x, p = np.linspace(0.1, 1.0, 60), {"rate": np.linspace(2.0, 1.0, 60)}
    found = agree(lambda x, rate: fun(x, {"rate": rate}), x, p["rate"])
    assert len(found.equations) <= 12


def test_numbers_keep_their_signs_and_kinds():
    """-0.0 is not 0.0, and an integer is not a float of the same value."""

    def fun(x):
        rows = [x[i] * (0.0 if i % 2 else -0.0) for i in range(40)]
        counts = [jnp.asarray(i % 3) for i in range(40)]
        return jnp.stack(
            [row + x[i] ** count for i, (row, count) in enumerate(zip(rows, counts, strict=True))]
        )

    agree(fun, np.linspace(0.5, 1.5, 40))
    signs = rolled(
        traced(lambda x: jnp.stack([x[i] * (0.0 if i % 2 else -0.0) for i in range(70)]), np.ones(70))
    )
    with float64():
        (values,) = signs.function()(jnp.ones(70))
    assert np.signbit(values).tolist() == [True, False] * 35


@jax.custom_jvp
def doubled(a):
    """2 a, with a rule of its own."""
    return 2.0 * a


doubled.defjvps(lambda move, answer, a: 2.0 * move)


@pytest.mark.parametrize("fun", [jax.nn.softplus, jax.nn.relu, doubled, lambda a: jnp.logaddexp(a, 0.3)])
def test_functions_with_rules_take_numbers(fun):
    """Constants that differ, behind a call that JAX lets no array of NumPy into."""

    def weighted(x):
        return sum(fun(jnp.asarray(float(weight))) * x[i] ** 2 for i, weight in enumerate(WEIGHTS))

    agree(weighted, np.linspace(0.5, 1.5, 70))


def test_what_does_not_repeat_is_left_alone():
    """A recurrence has as many different equations as it has steps; arrays are arrays already."""

    def recurrence(x):
        state = x[0]
        for i in range(1, 40):
            state = jnp.sin(state) + x[i]
        return state

    for fun in (recurrence, lambda x: jnp.sum(jnp.sin(x) * x[::-1])):
        program = traced(fun, np.ones(40))
        assert rolled(program) is program


def test_effects_are_left_alone():
    """Printing happens as often and in the order that the user wrote."""

    def fun(x):
        for i in range(40):
            jax.debug.print("{}", x[i])
        return rosenbrock(x)

    program = traced(fun, np.ones(40))
    assert rolled(program) is program


@pytest.mark.parametrize(
    ("shape", "starts", "limits", "expected"),
    [
        ((5,), (2,), (4,), 2),
        ((3, 4), (1, 0), (3, 4), 4),
        ((3, 4), (1, 2), (2, 4), 6),
        ((3, 4), (0, 2), (2, 3), None),
        ((3, 4), (0, 0), (2, 3), None),
        ((2, 3, 4), (1, 1, 0), (2, 2, 4), 16),
        ((2, 3, 4), (0, 1, 0), (2, 2, 4), None),
    ],
)
def test_runs_are_slices_whose_entries_follow_one_another(shape, starts, limits, expected):
    """The first entry, or None; the oracle is NumPy's."""
    params = {"start_indices": starts, "limit_indices": limits, "strides": None}
    assert run_start(shape, params) == expected
    cut = tuple(slice(*each) for each in zip(starts, limits, strict=True))
    entries = np.arange(np.prod(shape)).reshape(shape)[cut].ravel()
    follow = entries.size == 1 or bool((np.diff(entries) == 1).all())
    assert expected == (entries[0] if follow else None)


def test_loops_over_scalars_are_elements_to_the_engine():
    """A problem written one element at a time gets the derivatives of its vectorised form, as elements."""
    loop = lagrad.Problem(rosenbrock, np.linspace(-1.0, 1.0, 60), lagrad.Equality(pendulum_of_two))
    arrays = lagrad.Problem(
        lambda x: jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2),
        np.linspace(-1.0, 1.0, 60),
        lagrad.Equality(lambda x: x[2:] - 0.1 * jnp.sin(x[:-2])),
    )
    found, expected = lagrad.differentiate(loop), lagrad.differentiate(arrays)
    assert {block.strategy for block in found.hessian_blocks} == {"elements"}
    x, v = np.linspace(-0.9, 0.8, 60), np.linspace(1.0, 2.0, 58)
    np.testing.assert_allclose(found.hessian(x, v).toarray(), expected.hessian(x, v).toarray(), rtol=1e-12)
    np.testing.assert_allclose(found.jacobian(x).toarray(), expected.jacobian(x).toarray(), rtol=1e-12)
    assert found.hessian(x, v).nnz == expected.hessian(x, v).nnz


def pendulum_of_two(x):
    """A row an entry, one at a time."""
    return [x[i + 2] - 0.1 * jnp.sin(x[i]) for i in range(58)]


@jax.custom_jvp
def sine(z):
    return jnp.sin(z)


sine.defjvps(lambda tangent, answer, z: tangent * jnp.cos(z))


@jax.custom_vjp
def cosine(z):
    return jnp.cos(z)


cosine.defvjp(lambda z: (jnp.cos(z), z), lambda z, given: (-given * jnp.sin(z),))

# What holds programs of its own -> the same without.
HOLDERS = {
    "relu": (lambda z: jax.nn.relu(z) ** 2, lambda z: jnp.where(z > 0, z, 0.0) ** 2),
    "softplus": (jax.nn.softplus, lambda z: jnp.log1p(jnp.exp(z))),
    "log_ndtr": (
        jax.scipy.special.log_ndtr,
        lambda z: jnp.log(0.5 * jax.scipy.special.erfc(-z / np.sqrt(2.0))),
    ),
    "own rule": (sine, jnp.sin),
    "own rule backward": (cosine, jnp.cos),
    "cond": (
        lambda z: jax.lax.cond(z > 0, lambda z: jnp.sqrt(z), lambda z: 2 * z * z, z),
        lambda z: jnp.where(z > 0, jnp.sqrt(jnp.where(z > 0, z, 1.0)), 2 * z * z),
    ),
    "switch": (
        lambda z: jax.lax.switch(jnp.where(z > 0, 1, 0), [lambda z: z * z, lambda z: jnp.sin(z)], z),
        lambda z: jnp.where(z > 0, jnp.sin(z), z * z),
    ),
    "fori_loop": (
        lambda z: jax.lax.fori_loop(0, 3, lambda i, total: total * z + 1.0, 1.0),
        lambda z: ((z + 1.0) * z + 1.0) * z + 1.0,
    ),
    "scan": (
        lambda z: jax.lax.scan(lambda total, t: (total * z + t, None), 1.0, jnp.arange(3.0))[0],
        lambda z: (z * z + 1.0) * z + 2.0,
    ),
    "checkpoint": (lambda z: jax.checkpoint(lambda z: jnp.sin(z) * z)(z), lambda z: jnp.sin(z) * z),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_equations_that_hold_programs_are_rolled_up(name):
    """As many equations whatever the number of terms, and the derivatives of the same without programs."""
    held, plain = HOLDERS[name]
    numbers = np.random.default_rng(3).normal(size=(60, 3))

    def loop(function, count):
        return lambda x: sum(function(row @ x) * row[0] for row in numbers[:count])

    x = np.array([0.4, -0.3, 0.8])
    lengths = [len(rolled(traced(loop(held, count), x)).equations) for count in (30, 60)]
    assert lengths[0] == lengths[1]
    derivatives = lagrad.differentiate(lagrad.Problem(loop(held, 60), x))
    with float64():
        point, function = jnp.asarray(x), loop(plain, 60)
        expected = function(point), jax.grad(function)(point), jax.hessian(function)(point)
    rows, columns = derivatives.hessian_structure
    hessian = np.zeros((3, 3))
    hessian[rows, columns] = derivatives.hessian_values(x, np.zeros(0), 1.0)
    np.testing.assert_allclose(derivatives.objective(x), expected[0], rtol=1e-12)
    np.testing.assert_allclose(derivatives.gradient(x), expected[1], rtol=1e-11)
    np.testing.assert_allclose(hessian, np.tril(expected[2]), rtol=1e-10, atol=1e-11)


def test_rules_that_differ_in_a_number_keep_it():
    """Values are equal, and so are their programs; only the rules tell that gradients are scaled."""

    def scaled(factor):
        made = jax.custom_jvp(lambda z: jnp.sin(z))
        made.defjvps(lambda tangent, answer, z: factor * tangent * jnp.cos(z))
        return made

    functions = [scaled(1.0 + (k % 2)) for k in range(40)]
    x = np.linspace(-1.0, 1.0, 40)
    found = rolled(traced(lambda x: sum(function(x[k]) for k, function in enumerate(functions)), x))
    with float64():
        gradient = jax.grad(lambda x: found.function()(x)[0])(jnp.asarray(x))
    np.testing.assert_allclose(gradient, (1.0 + np.arange(40) % 2) * np.cos(x), rtol=1e-14)


def test_code_that_is_called_for_one_element_is_not_given_many():
    """Functions by rules that call Python back: nothing says that these take arrays."""
    shape = jax.ShapeDtypeStruct((), np.float64)

    def called(function, *arguments):
        return jax.pure_callback(function, shape, *arguments)

    def with_slope(function, slope):
        made = jax.custom_jvp(lambda z: called(function, z))
        made.defjvps(lambda tangent, answer, z: tangent * slope(z))
        return made

    bend = with_slope(np.cos, lambda z: called(np.sin, -z))
    places, x = np.linspace(0.1, 1.0, 20), np.array([0.5])

    def objective(x):
        return sum(with_slope(np.sin, bend)(place * x[0]) for place in places)

    with float64():
        found = lagrad.differentiate(lagrad.Problem(objective, x))
    np.testing.assert_allclose(found.gradient(x), [places @ np.cos(0.5 * places)], rtol=1e-14)
    hessian = found.hessian_values(x, np.zeros(0), 1.0)
    np.testing.assert_allclose(hessian, [-(places**2) @ np.sin(0.5 * places)], rtol=1e-14)


@pytest.mark.parametrize("name", ["cond", "switch"])
def test_no_pass_of_a_loop_stays_apart(name):
    """The first one is listed until JAX is needed, the others are JAX's: both say the same."""
    function, numbers = HOLDERS[name][0], np.linspace(0.1, 2.0, 40)
    problem = lagrad.Problem(lambda x: sum(function(each * x[0] - 1) for each in numbers), [0.7])
    assert "cond" not in trace(problem).names

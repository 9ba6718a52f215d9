"""What functions capture: a change is seen, and what cannot be told counts as one."""

from __future__ import annotations

import functools
import itertools
import types
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64
from lagrad.problem.captured import captured
from lagrad.program.trace import trace

GRAVITY = 9.81
WEIGHTS = np.array([1.0, 2.0])
TABLE = {"a": [1.0, 2.0]}


def helper(x):
    """Captures a global of its own."""
    return GRAVITY * x


def falls(x):
    """Captures it by way of another function."""
    return jnp.sum(helper(x))


def weighs(x):
    """Captures an array."""
    return jnp.sum(WEIGHTS * x)


def looks_up(x):
    """Captures a list in a dict."""
    return jnp.sum(x) * TABLE["a"][0]


CHANGES = {
    "a global of a function that is called": (falls, lambda m: m.setattr(f"{__name__}.GRAVITY", 1.62)),
    "an entry of an array": (weighs, lambda m: WEIGHTS.__setitem__(0, WEIGHTS[0] + 1.0)),
    "an entry of a list": (looks_up, lambda m: TABLE["a"].__setitem__(0, TABLE["a"][0] + 1.0)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_seen(name, monkeypatch):
    """The same look before and after differs; without a change it does not."""
    fun, change = CHANGES[name]
    before = captured(fun)
    assert before is not None and captured(fun).is_same(before)
    change(monkeypatch)
    assert not captured(fun).is_same(before)


def test_closures_defaults_and_partials_are_looked_through():
    """Each keeps values of its own."""

    def scaled(factor):
        return lambda x, shift=2.0: factor * x + shift

    first, second = scaled(3.0), scaled(4.0)
    assert captured(first).is_same(captured(first))
    assert not captured(first).is_same(captured(second))
    assert captured(functools.partial(first, shift=1.0)) is not None


def test_namespaces_are_looked_through():
    """They hold numbers of a model as dicts do."""
    plant = types.SimpleNamespace(mass=2.0, links=[1.0, 2.0])
    fun = lambda x: plant.mass * x * plant.links[0]  # noqa: E731
    for change in (lambda: setattr(plant, "mass", 3.0), lambda: plant.links.__setitem__(0, 5.0)):
        before = captured(fun)
        assert captured(fun).is_same(before)
        change()
        assert not captured(fun).is_same(before)


def test_lists_of_thousands_are_looked_through():
    """As of a network's branches; a change deep inside is seen. Ten million bytes of numbers are too many."""
    branches = [[(k, float(k))] for k in range(30_000)]
    fun = lambda x: x[branches[0][0][0]]  # noqa: E731
    before = captured(fun)
    assert captured(fun).is_same(before)
    branches[29_999][0] = (0, 1.0)
    assert not captured(fun).is_same(before)
    data = list(range(3_000_000))
    assert captured(lambda x: x * data[0]) is None


CONTAINED = {
    "a number of another type": (lambda: [1, 2.0], lambda data: data.__setitem__(0, True)),
    "the sign of zero": (lambda: [0.0], lambda data: data.__setitem__(0, -0.0)),
    "a number of NumPy's": (lambda: [np.float64(1.0)], lambda data: data.__setitem__(0, np.float64(2.0))),
    "its type": (lambda: [np.float64(0.0)], lambda data: data.__setitem__(0, np.int64(0))),
    "an entry of an array": (lambda: {"a": np.ones(2)}, lambda data: data["a"].__setitem__(0, 2.0)),
    "the shape of an array": (lambda: [np.ones(4)], lambda data: data.__setitem__(0, np.ones((2, 2)))),
    "an entry of a tuple's list": (lambda: ([1.0],), lambda data: data[0].append(2.0)),
    "an attribute beside numbers": (
        lambda: [1.0, types.SimpleNamespace(mass=2.0)],
        lambda data: setattr(data[1], "mass", 3.0),
    ),
    "a number beside a function": (lambda: [1.0, jnp.sin], lambda data: data.__setitem__(0, 2.0)),
    "an entry of a set": (lambda: {1, 2}, lambda data: data.add(3)),
}


@pytest.mark.parametrize("name", CONTAINED)
def test_changes_in_containers_are_seen(name):
    """Plain ones are compared as pickle writes them, others object by object."""
    make, change = CONTAINED[name]
    data = make()
    fun = lambda x: data * x  # noqa: E731
    before = captured(fun)
    assert before is not None and captured(fun).is_same(before)
    change(data)
    assert not captured(fun).is_same(before)


def test_containers_that_hold_themselves_end():
    """The one is told, as deep a one as the other cannot be."""
    loop: list = [1.0]
    loop.append(loop)
    fun = lambda x: x * loop[0]  # noqa: E731
    assert captured(fun).is_same(captured(fun))
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert captured(lambda x: deep) is None


class Model:
    """An object with attributes and a method that is called inside another."""

    def __init__(self):
        self.factor = 2.0
        self.weights = np.ones(3)

    def scale(self, x):
        """Captures a global."""
        return GRAVITY * self.factor * x

    def value(self, x):
        """Depends on attributes and on that."""
        return jnp.sum(self.scale(self.weights * x) ** 2)


class Slotted:
    """An object with a slot in place of attributes."""

    __slots__ = ("factor",)

    def __init__(self):
        self.factor = 2.0

    def value(self, x):
        """Depends on the slot."""
        return self.factor * jnp.sum(x**2)


class Secretive(Model):
    """An object that does not pickle all of its state."""

    def __getstate__(self):
        return {}


class Numbers(list):
    """A list with a method."""

    def value(self, x):
        """Depends on entries."""
        return self[0] * jnp.sum(x**2)


@dataclass(frozen=True)
class Frozen:
    """An object whose state is its fields."""

    factor: float

    def value(self, x):
        """Depends on them."""
        return self.factor * jnp.sum(x**2)


OBJECTS = {
    "attribute": (Model, lambda model, m: setattr(model, "factor", 3.0)),
    "new attribute": (Model, lambda model, m: setattr(model, "more", 3.0)),
    "entry of an attribute": (Model, lambda model, m: model.weights.__setitem__(0, 3.0)),
    "global of another method": (Model, lambda model, m: m.setattr(f"{__name__}.GRAVITY", 1.62)),
    "entry of a list with methods": (lambda: Numbers([2.0]), lambda model, m: model.append(3.0)),
    "attribute of a list": (lambda: Numbers([2.0]), lambda model, m: setattr(model, "more", 3.0)),
    "slot": (Slotted, lambda model, m: setattr(model, "factor", 3.0)),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_looked_through(name, monkeypatch):
    """A method is traced again if an attribute has changed, or what its class refers to."""
    kind, change = OBJECTS[name]
    model = kind()
    before = captured(model.value)
    assert before is not None and captured(model.value).is_same(before)
    change(model, monkeypatch)
    assert not captured(model.value).is_same(before)


def test_fields_of_dataclasses_are_looked_through():
    """Another object with the same fields is the same."""
    frozen = Frozen(2.0)
    assert captured(frozen.value).is_same(captured(frozen.value))


def test_state_that_cannot_be_told_counts_as_changed():
    """Objects that say themselves how they are pickled, and those whose state is in C."""
    counter = itertools.count()
    assert captured(Secretive().value) is None
    assert captured(lambda x: next(counter) * x) is None


def test_large_arrays_and_containers_are_not_looked_through():
    """That would take longer than to trace again."""
    array, parts = np.zeros(2_000_000), [types.SimpleNamespace(mass=1.0) for _ in range(50_000)]
    assert captured(lambda x: jnp.sum(array) * x) is None
    assert captured(lambda x: parts[0].mass * x) is None


def test_functions_are_traced_once_where_nothing_changed():
    """The declaration's trace serves `differentiate`; after a change the functions are called again."""
    factor = [2.0]

    def objective(x):
        return factor[0] * jnp.sum(x**2)

    problem = lagrad.Problem(objective, np.ones(3))
    assert problem.is_current
    assert lagrad.differentiate(problem).objective(np.ones(3)) == 6.0
    factor[0] = 5.0
    assert not problem.is_current
    assert lagrad.differentiate(problem).objective(np.ones(3)) == 15.0


def test_a_current_trace_is_the_program_of_the_functions(monkeypatch):
    """Both ways to the program give the same outputs, whatever pytrees go in and out."""
    rows = {"tree": lagrad.Equality(lambda x: {"u": x["a"] * x["b"], "v": x["b"]})}
    problem = lagrad.Problem(lambda x: falls(x["a"]) * x["b"], {"a": np.ones(2), "b": 2.0}, rows)
    once = trace(problem)
    monkeypatch.setattr(lagrad.Problem, "is_current", False)
    again = trace(problem)
    assert [str(each) for each in once.closed.out_avals] == [str(each) for each in again.closed.out_avals]
    x = np.array([0.5, 2.0, 3.0])
    with float64():
        for one, other in zip(once.function()(x), again.function()(x), strict=True):
            np.testing.assert_array_equal(one, other)

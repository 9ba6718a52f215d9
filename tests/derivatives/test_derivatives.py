"""Laws of derivatives: whatever the program and the strategy, they are those of dense JAX."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lagrad
from lagrad.compile import xla as compiled
from tests.derivatives.oracle import check
from tests.derivatives.programs import FAMILIES, FAR, Step, family, problem_of, programs

WAYS = ("auto", "elements", "colored", "dense")
SOME = settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY = settings(SOME, max_examples=300, derandomize=False, print_blob=True)


@pytest.fixture(autouse=True, scope="module")
def unoptimised():
    """Compile quickly: these programs run once or twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "CPU_OPTIONS", compiled.CPU_OPTIONS | {"xla_backend_optimization_level": 0})
        yield


def agrees(steps: list[Step], strategy: str) -> None:
    """Derivatives of a program, computed in one way, are those of dense JAX."""
    check(lagrad.differentiate(problem_of(steps), strategy=strategy, check=False))


# Conversions are one long chain that XLA compiles for half a minute; `test_number_types` has each by itself.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "numbers")) for name in FAMILIES]
)
def test_elements_of_each_family_are_exact(name):
    """All steps of a family in one program."""
    agrees(family(name), "elements")


@pytest.mark.parametrize("strategy", WAYS)
@pytest.mark.parametrize("name", FAR)
def test_steps_far_out_are_exact(name, strategy):
    """Behind one another they leave the range of floats."""
    agrees([Step(name, 0, 0, 0)], strategy)


@given(programs(longest=4), st.sampled_from(WAYS))
@SOME
def test_any_program_has_the_derivatives_of_dense_jax(steps, strategy):
    """Whatever the program and the strategy."""
    agrees(steps, strategy)


@pytest.mark.slow
@given(programs(longest=6), st.sampled_from(WAYS))
@MANY
def test_many_programs_have_the_derivatives_of_dense_jax(steps, strategy):
    """The same, at length."""
    agrees(steps, strategy)

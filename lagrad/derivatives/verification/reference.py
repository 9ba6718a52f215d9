"""Evaluate a problem's functions by JAX alone: values and products, with rounding shaken on request.

What the fast ways are built on (rewritten programs, folded constants, elements, colors, machine code) is not
used: the equations stand here as they were traced, and XLA compiles them without its optimizations.

Rounding becomes visible when it is done differently (Vignes 1974; Monte Carlo arithmetic, Parker 1997): each
result y of an equation becomes y (1 + d), x likewise, with |d| up to a few units in the last place. How
far that moves a value, or a derivative of it, is what rounding may do to any other way of computing it.
What x does not reach jumps as it does without noise: `row != column`, written for a mask, is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.fork_safety import refuse_forks
from lagrad.nested.custom_rules import forward_anyway
from lagrad.precision import float64
from lagrad.primitives.calls import CALLS, names_in
from lagrad.primitives.equations import is_a, is_inexact
from lagrad.program.callbacks import jitted
from lagrad.program.equation import Equation
from lagrad.program.masks import masked
from lagrad.program.program import Program, numbered
from lagrad.program.roll.repeats import without_long_runs
from lagrad.program.trace import written_out
from lagrad.program.walk import evaluate, needed, reached, walk

EPSILON = float(np.finfo(np.float64).eps)
# Units in the last place by which each result is moved, and how often all of them are.
ULPS, TIMES = 8, 3
# These move values and round nothing.
MOVERS = frozenset(
    (
        *(
            "slice",
            "reshape",
            "broadcast_in_dim",
            "squeeze",
            "expand_dims",
            "transpose",
            "concatenate",
            "split",
        ),
        *("pad", "rev", "gather", "dynamic_slice", "dynamic_update_slice", "select_n", "copy", "sort"),
        *("neg", "abs", "max", "min", "clamp", "real", "imag", "conj", "stop_gradient"),
    )
)
# These jump, as do all that give whole numbers or Booleans.
JUMPS = frozenset(("ceil", "floor", "rem", "round", "sign"))
QUICKLY: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    # Fused, a result is computed anew for each use and rounded differently: a maximum then equals neither of
    # its operands, and the derivative by JAX's own rule for it is lost.
    "xla_disable_hlo_passes": "fusion",
}
# What JAX raises where a rule has no forward mode, or a loop no reverse mode.
NO_MODE = (TypeError, ValueError, NotImplementedError)


@dataclass(frozen=True, eq=False)
class Reference:
    """F = [f, c] of a traced program, and products with its derivatives; compiled when first asked for.

    Every method takes x and the leaves of the params, and `noise`, what rounding is shaken by: zeros, or one
    of `noises`. All of them allow for functions with one direction of differentiation only.

    Args:
        program: of (x, *leaves) -> (f, c), as it was traced; calls with rules of their own are whole.
    """

    program: Program
    compiled: dict[str, Callable[..., Any]] = field(default_factory=dict, repr=False)

    @property
    def closed(self) -> jex.ClosedJaxpr:
        """The same as a jaxpr."""
        return self.program.closed

    @cached_property
    def written_out(self) -> Program:
        """The same with the programs of all calls written out."""
        has_calls = any(equation.name in CALLS for equation in self.program.equations)
        return numbered(self.closed, CALLS) if has_calls else self.program

    @cached_property
    def short(self) -> Program:
        """As it was written by the user, but for long runs of equal steps, which are loops.

        Written out, XLA takes minutes and gigabytes.
        """
        return without_long_runs(written_out(self.program))

    @cached_property
    def without_branches(self) -> Reference:
        """The same functions without the slopes of branches that are not taken."""
        return Reference(masked(self.program))

    @cached_property
    def noises(self) -> list[np.ndarray]:
        """No noise, then `TIMES` different ones."""
        program, random = self.short, np.random.default_rng(3)
        size = max(map(program.size, range(len(program.avals)))) + len(program.avals) + 2
        return [np.zeros(size), *(ULPS * EPSILON * random.uniform(-1, 1, (TIMES, size)))]

    @cached_property
    def has_own_rules(self) -> bool:
        """Whether x goes through a derivative rule of somebody's own."""
        return bool(self._ruled)

    @cached_property
    def has_loose_rules(self) -> bool:
        """Whether one of these holds a loop that ends at a tolerance, as integrators and root finders do."""
        return any(
            "while" in names_in(inner)
            for equation in self._ruled
            for inner in jex.jaxprs_in_params(equation.source.params)
        )

    @cached_property
    def _ruled(self) -> list[Equation]:
        """Equations with a derivative rule of somebody's own that x goes through."""
        ruled = [each for each in self.program.equations if each.name.startswith("custom_")]
        reach = reached(self.program.equations, self.program.inputs[:1]) if ruled else set()
        return [each for each in ruled if not reach.isdisjoint(each.inputs)]

    @cached_property
    def unit(self) -> float:
        """Unit in the last place of the coarsest numbers that equations give, nested ones included."""
        equations = [equation for program in self.program.programs for equation in program.eqns]
        # By their addresses, since types take long to be hashed.
        dtypes = {
            id(dtype): dtype
            for equation in equations
            for variable in equation.outvars
            if (dtype := getattr(variable.aval, "dtype", None)) is not None
        }
        rounded = {mantissa for equation in equations if (mantissa := bits(equation)) is not None}
        units = [
            *(float(jnp.finfo(dtype).eps) for dtype in dtypes.values() if is_a(dtype, np.inexact)),
            *(2.0**-mantissa for mantissa in rounded),
        ]
        return max(units, default=EPSILON)

    def values(self, noise: np.ndarray, x: np.ndarray, leaves: Sequence[Any]) -> np.ndarray:
        """F(x), shape (m + 1,)."""
        return self._call("values", (self._function,), noise, x, *leaves)

    def jvp(
        self, noise: np.ndarray, x: np.ndarray, direction: np.ndarray, leaves: Sequence[Any]
    ) -> np.ndarray:
        """F'(x) direction, shape (m + 1,)."""

        def forward(noise: jax.Array, x: jax.Array, v: jax.Array, *leaves: Any):
            return jax.jvp(lambda x: self._function(noise, x, *leaves), (x,), (v,))[1]

        def reverse(noise: jax.Array, x: jax.Array, v: jax.Array, *leaves: Any) -> Any:
            return jax.jacrev(lambda x: self._function(noise, x, *leaves))(x) @ v

        return self._call("jvp", (forward, reverse), noise, x, direction, *leaves)

    def gradient(self, noise: np.ndarray, x: np.ndarray, leaves: Sequence[Any]) -> np.ndarray:
        """Gradient of f, shape (n,)."""

        def objective(noise: jax.Array, x: jax.Array, *leaves: Any):
            return self._function(noise, x, *leaves)[0]

        return self._call("gradient", (jax.grad(objective, 1), jax.jacfwd(objective, 1)), noise, x, *leaves)

    def hvp(
        self,
        noise: np.ndarray,
        x: np.ndarray,
        weights: np.ndarray,
        direction: np.ndarray,
        leaves: Sequence[Any],
    ) -> np.ndarray:
        """(weights' F)''(x) direction, shape (n,)."""

        def product(gradient: Callable[..., Any], along: Callable[..., Any]) -> Callable[..., Any]:
            def hvp(
                noise: jax.Array, x: jax.Array, weights: jax.Array, v: jax.Array, *leaves: Any
            ) -> jax.Array:
                lagrangian = lambda x: weights @ self._function(noise, x, *leaves)  # noqa: E731
                return along(gradient(lagrangian), x, v)

            return hvp

        forward = lambda fun, x, v: jax.jvp(fun, (x,), (v,))[1]  # noqa: E731
        reverse = lambda fun, x, v: jax.grad(lambda x: fun(x) @ v)(x)  # noqa: E731
        anyway = lambda fun: forward_anyway(jax.grad(fun))  # noqa: E731
        nestings = [(jax.grad, forward), (jax.grad, reverse), (jax.jacfwd, forward), (anyway, forward)]
        ways = tuple(product(gradient, along) for gradient, along in nestings)
        return self._call("hvp", ways, noise, x, weights, direction, *leaves)

    @cached_property
    def _known_jumps(self) -> list[Equation]:
        """Equations that jump somewhere, and that x does not reach."""
        equations = self.short.equations
        reach = reached(equations, self.short.inputs[:1])
        return [each for each in equations if jumps(each) and reach.isdisjoint(each.outputs)]

    def _function(self, noise: jax.Array, x: jax.Array, *leaves: Any):
        """F(x), traceable."""
        program, targets = self.short, {at for each in self._known_jumps for at in each.outputs}
        quiet = program.constants | dict(zip(program.inputs, (x, *leaves), strict=True))
        known = evaluate(needed(program.equations, targets), quiet)

        def visit(equation: Equation, operands: Sequence[Any]) -> Sequence[Any]:
            if not targets.isdisjoint(equation.outputs):
                return [known[at] for at in equation.outputs]
            results, name = equation.bind(*operands), equation.name
            if name in MOVERS:
                return results
            return [shaken(each, noise, at, bits(equation)) for each, at in zip(results, equation.outputs)]  # noqa: B905

        values = walk(program.equations, quiet | {program.inputs[0]: shaken(x, noise, 0)}, visit)
        return jnp.concatenate([jnp.reshape(values[each], -1) for each in program.outputs])

    def _call(self, name: str, ways: Sequence[Callable[..., Any]], *arguments: Any) -> np.ndarray:
        """The first way that JAX can take, compiled once."""
        with float64():
            if name not in self.compiled:
                self.compiled[name] = first_compiled(ways, arguments)
            return np.asarray(self.compiled[name](*arguments))


def jumps(equation: Equation) -> bool:
    """Whether its results can change by much where its operands change by rounding."""
    return equation.name in JUMPS or not any(is_inexact(each.aval) for each in equation.source.outvars)


def shaken(value: Any, noise: jax.Array, at: int, mantissa: int | None = None):
    """A result moved by a few units in its last place; what is no inexact number stays as it is."""
    dtype = getattr(value, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jnp.inexact):
        return value
    unit = float(jnp.finfo(dtype).eps) if mantissa is None else 2.0**-mantissa
    move = jnp.reshape(noise[at : at + value.size], value.shape) * (unit / EPSILON)
    if jnp.issubdtype(dtype, jnp.complexfloating):
        move = move + 1j * jnp.reshape(noise[at + 1 : at + 1 + value.size], value.shape) * (unit / EPSILON)
    return value * (1 + move).astype(dtype)


def bits(equation: Any) -> int | None:
    """Bits to which an equation, of a jaxpr or numbered, rounds on purpose."""
    return equation.params.get("mantissa_bits")


def first_compiled(ways: Sequence[Callable[..., Any]], arguments: Sequence[Any]) -> Callable[..., Any]:
    """The first function that can be traced, compiled by XLA in the least time.

    Raises:
        DerivativeError: none can.
    """
    refuse_forks()
    last: Exception | None = None
    for way in ways:
        try:
            lowered = jitted(way).lower(*arguments)
        except NO_MODE as error:
            last = error
            continue
        return quickly(lowered)
    raise DerivativeError(f"JAX differentiates the functions in no direction: {last}") from last


def quickly(lowered: jax.stages.Lowered) -> Callable[..., Any]:
    """Compile without optimizations where the backend knows how."""
    if jax.default_backend() != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=QUICKLY)
    except jax.errors.JaxRuntimeError:
        return lowered.compile()

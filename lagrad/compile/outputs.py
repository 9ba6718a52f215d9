"""Lower a program's values, gradient and products with vectors for XLA; its derivatives need no pattern."""

from __future__ import annotations

from collections.abc import Callable

from lagrad.compile.ad_modes import along, gradient, hessian_product
from lagrad.compile.blocks import vector
from lagrad.compile.deferred import Deferred
from lagrad.compile.xla import Compiled, lower
from lagrad.program.program import Program
from lagrad.program.steady import steady_function


def lower_values(program: Program) -> Deferred[Compiled]:
    """(x, *leaves) -> f, c."""
    run = steady_function(program)
    return lower(run, [program.avals[number] for number in program.inputs], effects=True)


def lower_gradient(program: Program) -> Deferred[Compiled]:
    """(x, *leaves) -> gradient of f."""
    run = steady_function(program)

    def slope(x, *leaves):
        return gradient(lambda x: run(x, *leaves)[0])(x)

    return lower(slope, [program.avals[number] for number in program.inputs])


def lower_jvp(program: Program) -> Deferred[Compiled]:
    """(x, v, *leaves) -> derivatives of f and of c along v, shape (n,)."""
    run, (x, *leaves) = steady_function(program), arguments(program)

    def product(x, v, *leaves):
        return along(lambda x: run(x, *leaves), x, v)

    return lower(product, [x, x, *leaves])


def lower_vjp(program: Program) -> Deferred[Compiled]:
    """(x, v, *leaves) -> J' v, for v of shape (m,)."""
    run, (x, *leaves) = steady_function(program), arguments(program)

    def product(x, v, *leaves):
        return gradient(lambda x: v @ run(x, *leaves)[1])(x)

    return lower(product, [x, vector(rows(program)), *leaves])


def lower_hvp(program: Program) -> Deferred[Compiled]:
    """(x, weights, v, *leaves) -> Hessian of the Lagrangian times v; weights of f and of each row of c."""
    run, (x, *leaves) = steady_function(program), arguments(program)

    def product(x, weights, v, *leaves):
        def lagrangian(x):
            f, c = run(x, *leaves)
            return weights[0] * f + weights[1:] @ c

        return hessian_product(lagrangian, x, v)

    return lower(product, [x, vector(rows(program) + 1), x, *leaves])


# Products that are compiled when they are first asked for.
PRODUCTS: dict[str, Callable[[Program], Deferred[Compiled]]] = {
    "jvp": lower_jvp,
    "vjp": lower_vjp,
    "hvp": lower_hvp,
}


def arguments(program: Program) -> list:
    """Shapes of x and of the leaves of params."""
    return [program.avals[number] for number in program.inputs]


def rows(program: Program) -> int:
    """Number of constraint rows m."""
    return program.size(program.outputs[1])

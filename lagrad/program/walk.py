"""Go through equations, of a jaxpr or of a numbered program: everybody who does so does it here.

    run       a jaxpr: arguments in, outputs out, each equation given to a visitor that says what it gives
    walk      some equations, of either kind, likewise
    evaluate  some equations of a program, executed
    needed    the equations that some results take
    reached   the variables that depend on some others

Toy version, which evaluates f(x) = sin(x) x:

    walk([a = sin x, b = mul a x], {x: 2.0}, bind)      ->      {x: 2.0, a: 0.909, b: 1.819}

Four loops are different in kind and stand elsewhere. `sparsity.liveness` goes back over what rules recorded,
not over equations. `elements.split` goes back from the outputs with an adjoint for each variable, some of
whose elements it settles where they are while it passes others on. `program.roll.gather` compares equations
with one another: no variable has a value there. `program.overlaps` asks of single operands whether they go
back to one variable, and never looks at what is older than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from jax.extend import core as jex

from lagrad.program.equation import Equation

Either = TypeVar("Either", Equation, jex.JaxprEqn)
Visit = Callable[[Any, list], Iterable[Any]]
Known = Callable[[Any, Any], Any]


def itself(value: Any, aval: Any) -> Any:
    """A literal or captured array as it is."""
    return value


def run(
    program: jex.ClosedJaxpr,
    arguments: Iterable[Any],
    visit: Visit,
    known: Known = itself,
    equations: Iterable[jex.JaxprEqn] | None = None,
) -> list:
    """Outputs of a closed jaxpr.

    Args:
        program: what was traced.
        arguments: a value an input, of any type that the visitor knows.
        visit: (equation, values of its operands) -> values of its outputs.
        known: (literal or captured array, its aval) -> its value.
        equations: which equations to visit, all by default; see `needed`.

    Returns:
        One value an output.

    >>> import jax
    >>> program = jax.make_jaxpr(lambda x: jax.numpy.sin(x) * x)(3.0)
    >>> run(program, ["x"], lambda equation, operands: [f"{equation.primitive} {' '.join(operands)}"])
    ['mul sin x x']
    """
    jaxpr = program.jaxpr
    captured = zip(jaxpr.constvars, program.consts, strict=True)
    values = {variable: known(value, variable.aval) for variable, value in captured}
    values |= dict(zip(jaxpr.invars, arguments, strict=True))
    walk(jaxpr.eqns if equations is None else equations, values, visit, known)
    return [read(values, atom, known) for atom in jaxpr.outvars]


def walk(
    equations: Iterable[Either],
    values: dict[Any, Any],
    visit: Visit,
    known: Known = itself,
) -> dict[Any, Any]:
    """Values of all variables, added to those that are given.

    Args:
        equations: in order.
        values: variable -> its value; filled on the way.
        visit: (equation, values of its operands) -> values of its outputs.
        known: (literal, its aval) -> its value.
    """
    value_of = values.__getitem__
    for equation in equations:
        # As `read`, `operands_of` and `results_of` do; their calls would take longer than the visit.
        if isinstance(equation, Equation):
            results: Sequence[Any] = equation.outputs
            operands = list(map(value_of, equation.inputs))
        else:
            results = equation.outvars
            operands = [
                known(atom.val, atom.aval) if isinstance(atom, jex.Literal) else values[atom]
                for atom in equation.invars
            ]
        if len(results) == 1:
            (values[results[0]],) = visit(equation, operands)
        else:
            values.update(zip(results, visit(equation, operands), strict=True))
    return values


def evaluate(equations: Iterable[Equation], values: Mapping[int, Any]) -> dict[int, Any]:
    """Values of all variables of numbered equations, traceable by JAX.

    Args:
        equations: in order.
        values: of the constants and inputs.
    """
    return walk(equations, dict(values), lambda equation, operands: equation.bind(*operands))


def read(values: Mapping[Any, Any], atom: Any, known: Known) -> Any:
    """Value of a variable or literal."""
    return known(atom.val, atom.aval) if isinstance(atom, jex.Literal) else values[atom]


def operands_of(equation: Equation | jex.JaxprEqn) -> Sequence[Any]:
    """What an equation reads: variables, numbers of variables, literals."""
    return equation.inputs if isinstance(equation, Equation) else equation.invars


def results_of(equation: Equation | jex.JaxprEqn) -> Sequence[Any]:
    """What an equation writes: variables or numbers of variables."""
    return equation.outputs if isinstance(equation, Equation) else equation.outvars


def variables(atoms: Iterable[Any]) -> set[Any]:
    """Atoms that are no literals."""
    return {atom for atom in atoms if not isinstance(atom, jex.Literal)}


def needed(
    equations: Sequence[Either],
    targets: Iterable[Any],
    known: Iterable[Any] = (),
    keep: Callable[[Either], bool] = lambda equation: False,
) -> list[Either]:
    """Equations that some results take, in order.

    Args:
        equations: in order.
        targets: variables that are wanted.
        known: variables at which the search ends.
        keep: equations that are wanted whatever becomes of their results.
    """
    known = set(known)
    wanted, found = variables(targets) - known, []
    for equation in reversed(equations):
        if not wanted.isdisjoint(results_of(equation)) or keep(equation):
            wanted |= variables(operands_of(equation)) - known
            found.append(equation)
    return found[::-1]


def reached(
    equations: Iterable[Either],
    starts: Iterable[Any],
    through: Callable[[Either], bool] = lambda equation: True,
) -> set[Any]:
    """Variables that depend on some others, those included.

    Args:
        equations: in order.
        starts: where to begin.
        through: equations that pass a dependency on.
    """
    found = set(starts)
    for equation in equations:
        if not found.isdisjoint(variables(operands_of(equation))) and through(equation):
            found |= set(results_of(equation))
    return found

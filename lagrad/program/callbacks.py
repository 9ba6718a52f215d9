"""Hand numbers of double precision to Python functions that a compiled program calls.

JAX gives a callback's operands and results the width that `jax_enable_x64` has in the thread that runs it.
XLA is free to take one of its own threads, which `precision.float64` does not reach: operands arrive rounded
to single precision, and results of double precision are refused. So both travel as words of 32 bits, which no
setting changes, and the function itself is called in double precision, wherever it runs.

    y = pure_callback(f, x)      ->      y = numbers(pure_callback(words . f . numbers, words(x)))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import CALLS, called
from lagrad.primitives.equations import aval_of, bind, is_complex
from lagrad.program.rebuild import REBUILD, Replaced, holds, rebuilt, rebuilt_program, rewritten, solver_of
from lagrad.program.turns import evaluated_in_turn, has_batches

WIDE = frozenset(map(np.dtype, ("float64", "complex128", "int64", "uint64")))
WORD = np.dtype(np.uint32)


def calling_in_words(program: jex.ClosedJaxpr) -> jex.ClosedJaxpr:
    """The same program, whose callbacks take and give words; itself where it has none.

    Args:
        program: what is going to be compiled; it cannot be differentiated afterwards.

    >>> def host(x):
    ...     return np.sin(x)
    >>> with float64():
    ...     double = jax.ShapeDtypeStruct((), np.float64)
    ...     program = jax.make_jaxpr(lambda x: jax.pure_callback(host, double, x))(np.ones(()))
    ...     [equation.primitive.name for equation in calling_in_words(program).eqns]
    ['bitcast_convert_type', 'pure_callback', 'bitcast_convert_type']
    """
    return rebuilt_program(REPLACED, program) if holds(program, IN_WORDS) else program


def jitted(fun: Callable) -> Callable:
    """`jax.jit` of a function of arrays or pytrees, whose callbacks run in double precision in any thread.

    Its batches of LAPACK take turns. It cannot be differentiated.
    """

    def evaluate(program: jex.ClosedJaxpr, operands: list) -> list:
        program = calling_in_words(program)
        if has_batches(program):
            return evaluated_in_turn(program, operands)
        return jex.jaxpr_as_fun(program)(*operands)

    return jax.jit(rewritten(fun, evaluate))


@dataclass(frozen=True)
class OfWords:
    """What is called instead of a user's function.

    Args:
        name: of the primitive, for errors.
        function: (flat operands) -> flat results.
        operands: shape and dtype of each operand of the function.
        results: shape and dtype of each of its results.
    """

    name: str
    function: Callable[..., Sequence]
    operands: tuple[Any, ...]
    results: tuple[Any, ...]

    def __call__(self, *words) -> tuple[np.ndarray, ...]:
        """The function's results as words.

        Raises:
            TypeError: they are not what the callback was declared with.
        """
        with float64():
            given = [
                jnp.asarray(numbers(np.asarray(w), a)) for w, a in zip(words, self.operands, strict=True)
            ]
            values = [np.asarray(value) for value in self.function(*given)]
        found, expected = described(values), described(self.results)
        if found != expected:
            raise TypeError(f"`{self.name}`: the function returned {found}, declared is {expected}.")
        return tuple(map(words_of, values))


def in_words(equation: jex.JaxprEqn, operands: list) -> list:
    """Results of a callback whose operands and results travel as words."""
    given, found = (tuple(map(aval_of, atoms)) for atoms in (equation.invars, equation.outvars))
    function = OfWords(equation.primitive.name, equation.params["callback"], given, found)
    params = {**equation.params, "callback": function}
    if found:
        params["result_avals"] = tuple(map(words_for, found))
    results = bind(equation.replace(params=params), *map(as_words, operands, given))
    return [from_words(result, aval) for result, aval in zip(results, found, strict=True)]


def printed_from_words(equation: jex.JaxprEqn, operands: list) -> list:
    """A `jax.debug.print` of numbers that travel as words."""

    def show(*values) -> tuple:
        return tuple(equation.primitive.impl(*values, **equation.params))

    given = tuple(map(aval_of, equation.invars))
    function = OfWords(equation.primitive.name, show, given, ())
    words = map(as_words, operands, given)
    jax.debug.callback(function, *words, ordered=equation.params["ordered"])  # pyright: ignore
    return []


def entered(equation: jex.JaxprEqn, operands: list) -> list | None:
    """Results of a call whose rules matter no longer; None where it calls back nobody."""
    inner = called(equation)
    return None if inner is None or not holds(inner, IN_WORDS) else rebuilt(REPLACED, inner, operands)


def solved(equation: jex.JaxprEqn, operands: list) -> list | None:
    """Results of a `lax.custom_linear_solve`: what its solver gives; None where that calls back nobody."""
    program, given = solver_of(equation, operands)
    return rebuilt(REPLACED, program, given) if holds(program, IN_WORDS) else None


def described(arrays: Sequence[Any]) -> str:
    """Shapes and dtypes in words, such as float64[3]."""
    return ", ".join(f"{each.dtype}{list(each.shape)}" for each in arrays) or "nothing"


def as_words(x: Any, aval: Any) -> Any:
    """An array whose last axis holds the words of each number; itself where one word holds it."""
    if aval.dtype not in WIDE:
        return x
    x = jnp.asarray(x, aval.dtype)
    pairs = jnp.stack([x.real, x.imag], axis=-1) if is_complex(aval) else x
    return lax.bitcast_convert_type(pairs, WORD).reshape(words_for(aval).shape)


def from_words(words: Any, aval: Any) -> Any:
    """The array whose numbers have these words."""
    if aval.dtype not in WIDE:
        return words
    if not is_complex(aval):
        return lax.bitcast_convert_type(words, aval.dtype)
    pairs = lax.bitcast_convert_type(words.reshape(*aval.shape, 2, 2), np.float64)
    return lax.complex(pairs[..., 0], pairs[..., 1])


def numbers(words: np.ndarray, aval: Any) -> np.ndarray:
    """The same on the host."""
    return words.view(aval.dtype)[..., 0] if aval.dtype in WIDE else words


def words_of(array: np.ndarray) -> np.ndarray:
    """Words of an array on the host."""
    return np.ascontiguousarray(array[..., None]).view(WORD) if array.dtype in WIDE else array


def words_for(aval: Any) -> Any:
    """Shape and dtype of an array's words."""
    if aval.dtype not in WIDE:
        return aval
    return aval.update(shape=(*aval.shape, aval.dtype.itemsize // WORD.itemsize), dtype=WORD, weak_type=False)


IN_WORDS: Replaced = {
    **dict.fromkeys(("pure_callback", "io_callback", "debug_callback"), in_words),
    "debug_print": printed_from_words,
}
REPLACED: Replaced = {
    **dict.fromkeys(CALLS.keys() - REBUILD.keys(), entered),
    "custom_linear_solve": solved,
    **IN_WORDS,
}

"""Stack the outputs of a program, or of what its split leaves, as one traceable function."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.elements.indices import Indices
from lagrad.elements.split import Split
from lagrad.program.cse import merged
from lagrad.program.program import Program

Outputs = Callable[..., jax.Array]


def everything(program: Program) -> Outputs:
    """f and c, stacked."""
    run = program.function()

    def outputs(x, *leaves):
        f, c = run(x, *leaves)
        return jnp.concatenate([f[None], c])

    return outputs


def remainder(split: Split) -> Outputs:
    """What elements and the linear part leave of f and c."""
    program, line = split.classification.program, merged(split.classification.program)
    targets = [line.name(variable) for variable in split.rest]
    known = {line.name(number): value for number, value in split.classification.values.items()}

    def outputs(x, *leaves):
        inputs = dict(zip(program.inputs, (x, *leaves), strict=True))
        values = line.evaluate(targets, known | inputs)
        parts = [applied(matrix, value) for matrix, value in zip(split.rest.values(), values, strict=True)]
        return sum(parts[1:], start=parts[0])

    return outputs


def applied(matrix: sp.csr_array, value: jax.Array) -> jax.Array:
    """B v; a shift of v, or a sum over it, where B is one: scatters are slow."""
    triplets, size = matrix.tocoo(), matrix.shape[0]
    rows, columns = Indices.of(triplets.row), Indices.of(triplets.col)
    taken = (
        value.reshape(-1)[triplets.col] if not columns.is_everything else value.reshape(-1)[: columns.size]
    )
    scaled = taken * np.asarray(triplets.data)
    if rows.listed is None and rows.stride == 0 and rows.size:
        return jnp.pad(scaled.sum()[None], (rows.start, size - rows.start - 1))
    if rows.listed is None and rows.stride == 1 and rows.size:
        return jnp.pad(scaled, (rows.start, size - rows.start - rows.size))
    return jnp.zeros(size).at[triplets.row].add(scaled)

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


def constraints(program: Program) -> Outputs:
    """c alone: a row of zeros in front would turn the endless slopes of f into nan."""
    run = program.function()
    return lambda x, *leaves: run(x, *leaves)[1]


def remainder(split: Split, first: int = 0) -> Outputs:
    """What elements and the linear part leave of f and c, from some row on."""
    program, line = split.classification.program, merged(split.classification.program)
    matrices = {variable: sp.csr_array(matrix[first:]) for variable, matrix in split.rest.items()}
    matrices = {variable: matrix for variable, matrix in matrices.items() if matrix.nnz}
    targets = [line.name(variable) for variable in matrices]
    known = {line.name(number): value for number, value in split.classification.values.items()}

    def outputs(x, *leaves):
        inputs = dict(zip(program.inputs, (x, *leaves), strict=True))
        values = line.evaluate(targets, known | inputs)
        parts = [applied(matrix, value) for matrix, value in zip(matrices.values(), values, strict=True)]
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

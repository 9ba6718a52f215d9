"""Have `jax.vmap` call a function of a batch once, and each device of a mesh call it for its share.

Every axis that `vmap` adds is folded into the batch axis. Where that is sharded, a device computes what it
holds as if it were alone: no device waits for another's loops, and none sends anything.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental.custom_partitioning import ArrayMapping, SdyShardingRule, custom_partitioning
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.sharding import NamedSharding, PartitionSpec


def together(function: Callable) -> Callable:
    """The function, arrays with a batch axis in front in and out, under any number of `jax.vmap`.

    >>> doubled = together(lambda x: 2 * x)
    >>> jax.vmap(jax.vmap(lambda x: doubled(x[None])[0]))(jnp.ones((2, 3))).shape
    (2, 3)
    """

    @jax.custom_batching.custom_vmap
    def whole(*arguments):
        return by_shares(function, arguments)

    @whole.def_vmap
    def rule(size: int, batched: Any, *arguments):
        def folded(leaf, is_batched):
            spread = leaf if is_batched else jnp.broadcast_to(leaf, (size, *leaf.shape))
            return spread.reshape(size * spread.shape[1], *spread.shape[2:])

        results = whole(*jax.tree.map(folded, arguments, tuple(batched)))
        unfolded = jax.tree.map(
            lambda leaf: leaf.reshape(size, leaf.shape[0] // size, *leaf.shape[1:]), results
        )
        return unfolded, jax.tree.map(lambda _: True, unfolded)

    return whole


def by_shares(function: Callable, arguments: tuple) -> Any:
    """The results of a function, each device calling it for its share of the batch."""
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    # `custom_partitioning` wants the arrays that a function captures as arguments.
    inputs = [*closed.jaxpr.constvars, *closed.jaxpr.invars]
    run = jaxpr_as_fun(ClosedJaxpr(closed.jaxpr.replace(constvars=[], invars=inputs), ()))
    structure = jax.tree.structure(shapes)

    @custom_partitioning
    def whole(captured, arguments):
        return jax.tree.unflatten(structure, run(*captured, *jax.tree.leaves(arguments)))

    def of_results(mesh, operands, results):
        return alike(rows_of(mesh, operands[1]), results)

    def partition(mesh, operands, results):
        rows = rows_of(mesh, operands[1])
        layouts = alike(NamedSharding(mesh, PartitionSpec()), operands[0]), alike(rows, operands[1])
        return mesh, lambda _, share: function(*share), alike(rows, results), layouts

    captured = [jnp.asarray(each) for each in closed.consts]
    rule = sharding_rule(
        [each.ndim for each in captured], jax.tree.leaves(arguments), jax.tree.leaves(shapes)
    )
    whole.def_partition(partition, of_results, sharding_rule=rule)
    return whole(captured, arguments)


def rows_of(mesh: Any, arrays: Any) -> NamedSharding:
    """How arrays with the batch in front are laid out: by what splits any of them."""
    axes = (leaf.sharding.spec[0] for leaf in jax.tree.leaves(arrays) if len(leaf.sharding.spec))
    return NamedSharding(mesh, PartitionSpec(next((axis for axis in axes if axis is not None), None)))


def alike(sharding: NamedSharding, arrays: Any) -> Any:
    """The same sharding for all arrays."""
    return jax.tree.map(lambda _: sharding, arrays)


def sharding_rule(captured: list[int], arguments: list, results: list) -> SdyShardingRule:
    """That the first axis of arguments and results is the batch, and that no other axis is split.

    Args:
        captured: numbers of axes of arrays without a batch.
        arguments: arrays with one.
        results: likewise.
    """
    whole = [[f"w{i}a{k}" for k in range(ndim)] for i, ndim in enumerate(captured)]
    split = [[f"s{i}a{k}" for k in range(1, len(each.shape))] for i, each in enumerate(arguments + results)]
    mapped = [ArrayMapping(*axes) for axes in whole] + [ArrayMapping("b", *axes) for axes in split]
    count, inner = len(whole) + len(arguments), tuple(chain.from_iterable(whole + split))
    return SdyShardingRule(tuple(mapped[:count]), tuple(mapped[count:]), need_replication_factors=inner)

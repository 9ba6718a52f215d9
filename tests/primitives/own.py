"""A primitive of a user's own, softsine(x) = sin(x), evaluated by NumPy, so that nobody can look into it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

softsine_p = Primitive("softsine")
softsine_p.def_impl(lambda x: np.sin(np.asarray(x)))
softsine_p.def_abstract_eval(lambda x: x)
mlir.register_lowering(softsine_p, mlir.lower_fun(jnp.sin, multiple_results=False))
ad.defjvp(softsine_p, lambda tangent, x: tangent * jnp.cos(x))
batching.defvectorized(softsine_p)


def softsine(x):
    """sin(x), as a primitive."""
    return softsine_p.bind(x)

"""Random numbers: bits do not depend differentiably on anything."""

from __future__ import annotations

from lagrad.sparsity.rules.reductions import steps

RANDOM = dict.fromkeys(
    [
        "random_bits",
        "random_clone",
        "random_fold_in",
        "random_seed",
        "random_split",
        "random_unwrap",
        "random_wrap",
        "rng_bit_generator",
        "rng_uniform",
        "threefry2x32",
        "threefry4x32",
        "philox2x32",
        "philox4x32",
    ],
    steps,
)

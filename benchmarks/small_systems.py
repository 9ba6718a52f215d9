"""How many digits do small linear systems keep, in values, Jacobian and Hessian? Beside JAX and mpmath.

python -m benchmarks.small_systems

x = solve(A, b) with b and A variable, A = k U diag(1 .. 1 / condition) V, b of A's size. The error is
the largest one of a matrix as a share of its largest entry, the worst of some draws. JAX solves by LAPACK's
LU and differentiates by further solves. Ratios are of the worst errors; below 1e-15 nobody is blamed.
Hessians beyond 1e308 are left out: at scale 1e-150 those of condition 1e4 and more. Numbers up to 1e300
that are nan here only are counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

import lagrad
from benchmarks import tables
from benchmarks.measure import machine

SIZES = (2, 3, 4)
CONDITIONS = (1.0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12, 1e14)
SCALES = (1e-150, 1e-75, 1e-30, 1.0, 1e30, 1e75, 1e150)
PARTS, WHO = ("value", "J", "H"), ("lagrad", "JAX")
# Decimal digits of the exact solutions, and an error that nobody can be blamed for.
DIGITS, NO_ERROR = 60, 1e-15
# Beyond this, terms of a number may be beyond float64 where the number is not.
LARGEST = 1e300


def compare(size: int, draws: int = 10) -> list[dict]:
    """One row a condition and scale: errors of both, and the worst ratio of any draw's worst errors."""
    solve = lambda z: jnp.linalg.solve(z[: size**2].reshape(size, size), z[size**2 :])  # noqa: E731
    weights = np.linspace(1.0, 2.0, size)
    problem = lagrad.Problem(
        lambda z: jnp.sum(z**2), np.append(np.eye(size), np.ones(size)), lagrad.Equality(solve)
    )
    derivatives = lagrad.differentiate(problem, strategy="elements")
    with jax.enable_x64(True):
        theirs = jax.jit(
            lambda z: (solve(z), jax.jacfwd(solve)(z), jax.hessian(lambda z: weights @ solve(z))(z))
        )
        return [
            row(size, condition, scale, derivatives, theirs, weights, draws)
            for condition in CONDITIONS
            for scale in SCALES
        ]


def row(size, condition, scale, derivatives, theirs, weights, draws) -> dict:
    """Worst errors of some draws."""
    random = np.random.default_rng([size, int(np.log10(condition)), int(np.log10(scale)) + 1000])
    errors: dict[str, list] = {f"{who} {part}": [] for who in WHO for part in PARTS}
    nans = 0
    for _ in range(draws):
        matrix, right = drawn(size, condition, random)
        z = scale * np.append(matrix, right)
        mine = (
            derivatives.constraints(z),
            derivatives.jacobian(z).toarray(),
            derivatives.hessian(z, weights, 0.0).toarray(),
        )
        other = [np.asarray(each) for each in theirs(z)]
        for part, found, given, true in zip(PARTS, mine, other, exact(z, size, weights), strict=True):
            errors[f"lagrad {part}"].append(off(found, true))
            errors[f"JAX {part}"].append(off(given, true))
            is_number = [abs(each) < LARGEST for each in true]
            nans += int(((np.isnan(found) & ~np.isnan(given)).ravel() & is_number).sum())
    worst = {name: float(np.max(each)) for name, each in errors.items()}
    # Where the true number is beyond float64, nobody has one.
    pairs = [(worst[f"lagrad {part}"], max(worst[f"JAX {part}"], NO_ERROR)) for part in PARTS]
    ratios = [ours / other for ours, other in pairs if np.isfinite(other)]
    base = {"size": size, "condition": condition, "scale": scale}
    return base | worst | {"worst ratio": float(np.max(ratios)), "nan here only": nans}


def drawn(size: int, condition: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A matrix of some condition and a right-hand side."""
    one, other = (np.linalg.qr(random.normal(size=(size, size)))[0] for _ in range(2))
    return one @ np.diag(np.geomspace(1.0, 1.0 / condition, size)) @ other, random.normal(size=size)


def exact(z: np.ndarray, size: int, weights: np.ndarray) -> list[mpmath.matrix]:
    """x, its Jacobian and the Hessian of weights @ x, by inverting with many digits.

    dx = X (db - dA x) with X = 1 / A; once more: d dx = -X (dA' dx + dA dx').
    """
    with mpmath.workdps(DIGITS):
        inverse: mpmath.matrix = mpmath.inverse(mpmath.matrix(z[: size**2].reshape(size, size).tolist()))
        x = inverse * mpmath.matrix(z[size**2 :].tolist())
        moves = [(i, j) for i in range(size) for j in range(size)] + [(i, None) for i in range(size)]
        jacobian = mpmath.matrix(size, len(moves))
        for place, (i, j) in enumerate(moves):
            for k in range(size):
                jacobian[k, place] = inverse[k, i] if j is None else -inverse[k, i] * x[j]
        row = mpmath.matrix([weights.tolist()]) * inverse
        hessian = mpmath.matrix(len(moves), len(moves))
        for one, (i, j) in enumerate(moves):
            for two, (k, other) in enumerate(moves):
                first = 0 if j is None else -row[i] * jacobian[j, two]
                second = 0 if other is None else -row[k] * jacobian[other, one]
                hessian[one, two] = first + second
        return [x, jacobian, hessian]


def off(found: np.ndarray, true: mpmath.matrix) -> float:
    """Largest error as a share of the largest entry; infinite where there is no number."""
    if not np.isfinite(found).all():
        return float("inf")
    with mpmath.workdps(DIGITS):
        errors = [abs(mpmath.mpf(float(f)) - t) for f, t in zip(found.ravel(), list(true), strict=True)]
        return float(max(errors) / max(abs(t) for t in true))


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    rows = [each for size in SIZES for each in compare(size, options.draws)]
    body = []
    for size in SIZES:
        for condition in CONDITIONS:
            mine = [each for each in rows if (each["size"], each["condition"]) == (size, condition)]
            errors = [[each[f"{who} {part}"] for each in mine] for part in PARTS for who in WHO]
            worst = [max(filter(np.isfinite, each)) for each in errors]
            body.append([size, f"{condition:g}", *worst, max(each["worst ratio"] for each in mine)])
    header = (
        "size",
        "condition",
        *(f"{part}, {who}" for part in PARTS for who in WHO),
        "ratio",
    )
    nans = sum(each["nan here only"] for each in rows)
    note = (
        f"{__doc__}\nScales {SCALES[0]:g} to {SCALES[-1]:g}; "
        f"numbers up to {LARGEST:g} that are nan in lagrad only: {nans}.\n\n"
        f"Machine: {machine()}."
    )
    path = tables.write(
        "small_systems", "Digits of small systems", note, rows, tables.markdown(header, body), options.output
    )
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

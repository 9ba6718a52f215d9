"""Go one way to two solutions in this fresh process, and print its seconds as a line of JSON.

Nothing but the standard library is imported before the clock starts.
"""

import importlib
import json
import sys
import time
from types import SimpleNamespace

START = [1.0, 5.0, 5.0, 1.0]


def hs71_functions(numpy):
    """Objective and constraints of Hock-Schittkowski 71 with that NumPy."""

    def objective(x):
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]

    def constraints(x):
        return numpy.stack([x[0] * x[1] * x[2] * x[3], numpy.sum(x**2)])

    return objective, constraints


def chain_functions(numpy):
    """Objective and constraints of the chained Rosenbrock problem with that NumPy."""

    def objective(x):
        return numpy.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    def constraints(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        wave = numpy.sin(b - c) * numpy.sin(b + c)
        return 3 * b**3 + 2 * c - 8 + wave + 4 * b - a * numpy.exp(a - b)

    return objective, constraints


def problems(jax_numpy):
    """(functions, start, bounds of x, lower and upper sides of the rows) of both problems."""
    numpy = importlib.import_module("numpy")
    chain = numpy.where(numpy.arange(1000) % 2 == 0, -1.2, 1.0)
    free = numpy.full(1000, numpy.inf)
    zeros = numpy.zeros(998)
    first = (hs71_functions(jax_numpy), numpy.array(START), (numpy.ones(4), numpy.full(4, 5.0)))
    return (
        (*first, numpy.array([25.0, 40.0]), numpy.array([numpy.inf, 40.0])),
        (chain_functions(jax_numpy), chain, (-free, free), zeros, zeros),
    )


def with_lagrad(method: str):
    """Import lagrad; the problems and what solves one."""
    lagrad = importlib.import_module("lagrad")

    def solve(problem) -> float:
        (objective, constraints), start, bounds, lower, upper = problem
        rows = lagrad.Inequality(constraints, lower, upper)
        return lagrad.solve(lagrad.Problem(objective, start, rows, bounds), method=method).objective

    return problems(importlib.import_module("jax.numpy")), solve


def with_casadi():
    """Import CasADi; its functions are written with its own symbols."""
    casadi = importlib.import_module("casadi")
    options = {"ipopt.print_level": 0, "ipopt.sb": "yes", "ipopt.tol": 1e-8, "print_time": False}

    def solve(problem) -> float:
        functions, start, bounds, lower, upper = problem
        x = casadi.MX.sym("x", start.size)
        nlp = {"x": x, "f": functions[0](x), "g": functions[1](x)}
        solver = casadi.nlpsol("solver", "ipopt", nlp, options)
        result = solver(x0=start, lbx=bounds[0], ubx=bounds[1], lbg=lower, ubg=upper)
        return float(result["f"])

    words = {name: getattr(casadi, name) for name in ("sin", "exp")}
    spelled = SimpleNamespace(stack=lambda rows: casadi.vertcat(*rows), sum=casadi.sum1, **words)
    return problems(spelled), solve


def with_asdex():
    """Import asdex and cyipopt; Jacobian and Hessian values compiled whole."""
    asdex, cyipopt = importlib.import_module("asdex"), importlib.import_module("cyipopt")
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)

    def solve(problem) -> float:
        functions, start, bounds, lower, upper = problem
        callbacks = AsdexCallbacks(asdex, jax, functions, start, lower.size)
        nlp = cyipopt.Problem(start.size, lower.size, callbacks, *bounds, lower, upper)
        for name, value in (("tol", 1e-8), ("print_level", 0), ("sb", "yes")):
            nlp.add_option(name, value)
        return float(nlp.solve(start)[1]["obj_val"])

    return problems(importlib.import_module("jax.numpy")), solve


class AsdexCallbacks:
    """cyipopt's callbacks by asdex."""

    def __init__(self, asdex, jax, functions, start, m):
        objective, constraints = functions

        def lagrangian(x, multipliers, weight):
            return weight * objective(x) + jax.numpy.vdot(multipliers, constraints(x))

        numpy = importlib.import_module("numpy")
        self.objective, self.constraints = jax.jit(objective), jax.jit(constraints)
        self.gradient = jax.jit(jax.grad(objective))
        rows = asdex.jacobian_coloring(constraints, start)
        compressed = asdex.compressed_jacobian_from_coloring(constraints, rows)
        self.jacobian = jax.jit(lambda x: asdex.decompress_data(compressed(x), rows))
        self.jacobian_pattern = rows.sparsity.rows, rows.sparsity.cols
        both = asdex.hessian_coloring(lagrangian, start, numpy.ones(m), 1.0, argnums=0)
        products = asdex.compressed_hessian_from_coloring(lagrangian, both)
        lower = numpy.flatnonzero(numpy.asarray(both.sparsity.rows) >= numpy.asarray(both.sparsity.cols))
        self.hessian = jax.jit(lambda *a: asdex.decompress_data(products(*a), both)[lower])
        self.hessian_pattern = both.sparsity.rows[lower], both.sparsity.cols[lower]

    def jacobianstructure(self):
        return self.jacobian_pattern

    def hessianstructure(self):
        return self.hessian_pattern


def with_pounce():
    """Import POUNCE; its own solver."""
    pounce = importlib.import_module("pounce.jax")

    def solve(problem) -> float:
        functions, start, bounds, lower, upper = problem
        sides = {"lb": bounds[0], "ub": bounds[1], "cl": lower, "cu": upper}
        nlp = pounce.from_jax(*functions, n=start.size, m=lower.size, x0=start, sparse=True, **sides)
        for name, value in (("tol", 1e-8), ("print_level", 0)):
            nlp.add_option(name, value)
        return float(nlp.solve(start)[1]["obj_val"])

    return problems(importlib.import_module("jax.numpy")), solve


ROUTES = {
    "lagrad": lambda: with_lagrad("ipopt"),
    "lagrad_trust_constr": lambda: with_lagrad("trust-constr"),
    "casadi": with_casadi,
    "asdex": with_asdex,
    "pounce": with_pounce,
}


def main() -> None:
    """Both problems by one route."""
    begin = time.perf_counter()
    (first, second), solve = ROUTES[sys.argv[1]]()
    imported = time.perf_counter()
    objective = solve(first)
    solved = time.perf_counter()
    solve(second)
    row = {"import s": imported - begin, "first solution s": solved - begin}
    row |= {"second s": time.perf_counter() - solved, "objective": float(objective)}
    print(json.dumps(row))


if __name__ == "__main__":
    main()

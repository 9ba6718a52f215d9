"""Build a model on CasADi's own buffers: what its two contenders share."""

from __future__ import annotations

import time

import casadi
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.contender import IPOPT_OPTIONS, Solved
from benchmarks.declarations import in_casadi

# The empty string is refused by CasADi's option parser for a number of options, this one included.
OPTIONS = {f"ipopt.{name}": value for name, value in IPOPT_OPTIONS.items() if name != "option_file_name"}
OPTIONS["print_time"] = False


class Buffered:
    """A CasADi function on fixed memory: its Python call would convert every array on the way in and out."""

    def __init__(self, function, wanted: int):
        self.buffer, self.evaluate = function.buffer()
        self.inputs = [np.zeros(function.nnz_in(i)) for i in range(function.n_in())]
        self.outputs = {wanted: np.zeros(function.nnz_out(wanted))}
        self.value = self.outputs[wanted]
        for i, array in enumerate(self.inputs):
            self.buffer.set_arg(i, memoryview(array))
        self.buffer.set_res(wanted, memoryview(self.value))

    def __call__(self, *arguments) -> np.ndarray:
        """Values of the wanted output; overwritten by the next call. Arguments left out stay as they were."""
        for memory, argument in zip(self.inputs, arguments, strict=False):
            memory[...] = argument
        self.evaluate()
        return self.value


def triplets(sparsity) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a CasADi pattern in the order of its values."""
    rows, cols = sparsity.get_triplet()
    return np.asarray(rows), np.asarray(cols)


class CasadiModel:
    """`nlpsol`'s own derivative functions."""

    def __init__(self, case: Case, symbol):
        x, f, g = in_casadi.declare(case, symbol)
        self.case = case
        self.solver = casadi.nlpsol("solver", "ipopt", {"x": x, "f": f, "g": g}, OPTIONS)
        jacobian, hessian = self.solver.get_function("nlp_jac_g"), self.solver.get_function("nlp_hess_l")
        self.jacobian_structure = triplets(jacobian.sparsity_out("jac_g_x"))
        self.hessian_structure = triplets(hessian.sparsity_out(0))
        self.f = Buffered(self.solver.get_function("nlp_f"), 0)
        self.g = Buffered(self.solver.get_function("nlp_g"), 0)
        self.df = Buffered(self.solver.get_function("nlp_grad_f"), 1)
        self.dg = Buffered(jacobian, jacobian.index_out("jac_g_x"))
        self.h = Buffered(hessian, 0)

    def objective(self, x) -> float:
        """f(x)."""
        return float(self.f(x)[0])

    def gradient(self, x) -> np.ndarray:
        """Gradient of f, shape (n,)."""
        return self.df(x)

    def constraints(self, x) -> np.ndarray:
        """c(x), shape (m,)."""
        return self.g(x)

    def jacobian(self, x) -> np.ndarray:
        """Values in the order of `jacobian_structure`."""
        return self.dg(x)

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`; arguments of nlp_hess_l are x, p, lam_f, lam_g."""
        return self.h(x, (), objective_weight, multipliers)

    def solve(self) -> Solved:
        """Solve by CasADi's Ipopt."""
        case = self.case
        bounds = {
            "lbx": case.lower,
            "ubx": case.upper,
            "lbg": case.constraint_lower,
            "ubg": case.constraint_upper,
        }
        begin = time.perf_counter()
        result = self.solver(x0=case.start, **bounds)
        seconds = time.perf_counter() - begin
        stats = self.solver.stats()
        callbacks = sum(value for key, value in stats.items() if key.startswith("t_wall_nlp_"))
        return Solved(
            bool(stats["success"]), float(result["f"]), int(stats["iter_count"]), seconds, callbacks
        )


def warm_up() -> None:
    """Load the Ipopt plugin by a problem of one variable."""
    x = casadi.SX.sym("x")
    casadi.nlpsol("warm_up", "ipopt", {"x": x, "f": x**2}, {"ipopt.print_level": 0})


def build(case: Case, symbol) -> CasadiModel:
    """The model of a case in CasADi's symbols of that class."""
    return CasadiModel(case, symbol)

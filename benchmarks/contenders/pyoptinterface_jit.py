"""PyOptInterface: C++ graphs, one LLVM kernel per repeated element; its callbacks as Ipopt gets them.

The library shows its derivative code only to libipopt's C interface, hence `listening_ipopt.c`, which
stands in Ipopt's place (compiled at the first warm-up; needs a C compiler). The solve goes through it
to the Ipopt of the casadi wheel, the same as for the other contenders.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import casadi
import numpy as np
import pyoptinterface as poi
from pyoptinterface import ipopt

from benchmarks.cases import Case
from benchmarks.contenders.contender import Solved
from benchmarks.declarations import in_pyoptinterface

INT, BOOL, REAL, POINTER = ctypes.c_int, ctypes.c_bool, ctypes.c_double, ctypes.c_void_p
VALUE = ctypes.CFUNCTYPE(BOOL, INT, POINTER, BOOL, POINTER, POINTER)
ROWS = ctypes.CFUNCTYPE(BOOL, INT, POINTER, BOOL, INT, POINTER, POINTER)
JACOBIAN = ctypes.CFUNCTYPE(BOOL, INT, POINTER, BOOL, INT, INT, POINTER, POINTER, POINTER, POINTER)
HESSIAN = ctypes.CFUNCTYPE(
    BOOL, INT, POINTER, BOOL, REAL, INT, POINTER, BOOL, INT, POINTER, POINTER, POINTER, POINTER
)


class Heard(ctypes.Structure):
    """`struct Heard` of listening_ipopt.c."""

    _fields_ = [
        *((name, INT) for name in ("n", "m", "jacobian_entries", "hessian_entries", "index_style")),
        *(
            (name, POINTER)
            for name in ("objective", "constraints", "gradient", "jacobian", "hessian", "user_data")
        ),
    ]


def compile_listener(folder: Path) -> Path:
    """The stand-in library, compiled into a folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError(
            "pyoptinterface: found no C compiler, expected `cc`. Install one to measure this peer."
        )
    source, target = Path(__file__).with_name("listening_ipopt.c"), folder / "liblistening_ipopt.so"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(target), str(source), "-ldl"], check=True)
    return target


LIBRARIES: list[ctypes.CDLL] = []


def warm_up(case: Case) -> None:
    """Compile and load the stand-in for Ipopt, once per process."""
    if LIBRARIES:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(compile_listener(Path(folder)))
        if not ipopt.load_library(path):
            raise RuntimeError(f"pyoptinterface: could not load {path}.")
        library = ctypes.CDLL(path)
    library.HeardProblem.restype = ctypes.POINTER(Heard)
    library.ForwardTo.argtypes, library.ForwardTo.restype = [ctypes.c_char_p], BOOL
    LIBRARIES.append(library)


def refuses(case: Case) -> str | None:
    """Nothing: limits of time and memory decide."""
    return None


class PyOptInterfaceModel:
    """Ipopt's five callbacks on NumPy memory."""

    reorders_rows = True

    def __init__(self, case: Case):
        self.case = case
        self.model = ipopt.Model(jit="LLVM")
        in_pyoptinterface.declare(case, self.model)
        self.model.optimize()
        # A copy: the listener's memory is overwritten by the next problem.
        heard = Heard.from_buffer_copy(LIBRARIES[0].HeardProblem().contents)
        self.heard, self.user_data = heard, heard.user_data
        self.call_objective, self.call_gradient = VALUE(heard.objective), VALUE(heard.gradient)
        self.call_constraints = ROWS(heard.constraints)
        self.call_jacobian, self.call_hessian = JACOBIAN(heard.jacobian), HESSIAN(heard.hessian)
        self.f, self.g, self.c = np.zeros(1), np.zeros(heard.n), np.zeros(heard.m)
        self.j, self.h = np.zeros(heard.jacobian_entries), np.zeros(heard.hessian_entries)
        self.jacobian_structure = self.ask_jacobian_structure()
        self.hessian_structure = self.ask_hessian_structure()

    def ask_jacobian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns, in this library's own order of the rows."""
        heard = self.heard
        rows, cols = np.zeros((2, heard.jacobian_entries), np.int32)
        shape = heard.n, None, True, heard.m, heard.jacobian_entries
        self.call_jacobian(*shape, rows.ctypes.data, cols.ctypes.data, None, self.user_data)
        return rows, cols

    def ask_hessian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of one triangle."""
        heard = self.heard
        rows, cols = np.zeros((2, heard.hessian_entries), np.int32)
        shape = heard.n, None, True, 1.0, heard.m, None, True, heard.hessian_entries
        self.call_hessian(*shape, rows.ctypes.data, cols.ctypes.data, None, self.user_data)
        return rows, cols

    def objective(self, x) -> float:
        """f(x)."""
        self.call_objective(x.size, x.ctypes.data, True, self.f.ctypes.data, self.user_data)
        return float(self.f[0])

    def gradient(self, x) -> np.ndarray:
        """Gradient of f, shape (n,)."""
        self.call_gradient(x.size, x.ctypes.data, True, self.g.ctypes.data, self.user_data)
        return self.g

    def constraints(self, x) -> np.ndarray:
        """c(x), shape (m,), in this library's own order."""
        self.call_constraints(x.size, x.ctypes.data, True, self.c.size, self.c.ctypes.data, self.user_data)
        return self.c

    def jacobian(self, x) -> np.ndarray:
        """Values in the order of `jacobian_structure`."""
        sizes = self.c.size, self.j.size
        self.call_jacobian(
            x.size, x.ctypes.data, True, *sizes, None, None, self.j.ctypes.data, self.user_data
        )
        return self.j

    def hessian(self, x, multipliers, objective_weight=1.0) -> np.ndarray:
        """Values in the order of `hessian_structure`."""
        call = x.size, x.ctypes.data, True, objective_weight, self.c.size, multipliers.ctypes.data, True
        self.call_hessian(*call, self.h.size, None, None, self.h.ctypes.data, self.user_data)
        return self.h

    def solve(self) -> Solved:
        """Solve by the Ipopt of the casadi wheel; the number of iterations is not told."""
        path = Path(casadi.__file__).parent / "libipopt.so.3"
        if not LIBRARIES[0].ForwardTo(str(path).encode()):
            raise RuntimeError(f"pyoptinterface: could not load {path}.")
        # Options are typed here: 1e-8 must be float, 3000 int.
        for name, value in (("tol", 1e-8), ("max_iter", 3000), ("print_level", 0), ("sb", "yes")):
            self.model.set_raw_parameter(name, value)
        begin = time.perf_counter()
        self.model.optimize()
        seconds = time.perf_counter() - begin
        status = self.model.get_model_attribute(poi.ModelAttribute.TerminationStatus)
        return Solved(
            status == poi.TerminationStatusCode.LOCALLY_SOLVED, self.model.get_obj_value(), -1, seconds
        )


def build(case: Case) -> PyOptInterfaceModel:
    """Declare graph by graph, group, differentiate and compile."""
    return PyOptInterfaceModel(case)

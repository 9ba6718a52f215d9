"""Ipopt for this Python: an interpreter in, a working cyipopt out, with the way it took printed.

    python -m lagrad.install_ipopt

cyipopt has no wheels: it is compiled on your machine and needs Ipopt's headers and library.
The ways to these, in order:

    present   cyipopt is installed and solves a problem: nothing to do
    system    pkg-config knows an Ipopt of at least 3.14
    casadi    the casadi wheel carries Ipopt 3.14, MUMPS, METIS, OpenBLAS and the headers; needs no root
    apt       Debian's packages, with an older Ipopt; for root only

Only the standard library is used, so that this file also runs where lagrad's dependencies are missing.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

OLDEST = (3, 14)
CYIPOPT = "cyipopt>=1.7,<2"
CASADI = "casadi>=3.7,<4"
DEBIAN = ("coinor-libipopt-dev", "liblapack-dev", "libblas-dev", "pkg-config", "python3-dev", "gcc")

# Where the built module looks for casadi's libraries: relative to itself, so that the folder can be moved.
ORIGIN = {"linux": "$ORIGIN", "darwin": "@loader_path"}

# min (x - 1)^2 over 0 <= x <= 9, in the smallest form that cyipopt accepts.
TRIAL = """
import cyipopt, numpy
class Parabola:
    def objective(self, x): return float((x[0] - 1) ** 2)
    def gradient(self, x): return 2 * (x - 1)
    def constraints(self, x): return numpy.zeros(0)
    def jacobian(self, x): return numpy.zeros(0)
problem = cyipopt.Problem(n=1, m=0, problem_obj=Parabola(), lb=[0.0], ub=[9.0])
options = {"print_level": 0, "sb": "yes", "option_file_name": "", "hessian_approximation": "limited-memory"}
for name, value in options.items():
    problem.add_option(name, value)
x, outcome = problem.solve(numpy.array([5.0]))
if outcome["status"] != 0 or abs(x[0] - 1) > 1e-6:
    raise SystemExit(f"the trial problem ended with status {outcome['status']} at x = {x}")
print("cyipopt", cyipopt.__version__, "with Ipopt", ".".join(map(str, cyipopt.IPOPT_VERSION)))
"""

ADVICE = """What to do, one of:
  - conda install -c conda-forge cyipopt
  - install a C compiler and Python's headers (Debian: gcc, python3-dev) and run this again
  - solve with method="trust-constr", which needs no Ipopt"""


class NotPossible(Exception):
    """A way does not work on this machine; the text says why."""


def main() -> int:
    """Make cyipopt work, and print how, or why it cannot be.

    Returns:
        0 if cyipopt solves a problem afterwards, else 1: a process's exit status.
    """
    try:
        print("Ipopt:", first_that_works(WAYS))
    except NotPossible as reasons:
        print(f"Ipopt: not installed.\n{reasons}\n{ADVICE}", file=sys.stderr)
        return 1
    return 0


def first_that_works(ways: Mapping[str, Callable[[], str]]) -> str:
    """Try ways in order until one succeeds.

    Args:
        ways: a name and what to call for each; a call returns what it installed or raises `NotPossible`.

    Returns:
        Name of the way that worked and what it found.

    Raises:
        NotPossible: none worked; the text has a line for each.

    >>> first_that_works({"easy": lambda: "cyipopt 1.7.0 with Ipopt 3.14.19"})
    "cyipopt 1.7.0 with Ipopt 3.14.19, by the way 'easy'"
    """
    refusals = []
    for name, way in ways.items():
        try:
            return f"{way()}, by the way '{name}'"
        except NotPossible as reason:
            refusals.append(f"  {name}: {reason}")
    raise NotPossible("\n".join(refusals))


def use_present() -> str:
    """Report the cyipopt that is installed already, if it solves."""
    if importlib.util.find_spec("cyipopt") is None:
        raise NotPossible("cyipopt is not installed")
    return solve_trial()


def use_system() -> str:
    """Build cyipopt against the Ipopt that pkg-config finds."""
    if shutil.which("pkg-config") is None:
        raise NotPossible("there is no pkg-config")
    answer = subprocess.run(["pkg-config", "--modversion", "ipopt"], capture_output=True, text=True)
    refuse_old(answer.stdout)
    build_cyipopt(os.environ)
    return solve_trial()


def use_casadi() -> str:
    """Build cyipopt against the Ipopt inside the casadi wheel."""
    if sys.platform not in ORIGIN:
        raise NotPossible(f"known for {' and '.join(ORIGIN)}, this is {sys.platform}")
    install(CASADI)
    importlib.invalidate_caches()
    with substitute_pkg_config(casadi_folder()) as environment:
        build_cyipopt(environment)
    return solve_trial()


def use_apt() -> str:
    """Install Debian's Ipopt and build cyipopt against it."""
    if shutil.which("apt-get") is None or not is_root():
        raise NotPossible("needs apt-get and root")
    run(["apt-get", "-q", "update"])
    run(["apt-get", "-q", "install", "--yes", "--no-install-recommends", *DEBIAN])
    build_cyipopt(os.environ)
    return solve_trial()


WAYS: dict[str, Callable[[], str]] = {
    "present": use_present,
    "system": use_system,
    "casadi": use_casadi,
    "apt": use_apt,
}


def refuse_old(modversion: str) -> None:
    """Raise `NotPossible` unless pkg-config's answer names a version that is recent enough.

    >>> refuse_old("3.14.19")
    """
    numbers = re.match(r"\s*(\d+)\.(\d+)", modversion)
    if numbers is None:
        raise NotPossible("pkg-config knows no Ipopt")
    if (int(numbers[1]), int(numbers[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise NotPossible(f"pkg-config knows Ipopt {modversion.strip()}, older than {oldest}")


def casadi_folder() -> Path:
    """Folder of the installed casadi, checked to hold Ipopt's library and headers."""
    found = importlib.util.find_spec("casadi")
    if found is None or found.origin is None:
        raise NotPossible("casadi was installed but cannot be found")
    folder = Path(found.origin).parent
    for part in ("include/coin-or/IpStdCInterface.h", "libipopt.*"):
        if not any(folder.glob(part)):
            raise NotPossible(f"{folder} has no {part}")
    return folder


@contextmanager
def substitute_pkg_config(folder: Path) -> Iterator[dict[str, str]]:
    """Environment in which `pkg-config` answers with the Ipopt in `folder`, whatever it is asked.

    The wheel's own ipopt.pc names the machine where the wheel was built, and pkg-config may not be installed.

    Args:
        folder: with include/coin-or and libipopt.

    Yields:
        A copy of this process's environment, valid inside the `with` block.
    """
    with tempfile.TemporaryDirectory(prefix="ipopt-") as place:
        # cyipopt splits the answer at blanks, and `folder` may have some: hence the link.
        link = Path(place, "casadi")
        link.symlink_to(folder, target_is_directory=True)
        answer = Path(place, "pkg-config")
        answer.write_text(f'#!/bin/sh\necho "{compiler_flags(link)}"\n')
        answer.chmod(0o755)
        rpath = f"-Wl,-rpath,{ORIGIN[sys.platform]}/../casadi"
        yield os.environ | {
            "PATH": os.pathsep.join([place, os.environ.get("PATH", os.defpath)]),
            "LDFLAGS": " ".join([os.environ.get("LDFLAGS", ""), rpath]).strip(),
        }


def compiler_flags(folder: Path) -> str:
    """What pkg-config would say of the Ipopt in `folder`.

    >>> compiler_flags(Path("/opt/casadi"))
    '-I/opt/casadi/include/coin-or -L/opt/casadi -lipopt'
    """
    return f"-I{folder}/include/coin-or -L{folder} -lipopt"


def build_cyipopt(environment: Mapping[str, str]) -> None:
    """Compile and install cyipopt with the tools that `environment` finds."""
    # pip's cache may hold a cyipopt that was built against another Ipopt.
    fresh = ("--no-cache-dir", "--force-reinstall", "--no-deps", "--no-binary=cyipopt")
    with python_headers() as headers:
        install(*fresh, CYIPOPT, environment={**environment, **headers})


@contextmanager
def python_headers() -> Iterator[dict[str, str]]:
    """Environment variables with which a compiler finds Python.h.

    None if Python came with its headers. Debian keeps them in a package of their own; anyone may download and
    unpack that, only installing it takes root.

    Yields:
        Variables valid inside the `with` block.
    """
    header = Path(sysconfig.get_path("include"), "Python.h")
    if header.exists():
        yield {}
        return
    if shutil.which("apt-get") is None:
        raise NotPossible(f"compiling needs {header}, which is missing")
    with tempfile.TemporaryDirectory(prefix="python-headers-") as place:
        if is_root():
            run(["apt-get", "-q", "update"])
        package = f"libpython{sys.version_info.major}.{sys.version_info.minor}-dev"
        run(["apt-get", "-q", "download", package], folder=place)
        run(["dpkg", "--extract", *map(str, Path(place).glob("*.deb")), place])
        include = Path(place, "usr", "include")
        yield {"CPATH": os.pathsep.join([str(include / header.parent.name), str(include)])}


def is_root() -> bool:
    """Whether this process may change the system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """`pip install` into this Python."""
    run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], environment)


def solve_trial() -> str:
    """Solve a problem of one variable in a new process and say which versions did."""
    return run([sys.executable, "-c", TRIAL]).strip().splitlines()[-1]


def run(command: list[str], environment: Mapping[str, str] | None = None, folder: str | None = None) -> str:
    """Run a command to its end.

    Args:
        command: program and arguments.
        environment: its environment variables; this process's if not given.
        folder: where it runs; here if not given.

    Returns:
        What it printed to its standard output.

    Raises:
        NotPossible: it failed; the text has the end of what it printed.
    """
    ended = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if ended.returncode != 0:
        last = "\n    ".join((ended.stdout + ended.stderr).strip().splitlines()[-12:])
        shown = " ".join(command).splitlines()[0]
        raise NotPossible(f"`{shown}` failed with exit status {ended.returncode}:\n    {last}")
    return ended.stdout


if __name__ == "__main__":
    sys.exit(main())

"""Find every problem of the suite by name and size."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lagrad_problems.cart_pole import cart_pole
from lagrad_problems.chained_rosenbrock import chained_rosenbrock
from lagrad_problems.chemistry import PROBLEMS as CHEMISTRY
from lagrad_problems.clnlbeam import clnlbeam
from lagrad_problems.complementarity import COMPLEMENTARITY, complementarity
from lagrad_problems.control import MODELS, TRANSCRIPTIONS, control, moving_horizon
from lagrad_problems.cops import PROBLEMS as COPS
from lagrad_problems.elliptic_control import elliptic_control
from lagrad_problems.entry import Entry
from lagrad_problems.gather_network import gather_network
from lagrad_problems.hock_schittkowski import FORMULAS, hock_schittkowski
from lagrad_problems.learning import PROBLEMS as LEARNING
from lagrad_problems.luksan_vlcek import CHAINS, luksan_vlcek
from lagrad_problems.minimax import MINIMAX, minimax
from lagrad_problems.multiple_shooting import multiple_shooting
from lagrad_problems.opf import ac_opf, ac_opf_current, ac_opf_rectangular
from lagrad_problems.packing import PROBLEMS as PACKING
from lagrad_problems.pathological import PATHOLOGIES, pathology
from lagrad_problems.pde import PROBLEMS as PDE
from lagrad_problems.pipes import PROBLEMS as PIPES
from lagrad_problems.schittkowski import FORMULAS as SCHITTKOWSKI
from lagrad_problems.schittkowski import schittkowski
from lagrad_problems.tanh_network import tanh_network
from lagrad_problems.trusses import PROBLEMS as TRUSSES

SIZED: dict[str, Callable[..., Entry]] = {
    "ac_opf": ac_opf,
    "ac_opf_current": ac_opf_current,
    "ac_opf_rectangular": ac_opf_rectangular,
    "cart_pole": cart_pole,
    "chained_rosenbrock": chained_rosenbrock,
    "clnlbeam": clnlbeam,
    "elliptic_control": elliptic_control,
    "gather_network": gather_network,
    "moving_horizon": moving_horizon,
    "multiple_shooting": multiple_shooting,
    "tanh_network": tanh_network,
} | {problem.__name__: problem for problem in CHEMISTRY + COPS + LEARNING + PACKING + PDE + PIPES + TRUSSES}
PROBLEMS: dict[str, Callable[..., Entry]] = {
    f"hs{number}": partial(hock_schittkowski, number) for number in FORMULAS
}
PROBLEMS |= {f"s{number}": partial(schittkowski, number) for number in SCHITTKOWSKI}
PROBLEMS |= {f"luksan_vlcek_{number}": partial(luksan_vlcek, number) for number in CHAINS}
PROBLEMS |= {f"minimax_{name}": partial(minimax, name) for name in MINIMAX}
PROBLEMS |= {f"mpec_{name}": partial(complementarity, name) for name in COMPLEMENTARITY}
PROBLEMS |= {f"hard_{name}": partial(pathology, name) for name in PATHOLOGIES}
PROBLEMS |= {
    f"{model}_{method}": partial(control, model, method) for model in MODELS for method in TRANSCRIPTIONS
}
PROBLEMS |= SIZED


def names() -> tuple[str, ...]:
    """Names of all problems: Hock-Schittkowski by number, then those with sizes.

    >>> names()[:3]
    ('hs1', 'hs2', 'hs3')
    """
    return tuple(PROBLEMS)


def get(name: str, **sizes) -> Entry:
    """One problem, with what is known of it.

    Args:
        name: one of `names()`.
        **sizes: as the problem's function takes them, such as `n` of chained_rosenbrock; without any, a size
            that a test can afford. Hock-Schittkowski problems take none.

    Returns:
        Entry: problem, optimum, source.

    Raises:
        KeyError: no problem has this name.
        TypeError: the problem has no such size.
        ValueError: a size is out of range.

    >>> get("chained_rosenbrock", n=50).n
    50
    """
    if name not in PROBLEMS:
        raise KeyError(
            f"lagrad_problems.get: {name!r}, expected one of `lagrad_problems.names()`, such as 'hs71'."
        )
    return PROBLEMS[name](**sizes)

"""Every contender, in a process of its own, computes the same matrices."""

import numpy as np
import pytest

import lagrad
from benchmarks import agreement, apart, contenders
from benchmarks.cases import catalog

LIMITS = apart.Limits(seconds=120, solve=False, budget=0.01)
SMALL = {
    "chained_rosenbrock": "10",
    "clnlbeam": "15",
    "cart_pole": "25",
    "elliptic_control": "18",
    "tanh_network": "48",
    "gather_network": "20",
    "acopf": "synthetic-8",
}


def needs(*names):
    """Skip where a contender is absent."""
    absent = [name for name in names if not contenders.is_installed(name)]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")


def measured(case, contender, folder):
    """Run one contender and insist that it got to the end."""
    folder.mkdir()
    row = apart.run(case, contender, folder, LIMITS)
    assert "failure" not in row, row
    return row, folder / "matrices.npz"


@pytest.mark.parametrize(
    "contender",
    [
        name if name == "lagrad" else pytest.param(name, marks=pytest.mark.slow)
        for name in contenders.CONTENDERS
        if name not in contenders.SOLVES_ONLY
    ],
)
def test_contenders_agree_on_the_smallest_case(contender, tmp_path):
    """J, H and gradient are those of the hand-derived formulas; timings come with them."""
    needs(contender, "dense_jax")
    reference = "dense_jax" if contender == "oracle" else "oracle"
    case = "chained_rosenbrock:10"
    row, matrices = measured(case, contender, tmp_path / "one")
    _, others = measured(case, reference, tmp_path / "other")
    assert agreement.difference(others, matrices) <= agreement.TOLERANCE
    assert min(row["ready_s"], row["jacobian_ms"], row["hessian_ms"], row["peak_mb"]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in SMALL if family != "chained_rosenbrock"])
def test_declarations_agree_in_every_language(family, tmp_path):
    """The same problem in JAX, by hand, in CasADi and in PyOptInterface."""
    needs("dense_jax")
    case = f"{family}:{SMALL[family]}"
    by_hand = () if family in ("clnlbeam", "tanh_network") else ("oracle",)
    names = [
        name
        for name in (*by_hand, "casadi_mx", "casadi_sx", "pyoptinterface")
        if contenders.is_installed(name)
    ]
    _, reference = measured(case, "dense_jax", tmp_path / "reference")
    for name in names:
        _, matrices = measured(case, name, tmp_path / name)
        assert agreement.difference(reference, matrices) <= agreement.TOLERANCE, name


def test_every_family_has_a_size_here():
    """A family that is added to the catalog is added to the tests."""
    assert set(SMALL) == {name.partition(":")[0] for name in catalog.QUICK}


def test_complex_voltages_declare_the_same_problem():
    """Power flow by complex arithmetic has the rows, values and derivatives of the polar form."""
    ways = [catalog.declare(f"{family}:synthetic-8")() for family in ("acopf", "complex_acopf")]
    polar, complex_ = map(lagrad.differentiate, ways)
    x = ways[0].start + np.linspace(-0.1, 0.1, ways[0].n)
    weights = np.linspace(1.0, 2.0, ways[0].m)
    np.testing.assert_allclose(complex_.constraints(x), polar.constraints(x), atol=1e-12)
    np.testing.assert_allclose(complex_.jacobian(x).toarray(), polar.jacobian(x).toarray(), atol=1e-11)
    np.testing.assert_allclose(
        complex_.hessian(x, weights).toarray(), polar.hessian(x, weights).toarray(), atol=1e-11
    )


def test_unknown_case_and_contender_are_named():
    """A misspelt name is answered with what there is."""
    with pytest.raises(ValueError, match="found 'rosenbrock:10', expected family:size with one of chained"):
        catalog.build("rosenbrock:10")
    with pytest.raises(ValueError, match="found 'ipopt', expected one of lagrad"):
        contenders.load("ipopt")


def test_a_run_over_its_time_is_a_row_with_a_failure(tmp_path):
    """Nothing hangs, nothing raises: the row says how far it came and which limit it met."""
    row = apart.run("chained_rosenbrock:10", "lagrad", tmp_path, apart.Limits(seconds=0.2))
    assert row["failure"] == "start: over 0 s"
    assert "ready_s" not in row


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in SMALL if family != "acopf"])
def test_pyomo_declares_the_same_problem(family, tmp_path):
    """It shows no derivatives: the optimum must be lagrad's."""
    needs("pyomo")
    case, limits = f"{family}:{SMALL[family]}", apart.Limits(seconds=120, solve=True, budget=0.01)
    found = []
    for name in ("lagrad", "pyomo"):
        (tmp_path / name).mkdir()
        row = apart.run(case, name, tmp_path / name, limits)
        assert row.get("solve_success"), row
        found.append(row["solve_objective"])
    assert found[1] == pytest.approx(found[0], rel=1e-6, abs=1e-8)

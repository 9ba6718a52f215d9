"""Objectives of transcribed models at the solution: (model, method) -> intervals -> (value, evidence).

Ours, at 1e-9. The methods approach the exact optimum from their own sides: where it is known, the model's
source says so.
"""

from __future__ import annotations

from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS

OPTIMA: dict[tuple[str, str], dict[int, tuple[float, str]]] = {
    ("bicycle_track", "trapezoid"): {20: (5.894188213, TWO_SOLVERS)},
    ("bicycle_track", "hermite_simpson"): {20: (5.891650938, TWO_SOLVERS)},
    ("bicycle_track", "shooting"): {20: (5.892186511, TWO_SOLVERS)},
    ("brachistochrone", "trapezoid"): {20: (0.8244544002, TWO_SOLVERS)},
    ("brachistochrone", "hermite_simpson"): {20: (0.8243386759, TWO_SOLVERS)},
    ("brachistochrone", "shooting"): {20: (0.8244636672, TWO_SOLVERS)},
    ("bryson_denham", "trapezoid"): {20: (4.083041763, TWO_SOLVERS)},
    ("bryson_denham", "hermite_simpson"): {20: (3.998158480, TWO_SOLVERS)},
    ("bryson_denham", "shooting"): {20: (4.020259573, TWO_SOLVERS)},
    ("cart_pole", "trapezoid"): {20: (60.68246490, TWO_SOLVERS)},
    ("cart_pole", "hermite_simpson"): {20: (58.70266878, TWO_SOLVERS)},
    ("cart_pole", "shooting"): {20: (60.79571971, TWO_SOLVERS)},
    ("double_integrator", "trapezoid"): {20: (12.11662249, TWO_SOLVERS)},
    # A cubic state and a linear control, which the rule integrates without error.
    ("double_integrator", "hermite_simpson"): {20: (12.0, CLOSED_FORM)},
    ("double_integrator", "shooting"): {20: (12.03007519, TWO_SOLVERS)},
    ("low_thrust", "trapezoid"): {20: (3.256925471, TWO_SOLVERS)},
    ("low_thrust", "hermite_simpson"): {20: (2.937820313, TWO_SOLVERS)},
    ("low_thrust", "shooting"): {20: (3.249650597, TWO_SOLVERS)},
    ("quadrotor", "trapezoid"): {20: (3.290630498, TWO_SOLVERS)},
    ("quadrotor", "hermite_simpson"): {20: (3.210904537, TWO_SOLVERS)},
    ("quadrotor", "shooting"): {20: (3.276981790, TWO_SOLVERS)},
    ("van_der_pol", "trapezoid"): {20: (3.871787779, TWO_SOLVERS)},
    ("van_der_pol", "hermite_simpson"): {20: (3.622723369, TWO_SOLVERS)},
    ("van_der_pol", "shooting"): {20: (3.732944335, TWO_SOLVERS)},
}

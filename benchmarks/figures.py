"""Draw the comparison: log-log plots against n of a CSV of `benchmarks.derivatives`.

python -m benchmarks.figures
python -m benchmarks.figures --input benchmarks/results/derivatives.csv --output benchmarks/results
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from benchmarks import agreement, tables, verdicts  # noqa: E402

# Ratios up to this are ties.
TIE = 1.5
PANELS = (("ready_s", "ready, s"), ("jacobian_ms", "Jacobian, ms"), ("hessian_ms", "Hessian, ms"))
# Marker and dash tell the contenders apart without color; ours is the thick black line.
LOOKS = {
    "lagrad": {"marker": "o", "linestyle": "-", "color": "black", "linewidth": 2.2},
    "lagrad_colored": {"marker": ".", "linestyle": "--", "color": "black"},
    "oracle": {"marker": "*", "linestyle": ":", "color": "0.35"},
    "casadi_mx": {"marker": "s", "linestyle": "--", "color": "tab:blue"},
    "casadi_sx": {"marker": "D", "linestyle": "--", "color": "tab:cyan"},
    "pyoptinterface": {"marker": "^", "linestyle": "-.", "color": "tab:red"},
    "asdex": {"marker": "v", "linestyle": (0, (5, 1)), "color": "tab:green"},
    "pounce": {"marker": "P", "linestyle": (0, (3, 1, 1, 1)), "color": "tab:orange"},
    "dense_jax": {"marker": "x", "linestyle": ":", "color": "tab:purple"},
}
NAMES = {
    "lagrad_colored": "lagrad, colored only",
    "oracle": "by hand in JAX",
    "casadi_mx": "CasADi MX",
    "casadi_sx": "CasADi SX",
    "pyoptinterface": "PyOptInterface",
    "asdex": "asdex",
    "pounce": "POUNCE",
    "dense_jax": "dense JAX",
}
FAMILIES = {
    "chained_rosenbrock": "chained Rosenbrock",
    "acopf": "AC power flow",
    "clnlbeam": "clamped beam",
    "cart_pole": "cart-pole",
    "elliptic_control": "elliptic control",
    "tanh_network": "tanh network",
    "gather_network": "gather network",
}


def counted(rows: Sequence[dict]) -> list[dict]:
    """Rows whose matrices agree with the reference's, each with its family."""
    good = [row for row in rows if row.get("difference", 0.0) <= agreement.TOLERANCE and "n" in row]
    return [row | {"family": row["case"].partition(":")[0]} for row in good]


def curve(rows: Sequence[dict], contender: str, key: str) -> list[tuple[float, float]]:
    """Points (n, value) of one contender, small n first."""
    return sorted((row["n"], row[key]) for row in rows if row["contender"] == contender and key in row)


def finding(rows: Sequence[dict]) -> str:
    """The title: lagrad against the fastest peer at the largest size that lagrad and a peer share."""
    ours = {row["n"]: row for row in rows if row["contender"] == "lagrad" and "hessian_ms" in row}
    peers = [row for row in rows if row["contender"] not in verdicts.OWN and "hessian_ms" in row]
    shared = [row["n"] for row in peers if row["n"] in ours]
    if not shared:
        return "no size at which lagrad and a peer were both measured"
    n = max(shared)
    parts = []
    for key, word in (("jacobian_ms", "J"), ("hessian_ms", "H")):
        best = min((row for row in peers if row["n"] == n), key=lambda row: row[key])
        ratio = best[key] / ours[n][key]
        name = NAMES[best["contender"]]
        parts.append(
            f"{word} {ratio:.1f}x as fast as {name}"
            if ratio >= 1
            else f"{word} {1 / ratio:.1f}x as slow as {name}"
        )
    return f"at n = {n:,.0f} lagrad's " + ", ".join(parts)


def losses(rows: Sequence[dict]) -> str:
    """The second line of the title: where a peer is ahead by more than a tie, and by how much at most."""
    words = []
    for key, label in PANELS:
        ours = dict(curve(rows, "lagrad", key))
        peers = [row for row in rows if row["contender"] not in verdicts.OWN and key in row]
        behind = {
            row["n"]: max(ours[row["n"]] / row[key], 1.0)
            for row in sorted(peers, key=lambda row: -row[key])
            if ours.get(row["n"], 0.0) > TIE * row[key]
        }
        if behind:
            largest, most = max(behind), max(behind.values())
            words.append(
                f"{label.split(',')[0]} up to {most:.0f}x behind the fastest peer, until n = {largest:,.0f}"
            )
    return "; ".join(words) or "nowhere behind by more than a tie"


def draw(family: str, rows: Sequence[dict], path: Path) -> None:
    """Three panels: ready, J and H against n."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.5), layout="constrained")
    for axis, (key, label) in zip(axes, PANELS, strict=True):
        for contender, look in LOOKS.items():
            points = curve(rows, contender, key)
            if points:
                axis.loglog(
                    *zip(*points, strict=True), label=NAMES.get(contender, contender), markersize=6, **look
                )
        axis.set_xlabel("variables n")
        axis.set_ylabel(label)
        axis.grid(True, which="major", color="0.88")
    figure.suptitle(f"{FAMILIES.get(family, family)}: {finding(rows)}\n{losses(rows)}")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=-(-len(labels) // 2), frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> list[Path]:
    """Command line; returns the paths of the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, default=tables.RESULTS / "derivatives.csv")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    rows = counted(tables.read_csv(options.input))
    options.output.mkdir(parents=True, exist_ok=True)
    paths = []
    for family in dict.fromkeys(row["family"] for row in rows):
        # A single size makes no curve; the table has it.
        if len({row["n"] for row in rows if row["family"] == family}) < 2:
            continue
        paths.append(options.output / f"derivatives_{family}.png")
        draw(family, [row for row in rows if row["family"] == family], paths[-1])
        print(paths[-1])
    return paths


if __name__ == "__main__":
    main()

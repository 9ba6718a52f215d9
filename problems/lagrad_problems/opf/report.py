"""Read an optimal power flow as engineers do: buses, generators and branches of a Solution.

Everything is in MW, MVAr, degrees and $/MWh, by the file's bus numbers. The locational price of a bus is what
one more MW of load there would cost in an hour: minus the multiplier of its balance of real power. The shadow
price of a branch is what one more MVA of rating would save. What is no solution has no prices.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import lagrad
from lagrad.display.markup import facts, folded, html_table, titled
from lagrad.display.text import table
from lagrad.plot.drawing import COLORS, GREY, pyplot
from lagrad_problems.opf.network import FLOWS, Network

# Rows that are printed of each table.
TABLES = ("buses", "generators", "branches")
MOST = 12
# Loading, in percent, from which a branch counts as full.
FULL = 99.5
Row = dict[str, Any]
# Columns whose cells stand to the right.
NUMBERS = ("bus", "from", "to", "voltage, p.u.", "angle, deg", "load, MW", "load, MVAr", "price, $/MWh")
NUMBERS += ("price, $/MVArh", "power, MW", "power, MVAr", "min, MW", "max, MW", "from, MW", "from, MVAr")
NUMBERS += ("to, MW", "to, MVAr", "losses, MW", "rating, MVA", "loading, %", "marginal cost, $/MWh")
NUMBERS += ("shadow price, $/MVAh",)
ALL = "; all of them: `lagrad solve --csv FILE`, or PowerFlow's `{}`"
NO_PRICES = "no prices: this is no solution, but the point where the solver stopped"


@dataclass(frozen=True, eq=False)
class PowerFlow:
    """An optimal power flow in engineers' units; prints as a page.

    Args:
        solution: of `opf_problem(network)`.
        network: what was solved.
    """

    solution: lagrad.Solution
    network: Network

    @cached_property
    def totals(self) -> dict[str, float]:
        """Cost per hour, and power in MW: generation, load, losses in branches and shunts."""
        x, net, base = self.solution.x, self.network, self.network.base_mva
        return {
            "cost, $/h": float(self.solution.objective),
            "generation, MW": base * float(np.sum(x["p_gen"])),
            "load, MW": base * float(np.sum(net.load_p)),
            "losses in branches, MW": base * float(np.sum(x["p_from"] + x["p_to"])),
            "shunts, MW": base * float(np.sum(net.shunt_g * np.square(x["vm"]))),
        }

    @cached_property
    def buses(self) -> list[Row]:
        """Voltage, load and price of each bus, by number."""
        x, net, base = self.solution.x, self.network, self.network.base_mva
        balance, unit = self.solution.multipliers["balance"], base if self.solution.success else np.nan
        return rows(
            {
                "bus": net.bus_names,
                "voltage, p.u.": x["vm"],
                "angle, deg": np.rad2deg(x["va"]),
                "load, MW": base * net.load_p,
                "load, MVAr": base * net.load_q,
                "price, $/MWh": -np.asarray(balance["p"]) / unit,
                "price, $/MVArh": -np.asarray(balance["q"]) / unit,
            }
        )

    @cached_property
    def generators(self) -> list[Row]:
        """Dispatch of each generator, its limits, the limit that it stands at, and what one MW more costs."""
        x, net, base = self.solution.x, self.network, self.network.base_mva
        power, low, high = x["p_gen"], net.p_lower, net.p_upper
        slack = 1e-5 * np.maximum(1.0, np.abs(power))
        at = np.select(
            [high - low <= slack, power - low <= slack, high - power <= slack], ["fixed", "min", "max"], ""
        )
        return rows(
            {
                "bus": net.bus_names[net.gen_bus],
                "power, MW": base * power,
                "power, MVAr": base * x["q_gen"],
                "min, MW": base * low,
                "max, MW": base * high,
                "at": at,
                "marginal cost, $/MWh": net.costs.marginal(np.asarray(power)) / base,
            }
        )

    @cached_property
    def branches(self) -> list[Row]:
        """Flows into each branch, losses, the larger flow as a part of the rating, the rating's price."""
        x, net, base = self.solution.x, self.network, self.network.base_mva
        rate = np.where(np.isfinite(net.rate), net.rate, np.nan)
        apparent = np.maximum(np.hypot(x["p_from"], x["q_from"]), np.hypot(x["p_to"], x["q_to"]))
        return rows(
            {
                "from": net.bus_names[net.from_bus],
                "to": net.bus_names[net.to_bus],
                "from, MW": base * x["p_from"],
                "from, MVAr": base * x["q_from"],
                "to, MW": base * x["p_to"],
                "to, MVAr": base * x["q_to"],
                "losses, MW": base * (x["p_from"] + x["p_to"]),
                "rating, MVA": base * rate,
                "loading, %": 100.0 * apparent / rate,
                "shadow price, $/MVAh": self._worth_of_rating(),
            }
        )

    def _worth_of_rating(self) -> np.ndarray:
        """What one more MVA of rating would save in an hour, by branch; nan without a rating or solution.

        The rating bounds each flow, and its square bounds the apparent power at both ends.
        """
        rate, given = self.network.rate, self.solution.bound_multipliers
        sides = [np.asarray(side[flow]) for side in (given.lower, given.upper) for flow in FLOWS]
        worth = np.sum(sides, axis=0)
        rated = np.isfinite(rate)
        if rated.any():
            ends = self.solution.multipliers["thermal"]
            worth[rated] += 2.0 * rate[rated] * (np.asarray(ends["from"]) + np.asarray(ends["to"]))
        return np.where(rated & self.solution.success, worth / self.network.base_mva, np.nan)

    @property
    def tables(self) -> dict[str, list[Row]]:
        """All three by name."""
        return dict(zip(TABLES, (self.buses, self.generators, self.branches), strict=True))

    def __str__(self) -> str:
        lines = [f"{self.network.name}: {self.solution.status}", *self._sums(), self._finding()]
        for name, (order, found) in self._ranked().items():
            more = ALL.format(name) if len(found) > MOST else ""
            lines += [f"\n{name} {order}, {min(MOST, len(found))} of {len(found)}{more}"]
            lines += [table(shown(found[:MOST]), NUMBERS)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        tables = [
            folded(f"{name} {order}: {len(found)}", html_table(shown(found[: 5 * MOST]), NUMBERS))
            for name, (order, found) in self._ranked().items()
        ]
        head = f"{self.network.name}: {self.solution.status}"
        return titled(head, facts({"totals": self._sums(), "prices": self._finding()}), *tables)

    def _sums(self) -> list[str]:
        """The totals, a line each."""
        return [f"{label} {value:,.6g}" for label, value in self.totals.items()]

    def _ranked(self) -> dict[str, tuple[str, list[Row]]]:
        """Name of each table -> what it is ranked by, and its rows in that order."""
        return {
            "buses": ("by price", sorted(self.buses, key=lambda row: -np.nan_to_num(row["price, $/MWh"]))),
            "generators": ("by power", sorted(self.generators, key=lambda row: -row["power, MW"])),
            "branches": (
                "by loading",
                sorted(self.branches, key=lambda row: -np.nan_to_num(row["loading, %"])),
            ),
        }

    def _finding(self) -> str:
        """Where prices part, and which branches are full."""
        prices = [row["price, $/MWh"] for row in self.buses]
        full = [f"{row['from']}-{row['to']}" for row in self.branches if row["loading, %"] >= FULL]
        names = ", ".join(full[:8]) + (f" and {len(full) - 8} more" if len(full) > 8 else "")
        reach = f"prices {min(prices):.4g} to {max(prices):.4g} $/MWh" if self.solution.success else NO_PRICES
        return f"{reach}; full branches: {names or 'none'}"

    def to_dict(self) -> dict[str, Any]:
        """Status, totals and the three tables as plain values; None for a branch without rating."""
        head = {
            "case": self.network.name,
            "status": str(self.solution.status),
            "success": self.solution.success,
        }
        return (
            head
            | {"totals": self.totals}
            | {name: list(map(known, rows)) for name, rows in self.tables.items()}
        )

    def to_json(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def plot(self) -> Any:
        """Prices by bus beside the loading of branches.

        Returns:
            Matplotlib figure.

        Raises:
            ImportError: Matplotlib is not installed.
        """
        figure, (left, right) = pyplot().subplots(1, 2, figsize=(10.0, 4.0), layout="constrained")
        prices = np.array([row["price, $/MWh"] for row in self.buses])
        left.plot(np.arange(prices.size), prices, ".", color=COLORS[0])
        places = np.unique(np.linspace(0, prices.size - 1, 8).astype(int))
        left.set_xticks(places, [str(self.buses[place]["bus"]) for place in places])
        reach = f"prices {prices.min():.4g} to {prices.max():.4g}" if self.solution.success else NO_PRICES
        left.set(xlabel="bus", ylabel="price, $/MWh", title=reach)
        loading = np.sort([row["loading, %"] for row in self.branches if row["loading, %"] >= 0])[::-1]
        right.bar(np.arange(1, loading.size + 1), loading, width=1.0, color=COLORS[1])
        right.axhline(100.0, color=GREY, linewidth=0.8)
        full = int(np.sum(loading >= FULL))
        right.xaxis.get_major_locator().set_params(integer=True)
        title = f"{full} of {loading.size} rated branches full" if loading.size else "no branch has a rating"
        right.set(xlabel="rated branches, the fullest first", ylabel="loading, %", title=title)
        figure.suptitle(f"{self.network.name}: {self.solution.status}, {self.solution.objective:,.6g} $/h")
        return figure

    def to_csv(self, name: str) -> str:
        """One of the tables, "buses", "generators" or "branches", as CSV."""
        text = io.StringIO()
        found = self.tables[name]
        writer = csv.DictWriter(text, list(found[0]) if found else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(known, found))
        return text.getvalue()

    def save_csv(self, path: Path) -> list[Path]:
        """Write the tables beside one another: `case.csv` gives case_buses.csv, ...

        Raises:
            FileExistsError: one of them exists already.
        """
        written = csv_files(path)
        for name, file in zip(self.tables, written, strict=True):
            with file.open("x", encoding="utf-8", newline="") as stream:
                stream.write(self.to_csv(name))
        return written


def csv_files(path: Path) -> list[Path]:
    """The files that `PowerFlow.save_csv` writes."""
    return [path.with_name(f"{path.stem}_{name}.csv") for name in TABLES]


def rows(columns: dict[str, Any]) -> list[Row]:
    """Columns of equal length as rows of plain values."""
    lists = [np.asarray(column).tolist() for column in columns.values()]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*lists, strict=True)]


def shown(found: list[Row]) -> list[Row]:
    """Rows with numbers as short texts; bus numbers without separators."""
    return [
        {title: short(value, 4 if "p.u." in title else 2) for title, value in row.items()} for row in found
    ]


def short(value: Any, digits: int) -> str:
    """A cell as text.

    >>> short(1354, 2), short(12.34567, 2), short(float("nan"), 2), short(-0.0001, 2), short("max", 2)
    ('1354', '12.35', '-', '0.00', 'max')
    """
    if isinstance(value, float):
        return "-" if np.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"
    return str(value)


def known(row: Row) -> Row:
    """A row with None for what is not a number."""
    return {name: None if value != value else value for name, value in row.items()}

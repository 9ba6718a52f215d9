"""A power network typed by hand, with most of what a case file can have."""

CASE = """function mpc = tiny
% A comment, and a percent sign in a name below.
mpc.version = '2';
mpc.baseMVA = 100.0;
mpc.areas = [ 1 1; ];

%% buses
mpc.bus = [
\t1\t3\t0\t0\t0\t0\t1\t1\t0\t345\t1\t1.1\t0.9;
\t20\t1\t110.0\t40.0\t2.0\t-15.0\t1\t1\t0\t345\t1\t1.1\t0.9; % a load
\t300\t2\t95.0\t50.0\t0\t0\t1\t1\t0\t345\t1\t1.1\t0.9;
];

%% generators: bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin
mpc.gen = [
\t1\t131\t17\t1000\t-1000\t1\t100\t1\t2000\t0;
\t300\t170\t18\t1000\t-1000\t1\t100\t1\t1500\t10;
];

%% branches: from to r x b rateA rateB rateC tap shift status angmin angmax
mpc.branch = [
\t1\t300\t0.065\t0.62\t0.45\t9000\t0\t0\t0\t0\t1\t-30\t30;
\t300\t20\t0.025\t0.75\t0.7\t50\t0\t0\t0.95\t0\t1\t-30\t30;
\t1\t20\t0.042\t0.9\t0.3\t0\t0\t0\t1.02\t-5\t1\t0\t0;
];

mpc.bus_name = {
\t'one % two';
\t'[three]';
\t'four';
};

%% costs
mpc.gencost = [
\t2\t0\t0\t3\t0.11\t5\t7;
\t2\t0\t0\t2\t1.2\t3;
];
"""


def with_line(start: str, line: str) -> str:
    """The case with the first line that begins so replaced by another."""
    lines = CASE.splitlines()
    place = next(place for place, text in enumerate(lines) if text.startswith(start + "\t"))
    return "\n".join([*lines[:place], line, *lines[place + 1 :]])


def with_row(table: str, row: str) -> str:
    """The case with one more row at the end of a table."""
    head, tail = CASE.split(f"mpc.{table} = [\n", 1)
    body, rest = tail.split("];", 1)
    return f"{head}mpc.{table} = [\n{body}{row};\n];{rest}"

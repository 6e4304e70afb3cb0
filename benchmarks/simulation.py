"""Everything the simulator has to show, in one run.

    python benchmarks/simulation.py           the table
    python benchmarks/simulation.py --json    the figures on standard output, the table on standard error

docs/benchmarks.md says what the figures mean. A part that cannot run, for want of data, is named and left
out; the exit status is 1 if a figure misses what it must reach.
"""

import importlib
import json
import logging
from typing import Annotated

import typer
from floors import Floors

PARTS = ("accuracy", "speed", "device", "paired")
AT_MOST = {
    "force_error_pct_60": 0.05,
    "force_error_pct_20": 0.5,
    "gyro_error_pct_60": 0.05,
    "gyro_error_pct_20": 0.5,
    "allan_error_pct": 10.0,
    "peak_gib": 2.0,
    "paired_broad_slow_acc_rmse_ratio": 0.85,
    "paired_broad_fast_acc_rmse_ratio": 0.85,
}
AT_LEAST = {
    "ideal_per_s": 1e8,
    "ideal_ratio": 10.0,
    "device_per_s": 5e6,
    "kinematics_per_s": 1e6,
    "bvh_mb_per_s": 20.0,
    "paired_broad_fast_gyro_r_min": 0.998,
    "paired_broad_fast_acc_r_min": 0.985,
    "paired_neura_r_mean_lead": -0.01,
}
FLOORS = Floors(at_most=AT_MOST, at_least=AT_LEAST)


def measure() -> tuple[dict[str, float], list[str]]:
    """Figures of every part, and why the parts that are missing are."""
    numbers: dict[str, float] = {}
    missing = []
    for part in PARTS:
        try:
            numbers |= importlib.import_module(part).figures()
        except FileNotFoundError as error:  # the real recordings; nothing else may be missing
            missing.append(f"left out: {part}: {error}")
    if "paired_neura_r_mean" in numbers:
        lead = numbers["paired_neura_r_mean"] - numbers["paired_neura_r_mean_conventional"]
        numbers["paired_neura_r_mean_lead"] = lead
    return numbers, missing


def main(
    as_json: Annotated[bool, typer.Option("--json", help="the figures as JSON on standard output")] = False,
) -> None:
    """Measure, print, and fail if a figure misses."""
    logging.getLogger("anymo").setLevel(logging.ERROR)  # sensors faster than the 20 Hz motion are on purpose
    numbers, missing = measure()
    typer.echo(FLOORS.table(numbers, missing), err=as_json)
    if as_json:
        typer.echo(json.dumps(numbers, indent=2))
    raise typer.Exit(int(FLOORS.missed(numbers, ignored="paired_" if missing else "")))


if __name__ == "__main__":
    typer.run(main)

"""How fast pre-training is, simulation included, beside the 23-node recipe it replaces.

    python benchmarks/pretraining.py                 the table
    python benchmarks/pretraining.py --json          the figures on standard output, the table on the other
    python benchmarks/pretraining.py --device cuda   on a GPU, in bf16

docs/benchmarks.md says what the figures mean. The exit status is 1 if a figure misses what it must reach.
"""

import json
import logging
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from floors import Floors
from steps import RECIPES, Trainer, corpus_and_bodies, matmul_flops_per_s, turns

FLOORS = Floors(at_most={"simulation_share": 0.1}, at_least={"ratio": 10.0})


def measure(device: str, batch_size: int, rounds: int) -> dict[str, float]:
    """Figures of both recipes."""
    numbers = {f"{name}_peak_gib": _peak_gib(name, batch_size, device) for name in RECIPES}
    made = corpus_and_bodies()
    trainers = {name: Trainer(name, *made, batch_size, device) for name in RECIPES}
    peak = matmul_flops_per_s(device)
    numbers["matmul_gflop_per_s"] = peak / 1e9
    _, *seen = turns(trainers, rounds + 1)  # the first round warms up
    for name, trainer in trainers.items():
        steps = [step for turn in seen for step in turn[name]]
        whole, simulating = (sum(column) for column in zip(*steps, strict=True))
        rate = trainer.size / median(seconds for seconds, _ in steps)
        flops = trainer.flops_per_window()
        numbers |= {
            f"{name}_windows_per_s": rate,
            f"{name}_simulation_share": simulating / whole,
            f"{name}_encoder_parameters": trainer.parameters,
            f"{name}_gflop_per_window": flops / 1e9,
            f"{name}_mfu": rate * flops / peak,
        }
    numbers["simulation_share"] = numbers.pop("ours_simulation_share")
    numbers["ratio"] = numbers["ours_windows_per_s"] / numbers["stgcn_windows_per_s"]
    return numbers


def _peak_gib(recipe: str, batch_size: int, device: str) -> float:
    """In a process of its own, begun while this one is small: its own peak is handed on."""
    command = [sys.executable, str(Path(__file__).with_name("steps.py")), recipe, str(batch_size), device]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main(
    as_json: Annotated[bool, typer.Option("--json", help="the figures as JSON on standard output")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    batch_size: Annotated[int, typer.Option(help="windows of a step; ours takes eight times as many")] = 8,
    rounds: Annotated[int, typer.Option(help="turns that both recipes take")] = 2,
) -> None:
    """Measure, print, and fail if a figure misses."""
    logging.getLogger("anymo").setLevel(logging.ERROR)
    numbers = measure(device, batch_size, rounds)
    typer.echo(FLOORS.table(numbers), err=as_json)
    if as_json:
        typer.echo(json.dumps(numbers, indent=2))
    raise typer.Exit(int(FLOORS.missed(numbers)))


if __name__ == "__main__":
    typer.run(main)

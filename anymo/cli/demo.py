"""`anymo demo`: the whole path, from motion to words."""

import json
from pathlib import Path
from typing import Annotated

import typer


def demo(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="Name of the run and of its folder.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run.")] = None,
    config_path: Annotated[Path | None, typer.Option(help="YAML file, like configs/demo.yaml.")] = None,
) -> None:
    """Run the main job on this machine: motion, simulation, training, real recordings, report.

    Any field of the configuration can be given as --a.b value; configs/demo.yaml lists them. A run that was
    interrupted goes on from its last finished stage.
    """
    from anymo.config import load
    from anymo.demo import DemoConfig, run_demo
    from anymo.evaluation.showcase import headline

    stated = {"config_path": config_path, "name": None if name is None else json.dumps(name), "seed": seed}
    options = [
        part for key, value in stated.items() if value is not None for part in (f"--{key}", str(value))
    ]
    run = run_demo(load(DemoConfig, [*options, *context.args]))
    typer.echo(f"\n{headline(run)}\n\nreport: {run / 'report.html'}\nmodel:  {run / 'model'}")

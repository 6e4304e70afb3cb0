"""`anymo info`: what this machine has."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import typer

from anymo.assets.hub import SHIPPED

_PACKAGES = ("anymo", "torch", "transformers", "peft", "accelerate", "deepspeed", "anny", "numpy")


def info() -> None:
    """Versions, device, assets with their licences, and the model that would be used."""
    import torch

    from anymo import assets

    typer.echo(f"python {platform.python_version()}, {platform.platform()}")
    typer.echo(", ".join(f"{package} {_version(package)}" for package in _PACKAGES))
    cuda = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    typer.echo(f"device: {cuda or f'cpu, {os.cpu_count()} cores'}")
    typer.echo(f"\nassets (cache {assets.cache_folder()}; `python -m anymo.assets` fetches what is absent):")
    for row in assets.info():
        size = "" if row.size_bytes is None else f"{row.size_bytes / 2**20:.1f} MiB"
        typer.echo(f"  {row.name:24}{row.state:8}{size:>10}  {row.licence}")
    folder = model_folder()
    name = "the one that comes with anymo" if folder == SHIPPED else str(folder)
    typer.echo(f"\nmodel: {name}{'' if folder.is_dir() else ' (no folder here; looked for on the hub)'}")


def model_folder(folder: Path | None = None) -> Path:
    """Where the model is: as stated, else ANYMO_MODEL, else with the package."""
    return folder or Path(os.environ.get("ANYMO_MODEL") or SHIPPED)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

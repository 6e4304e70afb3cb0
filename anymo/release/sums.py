"""SHA-256 of every file of a release, in the format of `sha256sum -c`."""

import hashlib
from pathlib import Path

from anymo.config import write_text

SUMS = "SHA256SUMS.txt"


def sums_of(folder: Path) -> dict[str, str]:
    """Path in the folder -> SHA-256, of all files but the sums themselves, sorted."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f != folder / SUMS)
    return {file.relative_to(folder).as_posix(): _sha256(file) for file in files}


def write_sums(folder: Path) -> None:
    """Write the sums of all files."""
    lines = [f"{digest}  {name}\n" for name, digest in sums_of(folder).items()]
    write_text(folder / SUMS, "".join(lines))


def summed(folder: Path) -> dict[str, str]:
    """What `write_sums` wrote, as `sums_of` has it."""
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def check_sums(folder: Path) -> None:
    """Refuse a folder that is not what was exported.

    Raises:
        FileNotFoundError: it has no sums.
        ValueError: a file is missing, new or changed.
    """
    if not (folder / SUMS).is_file():
        raise FileNotFoundError(
            f"release: expected {folder / SUMS}, found none; write it with `anymo export`"
        )
    written, found = summed(folder), sums_of(folder)
    if other := sorted(name for name in written | found if written.get(name) != found.get(name)):
        raise ValueError(
            f"release {folder}: expected the files that were exported, got others: {', '.join(other[:5])}; "
            "export the model again"
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

"""An index on disk: a parquet file for each recording, named by what is in it, and a list of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anymo.config import write_text
from anymo.records import Array

LIST = "index.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexPart:
    """The windows of one recording in an index.

    name    of the recording
    made    SHA-256 of what they were made of and how; empty where that is not known
    first   row of the first window in the index
    spans   start and end of each window, s                      (n, 2)
    sha256  of spans and embeddings
    """

    name: str
    made: str
    first: int
    spans: Array
    sha256: str

    @property
    def file(self) -> str:
        """What it is saved as."""
        return _file(self.sha256)


class Listed(NamedTuple):
    """A recording in the list of an index; fields as of `IndexPart`."""

    name: str
    made: str
    sha256: str


def windows_sha256(spans: Array, vectors: Any) -> str:
    """What stands for the windows of a recording.

    Args:
        spans: (n, 2) start and end of each window, s.
        vectors: (n, E) float32 embeddings.
    """
    return sha256(spans.tobytes() + vectors.tobytes()).hexdigest()


def write_windows(file: Path, spans: Array, vectors: Any) -> None:
    """Write the windows of a recording, whole or not at all.

    Args:
        file: ending in .parquet.
        spans: (n, 2) start and end of each window, s.
        vectors: (n, E) float32 embeddings.
    """
    import pyarrow as pa
    from pyarrow import parquet

    numbers = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    draft = file.with_name(f".{file.name}")
    parquet.write_table(pa.table({"start_s": spans[:, 0], "end_s": spans[:, 1], "embedding": numbers}), draft)
    draft.replace(file)


def read_windows(folder: Path, digest: str) -> tuple[Array, Any]:
    """Spans (n, 2) in s and embeddings (n, E) of a recording.

    Args:
        folder: of the index.
        digest: `windows_sha256` of them, as listed.

    Raises:
        ValueError: its file is missing or holds something else.
    """
    from pyarrow import parquet

    file = folder / _file(digest)
    try:
        table = parquet.read_table(file)
        spans = np.stack([table[name].to_numpy() for name in ("start_s", "end_s")], axis=1)
        vectors = np.stack(table["embedding"].to_numpy())
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(_changed(file)) from error
    if windows_sha256(spans, vectors) != digest:
        raise ValueError(_changed(file))
    return spans, vectors


def write_list(folder: Path, model: str, parts: Sequence[IndexPart]) -> None:
    """Write which recordings are in the index; files of others that were listed here are removed.

    Args:
        folder: of the index.
        model: fingerprint of the one that made the embeddings.
        parts: whose files are there.
    """
    before = read_list(folder)[1] if (folder / LIST).is_file() else []
    rows = [{"name": part.name, "made": part.made, "sha256": part.sha256} for part in parts]
    facts = {"model": model, "windows": sum(len(part.spans) for part in parts), "recordings": rows}
    write_text(folder / LIST, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    for file in {_file(row.sha256) for row in before} - {part.file for part in parts}:
        (folder / file).unlink(missing_ok=True)


def read_list(folder: Path) -> tuple[str, list[Listed]]:
    """Fingerprint of the model that made an index, and the recordings that are in it.

    Raises:
        FileNotFoundError: the folder holds no index.
        ValueError: the list cannot be read, or is of an earlier version.
    """
    file = folder / LIST
    if not file.is_file():
        raise FileNotFoundError(f"index: expected {file}; `anymo index build` makes an index")
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        return facts["model"], [Listed(**row) for row in facts["recordings"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(_changed(file)) from error


def _file(digest: str) -> str:
    return f"{digest[:32]}.parquet"


def _changed(file: Path) -> str:
    return (
        f"index {file.parent}: {file.name} is missing or was changed; build the index again in a new folder"
    )

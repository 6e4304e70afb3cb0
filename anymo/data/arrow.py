"""Clips on disk: one `datasets` row per clip, one Arrow file per part, read by memory map.

A corpus folder is what `datasets.load_from_disk` loads as a DatasetDict. Reading it takes pyarrow alone;
`datasets` is imported to write it.
"""

import hashlib
import json
import mmap
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anymo.config import write_text
from anymo.records import Array, Caption, Motion
from anymo.skeleton import NUM_SEGMENTS, PARENTS

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

GRID_HZ = 60.0
EDGE_FRAMES = 3  # at either end of a clip, whose accelerations rest on one side only: never drawn
POSE_HZ = 12.0
POSE_SIZE = 6 * NUM_SEGMENTS + 3
VERSION = 3  # of the processing: a change of what the numbers mean, or of how they are made, raises it
SPLITS = ("train", "validation")
INDEX_FILE = "dataset_dict.json"  # written last: a folder that has it is whole

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredClip:
    """A clip as the corpus keeps it.

    features       the 18 numbers on the 60 Hz grid (anymo.simulation.kinematics)      (T, 23, 18)
    root_position  pelvis origin on the same grid, world frame, m                      (T, 3)
    x_axis         Rᵀx̂ on the same grid, beside u = Rᵀẑ: R is world from segment       (T, 23, 3)
    pose           anymo.data.corpus.pose_features at 12 Hz                            (G, POSE_SIZE)
    joint_offsets  segment origin in its parent's frame, m                             (23, 3)
    rate_hz        of the grid
    cutoff_hz      to which captured motion was smoothed; 0 where it was not
    body           index of the corpus's body that wears the sensors
    dataset        data set it is of
    source         format and rig it was read from, or what generated it
    file, sha256   the file it came from, and its hash; empty for motion that was generated
    non_commercial  the licence forbids commercial use
    captions       the first is a short phrase
    synonyms       of that phrase
    """

    name: str
    dataset: str
    source: str
    file: str
    sha256: str
    licence: str
    non_commercial: bool
    subject: str
    captions: tuple[Caption, ...]
    synonyms: tuple[str, ...]
    rate_hz: float
    cutoff_hz: float
    body: int
    version: int
    joint_offsets: Floats
    root_position: Floats
    x_axis: Floats
    features: Floats
    pose: Floats

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "StoredClip":
        """The clip of a row, as `datasets` gives it with any format."""
        arrays = {n: np.asarray(row[n], dtype=np.float32) for n in _SHAPES}
        captions = tuple(
            Caption(
                text=str(c["text"]),
                start_s=float(c["start_s"]),
                end_s=None if c["end_s"] is None or np.isnan(c["end_s"]) else float(c["end_s"]),
            )
            for c in row["captions"]
        )
        plain = {f.name: row[f.name] for f in fields(cls) if f.name not in arrays}
        words = {"captions": captions, "synonyms": tuple(row["synonyms"])}
        return cls(**plain | arrays | words)

    def motion(self) -> Motion:
        """The movement on the grid, for another body, another placement or a look at it."""
        x, z = (np.asarray(a, dtype=np.float64) for a in (self.x_axis, self.features[..., 3:6]))
        world: Array = np.stack([x, np.cross(z, x), z], axis=-2)
        local = world.copy()
        local[:, 1:] = np.swapaxes(world[:, list(PARENTS[1:])], -1, -2) @ world[:, 1:]
        return Motion(
            root_position=np.asarray(self.root_position, dtype=np.float64),
            rotations=local,
            joint_offsets=np.asarray(self.joint_offsets, dtype=np.float64),
            rate_hz=self.rate_hz,
            captions=self.captions,
            name=self.name,
            source=self.source,
            licence=self.licence,
            subject=self.subject,
        )


FRAME_SHAPES: dict[str, tuple[int, ...]] = {
    "root_position": (3,),
    "x_axis": (NUM_SEGMENTS, 3),
    "features": (NUM_SEGMENTS, 18),
    "pose": (POSE_SIZE,),
}
_SHAPES: dict[str, tuple[int | None, ...]] = {"joint_offsets": (NUM_SEGMENTS, 3)} | {
    name: (None, *shape) for name, shape in FRAME_SHAPES.items()
}


def inner(num_frames: int) -> slice:
    """Frames of a clip whose accelerations rest on both sides, or one."""
    first = min(EDGE_FRAMES, num_frames - 1)
    return slice(first, max(num_frames - EDGE_FRAMES, first + 1))


def schema() -> "Features":
    """The columns of a corpus as `datasets.Features`."""
    from datasets import Array2D, Array3D, Features, List, Value

    text = ("name", "dataset", "source", "file", "sha256", "licence", "subject")
    caption = {"text": Value("string"), "start_s": Value("float64"), "end_s": Value("float64")}
    return Features(
        {n: Value("string") for n in text}
        | {"non_commercial": Value("bool"), "captions": List(caption), "synonyms": List(Value("string"))}
        | {"rate_hz": Value("float64"), "cutoff_hz": Value("float64")}
        | {"body": Value("int64"), "version": Value("int64")}
        | {n: (Array3D if len(s) == 3 else Array2D)(s, "float32") for n, s in _SHAPES.items()}
    )


def write_part(clips: Sequence[StoredClip], path: Path) -> int:
    """Write clips as one Arrow stream of one record batch, in one atomic step.

    Returns:
        The checksum of the file.

    Raises:
        ValueError: more numbers than one batch can address.
    """
    import pyarrow as pa

    arrow_schema = schema().arrow_schema
    columns = [_column([getattr(c, f.name) for c in clips], f) for f in arrow_schema]
    batch = pa.RecordBatch.from_arrays(columns, schema=arrow_schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    with pa.OSFile(str(draft), "wb") as file, pa.ipc.new_stream(file, arrow_schema) as writer:
        writer.write_batch(batch)
    checksum = crc32(draft)
    draft.replace(path)
    return checksum


def crc32(path: Path) -> int:
    """CRC-32 of a file, read by memory map; 0 for an empty one."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return zlib.crc32(content)


def _column(values: Sequence[Any], column: "pa.Field") -> "pa.Array":
    import pyarrow as pa

    if column.name in _SHAPES:
        return pa.ExtensionArray.from_storage(column.type, _nested(values))
    if column.name == "captions":
        values = [[{"text": c.text, "start_s": c.start_s, "end_s": c.end_s} for c in v] for v in values]
    return pa.array(values, type=column.type)


def _nested(arrays: Sequence[Floats]) -> "pa.Array":
    """Arrays of one clip each as nested lists over one buffer, which is what Array2D and Array3D store."""
    import pyarrow as pa

    flat = np.concatenate([a.reshape(-1) for a in arrays])
    if len(flat) > np.iinfo(np.int32).max:
        raise ValueError(
            f"arrow: {len(arrays)} clips hold {len(flat)} numbers, more than a part can; lower clips_per_part"
        )
    values = pa.array(flat)
    for size in reversed(arrays[0].shape[1:]):
        starts = np.arange(0, len(values) + 1, size, dtype=np.int32)
        values = pa.ListArray.from_arrays(pa.array(starts), values)
    ends = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values)


def write_index(folder: Path, parts: Mapping[str, Mapping[str, int]]) -> None:
    """Make a DatasetDict of the parts of each split, as `DatasetDict.save_to_disk` would without copying.

    Args:
        folder: of the corpus; the parts of a split lie in a folder of its name.
        parts: Arrow files of each split, in order, with their checksums; a split without any is left out.
    """
    from datasets import DatasetInfo

    splits = [s for s in parts if parts[s]]
    for split in splits:
        DatasetInfo(features=schema()).write_to_directory(str(folder / split))
        files = [{"filename": name, "crc32": checksum} for name, checksum in parts[split].items()]
        state: dict[str, Any] = {
            "_data_files": files,
            "_fingerprint": hashlib.sha256(repr(files).encode()).hexdigest()[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }
        write_text(folder / split / "state.json", json.dumps(state, indent=2))
    write_text(folder / INDEX_FILE, json.dumps({"splits": splits}))


def clear(folder: Path) -> None:
    """Remove what is left of a corpus, and what a run from files would resume; its index goes first."""
    for file in (INDEX_FILE, "plan.json"):
        (folder / file).unlink(missing_ok=True)
    for part in (*SPLITS, "parts"):
        shutil.rmtree(folder / part, ignore_errors=True)


def read_batches(folder: Path, split: str) -> Iterator["pa.RecordBatch"]:
    """Memory-mapped record batches of one split, in order; none if the corpus has no such split.

    Every byte is read once for its checksum, where the index has one: `datasets` writes none.

    Raises:
        FileNotFoundError: no whole corpus is there.
        ValueError: a file of it is not whole or not as it was written, or the folder holds something else.
    """
    import pyarrow as pa

    index = folder / INDEX_FILE
    if not index.is_file():
        raise FileNotFoundError(
            f"corpus: expected {index}; run data_prep/simulate.py, or data_prep/kinematics.py to its end"
        )
    try:
        if split not in json.loads(index.read_text(encoding="utf-8"))["splits"]:
            return
        state = json.loads((folder / split / "state.json").read_text(encoding="utf-8"))
        for file in state["_data_files"]:
            yield from _read_part(folder / split / file["filename"], file.get("crc32"))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"corpus: {folder / split} cannot be read ({error}); give a folder that data_prep wrote, or "
            "write it again"
        ) from error


def content_of(folder: Path) -> str:
    """SHA-256 of what the index of a whole corpus says of its files, without reading these.

    That is their names and checksums, which `read_batches` compares with every byte; where `datasets` wrote
    the corpus, the fingerprints of its splits.
    """
    splits = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["splits"]
    states = [(split, (folder / split / "state.json").read_text(encoding="utf-8")) for split in splits]
    return hashlib.sha256(json.dumps(states).encode()).hexdigest()


def _read_part(path: Path, checksum: int | None) -> list["pa.RecordBatch"]:
    import pyarrow as pa

    if checksum is not None and (found := crc32(path)) != checksum:
        ledger = path.parents[1] / "parts" / f"{path.parent.name}-{path.stem.removeprefix('part-')}.json"
        remedy = f"; delete {ledger} and run the same command again" if ledger.is_file() else ""
        raise ValueError(
            f"{path.name} is damaged: expected checksum {checksum:08x}, got {found:08x} of "
            f"{path.stat().st_size} bytes{remedy}"
        )
    batches = list(pa.ipc.open_stream(pa.memory_map(str(path))))
    if not batches:
        raise ValueError(f"{path.name} ends before its first clip")
    if missing := {f.name for f in fields(StoredClip)}.difference(batches[0].schema.names):
        raise ValueError(f"{path.name} has no columns {', '.join(sorted(missing))}")
    return batches

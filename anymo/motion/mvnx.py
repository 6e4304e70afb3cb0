"""Xsens MVNX files -> Motion; their 23 segments, T-pose and axes are ours.

MVN User Manual MV0319P, section MVNX: orientations are quaternions w, x, y, z from segment to world,
positions metres, z up; with all of them at identity the body stands in T-pose and faces +x.
"""

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.motion.retarget import motion_from_poses
from anymo.motion.source import MAX_POSES
from anymo.records import Array, Caption, Motion
from anymo.skeleton import SEGMENTS

_CHUNK_BYTES = 1 << 16
_MAX_BYTES = 1 << 33  # eight hours at 60 Hz with everything MVN can export
_MAX_FRAMES = MAX_POSES // len(SEGMENTS)
_MAX_DEPTH = 32
_MAX_ELEMENT_BYTES = 1 << 20
_MAX_SEGMENTS = 100  # props and fingers among them, which are named in the message
_WANTED = {"orientation": 4, "position": 3}  # numbers for each segment
_TYPES = ("identity", "normal")


def load_mvnx(
    path: Path,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
) -> Motion:
    """Read an MVNX file, version 3 or 4; its calibration poses are no part of the motion.

    Args:
        path: `.mvnx` or `.mvnx.gz`.
        name: of the clip; empty takes the file's.
        rate_hz: frames per second; None takes `frameRate`, which is held against the frames' times.
        captions: sentences that go with the clip.

    Raises:
        ValueError: broken XML, a document type (no external or nested entities are read), other segments,
            missing frames, quaternions of another length than 1, or a stated rate that the frames' times
            contradict.
    """
    file = _parse(path)
    rate = _rate(file, path.name) if rate_hz is None else rate_hz
    order = _order(file.labels, path.name)
    _check_frames(file, path.name)
    position = _rows(file.rows["position"], 3, path.name)[:, order]
    quaternion = _rows(file.rows["orientation"], 4, path.name)[:, order]
    if file.identity:
        _check_identity(np.array(file.identity), path.name)
    return motion_from_poses(
        position,
        segment_rotations(quaternion, path.name),
        rate_hz=rate,
        name=name or path.name.removesuffix(".gz").removesuffix(".mvnx"),
        source="mvnx, Xsens MVN",
        captions=captions,
    )


def segment_rotations(quaternion: Array, where: str) -> Array:
    """(T, 23, 3, 3) rotations of (T, 23, 4) quaternions w, x, y, z.

    Raises:
        ValueError: one is not of length 1 within 1 %; the message names the first.
    """
    length = np.linalg.norm(quaternion, axis=-1)
    bad = np.argwhere(~(np.abs(length - 1.0) < 0.01))
    if len(bad):
        frame, segment = (int(v) for v in bad[0])
        raise ValueError(
            f"{where}: frame {frame} (counted from 0), {SEGMENTS[segment]}: quaternion of length "
            f"{length[frame, segment]:.3g}, expected 1; {len(np.unique(bad[:, 0]))} such frames: "
            "cut the clip there"
        )
    flat = Rotation.from_quat(quaternion.reshape(-1, 4), scalar_first=True)
    return np.asarray(flat.as_matrix()).reshape(*quaternion.shape[:2], 3, 3)


@dataclass(slots=True)
class _Mvnx:
    """What is kept of a file while it is read."""

    rate_hz: float = 0.0
    labels: list[str] = field(default_factory=list)
    rows: dict[str, list[Array]] = field(default_factory=lambda: {key: [] for key in _WANTED})
    times_ms: list[float] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    identity: list[float] = field(default_factory=list)
    depth: int = 0
    kind: str = ""
    text: list[str] | None = None
    size: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError(f"elements nested more than {_MAX_DEPTH} deep")
        tag = tag.split(":")[-1]
        if tag == "subject":
            self.rate_hz = float(attributes.get("frameRate", 0))
        elif tag == "segment":
            if len(self.labels) == _MAX_SEGMENTS:
                raise ValueError(f"more than {_MAX_SEGMENTS} segments")
            self.labels.append(attributes["label"])
        elif tag == "frame":
            self._open_frame(attributes)
        elif tag in _WANTED and self.kind in _TYPES:
            self.text, self.size = [], 0

    def _open_frame(self, attributes: dict[str, str]) -> None:
        self.kind = attributes.get("type", "normal")
        if self.kind == "normal":
            if len(self.times_ms) == _MAX_FRAMES:
                raise ValueError(f"more than {_MAX_FRAMES} frames; cut it into clips")
            self.times_ms.append(float(attributes.get("time", "nan")))
            self.indices.append(int(attributes.get("index", len(self.indices))))

    def end(self, tag: str) -> None:
        self.depth -= 1
        tag = tag.split(":")[-1]
        if self.text is not None and tag in _WANTED:
            self._keep(tag, np.array("".join(self.text).split(), dtype=np.float64))
            self.text = None
        elif tag == "frame":
            self.kind = ""

    def _keep(self, tag: str, row: Array) -> None:
        frame, most = len(self.indices) - 1, _WANTED[tag] * len(SEGMENTS)
        if len(row) > most:
            raise ValueError(f"frame {frame} (counted from 0) has {len(row)} numbers, expected {most}")
        if self.kind == "normal":
            if len(self.rows[tag]) > frame:
                raise ValueError(f"frame {frame} (counted from 0) has a second {tag}")
            self.rows[tag].append(row)
        elif tag == "orientation":
            self.identity = row.tolist()

    def characters(self, data: str) -> None:
        if self.text is not None:
            self.text.append(data)
            self.size += len(data)
            if self.size > _MAX_ELEMENT_BYTES:
                raise ValueError("an element longer than 1 MiB")

    def refuse_doctype(self, *_: object) -> None:
        raise ValueError("a document type, which MVNX files do not need; remove the DOCTYPE line")


def _parse(path: Path) -> _Mvnx:
    if not path.is_file():
        raise ValueError(f"{path.name}: expected a file at {path}, found none; check the path")
    file = _Mvnx()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = file.start, file.end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = file.characters, file.refuse_doctype
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as stream:
            fed = 0
            while chunk := stream.read(_CHUNK_BYTES):
                parser.Parse(chunk)
                fed += len(chunk)
                if fed > _MAX_BYTES:
                    raise ValueError(f"more than {_MAX_BYTES / 2**30:.0f} GiB; cut it into clips")
                if fed - parser.CurrentByteIndex > _MAX_ELEMENT_BYTES:
                    raise ValueError("a tag longer than 1 MiB")
            parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        at = f"line {parser.CurrentLineNumber}"
        raise ValueError(f"{path.name}: not a whole MVNX file: {error} ({at}); export it again") from error
    return file


def _rate(file: _Mvnx, where: str) -> float:
    """The stated rate, held against the times of the frames.

    Times are whole milliseconds, so only their mean step is compared.
    """
    rate = file.rate_hz
    if not 0 < rate < np.inf:
        raise ValueError(f"{where}: frameRate must be positive, got {rate}; pass rate_hz")
    times = np.array(file.times_ms)
    if len(times) > 1 and np.isfinite(times).all():
        told = 1000.0 * (len(times) - 1) / max(times[-1] - times[0], 1e-9)
        if abs(told / rate - 1.0) > 0.05 and abs(1000.0 / told - 1000.0 / rate) * (len(times) - 1) > 2.0:
            raise ValueError(
                f"{where}: states {rate:g} frames per second, but their times give {told:.4g}; pass "
                "rate_hz, the one that is right"
            )
    return rate


def _check_frames(file: _Mvnx, where: str) -> None:
    counts = [len(file.indices), *(len(file.rows[key]) for key in _WANTED)]
    if len(set(counts)) != 1 or not counts[0]:
        raise ValueError(
            f"{where}: {counts[0]} frames with {counts[1]} orientations and {counts[2]} positions; export "
            "both for every frame"
        )
    gaps = np.flatnonzero(np.diff(file.indices) != 1)
    if gaps.size:
        k = int(gaps[0])
        raise ValueError(
            f"{where}: frame {file.indices[k + 1]} follows frame {file.indices[k]}; frames are missing: cut "
            "the clip there or export it again"
        )


def _order(labels: list[str], where: str) -> list[int]:
    if sorted(labels) != sorted(SEGMENTS):
        lacks = sorted(set(SEGMENTS) - set(labels))
        more = sorted(set(labels) - set(SEGMENTS))
        raise ValueError(
            f"{where}: expected Xsens' 23 segments, lacks {', '.join(lacks) or 'none'}, has besides "
            f"{', '.join(more) or 'none'}; export the whole body"
        )
    return [labels.index(name) for name in SEGMENTS]


def _rows(rows: list[Array], width: int, where: str) -> Array:
    """(T, 23, width) numbers of the frames."""
    odd = next((k for k, row in enumerate(rows) if len(row) != len(SEGMENTS) * width), None)
    if odd is not None:
        raise ValueError(
            f"{where}: frame {odd} (counted from 0) has {len(rows[odd])} numbers, expected "
            f"{len(SEGMENTS) * width}"
            "; the file is cut short or edited: export it again"
        )
    numbers = np.array(rows).reshape(len(rows), len(SEGMENTS), width)
    if not np.isfinite(numbers).all():
        frame = int(np.argwhere(~np.isfinite(numbers))[0, 0])
        raise ValueError(f"{where}: frame {frame} (counted from 0) holds NaN or infinity; cut the clip there")
    return numbers


def _check_identity(row: Array, where: str) -> None:
    if row.shape != (4 * len(SEGMENTS),) or np.abs(row.reshape(-1, 4)[:, 1:]).max() > 1e-3:
        raise ValueError(
            f"{where}: the identity pose has other rotations than identity; export the file again"
        )

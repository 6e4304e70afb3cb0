"""A corpus in one file that is small enough to carry: motion coded, its kinematics rebuilt when it is read.

Beside the motion the file holds all that training needs of other assets: the bodies that wear the sensors,
and embeddings of every caption.
"""

import json
import lzma
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from anymo.body import Body
from anymo.data.arrow import FRAME_SHAPES, GRID_HZ, SPLITS, VERSION, StoredClip, inner, read_batches
from anymo.data.blocks import frames_of
from anymo.data.clip import pose_features
from anymo.data.coding import CodedMotion, decode, encode, pack, unpack
from anymo.data.corpus import MotionCorpus, lay_out
from anymo.data.sealed import digest, load_sealed, save_sealed
from anymo.records import Array, Motion
from anymo.simulation import MotionSpline
from anymo.skeleton import mirror_words

_VERSIONS = {"format": 1, "processing": VERSION}  # of what the arrays of the file mean, and of the clips
_ARM_M = 0.05  # a sensor's distance from the joint, where the error of specific force is taken
_MEND = 0.05  # of a clip's acceleration: features that are further off are stored
_LEAST_MPS2 = 0.3  # in clips that hardly move
_SHAPES = FRAME_SHAPES | {"joint_offsets": (3,)}

Floats = npt.NDArray[np.float32]
Features = npt.NDArray[np.floating[Any]]
Embed = Callable[[list[str]], torch.Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactReport:
    """Size of a compact corpus, and what coding it cost.

    Errors are rms over all clips, segments and frames that are drawn from, in % of the rms of the linear
    acceleration 5 cm from the joints and of the angular velocity; `worst_` is the clip with the largest.
    """

    clips: int
    hours: float
    megabytes: float
    acceleration_pct: float
    gyro_pct: float
    worst_acceleration_pct: float
    worst_clip: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompactCorpus:
    """What training needs, from one file.

    corpus      as `MotionCorpus.load` gives it, in memory
    bodies      that wear the sensors
    embeddings  unit embedding of every caption and of its mirror image, by `text_base`   (D,) each
    """

    corpus: MotionCorpus
    bodies: tuple[Body, ...]
    embeddings: Mapping[str, torch.Tensor]
    text_base: str


def write_compact(
    folder: Path, file: Path, *, bodies: Sequence[Body], embed: Embed, text_base: str, share: float = 1.0
) -> CompactReport:
    """Code a corpus folder, or a share of its clips, into one file.

    Args:
        folder: a corpus that data_prep wrote.
        file: to write, in one atomic step.
        bodies: that it was made with (`anymo.data.prepare.bodies_of`), all of one mesh.
        embed: sentences to unit embeddings (N, D).
        text_base: name of that sentence model.
        share: of the clips that are taken, above 0 to 1, the same ones every time; larger shares have those
            of smaller ones.

    Raises:
        FileNotFoundError: no whole corpus is in the folder.
        ValueError: it cannot be read, bodies of several meshes, or a share that leaves no clip to train on
            or none to validate on.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: expected above 0 to 1, got {share}; 1 takes all clips")
    rows: list[dict[str, Any]] = []
    clips, offsets, squares, mended_at, mended = [], [], [], [], []
    for split in SPLITS:
        for clip in tqdm(_stored(folder, split), desc=f"compact {split}", unit="clip"):
            if np.random.default_rng([*clip.name.encode()]).random() >= share:
                continue
            coded = _coded(clip)
            row = _plain(clip) | {"split": split, "step": coded.step, "frames": len(clip.features)}
            error = clip.features - _clip(row, coded, clip.joint_offsets).features
            off = _far_off(error, clip.features)
            mended_at.append(np.stack([np.full(len(off[0]), len(rows)), *off], axis=-1))
            mended.append(error[off].astype(np.float16))
            error[off] -= mended[-1]
            squares.append([_squares(error), _squares(clip.features)])
            rows.append(row)
            clips.append(coded)
            offsets.append(clip.joint_offsets)
    if missing := [split for split in SPLITS if not any(row["split"] == split for row in rows)]:
        raise ValueError(f"share: {share} leaves no clip for {', '.join(missing)}; take a larger one")
    said = {c["text"] for row in rows for c in row["captions"]} | {t for r in rows for t in r["synonyms"]}
    texts = sorted(said | {mirror_words(t) for t in said})
    arrays = _arrays_of(bodies) | {
        "coefficients": pack(clips),
        "ends": np.stack([c.ends for c in clips]),
        "joint_offsets": np.stack(offsets),
        "mended_at": np.concatenate(mended_at).astype(np.int32),
        "mended": np.concatenate(mended),
        "embeddings": embed(texts).detach().cpu().to(torch.float16).numpy(),
        "facts": _packed({"rows": rows, "texts": texts, "text_base": text_base}),
    }
    save_sealed(arrays, file, _VERSIONS)
    return _report(rows, np.array(squares), file)


def read_compact(file: Path) -> CompactCorpus:
    """Rebuild the corpus of a file that `write_compact` wrote, on one core in about 8 s per hour of motion.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, is something else, or another version wrote it.
    """
    arrays = load_sealed(file, _VERSIONS, "copy it again, or write it again with data_prep/compact.py")
    facts = json.loads(lzma.decompress(arrays["facts"].tobytes()))
    rows = tqdm(facts["rows"], desc="corpus", unit="clip")
    coefficients = unpack(arrays["coefficients"], [row["frames"] for row in facts["rows"]])
    clips = [
        _clip(row, CodedMotion(coefficients=c, ends=ends, step=row["step"]), offsets)
        for row, c, ends, offsets in zip(
            rows, coefficients, arrays["ends"], arrays["joint_offsets"], strict=True
        )
    ]
    for (clip, *at), residual in zip(arrays["mended_at"].tolist(), arrays["mended"], strict=True):
        clips[clip].features[tuple(at)] += residual
    embeddings = torch.from_numpy(arrays["embeddings"]).float()
    corpus = lay_out(clips, [row["split"] == SPLITS[1] for row in facts["rows"]])
    return CompactCorpus(
        corpus=replace(corpus, content=digest(arrays)),  # of the file: machines may rebuild frames otherwise
        bodies=_bodies(arrays),
        embeddings=dict(zip(facts["texts"], embeddings, strict=True)),
        text_base=facts["text_base"],
    )


def _stored(folder: Path, split: str) -> Iterator[StoredClip]:
    for batch in read_batches(folder, split):
        parts = {}
        for name, shape in _SHAPES.items():
            blocks, lengths = frames_of([batch], name, shape)
            parts[name] = blocks.blocks[0].split(lengths.tolist())
        plain = batch.select([n for n in batch.schema.names if n not in _SHAPES]).to_pylist()
        for i, row in enumerate(plain):
            yield StoredClip.of_row(row | {name: part[i].numpy() for name, part in parts.items()})


def _plain(clip: StoredClip) -> dict[str, Any]:
    """What is no array, as JSON takes it."""
    named = {f.name: getattr(clip, f.name) for f in fields(clip) if f.name not in _SHAPES}
    return named | {"captions": [asdict(c) for c in clip.captions]}


def _coded(clip: StoredClip) -> CodedMotion:
    motion = clip.motion()
    acceleration = clip.features[inner(len(clip.features)), :, :3]
    rms = float(np.sqrt((acceleration.astype(np.float64) ** 2).sum(axis=-1).mean()))
    return encode(motion.root_position, motion.rotations, rate_hz=GRID_HZ, rms_mps2=rms)


def _motion(coded: CodedMotion, joint_offsets: Floats) -> Motion:
    root_position, rotations = decode(coded, rate_hz=GRID_HZ)
    return Motion(
        root_position=root_position,
        rotations=rotations,
        joint_offsets=joint_offsets.astype(np.float64),
        rate_hz=GRID_HZ,
    )


def _clip(row: dict[str, Any], coded: CodedMotion, joint_offsets: Floats) -> StoredClip:
    motion = _motion(coded, joint_offsets)
    kinematics = MotionSpline(motion).at(GRID_HZ)
    arrays = {
        "joint_offsets": joint_offsets,
        "root_position": kinematics.position[:, 0],
        "x_axis": kinematics.rotation[..., 0, :],
        "features": kinematics.features,
        "pose": pose_features(motion),
    }
    return StoredClip.of_row(row | arrays)


def _acceleration_squares(features: Features) -> Array:
    """(T, 23) of the acceleration 5 cm from the joint, the mean over all directions."""
    lever = _ARM_M**2 / 3 * (features[..., 6:15] ** 2).sum(axis=-1)
    return np.asarray((features[..., :3] ** 2).sum(axis=-1) + lever, dtype=np.float64)


def _squares(features: Features) -> Array:
    """(2,) mean square of acceleration and of angular velocity, over the frames that are drawn from."""
    drawn = features[inner(len(features))]
    return np.array([_acceleration_squares(drawn).mean(), (drawn[..., 15:] ** 2).sum(axis=-1).mean()])


def _far_off(error: Features, features: Features) -> tuple[npt.NDArray[np.int64], ...]:
    """Frames and segments to mend: a joint that jumps was smoothed to a path its frames cannot tell."""
    bound = (_MEND * max(float(_squares(features)[0]) ** 0.5, _LEAST_MPS2)) ** 2
    frames = inner(len(features))
    frame, segment = np.nonzero(_acceleration_squares(error[frames]) > bound)
    return frame + frames.start, segment


def _report(rows: Sequence[Mapping[str, Any]], squares: Array, file: Path) -> CompactReport:
    """Of squares (C, 2, 2): error and signal, acceleration and angular velocity."""
    frames = np.array([row["frames"] for row in rows])
    error, signal = np.average(squares, axis=0, weights=frames)
    of_clip = 100 * np.sqrt(squares[:, 0, 0] / np.maximum(squares[:, 1, 0], 1e-12))
    return CompactReport(
        clips=len(rows),
        hours=float(frames.sum() / GRID_HZ / 3600),
        megabytes=file.stat().st_size / 1e6,
        acceleration_pct=float(100 * np.sqrt(error[0] / signal[0])),
        gyro_pct=float(100 * np.sqrt(error[1] / signal[1])),
        worst_acceleration_pct=float(of_clip.max()),
        worst_clip=str(rows[int(of_clip.argmax())]["name"]),
    )


def _arrays_of(bodies: Sequence[Body]) -> dict[str, npt.NDArray[Any]]:
    """One mesh in several shapes.

    Raises:
        ValueError: the bodies are of several meshes.
    """
    mesh = bodies[0]
    for i, body in enumerate(bodies):
        if not (
            np.array_equal(body.faces, mesh.faces) and np.array_equal(body.skin_weights, mesh.skin_weights)
        ):
            raise ValueError(
                f"compact: expected bodies of one mesh, body {i} has another than body 0; use shapes of one "
                "model"
            )
    return {
        "vertices": np.stack([b.vertices for b in bodies]).astype(np.float32),
        "joint_position": np.stack([b.joint_position for b in bodies]).astype(np.float32),
        "faces": mesh.faces.astype(np.int32),
        "skin_weights": mesh.skin_weights.astype(np.float16),
    }


def _bodies(arrays: Mapping[str, npt.NDArray[Any]]) -> tuple[Body, ...]:
    return tuple(
        Body(
            vertices=vertices.astype(np.float64),
            faces=arrays["faces"].astype(np.int64),
            joint_position=joints.astype(np.float64),
            skin_weights=arrays["skin_weights"].astype(np.float32),
        )
        for vertices, joints in zip(arrays["vertices"], arrays["joint_position"], strict=True)
    )


def _packed(facts: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(lzma.compress(json.dumps(facts).encode()), dtype=np.uint8)

"""SMPL (Loper et al. 2015), SMPL-H (Romero et al. 2017) and SMPL-X (Pavlakos et al. 2019) bodies from files.

The shape arithmetic is that of `smplx`; nothing in a file is run. Segments follow the models' joints: the
pelvis, spine1 and spine3 give Pelvis, L5 and T8, spine2 gives T12, and L3 starts half-way from spine1 to
spine2 and shares spine1's skin with L5 by height.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile

import numpy as np

from anymo.assets.restricted_pickle import load_pickle
from anymo.body.surface import Body
from anymo.body.tpose import pose, tpose_from_rest
from anymo.records import Array
from anymo.skeleton import INDEX, NUM_SEGMENTS

# Segment of a joint by its name without the side (names as in smplx.joint_names).
_MIDLINE = {
    "pelvis": "Pelvis", "spine1": "L5", "spine2": "T12", "spine3": "T8", "neck": "Neck", "head": "Head",
}  # fmt: skip
_LIMBS = {
    "hip": "UpperLeg", "knee": "LowerLeg", "ankle": "Foot", "foot": "Toe",
    "collar": "Shoulder", "shoulder": "UpperArm", "elbow": "ForeArm", "wrist": "Hand",
}  # fmt: skip
_BODY = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
    "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
_FINGERS = 15  # joints of a hand: index, middle, little, ring finger and thumb, three each
# Joints after the 22 of the body: SMPL has a palm on either side, SMPL-X jaw and eyes before the fingers.
_FACE = {24: 0, 52: 0, 55: 3}
_NAMES = {24: "SMPL", 52: "SMPL-H", 55: "SMPL-X"}
_EYES = slice(23, 25)  # of SMPL-X; eyeballs carry no sensor
_WORLD_FROM_MODEL = np.array(
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
)  # SMPL: x left, y up, z forward
_HEIGHT_RANGE_M = (0.4, 2.6)
# What numpy and zipfile raise for archives that are cut, damaged, encrypted or state impossible sizes.
_BROKEN = (
    BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, RuntimeError, MemoryError
)  # fmt: skip
_MAX_BYTES = 2**31  # of an array unpacked; SMPL-X's pose correctives, the largest, take 0.12 GB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Model:
    """Arrays of a file: V vertices, J joints, S shape coefficients, F faces; metres, y up."""

    v_template: Array  # (V, 3)
    shapedirs: Array  # (V, 3, S)
    J_regressor: Array  # (J, V)
    weights: Array  # (V, J)
    faces: np.ndarray[Any, np.dtype[np.int64]]  # (F, 3)


def smpl_body(path: Path, betas: Array) -> Body:
    """Body of a SMPL, SMPL-H or SMPL-X file in T-pose, palms down, hands flat.

    Args:
        path: `.npz`, or `.pkl` as the makers gave it out.
        betas: (B,) first shape coefficients.

    Raises:
        ValueError: the file is broken, of another kind, not in metres, or has fewer than B coefficients.
        FileNotFoundError: no such file.
    """
    import torch
    from smplx.lbs import blend_shapes, vertices2joints

    model = _read(path)
    num_shapes = _num_shapes(model)
    if betas.ndim != 1 or len(betas) > num_shapes or not np.isfinite(betas).all():
        raise ValueError(f"{path.name}: expected a list of up to {num_shapes} finite betas, got {betas}")
    shapes = torch.from_numpy(model.shapedirs[:, :, : len(betas)].copy())
    skin = torch.from_numpy(model.v_template)[None] + blend_shapes(torch.from_numpy(betas)[None], shapes)
    joints = vertices2joints(torch.from_numpy(model.J_regressor), skin)[0].numpy() @ _WORLD_FROM_MODEL.T
    vertices = skin[0].numpy() @ _WORLD_FROM_MODEL.T
    _check_height(vertices, path.name)
    origins = _origins(joints)
    weights = _segment_weights(model.weights, vertices, origins)
    turn = tpose_from_rest(origins, _hands(joints), elbows_bent=False)
    vertices, origins = pose(vertices, weights, origins, turn)
    kept, faces = np.unique(model.faces[_is_skin(model)], return_inverse=True)
    return Body(
        vertices=vertices[kept],
        faces=faces.reshape(-1, 3),
        joint_position=origins,
        skin_weights=weights[kept].astype(np.float32),
    )


def _read(path: Path) -> _Model:
    if not path.is_file():
        raise FileNotFoundError(
            f"body: no file {path}; expected 'anny' or a SMPL, SMPL-H or SMPL-X .npz or .pkl"
        )
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return _checked(partial(_from_npz, file), path.name)
        except _BROKEN as error:
            raise ValueError(f"{path.name}: not a whole .npz file: {error}; fetch it again") from error
    if path.suffix == ".pkl":
        content = load_pickle(path)
        if not isinstance(content, dict):
            raise ValueError(f"{path.name}: expected a dict of arrays, got {type(content).__name__}")
        return _checked(content.__getitem__, path.name)
    raise ValueError(f"body: expected 'anny' or a file ending in .npz or .pkl, got {path.name!r}")


def _from_npz(file: Any, name: str) -> Any:
    member = {m.filename: m for m in file.zip.infolist()}.get(f"{name}.npy")
    if member and member.file_size > _MAX_BYTES:
        raise ValueError(f"{member.file_size} bytes unpacked, no model has so many")
    if member and member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError("packed in a way numpy does not write; save the file anew")
    try:
        return file[name]
    except ValueError as error:
        raise ValueError(f"array {name!r} cannot be read: {error}; store it as plain numbers") from error


def _checked(get: Callable[[str], Any], where: str) -> _Model:
    """The arrays the skin needs, each of the shape that the others ask for."""
    arrays = {
        name: _numbers(get, name, where) for name in ("v_template", "shapedirs", "J_regressor", "weights")
    }
    faces = _numbers(get, "f", where)
    if arrays["shapedirs"].ndim == 2:
        arrays["shapedirs"] = arrays["shapedirs"][:, :, None]
    num, joints = len(arrays["v_template"]), arrays["weights"].shape[-1]
    if joints not in _NAMES:
        kinds = ", ".join(f"{n} ({name})" for n, name in _NAMES.items())
        raise ValueError(f"{where}: expected weights for {kinds} joints, got {arrays['weights'].shape}")
    for name, shape in (
        ("v_template", (num, 3)),
        ("shapedirs", (num, 3, arrays["shapedirs"].shape[-1])),
        ("J_regressor", (joints, num)),
        ("weights", (num, joints)),
    ):
        if arrays[name].shape != shape:
            raise ValueError(
                f"{where}: {name} must be {shape} in this {_NAMES[joints]} file, got {arrays[name].shape}"
            )
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.min() < 0 or faces.max() >= num:
        raise ValueError(f"{where}: f must be (F, 3) vertex indices under {num}, got shape {faces.shape}")
    return _Model(**arrays, faces=faces.astype(np.int64))


def _numbers(get: Callable[[str], Any], name: str, where: str) -> Array:
    try:
        array = np.asarray(get(name))
        if array.dtype.kind not in "fiu" or array.ndim == 0:
            raise ValueError(f"got {array.dtype} of shape {array.shape}")
        array = array.astype(np.float64)
    except KeyError:
        raise ValueError(
            f"{where}: no array {name!r}; expected a SMPL, SMPL-H or SMPL-X model file"
        ) from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {name}: expected an array of numbers: {error}") from error
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"{where}: {name} must hold finite numbers, got NaN, infinity or nothing")
    return array


def _check_height(vertices: Array, where: str) -> None:
    height, (low, high) = float(np.ptp(vertices[:, 2])), _HEIGHT_RANGE_M
    if not low <= height <= high:
        raise ValueError(
            f"{where}: the body stands {height:.3g} tall, expected {low} to {high} m with y up; "
            "convert v_template and shapedirs to metres, or use smaller betas"
        )


def _num_shapes(model: _Model) -> int:
    """Shape coefficients of the file; in SMPL-X expressions follow after 300 or, in short files, 10."""
    stored: int = model.shapedirs.shape[2]
    if model.weights.shape[1] != 55:
        return stored
    return min(stored, 300 if stored >= 400 else 10)


def _carriers(num_joints: int) -> list[str]:
    """Segment of each joint of the model."""
    names = []
    for joint in _BODY:
        side, _, stem = joint.rpartition("_")
        names.append(side.capitalize() + _LIMBS[stem] if side else _MIDLINE[stem])
    fingers = (num_joints - len(_BODY) - _FACE[num_joints]) // 2
    return names + ["Head"] * _FACE[num_joints] + ["LeftHand"] * fingers + ["RightHand"] * fingers


def _origins(joints: Array) -> Array:
    """(23, 3) segment origins from the model's joints (J, 3)."""
    first = {segment: k for k, segment in reversed(list(enumerate(_carriers(len(joints)))))}
    origins = np.stack([joints[first.get(segment, 0)] for segment in INDEX])
    origins[INDEX["L3"]] = (origins[INDEX["L5"]] + origins[INDEX["T12"]]) / 2
    return origins


def _segment_weights(weights: Array, vertices: Array, origins: Array) -> Array:
    """(V, 23) skin weights of the segments from those of the joints (V, J)."""
    carriers = [INDEX[name] for name in _carriers(weights.shape[1])]
    summed: Array = weights @ np.eye(NUM_SEGMENTS)[carriers]
    low, high = origins[INDEX["L5"], 2], origins[INDEX["T12"], 2]
    upper = np.clip((vertices[:, 2] - low) / (high - low), 0.0, 1.0)
    summed[:, INDEX["L3"]] = summed[:, INDEX["L5"]] * upper
    summed[:, INDEX["L5"]] *= 1.0 - upper
    return summed


def _hands(joints: Array) -> dict[str, tuple[Array, Array]]:
    """Of each hand, the direction of the fingers and that from the little to the index finger."""
    hands = {}
    start = len(_BODY) + _FACE[len(joints)]
    has_fingers = len(joints) - start == 2 * _FINGERS
    for k, side in enumerate(("Left", "Right")):
        wrist = joints[_BODY.index(f"{side.lower()}_wrist")]
        if has_fingers:
            index, middle, little = (joints[start + k * _FINGERS + 3 * finger] for finger in range(3))
            hands[side] = (middle - wrist, index - little)
        else:
            hands[side] = (joints[start + k] - wrist, np.array([1.0, 0.0, 0.0]))
    return hands


def _is_skin(model: _Model) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(F,) faces that are no eyeballs."""
    is_eye = np.zeros(len(model.v_template), dtype=bool)
    if model.weights.shape[1] == 55:
        is_eye = model.weights[:, _EYES].sum(axis=1) > 0.5
    return np.asarray(~is_eye[model.faces].any(axis=1))

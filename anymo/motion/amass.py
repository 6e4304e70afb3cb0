"""AMASS and SMPL-X `.npz` files -> Motion on our 23 segments.

Layouts: AMASS (Mahmood et al., ICCV 2019; github.com/nghorbani/amass) with `poses`, `trans`, `betas`,
`mocap_framerate`, and its SMPL-X release with `root_orient`, `pose_body`, `mocap_frame_rate`. Rotations are
vectors of a joint in its parent; in the zero pose the body stands in T-pose, x left, y up, z forward. The
first 22 joints are the same in SMPL, SMPL-H and SMPL-X.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from anymo.motion.joints import WORLD_FROM
from anymo.motion.retarget import motion_from_poses
from anymo.motion.rotations import rotation_of
from anymo.motion.source import AnyArray, floats, read_npz, require_few_poses, scalar
from anymo.records import Array, Caption, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, INDEX, PARENTS

logger = logging.getLogger(__name__)

_JOINT_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
NUM_JOINTS = len(_JOINT_PARENTS)
# Joint that carries each of our segments: the first of the three spine joints carries both L5 and L3.
SEGMENT_JOINTS = (0, 3, 3, 6, 9, 12, 15, 14, 17, 19, 21, 13, 16, 18, 20, 2, 5, 8, 11, 1, 4, 7, 10)
_WIDTHS = {66: "22 joints", 72: "SMPL", 156: "SMPL-H", 165: "SMPL-X"}


def load_amass(
    source: Mapping[str, AnyArray],
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    body_model: str | Path | None = None,
    up: str = "z",
) -> Motion:
    """Read the arrays of an AMASS or SMPL-X file.

    Joint centres come from the user's own model file, with the clip's `betas`; without one the body has the
    default bone lengths, and a line in the log says so. The model adds `trans` to a pelvis that stands beside
    the origin, at J0(betas), without turning it: a constant shift, put on with a model and left out without;
    sensors read the same either way.

    Args:
        source: arrays by name: `poses` (T, 72, 156 or 165) or `root_orient` (T, 3) and `pose_body` (T, 63),
            rad; `trans` (T, 3) m; `betas`; `mocap_framerate` or `mocap_frame_rate`.
        name: of the clip.
        rate_hz: frames per second; None takes the file's.
        captions: sentences that go with the clip.
        body_model: SMPL, SMPL-H or SMPL-X `.npz` of the clip's gender (v_template, shapedirs, J_regressor).
        up: axis that points up; z in AMASS, y in some SMPL-X files of others.

    Raises:
        ValueError: arrays are missing, of wrong shape, or no rate is stated anywhere.
    """
    if up not in WORLD_FROM:
        raise ValueError(f"{name}: up must be one of {', '.join(WORLD_FROM)}, got {up!r}")
    vectors, trans = _poses(source, name)
    turn = _world_rotations(vectors)
    rate = _rate(source, name) if rate_hz is None else rate_hz
    betas = floats(source.get("betas", np.zeros(0)), "betas", name).reshape(-1)
    joints = None if body_model is None else joint_centres(Path(body_model), betas)
    world = WORLD_FROM[up]
    rotation = world @ turn[:, SEGMENT_JOINTS] @ WORLD_FROM["y"].T
    if joints is None:
        logger.info("%s: no body_model given, bone lengths are those of the default adult", name)
        position = _placed(trans @ world.T, rotation)
    else:
        position = _posed(trans, turn, joints) @ world.T
    _warn_if_lying(position, name, up)
    return motion_from_poses(
        position, rotation, rate_hz=rate, name=name, source=_kind(source), captions=captions
    )


def _poses(source: Mapping[str, AnyArray], where: str) -> tuple[Array, Array]:
    """Rotation vectors (T, 22, 3) and translation (T, 3)."""
    if "poses" in source:
        flat = floats(source["poses"], "poses", where)
        if flat.ndim != 2 or flat.shape[1] not in _WIDTHS:
            known = ", ".join(f"{n} ({kind})" for n, kind in _WIDTHS.items())
            raise ValueError(f"{where}: poses must be (T, n) with n one of {known}; got {flat.shape}")
        flat = flat[:, : 3 * NUM_JOINTS]
    else:
        parts = [floats(source[key], key, where) for key in ("root_orient", "pose_body")]
        if [p.shape[1:] for p in parts] != [(3,), (63,)] or len(parts[0]) != len(parts[1]):
            shapes = " and ".join(str(p.shape) for p in parts)
            raise ValueError(f"{where}: root_orient and pose_body must be (T, 3) and (T, 63), got {shapes}")
        flat = np.concatenate(parts, axis=1)
    trans = floats(source["trans"], "trans", where)
    if trans.shape != (len(flat), 3):
        raise ValueError(f"{where}: trans must be ({len(flat)}, 3), got {trans.shape}; is the file whole?")
    if not (np.isfinite(flat).all() and np.isfinite(trans).all()):
        raise ValueError(f"{where}: poses or trans hold NaN or infinity; cut the clip or fill the gap first")
    require_few_poses(len(flat), NUM_JOINTS, where)
    return flat.reshape(-1, NUM_JOINTS, 3), trans


def _world_rotations(vectors: Array) -> Array:
    turn = rotation_of(vectors)
    for joint, parent in enumerate(_JOINT_PARENTS[1:], start=1):
        turn[:, joint] = turn[:, parent] @ turn[:, joint]
    return turn


def _rate(source: Mapping[str, AnyArray], where: str) -> float:
    for key in ("mocap_framerate", "mocap_frame_rate"):
        if key in source:
            rate = scalar(source[key], key, where)
            if not 0 < rate < np.inf:
                raise ValueError(f"{where}: {key} must be positive, got {rate}; pass rate_hz")
            return rate
    raise ValueError(f"{where}: states no mocap_framerate; pass rate_hz, the frames per second")


def joint_centres(path: Path, betas: Array) -> Array:
    """Joints in the zero pose: J_regressor (v_template + shapedirs betas), equations 8 and 10 of SMPL.

    Args:
        path: `.npz` of SMPL, SMPL-H or SMPL-X.
        betas: (N,) shape; those past what the model has, or the file states, count as zero.

    Returns:
        (22, 3) m, model axes.

    Raises:
        ValueError: arrays are missing or do not fit one another.
    """
    keys = ("v_template", "shapedirs", "J_regressor")
    model = read_npz(path, only=set(keys))
    if missing := [key for key in keys if key not in model]:
        raise ValueError(
            f"{path.name}: expected a body model with {', '.join(keys)} as plain arrays, lacks {missing[0]}; "
            "download the .npz of SMPL, SMPL-H or SMPL-X"
        )
    template, shapes, regressor = (floats(model[key], key, path.name) for key in keys)
    num = template.size // 3
    fits = template.shape == (num, 3) and shapes.shape[:2] == (num, 3) and regressor.shape[1:] == (num,)
    if not fits or shapes.ndim != 3 or len(regressor) < NUM_JOINTS:
        raise ValueError(
            f"{path.name}: v_template {template.shape}, shapedirs {shapes.shape} and J_regressor "
            f"{regressor.shape} do not fit one another; download the model again"
        )
    # SMPL-X keeps expressions behind the first 300, in short files behind the first 10.
    shape_count = 10 if len(regressor) == 55 and shapes.shape[2] < 400 else 300
    used = min(len(betas), shapes.shape[2], shape_count)
    if used < np.count_nonzero(betas):
        logger.info("%s: %d of %d betas used, the model has no more", path.name, used, len(betas))
    return regressor[:NUM_JOINTS] @ (template + shapes[:, :, :used] @ betas[:used])


def _posed(trans: Array, turn: Array, joints: Array) -> Array:
    """(T, 23, 3) segment origins, model axes' world: p_0 = J_0 + trans, p_c = p_p + R_p (J_c - J_p)."""
    at = np.empty((len(trans), NUM_JOINTS, 3))
    at[:, 0] = joints[0] + trans
    for joint, parent in enumerate(_JOINT_PARENTS[1:], start=1):
        at[:, joint] = at[:, parent] + turn[:, parent] @ (joints[joint] - joints[parent])
    position = at[:, SEGMENT_JOINTS]
    l5, l3, t12 = (INDEX[segment] for segment in ("L5", "L3", "T12"))
    position[:, l3] = 0.5 * (position[:, l5] + position[:, t12])
    return position


def _placed(root: Array, rotation: Array) -> Array:
    """(T, 23, 3) segment origins of the default body."""
    position = np.empty((len(root), len(PARENTS), 3))
    position[:, 0] = root
    for child, parent in enumerate(PARENTS[1:], start=1):
        position[:, child] = position[:, parent] + rotation[:, parent] @ DEFAULT_JOINT_OFFSETS[child]
    return position


def _warn_if_lying(position: Array, where: str, up: str) -> None:
    rise = position[:, INDEX["Head"]] - position[:, [INDEX["LeftFoot"], INDEX["RightFoot"]]].mean(axis=1)
    share = float(np.median(rise[:, 2] / np.maximum(np.linalg.norm(rise, axis=1), 1e-9)))
    if share < 0.3:
        logger.warning(
            "%s: the body lies most of the time (head over feet %.2f of its length) with %s up; if it should "
            "stand, pass up='%s'", where, share, up, "z" if up == "y" else "y",
        )  # fmt: skip


def _kind(source: Mapping[str, AnyArray]) -> str:
    model = np.asarray(source.get("surface_model_type", [])).reshape(-1)
    if model.size:
        return f"amass layout, {model[0]}"
    return f"amass layout, {_WIDTHS[source['poses'].shape[1]] if 'poses' in source else 'SMPL-X'}"

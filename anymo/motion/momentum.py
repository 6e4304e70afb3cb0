"""Momentum characters (`.glb`, as in Nymeria) through the user's `pymomentum` -> Motion on our 23 segments.

Written after the documentation (facebookresearch.github.io/momentum) and Nymeria's reader; pymomentum is not
on every package index, and this was tried against a stand-in only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from anymo.motion.joints import WORLD_FROM
from anymo.motion.retarget import motion_from_poses
from anymo.records import Array, Caption, Motion

_CENTIMETRE_M = 0.01
# Joint of Nymeria's rig that carries each of our segments.
_TRUNK = ("b_root", "b_spine0", "b_spine1", "b_spine2", "b_spine3", "b_neck0", "b_head")
_ARM = ("b_{}_shoulder", "b_{}_arm", "b_{}_forearm", "b_{}_wrist")
_LEG = ("b_{}_upleg", "b_{}_leg", "b_{}_talocrural", "b_{}_ball")
_JOINTS = (*_TRUNK, *(joint.format(side) for limb in (_ARM, _LEG) for side in "rl" for joint in limb))


def load_momentum(
    path: Path,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
) -> Motion:
    """Read a Momentum character with its motion.

    Args:
        path: `.glb` with a motion of model parameters.
        name: of the clip; empty takes the file's.
        rate_hz: frames per second; None takes the file's.
        captions: sentences that go with the clip.

    Raises:
        ValueError: pymomentum is not installed, the file is broken, or the character has other joints
            than Nymeria's.
    """
    try:
        from pymomentum import geometry  # type: ignore[import-not-found]
    except ImportError as error:
        raise ValueError(
            f"{path.name}: Momentum files are read by pymomentum, which is not installed; install it "
            "(pip install pymomentum-cpu), or read Nymeria's Xsens segments, body/xdata.npz"
        ) from error
    try:
        character, motion, _, fps = geometry.Character.load_gltf_with_motion(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path.name}: not a whole Momentum file ({error}); fetch it again") from error
    names = list(character.skeleton.joint_names)
    if missing := [joint for joint in _JOINTS if joint not in names]:
        raise ValueError(
            f"{path.name}: expected Nymeria's joints, lacks {', '.join(missing[:6])}; has {', '.join(names)}"
        )
    picks = [names.index(joint) for joint in _JOINTS]
    posed = np.asarray(geometry.model_parameters_to_skeleton_state(character, motion), dtype=np.float64)[
        :, picks
    ]
    rest = geometry.model_parameters_to_skeleton_state(character, np.zeros_like(motion[:1]))
    turn = _rotations(posed) @ np.swapaxes(_rotations(np.asarray(rest, dtype=np.float64)[:, picks]), -1, -2)
    return motion_from_poses(
        posed[..., :3] @ WORLD_FROM["y"].T * _CENTIMETRE_M,
        WORLD_FROM["y"] @ turn @ WORLD_FROM["y"].T,
        rate_hz=float(fps) if rate_hz is None else rate_hz,
        name=name or path.name.removesuffix(".glb"),
        source="momentum, Nymeria's rig",
        captions=captions,
    )


def _rotations(state: Array) -> Array:
    """(T, J, 3, 3) of skeleton states (T, J, 8): translation, quaternion x y z w, scale."""
    flat = Rotation.from_quat(state[..., 3:7].reshape(-1, 4))
    return np.asarray(flat.as_matrix()).reshape(*state.shape[:2], 3, 3)

"""Paired recordings: a real sensor and, on the same clock, the pose of the body that carries it.

Readers of the four public sets the simulator is measured on; what is missing in a pose is NaN and stays so.
"""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat
from scipy.spatial.transform import Rotation

from anymo.motion.source import read_npz
from anymo.records import Array

_BROAD_KEYS = ("imu_acc", "imu_gyr", "opt_pos", "opt_quat", "movement", "sampling_rate")
_MIN_BEND_M = 1e-4  # a corner of the upsampled path sharper than this tells its time
_MAX_OFF_BEND = 1e-4  # share of a corner that may point elsewhere than the corner itself

# Joint whose position, and segment whose orientation, carries each sensor of S02_walk.npz.
_NEURA_BODIES = {
    "Foot": ("TIO", "FT"),
    "LowLeg": ("FEO", "SK"),
    "LowLeg2": ("FEO", "SK"),
    "UpLeg": ("FEP", "TH"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedSensor:
    """What a sensor read, and where its body was.

    times_s        of the samples, evenly spaced                        (T,)
    acc            specific force, sensor frame, m/s²                   (T, 3)
    gyro           angular velocity, sensor frame, rad/s; None if the file has none     (T, 3)
    moving         the part that counts                                 (T,)
    frame_times_s  of the frames of the pose, evenly spaced             (F,)
    position       origin of the body, world, z up, m, NaN in gaps; None if it is not known          (F, 3)
    rotation       world from body, NaN in gaps                         (F, 3, 3)
    """

    name: str
    times_s: Array
    acc: Array
    gyro: Array | None
    moving: npt.NDArray[np.bool_]
    frame_times_s: Array
    position: Array | None
    rotation: Array


def read_broad(path: Path) -> PairedSensor:
    """A trial of BROAD (Laidig et al. 2021): an IMU moved by hand, its optical pose in its own frames.

    Raises:
        ValueError: not a trial, or a pose that was not upsampled by straight lines.
    """
    file = loadmat(path)
    _require_keys(path, file, _BROAD_KEYS)
    rate_hz = float(file["sampling_rate"].item())
    frames, position, rotation = native_frames(file["opt_pos"], _matrices(file["opt_quat"]))
    return PairedSensor(
        name=path.stem,
        times_s=np.arange(len(file["imu_acc"])) / rate_hz,
        acc=file["imu_acc"],
        gyro=file["imu_gyr"],
        moving=file["movement"].ravel().astype(bool),
        frame_times_s=frames / rate_hz,
        position=position,
        rotation=rotation,
    )


def read_neura_sparse(path: Path) -> list[PairedSensor]:
    """A walk of neura_sparse (Sy et al. 2020): nine Xsens sensors, Vicon joints and segment orientations.

    The position is that of the joint at the upper end of the segment, the ankle for a foot.

    Raises:
        ValueError: arrays that are missing.
    """
    keys = (
        "imu",
        "imu_location",
        "vicon_joint",
        "vicon_joint_pos_m",
        "vicon_segment",
        "vicon_segment_quat_wxyz",
    )
    file = _npz(path, (*keys, "hz"))
    joints, segments = list(file["vicon_joint"]), list(file["vicon_segment"])
    times = np.arange(len(file["imu"])) / float(file["hz"])
    sensors = []
    for k, location in enumerate(file["imu_location"]):
        side, _, part = str(location).partition("_")
        joint, segment = ("PELV", "qRPV") if not part else (
            side + _NEURA_BODIES[part][0], f"q{side}{_NEURA_BODIES[part][1]}"
        )  # fmt: skip
        sensors.append(
            PairedSensor(
                name=str(location),
                times_s=times,
                acc=file["imu"][:, k, :3],
                gyro=file["imu"][:, k, 3:],
                moving=np.ones(len(times), dtype=bool),
                frame_times_s=times,
                position=file["vicon_joint_pos_m"][:, joints.index(joint)],
                rotation=_matrices(file["vicon_segment_quat_wxyz"][:, segments.index(segment)]),
            )
        )
    return sensors


def read_neura_device(path: Path) -> list[PairedSensor]:
    """The same sensors with the orientation the devices worked out themselves; no position.

    Raises:
        FileNotFoundError: no such file.
        ValueError: arrays that are missing.
    """
    file = _npz(path, ("imu", "imu_quat_wxyz", "imu_location", "hz"))
    acc, gyro = file["imu"][..., :3], file["imu"][..., 3:]
    return _oriented(file["imu_location"], float(file["hz"]), acc, gyro, _matrices(file["imu_quat_wxyz"]))


def read_opensense(path: Path) -> list[PairedSensor]:
    """The walk of OpenSense: acceleration, and the orientation the device worked out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: arrays that are missing.
    """
    file = _npz(path, ("acc", "rot", "imu_location", "hz"))
    return _oriented(file["imu_location"], float(file["hz"]), file["acc"], None, file["rot"])


def read_qmt(path: Path) -> list[PairedSensor]:
    """The full body of qmt: acceleration, angular velocity and the device's own orientation; no position.

    Raises:
        FileNotFoundError: no such file.
        ValueError: arrays that are missing.
    """
    file = _npz(path, ("imu", "quat_wxyz", "imu_location", "hz"))
    rotation = _matrices(file["quat_wxyz"])
    return _oriented(
        file["imu_location"], float(file["hz"]), file["imu"][..., :3], file["imu"][..., 3:], rotation
    )


def native_frames(position: Array, rotation: Array) -> tuple[Array, Array, Array]:
    """The frames from which a pose was upsampled by straight lines (positions) and arcs (rotations).

    Two samples at least fall between neighbouring frames, so the path is known on either side of each, and
    turns there: if it turns by K between samples n and n + 1, the second differences at n and n + 1 are
    (1 − f)K and fK, and the frame lies at n + f. Sharp corners so tell the even spacing of the frames, and
    each is then found by going on straight from the two samples before.

    Args:
        position: (T, 3) upsampled by a factor between 2 and 3, m, NaN in gaps.
        rotation: (T, 3, 3) likewise, world from body.

    Returns:
        Times of the frames in samples (F,), positions (F, 3), rotations (F, 3, 3); NaN next to gaps.

    Raises:
        ValueError: fewer than ten clean corners, or corners that are not evenly spaced.
    """
    first, spacing = _frame_grid(position)
    frames = (
        np.arange(np.ceil((1 - first) / spacing), (len(position) - 2 - first) / spacing) * spacing + first
    )
    before = np.floor(frames).astype(int)
    share = frames - before
    at = position[before] + share[:, None] * (position[before] - position[before - 1])
    known = np.isfinite(rotation[before] + rotation[before - 1]).all(axis=(1, 2))
    turned = np.full((len(frames), 3, 3), np.nan)
    last, previous = (Rotation.from_matrix(rotation[k[known]]) for k in (before, before - 1))
    onward = Rotation.from_rotvec(share[known, None] * (previous.inv() * last).as_rotvec())
    turned[known] = (last * onward).as_matrix()
    return frames, at, turned


def _frame_grid(position: Array) -> tuple[float, float]:
    """First frame and spacing of the frames, in samples."""
    bend = np.full_like(position, np.nan)
    bend[1:-1] = position[2:] - 2 * position[1:-1] + position[:-2]
    corner = bend[:-1] + bend[1:]
    size2 = (corner**2).sum(axis=1)
    sharp = np.flatnonzero(size2 > _MIN_BEND_M**2)
    share = (bend[sharp + 1] * corner[sharp]).sum(axis=1) / size2[sharp]
    off = np.linalg.norm(bend[sharp + 1] - share[:, None] * corner[sharp], axis=1) / np.sqrt(size2[sharp])
    clean = (off < _MAX_OFF_BEND) & (share > 0.02) & (share < 0.98)
    times = (sharp + share)[clean]
    gaps = np.diff(times)
    if (gaps < 3).sum() < 10:
        raise ValueError(
            f"pose: found {len(times)} corners of a path upsampled by straight lines, expected ten or more "
            "next to each other; is it the upsampled pose of BROAD, and does it move?"
        )
    spacing = float(np.median(gaps[gaps < 3]))
    for _ in range(4):  # a better spacing counts the frames across longer gaps rightly
        index = np.concatenate([[0], np.cumsum(np.round(np.diff(times) / spacing))])
        spacing, first = np.polyfit(index, times, 1)
    error = np.abs(first + spacing * index - times).max()
    if error > 1e-3:
        raise ValueError(
            f"pose: corners are up to {error:.2g} samples off an even grid; expected under 0.001"
        )
    return float(first % spacing), float(spacing)


def _oriented(
    names: npt.NDArray[np.str_], rate_hz: float, acc: Array, gyro: Array | None, rotation: Array
) -> list[PairedSensor]:
    times = np.arange(len(acc)) / rate_hz
    return [
        PairedSensor(
            name=str(name),
            times_s=times,
            acc=acc[:, k],
            gyro=None if gyro is None else gyro[:, k],
            moving=np.ones(len(times), dtype=bool),
            frame_times_s=times,
            position=None,
            rotation=rotation[:, k],
        )
        for k, name in enumerate(names)
    ]


def _matrices(quaternion_wxyz: Array) -> Array:
    """(..., 4) to (..., 3, 3), NaN where the quaternion is."""
    flat = quaternion_wxyz.reshape(-1, 4)
    known = np.isfinite(flat).all(axis=1)
    matrices = np.full((len(flat), 3, 3), np.nan)
    matrices[known] = Rotation.from_quat(flat[known], scalar_first=True).as_matrix()
    return matrices.reshape(*quaternion_wxyz.shape[:-1], 3, 3)


def _npz(path: Path, keys: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"paired sets: no file {path}; fetch it again")
    file = read_npz(path)
    _require_keys(path, file, keys)
    return {k: file[k].astype(np.float64) if file[k].dtype.kind == "f" else file[k] for k in keys}


def _require_keys(path: Path, file: Container[str], keys: tuple[str, ...]) -> None:
    absent = [k for k in keys if k not in file]
    if absent:
        raise ValueError(
            f"{path.name}: expected {', '.join(keys)}, lacks {', '.join(absent)}; fetch it again"
        )

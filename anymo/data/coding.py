"""Transform coding of motion: a fortieth of the bytes of its kinematics, at a stated error of acceleration.

Derivatives amplify errors by ω², so coefficients of the discrete cosine transform of a whole clip are rounded
to steps that fall as 1 / (1 + (f / f₀)²): rounding then errs alike at all frequencies of acceleration, drifts
no lower than f₀, and what a smoothed motion does not hold above its cutoff is rounded to zero.
"""

import lzma
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import dct, idct
from scipy.spatial.transform import Rotation

from anymo.records import Array
from anymo.skeleton import NUM_SEGMENTS

NUM_CHANNELS = 3 + 4 * NUM_SEGMENTS  # the pelvis' path, and a quaternion of each segment against its parent
_CORNER_HZ = 1.0  # f₀
_RELATIVE_STEP = 2e-3  # of the clip's acceleration
_LEAST_MPS2 = 0.3  # a clip that hardly moves is coded as if it moved so much
_SLOPE = np.array([-25 / 12, 4, -3, 4 / 3, -1 / 4])  # of the first of five samples, fourth order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedMotion:
    """Path of the pelvis and rotations of a clip, coded.

    coefficients  rounded, of the transform along time                    (F, NUM_CHANNELS) int32
    ends          first value, and slope per frame at first and last      (3, NUM_CHANNELS) float32
    step          of rounding at frequency zero
    """

    coefficients: npt.NDArray[np.int32]
    ends: npt.NDArray[np.float32]
    step: float


def encode(root_position: Array, rotations: Array, *, rate_hz: float, rms_mps2: float) -> CodedMotion:
    """Code a clip.

    Args:
        root_position: (F, 3) pelvis origin, m; five frames or more.
        rotations: (F, 23, 3, 3) parent from segment.
        rate_hz: frames per second.
        rms_mps2: rms acceleration of its joints, to which the error is in proportion, m/s².

    Raises:
        ValueError: fewer than five frames, or a path too long for its step.
    """
    if len(root_position) < len(_SLOPE):
        raise ValueError(f"coding: expected {len(_SLOPE)} frames or more, got {len(root_position)}")
    channels = np.concatenate([root_position, _quaternions(rotations)], axis=1)
    slopes = _SLOPE @ channels[:5], -_SLOPE @ channels[:-6:-1]
    ends = np.stack([channels[0], *slopes]).astype(np.float32)
    step = _RELATIVE_STEP * max(rms_mps2, _LEAST_MPS2) / (2 * np.pi * _CORNER_HZ) ** 2
    smooth = channels - _parabola(ends, len(channels))
    rounded = np.round(dct(smooth, axis=0, norm="ortho") / _steps(step, len(channels), rate_hz))
    if not np.abs(rounded).max() < 2**31:
        raise ValueError(f"coding: a channel of {np.ptp(channels, axis=0).max():.3g} is too large to code")
    return CodedMotion(coefficients=rounded.astype(np.int32), ends=ends, step=step)


def decode(coded: CodedMotion, *, rate_hz: float) -> tuple[Array, Array]:
    """Path of the pelvis (F, 3) m and rotations (F, 23, 3, 3), parent from segment, of a coded clip."""
    num = len(coded.coefficients)
    smooth = idct(coded.coefficients * _steps(coded.step, num, rate_hz), axis=0, norm="ortho")
    channels = smooth + _parabola(coded.ends, num)
    turned = Rotation.from_quat(channels[:, 3:].reshape(-1, 4)).as_matrix()
    return channels[:, :3], turned.reshape(num, NUM_SEGMENTS, 3, 3)


def _quaternions(rotations: Array) -> Array:
    """(F, 92) continuous in sign."""
    turned = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(len(rotations), -1, 4)
    flips = (turned[1:] * turned[:-1]).sum(axis=-1) < 0
    turned[1:] *= 1.0 - 2.0 * (np.cumsum(flips, axis=0) % 2)[..., None]
    return turned.reshape(len(rotations), -1)


def _parabola(ends: npt.NDArray[np.float32], num: int) -> Array:
    """(F, NUM_CHANNELS) with the slopes of the ends: the cosine transform takes what is left for even."""
    first, start, end = ends.astype(np.float64)
    frame = np.arange(num)[:, None]
    path: Array = first + start * frame + (end - start) * frame**2 / (2 * (num - 1))
    return path


def _steps(step: float, num: int, rate_hz: float) -> Array:
    frequency = np.arange(num)[:, None] * rate_hz / (2 * num)
    steps: Array = step / (1 + (frequency / _CORNER_HZ) ** 2)
    return steps


def pack(clips: list[CodedMotion]) -> npt.NDArray[np.uint8]:
    """Coefficients of clips as one LZMA stream: clip by clip, channel by channel, byte by byte of weight.

    Returns:
        (N,) bytes.
    """
    flat = np.concatenate([c.coefficients.T.reshape(-1) for c in clips])
    folded = ((flat << 1) ^ (flat >> 31)).astype("<u4")  # small for small of either sign
    planes = folded.view(np.uint8).reshape(-1, 4).T
    return np.frombuffer(lzma.compress(planes.tobytes()), dtype=np.uint8)


def unpack(packed: npt.NDArray[np.uint8], num_frames: list[int]) -> list[npt.NDArray[np.int32]]:
    """Coefficients (F, NUM_CHANNELS) of clips of so many frames.

    Raises:
        ValueError: the stream is of another size.
        lzma.LZMAError: it is damaged.
    """
    size = 4 * NUM_CHANNELS * sum(num_frames)
    planes = np.frombuffer(lzma.LZMADecompressor().decompress(packed.tobytes(), size + 1), dtype=np.uint8)
    if planes.size != size:
        raise ValueError(f"coding: expected {size} bytes of {sum(num_frames)} frames, got {planes.size}")
    folded = np.ascontiguousarray(planes.reshape(4, -1).T).view("<u4")[:, 0]
    flat = (folded >> 1).astype(np.int32) ^ -(folded & 1).astype(np.int32)
    ends = np.cumsum(num_frames) * NUM_CHANNELS
    return [clip.reshape(NUM_CHANNELS, -1).T for clip in np.split(flat, ends[:-1])]

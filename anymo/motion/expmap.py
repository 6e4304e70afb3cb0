"""CMU exponential maps, (T, 117) numbers per clip -> Motion on our 23 segments.

The form in which CMU clips go round for motion prediction: root translation and 38 rotation vectors of the
tree of cgspeed's BVH files, end sites included, x left, y up, z forward, in ASF units (Jain et al.,
Structural-RNN, 2016; tree and offsets as in src/forward_kinematics_cmu.py of
chaneyddtt/Convolutional-Sequence-to-Sequence-Model-for- Human-Dynamics). That code multiplies rows from the
left, so the rotation of a vector v is that of -v in columns.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anymo.motion.cmu import segment_poses
from anymo.motion.retarget import motion_from_poses
from anymo.motion.rigs import CMU_UNIT_M
from anymo.motion.rotations import rotation_of
from anymo.motion.source import AnyArray, floats, read_npz, read_text, require_few_poses
from anymo.records import Array, Caption, Motion

WIDTH = 117
_MAX_BYTES = 1 << 27  # as words in lists it takes 20 times that

# Bone, its parent, and where it starts in its parent, ASF units. The skeleton is subject 02's in every clip.
# The tree the format states loses two lengths, those of the bones that branch: the thorax and the wrists
# begin and end in one point. They are put back from the subject's own 02.asf.
_BONES: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("root", "", (0.0, 0.0, 0.0)),
    ("lhipjoint", "root", (0.0, 0.0, 0.0)),
    ("lfemur", "lhipjoint", (1.65674, -1.80282, 0.62477)),
    ("ltibia", "lfemur", (2.5972, -7.13576, 0.0)),
    ("lfoot", "ltibia", (2.49236, -6.8477, 0.0)),
    ("ltoes", "lfoot", (0.19704, -0.54136, 2.14581)),
    ("ltoes end", "ltoes", (0.0, 0.0, 1.11249)),
    ("rhipjoint", "root", (0.0, 0.0, 0.0)),
    ("rfemur", "rhipjoint", (-1.6107, -1.80282, 0.62476)),
    ("rtibia", "rfemur", (-2.59502, -7.12977, 0.0)),
    ("rfoot", "rtibia", (-2.4678, -6.78024, 0.0)),
    ("rtoes", "rfoot", (-0.23024, -0.63258, 2.13368)),
    ("rtoes end", "rtoes", (0.0, 0.0, 1.11569)),
    ("lowerback", "root", (0.0, 0.0, 0.0)),
    ("upperback", "lowerback", (0.01961, 2.0545, -0.14112)),
    ("thorax", "upperback", (0.01021, 2.06436, -0.05921)),
    ("lowerneck", "thorax", (0.00151, 2.06805, 0.00804)),
    ("upperneck", "lowerneck", (0.00713, 1.56711, 0.14968)),
    ("head", "upperneck", (0.03429, 1.56041, -0.10006)),
    ("head end", "head", (0.01305, 1.6256, -0.05265)),
    ("lclavicle", "thorax", (0.00151, 2.06805, 0.00804)),
    ("lhumerus", "lclavicle", (3.54205, 0.90436, -0.17364)),
    ("lradius", "lhumerus", (4.86513, 0.0, 0.0)),
    ("lwrist", "lradius", (3.35554, 0.0, 0.0)),
    ("lhand", "lwrist", (1.67777, 0.0, 0.0)),
    ("lfingers", "lhand", (0.66117, 0.0, 0.0)),
    ("lfingers end", "lfingers", (0.53306, 0.0, 0.0)),
    ("lthumb", "lwrist", (1.67777, 0.0, 0.0)),
    ("lthumb end", "lthumb", (0.5412, 0.0, 0.5412)),
    ("rclavicle", "thorax", (0.00151, 2.06805, 0.00804)),
    ("rhumerus", "rclavicle", (-3.49802, 0.75994, -0.32616)),
    ("rradius", "rhumerus", (-5.02649, 0.0, 0.0)),
    ("rwrist", "rradius", (-3.36431, 0.0, 0.0)),
    ("rhand", "rwrist", (-1.68216, 0.0, 0.0)),
    ("rfingers", "rhand", (-0.73041, 0.0, 0.0)),
    ("rfingers end", "rfingers", (-0.58887, 0.0, 0.0)),
    ("rthumb", "rwrist", (-1.68216, 0.0, 0.0)),
    ("rthumb end", "rthumb", (-0.59786, 0.0, 0.59786)),
)
_NAMES = tuple(name for name, _, _ in _BONES)


def load_expmap(
    source: Path,
    *,
    name: str = "",
    rate_hz: float | None = None,
    captions: Sequence[Caption] = (),
    key: str = "",
) -> Motion:
    """Read a clip of CMU exponential maps; the T-pose frame that opens each is dropped.

    Args:
        source: `.txt` or `.csv` with 117 numbers a line, also gzip; or an `.npz` of such arrays.
        name: of the clip; empty takes the file's, or the key.
        rate_hz: frames per second; must be stated, for the format does not (CMU records at 120).
        captions: sentences that go with the clip.
        key: which array of an `.npz`.

    Raises:
        ValueError: the rate is not stated, the numbers are not (T, 117), or are no human pose.
    """
    where = key or source.name
    if rate_hz is None:
        raise ValueError(f"{where}: exponential maps state no frame rate; pass rate_hz (CMU records at 120)")
    values = _of_archive(source, key) if source.suffix.lower() == ".npz" else _of_text(source)
    start, turn = world_pose(values, where)
    position, rotation = segment_poses(_NAMES, start, turn, CMU_UNIT_M)
    return motion_from_poses(
        position,
        rotation,
        rate_hz=rate_hz,
        name=name or key or source.name.split(".")[0],
        source="exponential maps, CMU",
        captions=captions,
        may_open_with_t_pose=True,
    )


def world_pose(values: Array, where: str) -> tuple[Array, Array]:
    """Bone starts (T, 38, 3), ASF units, and turns away from rest (T, 38, 3, 3), file axes.

    Raises:
        ValueError: not (T, 117) finite numbers, or rotation vectors longer than a turn.
    """
    if values.ndim != 2 or values.shape[1] != WIDTH:
        raise ValueError(f"{where}: expected (T, {WIDTH}) numbers, root and 38 rotations, got {values.shape}")
    require_few_poses(len(values), len(_BONES), where)
    vectors = values[:, 3:].reshape(len(values), -1, 3)
    longest = np.linalg.norm(vectors, axis=-1).max(initial=0.0)
    if not np.isfinite(values).all() or longest > 2 * math.pi:
        raise ValueError(
            f"{where}: expected finite rotation vectors within a turn, the longest is {longest:.3g} rad; "
            "are the angles in degrees, or the columns in another order?"
        )
    local = rotation_of(-vectors)
    start, turn = np.empty_like(vectors), np.empty_like(local)
    start[:, 0], turn[:, 0] = values[:, :3], local[:, 0]
    for i, (_, above, offset) in enumerate(_BONES[1:], start=1):
        parent = _NAMES.index(above)
        turn[:, i] = turn[:, parent] @ local[:, i]
        start[:, i] = start[:, parent] + turn[:, parent] @ np.asarray(offset)
    return start, turn


def _of_text(path: Path) -> Array:
    rows = [
        line.replace(",", " ").split() for line in read_text(path, _MAX_BYTES).splitlines() if line.strip()
    ]
    odd = next((k for k, row in enumerate(rows) if len(row) != WIDTH), None)
    if odd is not None or not rows:
        got = f"{len(rows[odd])} in line {odd + 1}" if odd is not None else "an empty file"
        raise ValueError(f"{path.name}: expected {WIDTH} numbers a line, got {got}; is the file whole?")
    try:
        return np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"{path.name}: a line holds something that is no number ({error})") from error


def _of_archive(path: Path, key: str) -> Array:
    arrays: dict[str, AnyArray] = read_npz(path, only={key})
    if key not in arrays:
        raise ValueError(f"{path.name}: holds no array {key!r}; pass key=, the name of a clip in it")
    return floats(arrays[key], key, path.name)

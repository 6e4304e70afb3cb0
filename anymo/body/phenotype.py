"""Anny bodies (NAVER, Apache-2.0) by phenotype, built once and kept as safetensors."""

import hashlib
import json
import logging
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from anymo.assets import cache_folder
from anymo.body.surface import Body
from anymo.body.tpose import hand_directions, joint_positions, pose, segment_weights, tpose_from_rest

logger = logging.getLogger(__name__)

# An average adult. Age 2/3 is Anny's young adult, gender 0 is male; stature is 1.29 m + 1.09 m · height
# (measured on anny 0.6.2 at gender 0.5), so a height of 0.37 stands for 1.70 m.
ADULT: dict[str, float] = {
    "gender": 0.5,
    "age": 2 / 3,
    "muscle": 0.5,
    "weight": 0.5,
    "height": 0.37,
    "proportions": 0.5,
}
_HIDDEN = [
    "mouth_cavity",
    "tongue",
    *(f"eye_{part}.{side}" for part in ("cavity", "back", "front") for side in "LR"),
]
_LAYOUT = 1  # of the cached arrays and the T-pose behind them; raise it when either changes


def anny_body(phenotype: Mapping[str, float]) -> Body:
    """Body of a phenotype in T-pose; from the cache where it was built before.

    Args:
        phenotype: any of gender (0 male, 1 female), age (1/3 child, 2/3 young adult, 1 old), muscle, weight,
            height and proportions, each in [0, 1]; what is left out is that of an average adult.

    Raises:
        ValueError: an unknown label or a value outside [0, 1].
    """
    shape = _checked(phenotype)
    key = hashlib.sha256(json.dumps([_LAYOUT, shape]).encode()).hexdigest()[:16]
    path = cache_folder() / "bodies" / f"anny-{version('anny')}-{key}.safetensors"
    if path.exists():
        try:
            return Body(**load_file(path))
        except (SafetensorError, TypeError) as error:
            logger.warning("body cache: %s cannot be read (%s); building it again", path, error)
    body = _build(shape)
    _save(body, path)
    return body


def random_phenotype(rng: np.random.Generator) -> dict[str, float]:
    """Phenotype of a random adult: stature 1.75 m at gender 0 and 1.62 m at gender 1, ± 0.07 m."""
    return {
        "gender": float(rng.random()),
        "age": float(rng.uniform(2 / 3, 1.0)),
        "muscle": float(rng.beta(2, 2)),
        "weight": float(rng.beta(2, 2)),
        "height": float(0.17 + 0.4 * rng.beta(4, 4)),
        "proportions": float(rng.beta(2, 2)),
    }


def _checked(phenotype: Mapping[str, float]) -> dict[str, float]:
    for label, value in phenotype.items():
        if label not in ADULT:
            raise ValueError(
                f"phenotype: expected labels among {', '.join(ADULT)}, got {label!r}; rename or drop it"
            )
        if not 0.0 <= value <= 1.0:
            raise ValueError(
                f"phenotype: {label} must be in [0, 1], got {value}; 0.5 is the middle of its range"
            )
    return {label: float(phenotype.get(label, average)) for label, average in ADULT.items()}


@lru_cache(maxsize=1)
def _model() -> tuple[Any, np.ndarray]:
    """The rigged model and (F,) which of its faces are seen from outside."""
    import anny
    from anny.face_segmentation import get_face_segmentation_mask

    # Its own skinning is not used; "lbs" spares the import of warp.
    model = anny.Anny(rig="anny", topology="anny", skinning_method="lbs")
    return model, ~get_face_segmentation_mask(model, _HIDDEN).numpy()


def _build(shape: dict[str, float]) -> Body:
    model, is_outer = _model()
    rest = model(phenotype_kwargs=shape)
    to_ours = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # Anny faces −y, left is +x
    vertices = rest["rest_vertices"][0].numpy() @ to_ours.T
    head = dict(zip(model.bone_labels, rest["rest_bone_heads"][0].numpy() @ to_ours.T, strict=True))
    weights = segment_weights(
        model.bone_labels, model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    )
    joints = joint_positions(head)
    vertices, joints = pose(vertices, weights, joints, tpose_from_rest(joints, hand_directions(head)))
    kept, faces = np.unique(model.faces.numpy()[is_outer], return_inverse=True)
    return Body(
        vertices=vertices[kept],
        faces=faces.reshape(-1, 3),
        joint_position=joints,
        skin_weights=weights[kept].astype(np.float32),
    )


def _save(body: Body, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("vertices", "faces", "joint_position", "skin_weights")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        whole = Path(folder) / path.name
        save_file({name: np.ascontiguousarray(getattr(body, name)) for name in names}, whole)
        whole.replace(path)

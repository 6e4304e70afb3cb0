"""The door to bodies: Anny by phenotype, or a SMPL-family model from the user's own file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from anymo.body.phenotype import anny_body, random_phenotype
from anymo.body.smpl import smpl_body
from anymo.body.surface import Body


def load(
    model: str | Path = "anny",
    *,
    phenotype: Mapping[str, float] | None = None,
    betas: Sequence[float] | None = None,
) -> Body:
    """Body in T-pose; `Body.fitted` then gives it the bone lengths of a motion.

    Args:
        model: "anny", or a SMPL, SMPL-H or SMPL-X model file of yours, .npz or .pkl, for the gender you want.
        phenotype: of Anny: any of gender (0 male, 1 female), age (1/3 child, 2/3 young adult, 1 old), muscle,
            weight, height and proportions, each in [0, 1]; what is left out is that of an average adult.
        betas: of a SMPL-family model: its first shape coefficients; none gives the mean body.

    Raises:
        ValueError: an unknown label or a value outside [0, 1]; a model file that is broken, of another kind,
            or has arrays of the wrong shape; a phenotype for a file, or betas for Anny.
        FileNotFoundError: no such file.
    """
    if str(model) == "anny":
        if betas is not None:
            raise ValueError("body: betas belong to SMPL-family files; give Anny's shape as a phenotype")
        return anny_body(phenotype or {})
    if phenotype is not None:
        raise ValueError(
            f"body: a phenotype shapes model 'anny', got model {str(model)!r}; pass betas for it"
        )
    return smpl_body(Path(model), np.asarray([] if betas is None else betas, dtype=np.float64))


def sample(rng: np.random.Generator) -> Body:
    """Body of a random adult."""
    return load(phenotype=random_phenotype(rng))

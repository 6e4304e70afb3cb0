"""Preparing a corpus: procedural motion on sampled bodies, and real clips where they are."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from anymo.body import Body
from anymo.config import REPOSITORY, read_yaml, save
from anymo.data.arrow import VERSION, StoredClip
from anymo.data.card import refusal
from anymo.data.clip import ClipSource, store_parts
from anymo.data.corpus import MotionCorpus, write_corpus
from anymo.data.generated import bodies_of_seed, generated_clips
from anymo.data.motion_files import file_sha256
from anymo.motion import find_clips
from anymo.motion.clips import CMU_MANIFEST, Clip

_log = logging.getLogger(__name__)

REAL_CUTOFF_HZ = 12.0  # of captured motion: the 60 fps retargeted clips carry little but jitter above


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """A corpus.

    Attributes:
        output: folder the corpus is written to.
        seed: of bodies, motions and the held-out draw.
        num_clips: procedural clips.
        activities: "core", fifty that are common, "all" of the library, or
            "common": all, the core twice, rest four times more; they take turns.
        clip_s: duration of each, s.
        num_bodies: body shapes that move and wear the sensors; the first is the average adult.
        held_out_fraction: share of clips kept for validation, whole clips.
        use_real_clips: add the CMU clips under ANYMO_DATA or ../shared/data if they are there.
    """

    output: Path = Path("runs/demo/corpus")
    seed: int = 0
    num_clips: int = 900
    activities: str = "core"
    clip_s: float = 8.0
    num_bodies: int = 8
    held_out_fraction: float = 0.12
    use_real_clips: bool = True

    def __post_init__(self) -> None:
        if self.num_clips < 1 or not 0 < self.held_out_fraction < 1:
            raise ValueError(
                "prepare: expected num_clips >= 1 and held_out_fraction between 0 and 1, got "
                f"{self.num_clips} and {self.held_out_fraction}"
            )
        generated_clips(0, self.activities, (self.clip_s, self.clip_s), self.num_bodies, self.seed)


def bodies(config: PrepareConfig) -> tuple[Body, ...]:
    """The bodies of a corpus, a function of its seed alone."""
    return bodies_of_seed(config.seed, config.num_bodies)


def bodies_of(corpus: Path) -> tuple[Body, ...]:
    """The bodies a corpus was built with, from the `config.yaml` that was left beside it.

    Sensors on clips from files (`anymo.data.conversion`) are worn by the average adult.

    Raises:
        FileNotFoundError: nothing was written there.
    """
    file = corpus / "config.yaml"
    if not file.is_file():
        raise FileNotFoundError(
            f"corpus: expected {file}, which a corpus is made with: run data_prep/simulate.py or "
            "data_prep/kinematics.py by the configuration of configs/prepare whose `output` is this folder"
        )
    stated = read_yaml(file)
    return bodies_of_seed(stated["seed"], stated.get("num_bodies", 1))


def data_root() -> Path | None:
    """Folder of the real recordings and clips: ANYMO_DATA, or ../shared/data beside the repository.

    Returns:
        The folder, or None where there is neither.

    Raises:
        ValueError: ANYMO_DATA names no folder.
    """
    named = os.environ.get("ANYMO_DATA")
    root = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if named and not root.is_dir():
        raise ValueError(f"ANYMO_DATA: expected a folder, {root} is none; correct it or unset it")
    return root if root.is_dir() else None


def real_clips_id(config: PrepareConfig) -> str:
    """What tells one state of the real clips, and of their processing, from another.

    The version of the processing, and a hash of the clips' manifest or "none" without them.

    Raises:
        ValueError: as `data_root`.
    """
    root = data_root() if config.use_real_clips else None
    manifest = None if root is None else root / CMU_MANIFEST
    if manifest is None or not manifest.is_file():
        return f"{VERSION} none"
    return f"{VERSION} {hashlib.sha256(manifest.read_bytes()).hexdigest()}"


def prepare(config: PrepareConfig) -> MotionCorpus:
    """Generate, differentiate and write a corpus.

    Clip i depends on (seed, i) alone. The config is saved beside the corpus, for `bodies_of`.

    Raises:
        ValueError: as `data_root`; or clips of the shared data folder that its manifest lists are not
            there.
    """
    save(config, config.output)
    refused: list[dict[str, Any]] = []
    write_corpus(
        _clips(config, refused),
        config.output,
        held_out_fraction=config.held_out_fraction,
        seed=config.seed,
        refused=refused,
    )
    return MotionCorpus.load(config.output)


def _clips(config: PrepareConfig, refused: list[dict[str, Any]]) -> Iterator[StoredClip]:
    span = (config.clip_s, config.clip_s)
    made = generated_clips(config.num_clips, config.activities, span, config.num_bodies, config.seed)
    for clip in tqdm(made, desc="motion", unit="clip"):
        yield from _kept(clip, clip.name, clip.source, refused, dataset=clip.dataset)
    root = data_root() if config.use_real_clips else None
    if root is not None:
        for found in tqdm(find_clips(root), desc="real clips", unit="clip"):
            known = {"file": found.path.relative_to(root).as_posix(), "sha256": file_sha256(found.path)}
            name, source = found.path.name.split(".")[0], partial(_captured, found)
            yield from _kept(found, name, source, refused, dataset="cmu", **known)
    if refused:
        reasons = "; ".join(line["reason"] for line in refused)
        _log.warning("%d clips refused: %s", len(refused), reasons)


def _captured(clip: Clip) -> ClipSource:
    return ClipSource(motion=clip.load(), body=0, cutoff_hz=REAL_CUTOFF_HZ)


def _kept(
    clip: object, name: str, source: Callable[[], ClipSource], refused: list[dict[str, Any]], **known: Any
) -> list[StoredClip]:
    """A clip without what jumps as no body does; one that is refused adds its line of the manifest."""
    try:
        return store_parts(source(), **known)[0]
    except ValueError as error:
        refused.append(refusal(clip, "", str(error)) | {"name": name} | known)
        return []

"""What every test stands on: the hub is off, real data and fetched assets are found or said to be missing."""

import logging
import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before any import reads it

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from anymo import assets
from anymo.data.corpus import ClipSource, MotionCorpus, build_corpus
from anymo.records import Caption, Motion
from anymo.skeleton import DEFAULT_JOINT_OFFSETS, NUM_SEGMENTS

REPOSITORY = Path(__file__).resolve().parents[1]

ACTIVITIES = ("walking", "running", "standing still", "doing jumping jacks")  # that models here were taught
_LONG = ("test_end_to_end.py", "test_launch.py", "test_align_launch.py", "test_alignment_evaluation.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take longest come first, so that no process of the suite has one alone at the end."""
    items.sort(key=lambda item: item.path.name not in _LONG)


@pytest.fixture(autouse=True)
def hub_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True)
def log_levels_end_with_the_test() -> Iterator[None]:
    """A command sets the level of our loggers; the next test shall not hear of it."""
    yield
    for name in ("anymo", "anymo.motion"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real clips and recordings: ANYMO_DATA, or shared/data beside the repository."""
    root = Path(os.environ.get("ANYMO_DATA") or REPOSITORY.parent / "shared" / "data")
    if not root.is_dir():
        word = f"no real data at {root}; set ANYMO_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(word)
        pytest.skip(word)
    return root


@pytest.fixture(scope="session")
def asset() -> Callable[[str], Path]:
    """Folder of a fetched asset by name; a test never downloads."""

    def folder(name: str) -> Path:
        found = assets.find(name)
        if found is None:
            pytest.fail(f"asset {name!r} is not on this machine: run `make assets` first")
        return found

    return folder


@pytest.fixture(scope="session")
def hand_motion() -> Callable[..., Motion]:
    """Motion drawn by hand: every joint swings as a sum of two sines, the pelvis walks forward."""

    def swing(seed: int = 0, duration_s: float = 8.0, rate_hz: float = 60.0, warp: float = 1.0) -> Motion:
        rng = np.random.default_rng([seed, 3])
        t = warp * np.arange(round(duration_s * rate_hz / warp) + 1) / rate_hz
        size, hz = 0.35 * rng.normal(size=(2, NUM_SEGMENTS, 3)), rng.uniform(0.3, 1.6, (2, NUM_SEGMENTS, 3))
        phase = rng.uniform(0, 2 * np.pi, (2, NUM_SEGMENTS, 3))
        angle = (size * np.sin(2 * np.pi * hz * t[:, None, None, None] + phase)).sum(axis=1)
        root = np.stack([0.8 * t, 0.05 * np.sin(4 * t), 0.9 + 0.03 * np.sin(9 * t)], axis=-1)
        return Motion(
            root_position=root,
            rotations=Rotation.from_rotvec(angle.reshape(-1, 3)).as_matrix().reshape(*angle.shape[:2], 3, 3),
            joint_offsets=DEFAULT_JOINT_OFFSETS,
            rate_hz=rate_hz,
            captions=(Caption(text=f"move {seed % 4}"), Caption(text=f"a person moves in manner {seed % 4}")),
            name=f"swing-{seed}",
            source="by hand",
        )

    return swing


@pytest.fixture(scope="session")
def tiny_corpus(hand_motion: Callable[..., Motion]) -> MotionCorpus:
    """Twelve clips of 8 s, some of them held out."""
    clips = [ClipSource(motion=hand_motion(k), body=0) for k in range(12)]
    return build_corpus(clips, held_out_fraction=0.4, seed=1)


@pytest.fixture(scope="session")
def small_llama(asset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained language model of four small layers with the default's tokenizer."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("small_llama")
    tokenizer = AutoTokenizer.from_pretrained(asset("smollm2-135m-instruct"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 16}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(asset: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained model on the real text tower and the real language model."""
    import torch

    from anymo.align import MotionLanguageModel
    from anymo.data.feature_extraction import AnymoFeatureExtractor
    from anymo.encoders import AnymoEncoderConfig, ImuEncoder, TextTower, TextTowerConfig
    from anymo.tokenizer import MotionTokenizer, MotionTokenizerConfig

    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    encoder = ImuEncoder(AnymoEncoderConfig(hidden_size=32, num_layers=1, num_heads=2))
    encoder.save_pretrained(folder / "encoder")
    AnymoFeatureExtractor(rate_hz=20.0, window_s=5.0, hop_s=5.0).save_pretrained(folder / "encoder")
    tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=32, codebook_size=16, code_size=4))
    tokenizer.save_pretrained(folder / "tokenizer")
    text = TextTower(TextTowerConfig(base=str(asset("wordllama-256"))))
    text.centre(["walking", "playing badminton", "standing still"])
    text.save_pretrained(folder / "text")
    language_model = MotionLanguageModel.create(
        str(asset("smollm2-135m-instruct")), tokenizer.quantizer.codes, lora_rank=2, activities=ACTIVITIES
    )
    language_model.save_pretrained(folder / "language_model")
    return folder


@pytest.fixture(scope="session")
def small_model_folder(
    model_folder: Path, small_llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same with a language model that answers at once, in no words."""
    import shutil

    import torch

    from anymo.align import MotionLanguageModel
    from anymo.tokenizer import MotionTokenizer

    folder = Path(shutil.copytree(model_folder, tmp_path_factory.mktemp("small") / "model"))
    shutil.rmtree(folder / "language_model")
    codes = MotionTokenizer.from_pretrained(folder / "tokenizer").quantizer.codes
    torch.manual_seed(0)
    language_model = MotionLanguageModel.create(str(small_llama), codes, lora_rank=2, activities=ACTIVITIES)
    language_model.save_pretrained(folder / "language_model")
    return folder

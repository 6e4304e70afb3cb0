"""Pre-training from one file, in pieces: no hub, no body model, and no package but those it names."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from anymo import body, config
from anymo.data.clip import ClipSource, store_clip
from anymo.data.compact import read_compact, write_compact
from anymo.data.corpus import write_corpus
from anymo.records import Motion
from anymo.training.engine import Paused
from anymo.training.pretrain import PretrainConfig, pretrain

SCRIPT = config.REPOSITORY / "train" / "pretrain_chunk.py"
HIDING = Path(__file__).with_name("only_these_packages.py")
SMALL = (
    "--encoder.hidden_size=32", "--encoder.num_layers=1", "--encoder.num_heads=2", "--optim.steps=3",
    "--optim.batch_size=4", "--optim.warmup_steps=0", "--objective.predictor_layers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def file(hand_motion: Callable[..., Motion], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    clips = [store_clip(ClipSource(motion=hand_motion(k), body=0)) for k in range(8)]
    write_corpus(clips, folder, held_out_fraction=0.4, seed=1)
    rng = np.random.default_rng(0)

    def embed(texts: list[str]) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(len(texts), 256))), dim=-1)

    write_compact(
        folder, folder / "c.safetensors", bodies=[body.load()], embed=embed, text_base="minilm-l6-v2"
    )
    return folder / "c.safetensors"


def run(file: Path, output: Path, minutes: float, hidden: str = "") -> subprocess.CompletedProcess[str]:
    """The script in a process of its own, with an empty cache."""
    command = [
        sys.executable,
        HIDING,
        hidden,
        str(SCRIPT),
        "--corpus",
        str(file),
        "--output",
        str(output),
    ]
    environment = os.environ | {"ANYMO_CACHE": str(output / "no-cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, "--minutes", str(minutes), *SMALL], env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_two_pieces_are_one_run(file: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    first = run(file, tmp_path / "pieces", minutes=0)
    assert first.returncode == 0, first.stderr
    assert "paused at step 1 of 3" in first.stdout
    assert not (tmp_path / "pieces" / "encoder").exists()
    weights = []
    for output in (tmp_path / "pieces", tmp_path / "straight"):
        compact = read_compact(file)
        release = config.REPOSITORY / "configs" / "pretrain" / "release.yaml"
        stated = ["--config_path", str(release), "--corpus", str(file), "--output", str(output), *SMALL]
        pretrain(config.load(PretrainConfig, stated), compact.bodies, compact=compact)
        weights.append(load_file(output / "encoder" / "model.safetensors"))
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


def test_a_folder_of_another_run_is_refused_and_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "step.json").write_text('{"step": 1, "run": {"seed": 7}}')
    (tmp_path / "config.yaml").write_text("seed: 7\n")
    done = run(file, tmp_path, minutes=1)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: pre-train: ")
    assert "belongs to another run (" in done.stderr
    assert (tmp_path / "config.yaml").read_text() == "seed: 7\n"


def test_a_missing_wheel_is_named(file: Path, tmp_path: Path) -> None:
    done = run(file, tmp_path, minutes=1, hidden="draccus")
    assert done.returncode == 1
    assert "pip install --no-deps 'draccus>=0.11.6,<0.12'" in done.stderr


def test_another_sentence_model_is_refused(file: Path, tmp_path: Path) -> None:
    compact = read_compact(file)
    stated = PretrainConfig(output=tmp_path, text_base="another")
    with pytest.raises(ValueError, match="expected minilm-l6-v2 without a prompt"):
        pretrain(stated, compact.bodies, compact=compact)


def test_a_deadline_that_is_not_reached_changes_nothing(file: Path, tmp_path: Path) -> None:
    compact = read_compact(file)
    stated = config.load(PretrainConfig, [*SMALL, "--output", str(tmp_path), "--optim.steps", "1"])
    pretrain(stated, compact.bodies, compact=compact, deadline_s=time.monotonic())  # the last step is done
    assert (tmp_path / "encoder" / "model.safetensors").is_file()
    with pytest.raises(Paused, match="paused at step 1 of 2"):
        pretrain(
            config.load(PretrainConfig, [*SMALL, "--output", str(tmp_path / "b"), "--optim.steps", "2"]),
            compact.bodies,
            compact=compact,
            deadline_s=time.monotonic(),
        )


def test_another_model_is_trained_on_with_the_embeddings_that_came_along(file: Path, tmp_path: Path) -> None:
    compact = read_compact(file)
    stated = config.load(PretrainConfig, [*SMALL, "--output", str(tmp_path / "a"), "--optim.steps", "1"])
    first = pretrain(stated, compact.bodies, compact=compact)
    on = replace(stated, start=first, output=tmp_path / "b")
    assert (pretrain(on, compact.bodies, compact=compact) / "text" / "model.safetensors").is_file()
    with pytest.raises(ValueError, match=r"text_base 'minilm-l6-v2', the configuration says 'another'"):
        pretrain(replace(on, text_base="another"), compact.bodies, compact=compact)

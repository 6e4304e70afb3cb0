"""Every named run loads, states every field with a comment, and the demo's are the defaults."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import draccus
import pytest
from accelerate.commands.config.config_args import load_config_from_file

from anymo import config
from anymo.data.conversion import KinematicsConfig
from anymo.data.prepare import PrepareConfig
from anymo.data.sampler import DrawConfig
from anymo.demo import DemoConfig
from anymo.training.align_config import AlignConfig
from anymo.training.objectives import ObjectiveConfig
from anymo.training.pretrain import PretrainConfig
from anymo.training.tokenizer import TokenizerConfig

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
STAGES = {
    "prepare": PrepareConfig,
    "pretrain": PretrainConfig,
    "tokenizer": TokenizerConfig,
    "align": AlignConfig,
}
FILES = [file for stage in STAGES for file in sorted((CONFIGS / stage).glob("*.yaml"))]


FROM_FILES = ("folder", "shared", "pretrain")  # configs/prepare of data_prep/kinematics.py


def load(file: Path) -> Any:
    cls = KinematicsConfig if file.stem in FROM_FILES else STAGES[file.parent.name]
    return config.load(cls, ["--config_path", str(file)])


def keys(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: keys(value) if isinstance(value, dict) else None for key, value in tree.items()}


def test_each_stage_has_its_runs() -> None:
    assert {file.parent.name for file in FILES if file.stem == "demo"} == set(STAGES)
    assert {file.parent.name for file in FILES if file.stem == "tiny"} == set(STAGES)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_complete_and_commented(file: Path) -> None:
    assert keys(config.read_yaml(file)) == keys(draccus.encode(load(file)))
    leaves = [line for line in file.read_text().splitlines() if re.match(r" *\w+: \S", line)]
    assert [line for line in leaves if "  # " not in line] == []


@pytest.mark.parametrize("stage", STAGES)
def test_demo_is_the_default(stage: str) -> None:
    loaded = load(CONFIGS / stage / "demo.yaml")
    paths = {f.name: getattr(loaded, f.name) for f in fields(loaded) if f.type is Path}
    assert loaded == STAGES[stage](**paths)


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_stages_follow_on_each_other(name: str) -> None:
    prepare, pretrain, tokenizer, align = (load(CONFIGS / stage / f"{name}.yaml") for stage in STAGES)
    assert {pretrain.corpus, tokenizer.corpus, align.corpus} == {prepare.output}
    assert {tokenizer.encoder, align.encoder} == {pretrain.output / "encoder"}
    assert align.tokenizer == tokenizer.output / "tokenizer"
    assert pretrain.draw == tokenizer.draw == align.draw


@pytest.mark.parametrize("name", ["tiny", "demo"])
def test_demos_load(name: str) -> None:
    loaded = config.load(DemoConfig, ["--config_path", str(CONFIGS / f"{name}.yaml")])
    assert loaded.name == name


def test_a_demo_pretrains_with_targets_and_complete_views_that_later_stages_have_not() -> None:
    draw, objective = DrawConfig(num_targets=2, complete=True), ObjectiveConfig(synthesis=0.5)
    DemoConfig(pretrain=PretrainConfig(draw=draw, objective=objective))
    with pytest.raises(ValueError, match="demo: draw must be the same in pretrain, tokenizer and align"):
        DemoConfig(pretrain=PretrainConfig(draw=replace(draw, max_sensors=2), objective=objective))


@pytest.mark.parametrize("file", sorted((CONFIGS / "accelerate").glob("*.yaml")), ids=lambda f: f.stem)
def test_launchers_read(file: Path) -> None:
    loaded = load_config_from_file(str(file))
    assert loaded.num_processes >= 2
    named = getattr(loaded, "deepspeed_config", {}).get("deepspeed_config_file")
    if named:
        stage = json.loads((CONFIGS.parent / named).read_text())["zero_optimization"]["stage"]
        assert f"zero{stage}" in file.stem

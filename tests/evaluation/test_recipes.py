"""Training recipes one after the other: steps from the budget, kept runs, a kill, the table."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anymo import config as configuration
from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.evaluation import recipes
from anymo.evaluation.comparison import comparison_table
from anymo.evaluation.recipes import RecipesConfig, Variant, pretrain_config, run_recipes
from anymo.training import pretrain as pretrain_stage

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = REPOSITORY / "configs" / "pretrain" / "tiny.yaml"


def figures(accuracy: float) -> dict[str, Any]:
    """What `evaluate_encoder` gives, in little."""
    chance = {"accuracy": 0.25, "macro_f1": 0.25, "recall_at_2": 0.5}
    zero = {"accuracy": accuracy, "macro_f1": accuracy / 2, "recall_at_2": 0.9, "chance": chance}
    way = {
        f"{c}{k}": 0.1 for c in ("", "chance_") for k in ("recall_at_1", "recall_at_5", "recall_at_10", "mrr")
    }
    pool = {"num_windows": 8, "num_pools": 1, "imu_to_text": way, "text_to_imu": way}
    curve = {"data": "d", "condition": "c", "ticks": ["1"], "accuracy": [accuracy], "chance": 0.25}
    return {"zero_shot": {"basic_motions": zero}, "retrieval": {"real": pool}, "robustness": [curve]}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Encoders that were measured, by a stand-in for the evaluation."""
    seen: list[str] = []

    def evaluate(pipe: Any, *_: object) -> tuple[dict[str, Any], dict[str, object]]:
        seen.append(pipe.folder.name)
        return figures(0.5 + 0.1 * len(seen)), {}

    monkeypatch.setattr(recipes, "evaluate_encoder", evaluate)
    return seen


def comparison(corpus: Path, output: Path) -> RecipesConfig:
    variants = (
        Variant(name="all", config=TINY),
        Variant(name="no_pose", config=TINY, overrides=("objective.pose=0",)),
    )
    return RecipesConfig(corpus=corpus, output=output, variants=variants, seeds=(0,), budget_s=0.001)


@pytest.mark.slow
def test_steps_fit_the_budget_and_runs_are_kept(
    corpus_folder: Path,
    bodies: Sequence[Body],
    tmp_path: Path,
    measured: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = comparison(corpus_folder, tmp_path / "runs")
    save = pretrain_stage._save

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain_stage, "_save", killed)
    monkeypatch.setattr(recipes, "_seconds_per_step", lambda *_: 0.0005)
    with pytest.raises(KeyboardInterrupt):
        run_recipes(config, bodies)
    assert measured == []
    monkeypatch.setattr(pretrain_stage, "_save", save)
    monkeypatch.setattr(recipes, "_seconds_per_step", lambda *_: pytest.fail("timed twice"))
    with pytest.raises(pytest.fail.Exception, match="timed twice"):  # the second variant was not timed yet
        run_recipes(replace(config, variants=(*config.variants, Variant(name="new", config=TINY))), bodies)
    with caplog.at_level("INFO"):
        numbers = run_recipes(config, bodies)
    assert "resumed at step 2" in caplog.text
    assert measured == ["all-seed0", "no_pose-seed0"]
    assert {name: run["0"]["steps"] for name, run in numbers["runs"].items()} == {"all": 2, "no_pose": 2}
    assert all(run["0"]["training_s"] > 0 for run in numbers["runs"].values())
    assert run_recipes(config, bodies) == numbers
    assert len(measured) == 2
    run_recipes(
        replace(config, protocol=replace(config.protocol, seed=1)), bodies
    )  # measured anew, not trained
    assert len(measured) == 4
    assert "| basic_motions, macro-F1 |" in (tmp_path / "runs" / "recipes.md").read_text()
    with pytest.raises(ValueError, match="give another output folder"):
        run_recipes(replace(config, budget_s=1.0), bodies)
    other = replace(config.variants[0], overrides=("objective.text=0",))
    with pytest.raises(ValueError, match=r"variant 'all' was .* give it another name"):
        run_recipes(replace(config, variants=(other,)), bodies)


def test_steps_can_be_stated(
    corpus_folder: Path, bodies: Sequence[Body], tmp_path: Path, measured: list[str]
) -> None:
    config = replace(comparison(corpus_folder, tmp_path / "runs"), steps=1)
    numbers = run_recipes(config, bodies)
    assert {name: run["0"]["steps"] for name, run in numbers["runs"].items()} == {"all": 1, "no_pose": 1}
    assert (numbers["steps"], "budget_s" in numbers) == (1, False)
    with pytest.raises(ValueError, match=r"budget_s or steps above 0, got .* and 0"):
        replace(config, steps=0)


def test_runs_on_another_corpus_in_the_same_folder_are_not_kept(
    corpus_folder: Path,
    bodies: Sequence[Body],
    tmp_path: Path,
    measured: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(comparison(corpus_folder, tmp_path), steps=1)
    config = replace(config, variants=config.variants[:1])
    run_recipes(config, bodies)
    monkeypatch.setattr(recipes, "_seconds_per_step", lambda *_: 0.0005)
    timed = replace(config, steps=None)
    recipes._steps(timed, bodies, {"corpus_sha256": "one"})
    with pytest.raises(ValueError, match=r"was made with .*'one'.*'two'.*another output folder"):
        recipes._steps(timed, bodies, {"corpus_sha256": "two"})
    other = replace(MotionCorpus.load(corpus_folder), content="other frames")
    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: other)
    with pytest.raises(ValueError, match=r"belongs to another run \(corpus_sha256"):
        run_recipes(config, bodies)
    assert len(measured) == 1


def test_a_step_is_timed(
    corpus_folder: Path, bodies: Sequence[Body], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "_PROBE_STEPS", 5)
    config = comparison(corpus_folder, tmp_path)
    assert 0 < recipes._seconds_per_step(config, config.variants[0], bodies) < 60
    assert list(tmp_path.iterdir()) == []


def test_seconds_are_summed_over_lines(tmp_path: Path) -> None:
    rows = [
        {"step": 10, "items_per_s": 20.0},
        {"step": 10, "validation_mrr": 1.0},
        {"step": 14, "items_per_s": 8.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert recipes.training_seconds(tmp_path / "metrics.jsonl", batch_size=4) == pytest.approx(
        10 * 4 / 20 + 4 * 4 / 8
    )


@pytest.mark.parametrize("name", ["recipes", "ablation"])
def test_the_named_comparisons_load(name: str) -> None:
    file = REPOSITORY / "configs" / "eval" / f"{name}.yaml"
    config = configuration.load(RecipesConfig, ["--config_path", str(file)])
    for variant in config.variants:
        absolute = replace(variant, config=REPOSITORY / variant.config)
        run = pretrain_config(config, absolute, 3, 1000)
        assert (run.seed, run.optim.steps, run.corpus) == (3, 1000, config.corpus)
        assert run.output == config.output / f"{variant.name}-seed3"
        assert run.optim.warmup_steps <= 100  # AnyMo has none
        for override in variant.overrides:
            name, value = override.split("=")
            block, field = name.split(".")
            assert str(getattr(getattr(run, block), field)).removesuffix(".0") == value


def test_the_shortest_run_has_no_warm_up() -> None:
    mostly = Variant(name="a", config=TINY, overrides=("optim.warmup_steps=3",))  # of four
    config = RecipesConfig(variants=(mostly,))
    assert [pretrain_config(config, mostly, 0, n).optim.warmup_steps for n in (1, 2, 4, 40)] == [0, 1, 3, 3]


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    one = Variant(name="a", config=TINY)
    with pytest.raises(ValueError, match="variants of different names"):
        RecipesConfig(variants=(one, one))
    with pytest.raises(ValueError, match=r"overrides like objective\.pose=0"):
        Variant(name="a", config=TINY, overrides=("objective.pose",))
    wrong = Variant(name="a", config=TINY, overrides=("objective.posse=0",))
    with pytest.raises(ValueError, match=r"expected fields of .*posse"):
        pretrain_config(RecipesConfig(variants=(wrong,)), wrong, 0, 10)


def test_the_table_has_means_intervals_and_gains() -> None:
    facts = {"training_s": 10.0, "steps": 5, "parameters": 7}
    runs = {
        name: {str(seed): figures(a + 0.1 * seed) | facts for seed in (0, 1, 2)}
        for name, a in (("ours", 0.6), ("theirs", 0.3))
    }
    table = comparison_table(runs, markdown=True)
    assert "| basic_motions, accuracy | 70.0 ± 24.8 | 40.0 ± 24.8 | 25.0 |" in table
    assert "| steps | 5 | 5 |  |" in table
    assert "ours against theirs, mean macro-F1 on the development sets: +75.0 % relative." in table
    assert "basic_motions, R@2" in comparison_table({"ours": {"0": runs["ours"]["0"]}})

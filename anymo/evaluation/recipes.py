"""Named pre-training recipes on one corpus for the same time, over seeds: trained, measured, put in a table.

"The same time" means seconds spent in training steps on this machine (drawing and simulating windows
included; start, validation and checkpoints not). A few steps of each variant are timed first; its number of
steps is the budget over their lower quartile, and the learning rate falls over these. The warm-up keeps its
share of them, or is a twentieth where that is more, but never longer than the recipe's own. The seconds that
a run took in truth stand in the table beside its figures.
"""

import json
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import draccus
import numpy as np
from tqdm import tqdm

from anymo import config as configuration
from anymo.body import Body
from anymo.config import write_text
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig
from anymo.evaluation.comparison import comparison_table
from anymo.evaluation.encoder import FILE, ProtocolConfig, draw_robustness, evaluate_encoder
from anymo.evaluation.ledger import model_hash, run_test_sets
from anymo.training.allocator import give_freed_memory_back
from anymo.training.engine import Paused
from anymo.training.pretrain import PretrainConfig, pretrain

_log = logging.getLogger(__name__)

_PROBE_STEPS, _FIRST_STEPS = 24, 3  # timed, and of these left out: memory is still being claimed
_PROBE_S = 180.0  # after which no further step is timed
TEST_FILE = "test_sets.json"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One recipe.

    Attributes:
        name: of its runs' folders and its row.
        config: a pre-training configuration.
        overrides: `field=value` on top of it, such as objective.pose=0.
    """

    name: str
    config: Path
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name or [o for o in self.overrides if "=" not in o]:
            raise ValueError(
                f"variant {self.name!r}: expected a name without a slash and overrides like "
                f"objective.pose=0, got {list(self.overrides)}"
            )


@dataclass(frozen=True, kw_only=True)
class RecipesConfig:
    """A comparison.

    Attributes:
        output: folder of the runs, and of `recipes.json`, `recipes.md` and `robustness.png`.
        corpus: folder of the corpus all are trained and measured on.
        variants: what is compared; gains are stated against the first.
        seeds: of each.
        budget_s: seconds of training steps of each run.
        steps: training steps of each run instead, where all cost alike; null for the budget.
        json: another file for the numbers; null for none.
        test_sets: run the test sets too, once for each run: see eval/test_set_log.jsonl.
        draw: what held-out windows look like; the rate is each model's own.
        protocol: how models are measured.
    """

    output: Path = Path("runs/recipes")
    corpus: Path = Path("runs/pretrain/corpus")
    variants: tuple[Variant, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    budget_s: float = 1200.0
    steps: int | None = None
    json: Path | None = None
    test_sets: bool = False
    draw: DrawConfig = field(default_factory=lambda: DrawConfig(max_sensors=5))
    protocol: ProtocolConfig = field(default_factory=ProtocolConfig)

    def __post_init__(self) -> None:
        names, budget = [v.name for v in self.variants], self.budget_s if self.steps is None else self.steps
        if not names or len(set(names)) < len(names) or not self.seeds or budget <= 0:
            raise ValueError(
                "recipes: expected variants of different names, one seed or more and budget_s or steps "
                f"above 0, got {names}, {self.seeds} and {budget}"
            )


def run_recipes(config: RecipesConfig, bodies: Sequence[Body]) -> dict[str, Any]:
    """Train what is not trained, measure what is not measured, and write the table.

    A run that was killed goes on from its checkpoint, one that is finished is kept; a step count, once
    timed, is kept too.

    Returns:
        Numbers for JSON: `runs` by variant and seed, and the `budget_s` or `steps`.

    Raises:
        ValueError: a variant's configuration is not one, or the folder was made for another comparison.
    """
    corpus = MotionCorpus.load(config.corpus)
    identity = {"corpus_sha256": corpus_identity(corpus)}
    steps = _steps(config, bodies, identity)
    pairs = [(variant, seed) for seed in config.seeds for variant in config.variants]
    runs: dict[str, dict[str, Any]] = {variant.name: {} for variant in config.variants}
    for variant, seed in tqdm(pairs, desc="recipes", unit="run"):
        folder = _folder(config, variant, seed)
        run = pretrain_config(config, variant, seed, steps[variant.name])
        facts = _plain({"run": run, "protocol": config.protocol, "draw": config.draw}) | identity
        if run.start is not None:
            facts["start_sha256"] = model_hash(run.start)
        numbers = _finished(folder, facts)
        if numbers is None:
            _log.info("%s, seed %d: %d steps", variant.name, seed, run.optim.steps)
            configuration.save(run, folder)
            pretrain(run, bodies)
            give_freed_memory_back()
            numbers = _measured(config, run, corpus, bodies) | facts
            give_freed_memory_back()
            write_text(folder / FILE, json.dumps(numbers, indent=2) + "\n")
        runs[variant.name][str(seed)] = numbers
    if config.test_sets:
        for variant, seed in pairs:
            runs[variant.name][str(seed)]["test_sets"] = _tested(config, _folder(config, variant, seed))
    return _written(config, runs)


def pretrain_config(config: RecipesConfig, variant: Variant, seed: int, steps: int) -> PretrainConfig:
    """The configuration of one run; warm-up, validation and checkpoints scale with the steps.

    Raises:
        ValueError: the variant's file or an override is not one of a pre-training configuration.
    """
    own = dict(o.split("=", 1) for o in variant.overrides)
    own |= {"corpus": str(config.corpus), "output": str(_folder(config, variant, seed)), "seed": str(seed)}
    options = [word for name, value in own.items() for word in (f"--{name}", value)]
    try:
        run = configuration.load(PretrainConfig, ["--config_path", str(variant.config), *options])
    except SystemExit:
        raise ValueError(
            f"variant {variant.name!r}: expected fields of a pre-training configuration, got "
            f"{list(variant.overrides)}"
        ) from None
    share = run.optim.warmup_steps / run.optim.steps
    warmup_steps = min(run.optim.warmup_steps, max(round(share * steps), steps // 20), steps - 1)
    optim = replace(
        run.optim,
        steps=steps,
        warmup_steps=warmup_steps,
        validate_every=max(1, steps // 10),
        save_every=max(1, steps // 20),
    )
    return replace(run, optim=optim)


def step_seconds(metrics: Path) -> list[tuple[int, float]]:
    """Steps and the seconds of each of them, line by line of a run's `metrics.jsonl`, on one process."""
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    timed, before = [], 0
    for line in lines:
        if "items_per_s" in line:
            timed.append((line["step"] - before, line["items_per_s"]))
            before = line["step"]
    return [(steps, 1 / rate) for steps, rate in timed]


def training_seconds(metrics: Path, batch_size: int) -> float:
    """Seconds that a run spent in its steps, over all its resumptions."""
    return batch_size * sum(steps * seconds for steps, seconds in step_seconds(metrics))


def _folder(config: RecipesConfig, variant: Variant, seed: int) -> Path:
    return config.output / f"{variant.name}-seed{seed}"


def _steps(config: RecipesConfig, bodies: Sequence[Body], identity: dict[str, str]) -> dict[str, int]:
    """Steps of each variant: those stated or written down, or the budget over the time of a quiet step."""
    if config.steps is not None:
        return {variant.name: config.steps for variant in config.variants}
    file = config.output / "steps.json"
    facts = {"budget_s": config.budget_s, "corpus": str(config.corpus)} | identity
    state: dict[str, Any] = facts | {"variants": {}}
    if file.is_file():
        state = json.loads(file.read_text())
    known = {key: state.get(key) for key in facts}
    if known != facts:
        raise ValueError(
            f"recipes: {config.output} was made with {known}, this comparison has {facts}; give another "
            "output folder"
        )
    config.output.mkdir(parents=True, exist_ok=True)
    for variant in config.variants:
        own = {"config": str(variant.config), "overrides": list(variant.overrides)}
        entry = state["variants"].get(variant.name)
        if entry is None:
            seconds = _seconds_per_step(config, variant, bodies)
            entry = own | {"seconds_per_step": seconds, "steps": max(1, round(config.budget_s / seconds))}
            state["variants"][variant.name] = entry
            write_text(file, json.dumps(state, indent=2) + "\n")
            _log.info("%s: %.3f s per step, %d steps", variant.name, seconds, entry["steps"])
        elif own != {key: entry[key] for key in own}:
            raise ValueError(
                f"recipes: variant {variant.name!r} was {entry} in {config.output}, now it is {own}; give "
                "it another name"
            )
    return {v.name: int(state["variants"][v.name]["steps"]) for v in config.variants}


def _seconds_per_step(config: RecipesConfig, variant: Variant, bodies: Sequence[Body]) -> float:
    run = pretrain_config(config, variant, config.seeds[0], _PROBE_STEPS)
    folder = config.output / f".probe-{variant.name}"
    rmtree(folder, ignore_errors=True)
    with suppress(Paused):
        pretrain(
            replace(run, output=folder, optim=replace(run.optim, log_every=1)),
            bodies,
            deadline_s=time.monotonic() + _PROBE_S,
        )
    seconds = [s * run.optim.batch_size for _, s in step_seconds(folder / "metrics.jsonl")]
    rmtree(folder)
    give_freed_memory_back()
    # Other work on the machine, or a corpus that is not yet in memory, makes steps longer.
    return float(np.quantile(seconds[min(_FIRST_STEPS, len(seconds) - 1) :], 0.25))


def _plain(facts: dict[str, object]) -> dict[str, Any]:
    """Configurations as JSON gives them back."""
    plain: dict[str, Any] = json.loads(json.dumps({key: draccus.encode(c) for key, c in facts.items()}))
    return plain


def _finished(folder: Path, facts: dict[str, Any]) -> dict[str, Any] | None:
    """Numbers of a run that was trained and measured by these very configurations, from these very files."""
    file = folder / FILE
    numbers: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return numbers if facts.items() <= numbers.items() else None


def _measured(
    config: RecipesConfig, run: PretrainConfig, corpus: MotionCorpus, bodies: Sequence[Body]
) -> dict[str, Any]:
    pipe = config.protocol.pipeline(run.output)
    numbers, _ = evaluate_encoder(pipe, corpus, bodies, config.draw, config.protocol)
    return numbers | {
        "steps": run.optim.steps,
        "sha256": model_hash(run.output),
        "parameters": sum(p.numel() for p in pipe.encoder.parameters()),
        "training_s": training_seconds(run.output / "metrics.jsonl", run.optim.batch_size),
    }


def _tested(config: RecipesConfig, folder: Path) -> dict[str, Any]:
    """Figures of the test sets: those of the run's one look, or that look."""
    file = folder / TEST_FILE
    if not file.is_file():
        found = run_test_sets(
            config.protocol.pipeline(folder),
            folder,
            seed=config.protocol.seed,
            max_windows=config.protocol.max_windows,
        )
        write_text(file, json.dumps(found, indent=2) + "\n")
    tested: dict[str, Any] = json.loads(file.read_text())
    return tested


def _written(config: RecipesConfig, runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Write numbers, table and figure (of the first seed)."""
    budget = {"budget_s": config.budget_s} if config.steps is None else {"steps": config.steps}
    numbers = budget | {"corpus": str(config.corpus), "runs": runs}
    for file in (config.output / "recipes.json", *([config.json] if config.json else [])):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(numbers, indent=2) + "\n")
    write_text(config.output / "recipes.md", comparison_table(runs, markdown=True) + "\n")
    first = str(config.seeds[0])
    draw_robustness({name: run[first] for name, run in runs.items()}, config.output / "robustness.png")
    return numbers

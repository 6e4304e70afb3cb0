"""The demo over several seeds: corpus, training and evaluation each anew, with intervals over the seeds."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anymo.config import write_text
from anymo.demo.config import DemoConfig
from anymo.demo.run import run_demo
from anymo.metrics import Interval, seeds_interval
from anymo.tables import terminal_table

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SeedsConfig:
    """A study over seeds.

    Attributes:
        seeds: of the runs, two or more; seed 0 is the demo's own run, the others are named after their seed.
        demo: what is run; its seed is left at 0.
        output: folder that `seeds.json` is written to.
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    demo: DemoConfig = field(default_factory=DemoConfig)
    output: Path = Path("runs/seeds")

    def __post_init__(self) -> None:
        if len(set(self.seeds)) < 2 or self.demo.seed != 0:
            raise ValueError(
                f"seeds: expected two or more different seeds and demo.seed 0, got {self.seeds} and "
                f"{self.demo.seed}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsResult:
    """Zero-shot accuracy of one set by one route over models that differ in their seed.

    accuracy, macro_f1  one value per seed
    interval            mean accuracy and its 95 % t-interval over the seeds
    lowest_bound        lowest of the seeds' own 95 % bootstrap bounds over recordings or subjects
    """

    name: str
    accuracy: tuple[float, ...]
    macro_f1: tuple[float, ...]
    interval: Interval
    lowest_bound: float
    chance: float


def run_seeds(config: SeedsConfig) -> list[SeedsResult]:
    """Run the demo once per seed (finished runs are kept) and put the zero-shot results together."""
    runs = []
    for seed in config.seeds:
        name = config.demo.name if seed == 0 else f"{config.demo.name}-seed{seed}"
        demo = replace(config.demo, seed=seed, name=name)
        _log.info("seed %d: %s", seed, demo.folder)
        runs.append(json.loads((run_demo(demo) / "metrics.json").read_text())["zero_shot"])
    results = [_over_seeds(name, [run[name] for run in runs]) for name in runs[0]]
    config.output.mkdir(parents=True, exist_ok=True)
    numbers = {"seeds": config.seeds, "zero_shot": [asdict(r) for r in results]}
    write_text(config.output / "seeds.json", json.dumps(numbers, indent=2) + "\n")
    return results


def _over_seeds(name: str, runs: Sequence[dict[str, Any]]) -> SeedsResult:
    accuracy = tuple(float(r["accuracy"]) for r in runs)
    return SeedsResult(
        name=name,
        accuracy=accuracy,
        macro_f1=tuple(float(r["macro_f1"]) for r in runs),
        interval=seeds_interval(accuracy),
        lowest_bound=min(float(r["accuracy_interval"][0]) for r in runs),
        chance=float(runs[0]["chance"]["accuracy"]),
    )


def seeds_table(results: Sequence[SeedsResult]) -> str:
    """The study as aligned text, in percent."""
    percent = "{:.1f}".format
    rows = [
        [
            r.name,
            " ".join(percent(100 * v) for v in r.accuracy),
            percent(100 * r.interval.estimate),
            f"{percent(100 * r.interval.low)} to {percent(100 * r.interval.high)}",
            percent(100 * r.lowest_bound),
            percent(100 * sum(r.macro_f1) / len(r.macro_f1)),
            percent(100 * r.chance),
        ]
        for r in results
    ]
    columns = ("set/route", "accuracy", "mean", "95 % over seeds", "lowest bound", "macro-F1", "chance")
    return terminal_table(columns, rows)

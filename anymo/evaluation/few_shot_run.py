"""The few-shot evaluation of a model on registered sets: figures, table and curves in a folder."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymo import plots
from anymo.assets.hub import SHIPPED
from anymo.config import command, write_text
from anymo.data import SETS, load_set
from anymo.data.corpus import MotionCorpus
from anymo.data.prepare import bodies_of
from anymo.data.test_sets import TEST_SETS, load_test_set
from anymo.evaluation.few_shot import FewShotProtocol, few_shot
from anymo.evaluation.few_shot_result import few_shot_table, ordered_amounts
from anymo.evaluation.fidelity import fidelity, fidelity_table
from anymo.evaluation.ledger import FEW_SHOT, LEDGER, refuse_second_run, whole_set, write_lines
from anymo.evaluation.other_sets import OtherSet, read_files
from anymo.evaluation.virtual_imu import find_virtual_imu
from anymo.pipeline import AnymoPipeline
from anymo.records import Recording

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MplFigure


@dataclass(frozen=True, kw_only=True)
class FewShotConfig:
    """A few-shot evaluation.

    Attributes:
        model: folder with `encoder/` and `text/`; null for the model that comes with the package.
        sets: names of `anymo.data.SETS` with subjects.
        test_sets: names of `anymo.data.test_sets.TEST_SETS`; once for each model, logged in
            eval/test_set_log.jsonl.
        other_sets: registered sets whose files you have, or your own .yaml files; with people, no test set.
        output: folder of `few_shot.json`, `few_shot.md`, `few_shot.png` and of the finished trainings.
        json: another file for the numbers; null for none.
        corpus: folder of the corpus that virtual recordings are made from; null for none.
        num_activities: activities of the corpus that stand for a label, at most.
        protocol: who is trained on, with what and how often.
    """

    model: Path | None = None
    sets: tuple[str, ...] = ("spar",)
    test_sets: tuple[str, ...] = ()
    other_sets: tuple[OtherSet, ...] = ()
    output: Path = Path("runs/few_shot")
    json: Path | None = None
    corpus: Path | None = None
    num_activities: int = 3
    protocol: FewShotProtocol = field(default_factory=FewShotProtocol)

    def __post_init__(self) -> None:
        if unknown := [s for s in self.sets if s not in SETS]:
            raise ValueError(
                f"few-shot: expected sets among {', '.join(SETS)}, got {unknown}; a test set goes under "
                "test_sets, once for each model"
            )
        if unknown := [s for s in self.test_sets if s not in TEST_SETS]:
            raise ValueError(f"few-shot: expected test_sets among {', '.join(TEST_SETS)}, got {unknown}")
        specs = [each.spec for each in self.other_sets]
        if looks := {spec.name: spec.looks_at for spec in specs if spec.looks_at}:
            raise ValueError(
                f"few-shot: expected other_sets that are no look at a test set, got {', '.join(looks)}; put "
                f"{', '.join(looks.values())} under test_sets, once for each model"
            )
        names = [*self.sets, *self.test_sets, *(spec.name for spec in specs)]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"few-shot: expected sets, test_sets or other_sets, each set once, got {names}")
        if self.corpus is None and set(self.protocol.sources) != {"real"}:
            raise ValueError(
                f"few-shot: expected a corpus for the sources {list(self.protocol.sources)}; give its "
                "folder, or take the source real alone"
            )


def run_few_shot(config: FewShotConfig, ledger: Path = LEDGER) -> dict[str, Any]:
    """Train and measure what is not measured yet, and write numbers, table and curves.

    Test sets are written into the ledger, all together, before anybody sees a figure; a run that breaks off
    before goes on from its finished trainings.

    Returns:
        Numbers for JSON: `sets`, each as `FewShotResult.to_dict`, with its `fidelity` and the `activities` of
        its labels where there is a corpus; test sets among them. What was `loaded` of other sets beside it.

    Raises:
        FileNotFoundError: test sets are asked for, and there is no folder for the ledger; or files of another
            set are not there.
        ValueError: the ledger has few-shot trials of this model on one of the test sets, and nothing is run;
            or what `read_set` and `few_shot` refuse.
    """
    if config.test_sets and not ledger.parent.is_dir():
        raise FileNotFoundError(
            f"few-shot: each look at a test set is logged, and there is no folder of {ledger} here; run it "
            "in a checkout of the repository"
        )
    pipe = AnymoPipeline.from_pretrained(config.model or SHIPPED)
    sha256 = refuse_second_run(pipe.folder, config.test_sets, ledger, routes=[FEW_SHOT])
    sets = {name: _measured(config, pipe, name, load_set(name)) for name in config.sets}
    for each in config.other_sets:
        loaded = read_files(each.spec, each.data, each.layout)
        measured = _measured(config, pipe, loaded.spec.name, loaded.recordings)
        sets[loaded.spec.name] = measured | {"loaded": loaded.report.to_dict()}
    tested = {name: _measured(config, pipe, name, load_test_set(name)) for name in config.test_sets}
    if tested:
        lines = [_ledger_line(name, config.protocol, numbers) for name, numbers in tested.items()]
        write_lines(ledger, pipe.folder, sha256, lines)
    sets |= tested
    numbers = {
        "command": command(),
        "sha256": sha256,
        "protocol": asdict(config.protocol),
        "sets": sets,
    }
    config.output.mkdir(parents=True, exist_ok=True)
    for file in (config.output / "few_shot.json", *([config.json] if config.json else [])):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps(numbers, indent=2) + "\n")
    write_text(config.output / "few_shot.md", few_shot_report(numbers) + "\n")
    _draw(sets, config.output / "few_shot.png")
    return numbers


def few_shot_report(numbers: dict[str, Any]) -> str:
    """Markdown of what `run_few_shot` gives."""
    measured = {name: n["fidelity"] for name, n in numbers["sets"].items() if "fidelity" in n}
    parts = [few_shot_table(numbers["sets"])]
    return "\n\n".join([*parts, fidelity_table(measured)] if measured else parts)


def _ledger_line(name: str, protocol: FewShotProtocol, numbers: dict[str, Any]) -> dict[str, Any]:
    told = ("num_recordings", "num_subjects", "chance", "against", "runs")
    return whole_set(name, FEW_SHOT) | {"protocol": asdict(protocol)} | {k: numbers[k] for k in told}


def _measured(
    config: FewShotConfig, pipe: AnymoPipeline, name: str, recordings: list[Recording]
) -> dict[str, Any]:
    protocol = config.protocol
    cells = config.output / "cells" / name
    if config.corpus is None:
        return few_shot(recordings, pipe, protocol, cells=cells).to_dict()
    virtual = find_virtual_imu(
        pipe,
        MotionCorpus.load(config.corpus),
        bodies_of(config.corpus),
        {r.label: r.text for r in recordings},
        num_activities=config.num_activities,
    )
    near = fidelity(pipe, recordings, virtual, num_virtual=protocol.num_virtual, seed=protocol.seeds[0])
    result = few_shot(recordings, pipe, protocol, virtual=virtual, cells=cells)
    return result.to_dict() | {"activities": virtual.to_dict(), "fidelity": near}


def efficiency_figure(sets: dict[str, dict[str, Any]]) -> "MplFigure":
    """Label-efficiency curves of all methods and sources, from `FewShotResult.to_dict` of each set."""
    curves: dict[str, dict[str, dict[str, tuple[float, float, float]]]] = {}
    chance: dict[str, float] = {}
    for name, numbers in sets.items():
        for row in numbers["runs"]:
            title = name if row["source"] == "real" else f"{name}, {row['source']}"
            figure = row["macro_f1"]
            curves.setdefault(title, {}).setdefault(row["method"], {})[row["amount"]] = (
                figure["estimate"], figure["low"], figure["high"],
            )  # fmt: skip
            chance[title] = numbers["chance"]["macro_f1"]
    order = ordered_amounts(row["amount"] for n in sets.values() for row in n["runs"])
    kinds = [[name for name in order if name.endswith("%") is is_share] for is_share in (False, True)]
    return plots.label_efficiency(curves, kinds, chance, "macro-F1")


def _draw(sets: dict[str, dict[str, Any]], file: Path) -> None:
    draft = file.with_name(f".{file.name}")
    efficiency_figure(sets).savefig(draft, format="png", dpi=plots.DPI)
    draft.replace(file)

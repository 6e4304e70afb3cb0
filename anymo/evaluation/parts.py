"""What a release is measured on beside the headline: pools, robustness, few labels, other sets, test sets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import draccus

from anymo.body import Body
from anymo.data.corpus import MotionCorpus
from anymo.data.identity import corpus_identity
from anymo.data.sampler import DrawConfig
from anymo.data.sets import SETS
from anymo.data.sets.spec import Split
from anymo.evaluation.encoder import ProtocolConfig, evaluate_encoder
from anymo.evaluation.few_shot import FewShotProtocol
from anymo.evaluation.few_shot_run import FewShotConfig, run_few_shot
from anymo.evaluation.kept import kept
from anymo.evaluation.ledger import LEDGER, lines_about, model_hash
from anymo.evaluation.other_sets import OtherSet
from anymo.evaluation.real_sets import SetProtocol, evaluate_set
from anymo.evaluation.window_rules import Rule
from anymo.pipeline import AnymoPipeline, Route

Numbers = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class MeasuredSet(OtherSet):
    """A set whose files you have, and how zero-shot recognition reads it.

    Attributes:
        route: "embedding", "likelihood", "generate".
        rule: "recording", "window", "first-10s" (UniMTS), "as-one" (AnyMo), as `anymo evaluate --window`.
        split: "all", or "official": the test part of the set's official split.
    """

    route: Route = "embedding"
    rule: Rule = "recording"
    split: Split = "all"


@dataclass(frozen=True, kw_only=True)
class PartsConfig:
    """What a release is measured on beside the headline.

    Attributes:
        encoder: retrieval in pools, robustness, gaits and postures at usual places.
        few_shot_sets: development sets with subjects that few and all recordings are learnt from.
        few_shot: how.
        other_sets: more registered sets, or your own, and how each is read and classified; a test set runs
            once for each model, and is logged.
    """

    encoder: ProtocolConfig = field(default_factory=ProtocolConfig)
    few_shot_sets: tuple[str, ...] = ("spar",)
    few_shot: FewShotProtocol = field(default_factory=FewShotProtocol)
    other_sets: tuple[MeasuredSet, ...] = ()

    def __post_init__(self) -> None:
        if unknown := [name for name in self.few_shot_sets if name not in SETS]:
            raise ValueError(
                f"parts.few_shot_sets: expected sets among {', '.join(SETS)}, got {unknown}; "
                "eval/few_shot.py learns from a test set, once"
            )
        for each in self.other_sets:
            _ = each.spec  # one that is not known is refused now


def measure_parts(
    config: PartsConfig,
    pipe: AnymoPipeline,
    corpus: MotionCorpus,
    corpus_folder: Path,
    bodies: Sequence[Body],
    draw: DrawConfig,
    folder: Path,
) -> Numbers:
    """Measure what is not measured yet.

    Args:
        config: what.
        pipe: the model.
        corpus: whose held-out clips it never saw, and whose others virtual recordings are made from.
        corpus_folder: of it.
        bodies: the bodies the corpus was built with.
        draw: what held-out windows look like.
        folder: of the finished parts; a part of the same model, corpus and settings is read from it.

    Returns:
        `encoder` as `evaluate_encoder`; `few_shot` and `other_sets` by set; `test_sets`, the lines of the
        ledger about this model.
    """
    of_model = {"sha256": model_hash(pipe.folder)}
    on_corpus = {"corpus": corpus_identity(corpus), "draw": draccus.encode(draw)}
    encoder = kept(
        folder / "encoder.json",
        of_model | on_corpus | {"protocol": draccus.encode(config.encoder)},
        lambda: evaluate_encoder(pipe, corpus, bodies, draw, config.encoder)[0],
    )
    few_shot: Numbers = {}
    if config.few_shot_sets:
        is_virtual = set(config.few_shot.sources) != {"real"}
        trained = FewShotConfig(
            model=pipe.folder,
            sets=config.few_shot_sets,
            output=folder / "few_shot",
            corpus=corpus_folder if is_virtual else None,
            protocol=config.few_shot,
        )
        few_shot = run_few_shot(trained)["sets"]
    other = {
        each.spec.name: kept(
            folder / "sets" / f"{each.spec.name}.json",
            of_model | {"set": draccus.encode(each), "spec": draccus.encode(each.spec)},
            partial(_other, pipe, each),
        )
        for each in config.other_sets
    }
    tested = lines_about(pipe.folder, LEDGER)
    return {"encoder": encoder, "few_shot": few_shot, "other_sets": other, "test_sets": tested}


def _other(pipe: AnymoPipeline, each: MeasuredSet) -> Numbers:
    protocol = SetProtocol(layout=each.layout, route=each.route, rule=each.rule, split=each.split)
    return evaluate_set(pipe, each.spec, each.data, protocol).to_dict()

"""Words of labels that training motion was described with: of all five sets, by their specs alone."""

from pathlib import Path

from anymo import config as configuration
from anymo.data import SETS
from anymo.data.conversion import KinematicsConfig
from anymo.data.test_sets import TEST_SETS
from anymo.evaluation.overlap import overlap, overlap_table
from anymo.motion import procedural

REPOSITORY = Path(__file__).resolve().parents[2]


def test_labels_and_their_words_are_found_in_texts() -> None:
    found = overlap(["Walking.", "a person walks up the stairs, then lies"])
    assert list(found) == [*SETS, *TEST_SETS]
    assert found["hapt"] == {"phrases": ["walking"], "words": ["stairs", "the", "up", "walking"]}
    assert found["spar"] == {"phrases": [], "words": ["a", "the", "up"]}


def test_the_table_of_the_document_is_that_of_the_specs() -> None:
    document = (REPOSITORY / "docs" / "evaluation.md").read_text(encoding="utf-8")
    assert overlap_table() in document, "docs/evaluation.md: put the table of `overlap_table` there again"


def test_the_table_is_about_the_activities_of_the_released_corpus() -> None:
    corpus = configuration.read(KinematicsConfig, REPOSITORY / "configs" / "prepare" / "pretrain.yaml")
    assert {clip.activity for clip in corpus.generated()} == set(procedural.ACTIVITIES)

"""Postures at the usual places: gravity alone tells standing from lying on the trunk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymo import body
from anymo.body import Body
from anymo.data.corpus import ClipSource, MotionCorpus, build_corpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.evaluation.everyday import WORN, EverydayResult, everyday
from anymo.motion import procedural
from anymo.records import GRAVITY_MPS2, Recording


class PlumbPipeline:
    """Reads how far the device's x axis, along the limb, is from the horizontal, and words likewise."""

    def embed(self, worn: list[Recording]) -> torch.Tensor:
        along = [abs(r.sensors[0].acc[:, 0].mean()) / GRAVITY_MPS2 for r in worn]
        return torch.tensor([[a, 1 - a] for a in along], dtype=torch.float32)

    def embed_labels(self, labels: tuple[str, ...]) -> torch.Tensor:
        return torch.tensor([[0.0, 1.0] if label == "lying down" else [1.0, 0.0] for label in labels])


@pytest.fixture(scope="module")
def adult() -> Body:
    return body.load()


def corpus_of(activities: tuple[str, ...], captured: tuple[str, ...] = ()) -> MotionCorpus:
    motions = [procedural.generate(a, np.random.default_rng(k)) for k, a in enumerate(activities * 2)]
    motions += [
        replace(procedural.generate(a, np.random.default_rng(9)), source="cmu", name="") for a in captured
    ]
    return build_corpus([ClipSource(motion=m, body=0) for m in motions], held_out_fraction=1e-6, seed=0)


def found(
    activities: tuple[str, ...], adult: Body, captured: tuple[str, ...] = ()
) -> dict[str, EverydayResult]:
    sampler = WindowSampler(corpus_of(activities, captured), [adult], DrawConfig(), held_out=False)
    return everyday(PlumbPipeline(), sampler, [adult], num_windows=12, window_s=4.0, seed=0)  # type: ignore[arg-type]


def test_a_plumb_line_tells_postures_on_the_trunk(adult: Body) -> None:
    places = found(("standing still", "lying down", "waving"), adult)
    assert tuple(places) == WORN
    for place in ("waist", "lower back", "chest"):
        result = places[place].result
        assert result.classes == ("standing still", "lying down")
        assert result.accuracy == 1.0
        assert result.confusion.tolist() == [[6, 0], [0, 6]]
        assert places[place].to_dict()["intervals"]["accuracy"] == [1.0, 1.0]


def test_nothing_is_measured_where_nothing_can_be_confused(adult: Body) -> None:
    assert found(("standing still", "waving"), adult) == {}


def test_a_phrase_that_only_captured_clips_have_is_no_label(adult: Body) -> None:
    places = found(("standing still", "lying down"), adult, captured=("sitting",))
    assert places["waist"].result.classes == ("standing still", "lying down")

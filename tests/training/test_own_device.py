"""Training windows are simulated where a stage trains; who reads them before gets them where it is."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from anymo import body
from anymo.data.corpus import MotionCorpus
from anymo.data.sampler import DrawConfig, WindowSampler
from anymo.training import align, launch, pretrain, tokenizer
from anymo.training.align_config import AlignConfig
from anymo.training.pretrain import PretrainConfig
from anymo.training.tokenizer import TokenizerConfig

HERE = torch.device("cpu", 0)  # computes as the CPU does, and is told from it
Stage = Callable[..., Path]


class Begun(Exception):  # noqa: N818
    """The stage has made its samplers and begins to train."""


@pytest.mark.parametrize(
    ("module", "stage", "config"),
    [
        (pretrain, pretrain.pretrain, PretrainConfig),
        (tokenizer, tokenizer.train_tokenizer, TokenizerConfig),
        (align, align.train_language_model, AlignConfig),
    ],
)
def test_each_stage_simulates_where_it_trains(
    module: ModuleType,
    stage: Stage,
    config: type,
    model_folder: Path,
    small_llama: Path,
    tiny_corpus: MotionCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    devices = {}

    class Noted(WindowSampler):
        def __init__(self, *args: Any, held_out: bool, device: torch.device | str = "cpu") -> None:
            super().__init__(*args, held_out=held_out, device=device)
            devices[held_out] = self.device

    def begun(*_: object, **__: object) -> None:
        raise Begun

    monkeypatch.setattr(MotionCorpus, "load", lambda _folder: tiny_corpus)
    monkeypatch.setattr(module, "WindowSampler", Noted)
    monkeypatch.setattr(module, "own_device", lambda: HERE)
    monkeypatch.setattr(module, "train", begun)
    given: dict[Any, dict[str, Any]] = {pretrain: {"text_base": "wordllama-256"}}
    given[tokenizer] = {"encoder": model_folder / "encoder"}
    given[align] = {"tokenizer": model_folder / "tokenizer", "base": str(small_llama), "fit_windows": 4}
    given[align] |= given[tokenizer]
    with pytest.raises(Begun):
        stage(config(output=tmp_path, draw=DrawConfig(window_s=4.0), **given[module]), [body.load()])
    assert devices == {False: HERE, True: torch.device("cpu")}


def test_embeddings_are_started_on_windows_that_lie_where_the_reader_is() -> None:
    moved, codes = [], torch.zeros(2, 2, dtype=torch.long)

    class Reader:
        encoder = SimpleNamespace(device=HERE)

        def __call__(self, windows: str) -> list[torch.Tensor]:
            moved.append(windows)
            return [codes] * 3

    view = SimpleNamespace(to=lambda device: f"on {device}")
    batch = SimpleNamespace(views=(view,), phrase=("walking", "running", "walking"))
    table = SimpleNamespace(weight=torch.eye(4))
    fitted = []
    model = SimpleNamespace(
        language_model=SimpleNamespace(get_input_embeddings=lambda: table),
        text_ids=lambda text: [len(text) % 4],
        motion_embedding=SimpleNamespace(fit=lambda *given: fitted.extend(given)),
    )
    sampler = SimpleNamespace(batch=lambda *_, num_views: batch)
    align._start_embeddings(model, Reader(), sampler, AlignConfig(fit_windows=3))  # type: ignore[arg-type]
    assert moved == ["on cpu:0"]
    assert [t.shape for t in fitted] == [(6, 2), (6, 4)]


def test_processes_of_a_machine_have_each_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert launch.own_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert launch.own_device() == torch.device("cuda", 3)

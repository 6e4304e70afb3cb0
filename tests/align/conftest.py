"""Aligned models of a few thousand random weights, of several architectures."""

from collections.abc import Callable

import pytest
import torch
from align_toy import write_base

from anymo.align import MotionLanguageModel


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Folder of the base of an architecture."""
    made: dict[str, str] = {}

    def make(architecture: str = "llama") -> str:
        if architecture not in made:
            made[architecture] = str(write_base(tmp_path_factory.mktemp(architecture), architecture))
        return made[architecture]

    return make


@pytest.fixture
def aligned(base: Callable[[str], str]) -> Callable[..., MotionLanguageModel]:
    """An aligned model of random weights, its adapter too unless fresh: nothing in it is without effect."""

    def make(
        architecture: str = "llama", *, embedding_size: int = 0, is_fresh: bool = False
    ) -> MotionLanguageModel:
        torch.manual_seed(1)
        codebook = torch.randn(2, 16, 8)
        model = MotionLanguageModel.create(
            base(architecture), codebook, lora_rank=2, embedding_size=embedding_size
        )
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and not is_fresh:
                torch.nn.init.normal_(parameter, std=0.1 if "lora" in name else 0.3)
        return model.eval()

    return make


@pytest.fixture(scope="session")
def codes() -> list[torch.Tensor]:
    """Codes of three motions of different lengths, so that padding matters."""
    g = torch.Generator().manual_seed(1)
    return [torch.randint(16, (length, 2), generator=g) for length in (10, 1, 4)]

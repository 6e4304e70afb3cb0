"""Text tower: a sentence-transformers model and a small projection into the shared space."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from anymo import assets
from anymo.encoders.configuration import TextTowerConfig

SentenceModel = Callable[[list[str]], torch.Tensor]


@lru_cache(maxsize=4)
def sentence_model(base: str) -> SentenceModel:
    """The sentence-transformers model of an asset name or a path: sentences to unit vectors, on the CPU."""
    folder = Path(base) if Path(base).is_dir() else assets.resolve(base)
    modules = json.loads((folder / "modules.json").read_text()) if (folder / "modules.json").exists() else []
    if [module["type"].rpartition(".")[2] for module in modules] == ["StaticEmbedding"]:
        return _static_model(folder / modules[0]["path"])
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(
        texts, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
    )


def _static_model(folder: Path) -> SentenceModel:
    """Mean of token vectors, read without sentence-transformers: its import takes seconds and `datasets`."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    table = load_file(folder / "model.safetensors")["embedding.weight"]

    def embed(texts: list[str]) -> torch.Tensor:
        codes = [torch.tensor(e.ids) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        return nn.functional.normalize(torch.stack([table[c].mean(dim=0) for c in codes]), dim=-1)

    return embed


class TextTower(PreTrainedModel):
    """Sentences to unit embeddings: frozen sentence model, centred on the training captions, projected.

    The base is loaded by name and is not part of the saved weights; its embeddings are cached by sentence.
    """

    config_class = TextTowerConfig
    main_input_name = "texts"

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__(config)
        self.mean = nn.Buffer(torch.zeros(config.hidden_size))
        self.projection = nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        self._cache: dict[str, torch.Tensor] = {}
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.eye_(module.weight)

    def centre(self, texts: Iterable[str]) -> None:
        """Subtract from now on the mean base embedding of these sentences: what all share says nothing."""
        self.mean.copy_(self.base_embeddings(sorted(set(texts))).mean(dim=0))

    def base_embeddings(self, texts: Sequence[str]) -> torch.Tensor:
        """(num texts, hidden_size) unit embeddings of the sentence model."""
        new = [t for t in dict.fromkeys(texts) if t not in self._cache]
        if new:
            vectors = sentence_model(self.config.base)(new)
            self._cache.update(zip(new, vectors.detach().cpu().float(), strict=True))
        return torch.stack([self._cache[t] for t in texts])

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Sentences to unit embeddings (num texts, embedding_size)."""
        base = self.base_embeddings(texts).to(self.projection.weight.device)
        return nn.functional.normalize(self.projection(base - self.mean), dim=-1)

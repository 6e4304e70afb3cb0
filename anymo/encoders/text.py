"""Text tower: a sentence-transformers model and a small projection into the shared space."""

import json
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from tqdm import tqdm

from anymo import assets
from anymo.encoders.configuration import TextTowerConfig
from anymo.encoders.pretrained import SafeModel

SentenceModel = Callable[[list[str]], torch.Tensor]

# Weights are read from safetensors only: the other formats are pickles.
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
_CLIP = {"clip", "clip_text_model"}
_SENTENCES = 128  # embedded at once
_MANY = 8  # of these, seconds of work, from which on a bar shows how far it is
_SHOWN = 60  # signs of a sentence in a message
_REMEMBERED = 65536  # sentences; 100 MB at 384 numbers each


@lru_cache(maxsize=4)
def sentence_model(base: str, prompt: str = "", device: str = "cpu") -> SentenceModel:
    """The model of an asset name, a folder or a hub repository: sentences to unit vectors.

    Args:
        base: the name.
        prompt: what is said before every sentence.
        device: where it computes.

    Raises:
        AssetError: an asset that is not here and cannot be fetched.
        ValueError: there is no such model.
    """
    folder = _folder(base)
    modules = _json(folder / "modules.json", default=[])
    if [module["type"].rpartition(".")[2] for module in modules] == ["StaticEmbedding"]:
        return _prompted(_static_model(folder / modules[0]["path"]), prompt)
    if not modules:
        kind = _json(folder / "config.json", default={}).get("model_type")
        return _prompted((_clip_model if kind in _CLIP else _mean_model)(folder, device), prompt)
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device=device, model_kwargs={"use_safetensors": True})

    def embed(texts: list[str]) -> torch.Tensor:
        _check_length([prompt + text for text in texts], model.tokenizer, model.max_seq_length)
        vectors: torch.Tensor = model.encode(
            texts, prompt=prompt, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    return embed


def _check_length(texts: list[str], tokenizer: Any, limit: int | None) -> None:
    """Refuse a sentence that the model would read the beginning of.

    Raises:
        ValueError: a sentence has more tokens than the model takes.
    """
    lengths = [len(ids) for ids in tokenizer(texts)["input_ids"]] if texts and limit else [0]
    if limit and max(lengths) > limit:
        longest = texts[lengths.index(max(lengths))]
        raise ValueError(
            f"text tower: expected sentences of at most {limit} tokens, got {max(lengths)} in "
            f"{longest[:_SHOWN]!r}{'...' if len(longest) > _SHOWN else ''}; shorten it"
        )


@lru_cache(maxsize=4)
def _embedded(base: str, prompt: str) -> dict[str, torch.Tensor]:
    """What towers on one sentence model have embedded so far, for all of them."""
    return {}


def _folder(base: str) -> Path:
    if Path(base).is_dir():
        return Path(base)
    if "/" not in base:
        return assets.resolve(base)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(base, allow_patterns=_HUB_FILES))
    except (OSError, ValueError) as error:  # the hub's own errors are OSErrors, a malformed name a ValueError
        raise ValueError(
            f"text tower: expected an asset name, a folder or a repository of the hub, got {base!r}: "
            f"{str(error).splitlines()[0]}; give the folder of a copy, or one of {', '.join(assets.ASSETS)}"
        ) from error


def _json(file: Path, default: Any) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else default


def _prompted(model: SentenceModel, prompt: str) -> SentenceModel:
    return lambda texts: model([prompt + text for text in texts])


def _static_model(folder: Path) -> SentenceModel:
    """Mean of token vectors, read without sentence-transformers: its import takes seconds and `datasets`."""
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    table = load_file(folder / "model.safetensors")["embedding.weight"]

    def embed(texts: list[str]) -> torch.Tensor:
        codes = [torch.tensor(e.ids) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
        if empty := [text for text, code in zip(texts, codes, strict=True) if len(code) == 0]:
            raise ValueError(f"text tower: expected sentences of one word or more, got {empty[0]!r}")
        return nn.functional.normalize(torch.stack([table[c].mean(dim=0) for c in codes]), dim=-1)

    return embed


def _clip_model(folder: Path, device: str) -> SentenceModel:
    """The text side of CLIP (Radford et al. 2021): the projected state of the end token."""
    from transformers import CLIPTextModelWithProjection

    model = CLIPTextModelWithProjection.from_pretrained(folder, use_safetensors=True).eval().to(device)
    return _transformer(folder, model, lambda out, _: out.text_embeds)


def _mean_model(folder: Path, device: str) -> SentenceModel:
    """A bare transformer: the mean of its last states over the tokens (Reimers and Gurevych 2019).

    sentence-transformers reads such a folder so too; its import takes seconds and `datasets`.
    """
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, use_safetensors=True).eval().to(device)
    return _transformer(
        folder, model, lambda out, seen: (out.last_hidden_state * seen).sum(dim=1) / seen.sum(dim=1)
    )


def _transformer(
    folder: Path, model: Any, pooled: Callable[[Any, torch.Tensor], torch.Tensor]
) -> SentenceModel:
    """Sentences through a transformer, those of like length together; `pooled` takes its output and mask."""
    from transformers import AutoTokenizer

    tokenizer, limit = AutoTokenizer.from_pretrained(folder), model.config.max_position_embeddings

    @torch.no_grad()
    def embed(texts: list[str]) -> torch.Tensor:
        _check_length(texts, tokenizer, limit)
        rows: dict[int, torch.Tensor] = {}
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        starts = range(0, len(order), _SENTENCES)
        for start in tqdm(starts, desc="sentences", disable=None if len(starts) > _MANY else True):
            part = order[start : start + _SENTENCES]
            tokens = tokenizer([texts[k] for k in part], padding=True, return_tensors="pt").to(model.device)
            vectors = pooled(model(**tokens), tokens.attention_mask[..., None])
            rows |= zip(part, nn.functional.normalize(vectors, dim=-1), strict=True)
        return torch.stack([rows[k] for k in range(len(texts))])

    return embed


class TextTower(SafeModel):
    """Sentences to unit embeddings: frozen sentence model, centred on the training captions, projected.

    The base is loaded by name and is not part of the saved weights; its embeddings are cached by sentence,
    the last 65,536 beside those that were given (`remember`), which are kept for good.
    """

    config_class = TextTowerConfig
    main_input_name = "texts"

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__(config)
        self.mean = nn.Buffer(torch.zeros(config.hidden_size))
        self.projection = nn.Linear(config.hidden_size, config.embedding_size, bias=False)
        self._cache = _embedded(config.base, config.prompt)
        self._given: dict[str, torch.Tensor] = {}  # apart, as they may not be to be had again
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.eye_(module.weight)

    @classmethod
    def create(cls, base: str, prompt: str = "", embedding_size: int = 256) -> Self:
        """A tower on a sentence model, as wide as that is.

        Args:
            base: asset name, folder or hub repository of the sentence model.
            prompt: put before every sentence.
            embedding_size: width after the projection.

        Raises:
            AssetError: an asset that is not here and cannot be fetched.
            ValueError: there is no such model.
        """
        width = sentence_model(base, prompt)(["a person walks"]).shape[1]
        return cls(
            TextTowerConfig(base=base, prompt=prompt, hidden_size=width, embedding_size=embedding_size)
        )

    def centre(self, texts: Iterable[str]) -> None:
        """Subtract from now on the mean base embedding of these sentences: what all share says nothing.

        Raises:
            ValueError: as `base_embeddings`.
        """
        self.mean.copy_(self.base_embeddings(sorted(set(texts))).mean(dim=0))

    def remember(self, embeddings: Mapping[str, torch.Tensor]) -> None:
        """Take base embeddings (hidden_size,) of sentences, where the sentence model is not at hand."""
        self._given |= embeddings

    def base_embeddings(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit embeddings (N, hidden_size) of N sentences by the sentence model, on the CPU.

        Raises:
            ValueError: the sentence model is of another width, or cannot take a sentence.
        """
        known = ChainMap(self._given, self._cache)
        new = [t for t in dict.fromkeys(texts) if t not in known]
        if new:
            model = sentence_model(self.config.base, self.config.prompt, str(self.mean.device))
            with torch.autocast(self.mean.device.type, enabled=False):  # remembered for all precisions
                vectors = model(new)
            if vectors.shape[1] != self.config.hidden_size:
                raise ValueError(
                    f"text tower: expected vectors of hidden_size={self.config.hidden_size}, got "
                    f"{vectors.shape[1]} from {self.config.base!r}; set hidden_size={vectors.shape[1]}"
                )
            self._cache.update(zip(new, vectors.detach().cpu().float(), strict=True))
        found = torch.stack([known[t] for t in texts])
        for oldest in list(islice(self._cache, max(0, len(self._cache) - _REMEMBERED))):
            del self._cache[oldest]
        return found

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Sentences to unit embeddings (N, embedding_size).

        Raises:
            ValueError: as `base_embeddings`.
        """
        base = self.base_embeddings(texts).to(self.mean)  # in half precision too
        return nn.functional.normalize(self.projection(base - self.mean), dim=-1)

"""A causal language model that reads motion tokens, with LoRA on its attention and feed-forward.

Shapes: B prompts, N positions, H width of the language model, G groups, K codes, C code width.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from anymo import assets
from anymo.align.prompts import prompt
from anymo.align.vocabulary import MotionVocabulary

LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
IGNORED = -100
_PRIOR_STEPS = 10  # latent steps of a random motion, a window of 5 s


@dataclass(frozen=True, slots=True)
class MotionPrompt:
    """Ids of one prompt, up to where the answer begins."""

    ids: tuple[int, ...]


class MotionEmbedding(nn.Module):
    """Embeddings of motion tokens, projected from the tokenizer's codebook.

    A linear map per group, fitted by `fit`, and a correction that starts at zero.
    """

    def __init__(self, codebook_GKC: torch.Tensor, width: int) -> None:
        super().__init__()
        groups, _, code_width = codebook_GKC.shape
        self.codebook = nn.Buffer(codebook_GKC.clone())
        self.weight = nn.Parameter(torch.randn(groups, code_width, width) * 0.02)
        self.bias = nn.Parameter(torch.zeros(groups, 1, width))
        last = nn.Linear(width, width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.correction = nn.Sequential(nn.Linear(code_width, width), nn.GELU(), last)
        self.edges = nn.Parameter(torch.randn(2, width) * 0.02)

    def forward(self) -> torch.Tensor:
        """(2 + G K, H) in the order of `MotionVocabulary`."""
        rows = torch.bmm(self.codebook, self.weight) + self.bias + self.correction(self.codebook)
        return torch.cat([self.edges, rows.flatten(0, 1)])

    @torch.no_grad()
    def fit(self, codes_BG: torch.Tensor, target_BH: torch.Tensor, ridge: float = 1.0) -> None:
        """Start the linear maps at the ridge regression from codes to the words they should stand beside.

        Args:
            codes_BG: codes of latent steps.
            target_BH: for each, the mean input embedding of its activity's tokens.
            ridge: penalty on the weights.
        """
        mean = target_BH.mean(dim=0)
        for group, codebook in enumerate(self.codebook):
            x = codebook[codes_BG[:, group]]
            centre = x.mean(dim=0)
            gram = (x - centre).T @ (x - centre) + ridge * torch.eye(x.shape[1], device=x.device)
            self.weight[group] = torch.linalg.solve(gram, (x - centre).T @ (target_BH - mean))
            self.bias[group] = mean - centre @ self.weight[group]


class MotionLanguageModel(nn.Module):
    """Base model, LoRA adapter and motion embeddings; `generate` and `log_likelihood` answer.

    Motion ids lie behind the base vocabulary and are only ever read, so the base embedding and the
    logits of its own tokens are untouched at the start.
    """

    def __init__(
        self, language_model: Any, text_tokenizer: Any, codebook_GKC: torch.Tensor, base: str
    ) -> None:
        super().__init__()
        self.language_model, self.text_tokenizer, self.base = language_model, text_tokenizer, base
        config = language_model.config
        self.vocabulary = MotionVocabulary(config.vocab_size, codebook_GKC.shape[0], codebook_GKC.shape[1])
        self.motion_embedding = MotionEmbedding(codebook_GKC, config.hidden_size)

    @classmethod
    def create(cls, base: str, codebook_GKC: torch.Tensor, *, lora_rank: int = 16) -> Self:
        """New adapter and embeddings on a base model given by asset name or path."""
        from peft import LoraConfig, get_peft_model

        model, tokenizer = _load_base(base)
        lora = LoraConfig(
            r=lora_rank, lora_alpha=2 * lora_rank, target_modules=list(LORA_TARGETS), task_type="CAUSAL_LM"
        )
        return cls(get_peft_model(model, lora), tokenizer, codebook_GKC, base)

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote; the base comes from its own asset.

        Raises:
            FileNotFoundError: the folder holds no aligned model.
        """
        from peft import PeftModel

        folder = Path(folder)
        path = folder / "alignment.json"
        if not path.is_file():
            raise FileNotFoundError(
                f"language model: expected {path}; give a folder written by train/align.py"
            )
        base = json.loads(path.read_text())["base"]
        model, tokenizer = _load_base(base)
        state = load_file(folder / "motion_embedding.safetensors")
        result = cls(PeftModel.from_pretrained(model, folder / "adapter"), tokenizer, state["codebook"], base)
        result.motion_embedding.load_state_dict(state)
        return result.eval()

    def save_pretrained(self, folder: Path) -> None:
        """Write adapter, motion embeddings and the base's name; `alignment.json` comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        self.language_model.save_pretrained(folder / "adapter")
        state = {k: v.contiguous() for k, v in self.motion_embedding.state_dict().items()}
        save_file(state, folder / "motion_embedding.safetensors")
        facts = {"base": self.base, "vocabulary": asdict(self.vocabulary)}
        (folder / "alignment.json").write_text(json.dumps(facts, indent=2))

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.motion_embedding.bias.device

    def prompt(self, codes_LG: torch.Tensor, segments: Sequence[int]) -> MotionPrompt:
        """Prompt about one motion, given its codes (L, G) and the segments that wore the sensors."""
        before, after = prompt(segments)
        return MotionPrompt((*self._text_ids(before), *self.vocabulary.ids(codes_LG), *self._text_ids(after)))

    def _text_ids(self, text: str) -> list[int]:
        ids: list[int] = self.text_tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def embed(self, ids_BN: torch.Tensor) -> torch.Tensor:
        """Input embeddings (B, N, H) of text and motion ids."""
        own = ids_BN >= self.vocabulary.first
        text = self.language_model.get_input_embeddings()(ids_BN.masked_fill(own, 0))
        motion = F.embedding((ids_BN - self.vocabulary.first).clamp_min(0), self.motion_embedding())
        return torch.where(own[..., None], motion.to(text.dtype), text)

    def forward(self, prompts: Sequence[MotionPrompt], answers: Sequence[str]) -> torch.Tensor:
        """Mean cross-entropy of the answers' tokens given the prompts; prompts carry no loss."""
        end = self.text_tokenizer.eos_token_id
        rows = [(p.ids, (*self._text_ids(a), end)) for p, a in zip(prompts, answers, strict=True)]
        length = max(len(p) + len(a) for p, a in rows)
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        labels = torch.full((len(rows), length), IGNORED)
        mask = torch.zeros(len(rows), length, dtype=torch.long)
        for row, (p, a) in enumerate(rows):
            ids[row, : len(p) + len(a)] = torch.tensor(p + a)
            labels[row, len(p) : len(p) + len(a)] = torch.tensor(a)
            mask[row, : len(p) + len(a)] = 1
        labels = labels.to(self.device)
        hidden = self._hidden(
            inputs_embeds=self.embed(ids.to(self.device)), attention_mask=mask.to(self.device)
        )
        counted = labels[:, 1:] != IGNORED
        logits = self.language_model.get_output_embeddings()(hidden[:, :-1][counted])
        return F.cross_entropy(logits.float(), labels[:, 1:][counted])

    def _hidden(self, **inputs: torch.Tensor) -> torch.Tensor:
        """Last hidden states; logits are made only where they are read (a quarter of the cost)."""
        states: torch.Tensor = self.language_model.get_base_model().model(**inputs).last_hidden_state
        return states

    @torch.no_grad()
    def generate(self, prompts: Sequence[MotionPrompt], *, max_new_tokens: int = 40) -> list[str]:
        """Greedy answers, up to the end token or `max_new_tokens`."""
        embeddings, mask = self._left_padded(prompts)
        out = self.language_model.generate(
            inputs_embeds=embeddings,
            attention_mask=mask,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            pad_token_id=self.text_tokenizer.eos_token_id,
        )
        return [t.strip() for t in self.text_tokenizer.batch_decode(out, skip_special_tokens=True)]

    @torch.no_grad()
    def log_likelihood(self, prompts: Sequence[MotionPrompt], answers: Sequence[str]) -> torch.Tensor:
        """Mean log-probability per token of every answer after every prompt: (B, num answers).

        The prompt is run once and its keys and values are shared by all answers.
        """
        embeddings, mask = self._left_padded(prompts)
        body, head = self.language_model.get_base_model().model, self.language_model.get_output_embeddings()
        first = body(inputs_embeds=embeddings, attention_mask=mask, use_cache=True)
        rows = [self._text_ids(a) for a in answers]
        length = max(map(len, rows))
        ids = torch.tensor([[*r, *[0] * (length - len(r))] for r in rows], device=self.device)
        real = torch.tensor([[1] * len(r) + [0] * (length - len(r)) for r in rows], device=self.device)
        cache, num = first.past_key_values, len(prompts)
        cache.batch_repeat_interleave(len(rows))
        ids, real = ids.repeat(num, 1), real.repeat(num, 1)
        mask = torch.cat([mask.repeat_interleave(len(rows), dim=0), real], dim=1)
        rest = body(inputs_embeds=self.embed(ids), attention_mask=mask, past_key_values=cache)
        opening = first.last_hidden_state[:, -1:].repeat_interleave(len(rows), dim=0)
        hidden = torch.cat([opening, rest.last_hidden_state[:, :-1]], dim=1)
        counted = real.bool()
        scores = -F.cross_entropy(head(hidden[counted]).float(), ids[counted], reduction="none")
        total = scores.new_zeros(len(ids)).index_add(0, counted.nonzero()[:, 0], scores)
        return (total / real.sum(dim=1)).view(num, len(rows))

    def prior(self, answers: Sequence[str], segments: Sequence[int], *, num: int = 16) -> torch.Tensor:
        """Mean `log_likelihood` of answers after random motion tokens: what is said whatever the motion.

        Subtracting it leaves what the motion speaks for (Holtzman et al. 2021, domain-conditional PMI).
        The tokens are the same on every call.
        """
        generator = torch.Generator().manual_seed(0)
        shape = (num, _PRIOR_STEPS, self.vocabulary.num_groups)
        codes = torch.randint(self.vocabulary.codebook_size, shape, generator=generator)
        return self.log_likelihood([self.prompt(c, segments) for c in codes], answers).mean(dim=0)

    def _left_padded(self, prompts: Sequence[MotionPrompt]) -> tuple[torch.Tensor, torch.Tensor]:
        length = max(len(p.ids) for p in prompts)
        ids = torch.tensor([[0] * (length - len(p.ids)) + list(p.ids) for p in prompts], device=self.device)
        mask = torch.tensor(
            [[0] * (length - len(p.ids)) + [1] * len(p.ids) for p in prompts], device=self.device
        )
        return self.embed(ids), mask


def _load_base(base: str) -> tuple[Any, Any]:
    path = Path(base) if Path(base).is_dir() else assets.resolve(base)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(path)

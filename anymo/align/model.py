"""A language model that has learnt to read motion: made, saved, and asked.

Shapes: B prompts, N positions, G groups, K codes, C code width, E width of the contrastive embeddings.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file

from anymo.align.base import check_shape, load_base, shape_of, with_lora, without_notices
from anymo.align.context import Context
from anymo.align.network import MotionNetwork, MotionPrompt
from anymo.align.products import lay_by_columns, lay_by_rows
from anymo.align.prompts import opening, prompt

__all__ = ["MotionLanguageModel", "MotionPrompt"]

_PRIOR_MOTIONS, _PRIOR_STEPS = 4, 10  # random motions, and latent steps of each, a window of 5 s
_ADAPTER = "adapter/adapter_model.safetensors"
_MOTION, _HEADS = "motion_embedding.safetensors", "contrastive.safetensors"


class MotionLanguageModel(MotionNetwork):
    """Base model, LoRA adapter and motion embeddings; `generate` and `log_likelihood` answer."""

    _is_fused = False

    @classmethod
    def create(
        cls,
        base: str,
        codebook_GKC: torch.Tensor,
        *,
        lora_rank: int = 16,
        embedding_size: int = 0,
        activities: Sequence[str] = (),
        four_bit: bool = False,
    ) -> Self:
        """New adapter and embeddings on a base model.

        Args:
            base: folder, name of an asset or repository on the hub, as `anymo.align.base.load_base` takes it.
            codebook_GKC: (G, K, C) code vectors of the motion tokenizer, `MotionTokenizer.codebook`.
            lora_rank: rank of the adapter.
            embedding_size: E of `embed_motion` and `embed_texts`; 0 makes no heads.
            activities: phrases that it will be taught.
            four_bit: quantise the base, on a GPU.

        Returns:
            The model, on the device of its base.

        Raises:
            FileNotFoundError: there is no such base here, nor can it be had.
            ValueError: it cannot read motion (then an `anymo.align.base.BaseModelError`), or 4 bits cannot
                be had here.
        """
        model, tokenizer = load_base(base, four_bit=four_bit)
        adapted = with_lora(model, lora_rank)
        result = cls(adapted, tokenizer, codebook_GKC, base, embedding_size, activities)
        return result.to(model.device)

    @classmethod
    def from_pretrained(cls, folder: Path, *, base: str | None = None, four_bit: bool = False) -> Self:
        """Read what `save_pretrained` wrote, ready to answer.

        Args:
            folder: of the aligned model.
            base: where the base is now; None is where it was.
            four_bit: quantise the base, on a GPU.

        Raises:
            FileNotFoundError: the folder holds no aligned model, or the base is missing.
            ValueError: the base is not that which the adapter was trained on.
        """
        from peft import PeftModel

        folder = Path(folder)
        for name in ("alignment.json", _ADAPTER):  # peft would take a pickle where there is one
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"language model: expected {folder / name}; give a folder written by train/align.py"
                )
        facts = json.loads((folder / "alignment.json").read_text())
        base = base or facts["base"]
        model, tokenizer = load_base(base, four_bit=four_bit)
        check_shape(facts["shape"], model, base, folder)
        state = load_file(folder / _MOTION)
        with without_notices():
            adapted = PeftModel.from_pretrained(model, folder / "adapter", is_trainable=True)
        taught = facts.get("activities", ())  # models written before proposals do not say
        result = cls(adapted, tokenizer, state["codebook"], base, facts["embedding_size"], taught)
        result.motion_embedding.load_state_dict(state)
        if result.heads is not None:
            result.heads.load_state_dict(load_file(folder / _HEADS))
        return result.to(model.device).eval() if four_bit else result.eval()._fuse()

    def save_pretrained(self, folder: Path) -> None:
        """Write adapter, motion embeddings, heads and the base's name; `alignment.json` comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        self.language_model.save_pretrained(folder / "adapter")
        for module, name in ((self.motion_embedding, _MOTION), (self.heads, _HEADS)):
            if module is not None:
                save_file({k: v.contiguous() for k, v in module.state_dict().items()}, folder / name)
        facts = {
            "base": self.base,
            "shape": shape_of(self.language_model),
            "vocabulary": asdict(self.vocabulary),
            "embedding_size": 0 if self.heads is None else self.heads.size,
            "activities": self.activities,
        }
        (folder / "alignment.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False))

    def merged(self) -> Any:
        """A plain model of transformers with adapter and motion tokens in it, beside this one."""
        from anymo.align.merging import merged

        return merged(self)[0]

    def save_merged(self, folder: Path) -> None:
        """Write `merged()` and its tokenizer, which knows `<imu_*>`; both load without this package."""
        from anymo.align.merging import merged

        for part in merged(self):
            part.save_pretrained(folder)

    def _fuse(self) -> Self:
        """Add the adapter to the weights, 420 small products less per token; `train()` takes it out again."""
        self.language_model.merge_adapter()
        lay_by_columns(self.language_model)
        self._is_fused = True
        return self

    def cast(self, dtype: torch.dtype) -> Self:
        """Give the base's weights another type, to answer with.

        Its buffers keep theirs: in bfloat16 angles of SmolLM's 200th position would be off by 0.28 rad.
        """
        for parameter in self.language_model.parameters():
            parameter.data = parameter.data.to(dtype)
        return self

    @property
    def is_fused(self) -> bool:
        """Whether the base's weights hold the adapter at this moment."""
        return self._is_fused

    def train(self, mode: bool = True) -> Self:
        """As of any module; an adapter that was fused for answering is taken out before it is trained."""
        if mode and self._is_fused:
            lay_by_rows(self.language_model)
            self.language_model.unmerge_adapter()
            self._is_fused = False
        return super().train(mode)

    def prompt(
        self, codes_LG: torch.Tensor, segments: Sequence[int], instruction: str | None = None
    ) -> MotionPrompt:
        """Prompt about one motion.

        Args:
            codes_LG: codes (L, G) of the motion.
            segments: that wear the sensors.
            instruction: one of `anymo.align.prompts`; None asks for activity and description.
        """
        before, after = prompt(segments, instruction)
        return MotionPrompt((*self.text_ids(before), *self.vocabulary.ids(codes_LG), *self.text_ids(after)))

    def motion_prompt(self, segments: Sequence[int], text: str = "") -> MotionPrompt:
        """Prompt whose answer is the motion tokens of a text, or of anything."""
        return MotionPrompt((*self.text_ids(opening(segments, text)), self.vocabulary.bos))

    def motion_ids(self, codes_LG: torch.Tensor) -> tuple[int, ...]:
        """Ids of an answer in motion tokens, with its end.

        Args:
            codes_LG: (L, G) int64 codes of one motion, each from 0 to K - 1.

        Returns:
            L G ids of motion tokens, the groups of a latent step one after another, and the end's.

        Raises:
            ValueError: other than G groups, or a code outside the codebook.
        """
        return tuple(self.vocabulary.ids(codes_LG)[1:])

    def read(self, prompts: Sequence[MotionPrompt]) -> Context:
        """Prompts as read, to score answers, to answer, or both."""
        return Context(self, [prompt.ids for prompt in prompts])

    def generate(self, prompts: Sequence[MotionPrompt], *, max_new_tokens: int = 40) -> list[str]:
        """Greedy answers in words, up to the end token or `max_new_tokens`."""
        return self.read(prompts).answer(max_new_tokens)

    @torch.no_grad()
    def generate_motion(self, prompts: Sequence[MotionPrompt], *, max_steps: int = 32) -> list[torch.Tensor]:
        """Greedy motion after `motion_prompt`s: codes (L, G) each, at most so many latent steps."""
        vocabulary, table = self.vocabulary, self.motion_embedding()
        groups, size, place = vocabulary.num_groups, vocabulary.codebook_size, torch.arange(len(table))

        def choose(state: torch.Tensor, k: int) -> torch.Tensor:
            first = 2 + k % groups * size
            is_next = (place >= first) & (place < first + size)
            is_next[1] = k > 0 and k % groups == 0
            logits = (state.float() @ table.float().T).masked_fill(~is_next.to(state.device), -torch.inf)
            ids: torch.Tensor = vocabulary.first + logits.argmax(dim=-1)
            return ids

        said = self.read(prompts).say(choose, end=vocabulary.eos, most=max_steps * groups)
        return [vocabulary.codes([vocabulary.bos, *row, vocabulary.eos]) for row in said]

    def log_likelihood(self, prompts: Sequence[MotionPrompt], answers: Sequence[str]) -> torch.Tensor:
        """Mean log-probability per token of every answer after every prompt: (B, num answers).

        Raises:
            ValueError: an answer has no token.
        """
        return self.read(prompts).log_likelihood(answers)

    def prior(self, answers: Sequence[str], segments: Sequence[int]) -> torch.Tensor:
        """Mean `log_likelihood` of answers after four random motions: what is said whatever the motion.

        Subtracting it leaves what the motion speaks for (Holtzman et al. 2021, domain-conditional PMI).
        The motions are the same for all answers and on every call, so that what is odd in them mostly cancels
        where answers are compared.
        """
        generator = torch.Generator().manual_seed(0)
        shape = (_PRIOR_MOTIONS, _PRIOR_STEPS, self.vocabulary.num_groups)
        codes = torch.randint(self.vocabulary.codebook_size, shape, generator=generator)
        return self.log_likelihood([self.prompt(c, segments) for c in codes], answers).mean(dim=0)

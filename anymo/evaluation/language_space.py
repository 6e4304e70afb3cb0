"""The pipeline in the shared space of the language model's contrastive heads instead of the encoder's."""

from collections.abc import Sequence
from typing import Self

import torch
from torch.nn import functional as F

from anymo.pipeline import TEMPLATES, AnymoPipeline
from anymo.pipeline.batches import chunks, worn_segments
from anymo.records import WindowBatch

_AT_ONCE = 32  # windows read together


class LanguageSpacePipeline(AnymoPipeline):
    """Retrieves and classifies by embeddings that the language model reads out of motion tokens and words."""

    @classmethod
    def of(cls, pipe: AnymoPipeline) -> Self:
        """The same model: its parts are shared, not loaded again."""
        space = cls(
            pipe.encoder,
            pipe.text,
            pipe.folder,
            window_s=pipe.window_s,
            hop_s=pipe.hop_s,
            reader=pipe.reader,
        )
        space._answers, space.device, space.dtype = pipe.answers, pipe.device, pipe.dtype
        return space

    @property
    def has_space(self) -> bool:
        """Whether the language model was aligned with contrastive heads."""
        return self.language_model.heads is not None

    @torch.no_grad()
    def embed_windows(self, batch: WindowBatch) -> torch.Tensor:
        """Unit embeddings (B, E) of the windows' motion tokens."""
        model, rows = self.language_model, []
        for part in (batch.select(k) for k in chunks(len(batch), _AT_ONCE)):
            codes = self.codes(part)
            prompts = [model.prompt(c, s) for c, s in zip(codes, worn_segments(part), strict=True)]
            rows.append(model.embed_motion(prompts).float().cpu())
        return torch.cat(rows)

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit embeddings (num texts, E) of sentences."""
        return self.language_model.embed_texts(texts).float().cpu()

    def embed_labels(self, labels: Sequence[str]) -> torch.Tensor:
        """Unit embeddings (num labels, E) of labels, mean over TEMPLATES."""
        parts = [self.embed_text([t.format(label) for label in labels]) for t in TEMPLATES]
        return F.normalize(torch.stack(parts).mean(dim=0), dim=-1)

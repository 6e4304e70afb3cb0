"""A model that gives motion and words places in one space."""

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from anymo.pipeline.batches import chunks, recording_means
from anymo.pipeline.windowed import Recordings, WindowedModel
from anymo.records import WindowBatch


class EmbeddingModel(WindowedModel):
    """Windows, recordings, sentences and labels as unit embeddings, by encoder and text tower."""

    def embed(self, recordings: Recordings) -> torch.Tensor:
        """Unit embeddings (num recordings, E): the mean over a recording's windows."""
        return F.normalize(recording_means(self.owned_windows(recordings), self.embed_windows), dim=-1)

    @torch.no_grad()
    def embed_windows(self, batch: WindowBatch) -> torch.Tensor:
        """Unit embeddings (B, E) of windows at the encoder's rate."""
        parts = [batch.select(rows).to(self.device) for rows in chunks(len(batch))]
        with self.precision():
            return torch.cat([self.encoder(part).embedding.float().cpu() for part in parts])

    def embed_text(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit embeddings (num texts, E) of sentences, in the same space."""
        with torch.no_grad(), self.precision():
            embeddings: torch.Tensor = self.text(texts)
        return embeddings.float().cpu()

    def embed_labels(self, labels: Sequence[str]) -> torch.Tensor:
        """Unit text embeddings of labels, mean over TEMPLATES; the last 16,384 are remembered.

        Args:
            labels: phrases in plain words, one or more; what `classify` refuses is taken here.

        Returns:
            (num labels, E) float32, on the CPU, in the space of `embed`.

        Raises:
            AssetError: the text tower's sentence model is not here and cannot be fetched.
            ValueError: a label in which the sentence model finds no word, or longer than it takes.
        """
        with self.precision():
            return self._label_embeddings(self.text, labels)

    def activity_similarity(self, batch: WindowBatch) -> torch.Tensor | None:
        """Cosines (B, num activities) of windows and the language model's `activities`; None without any."""
        activities = self.language_model.activities
        return self.embed_windows(batch) @ self.embed_labels(activities).T if activities else None

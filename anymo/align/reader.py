"""Windows to motion tokens: the frozen encoder and tokenizer in front of the language model."""

import torch
from torch import nn

from anymo.encoders import ImuEncoder
from anymo.records import WindowBatch
from anymo.tokenizer import MotionTokenizer


class MotionReader(nn.Module):
    """Encoder and tokenizer as one, never trained.

    Raises:
        ValueError: the tokenizer was trained on another encoder.
    """

    def __init__(self, encoder: ImuEncoder, tokenizer: MotionTokenizer) -> None:
        super().__init__()
        tokenizer.check_encoder(encoder)
        self.encoder, self.tokenizer = encoder.requires_grad_(False), tokenizer.requires_grad_(False)
        self.eval()

    @torch.no_grad()
    def forward(self, windows: WindowBatch) -> list[torch.Tensor]:
        """Codes (L, G) of each window's valid tokens; L differs between windows."""
        self.eval()
        out = self.encoder(windows)
        codes = self.tokenizer.encode(out.sequence, out.sequence_valid)
        valid = self.tokenizer.tokens_valid(out.sequence_valid)
        return [c[v] for c, v in zip(codes, valid, strict=True)]

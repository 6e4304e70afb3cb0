"""Motion tokenizer: a product-quantised VQ-VAE over the frozen encoder's body latents.

Shapes: B windows, L latent steps, D latent width, G groups, C code width.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.utils import ModelOutput

from anymo.tokenizer.codebook import ProductQuantizer
from anymo.tokenizer.configuration import MotionTokenizerConfig


@dataclass
class QuantizedMotion(ModelOutput):
    """What quantising a batch gives (every field is set).

    loss        reconstruction + commitment, mean over valid steps
    latents     decoded                                          (B, L, D)
    codes       index in each codebook                           (B, L, G)
    perplexity  exp of the entropy of code use, mean over groups
    error       relative squared error of the decoded latents
    """

    loss: torch.Tensor = None  # type: ignore[assignment]
    latents: torch.Tensor = None  # type: ignore[assignment]
    codes: torch.Tensor = None  # type: ignore[assignment]
    perplexity: torch.Tensor = None  # type: ignore[assignment]
    error: torch.Tensor = None  # type: ignore[assignment]


class _Residual(nn.Module):
    """Dilated temporal convolution with a skip; masked steps are kept out."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, kernel_size=3, padding=dilation, dilation=dilation)
        self.out = nn.Linear(width, width)

    def forward(self, x_BLD: torch.Tensor, valid_BL: torch.Tensor) -> torch.Tensor:
        h = (self.norm(x_BLD) * valid_BL[..., None]).transpose(1, 2)
        change: torch.Tensor = self.out(F.gelu(self.conv(h).transpose(1, 2)))
        return x_BLD + change


class MotionTokenizer(PreTrainedModel):
    """Latents to codes and back: `encode` and `decode`.

    Example:
        >>> tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=8, codebook_size=16, code_size=4))
        >>> codes = tokenizer.encode(torch.randn(2, 10, 8))
        >>> codes.shape, tokenizer.decode(codes).shape
        (torch.Size([2, 10, 2]), torch.Size([2, 10, 8]))
    """

    config_class = MotionTokenizerConfig
    main_input_name = "latents"

    def __init__(self, config: MotionTokenizerConfig) -> None:
        super().__init__(config)
        width, code_width = config.hidden_size, config.num_groups * config.code_size
        self.before = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, code_width))
        self.quantizer = ProductQuantizer(
            config.num_groups, config.codebook_size, config.code_size, config.decay, config.dead_share
        )
        self.after = nn.Linear(code_width, width)
        self.residual = nn.ModuleList(_Residual(width, dilation) for dilation in (1, 2, 4))
        self.out = nn.Linear(width, width)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def _groups(self, latents: torch.Tensor) -> torch.Tensor:
        z: torch.Tensor = self.before(latents).unflatten(-1, (self.config.num_groups, self.config.code_size))
        return z

    def encode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents (B, L, D) to codes (B, L, G), each from 0 to codebook_size - 1."""
        z = self._groups(latents)
        return self.quantizer.nearest(z.flatten(0, 1)).view(z.shape[:-1])

    def decode(self, codes: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Codes (B, L, G) to latents (B, L, D).

        Raises:
            ValueError: the codes are not this tokenizer's.
        """
        groups, size = self.config.num_groups, self.config.codebook_size
        if codes.shape[-1] != groups or ((codes < 0) | (codes >= size)).any():
            raise ValueError(
                f"codes: expected (B, L, {groups}) from 0 to {size - 1}, got {tuple(codes.shape)} from "
                f"{int(codes.min())} to {int(codes.max())}; they come from another tokenizer"
            )
        quantized = self.quantizer.lookup(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])
        return self._decode(quantized, valid)

    def _decode(self, quantized_BLGC: torch.Tensor, valid_BL: torch.Tensor | None) -> torch.Tensor:
        x = self.after(quantized_BLGC.flatten(2))
        valid_BL = x.new_ones(x.shape[:2], dtype=torch.bool) if valid_BL is None else valid_BL
        for block in self.residual:
            x = block(x, valid_BL)
        latents: torch.Tensor = self.out(x)
        return latents

    def forward(self, latents: torch.Tensor, valid: torch.Tensor) -> QuantizedMotion:
        """Quantise and reconstruct; in training mode the codebooks move.

        Args:
            latents: (B, L, D) of the frozen encoder.
            valid: (B, L) steps that count.
        """
        z = self._groups(latents)
        codes = self.quantizer.nearest(z.flatten(0, 1).detach())
        if self.training:
            rows = valid.flatten()
            self.quantizer.update(z.flatten(0, 1)[rows], codes[rows])
        quantized = self.quantizer.lookup(codes).unflatten(0, latents.shape[:2])
        straight_through = z + (quantized - z).detach()
        decoded = self._decode(straight_through, valid)
        weight = valid[..., None].to(latents.dtype)
        count = weight.sum().clamp_min(1)
        reconstruction = (F.smooth_l1_loss(decoded, latents, reduction="none") * weight).sum() / (
            count * latents.shape[-1]
        )
        commitment = ((z - quantized.detach()).square().mean(dim=(-1, -2)) * valid).sum() / count
        spread = ((latents - latents[valid].mean(dim=0)).square() * weight).sum()
        return QuantizedMotion(
            loss=reconstruction + self.config.commitment * commitment,
            latents=decoded,
            codes=codes.unflatten(0, latents.shape[:2]),
            perplexity=_perplexity(codes[valid.flatten()], self.config.codebook_size),
            error=((decoded - latents).square() * weight).sum().detach() / spread,
        )


def _perplexity(codes_NG: torch.Tensor, num_codes: int) -> torch.Tensor:
    share = F.one_hot(codes_NG, num_codes).float().mean(dim=0)
    return torch.exp(-(share * share.clamp_min(1e-9).log()).sum(dim=-1)).mean()


AutoConfig.register(MotionTokenizerConfig.model_type, MotionTokenizerConfig)
AutoModel.register(MotionTokenizerConfig, MotionTokenizer)

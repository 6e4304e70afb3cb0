"""Motion tokenizer: a VQ-VAE over the frozen encoder's body latents, and heads that show what codes mean.

Shapes: B windows, L latent steps, P latents of a token, L' = ceil(L / P) token steps, D latent width, G codes
of a step, V vectors that are quantised of C each.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel
from transformers.utils import ModelOutput

from anymo.encoders.decoders import PlacementDecoder
from anymo.encoders.identity import weights_sha256
from anymo.encoders.pretrained import SafeModel
from anymo.tokenizer.codebook import quantizer_of
from anymo.tokenizer.configuration import MotionTokenizerConfig
from anymo.tokenizer.pose import PoseHead, PoseOutput

_DILATIONS = (1, 2, 4)
RECEPTIVE_STEPS = sum(_DILATIONS)  # latents on either side that a decoded latent depends on


@dataclass
class QuantizedMotion(ModelOutput):
    """What quantising a batch gives (every field is set).

    loss        reconstruction + commitment, mean over valid steps
    latents     decoded                                          (B, L, D)
    codes       index in each codebook                           (B, L', G)
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


class MotionTokenizer(SafeModel):
    """Latents to codes and back: `encode` and `decode`; `pose` and `imu` show what codes mean.

    A code depends on the latents of its own step alone, a decoded latent on RECEPTIVE_STEPS latents to either
    side; `TokenStream` does both piece by piece.

    Examples:
        >>> tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=8, codebook_size=16, code_size=4))
        >>> codes = tokenizer.encode(torch.randn(2, 10, 8))
        >>> codes.shape, tokenizer.decode(codes).shape, tokenizer.pose(codes).rotations.shape
        (torch.Size([2, 10, 2]), torch.Size([2, 10, 8]), torch.Size([2, 60, 23, 3, 3]))
    """

    config_class = MotionTokenizerConfig
    main_input_name = "latents"

    def __init__(self, config: MotionTokenizerConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.quantizer = quantizer_of(config)
        code_width, pooled = self.quantizer.num_vectors * config.code_size, config.steps_per_token * width
        self.norm, self.before = nn.LayerNorm(width), nn.Linear(pooled, code_width)
        self.after = nn.Linear(code_width, pooled)
        self.residual = nn.ModuleList(_Residual(width, dilation) for dilation in _DILATIONS)
        self.out = nn.Linear(width, width)
        if "pose" in config.heads:
            self.pose_head = PoseHead(width, config.latent_s)
        if "imu" in config.heads:
            self.imu_head = PlacementDecoder(width, width, config.num_heads, config.patch_samples)
            # Saved with the weights: transformers leaves other buffers uninitialised when it loads a model.
            self.imu_head.unit = nn.Buffer(self.imu_head.unit)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    @property
    def codebook(self) -> torch.Tensor:
        """(G, K, C) vectors of all codes."""
        return self.quantizer.codes

    def check_encoder(self, encoder: nn.Module) -> None:
        """Refuse an encoder whose latents mean something else.

        Raises:
            ValueError: the tokenizer was trained on another one.
        """
        known, own = self.config.encoder_sha256, weights_sha256(encoder)
        if known and known != own:
            raise ValueError(
                f"tokenizer: it was trained on another encoder ({known[:12]}) than this one ({own[:12]}); "
                "give that one, or delete the tokenizer and train one on this encoder (train/tokenizer.py)"
            )

    def tokens_valid(self, valid: torch.Tensor) -> torch.Tensor:
        """(B, L) valid latents to (B, L') token steps that have one."""
        return self._pooled(valid[..., None]).any(dim=-1)

    def encode(self, latents: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Latents to codes; latents that are not valid are not read, those past the end need not be there.

        Args:
            latents: (B, L, D).
            valid: (B, L) steps that count; None for all.

        Returns:
            (B, L', G) int64, each from 0 to codebook_size - 1; where `tokens_valid` is False, of nothing.
        """
        z = self._vectors(latents, valid)
        codes: torch.Tensor = self.quantizer.nearest(z.flatten(0, 1)).unflatten(0, z.shape[:2])
        return codes

    def decode(self, codes: torch.Tensor, valid: torch.Tensor | None = None) -> torch.Tensor:
        """Codes (B, L', G) to latents (B, L, D).

        Args:
            codes: of `encode`.
            valid: (B, L) latents that count; None for all P L'.

        Raises:
            ValueError: the codes are not this tokenizer's, or the mask is not of their length.
        """
        groups, size = self.config.num_groups, self.config.codebook_size
        if codes.shape[-1] != groups or ((codes < 0) | (codes >= size)).any():
            raise ValueError(
                f"codes: expected (B, L, {groups}) from 0 to {size - 1}, got {tuple(codes.shape)} from "
                f"{int(codes.min())} to {int(codes.max())}; they come from another tokenizer"
            )
        return self._decode(self.quantizer.lookup(codes.flatten(0, 1)).unflatten(0, codes.shape[:2]), valid)

    def unquantized(self, latents: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Latents (B, L, D) through encoder and decoder without rounding to codes: what codes can reach.

        Args:
            latents: (B, L, D).
            valid: (B, L) bool, latents that count.

        Raises:
            ValueError: the mask is not of the length of the latents.
        """
        return self._decode(self._vectors(latents, valid), valid)

    def pose(self, codes: torch.Tensor, valid: torch.Tensor | None = None) -> PoseOutput:
        """The pose over time that codes stand for.

        Args:
            codes: (B, L', G) of `encode`.
            valid: (B, L) bool, latents that count; None for all.

        Raises:
            ValueError: as `decode`, or this tokenizer has no pose head.
        """
        self._check_head("pose")
        return PoseOutput.of(self.pose_head(self.decode(codes, valid)))

    def imu(
        self,
        codes: torch.Tensor,
        segment: torch.Tensor,
        offset: torch.Tensor,
        rotation: torch.Tensor,
        num_samples: int,
        valid: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What ideal sensors anywhere on the body would read while codes happen.

        Args:
            codes: (B, L', G).
            segment: (B, K) index into skeleton.SEGMENTS of each sensor.
            offset: (B, K, 3) in the segment frame, m.
            rotation: (B, K, 3, 3) segment from sensor.
            num_samples: T at `rate_hz`, at most L times patch_samples.
            valid: (B, L) latents that count; None for all.

        Returns:
            (B, K, T, 6) specific force m/s² and angular velocity rad/s, sensor frame.

        Raises:
            ValueError: as `decode`; no IMU head; more samples than the codes last.
        """
        self._check_head("imu")
        latents = self.decode(codes, valid)
        if num_samples > (longest := latents.shape[1] * self.config.patch_samples):
            raise ValueError(
                f"imu: expected at most {longest} samples, which the codes last, got {num_samples}"
            )
        seen = latents.new_ones(latents.shape[:2], dtype=torch.bool) if valid is None else valid
        signal: torch.Tensor = self.imu_head(
            latents[:, None], seen[:, None], segment, offset, rotation, num_samples
        )
        return signal

    def forward(self, latents: torch.Tensor, valid: torch.Tensor) -> QuantizedMotion:
        """Quantise and reconstruct; in training mode the codebooks move, behind what is given.

        Args:
            latents: (B, L, D) of the frozen encoder.
            valid: (B, L) steps that count.
        """
        z, seen = self._vectors(latents, valid), self.tokens_valid(valid)
        codes = self.quantizer.nearest(z.flatten(0, 1).detach())
        # Looked up before they move: a code that is revived goes to any latent, not to the one that chose it.
        quantized = self.quantizer.lookup(codes).view_as(z)
        if self.training:
            rows = seen.flatten()
            self.quantizer.update(z.flatten(0, 1)[rows], codes[rows])
        decoded = self._decode(z + (quantized - z).detach(), valid)
        weight = valid[..., None].to(latents.dtype)
        count = weight.sum().clamp_min(1) * latents.shape[-1]
        reconstruction = (F.smooth_l1_loss(decoded, latents, reduction="none") * weight).sum() / count
        apart = (z - quantized.detach()).square().mean(dim=(-1, -2))
        commitment = (apart * seen).sum() / seen.sum().clamp_min(1)
        spread = ((latents - latents[valid].mean(dim=0)).square() * weight).sum()
        return QuantizedMotion(
            loss=reconstruction + self.config.commitment * commitment,
            latents=decoded,
            codes=codes.unflatten(0, z.shape[:2]),
            perplexity=perplexity(codes[seen.flatten()], self.config.codebook_size).mean(),
            error=((decoded - latents).square() * weight).sum().detach() / spread,
        )

    def _pooled(self, x_BLD: torch.Tensor) -> torch.Tensor:
        """(B, L', P D): the latents of each token side by side, zeros past the end."""
        steps = self.config.steps_per_token
        padded = F.pad(x_BLD, (0, 0, 0, -x_BLD.shape[1] % steps))
        pooled: torch.Tensor = padded.unflatten(1, (-1, steps)).flatten(2)
        return pooled

    def _vectors(self, latents: torch.Tensor, valid: torch.Tensor | None) -> torch.Tensor:
        """(B, L', V, C) that are quantised, of latents (B, L, D)."""
        x = self.norm(latents)
        x = x if valid is None else x.masked_fill(~valid[..., None], 0.0)
        z = self.before(self._pooled(x)).unflatten(-1, (self.quantizer.num_vectors, -1))
        return self.quantizer.bound(z)

    def _decode(self, quantized_BLVC: torch.Tensor, valid_BL: torch.Tensor | None) -> torch.Tensor:
        steps = self.config.steps_per_token
        x = self.after(quantized_BLVC.flatten(2)).unflatten(-1, (steps, -1)).flatten(1, 2)
        valid_BL = x.new_ones(x.shape[:2], dtype=torch.bool) if valid_BL is None else valid_BL
        if -(-valid_BL.shape[1] // steps) != quantized_BLVC.shape[1]:
            raise ValueError(
                f"codes: expected {-(-valid_BL.shape[1] // steps)} steps for a mask of {valid_BL.shape[1]} "
                f"latents, {steps} to a step, got {quantized_BLVC.shape[1]}; give the mask of the latents"
            )
        x = x[:, : valid_BL.shape[1]]
        for block in self.residual:
            x = block(x, valid_BL)
        latents: torch.Tensor = self.out(x)
        return latents

    def _check_head(self, name: str) -> None:
        if name not in self.config.heads:
            raise ValueError(
                f"tokenizer: expected a head for {name}, this one has {list(self.config.heads)}; train it "
                f"with --heads.{name} above 0"
            )


def perplexity(codes_NG: torch.Tensor, num_codes: int) -> torch.Tensor:
    """(G,) exp of the entropy of the use of codes: as many as are used alike."""
    uses = torch.stack([torch.bincount(c, minlength=num_codes) for c in codes_NG.unbind(dim=-1)])
    share = uses / len(codes_NG)
    return torch.exp(-torch.special.xlogy(share, share).sum(dim=-1))


AutoConfig.register(MotionTokenizerConfig.model_type, MotionTokenizerConfig)
AutoModel.register(MotionTokenizerConfig, MotionTokenizer)

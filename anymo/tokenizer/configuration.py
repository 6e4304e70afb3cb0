"""Shape of the motion tokenizer."""

from math import prod
from typing import Any, Literal, get_args

from transformers import PreTrainedConfig

Quantizer = Literal["product", "residual", "fsq"]
HEADS = ("pose", "imu")


class MotionTokenizerConfig(PreTrainedConfig):
    """Shape of `MotionTokenizer`.

    A window of L latents becomes ceil(L / steps_per_token) x num_groups tokens: 20 for 5 s of the default
    encoder, whose latents are half a second long.

    Attributes:
        hidden_size: width of the encoder's latents.
        patch_samples: samples of a latent, which is the encoder's.
        rate_hz: of these samples, Hz.
        quantizer: "product" splits a vector between the codebooks, "residual" has each code what the codes
            before it left over, "fsq" rounds each number of a vector to one of a few levels.
        num_groups: codes of a step, each from a codebook of its own.
        codebook_size: codes of a codebook.
        code_size: width of a code; "fsq" sets it to the number of levels.
        levels: "fsq": values of each number of a code; their product is codebook_size.
        steps_per_token: latents that share one step of tokens.
        decay: of the exponential moving average that moves the codes.
        commitment: weight of the pull of latents toward their codes; "fsq" needs none and sets 0.
        dead_share: a code used less than this share of the mean use is put on a latent of the batch.
        heads: of "pose" and "imu", what codes can be turned into.
        num_heads: attention heads of the IMU head; divides hidden_size, as the encoder's do.
        encoder_sha256: `anymo.encoders.weights_sha256` of the encoder it was trained on, whose latents alone
            it can read; empty where that is not known.
    """

    model_type = "anymo-tokenizer"

    hidden_size: int = 192
    patch_samples: int = 10
    rate_hz: float = 20.0
    quantizer: Quantizer = "product"
    num_groups: int = 2
    codebook_size: int = 2048
    code_size: int = 64
    levels: list[int] | tuple[int, ...] = (8, 8, 8, 4)
    steps_per_token: int = 1
    decay: float = 0.99
    commitment: float = 0.25
    dead_share: float = 0.2
    heads: list[str] | tuple[str, ...] = HEADS
    num_heads: int = 4
    encoder_sha256: str = ""

    def __post_init__(self, **kwargs: Any) -> None:
        if self.quantizer not in get_args(Quantizer):
            raise ValueError(
                f"tokenizer: expected quantizer to be one of {get_args(Quantizer)}, got {self.quantizer!r}"
            )
        counts = ("num_groups", "codebook_size", "code_size", "steps_per_token")
        least = {name: getattr(self, name) for name in counts}
        if min(least.values()) < 1 or not {*self.heads} <= {*HEADS}:
            raise ValueError(
                f"tokenizer: expected 1 or more of each and heads of {HEADS}, got {least} and {self.heads}"
            )
        if "imu" in self.heads and self.hidden_size % self.num_heads:
            raise ValueError(
                f"tokenizer: num_heads must divide hidden_size, got {self.num_heads} and {self.hidden_size}; "
                "change num_heads, or leave the IMU head out"
            )
        if self.quantizer == "fsq":
            check_levels(self.levels, self.codebook_size)
            self.code_size, self.commitment = len(self.levels), 0.0
        super().__post_init__(**kwargs)

    @property
    def latent_s(self) -> float:
        """Seconds of a latent."""
        return self.patch_samples / self.rate_hz


def check_levels(levels: list[int] | tuple[int, ...], codebook_size: int) -> None:
    """Refuse levels of finite scalar quantisation that do not make that many codes.

    Raises:
        ValueError: a level under 2, or levels whose product is not `codebook_size`.
    """
    if min(levels, default=0) < 2 or prod(levels) != codebook_size:
        raise ValueError(
            f"tokenizer: expected levels of 2 or more whose product is codebook_size {codebook_size}, got "
            f"{list(levels)}, which make {prod(levels)}; for instance [8, 8, 8] for 512 codes, [8, 8, 8, 4] "
            "for 2048"
        )

"""Shape of the motion tokenizer."""

from transformers import PreTrainedConfig


class MotionTokenizerConfig(PreTrainedConfig):
    """Shape of `MotionTokenizer`.

    Attributes:
        hidden_size: width of the encoder's latents.
        num_groups: codebooks; each latent step becomes one code of each.
        codebook_size: codes of a codebook.
        code_size: width of a code.
        decay: of the exponential moving average that moves the codes.
        commitment: weight of the pull of latents toward their codes.
        dead_share: a code used less than this share of the mean use is put on a latent of the batch.
    """

    model_type = "anymo-tokenizer"

    hidden_size: int = 192
    num_groups: int = 2
    codebook_size: int = 2048
    code_size: int = 64
    decay: float = 0.99
    commitment: float = 0.25
    dead_share: float = 0.2

"""Shapes of the encoder and of the towers beside it, in the conventions of transformers."""

from transformers import PreTrainedConfig


class AnymoEncoderConfig(PreTrainedConfig):
    """Shape of `ImuEncoder`.

    Attributes:
        hidden_size: width of tokens and latents.
        num_layers: blocks of temporal attention and message passing along the skeleton.
        num_heads: attention heads.
        patch_samples: samples of one token; at 20 Hz, 10 samples are 0.5 s.
        rate_hz: sampling rate the encoder reads, Hz.
        embedding_size: width of the pooled embedding, which is the text tower's.
        dropout: of every block, while training.
    """

    model_type = "anymo-encoder"

    hidden_size: int = 192
    num_layers: int = 2
    num_heads: int = 6
    patch_samples: int = 10
    rate_hz: float = 20.0
    embedding_size: int = 256
    dropout: float = 0.0


class PoseEncoderConfig(PreTrainedConfig):
    """Shape of `PoseEncoder`.

    Attributes:
        pose_size: numbers per frame (`anymo.data.corpus.POSE_SIZE`).
        hidden_size: width of tokens.
        num_layers: transformer blocks.
        num_heads: attention heads.
        patch_frames: frames of one token.
        embedding_size: width of the pooled embedding.
    """

    model_type = "anymo-pose-encoder"

    pose_size: int = 141
    hidden_size: int = 128
    num_layers: int = 2
    num_heads: int = 4
    patch_frames: int = 6
    embedding_size: int = 256


class TextTowerConfig(PreTrainedConfig):
    """Shape of `TextTower`.

    Attributes:
        base: asset name or path of the sentence-transformers model that embeds sentences.
        hidden_size: width of its embeddings.
        embedding_size: width after the projection.
    """

    model_type = "anymo-text-tower"

    base: str = "wordllama-256"
    hidden_size: int = 256
    embedding_size: int = 256

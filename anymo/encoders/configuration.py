"""Shapes of the encoder and of the towers beside it, in the conventions of transformers."""

from typing import Any, Literal, get_args

from transformers import PreTrainedConfig

Architecture = Literal["worn", "stgcn"]
RotationHandling = Literal["augmented", "invariant", "levelled", "both"]
MaskedNodes = Literal["token", "zero"]

STGCN_SAMPLES_PER_TOKEN = 4  # two strides of 2


class AnymoEncoderConfig(PreTrainedConfig):
    """Shape of `ImuEncoder`.

    AnyMo's encoder (arXiv 2605.22715) is `architecture="stgcn", hidden_size=256, num_heads=8, rate_hz=60`;
    that of UniMTS (arXiv 2410.19818) is `architecture="stgcn", hidden_size=512, num_heads=8, use_gyro=False,
    masked_nodes="zero"`, on 23 nodes instead of 22.

    Attributes:
        architecture: "worn" encodes the sensors worn, "stgcn" all 23 nodes of the body.
        hidden_size: width of the latents; in "worn" of the tokens too, in "stgcn" of the last block.
        num_layers: "worn": blocks of temporal attention and message passing along the skeleton.
        num_heads: attention heads, of "worn" and of predictors on the latents; divides hidden_size.
        patch_samples: samples of one latent; at 20 Hz, 10 samples are 0.5 s. "stgcn" sets it to 4.
        stem_stride: "worn": step of the convolution under the patches, samples; divides patch_samples. 1 up
            to 20 Hz, 3 at 60 Hz.
        rate_hz: sampling rate the encoder reads, Hz.
        embedding_size: width of the pooled embedding, which is the text tower's.
        dropout: of every block, while training.
        use_gyro: read gyroscopes where there are any.
        rotation: "worn": "augmented" reads the sensor's axes beside what no mounting changes, and leaves
            robustness to random mountings in training; "invariant" reads only what no mounting changes;
            "levelled" reads the axes of a frame found in the signal; "both" the sensor's own too.
        base_channels: "stgcn": width of the first four blocks; the others have 2, 4 and hidden_size / it.
        masked_nodes: "stgcn": what stands for missing values, a learned token or (UniMTS) zeros.
    """

    model_type = "anymo-encoder"

    architecture: Architecture = "worn"
    hidden_size: int = 192
    num_layers: int = 2
    num_heads: int = 6
    patch_samples: int = 10
    stem_stride: int = 1
    rate_hz: float = 20.0
    embedding_size: int = 256
    dropout: float = 0.0
    use_gyro: bool = True
    rotation: RotationHandling = "augmented"
    base_channels: int = 64
    masked_nodes: MaskedNodes = "token"

    def __post_init__(self, **kwargs: Any) -> None:
        for name, kinds in (
            ("architecture", Architecture),
            ("rotation", RotationHandling),
            ("masked_nodes", MaskedNodes),
        ):
            if getattr(self, name) not in get_args(kinds):
                raise ValueError(
                    f"encoder: expected {name} to be one of {get_args(kinds)}, got {getattr(self, name)!r}"
                )
        if self.architecture == "stgcn":
            self.patch_samples = STGCN_SAMPLES_PER_TOKEN
        for whole, part in (("hidden_size", "num_heads"), ("patch_samples", "stem_stride")):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(
                    f"encoder: {part} must divide {whole}, got {getattr(self, part)} and "
                    f"{getattr(self, whole)}; change one of them"
                )
        super().__post_init__(**kwargs)


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
        base: asset name, folder or hub repository of the model that embeds sentences: a sentence-transformers
            model or the text side of a CLIP model; which, its files say.
        prompt: put before every sentence, as INSTRUCTOR-like models want it; sentence-transformers leaves it
            out of the pooling where the model says so.
        hidden_size: width of its embeddings.
        embedding_size: width after the projection.
        temperature: that cosines of motions and sentences are divided by in their contrastive loss; where
            pre-training starts, and where it ended; towers saved without it have the start's.
    """

    model_type = "anymo-text-tower"

    base: str = "wordllama-256"
    prompt: str = ""
    hidden_size: int = 256
    embedding_size: int = 256
    temperature: float = 0.07

"""What all our models of transformers have in common."""

from typing import Any, Self

from transformers import PreTrainedModel


class SafeModel(PreTrainedModel):
    """A model whose weights are read from safetensors alone: the other formats are pickles."""

    @classmethod
    def from_pretrained(cls, *args: Any, **options: Any) -> Self:
        """As `transformers.PreTrainedModel.from_pretrained`.

        Raises:
            OSError: the folder has no weights in safetensors.
        """
        model: Self = super().from_pretrained(*args, **options | {"use_safetensors": True})
        return model

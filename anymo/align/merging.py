"""An aligned model as plain transformers: the adapter in the weights, the motion tokens in the vocabulary."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch

from anymo.align.products import lay_by_rows

if TYPE_CHECKING:
    from anymo.align.model import MotionLanguageModel


@torch.no_grad()
def merged(model: "MotionLanguageModel") -> tuple[Any, Any]:
    """Copies of the base with adapter and motion embeddings in it, and of its tokenizer with `<imu_*>`.

    Generation says words: `generation_config.suppress_tokens` names the motion tokens, as ours chooses among
    words where words are due. To write motion, give it None.

    Args:
        model: an aligned model.

    Returns:
        Model and tokenizer of transformers.

    Raises:
        ValueError: the base is quantised, or its vocabulary cannot be extended so that it reads the same.
    """
    from tokenizers import AddedToken

    if getattr(model.language_model.config, "quantization_config", None):
        raise ValueError(
            "merged: expected a base in full precision, got a quantised one; load the aligned model with "
            "four_bit=False, on any machine, and merge that"
        )
    names = model.vocabulary.tokens
    tokenizer = deepcopy(model.text_tokenizer)
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in names])
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(names), device=model.device)
    copy = deepcopy(model.language_model)
    lay_by_rows(copy)
    plain = copy.unload() if model.is_fused else copy.merge_and_unload()
    rows = max(model.vocabulary.first, int(ids.max()) + 1)
    plain.resize_token_embeddings(rows, mean_resizing=False)
    table = model.motion_embedding().to(plain.dtype)
    inputs, outputs = plain.get_input_embeddings(), plain.get_output_embeddings()
    outputs.weight[ids] = table
    inputs.weight[ids] = table / getattr(inputs, "embed_scale", 1.0)  # Gemma scales what it looks up
    plain.generation_config.suppress_tokens = ids.tolist()
    if not torch.allclose(inputs(ids), table, atol=1e-6):
        raise ValueError(
            f"merged: expected a base that reads its embeddings as they are, got {type(plain).__name__}, "
            "which changes them; use the adapter"
        )
    return plain.eval(), tokenizer

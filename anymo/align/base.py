"""The language model under the adapter: any causal one of transformers, by name or folder.

Shapes: B rows, N positions, H width, V words.
"""

import inspect
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from anymo import assets

_HASHED_ROWS = 256
_AS = " (an aligned model takes it as `from_pretrained(folder, base=...)`, in the shell as --base)"
_ASSET = "smollm2-135m-instruct"
SHAPE = ("model_type", "vocab_size", "hidden_size", "num_hidden_layers")


class BaseModelError(ValueError):
    """A base that cannot be used, or not with this adapter; the message says why and what to give."""


def load_base(base: str, *, four_bit: bool = False) -> tuple[Any, Any]:
    """Model and tokenizer, float32, or 4-bit NF4 on a GPU (QLoRA, arXiv 2305.14314).

    Args:
        base: folder, name of an asset or repository on the hub.
        four_bit: quantise the base by bitsandbytes.

    Raises:
        FileNotFoundError: there is no such model here, nor can it be had.
        BaseModelError: it is no causal language model with `inputs_embeds` and `position_ids`, or has no end
            token.
        ValueError: 4 bits cannot be had here.
    """
    path, options = _place(base), _four_bit() if four_bit else {"dtype": torch.float32}
    try:
        model = AutoModelForCausalLM.from_pretrained(path, use_safetensors=True, **options)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except OSError as error:
        raise FileNotFoundError(
            f"base: expected a folder of transformers, the asset {_ASSET} or a repository on the hub, got "
            f"{base!r}, of which no model can be loaded ({_first_line(error)}); correct the name, download "
            f"it, set HF_HUB_OFFLINE=0, or give a copy of it{_AS}"
        ) from error
    except (ImportError, ValueError) as error:  # of a package that its tokenizer needs, or of what it is
        raise BaseModelError(
            f"base: expected a causal language model with its tokenizer, got {base!r} ({_first_line(error)})"
            f"; give another{_AS}"
        ) from error
    accepted = inspect.signature(model.base_model.forward).parameters
    if not {"inputs_embeds", "position_ids"} <= set(accepted) or tokenizer.eos_token_id is None:
        raise BaseModelError(
            "base: expected a model that takes inputs_embeds and position_ids and a tokenizer with an end "
            f"token, got {type(model).__name__} of {base!r}; take a decoder such as Llama, Qwen2 or GPT-NeoX"
        )
    # A repository's habits (sampling, repetition penalty) are not ours: answers are greedy.
    end = tokenizer.eos_token_id
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=end, pad_token_id=end)
    return model, tokenizer


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _place(base: str) -> Path | str:
    """Where transformers finds it."""
    if Path(base).is_dir():
        return Path(base)
    if base in assets.ASSETS:
        return assets.resolve(base)
    if Path(base).is_absolute() or base.count("/") > 1:
        raise FileNotFoundError(
            f"base: expected a folder with a causal language model, found none at {base}; give the folder or "
            f"name it has now{_AS}"
        )
    return base


def _four_bit() -> dict[str, Any]:
    missing = [] if torch.cuda.is_available() else ["a CUDA GPU"]
    if not _has_bitsandbytes():
        missing.append("the package bitsandbytes")
    if missing:
        raise ValueError(
            f"four_bit: expected a CUDA GPU and bitsandbytes, found no {' and no '.join(missing)}; set "
            "four_bit to false, or pip install bitsandbytes on a machine with a GPU"
        )
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    own = int(os.environ.get("LOCAL_RANK", "0"))  # a process of several has a GPU of its own
    return {"quantization_config": quantization, "dtype": torch.bfloat16, "device_map": {"": own}}


def _has_bitsandbytes() -> bool:
    from importlib.util import find_spec

    return find_spec("bitsandbytes") is not None


def shape_of(model: Any) -> dict[str, Any]:
    """What an adapter depends on: the base's shape, and which of that shape it is."""
    config = model.config.get_text_config()
    return {name: getattr(config, name) for name in SHAPE} | {"weights": _weights_sha256(model)}


def _weights_sha256(model: Any) -> str:
    """SHA-256 of what neither an adapter nor quantising changes: all norms, and some input embeddings."""
    named = (model.get_base_model() if hasattr(model, "get_base_model") else model).named_parameters()
    norms = [p for name, p in sorted(named) if p.ndim == 1 and name.endswith("weight")]
    digest = sha256()
    for tensor in (*norms, model.get_input_embeddings().weight[:_HASHED_ROWS]):
        digest.update(tensor.detach().bfloat16().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def check_shape(shape: Mapping[str, Any], model: Any, base: str, folder: Path) -> None:
    """Refuse a base that the adapter was not trained on.

    Raises:
        BaseModelError: type, vocabulary, width, depth or weights differ.
    """
    expected, got = json.dumps(dict(shape)), json.dumps(shape_of(model))
    if expected != got:
        raise BaseModelError(
            f"language model {folder}: its adapter is for {expected}, got the base {base!r} with {got}; give "
            "the base it was aligned on, or align this one with train/align.py"
        )


def with_lora(model: Any, rank: int) -> Any:
    """The model with low-rank adapters on every linear map of attention and feed-forward, the head excepted.

    LoRA, Hu et al. 2021 (arXiv 2106.09685), alpha = 2 rank.
    """
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        fan_in_fan_out=model.config.model_type == "gpt2",  # its linear maps are Conv1D, (in, out)
    )
    with without_notices():
        return get_peft_model(model, lora)


@contextmanager
def without_notices() -> Iterator[None]:
    """Peft without a warning that no user can mend: it asks transformers by an old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def run(model: Any, mask: torch.Tensor, *, position_ids: torch.Tensor | None = None, **inputs: Any) -> Any:
    """The body's output without logits, which are made only where they are read (a quarter of the cost).

    Args:
        model: with its adapter.
        mask: (B, keys) 1 where there is something, or what is added to attention, (B, 1, N, keys).
        position_ids: (B, N), needed with the latter; else counted along the mask, so that padding is none.
        inputs: as transformers' models take them.
    """
    if position_ids is None:
        positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
        position_ids = positions[:, -inputs["inputs_embeds"].shape[1] :]
    body = model.get_base_model().base_model
    return body(attention_mask=mask, position_ids=position_ids, **inputs)


def text_logits(model: Any, hidden: torch.Tensor) -> torch.Tensor:
    """(..., V) float32 logits of the base's own words from last hidden states (..., H)."""
    config = model.config.get_text_config()
    logits: torch.Tensor = model.get_output_embeddings()(hidden).float()
    scale = (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
    logits = logits if scale == 1.0 else logits * scale
    cap = getattr(config, "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits

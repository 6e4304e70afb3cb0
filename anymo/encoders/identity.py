"""Which weights something belongs to."""

from hashlib import sha256

from torch import nn


def weights_sha256(*parts: nn.Module, beside: str = "") -> str:
    """SHA-256 of the names and values of all weights and saved buffers, wherever and as whatever they lie.

    Args:
        parts: models, in an order that counts.
        beside: what else tells one from another.
    """
    digest = sha256(beside.encode())
    for part in parts:
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()

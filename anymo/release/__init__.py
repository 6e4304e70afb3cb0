"""What leaves the house: a folder with weights, card and sums, on the hub or as ONNX.

Doors: `export_model`, `push_to_hub`, and `anymo.assets.hub.fetch` for the way back.
"""

from anymo.release.export import export_model
from anymo.release.hub import push_to_hub

__all__ = ["export_model", "push_to_hub"]

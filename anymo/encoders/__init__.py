"""Encoders: inertial windows, text and pose to one embedding space, and the losses that tie them.

The door is `ImuEncoder.forward`.
"""

from anymo.encoders.configuration import AnymoEncoderConfig, PoseEncoderConfig, TextTowerConfig
from anymo.encoders.identity import weights_sha256
from anymo.encoders.imu import ImuEncoder, ImuEncoderOutput
from anymo.encoders.pose import PoseEncoder
from anymo.encoders.text import TextTower

__all__ = [
    "AnymoEncoderConfig",
    "ImuEncoder",
    "ImuEncoderOutput",
    "PoseEncoder",
    "PoseEncoderConfig",
    "TextTower",
    "TextTowerConfig",
    "weights_sha256",
]

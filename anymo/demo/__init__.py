"""The whole path once: motion, simulation, pre-training, tokens, language model, use, report.

The door is `run_demo`.
"""

from anymo.demo.config import DemoConfig
from anymo.demo.run import run_demo

__all__ = ["DemoConfig", "run_demo"]

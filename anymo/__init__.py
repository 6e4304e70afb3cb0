"""AnyMo: body motion to inertial signals, to motion tokens, to words."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anymo.data import read_recording
    from anymo.pipeline import AnymoPipeline
    from anymo.simulation import simulate

    __version__: str

__all__ = ["AnymoPipeline", "__version__", "read_recording", "simulate"]

_DOORS = {
    "AnymoPipeline": "anymo.pipeline",
    "read_recording": "anymo.data",
    "simulate": "anymo.simulation",
}


def __getattr__(name: str) -> Any:
    """Open a door when it is first asked for (PEP 562): `import anymo` alone loads nothing heavy."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("anymo")
    elif name in _DOORS:
        value = getattr(import_module(_DOORS[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""Runs a script with all packages hidden but those that torch and transformers bring, and its own WHEELS.

python only_these_packages.py package-to-hide-too script.py [options]
"""

import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder

BROUGHT = {
    "anyio", "certifi", "charset_normalizer", "click", "filelock", "fsspec", "functorch", "h11", "hf_xet",
    "httpcore", "httpcore2", "httpx", "httpx2", "huggingface_hub", "idna", "jinja2", "markupsafe", "mpmath",
    "networkx", "numpy", "packaging", "regex", "requests", "rich", "safetensors", "scipy", "setuptools",
    "shellingham", "sniffio", "sympy", "tokenizers", "torch", "torchgen", "tqdm", "transformers",
    "truststore", "typer", "typing_extensions", "urllib3", "yaml",
}  # fmt: skip


class Only:
    """Finds what is allowed, and of anything else says that it is not installed."""

    allowed: set[str]
    find_distributions = PathFinder.find_distributions

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        top = name.partition(".")[0]
        is_known = path is not None or top.startswith("_") or top in cls.allowed
        return PathFinder.find_spec(name, path) if is_known else None


if __name__ == "__main__":
    _, hidden, script, *_ = sys.argv
    wheels = set(runpy.run_path(script)["WHEELS"])
    Only.allowed = ({*sys.stdlib_module_names, "anymo"} | BROUGHT | wheels) - {hidden}
    sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Only]  # type: ignore[list-item]
    del sys.argv[:2]
    runpy.run_path(script, run_name="__main__")

"""Model folders: the one that comes with the package, another on this machine, or a repository of the hub."""

import re
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[1] / "weights"  # the model that comes with the package
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_TEXTS = ("*.json", "*.md", "*.txt", "manifest.csv")
FILES = (*_TEXTS, "*.safetensors", "encoder.onnx")  # a release has no others
_NOT_NEEDED = ("merged/*",)  # a whole language model, for transformers alone


def fetch(source: str | Path = SHIPPED, revision: str | None = None, *, endpoint: str | None = None) -> Path:
    """A folder as it is, or the files of a repository `owner/name`, downloaded once.

    Args:
        source: folder, or repository of the hub; a folder of that name comes first. Left out, the model that
            comes with the package.
        revision: branch, tag or commit of the repository; None is its main branch.
        endpoint: address of the hub; None is HF_ENDPOINT, or the public one.

    Raises:
        FileNotFoundError: there is no such folder, nor can such a repository be had.
        ValueError: a revision of a folder.
    """
    if revision is not None and Path(source).is_dir():
        raise ValueError(
            f"model: {source} is a folder here, which has no revision {revision!r}; leave it out, or name a "
            "repository of the hub"
        )
    if Path(source).is_dir() or not _REPOSITORY.fullmatch(str(source)):
        return Path(source)
    from huggingface_hub import snapshot_download

    try:
        found = snapshot_download(
            str(source),
            revision=revision,
            endpoint=endpoint,
            allow_patterns=list(FILES),
            ignore_patterns=list(_NOT_NEEDED),
        )
    except (OSError, ValueError) as error:  # the hub's own errors are OSErrors, a malformed name a ValueError
        where = f"{source} at {revision}" if revision else str(source)
        raise FileNotFoundError(
            f"model: expected a folder or a repository of the hub, got {where}, which is neither here nor to "
            f"be had ({str(error).strip().partition(chr(10))[0]}); correct the name, log in with "
            "`hf auth login` if it is private, or set HF_HUB_OFFLINE=0"
        ) from error
    return Path(found)

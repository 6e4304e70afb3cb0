"""To the hub of Hugging Face, or to any server that speaks its protocol."""

from pathlib import Path

from anymo.evaluation.aligned_test_sets import PARTS
from anymo.release.sums import SUMS, check_sums, summed

_REPLACED = (*(f"{part}/*" for part in (*PARTS, "merged")), "encoder.onnx", "metrics.json")


def push_to_hub(
    folder: Path,
    repo_id: str,
    *,
    private: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
) -> str:
    """Upload a release to a model repository, which is made if there is none.

    Parts of a model that are in the repository and not in the folder go; other files there stay.

    Args:
        folder: that `export_model` wrote, unchanged since.
        repo_id: `owner/name`.
        private: make a new repository private.
        endpoint: address of the hub; None is HF_ENDPOINT, or the public one.
        token: of a user who may write there; None is that of `hf auth login` or HF_TOKEN.

    Returns:
        Address of the commit.

    Raises:
        FileNotFoundError: no release is in the folder.
        ValueError: a file changed after the export, or the hub refuses.
    """
    from huggingface_hub import HfApi

    check_sums(folder)
    api = HfApi(endpoint=endpoint, token=token, library_name="anymo")
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            commit_message="Upload model",
            allow_patterns=[*summed(folder), SUMS],
            delete_patterns=list(_REPLACED),
        )
    except Exception as error:  # the client's transport errors have no common base over its versions
        raise ValueError(
            f"hub: expected a repository owner/name that this user may write to, got {repo_id!r} ("
            f"{str(error).strip().partition(chr(10))[0]}); log in with `hf auth login`, correct the name, or "
            "set HF_HUB_OFFLINE=0"
        ) from error
    return str(commit.commit_url)

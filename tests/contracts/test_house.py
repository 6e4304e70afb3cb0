"""The house rules that a machine can check: who imports whom, how long things are, what an import costs."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymo import config

REPOSITORY = Path(__file__).resolve().parents[2]
LIBRARY = REPOSITORY / "anymo"
SCRIPT_FOLDERS = ("data_prep", "train", "eval")

# Each row may import the rows above it, and nothing of its own row but itself.
ORDER = (
    ("skeleton",),
    ("records",),
    ("body", "motion"),
    ("simulation",),
    ("data",),
    ("encoders",),
    ("tokenizer",),
    ("align",),
    ("metrics",),
    ("training",),
    ("pipeline",),
    ("evaluation",),
    ("release",),
    ("demo",),
    ("cli",),
)
RANK = {room: rank for rank, row in enumerate(ORDER) for room in row}
FREE = {"config", "assets", "tables"}  # import nothing of ours, and anybody may import them
ROOMS = {*RANK, *FREE, "plots"}


def may_import(room: str, other: str) -> bool:
    if room == other:
        return True
    if room in FREE:
        return False
    if room == "plots":
        return other in {"records", "skeleton"}
    if other == "plots":
        return room in {"evaluation", "demo", "cli"}
    return other in FREE or RANK[other] < RANK[room]


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def imported_modules(file: Path, package: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted names a file imports, inside functions too; relative ones made absolute by `package`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield from ([f"{module}.{a.name}" for a in node.names] if module == "anymo" else [module])


def wrong_imports(file: Path, inside: tuple[str, ...]) -> list[str]:
    """Imports of a library file, at path `inside` the library, that point the wrong way or at no room."""
    room = Path(inside[0]).stem
    others = [
        name.split(".")[1]
        for name in imported_modules(file, ("anymo", *inside[:-1]))
        if name.startswith("anymo.")
    ]
    return [
        f"{'/'.join(inside)}: {room} imports {o}" for o in others if o not in ROOMS or not may_import(room, o)
    ]


def test_imports_go_one_way() -> None:
    wrong: list[str] = []
    for file in python_files("anymo"):
        inside = file.relative_to(LIBRARY).parts
        if inside in (("__init__.py",), ("__main__.py",)):
            continue
        assert Path(inside[0]).stem in ROOMS, f"{file}: no such room in the house; see CONTRIBUTING.md"
        wrong += wrong_imports(file, inside)
    assert wrong == []


@pytest.mark.parametrize(
    ("room", "line", "is_wrong"),
    [
        ("simulation", "from anymo.data import corpus", True),
        ("simulation", "from ..training import engine", True),
        ("simulation", "def f():\n    import anymo.cli", True),
        ("simulation", "from anymo import plots", True),
        ("motion", "from anymo.body import load", True),
        ("assets", "from anymo.records import Motion", True),
        ("simulation", "from anymo.simulation.device import noise", False),
        ("simulation", "from ..motion import load", False),
        ("simulation", "from .device import noise", False),
        ("cli", "from anymo import plots, config", False),
    ],
)
def test_the_import_check_can_fail(tmp_path: Path, room: str, line: str, is_wrong: bool) -> None:
    file = tmp_path / "imu.py"
    file.write_text(line)
    assert bool(wrong_imports(file, (room, "imu.py"))) == is_wrong


def test_folders_are_named_for_what_they_hold() -> None:
    vague = {"utils", "util", "core", "common", "helpers", "misc"}
    assert [f for f in python_files("anymo", "tests", *SCRIPT_FOLDERS) if vague & {*f.parts, f.stem}] == []


def test_files_and_functions_are_short() -> None:
    long: list[str] = []
    for file in python_files("anymo", "tests", "examples", "benchmarks", *SCRIPT_FOLDERS):
        text = file.read_text(encoding="utf-8")
        if (lines := len(text.splitlines())) > 450:
            long.append(f"{file}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 80:
                    long.append(f"{file}: {node.name} has {lines} lines")
    assert long == []


def test_scripts_are_thin_and_nobody_imports_them() -> None:
    scripts = python_files(*SCRIPT_FOLDERS)
    assert [s for s in scripts if len(s.read_text(encoding="utf-8").splitlines()) > 80] == []
    assert [s for s in scripts if s.name == "__init__.py"] == []
    names = {*SCRIPT_FOLDERS, *(script.stem for script in scripts)}
    everything = python_files("anymo", "tests", "examples", "benchmarks", *SCRIPT_FOLDERS)
    assert [(f, m) for f in everything for m in imported_modules(f) if m.split(".")[0] in names] == []


def test_import_is_light() -> None:
    heavy = ("deepspeed", "datasets", "matplotlib", "anny", "transformers")
    program = f"import sys, anymo; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_yaml_has_no_duplicate_keys() -> None:
    for file in sorted((REPOSITORY / "configs").rglob("*.y*ml")):
        assert config.read_yaml(file)


def test_readme_tree_is_the_tree() -> None:
    readme = REPOSITORY / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    trees = [
        b for b in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S) if re.search(r"^\W*anymo/", b, re.M)
    ]
    if not trees:
        pytest.skip("README.md has no tree yet")
    git = ["git", "-C", str(REPOSITORY), "ls-files"]
    tracked = subprocess.run(git, capture_output=True, text=True, check=True).stdout.splitlines()
    top = {path.split("/", 1)[0] for path in tracked}
    rooms = {path.split("/")[1].removesuffix(".py") for path in tracked if path.startswith("anymo/")}
    expected = top | (rooms - {"__init__", "py.typed"})
    assert (
        sorted(name for name in expected if not re.search(rf"(?<![\w-]){re.escape(name)}\b", trees[0])) == []
    )

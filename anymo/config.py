"""YAML to frozen dataclass and back: strict keys, strict types, `--a.b value` on top."""

import dataclasses
import functools
import importlib.metadata
import inspect
import json
import platform
import re
import shlex
import subprocess
import sys
import uuid
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import draccus
import yaml
from draccus.argparsing import ArgumentParser
from draccus.parsers.decoding import decode_bool, decode_tuple
from draccus.utils import DecodingError, ParsingError, stringify_type
from draccus.wrappers import docstring

T = TypeVar("T")
REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = (
    "anymo",
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "deepspeed",
    "torch-geometric",
    "numpy",
    "anny",
)


def load(cls: type[T], argv: Sequence[str]) -> T:
    """The configuration that a command line describes.

    Args:
        cls: frozen dataclass of fields and nested dataclasses.
        argv: `--config_path file.yaml`, then `--a.b value` for each field that differs from the file.

    Raises:
        ValueError: unknown or duplicate key, wrong type, missing field or file, refused by `__post_init__`.
        SystemExit: unknown option, or `--help`, which lists the fields.
    """
    try:
        config: T = _Parser(cls).parse_args(list(argv))
    except (ParsingError, yaml.YAMLError) as error:
        raise ValueError(f"config {cls.__name__}: {error}{_hidden_reason(error)}") from error
    return config


def read(cls: type[T], path: Path) -> T:
    """The configuration in a file, with no command line on top.

    Raises:
        ValueError: as `load`, with the file's name.
    """
    try:
        tree = read_yaml(path)
        _check_keys(cls, tree)
        config: T = draccus.decode(cls, tree)
    except ParsingError as error:
        raise ValueError(f"{path}: {error}{_hidden_reason(error)}") from error
    return config


def encoded(config: object) -> dict[str, Any]:
    """A configuration as plain values, as `save` writes it."""
    values: dict[str, Any] = draccus.encode(config)
    return values


def save(config: object, folder: Path) -> None:
    """Write `config.yaml`, complete, and `environment.json`: commit and versions the run was made with.

    Those are of this process' start (`environment`). A run that was taken up again at another commit
    names the ones before under `earlier_git`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "config.yaml", yaml.safe_dump(encoded(config), sort_keys=False))
    file = folder / "environment.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    now = dict(environment())
    commits = list(dict.fromkeys([*before.get("earlier_git", []), before.get("git", now["git"])]))
    if earlier := [each for each in commits if each != now["git"]]:
        now["earlier_git"] = earlier
    write_text(file, json.dumps(now, indent=2) + "\n")


def read_yaml(path: Path) -> dict[str, Any]:
    """Mapping in a YAML file; a key given twice is refused, where YAML readers keep the last.

    Raises:
        ValueError: no such file, no YAML, no mapping, or a key given twice.
    """
    if not path.is_file():
        raise ValueError(f"config: no file {path} (looked in {Path.cwd()}); see configs/ for the named runs")
    text = path.read_text(encoding="utf-8")
    try:
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), path)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"config {path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"config {path}: expected `key: value` lines, got {type(content).__name__}")
    return content


def _check_keys(cls: Any, value: Any, path: tuple[str, ...] = ()) -> None:
    """Refuse a key that is no field and name the fields; draccus does not, nor where under `X | None`."""
    inner, children = get_args(cls), []
    if dataclasses.is_dataclass(cls) and isinstance(value, dict):
        hints, names = get_type_hints(cls), [f.name for f in dataclasses.fields(cls)]
        if unknown := ", ".join(f"`{key}`" for key in value if key not in names):
            known = f"expected of {', '.join(names)}"
            raise DecodingError(
                path, f"The fields {unknown} are not valid for {stringify_type(cls)}; {known}"
            )
        children = [(hints[name], each, (*path, name)) for name, each in value.items()]
    elif isinstance(value, list) and inner:
        children = [(inner[0], each, (*path, str(n))) for n, each in enumerate(value)]
    elif isinstance(value, dict) and len(blocks := [t for t in inner if dataclasses.is_dataclass(t)]) == 1:
        children = [(blocks[0], value, path)]
    for kind, each, where in children:
        _check_keys(kind, each, where)


def _hidden_reason(error: BaseException) -> str:
    """What `__post_init__` said: draccus leaves it in the chain of causes."""
    root = error
    while root.__cause__:
        root = root.__cause__
    return "" if str(root) in str(error) else f" {root}"


class _Parser(ArgumentParser[T]):
    """draccus' options and help; values are merged here, as it reads `included` as a command to include."""

    def _postprocessing(self, parsed_args: Namespace) -> T:
        options = vars(parsed_args)
        path = options.pop("config_path", None)
        tree = _merged(_defaults(self.config_class), read_yaml(Path(path)) if path else {})
        for name, text in options.items():
            *blocks, leaf = name.split(".")
            node = tree
            for block in blocks:
                if not isinstance(node.get(block), dict):
                    node[block] = {}
                node = node[block]
            node[leaf] = _option(text)
        _check_keys(self.config_class, tree)
        config: T = draccus.decode(self.config_class, tree)
        return config


def _option(text: str) -> Any:
    """Value of an option: YAML, or the text itself where YAML sees more in it than there is (`**/*.bvh`)."""
    try:
        return yaml.safe_load(text) if text else text
    except yaml.YAMLError:
        return text


def _defaults(cls: type) -> dict[str, Any]:
    """Defaults as a tree, so that one key of a block given alone leaves the others at this config's own."""
    tree: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.default is not dataclasses.MISSING:
            tree[f.name] = draccus.encode(f.default)
        elif f.default_factory is not dataclasses.MISSING:
            tree[f.name] = draccus.encode(f.default_factory())
    return tree


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {k: (below[k], above[k]) for k in below.keys() & above.keys()}
    blocks = {k: _merged(a, b) for k, (a, b) in both.items() if isinstance(a, dict) and isinstance(b, dict)}
    return below | above | blocks


def _field_help(cls: type, name: str) -> docstring.AttributeDocString:
    """Help of a field: what the class, or one it inherits from, says under `Attributes:`.

    draccus searches the source for comments, and fails on the last name of such a docstring.
    """
    docs = "\n".join(inspect.getdoc(each) or "" for each in cls.__mro__)
    found = re.search(rf"^    {name}: (.*(?:\n {{8}}.*)*)", docs, re.M)
    text = " ".join(found[1].split()).replace("%", "%%") if found else ""
    return docstring.AttributeDocString(comment_inline=text)


docstring.get_attribute_docstring = _field_help


def _refuse_duplicates(node: yaml.Node | None, path: Path) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, path)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if (first := lines.setdefault(str(key.value), line)) != line:
                raise ValueError(
                    f"config {path}, line {line}: {key.value!r} was already given on line {first}"
                )
            _refuse_duplicates(value, path)


# draccus takes null, `yes` and lists for text and numbers, and the letters of a text for a tuple.
ACCEPTED: dict[type, tuple[type, ...]] = {
    str: (str,),
    Path: (str,),
    bool: (str, bool),
    int: (str, int),
    float: (str, int, float),
}


def _scalar(cls: type, raw: Any, path: Sequence[str]) -> Any:
    wanted = isinstance(raw, ACCEPTED[cls]) and (cls is bool or not isinstance(raw, bool))
    hint = "; quote it" if cls is str and isinstance(raw, bool | int | float) else ""
    try:
        if not wanted:
            raise ValueError
        return decode_bool(raw, path) if cls is bool else cls(raw)
    except (ValueError, DecodingError):
        raise DecodingError(path, f"expected {cls.__name__}, got {raw!r}{hint}") from None


def _tuple(cls: Any, raw: Any, path: Sequence[str]) -> Any:
    if not isinstance(raw, list):
        raise DecodingError(path, f"expected a list, got {raw!r}")
    return decode_tuple(*get_args(cls))(raw, path)


for _type in ACCEPTED:
    draccus.decode.register(_type, _scalar, include_subclasses=True)
draccus.decode.register(tuple, _tuple, include_subclasses=True)


@functools.cache
def environment() -> dict[str, Any]:
    """Commit, versions and platform at the first call in this process.

    A stage asks when it starts: a clone that is pulled while it trains does not change what it ran.
    """
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "git": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        **versions,
    }


def _commit() -> str:
    """Commit of this source tree (`-dirty` where changed); "unknown" outside a clone or without git."""
    if not (REPOSITORY / ".git").exists():
        return "unknown"
    command = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def command() -> str:
    """Command line of this process, as it is given in the repository."""
    script = Path(sys.argv[0]).absolute()
    is_ours = script.suffix == ".py" and script.is_relative_to(REPOSITORY)
    start = ["python", script.relative_to(REPOSITORY).as_posix()] if is_ours else [script.name]
    return shlex.join([*start, *sys.argv[1:]])


def write_text(path: Path, text: str) -> None:
    """Write a file in one atomic step; shards may write the same file at once."""
    write_texts({path: text})


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write files in one atomic step each, and none before all of them are on the disk."""
    drafts = {path: path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp") for path in texts}
    try:
        for path, text in texts.items():
            drafts[path].write_text(text, encoding="utf-8")
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)

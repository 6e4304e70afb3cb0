"""Labels in plain words: which are accepted, what they embed to, and which of them an answer means."""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch.nn import functional as F

from anymo import assets
from anymo.pipeline.memory import Memory

if TYPE_CHECKING:
    from anymo.encoders import TextTower

_log = logging.getLogger(__name__)

Route = Literal["embedding", "likelihood", "generate"]
TEMPLATES = ("{}", "a person is {}")
# An answer is run for every label and window, or all labels stand in one question; embeddings have no limit.
MAX_LABELS = {"likelihood": 200, "generate": 100}
SHARPNESS = 10.0  # of cosines, before the softmax
_REMEMBERED = 16384  # labels; 16 MB at 256 numbers each
_SHOWN = 10  # of the labels in an error
_UNKNOWN = ("[UNK]", "<unk>")  # as sentence models call what is no word of theirs
_KNOWN_LETTERS = 3  # a token this long is part of a word, a shorter one may be a mere letter


def check_labels(labels: Sequence[str], route: str) -> None:
    """Refuse what cannot be told apart, and more than a route can take.

    Raises:
        ValueError: an unknown route; other than phrases; fewer than two labels, an empty one, one given twice
            (case and outer blanks do not count), or more than MAX_LABELS.
    """
    if route not in get_args(Route):
        raise ValueError(f"route: expected one of {get_args(Route)}, got {route!r}")
    if isinstance(labels, str):
        raise ValueError(
            f"labels: expected two or more phrases, got one string {labels!r}; put them in a list"
        )
    if not isinstance(labels, Sequence) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"labels: expected a list of two or more phrases, got {labels!r}; give plain words")
    blank = [i for i, label in enumerate(labels) if not label.strip()]
    counts = Counter(map(_plain, labels))
    twice = sorted({label for label in labels if label.strip() and counts[_plain(label)] > 1})
    if len(labels) < 2 or blank or twice:
        more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
        raise ValueError(
            f"labels: expected two or more different phrases, got {list(labels[:_SHOWN])}{more}"
            + (f"; empty at {blank[:_SHOWN]}" if blank else "")
            + (f"; given twice: {twice[:_SHOWN]}" if twice else "")
        )
    if len(labels) > MAX_LABELS.get(route, len(labels)):
        raise ValueError(
            f'labels: route="{route}" takes {MAX_LABELS[route]} labels at most, got {len(labels)}; '
            'take route="embedding", or ask again among the labels it ranks first'
        )


def sentences(texts: object) -> list[str]:
    """Sentences to look for, as a list.

    Raises:
        ValueError: no list of them, or an empty one in it.
    """
    listed = [] if isinstance(texts, str) or not isinstance(texts, Sequence) else list(texts)
    if not listed or not all(isinstance(text, str) and text.strip() for text in listed):
        raise ValueError(f"retrieve: expected a list of sentences, none empty, got {texts!r}")
    return listed


class LabelEmbeddings:
    """Unit embeddings of labels, mean over TEMPLATES, remembered until the text tower is another."""

    def __init__(self) -> None:
        self._tower: tuple[int, ...] = ()
        self._memory: Memory[str, torch.Tensor] = Memory(_REMEMBERED)
        self._tokens: Memory[str, tuple[int, ...]] = Memory(_REMEMBERED)

    def __call__(self, text: "TextTower", labels: Sequence[str]) -> torch.Tensor:
        """(num labels, E). A label none of whose words the tower's tokenizer knows is warned of.

        Raises:
            ValueError: two labels are the same tokens, so nothing could tell them apart.
        """
        if (tokenizer := _tokenizer(text.config.base)) is not None:
            tokens = self._tokens(
                labels,
                lambda new: [tuple(e.ids) for e in tokenizer.encode_batch(new, add_special_tokens=False)],
            )
            _check_told_apart(Path(text.config.base).name, labels, tokens)
        tower = (id(text), *(t._version for t in text.state_dict(keep_vars=True).values()))
        if tower != self._tower:
            self._tower, self._memory, self._tokens = tower, Memory(_REMEMBERED), Memory(_REMEMBERED)

        def compute(new: list[str]) -> torch.Tensor:
            _warn_of_unknown(text.config.base, new)
            with torch.no_grad():
                parts = [text([template.format(label) for label in new]).float() for template in TEMPLATES]
            return F.normalize(torch.stack(parts).mean(dim=0), dim=-1).cpu()

        return torch.stack(self._memory(labels, compute))


def answered_scores(
    answers: Sequence[str], labels: Sequence[str], label_embeddings: torch.Tensor, embeddings: torch.Tensor
) -> torch.Tensor:
    """Logits (num answers, num labels): which label each answer of the language model means.

    Ten times the cosine between the answer's text embedding and the label's; a label that the answer repeats
    word for word (case does not count) has 20, twice what any other can have.

    Args:
        answers: as the model gave them.
        labels: those it could choose from.
        label_embeddings: (num labels, E) unit.
        embeddings: (num answers, E) unit, of the answers.
    """
    scores = SHARPNESS * embeddings @ label_embeddings.T
    position = {_plain(label): i for i, label in enumerate(labels)}
    for row, answer in enumerate(answers):
        if (exact := position.get(_plain(answer))) is not None:
            scores[row, exact] = 2 * SHARPNESS
    return scores


def _plain(text: str) -> str:
    return text.strip().rstrip(".").casefold()


def _check_told_apart(tower: str, labels: Sequence[str], tokens: Sequence[tuple[int, ...]]) -> None:
    counts = Counter(tokens)
    alike = [label for label, own in zip(labels, tokens, strict=True) if counts[own] > 1]
    if alike:
        raise ValueError(
            f"labels: text tower {tower} reads {alike[:_SHOWN]} as the same tokens and cannot tell them "
            "apart; translate or reword them, or take another text tower"
        )


def _warn_of_unknown(base: str, labels: Sequence[str]) -> None:
    tokenizer = _tokenizer(base)
    unknown = [label for label in labels if tokenizer is not None and not _knows(tokenizer, label)]
    if unknown:
        _log.warning(
            "labels: text tower %s knows no word of %s%s and reads them by letters, or as one unknown sign: "
            "their scores by embedding mean little; translate them, or take another text tower",
            Path(base).name,
            unknown[:_SHOWN],
            f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "",
        )


@lru_cache(maxsize=4)
def _tokenizer(base: str) -> Any:
    """The tokenizer of a sentence model that is on this machine; None where it has no tokenizer.json."""
    from huggingface_hub import try_to_load_from_cache
    from tokenizers import Tokenizer

    file: object
    if "/" in base and not Path(base).is_dir():
        file = try_to_load_from_cache(base, "tokenizer.json")
    else:
        folder = Path(base) if Path(base).is_dir() else assets.find(base)
        file = None if folder is None else folder / "tokenizer.json"
    if not isinstance(file, str | Path) or not Path(file).is_file():
        return None
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    return tokenizer


def _knows(tokenizer: Any, label: str) -> bool:
    """Whether some token, not that of unknown words, is a whole word of the label, or a long part of one."""
    words = set(re.findall(r"\w+", label))
    read = tokenizer.encode(label, add_special_tokens=False)
    unknown = {tokenizer.token_to_id(token) for token in _UNKNOWN} - {None}
    spans = [span for k, span in zip(read.ids, read.offsets, strict=True) if k not in unknown]
    tokens = [label[a:b].strip() for a, b in spans]
    counts = Counter(tokens)  # several byte tokens share the offsets of the letter they spell
    if not words:
        return bool(tokens)
    return any((counts[t] == 1 and t in words) or sum(map(str.isalpha, t)) >= _KNOWN_LETTERS for t in tokens)

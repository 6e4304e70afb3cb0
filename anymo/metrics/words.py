"""Words of a caption and their n-grams, as every caption metric counts them."""

import re
from collections import Counter
from collections.abc import Sequence


def tokenize(text: str) -> list[str]:
    r"""Lower-cased words of the pattern \w+."""
    return re.findall(r"\w+", text.lower())


def ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """How often each run of n words occurs."""
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


def tokenized(references: Sequence[str]) -> list[list[str]]:
    """Words of each reference of one caption.

    Raises:
        ValueError: no reference, or one string where a list is expected.
    """
    if isinstance(references, str) or not references:
        raise ValueError(f"references: expected a list of one sentence or more, got {references!r}")
    return [tokenize(r) for r in references]


def check_pairs(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Refuse what is not N captions and N lists of references.

    Raises:
        ValueError: no captions, different lengths, or a caption without references.
    """
    if isinstance(predictions, str) or not predictions or len(predictions) != len(references):
        raise ValueError(
            f"captions: expected as many reference lists as predictions, 1 or more, "
            f"got {len(predictions)} predictions and {len(references)} lists"
        )
    for sentences in references:
        tokenized(sentences)

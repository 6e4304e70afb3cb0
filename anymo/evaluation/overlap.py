"""Which words of the sets' labels occur in what was said of training motion; no recording is read for it."""

from collections.abc import Iterable

from anymo.data import SETS
from anymo.data.test_sets import TEST_SETS
from anymo.motion import procedural
from anymo.tables import markdown_table


def overlap(texts: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """What the labels of each set, as its spec words them, share with texts.

    Args:
        texts: all that was said of training motion: captions, and synonyms of their phrases.

    Returns:
        Development and test set -> `phrases`, its labels that are one of the texts word for word, and
        `words`, all words of its labels that occur in any.
    """
    said = [text.strip(". ").lower() for text in texts]
    whole, words = set(said), {word.strip(".,") for text in said for word in text.split()}
    return {
        name: {
            "phrases": sorted(label for label in spec.words.values() if label in whole),
            "words": sorted({w for label in spec.words.values() for w in label.split() if w in words}),
        }
        for name, spec in (SETS | TEST_SETS).items()
    }


def overlap_table() -> str:
    """Markdown: what each set's labels share with the phrases and synonyms of all activities."""
    phrases = {activity.phrase for activity in procedural.ACTIVITIES.values()}
    shared = overlap([*phrases, *(word for own in procedural.SYNONYMS.values() for word in own)])
    rows = []
    for name, spec in (SETS | TEST_SETS).items():
        labels = spec.words.values()
        same = [label for label in labels if label in shared[name]["phrases"]]
        new = dict.fromkeys(w for label in labels for w in label.split() if w not in shared[name]["words"])
        told = [f"{label}{'' if label in phrases else ' (a synonym)'}" for label in same]
        rows.append((f"{name} ({spec.role})", len(spec.words), len(same), ", ".join(told), ", ".join(new)))
    columns = ("set", "labels", "word for word", "which", "words that no activity's have")
    return markdown_table(columns, rows)

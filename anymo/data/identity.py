"""Which clips something belongs to."""

import hashlib
import json

from anymo.data.corpus import MotionCorpus


def corpus_identity(corpus: MotionCorpus) -> str:
    """SHA-256 of the clips' names, lengths, words and split, and of the checksums of their files.

    Frames are not read again, so that it takes no longer for hours of motion; of a corpus that was made in
    memory they do not count.
    """
    facts = [
        corpus.content,
        corpus.names,
        corpus.first.tolist(),
        corpus.captions,
        [spans.tolist() for spans in corpus.spans],
        corpus.synonyms,
        corpus.held_out.tolist(),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

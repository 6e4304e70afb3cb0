"""Questions about held-out motion whose answers are known (`anymo.align.questions`): how many are right."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from tqdm import tqdm

from anymo.align import MotionLanguageModel
from anymo.align.prompts import activity, question
from anymo.align.questions import HOW_FAST, HOW_MANY, WHERE, WHICH_LIMB, WHICH_SIDE, questions
from anymo.pipeline.batches import chunks

KINDS = (WHERE, WHICH_SIDE, HOW_MANY, HOW_FAST, WHICH_LIMB)
_AT_ONCE, _TOKENS = 16, 16


def ask_all(
    model: MotionLanguageModel,
    codes: Sequence[torch.Tensor],
    worn: Sequence[Sequence[int]],
    texts: Sequence[Sequence[str]],
) -> dict[str, dict[str, Any]]:
    """Ask all that is known of N motions, with the places of the sensors in the prompt and without.

    Args:
        model: that answers.
        codes: N of (L, G), the motions' tokens.
        worn: segments that wear the sensors of each.
        texts: captions that hold for each.

    Returns:
        Of each of KINDS that can be asked: `num`, how many; the shares that are answered rightly, `accuracy`
        as the pipeline asks, with the places of the sensors told, and `untold` without; and `majority`, the
        share of the commonest answer.
    """
    asked = [
        (k, each)
        for k, (segments, said) in enumerate(zip(worn, texts, strict=True))
        for each in questions(segments, said)
    ]
    found: dict[bool, list[str]] = {}
    for is_told in (True, False):
        prompts = [
            model.prompt(codes[k], worn[k] if is_told else (), question(each.text)) for k, each in asked
        ]
        said = list[str]()
        for rows in tqdm(chunks(len(prompts), _AT_ONCE), desc="questions", leave=False):
            said += model.generate(prompts[rows], max_new_tokens=_TOKENS)
        found[is_told] = [text.partition("\n")[0].strip() for text in said]
    rights = defaultdict[str, list[tuple[bool, bool]]](list)
    truths = defaultdict[str, Counter[str]](Counter)
    for (_, each), told, untold in zip(asked, found[True], found[False], strict=True):
        kind = each.text if each.text in KINDS else WHICH_LIMB
        truth = activity(each.answer).strip()
        rights[kind].append((told == truth, untold == truth))
        truths[kind][truth] += 1
    return {
        kind: {
            "num": (num := len(rights[kind])),
            "accuracy": sum(told for told, _ in rights[kind]) / num,
            "untold": sum(untold for _, untold in rights[kind]) / num,
            "majority": truths[kind].most_common(1)[0][1] / num,
        }
        for kind in KINDS
        if kind in rights
    }

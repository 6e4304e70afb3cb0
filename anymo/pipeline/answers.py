"""What the language model says of windows: likelihoods of labels, choices, replies and sentences."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from anymo.pipeline.batches import chunks, worn_segments
from anymo.pipeline.memory import Memory
from anymo.records import WindowBatch

if TYPE_CHECKING:
    from anymo.align import MotionLanguageModel, MotionPrompt
    from anymo.align.context import Context

_AT_ONCE = 16  # windows asked about together
_REMEMBERED = 4096
_CHOICE_TOKENS = 16  # or as many as the longest label has
_DESCRIPTION_TOKENS = 40
_PROPOSED = 8  # activities of which a caption's is one


class MotionAnswers:
    """Windows to answers, by their motion tokens and a language model.

    Args:
        codes: motion tokens (L, G) of each window of a batch.
        language_model: that answers.
        temperature: of the cosines of motions and activities.
    """

    def __init__(
        self,
        codes: Callable[[WindowBatch], list[torch.Tensor]],
        language_model: "MotionLanguageModel",
        temperature: float,
    ) -> None:
        self.codes, self.language_model, self.temperature = codes, language_model, temperature
        self._priors: Memory[tuple[object, ...], torch.Tensor] = Memory(_REMEMBERED)

    def captions(self, batch: WindowBatch, similarity: torch.Tensor | None = None) -> list[str]:
        """A sentence for each window; as `descriptions`."""
        return self.descriptions(self.prompts(batch), similarity)

    def descriptions(
        self, prompts: Sequence["MotionPrompt"], similarity: torch.Tensor | None = None
    ) -> list[str]:
        """A sentence for each prompt; as `described`."""
        from anymo.align.prompts import description_in

        return [description_in(text) for text in self.described(prompts, similarity)]

    def described(
        self, prompts: Sequence["MotionPrompt"], similarity: torch.Tensor | None = None
    ) -> list[str]:
        """The whole answer, activity and sentence, to each prompt that asks for them.

        The encoder knows activities better than the language model, which knows how to describe them. So the
        encoder proposes some, the answer begins with the one that both together find most probable, and the
        language model goes on.

        Args:
            prompts: B of them, about one motion each.
            similarity: (B, num activities) cosines of the motions and the language model's `activities`; None
                leaves the activity to the language model alone.

        Raises:
            ValueError: other than a row of similarity for each prompt.
        """
        model, texts = self.language_model, list[str]()
        if similarity is not None and len(similarity) != len(prompts):
            raise ValueError(f"similarity: expected {len(prompts)} rows, one a prompt, got {len(similarity)}")
        for rows in chunks(len(prompts), _AT_ONCE):
            context = model.read(prompts[rows])
            if similarity is None or not similarity.shape[1]:
                texts += context.answer(_DESCRIPTION_TOKENS)
                continue
            begun = self._begun(context, similarity[rows])
            context.read([model.text_ids(text) for text in begun])
            rest = context.answer(_DESCRIPTION_TOKENS)
            texts += [f"{start} {end}".strip() for start, end in zip(begun, rest, strict=True)]
        return texts

    def _begun(self, context: "Context", similarity: torch.Tensor) -> list[str]:
        """The beginning of the answer to each prompt: the most probable of the activities that are nearest.

        Their probability is that of a product of experts: what the language model gives the activity, and
        what the encoder gives it, at the temperature of its contrastive loss.
        """
        from anymo.align.prompts import activity, beginning

        near = similarity.topk(min(_PROPOSED, similarity.shape[1]))
        known = self.language_model.activities
        phrases = [[known[k] for k in row] for row in near.indices.tolist()]
        spoken = context.log_probability([[activity(phrase) for phrase in row] for row in phrases]).cpu()
        best = (spoken + near.values.cpu() / self.temperature).argmax(dim=1).tolist()
        return [beginning(row[k]) for row, k in zip(phrases, best, strict=True)]

    def choices(self, batch: WindowBatch, labels: Sequence[str]) -> list[str]:
        """What the model answers for each window when asked which of the labels it is; any words at all."""
        from anymo.align.prompts import activity, choice

        longest = max(len(self.language_model.text_ids(activity(label))) for label in labels)
        said = self._generate(batch, choice(labels), max_new_tokens=max(_CHOICE_TOKENS, longest + 1))
        return [text.partition("\n")[0].strip() for text in said]

    def reply(self, batch: WindowBatch, question: str) -> str:
        """The answer that most windows give, of equals the first."""
        from anymo.align.prompts import question as asked

        return Counter(self._generate(batch, asked(question))).most_common(1)[0][0]

    def log_likelihoods(self, batch: WindowBatch, labels: Sequence[str]) -> torch.Tensor:
        """How much each window speaks for each label as its activity: (B, num labels).

        Log-probability per token after the window's motion tokens, less that after random ones
        (`MotionLanguageModel.prior`).
        """
        from anymo.align.prompts import activity

        answers = [activity(label) for label in labels]
        parts = [
            self.language_model.log_likelihood(self.prompts(batch.select(rows)), answers).cpu()
            for rows in chunks(len(batch), _AT_ONCE)
        ]
        worn = worn_segments(batch)
        prior = {segments: self._prior(answers, segments) for segments in set(worn)}
        return torch.cat(parts) - torch.stack([prior[segments] for segments in worn])

    def _prior(self, answers: Sequence[str], segments: tuple[int, ...]) -> torch.Tensor:
        def compute(keys: list[tuple[object, ...]]) -> torch.Tensor:
            return self.language_model.prior([str(answer) for answer, *_ in keys], segments).cpu()

        trained = tuple(p._version for p in self.language_model.parameters() if p.requires_grad)
        return torch.stack(self._priors([(answer, segments, trained) for answer in answers], compute))

    def _generate(
        self, batch: WindowBatch, instruction: str | None = None, *, max_new_tokens: int = 40
    ) -> list[str]:
        texts: list[str] = []
        for rows in chunks(len(batch), _AT_ONCE):
            prompts = self.prompts(batch.select(rows), instruction)
            texts += self.language_model.generate(prompts, max_new_tokens=max_new_tokens)
        return texts

    def prompts(self, batch: WindowBatch, instruction: str | None = None) -> list["MotionPrompt"]:
        """What is asked about each window; None asks for activity and description."""
        return [
            self.language_model.prompt(c, segments, instruction)
            for c, segments in zip(self.codes(batch), worn_segments(batch), strict=True)
        ]

"""Motion tokens as words: ids behind the language model's own vocabulary, and their names."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class MotionVocabulary:
    """Ids of motion tokens: `<imu_bos>`, `<imu_eos>`, then `<imu_0000>` and on, group after group.

    Attributes:
        first: size of the language model's vocabulary, the first id that is ours.
        num_groups: codes of one latent step.
        codebook_size: codes of a group.
    """

    first: int
    num_groups: int
    codebook_size: int

    @property
    def bos(self) -> int:
        """Id that opens a motion."""
        return self.first

    @property
    def eos(self) -> int:
        """Id that closes a motion."""
        return self.first + 1

    def __len__(self) -> int:
        return 2 + self.num_groups * self.codebook_size

    def ids(self, codes: torch.Tensor) -> list[int]:
        """Codes (L, G) of one motion to ids, groups interleaved, between bos and eos.

        Raises:
            ValueError: a code is outside the codebook.
        """
        if codes.shape[-1] != self.num_groups or (codes < 0).any() or (codes >= self.codebook_size).any():
            raise ValueError(
                f"motion vocabulary: expected codes (L, {self.num_groups}) under {self.codebook_size}, got "
                f"{tuple(codes.shape)} up to {int(codes.max())}; use the tokenizer the model was aligned with"
            )
        offsets = torch.arange(self.num_groups, device=codes.device) * self.codebook_size
        return [self.bos, *(codes + offsets + self.first + 2).flatten().tolist(), self.eos]

    def codes(self, ids: list[int]) -> torch.Tensor:
        """What `ids` was made of: (L, G)."""
        flat = torch.tensor(ids[1:-1]).view(-1, self.num_groups) - self.first - 2
        return flat - torch.arange(self.num_groups) * self.codebook_size

    @property
    def tokens(self) -> list[str]:
        """Names of all motion tokens, in the order of their ids."""
        return ["<imu_bos>", "<imu_eos>", *(f"<imu_{k:04d}>" for k in range(len(self) - 2))]

    def names(self, ids: list[int]) -> str:
        """Ids as people read them: `<imu_bos><imu_0012>…<imu_eos>`."""
        tokens = self.tokens
        return "".join(tokens[i - self.first] for i in ids)

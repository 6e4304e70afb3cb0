"""Latents to codes and codes to latents piece by piece, as they come."""

import torch

from anymo.tokenizer.tokenizer import RECEPTIVE_STEPS, MotionTokenizer


class TokenStream:
    """One recording's latents or codes in pieces of any size; what comes out is that of the whole at once.

    A code needs the latents of its own step. A latent needs codes `lookahead_steps` token steps beyond its
    own (7 latents, the reach of the decoder's dilated convolutions), or the end. All steps are taken to be
    valid: end a stream at a gap, and begin a new one behind it.

    Examples:
        >>> tokenizer = MotionTokenizer(MotionTokenizerConfig(hidden_size=8, codebook_size=16, code_size=4))
        >>> stream, latents = TokenStream(tokenizer.eval()), torch.randn(1, 30, 8)
        >>> pieces = [stream.encode(piece) for piece in latents.split(7, dim=1)]
        >>> torch.equal(torch.cat(pieces, dim=1), tokenizer.encode(latents))
        True
    """

    def __init__(self, tokenizer: MotionTokenizer) -> None:
        self.tokenizer, self.steps = tokenizer, tokenizer.config.steps_per_token
        self.lookahead_steps = -(-RECEPTIVE_STEPS // self.steps)
        self._latents: torch.Tensor | None = None  # that wait for the rest of their token
        self._codes: torch.Tensor | None = None  # that latents not yet given depend on
        self._given = 0  # of these, how many have been decoded

    @torch.no_grad()
    def encode(self, latents: torch.Tensor, *, last: bool = False) -> torch.Tensor:
        """Codes (B, n', G) of the token steps that latents (B, n, D) complete, if last of all."""
        waiting = latents if self._latents is None else torch.cat([self._latents, latents], dim=1)
        whole = waiting.shape[1] if last else waiting.shape[1] // self.steps * self.steps
        self._latents = waiting[:, whole:]
        if not whole:
            return latents.new_zeros(len(latents), 0, self.tokenizer.config.num_groups, dtype=torch.int64)
        return self.tokenizer.encode(waiting[:, :whole])

    @torch.no_grad()
    def decode(self, codes: torch.Tensor, *, last: bool = False) -> torch.Tensor:
        """Latents (B, m, D) that codes (B, n', G) settle: `lookahead_steps` behind, up to the end if last."""
        held = codes if self._codes is None else torch.cat([self._codes, codes], dim=1)
        settled = max(self._given, held.shape[1] - (0 if last else self.lookahead_steps))
        if settled == self._given:
            self._codes = held
            return self.tokenizer.out.weight.new_zeros(len(codes), 0, self.tokenizer.config.hidden_size)
        latents = self.tokenizer.decode(held)[:, self._given * self.steps : settled * self.steps]
        kept = max(0, settled - self.lookahead_steps)
        self._codes, self._given = held[:, kept:], settled - kept
        return latents

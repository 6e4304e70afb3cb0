"""Measure and draw motion tokens: code use, what is lost against unquantised latents, pose, signals, speed.

python eval/tokens.py --config_path configs/eval/tokens.yaml --json out.json
python eval/tokens.py --tokenizer runs/stages/tokenizer/tokenizer
"""

import sys

from anymo.cli.session import run_stage
from anymo.data.prepare import bodies_of
from anymo.evaluation.tokens import TokensConfig, run_tokens, tokens_table

if __name__ == "__main__":
    run_stage(
        TokensConfig,
        lambda config: sys.stdout.write(tokens_table(run_tokens(config, bodies_of(config.corpus))) + "\n"),
    )

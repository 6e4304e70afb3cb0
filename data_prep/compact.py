"""Code a corpus into one file of about 9 MB per hour of motion, to carry to another machine.

python data_prep/compact.py runs/demo/corpus corpus.safetensors
"""

from pathlib import Path
from typing import Annotated

import typer

from anymo.cli.session import errors_in_one_line, start_logging


def main(
    corpus: Path,
    file: Path,
    share: Annotated[
        float, typer.Option(help="Of the clips, to fit a limit; the same ones every time.")
    ] = 1.0,
) -> None:
    """CORPUS is a folder that data_prep wrote; FILE is written."""
    from anymo.data.compact import write_compact
    from anymo.data.prepare import bodies_of
    from anymo.encoders.text import sentence_model
    from anymo.training.pretrain import PretrainConfig

    start_logging()
    with errors_in_one_line():
        base = PretrainConfig().text_base
        report = write_compact(
            corpus,
            file,
            bodies=bodies_of(corpus),
            embed=sentence_model(base),
            text_base=base,
            share=share,
        )
        typer.echo(report)


if __name__ == "__main__":
    typer.run(main)

"""The `anymo` command: thin over the doors. Nothing heavy is imported before a command needs it."""

from typing import Annotated

import typer

from anymo.cli import classify, demo, evaluate, export, fit, info, placements, retrieve, simulate, words
from anymo.cli.session import errors_in_one_line, show_tracebacks, start_logging

app = typer.Typer(
    name="anymo",
    help="Body motion to inertial signals anywhere on the body, to motion tokens, to words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(demo.demo)
app.command("simulate")(simulate.simulate)
app.command("classify")(classify.classify)
app.command("fit")(fit.fit)
app.command("caption")(words.caption)
app.command("ask")(words.ask)
app.command("retrieve")(retrieve.retrieve)
app.add_typer(retrieve.index_app, name="index")
app.command("evaluate")(evaluate.evaluate)
app.command("placements")(placements.placements)
app.command("export")(export.export)
app.command("info")(info.info)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"anymo {version('anymo')}")
        raise typer.Exit


@app.callback()
def options(
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what goes wrong.")] = False,
    _shown: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show errors with their traceback.")] = False,
) -> None:
    """Options of every command; they stand before its name."""
    start_logging(quiet=quiet)
    if debug:
        show_tracebacks()


def main() -> None:
    """Entry point of the `anymo` command."""
    with errors_in_one_line():
        app()

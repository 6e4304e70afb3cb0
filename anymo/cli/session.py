"""What every entry shares: logging, errors in one line, exit codes, and the frame of the stage scripts."""

import errno
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

# Read when the library is imported, which is after this module in every entry.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

_DEBUG = "ANYMO_DEBUG"
_CHATTY = (
    "transformers",
    "sentence_transformers",
    "huggingface_hub",
    "accelerate",
    "matplotlib",
)
EXIT_ERROR, EXIT_INTERRUPTED = 1, 130


class StageConfig(Protocol):
    """What a stage script asks of its configuration: a folder to keep it in."""

    @property
    def output(self) -> Path: ...  # noqa: D102


C = TypeVar("C", bound=StageConfig)


def start_logging(*, quiet: bool = False) -> None:
    """Our own INFO to stderr (warnings only when quiet); third parties' errors alone."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("anymo").setLevel(logging.WARNING if quiet else logging.INFO)
    logging.getLogger("anymo.motion").setLevel(logging.WARNING)  # else a line for every clip of a corpus
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    # What no user can mend: DeepSpeed is imported though unused.
    logging.getLogger("DeepSpeed").addFilter(_is_no_accelerator_notice)


def _is_no_accelerator_notice(record: logging.LogRecord) -> bool:
    """A filter, since DeepSpeed sets its level and handler when it is imported."""
    return not record.getMessage().startswith("Setting accelerator to CPU")


def show_tracebacks() -> None:
    """Let errors through with their traceback, as ANYMO_DEBUG=1 does."""
    os.environ[_DEBUG] = "1"


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """`error: ...` on stderr and exit code 1 for what a user can mend; 130 after Ctrl-C.

    An error of ours (TypeError, AssertionError, ...) keeps its traceback.
    """
    try:
        yield
    except KeyboardInterrupt:
        _say_interrupted()
        raise SystemExit(EXIT_INTERRUPTED) from None
    except SystemExit as stop:
        if stop.code == EXIT_INTERRUPTED:  # typer's own answer to Ctrl-C, which says nothing
            _say_interrupted()
        raise
    except Exception as error:
        if os.environ.get(_DEBUG, "0") not in ("", "0") or not _can_be_mended(error):
            raise
        sys.stderr.write(f"error: {_message(error)}\n")
        raise SystemExit(EXIT_ERROR) from None


def run_stage(config_class: type[C], stage: Callable[[C], object]) -> None:
    """Body of a stage script: configuration from the command line, saved with the run, then the stage."""
    from anymo import config as configuration

    start_logging()
    configuration.environment()  # as it is now: the clone may be pulled while this trains
    with errors_in_one_line():
        # The `deepspeed` launcher appends --local_rank; accelerate reads LOCAL_RANK from the environment.
        config = configuration.load(
            config_class, [a for a in sys.argv[1:] if not a.startswith("--local_rank")]
        )
        first = os.environ.get("RANK", "0") == "0"
        # A run that is refused, as another one stands in its folder, must not change that one's record.
        if first and not (config.output / "config.yaml").is_file():
            configuration.save(config, config.output)
        stage(config)
        if first:
            configuration.save(config, config.output)


def write_whole(target: Path, write: Callable[[Path], None]) -> None:
    """Write beside the target and rename: no reader ever sees half a file."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-") as folder:
        part = Path(folder) / target.name
        write(part)
        part.replace(target)


def _can_be_mended(error: Exception) -> bool:
    from safetensors import SafetensorError

    return isinstance(error, ValueError | OSError | RuntimeError | SafetensorError)


def _message(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error):
        return f"{error}; free some space and run the same command again: it goes on from what is finished"
    if type(error) is RuntimeError:
        return f"{error} (where: {_DEBUG}=1)"
    return str(error) or type(error).__name__


def _say_interrupted() -> None:
    sys.stderr.write("\ninterrupted; nothing half-written is kept; a re-run continues where it can\n")

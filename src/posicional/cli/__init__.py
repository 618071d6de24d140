"""The command line: `posicional`. Each command lives in a module of its name, parses words, calls a step, prints.

Nothing heavy is imported here: `posicional --help` answers at once (a test holds that).
"""

from __future__ import annotations

import gc
import os
import sys

import click

from posicional import __version__
from posicional.cli.board import board
from posicional.cli.check import check
from posicional.cli.convert import convert
from posicional.cli.dataset import dataset
from posicional.cli.deadline import deadline
from posicional.cli.decisions import accept, hold, release, rollback, skip, waive
from posicional.cli.demo import demo
from posicional.cli.deploy import deploy, destroy
from posicional.cli.layout import layout
from posicional.cli.output import patient_output
from posicional.cli.quiet import ack, silence
from posicional.cli.run import run
from posicional.cli.sample import sample
from posicional.cli.status import status
from posicional.cli.sweep import sweep
from posicional.cli.trace import trace
from posicional.cli.watch import watch
from posicional.errors import PosicionalError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="posicional")
def commands() -> None:
    """Positional files of a day, turned into Parquet, joined with SQL and published, exactly once.

    \b
    Start here:
      posicional demo                              a whole day in a folder, in seconds
      posicional run examples/planos/feed.yaml --date 2026-11-22

    \b
    Exit codes: 0 done · 2 the command, contract or SQL is wrong · 3 not complete yet, or late
                4 data refused · 5 something outside failed · 1 a bug · 130 Ctrl-C
    """


for _command in (
    demo,
    check,
    layout,
    sample,
    convert,
    run,
    status,
    deadline,
    dataset,
    trace,
    accept,
    waive,
    rollback,
    skip,
    hold,
    release,
    ack,
    silence,
    sweep,
    board,
    watch,
    deploy,
    destroy,
):
    commands.add_command(_command)


def main() -> None:
    """Run the command line and leave with the exit code that the outcome means."""
    # numpy would start a thread on every core to multiply matrices, which nothing here does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Arrow's own allocator gives memory back between two batches only to take it, and have it cleared, again.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # pydantic would look through every installed package for plug-ins, which have no say in what a contract means.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    # Loading libraries makes a great many objects, all of which stay: Python would look for rubbish among them.
    gc.set_threshold(50_000)
    with patient_output() as output:
        code = _outcome()
        if output is not None:
            output.flush()
            if output.error is not None and not isinstance(output.error, BrokenPipeError):
                code = _say(f"not all could be printed: {output.error.strerror}", code or 5)
    if "duckdb" not in sys.modules:  # which counts what is left of it, and would complain
        gc.freeze()  # and once more at the end, of a process that goes with all that it holds
    sys.exit(code)


def _outcome() -> int:
    try:
        code = commands(prog_name="posicional", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _say("stopped", 130)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PosicionalError as error:
        return _say(str(error), error.exit_code)
    except Exception as error:
        if os.environ.get("POSICIONAL_DEBUG"):
            raise
        return _say(
            f"this is a bug in posicional: {type(error).__name__} "
            "(POSICIONAL_DEBUG=1 shows where; it may show data, so look before you share it)",
            1,
        )
    return code if isinstance(code, int) else 0


def _say(text: str, code: int) -> int:
    click.echo(f"posicional: {text}", err=True)
    return code

"""`posicional accept|waive|rollback|skip|hold|release`: what a person decides about a day, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import print_json
from posicional.cli.words import date_option, feed_argument, json_option, store_option

if TYPE_CHECKING:
    from datetime import date

    from posicional.contract.feed import Feed
    from posicional.ports import Outside
    from posicional.steps.decide import Answer

why_option = click.option("--why", required=True, metavar="TEXT", help="The reason, for whoever reads the day later.")


@click.command(
    epilog="""\b
Example:
  posicional accept examples/planos/feed.yaml sinistros --date 2026-11-22 --why "trailer counts cancelled ones too\""""
)
@feed_argument
@click.argument("file")
@date_option
@why_option
@store_option
@json_option
def accept(feed_path: Path, file: str, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Let a refused file count.

    The newest arrival of FILE, which was refused, counts as converted. Its rows are there already; nothing is read
    again. Only this arrival is accepted: the next one is judged anew.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.accept, file=file, why=why))


@click.command(
    epilog="""\b
Example:
  posicional waive examples/planos/feed.yaml corretores --date 2026-11-22 --why "no broker has sold today\""""
)
@feed_argument
@click.argument("file")
@date_option
@why_option
@store_option
@json_option
def waive(feed_path: Path, file: str, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Let a day go without a file.

    Nobody waits for FILE any longer, required or not; its tables are empty. Should it come nevertheless, it counts.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.waive, file=file, why=why))


@click.command(
    epilog="""\b
Example:
  posicional rollback examples/planos/feed.yaml --to-run 1 --date 2026-11-22 --why "run 2 lost the state of Bahia\""""
)
@feed_argument
@click.option("--to-run", "run", type=click.IntRange(min=1), required=True, help="The run that readers are to see.")
@date_option
@why_option
@store_option
@json_option
def rollback(feed_path: Path, run: int, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Go back to an earlier run.

    Its datasets are current again, and a new publication shows them. That holds until a run that begins later
    succeeds: because other files come, or with `run --again`.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.rollback, run=run, why=why))


@click.command(
    epilog="""\b
Example:
  posicional skip examples/planos/feed.yaml --date 2026-12-24 --why "the sender is closed\""""
)
@feed_argument
@date_option
@why_option
@store_option
@json_option
def skip(feed_path: Path, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Say that no day is expected.

    No run begins and no alarm is raised for the date; `posicional release` takes that back.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.skip, why=why))


@click.command(
    epilog="""\b
Example:
  posicional hold examples/planos/feed.yaml --date 2026-11-22 --why "waiting for a word from the actuaries\""""
)
@feed_argument
@date_option
@why_option
@store_option
@json_option
def hold(feed_path: Path, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Keep a day from being processed.

    No run begins until `posicional release`. Files are still taken and read, and a run that is live already goes to
    its end, publication included.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.hold, why=why))


@click.command(
    epilog="""\b
Example:
  posicional release examples/planos/feed.yaml --date 2026-11-22 --why "the actuaries agree\""""
)
@feed_argument
@date_option
@why_option
@store_option
@json_option
def release(feed_path: Path, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Take back a hold or a skip.

    The gate opens as soon as the set of files is complete.
    """
    from posicional.steps import decide

    return _say(feed_path, day, store, as_json, partial(decide.release, why=why))


def _say(
    feed_path: Path, day: str, store: str | None, as_json: bool, decision: Callable[[Feed, date, Outside], Answer]
) -> int:
    """Write the decision, and say what comes of it."""
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.day.report import next_text
    from posicional.steps.advance import peek

    feed = Feed.load(feed_path)
    date_ = feed.calendar.parse_date(day)
    outside = outside_for(feed, store, lambda _: None)
    answer = decision(feed, date_, outside)
    _, action = peek(feed, date_, outside)
    if as_json:
        print_json(
            {
                "feed": feed.name,
                "date": feed.calendar.format_date(date_),
                "decision": answer.number,
                "text": answer.text,
                "next": next_text(action),
            }
        )
    else:
        click.echo(f"{feed.name} {feed.calendar.format_date(date_)}  {answer.text}")
        click.echo(f"next: {next_text(action)}")
    return 0

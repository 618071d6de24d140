"""`posicional run`: whatever is left to do for a day, to the end."""

from __future__ import annotations

from pathlib import Path

import click

from posicional.cli.show import Teller, print_json
from posicional.cli.words import date_option, feed_argument, json_option, store_option


@click.command(
    epilog="""\b
Examples:
  posicional run examples/planos/feed.yaml --date 2026-11-22
  posicional run examples/sigtap/feed.yaml --date 2020-03 --store ./dados --no-publish"""
)
@feed_argument
@date_option
@store_option
@click.option("--again", is_flag=True, help="Process the day anew, even if nothing has changed.")
@click.option("--no-publish", is_flag=True, help="Stop when the datasets are written.")
@json_option
def run(feed_path: Path, day: str, store: str | None, again: bool, no_publish: bool, as_json: bool) -> int:
    """Do what is left to do for a day.

    Converts what has arrived; when the set is complete, joins, writes and publishes. Says what is missing otherwise.

    Running a finished day does nothing. Killed at any point, run it again.
    """
    from posicional.backends.clock import SystemClock
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.day.report import report, to_json
    from posicional.steps.advance import advance

    feed = Feed.load(feed_path)
    date_ = feed.calendar.parse_date(day)
    clock = SystemClock()
    outside = outside_for(feed, store, Teller(clock, feed.timezone, quiet=as_json), clock)
    outcome = advance(feed, date_, outside, again=again, publish=not no_publish)
    unfinished = (*outcome.unfinished, *outcome.undated)
    told = report(feed, outcome.day, outcome.rest, clock.now(), unknown=outcome.unknown, unfinished=unfinished)
    if as_json:
        print_json(to_json(told))
    else:
        click.echo()
        click.echo(told.text)
    if outcome.problem is not None:
        raise outcome.problem
    return 0

"""`posicional status`: a day at a glance."""

from __future__ import annotations

from pathlib import Path

import click

from posicional.cli.show import print_json
from posicional.cli.words import day_or_latest, feed_argument, json_option, store_option, today_option


@click.command(
    epilog="""\b
Example:
  posicional status examples/planos/feed.yaml --date 2026-11-22"""
)
@feed_argument
@today_option
@store_option
@json_option
def status(feed_path: Path, day: str | None, store: str | None, as_json: bool) -> int:
    """Show a day at a glance.

    What is there, what is missing, what is published and what comes next. Changes nothing; always exits 0.
    """
    from posicional.backends.clock import SystemClock
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.day.report import report, to_json
    from posicional.steps.advance import peek

    feed = Feed.load(feed_path)
    clock = SystemClock()
    outside = outside_for(feed, store, lambda _: None, clock)
    state, action = peek(feed, day_or_latest(feed, day), outside)
    told = report(feed, state, action, clock.now())
    if as_json:
        print_json(to_json(told))
    else:
        click.echo(told.text)
    return 0

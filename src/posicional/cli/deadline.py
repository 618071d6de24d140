"""`posicional deadline`: the noon check."""

from __future__ import annotations

from pathlib import Path

import click

from posicional.cli.show import print_json
from posicional.cli.words import day_or_latest, feed_argument, json_option, store_option, today_option


@click.command(
    epilog="""\b
Example:
  posicional deadline examples/planos/feed.yaml --date 2026-11-22"""
)
@feed_argument
@today_option
@store_option
@json_option
def deadline(feed_path: Path, day: str | None, store: str | None, as_json: bool) -> int:
    """Make the noon check.

    Decides, from the ledger alone, whether the business date is published in time.

    Exits 0 when it is published, not yet due, or no business day; otherwise says what is missing and whose turn it is.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.deadline import check_deadline

    feed = Feed.load(feed_path)
    found = check_deadline(feed, day_or_latest(feed, day), outside_for(feed, store, lambda _: None))
    if as_json:
        print_json(
            {
                "feed": found.feed,
                "date": feed.calendar.format_date(found.date),
                "standing": found.standing,
                "met": found.met,
                "due": found.due.isoformat(),
                "missing": found.missing,
                "refused": found.refused,
                "text": found.text,
            }
        )
    else:
        click.echo(found.text)
    if found.problem is not None:
        raise found.problem
    return 0

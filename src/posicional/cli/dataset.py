"""`posicional dataset`: where the current parts of a dataset are."""

from __future__ import annotations

from pathlib import Path

import click

from posicional.cli.show import print_json
from posicional.cli.words import date_option, feed_argument, json_option, store_option


@click.command(
    epilog="""\b
Example:
  posicional dataset examples/planos/feed.yaml contratos_ativos --date 2026-11-22"""
)
@feed_argument
@click.argument("name")
@date_option
@store_option
@json_option
def dataset(feed_path: Path, name: str, day: str, store: str | None, as_json: bool) -> int:
    """Say where a dataset's parts are.

    Prints the Parquet parts of dataset NAME as the day's current run wrote them, one a line.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.dataset import current_parts

    feed = Feed.load(feed_path)
    found = current_parts(feed, name, feed.calendar.parse_date(day), outside_for(feed, store, lambda _: None))
    if as_json:
        print_json({"dataset": name, "run": found.run, "rows": found.rows, "parts": found.parts})
    else:
        for part in found.parts:
            click.echo(part)
    return 0

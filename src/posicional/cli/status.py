"""`posicional status`: a day at a glance, or the days of a feed that are open."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import print_json
from posicional.cli.words import feed_argument, json_option, store_option

if TYPE_CHECKING:
    from posicional.contract.feed import Feed
    from posicional.ports import Outside


@click.command(
    epilog="""\b
Examples:
  posicional status examples/planos/feed.yaml
  posicional status examples/planos/feed.yaml --date 2026-11-22"""
)
@feed_argument
@click.option(
    "--date", "day", metavar="DATE", help="The business date, YYYY-MM-DD or YYYY-MM.  [default: the open ones]"
)
@store_option
@json_option
def status(feed_path: Path, day: str | None, store: str | None, as_json: bool) -> int:
    """Show a day, or the open days, at a glance.

    With --date: what is there, what is missing, what is published and what comes next. Without: a line for today and
    for each date that has begun within the feed's lookback and is not done.

    Changes nothing; always exits 0.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed

    feed = Feed.load(feed_path)
    outside = outside_for(feed, store, lambda _: None)
    if day:
        _show_day(feed, day, outside, as_json)
    else:
        _show_open(feed, outside, as_json)
    return 0


def _show_day(feed: Feed, day: str, outside: Outside, as_json: bool) -> None:
    from posicional.day.report import report, to_json
    from posicional.steps.advance import peek
    from posicional.steps.quiet import alert_notes

    date = feed.calendar.parse_date(day)
    state, action = peek(feed, date, outside)
    told = report(feed, state, action, outside.clock.now(), alerts=alert_notes(feed, date, outside))
    told = dataclasses.replace(told, notes=(*_absent(outside), *told.notes))
    if as_json:
        print_json(to_json(told))
    else:
        click.echo(told.text)


def _show_open(feed: Feed, outside: Outside, as_json: bool) -> None:
    from posicional.steps.days import open_days
    from posicional.steps.quiet import silence_of

    lines, looked_at = open_days(feed, outside)
    silence = silence_of(feed, outside)
    if as_json:
        until = silence.until.isoformat() if silence else None
        days = [dataclasses.asdict(line) for line in lines]
        print_json({"feed": feed.name, "days": days, "silent_until": until})
        return
    click.echo(f"{feed.name}, open among the last {looked_at} business dates")
    for line in lines:
        click.echo(line.shown)
    if silence:
        click.echo(silence.text)
    for note in _absent(outside):
        click.echo(note)


def _absent(outside: Outside) -> tuple[str, ...]:
    """That the store is a folder which nobody has made: its name may be mistyped."""
    url = outside.store.url
    return () if "://" in url or Path(url).exists() else (f"the store {url} is not there yet",)

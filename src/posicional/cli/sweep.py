"""`posicional sweep`: what no trigger did."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import Teller, print_json, say_unsent
from posicional.cli.words import feed_argument, json_option, language_option, store_option

if TYPE_CHECKING:
    from posicional.contract.feed import Feed
    from posicional.day.alarm_words import Language
    from posicional.steps.sweep import Swept


@click.command(
    epilog="""\b
Example:
  posicional sweep examples/planos/feed.yaml"""
)
@feed_argument
@language_option
@store_option
@json_option
def sweep(feed_path: Path, language: Language, store: str | None, as_json: bool) -> int:
    """Do what nobody has triggered.

    Looks at the dates of the feed's lookback: takes what has arrived, goes on with what has stopped, publishes what is
    not published, tells what nobody was told at a deadline, and removes what attempts left more than a day ago. Older
    dates are only named.

    Made for a timer: any number of times, beside anything else. Exits 0 unless a date could not be looked after.
    """
    from posicional.backends.clock import SystemClock
    from posicional.backends.notify import Lines, recipients
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.errors import worst
    from posicional.steps.sweep import sweep as sweep_feed

    feed = Feed.load(feed_path)
    clock = SystemClock()
    channels = (Lines(partial(click.echo, err=as_json)), *recipients(feed.alerts))
    tell = say_unsent if as_json else Teller(clock, feed.timezone)
    outside = outside_for(feed, store, tell, clock, channels)
    swept = sweep_feed(feed, outside, language)
    if as_json:
        print_json(_as_json(feed, swept))
    else:
        for line in _lines(feed, swept):
            click.echo(line)
        for day, error in swept.failures.items():
            click.echo(f"posicional: {feed.calendar.format_date(day)}: {error}", err=True)
    return worst(error.exit_code for error in swept.failures.values())


def _lines(feed: Feed, swept: Swept) -> Iterator[str]:
    shown = feed.calendar.format_date
    yield f"{feed.name}: {swept.looked_at} business dates looked at, {len(swept.moved)} gone on with"
    for day, rest in swept.moved.items():
        yield f"  {shown(day)}  {rest.why:<8}  {rest.text}"
    if swept.older:
        first, last = shown(swept.older[0]), shown(swept.older[-1])
        yield f"older than the lookback, left alone: {', '.join(map(shown, swept.older))}"
        yield f"  -> posicional run … --from {first} --to {last}"
    if swept.others:
        yield f"no business dates of the feed, or far ahead: {', '.join(map(shown, swept.others))}"
    if swept.unknown:
        yield f"no file of the feed: {', '.join(swept.unknown)}"
    for text in swept.undated:
        yield f"of no date: {text}"
    for day, facts in swept.unreadable.items():
        yield f"cannot be read: {shown(day)} {', '.join(facts)}"
    if swept.removed:
        yield f"removed {swept.removed:,} objects that attempts had left"


def _as_json(feed: Feed, swept: Swept) -> dict[str, object]:
    shown = feed.calendar.format_date
    return {
        "feed": feed.name,
        "looked_at": swept.looked_at,
        "moved": {shown(day): {"why": rest.why, "text": rest.text} for day, rest in swept.moved.items()},
        "older": [*map(shown, swept.older)],
        "others": [*map(shown, swept.others)],
        "unknown": swept.unknown,
        "undated": swept.undated,
        "unreadable": {shown(day): facts for day, facts in swept.unreadable.items()},
        "failures": {shown(day): str(error) for day, error in swept.failures.items()},
        "removed": swept.removed,
    }

"""`posicional ack|silence`: what people say of alerts."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import print_json
from posicional.cli.words import date_option, feed_argument, json_option, store_option
from posicional.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from posicional.steps.decide import Answer


@click.command(
    epilog="""\b
Example:
  posicional ack examples/planos/feed.yaml deadline --date 2026-11-22"""
)
@feed_argument
@click.argument("condition")
@date_option
@click.option("--why", default="", metavar="TEXT", help="What is being done, for whoever reads the day later.")
@store_option
@json_option
def ack(feed_path: Path, condition: str, day: str, why: str, store: str | None, as_json: bool) -> int:
    """Say that somebody knows of an alarm.

    Nobody is reminded any longer of CONDITION (deadline, refused, failed), as the reminder names it, until something
    new is in the way. That it is over is told all the same.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.quiet import acknowledge

    feed = Feed.load(feed_path)
    outside = outside_for(feed, store, lambda _: None)
    date = feed.calendar.parse_date(day)
    answer = acknowledge(feed, date, outside, condition=condition, why=why)
    return _say(f"{feed.name} {feed.calendar.format_date(date)}", answer, as_json)


@click.command(
    epilog="""\b
Examples:
  posicional silence examples/planos/feed.yaml --until 18:00 --why "the mainframe is being moved"
  posicional silence examples/planos/feed.yaml --until "2026-11-23 06:00" --why "the mainframe is being moved"
  posicional silence examples/planos/feed.yaml --until now --why "it has been moved\""""
)
@feed_argument
@click.option(
    "--until",
    required=True,
    metavar="TIME",
    help='HH:MM (when it is that next) or "YYYY-MM-DD HH:MM", in the feed\'s zone; now ends a silence.',
)
@click.option("--why", required=True, metavar="TEXT", help="The reason, for whoever reads the day later.")
@store_option
@json_option
def silence(feed_path: Path, until: str, why: str, store: str | None, as_json: bool) -> int:
    """Tell nobody of a feed for a while.

    What is due is written down. What still holds at the end is told then. A later silence takes the place of an earlier
    one.
    """
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.quiet import silence as silence_feed

    feed = Feed.load(feed_path)
    outside = outside_for(feed, store, lambda _: None)
    moment = _moment(until, outside.clock.now(), feed.timezone)
    return _say(feed.name, silence_feed(feed, outside, until=moment, why=why), as_json)


def _moment(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """What `--until` means. Raises `UsageError`."""
    local = now.astimezone(zone)
    if text == "now":
        return now
    try:
        if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text):
            today = datetime.combine(local.date(), time.fromisoformat(text.zfill(5)), zone)
            return today if today > local else today + timedelta(days=1)
        moment = datetime.strptime(text.replace("T", " "), "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    except ValueError:
        expected = '18:00, "2026-11-23 06:00", or now'
        raise UsageError(f"not a time: {text}", where="--until", expected=expected) from None
    if moment <= local:
        raise UsageError(f"that is over already: {text}", where="--until", hint="--until now ends a silence")
    return moment


def _say(where: str, answer: Answer, as_json: bool) -> int:
    if as_json:
        print_json({"where": where, "decision": answer.number, "text": answer.text})
    else:
        click.echo(f"{where}  {answer.text}")
    return 0

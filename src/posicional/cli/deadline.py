"""`posicional deadline`: the noon check."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import print_json, say_unsent
from posicional.cli.words import feed_argument, json_option, language_option, store_option

if TYPE_CHECKING:
    from posicional.contract.feed import Feed
    from posicional.day.alarm_words import Language
    from posicional.ports import Notice
    from posicional.steps.deadline import Deadline


@click.command(
    epilog="""\b
Examples:
  posicional deadline examples/planos/feed.yaml
  posicional deadline examples/planos/feed.yaml --date 2026-11-22 --language en"""
)
@feed_argument
@click.option(
    "--date",
    "day",
    metavar="DATE",
    help="The business date, YYYY-MM-DD or YYYY-MM.  [default: the newest that was due, and what is due later today]",
)
@language_option
@store_option
@json_option
def deadline(feed_path: Path, day: str | None, language: Language, store: str | None, as_json: bool) -> int:
    """Make the noon check.

    Decides, from the ledger alone, whether the business date is published in time, and writes the alarm down when it
    is not. Made again, it says the same; only what has changed is a new alarm.

    Exits 0 when it is published, not yet due, skipped, or no business day; otherwise says what is missing and whose
    turn it is.
    """
    from posicional.backends.notify import Lines, recipients
    from posicional.cli.outside import outside_for
    from posicional.contract.feed import Feed
    from posicional.steps.alerts import alert_deadline
    from posicional.steps.deadline import dates_to_check

    feed = Feed.load(feed_path)
    channels = (Lines(partial(click.echo, err=as_json)), *recipients(feed.alerts))
    outside = outside_for(feed, store, say_unsent, channels=channels)
    dates = (feed.calendar.parse_date(day),) if day else dates_to_check(feed, outside)
    answers = []
    for date in dates:
        found, notice = alert_deadline(feed, date, outside, language)
        answers.append((found, notice))
        if not as_json and (notice is None or not notice.text.startswith(found.text)):
            click.echo(found.text)
    # The one that the exit code is about, else the newest.
    worst = max(reversed(answers), key=lambda answer: answer[0].problem.exit_code if answer[0].problem else 0)
    if as_json:
        others = [_words(feed, *answer) for answer in answers if answer is not worst]
        print_json(_words(feed, *worst) | {"others": others})
    if worst[0].problem is not None:
        raise worst[0].problem
    return 0


def _words(feed: Feed, found: Deadline, notice: Notice | None) -> dict[str, object]:
    alert = {"condition": notice.condition, "number": notice.number, "over": notice.over} if notice else None
    return {
        "feed": found.feed,
        "date": feed.calendar.format_date(found.date),
        "standing": found.standing,
        "met": found.met,
        "due": found.due.isoformat(),
        "missing": found.missing,
        "refused": found.refused,
        "alert": alert,
        "text": found.text,
    }

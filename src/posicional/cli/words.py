"""Words that several commands share: the feed, a date, a store; and what they mean."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from posicional.contract.feed import Feed

feed_argument = click.argument("feed_path", metavar="FEED", type=click.Path(path_type=Path))
store_option = click.option(
    "--store",
    envvar="POSICIONAL_STORE",
    metavar="URL",
    help="Folder or URL that replaces the feed's store (also POSICIONAL_STORE).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
date_option = click.option(
    "--date", "day", metavar="DATE", required=True, help="The business date, YYYY-MM-DD (a monthly feed: YYYY-MM)."
)
today_option = click.option(
    "--date", "day", metavar="DATE", help="The business date, YYYY-MM-DD or YYYY-MM.  [default: the feed's latest]"
)


def day_of(text: str) -> date:
    """A date as typed. Raises `UsageError` that says what is accepted."""
    from posicional.contract.calendar import parse_date

    return parse_date(text)


def day_or_latest(feed: Feed, text: str | None) -> date:
    """The date as typed; without one, the feed's business date of today, or the one before where today is none."""
    from posicional.backends.clock import SystemClock

    if text:
        return feed.calendar.parse_date(text)
    today = SystemClock().now().astimezone(feed.timezone).date()
    return today if feed.calendar.is_business_date(today) else feed.calendar.previous(today)

"""Words that several commands share: the feed, a date, a store; and what they mean."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

feed_argument = click.argument("feed_path", metavar="FEED", type=click.Path(path_type=Path))
store_option = click.option(
    "--store",
    envvar="POSICIONAL_STORE",
    metavar="URL",
    help="Folder or URL that replaces the feed's store (also POSICIONAL_STORE).",
)
language_option = click.option(
    "--language",
    type=click.Choice(["pt", "en"]),
    default="pt",
    show_default=True,
    help="In which people are told: Portuguese or English.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
date_option = click.option(
    "--date", "day", metavar="DATE", required=True, help="The business date, YYYY-MM-DD (a monthly feed: YYYY-MM)."
)


def day_of(text: str) -> date:
    """A date as typed. Raises `UsageError` that says what is accepted."""
    from posicional.contract.calendar import parse_date

    return parse_date(text)

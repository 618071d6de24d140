"""Words that several commands share: the feed, a date, a store; and what they mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

DAY = "YYYY-MM-DD"

feed_argument = click.argument("feed_path", metavar="FEED", type=click.Path(path_type=Path))
store_option = click.option(
    "--store",
    envvar="POSICIONAL_STORE",
    metavar="URL",
    help="Folder or URL that replaces the feed's store (also POSICIONAL_STORE).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")


def day_option(*, required: bool, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The `--date` option, with its help."""
    return click.option("--date", "day", metavar=DAY, required=required, help=f"{text} (a monthly feed: YYYY-MM).")


def day_of(text: str) -> date:
    """A date as typed. Raises `UsageError` that says what is accepted."""
    from posicional.contract.calendar import parse_date

    return parse_date(text)

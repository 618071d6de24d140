"""Which business dates a command is about."""

from __future__ import annotations

from datetime import date

from posicional.contract.feed import Feed
from posicional.errors import UsageError


def check_date(feed: Feed, day: date) -> None:
    """Raise `UsageError` for a date that is none of the feed's business dates."""
    if not feed.calendar.is_business_date(day):
        raise UsageError(
            f"{feed.calendar.format_date(day)} is no business date of {feed.name}",
            where=str(feed.path),
            hint=f"the one before is {feed.calendar.format_date(feed.calendar.previous(day))}",
        )


def place(feed: Feed, day: date) -> str:
    """Feed and date as a person writes them: where a message is about."""
    return f"{feed.name} {feed.calendar.format_date(day)}"

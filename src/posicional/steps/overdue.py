"""Which business dates are late: a figure to watch, made of the calendar, so that it needs no deadline to have rung."""

from __future__ import annotations

from datetime import date

from posicional.contract.feed import Feed
from posicional.day.journal import Ledger
from posicional.day.keys import SeenKey
from posicional.ports import Outside
from posicional.steps.days import Window
from posicional.steps.deadline import assess
from posicional.steps.incoming import incoming


def overdue_days(feed: Feed, outside: Outside) -> tuple[date, ...]:
    """The dates of the window whose deadline has passed and which readers do not see; oldest first.

    Dates before the first for which something came are left out: a feed that is new owes nothing for them. Raises
    `UsageError` for a name that two files claim, `StoreError`.
    """
    now = outside.clock.now()
    late: list[date] = []
    begun = False
    for day in sorted(Window.at(feed, now).dates(incoming(feed, outside, remember=False))):
        facts = Ledger(outside, feed.name, day).read()
        begun = begun or any(isinstance(key, SeenKey) for key in facts.entries)
        if not begun or feed.calendar.due_at(feed.deadline, day, feed.timezone) > now:
            continue
        _, found = assess(feed, facts, outside)
        if not found.good:
            late.append(day)
    return tuple(late)

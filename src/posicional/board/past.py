"""Days that are over, as the calendar and the plots show them, and what is usual because of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from posicional.board.watched import Watched
from posicional.day.deadline import Standing, situation
from posicional.day.facts import Decision, RunEnd, Seen
from posicional.day.history import shown_at
from posicional.day.journal import Facts
from posicional.day.state import fold
from posicional.day.usual import MOST, Past, Usual, past_of, usual
from posicional.errors import UsageError
from posicional.steps.latest import with_latest

OVER: frozenset[Standing] = frozenset({"published", "published late", "skipped", "no business day"})
"""How a date stands for good, unless it gets another fact."""


@dataclass(frozen=True, slots=True)
class PastDay:
    """A date as the calendar shows it. `took`: from the first arrival until readers saw it.

    `begun`: there is a fact of it. `files`: when each came, how large it was. `decided`: what people decided.
    """

    date: date
    begun: bool
    standing: Standing
    shown: datetime | None
    took: timedelta | None
    seconds: float
    rejects: int
    files: Mapping[str, Past]
    decided: tuple[Decision, ...]


def past_day(watched: Watched, when: date) -> PastDay:
    """A date that is over, or not. Raises `StoreError`."""
    return watched.memory.past(watched.ledger(when), partial(_thought, watched))


def _thought(watched: Watched, facts: Facts) -> tuple[PastDay, bool]:
    """What the facts of a date say, and whether only another fact can change that."""
    feed, outside, when = watched.feed, watched.outside, facts.date
    day, now = fold(feed, with_latest(feed, outside, facts)), outside.clock.now()
    found = situation(feed, day, now, outside.gone)
    seen = [one.seen.modified for file in day.files.values() for one in file.arrivals if isinstance(one.seen, Seen)]
    shown = shown_at(feed, day)
    end = day.run.end if day.run else None
    files = {name: one for name, file in day.files.items() if (one := past_of(feed, when, file))}
    made = PastDay(
        date=when,
        begun=bool(facts.entries),
        standing=found.standing,
        shown=watched.local(shown) if shown else None,
        took=shown - min(seen) if shown and seen else None,
        seconds=end.seconds if isinstance(end, RunEnd) else 0.0,
        rejects=sum(one.rejects for one in files.values()),
        files=files,
        decided=tuple(one.decision for one in day.decided.decisions if one.decision),
    )
    return made, found.standing in OVER or (not facts.entries and now >= found.due)


def last_dates(watched: Watched, count: int, until: date | None = None) -> Iterator[date]:
    """The last business dates, today's first; or those up to another one."""
    when = until or watched.today
    for _ in range(count):
        yield when
        try:
            when = watched.feed.calendar.previous(when)
        except UsageError:  # the calendar begins here
            return


def past_days(watched: Watched, until: date, count: int) -> list[PastDay]:
    """The business dates up to one, the newest last. Raises `StoreError`."""
    return [past_day(watched, when) for when in last_dates(watched, count, until)][::-1]


def habits(days: Sequence[PastDay], before: date) -> dict[str, Usual | None]:
    """What is usual of each file, from the days before a date."""
    names = {name for day in days for name in day.files}
    return {
        name: usual([day.files[name] for day in days if name in day.files and day.date < before][-MOST:])
        for name in names
    }


def month_of(watched: Watched, first: date) -> list[PastDay | date]:
    """Every day of a month: what happened on business dates that are due to have begun, the bare date of the others.

    Dates before the first of which there is anything stay bare, too: nobody used the feed then.
    """
    feed = watched.feed
    days: list[PastDay | date] = []
    day, used = first, _used_before(watched, first)
    while day.month == first.month:
        one = past_day(watched, day) if day <= watched.today and feed.calendar.is_business_date(day) else None
        used = used or (one is not None and one.begun)
        days.append(one if one and used else day)
        day += timedelta(days=1)
    return days


def _used_before(watched: Watched, first: date, count: int = 10) -> bool:
    """Whether there is anything of one of the last dates before a month."""
    try:
        before = watched.feed.calendar.previous(first)
    except UsageError:  # the calendar begins here
        return False
    return any(day.begun for day in past_days(watched, before, count))

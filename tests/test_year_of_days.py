"""A year of days: a trigger every hour, in several zones and calendars, and an alarm exactly where one is due.

When each date is due is worked out apart from the product: by looking through the year minute by quarter of an hour for
the first moment at which the clock on the wall shows the time, and by counting the days on which people work.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from posicional.contract.calendar import Calendar, Days, Due
from posicional.contract.feed import SEVERITIES, Feed, Severity
from posicional.day.facts import RunClaim, RunEnd
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey
from posicional.ports import Notice, Outside
from posicional.steps.alerts import alert_deadline
from posicional.steps.deadline import due_dates
from worlds import ToldClock, feed_of, file_of, new_store, outside_of

HOUR = timedelta(hours=1)

HOLIDAYS = frozenset(
    date(year, month, day)
    for year in range(2017, 2029)
    for month, day in ((1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25))
)


@dataclass(frozen=True, slots=True)
class Year:
    """A year of a feed: its zone, days and deadline."""

    name: str
    year: int
    zone: str
    days: Days
    at: time
    after: int = 0
    business: bool = False

    @property
    def feed(self) -> Feed:
        """The feed, with one file."""
        calendar = Calendar(self.days, HOLIDAYS)
        due = Due(self.at, self.after, self.business)
        return replace(feed_of(file_of("a")), calendar=calendar, deadline=due, timezone=ZoneInfo(self.zone))


YEARS = (
    # Midnight did not exist on 4 November 2018, and 23:30 came twice on 17 February.
    Year("São Paulo, half past midnight", 2018, "America/Sao_Paulo", "daily", time(0, 30)),
    Year("São Paulo, half past eleven at night", 2018, "America/Sao_Paulo", "daily", time(23, 30)),
    Year("São Paulo, the next business day", 2026, "America/Sao_Paulo", "weekdays", time(12), 1, business=True),
    Year("São Paulo, every day, due on business days", 2026, "America/Sao_Paulo", "daily", time(12), business=True),
    # 02:30 did not exist on 10 March 2024, and 01:30 came twice on 3 November.
    Year("New York, half past two at night", 2024, "America/New_York", "daily", time(2, 30)),
    Year("New York, half past one at night", 2024, "America/New_York", "daily", time(1, 30), 1),
    # 01:15 did not exist on 30 March 2025.
    Year("Lisbon, a quarter past one", 2025, "Europe/Lisbon", "daily", time(1, 15), 1),
    Year("Lisbon, a month on its third day", 2025, "Europe/Lisbon", "monthly", time(9), 3),
    Year("UTC, weekdays at noon", 2027, "UTC", "weekdays", time(12)),
    Year("UTC, a month on the fifth business day", 2027, "UTC", "monthly", time(12), 5, business=True),
)


def _works(day: date) -> bool:
    return day.weekday() < 5 and day not in HOLIDAYS


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def dates_of(year: Year) -> list[date]:
    """The business dates of the year."""
    days = _days(date(year.year, 1, 1), date(year.year, 12, 31))
    if year.days == "monthly":
        return [day for day in days if day.day == 1]
    return [day for day in days if day not in HOLIDAYS and (year.days == "daily" or day.weekday() < 5)]


def due_day(year: Year, day: date) -> date:
    """The day on which a date is due, counted from the end of its period."""
    if year.days == "monthly":
        day = (day + timedelta(days=40)).replace(day=1) - timedelta(days=1)
    if not year.business:
        return day + timedelta(days=year.after)
    working = [one for one in _days(day, day + timedelta(days=40)) if _works(one)]
    behind = [one for one in working if one > day]
    return working[0] if year.after == 0 else behind[year.after - 1]


@cache
def moment(day: date, at: time, zone: str) -> datetime:
    """The first moment at which the wall of `day` shows `at` or later."""
    local, wanted = ZoneInfo(zone), datetime.combine(day, at)
    start = datetime.combine(day - timedelta(days=1), time(), tzinfo=UTC)
    moments = (start + n * timedelta(minutes=15) for n in range(3 * 96))
    return next(one for one in moments if one.astimezone(local).replace(tzinfo=None) >= wanted)


def dues(year: Year) -> dict[date, datetime]:
    """Every business date of the year, and when it is due."""
    return {day: moment(due_day(year, day), year.at, year.zone) for day in dates_of(year)}


@dataclass
class Mail:
    """Notes when each notice came, but for reminders."""

    clock: ToldClock
    notices: list[tuple[datetime, Notice]] = field(default_factory=list)
    name: str = "mail"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Note one."""
        if not notice.again:
            self.notices.append((self.clock.now(), notice))


def hours(year: Year) -> Iterator[datetime]:
    """Every hour from a little before the year to a little after it; at 17 minutes past, as triggers come."""
    start = datetime(year.year - 1, 12, 30, 0, 17, tzinfo=UTC)
    yield from (start + n * HOUR for n in range(24 * 410))


@pytest.mark.parametrize("year", YEARS, ids=lambda year: year.name)
def test_every_date_of_a_year_is_due_when_it_is(year: Year) -> None:
    """By the product as by counting: daylight saving, weekends, holidays and the ends of months included."""
    feed = year.feed
    found = {day: feed.calendar.due_at(feed.deadline, day, feed.timezone).astimezone(UTC) for day in dates_of(year)}
    assert found == dues(year)
    assert [
        day for day in _days(date(year.year, 1, 1), date(year.year, 12, 31)) if feed.calendar.is_business_date(day)
    ] == (dates_of(year))


@pytest.mark.parametrize("year", YEARS, ids=lambda year: year.name)
def test_a_check_without_a_date_forgets_none(year: Year) -> None:
    """Asked every hour, it is about each date from the hour at which it is due, and never later than that."""
    feed, due = year.feed, dues(year)
    first_about: dict[date, datetime] = {}
    for now in hours(year):
        for day in due_dates(feed, now):
            if now >= due.get(day, now):
                first_about.setdefault(day, now)
    late = {day: first_about[day] - due[day] for day in due if not timedelta() <= first_about[day] - due[day] < HOUR}
    assert late == {}


@pytest.mark.parametrize("year", YEARS, ids=lambda year: year.name)
def test_an_alarm_for_every_date_that_is_late_and_for_no_other(year: Year) -> None:
    """Some dates are done in time, some late, some never. People hear of each that is late once, within the hour; of
    each that was done late once more; of the others nothing.
    """
    seed = sum(map(ord, year.name))
    print("seed", seed)
    draw = random.Random(seed)
    due = dues(year)
    done = {day: _done_at(draw, at) for day, at in due.items()}
    late = [day for day, at in done.items() if at is None or at > due[day]]
    over = [day for day in late if done[day]]
    assert late
    assert over
    assert len(late) < len(due)
    heard = _live_through(year, done)
    assert sorted((notice.date, notice.over) for _, notice in heard) == sorted(
        [(day, False) for day in late] + [(day, True) for day in over]
    )
    waits = [at - due[notice.date] for at, notice in heard if not notice.over]
    assert all(timedelta() <= wait < HOUR for wait in waits)


def test_a_dead_system_is_told_every_day() -> None:
    """Nothing ever arrives, nothing ever runs, the store holds nothing but the alarms: they ring, one for each date."""
    year = YEARS[2]
    heard = _live_through(year, dict.fromkeys(dates_of(year)))
    assert [(notice.date, notice.number) for _, notice in heard] == [(day, 1) for day in dates_of(year)]
    assert all("nada chegou (0 de 1)" in notice.text for _, notice in heard)


def _live_through(year: Year, done: dict[date, datetime | None]) -> list[tuple[datetime, Notice]]:
    """What people are told of the year's dates, and when, if each is done at that time; a date that was done late is
    looked at once more, as the sweep does.
    """
    clock = ToldClock()
    mail = Mail(clock)
    outside = replace(outside_of(new_store("memory", Path()), clock), channels=[mail])
    feed, due = year.feed, dues(year)
    coming = sorted((at, day) for day, at in done.items() if at)
    for now in _triggers(year, due):
        while coming and coming[0][0] <= now:
            clock.time, day = coming.pop(0)
            _finish(outside, day)
            if clock.time > due[day]:
                alert_deadline(feed, day, outside)
        clock.time = now
        for day in due_dates(feed, now):
            alert_deadline(feed, day, outside)
    return [(at, notice) for at, notice in mail.notices if notice.date in due]


def _triggers(year: Year, due: dict[date, datetime]) -> list[datetime]:
    """The hours that may change anything, and some at any other time; to live through all of them takes long."""
    all_hours = list(hours(year))
    first = {all_hours[bisect_left(all_hours, at)] for at in due.values()}
    return sorted(first | set(all_hours[::13]))


def _done_at(draw: random.Random, due: datetime) -> datetime | None:
    """In time, late (but not within the hour, nor after the next trigger), or never."""
    kind = draw.choices(["in time", "late", "never"], [6, 3, 1])[0]
    minutes = timedelta(minutes=draw.randrange(120, 300))
    return {"in time": due - minutes, "late": due + minutes, "never": None}[kind]


def _finish(outside: Outside, day: date) -> None:
    """The date's run has succeeded."""
    ledger = Ledger(outside, "f", day)
    claim = RunClaim(
        **ledger.sign(), lease_until=ledger.outside.clock.now() + HOUR, revision="r", content="c", contract="k"
    )
    assert ledger.write(TurnKey(RUNS, 1, "claim"), claim)
    assert ledger.write(TurnKey(RUNS, 1, "end"), RunEnd(**ledger.sign(), status="succeeded"))

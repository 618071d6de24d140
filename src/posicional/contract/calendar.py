"""Business dates: which days a feed has, what comes before and after them, and when something is due.

A business date is a plain `date`; that of a monthly feed is the month's first day. Dates run from 1900 to 2999.
"""

from __future__ import annotations

import calendar as months
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from posicional.errors import UsageError

Days = Literal["daily", "weekdays", "monthly"]

FIRST, LAST = date(1900, 1, 1), date(2999, 12, 31)
ACCEPTED = "a day such as 2026-11-22, or a month such as 2020-03 for a monthly feed"


@dataclass(frozen=True, slots=True)
class Due:
    """A local time, `after` so many days (or business days) from the end of the period that the date stands for."""

    at: time
    after: int = 0
    business: bool = False


class Holidays(Protocol):
    """Days on which nobody works: a set of them, or a preset that works them out."""

    def __contains__(self, day: date, /) -> bool:
        """Whether `day` is one."""
        ...


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business dates of a feed.

    `days` says which days there are at all. `holidays` and `also_skip` are taken out of daily and weekday calendars;
    of a monthly one only the months whose first day is in `also_skip`. Neither is ever a business day of a deadline.
    """

    days: Days = "daily"
    holidays: Holidays = frozenset()
    also_skip: frozenset[date] = frozenset()

    @property
    def is_monthly(self) -> bool:
        """Whether a business date stands for a whole month."""
        return self.days == "monthly"

    def is_business_date(self, day: date) -> bool:
        """Whether the feed has files for `day`."""
        if day in self.also_skip:
            return False
        if self.is_monthly:
            return day.day == 1
        return day not in self.holidays and (self.days == "daily" or day.weekday() < 5)

    def is_business_day(self, day: date) -> bool:
        """Whether people work on `day`: what `business days` of a deadline counts."""
        return day.weekday() < 5 and day not in self.holidays and day not in self.also_skip

    def next(self, day: date) -> date:
        """The first business date after `day`. Raises `UsageError` beyond the year 2999."""
        return self._seek(day, 1)

    def previous(self, day: date) -> date:
        """The last business date before `day`. Raises `UsageError` before the year 1900."""
        return self._seek(day, -1)

    def _seek(self, day: date, step: int) -> date:
        while FIRST <= (day := day + timedelta(days=step)) <= LAST:
            if self.is_business_date(day):
                return day
        raise UsageError("there is no business date beyond this one", where=day.isoformat())

    def period_end(self, day: date) -> date:
        """The last day that the business date stands for: the month's last day, else the day itself."""
        return day.replace(day=months.monthrange(day.year, day.month)[1]) if self.is_monthly else day

    def parse_date(self, text: str) -> date:
        """A date as a person types it for this feed. Raises `UsageError` that says what is accepted."""
        day = parse_date(text)
        whole_month = len(text.strip()) == len("2020-03")
        if self.is_monthly and (whole_month or day.day == 1):
            return day
        if self.is_monthly:
            raise UsageError(f"not a date of this monthly feed: {text!r}", expected=f"a month: {day:%Y-%m}")
        if whole_month:
            raise UsageError(f"not a date of this feed: {text!r}", expected=f"a day such as {text.strip()}-01")
        return day

    def format_date(self, day: date) -> str:
        """The date as `parse_date` takes it: `2020-03` for a month, else `2026-11-22`."""
        return f"{day:%Y-%m}" if self.is_monthly else f"{day:%Y-%m-%d}"

    def due_at(self, due: Due, day: date, zone: ZoneInfo) -> datetime:
        """The moment, in `zone`, at which something of business date `day` is due.

        A local time that the clocks skip becomes the next minute that exists; one that exists twice is the first.
        """
        return local_moment(self._due_day(due, self.period_end(day)), due.at, zone)

    def _due_day(self, due: Due, end: date) -> date:
        if not due.business:
            return end + timedelta(days=due.after)
        day = end
        counted = 0
        # No business day after the end: the end itself, or the first one behind it where nobody works on that day.
        while counted < due.after or not self.is_business_day(day):
            day += timedelta(days=1)
            counted += self.is_business_day(day)
        return day


def parse_date(text: str) -> date:
    """A day (`2026-11-22`) or a month (`2020-03`, its first day). Raises `UsageError` that says what is accepted."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", text.strip())
    try:
        day = date(int(found[1]), int(found[2]), int(found[3] or 1)) if found else None
    except ValueError:
        day = None
    if day is None or not FIRST <= day <= LAST:
        raise UsageError(f"not a date: {text!r}", expected=ACCEPTED)
    return day


def local_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """`at` on `day` in `zone`: moved to the next minute that exists, and the first of two."""
    wall = datetime.combine(day, at)
    while True:
        moment = wall.replace(tzinfo=zone, fold=0)
        if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += timedelta(minutes=1)

"""Dates: which days a feed has, what stands beside them, and at which moment something is due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posicional.contract.calendar import Calendar, Days, Due, local_moment, parse_date
from posicional.errors import UsageError

CHRISTMAS = date(2026, 12, 25)  # a Friday
EVE = date(2026, 12, 24)
SUNDAY = date(2026, 11, 22)
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NEW_YORK = ZoneInfo("America/New_York")

WEEKDAYS = Calendar("weekdays", holidays=frozenset({CHRISTMAS}), also_skip=frozenset({EVE}))
DAILY = Calendar("daily")
MONTHLY = Calendar("monthly", holidays=frozenset({CHRISTMAS}), also_skip=frozenset({date(2026, 2, 1)}))


@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        pytest.param(DAILY, SUNDAY, True, id="daily has Sundays"),
        pytest.param(Calendar("daily", holidays=frozenset({CHRISTMAS})), CHRISTMAS, False, id="no holidays"),
        pytest.param(WEEKDAYS, SUNDAY, False, id="weekdays have no Sundays"),
        pytest.param(WEEKDAYS, CHRISTMAS, False, id="weekdays have no holidays"),
        pytest.param(WEEKDAYS, EVE, False, id="nor what is skipped besides"),
        pytest.param(WEEKDAYS, date(2026, 12, 23), True, id="an ordinary Wednesday"),
        pytest.param(MONTHLY, date(2026, 3, 1), True, id="a month is its first day, also on a Sunday"),
        pytest.param(MONTHLY, date(2026, 3, 2), False, id="no other day is a month"),
        pytest.param(MONTHLY, date(2026, 2, 1), False, id="a month that is skipped"),
    ],
)
def test_a_calendar_knows_its_days(calendar: Calendar, day: date, expected: bool) -> None:
    """Daily, weekdays and monthly, less holidays and extra days."""
    assert calendar.is_business_date(day) is expected


def test_the_days_beside_skip_what_the_calendar_skips() -> None:
    """Over a weekend, a holiday and an extra day; over a month that is left out."""
    assert WEEKDAYS.next(date(2026, 12, 23)) == date(2026, 12, 28)
    assert WEEKDAYS.previous(date(2026, 12, 28)) == date(2026, 12, 23)
    assert MONTHLY.next(date(2026, 1, 1)) == date(2026, 3, 1)
    assert MONTHLY.previous(date(2026, 3, 15)) == date(2026, 3, 1)


days: st.SearchStrategy[Days] = st.sampled_from(["daily", "weekdays", "monthly"])


@given(days, st.dates(date(1990, 1, 1), date(2060, 1, 1)), st.frozensets(st.dates(date(2020, 1, 1), date(2021, 1, 1))))
def test_next_and_previous_are_inverses(kind: Days, day: date, holidays: frozenset[date]) -> None:
    """From any business date on and back; nothing in between is one."""
    calendar = Calendar(kind, holidays)
    start = calendar.next(day)
    assert calendar.is_business_date(start)
    assert calendar.previous(calendar.next(start)) == start


def test_there_is_an_end_to_all_days() -> None:
    """Beyond the years that dates may have there is an error, not an endless search."""
    with pytest.raises(UsageError, match="no business date beyond"):
        DAILY.next(date(2999, 12, 31))


def test_a_period_ends_with_its_last_day() -> None:
    """A month, in a leap year too; a day is its own end."""
    assert MONTHLY.period_end(date(2024, 2, 1)) == date(2024, 2, 29)
    assert DAILY.period_end(SUNDAY) == SUNDAY


@pytest.mark.parametrize(
    ("calendar", "text", "expected"),
    [
        (DAILY, "2026-11-22", SUNDAY),
        (DAILY, " 2026-11-22 ", SUNDAY),
        (MONTHLY, "2020-03", date(2020, 3, 1)),
        (MONTHLY, "2020-03-01", date(2020, 3, 1)),
    ],
    ids=["day", "blanks around", "month", "first of month"],
)
def test_dates_are_read_as_people_type_them(calendar: Calendar, text: str, expected: date) -> None:
    """And written so that they are read again."""
    assert calendar.parse_date(text) == expected
    assert calendar.parse_date(calendar.format_date(expected)) == expected


@pytest.mark.parametrize(
    ("calendar", "text", "expected"),
    [
        (DAILY, "22/11/2026", "2026-11-22"),
        (DAILY, "2026-02-30", "2026-11-22"),
        (DAILY, "2026-13", "2020-03"),
        (DAILY, "2020-03", "2020-03-01"),
        (DAILY, "0001-01-01", "2026-11-22"),
        (MONTHLY, "2020-03-15", "2020-03"),
    ],
    ids=["slashes", "30 February", "month 13", "month for a day", "year 1", "day for a month"],
)
def test_other_dates_say_what_is_accepted(calendar: Calendar, text: str, expected: str) -> None:
    """The error shows a date that would have been taken."""
    with pytest.raises(UsageError) as caught:
        calendar.parse_date(text)
    assert expected in caught.value.expected


def test_without_a_feed_both_are_dates() -> None:
    """`posicional convert` knows no calendar."""
    assert (parse_date("2020-03"), parse_date("2026-11-22")) == (date(2020, 3, 1), SUNDAY)


@pytest.mark.parametrize(
    ("calendar", "due", "day", "expected"),
    [
        pytest.param(DAILY, Due(time(12)), SUNDAY, "2026-11-22T12:00-03:00", id="noon of the day"),
        pytest.param(DAILY, Due(time(9), 2), SUNDAY, "2026-11-24T09:00-03:00", id="two days later"),
        pytest.param(WEEKDAYS, Due(time(9), 1, True), EVE, "2026-12-28T09:00-03:00", id="next business day"),
        pytest.param(WEEKDAYS, Due(time(9), 0, True), CHRISTMAS, "2026-12-28T09:00-03:00", id="nobody works that day"),
        pytest.param(WEEKDAYS, Due(time(9), 0, True), date(2026, 12, 23), "2026-12-23T09:00-03:00", id="that day"),
        pytest.param(MONTHLY, Due(time(12), 5, True), date(2026, 11, 1), "2026-12-07T12:00-03:00", id="fifth of next"),
        pytest.param(MONTHLY, Due(time(12), 3), date(2024, 2, 1), "2024-03-03T12:00-03:00", id="from a month's end"),
    ],
)
def test_due_is_counted_from_the_periods_end(calendar: Calendar, due: Due, day: date, expected: str) -> None:
    """In days, or in days on which people work."""
    moment = calendar.due_at(due, day, SAO_PAULO)
    assert moment.isoformat(timespec="minutes") == expected


def test_a_local_time_that_the_clocks_skip_is_the_next_that_exists() -> None:
    """An hour at night in New York, midnight itself in Sao Paulo, a whole day in Samoa."""
    assert local_moment(date(2024, 3, 10), time(2, 30), NEW_YORK) == datetime(2024, 3, 10, 7, 0, tzinfo=UTC)
    assert local_moment(date(2018, 11, 4), time(0, 0), SAO_PAULO) == datetime(2018, 11, 4, 3, 0, tzinfo=UTC)
    apia = local_moment(date(2011, 12, 30), time(12, 0), ZoneInfo("Pacific/Apia"))
    assert apia == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)


def test_a_local_time_that_exists_twice_is_the_first() -> None:
    """In New York 01:30 came twice on 3 November 2024."""
    moment = local_moment(date(2024, 11, 3), time(1, 30), NEW_YORK)
    assert moment.astimezone(UTC) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)

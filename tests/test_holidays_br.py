"""Holidays of Brazil by name: real dates, what tells the three lists apart, and years that nobody knows."""

from __future__ import annotations

import sys
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from holidays.financial.brasil_bolsa_balcao import BrasilBolsaBalcao

from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import Feed
from posicional.contract.holidays_br import PRESETS, Preset
from posicional.errors import ContractError, UsageError

# As published: the laws 662/1949, 6.802/1980, 10.607/2002 and 14.759/2023 (20 November, from 2024 on), the list of the
# banks' association (ANBIMA), and the exchange's calendars.
FIXED = ("01-01", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25")
GOOD_FRIDAY = {2024: "03-29", 2025: "04-18", 2026: "04-03", 2027: "03-26"}
CARNIVAL = {
    2024: ("02-12", "02-13"),
    2025: ("03-03", "03-04"),
    2026: ("02-16", "02-17"),
    2027: ("02-08", "02-09"),
}
CORPUS_CHRISTI = {2024: "05-30", 2025: "06-19", 2026: "06-04", 2027: "05-27"}
END_OF_YEAR = {2024: ("12-24", "12-31"), 2025: ("12-24", "12-31"), 2026: ("12-24", "12-31"), 2027: ("12-24", "12-31")}

YEARS = sorted(GOOD_FRIDAY)


def days_of(name: str, year: int) -> list[str]:
    """Every day of a year that a preset holds, as MM-DD."""
    preset, first = Preset(name), date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range(366))
    return [f"{day:%m-%d}" for day in days if day.year == year and day in preset]


@pytest.mark.parametrize("year", YEARS)
def test_national_holidays(year: int) -> None:
    """Those of the law and Good Friday; neither Carnival nor Corpus Christi."""
    assert days_of("BR", year) == sorted([*FIXED, GOOD_FRIDAY[year]])


@pytest.mark.parametrize("year", YEARS)
def test_the_banks_holidays(year: int) -> None:
    """Carnival's two days and Corpus Christi besides; they settle on Ash Wednesday, and on 24 and 31 December."""
    assert days_of("br-banks", year) == sorted([*FIXED, GOOD_FRIDAY[year], *CARNIVAL[year], CORPUS_CHRISTI[year]])


@pytest.mark.parametrize("year", YEARS)
def test_the_exchanges_holidays(year: int) -> None:
    """The banks', 24 December, and the last working day of the year."""
    assert days_of("br-exchange", year) == sorted([*days_of("br-banks", year), *END_OF_YEAR[year]])


@pytest.mark.parametrize(("year", "last"), [(2022, "12-30"), (2023, "12-29"), (2028, "12-29"), (2026, "12-31")])
def test_the_exchange_closes_on_the_years_last_working_day(year: int, last: str) -> None:
    """Which is not always the 31st: in 2023 the last trading was on 28 December."""
    assert days_of("br-exchange", year)[-1] == last


def test_20_november_is_a_holiday_since_2024() -> None:
    """In 2023 it was one in some cities only: banks and exchange worked."""
    for name in PRESETS:
        assert date(2023, 11, 20) not in Preset(name)
        assert date(2024, 11, 20) in Preset(name)


def test_the_librarys_own_list_of_the_exchange_agrees() -> None:
    """On every working day from 2018 to 2060: our rules are not only right for the years listed above."""
    theirs = BrasilBolsaBalcao(years=range(2018, 2061))
    ours = Preset("br-exchange")
    day, different = date(2018, 1, 1), []
    while day <= date(2060, 12, 31):
        if day.weekday() < 5 and (day in ours) != (day in theirs):
            different.append(day.isoformat())
        day += timedelta(days=1)
    assert different == []


def test_years_that_the_library_does_not_know_are_not_free_of_holidays() -> None:
    """Rather an error than a deadline on a day that may be Christmas."""
    with pytest.raises(UsageError, match="2999: the holidays of this year are not known; expected 1890 to 2100"):
        Calendar("weekdays", Preset("BR")).next(date(2999, 1, 1))


def test_a_deadline_goes_round_carnival() -> None:
    """The first business day after Friday 13 February 2026 is Ash Wednesday for a bank, Monday for the country."""
    due = Due(time(12), 1, business=True)
    zone = ZoneInfo("America/Sao_Paulo")
    moments = [Calendar("weekdays", Preset(name)).due_at(due, date(2026, 2, 13), zone) for name in ("BR", "br-banks")]
    assert [f"{moment:%a %d/%m %H:%M}" for moment in moments] == ["Mon 16/02 12:00", "Wed 18/02 12:00"]


# In a feed.


def write(folder: Path, **calendar: Any) -> Path:
    """A small feed with this calendar."""
    (folder / "a.yaml").write_text("fields: [{name: a, width: 10, type: string}]")
    (folder / "a.sql").write_text("select a from a")
    words = {
        "feed": "bancos",
        "timezone": "America/Sao_Paulo",
        "calendar": calendar,
        "deadline": "12:00",
        "store": "./dados",
        "files": {"a": {"pattern": "A_{date:%Y%m%d}.txt", "layout": "a.yaml"}},
        "datasets": {"d": {"sql": "a.sql", "key": ["a"]}},
    }
    (folder / "feed.yaml").write_text(yaml.safe_dump(words))
    return folder / "feed.yaml"


@pytest.mark.parametrize("name", PRESETS)
def test_a_feed_names_its_holidays(name: str, tmp_path: Path) -> None:
    """With a list of its own besides."""
    feed = Feed.load(write(tmp_path, days="weekdays", holidays=name, also_skip=["2026-01-26"]))
    assert feed.calendar == Calendar("weekdays", Preset(name), frozenset({date(2026, 1, 26)}))
    assert feed.calendar.next(date(2026, 1, 23)) == date(2026, 1, 27)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the contract, not a traceback on some Christmas."""
    monkeypatch.setitem(sys.modules, "holidays", None)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ContractError) as caught:
        Feed.load(write(tmp_path, holidays="br-banks"))
    assert [(fault.path, fault.message, fault.hint) for fault in caught.value.faults] == [
        ("calendar.holidays", "br-banks needs the library holidays", "pip install 'posicional[calendar]'")
    ]

"""Holidays of Brazil under three names: the country's, its banks', its exchange's. Worked out a year at a time.

The `holidays` library knows the country's. It has no list of the banks', and its own list of the exchange's closes on
days on which banks work, so both are made here of the country's and of the feasts that follow Easter.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from posicional.errors import UsageError

PRESETS = ("BR", "br-banks", "br-exchange")
"""What `calendar: {holidays: …}` may name.

`BR`: the national holidays that the law names and Good Friday; no Carnival, no Corpus Christi, which are optional.
`br-banks`: on these nothing is settled (ANBIMA's list): those, Carnival's Monday and Tuesday, and Corpus Christi. Ash
Wednesday, 24 December and the year's last working day are business days, though branches are closed for some hours.
`br-exchange`: on these nothing is traded: those, 24 December and the year's last working day (as since 2018).
"""


CARNIVAL_MONDAY, CARNIVAL_TUESDAY, CORPUS_CHRISTI = -48, -47, 60
"""Days after Easter Sunday."""


@dataclass(frozen=True, slots=True)
class Preset:
    """The holidays of one of `PRESETS`: asks the library only for the years that are asked for."""

    name: str

    def __contains__(self, day: date) -> bool:
        """Whether `day` is one. Raises `UsageError` for a year that the library does not know."""
        return day in _holidays(self.name, day.year)


def available() -> bool:
    """Whether the library that knows them is installed."""
    return importlib.util.find_spec("holidays") is not None


@lru_cache(maxsize=64)
def _holidays(name: str, year: int) -> frozenset[date]:
    days = _national(year)
    if name == "BR":
        return days
    easter = _easter(year)
    days |= {easter + timedelta(days=after) for after in (CARNIVAL_MONDAY, CARNIVAL_TUESDAY, CORPUS_CHRISTI)}
    if name == "br-banks":
        return days
    last = date(year, 12, 31)
    while last.weekday() >= 5 or last in days:
        last -= timedelta(days=1)
    return days | {date(year, 12, 24), last}


def _national(year: int) -> frozenset[date]:
    from holidays.countries.brazil import Brazil

    if not Brazil.start_year <= year <= Brazil.end_year:
        known = f"{Brazil.start_year} to {Brazil.end_year}"
        raise UsageError("the holidays of this year are not known", where=str(year), expected=known)
    return frozenset(Brazil(years=year))


def _easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (the anonymous algorithm, in the names of its publication)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    r = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + r - 7 * ((a + 11 * h + 22 * r) // 451) + 114, 31)
    return date(year, month, day + 1)

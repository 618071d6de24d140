"""Where the lines and dots of a picture stand; the templates draw them as SVG, which escapes what is text.

Lengths are in units of the picture's own box, `WIDTH` wide.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from posicional.board.look import OneDay, Track
from posicional.board.past import PastDay

Side = Literal["start", "middle", "end"]
"""Which part of some words stands at their place."""

WIDTH = 1000
LEFT = 150
"""Room for the names of files."""
RIGHT = 20
TOP = 44
ROW = 32
FOOT = 28
"""Room below the rows for what the lines mark."""
NEAR = 190
"""Flags that are nearer than this would write over one another."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Dot:
    """An arrival on the time line."""

    x: float
    status: str
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A file on the time line. `by`: where it is expected; `usually`: where it usually is here; None where unknown.

    `waits`: from where to where it is waited for in vain.
    """

    track: Track
    y: float
    dots: tuple[Dot, ...]
    by: float | None
    usually: float | None
    waits: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Flag:
    """A moment that a line marks over all files. `side`: where its words stand."""

    x: float
    name: str
    at: datetime
    side: Side = "middle"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The files of a day along its hours, up to the deadline and beyond. `flags`: now, and when readers saw it."""

    height: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    due: Flag
    flags: tuple[Flag, ...]

    @property
    def bottom(self) -> float:
        """Where the rows end."""
        return self.height - FOOT


def timeline(one: OneDay) -> Timeline:
    """The picture of a day: from an hour before anything happens until an hour after the last thing."""
    due, zone = one.found.due, one.found.due.tzinfo
    now = one.now.astimezone(zone)
    shown = one.found.shown.astimezone(zone) if one.found.shown else None
    moments = [due, *(came.at for track in one.tracks for came in track.came), *([shown] if shown else [])]
    moments += [moment for track in one.tracks for moment in (track.by, track.usually) if moment]
    if due - timedelta(hours=24) <= now <= max(moments) + timedelta(hours=12):
        moments.append(now)
    first = min(*moments, due - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
    last = max(moments) + timedelta(minutes=40)
    span = (last - first).total_seconds()

    def x(moment: datetime) -> float:
        return round(LEFT + (moment - first).total_seconds() / span * (WIDTH - LEFT - RIGHT), 1)

    def row(number: int, track: Track) -> Row:
        until = min(now, last)
        return Row(
            track=track,
            y=TOP + ROW * number + ROW / 2,
            dots=tuple(Dot(x(came.at), came.status, came.number, came.at) for came in track.came),
            by=x(track.by) if track.by else None,
            usually=x(track.usually) if track.usually else None,
            waits=(x(min(track.by or track.usually or due, until)), x(until)) if track.late else None,
        )

    flags = [Flag(x(shown), "shown", shown)] if shown else []
    flags += [Flag(x(now), "now", now)] if first <= now <= last else []
    return Timeline(
        height=TOP + ROW * len(one.tracks) + FOOT,
        ticks=tuple(Tick(x(moment), label) for moment, label in _hours(first, last)),
        rows=tuple(row(number, track) for number, track in enumerate(one.tracks)),
        due=Flag(x(due), "deadline", due),
        flags=tuple(_apart(flags)),
    )


def _apart(flags: Sequence[Flag]) -> Iterator[Flag]:
    """Flags whose words do not stand in one another's way, nor beyond the picture."""
    ordered = sorted(flags, key=lambda flag: flag.x)
    near = len(ordered) == 2 and ordered[1].x - ordered[0].x < NEAR
    for place, flag in enumerate(ordered):
        beyond = flag.x > WIDTH - NEAR / 2
        yield replace(flag, side=_SIDES[place] if near else "end" if beyond else "middle")


_SIDES: tuple[Side, Side] = ("end", "start")


def _hours(first: datetime, last: datetime) -> Iterator[tuple[datetime, str]]:
    """A dozen marks at the most, at full hours; beyond a day they say which day."""
    hours = math.ceil((last - first).total_seconds() / 3600)
    step = next(step for step in (1, 2, 3, 6, 12, 24, 24 * 7, 24 * 28, 24 * 366) if hours / step <= 12)
    for hour in range(0, hours + 1, step):
        moment = first + timedelta(hours=hour)
        if moment < last:
            yield moment, f"{moment:%H:%M}" if hours <= 24 else f"{moment:%d/%m %Hh}"


def weeks(days: Sequence[PastDay | date]) -> list[list[PastDay | date | None]]:
    """A month as weeks that begin on Sunday, as calendars in Brazil do; None before its first and after its last."""
    first = days[0] if isinstance(days[0], date) else days[0].date
    blank = (first.weekday() - calendar.SUNDAY) % 7
    cells: list[PastDay | date | None] = [*[None] * blank, *days]
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]

"""Where the lines and dots of a picture stand; the templates draw them as SVG, which escapes what is text.

Lengths are in units of the picture's own box, `WIDTH` wide.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posicional.board.look import OneDay, PastDay, Track

WIDTH = 1000
LEFT = 150
"""Room for the names of files."""
RIGHT = 20
TOP = 34
ROW = 30


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
    """A file on the time line. `by`: where it is expected; `usually`: where it usually is here; None where unknown."""

    track: Track
    y: float
    dots: tuple[Dot, ...]
    by: float | None
    usually: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The files of a day along its hours, up to the deadline and beyond."""

    height: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    due: float
    now: float | None
    shown: float | None

    @property
    def bottom(self) -> float:
        """Where the rows end."""
        return self.height - 8


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

    rows = tuple(
        Row(
            track=track,
            y=TOP + ROW * number + ROW / 2,
            dots=tuple(Dot(x(came.at), came.status, came.number, came.at) for came in track.came),
            by=x(track.by) if track.by else None,
            usually=x(track.usually) if track.usually else None,
        )
        for number, track in enumerate(one.tracks)
    )
    return Timeline(
        height=TOP + ROW * len(rows) + 8,
        ticks=tuple(Tick(x(moment), label) for moment, label in _hours(first, last)),
        rows=rows,
        due=x(due),
        now=x(now) if first <= now <= last else None,
        shown=x(shown) if shown else None,
    )


def _hours(first: datetime, last: datetime) -> Iterator[tuple[datetime, str]]:
    """A dozen marks at the most, at full hours; beyond a day they say which day."""
    hours = math.ceil((last - first).total_seconds() / 3600)
    step = next(step for step in (1, 2, 3, 6, 12, 24, 24 * 7, 24 * 28, 24 * 366) if hours / step <= 12)
    for hour in range(0, hours + 1, step):
        moment = first + timedelta(hours=hour)
        if moment < last:
            yield moment, f"{moment:%H:%M}" if hours <= 24 else f"{moment:%d/%m %Hh}"


@dataclass(frozen=True, slots=True)
class Point:
    """A date in a plot."""

    x: float
    y: float
    date: date
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A line of points over dates, with marks on both axes; in a box that is 600 wide."""

    height: float
    points: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]

    @property
    def path(self) -> str:
        """The line as SVG says it."""
        return " ".join(f"{'M' if not number else 'L'}{one.x} {one.y}" for number, one in enumerate(self.points))


def arrivals(days: Sequence[PastDay], name: str) -> Plot:
    """When a file came, over the days; the hours upwards."""
    came = [(day.date, day.files[name].came.total_seconds() / 3600) for day in days if name in day.files]
    return _plot(days, came, lambda hours: f"{int(hours) % 24:02d}:{round(hours % 1 * 60) % 60:02d}", 0.5)


def volumes(days: Sequence[PastDay], name: str) -> Plot:
    """How many rows a file had, over the days."""
    rows = [(day.date, float(day.files[name].rows)) for day in days if name in day.files]
    return _plot(days, rows, lambda count: f"{round(count):,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), 1.0)


def _plot(
    days: Sequence[PastDay], values: Sequence[tuple[date, float]], label: Callable[[float], str], least: float
) -> Plot:
    height, top, bottom, left, right = 156.0, 16.0, 124.0, 90.0, 560.0
    if not values:
        return Plot(height, (), (), ())
    low, high = min(value for _, value in values), max(value for _, value in values)
    middle, half = (low + high) / 2, max((high - low) / 2 * 1.1, least)
    low, high = max(0.0, middle - half), middle + half
    days = [day for day in days if day.date >= values[0][0]]
    place = {day.date: number for number, day in enumerate(days)}
    across = max(1, len(days) - 1)

    def x(when: date) -> float:
        return round(left + place[when] / across * (right - left), 1)

    def y(value: float) -> float:
        return round(bottom - (value - low) / (high - low) * (bottom - top), 1)

    marks = [days[number].date for number in sorted({0, len(days) - 1})]
    return Plot(
        height,
        tuple(Point(x(when), y(value), when, label(value)) for when, value in values),
        tuple(Tick(x(when), f"{when:%d/%m}") for when in marks),
        tuple(Tick(y(value), label(value)) for value in (low, (low + high) / 2, high)),
    )


def weeks(days: Sequence[PastDay | date]) -> list[list[PastDay | date | None]]:
    """A month as weeks that begin on Sunday, as calendars in Brazil do; None before its first and after its last."""
    first = days[0] if isinstance(days[0], date) else days[0].date
    blank = (first.weekday() - calendar.SUNDAY) % 7
    cells: list[PastDay | date | None] = [*[None] * blank, *days]
    cells += [None] * (-len(cells) % 7)
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]

"""Plots over dates: when something came, as dots, and how much of it, as bars. The template draws them as SVG.

Lengths are in units of a box that is `WIDE` by `HIGH`. A date without a value leaves a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posicional.board.past import PastDay
from posicional.board.pictures import Side, Tick

WIDE, HIGH = 600, 170
LEFT, RIGHT, TOP, BOTTOM = 64, 572, 14, 140

LABEL = 140
"""How long the label of a line may be."""

MINUTES = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
"""How far marks of a time may be apart."""


@dataclass(frozen=True, slots=True)
class Point:
    """A date in a plot. `label`: its value in words; `bad`: it was late, or has rejects."""

    x: float
    y: float
    date: date
    label: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over dates, with marks on both axes. `limit`: the height of a line, and its label at its `side`."""

    points: tuple[Point, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    limit: Tick | None = None
    side: Side = "end"
    step: float = 1.0
    bottom: float = BOTTOM

    @property
    def path(self) -> str:
        """The line through the points as SVG says it; it breaks where a date has none."""
        said, before = [], -math.inf
        for one in self.points:
            said.append(f"{'L' if one.x - before < 1.5 * self.step else 'M'}{one.x} {one.y}")
            before = one.x
        return " ".join(said)

    @property
    def bar(self) -> float:
        """How broad a bar is."""
        return round(max(1.5, min(16.0, 0.7 * self.step)), 1)


def arrivals(days: Sequence[PastDay], name: str, by: timedelta | None, words: str) -> Plot:
    """When a file came, over the days; `by`: when it is expected, counted as it is."""
    came = [(day.date, day.files[name].came) for day in days if name in day.files]
    return _times(days, came, by, words)


def readers(days: Sequence[PastDay], start: Callable[[date], datetime], due: timedelta, words: str) -> Plot:
    """When readers saw each date; `due`: its deadline."""
    seen = [(day.date, _clock(day.shown) - _clock(start(day.date))) for day in days if day.shown]
    return _times(days, seen, due, words)


def _clock(moment: datetime) -> datetime:
    """What the clock showed: hours are counted as people see them, also on the day on which it is put forward."""
    return moment.replace(tzinfo=None)


def _times(days: Sequence[PastDay], values: Sequence[tuple[date, timedelta]], by: timedelta | None, words: str) -> Plot:
    minutes = [(when, value.total_seconds() / 60, by is not None and value > by) for when, value in values]
    if not minutes:
        return Plot((), (), ())
    limit = by.total_seconds() / 60 if by is not None else None
    shown = [value for _, value, _ in minutes] + ([limit] if limit is not None else [])
    low, high = min(shown), max(shown)
    step = next((step for step in MINUTES if (high - low) / step <= 3), MINUTES[-1])
    return _plot(days, minutes, low, high, step, _time, (limit, words))


def volumes(days: Sequence[PastDay], name: str, number: Callable[[int], str]) -> Plot:
    """How many rows a file had, over the days; those with rejects are marked."""
    rows = [(day.date, float(one.rows), one.rejects > 0) for day in days if (one := day.files.get(name))]
    if not rows:
        return Plot((), (), ())
    high = max(1.0, *(value for _, value, _ in rows))
    ten = 10 ** math.floor(math.log10(high / 3)) if high > 3 else 1
    step = next(step for step in (ten, 2 * ten, 5 * ten, 10 * ten) if high / step <= 3.4)
    return _plot(days, rows, 0.0, high, step, lambda value: number(round(value)), (None, ""))


def _plot(
    days: Sequence[PastDay],
    values: Sequence[tuple[date, float, bool]],
    low: float,
    high: float,
    step: float,
    label: Callable[[float], str],
    limit: tuple[float | None, str],
) -> Plot:
    first = math.floor(low / step) * step
    last = max(math.ceil(high / step) * step, first + step)
    days = [day for day in days if day.date >= values[0][0]]
    apart = (RIGHT - LEFT) / max(1, len(days))
    place = {day.date: round(LEFT + apart * (number + 0.5), 1) for number, day in enumerate(days)}

    def y(value: float) -> float:
        return round(BOTTOM - (value - first) / (last - first) * (BOTTOM - TOP), 1)

    at, words = limit
    points = tuple(Point(place[when], y(value), when, label(value), bad) for when, value, bad in values)
    return Plot(
        points=points,
        across=tuple(Tick(place[when], f"{when:%d/%m}") for when in _some([day.date for day in days])),
        up=tuple(
            Tick(y(first + number * step), label(first + number * step))
            for number in range(round((last - first) / step) + 1)
        ),
        limit=None if at is None else Tick(y(at), f"{words} {_time(at)}"),
        side="end" if at is None else _free(points, y(at)),
        step=apart,
    )


def _free(points: Sequence[Point], y: float) -> Side:
    """Where on a line the fewest points stand in the way of its label: at it, or above, for their line goes through."""
    near = [one.x for one in points if y - one.y > -6]
    middle = (LEFT + RIGHT) / 2
    begins: dict[Side, float] = {"end": RIGHT - LABEL, "start": LEFT, "middle": middle - LABEL / 2}
    return min(begins, key=lambda side: sum(begins[side] <= x <= begins[side] + LABEL for x in near))


def _some(dates: Sequence[date], most: int = 6) -> Iterator[date]:
    """The last of some dates, and others at equal distances before it."""
    step = math.ceil(len(dates) / most)
    yield from reversed(dates[::-1][::step])


def _time(minutes: float) -> str:
    """A time of the day; of a later one with a sign for each day."""
    days, rest = divmod(round(minutes), 1440)
    return f"{rest // 60:02d}:{rest % 60:02d}" + (f" +{days}" if days else "")

"""Which business dates a command is about, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posicional.contract.feed import Feed
from posicional.day.alerts import unsent
from posicional.day.gate import Action, Rest, decide
from posicional.day.journal import Facts, Ledger
from posicional.day.report import Line, line
from posicional.day.state import Day, fold
from posicional.errors import UsageError
from posicional.ports import Outside
from posicional.steps.arrivals import unseen
from posicional.steps.incoming import Incoming, incoming
from posicional.steps.latest import with_latest


def check_date(feed: Feed, day: date) -> None:
    """Raise `UsageError` for a date that is none of the feed's business dates."""
    if not feed.calendar.is_business_date(day):
        raise UsageError(
            f"{feed.calendar.format_date(day)} is no business date of {feed.name}",
            where=str(feed.path),
            hint=f"the one before is {feed.calendar.format_date(feed.calendar.previous(day))}",
        )


def place(feed: Feed, day: date) -> str:
    """Feed and date as a person writes them: where a message is about."""
    return f"{feed.name} {feed.calendar.format_date(day)}"


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a feed looks after by itself: `lookback` days back from today, and as many ahead."""

    feed: Feed
    today: date

    @staticmethod
    def at(feed: Feed, now: datetime) -> Window:
        """The window of a moment, in the feed's zone."""
        return Window(feed, now.astimezone(feed.timezone).date())

    @property
    def first(self) -> date:
        """The oldest day of the window."""
        return self.today - timedelta(days=self.feed.lookback)

    def __contains__(self, day: date) -> bool:
        """Whether a business date is looked after: its period has not ended before the window begins."""
        return self.feed.calendar.period_end(day) >= self.first and day <= self.today + (self.today - self.first)

    def dates(self, lying: Incoming) -> list[date]:
        """The window's business dates up to today, and those of it for which something lies there; newest first."""
        calendar = self.feed.calendar
        ahead = {day for day in (*lying.days, *lying.unfinished) if day > self.today and day in self}
        dates = {day for day in ahead if calendar.is_business_date(day)}
        day = self.newest
        while day in self:
            dates.add(day)
            day = calendar.previous(day)
        return sorted(dates, reverse=True)

    @property
    def newest(self) -> date:
        """The feed's business date of today; the one before, where today is none."""
        calendar = self.feed.calendar
        return self.today if calendar.is_business_date(self.today) else calendar.previous(self.today)


@dataclass(frozen=True, slots=True)
class Glance:
    """A business date as its facts tell it, and what lies there beside them.

    `action` is what comes next, apart from what is `new`: how many deliveries no fact names. `unfinished`: what is
    there and does not count yet, and why.
    """

    facts: Facts
    day: Day
    action: Action
    new: int
    unfinished: tuple[str, ...]

    @property
    def begun(self) -> bool:
        """Whether the day has facts, or something lies there for it."""
        return bool(self.facts.entries or self.new or self.unfinished)

    @property
    def finished(self) -> bool:
        """Whether nothing is to be expected of the day any more."""
        return self.new == 0 and isinstance(self.action, Rest) and self.action.why in ("done", "skipped")


def glance(feed: Feed, day: date, outside: Outside, lying: Incoming) -> Glance:
    """How a business date stands. Reads only its facts, writes nothing. Raises `StoreError`."""
    facts = with_latest(feed, outside, Ledger(outside, feed.name, day).read())
    state = fold(feed, facts)
    action = decide(feed, state, outside.clock.now(), outside.gone)
    unfinished = [f"{file}: {text}" for file, texts in lying.unfinished.get(day, {}).items() for text in texts]
    return Glance(facts, state, action, len(unseen(feed, facts, lying)), tuple(unfinished))


def open_days(feed: Feed, outside: Outside) -> tuple[list[Line], int]:
    """A line for each date of the window that has begun and is not finished, or of which people have not heard what
    they should, and for the newest; how many there are.

    Raises `UsageError` for a name that two files of the feed claim, `StoreError`.
    """
    now = outside.clock.now()
    window = Window.at(feed, now)
    lying = incoming(feed, outside, remember=False)
    dates = window.dates(lying)
    found = [glance(feed, day, outside, lying) for day in dates]
    wanted = [
        one
        for one in found
        if one.day.date == window.newest or (one.begun and not one.finished) or any(unsent(one.facts, now))
    ]
    return [line(feed, one.day, one.action, one.new, tuple(unsent(one.facts, now))) for one in wanted], len(dates)

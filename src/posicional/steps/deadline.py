"""The deadline's check: from the ledger alone, so that it says something even when nothing ever began."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import unquote

from posicional.contract.feed import Feed
from posicional.day.alarm import Manner, Reminder, alarm, is_over, warning
from posicional.day.alarm_words import Language
from posicional.day.alerts import DEADLINE
from posicional.day.deadline import Situation, Standing, situation
from posicional.day.history import History, history, tells
from posicional.day.journal import Facts, Ledger
from posicional.day.state import Day, fold
from posicional.day.usual import Early
from posicional.errors import DataRefused, NotDone, PosicionalError, StoreError, UsageError
from posicional.ports import Outside
from posicional.steps.days import place
from posicional.steps.latest import with_latest

LOOK_BACK = 10
"""How many business dates to go back for what is usual and for what readers see now; and on, when a date is old."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How a business date stands at its deadline. `text` is what people are told; `where`: feed and date, in words."""

    feed: str
    date: date
    where: str
    found: Situation
    text: str

    @property
    def standing(self) -> Standing:
        """The situation in a word or two."""
        return self.found.standing

    @property
    def due(self) -> datetime:
        """The deadline, in the feed's zone."""
        return self.found.due

    @property
    def met(self) -> bool:
        """Whether nobody needs to be told."""
        return self.found.good

    @property
    def missing(self) -> tuple[str, ...]:
        """Required files without a usable arrival."""
        return self.found.missing

    @property
    def refused(self) -> tuple[str, ...]:
        """Files whose newest arrival was refused."""
        return self.found.refused

    @property
    def problem(self) -> PosicionalError | None:
        """The error whose exit code the command ends with; None when nobody needs to be told."""
        if self.met:
            return None
        where = self.where
        if self.refused:
            return DataRefused(f"the deadline is missed; refused: {', '.join(self.refused)}", where=where)
        return NotDone(f"the deadline is missed: {self.standing}", where=where)


def check_deadline(feed: Feed, day: date, outside: Outside, language: Language = "pt") -> Deadline:
    """Whether a business date is published in time, and if not, what is in its way. Writes nothing.

    Reads the date's facts; those of a few dates beside it only when there is something to tell. Raises `StoreError`.
    """
    facts = Ledger(outside, feed.name, day).read()
    state, found = assess(feed, facts, outside)
    return Deadline(feed.name, day, place(feed, day), found, told(feed, state, found, outside, language))


def assess(feed: Feed, facts: Facts, outside: Outside) -> tuple[Day, Situation]:
    """A date's state, and how it stands now."""
    state = fold(feed, with_latest(feed, outside, facts))
    return state, situation(feed, state, outside.clock.now(), outside.gone)


def told(
    feed: Feed,
    day: Day,
    found: Situation,
    outside: Outside,
    language: Language,
    condition: str = DEADLINE,
    *,
    early: Early | None = None,
    reminder: Reminder | None = None,
) -> str:
    """What people are told of a date. Raises `StoreError`."""
    manner = Manner(language, _another_store(feed, outside), reminder)
    early = early or Early(outside.clock.now())
    past = History() if is_over(condition, day, found, early) else _history(feed, day.date, outside)
    if condition == DEADLINE:
        return alarm(feed, day, found, past, manner)
    return warning(feed, day, found, past, early, condition, manner)


def _another_store(feed: Feed, outside: Outside) -> str:
    """The store as commands must be given it; empty where it is the feed's own, or memory, which no command reaches."""
    used, own = (url.removeprefix("file://").rstrip("/") for url in (outside.store.url, feed.store))
    return "" if used in (own, unquote(own)) or used.startswith("memory:") else outside.store.url


def _history(feed: Feed, day: date, outside: Outside) -> History:
    """What other dates tell; one that cannot be read keeps no alarm from ringing."""
    others, complete = [], True
    for other in _beside(feed, day, outside.clock.now()):
        try:
            others.append(Ledger(outside, feed.name, other).read(wanted=tells))
        except StoreError:
            complete = False
    return history(feed, others, day, complete=complete)


def due_dates(feed: Feed, now: datetime) -> tuple[date, ...]:
    """The business dates that a check without a date is about, in their order: the newest that was due, and those that
    were due at the same moment (a weekend's, on Monday); then those that are due later today.
    """
    calendar = feed.calendar
    today = now.astimezone(feed.timezone).date()
    dates: list[date] = []
    newest: datetime | None = None
    day = calendar.previous(today + timedelta(days=1))
    while True:
        due = calendar.due_at(feed.deadline, day, feed.timezone)
        if newest is not None and due < newest:
            return tuple(reversed(dates))
        if due <= now:
            newest = due
        if due.date() <= today:
            dates.append(day)
        day = calendar.previous(day)


def dates_to_check(feed: Feed, outside: Outside) -> tuple[date, ...]:
    """`due_dates`, without those that were due before the feed was there; when that leaves none, the date of today, or
    the next.
    """
    now = outside.clock.now()
    today = now.astimezone(feed.timezone).date()
    dates = tuple(day for day in due_dates(feed, now) if promised(feed, day, outside))
    return dates or (feed.calendar.next(today - timedelta(days=1)),)


def promised(feed: Feed, day: date, outside: Outside) -> bool:
    """Whether the feed was there when a date was due: that is today, or a fact of it or of a date before it says so.

    Alerts are such facts, so a system that is dead is not forgotten. Where the store does not answer, it was there.
    """
    now = outside.clock.now()
    if feed.calendar.due_at(feed.deadline, day, feed.timezone).date() >= now.astimezone(feed.timezone).date():
        return True
    dates = [day, *(other for other in _beside(feed, day, now) if other < day)]
    try:
        return any(True for one in dates for _ in outside.store.list(Ledger(outside, feed.name, one).prefix))
    except StoreError:
        return True


def _beside(feed: Feed, day: date, now: datetime) -> Iterator[date]:
    """The business dates beside one: those after it that have begun, and those before it."""
    today = now.astimezone(feed.timezone).date()
    for step in (feed.calendar.next, feed.calendar.previous):
        other = day
        for _ in range(LOOK_BACK):
            try:
                other = step(other)
            except UsageError:  # the calendar ends here
                break
            if other > today:
                break
            yield other

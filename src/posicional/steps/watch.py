"""Keeping at it: what arrives is gone on with at once, and a sweep does from time to time what no event has led to.

Every step may fail, or the process end, at any point: the next sweep finds what was left, here or elsewhere. So nothing
is kept between two rounds but when the next one is due, and what was told and could not be written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Protocol

from posicional.contract.feed import Feed
from posicional.day.alarm_words import Language
from posicional.day.journal import Ledger
from posicional.errors import PosicionalError, StoreError, UsageError
from posicional.ports import Event, Outside
from posicional.steps.advance import advance
from posicional.steps.alerts import Unwritten, alert_deadline, follow_up
from posicional.steps.days import Window
from posicional.steps.deadline import due_dates, promised
from posicional.steps.hints import dates_of
from posicional.steps.sweep import Swept, sweep

SOON = timedelta(seconds=2)
"""After so long an object that was still being written is looked at again."""

PATIENCE = (2, 5, 15, 60)
"""Seconds until the next try while rounds fail one after another."""


class Changes(Protocol):
    """Tells which objects have changed, where something can tell that."""

    def wait(self, seconds: float) -> frozenset[str]:
        """The keys of what has changed; nothing when time runs out or the watch is to end."""
        ...

    @property
    def over(self) -> bool:
        """Whether the watch is to end."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """What a round was: a sweep (`swept`), or some dates that something came for; or why it failed."""

    at: datetime
    swept: Swept | None = None
    dates: tuple[date, ...] = ()
    error: PosicionalError | None = None


@dataclass(frozen=True, slots=True)
class _Watched:
    """A feed that is looked after. `again`: when a date is to be looked at again, where that is before the next sweep;
    `unwritten`: what people were told and no fact tells.
    """

    feed: Feed
    outside: Outside
    language: Language
    again: dict[date, datetime] = field(default_factory=dict)
    unwritten: Unwritten = field(default_factory=Unwritten)


def watch(
    feed: Feed,
    outside: Outside,
    changes: Changes,
    *,
    every: timedelta,
    noted: Callable[[Round], None],
    language: Language = "pt",
) -> None:
    """Look after a feed until `changes` is over; a step that has begun is finished first.

    A sweep comes at the beginning, then `every` so often, and at each moment at which something of the newest dates is
    due. What goes wrong is noted and tried again.
    """
    clock, watched = outside.clock, _Watched(feed, outside, language)
    sweep_at, failures = clock.now(), 0
    seen: datetime | None = None

    def note(round_: Round) -> None:
        nonlocal sweep_at, failures
        if round_.error:
            failures += 1
            sweep_at = min(sweep_at, clock.now() + timedelta(seconds=PATIENCE[min(failures, len(PATIENCE)) - 1]))
        elif round_.swept:
            failures = 0
        noted(round_)

    while not changes.over:
        now = clock.now()
        if now >= sweep_at:
            round_ = _attempt(outside, partial(_sweep, watched))
            sweep_at = _next_sweep(feed, now, clock.now(), every, round_.swept)
            note(round_)
            if not _fell_short(round_):
                seen = now
            elif failures >= len(PATIENCE):
                _check_deadlines(watched, seen)
        elif ripe := [day for day, when in watched.again.items() if now >= when]:
            note(_attempt(outside, partial(_go_on, watched, ripe)))
        until = min([sweep_at, *watched.again.values()])
        keys = changes.wait(max(0.0, (until - clock.now()).total_seconds()))
        if keys:
            note(_attempt(outside, partial(_arrived, watched, keys)))


def _attempt(outside: Outside, step: Callable[[], Round]) -> Round:
    try:
        return step()
    except PosicionalError as error:
        outside.tell(Event("error", str(error)))
        return Round(outside.clock.now(), error=error)


def _sweep(watched: _Watched) -> Round:
    feed, outside, again = watched.feed, watched.outside, watched.again
    begun = outside.clock.now()
    swept = sweep(feed, outside, watched.language, watched.unwritten)
    for day in [day for day, when in again.items() if when <= begun and day in Window.at(feed, begun)]:
        del again[day]
    for day, rest in swept.moved.items():
        again.pop(day, None)
        if rest.until is not None:
            again[day] = rest.until
    again |= dict.fromkeys(swept.growing, outside.clock.now() + SOON)
    first = next(iter(swept.failures.values()), None)
    return Round(outside.clock.now(), swept=swept, error=first)


def _fell_short(round_: Round) -> bool:
    """Whether a sweep may not have come so far as to tell what is due."""
    return round_.swept is None or any(isinstance(error, StoreError) for error in round_.swept.failures.values())


def _check_deadlines(watched: _Watched, seen: datetime | None) -> None:
    """The noon check itself, which speaks also when the store does not, for what came to be due after `seen`: then the
    last sweep began that did not fall short.
    """
    feed, outside = watched.feed, watched.outside
    for day in due_dates(feed, outside.clock.now()) if outside.channels else ():
        due = feed.calendar.due_at(feed.deadline, day, feed.timezone)
        if (seen is None or due > seen) and promised(feed, day, outside):
            with suppress(StoreError):  # it is noted already, and told
                alert_deadline(feed, day, outside, watched.language, watched.unwritten)


def _arrived(watched: _Watched, keys: frozenset[str]) -> Round:
    days = {day for key in sorted(keys) for day in dates_of(watched.feed, watched.outside, key)}
    return _go_on(watched, sorted(days))


def _go_on(watched: _Watched, dates: list[date]) -> Round:
    """Go on with some dates, tell what came of it, and note which are to be looked at again before the next sweep."""
    feed, outside, again = watched.feed, watched.outside, watched.again
    for day in dates:
        again.pop(day, None)  # also where it fails, which brings a sweep: its moment is not to come a second time
        outcome = advance(feed, day, outside, insist=False)
        if outcome.growing:
            again[day] = outside.clock.now() + SOON
        elif outcome.rest.until is not None:
            again[day] = outcome.rest.until
        if outside.channels:
            ledger = Ledger(outside, feed.name, day)
            tell_at = min(follow_up(feed, ledger, ledger.read(), watched.language, watched.unwritten), default=None)
            if tell_at is not None:
                again[day] = min(tell_at, again.get(day, tell_at))
    return Round(outside.clock.now(), dates=tuple(dates))


def _next_sweep(feed: Feed, begun: datetime, now: datetime, every: timedelta, swept: Swept | None) -> datetime:
    """When something is due next, so that nobody is told minutes later; no later than after `every`.

    That may be at once: what came to be due while a sweep was at work, it may have looked at before.
    """
    moments = [*_moments(feed, now), *([swept.tell_at] if swept and swept.tell_at else [])]
    return min([now + every, *(moment for moment in moments if moment > begun)])


def _moments(feed: Feed, now: datetime) -> Iterator[datetime]:
    """When the files and the deadlines of the newest dates are due."""
    for day in {Window.at(feed, now).newest, *due_dates(feed, now)}:
        for due in (feed.deadline, *(file.expected_by for file in feed.files.values())):
            if due is None:
                continue
            try:
                yield feed.calendar.due_at(due, day, feed.timezone)
            except UsageError:  # the calendar ends before that
                continue

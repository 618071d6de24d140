"""The sweep: finds and does what no trigger did, for the days that a feed looks after by itself.

A lost event, a process that died, a publication that never came: whatever it was, the day's facts and what lies there
tell it. So the sweep may come at any time, any number of times, beside anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import partial
from typing import TypeVar

from posicional.contract.calendar import local_moment
from posicional.contract.feed import Feed
from posicional.day.alarm_words import Language
from posicional.day.facts import End, PublicationEnd, RunEnd
from posicional.day.gate import Later, Rest
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import RUNS, TurnKey, publications
from posicional.day.report import next_text
from posicional.day.series import Silent, standing
from posicional.day.state import Day, fold, run_of, targets
from posicional.errors import PosicionalError
from posicional.ports import Event, Outside
from posicional.steps.advance import Outcome, advance
from posicional.steps.alerts import Unwritten, follow_up
from posicional.steps.arrivals import unseen_earlier
from posicional.steps.cleanup import clean_up
from posicional.steps.days import Glance, Window, glance
from posicional.steps.deadline import due_dates, promised
from posicional.steps.housekeeping import clean_up_indices
from posicional.steps.incoming import Incoming, incoming

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found and did.

    `moved`: dates that it went on with, and where each came to rest. `older`: dates before the window for which
    something came since the window began: they are left alone. `others`: dates in it that are no business dates, or
    lie far ahead. `unreadable`: facts that cannot be read, by date. `failures`: dates that could not be swept, and why.
    `removed`: how many objects the clean-up took away. `growing`: dates for which something is still being written.
    `tell_at`: when people may have to be told something again though nothing happens.
    """

    looked_at: int
    moved: Mapping[date, Rest] = field(default_factory=dict)
    older: tuple[date, ...] = ()
    others: tuple[date, ...] = ()
    unknown: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    unreadable: Mapping[date, tuple[str, ...]] = field(default_factory=dict)
    failures: Mapping[date, PosicionalError] = field(default_factory=dict)
    removed: int = 0
    growing: tuple[date, ...] = ()
    tell_at: datetime | None = None


def sweep(feed: Feed, outside: Outside, language: Language = "pt", unwritten: Unwritten | None = None) -> Swept:
    """Go on with every day of the window that has something to do; clean up; tell people what they do not know yet.

    `language`: in which they are told; `unwritten`: what this process told before and could not write down. What has
    arrived is listed once. Of days of which there is nothing at all the newest ones are told, if the feed was there
    when they were due. One day's failure does not keep it from the others. Raises `UsageError` for a name that two
    files of the feed claim, `StoreError` when nothing can be listed.
    """
    now = outside.clock.now()
    window = Window.at(feed, now)
    lying = incoming(feed, outside)
    dates = window.dates(lying)
    watched = {window.newest, *due_dates(feed, now)}
    moved: dict[date, Rest] = {}
    unreadable: dict[date, tuple[str, ...]] = {}
    failures: dict[date, PosicionalError] = {}
    growing: list[date] = []
    again: list[datetime] = []
    removed, newest = 0, True
    for day in dates:
        attempt = partial(_attempt, failures, day)
        found = attempt(partial(glance, feed, day, outside, lying))
        if found is None or not (found.begun or (day in watched and promised(feed, day, outside))):
            continue
        ledger = Ledger(outside, feed.name, day)
        outcome = attempt(partial(_go_on, feed, ledger, found, lying))
        rest = outcome.rest if outcome else None
        if outcome and outcome.growing:
            growing.append(day)
        if rest is None and newest and found.day.run and targets(feed):
            rest = attempt(partial(_heal, feed, ledger, found))
        newest = newest and not found.day.run
        if rest:
            moved[day] = rest
        tidy = partial(_tidy, feed, ledger, found.facts, unreadable, again, language, unwritten)
        removed += attempt(tidy) or 0
    for day in _days_off(feed, window, lying):
        tidy = partial(_tidy, feed, Ledger(outside, feed.name, day), None, unreadable, again, language, unwritten)
        removed += _attempt(failures, day, tidy) or 0
    older, others = _left_alone(feed, window, lying)
    return Swept(
        looked_at=len(dates),
        moved=moved,
        older=older,
        others=others,
        unknown=lying.unknown,
        undated=lying.undated,
        unreadable=unreadable,
        failures=failures,
        removed=removed,
        growing=tuple(growing),
        tell_at=min(again, default=None),
    )


def _attempt(failures: dict[date, PosicionalError], day: date, step: Callable[[], T]) -> T | None:
    """One day's failure does not keep the sweep from the others; its first one is told."""
    try:
        return step()
    except PosicionalError as error:
        failures.setdefault(day, error)
        return None


def _go_on(feed: Feed, ledger: Ledger, found: Glance, lying: Incoming) -> Outcome | None:
    """Do what there is to do for a date, and how far it came; None where there is nothing."""
    silent = list(_silent(ledger, found.day))
    for key, end in silent:
        ledger.write(key, end)
    idle = not silent and not found.new and isinstance(found.action, Rest | Later)
    if idle and not unseen_earlier(feed, ledger.outside, found.facts, lying):
        return None
    new = f"{found.new} new; " if found.new else ""
    text = f"{feed.calendar.format_date(ledger.date)}: {new}{next_text(found.action)}"
    ledger.outside.tell(Event("day", text))
    return advance(feed, ledger.date, ledger.outside, insist=False, lying=lying)


def _heal(feed: Feed, ledger: Ledger, found: Glance) -> Rest | None:
    """Publish the newest date again when the cluster has lost it; None where it shows what it should."""
    from posicional.steps.publish import heal

    done = isinstance(found.action, Rest) and found.action.why == "done"
    if not done or not heal(feed, found.day, ledger.outside):
        return None
    return Rest("done", "published again: the cluster had lost it")


def _tidy(
    feed: Feed,
    ledger: Ledger,
    known: Facts | None,
    unreadable: dict[date, tuple[str, ...]],
    again: list[datetime],
    language: Language,
    unwritten: Unwritten | None,
) -> int:
    """Tell what is to be told of a date, note when that may be so again, and clean up; how many objects went."""
    facts = ledger.read(known)
    day = fold(feed, facts)
    if day.unreadable:
        unreadable[ledger.date] = tuple(day.unreadable)
    again += follow_up(feed, ledger, facts, language, unwritten)
    clean_up_indices(feed, ledger, day)
    return clean_up(feed, ledger, day)


def _silent(ledger: Ledger, day: Day) -> Iterator[tuple[TurnKey, End]]:
    """The ends of turns that nobody goes on with, also where nothing waits for their number."""
    now, gone = ledger.outside.clock.now(), ledger.outside.gone
    match standing(day.runs, now, gone):
        case Silent(number, why):
            yield (
                TurnKey(RUNS, number, "end"),
                RunEnd(**ledger.sign(), status="abandoned", reason=why, blame="outside"),
            )
    for target, turns in day.publications.items():
        match standing(turns, now, gone):
            case Silent(number, why):
                run = run_of(turns[-1])
                yield (
                    TurnKey(publications(target), number, "end"),
                    PublicationEnd(**ledger.sign(), status="abandoned", reason=why, blame="outside", run=run),
                )


def _days_off(feed: Feed, window: Window, lying: Incoming) -> Iterator[date]:
    """Dates of the window that are none of the feed's, but of a file with `use: latest`, which counts later."""
    for day, files in lying.days.items():
        slow = any(feed.files[name].use_latest for name in files)
        if slow and day in window and not feed.calendar.is_business_date(day):
            yield day


def _left_alone(feed: Feed, window: Window, lying: Incoming) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """Dates that are too old and for which something came lately; dates that are none of the feed's, or far ahead."""
    since = local_moment(window.first, time(), feed.timezone)
    older, others = [], []
    for day, files in sorted(lying.days.items()):
        if day in window:
            if not feed.calendar.is_business_date(day) and not all(feed.files[name].use_latest for name in files):
                others.append(day)
        elif day > window.today:
            others.append(day)
        elif any(one.modified >= since for deliveries in files.values() for one in deliveries):
            older.append(day)
    return tuple(older), tuple(others)

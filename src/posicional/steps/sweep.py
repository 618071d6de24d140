"""The sweep: finds and does what no trigger did, for the days that a feed looks after by itself.

A lost event, a process that died, a publication that never came: whatever it was, the day's facts and what lies there
tell it. So the sweep may come at any time, any number of times, beside anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time

from posicional.contract.calendar import local_moment
from posicional.contract.feed import Feed
from posicional.day.facts import End, PublicationEnd, RunEnd
from posicional.day.gate import Later, Rest
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, TurnKey, publications
from posicional.day.report import next_text
from posicional.day.series import Silent, standing
from posicional.day.state import Day, run_of
from posicional.errors import PosicionalError
from posicional.ports import Event, Outside
from posicional.steps.advance import advance
from posicional.steps.cleanup import clean_up
from posicional.steps.days import Glance, Window, glance
from posicional.steps.incoming import Incoming, incoming


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found and did.

    `moved`: dates that it went on with, and where each came to rest. `older`: dates before the window for which
    something came since the window began: they are left alone. `others`: dates in it that are no business dates, or
    lie far ahead. `unreadable`: facts that cannot be read, by date. `failures`: dates that could not be swept, and why.
    `removed`: how many objects the clean-up took away.
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


def sweep(feed: Feed, outside: Outside) -> Swept:
    """Go on with every day of the window that has something to do, then clean up. Lists what has arrived once.

    One day's failure does not keep it from the others. Raises `UsageError` for a name that two files of the feed claim,
    `StoreError` when what has arrived cannot be listed.
    """
    window = Window.at(feed, outside.clock.now())
    lying = incoming(feed, outside)
    moved: dict[date, Rest] = {}
    unreadable: dict[date, tuple[str, ...]] = {}
    failures: dict[date, PosicionalError] = {}
    removed = 0
    dates = window.dates(lying)
    for date_ in dates:
        try:
            found = glance(feed, date_, outside, lying)
            if not found.begun:
                continue
            ledger, day = Ledger(outside, feed.name, date_), found.day
            silent = list(_silent(ledger, day))
            for key, end in silent:
                ledger.write(key, end)
            if silent or found.new or not isinstance(found.action, Rest | Later):
                _tell(feed, ledger, found)
                outcome = advance(feed, date_, outside, insist=False, lying=lying)
                moved[date_], day = outcome.rest, outcome.day
            if day.unreadable:
                unreadable[date_] = tuple(day.unreadable)
            removed += clean_up(feed, ledger, day)
        except PosicionalError as error:
            failures[date_] = error
    older, others = _left_alone(feed, window, lying)
    return Swept(len(dates), moved, older, others, lying.unknown, lying.undated, unreadable, failures, removed)


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


def _tell(feed: Feed, ledger: Ledger, found: Glance) -> None:
    new = f"{found.new} new; " if found.new else ""
    ledger.outside.tell(Event("day", f"{feed.calendar.format_date(ledger.date)}: {new}{next_text(found.action)}"))


def _left_alone(feed: Feed, window: Window, lying: Incoming) -> tuple[tuple[date, ...], tuple[date, ...]]:
    """Dates that are too old and for which something came lately; dates that are none of the feed's, or far ahead."""
    since = local_moment(window.first, time(), feed.timezone)
    older, others = [], []
    for day, files in sorted(lying.days.items()):
        if day in window:
            if not feed.calendar.is_business_date(day):
                others.append(day)
        elif day > window.today:
            others.append(day)
        elif any(one.modified >= since for deliveries in files.values() for one in deliveries):
            older.append(day)
    return tuple(older), tuple(others)

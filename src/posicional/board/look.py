"""What the pages show, read from the ledger: plain values, in no language yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from posicional.board.past import last_dates, past_day
from posicional.board.watched import Watched
from posicional.day.alerts import CONDITIONS, told, unsent
from posicional.day.deadline import GOOD, Situation, situation
from posicional.day.facts import Decision, Seen, Unreadable
from posicional.day.gate import Action, decide
from posicional.day.journal import Facts
from posicional.day.keys import RUNS
from posicional.day.report import Report, report
from posicional.day.state import Day, FileDay, fold
from posicional.day.usual import Usual, period_start
from posicional.errors import PosicionalError


@dataclass(frozen=True, slots=True)
class Came:
    """An arrival of a file: when, and what became of it."""

    number: int
    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Track:
    """A file along the day: its arrivals, when it is expected by the contract and by habit."""

    name: str
    status: str
    came: tuple[Came, ...]
    by: datetime | None
    usually: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class Told:
    """An alert: about which condition, what was told, and whether it was sent. `over`: nobody needs to act any more.

    `files`: those that are in the way; `runs`: whether a run or publication is.
    """

    condition: str
    number: int
    at: datetime
    text: str
    sent: bool
    over: bool
    files: tuple[str, ...] = ()
    runs: bool = False


@dataclass(frozen=True, slots=True)
class OneDay:
    """A business date at a moment."""

    date: date
    now: datetime
    facts: Facts
    day: Day
    found: Situation
    action: Action
    report: Report
    tracks: tuple[Track, ...]
    alerts: tuple[Told, ...]

    @property
    def here(self) -> int:
        """How many required files are usable."""
        return self.found.required - len(self.found.missing)

    @property
    def good(self) -> bool:
        """Whether nobody needs to be told."""
        return self.found.standing in GOOD


def one_day(watched: Watched, when: date, habits: Mapping[str, Usual | None] | None = None) -> OneDay:
    """How a date stands now. Reads its facts alone. Raises `StoreError`."""
    feed, outside = watched.feed, watched.outside
    facts = watched.facts(when)
    day, now = fold(feed, facts), outside.clock.now()
    found, action = situation(feed, day, now, outside.gone), decide(feed, day, now, outside.gone)
    tracks = tuple(_track(watched, day, file, found, (habits or {}).get(file.name), now) for file in day.files.values())
    told_of = report(feed, day, action, now, alerts=tuple(unsent(facts, now)))
    return OneDay(when, now, facts, day, found, action, told_of, tracks, tuple(_alerts(watched, facts)))


def _track(watched: Watched, day: Day, file: FileDay, found: Situation, known: Usual | None, now: datetime) -> Track:
    feed = watched.feed
    by = feed.calendar.due_at(file.expected.expected_by, day.date, feed.timezone) if file.expected.expected_by else None
    came = tuple(
        Came(
            one.number,
            watched.local(_moment(one.seen)),
            file.status(one),
        )
        for one in file.arrivals
    )
    start = period_start(feed, day.date)
    late = start + known.late if known else None
    waits = file.name in found.missing and not came
    status = file.status(file.current or file.newest) if file.newest else _absent(day, file)
    return Track(
        name=file.name,
        status="earlier" if not came and file.earlier else status,
        came=came,
        by=by,
        usually=start + known.by if known else None,
        late=waits and (file.name in found.overdue or (late is not None and now >= late)),
    )


def _moment(seen: Seen | Unreadable) -> datetime:
    return seen.modified if isinstance(seen, Seen) else seen.at


def _absent(day: Day, file: FileDay) -> str:
    if file.name in day.waived:
        return "waived"
    return "missing" if file.expected.required else "absent"


def _alerts(watched: Watched, facts: Facts) -> Iterator[Told]:
    """The newest of each condition's alerts first, the deadline's on top."""
    for condition in CONDITIONS:
        alerts = told(facts, condition)
        ended = bool(alerts and alerts[-1].due and not alerts[-1].due.actor)
        for one in reversed(alerts):
            if (due := one.due) and (one is alerts[-1] or not due.again):  # of reminders the newest
                words = {word for thing in due.about for word in thing.split()}
                yield Told(
                    condition=condition,
                    number=one.number,
                    at=watched.local(due.at),
                    text=due.text,
                    sent=any(attempt.sent for attempt in one.attempts) and not one.failed,
                    over=ended,
                    files=tuple(name for name in watched.feed.files if name in words),
                    runs=any(thing.startswith((RUNS, "publications")) for thing in due.about),
                )


# --- what is open -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A date that somebody should know of when taking over; `error`: why nothing can be said of it."""

    feed: str
    date: date
    one: OneDay | None
    error: PosicionalError | None = None


def lately(watched: Watched, since: datetime, count: int = 10) -> tuple[list[Open], list[tuple[date, Decision]]]:
    """Of the last few dates: those that are not done, and today's; what people decided since a moment, newest first."""
    found, decided = [], []
    for when in last_dates(watched, count):
        try:
            past = past_day(watched, when)
            decided += [(when, decision) for decision in past.decided if decision.at >= since]
            if when == watched.today or (past.begun and past.standing not in GOOD):
                found.append(Open(watched.name, when, one_day(watched, when)))
        except PosicionalError as error:
            found.append(Open(watched.name, when, None, error))
    return found, sorted(decided, key=lambda pair: pair[1].at, reverse=True)

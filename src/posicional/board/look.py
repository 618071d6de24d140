"""What the pages show, read from the ledger: plain values, in no language yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from posicional.contract.feed import Feed
from posicional.day.alerts import CONDITIONS, told, unsent
from posicional.day.deadline import GOOD, Situation, Standing, situation
from posicional.day.facts import Fact, RunEnd, Seen, Unreadable
from posicional.day.gate import Action, decide
from posicional.day.history import shown_at
from posicional.day.journal import Facts, Ledger
from posicional.day.report import Report, report
from posicional.day.state import Day, FileDay, fold
from posicional.day.usual import MOST, Past, Usual, past_of, period_start, usual
from posicional.errors import PosicionalError, UsageError
from posicional.ports import Outside
from posicional.steps.latest import with_latest


@dataclass(frozen=True, slots=True)
class Watched:
    """A feed with the outside it is looked at through."""

    feed: Feed
    outside: Outside

    @property
    def name(self) -> str:
        """The feed's name."""
        return self.feed.name

    @property
    def today(self) -> date:
        """The business date of today; the one before, where today is none."""
        today = self.outside.clock.now().astimezone(self.feed.timezone).date()
        calendar = self.feed.calendar
        return today if calendar.is_business_date(today) else calendar.previous(today)

    def local(self, moment: datetime) -> datetime:
        """A moment in the feed's zone."""
        return moment.astimezone(self.feed.timezone)


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
    """An alert: about which condition, what was told, and whether it was sent. `over`: nobody needs to act any more."""

    condition: str
    number: int
    at: datetime
    text: str
    sent: bool
    over: bool


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
    facts = with_latest(feed, outside, Ledger(outside, feed.name, when).read())
    day, now = fold(feed, facts), outside.clock.now()
    found, action = situation(feed, day, now, outside.gone), decide(feed, day, now, outside.gone)
    tracks = tuple(_track(watched, day, file, found, (habits or {}).get(file.name), now) for file in day.files.values())
    return OneDay(
        when,
        now,
        facts,
        day,
        found,
        action,
        report(feed, day, action, now, alerts=tuple(unsent(facts))),
        tracks,
        tuple(_alerts(watched, facts)),
    )


def _track(watched: Watched, day: Day, file: FileDay, found: Situation, known: Usual | None, now: datetime) -> Track:
    feed = watched.feed
    by = feed.calendar.due_at(file.expected.expected_by, day.date, feed.timezone) if file.expected.expected_by else None
    came = tuple(
        Came(
            one.number,
            watched.local(one.seen.modified if isinstance(one.seen, Seen) else one.seen.at),
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
        for one in reversed(alerts):
            sent = any(attempt.sent for attempt in one.attempts) and not one.failed
            if (due := one.due) and (one is alerts[-1] or not due.again):  # of reminders the newest
                yield Told(condition, one.number, watched.local(due.at), due.text, sent, over=not due.actor)


# --- what is past -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PastDay:
    """A date as the calendar shows it. `took`: from the first arrival until readers saw it.

    `begun`: there is a fact of it. `files`: when each came and how large it was.
    """

    date: date
    begun: bool
    standing: Standing
    shown: datetime | None
    took: timedelta | None
    seconds: float
    rejects: int
    files: Mapping[str, Past]


def past_day(watched: Watched, when: date) -> PastDay:
    """A date that is over, or not. Raises `StoreError`."""
    feed, outside = watched.feed, watched.outside
    facts = Ledger(outside, feed.name, when).read()
    day = fold(feed, facts)
    found = situation(feed, day, outside.clock.now(), outside.gone)
    seen = [one.seen.modified for file in day.files.values() for one in file.arrivals if isinstance(one.seen, Seen)]
    shown = shown_at(feed, day)
    end = day.run.end if day.run else None
    files = {name: one for name, file in day.files.items() if (one := past_of(feed, when, file))}
    return PastDay(
        date=when,
        begun=bool(facts.entries),
        standing=found.standing,
        shown=watched.local(shown) if shown else None,
        took=shown - min(seen) if shown and seen else None,
        seconds=end.seconds if isinstance(end, RunEnd) else 0.0,
        rejects=sum(one.rejects for one in files.values()),
        files=files,
    )


def past_days(watched: Watched, until: date, count: int) -> list[PastDay]:
    """The business dates up to one, the newest last."""
    found, when = [], until
    for _ in range(count):
        found.append(past_day(watched, when))
        try:
            when = watched.feed.calendar.previous(when)
        except UsageError:  # the calendar begins here
            break
    return found[::-1]


def habits(days: Sequence[PastDay], before: date) -> dict[str, Usual | None]:
    """What is usual of each file, from the days before a date."""
    names = {name for day in days for name in day.files}
    return {
        name: usual([day.files[name] for day in days if name in day.files and day.date < before][-MOST:])
        for name in names
    }


def month_of(watched: Watched, first: date) -> list[PastDay | date]:
    """Every day of a month: what happened on business dates that are due to have begun, the bare date of the others.

    Dates before the first of which there is anything stay bare, too: nobody used the feed then.
    """
    feed = watched.feed
    days: list[PastDay | date] = []
    day, used = first, _used_before(watched, first)
    while day.month == first.month:
        one = past_day(watched, day) if day <= watched.today and feed.calendar.is_business_date(day) else None
        used = used or (one is not None and one.begun)
        days.append(one if one and used else day)
        day += timedelta(days=1)
    return days


def _used_before(watched: Watched, first: date, count: int = 10) -> bool:
    """Whether there is anything of one of the last dates before a month."""
    try:
        before = watched.feed.calendar.previous(first)
    except UsageError:  # the calendar begins here
        return False
    return any(day.begun for day in past_days(watched, before, count))


# --- what is open -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A date that somebody should know of when taking over; `error`: why nothing can be said of it."""

    feed: str
    date: date
    one: OneDay | None
    error: PosicionalError | None = None


def open_dates(watched: Watched, count: int = 10) -> list[Open]:
    """The dates of the last few that are not done, and today's."""
    found, when = [], watched.today
    for _ in range(count):
        try:
            one = one_day(watched, when)
        except PosicionalError as error:
            found.append(Open(watched.name, when, None, error))
        else:
            if when == watched.today or (one.facts.entries and not one.good):
                found.append(Open(watched.name, when, one))
        try:
            when = watched.feed.calendar.previous(when)
        except UsageError:
            break
    return found


def decided_since(watched: Watched, since: datetime, count: int = 10) -> list[tuple[date, Fact]]:
    """The decisions that people wrote about the last few dates since a moment, the newest first."""
    found, when = [], watched.today
    for _ in range(count):
        facts = Ledger(watched.outside, watched.feed.name, when).read()
        day = fold(watched.feed, facts)
        found += [(when, one.decision) for one in day.decided.decisions if one.decision and one.decision.at >= since]
        when = watched.feed.calendar.previous(when)
    return sorted(found, key=lambda pair: pair[1].at, reverse=True)

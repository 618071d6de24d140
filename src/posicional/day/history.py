"""What other dates of a feed tell about one: when each file usually comes, how long the rest takes, what readers see.

Pure, over few facts of few dates; medians, so that one bad day changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from posicional.contract.feed import Feed
from posicional.day.facts import RunClaim, Seen
from posicional.day.journal import Facts
from posicional.day.keys import AlertKey, DoneKey, FactKey
from posicional.day.series import C, E, Turn
from posicional.day.state import Day, Run, fold, run_of, targets

LEAST = 3
"""On fewer dates than these nothing is usual."""


@dataclass(frozen=True, slots=True)
class Habit:
    """When a file comes. `usual`: the local time, counted from the start of its period's last day (more than 24 hours:
    on a later day); None where that cannot be told. `last`: when it came for the date before.
    """

    usual: timedelta | None
    last: datetime


@dataclass(frozen=True, slots=True)
class Seeing:
    """The business date that readers see, and the run that made it."""

    date: date
    run: int


@dataclass(frozen=True, slots=True)
class History:
    """What other dates tell. `until_shown`: from a date's last arrival until readers see it; None where unknown.

    `complete`: all dates could be read, so that it is known what readers see, which may be none of them.
    """

    habits: Mapping[str, Habit] = field(default_factory=dict)
    until_shown: timedelta | None = None
    seeing: Seeing | None = None
    complete: bool = True


def tells(key: FactKey) -> bool:
    """Whether a fact of another date is needed here: what arrived, the turns, the decisions."""
    return not isinstance(key, DoneKey | AlertKey)


def history(feed: Feed, others: Sequence[Facts], day: date, *, complete: bool = True) -> History:
    """What `others` (facts of other dates of the feed, those that `tells` picks) tell about `day`."""
    days = {facts.date: fold(feed, facts) for facts in sorted(others, key=lambda one: one.date, reverse=True)}
    shown = (Seeing(when, _shown_run(feed, one)) for when, one in days.items() if shown_at(feed, one))
    before = {when: one for when, one in days.items() if when < day}
    spans = [span for one in before.values() if (span := _until_shown(feed, one)) is not None]
    return History(
        habits={name: habit for name in feed.files if (habit := _habit(feed, name, before))},
        until_shown=_median(spans),
        seeing=next(shown, None) if complete else None,
        complete=complete,
    )


def shown_at(feed: Feed, day: Day) -> datetime | None:
    """When readers first saw the day; None when they do not. Without a target: when the first run succeeded."""
    moments = [_first_success(day.publications[target]) for target in targets(feed)] or [_first_success(day.runs)]
    known = [moment for moment in moments if moment is not None]
    return max(known) if len(known) == len(moments) else None


def _first_success(turns: Sequence[Turn[C, E]]) -> datetime | None:
    return next((turn.end.at for turn in turns if turn.succeeded and turn.end), None)


def _shown_run(feed: Feed, day: Day) -> int:
    shown = [turn for target in targets(feed) if (turn := day.publication(target))]
    return run_of(shown[0]) if shown else day.run.number if day.run else 0


def _habit(feed: Feed, file: str, before: Mapping[date, Day]) -> Habit | None:
    came = dict(_came(feed, file, before))
    if not came:
        return None
    starts = {when: datetime.combine(feed.calendar.period_end(when), time()) for when in came}
    usual = [moment.replace(tzinfo=None) - starts[when] for when, moment in came.items()]
    return Habit(_median(usual) if len(usual) >= LEAST else None, next(iter(came.values())))


def _came(feed: Feed, file: str, before: Mapping[date, Day]) -> Iterator[tuple[date, datetime]]:
    """When the file first came for each date, in local time.

    What came only when the next date was due as well says nothing of a habit: somebody has loaded old files.
    """
    for when, day in before.items():
        arrivals = day.files[file].arrivals
        seen = arrivals[0].seen if arrivals else None
        if isinstance(seen, Seen):
            late = feed.calendar.due_at(feed.deadline, feed.calendar.next(when), feed.timezone)
            if seen.modified < late:
                yield when, seen.modified.astimezone(feed.timezone)


def _until_shown(feed: Feed, day: Day) -> timedelta | None:
    """From the last arrival that the first good run took until readers saw it."""
    shown, run = shown_at(feed, day), next((run for run in day.runs if run.succeeded), None)
    last = _last_arrival(day, run) if run else None
    return shown - last if shown and last and shown >= last else None


def _last_arrival(day: Day, run: Run) -> datetime | None:
    if not isinstance(run.claim, RunClaim):
        return None
    taken = {(name, one.arrival) for name, one in run.claim.inputs.items()}
    return max(
        (
            arrival.seen.at.astimezone(UTC)
            for name, file in day.files.items()
            for arrival in file.arrivals
            if (name, arrival.number) in taken
        ),
        default=None,
    )


def _median(spans: Sequence[timedelta]) -> timedelta | None:
    return sorted(spans)[(len(spans) - 1) // 2] if spans else None

"""How the files of a feed came before: read from the ledgers of earlier dates once for each date, and then known.

What was known before a date is kept beside the days, so the next date adds only what came since: of sixty dates two or
three are read. It decides nothing; where it cannot be had, nothing is said to be unusual.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from posicional.contract.feed import Feed
from posicional.day.deadline import Situation
from posicional.day.journal import Ledger, sign, write_fact
from posicional.day.keys import DecisionKey, DoneKey, FactKey, SeenKey, usual_key
from posicional.day.state import Day, fold
from posicional.day.usual import MOST, Early, Past, PastFact, UsualFact, early, past_of, period_start
from posicional.errors import ObjectMissing, StoreError, UsageError
from posicional.ports import Outside

Pasts = Mapping[str, Sequence[Past]]


def look_early(feed: Feed, day: Day, found: Situation, outside: Outside) -> Early:
    """What is early to be told of a date. Reads of earlier dates only while something can be said of this one.

    That is until the next date is due: what comes later is old, and somebody has loaded it.
    """
    now = outside.clock.now()
    came = any(file.current for file in day.files.values())
    waits = now < found.due and any(not day.files[name].arrivals for name in found.missing)
    if found.standing in ("skipped", "no business day") or not (came or waits) or _is_over(feed, day.date, now):
        return Early(now)
    try:
        past = dict(pasts(feed, day.date, outside))
        past |= _of_the_date_before(feed, day, past, outside) if came else {}
    except StoreError:  # the alarms do not wait for it
        return Early(now)
    looked = early(feed, day.date, day.files, found.missing if waits else (), past, now)
    return looked if now < found.due else replace(looked, late=None)


def pasts(feed: Feed, day: date, outside: Outside) -> Pasts:
    """How each file came on the dates before one, the newest last. Raises `StoreError`."""
    kept = _kept(feed, day, outside)
    if kept is None:
        found = _gathered(feed, day, outside)
        files = {name: tuple(map(_fact, past)) for name, past in found.items()}
        kept = UsualFact(**sign(outside), files=files)
        write_fact(outside, usual_key(feed.name, day), kept)
    return _pasts(kept)


def _gathered(feed: Feed, day: date, outside: Outside) -> Pasts:
    """From the ledgers, newest first, until what was known before one of the dates holds for all that are left."""
    found: dict[str, list[Past]] = {name: [] for name in feed.files}
    known: tuple[date, UsualFact] | None = None
    for when in _before(feed, day):
        if known is not None and when < known[0] and _is_over(feed, when, known[1].at):
            for name, past in _pasts(known[1]).items():
                found.setdefault(name, []).extend(one for one in reversed(past) if one.date <= when)
            break
        for name, one in _came(feed, when, outside):
            found[name].append(one)
        if known is None and (kept := _kept(feed, when, outside)) is not None:
            known = when, kept
    return {name: past[:MOST][::-1] for name, past in found.items() if past}


def _before(feed: Feed, day: date) -> Iterator[date]:
    for _ in range(MOST):
        try:
            day = feed.calendar.previous(day)
        except UsageError:  # the calendar begins here
            return
        yield day


def _came(feed: Feed, when: date, outside: Outside) -> Iterator[tuple[str, Past]]:
    """How the files of a date came; what came only when the next date was due says nothing of a habit."""
    day = fold(feed, Ledger(outside, feed.name, when).read(wanted=_tells))
    for name, file in day.files.items():
        one = past_of(feed, when, file)
        if one is not None and not _is_over(feed, when, period_start(feed, when) + one.came):
            yield name, one


def _tells(key: FactKey) -> bool:
    return isinstance(key, SeenKey | DoneKey | DecisionKey)


def _of_the_date_before(feed: Feed, day: Day, past: Pasts, outside: Outside) -> Pasts:
    """Files of the date before that had not come when it was written down how they came before."""
    when = next(_before(feed, day.date), None)
    lacking = {name for name, file in day.files.items() if file.current and past.get(name)}
    lacking = {name for name in lacking if past[name][-1].date != when}
    if when is None or not lacking:
        return {}
    return {name: [*past[name], one] for name, one in _came(feed, when, outside) if name in lacking}


def _is_over(feed: Feed, day: date, now: datetime) -> bool:
    """Whether the next date is due already."""
    try:
        return now >= feed.calendar.due_at(feed.deadline, feed.calendar.next(day), feed.timezone)
    except UsageError:  # the calendar ends here
        return False


def _kept(feed: Feed, day: date, outside: Outside) -> UsualFact | None:
    """What was written down before; None where it was not, or cannot be read."""
    try:
        return UsualFact.from_bytes(outside.store.read(usual_key(feed.name, day)))
    except (ObjectMissing, ValueError, RecursionError):
        return None


def _pasts(kept: UsualFact) -> dict[str, list[Past]]:
    return {
        name: [Past(one.date, timedelta(seconds=one.came), one.rows, one.rejects, one.sha256) for one in past]
        for name, past in kept.files.items()
    }


def _fact(one: Past) -> PastFact:
    came = round(one.came.total_seconds())
    return PastFact(date=one.date, came=came, rows=one.rows, rejects=one.rejects, sha256=one.sha256)

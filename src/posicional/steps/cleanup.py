"""Clean-up: what attempts left that nobody will ever name.

Three kinds of leftovers are removed, and only a day after they were written: tries of an arrival whose `done` names
others, or that a later one overtook before it was read; what runs wrote whose end is not `succeeded`; and files that
never got their names because their writer died. Where a fact cannot be read, nothing of what it may name goes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from posicional.contract.feed import Feed
from posicional.day.facts import Done, RunEnd, Seen
from posicional.day.journal import Ledger
from posicional.day.keys import results_prefix, runs_prefix, tries_prefixes, try_of
from posicional.day.state import Arrival, Day, FileDay
from posicional.ports import Event, StoredObject

AGE = timedelta(hours=24)
"""How old a leftover is before it is removed, by the store's time: so that whoever still writes it has long ended."""


def clean_up(feed: Feed, ledger: Ledger, day: Day) -> int:
    """Remove what attempts at a date left; how many objects went. Lists what the date's files and failed runs wrote.

    Raises `StoreError`.
    """
    before = ledger.outside.clock.now() - AGE
    left = [*_tries(ledger, day, before), *_runs(feed, ledger, day, before), *_nameless(feed, ledger, before)]
    for one in left:
        ledger.outside.store.delete(one.key)
    if left:
        what = f"{len(left):,} object{'' if len(left) == 1 else 's'}"
        date = feed.calendar.format_date(ledger.date)
        ledger.outside.tell(Event("removed", f"{date}: {what} that attempts had left"))
    return len(left)


def _tries(ledger: Ledger, day: Day, before: datetime) -> Iterator[StoredObject]:
    """Objects of tries at an arrival that no fact names."""
    for file in day.files.values():
        read = {one.number: _named(one) for one in file.arrivals if _is_read(file, one) or _is_overtaken(file, one)}
        if not read or all(one.seen.at > before for one in file.arrivals):
            continue
        tries: dict[tuple[int, str], list[StoredObject]] = defaultdict(list)
        for prefix in tries_prefixes(ledger.feed, file.name, ledger.date):
            for found in ledger.outside.store.list(prefix):
                if attempt := try_of(found.key):
                    tries[attempt].append(found)
        for attempt, objects in tries.items():
            if attempt[0] in read and attempt not in read[attempt[0]]:
                yield from _if_old(objects, before)


def _is_read(file: FileDay, arrival: Arrival) -> bool:
    """Whether the tries that count are known: the arrival was read, all that was said of it is readable, and nobody is
    about to read it in another way.
    """
    dones = arrival.dones.values()
    return bool(dones) and all(isinstance(done, Done) for done in dones) and arrival != file.pending


def _is_overtaken(file: FileDay, arrival: Arrival) -> bool:
    """Whether nobody has read the arrival, nor will: a later one counts."""
    return isinstance(arrival.seen, Seen) and not arrival.dones and file.pending is None


def _named(arrival: Arrival) -> set[tuple[int, str] | None]:
    """The tries that the arrival's facts name."""
    dones = [done for done in arrival.dones.values() if isinstance(done, Done)]
    return {try_of(part.key) for done in dones for part in (*done.parts, *done.rejects)}


def _runs(feed: Feed, ledger: Ledger, day: Day, before: datetime) -> Iterator[StoredObject]:
    """Objects of runs that ended and did not succeed."""
    for run in day.runs:
        if not isinstance(run.end, RunEnd) or run.succeeded:
            continue
        for name in sorted({*_written(feed), *run.end.datasets}):
            prefix = results_prefix(ledger.feed, name, ledger.date, run.number)
            yield from _if_old(list(ledger.outside.store.list(prefix)), before)


def _nameless(feed: Feed, ledger: Ledger, before: datetime) -> Iterator[StoredObject]:
    """What writers left behind that were killed before they were done."""
    prefixes = [ledger.prefix, *(runs_prefix(ledger.feed, name, ledger.date) for name in sorted(_written(feed)))]
    prefixes += [prefix for file in feed.files for prefix in tries_prefixes(ledger.feed, file, ledger.date)]
    for prefix in prefixes:
        yield from (one for one in ledger.outside.store.unfinished(prefix) if one.modified <= before)


def _written(feed: Feed) -> set[str]:
    """What runs write: datasets, and the tables of files that were not there."""
    return {*feed.datasets, *(table for file in feed.files.values() for table in file.layout.tables(file.name))}


def _if_old(objects: list[StoredObject], before: datetime) -> list[StoredObject]:
    """All of them when the youngest is old enough; else none."""
    return objects if all(one.modified <= before for one in objects) else []

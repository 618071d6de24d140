"""What has arrived: the names below the incoming prefix become numbered `seen` facts.

Numbers follow versions without a clock: read the file's facts, then the object's current version, then create number
n+1; when that loses, start again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from posicional.contract.feed import Feed
from posicional.contract.pattern import ignored
from posicional.day.facts import Done, Seen
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import INCOMING, DoneKey, SeenKey
from posicional.errors import ObjectMissing, UsageError
from posicional.ports import Event, Outside, StoredObject


@dataclass(frozen=True, slots=True)
class Incoming:
    """What lies below the incoming prefix, as a feed names it.

    `days`: date -> file -> its objects, in the order of their keys. `unknown`: paths that no pattern matches.
    """

    days: Mapping[date, Mapping[str, tuple[StoredObject, ...]]]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """The day's facts after a look, in which `new` versions had no fact before.

    `growing`: paths that are still being written; `unknown`: paths of no file.
    """

    facts: Facts
    new: int
    growing: tuple[str, ...]
    unknown: tuple[str, ...]


def incoming(feed: Feed, outside: Outside) -> Incoming:
    """List what has arrived, once. Raises `UsageError` for a name that two files of the feed claim."""
    days: dict[date, dict[str, tuple[StoredObject, ...]]] = {}
    unknown = []
    for found in outside.store.list(INCOMING):
        path = found.key.removeprefix(INCOMING)
        if ignored(path):
            continue
        named = _file_of(feed, path)
        if named is None:
            unknown.append(path.encode(errors="backslashreplace").decode())
            continue
        file, day = named
        files = days.setdefault(day, {})
        files[file] = (*files.get(file, ()), found)
    return Incoming(days, tuple(unknown))


def look(feed: Feed, ledger: Ledger, known: Facts | None = None) -> Looked:
    """Write a `seen` fact for every version of the day's objects that has none."""
    lying = incoming(feed, ledger.outside)
    files = lying.days.get(ledger.date, {})
    facts = ledger.read(known)
    new = [(file, found) for file, objects in files.items() for found in objects if not _named(facts, file, found)]
    still, growing = _settled(feed, ledger.outside, [found for _, found in new])
    taken = [(file, found.key) for file, found in new if found.key in still]
    for file, key in taken:
        facts = _record(ledger, facts, file, key)
    return Looked(facts, len(taken), growing, lying.unknown)


def _file_of(feed: Feed, path: str) -> tuple[str, date] | None:
    matches = {
        name: match.date
        for name, expected in feed.files.items()
        if (match := expected.pattern.match(path)) and match.date is not None
    }
    if len(matches) > 1:
        raise UsageError(
            f"the name {path} belongs to {' and '.join(matches)}",
            where=str(feed.path),
            hint="make the patterns of these files tell them apart",
        )
    return next(iter(matches.items()), None)


def _settled(feed: Feed, outside: Outside, found: list[StoredObject]) -> tuple[set[str], tuple[str, ...]]:
    """The keys whose objects have stood still for the feed's `settle`, and the paths of those that have not."""
    moments = {one.key: outside.clock.now() - one.modified for one in found}
    young = [one for one in found if not outside.store.atomic and moments[one.key] < feed.settle]
    still = {one.key for one in found} - {one.key for one in young}
    if not young:
        return still, ()
    outside.clock.sleep(feed.settle.total_seconds())
    growing = []
    for one in young:
        try:
            now = outside.store.head(one.key)
        except ObjectMissing:
            continue
        if now.version == one.version:
            still.add(one.key)
        else:
            growing.append(one.key.removeprefix(INCOMING))
    return still, tuple(growing)


def _record(ledger: Ledger, facts: Facts, file: str, key: str) -> Facts:
    """Number the object's current version; the facts with it."""
    store = ledger.outside.store
    while True:
        try:
            found = store.head(key)
        except ObjectMissing:
            return facts
        if _named(facts, file, found):
            return facts
        number = 1 + max(
            (one.number for one in facts.entries if isinstance(one, SeenKey) and one.file == file), default=0
        )
        seen = Seen(**ledger.sign(), key=key, object_version=found.version, size=found.size, modified=found.modified)
        if ledger.write(SeenKey(file, number), seen):
            path = key.removeprefix(INCOMING)
            ledger.outside.tell(
                Event(
                    "arrived", f"{file}: {path}, {found.size:,} bytes", {"file": file, "arrival": number, "path": path}
                )
            )
        facts = ledger.read(facts)


def _named(facts: Facts, file: str, found: StoredObject) -> bool:
    """Whether the newest fact of this object names this version, and it was not gone when it was read."""
    numbers = {
        key.number: fact
        for key, fact in facts.entries.items()
        if isinstance(key, SeenKey) and key.file == file and isinstance(fact, Seen) and fact.key == found.key
    }
    if not numbers or numbers[max(numbers)].object_version != found.version:
        return False
    return not any(
        isinstance(key, DoneKey)
        and (key.file, key.number) == (file, max(numbers))
        and isinstance(fact, Done)
        and fact.status == "superseded"
        for key, fact in facts.entries.items()
    )

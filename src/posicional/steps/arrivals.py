"""What has arrived: the names below the incoming prefix become numbered `seen` facts.

Numbers follow versions without a clock: read the file's facts, then the object's current version, then create number
n+1; when that loses, start again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day.facts import Done, Seen, SeenObject
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import INCOMING, DoneKey, SeenKey
from posicional.day.state import fold
from posicional.errors import ObjectMissing, UsageError
from posicional.ports import Event, Outside, StoredObject
from posicional.steps.convert import convert_arrival
from posicional.steps.incoming import Delivery, Incoming, incoming
from posicional.steps.latest import needs, of_file, with_latest
from posicional.steps.settle import settled


@dataclass(frozen=True, slots=True)
class Looked:
    """The day's facts after a look, in which `new` versions had no fact before.

    `growing`: paths that are still being written. `unfinished`: what is there of the day's files and does not count
    yet, and why. `unknown`: paths of no file. `undated`: objects whose date cannot be told, and why.
    """

    facts: Facts
    new: int
    growing: tuple[str, ...]
    unfinished: tuple[str, ...]
    unknown: tuple[str, ...]
    undated: tuple[str, ...]


def unseen(feed: Feed, facts: Facts, lying: Incoming) -> list[Delivery]:
    """What lies there for the date of these facts and is named by none of them."""
    deliveries = [one for found in lying.days.get(facts.date, {}).values() for one in found]
    return [one for one in deliveries if not _named(facts, feed.files[one.file], one.objects)]


def look(
    feed: Feed, ledger: Ledger, known: Facts | None = None, lying: Incoming | None = None, *, all_names: bool = True
) -> Looked:
    """Write a `seen` fact for every version of the day's objects that has none.

    `lying` is what a caller of many days has listed once; without it the incoming prefix is listed now: `all_names`
    below it, or only those of the day. Raises `UsageError` for a name that two files claim, and for a bucket without
    versions that nobody has agreed to.
    """
    lying = lying or incoming(feed, ledger.outside, None if all_names else ledger.date)
    facts = ledger.read(known)
    for file in needs(feed, facts):
        _catch_up(feed, ledger, file, lying)
    new = unseen(feed, facts, lying)
    still, growing = settled(feed, ledger.outside, [each for one in new for each in one.objects])
    count = 0
    for one in new:
        if still.issuperset(each.key for each in one.objects):
            facts, recorded = _record(feed, ledger, facts, one)
            count += recorded
    unfinished = tuple(
        f"{file}: {text}" for file, texts in lying.unfinished.get(ledger.date, {}).items() for text in texts
    )
    facts = with_latest(feed, ledger.outside, facts)
    return Looked(facts, count, (*lying.growing, *growing), unfinished, lying.unknown, lying.undated)


def _catch_up(feed: Feed, ledger: Ledger, file: ExpectedFile, lying: Incoming) -> None:
    """See and read what lies there of a file with `use: latest` for earlier dates, back to the newest usable one."""
    oldest = ledger.date - timedelta(days=feed.lookback)
    for day in sorted((day for day in lying.days if oldest <= day < ledger.date), reverse=True):
        if file.name not in lying.days[day]:
            continue
        other = Ledger(ledger.outside, feed.name, day)
        facts = other.read(wanted=of_file(file.name))
        new = [one for one in unseen(feed, facts, lying) if one.file == file.name]
        still, _ = settled(feed, ledger.outside, [each for one in new for each in one.objects])
        for one in new:
            if still.issuperset(each.key for each in one.objects):
                facts, _ = _record(feed, other, facts, one)
        while pending := fold(feed, facts).files[file.name].pending:
            convert_arrival(feed, other, facts, file.name, pending.number)
            facts = other.read(facts, wanted=of_file(file.name))
        if fold(feed, facts).files[file.name].current is not None:
            return


def unseen_earlier(feed: Feed, outside: Outside, facts: Facts, lying: Incoming) -> bool:
    """Whether a file with `use: latest` lies there for an earlier date, nobody has seen it, and it would count here.

    `facts`: those of the date, with the earlier ones that count there (`with_latest`).
    """
    for file in needs(feed, facts):
        taken = facts.earlier.get(file.name)
        since = taken.date if taken else facts.date - timedelta(days=feed.lookback)
        for day in (day for day, found in lying.days.items() if since <= day < facts.date and file.name in found):
            known = Ledger(outside, feed.name, day).read(wanted=of_file(file.name))
            if any(one.file == file.name for one in unseen(feed, known, lying)):
                return True
    return False


def _record(feed: Feed, ledger: Ledger, facts: Facts, delivery: Delivery) -> tuple[Facts, bool]:
    """Number the current version of what was listed; the facts with it, and whether it was us who numbered it.

    Nothing happens when it has gone since, or when it is another version whose date is not that of its name: the next
    look finds what is there then.
    """
    store, expected = ledger.outside.store, feed.files[delivery.file]
    recorded = False
    while True:
        try:
            found = [store.head(one.key) for one in delivery.objects]
        except ObjectMissing:
            return facts, recorded
        same = all(now.same(then) for now, then in zip(found, delivery.objects, strict=True))
        if _named(facts, expected, found) or (expected.date_from and not same):
            return facts, recorded
        if not feed.latest_only and not all(one.kept for one in found):
            raise UsageError(
                "the bucket keeps no versions: an object that is replaced is lost",
                where=store.url,
                hint="switch versioning on, or say latest_only: true in the feed",
            )
        number = 1 + max(
            (key.number for key in facts.entries if isinstance(key, SeenKey) and key.file == expected.name), default=0
        )
        recorded = ledger.write(SeenKey(expected.name, number), _seen(expected, ledger, found))
        if recorded:
            _tell(ledger, expected.name, number, found)
        facts = ledger.read(facts)


def _seen(expected: ExpectedFile, ledger: Ledger, found: Sequence[StoredObject]) -> Seen:
    objects = tuple(
        SeenObject(key=one.key, object_version=one.version, size=one.size, modified=one.modified, tag=one.tag)
        for one in found
    )
    first = objects[0]
    whole = expected.parts is None
    return Seen(
        **ledger.sign(),
        version=1 if whole else 2,
        key=first.key,
        object_version=first.object_version,
        size=sum(one.size for one in objects),
        modified=max(one.modified for one in objects),
        tag=first.tag,
        parts=() if whole else objects,
    )


def _named(facts: Facts, expected: ExpectedFile, found: Sequence[StoredObject]) -> bool:
    """Whether the newest fact of these objects names these versions, and they were not gone when they were read."""
    numbers = {
        key.number: fact
        for key, fact in facts.entries.items()
        if isinstance(key, SeenKey)
        and key.file == expected.name
        and isinstance(fact, Seen)
        and _follows(expected, found[0].key, fact)
    }
    if not numbers or not _same(numbers[max(numbers)].objects, found):
        return False
    return not any(
        isinstance(key, DoneKey)
        and (key.file, key.number) == (expected.name, max(numbers))
        and isinstance(fact, Done)
        and fact.status == "superseded"
        for key, fact in facts.entries.items()
    )


def _follows(expected: ExpectedFile, key: str, earlier: Seen) -> bool:
    """Whether what begins with the object `key` would be the next version of an earlier arrival, not another beside it.

    A single object follows those of its key; a set of parts follows the sets of its version.
    """
    if expected.parts is None:
        return earlier.key == key
    orders = [
        match.order if (match := expected.pattern.match(one.removeprefix(INCOMING))) else None
        for one in (key, earlier.key)
    ]
    return orders[0] == orders[1]


def _same(named: Sequence[SeenObject], found: Sequence[StoredObject]) -> bool:
    """Whether the objects of a fact are these versions."""
    return len(named) == len(found) and all(
        now.same(StoredObject(one.key, one.size, one.object_version, one.modified, one.tag))
        for one, now in zip(named, found, strict=True)
    )


def _tell(ledger: Ledger, file: str, number: int, found: Sequence[StoredObject]) -> None:
    paths = [one.key.removeprefix(INCOMING) for one in found]
    text = f"{file}: {', '.join(paths)}, {sum(one.size for one in found):,} bytes"
    ledger.outside.tell(Event("arrived", text, {"file": file, "arrival": number, "path": paths[0]}))

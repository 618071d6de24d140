"""What lies below the incoming prefix: which file and business date each object is of, and whether all of it is there.

A name says which file an object is of. The date is in the name, in the object's header, or is that of its arrival. What
is one arrival (an object, or a whole set of parts) is a `Delivery`; what is not whole yet is named with what it lacks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from posicional.contract.feed import ExpectedFile, Feed
from posicional.contract.pattern import PatternMatch, ignored
from posicional.day.keys import INCOMING
from posicional.errors import UsageError
from posicional.ports import Outside, StoredObject
from posicional.steps.headers import dates_from_headers


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes one arrival of a file: an object, or all objects of a file in parts, in their order."""

    file: str
    objects: tuple[StoredObject, ...]

    @property
    def key(self) -> str:
        """The key of the (first) object."""
        return self.objects[0].key

    @property
    def modified(self) -> datetime:
        """The store's time of the latest object."""
        return max(one.modified for one in self.objects)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What lies below the incoming prefix, as a feed names it.

    `days`: date -> file -> its deliveries, the later versions last. `unfinished`: date -> file -> what there is of it
    that does not count yet, and why. `unknown`: paths of no file. `undated`: objects whose date cannot be told, and
    why. `growing`: paths still being written, so that their headers were left alone.
    """

    days: Mapping[date, Mapping[str, tuple[Delivery, ...]]]
    unfinished: Mapping[date, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claimed:
    """An object whose name is that of a file."""

    expected: ExpectedFile
    match: PatternMatch
    found: StoredObject

    @property
    def path(self) -> str:
        return path_of(self.found)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names that are there, told apart: those of files, those that only say that something is whole, and others."""

    claimed: Sequence[_Claimed]
    markers: Mapping[str, Sequence[tuple[PatternMatch, StoredObject]]]
    all: frozenset[str]
    unknown: tuple[str, ...]


def path_of(found: StoredObject) -> str:
    """The path below the incoming prefix."""
    return found.key.removeprefix(INCOMING)


def incoming(feed: Feed, outside: Outside, only: date | None = None, *, remember: bool = True) -> Incoming:
    """List what has arrived, once. Headers are read only where the date is in them; what they say is written down, so
    that each is read once, unless this is not to `remember` anything.

    `only`: what lies there for this date is enough; then as little is listed as the names of the files allow, so that
    what it costs does not grow with the other dates. Raises `UsageError` for a name that two files of the feed claim,
    `StoreError`.
    """
    names = _by_name(feed, outside, _beginnings(feed, only) if only else [""])
    by_file: dict[str, list[_Claimed]] = defaultdict(list)
    for one in names.claimed:
        by_file[one.expected.name].append(one)
    days: dict[date, dict[str, tuple[Delivery, ...]]] = defaultdict(dict)
    unfinished: dict[date, dict[str, tuple[str, ...]]] = defaultdict(dict)
    undated: list[str] = []
    growing: list[str] = []
    for file, claimed in by_file.items():
        expected = feed.files[file]
        dates, unreadable, moving = _dates(feed, outside, expected, claimed, remember=remember)
        undated += unreadable
        growing += moving
        of_days: dict[date, list[_Claimed]] = defaultdict(list)
        for one in claimed:
            if one.found.key in dates:
                of_days[dates[one.found.key]].append(one)
        for day, found in of_days.items():
            whole, lacking = _deliveries(expected, day, found, names)
            if whole:
                days[day][file] = whole
            if lacking:
                unfinished[day][file] = lacking
    return Incoming(days, unfinished, names.unknown, tuple(undated), tuple(growing))


# --- names ------------------------------------------------------------------------------------------------------------


def _beginnings(feed: Feed, day: date) -> list[str]:
    """How the paths begin that say something of a date; only the empty one where that cannot be told."""
    beginnings: set[str] = set()
    for expected in feed.files.values():
        head = "" if expected.date_from or expected.use_latest else expected.pattern.head(day)
        whole = expected.parts.marker.head(day) if expected.parts and expected.parts.marker else head
        if not (head and whole):
            return [""]
        before, mark, _ = expected.marker.partition("{name}")
        beginnings |= {head, whole, *([before + head] if mark else [])}
    return sorted(one for one in beginnings if not any(one != other and one.startswith(other) for other in beginnings))


def _by_name(feed: Feed, outside: Outside, beginnings: Sequence[str]) -> _Names:
    claimed: list[_Claimed] = []
    markers: dict[str, list[tuple[PatternMatch, StoredObject]]] = defaultdict(list)
    all_names: set[str] = set()
    unknown = []
    for found in (one for beginning in beginnings for one in outside.store.list(INCOMING + beginning)):
        path = path_of(found)
        if ignored(path):
            continue
        all_names.add(path)
        ends = list(_whole_sets(feed, path))
        for file, match in ends:
            markers[file].append((match, found))
        if ends or any(_is_marker(expected, path) for expected in feed.files.values()):
            continue
        takers = list(_takers(feed, found))
        claimed += takers
        if not takers:
            unknown.append(shown(path))
    return _Names(claimed, markers, frozenset(all_names), tuple(unknown))


def shown(path: str) -> str:
    """A path as text that can be written anywhere on one line, whatever bytes the name has."""
    text = path.encode(errors="backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _takers(feed: Feed, found: StoredObject) -> Iterator[_Claimed]:
    """The files that a name is of: one, or several that take a member each of an archive."""
    path = path_of(found)
    if shown(path) != path:  # no fact could name it
        return
    takers = [
        _Claimed(expected, match, found)
        for expected in feed.files.values()
        if (match := expected.pattern.match(path)) is not None
    ]
    members = {one.expected.member for one in takers}
    if len(takers) > 1 and (len(members) < len(takers) or "" in members):
        raise UsageError(
            f"the name {path} belongs to {' and '.join(one.expected.name for one in takers)}",
            where=str(feed.path),
            hint="make the patterns of these files tell them apart",
        )
    yield from takers


def _whole_sets(feed: Feed, path: str) -> Iterator[tuple[str, PatternMatch]]:
    """The files of which this name says that all parts are there."""
    for expected in feed.files.values():
        if expected.parts and expected.parts.marker and (match := expected.parts.marker.match(path)):
            yield expected.name, match


def _is_marker(expected: ExpectedFile, path: str) -> bool:
    """Whether this name says that an object of the file is whole."""
    before, mark, after = expected.marker.partition("{name}")
    if not mark or not (path.startswith(before) and path.endswith(after)):
        return False
    return expected.pattern.match(path[len(before) : len(path) - len(after)]) is not None


# --- dates ------------------------------------------------------------------------------------------------------------


def _dates(
    feed: Feed, outside: Outside, expected: ExpectedFile, claimed: Sequence[_Claimed], *, remember: bool
) -> tuple[dict[str, date], list[str], list[str]]:
    """Key -> business date of a file's objects; those whose date cannot be told, and why; those still being written."""
    if expected.date_from is None:
        return {one.found.key: one.match.date for one in claimed if one.match.date}, [], []
    if not expected.date_from.header:
        return {one.found.key: arrival_date(feed, expected, one.found.modified) for one in claimed}, [], []
    headers = dates_from_headers(feed, outside, expected, [one.found for one in claimed], remember=remember)
    dates = {key: _of_period(feed, day) for key, day in headers.dates.items()}
    return dates, [f"{shown(path)}: {headers.missing_text}" for path in headers.undated], list(headers.growing)


def arrival_date(feed: Feed, expected: ExpectedFile, moment: datetime) -> date:
    """The business date of what arrives at a moment: that local day, the next from the cutoff on; never a day off."""
    local = moment.astimezone(feed.timezone)
    cutoff = expected.date_from.cutoff if expected.date_from else None
    late = cutoff is not None and local.time() >= cutoff
    day = _of_period(feed, local.date() + timedelta(days=late))
    return day if feed.calendar.is_business_date(day) else feed.calendar.next(day)


def _of_period(feed: Feed, day: date) -> date:
    """The business date that a day is of: itself, or its month."""
    return day.replace(day=1) if feed.calendar.is_monthly else day


# --- what is whole ----------------------------------------------------------------------------------------------------


def _deliveries(
    expected: ExpectedFile, day: date, claimed: Sequence[_Claimed], names: _Names
) -> tuple[tuple[Delivery, ...], tuple[str, ...]]:
    """A file's deliveries of one date, the later versions last, and what there is besides that is not whole."""
    marked, lacking = [], []
    for one in claimed:
        marker = expected.marker.replace("{name}", one.path)
        if not marker or marker in names.all:
            marked.append(one)
        else:
            lacking.append(f"{one.path} waits for {marker}")
    whole = []
    for _, group in sorted(_versions(marked).items()):
        if expected.parts is None:
            whole += [Delivery(expected.name, (one.found,)) for one in group]
            continue
        lack = _lacks(expected, day, group, names)
        if lack:
            lacking.append(lack)
        else:
            whole.append(Delivery(expected.name, tuple(one.found for one in sorted(group, key=_place))))
    return tuple(whole), tuple(lacking)


def _versions(claimed: Sequence[_Claimed]) -> dict[tuple[tuple[int, ...], int], list[_Claimed]]:
    groups = defaultdict(list)
    for one in claimed:
        groups[one.match.order].append(one)
    return groups


def _place(one: _Claimed) -> tuple[int, str, str]:
    """Where a part stands among the others: numbers by their value, words behind them."""
    part = one.match.part
    return (int(part) if part.isdecimal() else 1 << 63, part, one.found.key)


def _lacks(expected: ExpectedFile, day: date, group: Sequence[_Claimed], names: _Names) -> str:
    """What a set of parts lacks to be whole; empty when it is."""
    parts = expected.parts
    here = sorted({one.match.part for one in group})
    if parts is None or parts.marker is None:
        count = parts.count if parts else 0
        paths = ", ".join(one.path for one in sorted(group, key=_place))
        return f"{len(here)} of {count} parts are here: {paths}" if len(here) < count else ""
    latest = max(group, key=lambda one: one.found.modified)
    order = group[0].match.order
    ends = [
        found
        for match, found in names.markers.get(expected.name, ())
        if match.date == day and (not parts.marker.is_versioned or match.order == order)
    ]
    if not ends:
        return f"{len(here)} parts are here and wait for {parts.marker.format(day)}"
    end = max(ends, key=lambda one: one.modified)
    if end.modified < latest.found.modified:
        return f"{path_of(end)} is older than {latest.path}: it says nothing of it, send it again"
    return ""

"""Business dates that stand in headers. They must be known before a ledger is, so each object is looked into once.

What was found stands in the name of a small fact beside the days, so that one listing tells all that are known. The
name holds a digest of the object's version and of the way it was read: another version is looked into again, and so are
all when the layout changes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day.facts import Dated
from posicional.day.journal import sign, write_fact
from posicional.day.keys import INCOMING, DatedKey, dates_prefix, parse_dated
from posicional.errors import ObjectMissing
from posicional.ports import Outside, Source, StoredObject
from posicional.steps.settle import settled

BEGINNING = 1 << 16
"""Bytes at the start of an object in which its header must be; more where records are longer."""


@dataclass(frozen=True, slots=True)
class Headers:
    """`dates`: key -> the date in the header. `undated`: paths without one, `missing_text` why. `growing`: paths."""

    dates: Mapping[str, date]
    undated: tuple[str, ...]
    growing: tuple[str, ...]
    missing_text: str


def dates_from_headers(
    feed: Feed, outside: Outside, expected: ExpectedFile, found: Sequence[StoredObject], *, remember: bool = True
) -> Headers:
    """The dates in the headers of a file's objects; reads only those that no fact knows, and writes these facts if it
    is to `remember` them. Raises `StoreError`.
    """
    prefix = dates_prefix(feed.name, expected.name)
    known = {
        key.digest: key.day for one in outside.store.list(prefix) if (key := parse_dated(one.key.removeprefix(prefix)))
    }
    digests = {one.key: _digest(expected, one) for one in found}
    new = [one for one in found if digests[one.key] not in known]
    still, growing = settled(feed, outside, new)
    for one in new:
        if one.key not in still:
            continue
        try:
            day = header_date(outside.store.source(one), one.key.removeprefix(INCOMING), expected)
        except ObjectMissing:  # replaced or removed since the listing: another look finds what is there then
            growing = (*growing, one.key.removeprefix(INCOMING))
            continue
        known[digests[one.key]] = day
        if remember:
            layout = expected.layout.digest
            fact = Dated(**sign(outside), key=one.key, object_version=one.version, layout=layout, says=day)
            write_fact(outside, f"{prefix}{DatedKey(digests[one.key], day)}", fact)
    days = {key: known[digest] for key, digest in digests.items() if digest in known}
    return Headers(
        dates={key: day for key, day in days.items() if day},
        undated=tuple(key.removeprefix(INCOMING) for key, day in days.items() if day is None),
        growing=growing,
        missing_text=f"no {_header(expected)} with a date can be read at its beginning",
    )


def header_date(source: Source, path: str, expected: ExpectedFile) -> date | None:
    """The date in the first header of an object; None when there is none that can be read."""
    from posicional.records.compressed import Unreadable, beginning, is_compressed
    from posicional.records.reading import Reading

    kind, _, field = _header(expected).partition(".")
    size = max(BEGINNING, 8 * max((one.length for one in expected.layout.kinds), default=0))
    start: Source = _Beginning(source, min(source.size, size))
    if is_compressed(path):
        try:
            start = _Unpacked(beginning(source, path, expected.member, size))
        except Unreadable:
            return None
    reading = Reading(expected.layout, file=expected.name, path="", date=None)
    for _ in reading.batches(start):
        if any(record.kind == kind for record in reading.controls):
            break
    values = [record.values.get(field) for record in reading.controls if record.kind == kind]
    return values[0] if values and isinstance(values[0], date) else None


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The first bytes of an object, as if it ended there."""

    whole: Source
    size: int

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream over bytes [start, stop)."""
        return self.whole.open(start, self.size if stop is None else min(stop, self.size))


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """The first bytes of what is compressed."""

    data: bytes

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.data)

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A stream over bytes [start, stop)."""
        return io.BytesIO(self.data[start:stop])


def _header(expected: ExpectedFile) -> str:
    return expected.date_from.header if expected.date_from else ""


def _digest(expected: ExpectedFile, found: StoredObject) -> str:
    """What stands for an object's version, as a listing tells it, and for the way its header is read."""
    words = [found.key, found.tag or found.version, expected.layout.digest, _header(expected)]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:24]

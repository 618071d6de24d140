"""The composition: a file's bytes become Arrow batches and rejects, and from there Parquet parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import cast

from posicional.contract.layout import Layout
from posicional.errors import DataRefused
from posicional.ports import Sink, Source, Together
from posicional.records.blocks import Span, ahead
from posicional.records.compressed import Unreadable, is_compressed, unpacked
from posicional.records.controls import Notes, Problems
from posicional.records.conversion import Account, Conversion, Part
from posicional.records.hashing import Digests, begun, content_hash, content_pieces, cores
from posicional.records.parquet import PartWriter
from posicional.records.ranges import Told, Total, digests_by, is_large, joined, plan, threads
from posicional.records.reading import SMALL, Read, Reading
from posicional.records.rejects import SCHEMA


def no_rejects(rejects: int, records: int) -> bool:  # noqa: ARG001  # the shape of every tolerance
    """The tolerance of a contract that says nothing."""
    return not rejects


def read_batches(source: Source, layout: Layout, *, file: str, path: str, date: date | None = None) -> Iterator[Read]:
    """Stream a file's batches and rejects; memory does not grow with the file.

    Problems of the file as a whole (a trailer that does not agree, …) raise `DataRefused` after the last batch.
    """
    reading = Reading(layout, file=file, path=path, date=date)
    yield from reading.batches(source)
    problems = list(reading.problems)
    if problems:
        raise DataRefused(problems[0].text, where=path)


def convert(  # noqa: PLR0913  # all that a conversion depends on, each by name
    source: Source,
    layout: Layout,
    sink: Sink,
    rejects: Sink,
    *,
    file: str,
    path: str,
    member: str = "",
    date: date | None = None,
    tolerance: Callable[[int, int], bool] = no_rejects,
    allow_empty: bool = False,
    one_part: bool = False,
    workers: int = 0,
    together: Together | None = None,
    digests: Digests | None = None,
) -> Conversion:
    """Turn a file into Parquet parts in `sink`, and its rejects into others in `rejects` if there are any.

    `file` is its name in the feed and names the tables; `path` is what `_file` says, and its ending (`.gz`, `.zst`,
    `.zip`) whether the file is compressed; `member` names the file of an archive. `tolerance(rejects, records)` tells
    whether so many rejects may be. The parts are written, and stay, even when the file is refused: whether it is usable
    the returned `problems` say. A compressed stream that is cut off or damaged has no parts.

    A file larger than 128 MiB is read in ranges, by so many `workers` at once (0: as many as there are cores), each
    with parts of its own, the same whatever the number of workers. `one_part` keeps it in one. `together` has the
    ranges read elsewhere, by other processes or machines; a compressed file is unpacked and read here. `digests`: where
    somebody has begun to hash the stored object already.
    """
    stored: list[bytes] = []
    try:
        with ExitStack() as stack:
            plain = source
            if is_compressed(path):
                stored = digests() if digests else content_pieces(source)
                plain = stack.enter_context(unpacked(source, path, member))
                digests, together = partial(list, stored), None
            elif digests is None and is_large(source):
                digests = partial(list, digests_by(together, source)) if together else begun(source)
            facts = {"layout": layout.name, "layout_digest": layout.digest, "source": path, "source_bytes": source.size}
            footer = {name: str(value) for name, value in facts.items()}
            job = _Job(plain, layout, sink, rejects, file, path, date, footer, digests)
            total, digests, closed = job.whole() if one_part else job.run(together or threads(workers or cores()))
            account = total.account
            if not account.records and not allow_empty:
                total.problems.add("empty", "the file has no records")
            if not tolerance(account.rejects, account.records):
                text = f"{account.rejects} of {account.records} records are rejected, more than the contract allows"
                total.problems.add("rejects", text)
            return _conversion(layout, file, total, closed, content_hash(digests()), source.size)
    except Unreadable as error:
        nothing = Total(Problems(), [], Account())
        nothing.problems.add("stream", str(error))
        return _conversion(layout, file, nothing, [], content_hash(stored), source.size)


def _conversion(
    layout: Layout, file: str, total: Total, closed: Sequence[Closed], sha256: str, size: int
) -> Conversion:
    parts = tuple(part for rows, _ in closed for part in rows)
    tables = dict.fromkeys(layout.tables(file), 0)
    for part in parts:
        tables[part.table] += part.rows
    return Conversion(
        parts=parts,
        rejects=tuple(part for _, refused in closed for part in refused),
        tables=tables,
        controls=tuple(total.controls),
        account=total.account,
        problems=tuple(total.problems),
        sha256=sha256,
        size=size,
    )


Closed = tuple[list[Part], list[Part]]
"""The parts of a range, or of a whole file: those of rows, and those of rejects."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One conversion: what is read, and where its parts go; `footer` stands in each of them.

    `digests`: of the stored object, where they are known or on their way. While that is a thread's work, the job cannot
    be pickled.
    """

    source: Source
    layout: Layout
    sink: Sink
    rejects: Sink
    file: str
    path: str
    date: date | None
    footer: Mapping[str, str]
    digests: Digests | None

    def run(self, together: Together) -> tuple[Total, Digests, list[Closed]]:
        """Read the file, in ranges where that pays; what it adds up to, the digests of its pieces, and its parts."""
        spans = plan(self.source, self.layout, together) if self.digests is not None else ()
        if self.digests is None or not spans:
            return self.whole()
        ranges = list(together(self.range, list(enumerate(spans))))
        total = joined(self.layout, self.date, self.source.size, [told for told, _ in ranges])
        return total, self.digests, [parts for _, parts in ranges]

    def whole(self) -> tuple[Total, Digests, list[Closed]]:
        """Read the file in one go, decoding ahead of the writing."""
        reading = Reading(self.layout, file=self.file, path=self.path, date=self.date, compact=True)
        parts = _Parts(self, reading, 0)
        batches = reading.batches(self.source, hashed=self.digests is not None)
        for read in ahead(batches) if self.source.size > SMALL else batches:
            parts.write(read)
        total = Total(reading.problems, reading.controls, reading.account)
        digests = self.digests or partial(list, reading.hashes.pieces)
        return total, digests, [parts.close(_hashed(self.footer, digests))]

    def range(self, numbered: tuple[int, Span]) -> tuple[Told, Closed]:
        """Read one range: what it says of the whole, and its parts."""
        number, span = numbered
        notes = Notes()
        reading = Reading(self.layout, file=self.file, path=self.path, date=None, notes=notes, compact=True)
        parts = _Parts(self, reading, number)
        for read in reading.part(self.source, span):
            parts.write(read)
        told = Told(span, notes.items, reading.controls, reading.account)
        return told, parts.close(_hashed(self.footer, cast(Digests, self.digests)))


def _hashed(footer: Mapping[str, str], digests: Digests) -> dict[str, str]:
    return {**footer, "source_sha256": content_hash(digests())}


class _Parts:
    """The parts of one range, or of a whole file: one for each table that has rows in it, one for rejects.

    The first range has a part of every table, so that a table without rows has a schema.
    """

    def __init__(self, job: _Job, reading: Reading, number: int) -> None:
        self._job = job
        self._name = f"part-{number:05d}.parquet"
        self._schemas = {table.name: table.schema for table in reading.tables if table.name}
        self._writers: dict[str, PartWriter] = {}
        self._refused: PartWriter | None = None
        if number == 0:
            for table in self._schemas:
                self._writer(table)

    def write(self, read: Read) -> None:
        """Add a batch to the part that it belongs to."""
        if read.table is not None:
            self._writer(read.table).write(read.batch)
            return
        if self._refused is None:
            self._refused = PartWriter(self._job.rejects, self._name, "rejects", SCHEMA)
        self._refused.write(read.batch)

    def close(self, footer: Mapping[str, str]) -> Closed:
        """Make the parts visible and durable."""
        refused = [self._refused.close(footer)] if self._refused else []
        return [writer.close(footer) for writer in self._writers.values()], refused

    def _writer(self, table: str) -> PartWriter:
        if table not in self._writers:
            name = self._name if len(self._schemas) == 1 else f"{table}-{self._name}"
            self._writers[table] = PartWriter(self._job.sink, name, table, self._schemas[table])
        return self._writers[table]

"""The composition: a file's bytes become Arrow batches and rejects, and from there Parquet parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date

from posicional.contract.layout import Layout
from posicional.errors import DataRefused
from posicional.ports import Sink, Source
from posicional.records.blocks import Span, ahead, content_hash
from posicional.records.compressed import Unreadable, content_pieces, is_compressed, unpacked
from posicional.records.controls import Notes, Problems
from posicional.records.conversion import Account, Conversion, Part
from posicional.records.parquet import PartWriter
from posicional.records.ranges import Told, Total, cores, joined, plan, together
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
) -> Conversion:
    """Turn a file into Parquet parts in `sink`, and its rejects into others in `rejects` if there are any.

    `file` is its name in the feed and names the tables; `path` is what `_file` says, and its ending (`.gz`, `.zst`,
    `.zip`) whether the file is compressed; `member` names the file of an archive. `tolerance(rejects, records)` tells
    whether so many rejects may be. The parts are written, and stay, even when the file is refused: whether it is usable
    the returned `problems` say. A compressed stream that is cut off or damaged has no parts.

    A file larger than 128 MiB is read in ranges, by so many `workers` at once (0: as many as there are cores), each
    with parts of its own, the same whatever the number of workers. `one_part` keeps it in one.
    """
    stored: list[bytes] | None = None
    try:
        with ExitStack() as stack:
            plain = source
            if is_compressed(path):
                stored = content_pieces(source)
                plain = stack.enter_context(unpacked(source, path, member))
            job = _Job(plain, layout, sink, rejects, file, path, date)
            total, pieces, writers = job.run(1 if one_part else workers or cores(), one_part=one_part)
            account = total.account
            if not account.records and not allow_empty:
                total.problems.add("empty", "the file has no records")
            if not tolerance(account.rejects, account.records):
                text = f"{account.rejects} of {account.records} records are rejected, more than the contract allows"
                total.problems.add("rejects", text)
            sha256 = content_hash(pieces if stored is None else stored)
            footer = {"layout": layout.name, "layout_digest": layout.digest, "source": path, "source_sha256": sha256}
            counts = {"source_bytes": source.size, "records": account.records, "rejects": account.rejects}
            footer |= {name: str(count) for name, count in counts.items()}
            return _conversion(layout, file, total, [writer.close(footer) for writer in writers], sha256, source.size)
    except Unreadable as error:
        nothing = Total(Problems(), [], Account())
        nothing.problems.add("stream", str(error))
        return _conversion(layout, file, nothing, [], content_hash(stored or []), source.size)


def _conversion(
    layout: Layout, file: str, total: Total, closed: list[tuple[list[Part], list[Part]]], sha256: str, size: int
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


@dataclass(frozen=True, slots=True)
class _Job:
    """One conversion: what is read, and where its parts go."""

    source: Source
    layout: Layout
    sink: Sink
    rejects: Sink
    file: str
    path: str
    date: date | None

    def run(self, workers: int, *, one_part: bool) -> tuple[Total, list[bytes], list[_Parts]]:
        """Read the file, in ranges where that pays; what it adds up to, its hashes, and its parts, still open."""
        spans, pieces = ([], []) if one_part else plan(self.source, self.layout, workers)
        if not spans:
            total, pieces, parts = self.whole()
            return total, pieces, [parts]
        ranges = list(together(lambda one: self.range(*one), list(enumerate(spans)), workers))
        told = [one for one, _ in ranges]
        return joined(self.layout, self.date, self.source.size, told), pieces, [parts for _, parts in ranges]

    def whole(self) -> tuple[Total, list[bytes], _Parts]:
        """Read the file in one go, decoding ahead of the writing; its parts, still open, and its hashes."""
        reading = Reading(self.layout, file=self.file, path=self.path, date=self.date, compact=True)
        parts = _Parts(self, reading, 0)
        batches = reading.batches(self.source)
        for read in ahead(batches) if self.source.size > SMALL else batches:
            parts.write(read)
        return Total(reading.problems, reading.controls, reading.account), reading.hashes.pieces, parts

    def range(self, number: int, span: Span) -> tuple[Told, _Parts]:
        """Read one range; its parts, still open, with all rows in them."""
        notes = Notes()
        reading = Reading(self.layout, file=self.file, path=self.path, date=None, notes=notes, compact=True)
        parts = _Parts(self, reading, number)
        for read in reading.part(self.source, span):
            parts.write(read)
        parts.flush()
        return Told(span, notes.items, reading.controls, reading.account), parts


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

    def flush(self) -> None:
        """Write all rows that wait."""
        for writer in self._all():
            writer.flush()

    def close(self, footer: Mapping[str, str]) -> tuple[list[Part], list[Part]]:
        """Make the parts visible and durable: those of rows, and those of rejects."""
        refused = [self._refused.close(footer)] if self._refused else []
        return [writer.close(footer) for writer in self._writers.values()], refused

    def _all(self) -> list[PartWriter]:
        return [*self._writers.values(), *([self._refused] if self._refused else [])]

    def _writer(self, table: str) -> PartWriter:
        if table not in self._writers:
            name = self._name if len(self._schemas) == 1 else f"{table}-{self._name}"
            self._writers[table] = PartWriter(self._job.sink, name, table, self._schemas[table])
        return self._writers[table]

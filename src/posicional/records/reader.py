"""The reader: blocks -> frames -> kinds -> columns -> batches and rejects, and from there to Parquet parts.

Memory is constant: two blocks, one frame's worth of scratch, and one batch of each table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Layout, RecordKind
from posicional.errors import DataRefused
from posicional.ports import Sink, Source
from posicional.records import framing
from posicional.records.blocks import Block, Hashes, ahead, content_hash, plain_blocks
from posicional.records.columns import Fault
from posicional.records.controls import Mark, Problems, Segment, Walk
from posicional.records.conversion import Account, ControlRecord, Conversion
from posicional.records.decode import check_supported
from posicional.records.framing import Frame, FramingLost
from posicional.records.kinds import NONE, Assigned, Kinds, numbers
from posicional.records.pages import page_of
from posicional.records.parquet import PartWriter
from posicional.records.rejects import SCHEMA, FrameRejects, lost
from posicional.records.rows import MARGIN, Index, Ints, Mask, Rows, Work, gather
from posicional.records.tables import TOO_SHORT, Table
from posicional.records.tally import Tally

MOST_CONTROLS = 1000  # control records that a conversion keeps: all of a file's own, and the first of its groups'
SMALL = 1 << 20  # bytes that are read and hashed before a helper thread would have begun


@dataclass(frozen=True, slots=True)
class Read:
    """Something that came out of a file: a batch of a table, or of rejects (`table` is None)."""

    table: str | None
    batch: pa.RecordBatch


def no_rejects(rejects: int, records: int) -> bool:  # noqa: ARG001  # the shape of every tolerance
    """The tolerance of a contract that says nothing."""
    return not rejects


class Reader:
    """Reads one file. When `batches` is through, the other attributes say what there was besides rows."""

    def __init__(self, layout: Layout, *, file: str, path: str, date: date | None) -> None:
        check_supported(layout)
        self.layout = layout
        self.problems = Problems()
        self.controls: list[ControlRecord] = []
        self.hashes = Hashes()
        self._path = path
        self._page = page_of(layout.encoding)
        self._kinds = Kinds(layout, self._page.blank)
        self._walk = Walk(layout, date, self.problems)
        grouped = any(kind.opens for kind in layout.kinds)
        names = {kind.name: table for table, kind in layout.tables(file).items()}
        self.tables = [Table(kind, names.get(kind.name, ""), path, grouped=grouped) for kind in layout.kinds]
        self._summed = sorted({c.summed for kind in layout.kinds for c in kind.controls if c.what == "sum"})
        self._work = Work(framing.FRAME_ROWS)
        self._account: Counter[str] = Counter()

    def batches(self, source: Source) -> Iterator[Read]:
        """All batches of tables and rejects, in the order of the file."""
        begin, end = self._extent(source)
        longest = max(kind.length for kind in self.layout.kinds)
        blocks = plain_blocks(source, self.hashes, begin, end, longest + 4 * MARGIN)
        if source.size > SMALL:
            blocks = ahead(blocks)
        self._account["ignored"] = source.size - (end - begin)
        try:
            for frame in self._frames(blocks):
                yield from self._frame(frame)
        except FramingLost as error:
            yield from self._lost(error, end)
            for _ in blocks:
                pass
        for table in self.tables:
            yield from self._flushed(table)
        self._walk.finish()
        self._account["bytes"] = self.hashes.size
        if not self.account.balanced:
            self.problems.add("account", f"bytes or records were lost or counted twice: {self.account}")

    @property
    def account(self) -> Account:
        """Where every byte and record went."""
        return Account(**self._account)

    @property
    def _fixed(self) -> int:
        """Length of fixed records; 0 for other framings."""
        return self.layout.kinds[0].length if self.layout.framing == "fixed" else 0

    def _extent(self, source: Source) -> tuple[int, int]:
        """Where the records begin and end."""
        begin = framing.data_begin(source, self._page.name)
        hollow = bytes([0, framing.EOF, framing.CR, framing.LF, self._page.blank])
        return begin, framing.data_end(source, begin, self._fixed, hollow)

    def _frames(self, blocks: Iterator[Block]) -> Iterator[Frame]:
        if self._fixed:
            return framing.fixed_frames(blocks, self._fixed)
        return framing.newline_frames(blocks, frozenset(kind.length for kind in self.layout.kinds))

    def _lost(self, error: FramingLost, end: int) -> Iterator[Read]:
        """What follows a place where framing was lost is one reject; it is read on for the hash alone."""
        where = f"line {error.line}, byte {error.at}"
        self.problems.add("structure", f"{error.reason} ({where}): is this the framing of the file?", error.line)
        self._walk.take(Segment(Counter({"": 1}), first=error.line))
        self._account += Counter({"records": 1, "rejects": 1, "rejected": end - error.at})
        yield Read(None, lost(self._path, error.line, error.at, error.reason, error.raw))

    # --- one frame ---

    def _frame(self, frame: Frame) -> Iterator[Read]:
        assigned = self._kinds.assign(frame)
        rejects = FrameRejects(frame)
        self._refuse_unknown(frame, assigned, rejects)
        filled: list[tuple[Table, Ints]] = []
        for number, rows in assigned.rows:
            table = self.tables[number]
            fitting = self._fitting(frame, rows, table.kind, rejects)
            index = numbers(fitting)
            if len(index):
                if not table.has_room(len(index)):
                    yield from self._flushed(table)
                    table.begin(len(index))
                self._fill(frame, fitting, table, rejects)
                filled.append((table, index))
        yield from self._settle(frame, assigned, filled, rejects)

    def _refuse_unknown(self, frame: Frame, assigned: Assigned, rejects: FrameRejects) -> None:
        kinds = self.layout.kinds
        for row, first, second in assigned.ambiguous:
            both = f"{kinds[first].name} and {kinds[second].name}"
            line = frame.line + row
            text = f"line {line} is both {both}: make their conditions exclude one another"
            self.problems.add("ambiguous", text, line)
            rejects.add(np.array([row]), "", None, Fault("matches two kinds", f"one of {both}"))
        if len(assigned.unknown):
            expected = "one of " + ", ".join(kind.name for kind in kinds)
            rejects.add(assigned.unknown, "", None, Fault("unknown kind", expected))

    def _fitting(self, frame: Frame, rows: slice | Index, kind: RecordKind, rejects: FrameRejects) -> slice | Index:
        """The records that are as long as their kind should be; the others are refused."""
        lengths = frame.lengths
        expected = f"{kind.length} {self.layout.unit}"
        short, long = Fault(TOO_SHORT, expected), Fault("too long", expected)
        pad = self.layout.short == "pad"
        if isinstance(lengths, int):
            if lengths == kind.length or (lengths < kind.length and pad):
                return rows
            rejects.add(numbers(rows), kind.name, None, long if lengths > kind.length else short)
            return NONE
        index = numbers(rows)
        own = lengths[index]
        fits = own <= kind.length if pad else own == kind.length
        if fits.all():
            return rows
        rejects.add(index[own > kind.length], kind.name, None, long)
        if not pad:
            rejects.add(index[own < kind.length], kind.name, None, short)
        return index[fits]

    def _fill(self, frame: Frame, rows: slice | Index, table: Table, rejects: FrameRejects) -> None:
        """Decode the records of one kind into its table."""
        index = numbers(rows)
        lengths = frame.lengths if isinstance(frame.lengths, int) else frame.lengths[index]
        padded = None
        if self.layout.short == "pad" and np.any(lengths < table.kind.length):
            padded = np.full(len(index), lengths, np.int64) if isinstance(lengths, int) else lengths
        view = self._rows(frame, rows, index, table.kind.length, padded)
        for refusal in table.fill(view, padded):
            rejects.add(index[refusal.rows], table.kind.name, refusal.field, refusal.fault)

    def _rows(self, frame: Frame, rows: slice | Index, index: Ints, length: int, padded: Ints | None) -> Rows:
        """The records of one kind as a matrix: where they stand if they are neighbours of one length, else copied."""
        if frame.stride and isinstance(rows, slice) and padded is None:
            data, first, stride = frame.data, int(frame.starts[rows.start]), frame.stride
        else:
            cells = gather(frame.data, frame.starts[index], length)
            if padded is not None:
                content = cells[:, MARGIN : MARGIN + length]
                content[np.arange(length) >= padded[:, None]] = self._page.blank
            data, first, stride = cells.reshape(-1), MARGIN, length + 2 * MARGIN
        raw = Rows(data, first, stride, len(index), frame.ascii, self._page, self._work)
        if self._page.table is None:
            return raw
        stop = first + len(index) * stride + MARGIN
        inner = self._page.inner(data[first - MARGIN : stop].tobytes())
        flat = np.frombuffer(inner, np.uint8)
        return Rows(flat, MARGIN, stride, len(index), inner.isascii(), self._page, self._work, raw)

    # --- what a frame adds to the whole ---

    def _settle(
        self, frame: Frame, assigned: Assigned, filled: list[tuple[Table, Ints]], rejects: FrameRejects
    ) -> Iterator[Read]:
        """Keep what was not refused; account for it, and show the control records to the walk."""
        refused = rejects.mask
        control = [number for number, _ in assigned.rows if self.layout.kinds[number].is_control]
        rows_of = {number: numbers(rows) for number, rows in assigned.rows}
        places = sorted(place for number in control for place in rows_of[number].tolist())
        tally = Tally(places, frame.line)
        for table, index in filled:
            keep = None if refused is None or not refused[index].any() else ~refused[index]
            kept = index if keep is None else index[keep]
            self._account["control" if table.kind.is_control else "data"] += frame.taken(kept)
            table.place(frame.line + index, frame.at + frame.starts[index], keep)
            for path in self._summed:
                kind, _, field = path.partition(".")
                if kind == table.kind.name and not table.kind.is_control:
                    tally.sum(path, table.sums(field, len(index), keep, tally.cuts(index)))
        for number, index in rows_of.items():
            if number not in control:
                tally.count(self.layout.kinds[number].name, index, refused)
        strangers = np.union1d(assigned.unknown, [row for row, _, _ in assigned.ambiguous]).astype(np.intp)
        tally.count("", strangers, refused)
        marks = {
            place: mark for number in control for place, mark in self._marks(frame, number, rows_of[number], refused)
        }
        for item in tally.sequence(marks):
            self._walk.take(item)
        for table, _ in filled:
            if table.kind.is_control:
                yield from self._flushed(table)
        self._account["records"] += frame.count
        batch = rejects.batch(self._path)
        if batch is not None:
            self._account["rejected"] += frame.taken(rejects.rows)
            self._account["rejects"] += batch.num_rows
            yield Read(None, batch)

    def _marks(self, frame: Frame, number: int, index: Ints, refused: Mask | None) -> Iterator[tuple[int, Mark]]:
        """The frame's control records of one kind, each with its place."""
        table = self.tables[number]
        kind = table.kind
        values = iter(table.kept_values())
        for place in index.tolist():
            line, byte = frame.line + place, frame.at + int(frame.starts[place])
            if refused is not None and refused[place]:
                yield place, Mark(kind.name, line, byte, None)
                continue
            own, asked = next(values)
            count = len(kind.controls)
            if len(self.controls) < MOST_CONTROLS:
                shown = {field.name: own[field.name] for field in kind.fields if not field.personal}
                self.controls.append(ControlRecord(kind.name, line, byte, shown))
            yield place, Mark(kind.name, line, byte, own, asked[:count], asked[count:])

    def _flushed(self, table: Table) -> Iterator[Read]:
        batch = table.flush()
        if batch is not None:
            self._account["controls" if table.kind.is_control else "rows"] += batch.num_rows
            if table.name:
                yield Read(table.name, batch)


def read_batches(source: Source, layout: Layout, *, file: str, path: str, date: date | None = None) -> Iterator[Read]:
    """Stream a file's batches and rejects; memory does not grow with the file.

    Problems of the file as a whole (a trailer that does not agree, …) raise `DataRefused` after the last batch.
    """
    reader = Reader(layout, file=file, path=path, date=date)
    yield from reader.batches(source)
    problems = list(reader.problems)
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
    date: date | None = None,
    tolerance: Callable[[int, int], bool] = no_rejects,
    allow_empty: bool = False,
    one_part: bool = False,  # noqa: ARG001  # there is one part as long as there is one worker
    workers: int = 1,  # noqa: ARG001  # the ranges of a file are read one after the other
) -> Conversion:
    """Turn a file into Parquet parts in `sink`, and its rejects into one in `rejects` if there are any.

    `file` is its name in the feed and names the tables; `path` is what `_file` says. `tolerance(rejects, records)`
    tells whether so many rejects may be. The parts are written, and stay, even when the file is refused: whether it is
    usable the returned `problems` say.
    """
    reader = Reader(layout, file=file, path=path, date=date)
    tables = {table.name: table.schema for table in reader.tables if table.name}
    single = len(tables) == 1
    writers = {
        name: PartWriter(sink, "part-00000.parquet" if single else f"{name}-part-00000.parquet", name, schema)
        for name, schema in tables.items()
    }
    refused: PartWriter | None = None
    for read in reader.batches(source):
        if read.table is not None:
            writers[read.table].write(read.batch)
            continue
        if refused is None:
            refused = PartWriter(rejects, "part-00000.parquet", "rejects", SCHEMA)
        refused.write(read.batch)
    account = reader.account
    if not account.records and not allow_empty:
        reader.problems.add("empty", "the file has no records")
    if not tolerance(account.rejects, account.records):
        text = f"{account.rejects} of {account.records} records are rejected, more than the contract allows"
        reader.problems.add("rejects", text)
    sha256 = content_hash(reader.hashes.pieces)
    footer = {"layout": layout.name, "layout_digest": layout.digest, "source": path, "source_sha256": sha256}
    footer |= {"source_bytes": str(source.size), "records": str(account.records), "rejects": str(account.rejects)}
    parts = tuple(writer.close(footer) for writer in writers.values())
    return Conversion(
        parts=parts,
        rejects=(refused.close(footer),) if refused else (),
        tables={part.table: part.rows for part in parts},
        controls=tuple(reader.controls),
        account=account,
        problems=tuple(reader.problems),
        sha256=sha256,
        size=source.size,
    )

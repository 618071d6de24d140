"""Reading one file: blocks -> frames -> kinds -> columns -> batches and rejects, and what the whole adds up to.

Memory is constant: two blocks, one frame's worth of scratch, and one batch of each table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Layout, RecordKind
from posicional.ports import Source
from posicional.records import framing
from posicional.records.blocks import Block, Span, ahead, plain_blocks
from posicional.records.characters import in_characters
from posicional.records.columns import NO_TEXT, Fault
from posicional.records.controls import MOST_CONTROLS, Mark, Notes, Problems, Segment, Walk, check_balance, is_of_file
from posicional.records.conversion import Account, ControlRecord
from posicional.records.decode import check_supported
from posicional.records.descriptors import described_frames
from posicional.records.extent import extent, is_described
from posicional.records.framing import Frame, FramingLost
from posicional.records.hashing import Hashes
from posicional.records.kinds import NONE, Assigned, Kinds, numbers
from posicional.records.pages import page_of
from posicional.records.rejects import FrameRejects, Rejects
from posicional.records.rows import MARGIN, Index, Ints, Mask, Work
from posicional.records.sequences import Sequences
from posicional.records.tables import Table
from posicional.records.tally import Tally
from posicional.records.views import view_of

SMALL = 1 << 20  # bytes that are read and hashed before a helper thread would have begun


@dataclass(frozen=True, slots=True)
class Read:
    """Something that came out of a file: a batch of a table, or of rejects (`table` is None)."""

    table: str | None
    batch: pa.RecordBatch


class Reading:
    """Reads one file. When `batches` is through, the other attributes say what there was besides rows."""

    def __init__(
        self,
        layout: Layout,
        *,
        file: str,
        path: str,
        date: date | None,
        notes: Notes | None = None,
        compact: bool = False,
    ) -> None:
        check_supported(layout)
        self.layout = layout
        self.problems = Problems() if notes is None else notes
        self.controls: list[ControlRecord] = []
        self.hashes = Hashes()
        self._page = page_of(layout.encoding)
        self._kinds = Kinds(layout, self._page.blank)
        self._notes = notes
        self._walk = Walk(layout, date, self.problems if notes is None else Problems())
        self._grouped = any(kind.opens for kind in layout.kinds)
        names = {kind.name: table for table, kind in layout.tables(file).items()}
        self.tables = [
            Table(kind, names.get(kind.name, ""), path, grouped=self._grouped, compact=compact) for kind in layout.kinds
        ]
        self._summed = sorted({c.summed for kind in layout.kinds for c in kind.controls if c.what == "sum"})
        self._work = Work(framing.FRAME_ROWS)
        self._sequences = Sequences(layout, self._page, self._work)
        self._slack = max(kind.length for kind in layout.kinds) + 4 * MARGIN
        self._rejects = Rejects(path)
        self._account: Counter[str] = Counter()

    def batches(self, source: Source, *, hashed: bool = False) -> Iterator[Read]:
        """All batches of tables and rejects, in the order of the file. `hashed`: somebody else hashes it."""
        begin, end = extent(source, self.layout)
        stop = source.size if self._described else end  # the last described record may end in blanks
        yield from self._records(source, Span(0, source.size, begin, end), stop, None if hashed else self.hashes)
        framed = self._framed if self._described else end
        self._walk.finish()
        self._account["bytes"] = source.size if hashed else self.hashes.size
        self._account["ignored"] = begin + source.size - framed
        check_balance(self.account, self.problems)

    def part(self, source: Source, span: Span) -> Iterator[Read]:
        """The batches of one range, hashed elsewhere. What it says of the whole is left in its notes."""
        self._walk = Walk(self.layout, None, Problems(), span.opened)
        yield from self._records(source, span, span.end, None)

    def _records(self, source: Source, span: Span, stop: int, hashes: Hashes | None) -> Iterator[Read]:
        blocks = plain_blocks(source, hashes, span, stop, self._slack)
        if span.high - span.low > SMALL:
            blocks = ahead(blocks)
        self._framed = span.begin
        try:
            for frame in self._frames(blocks, span):
                self._framed = frame.end
                yield from self._frame(frame)
        except FramingLost as error:
            self._framed = stop
            self._lost(error, stop)
        for _ in blocks:  # what follows the last record is hashed as well
            pass
        for table in self.tables:
            yield from self._flushed(table)
        yield from self._refused(last=True)

    @property
    def account(self) -> Account:
        """Where every byte and record went."""
        return Account(**self._account)

    @property
    def _described(self) -> bool:
        """Whether records begin with their length."""
        return is_described(self.layout)

    def _frames(self, blocks: Iterator[Block], span: Span) -> Iterator[Frame]:
        layout = self.layout
        frames: Iterator[Frame]
        if self._described:
            frames = described_frames(blocks, span.end, blocked=layout.framing == "bdw")
        elif layout.framing == "fixed":
            frames = framing.fixed_frames(blocks, layout.kinds[0].length, span.line)
        else:
            frames = framing.newline_frames(blocks, frozenset(kind.length for kind in layout.kinds), span.line)
        if layout.unit == "chars" and self._page.utf8:
            return (part for frame in frames for part in in_characters(frame, self._slack))
        return frames

    def _lost(self, error: FramingLost, end: int) -> None:
        """What follows a place where framing was lost is one reject; it is read on for the hash alone."""
        where = f"line {error.line}, byte {error.at}"
        self.problems.add("structure", f"{error.reason} ({where}): is this the framing of the file?", error.line)
        self._follow(Segment(Counter({"": 1}), first=error.line))
        self._account += Counter({"records": 1, "rejects": 1, "rejected": end - error.at})
        self._rejects.lost(error.line, error.at, error.reason, error.raw)

    def _follow(self, item: Segment | Mark) -> int | None:
        """What follows next in the file, for the check of its control records; the group that it belongs to."""
        if self._notes is not None:
            self._notes.items.append(item)
        return self._walk.take(item)

    # --- one frame ---

    def _frame(self, frame: Frame) -> Iterator[Read]:
        rejects = FrameRejects(frame)
        assigned = self._assign(frame, rejects)
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

    def _assign(self, frame: Frame, rejects: FrameRejects) -> Assigned:
        """The kind of every record; those of none, or of two, are refused."""
        kinds = self.layout.kinds
        if frame.page is None:
            assigned = self._kinds.assign(frame)
        else:
            assigned = Kinds(self.layout, self._page.blank, frame.page).assign(frame)
        unknown = assigned.unknown
        if frame.undecodable is not None:
            assigned = assigned.without(frame.undecodable)
            rejects.add(frame.undecodable, "", None, NO_TEXT)
            unknown = np.setdiff1d(unknown, frame.undecodable)
        for row, first, second in assigned.ambiguous:
            both = f"{kinds[first].name} and {kinds[second].name}"
            line = frame.line + row
            text = f"line {line} is both {both}: make their conditions exclude one another"
            self.problems.add("ambiguous", text, line)
            rejects.add(np.array([row]), "", None, Fault("matches two kinds", f"one of {both}"))
        expected = "one of " + ", ".join(kind.name for kind in kinds)
        rejects.add(unknown, "", None, Fault("unknown kind", expected))
        return assigned

    def _fitting(self, frame: Frame, rows: slice | Index, kind: RecordKind, rejects: FrameRejects) -> slice | Index:
        """The records that are as long as their kind should be; the others are refused."""
        lengths = frame.lengths
        expected = f"{kind.length} {self.layout.unit}"
        short, long = Fault("too short", expected), Fault("too long", expected)
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
        view = view_of(frame, rows, table.kind.length, self._page, self._work)
        for refusal in table.fill(view):
            rejects.add(index[refusal.rows], table.kind.name, refusal.field, refusal.fault)

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
            table.place(frame.line + index, frame.offsets(index), keep)
            for path in self._summed:
                kind, _, field = path.partition(".")
                if kind == table.kind.name and not table.kind.is_control:
                    tally.sum(path, table.sums(field, len(index), keep, tally.cuts(index)))
        for number, index in rows_of.items():
            if number not in control:
                tally.count(self.layout.kinds[number].name, index, refused)
        tally.count("", assigned.strangers, refused)
        for key, sequence in self._sequences.read(frame, rows_of).items():
            tally.run(key, sequence)
        marks = {
            place: replace(mark, runs=tally.mark_runs.get(place, {}))
            for number in control
            for place, mark in self._marks(frame, number, rows_of[number], refused)
        }
        groups = self._walk_through(frame, tally, marks)
        for table, index in filled:
            if groups is not None:
                table.group(groups[index])
            if table.kind.is_control:
                yield from self._flushed(table)
        self._account["records"] += frame.count
        rows = self._rejects.take(rejects)
        if len(rows):
            self._account["rejected"] += frame.taken(rows)
            self._account["rejects"] += len(rows)
            yield from self._refused()

    def _walk_through(self, frame: Frame, tally: Tally, marks: Mapping[int, Mark]) -> Ints | None:
        """Check the frame's control records in their order; returns each record's group (0: none), if there are any."""
        begins, lines = [], []
        for place, item in tally.sequence(marks):
            begins.append(place)
            if isinstance(item, Mark):
                self._keep(item)
            lines.append(self._follow(item) or 0)
        if not self._grouped:
            return None
        return np.repeat(np.array(lines, np.int64), np.diff([*begins, frame.count]))

    def _marks(self, frame: Frame, number: int, index: Ints, refused: Mask | None) -> Iterator[tuple[int, Mark]]:
        """The frame's control records of one kind, each with its place."""
        table = self.tables[number]
        kind = table.kind
        values = iter(table.kept_values())
        for place in index.tolist():
            line, byte = frame.line + place, int(frame.offsets(slice(place, place + 1))[0])
            if refused is not None and refused[place]:
                yield place, Mark(kind.name, line, byte, None)
                continue
            own, asked = next(values)
            count = len(kind.controls)
            yield place, Mark(kind.name, line, byte, own, asked[:count], asked[count:])

    def _keep(self, mark: Mark) -> None:
        """Keep a control record to show, in the order of the file, without what is personal."""
        kind = next(kind for kind in self.layout.kinds if kind.name == mark.kind)
        if mark.values is not None and (len(self.controls) < MOST_CONTROLS or is_of_file(kind)):
            shown = {field.name: mark.values[field.name] for field in kind.fields if not field.personal}
            self.controls.append(ControlRecord(kind.name, mark.line, mark.byte, shown))

    def _flushed(self, table: Table) -> Iterator[Read]:
        batch = table.flush()
        if batch is not None:
            self._account["controls" if table.kind.is_control else "rows"] += batch.num_rows
            if table.name:
                yield Read(table.name, batch)

    def _refused(self, *, last: bool = False) -> Iterator[Read]:
        batch = self._rejects.batch(last=last)
        if batch is not None:
            yield Read(None, batch)

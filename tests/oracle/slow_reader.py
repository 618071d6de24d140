"""A reader that is slow and plainly right: one record after the other, the design's rules in their order.

`read` is what the fast reader must agree with: rows, rejects, control records, account and problems of any bytes under
any layout. Where the design leaves something open, the comment says what is taken here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from oracle import framing
from oracle.codepages import encode
from oracle.framing import Piece
from oracle.values import Bad, read_text, read_value
from posicional.contract.layout import Check, Control, Field, Layout, Match, RecordKind
from posicional.records.conversion import Account

Row = dict[str, Any]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be decoded. `reason` is a category: kind, ambiguous, short, long, frame, encoding, …"""

    line: int
    byte: int
    kind: str
    field: str
    reason: str
    raw: bytes


@dataclass(frozen=True)
class ControlSeen:
    """A header or trailer as it was read; personal fields are left out."""

    kind: str
    line: int
    byte: int
    values: Row


@dataclass
class Reading:
    """All that a file says under a layout. `problems` are (reason, line)."""

    tables: dict[str, list[Row]]
    rejects: list[Reject] = field(default_factory=list)
    controls: list[ControlSeen] = field(default_factory=list)
    account: Account = field(default_factory=Account)
    problems: list[tuple[str, int]] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether nothing stands against the file as a whole."""
        return not self.problems


@dataclass
class Scope:
    """What was counted since the file began, or since a group's header."""

    name: str
    line: int
    records: int = 0
    groups: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Decimal] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)


class Record:
    """One record's bytes, cut by positions of the layout's unit."""

    def __init__(self, layout: Layout, data: bytes) -> None:
        self.layout = layout
        # Only utf-8 has characters of several bytes; undecodable records have no positions at all.
        self.text = data.decode("utf-8") if counts_characters(layout) else None
        self.data = data
        self.length = len(data) if self.text is None else len(self.text)

    def cut(self, start: int, stop: int) -> bytes:
        """The bytes of [start, stop), filled with blanks where the record has ended (`short: pad`)."""
        if self.text is None:
            return self.data[start:stop].ljust(stop - start, encode(" ", self.layout.encoding))
        return self.text[start:stop].ljust(stop - start).encode()

    def matches(self, match: Match) -> bool:
        """Whether the condition's bytes stand in the record, cut-off blanks included where those are allowed."""
        stop = match.start + match.width
        return (stop <= self.length or self.layout.short == "pad") and self.cut(match.start, stop) in match.values


def counts_characters(layout: Layout) -> bool:
    """Whether positions are characters that may have several bytes."""
    return layout.unit == "chars" and layout.encoding.replace("_", "-") in {"utf-8", "utf8"}


def no_rejects(rejects: int, records: int) -> bool:  # noqa: ARG001
    """The tolerance of a contract that says nothing."""
    return rejects == 0


def read(
    data: bytes,
    layout: Layout,
    *,
    file: str = "file",
    key: str = "file.txt",
    date: date | None = None,
    allows: Callable[[int, int], bool] = no_rejects,
    allow_empty: bool = False,
) -> Reading:
    """Read a whole (decompressed) file. `allows(rejects, records)` is the tolerance; `date` the business date."""
    pieces, ignored = frame(data, layout)
    reader = Reader(layout, file, key, date)
    for line, piece in enumerate(pieces, start=1):
        reader.take(line, piece)
    if pieces:
        reader.finish(len(pieces))
    elif not allow_empty:
        reader.problem("empty", 0)
    reading = reader.reading
    if not allows(len(reading.rejects), len(pieces)):
        reader.problem("rejects", 0)
    reading.account = Account(
        bytes=len(data),
        data=reader.sizes["data"],
        control=reader.sizes["control"],
        rejected=reader.sizes["rejected"],
        ignored=ignored,
        records=len(pieces),
        rows=reader.counts["data"],
        rejects=reader.counts["rejected"],
        controls=reader.counts["control"],
    )
    return reading


def frame(data: bytes, layout: Layout) -> tuple[list[Piece], int]:
    """The file's records, and the number of bytes that are no record."""
    blank = encode(" ", layout.encoding)[0]
    match layout.framing:
        case "newline":
            return framing.newline(data, blank, utf8=layout.encoding in {"utf-8", "utf8", "utf_8"})
        case "fixed":
            return framing.fixed(data, blank, lambda at: _length_at(data, at, layout))
        case "rdw":
            return framing.rdw(data, blank, blocked=False)
        case "bdw":
            return framing.rdw(data, blank, blocked=True)


def _length_at(data: bytes, at: int, layout: Layout) -> int:
    """Length of the record at an offset of a file without line ends: that of its kind, where kinds differ."""
    lengths = {kind.length for kind in layout.kinds}
    if len(lengths) == 1:
        return lengths.pop()
    kinds = kinds_of(Record(layout, data[at : at + max(lengths)]), layout)
    return kinds[0].length if len(kinds) == 1 else 0


def kinds_of(record: Record, layout: Layout) -> list[RecordKind]:
    """The kinds whose conditions a record meets; where none is, the one that takes whatever is left."""
    named = [k for k in layout.kinds if not k.when.otherwise and all(record.matches(m) for m in k.when.matches)]
    return named or [k for k in layout.kinds if k.when.otherwise]


class Reader:
    """Takes the records of one file in their order and keeps what the design says is kept."""

    def __init__(self, layout: Layout, file: str, key: str, date: date | None) -> None:
        self.layout = layout
        self.key = key
        self.date = date
        self.names = {kind.name: table for table, kind in layout.tables(file).items()}
        self.reading = Reading({table: [] for table in layout.tables(file)})
        self.scopes = [Scope("file", 0)]
        self.sizes: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.expected: dict[tuple[str, int, int], int] = {}
        self.has_groups = any(kind.opens for kind in layout.kinds)

    def problem(self, reason: str, line: int) -> None:
        """Something stands against the file as a whole."""
        self.reading.problems.append((reason, line))

    def take(self, line: int, piece: Piece) -> None:
        """One record: its kind, its place among the others, its values, its controls."""
        kind: RecordKind | None = None
        record: Record | None = None
        values: Row = {}
        bad: Bad | None = None
        try:
            record = self._record(piece)
            kind = self._kind(record, line)
            self._place(kind, line)
            values = read_fields(kind.fields, record, 0) if self._fits(kind, record) else {}
        except Bad as found:
            bad = found
        if kind is None:
            self._note_place("", line)
        if piece.broken:
            self.problem("structure", line)
        group = self._count(kind, values if bad is None else None)
        if kind is not None and record is not None:
            self._sequence(kind, record, line)
            if not bad:
                self._check(kind, record, values, line)
            elif kind.checks:
                self.problem("header", line)
            self._control(kind, record, bad is not None, line)
        self._keep(kind, piece, line, values, bad, group)
        if kind is not None and kind.closes and self.scopes[-1].name == kind.closes:
            self.scopes.pop()

    def finish(self, last: int) -> None:
        """The file has ended: whatever had to come must have come."""
        for kind in self.layout.kinds:
            if is_of_file(kind) and kind.name not in self.seen:
                self.problem("structure", last)
        for _ in self.scopes[1:]:
            self.problem("structure", last)

    def _record(self, piece: Piece) -> Record:
        if piece.broken:
            raise Bad("frame")
        try:
            return Record(self.layout, piece.data)
        except UnicodeDecodeError:
            raise Bad("encoding") from None

    def _kind(self, record: Record, line: int) -> RecordKind:
        kinds = kinds_of(record, self.layout)
        if len(kinds) > 1:
            self.problem("ambiguous", line)
            raise Bad("ambiguous")
        if not kinds:
            raise Bad("kind")
        return kinds[0]

    def _fits(self, kind: RecordKind, record: Record) -> bool:
        if record.length > kind.length:
            raise Bad("long")
        if record.length < kind.length and self.layout.short == "reject":
            raise Bad("short")
        return True

    def _place(self, kind: RecordKind, line: int) -> None:
        """The file's header first, its trailer last, once each; groups opened and closed like brackets."""
        if is_of_file(kind):
            headers = {k.name for k in self.layout.kinds if is_of_file(k) and k.role == "header"}
            if kind.name in self.seen or (kind.role == "header" and any(name not in headers for name in self.seen)):
                self.problem("structure", line)
        self._note_place(kind.name, line)
        if kind.opens:
            if any(scope.name == kind.opens for scope in self.scopes[1:]):
                self.problem("structure", line)
            for scope in self.scopes:
                scope.groups += 1
            self.scopes.append(Scope(kind.opens, line))
            self.expected = {key: number for key, number in self.expected.items() if key[0] != kind.opens}
        elif kind.closes and self.scopes[-1].name != kind.closes:
            self.problem("structure", line)
            if any(scope.name == kind.closes for scope in self.scopes[1:]):
                while self.scopes[-1].name != kind.closes:
                    self.scopes.pop()
        elif is_of_file(kind) and kind.role == "trailer" and len(self.scopes) > 1:
            self.problem("structure", line)
            del self.scopes[1:]

    def _note_place(self, name: str, line: int) -> None:
        trailers = {kind.name for kind in self.layout.kinds if is_of_file(kind) and kind.role == "trailer"}
        if name not in trailers and any(seen in trailers for seen in self.seen):
            self.problem("structure", line)
        self.seen.add(name)

    def _count(self, kind: RecordKind | None, values: Row | None) -> int | None:
        """Count the record in every scope that is open; returns the line of its group's header."""
        for scope in self.scopes:
            scope.records += 1
            if kind is None:
                continue
            scope.kinds[kind.name] += 1
            if values is None:
                scope.rejected.add(kind.name)
            for name, value in (values or {}).items():
                if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                    path = f"{kind.name}.{name}"
                    scope.sums[path] = scope.sums.get(path, Decimal(0)) + value
        return self.scopes[-1].line if len(self.scopes) > 1 else None

    def _sequence(self, kind: RecordKind, record: Record, line: int) -> None:
        rule = kind.sequence
        if rule is None:
            return
        # Kinds that number at the same place share one count, as the records of a CNAB file do.
        key = (rule.per, rule.field.start, rule.field.width)
        expected = self.expected.get(key, rule.first)
        try:
            number = read_fields((rule.field,), record, 0)[rule.field.name]
        except Bad:
            number = expected
        if number != expected:
            self.problem("structure", line)
        self.expected[key] = (expected if number is None else int(number)) + 1

    def _check(self, kind: RecordKind, record: Record, values: Row, line: int) -> None:
        for check in kind.checks:
            if not self._agrees(check, kind, record, values):
                self.problem("header", line)

    def _agrees(self, check: Check, kind: RecordKind, record: Record, values: Row) -> bool:
        if check.is_date:
            return self.date is None or values[check.field] == self.date
        checked = next(f for f in kind.fields if f.name == check.field)
        return read_text(checked, record.cut(checked.start, checked.stop), self.layout.encoding) == check.equals

    def _control(self, kind: RecordKind, record: Record, rejected: bool, line: int) -> None:
        if kind.closes and self.scopes[-1].name != kind.closes:
            return
        for control in kind.controls:
            # A figure that stands in a record which cannot be read verifies nothing.
            if rejected or not self._controls(control, record):
                self.problem("control", line)

    def _controls(self, control: Control, record: Record) -> bool:
        try:
            figure = read_fields((control.field,), record, 0)[control.field.name]
        except Bad:
            return False
        if control.zero_unfilled and not figure:
            return True
        scope = self.scopes[-1]
        if control.what == "sum":
            kind = control.summed.partition(".")[0]
            return kind not in scope.rejected and figure == scope.sums.get(control.summed, Decimal(0))
        details = {kind.name for kind in self.layout.details}
        counted: Mapping[str, int] = {
            "all": scope.records,
            "group": scope.groups,
            "detail": sum(scope.kinds[name] for name in details),
            "kinds": sum(scope.kinds[name] for name in control.kinds),
        }
        return bool(figure == counted[control.of])

    def _keep(
        self, kind: RecordKind | None, piece: Piece, line: int, values: Row, bad: Bad | None, group: int | None
    ) -> None:
        if kind is None or bad is not None:
            bad = bad or Bad("kind")
            self._add("rejected", piece)
            name = kind.name if kind else ""
            self.reading.rejects.append(Reject(line, piece.byte, name, bad.field, bad.reason, piece.data))
            return
        if kind.is_control:
            self._add("control", piece)
            shown = {f.name: values[f.name] for f in kind.fields if not f.personal}
            self.reading.controls.append(ControlSeen(kind.name, line, piece.byte, shown))
        else:
            self._add("data", piece)
        if kind.name in self.names:
            row = values | {"_file": self.key, "_line": line, "_byte": piece.byte}
            if self.has_groups:
                row["_group"] = group
            self.reading.tables[self.names[kind.name]].append(row)

    def _add(self, account: str, piece: Piece) -> None:
        self.sizes[account] += piece.size
        self.counts[account] += 1


def is_of_file(kind: RecordKind) -> bool:
    """A header or trailer of the whole file, not of a group."""
    return kind.is_control and not kind.opens and not kind.closes


def read_fields(fields: tuple[Field, ...], record: Record, base: int) -> Row:
    """The values of fields whose positions count from `base`. Raises `Bad` for the first one that is wrong."""
    values: Row = {}
    for one in fields:
        try:
            values[one.name] = _read_field(one, record, base + one.start)
        except Bad as bad:
            raise Bad(bad.reason, f"{one.name}.{bad.field}" if bad.field else one.name) from None
    return values


def _read_field(one: Field, record: Record, start: int) -> Any:
    found = []
    for occurrence in range(one.repeat):
        at = start + occurrence * one.width
        stop = at + one.width
        if one.type == "group":
            found.append(read_fields(one.fields, record, at))
        elif stop > record.length and (one.type != "string" or one.required):
            # Blanks may stand for text that a transfer has cut off, never for a number, a date or a required field.
            raise Bad("short")
        else:
            found.append(read_value(one, record.cut(at, stop), record.layout.encoding))
    return found if one.repeat > 1 or one.type == "group" else found[0]

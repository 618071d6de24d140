"""What is found out about a file while a layout is tried on it: refused records by kind, bad values by field, bytes.

Reading says exactly how much is bad. Of the records themselves only the first ones are kept, up to a bound.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from posicional.contract.layout import Field, Layout, RecordKind
from posicional.ports import Source
from posicional.records.conversion import Account, Problem
from posicional.records.probe import Cells, Leaf, Probed, leaves_of
from posicional.records.reading import Reading

KEPT_RECORDS, KEPT_BYTES = 2_000, 4 << 20
SPELLINGS = 10_000
HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is probably bad, and what to do. `kind` and `field` are empty where it is not of one."""

    text: str
    hint: str = ""
    kind: str = ""
    field: str = ""


@dataclass(slots=True)
class Kept:
    """The first records of some sort, and how many there are."""

    count: int = 0
    contents: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, content: bytes) -> None:
        """One more."""
        self.count += 1
        if len(self.contents) < KEPT_RECORDS and self.size < KEPT_BYTES:
            self.contents.append(content)
            self.size += len(content)


@dataclass(slots=True)
class FieldSeen:
    """One value of a kind of record: how often it is bad, why, and how the bad ones are spelled."""

    leaf: Leaf
    bad: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str | bytes] = field(default_factory=Counter)

    def add(self, reason: str, probed: Probed, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        """More values that are bad for one reason."""
        self.bad += len(rows)
        self.reasons[reason] += len(rows)
        if len(self.spellings) < SPELLINGS:
            self.spellings += probed.spelled(self.leaf, rows)


@dataclass(slots=True)
class KindSeen:
    """One kind of record. `misfits` are refused as a whole (`reasons`), `suspects` for a field; the rest are rows."""

    kind: RecordKind
    leaves: tuple[Leaf, ...]
    rows: int = 0
    misfits: Kept = field(default_factory=Kept)
    suspects: Kept = field(default_factory=Kept)
    reasons: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    fields: dict[str, FieldSeen] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """All records of the kind."""
        return self.rows + self.suspects.count + self.misfits.count


@dataclass(slots=True)
class Evidence:
    """All that was found out. `strangers` are of no kind or of two; `sample` are the first records, whatever they are.

    `first` are the first lines of each kind (empty name: of none), with what a record is refused for as a whole.
    """

    layout: Layout
    size: int
    head: bytes
    kinds: dict[str, KindSeen]
    account: Account = field(default_factory=Account)
    problems: tuple[Problem, ...] = ()
    strangers: Kept = field(default_factory=Kept)
    strange: Counter[str] = field(default_factory=Counter)
    sample: Kept = field(default_factory=Kept)
    first: dict[str, dict[int, str]] = field(default_factory=dict)
    found: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def length(self, content: bytes) -> int:
        """A record's length in the layout's unit."""
        chars = self.layout.unit == "chars" and self.layout.encoding == "utf-8"
        return len(content.decode(errors="replace")) if chars else len(content)


def gather(source: Source, layout: Layout, first: int) -> Evidence:
    """Read the file: once for what is bad, and once more for `first` records of each kind as they stand there."""
    head = bytearray(min(HEAD, source.size))
    with source.open(0, len(head)) as stream:
        head[:] = stream.read(len(head))
    kinds = {kind.name: KindSeen(kind, leaves_of(kind)) for kind in layout.kinds}
    evidence = Evidence(layout, source.size, bytes(head), kinds)
    _read(evidence, source, first)
    _read_plainly(evidence, source)
    return evidence


# --- what is bad ---


def _read(evidence: Evidence, source: Source, first: int) -> None:
    """Read with the layout as it is; control records are tables as well, so that they are counted."""
    layout = evidence.layout
    shown = replace(layout, kinds=tuple(replace(kind, table=kind.is_control) for kind in layout.kinds))
    reading = Reading(shown, file="file", path="", date=None)
    kind_of = {table: kind.name for table, kind in shown.tables("file").items()}
    for read in reading.batches(source):
        if read.table is None:
            _refused(evidence, read.batch, first)
            continue
        name = kind_of[read.table]
        evidence.kinds[name].rows += read.batch.num_rows
        lines = evidence.first.setdefault(name, {})
        wanted = first - sum(not why for why in lines.values())
        lines |= dict.fromkeys(read.batch["_line"].slice(0, max(wanted, 0)).to_pylist(), "")
    evidence.account = reading.account
    evidence.problems = tuple(reading.problems)
    for name, lines in evidence.first.items():
        evidence.first[name] = {line: lines[line] for line in sorted(lines)[:first]}


def _refused(evidence: Evidence, batch: pa.RecordBatch, first: int) -> None:
    columns = [batch[name].to_pylist() for name in ("line", "kind", "field", "start", "stop", "reason", "raw")]
    suspects: dict[str, list[_Suspect]] = {}
    lines = {name: sum(map(bool, known.values())) for name, known in evidence.first.items()}
    for line, name, own, start, stop, reason, raw in zip(*columns, strict=True):
        seen = evidence.kinds.get(name)
        if lines.setdefault(name or "", 0) < first:
            lines[name or ""] += 1
            why = reason if own is None else f"{own}: {reason}"
            evidence.first.setdefault(name or "", {})[line] = why
        if seen is None:
            evidence.strangers.add(raw)
            evidence.strange[reason] += 1
        elif own is None:
            seen.misfits.add(raw)
            seen.reasons[reason] += 1
            seen.lengths[evidence.length(raw)] += 1
        else:
            seen.suspects.add(raw)
            suspects.setdefault(name, []).append(_Suspect(own, start, stop, reason, raw))
    for name, records in suspects.items():
        _probe(evidence.kinds[name], records, evidence.layout)


class _Suspect(NamedTuple):
    """A record that is refused for a field, the first that is bad."""

    field: str
    start: int
    stop: int
    reason: str
    raw: bytes


def _probe(seen: KindSeen, records: list[_Suspect], layout: Layout) -> None:
    """Find all fields that are bad in records of which reading has told the first."""
    cells = Cells([record.raw for record in records], layout, seen.kind.length)
    explained = np.zeros(len(records), bool)
    for leaf in seen.leaves:
        probed = cells.take(leaf)
        for bad in probed.bad:
            seen.fields.setdefault(leaf.name, FieldSeen(leaf)).add(bad.fault.reason, probed, bad.rows)
            explained[bad.rows // len(leaf.starts)] = True
    by_name = {leaf.name: leaf for leaf in seen.leaves}
    for row in np.flatnonzero(~explained).tolist():  # refused for something that no field of its own shows
        told = records[row]
        plain = Field(told.field, 0, told.stop - told.start + 1, "string")
        leaf = by_name.get(told.field) or Leaf(told.field, plain, (told.start - 1,), personal=True)
        one = seen.fields.setdefault(told.field, FieldSeen(leaf))
        one.bad += 1
        one.reasons[told.reason] += 1


# --- what stands there ---


def _read_plainly(evidence: Evidence, source: Source) -> None:
    """Read the records as they stand in the file, kinds told apart and nothing decoded, as far as they are wanted."""
    layout = evidence.layout
    wanted = {line for lines in evidence.first.values() for line in lines}
    text = layout.unit == "chars" and layout.encoding == "utf-8"
    whole = tuple(
        RecordKind(
            kind.name,
            "detail",
            kind.when,
            kind.length,
            (Field("raw", 0, kind.length, "string" if text else "bytes", trim="none"),),
        )
        for kind in layout.kinds
    )
    reading = Reading(replace(layout, kinds=whole), file="file", path="", date=None)
    lengths = {table: kind.length for table, kind in replace(layout, kinds=whole).tables("file").items()}
    for read in reading.batches(source):
        names = ("raw", "line", "byte") if read.table is None else ("raw", "_line", "_byte")
        raws, lines, places = (read.batch[name] for name in names)
        blank = b" " * lengths.get(read.table or "", 0)
        room = max(0, KEPT_RECORDS - evidence.sample.count)
        for raw in raws.slice(0, room).to_pylist():
            evidence.sample.add(_as_bytes(raw, blank))
        hits = np.flatnonzero(np.isin(lines.to_numpy(), list(wanted)))
        for row in hits.tolist():
            content = _as_bytes(raws[row].as_py(), blank)
            evidence.found[lines[row].as_py()] = places[row].as_py(), content
        wanted -= evidence.found.keys()
        if not wanted and evidence.sample.count >= KEPT_RECORDS:
            return


def _as_bytes(raw: str | bytes | None, blank: bytes) -> bytes:
    if raw is None:  # a text of nothing but blanks
        return blank
    return raw.encode() if isinstance(raw, str) else raw

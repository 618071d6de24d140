"""Running numbers in records: gaps and repeats, found in every stretch of a file apart and joined afterwards.

Kinds that number at the same positions, per the same file or group, share one count, as the records of a CNAB file do.
A number that cannot be read counts as the one that was expected: the record is a reject already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posicional.contract.layout import Layout, RecordKind
from posicional.records.decode import column_of
from posicional.records.framing import Frame
from posicional.records.numbers import NumberColumn
from posicional.records.pages import Page
from posicional.records.rows import Index, Ints, Mask, Work
from posicional.records.views import view_of

Key = tuple[str, int, int]
"""What shares one count: per file or group, start, width."""

MOST_BREAKS = 50  # of one run


@dataclass(frozen=True, slots=True)
class Break:
    """A number that does not follow the one before, or is not there (None).

    `expected`: None where that depends on what stands in front of the run; `place`: how many of the run come before.
    """

    line: int
    number: int | None
    expected: int | None
    place: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring numbers of one count: how many; the first and last that could be read, with their places."""

    count: int
    first: Break | None
    last: tuple[int, int] | None
    breaks: tuple[Break, ...] = ()

    def after(self, expected: int) -> int:
        """The number expected behind the run, if `expected` was expected at its beginning."""
        if self.last is None:
            return expected + self.count
        place, number = self.last
        return number + self.count - place


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one count in a frame, one for each of `rows` (ascending)."""

    rows: Index
    values: Ints
    readable: Mask
    missing: Mask
    line: int

    def run(self, begin: int, end: int) -> Run:
        """Those from number `begin` up to `end`."""
        places = np.flatnonzero(self.readable[begin:end])
        values = self.values[begin:end][places]
        lines = self.line + self.rows[begin:end]
        expected = values[:-1] + np.diff(places)
        broken = np.flatnonzero(values[1:] != expected)[:MOST_BREAKS]
        breaks = [
            Break(int(lines[places[k + 1]]), int(values[k + 1]), int(expected[k]), int(places[k + 1]))
            for k in broken.tolist()
        ]
        for place in np.flatnonzero(self.missing[begin:end])[:MOST_BREAKS].tolist():
            before = int(np.searchsorted(places, place)) - 1
            wanted = int(values[before]) + place - int(places[before]) if before >= 0 else None
            breaks.append(Break(int(lines[place]), None, wanted, place))
        if not len(places):
            return Run(end - begin, None, None, tuple(breaks))
        first, last = int(places[0]), int(places[-1])
        opening = Break(int(lines[first]), int(values[0]), None, first)
        return Run(end - begin, opening, (last, int(values[-1])), tuple(breaks))


class Sequences:
    """Reads the running numbers of a layout's records."""

    def __init__(self, layout: Layout, page: Page, work: Work) -> None:
        self._layout = layout
        self._page = page
        self._work = work
        self._columns = {
            number: column_of(kind.sequence.field) for number, kind in enumerate(layout.kinds) if kind.sequence
        }

    def read(self, frame: Frame, rows_of: Mapping[int, Index]) -> dict[Key, Numbers]:
        """The numbers of a frame's records, by count; `rows_of` has the records of each kind (by number)."""
        found: dict[Key, list[Numbers]] = {}
        for number, column in self._columns.items():
            rows = rows_of.get(number)
            key = key_of(self._layout.kinds[number])
            if rows is not None and key is not None and isinstance(column, NumberColumn):
                found.setdefault(key, []).append(self._numbers(frame, rows, column))
        return {key: _merged(parts) for key, parts in found.items()}

    def _numbers(self, frame: Frame, rows: Index, column: NumberColumn) -> Numbers:
        column.begin(len(rows))
        bad = column.take(view_of(frame, rows, column.field.stop, self._page, self._work), 0)
        readable = np.ones(len(rows), bool)
        nulls = column.null_of(0, len(rows))
        missing = np.zeros(len(rows), bool) if nulls is None else nulls.copy()
        for one in bad:
            readable[one.rows] = missing[one.rows] = False
        return Numbers(rows, column.values.copy(), readable & ~missing, missing, frame.line)


def key_of(kind: RecordKind) -> Key | None:
    """The count that a kind's records belong to."""
    rule = kind.sequence
    return (rule.per, rule.field.start, rule.field.width) if rule else None


def _merged(parts: list[Numbers]) -> Numbers:
    """The numbers of several kinds in the order of their records."""
    if len(parts) == 1:
        return parts[0]
    order = np.argsort(np.concatenate([part.rows for part in parts]), kind="stable")
    rows, values, readable, missing = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("rows", "values", "readable", "missing")
    )
    return Numbers(rows, values, readable, missing, parts[0].line)

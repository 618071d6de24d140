"""Which kind each record of a frame is: the layout's conditions, evaluated for all records at once.

A condition of up to eight bytes is one comparison of words; longer ones are several. Nothing is copied: the words are
read where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posicional.contract.layout import Layout, Match
from posicional.records.framing import Frame
from posicional.records.pages import Page
from posicional.records.rows import Index, Ints, Mask, Words


@dataclass(frozen=True, slots=True)
class Piece:
    """Up to eight bytes at `start` must, under `mask`, be one of `words` (little-endian)."""

    start: int
    mask: int
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """All pieces of one alternative hold. `stop`: how long a record must be at least."""

    stop: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Assigned:
    """The records of a frame by kind.

    `rows`: (kind's number, its records: a slice where they are neighbours); `unknown`: records of no kind; `ambiguous`:
    (record, first kind, second kind) for records that match two.
    """

    rows: tuple[tuple[int, slice | Index], ...]
    unknown: Index
    ambiguous: tuple[tuple[int, int, int], ...]

    @property
    def strangers(self) -> Index:
        """All records that are not known to be of one kind, ascending."""
        if not self.ambiguous:
            return self.unknown
        return np.union1d(self.unknown, [row for row, _, _ in self.ambiguous]).astype(np.intp)

    def without(self, rows: Index) -> Assigned:
        """The same with some records made unknown, whatever they seemed to be."""
        left = [(number, np.setdiff1d(numbers(own), rows)) for number, own in self.rows]
        ambiguous = tuple(one for one in self.ambiguous if one[0] not in rows)
        return Assigned(tuple((n, own) for n, own in left if len(own)), np.union1d(self.unknown, rows), ambiguous)


NONE: Index = np.empty(0, np.intp)


class Kinds:
    """The compiled conditions of a layout.

    `page`: that of a frame which was rewritten; the conditions are rewritten too. None: as they stand in the file.
    """

    def __init__(self, layout: Layout, blank: int, page: Page | None = None) -> None:
        # A single kind without conditions takes every record.
        single = len(layout.kinds) == 1 and not layout.kinds[0].when.matches
        named = [(n, kind) for n, kind in enumerate(layout.kinds) if not (kind.when.otherwise or single)]
        self._tests = [(number, [_compile(match, page) for match in kind.when.matches]) for number, kind in named]
        others = [number for number, kind in enumerate(layout.kinds) if kind.when.otherwise or single]
        self._otherwise = others[0] if others else None
        self._padded = layout.short == "pad"
        self._blanks = int.from_bytes(bytes([blank]) * 8, "little")

    def assign(self, frame: Frame) -> Assigned:
        """The kind of every record."""
        count = frame.count
        if not self._tests and self._otherwise is not None:
            return Assigned(((self._otherwise, slice(0, count)),), NONE, ())
        found: list[tuple[int, Mask]] = []
        for number, matches in self._tests:
            mask = self._holds(frame, matches)
            if mask.any():
                found.append((number, mask))
        taken, ambiguous = _overlaps(found, count)
        if self._otherwise is not None:
            found.append((self._otherwise, ~taken))
            unknown = NONE
        else:
            unknown = np.flatnonzero(~taken) if found else np.arange(count)
        clear = [(number, _rows(mask & ~ambiguous if ambiguous.any() else mask)) for number, mask in found]
        doubtful = tuple(_pair(int(row), found) for row in np.flatnonzero(ambiguous))
        return Assigned(tuple(item for item in clear if _some(item[1])), unknown, doubtful)

    def _holds(self, frame: Frame, matches: list[list[Test]]) -> Mask:
        """Which records meet all matches of a kind."""
        mask = np.ones(frame.count, bool)
        for alternatives in matches:
            one = np.zeros(frame.count, bool)
            for test in alternatives:
                one |= self._meets(frame, test)
            mask &= one
        return mask

    def _meets(self, frame: Frame, test: Test) -> Mask:
        mask = np.ones(frame.count, bool)
        for piece in test.pieces:
            words = self._words(frame, piece.start)
            words &= np.uint64(piece.mask)
            equal = words == np.uint64(piece.words[0])
            for word in piece.words[1:]:
                equal |= words == np.uint64(word)
            mask &= equal
        if not self._padded and (isinstance(frame.lengths, np.ndarray) or frame.lengths < test.stop):
            mask &= frame.lengths >= test.stop
        return mask

    def _words(self, frame: Frame, start: int) -> Words:
        """Eight bytes at `start` of every record, copied; blanks behind its end where short records are padded."""
        if frame.stride:
            words: Words = np.ndarray(
                (frame.count,), "<u8", frame.data.data, int(frame.starts[0]) + start, (frame.stride,)
            ).copy()
        else:
            at = np.minimum(frame.starts + start, len(frame.data) - 8)
            words = np.ndarray((len(frame.data) - 7,), "<u8", frame.data.data, 0, (1,))[at]
        if self._padded:
            left = np.clip(frame.lengths - start, 0, 8) * np.ones(frame.count, np.int64)
            cut = left < 8
            if cut.any():
                keep = (np.uint64(1) << (left[cut] * 8).astype(np.uint64)) - np.uint64(1)
                words[cut] = (words[cut] & keep) | (np.uint64(self._blanks) & ~keep)
        return words


def _compile(match: Match, page: Page | None) -> list[Test]:
    """The alternatives of a match: one where its values fit one word, else one for each value; none if none can be."""
    values = list(match.values) if page is None else [page.encode(value.decode()) for value in match.values]
    known = tuple(value for value in values if value is not None and len(value) == match.width)
    groups = [known] if match.width <= 8 else [(value,) for value in known]
    return [Test(match.start + match.width, _pieces(match.start, values)) for values in groups if values]


def _pieces(start: int, values: tuple[bytes, ...]) -> tuple[Piece, ...]:
    made = []
    for at in range(0, len(values[0]), 8):
        parts = [value[at : at + 8] for value in values]
        mask = (1 << (8 * len(parts[0]))) - 1
        made.append(Piece(start + at, mask, tuple(int.from_bytes(part, "little") for part in parts)))
    return tuple(made)


def _overlaps(found: list[tuple[int, Mask]], count: int) -> tuple[Mask, Mask]:
    """Which records have a kind, and which have more than one."""
    taken = np.zeros(count, bool)
    twice = np.zeros(count, bool)
    for _, mask in found:
        twice |= taken & mask
        taken |= mask
    return taken, twice


def _pair(row: int, found: list[tuple[int, Mask]]) -> tuple[int, int, int]:
    first, second = [number for number, mask in found if mask[row]][:2]
    return row, first, second


def _rows(mask: Mask) -> slice | Index:
    index = np.flatnonzero(mask)
    if len(index) and int(index[-1]) - int(index[0]) + 1 == len(index):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _some(rows: slice | Index) -> bool:
    return isinstance(rows, slice) or len(rows) > 0


def numbers(rows: slice | Index) -> Ints:
    """The records' numbers as an array."""
    return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows.astype(np.int64, copy=False)

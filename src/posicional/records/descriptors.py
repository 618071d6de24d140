"""Mainframe records that begin with their length: `rdw`, and `bdw`, where such records stand in blocks.

A descriptor is a big-endian length that counts its own four bytes, and two zeros. A chain of descriptors can only be
followed one by one, but neighbours are often equally long: a run of equal descriptors is found with one comparison.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from posicional.records.blocks import Block
from posicional.records.framing import FRAME_BYTES, FRAME_ROWS, LONGEST, SHOWN, Frame, FramingLost, joined
from posicional.records.rows import Bytes

SIZE = 4
_SHORT_RUN = 8  # after a run shorter than this …
_SINGLY = 256  # … so many records are followed one by one before a run is looked for again


def described_frames(blocks: Iterator[Block], tail: int, *, blocked: bool, line: int = 1) -> Iterator[Frame]:
    """Frames of records with descriptors. From `tail` on the stream is hollow: no record or block begins there.

    Raises `FramingLost` at the first descriptor that cannot be one, and where the stream ends within a record.
    """
    rest: Bytes = np.empty(0, np.uint8)
    for block in blocks:
        data, pos = joined(rest, block)
        at = block.at - block.begin
        walk = _Walk(data, pos, block.end, tail - at, blocked=blocked)
        while frame := walk.frame(at, line):
            line += frame.count
            yield frame
        rest = data[walk.done : block.end].copy()
        if block.last and len(rest) and walk.done < walk.tail:
            walk.reason = walk.reason or "the file ends within a record"
        if walk.reason:
            raise FramingLost(walk.reason, at + walk.done, line, _more(rest, blocks))


def _more(rest: Bytes, blocks: Iterator[Block]) -> Bytes:
    """As much of what follows as a reject shows, however small the blocks are."""
    parts, size = [rest], len(rest)
    while size < SHOWN and (block := next(blocks, None)):
        parts.append(block.data[block.begin : block.end].copy())
        size += len(parts[-1])
    return np.concatenate(parts)


class _Walk:
    """Follows descriptors through the bytes [pos, end) of `data`. Up to `done` they have become records."""

    def __init__(self, data: Bytes, pos: int, end: int, tail: int, *, blocked: bool) -> None:
        self.done = pos
        self.tail = tail
        self.reason = ""
        self._data = data
        self._view = memoryview(data.data)
        self._pos = pos
        self._end = end
        self._blocked = blocked
        self._stop = pos if blocked else end  # of the block that the walk is in
        self._singly = 0

    def frame(self, at: int, line: int) -> Frame | None:
        """The next records, as many as fit a frame; None when these bytes hold no more whole ones."""
        first = self.done
        runs: list[tuple[int, int, int]] = []  # (place of the first descriptor, length, how many)
        count = 0
        while count < FRAME_ROWS and self.done - first < FRAME_BYTES and (run := self._run(FRAME_ROWS - count)):
            runs.append(run)
            count += run[2]
        if not runs:
            return None
        heads = np.concatenate([np.arange(n, dtype=np.int64) * length + pos for pos, length, n in runs])
        lengths = np.repeat([length for _, length, _ in runs], [n for _, _, n in runs])
        extents = np.diff(heads + lengths, prepend=first)
        plain = bool(self._data[first : self.done].max() < 128)
        size = int(lengths[0])
        if (extents == size).all() and (lengths == size).all():
            return Frame(self._data, heads + SIZE, size - SIZE, size, size, at, line, plain)
        return Frame(self._data, heads + SIZE, lengths - SIZE, extents, 0, at, line, plain)

    def _run(self, most: int) -> tuple[int, int, int] | None:
        """The next records, equally long: where the first descriptor stands, their length with it, how many."""
        if self.reason or (self._blocked and self._pos == self._stop and not self._enter_block()):
            return None
        if not self._blocked and (self._pos >= self.tail or self._pos + SIZE > self._end):
            return None
        pos, view = self._pos, self._view
        length = view[pos] << 8 | view[pos + 1]
        if length < SIZE or view[pos + 2] or view[pos + 3] or (self._blocked and pos + length > self._stop):
            self.reason = "no record begins here" + (", or it leaves its block" if self._blocked else "")
            return None
        if pos + length > self._stop:
            return None
        count = 1
        if self._singly:
            self._singly -= 1
        else:
            count = self._equal(pos, length, most)
            self._singly = _SINGLY if count < _SHORT_RUN else 0
        self._pos = self.done = pos + count * length
        return pos, length, count

    def _equal(self, pos: int, length: int, most: int) -> int:
        """How many records from `pos` on have equal descriptors."""
        count = min((self._stop - pos) // length, most)
        if not self._blocked:
            count = min(count, -(-(self.tail - pos) // length))
        heads = np.ndarray((count,), "<u4", self._data.data, pos, (length,))
        equal = heads == heads[0]
        return count if equal.all() else int(equal.argmin())

    def _enter_block(self) -> bool:
        """Step over a block's descriptor; False if no whole block stands here."""
        pos, view = self._pos, self._view
        if pos >= self.tail or pos + SIZE > self._end:
            return False
        head = bytes(view[pos : pos + SIZE])
        # With the highest bit the length has 31 bits, else 15 and two zeros behind.
        length = int.from_bytes(head, "big") & 0x7FFFFFFF if head[0] & 0x80 else int.from_bytes(head[:2], "big")
        if length < 2 * SIZE or length > LONGEST or not (head[0] & 0x80 or head[2:] == b"\0\0"):
            self.reason = "no block begins here"
            return False
        if pos + length > self._end:
            return False
        self._pos, self._stop = pos + SIZE, pos + length
        return True

"""Framing: blocks of bytes -> frames, small runs of whole records that fit the processor's cache.

A frame of equal-length records is an address computation (`stride`), nothing is copied. It is taken only when it is
proven: the line end stands at the end of every record and nowhere else. Any other bytes take the ragged path, which
looks for every line end.

The end of a file is found before reading starts (`data_end`): trailing blank lines and 0x1A belong to no record.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from posicional.ports import Source
from posicional.records.blocks import ROOM, Block
from posicional.records.hashing import PIECE, read_exactly
from posicional.records.pages import Page
from posicional.records.rows import Bytes, Index, Ints, Mask

LF, CR, EOF = 0x0A, 0x0D, 0x1A
LONGEST = 16 << 20  # a record longer than this is taken for a wrong framing
SHOWN = 1 << 16  # bytes that a reject holds of a file that cannot be framed
FRAME_BYTES = 2 << 20
FRAME_ROWS = 1 << 14
BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Frame:
    """Consecutive records. Record i's content is `lengths[i]` bytes of `data` from `starts[i]`.

    `extents` are all the bytes a record takes, line end or descriptor included. Plain ints stand for equal ones. With
    `stride` (else 0) the records are equally long and equally far apart. `at`: the stream's offset of `data[0]`.
    `line`: of the first record. `ascii`: every byte of every record is proven to be below 128. A frame that was
    rewritten (`characters`) has a `page` of its own and the `origin` it was made of; some records may be `undecodable`.
    """

    data: Bytes
    starts: Ints
    lengths: Ints | int
    extents: Ints | int
    stride: int
    at: int
    line: int
    ascii: bool
    page: Page | None = None
    origin: Frame | None = None
    undecodable: Index | None = None

    @property
    def count(self) -> int:
        """Number of records."""
        return len(self.starts)

    @property
    def end(self) -> int:
        """Where in the stream the last record's content ends."""
        frame = self.origin or self
        return frame.at + int(frame.starts[-1]) + frame.length(frame.count - 1)

    def length(self, row: int) -> int:
        """Bytes of one record's content."""
        return self.lengths if isinstance(self.lengths, int) else int(self.lengths[row])

    def offsets(self, rows: Index | Ints | slice) -> Ints:
        """Where in the stream the content of some of the records begins."""
        frame = self.origin or self
        return frame.at + frame.starts[rows]

    def contents(self, rows: Index) -> pa.Array:
        """The bytes of some of the records, as they stand in the file."""
        frame = self.origin or self
        starts = frame.starts[rows]
        low = int(starts[0]) if len(rows) else 0
        # Each of them, and what stands between it and the next one, as a text of its own; every other one is wanted.
        offsets = np.empty((len(rows), 2), np.int32)
        offsets[:, 0] = starts - low
        offsets[:, 1] = offsets[:, 0] + (frame.lengths if isinstance(frame.lengths, int) else frame.lengths[rows])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(frame.data[low:])]
        pieces = pa.Array.from_buffers(pa.binary(), max(0, 2 * len(rows) - 1), buffers)
        wanted = np.arange(0, 2 * len(rows), 2)
        return pieces.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(wanted)]))

    def taken(self, rows: Index | slice) -> int:
        """All the bytes that some of the records take."""
        if isinstance(self.extents, int):
            return self.extents * len(self.starts[rows])
        return int(self.extents[rows].sum())


class FramingLost(Exception):
    """From `at` on (line `line`) nothing can be framed: `reason`. `raw` are the first bytes from there."""

    def __init__(self, reason: str, at: int, line: int, raw: Bytes) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at
        self.line = line
        self.raw = raw[:SHOWN].tobytes()


def data_begin(source: Source, encoding: str) -> int:
    """Where the first record begins: behind a byte order mark, if there is one."""
    head = bytearray(min(len(BOM), source.size))
    if encoding == "utf-8" and head:
        with source.open(0, len(head)) as stream:
            read_exactly(stream, memoryview(head), 0)
    return len(BOM) if bytes(head) == BOM else 0


def data_end(source: Source, begin: int, length: int, hollow: bytes) -> int:
    """Where the last record ends; what follows is a tail that belongs to no record.

    `hollow`: the bytes that a tail is made of. With `length` (fixed records) the tail begins behind the record that
    holds the last solid byte, else behind that byte's line. A last line without a line end ends before trailing 0x1A.
    """
    solid = np.ones(256, bool)
    solid[list(hollow)] = False
    last = _last(source, begin, source.size, solid)
    if last < begin:
        return begin
    if length:
        return min(begin + ((last - begin) // length + 1) * length, source.size)
    for low in range(last + 1, source.size, PIECE):
        feed = _piece(source, low, min(low + PIECE, source.size)).tobytes().find(b"\n")
        if feed >= 0:
            return low + feed + 1
    solid[:] = True
    solid[EOF] = False
    return _last(source, last, source.size, solid) + 1


def _last(source: Source, begin: int, stop: int, wanted: Mask) -> int:
    """Position of the last byte in [begin, stop) that is `wanted`, or begin - 1."""
    step = 1 << 12
    while stop > begin:
        low = max(begin, stop - step)
        found = np.flatnonzero(wanted[_piece(source, low, stop)])
        if len(found):
            return low + int(found[-1])
        stop, step = low, min(step * 8, PIECE)
    return begin - 1


def _piece(source: Source, low: int, high: int) -> Bytes:
    piece = np.empty(high - low, np.uint8)
    with source.open(low, high) as stream:
        read_exactly(stream, piece.data, low)
    return piece


def newline_frames(blocks: Iterator[Block], expected: frozenset[int], line: int = 1) -> Iterator[Frame]:
    """Records that end in LF or CRLF. `expected`: the lengths that records should have. Raises `FramingLost`."""
    rest: Bytes = np.empty(0, np.uint8)
    for block in blocks:
        data, pos = joined(rest, block)
        at = block.at - block.begin
        end = block.end
        if block.last and data[end - 1] != LF:
            data[end] = LF  # as if the last line were complete; the frame below knows better
            end += 1
        stop = _last_feed(data, pos, end) + 1
        ragged = False
        while pos < stop:
            frame = None if ragged else _even(data, pos, stop, at, line, expected)
            if frame is None:
                ragged = True  # one odd line seldom comes alone: the rest of the block is looked at line by line
                frame = _ragged(data, pos, stop, at, line)
            span = _span(frame)
            if end > block.end and pos + span == end:
                frame = _unterminated(frame)
            yield frame
            pos += span
            line += frame.count
        rest = data[stop:end].copy() if stop < block.end else np.empty(0, np.uint8)
        if len(rest) > LONGEST:
            raise FramingLost(f"no line end in {LONGEST >> 20} MiB", at + stop, line, rest)


def fixed_frames(blocks: Iterator[Block], length: int, line: int = 1) -> Iterator[Frame]:
    """Records of `length` bytes one behind another; the last one may be shorter."""
    rest: Bytes = np.empty(0, np.uint8)
    rows = max(1, min(FRAME_ROWS, FRAME_BYTES // length))
    for block in blocks:
        data, pos = joined(rest, block)
        at = block.at - block.begin
        while (count := min(rows, (block.end - pos) // length)) > 0:
            starts = np.arange(pos, pos + count * length, length, dtype=np.int64)
            plain = bool(data[pos : pos + count * length].max() < 128)
            yield Frame(data, starts, length, length, length, at, line, plain)
            pos += count * length
            line += count
        rest = data[pos : block.end].copy()
        if block.last and len(rest):
            short = np.array([len(rest)], np.int64)
            yield Frame(data, np.array([pos], np.int64), short, short, 0, at, line, False)


def joined(rest: Bytes, block: Block) -> tuple[Bytes, int]:
    """The block with what was left of the one before in front of it, and where that begins."""
    if not len(rest):
        return block.data, block.begin
    if len(rest) + ROOM // 2 > block.begin:
        extra = len(rest)
        data = np.concatenate([np.zeros(extra, np.uint8), block.data])
        block.data, block.begin, block.end = data, block.begin + extra, block.end + extra
    begin = block.begin - len(rest)
    block.data[begin : block.begin] = rest
    return block.data, begin


def _last_feed(data: Bytes, pos: int, end: int) -> int:
    """Position of the last LF in [pos, end), or pos - 1."""
    step = 1 << 12
    while end > pos:
        low = max(pos, end - step)
        found = np.flatnonzero(data[low:end] == LF)
        if len(found):
            return low + int(found[-1])
        end, step = low, step * 8
    return pos - 1


def _span(frame: Frame) -> int:
    """Bytes of the buffer that the frame's records take."""
    return frame.extents * frame.count if isinstance(frame.extents, int) else int(frame.extents.sum())


def _even(data: Bytes, pos: int, stop: int, at: int, line: int, expected: frozenset[int]) -> Frame | None:
    """A frame of equally long lines from `pos`, if that is what stands there."""
    longest = max(expected, default=0) + 2
    feeds = np.flatnonzero(data[pos : min(pos + longest, stop)] == LF)
    if not len(feeds):
        return None
    stride = int(feeds[0]) + 1
    ending = 2 if stride > 1 and data[pos + stride - 2] == CR else 1
    if stride - ending not in expected:
        return None
    count = min(max(1, min(FRAME_ROWS, FRAME_BYTES // stride)), (stop - pos) // stride)
    flat = data[pos : pos + count * stride]
    lines = flat.reshape(count, stride)
    if not (lines[:, -1] == LF).all() or (ending == 2 and not (lines[:, -2] == CR).all()):
        return None
    # Line ends stand where they should. As signed bytes, control characters and all that is not ASCII are below 32: if
    # there are no more of them than line ends, no stray LF hides inside a record, and the frame is ASCII as well.
    plain = np.count_nonzero(np.less(flat.view(np.int8), 32, out=_mask(len(flat)))) == count * ending
    if not plain:
        if np.count_nonzero(flat == LF) != count:
            return None
        if ending == 1 and stride > 1 and (lines[:, -2] == CR).any():
            return None
    starts = np.arange(pos, pos + count * stride, stride, dtype=np.int64)
    return Frame(data, starts, stride - ending, stride, stride, at, line, plain)


_SCRATCH = threading.local()


def _mask(size: int) -> Mask:
    """Scratch of this thread: a fresh megabyte for every frame would cost more than what is done with it."""
    mask: Mask | None = getattr(_SCRATCH, "mask", None)
    if mask is None or len(mask) < size:
        mask = _SCRATCH.mask = np.empty(max(size, FRAME_BYTES), bool)
    return mask[:size]


def _ragged(data: Bytes, pos: int, stop: int, at: int, line: int) -> Frame:
    """A frame of lines of any length from `pos`: at least one, and as many as fit."""
    size = FRAME_BYTES
    feeds = np.flatnonzero(data[pos : min(pos + size, stop)] == LF)
    while not len(feeds):
        size *= 4
        feeds = np.flatnonzero(data[pos : min(pos + size, stop)] == LF)
    feeds = feeds[: 2 * FRAME_ROWS] + pos
    starts = np.empty(len(feeds), np.int64)
    starts[0] = pos
    starts[1:] = feeds[:-1] + 1
    lengths = feeds - starts
    extents = lengths + 1
    lengths -= (lengths > 0) & (data[feeds - 1] == CR)
    plain = bool(data[pos : int(feeds[-1])].max(initial=0) < 128)
    return Frame(data, starts, lengths, extents, 0, at, line, plain)


def _unterminated(frame: Frame) -> Frame:
    """The frame whose last record got a LF that the file does not have (and a CR in front of it is content)."""
    count = frame.count
    lengths = np.full(count, frame.lengths, np.int64) if isinstance(frame.lengths, int) else frame.lengths
    extents = np.full(count, frame.extents, np.int64) if isinstance(frame.extents, int) else frame.extents
    extents[-1] -= 1
    lengths[-1] = extents[-1]
    return Frame(frame.data, frame.starts, lengths, extents, 0, frame.at, frame.line, frame.ascii)

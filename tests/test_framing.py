"""Framing: every byte becomes part of a record or of the tail, and nothing passes for a record that is none."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pytest

from posicional.records import framing
from posicional.records.blocks import Block, Span, plain_blocks
from posicional.records.descriptors import described_frames
from posicional.records.framing import BOM, Frame, FramingLost, data_begin, data_end, fixed_frames, newline_frames
from posicional.records.hashing import Hashes

HOLLOW = b" \r\n\x1a"


@dataclass(frozen=True)
class Bytes:
    """Bytes as a source."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A stream over [start, stop)."""
        return io.BytesIO(self.data[start:stop])


def blocks(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[Block]:
    """The bytes as blocks."""
    stop = len(data) if end is None else end
    return plain_blocks(Bytes(data), Hashes(), Span(0, len(data), begin, stop), stop, 256)


def contents(frames: Iterator[Frame]) -> list[bytes]:
    """What the records hold."""
    return [raw for frame in frames for raw in frame.contents(np.arange(frame.count)).to_pylist()]


def lines(data: bytes, *expected: int) -> list[bytes]:
    """The records of newline framing, without the tail."""
    end = data_end(Bytes(data), 0, 0, HOLLOW)
    return contents(newline_frames(blocks(data, 0, end), frozenset(expected)))


def test_a_frame_of_equal_lines_copies_nothing_and_is_proven_ascii() -> None:
    """The fast path is taken for LF and CRLF lines of the expected length, and says that all is ASCII."""
    for end in (b"\n", b"\r\n"):
        (frame,) = newline_frames(blocks((b"abcd" + end) * 3), frozenset([4]))
        assert (frame.stride, frame.lengths, frame.count, frame.ascii) == (4 + len(end), 4, 3, True)


@pytest.mark.parametrize(
    "data",
    [b"abcd\nab\nd\nabcd\n", b"abcd\nabc\n\nabcd\n", b"abc\r\nabcd\n", b"abcd\n\xe3bcd\nab\nd\n"],
    ids=["inside", "at-the-end", "a-CR-in-place-of-a-byte", "beside-an-accent"],
)
def test_a_stray_line_end_never_slips_through(data: bytes) -> None:
    """Line ends at every stride prove nothing: one more inside a record must split it."""
    assert lines(data, 4) == [line.removesuffix(b"\r") for line in data.split(b"\n")[:-1]]


def test_characters_beyond_ascii_do_not_cost_the_fast_path() -> None:
    """A frame with accents is still even, only not known to be ASCII."""
    (frame,) = newline_frames(blocks(b"abc\xe9\nabcd\n"), frozenset([4]))
    assert (frame.stride, frame.ascii) == (5, False)


@pytest.mark.parametrize(
    ("tail", "last"),
    [
        (b"", b"efgh"),
        (b"\n", b"efgh"),
        (b"\n\n  \r\n\x1a", b"efgh"),
        (b"\x1a", b"efgh"),
        (b"\n\x1a\x1a", b"efgh"),
        (b"  ", b"efgh  "),
        (b"\r", b"efgh\r"),
        (b"\0", b"efgh\0"),
    ],
    ids=["no-line-end", "line-end", "blank-lines", "glued-ctrl-z", "ctrl-z", "blanks", "lone-cr", "nul"],
)
def test_the_tail_belongs_to_no_record(tail: bytes, last: bytes) -> None:
    """Blank lines and 0x1A at the end are set aside; what stands in the last line is not."""
    assert lines(b"abcd\nefgh" + tail, 4) == [b"abcd", last]


def test_a_blank_line_in_the_middle_is_a_record() -> None:
    """Only the end of a file may be blank for nothing."""
    assert lines(b"abcd\n\nabcd\n", 4) == [b"abcd", b"", b"abcd"]


def test_a_byte_order_mark_is_no_data() -> None:
    """It is skipped in UTF-8 only."""
    assert data_begin(Bytes(BOM + b"abc"), "utf-8") == 3
    assert data_begin(Bytes(BOM + b"abc"), "cp1252") == 0


def test_every_block_size_gives_the_same_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that lie across blocks are put together, with their places in the stream."""
    data = b"".join(b"%d" % n * (n % 7 + 1) + b"\r\n" for n in range(200)) + b"end"
    whole = [
        (frame.at + int(frame.starts[r]), frame.line + r)
        for frame in newline_frames(blocks(data), frozenset())
        for r in range(frame.count)
    ]
    for piece, rows in ((16, 1), (61, 3), (1000, 50)):
        monkeypatch.setattr("posicional.records.blocks.PIECE", piece)
        monkeypatch.setattr(framing, "FRAME_ROWS", rows)
        frames = list(newline_frames(blocks(data), frozenset([4])))
        del frames  # their memory is used again: a frame is looked at while it is the newest
        places, texts = [], []
        for frame in newline_frames(blocks(data), frozenset([4])):
            places += [(frame.at + int(frame.starts[r]), frame.line + r) for r in range(frame.count)]
            texts += contents(iter([frame]))
        assert places == whole
        assert texts == data.replace(b"\r", b"").split(b"\n")


def test_extents_add_up_to_all_bytes() -> None:
    """Line ends belong to their records, a missing one to none."""
    data = b"abcd\r\nab\nabcd"
    assert sum(frame.taken(slice(None)) for frame in newline_frames(blocks(data), frozenset([4]))) == len(data)


def test_fixed_records_end_with_the_last_solid_byte() -> None:
    """Whole blank records at the end are a tail; the rest of a cut record is a short one."""
    data = b"abcdef  " + b" " * 8
    assert data_end(Bytes(data), 0, 4, HOLLOW) == 8
    assert contents(fixed_frames(blocks(b"abcdefghij"), 4)) == [b"abcd", b"efgh", b"ij"]


def described(*records: bytes) -> bytes:
    """Records with their descriptors."""
    return b"".join((len(r) + 4).to_bytes(2, "big") + b"\0\0" + r for r in records)


def test_runs_and_single_records_follow_their_descriptors() -> None:
    """Equally long neighbours become an even frame; others are followed one by one, in blocks or not."""
    even = described(*[b"%04d" % n for n in range(100)])
    (frame,) = described_frames(blocks(even), len(even), blocked=False)
    assert (frame.stride, frame.lengths, frame.count) == (8, 4, 100)
    mixed = [b"x" * (n % 5) for n in range(50)]
    data = described(*mixed)
    assert contents(described_frames(blocks(data), len(data), blocked=False)) == mixed
    in_blocks = described(*(described(*mixed[n : n + 7]) for n in range(0, 50, 7)))
    found = list(described_frames(blocks(in_blocks), len(in_blocks), blocked=True))
    assert contents(iter(found)) == mixed
    assert sum(frame.taken(slice(None)) for frame in found) == len(in_blocks)


@pytest.mark.parametrize(
    "rest", [b"\0\3\0\0", b"\0\5\1\0x", b"\0\11\0\0abc", b"\0\0\0\0x"], ids=["short", "reserved", "beyond", "zero"]
)
def test_a_descriptor_that_cannot_be_ends_the_framing(rest: bytes) -> None:
    """What was framed before is given, then the place where it stops."""
    good = described(b"one", b"two")
    frames = described_frames(blocks(good + rest), len(good + rest), blocked=False)
    assert contents(iter([next(frames)])) == [b"one", b"two"]
    with pytest.raises(FramingLost) as error:
        next(frames)
    assert (error.value.at, error.value.line, error.value.raw) == (len(good), 3, rest)


def test_a_file_without_line_ends_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record beyond all reason is taken for a wrong framing."""
    monkeypatch.setattr("posicional.records.blocks.PIECE", 1000)
    monkeypatch.setattr(framing, "LONGEST", 5000)
    with pytest.raises(FramingLost):
        list(newline_frames(blocks(b"x" * 20_000), frozenset([4])))

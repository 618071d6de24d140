"""Where the records of a file begin and end, and where a file may be cut so that every range holds whole records."""

from __future__ import annotations

from collections.abc import Iterator

from posicional.contract.layout import Layout
from posicional.ports import Source
from posicional.records import framing
from posicional.records.hashing import PIECE, read_exactly
from posicional.records.pages import page_of

LOOK = 1 << 16  # bytes looked at in one go for the next line end


def is_described(layout: Layout) -> bool:
    """Whether records begin with their length."""
    return layout.framing in ("rdw", "bdw")


def extent(source: Source, layout: Layout) -> tuple[int, int]:
    """Where the first record begins and the last one ends; what follows is a tail that belongs to no record."""
    page = page_of(layout.encoding)
    begin = framing.data_begin(source, page.name if layout.framing == "newline" else "")
    # Of described records only the last solid byte is known: their lengths say the rest.
    length = {"newline": 0, "fixed": layout.kinds[0].length}.get(layout.framing, 1)
    # NULs are no tail: a file system leaves them after a crash in place of data, and a record may consist of them.
    hollow = bytes([framing.EOF, framing.CR, framing.LF, page.blank])
    return begin, framing.data_end(source, begin, length, hollow)


def cuts(source: Source, layout: Layout, begin: int, end: int, size: int) -> list[tuple[int, int]]:
    """Where a file is cut into ranges of about `size` bytes: (offset, first record at or behind it).

    None where records begin with their length, since such a chain can only be followed from its beginning.
    """
    if is_described(layout):
        return []
    found = [(at, _next_record(source, layout, begin, end, at)) for at in range(size, end, size)]
    return [(at, record) for at, record in found if begin < record < end]


def _next_record(source: Source, layout: Layout, begin: int, end: int, at: int) -> int:
    if layout.framing == "fixed":
        length = layout.kinds[0].length
        return begin + -(-(at - begin) // length) * length
    for low, piece in _pieces(source, at - 1, end):
        feed = piece.find(b"\n")
        if feed >= 0:
            return low + feed + 1
    return end


def _pieces(source: Source, low: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The bytes [low, end), a little at a time."""
    step = LOOK
    while low < end:
        piece = bytearray(min(step, end - low))
        with source.open(low, low + len(piece)) as stream:
            read_exactly(stream, memoryview(piece), low)
        yield low, bytes(piece)
        low, step = low + len(piece), min(step * 8, PIECE)

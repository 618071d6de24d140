"""Cutting a file into records, byte by byte, and setting aside what is no record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BOM = b"\xef\xbb\xbf"
LF, CR, CTRL_Z = 0x0A, 0x0D, 0x1A


@dataclass(frozen=True)
class Piece:
    """One record as it was framed.

    `byte` is the offset of its data; `size` counts its line end or descriptors too. `broken`: the framing itself failed
    here, and everything from here on is in this piece.
    """

    byte: int
    data: bytes
    size: int
    broken: bool = False


def newline(data: bytes, blank: int, *, utf8: bool) -> tuple[list[Piece], int]:
    """Lines. Returns the records and the number of bytes that are ignored."""
    ignored = len(BOM) if utf8 and data.startswith(BOM) else 0
    pieces: list[Piece] = []
    at = ignored
    ended = True
    while at < len(data):
        end = data.find(b"\n", at)
        ended = end >= 0
        stop = end + 1 if ended else len(data)
        line = data[at : stop - 1] if ended else data[at:]
        if ended and line.endswith(b"\r"):
            line = line[:-1]
        pieces.append(Piece(at, line, stop - at))
        at = stop
    while pieces and _is_tail(pieces[-1].data, blank):
        ignored += pieces.pop().size
        ended = True
    if pieces and not ended:
        last = pieces.pop()
        kept = last.data.rstrip(bytes([CTRL_Z]))
        ignored += len(last.data) - len(kept)
        pieces.append(Piece(last.byte, kept, len(kept)))
    return pieces, ignored


def fixed(data: bytes, blank: int, length_at: Callable[[int], int]) -> tuple[list[Piece], int]:
    """Records without line ends; `length_at` tells how long the record at an offset is, 0 where it cannot be told."""
    end = len(data)
    tail = _tail_start(data, blank)
    pieces: list[Piece] = []
    at = 0
    while at < end:
        if at >= tail:
            return pieces, end - at
        length = length_at(at)
        if length == 0:
            pieces.append(Piece(at, data[at:], end - at, broken=True))
            return pieces, 0
        record = data[at : at + length]
        pieces.append(Piece(at, record, len(record)))
        at += length
    return pieces, 0


def rdw(data: bytes, blank: int, *, blocked: bool) -> tuple[list[Piece], int]:
    """Records that begin with their length (`rdw`), perhaps inside blocks that begin with theirs (`bdw`)."""
    tail = _tail_start(data, blank)
    pieces: list[Piece] = []
    at = 0
    while at < len(data):
        if at >= tail:
            return pieces, len(data) - at
        start = at
        stop = len(data)
        if blocked:
            block = _block_length(data[at : at + 4])
            if block < 8 or at + block > len(data):
                return [*pieces, _rest(data, start)], 0
            stop = at + block
            at += 4
        while at < stop:
            length = int.from_bytes(data[at : at + 2], "big")
            if not blocked and at >= tail:
                return pieces, len(data) - at
            if not _is_descriptor(data[at : at + 4]) or length < 4 or at + length > stop:
                return [*pieces, _rest(data, start)], 0
            pieces.append(Piece(at + 4, data[at + 4 : at + length], at + length - start))
            at += length
            start = at
    return pieces, 0


def _rest(data: bytes, start: int) -> Piece:
    return Piece(start, data[start:], len(data) - start, broken=True)


def _block_length(descriptor: bytes) -> int:
    """A block's length with its descriptor; 0 for a descriptor that cannot be. The high bit means a 31-bit length."""
    if len(descriptor) < 4:
        return 0
    if descriptor[0] & 0x80:
        return int.from_bytes(descriptor, "big") & 0x7FFFFFFF
    return int.from_bytes(descriptor[:2], "big") if descriptor[2:] == b"\0\0" else 0


def _is_descriptor(descriptor: bytes) -> bool:
    return len(descriptor) == 4 and descriptor[2:] == b"\0\0"


def _tail_start(data: bytes, blank: int) -> int:
    return len(data.rstrip(bytes([blank, LF, CR, CTRL_Z])))


def _is_tail(line: bytes, blank: int) -> bool:
    return _tail_start(line, blank) == 0

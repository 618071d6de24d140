"""Reading: an object as a stream of blocks, each read, hashed and ready while the one before is being decoded."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from posicional.ports import Source
from posicional.records.hashing import PIECE, Hashes, read_exactly
from posicional.records.rows import Bytes

STRIP = 1 << 18
ROOM = 1 << 16  # in front of a block's bytes: what was left of the block before goes there, and the block stays put

T = TypeVar("T")


@dataclass(slots=True)
class Block:
    """Bytes [begin, end) of `data` are the stream's bytes from offset `at` on. `data` has room on both sides."""

    data: Bytes
    begin: int
    end: int
    at: int
    last: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A range of a file that is read by itself: its records are the bytes [begin, end).

    The stored bytes [low, high) are its share of the content hash; the last record may reach beyond `high`. `line`: of
    the first record; `opened`: the groups that are open there, outermost first, each with its header's line.
    """

    low: int
    high: int
    begin: int
    end: int
    line: int = 1
    opened: tuple[tuple[str, int], ...] = ()


def plain_blocks(source: Source, hashes: Hashes | None, span: Span, stop: int, margin: int) -> Iterator[Block]:
    """Blocks of the uncompressed bytes from the span's `begin` up to `stop`. All of its stored bytes are hashed.

    `margin` bytes stay free behind each block's bytes. A block's memory is used again two blocks later: keep no views.
    """
    far = max(span.high, stop)
    buffers = [np.zeros(ROOM + min(PIECE, far - span.low) + margin, np.uint8) for _ in range(2)]
    with source.open(span.low, far) as stream:
        for number, at in enumerate(range(span.low, far, PIECE)):
            data = buffers[number % 2]
            piece = data[ROOM : ROOM + min(PIECE, far - at)].data
            read_exactly(stream, piece, at)
            if hashes is not None and at < span.high:
                hashes.add(piece[: span.high - at])
            low, high = max(at, span.begin), min(at + len(piece), stop)
            if low < high:
                yield Block(data, ROOM + low - at, ROOM + high - at, low, high == stop)


def strips(source: Source, low: int, high: int) -> Iterator[Bytes]:
    """The bytes [low, high), so little at a time that they are still in the processor's cache. Keep no views."""
    buffer = np.empty(STRIP, np.uint8)
    with source.open(low, high) as stream:
        for at in range(low, high, STRIP):
            strip = buffer[: min(STRIP, high - at)]
            read_exactly(stream, strip.data, at)
            yield strip


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in a helper thread while the one before is in use."""
    with ThreadPoolExecutor(1, "read-ahead") as helper:
        coming = helper.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = helper.submit(next, items, None)
            yield item

"""Reading: an object as a stream of blocks, each read, hashed and ready while the one before is being decoded.

The stored object is cut into pieces of 8 MiB. Each piece is hashed by itself and the content hash is the hash of those
hashes, so that byte ranges of an object can be hashed apart and put together later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, TypeVar, cast

import numpy as np

from posicional.errors import StoreError
from posicional.ports import Source
from posicional.records.rows import Bytes

PIECE = 8 << 20
ROOM = 1 << 16  # in front of a block's bytes: what was left of the block before goes there, and the block stays put

T = TypeVar("T")


class _Raw(Protocol):
    """What `typing.BinaryIO` forgets to promise."""

    def readinto(self, view: memoryview, /) -> int | None: ...


@dataclass(slots=True)
class Block:
    """Bytes [begin, end) of `data` are the stream's bytes from offset `at` on. `data` has room on both sides."""

    data: Bytes
    begin: int
    end: int
    at: int
    last: bool


@dataclass(slots=True)
class Hashes:
    """The digests of the pieces read so far, in order, and how many stored bytes they cover."""

    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, view: memoryview) -> None:
        """Hash one piece."""
        self.pieces.append(hashlib.sha256(view).digest())
        self.size += len(view)


def content_hash(pieces: list[bytes]) -> str:
    """The content hash (hex) of an object from the digests of its consecutive 8 MiB pieces."""
    return hashlib.sha256(b"".join(pieces)).hexdigest()


def read_exactly(stream: BinaryIO, view: memoryview, at: int) -> None:
    """Fill the view; `at` is its offset, for the message when the object is shorter than it said."""
    raw = cast(_Raw, stream)
    done = 0
    while done < len(view):
        got = raw.readinto(view[done:])
        if not got:
            hint = "it changed while it was read: convert it again"
            raise StoreError("the object ended early", where=f"byte {at + done}", hint=hint)
        done += got


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


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in a helper thread while the one before is in use."""
    with ThreadPoolExecutor(1, "read-ahead") as helper:
        coming = helper.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = helper.submit(next, items, None)
            yield item

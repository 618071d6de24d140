"""The content hash. A stored object is cut into pieces of 8 MiB, each hashed by itself; the content hash is the hash of
those hashes, so that ranges of an object can be hashed apart and put together later.

Nothing heavy is imported here: a large file can be hashed while the rest of the program is still being loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import BinaryIO, Protocol, cast

from posicional.errors import StoreError
from posicional.ports import Source

PIECE = 8 << 20
LARGE = 16 * PIECE
"""Bytes beyond which a file is read in ranges, and hashed by a thread of its own."""

ALONE = 8 * LARGE
"""Bytes that one thread hashes before the ranges, which wait for it, would be done: beyond, all cores take part."""

Digests = Callable[[], list[bytes]]
"""Gives the digests of an object's pieces, and waits until there are all of them."""


class _Raw(Protocol):
    """What `typing.BinaryIO` forgets to promise."""

    def readinto(self, view: memoryview, /) -> int | None: ...


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


def content_pieces(source: Source, low: int = 0, high: int | None = None) -> list[bytes]:
    """The digests of an object's pieces, as it is stored; of those in [low, high), where `low` begins a piece."""
    hashes = Hashes()
    end = source.size if high is None else high
    buffer = bytearray(min(PIECE, end - low))
    with source.open(low, end) as stream:
        for at in range(low, end, PIECE):
            piece = memoryview(buffer)[: min(PIECE, end - at)]
            read_exactly(stream, piece, at)
            hashes.add(piece)
    return hashes.pieces


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def begun(source: Source) -> Digests:
    """Begin to hash an object in threads of their own, which nobody waits for when the digests are not asked for."""
    threads = 1 if source.size <= ALONE else cores()
    step = max(PIECE, -(-source.size // (threads * PIECE)) * PIECE)
    coming = [_hashing(source, low, min(low + step, source.size)) for low in range(0, source.size, step)]
    return lambda: [digest for stretch in coming for digest in stretch.result()]


def _hashing(source: Source, low: int, high: int) -> Future[list[bytes]]:
    coming: Future[list[bytes]] = Future()

    def work() -> None:
        try:
            coming.set_result(content_pieces(source, low, high))
        except BaseException as error:  # noqa: BLE001  # it is raised where the digests are asked for
            coming.set_exception(error)

    Thread(target=work, name="hash", daemon=True).start()
    return coming

"""Compressed files: `.gz`, `.zst` and `.zip`, unpacked as a stream into a temporary file before they are read.

Where a file's records end has to be known before the first one is read, and its ranges are read on all cores; neither
can be had from a compressed stream. Unpacking takes little memory, whatever the size. A stream that is cut off, damaged
or a bomb raises `Unreadable`: it is refused, never half believed.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from posicional.errors import StoreError
from posicional.ports import Source
from posicional.records.hashing import PIECE, read_exactly

KINDS = {".gz": "gzip", ".zst": "zstd", ".zip": "zip"}

BOMB_BYTES = 1 << 30
BOMB_RATIO = 200
"""Beyond a GiB no positional file is so many times larger than its compressed form; what is, is meant to do harm."""


class Unreadable(Exception):
    """The compressed stream cannot be read to its end; the message says why."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The unpacked bytes in a temporary file."""

    path: Path
    size: int

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:  # noqa: ARG002  # read into views of its size
        """A stream from `start` on."""
        stream = self.path.open("rb", buffering=0)
        stream.seek(start)
        return cast(BinaryIO, stream)


def is_compressed(path: str) -> bool:
    """Whether a file's name says that it is compressed."""
    return Path(path).suffix.lower() in KINDS


@contextmanager
def unpacked(source: Source, path: str, member: str = "") -> Iterator[Unpacked]:
    """The plain bytes of a compressed object, for a while.

    `member`: which file of an archive; without it the archive must hold exactly one. Raises `Unreadable`, and
    `StoreError` when there is no room to unpack it.
    """
    with tempfile.TemporaryDirectory(prefix="posicional-") as folder:
        target = Path(folder) / "unpacked"
        try:
            with target.open("wb") as out:
                _copy(source, KINDS[Path(path).suffix.lower()], member, out)
        except OSError as error:
            raise StoreError(
                f"no room to unpack: {error.strerror}", where=path, hint=f"free space below {tempfile.gettempdir()}"
            ) from error
        yield Unpacked(target, target.stat().st_size)


def beginning(source: Source, path: str, member: str, size: int) -> bytes:
    """The first `size` plain bytes of a compressed object, or all where it has fewer. Raises `Unreadable`."""
    found = bytearray()
    for chunk in _chunks(source, KINDS[Path(path).suffix.lower()], member):
        found += chunk
        if len(found) >= size:
            break
    return bytes(found[:size])


def _copy(source: Source, kind: str, member: str, out: BinaryIO) -> None:
    limit = max(BOMB_BYTES, BOMB_RATIO * source.size)
    size = 0
    for chunk in _chunks(source, kind, member):
        size += len(chunk)
        if size > limit:
            raise Unreadable(f"unpacked it is more than {BOMB_RATIO} times as large as packed: this is no data")
        out.write(chunk)


def _chunks(source: Source, kind: str, member: str) -> Iterator[bytes]:
    return _zip_member(source, member) if kind == "zip" else _stream(source, kind)


def _stream(source: Source, kind: str) -> Iterator[bytes]:
    if not source.size:
        raise Unreadable("the compressed stream is empty")
    with source.open() as raw:
        try:
            with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), kind) as stream:
                while chunk := stream.read(PIECE):
                    yield chunk
        except OSError as error:
            raise Unreadable(f"the {kind} stream is cut off or damaged") from error


def _zip_member(source: Source, member: str) -> Iterator[bytes]:
    try:
        with (
            zipfile.ZipFile(io.BufferedReader(_Seekable(source))) as archive,
            archive.open(_named(archive, member)) as stream,
        ):
            while chunk := stream.read(PIECE):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise Unreadable("the archive is cut off, damaged, or locked with a password") from error


def _named(archive: zipfile.ZipFile, member: str) -> str:
    names = [one.filename for one in archive.infolist() if not one.is_dir()]
    if member:
        if member not in names:
            raise Unreadable(f"the archive does not hold {member}")
        return member
    if len(names) != 1:
        raise Unreadable(f"the archive holds {len(names)} files: the contract must name one (member: …)")
    return names[0]


class _Seekable(io.RawIOBase):
    """A source as a file that can be read anywhere, as an archive's directory asks for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._source.size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is a view here
        count = max(0, min(len(buffer), self._source.size - self._at))
        if count:
            with self._source.open(self._at, self._at + count) as stream:
                read_exactly(stream, memoryview(buffer)[:count], self._at)
        self._at += count
        return count

"""Whatever a caller may hand over to be read: a path, a URL, a file object or bytes, as a `Source` with a name."""

from __future__ import annotations

import io
import os
import re
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from posicional.backends.store import open_store
from posicional.errors import UsageError
from posicional.ports import Source

if TYPE_CHECKING:
    from typing_extensions import Buffer

    Given = str | os.PathLike[str] | Buffer | IO[bytes]
    """A path or the URL of an object; bytes and what looks like them; a file object opened in binary mode."""

_URL = re.compile(r"(?i)(?!file:)([a-z][a-z0-9+.-]+://[^/]+)/(.+)")


def open_source(given: Given) -> tuple[Source, str]:
    """What is to be read, and its name (that of the file; empty where there is none).

    A file object is read from where it stands; one that cannot seek (a pipe, a response) is first copied to a temporary
    file. Raises `UsageError` for what cannot be read, `StoreError` where the store fails.
    """
    if isinstance(given, str | os.PathLike):
        return _located(os.fspath(given))
    if isinstance(given, bytes | bytearray | memoryview):
        return MemorySource(memoryview(given).cast("B")), ""
    if isinstance(given, io.TextIOBase):
        raise UsageError("this file object gives text", hint="open it in binary mode: open(path, 'rb')")
    if hasattr(given, "read"):
        file = cast("IO[bytes]", given)
        name = getattr(file, "name", "")
        return _of_file(file), Path(name).name if isinstance(name, str) else ""
    expected = "a path, a URL, bytes, or a file object"
    raise UsageError("this cannot be read", expected=expected, got=type(given).__name__)


def _located(where: str) -> tuple[Source, str]:
    """The object at a URL, or the file at a path."""
    url = _URL.fullmatch(where)
    if url:
        store, key = open_store(url[1]), url[2]
    else:
        path = Path(where.removeprefix("file://")).expanduser()
        if not path.exists():
            raise UsageError("no such file", where=where)
        if not path.is_file():
            raise UsageError("this is not a file", where=where, hint="name one positional file")
        store, key = open_store(path.parent), path.name
    return store.source(store.head(key)), key.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Bytes in memory; nothing is copied."""

    data: memoryview

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream over bytes [start, stop)."""
        return cast("BinaryIO", _MemoryRange(self.data[start:stop]))


class _MemoryRange(io.RawIOBase):
    """A stream over a view."""

    def __init__(self, left: memoryview) -> None:
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer)
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _of_file(file: IO[bytes]) -> FileSource:
    if file.seekable():
        begin = file.tell()
        return FileSource(file, begin, file.seek(0, os.SEEK_END) - begin, threading.Lock())
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, when nobody holds the source any longer
    shutil.copyfileobj(file, copy, 1 << 20)
    source = FileSource(copy, 0, copy.tell(), threading.Lock())
    weakref.finalize(source, copy.close)
    return source


@dataclass(frozen=True, slots=True, weakref_slot=True)
class FileSource:
    """A file object that can seek, from byte `begin` on. Its streams take turns; whoever opened it closes it."""

    file: IO[bytes]
    begin: int
    size: int
    lock: threading.Lock

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream over bytes [start, stop), with a position of its own."""
        end = self.size if stop is None else min(stop, self.size)
        return cast("BinaryIO", _FileRange(self, self.begin + start, self.begin + end))


class _FileRange(io.RawIOBase):
    """A range of a file object that others read as well."""

    def __init__(self, source: FileSource, at: int, stop: int) -> None:
        self._source = source
        self._at = at
        self._stop = stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer)
        with self._source.lock:
            self._source.file.seek(self._at)
            piece = self._source.file.read(min(len(target), self._stop - self._at))
        if not isinstance(piece, bytes):
            raise UsageError("this file object gives no bytes", hint="open it in binary mode: open(path, 'rb')")
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

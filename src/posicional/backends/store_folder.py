"""A folder as a store. What is written survives a power cut, or was never there.

A fact: write under a hidden name, fsync, link exclusively under its own, fsync the directory. A part: write under a
hidden name, fsync, rename, fsync the directory. Hidden names (a leading dot) are never listed.
"""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from posicional.backends.store_keys import checked
from posicional.errors import ObjectExists, ObjectMissing, StoreError
from posicional.ports import Place, Source, StoredObject

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

BUFFER = 1 << 20
"""Bytes that a part collects before they go to the file."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A folder, in which keys are relative paths. Picklable; makes folders as they are needed."""

    root: Path

    @property
    def url(self) -> str:
        """The folder's absolute path."""
        return str(self.root)

    @property
    def atomic(self) -> bool:
        """A file may be seen while somebody still writes it."""
        return False

    def create(self, key: str, data: bytes) -> None:
        """Write once, durably. Raises `ObjectExists`."""
        path = self._path(key)
        with _explained(path):
            _make_folder(path.parent)
            hidden = _hidden(path)
            try:
                with open(hidden, "xb", buffering=0) as file:  # noqa: PTH123 - unbuffered: one write, one fsync
                    _write_all(file, data)
                    os.fsync(file.fileno())
                os.link(hidden, path)
            except FileExistsError:
                # Whoever created it may not have come to this yet, and the caller is about to rely on it.
                _sync_folder(path.parent)
                raise ObjectExists("there is an object already", where=str(path)) from None
            finally:
                hidden.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def read(self, key: str) -> bytes:
        """The whole file. Raises `ObjectMissing`."""
        path = self._path(key)
        with _explained(path):
            return path.read_bytes()

    def head(self, key: str) -> StoredObject:
        """Size, version and time of the file. Raises `ObjectMissing`."""
        path = self._path(key)
        with _explained(path):
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ObjectMissing("not a file", where=str(path))
            return _stored(key, found)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Files whose keys begin with `prefix`, in the order of their keys; nothing hidden, no loops of links."""
        above, slash, start = prefix.rpartition("/")
        return _walk(self._path(above) if above else self.root, above + slash, (), start)

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:
        """Files below a prefix that a writer had not yet given their names when it died, or is still writing."""
        root = self._path(prefix.removesuffix("/"))
        with _explained(root):
            for folder, _, names in os.walk(root):
                for path in (Path(folder, name) for name in sorted(names) if _HIDDEN.fullmatch(name)):
                    with suppress(FileNotFoundError):  # it has just got its name
                        yield _stored(path.relative_to(self.root).as_posix(), path.lstat())

    def source(self, found: StoredObject) -> Source:
        """The bytes of exactly that version."""
        return FolderSource(self._path(found.key), found.size, found.version)

    def sink(self, prefix: str) -> Place:
        """Parts below a prefix that ends in `/`."""
        return FolderSink(self._path(prefix.removesuffix("/")))

    def locate(self, key: str) -> str:
        """The file's absolute path."""
        return str(self._path(key))

    def delete(self, key: str) -> None:
        """Remove a file; nothing happens when it is not there."""
        path = self._path(key)
        with _explained(path):
            path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root / checked(key)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A file in one version; picklable."""

    path: Path
    size: int
    version: str

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream over bytes [start, stop).

        Raises `ObjectMissing`, then or while it is read, when the file is no longer that version.
        """
        with _explained(self.path):
            file = open(self.path, "rb", buffering=0)  # noqa: PTH123, SIM115 - unbuffered; the stream closes it
        try:
            return cast(
                "BinaryIO", _FolderRange(file, self, start, self.size if stop is None else min(stop, self.size))
            )
        except BaseException:
            file.close()
            raise


class _FolderRange(io.RawIOBase):
    """A range of a file whose version is compared at the start and at the end."""

    def __init__(self, file: io.FileIO, source: FolderSource, start: int, stop: int) -> None:
        self._file = file
        self._source = source
        self._left = max(0, stop - start)
        self._check()
        file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        with _explained(self._source.path):
            count = self._file.readinto(memoryview(buffer)[: self._left])
        self._left -= count
        if not count or not self._left:
            self._check()
            if self._left and memoryview(buffer):
                raise self._changed()
        return count

    def close(self) -> None:
        self._file.close()
        super().close()

    def _check(self) -> None:
        if _version(os.fstat(self._file.fileno())) != self._source.version:
            raise self._changed()

    def _changed(self) -> ObjectMissing:
        return ObjectMissing(
            "the file has changed since it was seen",
            where=str(self._source.path),
            hint="run the command again once it is complete",
        )


@dataclass(frozen=True, slots=True)
class FolderSink:
    """Parts in one folder; picklable."""

    folder: Path

    def open(self, name: str) -> BinaryIO:
        """A stream for a new part, which `close()` makes visible."""
        path = self.folder / name
        with _explained(path):
            _make_folder(path.parent)
            hidden = _hidden(path)
            file = open(hidden, "xb", buffering=BUFFER)  # noqa: PTH123, SIM115 - closed with the part
            return cast("BinaryIO", _FolderPart(path, hidden, file))

    def locate(self, name: str) -> str:
        """The part's absolute path."""
        return str(self.folder / name)


class _FolderPart(io.RawIOBase):
    """A part being written: visible and durable after `close`, never there when it is left by an error or forgotten."""

    def __init__(self, path: Path, hidden: Path, file: BinaryIO) -> None:
        self._path = path
        self._hidden = hidden
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        with _explained(self._path):
            return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if self.closed:
            return
        try:
            with _explained(self._path):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._hidden.rename(self._path)
                _sync_folder(self._path.parent)
        finally:
            self._discard()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._discard()
        self.close()

    def __del__(self) -> None:
        # io's own would close the part, which is to publish what nobody finished.
        self._discard()

    def _discard(self) -> None:
        super().close()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._hidden.unlink(missing_ok=True)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")


_HIDDEN = re.compile(r"\..+\.[0-9a-f]{16}")


def _write_all(file: io.RawIOBase, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each new name is synced into the folder that holds it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with suppress(FileExistsError):
            new.mkdir()
        if not new.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(new))
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _walk(folder: Path, prefix: str, above: tuple[tuple[int, int], ...], start: str = "") -> Iterator[StoredObject]:
    """Files of a folder whose own names, or those of their folders in it, begin with `start`."""
    with _explained(folder):
        try:
            here = folder.stat()
            names = (entry for entry in os.scandir(folder) if entry.name.startswith(start))
            entries = [entry for entry in names if not entry.name.startswith(".")]
        except FileNotFoundError:
            return
    place = (here.st_dev, here.st_ino)
    if place in above:
        return
    # A folder sorts as its name with the slash: that gives the order of the whole keys.
    for name, entry in sorted((entry.name + "/" * _is_folder(entry), entry) for entry in entries):
        if name.endswith("/"):
            yield from _walk(folder / entry.name, prefix + name, (*above, place))
            continue
        found = _status(entry)
        if found is not None and stat.S_ISREG(found.st_mode):
            yield _stored(prefix + name, found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links
        return False


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """The status of an entry; None when it has gone since, or is a link to nothing or to itself."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        with _explained(Path(entry.path)):
            raise


def _stored(key: str, found: os.stat_result) -> StoredObject:
    modified = datetime.fromtimestamp(found.st_mtime_ns // 1000 / 1_000_000, UTC)
    return StoredObject(key, found.st_size, _version(found), modified)


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


_HINTS = {
    errno.ENOSPC: ("the disk is full", "make room, then run the command again"),
    errno.EDQUOT: ("the disk quota is used up", "make room, then run the command again"),
    errno.EROFS: ("the folder is read-only", "give a store that can be written, or mount this one so"),
    errno.EACCES: ("permission denied", "give this user the right to read and write there"),
    errno.EPERM: ("not permitted", "give this user the right; the filesystem must allow hard links"),
    errno.EOPNOTSUPP: ("the filesystem has no hard links", "use a folder on a filesystem that has them, or S3"),
    errno.ENOTDIR: ("there is a file where a folder should be", "move the file away, or give another store"),
    errno.EISDIR: ("there is a folder where a file should be", "move the folder away"),
    errno.ENAMETOOLONG: ("the name is too long", "use a shorter name"),
    errno.ELOOP: ("a loop of links", "remove the link"),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n)"),
}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the system says into a `StoreError` with what to do."""
    try:
        yield
    except FileNotFoundError:
        raise ObjectMissing("no such file", where=str(path)) from None
    except OSError as error:
        message, hint = _HINTS.get(error.errno or 0, (error.strerror or "the system refused", "see the system's log"))
        raise StoreError(message, where=str(path), hint=hint) from error

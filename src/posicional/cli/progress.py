"""Progress of reading a large file, on a terminal only: what has been read, how fast, for how long."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

if TYPE_CHECKING:
    from posicional.ports import Source


class _Raw(Protocol):
    def readinto(self, view: memoryview, /) -> int | None: ...


@contextmanager
def shown(source: Source, name: str) -> Iterator[Source]:
    """The same source, with what is read of it shown on standard error while it lasts."""
    if not sys.stderr.isatty():
        yield source
        return
    from rich.console import Console
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TransferSpeedColumn,
    )

    columns = (SpinnerColumn(), TextColumn(name), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # A file whose lines differ is looked through once before it is decoded: the total is not the file's size.
        task = progress.add_task(name, total=None)
        yield _Watched(source, lambda count: progress.advance(task, count))


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source that tells how much is read of it."""

    inner: Source
    tell: Callable[[int], None]

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.inner.size

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A stream over [start, stop)."""
        return cast("BinaryIO", _Stream(self.inner.open(start, stop), self.tell))


class _Stream(io.RawIOBase):
    def __init__(self, inner: BinaryIO, tell: Callable[[int], None]) -> None:
        self._inner = inner
        self._tell = tell

    def readable(self) -> bool:
        return True

    def readinto(self, view: memoryview) -> int | None:  # type: ignore[override]  # any writable buffer is a view here
        count = cast("_Raw", self._inner).readinto(view)
        self._tell(count or 0)
        return count

    def close(self) -> None:
        self._inner.close()
        super().close()

"""A store and a target whose operations fail, are the last of their process, or are waited for, as a test wants.

Every operation of every process of a test goes through one `Fate`, which knows how many there have been.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast

from invariants import Began, History, Wrote
from light import Shelf
from posicional.errors import PosicionalError, StoreError, TargetError
from posicional.ports import (
    Body,
    Clock,
    Document,
    Engine,
    Found,
    IndexState,
    Loaded,
    Move,
    Outside,
    Place,
    Source,
    Store,
    StoredObject,
)

T = TypeVar("T")

How = Literal["", "dies before", "dies after", "fails before", "fails after"]
"""What becomes of an operation: its process is gone before it is done, or after; or it is not done, or is done, and the
store says that it failed.
"""


class Gone(BaseException):
    """The process is gone: no handler of the product may take it for an error."""


@dataclass
class Fate:
    """The `at`-th operation (from 1) of all that are counted ends as `how` says. `hit` is what that was."""

    at: int = 0
    how: How = ""
    count: int = 0
    hit: str = ""

    def next(self, what: str) -> How:
        """What becomes of the next operation."""
        self.count += 1
        if self.count != self.at:
            return ""
        self.hit = what
        return self.how


@dataclass
class Process:
    """A process as the store and the target see it: who it is, what becomes of its operations, whether it is gone.

    `known`: how many facts it had seen when it last listed the day's. `left`: what it had open when it went, which a
    folder keeps.
    """

    who: str
    history: History
    next: Callable[[str], How]
    gone: bool = False
    known: int = 0
    left: list[Any] = field(default_factory=list)

    def do(self, what: str, act: Callable[[], T], error: type[PosicionalError] = StoreError) -> T:
        """One operation, which may be the last."""
        if self.gone:
            raise Gone
        how = self.next(what)
        self.gone = how.startswith("dies")
        if how == "dies before":
            raise Gone
        if how == "fails before":
            raise error("the connection was refused", where=what)
        result = act()
        if how == "dies after":
            raise Gone
        if how == "fails after":
            raise error("the connection broke off before the answer", where=what)
        return result

    def outside(
        self, store: Store, shelf: Shelf, clock: Clock, engine: Engine, gone: Callable[[str], bool] = lambda _who: False
    ) -> Outside:
        """What the process has of the outside."""
        target = ShakyShelf(shelf, self)
        return Outside(
            store=ShakyStore(store, self),
            clock=clock,
            new_id=lambda: secrets.token_hex(8),
            who=self.who,
            engine=lambda: engine,
            target=lambda _: target,
            tell=lambda _: None,
            gone=gone,
        )


@dataclass(frozen=True, slots=True)
class ShakyStore:
    """A real store, as a process sees it that may fail or die at each operation."""

    real: Store
    process: Process

    @property
    def url(self) -> str:
        """The real one's."""
        return self.real.url

    @property
    def atomic(self) -> bool:
        """The real one's."""
        return self.real.atomic

    def create(self, key: str, data: bytes) -> None:
        """Write once, and note it. Of a process that dies before, a folder keeps the hidden file."""

        def act() -> None:
            self.real.create(key, data)
            self.process.history.wrote.append(Wrote(self.process.who, key, data))

        try:
            self.process.do(f"create {key}", act)
        except Gone:
            self._hidden(key, data)
            raise

    def _hidden(self, key: str, data: bytes) -> None:
        if not self.atomic:
            path = Path(self.real.locate(key))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(f".{path.name}.{secrets.token_hex(8)}").write_bytes(data[:20])

    def read(self, key: str) -> bytes:
        """Read an object."""
        return self.process.do(f"read {key}", lambda: self.real.read(key))

    def head(self, key: str) -> StoredObject:
        """Look at an object."""
        return self.process.do(f"head {key}", lambda: self.real.head(key))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List objects."""

        def act() -> list[StoredObject]:
            if prefix == self.process.history.prefix:
                self.process.known = len(self.process.history.wrote)
            return [*self.real.list(prefix)]

        return iter(self.process.do(f"list {prefix}", act))

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:
        """List what has no name yet."""
        return iter(self.process.do(f"unfinished {prefix}", lambda: [*self.real.unfinished(prefix)]))

    def source(self, found: StoredObject) -> Source:
        """An object to read; opening it is an operation."""
        return cast("Source", _ShakySource(self.real.source(found), found.key, self.process))

    def sink(self, prefix: str) -> Place:
        """Where parts go; opening and closing one are operations."""
        return ShakySink(self.real.sink(prefix), prefix, self.process)

    def locate(self, key: str) -> str:
        """The real one's."""
        return self.real.locate(key)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.process.do(f"delete {key}", lambda: self.real.delete(key))


@dataclass(frozen=True, slots=True)
class _ShakySource:
    real: Source
    key: str
    process: Process

    @property
    def size(self) -> int:
        """The real one's."""
        return self.real.size

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """Open a range."""
        return self.process.do(f"open {self.key}", lambda: self.real.open(start, stop))


@dataclass(frozen=True, slots=True)
class ShakySink:
    """A place for parts, as a process sees it that may fail or die at each of them."""

    real: Place
    prefix: str
    process: Process

    def open(self, name: str) -> BinaryIO:
        """Begin a part."""

        def act() -> BinaryIO:
            self.process.history.began.append(Began(self.process.who, self.prefix + name, self.process.known))
            return cast("BinaryIO", _ShakyPart(self.real.open(name), self.prefix + name, self.process))

        return self.process.do(f"begin {self.prefix}{name}", act)

    def locate(self, name: str) -> str:
        """Where the part is."""
        return self.real.locate(name)


class _ShakyPart(io.RawIOBase):
    """A part being written. What a process that is gone had open stays as it was."""

    def __init__(self, real: BinaryIO, key: str, process: Process) -> None:
        self._real = real
        self._key = key
        self._process = process

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        # Nobody writes any more, but what is torn down (a ParquetWriter) may think that it does.
        return memoryview(data).nbytes if self._process.gone else self._real.write(data)

    def tell(self) -> int:
        return self._real.tell()

    def close(self) -> None:
        if self.closed:
            return
        try:
            if not self._process.gone:
                self._process.do(f"close {self._key}", self._real.close)
        finally:
            super().close()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is not None and not self._process.gone:
            self._real.__exit__(kind, error, trace)
            super().close()
        self.close()

    def __del__(self) -> None:
        if self._process.gone:
            self._process.left.append(self._real)
        super().close()


@dataclass(frozen=True, slots=True)
class ShakyShelf:
    """A target, as a process sees it that may fail or die at each operation."""

    real: Shelf
    process: Process
    name: str = "opensearch"
    where: str = "light://"
    serverless: bool = False

    def _do(self, what: str, act: Callable[[], T]) -> T:
        return self.process.do(what, act, TargetError)

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """Begin an index."""

        def act() -> bool:
            self.process.history.began.append(Began(self.process.who, name, self.process.known))
            return self.real.create_index(name, body)

        return self._do(f"create index {name}", act)

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        """Change settings."""
        self._do(f"set index {name}", lambda: self.real.set_index(name, settings))

    def add_fields(self, name: str, mapping: Mapping[str, Any]) -> None:
        """Add fields."""
        self._do(f"add fields {name}", lambda: self.real.add_fields(name, mapping))

    def documents(self, index: str, ids: Sequence[str]) -> dict[str, Document]:
        """Look at documents."""
        return self._do(f"documents of {index}", lambda: self.real.documents(index, ids))

    def find(self, index: str, text: str, words: Sequence[str], values: Sequence[str], *, most: int) -> Found:
        """Search."""
        return self._do(f"find in {index}", lambda: self.real.find(index, text, words, values, most=most))

    def load(self, index: str, bodies: Iterable[Body], *, most: int = 1000) -> Loaded:
        """Send documents."""
        found = list(bodies)
        return self._do(f"load {index}", lambda: self.real.load(index, found, most=most))

    def refresh(self, index: str) -> None:
        """Make documents visible."""
        self._do(f"refresh {index}", lambda: self.real.refresh(index))

    def count(self, index: str) -> int:
        """Count documents."""
        return self._do(f"count {index}", lambda: self.real.count(index))

    def indices(self, *names: str) -> dict[str, IndexState]:
        """Look at indices."""
        return self._do(f"indices {' '.join(names)}", lambda: self.real.indices(*names))

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases."""
        return self._do("swap", lambda: self.real.swap(moves))

    def delete_index(self, name: str) -> None:
        """Remove an index."""
        self._do(f"delete index {name}", lambda: self.real.delete_index(name))

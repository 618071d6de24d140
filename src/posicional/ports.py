"""What the steps need of the outside world, as small protocols. `backends` has the real ones; each has a local one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeVar

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset, OpenSearchTarget, Severity

T = TypeVar("T")
R = TypeVar("R")

SECRET_VARIABLE = "POSICIONAL_HMAC_KEY"  # noqa: S105 - the name of a variable, not what it holds
"""The environment variable that holds the key of all hashes: `Outside.secret`."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as the store lists it. `version` changes whenever the content may have changed.

    `tag` is what a listing says instead, in a store that lists no versions: equal tags are equal contents. It is empty
    where there is no need of it; where `head` gives it as the version, the store keeps one version only.
    """

    key: str
    size: int
    version: str
    modified: datetime
    tag: str = ""

    @property
    def kept(self) -> bool:
        """Whether what `head` gave is kept as it is when another version takes its place, as far as a bucket tells."""
        return not self.tag or self.version != self.tag

    def same(self, other: StoredObject) -> bool:
        """Whether both are one version of an object, or of equal content; either may come from a listing."""
        if self.key != other.key:
            return False
        return self.version == other.version or bool(self.tag and self.tag == other.tag)


class Source(Protocol):
    """Bytes that can be read from any offset: an arrived object in one version, a file, a buffer. Picklable."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream (`readinto`) over bytes [start, stop)."""
        ...


class Sink(Protocol):
    """Where parts are written. Picklable where its store is."""

    def open(self, name: str) -> BinaryIO:
        """A stream for a new part. Only `close()` makes it visible, durably; a writer left behind leaves nothing that
        counts (parts exist only if a fact names them).
        """
        ...


class Place(Sink, Protocol):
    """A sink whose parts can be read where they are."""

    def locate(self, name: str) -> str:
        """A path or URL under which an engine can read a part."""
        ...


class Store(Protocol):
    """A folder or bucket. Keys are relative, with `/`. Raises `StoreError` and its kinds only."""

    @property
    def url(self) -> str:
        """Where it is, as a person would write it, without secrets."""
        ...

    @property
    def atomic(self) -> bool:
        """Whether objects appear whole (a bucket), so that one that is listed is not still being written (a folder)."""
        ...

    def create(self, key: str, data: bytes) -> None:
        """Write once, durably. Raises `ObjectExists` when anything stands there already."""
        ...

    def read(self, key: str) -> bytes:
        """The whole object. Raises `ObjectMissing`."""
        ...

    def head(self, key: str) -> StoredObject:
        """What the store says of the object now. Raises `ObjectMissing`."""
        ...

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects whose keys begin with `prefix` (a folder with its `/`, or a name's beginning), in their order."""
        ...

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:
        """What writers that died have left below a prefix that ends in `/`: never listed, and `delete` removes it."""
        ...

    def source(self, found: StoredObject) -> Source:
        """The bytes of exactly that version."""
        ...

    def sink(self, prefix: str) -> Place:
        """Parts below a prefix that ends in `/`."""
        ...

    def locate(self, key: str) -> str:
        """A path or URL under which an engine can read the object."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        ...


class Clock(Protocol):
    """The time, so that tests can say what time it is."""

    def now(self) -> datetime:
        """Now, with a zone (UTC)."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Together(Protocol):
    """Does some work for each item, several at once; the results come in the items' order.

    Work, items and results can be pickled, so it may be done by other processes and other machines.
    """

    def __call__(self, work: Callable[[T], R], items: Sequence[T], /) -> Iterable[R]:
        """The results."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """One Parquet part that an engine wrote: its name below the run's prefix, and its rows."""

    name: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Offending:
    """Rows that should not be: how many, and the lines (file, line) of some of them, where that is known."""

    rows: int
    places: tuple[tuple[str, int], ...] = ()


class Engine(Protocol):
    """Something that runs a dataset's SQL over tables that are lists of Parquet files."""

    @property
    def name(self) -> str:
        """`duckdb` or `spark`."""
        ...

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run the SQL over `tables` (name -> located parts), check the key, protect, write the parts into `sink`.

        `secret` is the key of hashes. Raises `SqlError` for SQL that is wrong, `DataRefused` for a key that is null or
        not unique, `EngineError`; `UsageError` where a hash is wanted and there is no key.
        """
        ...

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """How many rows a query gives that must give none; `path` names it in errors. Raises as `run` does."""
        ...


@dataclass(frozen=True, slots=True)
class Body:
    """The body of one bulk request: `rows` documents, the first of which is number `first_row` (0-based) of all."""

    data: bytes
    rows: int
    first_row: int


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """A document that the target does not take: its id, the file and line it came from (empty and 0 where its dataset
    does not say), and a reason that holds no value.
    """

    id: str
    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the documents that were sent: those taken, and those refused for good, counted by reason.

    `kept`: the first of those refused. `stale`: how many the index holds as new, or newer, already.
    """

    documents: int
    refused: Mapping[str, int]
    kept: tuple[RefusedDocument, ...] = ()
    stale: int = 0


@dataclass(frozen=True, slots=True)
class IndexState:
    """An index as it stands: the aliases that show it, what its maker wrote into its mapping (`_meta`), the settings
    that were given to it, and when it was made (None where the target does not say).
    """

    aliases: frozenset[str]
    meta: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as an index holds it: its words, and the number of its version."""

    source: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Found:
    """The documents that a search has found, by their ids; `more`: there may be others."""

    documents: Mapping[str, Mapping[str, Any]]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """An alias is to show `index` and no longer those in `held`, which are the ones that it was seen to show.

    `alone`: the index is the only one that the alias shows. Without an `index` the alias only lets go.
    """

    alias: str
    index: str
    held: tuple[str, ...] = ()
    alone: bool = True


class Target(Protocol):
    """Where datasets are published: an OpenSearch-compatible endpoint. Raises `TargetError`."""

    @property
    def name(self) -> str:
        """The target's word in the ledger: `opensearch`."""
        ...

    @property
    def where(self) -> str:
        """Its address, without user and password."""
        ...

    @property
    def serverless(self) -> bool:
        """Whether replicas and refreshing are its own business, so that what was sent becomes visible by and by."""
        ...

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """Create an index with its mapping, settings and aliases. False when there is one of this name."""
        ...

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        """Change settings of an index; None stands for the target's own choice."""
        ...

    def add_fields(self, name: str, mapping: Mapping[str, Any]) -> None:
        """Make an index know all fields of a mapping. Raises `TargetError` where one is there as something else."""
        ...

    def load(self, index: str, bodies: Iterable[Body], *, most: int = 1000) -> Loaded:
        """Send documents; what the target pushes back is sent again, and only that.

        When it refuses more than `most` for good, the rest is not sent.
        """
        ...

    def refresh(self, index: str) -> None:
        """Make what was sent visible to searches."""
        ...

    def count(self, index: str) -> int:
        """How many documents an index holds."""
        ...

    def documents(self, index: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents of these ids, as far as they are there."""
        ...

    def find(self, index: str, text: str, words: Sequence[str], values: Sequence[str], *, most: int) -> Found:
        """Documents whose id is `text`, of whose fields `words` one holds it, or of whose fields `values` one is it.

        The target is asked once, and gives up after some seconds.
        """
        ...

    def indices(self, *names: str) -> dict[str, IndexState]:
        """The indices that have these names, or that aliases of these names show; `*` stands for anything."""
        ...

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases, all at once or not at all. False when one no longer shows what it was seen to show."""
        ...

    def delete_index(self, name: str) -> None:
        """Remove an index; nothing happens when it is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a step, for whoever watches. Never holds the value of a field."""

    step: str
    text: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as people get it: number `number` about `condition` of a business date. `over`: nobody needs to act.

    `again`: which reminder it is, 0 for none. The same number may come twice: after a crash nobody knows whether it
    was sent.
    """

    feed: str
    date: date
    condition: str
    number: int
    over: bool
    text: str
    severity: Severity = "alarm"
    again: int = 0

    @property
    def title(self) -> str:
        """What is the matter, in a line."""
        return self.text.partition("\n")[0]


class Channel(Protocol):
    """A way to tell people. Raises `NotifyError` when it could not."""

    @property
    def name(self) -> str:
        """What facts, logs and figures call it; never an address, which may hold secrets."""
        ...

    @property
    def when(self) -> frozenset[Severity]:
        """Of which alerts it tells."""
        ...

    def send(self, notice: Notice) -> None:
        """Send one alert; whoever it is for has it when this returns."""
        ...


class Elsewhere(Protocol):
    """Another kind of process (a Glue job), which goes on with a business date where this one lacks time or an engine.

    Begun twice it does no harm: it looks at the ledger, as everybody does.
    """

    @property
    def limit(self) -> int:
        """Bytes of an arrival that are read here; larger ones are read there."""
        ...

    @property
    def lease(self) -> timedelta:
        """Longer than such a process can last."""
        ...

    def owner(self) -> str:
        """A new name, under which a run is claimed for a process that is begun then; `gone` knows what became of it."""
        ...

    def working(self, feed: str, day: date) -> bool:
        """Whether such a process is at a business date, or about to be. Raises `OutsideError`."""
        ...

    def failures(self, feed: str, day: date) -> int:
        """How many processes that no run waits for have failed at a business date, one after the other, of late.

        Raises `OutsideError`.
        """
        ...

    def begin(self, feed: str, day: date, owner: str = "") -> None:
        """Begin a process; `owner` is the name under which a run waits for it.

        Returns also when nobody knows whether it has begun. Raises `OutsideError` when it surely has not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """All that a step needs from outside, handed down by a shell."""

    store: Store
    clock: Clock
    new_id: Callable[[], str]
    who: str
    engine: Callable[[], Engine]
    target: Callable[[OpenSearchTarget], Target] | None
    tell: Callable[[Event], None]
    gone: Callable[[str], bool] = lambda _who: False
    """Whether whoever signed a fact so (`who`) is known to have ended; False when nothing is known."""
    secret: bytes = field(default=b"", repr=False)
    """The key with which personal values are hashed; empty where there is none. Never in a fact, a log or a message."""
    channels: Sequence[Channel] = ()
    """How people are told of alerts; none where nobody can be, and none are raised."""
    together: Together | None = None
    """Who reads the ranges of a large file and sends the parts of a dataset; None where this process does."""
    elsewhere: Elsewhere | None = None
    """Who makes runs, publications and large conversions; None where this process does."""
    run_id: str = ""
    """The name that an outside service gave this process."""
    ours: str = ""
    """The name under which a run was claimed for this process by the one that began it."""
    lease: timedelta = timedelta(hours=1)
    """How long others leave a turn of this process alone when nothing else is known of it."""

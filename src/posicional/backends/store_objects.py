"""Memory and S3 as stores, through obstore: objects appear whole, and a create-only write has one winner."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, cast

import obstore
from obstore import exceptions
from obstore.store import MemoryStore, S3Store

from posicional.backends.aws_chain import from_chain
from posicional.backends.store_keys import checked
from posicional.errors import ObjectExists, ObjectMissing, StoreError, UsageError
from posicional.ports import Place, Source, StoredObject

if TYPE_CHECKING:
    from types import TracebackType

    from obstore import GetOptions, ObjectMeta
    from obstore import WritableFile as Writer
    from typing_extensions import Buffer

READ = 16 << 20
"""Bytes of one request while a source is read: each is retried and timed out on its own."""

WRITE = 8 << 20
"""Bytes of one piece of a multipart upload."""

PAGE = 1000
"""Objects that one request lists."""

RETRIES = 7
"""Tries after the first at a request that met a server's error, throttling or a broken connection: about 13 s."""


@dataclass(frozen=True, eq=False)
class ObjectStore:
    """Objects in memory or on S3. Pickles as its URL: in another process, memory is another store."""

    url: str
    client: MemoryStore | S3Store

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (reopened, (self.url,))

    @property
    def atomic(self) -> bool:
        """Objects appear whole."""
        return True

    def create(self, key: str, data: bytes) -> None:
        """Write once. Raises `ObjectExists`, also when its own retry met what it had written before."""
        with _explained(self.url, key):
            obstore.put(self.client, checked(key), data, mode="create")

    def read(self, key: str) -> bytes:
        """The whole object. Raises `ObjectMissing`."""
        with _explained(self.url, key):
            return obstore.get(self.client, checked(key)).bytes().to_bytes()

    def head(self, key: str) -> StoredObject:
        """Size, version (id, or entity tag where the bucket keeps no versions) and time. Raises `ObjectMissing`."""
        with _explained(self.url, key):
            return self._stored(obstore.head(self.client, checked(key)))

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects whose keys begin with `prefix`, in the order of their keys. `version` is the entity tag."""
        above, slash, start = prefix.rpartition("/")
        # The store lists whole folders; behind a name's beginning it is asked for the keys from there on.
        offset = f"{above}{slash}{start[:-1]}" if start else None
        with _explained(self.url, prefix):
            found = _beginning_with(prefix, obstore.list(self.client, above or None, offset=offset, chunk_size=PAGE))
        for meta in sorted(found, key=lambda meta: meta["path"]):
            if not any(segment.startswith(".") for segment in meta["path"].split("/")):
                yield self._stored(meta)

    def _stored(self, meta: ObjectMeta) -> StoredObject:
        tag = meta.get("e_tag") or f'"{meta["size"]}-{meta["last_modified"].isoformat()}"'
        version = meta.get("version")
        if not version or version == "null":
            version = tag
        # Memory lists the versions that it has; only S3 needs a tag beside them.
        shown = tag if isinstance(self.client, S3Store) else ""
        return StoredObject(meta["path"], meta["size"], version, meta["last_modified"], shown)

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:  # noqa: ARG002 - the same for every prefix
        """Nothing: an object appears whole or never. A bucket's own rule ends uploads that were given up."""
        return iter(())

    def source(self, found: StoredObject) -> Source:
        """The bytes of exactly that version."""
        return ObjectSource(self, found.key, found.size, found.version)

    def sink(self, prefix: str) -> Place:
        """Parts below a prefix that ends in `/`."""
        return ObjectSink(self, prefix)

    def locate(self, key: str) -> str:
        """The object's URL: `s3://bucket/prefix/key`, `memory://name/key`."""
        return f"{self.url.rstrip('/')}/{checked(key)}"

    def delete(self, key: str) -> None:
        """Remove an object; nothing happens when it is not there."""
        with _explained(self.url, key):
            obstore.delete(self.client, checked(key))


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """An object in one version."""

    store: ObjectStore
    key: str
    size: int
    version: str

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A raw stream over bytes [start, stop). Reading raises `ObjectMissing` when that version is gone."""
        return cast("BinaryIO", _ObjectRange(self, start, self.size if stop is None else min(stop, self.size)))

    def get(self, start: int, stop: int) -> memoryview:
        """Bytes [start, stop) in one request; at least one byte."""
        options: GetOptions = {"range": (start, stop)}
        if self.version.startswith(('"', "W/")):
            options["if_match"] = self.version
        else:
            options["version"] = self.version
        with _explained(self.store.url, self.key):
            return memoryview(obstore.get(self.store.client, self.key, options=options).bytes())


class _ObjectRange(io.RawIOBase):
    """A range of an object, fetched piece by piece."""

    def __init__(self, source: ObjectSource, start: int, stop: int) -> None:
        self._source = source
        self._at = start
        self._stop = stop
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._piece and self._at < self._stop:
            self._piece = self._source.get(self._at, min(self._at + READ, self._stop))
            self._at += len(self._piece)
        target = memoryview(buffer)
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count


@dataclass(frozen=True, slots=True)
class ObjectSink:
    """Parts below one prefix."""

    store: ObjectStore
    prefix: str

    def open(self, name: str) -> BinaryIO:
        """A stream for a new part, which `close()` makes visible."""
        key = self.prefix + name
        with _explained(self.store.url, key):
            writer = obstore.open_writer(self.store.client, checked(key), buffer_size=WRITE)
        return cast("BinaryIO", _ObjectPart(self.store.url, key, writer))

    def locate(self, name: str) -> str:
        """The part's URL."""
        return self.store.locate(self.prefix + name)


class _ObjectPart(io.RawIOBase):
    """A part being written: there after `close`, never when it is left by an error or forgotten."""

    def __init__(self, url: str, key: str, writer: Writer) -> None:
        self._url = url
        self._key = key
        self._writer: Writer | None = writer
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        if self._writer is None:
            raise ValueError("the part is closed")
        view = memoryview(data).cast("B")
        with _explained(self._url, self._key):
            self._writer.write(bytes(view))
        self._written += len(view)
        return len(view)

    def tell(self) -> int:
        return self._written

    def close(self) -> None:
        writer, self._writer = self._writer, None
        super().close()
        if writer is not None:
            with _explained(self._url, self._key):
                writer.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._writer = None
        self.close()

    def __del__(self) -> None:
        # io's own would close the part, which is to publish what nobody finished.
        self._writer = None


def _beginning_with(prefix: str, chunks: Iterable[Sequence[ObjectMeta]]) -> list[ObjectMeta]:
    """The objects of a listing whose keys begin with `prefix`.

    S3 lists in the order of the keys, so no page is asked for behind the last of them. A store that does not is listed
    to its end.
    """
    found: list[ObjectMeta] = []
    last = ""
    for chunk in chunks:
        paths = [meta["path"] for meta in chunk]
        found += [meta for meta in chunk if meta["path"].startswith(prefix)]
        in_order = paths == sorted(paths) and [last] <= paths
        last = paths[-1] if paths else last
        if in_order and last > prefix and not last.startswith(prefix):
            break
    return found


@cache
def memory_store(url: str) -> ObjectStore:
    """The store `memory://name` of this process; the same name is the same store."""
    return ObjectStore(url, MemoryStore())


def s3_store(url: str) -> ObjectStore:
    """The store `s3://bucket/prefix`; credentials, region and endpoint come from where AWS programs take them."""
    found = re.fullmatch(r"[sS]3://([^/?#]+)(?:/([^?#]*))?", url)
    if found is None:
        raise UsageError("not the URL of a bucket", where=url, expected="s3://bucket or s3://bucket/prefix")
    bucket, prefix = found[1], (found[2] or "").strip("/")
    endpoint = next(
        (os.environ[name] for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if os.environ.get(name)), ""
    )
    try:
        client = S3Store(
            bucket,
            prefix=prefix or None,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(minutes=2)},
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(minutes=1)},
            **from_chain(),
        )
    except exceptions.BaseError as error:
        raise StoreError(
            "the bucket cannot be opened", where=url, got=_first_line(error), hint="check AWS_… in the environment"
        ) from error
    return ObjectStore(f"s3://{bucket}/{prefix}" if prefix else f"s3://{bucket}", client)


def reopened(url: str) -> ObjectStore:
    """The store that another process pickled."""
    return memory_store(url) if url.lower().startswith("memory:") else s3_store(url)


@contextmanager
def _explained(url: str, key: str) -> Iterator[None]:
    """Turn what obstore says into a `StoreError` with what to do."""
    where = f"{url.rstrip('/')}/{key}"
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(url) from None
        raise ObjectMissing("no such object", where=where) from None
    except exceptions.AlreadyExistsError:
        raise ObjectExists("there is an object already", where=where) from None
    except (exceptions.PreconditionError, exceptions.NotModifiedError):
        raise ObjectMissing(
            "the object has changed since it was seen", where=where, hint="run the command again"
        ) from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise StoreError(
            "access denied", where=where, hint="check the credentials (AWS_…) and the policy of the bucket"
        ) from error
    except ValueError as error:
        raise StoreError("not a key", where=where, got=_first_line(error)) from error
    except (exceptions.BaseError, OSError) as error:
        if "NoSuchBucket" in str(error):
            raise _no_bucket(url) from None
        raise StoreError(
            _failure(error), where=where, hint="check the endpoint and the network, then run the command again"
        ) from error


def _no_bucket(url: str) -> StoreError:
    return StoreError("there is no such bucket", where=url, hint="make it, or give another store")


def _failure(error: BaseException) -> str:
    """What is the matter when a request has failed for good: the server's answer, or that there was none."""
    text = str(error)
    status = re.search(r"status code: (\d{3})", text)
    said = re.search(r"<Code>([^<]*)</Code>.*?<Message>([^<]*)</Message>", text, re.DOTALL)
    if status:
        return f"the store answers {status[1]}" + (f" ({said[1]}: {said[2]})" if said else "")
    return "the store cannot be reached" if "HTTP error" in text else _first_line(error)


def _first_line(error: BaseException) -> str:
    """What obstore says, without the dump of its inner state behind it."""
    return str(error).partition("\n")[0].strip(" :")

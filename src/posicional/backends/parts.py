"""Parquet parts as engines take and leave them: fetched to this machine where need be, written through a sink."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.errors import EngineError
from posicional.ports import Sink, Written

PART_BYTES = 256 << 20
"""A part that has grown to so many bytes is closed and the next one begun, so that readers can share the work."""


def local_paths(table: str, parts: Sequence[str], scratch: Path) -> list[str]:
    """Paths of a table's parts; those that are no files of this machine are copied into `scratch` first."""
    check_any(table, parts)
    return [
        _fetched(part, scratch / f"{table}-{number:05d}.parquet") if "://" in part else part
        for number, part in enumerate(parts)
    ]


def check_any(table: str, parts: Sequence[str]) -> None:
    """Raises `EngineError` for a table without a part, which has no columns."""
    if not parts:
        raise EngineError(f"the table {table} has no part", hint="its file must be converted again")


def _fetched(url: str, path: Path) -> str:
    from posicional.backends.store import open_store

    place = urlsplit(url)
    store = open_store(f"{place.scheme}://{place.netloc}")
    found = store.head(place.path.removeprefix("/"))
    with store.source(found).open() as source, path.open("wb") as copy:
        try:
            shutil.copyfileobj(source, copy, 1 << 20)
        except OSError as error:
            raise EngineError(
                f"a part cannot be copied here: {error.strerror or error}", where=str(path.parent)
            ) from None
    return str(path)


def write_parts(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    sink: Sink,
    name: Callable[[int], str],
    part_bytes: int = PART_BYTES,
) -> tuple[Written, ...]:
    """Parts of about `part_bytes`, number 0 and on called `name(number)`; none where there is no batch."""
    written: list[Written] = []
    pending = next(batches, None)
    while pending is not None:
        rows = 0
        with sink.open(name(len(written))) as stream:
            with pq.ParquetWriter(stream, schema, compression="zstd", compression_level=1) as writer:
                while pending is not None and (not rows or stream.tell() < part_bytes):
                    writer.write_batch(pending)
                    rows += pending.num_rows
                    pending = next(batches, None)
            size = stream.tell()
        written.append(Written(name(len(written)), rows, size))
    return tuple(written)


def hand_over(path: Path, sink: Sink, name: str, rows: int) -> Written:
    """Give a finished part of this machine to a sink; it is gone from its place."""
    with path.open("rb") as part, sink.open(name) as stream:
        shutil.copyfileobj(part, stream, 1 << 20)
        size = part.tell()
    path.unlink()
    return Written(name, rows, size)


def empty_part(schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """What makes a part without rows: a result that has none can be read like any other."""
    return iter([pa.RecordBatch.from_arrays([pa.nulls(0, one.type) for one in schema], schema=schema)])


@contextmanager
def scratch_folder(parent: str | None) -> Iterator[Path]:
    """A folder for a while, below `parent` (None: the system's). Raises `EngineError` where none can be made."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="posicional-", dir=parent)
    except OSError as error:
        raise EngineError(
            f"no temporary folder can be made: {error.strerror or error}",
            where=parent or tempfile.gettempdir(),
            hint="make room there, or set TMPDIR to another folder",
        ) from None
    with folder as path:
        yield Path(path)

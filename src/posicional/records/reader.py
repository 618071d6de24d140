"""The composition: a file's bytes become Arrow batches and rejects, and from there Parquet parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from posicional.contract.layout import Layout
from posicional.errors import DataRefused
from posicional.ports import Sink, Source
from posicional.records.blocks import content_hash
from posicional.records.conversion import Conversion
from posicional.records.parquet import PartWriter
from posicional.records.reading import Read, Reading
from posicional.records.rejects import SCHEMA


def no_rejects(rejects: int, records: int) -> bool:  # noqa: ARG001  # the shape of every tolerance
    """The tolerance of a contract that says nothing."""
    return not rejects


def read_batches(source: Source, layout: Layout, *, file: str, path: str, date: date | None = None) -> Iterator[Read]:
    """Stream a file's batches and rejects; memory does not grow with the file.

    Problems of the file as a whole (a trailer that does not agree, …) raise `DataRefused` after the last batch.
    """
    reading = Reading(layout, file=file, path=path, date=date)
    yield from reading.batches(source)
    problems = list(reading.problems)
    if problems:
        raise DataRefused(problems[0].text, where=path)


def convert(  # noqa: PLR0913  # all that a conversion depends on, each by name
    source: Source,
    layout: Layout,
    sink: Sink,
    rejects: Sink,
    *,
    file: str,
    path: str,
    date: date | None = None,
    tolerance: Callable[[int, int], bool] = no_rejects,
    allow_empty: bool = False,
    one_part: bool = False,  # noqa: ARG001  # there is one part as long as there is one worker
    workers: int = 1,  # noqa: ARG001  # the ranges of a file are read one after the other
) -> Conversion:
    """Turn a file into Parquet parts in `sink`, and its rejects into one in `rejects` if there are any.

    `file` is its name in the feed and names the tables; `path` is what `_file` says. `tolerance(rejects, records)`
    tells whether so many rejects may be. The parts are written, and stay, even when the file is refused: whether it is
    usable the returned `problems` say.
    """
    reading = Reading(layout, file=file, path=path, date=date)
    tables = {table.name: table.schema for table in reading.tables if table.name}
    single = len(tables) == 1
    writers = {
        name: PartWriter(sink, "part-00000.parquet" if single else f"{name}-part-00000.parquet", name, schema)
        for name, schema in tables.items()
    }
    refused: PartWriter | None = None
    for read in reading.batches(source):
        if read.table is not None:
            writers[read.table].write(read.batch)
            continue
        if refused is None:
            refused = PartWriter(rejects, "part-00000.parquet", "rejects", SCHEMA)
        refused.write(read.batch)
    account = reading.account
    if not account.records and not allow_empty:
        reading.problems.add("empty", "the file has no records")
    if not tolerance(account.rejects, account.records):
        text = f"{account.rejects} of {account.records} records are rejected, more than the contract allows"
        reading.problems.add("rejects", text)
    sha256 = content_hash(reading.hashes.pieces)
    footer = {"layout": layout.name, "layout_digest": layout.digest, "source": path, "source_sha256": sha256}
    footer |= {"source_bytes": str(source.size), "records": str(account.records), "rejects": str(account.rejects)}
    parts = tuple(writer.close(footer) for writer in writers.values())
    return Conversion(
        parts=parts,
        rejects=(refused.close(footer),) if refused else (),
        tables={part.table: part.rows for part in parts},
        controls=tuple(reading.controls),
        account=account,
        problems=tuple(reading.problems),
        sha256=sha256,
        size=source.size,
    )

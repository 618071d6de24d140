"""The records of a file as one Arrow stream, with what was refused: what `posicional.read` gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from typing import Any

import pyarrow as pa

from posicional.contract.layout import Layout
from posicional.errors import DataRefused, UsageError
from posicional.ports import Source
from posicional.records.compressed import Unreadable, is_compressed, unpacked
from posicional.records.conversion import Account, ControlRecord, Problem
from posicional.records.reading import Reading
from posicional.records.rejects import SCHEMA

KEPT = 64 << 20
"""Bytes of rejects that are kept in memory: enough for hundreds of thousands. All of them are counted."""


class RecordStream:
    """The rows of one table of a file, decoded while they are asked for; memory does not grow with the file.

    pandas, polars, DuckDB and pyarrow take it as it is, through Arrow's C stream; iterating gives its
    `pyarrow.RecordBatch`es. Either can be done once.

    The end of the stream is where a file is known to be good: too many rejects, a trailer that does not agree, a record
    of no kind, lost framing raise `DataRefused` there, behind the last row. A reader that stops earlier (a `limit`) has
    seen no such proof. What is known at the end (`rejects`, `account`, `problems`, `controls`) is refused before it.
    """

    def __init__(
        self,
        source: Source,
        layout: Layout,
        *,
        kind: str,
        path: str,
        member: str = "",
        date: date | None,
        tolerance: Callable[[int, int], bool],
        allow_empty: bool,
    ) -> None:
        self._reading = Reading(layout, file="file", path=path, date=date)
        self._table = next(name for name, one in layout.tables("file").items() if one.name == kind)
        self._source = source
        self._path = path
        self._member = member
        self._tolerance = tolerance
        self._allow_empty = allow_empty
        self._rejects: list[pa.RecordBatch] = []
        self._kept = 0
        self._begun = self._through = False
        self.schema: pa.Schema = next(one.schema for one in self._reading.tables if one.name == self._table)
        """The fields with their Arrow types, then `_file`, `_line`, `_byte` and, where there are groups, `_group`."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._begun:
            raise UsageError("the stream has been read already", where=self._path, hint="call read again")
        self._begun = True
        return self._batches()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def to_reader(self) -> pa.RecordBatchReader:
        """The stream as a `pyarrow.RecordBatchReader`."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    @property
    def rejects(self) -> pa.Table:
        """The records that could not be decoded: place, field, reason, what was expected, and the raw bytes.

        The first 64 MiB of them; `account.rejects` counts all.
        """
        self._need_end()
        return pa.Table.from_batches(self._rejects, schema=SCHEMA)

    @property
    def account(self) -> Account:
        """Where every byte and record of the file went."""
        self._need_end()
        return self._reading.account

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why the file as a whole is refused; empty for a good one."""
        self._need_end()
        return tuple(self._reading.problems)

    @property
    def controls(self) -> tuple[ControlRecord, ...]:
        """Headers and trailers with their values, personal ones left out."""
        self._need_end()
        return tuple(self._reading.controls)

    def _need_end(self) -> None:
        if not self._through:
            hint = "read all of its batches first"
            raise UsageError("known only at the end of the stream", where=self._path, hint=hint)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with ExitStack() as stack:
            source = self._source
            if is_compressed(self._path):
                try:
                    source = stack.enter_context(unpacked(source, self._path, self._member))
                except Unreadable as error:
                    raise DataRefused(str(error), where=self._path) from error
            for read in self._reading.batches(source):
                if read.table == self._table:
                    yield read.batch
                elif read.table is None and self._kept < KEPT:
                    self._rejects.append(read.batch)
                    self._kept += read.batch.nbytes
        self._through = True
        self._judge()

    def _judge(self) -> None:
        """Raise `DataRefused` unless the file as a whole can be used."""
        problems, account = self._reading.problems, self._reading.account
        if not account.records and not self._allow_empty:
            problems.add("empty", "the file has no records")
        if not self._tolerance(account.rejects, account.records):
            text = f"{account.rejects} of {account.records} records are rejected, more than max_rejects allows"
            problems.add("rejects", text)
        found = [problem.text for problem in problems]
        if found:
            hint = "`rejects` of the stream says which and why" if account.rejects else ""
            raise DataRefused("; ".join(found), where=self._path, hint=hint)

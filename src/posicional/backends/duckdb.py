"""DuckDB as the embedded engine: Parquet parts in, Spark SQL transpiled, Parquet parts out, within a memory limit.

The result is streamed from DuckDB into the parts and never held whole; only its key columns stay behind, in a table of
DuckDB's own that spills to disk, so that the key is checked without computing the dataset twice. Rows are not sorted:
the key names a row, a part's place does not, and a sort would need the whole result on disk before the first part.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from posicional.errors import DataRefused, EngineError, SqlError
from posicional.ports import Sink, Written
from posicional.sql.checks import check_key, key_query, output
from posicional.sql.dialect import Query, check, nearest, tables_of, to_duckdb

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset

BATCH_ROWS = 122_880
"""Rows that travel at once, and rows of a row group: what DuckDB itself writes, and a few tens of MB at most."""

PART_BYTES = 256 << 20
"""A part that has grown to so many bytes is closed and the next one begun, so that readers can share the work."""

_KEYS = "posicional_keys"


@dataclass(frozen=True, slots=True)
class DuckDbEngine:
    """Runs datasets one after another, each in a database of its own that lives in memory and spills to disk.

    `memory_limit` as DuckDB writes it (`1GB`, `80%`; empty: DuckDB's own, 80 %), `threads` (0: as many as the machine
    has), `temp_directory` (None: the system's) holds what does not fit into memory and copies of parts that are not in
    a folder.
    """

    memory_limit: str = ""
    threads: int = 0
    temp_directory: str | None = None
    part_bytes: int = field(default=PART_BYTES, repr=False)

    @property
    def name(self) -> str:
        """The engine's word in a feed."""
        return "duckdb"

    def run(self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Sink) -> tuple[Written, ...]:
        """Run a dataset's SQL over `tables` (name -> located parts) and write its parts into `sink`.

        Raises `SqlError` for SQL that is wrong, `DataRefused` for a key that is null or not unique or a value that a
        cast cannot hold, `EngineError` for want of memory or disk. No message holds the value of a field.
        """
        query = check(dataset, tables)
        with ExitStack() as stack:
            scratch = stack.enter_context(self._scratch())
            read = tables_of(dataset.sql, query.path)
            paths = {name: _local(name, parts, scratch) for name, parts in tables.items() if name.lower() in read}
            database = stack.enter_context(self._database(scratch, [path for each in paths.values() for path in each]))
            columns = _open_tables(database, paths)
            with _explained(dataset, query, columns):
                select, casts = _select(database, dataset, query)
                keys = stack.enter_context(database.cursor())
                reader = database.sql(select).to_arrow_reader(BATCH_ROWS)
                written = _write(_remember(reader, keys, dataset.key, casts), reader.schema, sink, self.part_bytes)
                found = keys.execute(key_query(dataset.key, _KEYS).sql("duckdb", identify=True)).fetchone()
        if found:
            check_key(dataset, *map(int, found))
        return written

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        try:
            folder = tempfile.TemporaryDirectory(prefix="posicional-", dir=self.temp_directory)
        except OSError as error:
            raise EngineError(
                f"no temporary folder can be made: {error.strerror or error}",
                where=self.temp_directory or tempfile.gettempdir(),
                hint="make room there, or set TMPDIR to another folder",
            ) from None
        with folder as path:
            yield Path(path)

    @contextmanager
    def _database(self, scratch: Path, paths: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A fresh database that reads exactly these files, fetches no extension and sees no variable of ours."""
        settings: dict[str, Any] = {
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
        }
        if self.memory_limit:
            settings["memory_limit"] = self.memory_limit
        if self.threads:
            settings["threads"] = self.threads
        try:
            database = duckdb.connect(config=settings)
        except duckdb.Error as error:
            raise EngineError(
                f"DuckDB does not start: {_first_line(error)}", hint="look at the engine's settings"
            ) from None
        with database:
            database.execute("set TimeZone = 'UTC'")
            database.execute(f"set allowed_paths = [{', '.join(map(_quoted, paths))}]")
            database.execute("set enable_external_access = false")
            database.execute("set lock_configuration = true")
            yield database


# --- what goes in -----------------------------------------------------------------------------------------------------


def _local(table: str, parts: Sequence[str], scratch: Path) -> list[str]:
    """Paths of a table's parts; those that are no files of this machine are copied into `scratch` first."""
    if not parts:
        raise EngineError(f"the table {table} has no part", hint="its file must be converted again")
    return [
        _fetched(part, scratch / f"{table}-{number:05d}.parquet") if "://" in part else part
        for number, part in enumerate(parts)
    ]


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


def _open_tables(database: duckdb.DuckDBPyConnection, paths: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """A view for each table; the columns of each."""
    columns = {}
    for name, files in paths.items():
        listed = ", ".join(map(_quoted, files))
        try:
            database.execute(
                f'create view "{name}" as select * from read_parquet([{listed}], hive_partitioning = false)'  # noqa: S608 - names and paths of ours, quoted
            )
            columns[name] = database.table(name).columns
        except duckdb.Error as error:
            raise EngineError(
                f"the parts of {name} cannot be read: {type(error).__name__}",
                where=files[0],
                hint="were they changed or removed? convert the file again",
            ) from None
    return columns


def _select(
    database: duckdb.DuckDBPyConnection, dataset: Dataset, query: Query
) -> tuple[str, tuple[tuple[str, exp.DataType], ...]]:
    """The query in DuckDB's words with its columns cast to the types that are written, and these columns."""
    sql = to_duckdb(dataset.sql, query.path)
    found = database.sql(sql)
    types = [(name, _type(str(type_))) for name, type_ in zip(found.columns, found.types, strict=True)]
    written = output(dataset, types)
    if [(name, type_.sql()) for name, type_ in types] == [(name, type_.sql()) for name, type_ in written]:
        return sql, written
    casts = ", ".join(f"cast({_name(name)} as {type_.sql('duckdb')}) as {_name(name)}" for name, type_ in written)
    return f"select {casts} from ({sql})", written  # noqa: S608 - quoted names around a query that was checked


def _type(text: str) -> exp.DataType:
    return exp.DataType.build("null" if text == '"NULL"' else text, dialect="duckdb")


# --- what comes out ---------------------------------------------------------------------------------------------------


def _remember(
    batches: pa.RecordBatchReader,
    keys: duckdb.DuckDBPyConnection,
    key: Sequence[str],
    columns: Sequence[tuple[str, exp.DataType]],
) -> Iterator[pa.RecordBatch]:
    """The batches as they are, while their key columns go into a table of the database."""
    types = {name.lower(): type_.sql("duckdb") for name, type_ in columns}
    fields = ", ".join(f"{_name(column)} {types[column.lower()]}" for column in key)
    keys.execute(f"create table {_KEYS} ({fields})")
    names = {name.lower(): position for position, (name, _) in enumerate(columns)}
    positions = [names[column.lower()] for column in key]
    for batch in batches:
        keys.register("batch", batch.select(positions))
        keys.execute(f"insert into {_KEYS} select * from batch")  # noqa: S608 - a constant
        keys.unregister("batch")
        yield batch


def _write(batches: Iterator[pa.RecordBatch], schema: pa.Schema, sink: Sink, part_bytes: int) -> tuple[Written, ...]:
    """Parts of about `part_bytes`; a result without rows is one part that has only the schema."""
    written: list[Written] = []
    pending: pa.RecordBatch | None = next(batches, None)
    while pending is not None or not written:
        name, rows = f"part-{len(written):05d}.parquet", 0
        with sink.open(name) as stream:
            with pq.ParquetWriter(stream, schema, compression="zstd", compression_level=1) as writer:
                while pending is not None and (not rows or stream.tell() < part_bytes):
                    writer.write_batch(pending)
                    rows += pending.num_rows
                    pending = next(batches, None)
            size = stream.tell()
        written.append(Written(name, rows, size))
    return tuple(written)


# --- messages ---------------------------------------------------------------------------------------------------------


@contextmanager
def _explained(dataset: Dataset, query: Query, columns: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Turn what DuckDB says into an error of ours: where it is in the user's SQL, and never a value."""
    try:
        yield
    except duckdb.Error as error:
        raise _explain(dataset, query, columns, str(error)) from None
    except OSError as error:  # DuckDB's own words, when it fails while Arrow takes batches from it
        if not re.match(r"[A-Z][A-Za-z ]+ Error: ", str(error)):
            raise
        raise _explain(dataset, query, columns, str(error)) from None


def _explain(
    dataset: Dataset, query: Query, columns: Mapping[str, Sequence[str]], text: str
) -> SqlError | DataRefused | EngineError:
    kind = text.partition(" Error:")[0]
    all_columns = {column for each in columns.values() for column in each}
    if kind in ("Binder", "Catalog", "Parser"):
        return _sql_error(query, sorted(all_columns), text)
    if kind in ("Conversion", "Out of Range", "Invalid Input"):
        named = re.search(r"casting from source column (\w+)", text)
        column = f" (column {named[1]})" if named and named[1] in all_columns else ""
        what = "a number is divided by zero" if "ivision by zero" in text else "a value does not fit"
        return DataRefused(
            f"dataset {dataset.name}: {what} in a cast or a calculation{column}",
            where=query.path,
            hint="use try_cast where such values are expected, or a wider type",
        )
    if kind == "Out of Memory":
        return EngineError(
            f"dataset {dataset.name}: DuckDB needs more memory than it may use",
            hint="raise its memory limit, or give it fewer threads",
        )
    if kind == "IO":
        return EngineError(
            f"dataset {dataset.name}: {_first_line(text)}", hint="is the disk of the temporary folder full?"
        )
    return EngineError(f"dataset {dataset.name}: DuckDB failed ({kind.lower()[:40]} error)", where=query.path)


_NAMED = re.compile(r'(?:column|named|name|table) "([^"]+)"')


def _sql_error(query: Query, columns: Sequence[str], text: str) -> SqlError:
    """A name that is not there, or a type that does not fit: the query itself is wrong, no data was looked at."""
    message = _first_line(text).partition(" Error: ")[2] or _first_line(text)
    named = re.findall(_NAMED, message)
    where, hint = query.path, ""
    if "not found" in message or "does not have a column" in message:
        name = named[-1] if named else ""
        if "Referenced table" in message:
            message, hint = f"there is no table or alias {name!r} in this place", "name it in from or join"
        else:
            message, hint = f"there is no column {name!r}", nearest(name, columns)
    called = re.search(r"argument types '(\w+)\(", message)
    if called:
        message, hint = f"{message.partition('. You')[0]}", "cast the argument to the type that the function takes"
    node = query.find(named[-1]) if named else query.find_call(called[1]) if called else None
    if node:
        line, column = query.place(node)
        where = f"{query.path}:{line}:{column}"
    return SqlError(message, where=where, hint=hint)


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0].strip()


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

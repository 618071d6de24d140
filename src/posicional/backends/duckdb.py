"""DuckDB as the embedded engine: Parquet parts in, Spark SQL transpiled, Parquet parts out, within a memory limit.

DuckDB writes the parts itself, on all cores, into a temporary folder: handing its rows to Python, to be protected and
written there, costs a third more. So protection is said in its SQL, the key is counted on the finished parts, whose key
columns alone are read again, and only then do they go through the store's sink, as any part does. Rows are not sorted:
the key names a row, a part's place does not, and a sort would need the whole result on disk before the first part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from posicional.backends.parts import PART_BYTES, hand_over, local_paths, scratch_folder
from posicional.errors import DataRefused, EngineError, SqlError
from posicional.ports import Offending, Place, Written
from posicional.sql.casts import unusual_column
from posicional.sql.checks import check_key, key_query
from posicional.sql.dialect import parse, tables_of
from posicional.sql.duckdb_words import OTHER_LETTER
from posicional.sql.plan import Plan, plan, plan_places, plan_query
from posicional.sql.protect import protection
from posicional.sql.protect_duckdb import protected_query, quoted
from posicional.sql.suspects import SEVERAL_ROWS, TRY, place_of
from posicional.sql.types import spelled

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset

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

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run a dataset's SQL over `tables` (name -> located parts) and write its parts into `sink`.

        Raises `SqlError` for SQL that is wrong, `DataRefused` for a key that is null or not unique or a value that a
        cast cannot hold, `EngineError` for want of memory or disk, `UsageError` where hashes are wanted and `secret` is
        no key. No message holds the value of a field.
        """
        path = str(dataset.sql_path)
        protect = protection(dataset.protect, secret)
        with self._opened(dataset.sql, path, tables) as (database, schemas, scratch):
            made = plan(dataset, schemas)
            query, parameters = protected_query(made.duckdb, made.columns, protect)
            with _explained(f"dataset {dataset.name}", made, schemas):
                parts = _written(database, query, parameters, scratch / "parts", self.part_bytes)
                found = _counted(database, dataset.key, [path for path, _ in parts]) if dataset.key else None
            if found:
                check_key(dataset, *found)
            return tuple(
                hand_over(path, sink, f"part-{number:05d}.parquet", rows) for number, (path, rows) in enumerate(parts)
            )

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """How many rows a query gives that must give none, and the lines of some. Raises as `run` does."""
        with self._opened(sql, path, tables) as (database, schemas, _):
            asked = plan_query(sql, path, schemas)
            count, places = plan_places(asked)
            with _explained(f"expectation {path}", asked, schemas):
                rows = int(database.sql(count.duckdb).fetchall()[0][0])
                found = database.sql(places.duckdb).fetchall() if rows and places else []
        return Offending(rows, tuple((str(file), int(line)) for file, line in found if line is not None))

    @contextmanager
    def _opened(
        self, sql: str, path: str, tables: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, dict[str, dict[str, str]], Path]]:
        """A database with the tables that a query reads, their columns with types in Spark's words, and a folder."""
        read = tables_of(parse(sql, path))
        with ExitStack() as stack:
            scratch = stack.enter_context(scratch_folder(self.temp_directory))
            paths = {name: local_paths(name, parts, scratch) for name, parts in tables.items() if name.lower() in read}
            database = stack.enter_context(self._database(scratch, [path for each in paths.values() for path in each]))
            # A table that nobody reads is named all the same, among those that an unknown one may have meant.
            yield database, {**{name: {} for name in tables}, **_open_tables(database, paths)}, scratch

    @contextmanager
    def _database(self, scratch: Path, paths: Sequence[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A fresh database that reads exactly these files and its own folder, fetches no extension and sees no variable
        of ours.
        """
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
            database.execute(f"set allowed_directories = [{_quoted(f'{scratch}/')}]")
            database.execute("set enable_external_access = false")
            database.execute("set lock_configuration = true")
            yield database


# --- what goes in -----------------------------------------------------------------------------------------------------


def _open_tables(database: duckdb.DuckDBPyConnection, paths: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """A view for each table; the columns of each."""
    columns = {}
    for name, files in paths.items():
        try:
            _view(database, name, files)
            view = database.table(name)
            columns[name] = {
                column: _in_sparks_words(str(type_)) for column, type_ in zip(view.columns, view.types, strict=True)
            }
        except duckdb.Error as error:
            raise EngineError(
                f"the parts of {name} cannot be read: {type(error).__name__}",
                where=files[0],
                hint="were they changed or removed? convert the file again",
            ) from None
    return columns


def _in_sparks_words(type_: str) -> str:
    found = exp.DataType.build(type_, dialect="duckdb")
    for part in list(found.find_all(exp.DataType)):
        if part.this is exp.DType.TIMESTAMP:
            part.set("this", exp.DType.TIMESTAMPNTZ)
    return spelled(found)


# --- what comes out ---------------------------------------------------------------------------------------------------


def _written(
    database: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, bytes], folder: Path, part_bytes: int
) -> list[tuple[Path, int]]:
    """The parts that DuckDB writes into a new folder, in their order, with their rows; at least one."""
    options = "format parquet, compression zstd, compression_level 1, return_stats, filename_pattern 'part-{i}'"
    copy = f"copy ({query}) to {_quoted(str(folder))} ({options}, file_size_bytes {part_bytes})"
    written = [(Path(path), int(rows)) for path, rows, *_ in database.execute(copy, dict(parameters)).fetchall()]
    return sorted(written, key=lambda part: int(part[0].stem.removeprefix("part-")))


def _counted(database: duckdb.DuckDBPyConnection, key: Sequence[str], parts: Sequence[Path]) -> tuple[int, int, int]:
    """What `key_query` counts in finished parts."""
    _view(database, _KEYS, list(map(str, parts)))
    nulls, twice, rows = database.execute(key_query(key, _KEYS).sql("duckdb", identify=True)).fetchall()[0]
    return int(nulls), int(twice), int(rows)


def _view(database: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str]) -> None:
    listed = ", ".join(map(_quoted, paths))
    database.execute(
        f"create view {quoted(name)} as select * from read_parquet([{listed}], hive_partitioning = false)"  # noqa: S608 - names and paths of ours, quoted
    )


# --- messages ---------------------------------------------------------------------------------------------------------


@contextmanager
def _explained(what: str, made: Plan, schemas: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """Turn what DuckDB says into an error of ours: what failed, where and why, and never a value."""
    try:
        yield
    except duckdb.Error as error:
        raise _explain(what, made, schemas, str(error)) from None


def _explain(
    what: str, made: Plan, schemas: Mapping[str, Mapping[str, str]], text: str
) -> SqlError | DataRefused | EngineError:
    kind, path = text.partition(" Error:")[0], made.query.path
    if kind in ("Conversion", "Out of Range", "Invalid Input"):
        return DataRefused(f"{what}: {_why(schemas, text)}", where=place_of(made, text), hint=TRY)
    if kind == "Out of Memory":
        return EngineError(
            f"{what}: DuckDB needs more memory than it may use",
            hint="raise its memory limit, or give it fewer threads",
        )
    if kind == "IO":
        return EngineError(f"{what}: {_first_line(text)}", hint="is the disk of the temporary folder full?")
    if kind in ("Binder", "Catalog", "Parser"):  # names and types are looked at before: no data was
        return SqlError(f"{what}: DuckDB cannot run this: {_first_line(text)}", where=path, hint="say it otherwise")
    return EngineError(f"{what}: DuckDB failed ({kind.lower()[:40]} error)", where=path)


def _why(schemas: Mapping[str, Mapping[str, str]], text: str) -> str:
    if "More than one row returned by a subquery" in text:
        return SEVERAL_ROWS
    named = re.search(r"casting from source column (\w+)", text)
    column = unusual_column(text) or (named[1] if named else "")
    told = f" (column {column})" if any(column.lower() in map(str.lower, each) for each in schemas.values()) else ""
    why = "a number is divided by zero" if "ivision by zero" in text else "a value does not fit"
    if OTHER_LETTER in text:
        why = f"{OTHER_LETTER} by every engine"
    return f"{why} in a cast or a calculation{told}"


def _first_line(error: object) -> str:
    return str(error).partition("\n")[0].strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

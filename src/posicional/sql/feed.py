"""The SQL of a whole feed: in which order its datasets are made, what is wrong with them, which columns they get.

Nothing is read but the contract: layouts say which columns the files' tables have, and each dataset's own follow from
its SQL. So what would fail in a run fails in `check`, and a personal column is followed through every dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from posicional.contract.feed import Dataset, Feed
from posicional.contract.layout import Field, Layout
from posicional.errors import Fault, SqlError
from posicional.sql.checks import Columns
from posicional.sql.columns import Origin, Schemas
from posicional.sql.dialect import fault_of, faults_of, parse, tables_of
from posicional.sql.plan import Plan, mistakes, plan, plan_query
from posicional.sql.protect import Protection
from posicional.sql.types import decimal

WHAT_TO_SAY = "say under protect: what becomes of it: hmac, {mask: last4}, year, drop or plain"


@dataclass(frozen=True, slots=True)
class FeedSql:
    """What is known of a feed's SQL: its `faults`, the `columns` that each dataset without faults is written with."""

    faults: tuple[Fault, ...]
    columns: Mapping[str, Columns]


def feed_faults(feed: Feed) -> tuple[Fault, ...]:
    """Everything wrong in the SQL of a feed's datasets, for `check`, which shows all faults at once."""
    return read_sql(feed).faults


def read_sql(feed: Feed) -> FeedSql:
    """Read the SQL of all datasets and their expectations."""
    tables = dict(_file_schemas(feed))
    names = [*tables, *feed.datasets]
    faults: list[Fault] = []
    for dataset in feed.datasets.values():
        for path, sql in ((str(dataset.sql_path), dataset.sql), *dataset.expect.items()):
            try:
                faults.extend(faults_of(parse(sql, path), names))
            except SqlError as error:
                faults.append(fault_of(error, path))
    if faults:
        return FeedSql(tuple(faults), {})
    try:
        datasets = order(feed.datasets.values())
    except SqlError as error:
        return FeedSql((fault_of(error, str(feed.path)),), {})
    reader = _Reader(tables, set(_personal(feed)))
    for dataset in datasets:
        reader.read(dataset)
    if not reader.faults:
        for dataset in datasets:
            reader.read_expectations(dataset)
    return FeedSql(tuple(reader.faults), reader.columns)


class _Reader:
    """Reads datasets, each after those that it reads."""

    def __init__(self, tables: dict[str, Mapping[str, str]], personal: set[Origin]) -> None:
        self.tables = tables
        self.personal = personal
        self.faults: list[Fault] = []
        self.columns: dict[str, Columns] = {}

    def read(self, dataset: Dataset) -> None:
        """Find a dataset's columns, and whether a personal one would be there unprotected."""
        path = str(dataset.sql_path)
        query = parse(dataset.sql, path)
        known = {name.lower() for name in self.tables}
        if not tables_of(query) <= known:
            return  # it reads a dataset that has faults of its own
        try:
            found = mistakes(query, self.tables)
            made = None if found else plan(dataset, self.tables)
        except SqlError as error:
            found, made = [fault_of(error, path)], None
        self.faults.extend(found)
        if made is None:
            return
        self.columns[dataset.name] = Protection(dataset.protect).columns(made.columns)
        self.tables[dataset.name] = dict(self.columns[dataset.name])
        self._follow(dataset, made)

    def read_expectations(self, dataset: Dataset) -> None:
        """Find what is wrong in the queries that must give no row, which may read every table."""
        for path, sql in dataset.expect.items():
            try:
                found = mistakes(parse(sql, path), self.tables)
                if not found:
                    plan_query(sql, path, self.tables)
            except SqlError as error:
                found = [fault_of(error, path)]
            self.faults.extend(found)

    def _follow(self, dataset: Dataset, made: Plan) -> None:
        """Note which columns are personal still; a fault for each that nobody has decided about."""
        how = {name.lower(): word for name, (word, _) in dataset.protect.items()}
        for (name, _), origins in zip(made.columns, made.origins, strict=True):
            sources = sorted(f"{table}.{column}" for table, column in origins & self.personal)
            if not sources:
                continue
            if name.lower() not in how:
                node = made.query.find(name) or made.query.tree
                message = f"the column {name!r} comes from personal data: {', '.join(sources)}"
                self.faults.append(made.query.fault(node, message, WHAT_TO_SAY))
            elif how[name.lower()] == "plain":
                self.personal.add((dataset.name.lower(), name.lower()))


def order(datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Datasets so that each comes after those it reads, otherwise as given. Raises `SqlError` for a cycle."""
    by_name = {dataset.name.lower(): dataset for dataset in datasets}
    reads = {name: tables_of(parse(dataset.sql, str(dataset.sql_path))) for name, dataset in by_name.items()}
    done: dict[str, Dataset] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " reads ".join([*path[path.index(name) :], name])
            raise SqlError(
                f"datasets read one another: {circle}", where=str(by_name[name].sql_path), hint="break the circle"
            )
        for other in by_name:
            if other in reads[name] and other not in done:
                visit(other, (*path, name))
        done[name] = by_name[name]

    for name in by_name:
        if name not in done:
            visit(name, ())
    return tuple(done.values())


# --- what the layouts say ---------------------------------------------------------------------------------------------


def _file_schemas(feed: Feed) -> Iterable[tuple[str, Mapping[str, str]]]:
    for name, file in feed.files.items():
        yield from schemas_of(file.layout, name).items()


def schemas_of(layout: Layout, file: str) -> Schemas:
    """The tables of a file and the columns that their Parquet parts have, in Spark's words."""
    own = {"_file": "string", "_line": "bigint", "_byte": "bigint"}
    if any(kind.opens for kind in layout.kinds):
        own["_group"] = "bigint"
    return {
        table: {**{one.name: _type(one) for one in kind.fields}, **own} for table, kind in layout.tables(file).items()
    }


_TYPES = {
    "string": "string",
    "date": "date",
    "time": "string",
    "timestamp": "timestamp_ntz",
    "boolean": "boolean",
    "bytes": "binary",
}


def _type(field: Field) -> str:
    if field.type == "group":
        one = f"struct<{', '.join(f'{inner.name}: {_type(inner)}' for inner in field.fields)}>"
    elif field.type == "integer":
        one = "bigint" if field.digits <= _LONG_DIGITS else decimal(field.digits, 0)
    elif field.type == "decimal":
        one = decimal(field.digits, field.scale)
    else:
        one = _TYPES[field.type]
    return f"array<{one}>" if field.repeat > 1 or field.type == "group" else one


_LONG_DIGITS = 18


def _personal(feed: Feed) -> Iterable[Origin]:
    """The personal columns of every table that a feed's files make."""
    for name, file in feed.files.items():
        for table, kind in file.layout.tables(name).items():
            yield from ((table.lower(), one.name.lower()) for one in kind.fields if one.holds_personal)

"""What a dataset's result must hold: columns that both engines can write, in the declared types, and its key.

Types are sqlglot's, so that an engine only has to say its own in that form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from posicional.errors import DataRefused, SqlError
from posicional.sql.dialect import nearest

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset

_INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_WIDE_INTEGERS = (exp.DType.INT128, exp.DType.UTINYINT, exp.DType.USMALLINT, exp.DType.UINT, exp.DType.UBIGINT)
_PLAIN = {
    exp.DType.TEXT: "string",
    exp.DType.VARCHAR: "string",
    exp.DType.DATE: "date",
    exp.DType.TIMESTAMP: "timestamp_ntz",
    exp.DType.TIMESTAMPNTZ: "timestamp_ntz",
    exp.DType.BOOLEAN: "boolean",
    exp.DType.VARBINARY: "binary",
    exp.DType.BINARY: "binary",
}


def output(dataset: Dataset, columns: Sequence[tuple[str, exp.DataType]]) -> tuple[tuple[str, exp.DataType], ...]:
    """The columns that a dataset is written with: name and type, in order, given those that its SQL produces.

    Without a declared `columns:` they are the query's own, and integers wider than a bigint (an engine's sum) become
    one. A declared type may widen but never cut: whoever wants to round says so in the SQL. Raises `SqlError`.
    """
    where = str(dataset.sql_path)
    names = [name for name, _ in columns]
    twice = [name for name, count in Counter(name.lower() for name in names).items() if count > 1]
    if twice:
        raise SqlError(f"two columns are called {twice[0]!r}", where=where, hint="name one of them with as")
    found = {name.lower(): (name, type_) for name, type_ in columns}
    for column in dataset.key:
        if column.lower() not in found:
            raise SqlError(
                f"the key's column {column!r} is not in the result", where=where, hint=nearest(column, names)
            )
    if not dataset.columns:
        return tuple((name, _writable(dataset, name, type_)) for name, type_ in columns)
    for column in names:
        if column.lower() not in {declared.lower() for declared in dataset.columns}:
            raise SqlError(
                f"the column {column!r} is not declared", where=where, hint="add it to columns:, or leave it out"
            )
    written = []
    for column, text in dataset.columns.items():
        if column.lower() not in found:
            raise SqlError(
                f"the declared column {column!r} is not in the result", where=where, hint=nearest(column, names)
            )
        written.append((column, _declared(dataset, column, text, _writable(dataset, *found[column.lower()]))))
    return tuple(written)


def key_query(key: Sequence[str], table: str) -> exp.Query:
    """One row: rows whose key holds a null, values of the key that occur more than once, and the rows with those."""
    columns: list[exp.Expr] = [exp.column(name) for name in key]
    null = exp.or_(*[exp.Is(this=column.copy(), expression=exp.Null()) for column in columns])
    each = exp.select(exp.Count(this=exp.Star()).as_("n"), null.as_("is_null")).from_(table).group_by(*columns)
    repeated = "n > 1 and not is_null"
    return exp.select(
        _total("is_null", "n").as_("nulls"),
        _total(repeated, "1").as_("keys_twice"),
        _total(repeated, "n").as_("rows_twice"),
    ).from_(each.subquery("k"))


def _total(condition: str, value: str) -> exp.Expr:
    return exp.maybe_parse(f"coalesce(sum(case when {condition} then {value} else 0 end), 0)")


def check_key(dataset: Dataset, nulls: int, keys_twice: int, rows_twice: int) -> None:
    """Raises `DataRefused` with what `key_query` counted; never a value of the key."""
    if not nulls and not keys_twice:
        return
    faults = []
    if nulls:
        faults.append(f"{nulls} row{'s have' if nulls != 1 else ' has'} a null in it")
    if keys_twice:
        faults.append(f"{keys_twice} value{'s' if keys_twice != 1 else ''} of it stand in {rows_twice} rows")
    raise DataRefused(
        f"dataset {dataset.name}: {' and '.join(faults)}",
        where=str(dataset.sql_path),
        expected=f"the key ({', '.join(dataset.key)}) to be unique and never null",
        hint="look for a join that matches several rows, or name more columns in key:",
    )


def _writable(dataset: Dataset, name: str, type_: exp.DataType) -> exp.DataType:
    """The type in which a column can be written when nothing is declared."""
    kind = type_.this
    if kind in _INTEGERS or kind is exp.DType.DECIMAL or kind in (exp.DType.LIST, exp.DType.ARRAY, exp.DType.STRUCT):
        return type_
    if kind in _WIDE_INTEGERS:
        return exp.DataType.build("bigint")
    if kind in _PLAIN:
        return exp.DataType.build(_PLAIN[kind], dialect="spark")
    hint = "give it a type, as in cast(null as string)" if kind is exp.DType.NULL else "cast it in the SQL"
    raise SqlError(
        f"the column {name!r} has the type {type_.sql().lower()}, which not every engine can write",
        where=str(dataset.sql_path),
        hint=hint,
    )


def _declared(dataset: Dataset, column: str, text: str, found: exp.DataType) -> exp.DataType:
    """The declared type of a column, if the one that was found fits into it."""
    where, got = str(dataset.sql_path), found.sql("spark").lower()
    try:
        declared = exp.DataType.build(text, dialect="spark")
    except (SqlglotError, ValueError):
        raise SqlError(f"column {column!r}: {text!r} is not a type of Spark SQL", where=where) from None
    if _fits(found, declared):
        return declared
    raise SqlError(
        f"the column {column!r} does not fit its declared type",
        where=where,
        expected=text,
        got=got,
        hint="cast it in the SQL",
    )


def _fits(found: exp.DataType, declared: exp.DataType) -> bool:
    """Whether every value of `found` is the same value in `declared`, unless it is too large, which is an error."""
    if declared.this in _INTEGERS:
        return found.this in _INTEGERS or _scale(found) == 0
    if declared.this is exp.DType.DECIMAL:
        if not declared.expressions:
            return False
        scale = 0 if found.this in _INTEGERS else _scale(found)
        return scale is not None and scale <= (_scale(declared) or 0)
    return found.this is declared.this and found.expressions == declared.expressions


def _scale(type_: exp.DataType) -> int | None:
    """Digits behind the point; None for what is no decimal."""
    if type_.this is not exp.DType.DECIMAL:
        return None
    return int(type_.expressions[1].name) if len(type_.expressions) > 1 else 0

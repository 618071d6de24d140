"""What a dataset's result must hold: columns in types that every engine can write, its key, and what is expected of it.

Types are texts in Spark's words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from posicional.errors import DataRefused, SqlError
from posicional.sql.dialect import LINEAGE_COLUMNS, nearest
from posicional.sql.types import INTEGERS, NULL, digits_of, spelled

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset

Columns = tuple[tuple[str, str], ...]
"""Names and types, in order."""

_KEPT_IN_A_KEY = ("hmac", "plain")
"""What may happen to a column of the key: two values stay two."""


def output(dataset: Dataset, found: Sequence[tuple[str, str]]) -> Columns:
    """The columns that a dataset's SQL is cast to before they are protected, given those that it gives.

    Without a declared `columns:` they are the query's own. A declared type may widen but never cut: whoever wants to
    round says so in the SQL. What says where a row came from need not be declared. Raises `SqlError`.
    """
    where = str(dataset.sql_path)
    names = [name for name, _ in found]
    types = {name.lower(): type_ for name, type_ in found}
    _check_names(dataset, names)
    how = {name.lower(): what for name, (what, _) in dataset.protect.items()}
    for name, type_ in found:
        _check_type(where, name, type_, how.get(name.lower(), "plain"))
    if not dataset.columns:
        return tuple(found)
    declared = {column.lower() for column in dataset.columns}
    kept = [name for name in names if how.get(name.lower()) != "drop"]
    for column in kept:
        if column.lower() not in declared | set(LINEAGE_COLUMNS):
            message = f"the column {column!r} is not declared"
            raise SqlError(message, where=where, hint="add it to columns:, or leave it out")
    written = []
    for column, text in dataset.columns.items():
        if column.lower() not in map(str.lower, kept):
            what = "is dropped" if column.lower() in types else "is not in the result"
            raise SqlError(f"the declared column {column!r} {what}", where=where, hint=nearest(column, kept))
        got = types[column.lower()]
        written.append((column, _declared(dataset, column, text, got, how.get(column.lower(), "plain"))))
    others = [(name, type_) for name, type_ in found if name.lower() not in declared]
    return (*written, *others)


def _check_names(dataset: Dataset, names: Sequence[str]) -> None:
    """Raises `SqlError` unless names are there once, those of the key and the protected ones, and rows stay apart."""
    where, lower = str(dataset.sql_path), [name.lower() for name in names]
    twice = [name for name, count in Counter(lower).items() if count > 1]
    if twice:
        raise SqlError(f"two columns are called {twice[0]!r}", where=where, hint="name one of them with as")
    for what, wanted in (("key's", dataset.key), ("protected", dataset.protect)):
        for column in wanted:
            if column.lower() not in lower:
                message = f"the {what} column {column!r} is not in the result"
                raise SqlError(message, where=where, hint=nearest(column, names))
    key = [column.lower() for column in dataset.key]
    for column, (how, _) in dataset.protect.items():
        if column.lower() in key and how not in _KEPT_IN_A_KEY:
            message = f"the key's column {column!r} would no longer tell rows apart: {how}"
            raise SqlError(message, where=where, hint=f"protect it with {' or '.join(_KEPT_IN_A_KEY)}")


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


def _check_type(where: str, name: str, type_: str, how: str) -> None:
    """Raises `SqlError` for a type that not every engine can write, or that cannot be protected so."""
    if type_ == NULL:
        message, hint = f"the column {name!r} is always null", "give it a type, as in cast(null as string)"
        raise SqlError(message, where=where, hint=hint)
    if how == "mask" and type_ != "string":
        message, hint = f"only text can be masked; {name!r} is {type_}", "write cast(… as string), or hmac"
        raise SqlError(message, where=where, hint=hint)
    if how == "year" and type_ not in ("date", "timestamp_ntz"):
        message, hint = f"only a date has a year; {name!r} is {type_}", "write cast(… as date), or hmac"
        raise SqlError(message, where=where, hint=hint)
    if how == "hmac" and type_.startswith(("array", "struct", "map")):
        raise SqlError(f"a list cannot be hashed: {name!r} is {type_}", where=where, hint="drop it")


PROTECTED_AS = {"hmac": "string", "mask": "string", "year": "int"}
"""What a protected column is written as; any other keeps its type."""


def _declared(dataset: Dataset, column: str, text: str, found: str, how: str) -> str:
    """The type that a column is cast to, so that it is written in the declared one."""
    where = str(dataset.sql_path)
    try:
        declared = spelled(exp.DataType.build(text, dialect="spark"))
    except (SqlglotError, ValueError):
        raise SqlError(f"column {column!r}: {text!r} is not a type of Spark SQL", where=where) from None
    if how in PROTECTED_AS:
        if declared == PROTECTED_AS[how]:
            return found
        found, hint = PROTECTED_AS[how], f"{how} makes it {PROTECTED_AS[how]}: declare that"
    elif _fits(found, declared):
        return declared
    else:
        hint = "cast it in the SQL"
    message = f"the column {column!r} does not fit its declared type"
    raise SqlError(message, where=where, expected=text, got=found, hint=hint)


def _fits(found: str, declared: str) -> bool:
    """Whether every value of `found` is the same value in `declared`, unless it is too large, which is an error."""
    digits, wanted = digits_of(found), digits_of(declared)
    if declared in INTEGERS:
        return found in INTEGERS or (digits is not None and digits[1] == 0)
    if wanted:
        return found in INTEGERS or (digits is not None and digits[1] <= wanted[1])
    return found == declared

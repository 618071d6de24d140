"""A query whose every name has been looked up: each column says its table, and no `*` is left.

`select *` leaves out the columns that say where a row came from. sqlglot finds the names, as Spark does; whatever it
cannot find is an error at its place, with the names that resemble it.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from posicional.sql.columns import Schemas, sources_of
from posicional.sql.dialect import LINEAGE_COLUMNS, Query, nearest, sql_error


def resolved(query: Query, schemas: Schemas) -> exp.Query:
    """A copy of the query's tree with every name in full. Raises `SqlError` for one that is not there or not clear."""
    tree = query.tree.copy()
    for star in list(tree.find_all(exp.Star)):
        if not isinstance(star.parent, exp.Count):
            star.set("except_", [exp.to_identifier(name) for name in LINEAGE_COLUMNS])
    known: dict[str, object] = {table: dict(columns) for table, columns in schemas.items() if columns}
    schema = MappingSchema(known, dialect="spark")
    try:
        tree = qualify(tree, schema=schema, dialect="spark", validate_qualify_columns=False, identify=False)
    except OptimizeError as error:
        raise _unresolved(query, schemas, str(error)) from None
    for scope in traverse_scope(tree):
        for column in scope.columns if isinstance(scope.expression, exp.Select) else ():
            _check(query, schemas, scope, column)
    return tree


def _check(query: Query, schemas: Schemas, scope: Scope, column: exp.Column) -> None:
    """Raises `SqlError` unless a column is there."""
    name, table = column.name, column.table
    sources = _sources(scope, schemas)
    if table:
        around = scope.parent
        while table not in sources and around is not None:
            sources, around = _sources(around, schemas), around.parent
        if table not in sources:
            here = _sources(scope, schemas)
            message = f"there is no table or alias {table!r} in this place"
            raise sql_error(query.fault(column, message, nearest(table, here)))
        if name not in sources[table]:
            raise sql_error(query.fault(column, f"there is no column {name!r}", nearest(name, sources[table])))
        return
    within = sorted(alias for alias, columns in sources.items() if name in columns)
    if within:
        hint = f"write {' or '.join(f'{alias}.{name}' for alias in within)}"
        raise sql_error(query.fault(column, f"several tables have a column {name!r}", hint))
    if isinstance(column.parent, exp.Dot):
        message = f"there is no table or alias {name!r} in this place"
        raise sql_error(query.fault(column, message, nearest(name, sources)))
    everything = {one for columns in sources.values() for one in columns} - set(LINEAGE_COLUMNS)
    raise sql_error(query.fault(column, f"there is no column {name!r}", nearest(name, everything)))


def _sources(scope: Scope, schemas: Schemas) -> dict[str, list[str]]:
    """What a query reads from, by the name it has there, with its columns."""
    return {name: _columns(schemas, source) for name, source in sources_of(scope).items()}


def _columns(schemas: Schemas, source: exp.Table | Scope) -> list[str]:
    if isinstance(source, Scope):
        query = source.expression
        return list(query.named_selects) if isinstance(query, exp.Query) else []
    return list(schemas[source.name.lower()])


def _unresolved(query: Query, schemas: Schemas, message: str) -> Exception:
    """What sqlglot says of a name, in our words."""
    named = re.search(r"(?:Unknown column: |automatically join: |Unknown table: |Column ')([\w$]+)", message)
    name = named[1] if named else ""
    node = query.find(name) or query.tree
    everything = {column for columns in schemas.values() for column in columns} - set(LINEAGE_COLUMNS)
    if "Unknown table" in message:
        message = f"there is no table or alias {name!r} in this place"
        return sql_error(query.fault(node, message, "name it in from or join"))
    if "automatically join" in message:
        return sql_error(query.fault(node, f"there is no column {name!r} on both sides of this join", "write on …"))
    if name:
        return sql_error(query.fault(node, f"there is no column {name!r}", nearest(name, everything)))
    return sql_error(query.fault(node, f"a name in this query is not clear: {message.partition(chr(10))[0]}"))

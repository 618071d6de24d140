"""Which line of a file a row comes from: `_file`, `_line` and `_byte` of one table, brought along by the query.

That table is the one a dataset names under `lineage:`, else the first one in FROM, through named queries and subqueries
down to a table that has these columns. The rows of an aggregate, of a `distinct` or of a set operation other than
`union all` come from many lines and carry none; so do those of a query that names one of the three columns itself,
which then knows better.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from posicional.sql.columns import Schemas
from posicional.sql.types import Unfit

CARRIED = ("_file", "_line", "_byte")
"""What a row carries: the key of its file below the incoming folder, its 1-based line, its 0-based byte."""


def carry(tree: exp.Query, schemas: Schemas, table: str = "") -> bool:
    """Add the three columns to a resolved query, in place; False where its rows come from no single line.

    Raises `Unfit` when `table` is named and cannot be the one.
    """
    scope = build_scope(tree)
    named = {select.alias_or_name.lower() for select in tree.selects}
    if scope is None or named & set(CARRIED):
        if table:
            raise Unfit(f"the query names where its rows come from itself, and lineage: names {table}", "leave one out")
        return False
    paths = list(_paths(scope, schemas, table.lower()))
    if not paths or any(path is None for path in paths):
        if table:
            raise Unfit(_why(scope, table), "lineage: names a table or alias of FROM, whose rows are not summed up")
        return False
    for path in paths:
        for select, alias in path or ():
            names = {one.alias_or_name.lower() for one in select.selects}
            for column in CARRIED:
                if column not in names:
                    select.append("expressions", exp.alias_(exp.column(column, table=alias), column))
    return True


Path = list[tuple[exp.Select, str]]
"""Selects from the innermost to the outermost, each with the alias from which it takes the columns."""


def _paths(scope: Scope, schemas: Schemas, table: str) -> Iterator[Path | None]:
    """One path for each branch of a `union all`; None for a branch whose rows come from no single line."""
    query = scope.expression
    if isinstance(query, exp.Union) and not query.args.get("distinct"):
        for branch in scope.set_operation_scopes:
            yield from _paths(branch, schemas, table)
    elif isinstance(query, exp.Select) and not _many(query):
        yield _path(query, scope, schemas, table)
    else:
        yield None


def _path(query: exp.Select, scope: Scope, schemas: Schemas, table: str) -> Path | None:
    first = query.args["from_"].this if query.args.get("from_") else None
    joined = [join.this for join in query.args.get("joins") or () if not join.is_semi_or_anti_join]
    candidates = [node for node in (first, *joined) if node is not None]
    if table:
        candidates = [node for node in candidates if table in (node.alias_or_name.lower(), node.name.lower())]
        if len(candidates) != 1:
            return None
    for node in candidates[:1]:
        alias = node.alias_or_name
        _, source = scope.selected_sources.get(alias, (None, None))
        if isinstance(source, exp.Table):
            return [(query, alias)] if set(CARRIED) <= schemas[source.name.lower()].keys() else None
        if isinstance(source, Scope):
            below = list(_paths(source, schemas, ""))
            if len(below) == 1 and below[0] is not None:
                return [*below[0], (query, alias)]
    return None


def _many(query: exp.Select) -> bool:
    """Whether a row of the result stands for several: an aggregate, or `distinct`."""
    if query.args.get("group") or query.args.get("distinct") or query.args.get("having"):
        return True
    return any(_aggregates(listed) for listed in query.selects)


def _aggregates(node: exp.Expr) -> bool:
    if isinstance(node, exp.Query | exp.Window):
        return False
    return isinstance(node, exp.AggFunc) or any(_aggregates(child) for child in node.iter_expressions())


def _why(scope: Scope, table: str) -> str:
    query = scope.expression
    if isinstance(query, exp.Select) and _many(query):
        return f"the rows are summed up, so they come from no single line of {table}"
    return f"the rows cannot be followed to {table}"

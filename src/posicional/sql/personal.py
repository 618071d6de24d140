"""Personal columns may join and filter, but not reach a result as long as nothing protects them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from posicional.contract.feed import Feed
from posicional.contract.layout import Field

Personal = Mapping[str, frozenset[str]]
"""Table -> its personal columns, all in lower case."""


def personal_columns(feed: Feed) -> Personal:
    """The personal columns of every table that a feed's files make."""
    return {
        table.lower(): frozenset(one.name.lower() for one in kind.fields if _is_personal(one))
        for name, file in feed.files.items()
        for table, kind in file.layout.tables(name).items()
    }


def _is_personal(field: Field) -> bool:
    return field.personal or any(_is_personal(inner) for inner in field.fields)


def exposed(tree: exp.Expr, personal: Personal) -> Iterator[tuple[exp.Expr, str]]:
    """Every place where a SELECT lists a personal column, and what to call it; nested queries included.

    A column without a table counts as that of any table of its FROM: it is better to be asked to say which.
    """
    for select in tree.find_all(exp.Select):
        own = _columns(select, personal)
        around = {name: columns for outer in _outer(select) for name, columns in _columns(outer, personal).items()}
        for column in (node for listed in select.expressions for node in _listed(listed)):
            if isinstance(column, exp.Star) or isinstance(column.this, exp.Star):
                names = _names(column, own)
                if names:
                    yield column, f"* (with {', '.join(sorted(names))})"
            elif column.name.lower() in _names(column, around | own):
                yield column, column.name


def _names(column: exp.Expr, tables: Personal) -> frozenset[str]:
    """The personal columns of the table that a column names; of all of them where it names none."""
    table = column.args.get("table")
    if isinstance(table, exp.Identifier):
        return tables.get(table.name.lower(), frozenset())
    return frozenset().union(*tables.values())


def _listed(listed: exp.Expr) -> Iterator[exp.Expr]:
    """The columns and stars of one listed expression; those of a query inside it belong to that query."""
    for node in listed.walk(prune=lambda node: isinstance(node, exp.Select)):
        star = isinstance(node, exp.Star) and not isinstance(node.parent, exp.Column | exp.Count)
        if star or isinstance(node, exp.Column):
            yield node


def _outer(select: exp.Select) -> Iterator[exp.Select]:
    """The queries that a query stands in, the nearest last, so that its names win."""
    around = []
    node = select.parent
    while node is not None:
        if isinstance(node, exp.Select):
            around.append(node)
        node = node.parent
    yield from reversed(around)


def _columns(select: exp.Select, personal: Personal) -> dict[str, frozenset[str]]:
    """The personal columns of each table of a query's FROM, by the name it has there."""
    return {table.alias_or_name.lower(): personal.get(table.name.lower(), frozenset()) for table in _from(select)}


def _from(select: exp.Select) -> Iterator[exp.Table]:
    clauses = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
    for clause in clauses:
        if clause is not None and isinstance(clause.this, exp.Table):
            yield clause.this

"""The columns of a query: their types, and the fields of tables that their values come from.

The tree has been qualified, so every column names its table or query, which sqlglot's scopes find. A value comes from
every column that its expression mentions, in a condition of a case or the order of a window too; a column that only
joins, filters or groups is in no value. A query inside an expression brings whatever its own columns come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from posicional.sql.types import NULL, RULES, Unfit, common

Schemas = Mapping[str, Mapping[str, str]]
"""Table -> its columns and their types in Spark's words, all in lower case."""

Origin = tuple[str, str]
"""A table and one of its columns."""


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query: its name, its type, and what its values come from."""

    name: str
    type: str
    origins: frozenset[Origin]


Mistake = tuple[exp.Expr, Unfit]
"""A node whose parts do not go together, and why."""


def outputs_of(tree: exp.Query, schemas: Schemas) -> tuple[tuple[Output, ...], list[Mistake]]:
    """The columns of a qualified query. Each of its nodes learns its type (`meta["type"]`)."""
    reader = _Reader(schemas)
    for scope in traverse_scope(tree):
        reader.read(scope)
    return tuple(reader.outputs[id(tree)]), reader.mistakes


class _Reader:
    """Reads scopes, inner ones first; `outputs` holds the columns of each query by the identity of its node."""

    def __init__(self, schemas: Schemas) -> None:
        self.schemas = schemas
        self.outputs: dict[int, Sequence[Output]] = {}
        self.mistakes: list[Mistake] = []

    def read(self, scope: Scope) -> None:
        """Find the columns of a scope's query."""
        query = scope.expression
        if isinstance(query, exp.SetOperation):
            self.outputs[id(query)] = self._combined(query)
        elif isinstance(query, exp.Select):
            for clause in _clauses(query):
                self._type(clause, scope)
            self.outputs[id(query)] = [
                Output(listed.alias_or_name, _type_of(listed), frozenset(self._origins(listed, scope)))
                for listed in query.selects
            ]

    def _combined(self, query: exp.SetOperation) -> list[Output]:
        left, right = (self._inside(side) for side in (query.left, query.right))
        if len(left) != len(right):
            self.mistakes.append((query, Unfit(f"one side has {len(left)} columns, the other {len(right)}")))
            return list(left)
        found = []
        for one, other in zip(left, right, strict=True):
            try:
                type_ = common([one.type, other.type])
            except Unfit as error:
                self.mistakes.append((query, Unfit(f"column {one.name!r}: {error.message}", error.hint)))
                type_ = one.type
            found.append(Output(one.name, type_, one.origins | other.origins))
        return found

    def _inside(self, node: exp.Expr) -> Sequence[Output]:
        return self.outputs[id(node.unnest())]

    def _type(self, node: exp.Expr, scope: Scope) -> None:
        """Give a node and all that is below it its type; queries inside have theirs already."""
        if isinstance(node, exp.Query):
            node.meta["type"] = self._inside(node)[0].type
            return
        for child in node.iter_expressions():
            self._type(child, scope)
        if isinstance(node, exp.Column):
            node.meta["type"] = self._column(node, scope).type
        elif type(node) in RULES:
            try:
                node.meta["type"] = RULES[type(node)](node)
            except Unfit as error:
                self.mistakes.append((node, error))
                node.meta["type"] = NULL  # goes with everything, so that one mistake is told once

    def _column(self, column: exp.Column, scope: Scope) -> Output:
        """What a column is, in the table or query that it names, here or around."""
        name, table = column.name.lower(), column.table
        if not table:  # in an order by: the name of a column of the result
            selects = scope.expression.selects if isinstance(scope.expression, exp.Select) else []
            listed = next(one for one in selects if one.alias_or_name.lower() == name)
            return Output(name, _type_of(listed), frozenset())
        around: Scope | None = scope
        while around is not None:
            source = sources_of(around).get(table)
            if isinstance(source, exp.Table):
                origin = (source.name.lower(), name)
                return Output(name, self.schemas[origin[0]][name], frozenset([origin]))
            if isinstance(source, Scope):
                return next(one for one in self._inside(source.expression) if one.name.lower() == name)
            around = around.parent
        raise LookupError(f"{table}.{name}")  # names are checked before

    def _origins(self, node: exp.Expr, scope: Scope) -> Iterator[Origin]:
        if isinstance(node, exp.Query):
            for output in self._inside(node):
                yield from output.origins
        elif isinstance(node, exp.Column):
            yield from self._column(node, scope).origins
        elif not isinstance(node, exp.Exists):  # which says nothing but whether there is a row
            for child in node.iter_expressions():
                yield from self._origins(child, scope)


def sources_of(scope: Scope) -> dict[str, exp.Table | Scope]:
    """What a query's columns may name: what it reads from, and what a semi join only looks at."""
    found = {name: source for name, (_, source) in scope.selected_sources.items()}
    for join in scope.expression.args.get("joins") or ():
        if join.is_semi_or_anti_join and join.alias_or_name in scope.sources:
            found[join.alias_or_name] = scope.sources[join.alias_or_name]
    return found


def _type_of(listed: exp.Expr) -> str:
    return str(listed.meta.get("type", NULL))


def _clauses(query: exp.Select) -> Iterator[exp.Expr]:
    """The parts of a select that hold values: not what it reads from, nor the queries it names."""
    for key, value in query.args.items():
        if key in ("with_", "from_"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Join):
                if part.args.get("on"):
                    yield part.args["on"]
            elif isinstance(part, exp.Expr):
                yield part

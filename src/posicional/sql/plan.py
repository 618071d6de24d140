"""A dataset's SQL made ready for an engine: names looked up, types found, rows that say where they came from.

Both engines get the same tree, each in its own words, with the same casts at the end: so a dataset has the same columns
in the same types wherever it is made, those that the feed declares or, where it declares none, those that Spark's rules
give.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from posicional.errors import Fault
from posicional.sql.casts import guard_casts
from posicional.sql.checks import Columns, output
from posicional.sql.columns import Origin, Output, Schemas, outputs_of
from posicional.sql.dialect import Query, faults_of, parse, sql_error
from posicional.sql.duckdb_words import in_duckdbs_words
from posicional.sql.lineage import carry
from posicional.sql.resolve import resolved
from posicional.sql.types import Unfit

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset


@dataclass(frozen=True, slots=True)
class Plan:
    """What an engine is told: a query that gives `columns` (name, type in Spark's words).

    `origins`: for each column, in order, the fields of tables that its values come from. `tree` holds the casts;
    `narrowed`: the columns, in lower case, of which one may fail since their declared type is another than the SQL's.
    """

    query: Query
    tree: exp.Query = field(repr=False)
    columns: Columns
    origins: tuple[frozenset[Origin], ...]
    narrowed: frozenset[str] = frozenset()

    @property
    def spark(self) -> str:
        """The query in Spark's words."""
        return self.tree.sql(dialect="spark", identify=True, comments=False)

    @property
    def duckdb(self) -> str:
        """The query in DuckDB's words. Raises `SqlError`."""
        return in_duckdbs_words(self.tree, self.query.path)


def plan(dataset: Dataset, schemas: Schemas) -> Plan:
    """How a dataset is made from tables with these columns. Raises `SqlError` for the first thing that is wrong."""
    query = parse(dataset.sql, str(dataset.sql_path))
    lower = _lower(schemas)
    tree, outputs = _understood(query, lower)
    if _carried(query, tree, lower, dataset.lineage):
        outputs, _ = outputs_of(tree, lower)
    names = _names(query, outputs, schemas)
    columns = output(dataset, [(name, one.type) for name, one in zip(names, outputs, strict=True)])
    by_name = {name.lower(): one for name, one in zip(names, outputs, strict=True)}
    return Plan(
        query=query,
        tree=_cast(tree, columns, by_name),
        columns=columns,
        origins=tuple(by_name[name.lower()].origins for name, _ in columns),
        narrowed=frozenset(name.lower() for name, type_ in columns if by_name[name.lower()].type != type_),
    )


def plan_query(text: str, path: str, schemas: Schemas) -> Plan:
    """The same for a query that is no dataset: its columns as they are, and its rows' lines where they are known."""
    query = parse(text, path)
    lower = _lower(schemas)
    tree, outputs = _understood(query, lower)
    if carry(tree, lower):
        outputs, _ = outputs_of(tree, lower)
    columns = tuple((one.name, one.type) for one in outputs)
    return Plan(query, tree, columns, tuple(one.origins for one in outputs))


PLACES = 5
"""How many lines are named of those that break an expectation."""


def plan_places(expectation: Plan) -> tuple[Plan, Plan | None]:
    """Two queries about one that must give no row: how many it gives, and the lines of some, where that is known."""
    rows = expectation.tree.subquery("posicional")
    count = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(rows)
    counted = replace(expectation, tree=count, columns=(("n", "bigint"),), origins=(frozenset(),))
    columns = tuple(one for one in expectation.columns if one[0] in ("_file", "_line"))
    if len(columns) < len(("_file", "_line")):
        return counted, None
    names = [exp.column(name, table="posicional") for name in ("_file", "_line")]
    places = exp.select(*names).distinct().from_(rows.copy()).order_by(*[name.copy() for name in names]).limit(PLACES)
    return counted, replace(expectation, tree=places, columns=columns, origins=(frozenset(),) * len(columns))


def mistakes(query: Query, schemas: Schemas) -> list[Fault]:
    """All operands of a query that do not go together. Raises `SqlError` for the first name that is not there."""
    lower = _lower(schemas)
    _, found = outputs_of(resolved(query, lower), lower)
    return [query.fault(node, error.message, error.hint) for node, error in found]


def _understood(query: Query, schemas: Schemas) -> tuple[exp.Query, tuple[Output, ...]]:
    """The tree with every name in full and every node's type. Raises `SqlError`."""
    faults = faults_of(query, schemas)
    if faults:
        raise sql_error(faults[0], more=len(faults) - 1)
    tree = resolved(query, schemas)
    outputs, found = outputs_of(tree, schemas)
    if found:
        node, error = found[0]
        raise sql_error(query.fault(node, error.message, error.hint), more=len(found) - 1)
    if guard_casts(tree):
        outputs, _ = outputs_of(tree, schemas)
    return tree, outputs


def _carried(query: Query, tree: exp.Query, schemas: Schemas, table: str) -> bool:
    try:
        return carry(tree, schemas, table)
    except Unfit as error:
        raise sql_error(Fault(query.path, 1, "", error.message, error.hint)) from None


def _lower(schemas: Schemas) -> Schemas:
    return {
        table.lower(): {column.lower(): type_ for column, type_ in columns.items()}
        for table, columns in schemas.items()
    }


def _names(query: Query, outputs: Sequence[Output], schemas: Schemas) -> list[str]:
    """The columns' names as the query spells them; those that a `*` brings as they are where they are made."""
    spelled = {column.lower(): column for table in schemas.values() for column in table}
    spelled |= {alias.alias.lower(): alias.alias for alias in query.tree.find_all(exp.Alias)}
    spelled |= {listed.alias_or_name.lower(): listed.alias_or_name for listed in query.tree.selects}
    for one in outputs:
        if re.fullmatch(r"_col_\d+", one.name):
            message, hint = "a column that * brings along has no name", "write … as name where it is made"
            raise sql_error(Fault(query.path, 1, "", message, hint))
    return [spelled.get(one.name.lower(), one.name) for one in outputs]


def _cast(tree: exp.Query, columns: Columns, found: dict[str, Output]) -> exp.Query:
    """The query with its columns in the declared order and types."""
    inner = tree.subquery("posicional")
    casts = []
    for name, type_ in columns:
        column = exp.column(exp.to_identifier(found[name.lower()].name, quoted=True), table="posicional")
        casts.append(exp.alias_(exp.cast(column, exp.DataType.build(type_, dialect="spark")), name, quoted=True))
    return exp.select(*casts).from_(inner)

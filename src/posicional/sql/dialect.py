"""A dataset's SQL: Spark's dialect, read by sqlglot and checked against the allow-list.

One SELECT (with its CTEs) per dataset, over tables named after the feed's files and over other datasets. In front of it
may stand steps, each `create temporary view <name> as select …;`: they become CTEs of the select, which is what they
mean. A cast that meets a value it cannot hold fails, as in Spark's ANSI mode; it never gives a silent null.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from posicional.errors import Fault, SqlError
from posicional.sql.allowed import complaints

LINEAGE_COLUMNS = ("_file", "_line", "_byte", "_group")
"""Where a row came from; never part of `select *`."""


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT that sqlglot could read: its text, the file it stands in (for messages), its tree with all steps."""

    text: str
    path: str
    tree: exp.Query

    def place(self, node: exp.Expr) -> tuple[int, int]:
        """Line and column (1-based) at which a node begins in the text, or the nearest place that is known."""
        around: exp.Expr | None = node
        while around is not None:
            starts = [part.meta["start"] for part in around.walk() if "start" in part.meta]
            if starts:
                return _line_column(self.text, min(starts))
            around = around.parent
        return 1, 1

    def fault(self, node: exp.Expr, message: str, hint: str = "") -> Fault:
        """A fault at a node's place."""
        line, column = self.place(node)
        return Fault(self.path, line, f"column {column}", message, hint)

    def find(self, name: str) -> exp.Expr | None:
        """The first place, in the order of the text, where an identifier is written so (case does not count)."""
        named = (node for node in self.tree.find_all(exp.Identifier) if node.name.lower() == name.lower())
        return min(named, key=lambda node: node.meta.get("start", len(self.text)), default=None)


def parse(text: str, path: str = "") -> Query:
    """Read a dataset's SQL. Raises `SqlError` with file, line and column for what is not steps and one SELECT."""
    try:
        trees = [tree for tree in sqlglot.parse(text, read="spark") if tree is not None]
    except ParseError as error:
        raise _syntax_error(error, path) from None
    except TokenError:
        line, column = _line_column(text, _unclosed(text))
        raise sql_error(Fault(path, line, f"column {column}", "a quoted text or a comment is not closed")) from None
    if not trees:
        raise sql_error(Fault(path, 1, "", "there is no SQL", "write one select"))
    blank = Query(text, path, exp.select("1"))
    steps = [_step(blank, tree) for tree in trees[:-1]]
    tree = trees[-1]
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        word = tree.key if steps else text.split(maxsplit=1)[0].lower() if not isinstance(tree, exp.Subquery) else "("
        message = f"a dataset is one select, not {word!r}"
        raise sql_error(Fault(path, blank.place(tree)[0] if steps else 1, "", message, "end with a select"))
    if not tree.selects:
        raise sql_error(Fault(path, 1, "", "the select names no column", "write select … from …"))
    return Query(text, path, _with_steps(tree, steps))


def _step(query: Query, tree: exp.Expr) -> exp.CTE:
    """A statement in front of the select, as the CTE that it is. Raises `SqlError` for any other statement."""
    said = tree.args.get("properties")
    if (
        isinstance(tree, exp.Create)
        and tree.kind == "VIEW"
        and isinstance(tree.this, exp.Table)
        and isinstance(tree.expression, (exp.Select, exp.SetOperation))
        and said is not None
        and [type(one) for one in said.expressions] == [exp.TemporaryProperty]
        and not tree.args.get("exists")
    ):
        alias = exp.TableAlias(this=tree.this.this)
        return exp.CTE(this=tree.expression, alias=alias)
    hint = "in front of the select there may be: create temporary view name as select …;"
    if isinstance(tree, (exp.Select, exp.SetOperation)):
        raise sql_error(query.fault(tree, "more than one select", hint))
    raise sql_error(query.fault(tree, "this statement is not supported", hint))


def _with_steps(tree: exp.Query, steps: Sequence[exp.CTE]) -> exp.Query:
    if steps:
        own = tree.args.get("with_")
        tree.set("with_", exp.With(expressions=[*steps, *(own.expressions if own else ())]))
    return tree


def tables_of(query: Query) -> frozenset[str]:
    """The tables that a query reads, in lower case, without the names of its own steps and CTEs."""
    return frozenset(node.name.lower() for node in _tables(query.tree))


def faults_of(query: Query, tables: Collection[str]) -> tuple[Fault, ...]:
    """All that is wrong with a query over a feed's `tables`, in the order of the text."""
    known = {name.lower() for name in tables}
    found = [query.fault(node, what.message, what.hint) for node, what in complaints(query.tree, query.text)]
    found += [
        query.fault(cte.args["alias"], f"{cte.alias!r} is a table already", "give this query another name")
        for cte in query.tree.find_all(exp.CTE)
        if cte.alias.lower() in known
    ]
    names = [cte.alias.lower() for cte in query.tree.find_all(exp.CTE)]
    found += [
        query.fault(cte.args["alias"], f"two queries are called {cte.alias!r}", "give one another name")
        for number, cte in enumerate(query.tree.find_all(exp.CTE))
        if cte.alias.lower() in names[:number]
    ]
    found += [
        query.fault(table, f"there is no table {table.name!r}", nearest(table.name, tables))
        for table in _tables(query.tree)
        if isinstance(table.this, exp.Identifier) and table.name.lower() not in known
    ]
    found += [
        query.fault(column, "a result column needs a name: engines name it differently", "write … as name")
        for column in query.tree.selects
        if not isinstance(column.unnest(), (exp.Column, exp.Alias, exp.Star))
    ]
    return tuple(sorted(found, key=lambda fault: (fault.line, int(fault.path.removeprefix("column ")))))


def nearest(name: str, names: Collection[str]) -> str:
    """A hint that gives the names that resemble one which is not there, or all of them where none does."""
    lower = {candidate.lower(): candidate for candidate in names}
    close = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=3)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there are: {', '.join(sorted(names))}" if names else ""


# --- places and messages ----------------------------------------------------------------------------------------------


def _tables(tree: exp.Expr) -> Iterator[exp.Table]:
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return (node for node in tree.find_all(exp.Table) if node.name.lower() not in ctes)


def _line_column(text: str, start: int) -> tuple[int, int]:
    before = text[:start]
    return before.count("\n") + 1, start - (before.rfind("\n") + 1) + 1


_PIECE = re.compile(
    r"""'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*" | `[^`]*` | --[^\n]* | /\*.*?\*/ | [^'"`/-]+ | -(?!-) | /(?!\*)""",
    re.VERBOSE | re.DOTALL,
)


def _unclosed(text: str) -> int:
    """Where the quote or comment begins that nothing closes."""
    at = 0
    while (piece := _PIECE.match(text, at)) and piece.end() > at:
        at = piece.end()
    return min(at, max(len(text) - 1, 0))


def _syntax_error(error: ParseError, path: str) -> SqlError:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "").strip()
    line = int(first.get("line") or 1)
    column = max(int(first.get("col") or 1) - len(near) + 1, 1)
    what = str(first.get("description") or "")
    closing = re.fullmatch(r"Expecting (\S+)", what)
    message = "this is not SQL that Spark understands" + (f", near {near!r}" if near else "")
    if closing:
        message = f"{closing[1]!r} is missing, near {near!r}"
    return sql_error(Fault(path, line, f"column {column}", message))


def sql_error(fault: Fault, more: int = 0) -> SqlError:
    """A fault of a query as an error; `more`: how many others there are."""
    place = ":".join(part for part in (fault.file, str(fault.line), fault.path.removeprefix("column ")) if part)
    also = f" (and {more} more: see check)" if more else ""
    return SqlError(fault.message + also, where=place, hint=fault.hint)


def fault_of(error: SqlError, path: str) -> Fault:
    """The fault that an error was made of, or one at the file's beginning."""
    place = re.search(r":(\d+)(?::(\d+))?$", error.where)
    column = f"column {place[2]}" if place and place[2] else ""
    return Fault(path, int(place[1]) if place else 1, column, error.message, error.hint)

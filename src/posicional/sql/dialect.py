"""A dataset's SQL: Spark's dialect, read by sqlglot, checked against the allow-list, and said in DuckDB's words.

One SELECT (with its CTEs) per dataset, over tables named after the feed's files and over other datasets. `select *`
leaves out the columns that say where a row came from (`_file`, `_line`, `_byte`, `_group`); named one by one they are
there. A cast that meets a value it cannot hold fails, as in Spark's ANSI mode; it never gives a silent null.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from posicional.errors import Fault, SqlError
from posicional.sql.allowed import complaints, written
from posicional.sql.personal import exposed, personal_columns

if TYPE_CHECKING:
    from posicional.contract.feed import Dataset, Feed

LINEAGE_COLUMNS = ("_file", "_line", "_byte", "_group")
"""Where a row came from; never part of `select *`."""

_NOT_LINEAGE = "NOT SIMILAR TO '_(file|line|byte|group)'"


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT that sqlglot could read: its text, the file it stands in (for messages), its tree."""

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

    def find_call(self, function: str) -> exp.Expr | None:
        """A place where a function of this name is called."""
        calls = self.tree.find_all(exp.Func)
        return next(
            (node for node in calls if function.lower() in (written(node, self.text), node.sql_name().lower())), None
        )


def parse(text: str, path: str = "") -> Query:
    """Read a dataset's SQL. Raises `SqlError` with file, line and column for what is not one SELECT."""
    try:
        trees = [tree for tree in sqlglot.parse(text, read="spark") if tree is not None]
    except ParseError as error:
        raise _syntax_error(error, path) from None
    except TokenError:
        line, column = _line_column(text, _unclosed(text))
        raise _error(Fault(path, line, f"column {column}", "a quoted text or a comment is not closed")) from None
    if not trees:
        raise _error(Fault(path, 1, "", "there is no SQL", "write one select"))
    if len(trees) > 1:
        place = Query(text, path, exp.select("1")).place(trees[1])
        raise _error(Fault(path, place[0], f"column {place[1]}", "more than one statement", "one select a dataset"))
    tree = trees[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        word = text.split(maxsplit=1)[0].lower() if not isinstance(tree, exp.Subquery) else "("
        raise _error(Fault(path, 1, "", f"a dataset is one select, not {word!r}", "begin with select or with"))
    if not tree.selects:
        raise _error(Fault(path, 1, "", "the select names no column", "write select … from …"))
    return Query(text, path, tree)


def tables_of(sql: str, path: str = "") -> frozenset[str]:
    """The tables that a query reads, in lower case, without the names of its own CTEs. Raises `SqlError`."""
    return frozenset(node.name.lower() for node in _tables(parse(sql, path).tree))


def faults_of(query: Query, tables: Collection[str]) -> tuple[Fault, ...]:
    """All that is wrong with a query over a feed's `tables`, in the order of the text."""
    known = {name.lower() for name in tables}
    found = [query.fault(node, what.message, what.hint) for node, what in complaints(query.tree, query.text)]
    found += [
        query.fault(cte.args["alias"], f"{cte.alias!r} is a table already", "give this query another name")
        for cte in query.tree.find_all(exp.CTE)
        if cte.alias.lower() in known
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


def check(dataset: Dataset, tables: Collection[str]) -> Query:
    """Read a dataset's SQL and hold it against the list and the feed's tables. Raises `SqlError`."""
    query = parse(dataset.sql, str(dataset.sql_path))
    faults = faults_of(query, tables)
    if faults:
        raise _error(faults[0], more=len(faults) - 1)
    return query


LEAVE = "nothing protects it there yet: leave it out; it may still join and filter"


def feed_tables(feed: Feed) -> frozenset[str]:
    """The tables that a feed's datasets may read: those of its files, and the datasets themselves."""
    files = (table for file in feed.files.values() for table in file.layout.tables(file.name))
    return frozenset([*files, *feed.datasets])


def feed_faults(feed: Feed) -> tuple[Fault, ...]:
    """Everything wrong in the SQL of a feed's datasets, for `check`, which shows all faults at once."""
    tables, personal = feed_tables(feed), personal_columns(feed)
    found: list[Fault] = []
    for dataset in feed.datasets.values():
        try:
            query = parse(dataset.sql, str(dataset.sql_path))
            found.extend(faults_of(query, tables))
            found.extend(
                query.fault(node, f"personal data would reach the result: {name}", LEAVE)
                for node, name in exposed(query.tree, personal)
            )
        except SqlError as error:
            found.append(_fault(error, str(dataset.sql_path)))
    if not found:
        try:
            order(feed.datasets.values())
        except SqlError as error:
            found.append(_fault(error, str(feed.path)))
    return tuple(found)


def order(datasets: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """Datasets so that each comes after those it reads, otherwise as given. Raises `SqlError` for a cycle."""
    by_name = {dataset.name.lower(): dataset for dataset in datasets}
    reads = {name: tables_of(dataset.sql, str(dataset.sql_path)) for name, dataset in by_name.items()}
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


def to_duckdb(sql: str, path: str = "") -> str:
    """The same query in DuckDB's words. Raises `SqlError` for what is not on the list (tables are not looked at)."""
    query = parse(sql, path)
    for node, complaint in complaints(query.tree, query.text):
        raise _error(query.fault(node, complaint.message, complaint.hint))
    tree = query.tree.copy().transform(_rewrite, copy=False)
    try:
        return tree.sql(dialect="duckdb", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise SqlError(f"this cannot be said in DuckDB's SQL: {error}", where=path) from None


# --- rewriting: what DuckDB would otherwise do differently ------------------------------------------------------------

_INT_IN_SPARK = (
    exp.Year,
    exp.Month,
    exp.Day,
    exp.DayOfMonth,
    exp.WeekOfYear,
    exp.DateDiff,
    exp.Length,
    exp.StrPosition,
)
_INT_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank)


def _rewrite(node: exp.Expr) -> exp.Expr:
    """One node of Spark's tree, as DuckDB must hear it to give the same value in the same type."""
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
        return node if isinstance(node.parent, exp.Column) else exp.Var(this=f"* {_NOT_LINEAGE}")
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        table = node.args["table"].sql(dialect="duckdb", identify=True)
        return exp.Var(this=f"{table}.* {_NOT_LINEAGE}")
    if isinstance(node, exp.TryCast) and not node.args.get("safe"):
        return exp.Cast(this=node.this, to=node.args["to"])
    if isinstance(node, exp.TsOrDsAdd):
        days = exp.cast(exp.paren(node.expression), "int")
        return exp.Paren(this=exp.Add(this=exp.cast(node.this, "date"), expression=days))
    if isinstance(node, exp.Upper):  # Java writes SS for ß, DuckDB the capital letter that few fonts have
        return exp.Upper(this=exp.Replace(this=node.this, expression=_text("ß"), replacement=_text("SS")))
    return _in_sparks_type(node)


def _in_sparks_type(node: exp.Expr) -> exp.Expr:
    """A function that gives another type on DuckDB, in a cast to the type that it has on Spark."""
    if isinstance(node.parent, exp.Cast) and node.arg_key == "this" and node.meta.get("typed"):
        return node
    to = ""
    if isinstance(node, _INT_IN_SPARK) or (isinstance(node, exp.Window) and isinstance(node.this, _INT_RANKS)):
        to = "int"
    elif isinstance(node, exp.AddMonths):
        to = "date"
    if not to:
        return node
    inner = node.copy()
    inner.meta["typed"] = True
    return exp.cast(inner, to)


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


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
    return _error(Fault(path, line, f"column {column}", message))


def _error(fault: Fault, more: int = 0) -> SqlError:
    place = ":".join(part for part in (fault.file, str(fault.line), fault.path.removeprefix("column ")) if part)
    also = f" (and {more} more: see check)" if more else ""
    return SqlError(fault.message + also, where=place, hint=fault.hint)


def _fault(error: SqlError, path: str) -> Fault:
    """The fault that an error was made of, or one at the file's beginning."""
    place = re.search(r":(\d+)(?::(\d+))?$", error.where)
    column = f"column {place[2]}" if place and place[2] else ""
    return Fault(path, int(place[1]) if place else 1, column, error.message, error.hint)

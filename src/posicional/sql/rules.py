"""What a node of a query may look like: one rule for each kind that not every engine takes as it comes.

A rule says what is wrong with a node, or nothing. Types are looked at later, in `types`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from posicional.sql.instead import CLAUSES, INSTEAD


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a node is refused, what to write instead (may be empty), and the part of it that is meant, if one is."""

    message: str
    hint: str = ""
    at: exp.Expr | None = None


Rule = Callable[[exp.Expr, str], Complaint | None]
"""From a node and the name of the function as it was written (empty where there is none) to what is wrong with it."""


def only(*parts: str, but: str = "this clause is not supported") -> Rule:
    """The node may have these parts and no other."""

    def rule(node: exp.Expr, _name: str) -> Complaint | None:
        extra = [key for key, value in node.args.items() if value and key not in parts]
        if not extra:
            return None
        part = node.args[extra[0]]
        at = part[0] if isinstance(part, list) else part
        word = CLAUSES.get(extra[0], extra[0].rstrip("_"))
        return Complaint(f"{but}: {word}", INSTEAD.get(word, ""), at if isinstance(at, exp.Expr) else None)

    return rule


def named(*names: str) -> Rule:
    """The function must be written with one of Spark's names: sqlglot also reads those of other dialects."""

    def rule(_node: exp.Expr, name: str) -> Complaint | None:
        if name and name not in names:
            return Complaint(f"{name!r} is not a function of Spark SQL", f"write {names[0]}")
        return None

    return rule


def _whole(node: exp.Expr | None, least: int) -> bool:
    """Whether a node is a whole number written out, of at least `least`."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) >= least


def table_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """A table is named by itself, without a schema."""
    if not isinstance(node.this, exp.Identifier):
        return Complaint(
            "a function cannot stand where a table is expected", "read the tables of the feed and its datasets by name"
        )
    if node.args.get("db") or node.args.get("catalog"):
        return Complaint(
            f"a table has no schema or catalog before its name: {node.sql('spark')}", "write the name alone"
        )
    return only("this", "alias")(node, "")


def join_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """A join says on what it joins."""
    if str(node.args.get("method") or "").upper() == "NATURAL":
        return Complaint("a natural join would also join on _file, _line and _byte", "write on … or using (…)")
    return only("this", "side", "kind", "on", "using")(node, "")


def column_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """A column has at most its table's name before it."""
    if node.args.get("db") or node.args.get("catalog"):
        return Complaint("a column has at most its table's name before it", "give the table an alias")
    return None


def literal_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """A number has no exponent."""
    if not node.args.get("is_string") and not re.fullmatch(r"\d+|\d*\.\d+|\d+\.", node.name):
        return Complaint("a number with an exponent is a double", "write it as a decimal, with a point")
    return None


def in_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """A query stands where null and false are the same: Spark gives false for a null in other places."""
    if node.args.get("query") is not None:
        around = node.parent
        while isinstance(around, exp.Paren):
            around = around.parent
        around = around.parent if isinstance(around, exp.Not) else around
        while isinstance(around, exp.And | exp.Paren):
            around = around.parent
        if not isinstance(around, exp.Where):
            return Complaint("in (select …) stands in where only, beside others by and", "write exists (select …)")
    return only("this", "expressions", "query")(node, "")


def like_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """The pattern is written out, without an escape."""
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return Complaint("the pattern of like must be a text written out")
    if "\\" in pattern.name:
        return Complaint("engines escape differently in like", "use substring or instr for a literal % or _")
    return None


_SAME_REGEX = re.compile(r"(?:\[\^?\]?[^]\[\\&]*\]|[^\\()\[\]]|\((?!\?)|\))*")


def _pattern(node: exp.Expr | None) -> Complaint | None:
    if isinstance(node, exp.Literal) and node.is_string and _SAME_REGEX.fullmatch(node.name):
        return None
    return Complaint(
        "a pattern must be a text written out, without a backslash, (?…) or a [ or & within […]",
        "write [0-9] for a digit",
    )


def rlike_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """The pattern means the same to every engine."""
    return _pattern(node.expression)


def regexp_rule(node: exp.Expr, name: str) -> Complaint | None:
    """The pattern is written out, of what means the same to Java and to DuckDB."""
    found = _pattern(node.expression)
    if found:
        return found
    try:
        takes_nothing = re.search(node.expression.name, "") is not None
    except re.error:
        takes_nothing = True
    if takes_nothing:
        return Complaint(f"the pattern of {name or 'regexp_replace'} must not match the empty text")
    replacement = node.args.get("replacement")
    if replacement is not None and not (
        isinstance(replacement, exp.Literal) and not re.search(r"[$\\]", replacement.name)
    ):
        return Complaint("what replaces must be a text written out, without $ or a backslash")
    group = node.args.get("group")
    if group is not None and not _whole(group, 0):
        return Complaint("the number of the group must be written out")
    return only("this", "expression", "replacement", "group", "null_if_pos_overflow", but="not supported here")(
        node, ""
    )


def substring_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """Positions count from 1 and are written out."""
    length = node.args.get("length")
    if not _whole(node.args.get("start"), 1) or (length is not None and not _whole(length, 0)):
        return Complaint(
            "substring needs a start of 1 or more, and a length, both written out as numbers: engines differ on others",
            "count positions from 1",
        )
    return None


def counted_rule(node: exp.Expr, name: str) -> Complaint | None:
    """How many is written out."""
    count = node.args.get("times") if isinstance(node, exp.Repeat) else node.expression
    if not _whole(count, 1):
        return Complaint(f"{name or node.key} needs a number of 1 or more that is written out")
    return None


def filter_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """Aggregates that can be told as such to every engine."""
    if not isinstance(node.this, exp.Sum | exp.Count | exp.Min | exp.Max):
        return Complaint("only sum, count, min and max take filter (where …)")
    return None


def trunc_rule(node: exp.Expr, name: str) -> Complaint | None:
    """A date, to a unit that is written out."""
    unit = node.args.get("unit")
    if name not in ("", "trunc") or not isinstance(unit, exp.Literal) or unit.name.upper() not in _UNITS:
        return Complaint(f"trunc takes a date and one of {', '.join(_UNITS)}", "write trunc(d, 'MM')")
    return None


_UNITS = ("YEAR", "QUARTER", "MONTH", "MM", "WEEK")


def pad_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """Width and fill are written out."""
    fill = node.args.get("fill_pattern")
    if not _whole(node.expression, 0) or not (isinstance(fill, exp.Literal) and fill.is_string and fill.name):
        return Complaint("the width and the fill of a pad must be written out", "write lpad(column, 10, '0')")
    return None


def instr_rule(node: exp.Expr, name: str) -> Complaint | None:
    """It looks from the first character on."""
    if name and name not in ("instr", "locate"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write instr")
    return only("this", "substr", but=f"{name or 'instr'} with a starting position is not supported")(node, "")


def sha2_rule(node: exp.Expr, name: str) -> Complaint | None:
    """256 bits."""
    if not _whole(node.args.get("length"), 256) or node.args["length"].name != "256":
        return Complaint(f"{name or 'sha2'} is supported with 256 bits", "write sha2(column, 256)")
    return None


def round_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """The number of decimals is written out."""
    decimals = node.args.get("decimals")
    if decimals is not None and not _whole(decimals, 0):
        return Complaint("the number of decimals must be written out, 0 or more")
    return None


def count_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """One column, or all rows."""
    return only("this", "big_int", but="count of several columns is not supported")(node, "")


def rounding_rule(node: exp.Expr, name: str) -> Complaint | None:
    """Floor and ceil go to whole numbers."""
    return only("this", but=f"{name or 'floor'} with a number of decimals is not supported")(node, "")


def date_add_rule(node: exp.Expr, name: str) -> Complaint | None:
    """Days only."""
    if name and name not in ("date_add", "date_sub", "dateadd"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write date_add")
    if str(node.args.get("unit") or "DAY").upper() != "DAY":
        return Complaint("only days can be added to a date", "for months, write add_months(d, 1)")
    return None


def date_diff_rule(node: exp.Expr, name: str) -> Complaint | None:
    """Days only."""
    if name and name not in ("datediff", "date_diff"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write datediff")
    if str(node.args.get("unit") or "DAY").upper() != "DAY":
        return Complaint("only the difference in days gives the same on every engine", "write datediff(later, earlier)")
    return None


def to_date_rule(node: exp.Expr, name: str) -> Complaint | None:
    """The function to_date is refused, what sqlglot wraps arguments in is not."""
    # sqlglot wraps the argument of year(…) and its kind in the same node, without `safe`.
    if node.args.get("safe") or name in ("to_date", "ts_or_ds_to_date"):
        return Complaint(
            "engines differ in what to_date accepts", "give the field the type date in its layout, or cast(… as date)"
        )
    return None


def date_format_rule(node: exp.Expr, name: str) -> Complaint | None:
    """The format is written out, of letters that mean the same to every engine."""
    if name and name != "date_format":
        return Complaint(f"{name!r} is not a function of Spark SQL", "write date_format")
    pattern = node.args.get("format")
    spelled = pattern.name if isinstance(pattern, exp.Literal) else ""
    # By now sqlglot has turned Spark's letters into strftime's.
    if not re.fullmatch(r"(?:%(?:Y|y|[mdHMS]strict)|[-/.: ])+", spelled):
        return Complaint("the format must be written out, of yyyy yy MM dd HH mm ss and - / . : and blank")
    return None


_TYPES = (
    *(exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT),
    *(exp.DType.DATE, exp.DType.TIMESTAMPNTZ, exp.DType.BOOLEAN),
)


def cast_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """To types that every engine has."""
    to = node.args["to"]
    spelled = to.sql("spark").lower()
    if to.this is exp.DType.DECIMAL:
        if to.expressions:
            return None
        return Complaint("a decimal without digits means another type on each engine", "write decimal(18,2)")
    if to.this in _TYPES or (to.this is exp.DType.TEXT and not to.expressions):
        return None
    return Complaint(f"a cast to {spelled} is not supported", INSTEAD.get(spelled.split("(")[0], ""))


def window_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """Functions whose result does not depend on the order of equal rows, but for its own order."""
    if not isinstance(node.this, _WINDOWED):
        what = node.this.sql_name().lower() if isinstance(node.this, exp.Func) else "this"
        return Complaint(f"{what!r} over a window is not on the list", "row_number, rank, dense_rank, lag, lead, sum …")
    return only("this", "partition_by", "order", "spec", "over")(node, "")


def window_only_rule(node: exp.Expr, name: str) -> Complaint | None:
    """What makes sense over a window only."""
    if not isinstance(node.parent, exp.Window):
        return Complaint(f"{name or node.key} needs a window", "write it with over (…)")
    return None


def frame_rule(node: exp.Expr, _name: str) -> Complaint | None:
    """Frames count rows."""
    if str(node.args.get("kind") or "").upper() != "ROWS":
        return Complaint("only frames of rows are supported", "write rows between … and …")
    return None


_WINDOWED = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.Sum, exp.Min, exp.Max, exp.Count)

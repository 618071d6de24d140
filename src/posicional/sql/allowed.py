"""The part of Spark SQL that is known to give the same result on every engine, and what to write instead of the rest.

A query's tree is walked from the top; a node whose class is not in `RULES` is refused, and so is one whose rule
complains. The list is closed on purpose: what nobody has compared on both engines is refused, because a join that
counts a row twice, or money that is rounded otherwise, is not seen by anyone. Doubles are left out altogether: their
sums depend on the order of the rows. Whatever depends on the clock, on chance or on the order of rows without an
`order by` is left out too, since a run that is repeated must give the same dataset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp

from posicional.sql.instead import CLAUSES, INSTEAD, WORDS


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a node is refused, what to write instead (may be empty), and the part of it that is meant, if one is."""

    message: str
    hint: str = ""
    at: exp.Expr | None = None


Rule = Callable[[exp.Expr, str], Complaint | None]
"""From a node and the name of the function as it was written (empty where there is none) to what is wrong with it."""


def complaints(tree: exp.Expr, text: str) -> Iterator[tuple[exp.Expr, Complaint]]:
    """Every refused node of a query with the reason, outermost first; nothing below a refused one is looked at."""
    waiting: list[exp.Expr] = [tree]
    while waiting:
        node = waiting.pop()
        complaint = _complaint(node, text)
        if complaint:
            yield complaint.at or node, complaint
        if not complaint or complaint.at:
            children = [child for child in node.iter_expressions() if not complaint or child is not complaint.at]
            waiting.extend(reversed(children))


def written(node: exp.Expr, text: str) -> str:
    """The function's name as it stands in the text, in lower case; empty where sqlglot does not know its place."""
    if isinstance(node, exp.Func) and "start" in node.meta:
        return text[node.meta["start"] : node.meta["end"] + 1].lower()
    return ""


def _complaint(node: exp.Expr, text: str) -> Complaint | None:
    name = written(node, text)
    if type(node) in RULES:
        rule = RULES[type(node)]
        return rule(node, name) if rule else None
    if isinstance(node, exp.Anonymous):
        name = str(node.this).lower()
    elif not name and isinstance(node, exp.Func) and type(node) not in WORDS:
        names = [each.lower() for each in node.sql_names()]
        name = next((each for each in names if each in INSTEAD), names[0])
    what = name or WORDS.get(type(node), type(node).__name__.lower())
    hint = INSTEAD.get(what, "")
    kind = "the function" if name else "this use of"
    return Complaint(f"{kind} {what!r} is not on the list of what gives the same result on every engine", hint)


# --- rules ------------------------------------------------------------------------------------------------------------


def _only(*parts: str, but: str = "this clause is not supported") -> Rule:
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


def _named(*names: str) -> Rule:
    """The function must be written with one of Spark's names: sqlglot also reads those of other dialects."""

    def rule(_node: exp.Expr, name: str) -> Complaint | None:
        if name and name not in names:
            return Complaint(f"{name!r} is not a function of Spark SQL", f"write {names[0]}")
        return None

    return rule


def _whole(node: exp.Expr | None, least: int) -> bool:
    """Whether a node is a whole number written out, of at least `least`."""
    return isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) >= least


def _table(node: exp.Expr, _name: str) -> Complaint | None:
    if not isinstance(node.this, exp.Identifier):
        return Complaint(
            "a function cannot stand where a table is expected", "read the tables of the feed and its datasets by name"
        )
    if node.args.get("db") or node.args.get("catalog"):
        return Complaint(
            f"a table has no schema or catalog before its name: {node.sql('spark')}", "write the name alone"
        )
    return _only("this", "alias")(node, "")


def _join(node: exp.Expr, _name: str) -> Complaint | None:
    if str(node.args.get("method") or "").upper() == "NATURAL":
        return Complaint("a natural join would also join on _file, _line and _byte", "write on … or using (…)")
    return _only("this", "side", "kind", "on", "using")(node, "")


def _column(node: exp.Expr, _name: str) -> Complaint | None:
    if node.args.get("db") or node.args.get("catalog"):
        return Complaint("a column has at most its table's name before it", "give the table an alias")
    return None


def _literal(node: exp.Expr, _name: str) -> Complaint | None:
    if not node.args.get("is_string") and not re.fullmatch(r"\d+|\d*\.\d+|\d+\.", node.name):
        return Complaint("a number with an exponent is a double", "write it as a decimal, with a point")
    return None


def _like(node: exp.Expr, _name: str) -> Complaint | None:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return Complaint("the pattern of like must be a text written out")
    if "\\" in pattern.name:
        return Complaint("engines escape differently in like", "use substring or instr for a literal % or _")
    return None


_SAME_REGEX = re.compile(r"(?:[^\\()]|\((?!\?)|\))*")


def _rlike(node: exp.Expr, _name: str) -> Complaint | None:
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and pattern.is_string and _SAME_REGEX.fullmatch(pattern.name):
        return None
    return Complaint(
        "the pattern of rlike must be a text written out, without a backslash or (?…)", "write [0-9] for a digit"
    )


def _substring(node: exp.Expr, _name: str) -> Complaint | None:
    length = node.args.get("length")
    if not _whole(node.args.get("start"), 1) or (length is not None and not _whole(length, 0)):
        return Complaint(
            "substring needs a start of 1 or more, and a length, both written out as numbers: engines differ on others",
            "count positions from 1",
        )
    return None


def _pad(node: exp.Expr, _name: str) -> Complaint | None:
    fill = node.args.get("fill_pattern")
    if not _whole(node.expression, 0) or not (isinstance(fill, exp.Literal) and fill.is_string and fill.name):
        return Complaint("the width and the fill of a pad must be written out", "write lpad(column, 10, '0')")
    return None


def _instr(node: exp.Expr, name: str) -> Complaint | None:
    if name and name not in ("instr", "locate"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write instr")
    return _only("this", "substr", but=f"{name or 'instr'} with a starting position is not supported")(node, "")


def _sha2(node: exp.Expr, name: str) -> Complaint | None:
    if not _whole(node.args.get("length"), 256) or node.args["length"].name != "256":
        return Complaint(f"{name or 'sha2'} is supported with 256 bits", "write sha2(column, 256)")
    return None


def _round(node: exp.Expr, _name: str) -> Complaint | None:
    decimals = node.args.get("decimals")
    if decimals is not None and not _whole(decimals, 0):
        return Complaint("the number of decimals must be written out, 0 or more")
    return None


def _count(node: exp.Expr, _name: str) -> Complaint | None:
    return _only("this", "big_int", but="count of several columns is not supported")(node, "")


def _rounding(node: exp.Expr, name: str) -> Complaint | None:
    return _only("this", but=f"{name or 'floor'} with a number of decimals is not supported")(node, "")


def _date_add(node: exp.Expr, name: str) -> Complaint | None:
    if name and name not in ("date_add", "date_sub", "dateadd"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write date_add")
    if str(node.args.get("unit") or "DAY").upper() != "DAY":
        return Complaint("only days can be added to a date", "for months, write add_months(d, 1)")
    return None


def _date_diff(node: exp.Expr, name: str) -> Complaint | None:
    if name and name not in ("datediff", "date_diff"):
        return Complaint(f"{name!r} is not a function of Spark SQL", "write datediff")
    if str(node.args.get("unit") or "DAY").upper() != "DAY":
        return Complaint("only the difference in days gives the same on every engine", "write datediff(later, earlier)")
    return None


def _to_date(node: exp.Expr, name: str) -> Complaint | None:
    # sqlglot wraps the argument of year(…) and its kind in the same node, without `safe`.
    if node.args.get("safe") or name in ("to_date", "ts_or_ds_to_date"):
        return Complaint(
            "engines differ in what to_date accepts", "give the field the type date in its layout, or cast(… as date)"
        )
    return None


def _date_format(node: exp.Expr, name: str) -> Complaint | None:
    if name and name != "date_format":
        return Complaint(f"{name!r} is not a function of Spark SQL", "write date_format")
    pattern = node.args.get("format")
    spelled = pattern.name if isinstance(pattern, exp.Literal) else ""
    # By now sqlglot has turned Spark's letters into strftime's.
    if not re.fullmatch(r"(?:%(?:Y|y|[mdHMS]strict)|[-/.: ])+", spelled):
        return Complaint("the format must be written out, of yyyy yy MM dd HH mm ss and - / . : and blank")
    return None


_INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
_WHOLE_RESULTS = (
    exp.Floor,
    exp.Ceil,
    exp.Count,
    exp.Length,
    exp.StrPosition,
    exp.Year,
    exp.Month,
    exp.Day,
    exp.DayOfMonth,
    exp.WeekOfYear,
    exp.DateDiff,
    exp.Boolean,
    exp.Null,
)


def _is_whole(node: exp.Expr) -> bool:
    """Whether a value is a whole number by its form, so that no engine can round or truncate it."""
    node = node.unnest()
    if isinstance(node, exp.Neg):
        return _is_whole(node.this)
    if isinstance(node, exp.Round):
        decimals = node.args.get("decimals")
        return decimals is None or decimals.name == "0"
    if isinstance(node, exp.Cast) and node.to.this is exp.DType.DECIMAL:
        return len(node.to.expressions) < 2 or node.to.expressions[1].name == "0"
    return isinstance(node, _WHOLE_RESULTS) or _whole(node, 0)


def _cast(node: exp.Expr, _name: str) -> Complaint | None:
    to = node.args["to"]
    spelled = to.sql("spark").lower()
    if to.this in _INTEGERS:
        if _is_whole(node.this):
            return None
        return Complaint(
            f"engines round differently in a cast to {spelled}",
            "write cast(floor(…) as …) or cast(… as decimal(18,0)), or declare the column's type in the feed",
        )
    if to.this is exp.DType.DECIMAL:
        if to.expressions:
            return None
        return Complaint("a decimal without digits means another type on each engine", "write decimal(18,2)")
    if to.this in (exp.DType.DATE, exp.DType.TIMESTAMPNTZ, exp.DType.BOOLEAN):
        return None
    if to.this is exp.DType.TEXT and not to.expressions:
        return None
    return Complaint(f"a cast to {spelled} is not supported", INSTEAD.get(spelled.split("(")[0], ""))


def _window(node: exp.Expr, _name: str) -> Complaint | None:
    if not isinstance(node.this, _WINDOWED):
        what = node.this.sql_name().lower() if isinstance(node.this, exp.Func) else "this"
        return Complaint(f"{what!r} over a window is not on the list", "row_number, rank, dense_rank, lag, lead, sum …")
    return _only("this", "partition_by", "order", "spec", "over")(node, "")


def _window_only(node: exp.Expr, name: str) -> Complaint | None:
    if not isinstance(node.parent, exp.Window):
        return Complaint(f"{name or node.key} needs a window", "write it with over (…)")
    return None


def _frame(node: exp.Expr, _name: str) -> Complaint | None:
    if str(node.args.get("kind") or "").upper() != "ROWS":
        return Complaint("only frames of rows are supported", "write rows between … and …")
    return None


_WINDOWED = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.Sum, exp.Min, exp.Max, exp.Count)

_SET_OPERATION = _only("this", "expression", "distinct", "with_", "order")

RULES: dict[type[exp.Expr], Rule | None] = {
    # the frame of a query
    exp.Select: _only("expressions", "from_", "joins", "where", "group", "having", "order", "with_", "distinct"),
    exp.Union: _SET_OPERATION,
    exp.Except: _SET_OPERATION,
    exp.Intersect: _SET_OPERATION,
    exp.Subquery: _only("this", "alias", "with_"),
    exp.With: _only("expressions", but="with recursive is not supported"),
    exp.CTE: _only("this", "alias"),
    exp.From: None,
    exp.Table: _table,
    exp.TableAlias: _only("this", "columns"),
    exp.Join: _join,
    exp.Where: None,
    exp.Group: _only("expressions"),
    exp.Having: None,
    exp.Order: _only("expressions"),
    exp.Ordered: None,
    exp.Distinct: _only("expressions", but="distinct on is not supported"),
    exp.Star: _only(but="select * stands alone"),
    exp.Alias: None,
    exp.Column: _column,
    exp.Identifier: None,
    exp.Paren: None,
    exp.Tuple: None,
    # values
    exp.Literal: _literal,
    exp.Null: None,
    exp.Boolean: None,
    exp.Var: None,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.DataType: None,
    exp.DataTypeParam: None,
    # conditions
    exp.And: None,
    exp.Or: None,
    exp.Not: None,
    exp.EQ: None,
    exp.NEQ: None,
    exp.GT: None,
    exp.GTE: None,
    exp.LT: None,
    exp.LTE: None,
    exp.NullSafeEQ: None,
    exp.Is: None,
    exp.In: _only("this", "expressions", "query"),
    exp.Exists: _only("this"),
    exp.Between: _only("this", "low", "high"),
    exp.Like: _like,
    exp.RegexpLike: _rlike,
    exp.Case: None,
    exp.If: None,
    # numbers
    exp.Add: None,
    exp.Sub: None,
    exp.Mul: None,
    exp.Mod: None,
    exp.Div: None,
    exp.Neg: None,
    exp.Abs: _named("abs"),
    exp.Round: _round,
    exp.Floor: _rounding,
    exp.Ceil: _rounding,
    exp.Greatest: _named("greatest"),
    exp.Least: _named("least"),
    exp.Coalesce: _named("coalesce", "nvl", "ifnull"),
    exp.Nullif: _named("nullif"),
    # text
    exp.Concat: _named("concat"),
    exp.DPipe: None,
    exp.ConcatWs: _named("concat_ws"),
    exp.Upper: _named("upper", "ucase"),
    exp.Lower: _named("lower", "lcase"),
    exp.Trim: None,
    exp.Length: _named("length", "char_length", "character_length", "len"),
    exp.Substring: _substring,
    exp.Pad: _pad,
    exp.Replace: _named("replace"),
    exp.Translate: _named("translate"),
    exp.StrPosition: _instr,
    exp.MD5: _named("md5"),
    exp.SHA2: _sha2,
    # dates
    exp.Year: _named("year"),
    exp.Month: _named("month"),
    exp.Day: _named("day"),
    exp.DayOfMonth: _named("dayofmonth"),
    exp.WeekOfYear: _named("weekofyear"),
    exp.LastDay: _only("this"),
    exp.AddMonths: _named("add_months"),
    exp.TsOrDsAdd: _date_add,
    exp.DateDiff: _date_diff,
    exp.TsOrDsToDate: _to_date,
    exp.TimeToStr: _date_format,
    exp.TimeStrToTime: None,
    # many rows
    exp.Count: _count,
    exp.Sum: _named("sum"),
    exp.Avg: _named("avg", "mean"),
    exp.Min: _named("min"),
    exp.Max: _named("max"),
    exp.Window: _window,
    exp.WindowSpec: _frame,
    exp.RowNumber: _window_only,
    exp.Rank: _window_only,
    exp.DenseRank: _window_only,
    exp.Lag: _window_only,
    exp.Lead: _window_only,
}

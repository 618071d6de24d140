"""The part of Spark SQL that is known to give the same result on every engine, and what to write instead of the rest.

A query's tree is walked from the top; a node whose class is not in `RULES` is refused, and so is one whose rule
complains. The list is closed on purpose: what nobody has compared on both engines is refused, because a join that
counts a row twice, or money that is rounded otherwise, is not seen by anyone. Doubles are left out altogether: their
sums depend on the order of the rows. Whatever depends on the clock, on chance or on the order of rows without an
`order by` is left out too, since a run that is repeated must give the same dataset.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from posicional.sql.instead import INSTEAD, WORDS, instead_of
from posicional.sql.rules import (
    Complaint,
    Rule,
    cast_rule,
    column_rule,
    count_rule,
    counted_rule,
    date_add_rule,
    date_diff_rule,
    date_format_rule,
    filter_rule,
    frame_rule,
    in_rule,
    instr_rule,
    join_rule,
    like_rule,
    literal_rule,
    named,
    only,
    pad_rule,
    regexp_rule,
    rlike_rule,
    round_rule,
    rounding_rule,
    sha2_rule,
    substring_rule,
    table_rule,
    to_date_rule,
    trunc_rule,
    window_only_rule,
    window_rule,
)


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
    hint = instead_of(name) if name else INSTEAD.get(what, "")
    kind = "the function" if name else "this use of"
    return Complaint(f"{kind} {what!r} is not on the list of what gives the same result on every engine", hint)


_SET_OPERATION = only("this", "expression", "distinct", "with_", "order")

RULES: dict[type[exp.Expr], Rule | None] = {
    # the frame of a query
    exp.Select: only("expressions", "from_", "joins", "where", "group", "having", "order", "with_", "distinct"),
    exp.Union: _SET_OPERATION,
    exp.Except: _SET_OPERATION,
    exp.Intersect: _SET_OPERATION,
    exp.Subquery: only("this", "alias", "with_"),
    exp.With: only("expressions", but="with recursive is not supported"),
    exp.CTE: only("this", "alias"),
    exp.From: None,
    exp.Table: table_rule,
    exp.TableAlias: only("this", "columns"),
    exp.Join: join_rule,
    exp.Where: None,
    exp.Group: only("expressions"),
    exp.Having: None,
    exp.Order: only("expressions"),
    exp.Ordered: None,
    exp.Distinct: only("expressions", but="distinct on is not supported"),
    exp.Star: only(but="select * stands alone"),
    exp.Alias: None,
    exp.Column: column_rule,
    exp.Identifier: None,
    exp.Paren: None,
    # values
    exp.Literal: literal_rule,
    exp.Null: None,
    exp.Boolean: None,
    exp.Var: None,
    exp.Cast: cast_rule,
    exp.TryCast: cast_rule,
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
    exp.In: in_rule,
    exp.Exists: only("this"),
    exp.Between: only("this", "low", "high"),
    exp.Like: like_rule,
    exp.RegexpLike: rlike_rule,
    exp.Case: None,
    exp.If: None,
    # numbers
    exp.Add: None,
    exp.Sub: None,
    exp.Mul: None,
    exp.Mod: None,
    exp.Div: None,
    exp.Neg: None,
    exp.Abs: named("abs"),
    exp.Round: round_rule,
    exp.Floor: rounding_rule,
    exp.Ceil: rounding_rule,
    exp.Greatest: named("greatest"),
    exp.Least: named("least"),
    exp.Coalesce: named("coalesce", "nvl", "ifnull"),
    exp.Nullif: named("nullif"),
    exp.Nvl2: None,
    # text
    exp.Concat: named("concat"),
    exp.DPipe: None,
    exp.ConcatWs: named("concat_ws"),
    exp.Upper: named("upper", "ucase"),
    exp.Lower: named("lower", "lcase"),
    exp.Trim: None,
    exp.Length: named("length", "char_length", "character_length", "len"),
    exp.Substring: substring_rule,
    exp.Pad: pad_rule,
    exp.Replace: named("replace"),
    exp.Translate: named("translate"),
    exp.StrPosition: instr_rule,
    exp.Left: counted_rule,
    exp.Right: counted_rule,
    exp.Repeat: counted_rule,
    exp.StartsWith: named("startswith"),
    exp.EndsWith: named("endswith"),
    exp.Contains: named("contains"),
    exp.RegexpReplace: regexp_rule,
    exp.RegexpExtract: regexp_rule,
    exp.MD5: named("md5"),
    exp.SHA2: sha2_rule,
    # dates
    exp.Year: named("year"),
    exp.Month: named("month"),
    exp.Day: named("day"),
    exp.DayOfMonth: named("dayofmonth"),
    exp.WeekOfYear: named("weekofyear"),
    exp.LastDay: only("this"),
    exp.Quarter: None,
    exp.DayOfYear: named("dayofyear"),
    exp.DayOfWeek: named("dayofweek"),
    exp.Hour: None,
    exp.Minute: None,
    exp.Second: None,
    exp.DateTrunc: trunc_rule,
    exp.AddMonths: named("add_months"),
    exp.TsOrDsAdd: date_add_rule,
    exp.DateDiff: date_diff_rule,
    exp.TsOrDsToDate: to_date_rule,
    exp.TimeToStr: date_format_rule,
    exp.TimeStrToTime: None,
    # many rows
    exp.Count: count_rule,
    exp.CountIf: named("count_if"),
    exp.Filter: filter_rule,
    exp.Sum: named("sum"),
    exp.Avg: named("avg"),
    exp.Min: named("min"),
    exp.Max: named("max"),
    exp.Window: window_rule,
    exp.WindowSpec: frame_rule,
    exp.RowNumber: window_only_rule,
    exp.Rank: window_only_rule,
    exp.DenseRank: window_only_rule,
    exp.Lag: window_only_rule,
    exp.Lead: window_only_rule,
}

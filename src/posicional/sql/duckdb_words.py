"""A query that Spark understands, in DuckDB's words: the same values, rounded where Spark rounds, or the same failure.

The tree has been read by `columns`, so each node knows Spark's type; a step whose type DuckDB would choose otherwise is
cast to it. Whole numbers of 128 bits divide decimals, since DuckDB's own division gives a double.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError

from posicional.errors import SqlError
from posicional.sql.casts import filled
from posicional.sql.types import INTEGERS, NULL, as_digits, decimal, digits_of


def in_duckdbs_words(tree: exp.Query, path: str = "") -> str:
    """The text of a resolved query for DuckDB. Raises `SqlError` for what cannot be said."""
    rewritten = _rewritten(tree.copy())
    try:
        return rewritten.sql(dialect="duckdb", identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise SqlError(f"this cannot be said in DuckDB's SQL: {error}", where=path) from None


def _rewritten(tree: exp.Query) -> exp.Query:
    """Every node rewritten, innermost first, so that a rule meets parts that are DuckDB's already."""
    for node in reversed(list(tree.walk(bfs=True))):
        type_ = str(node.meta.get("type", ""))
        new = REWRITES[type(node)](node, type_) if type(node) in REWRITES else node
        if isinstance(new, _COMPUTED) and not isinstance(node.parent, _HOLDERS) and _is_number(type_, new):
            new = _cast(new, type_)
        if new is not node:
            node.replace(new)
    return tree


_COMPUTED = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Neg, exp.Abs, exp.Round, exp.Floor, exp.Ceil),
    *(exp.Case, exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif, exp.Sum),
    *(exp.Year, exp.Month, exp.Day, exp.DayOfMonth, exp.WeekOfYear, exp.DateDiff, exp.Length, exp.StrPosition),
    *(exp.Quarter, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.AddMonths, exp.LastDay),
)
"""What DuckDB may give another type than Spark does."""

_HOLDERS = (exp.Window, exp.Filter)
"""What stands around an aggregate and belongs to it: the type is said around both."""


def _strict_cast(node: exp.Expr, type_: str) -> exp.Expr:
    """A cast; a decimal that becomes a whole number loses what is behind its point first, as on Spark."""
    value = node.this
    if type_ in INTEGERS and digits_of(str(value.meta.get("type", ""))):
        value = exp.Trunc(this=value)
    safe = isinstance(node, exp.TryCast) and node.args.get("safe")
    return _typed((exp.TryCast if safe else exp.Cast)(this=value, to=node.args["to"]), type_)


def _days_added(node: exp.Expr, type_: str) -> exp.Expr:
    days = exp.cast(exp.paren(node.expression), "int")
    return _typed(exp.Paren(this=exp.Add(this=exp.cast(node.this, "date"), expression=days)), type_)


OTHER_UPPER = (
    "\u0149\u01f0\u0390\u03b0\u0587\u1e96-\u1e9a\u1f50\u1f52\u1f54\u1f56\u1f80-\u1faf\u1fb2-\u1fb4\u1fb6"
    "\u1fb7\u1fbc\u1fc2-\u1fc4\u1fc6\u1fc7\u1fcc\u1fd2\u1fd3\u1fd6\u1fd7\u1fe2-\u1fe4\u1fe6\u1fe7"
    "\u1ff2-\u1ff4\u1ff6\u1ff7\u1ffc\u2c5f\ua7c1\ua7d1\ua7d7\ua7d9\ufb00-\ufb06\ufb13-\ufb17"
    "\U00010597-\U000105a1\U000105a3-\U000105b1\U000105b3-\U000105b9\U000105bb\U000105bc"
)
OTHER_LOWER = (
    "\u0130\u03a3\u2c2f\ua7c0\ua7d0\ua7d6\ua7d8\U00010570-\U0001057a\U0001057c-\U0001058a"
    "\U0001058c-\U00010592\U00010594\U00010595"
)
"""Letters that Java and DuckDB write differently in the other case, and Σ, whose form depends on its place."""


def _upper(node: exp.Expr, type_: str) -> exp.Expr:
    """Java writes SS for ß, DuckDB the capital letter that few fonts have."""
    upper = exp.Upper(this=exp.Replace(this=node.this.copy(), expression=_text("ß"), replacement=_text("SS")))
    return _typed(_refusing(node.this, OTHER_UPPER, upper), type_)


def _lower(node: exp.Expr, type_: str) -> exp.Expr:
    return _typed(_refusing(node.this, OTHER_LOWER, node), type_)


OTHER_LETTER = "a letter is not written alike in the other case"


def _refusing(value: exp.Expr, letters: str, otherwise: exp.Expr) -> exp.Expr:
    """Fails on text with one of these letters."""
    said = f"case when regexp_matches(_value, '[{letters}]') then error('{OTHER_LETTER}') else _otherwise end"
    return exp.paren(filled(said, "duckdb", value=value, otherwise=otherwise))


def _trim(node: exp.Expr, _type: str) -> exp.Expr:
    """Blanks only: DuckDB would take other white space, too."""
    if not node.args.get("expression"):
        node.set("expression", _text(" "))
    return node


_LINE_END = "(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])"


def javas_pattern(pattern: str) -> str:
    """A pattern that is allowed, as Java means it: its end may be before a last line end, no line end is a `.`."""
    said, within = [], False
    for letter in pattern:
        within = letter == "[" or (within and letter != "]")
        if within or letter not in "$.":
            said.append(letter)
        else:
            said.append("[^\\n\\r\\x{85}\\x{2028}\\x{2029}]" if letter == "." else f"{_LINE_END}?$")
    return "".join(said)


def _matched(node: exp.Expr, _type: str) -> exp.Expr:
    node.set("expression", _text(javas_pattern(node.expression.name)))
    return node


def _day_of_week(node: exp.Expr, type_: str) -> exp.Expr:
    """Spark counts from 1, which is Sunday; DuckDB from 0."""
    return _cast(exp.paren(exp.Add(this=node.copy(), expression=_number(1))), type_)


def _count_if(node: exp.Expr, type_: str) -> exp.Expr:
    """DuckDB's own gives null where there is no row."""
    return _typed(filled("count(case when _condition then 1 end)", "duckdb", condition=node.this), type_)


def _truncated(node: exp.Expr, type_: str) -> exp.Expr:
    """A date, where DuckDB gives a timestamp; MM is how Spark spells a month."""
    if node.args["unit"].name.upper() == "MM":
        node.set("unit", _text("MONTH"))
    return _cast(node, type_)


def _joined(node: exp.Expr, _type: str) -> exp.Expr:
    node.set("expressions", [_as_text(part) for part in node.expressions])
    return node


def _two_joined(node: exp.Expr, _type: str) -> exp.Expr:
    node.set("this", _as_text(node.this))
    node.set("expression", _as_text(node.expression))
    return node


def _windowed(node: exp.Expr, type_: str) -> exp.Expr:
    return _cast(node, type_) if isinstance(node.this, _COMPUTED) else node


def _to_whole(node: exp.Expr, type_: str) -> exp.Expr:
    return _cast(node.this, type_) if node.this.meta.get("type") in INTEGERS else node


def _operands(node: exp.Expr, type_: str) -> exp.Expr:
    """Both sides in the types in which Spark computes, where DuckDB would choose others."""
    for part in ("this", "expression"):
        side = node.args[part]
        kind = str(side.meta.get("type", ""))
        if digits_of(type_) and kind in INTEGERS:
            node.set(part, _cast(side, decimal(*as_digits(side, kind))))
        elif type_ in INTEGERS and kind in INTEGERS and kind != type_:
            node.set(part, _cast(side, type_))
    return node


def _is_number(type_: str, node: exp.Expr) -> bool:
    """Whether a node's type is said to DuckDB; a number written out is what it is."""
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return False
    return type_ in INTEGERS or digits_of(type_) is not None or isinstance(node, exp.AddMonths | exp.LastDay)


def _as_text(node: exp.Expr) -> exp.Expr:
    return node if node.meta.get("type") in ("string", NULL) else exp.cast(node, "text")


def _quotient(node: exp.Expr, type_: str) -> exp.Expr:
    """A quotient of decimals, rounded half away from zero to Spark's digits."""
    sides = [(side, as_digits(side, str(side.meta["type"]))) for side in (node.this, node.expression)]
    (over, (p1, s1)), (under, (p2, s2)) = sides
    scale = (digits_of(type_) or (0, 0))[1]
    return _divided(_units(over, (p1, s1), scale - s1 + s2), _units(under, (p2, s2), 0), type_)


def _mean(node: exp.Expr, type_: str) -> exp.Expr:
    """An average of decimals: what Spark gives, the sum over the count with four more digits."""
    value = node.this
    inside = value.expressions[0] if isinstance(value, exp.Distinct) else value
    precision, scale = digits_of(str(inside.meta["type"])) or (0, 0)
    total = _units(exp.Sum(this=value.copy()), (min(precision + 10, 38), scale), 4)
    count = exp.cast(exp.Count(this=value.copy()), "int128", dialect="duckdb")
    return _divided(total, exp.Nullif(this=count, expression=_number(0)), type_)


def _units(node: exp.Expr, digits: tuple[int, int], more: int) -> exp.Expr:
    """A decimal as a whole number of its smallest units, times ten to the power of `more`, in 128 bits."""
    precision, scale = digits
    exact = _cast(node.copy(), f"decimal({precision},{scale})")
    whole = exp.Mul(this=exact, expression=_power(scale)) if scale else exact
    units = exp.cast(exp.paren(whole), "int128", dialect="duckdb")
    if not more:
        return units
    return exp.paren(exp.Mul(this=units, expression=exp.cast(_number(10**more), "int128", dialect="duckdb")))


def _divided(over: exp.Expr, under: exp.Expr, type_: str) -> exp.Expr:
    """The quotient of whole numbers, rounded half away from zero; its unit is the last digit of `type_`."""
    precision, scale = digits_of(type_) or (0, 0)
    quotient = filled(_QUOTIENT, "duckdb", over=over, under=under)
    whole = filled(f"cast(_q // {10**scale} as decimal({max(precision - scale, 1)}, 0))", "duckdb", q=quotient)
    unit = f"cast('0.{'1'.zfill(scale)}' as decimal({scale}, {scale}))"
    rest = filled(f"cast(_q % {10**scale} as decimal({scale}, 0)) * {unit}", "duckdb", q=quotient)
    return _cast(exp.paren(exp.Add(this=whole, expression=rest)), type_)


_QUOTIENT = "((2 * _over + case when (_over < 0) = (_under < 0) then _under else - _under end) // (2 * _under))"


def _cast(node: exp.Expr, type_: str) -> exp.Expr:
    return _typed(exp.cast(node.copy(), exp.DataType.build(type_, dialect="spark")), type_)


def _typed(node: exp.Expr, type_: str) -> exp.Expr:
    node.meta["type"] = type_
    return node


def _power(scale: int) -> exp.Expr:
    return exp.cast(_number(10**scale), exp.DataType.build(f"decimal({scale + 1},0)"))


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


REWRITES: dict[type[exp.Expr], Callable[[exp.Expr, str], exp.Expr]] = {
    exp.TryCast: _strict_cast,  # which sqlglot makes of Spark's cast; Spark's try_cast is `safe`
    exp.Cast: _strict_cast,
    exp.TsOrDsAdd: _days_added,
    exp.Upper: _upper,
    exp.Lower: _lower,
    exp.Trim: _trim,
    exp.RegexpLike: _matched,
    exp.RegexpReplace: _matched,
    exp.RegexpExtract: _matched,
    exp.DayOfWeek: _day_of_week,
    exp.DateTrunc: _truncated,
    exp.CountIf: _count_if,
    exp.Concat: _joined,
    exp.ConcatWs: _joined,
    exp.DPipe: _two_joined,
    exp.Div: _quotient,
    exp.Avg: _mean,
    exp.Window: _windowed,
    exp.Filter: _windowed,
    exp.Floor: _to_whole,
    exp.Ceil: _to_whole,
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), _operands),
}
"""Node -> how it is said to DuckDB, given its type on Spark."""

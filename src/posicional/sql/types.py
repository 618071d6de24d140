"""The types that Spark gives to the values of a query, as texts in Spark's words: `decimal(15,2)`, `bigint`, `string`.

Both engines cast a result to these, and DuckDB is told the type of every step on the way whose digits count, so that it
rounds where Spark rounds. What would need more than 38 digits is refused: there Spark drops digits behind the point.
What mixes texts, numbers and dates is refused too, since engines convert between them in ways of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

MAX_DIGITS = 38

INTEGERS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
"""Spark's whole numbers, narrowest first, with the digits of the decimal that one becomes beside a decimal."""

NULL = "null"

Digits = tuple[int, int]
"""Precision and scale of a decimal."""

LITERAL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Unfit(Exception):
    """A node's operands do not go together: what is wrong, and what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def spelled(type_: exp.DataType) -> str:
    """A type that sqlglot has read, in Spark's words."""
    return type_.sql("spark").lower().replace(", ", ",")


def decimal(precision: int, scale: int) -> str:
    """The type's text."""
    return f"decimal({precision},{scale})"


def digits_of(type_: str) -> Digits | None:
    """Precision and scale of a decimal; None for any other type."""
    found = re.fullmatch(r"decimal\((\d+), ?(\d+)\)", type_)
    return (int(found[1]), int(found[2])) if found else None


def family(type_: str) -> str:
    """What a type can be compared with: itself, and all numbers with one another."""
    return "number" if type_ in INTEGERS or digits_of(type_) else type_


def as_digits(node: exp.Expr, type_: str) -> Digits:
    """The decimal that an operand becomes beside a decimal; a number written out has the digits that it has."""
    value = node.unnest()
    sign = isinstance(value, exp.Neg)
    value = value.this.unnest() if sign else value
    if type_ in INTEGERS and isinstance(value, exp.Literal):
        return len(value.name.lstrip("0")) or 1, 0
    return digits_of(type_) or (INTEGERS[type_], 0)


def common(types: Sequence[str]) -> str:
    """The type that holds the values of all, as in a case or a union. Raises `Unfit`."""
    known = [type_ for type_ in types if type_ != NULL]
    if not known:
        return NULL
    if len(set(known)) == 1:
        return known[0]
    if {family(type_) for type_ in known} != {"number"}:
        raise Unfit(f"{' and '.join(sorted(set(known)))} do not go together", "cast one to the type of the other")
    if all(type_ in INTEGERS for type_ in known):
        return max(known, key=list(INTEGERS).index)
    digits = [digits_of(type_) or (INTEGERS[type_], 0) for type_ in known]
    scale = max(scale for _, scale in digits)
    return _bounded(max(precision - scale for precision, scale in digits) + scale, scale)


def _bounded(precision: int, scale: int) -> str:
    if precision > MAX_DIGITS:
        raise Unfit(
            f"this needs {precision} digits, {scale} of them behind the point; {MAX_DIGITS} at most are exact",
            "cast the operands to fewer digits first, as in cast(sum(valor) as decimal(17,2))",
        )
    return decimal(precision, scale)


# --- one rule for each kind of node -----------------------------------------------------------------------------------


def kind(node: object) -> str:
    """The type that has been found for a node."""
    return str(node.meta["type"]) if isinstance(node, exp.Expr) else NULL


def _is(type_: str) -> Callable[[exp.Expr], str]:
    return lambda _node: type_


def _same(node: exp.Expr) -> str:
    return kind(node.this)


def _literal(node: exp.Expr) -> str:
    if node.args.get("is_string"):
        return "string"
    whole, _, part = node.name.partition(".")
    if "." in node.name:
        return decimal(max(len((whole + part).lstrip("0")), len(part)), len(part))
    value = int(node.name)
    return "int" if value < 1 << 31 else "bigint" if value < 1 << 63 else _bounded(len(str(value)), 0)


def _text(*parts: str) -> Callable[[exp.Expr], str]:
    """A function over texts that gives a text; with parts, only these must be texts."""
    return _over_texts("string", *parts)


def _over_texts(result: str, *parts: str) -> Callable[[exp.Expr], str]:
    def rule(node: exp.Expr) -> str:
        for part in parts or ("this",):
            for value in _all(node.args.get(part)):
                if kind(value) not in ("string", NULL):
                    raise Unfit(f"{_called(node)} takes text, not {kind(value)}", "write cast(… as string)")
        return result

    return rule


def _dates(result: str, *parts: str) -> Callable[[exp.Expr], str]:
    def rule(node: exp.Expr) -> str:
        for part in parts or ("this",):
            value = node.args[part]
            if kind(value) not in ("date", "timestamp_ntz", NULL):
                raise Unfit(f"{_called(node)} takes a date, not {kind(value)}", "write cast(… as date)")
        return result

    return rule


def _all(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _called(node: exp.Expr) -> str:
    return node.sql_name().lower() if isinstance(node, exp.Func) else node.key


def _compared(node: exp.Expr) -> str:
    check_comparable([node.this, node.expression])
    return "boolean"


def check_comparable(values: Sequence[exp.Expr]) -> None:
    """Raises `Unfit` unless all values are of one family; a date may be compared with its text written out."""
    families = {family(kind(value)) for value in values} - {NULL}
    if families == {"date", "string"} and all(
        kind(value) == "date" or (isinstance(value, exp.Literal) and LITERAL_DATE.fullmatch(value.name))
        for value in values
        if kind(value) != NULL
    ):
        return
    if len(families) > 1:
        raise Unfit(
            f"{' and '.join(sorted({kind(value) for value in values} - {NULL}))} cannot be compared",
            "cast one to the type of the other",
        )


def _between(node: exp.Expr) -> str:
    check_comparable([node.this, node.args["low"], node.args["high"]])
    return "boolean"


def _in(node: exp.Expr) -> str:
    values = [node.this, *node.expressions]
    query = node.args.get("query")
    check_comparable([*values, query] if query is not None else values)
    return "boolean"


def _arithmetic(node: exp.Expr) -> str:
    left, right = kind(node.this), kind(node.expression)
    whole = isinstance(node, exp.Add | exp.Sub)
    if whole and left == "date" and right in INTEGERS:
        return "date"
    if isinstance(node, exp.Sub) and left == right == "date":
        raise Unfit("the difference of two dates is another thing on each engine", "write datediff(later, earlier)")
    for type_ in (left, right):
        if family(type_) != "number":
            raise Unfit(f"numbers are wanted here, not {type_}", "write cast(… as decimal(18,2))")
    if left in INTEGERS and right in INTEGERS:
        return common([left, right])
    (p1, s1), (p2, s2) = as_digits(node.this, left), as_digits(node.expression, right)
    if isinstance(node, exp.Mul):
        return _bounded(p1 + p2 + 1, s1 + s2)
    scale = max(s1, s2)
    if isinstance(node, exp.Mod):
        return _bounded(min(p1 - s1, p2 - s2) + scale, scale)
    return _bounded(max(p1 - s1, p2 - s2) + scale + 1, scale)


QUOTIENT_DIGITS = 37
"""Digits of a quotient that fit into the 128 bits in which DuckDB divides, twice the numerator included."""

QUOTIENT_SCALE = 18


def _divided(node: exp.Expr) -> str:
    left, right = kind(node.this), kind(node.expression)
    if left in INTEGERS and right in INTEGERS:
        raise Unfit("the quotient of two whole numbers is a double", "cast one of them to a decimal(18,2)")
    for type_ in (left, right):
        if family(type_) != "number":
            raise Unfit(f"numbers are wanted here, not {type_}", "write cast(… as decimal(18,2))")
    (p1, s1), (p2, s2) = as_digits(node.this, left), as_digits(node.expression, right)
    scale = max(6, s1 + p2 + 1)
    precision = p1 - s1 + s2 + scale
    if precision > QUOTIENT_DIGITS or scale > QUOTIENT_SCALE:
        raise Unfit(
            f"the quotient of {decimal(p1, s1)} and {decimal(p2, s2)} has {precision} digits, {scale} of them behind"
            f" the point; up to {QUOTIENT_DIGITS} and {QUOTIENT_SCALE} are exact",
            "cast both to fewer digits first, as in cast(sum(valor) as decimal(17,2)) / cast(count(*) as decimal(9,0))",
        )
    return decimal(precision, scale)


def _summed(node: exp.Expr) -> str:
    type_ = kind(node.this)
    if type_ in INTEGERS:
        return "bigint"
    digits = digits_of(type_)
    if digits is None:
        raise Unfit(f"sum takes numbers, not {type_}", "write sum(cast(… as decimal(18,2)))")
    return decimal(min(digits[0] + 10, MAX_DIGITS), digits[1])


def _averaged(node: exp.Expr) -> str:
    digits = digits_of(kind(node.this))
    if digits is None:
        raise Unfit(f"avg of {kind(node.this)} is a double", "write avg(cast(… as decimal(18,2)))")
    precision, scale = digits
    if precision + 14 > QUOTIENT_DIGITS or scale + 4 > QUOTIENT_SCALE:
        raise Unfit(f"avg of {decimal(precision, scale)} has too many digits", "cast it to fewer, as decimal(17,2)")
    return decimal(precision + 4, scale + 4)


def _rounded(node: exp.Expr) -> str:
    type_ = kind(node.this)
    if type_ in INTEGERS or type_ == NULL:
        return type_
    digits = digits_of(type_)
    if digits is None:
        raise Unfit(f"round takes numbers, not {type_}", "write cast(… as decimal(18,2))")
    decimals = node.args.get("decimals")
    scale = min(digits[1], int(decimals.name) if decimals is not None else 0)
    return decimal(min(digits[0] - digits[1] + 1 + scale, MAX_DIGITS), scale)


def _whole(node: exp.Expr) -> str:
    type_ = kind(node.this)
    if type_ in INTEGERS:
        return "bigint"
    digits = digits_of(type_)
    if digits is None:
        raise Unfit(f"{_called(node)} takes numbers, not {type_}", "write cast(… as decimal(18,2))")
    return decimal(digits[0] - digits[1] + 1, 0) if digits[1] else type_


def _number(node: exp.Expr) -> str:
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and node.this.name == str(1 << 31):
        return "int"  # the smallest one: Spark reads a number with its sign
    if family(kind(node.this)) not in ("number", NULL):
        raise Unfit(f"{_called(node) if isinstance(node, exp.Abs) else '-'} takes a number, not {kind(node.this)}")
    return kind(node.this)


def _coalesced(node: exp.Expr) -> str:
    return common([kind(node.this), *map(kind, node.expressions)])


def _case(node: exp.Expr) -> str:
    branches = [kind(branch.args["true"]) for branch in node.args["ifs"]]
    if node.this is not None:
        check_comparable([node.this, *(branch.this for branch in node.args["ifs"])])
    default = node.args.get("default")
    return common([*branches, kind(default)] if default is not None else branches)


def _if(node: exp.Expr) -> str:
    if isinstance(node.parent, exp.Case):
        return kind(node.args["true"])
    other = node.args.get("false")
    return common([kind(node.args["true"]), kind(other)])


def _nullif(node: exp.Expr) -> str:
    check_comparable([node.this, node.expression])
    return kind(node.this)


def _shifted(node: exp.Expr) -> str:
    default = node.args.get("default")
    if default is not None and kind(default) not in (kind(node.this), NULL):
        raise Unfit(f"the default of {_called(node)} is {kind(default)}, its column {kind(node.this)}", "cast one")
    return kind(node.this)


def _distinct(node: exp.Expr) -> str:
    return kind(node.expressions[0]) if len(node.expressions) == 1 else ""  # select distinct has no type


_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_TIME = "([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9]([.][0-9]{1,6})?)?"
_TRUTHS = ("t", "true", "y", "yes", "1", "f", "false", "n", "no", "0")
_WHOLE_NUMBER = ("0123456789+-", "[+-]?[0-9]+")

FORMS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(INTEGERS, _WHOLE_NUMBER),
    "decimal": ("0123456789+-.", "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"),
    "date": ("0123456789-", _DAY),
    "timestamp_ntz": ("0123456789-:. T", f"{_DAY}([ T]{_TIME})?"),
    "boolean": (
        "truefalsynoTRUEFALSYNO01",
        "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in _TRUTHS),
    ),
}
"""Type -> the letters of which text for it is made, and the form in which it is written: a pattern of every engine."""

_CASTS = {
    "string": ("string", "number", "date", "timestamp_ntz", "boolean"),
    "number": ("string", "number"),
    "date": ("string", "date", "timestamp_ntz"),
    "timestamp_ntz": ("string", "date", "timestamp_ntz"),
    "boolean": ("string", "number", "boolean"),
}
"""What may be cast to what, by family."""


def _cast(node: exp.Expr) -> str:
    to, value = spelled(node.args["to"]), node.this
    if kind(value) != NULL and family(kind(value)) not in _CASTS[family(to)]:
        raise Unfit(f"{kind(value)} cannot be cast to {to}", "say it with case when … then … end")
    if isinstance(value, exp.Literal) and value.is_string:
        form = FORMS.get("decimal" if digits_of(to) else to)
        if form is not None and not re.fullmatch(form[1], value.name):
            raise Unfit(f"'{value.name}' is not how {to} is written", "such as 2026-01-31, 2026-01-31 10:00:00, 12.50")
    return to


def _wanted(result: str, *families: str) -> Callable[[exp.Expr], str]:
    """A function whose operand is of one of these families."""

    def rule(node: exp.Expr) -> str:
        if family(kind(node.this)) not in (*families, NULL):
            raise Unfit(f"{_called(node)} takes {' or '.join(families)}, not {kind(node.this)}")
        return result

    return rule


_BOOLEANS = (exp.And, exp.Or, exp.Not, exp.Is, exp.Exists, exp.Boolean)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)

RULES: dict[type[exp.Expr], Callable[[exp.Expr], str]] = {
    **dict.fromkeys(_BOOLEANS, _is("boolean")),
    **dict.fromkeys(_COMPARISONS, _compared),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), _arithmetic),
    **dict.fromkeys((exp.Paren, exp.Alias, exp.Ordered, exp.Min, exp.Max, exp.Window, exp.Filter), _same),
    # sqlglot wraps the argument of year(…), date_format(…) and their kind in these
    **dict.fromkeys((exp.TsOrDsToDate, exp.TimeStrToTime), _same),
    **dict.fromkeys((exp.Cast, exp.TryCast), _cast),
    **dict.fromkeys((exp.Upper, exp.Lower, exp.Translate, exp.MD5, exp.SHA2, exp.Substring, exp.Pad), _text()),
    **dict.fromkeys((exp.Left, exp.Right, exp.Repeat), _text()),
    **dict.fromkeys((exp.RegexpReplace, exp.RegexpExtract), _text("this", "expression")),
    **dict.fromkeys((exp.StartsWith, exp.EndsWith, exp.Contains), _over_texts("boolean", "this", "expression")),
    **dict.fromkeys((exp.Year, exp.Month, exp.Day, exp.DayOfMonth, exp.WeekOfYear), _dates("int")),
    **dict.fromkeys((exp.Quarter, exp.DayOfYear, exp.DayOfWeek), _dates("int")),
    **dict.fromkeys((exp.Hour, exp.Minute, exp.Second), _wanted("int", "timestamp_ntz")),
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank), _is("int")),
    **dict.fromkeys((exp.Greatest, exp.Least, exp.Coalesce), _coalesced),
    **dict.fromkeys((exp.Floor, exp.Ceil), _whole),
    **dict.fromkeys((exp.Neg, exp.Abs), _number),
    **dict.fromkeys((exp.Lag, exp.Lead), _shifted),
    **dict.fromkeys((exp.Concat, exp.ConcatWs, exp.DPipe), _is("string")),
    exp.Null: _is(NULL),
    exp.Literal: _literal,
    exp.Div: _divided,
    exp.Between: _between,
    exp.In: _in,
    exp.Like: _over_texts("boolean", "this", "expression"),
    exp.RegexpLike: _over_texts("boolean", "this", "expression"),
    exp.Case: _case,
    exp.If: _if,
    exp.Round: _rounded,
    exp.Nullif: _nullif,
    exp.Trim: _text("this", "expression"),
    exp.Replace: _text("this", "expression", "replacement"),
    exp.Length: _over_texts("int"),
    exp.StrPosition: _over_texts("int", "this", "substr"),
    exp.LastDay: _dates("date"),
    exp.AddMonths: _dates("date"),
    exp.TsOrDsAdd: _dates("date"),
    exp.DateDiff: _dates("int", "this", "expression"),
    exp.TimeToStr: _dates("string"),
    exp.DateTrunc: _dates("date"),
    exp.Nvl2: _if,
    exp.Count: _is("bigint"),
    exp.CountIf: _wanted("bigint", "boolean"),
    exp.Distinct: _distinct,
    exp.Sum: _summed,
    exp.Avg: _averaged,
}
"""Node -> the rule that gives its type, once those of its parts are known. Nodes that are no values are not here."""

"""What to write instead of the SQL that is refused, by the word that a person wrote."""

from __future__ import annotations

import difflib

from sqlglot import exp

CLAUSES: dict[str, str] = {
    "laterals": "lateral view",
    "sample": "tablesample",
    "pivots": "pivot",
    "hint": "/*+ … */",
    "sort": "sort by",
    "cluster": "cluster by",
    "distribute": "distribute by",
    "version": "version as of",
}

WORDS: dict[type[exp.Expr], str] = {
    exp.IntDiv: "div",
    exp.Interval: "interval",
    exp.CurrentDate: "current_date",
    exp.CurrentTimestamp: "current_timestamp",
    exp.Bracket: "[]",
    exp.Tuple: "(…, …)",
    exp.Dot: "a field of a struct",
    exp.Values: "values",
    exp.Escape: "like … escape",
    exp.ILike: "ilike",
}

_CLOCK = "a dataset must not depend on the clock: use a date of the data"
_CHANCE = "a repeated run must give the same dataset: use a column of the key"
_ORDER = "it depends on the order of the rows: use min, max, or row_number() over (… order by …)"
_RANKED = "row_number() over (partition by … order by …) and keep row 1"

INSTEAD: dict[str, str] = {
    "div": "use floor(a / b)",
    "interval": "write date_add(d, 1) or add_months(d, 1)",
    "limit": "a dataset is whole: say in where which rows belong to it",
    "offset": "a dataset is whole: say in where which rows belong to it",
    "tablesample": _CHANCE,
    "rand": _CHANCE,
    "uuid": _CHANCE,
    "monotonically_increasing_id": _CHANCE,
    "current_date": _CLOCK,
    "current_timestamp": _CLOCK,
    "now": _CLOCK,
    "first": _ORDER,
    "last": _ORDER,
    "first_value": _ORDER,
    "any_value": _ORDER,
    "collect_list": _ORDER,
    "max_by": _RANKED,
    "min_by": _RANKED,
    "weekday": "engines count from another day: join a table of days, or use datediff(d, date '2000-01-03') % 7",
    "date_trunc": "write trunc(d, 'MM')",
    "months_between": "it is a double: use year(…) * 12 + month(…)",
    "bround": "use round, which rounds half away from zero",
    "hash": "engines hash differently: use sha2(column, 256)",
    "xxhash64": "engines hash differently: use sha2(column, 256)",
    "crc32": "engines hash differently: use sha2(column, 256)",
    "format_number": "publish the number; format it where it is shown",
    "format_string": "use concat and lpad",
    "printf": "use concat and lpad",
    "to_json": "give the columns themselves",
    "isnull": "write … is null",
    "isnotnull": "write … is not null",
    "iff": "write if(…, …, …)",
    "double": "write decimal(18,2), or as many digits as are needed",
    "float": "write decimal(18,2), or as many digits as are needed",
    "varchar": "write string",
    "char": "write string",
    "timestamp": "write timestamp_ntz: it has no zone, as in the file",
    "timestamptz": "write timestamp_ntz: it has no zone, as in the file",
    "[]": "lists are not supported in datasets yet",
    "lateral view": "lists are not supported in datasets yet",
    "explode": "lists are not supported in datasets yet",
    "ilike": "write lower(column) like '…'",
}


FUNCTIONS = """
    concat concat_ws upper lower trim ltrim rtrim length substring left right lpad rpad repeat replace translate
    instr locate startswith endswith contains regexp_replace regexp_extract md5 sha2 abs round floor ceil
    greatest least coalesce nvl nvl2 nullif if year quarter month day weekofyear dayofyear dayofweek hour minute
    second date_add date_sub add_months last_day datediff trunc date_format count count_if sum avg min max
    row_number rank dense_rank lag lead
"""
"""The functions that docs/sql.md allows: what a misspelt one may have meant."""


def instead_of(name: str) -> str:
    """What to write instead of what is not allowed; empty where nothing is known."""
    close = difflib.get_close_matches(name, FUNCTIONS.split(), n=2, cutoff=0.75)
    return INSTEAD.get(name, "") or (f"did you mean {' or '.join(close)}?" if close else "")

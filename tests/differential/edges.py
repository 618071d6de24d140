"""Expressions at the edges of what engines agree about, one by one: none of them fails."""

from __future__ import annotations

_TEXTS = (
    *("2026-01-05", "2026-1-5", "2026", "2026-01", " 2026-01-05 ", "2026-01-05 10:00:00", "20260105", "2026-13-01"),
    *(
        "05/01/2026",
        "",
        "+2026-01-05",
        "0000-00-00",
        "10000-01-01",
        "2026/01/05",
        "infinity",
        "today",
        "2026-01-05 10:00",
    ),
    *(
        "2026-01-05 10:00:00.123456",
        "2026-01-05 24:00:00",
        "2026-01-05T10:00:00",
        "2026-01-05 1:2:3",
        "1.5",
        " 12 ",
        "1e3",
    ),
    *("+5", ".5", "12.", "abc", "1,5", "-0", "0x10", "1_000", "12a", "NaN", "1.005", "- 5", "123456789012.345", "t"),
    *("TRUE", " true ", "y", "no", "on", "2", "0"),
)
_TYPES = ("date", "timestamp_ntz", "decimal(10,2)", "int", "bigint", "boolean")


def _cast_of(text: str, type_: str) -> str:
    return f"try_cast(concat('{text}', '') as {type_})"  # a text that is written out is checked before it runs


EDGES = (
    *(_cast_of(text, type_) for text in _TEXTS for type_ in _TYPES),
    # letters
    *("upper('São João ß ÿ')", "lower('ÀÉÎÕÜÇ ẞ')", "length('e\u0301')", "length('😀')", "substring('😀é', 1, 1)"),
    *("substring('abc', 2, 0)", "substring('abc', 5, 2)", "trim('\u00a0a ')", "trim(leading 'x' from 'xxaxx')"),
    *("trim(both 'xy' from 'xyaxy')", "rtrim('a  ')", "lpad('', 3, 'ab')", "lpad('é', 3, 'ç')", "rpad('é', 3, 'ç')"),
    *("rpad('abcdef', 3, '0')", "lpad('abc', 0, 'x')", "lpad(cast(null as string), 3, 'x')", "replace('abc', '', 'x')"),
    *("replace('abc', 'b', '')", "translate('áéí', 'áé', 'ae')", "translate('abc', 'abc', 'x')", "instr('abc', '')"),
    *("instr('', 'a')", "locate('é', 'café')", "concat_ws(',', cast(null as string), 'a')", "concat_ws(',', '', 'a')"),
    *("concat_ws(cast(null as string), 'a', 'b')", "md5('é')", "sha2('', 256)", "left('abc', 9)", "right('éa', 1)"),
    *("repeat('', 2)", "'a%b' like 'a%'", "'aéb' like 'a_b'", "'' like ''", "'abc' rlike 'b'", "'aéc' rlike '^a.c$'"),
    *(
        "concat('abc', cast(null as string))",
        "concat(1, 2.50, true, date'2026-01-01')",
        "1 || 'a'",
        "'é' rlike '[a-z]'",
    ),
    *("'a' rlike ''", "'a.c' rlike 'a[.]c'", "'ab' rlike 'a|x'", "'aaa' rlike '^a{2,3}$'", "'a' < 'B'", "'á' < 'b'"),
    *("greatest('a', 'B', 'á')", "least('', 'a')", "regexp_replace('a1b22', '[0-9]+', '#')", "'x' = 'X'"),
    *("regexp_extract('id=42;', 'id=([0-9]+)', 1)", "regexp_extract('x', 'id=([0-9]+)', 1)", "startswith('a', '')"),
    # line ends within patterns
    *("concat('abc', '\n') rlike 'c$'", "concat('a', '\n', 'c') rlike 'a.c'", "concat('a', '\r', 'c') rlike 'a.c'"),
    *("concat('a', '\u2028', 'c') rlike 'a.c'", "concat('abc', '\r\n') rlike 'c$'", "concat('a', '\n') like 'a_'"),
    # numbers
    *(
        "round(2.5)",
        "round(-2.5)",
        "round(1.005, 2)",
        "round(-0.5)",
        "round(5)",
        "round(2.5, 5)",
        "floor(-1.5)",
        "ceil(1.2)",
    ),
    *("floor(5)", "ceil(-5)", "floor(cast(-9007199254740993 as bigint))", "abs(-1.5)", "-(-5)", "5 % -3", "-5 % 3"),
    *("5.5 % 2", "-5.5 % 2.25", "1.5 * 2", "1.25 * 1.25", "0.1 + 0.2", "1 - 0.9", "2147483648 + 1", "-2147483648"),
    *(
        "10 / 4.0",
        "1.0 / 3",
        "-1.0 / 3",
        "2.0 / 3",
        "-2.0 / 3",
        "1 / 3.0",
        "1.5 / -0.5",
        "0.5 / 100",
        "0.0 / 7",
        "7.0 / 2",
    ),
    "cast(10.00 as decimal(15,2)) / cast(3.00 as decimal(15,2))",
    "cast(-10.00 as decimal(15,2)) / cast(3.00 as decimal(15,2))",
    "cast(99999999999.99 as decimal(13,2)) / cast(0.01 as decimal(3,2))",
    "cast(1 as decimal(18,0)) / cast(3 as decimal(9,0))",
    "cast(0.005 as decimal(10,3)) / cast(10 as decimal(3,0))",
    *("cast(12.7 as int)", "cast(-12.7 as int)", "cast(12.5 as bigint)", "try_cast(99999999999.5 as int)"),
    *("cast(1.005 as decimal(5,2))", "cast(-1.005 as decimal(5,2))", "try_cast(123456.789 as decimal(5,2))"),
    *("cast(0.0000001 as string)", "cast(cast(0 as decimal(10,8)) as string)", "cast(-0.50 as string)"),
    *("coalesce(null, 1, 2)", "coalesce(1, 2.5)", "greatest(1, 2.5)", "least(1.10, 1)", "greatest(1, null, 3)"),
    *(
        "nullif(1, 1.0)",
        "1 = 1.0",
        "1 in (1.0, 2)",
        "1 in (2, null)",
        "1 not in (2, null)",
        "null <=> null",
        "1 <=> null",
    ),
    *("true and null", "false or null", "1 between null and 2", "cast(2 as boolean)", "cast(1.5 as boolean)"),
    # days
    *("year(date'0001-01-01')", "month(timestamp_ntz'2026-12-31 23:00:00')", "day(date'2024-02-29')"),
    *("weekofyear(date'2021-01-03')", "weekofyear(date'2020-12-31')", "weekofyear(date'2018-12-31')"),
    *("dayofweek(date'2024-05-05')", "dayofweek(date'2024-05-04')", "quarter(date'2024-12-31')"),
    *(
        "last_day(timestamp_ntz'2024-02-10 10:00:00')",
        "add_months(date'2024-01-31', 1)",
        "add_months(date'2024-02-29', 12)",
    ),
    *("add_months(date'2024-04-30', 1)", "add_months(timestamp_ntz'2024-04-30 10:00:00', 1)"),
    *("date_add(date'2024-02-28', -60)", "date_add(timestamp_ntz'2024-03-01 10:00:00', 1)", "date'2024-01-01' - 5"),
    "datediff(timestamp_ntz'2024-03-02 00:00:00', timestamp_ntz'2024-03-01 23:59:59')",
    *("date_format(date'0999-01-05', 'yyyy-MM-dd')", "date_format(date'2024-01-05', 'yy')"),
    *(f"trunc(date'2024-12-31', '{unit}')" for unit in ("YEAR", "QUARTER", "MONTH", "MM", "WEEK")),
    *("cast(timestamp_ntz'2026-01-05 10:00:00.5' as string)", "cast(timestamp_ntz'2026-01-05 00:00:00' as string)"),
    *("cast(timestamp_ntz'2026-01-05 23:59:59' as date)", "cast(date'2026-01-05' as timestamp_ntz)"),
    *("cast(date'0999-01-05' as string)", "date'2024-01-01' = '2024-01-01'", "'2023-12-31' < date'2024-01-01'"),
)

# ruff: noqa: S608 - making SQL of texts is what this file is for
"""Queries made by chance from a seed: expressions of every type, of every function on the list, in every shape."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

Make = Callable[["Generator", int], str]

INT, BIG, DEC, TEXT, DATE, MOMENT, BOOL = "int", "bigint", "decimal", "string", "date", "timestamp", "boolean"
TYPES = (INT, BIG, DEC, TEXT, DATE, MOMENT, BOOL)

COLUMNS = {
    INT: ["t.n", "u.k"],
    BIG: ["t.id", "t.big", "u.id"],
    DEC: ["t.valor", "t.taxa", "u.preco"],
    TEXT: ["t.nome", "t.codigo", "u.nome", "u.codigo"],
    DATE: ["t.inicio", "t.fim", "u.dia"],
    MOMENT: ["t.em"],
    BOOL: ["t.ativo"],
}
LITERALS = {
    INT: ["0", "1", "2", "-3", "7", "100"],
    BIG: ["3000000000", "-5000000000", "cast(1 as bigint)"],
    DEC: ["1.5", "-0.25", "100.00", "0.333", "cast(2 as decimal(5,2))"],
    TEXT: ["'a'", "'São'", "''", "'x''y'", "'0001'", "'ß'"],
    DATE: ["date'2024-02-29'", "date'2024-01-31'", "date'2000-01-01'"],
    MOMENT: ["timestamp_ntz'2024-02-29 10:11:12'", "timestamp_ntz'2000-01-01 00:00:00'"],
    BOOL: ["true", "false"],
}


FILLS = ("'0'", "'çx'")


class Generator:
    """Makes queries over `t` and `u`; the same seed makes the same queries."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.tables = ["t"]
        self._waiting: dict[str, list[Make]] = {}

    def value(self, type_: str, depth: int) -> str:
        """An expression of a type, at most `depth` functions deep; every form of a type comes before one again."""
        if depth <= 0 or self.chance.random() < 0.15:
            columns = [name for name in COLUMNS[type_] if name[0] in self.tables]
            return self.chance.choice(columns) if columns and self.chance.random() < 0.8 else self._literal(type_)
        waiting = self._waiting.setdefault(type_, [])
        if not waiting:
            waiting.extend(self.chance.sample(FORMS[type_], len(FORMS[type_])))
        return waiting.pop()(self, depth - 1)

    def _literal(self, type_: str) -> str:
        return self.chance.choice(LITERALS[type_])

    def one_of(self, *choices: str) -> str:
        """One of several words."""
        return self.chance.choice(choices)

    def condition(self) -> str:
        """A condition of rows, sometimes with a query that rows are looked for in."""
        looked = "t.codigo {}in (select s.codigo from u as s where s.k > {})"
        more = looked.format(self.one_of("", "not "), self.one_of("0", "2"))
        return self.one_of("", "", f"{more} and ") + self.value(BOOL, 2)

    def query(self) -> str:
        """A query of one of the shapes."""
        shape = SHAPES[self.chance.randrange(len(SHAPES))]
        return shape(self)

    def columns(self, how_many: int, depth: int = 3) -> str:
        """Named expressions."""
        types = [self.chance.choice(TYPES) for _ in range(how_many)]
        return ", ".join(f"{self.value(type_, depth)} as c{number}" for number, type_ in enumerate(types))


def _two(form: str, type_: str, other: str = "") -> Make:
    return lambda g, d: form.format(g.value(type_, d), g.value(other or type_, d))


def _one(form: str, type_: str) -> Make:
    return lambda g, d: form.format(g.value(type_, d))


def _shared(type_: str) -> list[Make]:
    """What every type has."""
    return [
        _two("coalesce({}, {})", type_),
        lambda g, d: f"{g.one_of('nvl', 'ifnull')}({g.value(type_, d)}, {g.value(type_, d)})",
        _two("nullif({}, {})", type_),
        lambda g, d: f"if({g.value(BOOL, d)}, {g.value(type_, d)}, {g.value(type_, d)})",
        lambda g, d: f"nvl2({g.value(TEXT, d)}, {g.value(type_, d)}, {g.value(type_, d)})",
        lambda g, d: f"case when {g.value(BOOL, d)} then {g.value(type_, d)} else {g.value(type_, d)} end",
        lambda g, d: f"case {g.value(INT, d)} when 1 then {g.value(type_, d)} when 2 then {g.value(type_, d)} end",
    ]


def _ordered(type_: str) -> list[Make]:
    """What every type with an order has."""
    return [_two("greatest({}, {})", type_), _two("least({}, {})", type_)]


def _date_int(name: str) -> Make:
    return _one(f"{name}({{}})", DATE)


FORMS: dict[str, list[Make]] = {
    INT: [
        *_shared(INT),
        *_ordered(INT),
        lambda g, d: f"({g.value(INT, d)} {g.one_of('+', '-')} {g.value(INT, d)})",
        lambda g, _d: f"({g.value(INT, 0)} * {g._literal(INT)})",  # noqa: SLF001 - its own
        lambda g, d: f"({g.value(INT, d)} % {g.one_of('2', '3', '-5', '7')})",
        _one("abs({})", INT),
        _one("-({})", INT),
        _one("length({})", TEXT),
        lambda g, d: f"{g.one_of('char_length', 'character_length', 'len')}({g.value(TEXT, d)})",
        _two("instr({}, {})", TEXT),
        _two("locate({}, {})", TEXT),
        *map(_date_int, ("year", "month", "day", "dayofmonth", "weekofyear", "quarter", "dayofyear", "dayofweek")),
        *(_one(f"{name}({{}})", MOMENT) for name in ("hour", "minute", "second", "year")),
        _two("datediff({}, {})", DATE),
        lambda g, d: f"cast({g.value(DEC, d)} % 1000 as int)",
        lambda _g, _: "try_cast(t.numero as int)",
        _one("round({})", INT),
    ],
    BIG: [
        *_shared(BIG),
        *_ordered(BIG),
        _two("({} + {})", BIG, INT),
        _two("({} - {})", BIG),
        _one("floor({})", INT),
        _one("ceil({})", BIG),
        lambda g, d: f"cast({g.value(DEC, d)} as bigint)",
        lambda g, d: f"cast({g.value(INT, d)} as bigint)",
        lambda _g, _: "try_cast(t.numero as bigint)",
        lambda _g, _: "(select count(*) from u as s where s.id = t.id)",
    ],
    DEC: [
        *_shared(DEC),
        *_ordered(DEC),
        _two("({} + {})", DEC),
        _two("({} - {})", DEC, INT),
        lambda g, _d: f"({g.value(DEC, 0)} * {g.value(DEC, 0)})",
        lambda g, _d: f"({g.value(DEC, 0)} % {g.one_of('7', '2.5', '-0.3')})",
        lambda g, _d: f"({g.value(DEC, 0)} / {g.one_of('3', '-7', '0.3', '12.50', '100')})",
        lambda g, _d: f"({g.value(DEC, 0)} / nullif({g.value(DEC, 0)}, 0))",
        lambda g, d: f"(cast({g.value(INT, d)} as decimal(9,0)) / {g.one_of('3', '8', '7.5')})",
        lambda g, d: f"round({g.value(DEC, d)}, {g.one_of('0', '1', '2', '3')})",
        _one("floor({})", DEC),
        _one("ceil({})", DEC),
        _one("abs({})", DEC),
        _one("-({})", DEC),
        lambda g, d: f"cast({g.value(INT, d)} as decimal(12,2))",
        lambda g, d: f"try_cast({g.value(DEC, d)} as decimal(6,1))",
        lambda _g, _: "try_cast(t.numero as decimal(10,2))",
        lambda _g, _: "(select max(s.preco) from u as s where s.id = t.id)",
    ],
    TEXT: [
        *_shared(TEXT),
        *_ordered(TEXT),
        lambda g, d: f"{g.one_of('upper', 'lower', 'ucase', 'lcase')}({g.value(TEXT, d)})",
        lambda g, d: f"{g.one_of('trim', 'ltrim', 'rtrim')}(concat(' ', {g.value(TEXT, d)}, '  '))",
        lambda g, d: f"trim({g.one_of('both', 'leading', 'trailing')} 'a' from {g.value(TEXT, d)})",
        lambda g, d: (
            f"{g.one_of('substring', 'substr')}({g.value(TEXT, d)}, {g.one_of('1', '2')}, {g.one_of('0', '1', '3')})"
        ),
        _one("substring({}, 2)", TEXT),
        lambda g, d: f"{g.one_of('left', 'right')}({g.value(TEXT, d)}, {g.one_of('1', '3')})",
        lambda g, d: f"lpad({g.value(TEXT, d)}, {g.one_of('0', '4', '9')}, {g.one_of(*FILLS)})",
        _one("rpad({}, 6, 'é')", TEXT),
        _one("repeat({}, 2)", TEXT),
        _one("replace({}, 'a', 'ã')", TEXT),
        _one("translate({}, 'aeã', 'AE')", TEXT),
        _one("regexp_replace({}, '[aã]+', '*')", TEXT),
        _one("regexp_extract({}, '([a-z]+) ?(.)', 2)", TEXT),
        _two("concat({}, {})", TEXT),
        lambda g, d: f"concat({g.value(TEXT, d)}, {g.value(DEC, d)}, {g.value(DATE, d)})",
        lambda g, d: f"({g.value(TEXT, d)} || {g.value(INT, d)})",
        _two("concat_ws('-', {}, {}, 'z')", TEXT),
        _one("md5({})", TEXT),
        _one("sha2({}, 256)", TEXT),
        lambda g, d: f"cast({g.value(g.one_of(INT, BIG, DEC, DATE, MOMENT, BOOL), d)} as string)",
        _one("date_format({}, 'dd/MM/yyyy')", DATE),
        _one("date_format({}, 'yyyy-MM-dd HH:mm:ss')", MOMENT),
    ],
    DATE: [
        *_shared(DATE),
        *_ordered(DATE),
        lambda g, d: f"{g.one_of('date_add', 'date_sub')}({g.value(DATE, d)}, {g.one_of('0', '1', '-31', '365')})",
        lambda g, d: f"add_months({g.value(DATE, d)}, {g.one_of('1', '-1', '12', '0')})",
        lambda g, d: f"({g.value(DATE, d)} {g.one_of('+', '-')} {g.one_of('1', '30')})",
        _one("last_day({})", DATE),
        lambda g, d: f"trunc({g.value(DATE, d)}, '{g.one_of('YEAR', 'QUARTER', 'MONTH', 'MM', 'WEEK')}')",
        _one("cast({} as date)", MOMENT),
        lambda _g, _: "try_cast(t.numero as date)",
        _one("cast(cast({} as string) as date)", DATE),
    ],
    MOMENT: [
        *_shared(MOMENT),
        *_ordered(MOMENT),
        _one("cast({} as timestamp_ntz)", DATE),
        lambda _g, _: "try_cast(t.numero as timestamp_ntz)",
    ],
    BOOL: [
        *_shared(BOOL),
        lambda g, d: _compared(g, d, g.one_of("=", "<>", "<", "<=", ">", ">=", "<=>")),
        lambda g, d: _compared(g, d, g.one_of("=", "<>", "<", "<=", ">", ">=", "<=>")),
        lambda g, d: f"({g.value(BOOL, d)} {g.one_of('and', 'or')} {g.value(BOOL, d)})",
        _one("(not {})", BOOL),
        lambda g, d: f"({g.value(g.one_of(*TYPES), d)} is {g.one_of('', 'not ')}null)",
        lambda g, d: f"({g.value(INT, d)} in (1, 2, null))",
        lambda g, d: f"({g.value(TEXT, d)} not in ('a', 'Zé'))",
        lambda g, d: f"({g.value(DEC, d)} between -1 and {g.value(INT, d)})",
        lambda g, d: f"({g.value(TEXT, d)} like '{g.one_of('%a%', 'S_o%', '', '%', 'z_b%')}')",
        lambda g, d: f"({g.value(TEXT, d)} rlike '{g.one_of('^[A-Z]', 'ã', 'a.+o$', '^$', '[0-9]{2,}')}')",
        _two("startswith({}, {})", TEXT),
        _two("endswith({}, {})", TEXT),
        _two("contains({}, {})", TEXT),
        lambda _g, _: "try_cast(t.numero as boolean)",
        lambda _g, _: "exists (select 1 from u as s where s.codigo = t.codigo and s.k > 1)",
        _one("({} >= '2024-01-31')", DATE),
    ],
}


def _compared(g: Generator, depth: int, operator: str) -> str:
    type_ = g.one_of(*TYPES)
    return f"({g.value(type_, depth)} {operator} {g.value(type_, depth)})"


# --- shapes -----------------------------------------------------------------------------------------------------------


def _rows(g: Generator) -> str:
    g.tables = ["t"]
    return f"select t.id as id, {g.columns(5)} from t where {g.condition()}"


def _join(g: Generator) -> str:
    g.tables = ["t", "u"]
    side = g.one_of("join", "left join", "full join", "right join")
    on = g.one_of("t.id = u.id", "t.codigo = u.codigo", "t.n = u.k and t.inicio <= u.dia")
    return f"select t.id as a, u.id as b, {g.columns(3)} from t {side} u on {on}"


def _using(g: Generator) -> str:
    g.tables = ["t", "u"]
    side = g.one_of("join", "left join", "full join")
    return f"select {g.one_of('id', 'codigo')} as chave, {g.columns(2, 2)} from t {side} u using ({'id, codigo'})"


def _semi(g: Generator) -> str:
    g.tables = ["t"]
    return f"select t.id as id, {g.columns(2)} from t left {g.one_of('semi', 'anti')} join u on t.codigo = u.codigo"


AGGREGATES: list[Callable[[Generator], str]] = [
    lambda _g: "count(*)",
    lambda g: f"count({g.value(g.one_of(*TYPES), 1)})",
    lambda g: f"count(distinct {g.value(g.one_of(TEXT, DATE, DEC), 1)})",
    lambda g: f"count_if({g.value(BOOL, 1)})",
    lambda g: f"sum({g.value(INT, 1)})",
    lambda g: f"sum({g.value(DEC, 1)})",
    lambda g: f"sum(distinct {g.value(DEC, 0)})",
    lambda g: f"avg({g.value(DEC, 0)})",
    lambda g: f"avg(distinct {g.value(DEC, 0)})",
    lambda g: f"min({g.value(g.one_of(*TYPES), 1)})",
    lambda g: f"max({g.value(g.one_of(*TYPES), 1)})",
    lambda g: f"sum({g.value(DEC, 0)}) filter (where {g.value(BOOL, 1)})",
    lambda g: f"count(*) filter (where {g.value(BOOL, 1)})",
    lambda g: f"cast(sum({g.value(DEC, 0)}) as decimal(17,2)) / cast(count(*) as decimal(9,0))",
    lambda _g: "max(t.valor) - min(t.valor)",
]


def _grouped(g: Generator) -> str:
    g.tables = ["t"]
    key = g.value(g.one_of(TEXT, DATE, BOOL, INT), 1)
    made = ", ".join(f"{g.chance.choice(AGGREGATES)(g)} as c{number}" for number in range(4))
    having = g.one_of("", " having count(*) > 2", " having max(t.valor) > 0")
    return f"select {key} as k, {made} from t where {g.condition()} group by {g.one_of(key, '1')}{having}"


def _total(g: Generator) -> str:
    g.tables = ["t"]
    made = ", ".join(f"{g.chance.choice(AGGREGATES)(g)} as c{number}" for number in range(4))
    return f"select {made} from t"


OVER: list[str] = [
    "row_number() over (partition by t.codigo order by t.id)",
    "rank() over (partition by t.ativo order by t.valor)",
    "dense_rank() over (order by t.codigo desc, t.n)",
    "lag(t.nome) over (order by t.id)",
    "lead(t.valor, 2, cast(0 as decimal(15,2))) over (partition by t.codigo order by t.id desc)",
    "sum(t.valor) over (partition by t.codigo)",
    "sum(t.n) over (order by t.id rows between 2 preceding and current row)",
    "min(t.inicio) over (partition by t.codigo order by t.id rows between unbounded preceding and 1 following)",
    "max(t.nome) over (partition by t.ativo)",
    "count(t.taxa) over (partition by t.codigo)",
]


def _windows(g: Generator) -> str:
    g.tables = ["t"]
    made = ", ".join(f"{over} as w{number}" for number, over in enumerate(g.chance.sample(OVER, 4)))
    return f"select t.id as id, {made}, {g.columns(1)} from t where {g.value(BOOL, 1)}"


def _newest(g: Generator) -> str:
    g.tables = ["t"]
    return (
        "with numbered as (select t.*, row_number() over (partition by t.codigo order by t.inicio desc, t.id) as r"
        f" from t where {g.condition()}) select * from numbered where r = 1"
    )


def _named(g: Generator) -> str:
    g.tables = ["t"]
    inner = g.columns(2)
    outer = g.one_of("c0", "c1")
    return (
        f"with a as (select id, codigo, {inner} from t), b as (select codigo, count(*) as n, max(preco) as p from u"
        f" group by codigo) select a.id, {outer} as x, b.n, b.p from a left join b on b.codigo = a.codigo"
    )


def _set(g: Generator) -> str:
    g.tables = ["t"]
    word = g.one_of("union all", "union", "intersect", "except")
    types = [g.one_of(TEXT, DATE, INT) for _ in range(2)]
    left = ", ".join(f"{g.value(type_, 1)} as c{number}" for number, type_ in enumerate(types))
    g.tables = ["u"]
    right = ", ".join(f"{_simple(type_)} as d{number}" for number, type_ in enumerate(types))
    return f"select {left} from t {word} select {right} from u"


def _simple(type_: str) -> str:
    return {TEXT: "u.nome", DATE: "u.dia", INT: "u.k"}[type_]


def _distinct(g: Generator) -> str:
    g.tables = ["t"]
    return f"select distinct {g.columns(2, 1)} from t"


def _derived(g: Generator) -> str:
    g.tables = ["t"]
    return f"select x.*, upper(x.nome) as alto from (select * from t where {g.condition()}) x where x.id < 60"


SHAPES = [_rows, _rows, _rows, _join, _join, _using, _semi, _grouped, _grouped, _total, _windows, _newest, _named, _set]
SHAPES += [_distinct, _derived]

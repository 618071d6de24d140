"""Where in a dataset's SQL a value may have failed. Engines say what failed, but not where in a text of ours."""

from __future__ import annotations

import re

from sqlglot import exp

from posicional.sql.casts import unusual_column
from posicional.sql.duckdb_words import OTHER_LETTER
from posicional.sql.plan import Plan

TRY = "use try_cast where such values are expected, or a wider type"
SEVERAL_ROWS = "a query within the query gives several rows where one is wanted"

MOST = 3
"""So many places help; more say nothing."""

_CASTS = (exp.Cast, exp.TryCast)
_SUMS = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs, exp.Sum, exp.Round)
_KINDS: tuple[tuple[str, tuple[type[exp.Expr], ...]], ...] = (
    ("DIVIDE_BY_ZERO|ivision by zero", (exp.Div, exp.Mod)),
    ("SUBQUERY_TOO_MANY_ROWS|More than one row returned by a subquery", (exp.Subquery,)),
    (OTHER_LETTER, (exp.Upper, exp.Lower)),
    ("CAST_INVALID_INPUT|CANNOT_PARSE|Could not convert string|onversion Error: .*(date|timestamp|format)", _CASTS),
    ("Overflow in addition", (exp.Add, exp.Sum)),
    ("Overflow in subtraction", (exp.Sub,)),
    ("Overflow in multiplication", (exp.Mul,)),
    ("", (*_SUMS, exp.Div, *_CASTS)),
)
"""What engines' words have in them, and what may have failed then."""


def place_of(plan: Plan, said: str) -> str:
    """The file of a dataset's SQL, with line and column of all that may have failed as an engine has said.

    Without them where nothing or too much may have; a column that is cast to its declared type only is one of them.
    """
    query = plan.query
    kinds = next(kinds for words, kinds in _KINDS if re.search(words, said))
    column = unusual_column(said).lower()
    found = [
        node
        for node in query.tree.find_all(*kinds)
        if not (isinstance(node, exp.TryCast) and node.args.get("safe"))
        and (not column or column in (one.name.lower() for one in node.find_all(exp.Column)))
    ]
    if kinds[-1] in _CASTS and not column:
        found += [one for one in query.tree.selects if one.alias_or_name.lower() in plan.narrowed]
    places = sorted({query.place(node) for node in found})
    if not 0 < len(places) <= MOST:
        return query.path
    return f"{query.path}:{', '.join(f'{line}:{at}' for line, at in places)}"

"""Text that becomes a date, a number or a truth: only in the form in which it is usually written, on every engine.

Engines read text with a generosity of their own: `2026` is a day for Spark, `2026/01/05` for DuckDB; `1_000` is a
number for one, digits of full width for the other. So a text in another form fails a cast, and is null in a try_cast;
blanks around it do not matter.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from posicional.sql.types import FORMS, digits_of


def filled(text: str, dialect: str, **parts: exp.Expr) -> exp.Expr:
    """An expression in which the column `_name` stands for a part."""
    template: exp.Expr = sqlglot.parse_one(text, read=dialect)
    for column in list(template.find_all(exp.Column)):
        column.replace(parts[column.name.removeprefix("_")].copy())
    return template


def guard_casts(tree: exp.Query) -> bool:
    """Let casts of text take the usual form only, in place; False where there are none. Types must be known."""
    found = False
    for node in list(tree.find_all(exp.Cast)):
        value, to = node.this, str(node.meta.get("type", ""))
        if value.meta.get("type") != "string" or isinstance(value, exp.Literal):
            continue
        form = FORMS.get("decimal" if digits_of(to) else to)
        if form is not None:
            column = value.unnest().name if isinstance(value.unnest(), exp.Column) else ""
            node.set("this", filled(_guard(*form, column), "spark", value=value))
            found = True
    return found


UNUSUAL = "not in its usual form: "
"""How the text begins that no engine takes; the name of the column follows, where it is one."""


def unusual_column(message: str) -> str:
    """The column that an engine's message is about, if it could not take its text; empty otherwise."""
    found = re.search(rf"{UNUSUAL}(\w+)", message)
    return found[1] if found else ""


def _guard(letters: str, pattern: str, column: str) -> str:
    """Text of the form, else one that no engine takes. That there are no other letters keeps a line end out, too."""
    usual = f"translate(trim(_value), '{letters}', '') = '' and trim(_value) rlike '^({pattern})$'"
    return f"case when {usual} then trim(_value) when _value is not null then '{UNUSUAL}{column}' end"

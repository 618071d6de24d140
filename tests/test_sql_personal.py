"""Personal columns may join and filter; nothing that lists one reaches a result as long as nothing protects it."""

from __future__ import annotations

import pytest

from posicional.sql.dialect import parse
from posicional.sql.personal import exposed

PERSONAL = {"clientes": frozenset({"cpf", "nome"}), "contratos": frozenset({"cpf"}), "planos": frozenset[str]()}

EXPOSED = {
    "select cpf from clientes": ["cpf"],
    "select CPF from Clientes": ["CPF"],
    "select upper(c.nome) as n from clientes c": ["nome"],
    "select * from clientes": ["* (with cpf, nome)"],
    "select p.*, c.* from clientes c join planos p on true": ["* (with cpf, nome)"],
    "with a as (select cpf as x from clientes) select x from a": ["cpf"],
    "select x from (select k.nome as x from clientes k) t": ["nome"],
    "select (select max(cpf) from clientes) as m from planos": ["cpf"],
    "select (select c.nome) as n from clientes c": ["nome"],
    "select id from planos union all select nome from clientes": ["nome"],
    "select count(distinct cpf) as n from clientes": ["cpf"],
    "select row_number() over (order by nome) as n from clientes": ["nome"],
}

HIDDEN = [
    "select p.nome from clientes c join planos p on p.id = c.id",
    "select count(*) as n from clientes where nome <> 'X'",
    "select k.numero from contratos k join clientes c on c.cpf = k.cpf",
    "select * from planos",
    "select p.* from planos p join clientes c on c.id = p.id",
    "select c.cidade, count(*) as n from clientes c group by c.cidade having max(c.nome) > 'A'",
]


@pytest.mark.parametrize("sql", EXPOSED)
def test_a_personal_column_that_is_listed_is_found(sql: str) -> None:
    """Wherever it hides: aliases, stars, nested queries, functions."""
    assert [name for _, name in exposed(parse(sql).tree, PERSONAL)] == EXPOSED[sql]


@pytest.mark.parametrize("sql", HIDDEN)
def test_one_that_joins_or_filters_is_not(sql: str) -> None:
    """Names that other tables have too are told apart by the table."""
    assert list(exposed(parse(sql).tree, PERSONAL)) == []

"""Looking for a text in an index: of every type that a column can have, on both endpoints, and nothing is a query."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import IndexOf, OpenSearchTarget
from posicional.documents.bodies import bodies
from posicional.documents.mapping import mapping
from posicional.errors import TargetError

TABLE = pa.table(
    {
        "id": pa.array(["a|1", "2", "3"]),
        "nome": pa.array(["Maria da Silva", "João *", None]),
        "obra": pa.array(["Rua das Flores 7", "avenida maria", "x"]),
        "n": pa.array([12, 13, None], pa.int64()),
        "valor": pa.array([Decimal("10.50"), Decimal("7.00"), None], pa.decimal128(15, 2)),
        "soma": pa.array([Decimal("12345678901234567.25"), None, None], pa.decimal128(20, 2)),
        "dia": pa.array([date(2026, 11, 20), date(2026, 11, 21), None]),
        "quando": pa.array([datetime(2026, 11, 20, 9, 30, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "saiu": pa.array([True, False, None]),
    }
)
WORDS = ["id", "nome", "obra.keyword"]
FIRST = r"a\|1"
VALUES = ["n", "valor", "soma", "dia", "quando", "saiu"]


@pytest.fixture
def endpoint(cluster: str) -> OpenSearchBackend:
    """An index as a publication makes it, with three documents; asked for somebody who waits."""
    made = connect(OpenSearchTarget(cluster, {}))
    to = IndexOf("d", "d", fields={"obra": "text"})
    assert made.create_index("d", {"mappings": mapping(TABLE.schema, {}, to)})
    sent = made.load("d", bodies(TABLE.to_batches(), key=["id"], extra={"run": 1, "date": "2026-11-22"}))
    assert sent.documents == 3
    made.refresh("d")
    return connect(OpenSearchTarget(cluster, {}), waiting=True)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a|1", [FIRST]),
        ("SILVA", [FIRST]),
        ("maria", ["2", FIRST]),
        ("das flores", [FIRST]),
        ("12", [FIRST]),
        ("10.5", [FIRST]),
        ("12345678901234567.25", [FIRST]),
        ("2026-11-21", ["2"]),
        ("true", [FIRST]),
        ("*", ["2"]),
        ("?", []),
        ("\\", []),
        ("nome:maria", []),
        ('{"match_all":{}}', []),
        ("maria OR joao", []),
        ("[1 TO 99]", []),
    ],
)
def test_a_text_is_found_as_it_is(endpoint: OpenSearchBackend, text: str, ids: list[str]) -> None:
    """The id, a part of a text, the whole of a value."""
    found = endpoint.find("d", text, WORDS, VALUES, most=10)
    assert (sorted(found.documents), found.more) == (ids, False)


def test_no_more_are_handed_out_than_asked_for(endpoint: OpenSearchBackend) -> None:
    """And it is said that there may be others."""
    found = endpoint.find("d", "a", WORDS, VALUES, most=1)
    assert (len(found.documents), found.more) == (1, True)


def test_a_fault_quotes_nothing_of_what_was_looked_for(endpoint: OpenSearchBackend) -> None:
    """An index that is not there, a field that cannot be looked in."""
    for index, words in (("nowhere", WORDS), ("d", ["n"])):
        with pytest.raises(TargetError) as caught:
            endpoint.find(index, "segredo-4711", words, VALUES, most=1)
        assert "segredo" not in str(caught.value)

"""An Arrow schema as a mapping: strict, every type documented, nothing that OpenSearch would round."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from posicional.contract.feed import IndexOf
from posicional.documents.mapping import is_number, mapping
from posicional.errors import UsageError

META = {"feed": "planos", "dataset": "d", "date": "2026-11-22", "run": 1, "publication": 1}
PLAIN = IndexOf("d", "d")
KEYWORD = {"type": "keyword", "ignore_above": 8191}


def test_every_type_has_its_field() -> None:
    """The whole mapping of a dataset with each type that a dataset can have."""
    schema = pa.schema(
        [
            ("codigo", pa.string()),
            ("uf", pa.dictionary(pa.int32(), pa.string())),
            ("linhas", pa.int64()),
            ("dia", pa.int32()),
            ("valor", pa.decimal128(15, 2)),
            ("total", pa.decimal128(17, 2)),
            ("conta", pa.decimal128(18, 0)),
            ("inicio", pa.date32()),
            ("em", pa.timestamp("us")),
            ("ativo", pa.bool_()),
            ("_file", pa.string()),
            ("_line", pa.int64()),
        ]
    )
    assert mapping(schema, META, PLAIN) == {
        "dynamic": "strict",
        "_meta": META,
        "properties": {
            "codigo": KEYWORD,
            "uf": KEYWORD,
            "linhas": {"type": "long"},
            "dia": {"type": "integer"},
            "valor": {"type": "scaled_float", "scaling_factor": 100},
            "total": {**KEYWORD, "fields": {"number": {"type": "double"}}},
            "conta": {"type": "long"},
            "inicio": {"type": "date", "format": "yyyy-MM-dd"},
            "em": {"type": "date", "format": "strict_date_optional_time"},
            "ativo": {"type": "boolean"},
            "posicional": {
                "properties": {
                    "file": {"type": "keyword"},
                    "line": {"type": "long"},
                    "byte": {"type": "long"},
                    "run": {"type": "integer"},
                    "date": {"type": "date", "format": "yyyy-MM-dd"},
                }
            },
        },
    }


@pytest.mark.parametrize(
    ("precision", "scale", "number"), [(15, 2, True), (16, 2, False), (18, 0, True), (19, 0, False), (38, 38, False)]
)
def test_a_decimal_is_a_number_only_where_it_stays_exact(precision: int, scale: int, number: bool) -> None:
    """A double holds 15 digits, a long 18; beyond that a decimal is text."""
    assert is_number(pa.decimal128(precision, scale)) is number


@pytest.mark.parametrize("name", ["_id", "_lines", "posicional", "a.b", ""])
def test_names_that_opensearch_keeps_for_itself_are_refused(name: str) -> None:
    """A column that would collide with a field of OpenSearch's, or of ours, is named with a way out."""
    with pytest.raises(UsageError, match="another name"):
        mapping(pa.schema([(name, pa.string())]), META, PLAIN)


def test_a_type_without_a_field_is_refused() -> None:
    """A list cannot be published yet; that is said, not ignored."""
    with pytest.raises(UsageError, match="'telefones' has the type list"):
        mapping(pa.schema([("telefones", pa.list_(pa.string()))]), META, PLAIN)


def test_a_feed_may_say_what_a_field_is() -> None:
    """`text` alone brings the whole as a keyword; another type stands for itself; a mapping is taken as it is."""
    schema = pa.schema([("nome", pa.string()), ("obs", pa.string()), ("n", pa.int64()), ("telefones", pa.string())])
    said: dict[str, Any] = {"NOME": "text", "obs": {"type": "text", "analyzer": "brazilian"}, "n": "integer"}
    made = mapping(schema, META, IndexOf("d", "d", fields=said))["properties"]
    assert made["nome"] == {"type": "text", "fields": {"keyword": KEYWORD}}
    assert made["obs"] == {"type": "text", "analyzer": "brazilian"}
    assert made["n"] == {"type": "integer"}
    assert made["telefones"] == KEYWORD


def test_a_field_that_is_said_must_be_a_column() -> None:
    """A column that is not there is named with those that are."""
    to = IndexOf("d", "d", fields={"vaolr": "long"})
    with pytest.raises(UsageError, match="no column 'vaolr' -> it has valor"):
        mapping(pa.schema([("valor", pa.int64())]), META, to)


def test_an_index_of_changes_says_what_is_gone() -> None:
    """The flag's column is no field; the object of ours says it instead."""
    schema = pa.schema([("id", pa.string()), ("apagado", pa.bool_())])
    made = mapping(schema, META, IndexOf("d", "d", deleted="Apagado"), upsert=True)["properties"]
    assert set(made) == {"id", "posicional"}
    assert made["posicional"]["properties"]["deleted"] == {"type": "boolean"}

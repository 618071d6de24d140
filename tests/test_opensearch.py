"""The OpenSearch backend against an endpoint that speaks as OpenSearch does. What fails on the way: `test_bulk`."""

from __future__ import annotations

import logging

import pyarrow as pa
import pytest

from clocks import StillClock
from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import IndexOf, OpenSearchTarget
from posicional.demo.osmem import start
from posicional.documents.bodies import bodies
from posicional.documents.mapping import mapping
from posicional.errors import TargetError
from posicional.ports import Loaded, Move

CPF = "12345678909"
META = {"feed": "planos", "dataset": "d", "date": "2026-11-22", "run": 1, "publication": 1}
SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64())])
INDEX = "contratos-2026-11-22-0001-0001"


def backend(url: str, clock: StillClock | None = None) -> OpenSearchBackend:
    """The backend for a URL, with a clock that does not wait."""
    return connect(OpenSearchTarget(url, {}), clock or StillClock())


def rows(count: int) -> list[pa.RecordBatch]:
    """So many rows, in batches of 50."""
    table = pa.table({"id": [f"{n:05d}" for n in range(count)], "n": list(range(count))}, schema=SCHEMA)
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=50)
    return batches


def load(endpoint: OpenSearchBackend, batches: list[pa.RecordBatch], limit: int = 4000) -> Loaded:
    """Make the index if need be and send the rows in small bodies."""
    if INDEX not in endpoint.indices(INDEX):
        endpoint.create_index(INDEX, {"mappings": mapping(SCHEMA, META, IndexOf("d", "d"))})
    made = bodies(batches, key=["id"], extra={"run": 1, "date": "2026-11-22"}, limit=limit)
    loaded = endpoint.load(INDEX, made)
    endpoint.refresh(INDEX)
    return loaded


# --- the verbs --------------------------------------------------------------------------------------------------------


def test_what_is_loaded_can_be_counted_and_read(cluster: str) -> None:
    """Every document is there once, also after it was sent twice, with its own fields."""
    endpoint = backend(cluster)
    assert load(endpoint, rows(120)) == Loaded(120, {})
    assert load(endpoint, rows(120)) == Loaded(120, {})
    assert endpoint.count(INDEX) == 120
    found = endpoint.endpoint.ask("GET", f"/{INDEX}/_doc/00007")["_source"]
    assert found == {"posicional": {"run": 1, "date": "2026-11-22"}, "id": "00007", "n": 7}


def test_indices_are_found_by_name_pattern_and_alias(cluster: str) -> None:
    """What is there comes with its aliases and with what its maker wrote; what is not there is left out."""
    endpoint = backend(cluster)
    load(endpoint, rows(1))
    endpoint.swap([Move("contratos", INDEX)])
    for name in (INDEX, "contratos", "contratos-*"):
        state = endpoint.indices(name, "nowhere")[INDEX]
        assert state.aliases == {"contratos"}
        assert state.meta == META
    assert endpoint.indices("nowhere", "no-*") == {}
    endpoint.delete_index(INDEX)
    endpoint.delete_index(INDEX)
    assert endpoint.indices("contratos") == {}


def test_a_swap_that_looked_too_early_is_refused(cluster: str) -> None:
    """An alias moves from what was seen; when that is no longer so, or another was first, nothing moves."""
    endpoint = backend(cluster)
    for name in ("a", "b", "c", "d"):
        endpoint.create_index(name, {})
    assert endpoint.swap([Move("all", "a"), Move("also", "a")])
    assert not endpoint.swap([Move("all", "b")]), "a second first one"
    assert endpoint.swap([Move("all", "b", ("a",))])
    assert not endpoint.swap([Move("also", "c", ("a",)), Move("all", "c", ("a",))]), "one of two is stale"
    assert not endpoint.swap([Move("all", "c", ("gone",))]), "what was seen is gone"
    assert {name: set(state.aliases) for name, state in endpoint.indices("all", "also").items()} == {
        "a": {"also"},
        "b": {"all"},
    }
    assert endpoint.swap([Move("many", "c", alone=False)])
    assert endpoint.swap([Move("many", "d", alone=False)])
    assert set(endpoint.indices("many")) == {"c", "d"}


def test_an_alias_with_an_indexs_name_is_an_error(cluster: str) -> None:
    """What no retry mends is raised, with the server's reason, which holds no value."""
    endpoint = backend(cluster)
    endpoint.create_index("a", {})
    endpoint.create_index("b", {})
    with pytest.raises(TargetError, match="an index exists with the same name"):
        endpoint.swap([Move("a", "b")])


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_refused_documents_are_counted_by_reason_without_their_values(cluster: str) -> None:
    """A value that does not fit and a field that is not in the mapping are refused; the others are taken."""
    endpoint = backend(cluster)
    load(endpoint, rows(3))
    extra = {"run": 1, "date": "2026-11-22"}
    wrong = pa.record_batch({"id": ["x", "y", "z"], "n": [CPF + "a", "b", "5"]})
    unknown = pa.record_batch({"id": ["w"], "cpf": [CPF]})
    loaded = endpoint.load(INDEX, bodies([wrong, unknown], key=["id"], extra=extra))
    assert loaded.refused == {
        "mapper_parsing_exception (field n)": 2,
        "strict_dynamic_mapping_exception (field cpf)": 1,
    }
    assert CPF not in repr(loaded)


# --- failures ---------------------------------------------------------------------------------------------------------


def test_nobody_there_is_said_at_once_without_the_password() -> None:
    """An endpoint that does not listen is one sentence with its address and what to do, and no waiting."""
    clock = StillClock()
    with pytest.raises(TargetError) as caught:
        backend("http://ana:senha-secreta@127.0.0.1:9", clock).indices("x")
    assert str(caught.value).startswith("http://127.0.0.1:9: OpenSearch cannot be reached -> ")
    assert "senha" not in str(caught.value)
    assert clock.slept == []


def test_nothing_is_logged(cluster: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client's log holds bodies at some levels: it stays silent at all of them."""
    caplog.set_level(logging.DEBUG)
    endpoint = backend(cluster)
    load(endpoint, rows(2))
    with pytest.raises(TargetError):
        endpoint.count("nowhere")
    assert [record for record in caplog.records if record.name.startswith("opensearch")] == []


def test_the_endpoint_of_the_demo_ends_with_its_block() -> None:
    """It can take a port that is named, says when that is taken, and is gone afterwards."""
    with start() as first:
        port = int(first.rsplit(":", 1)[1])
        assert backend(first).indices("*") == {}
        with pytest.raises(TargetError, match="did not start"), start(port):
            pass
    with pytest.raises(TargetError, match="cannot be reached"):
        backend(first).indices("*")
    with start(port) as again:
        assert again == first

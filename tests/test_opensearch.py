"""The OpenSearch backend against a real endpoint, directly and through a proxy that misbehaves as told."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import OpenSearchTarget
from posicional.demo.osmem import start
from posicional.documents.bodies import bodies
from posicional.documents.mapping import mapping
from posicional.errors import TargetError
from posicional.ports import Loaded, Move

CPF = "12345678909"
META = {"feed": "planos", "dataset": "d", "date": "2026-11-22", "run": 1, "publication": 1}
SCHEMA = pa.schema([("id", pa.string()), ("n", pa.int64())])
INDEX = "contratos-2026-11-22-0001-0001"


class StillClock:
    """A clock that never waits and remembers how long it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Always the same moment."""
        return datetime(2026, 11, 22, 12, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        """Remember."""
        self.slept.append(seconds)


@pytest.fixture
def url() -> Iterator[str]:
    """A fresh endpoint."""
    with start() as running:
        yield running


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
        endpoint.create_index(INDEX, {"mappings": mapping(SCHEMA, META)})
    made = bodies(batches, key=["id"], extra={"run": 1, "date": "2026-11-22"}, limit=limit)
    loaded = endpoint.load(INDEX, made)
    endpoint.refresh(INDEX)
    return loaded


# --- the verbs --------------------------------------------------------------------------------------------------------


def test_what_is_loaded_can_be_counted_and_read(url: str) -> None:
    """Every document is there once, also after it was sent twice, with its own fields."""
    endpoint = backend(url)
    assert load(endpoint, rows(120)) == Loaded(120, {})
    assert load(endpoint, rows(120)) == Loaded(120, {})
    assert endpoint.count(INDEX) == 120
    found = endpoint.endpoint.ask("GET", f"/{INDEX}/_doc/00007")["_source"]
    assert found == {"posicional": {"run": 1, "date": "2026-11-22"}, "id": "00007", "n": 7}


def test_indices_are_found_by_name_pattern_and_alias(url: str) -> None:
    """What is there comes with its aliases and with what its maker wrote; what is not there is left out."""
    endpoint = backend(url)
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


def test_a_swap_that_looked_too_early_is_refused(url: str) -> None:
    """An alias moves from what was seen; when that is no longer so, or another was first, nothing moves."""
    endpoint = backend(url)
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


def test_an_alias_with_an_indexs_name_is_an_error(url: str) -> None:
    """What no retry mends is raised, with the server's reason, which holds no value."""
    endpoint = backend(url)
    endpoint.create_index("a", {})
    endpoint.create_index("b", {})
    with pytest.raises(TargetError, match="an index exists with the same name"):
        endpoint.swap([Move("a", "b")])


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_refused_documents_are_counted_by_reason_without_their_values(url: str) -> None:
    """A value that does not fit and a field that is not in the mapping are refused; the others are taken."""
    endpoint = backend(url)
    load(endpoint, rows(3))
    extra = {"run": 1, "date": "2026-11-22"}
    wrong = pa.record_batch({"id": ["x", "y", "z"], "n": [CPF + "a", "b", "5"]})
    unknown = pa.record_batch({"id": ["w"], "cpf": [CPF]})
    loaded = endpoint.load(INDEX, bodies([wrong, unknown], key=["id"], extra=extra))
    assert loaded.documents == 1
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


def test_nothing_is_logged(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client's log holds bodies at some levels: it stays silent at all of them."""
    caplog.set_level(logging.DEBUG)
    endpoint = backend(url)
    load(endpoint, rows(2))
    with pytest.raises(TargetError):
        endpoint.count("nowhere")
    assert [record for record in caplog.records if record.name.startswith("opensearch")] == []


Fault = Callable[[BaseHTTPRequestHandler, bytes, bytes], bytes | None]
"""From a request's body and the answer of the real endpoint to another answer; None: the fault has answered itself."""


@contextmanager
def proxy(url: str, fault: Callable[[bytes], tuple[int, Fault | None] | None]) -> Iterator[str]:
    """A proxy before `url`. `fault` says for the body of each bulk request what goes wrong: a status that is given
    instead of passing it on (200: it is passed on), and what becomes of the answer; None: nothing.
    """
    real = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            wrong = fault(body) if self.path.split("?")[0].endswith("_bulk") else None
            status, spoil = wrong or (200, None)
            if status != 200:
                self._answer(status, b'{"error":{"type":"told_to","reason":"told to"}}')
                return
            connection = HTTPConnection(str(real.hostname), real.port, timeout=30)
            connection.request(self.command, self.path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            data: bytes | None = answer.read()
            connection.close()
            if spoil:
                data = spoil(self, body, data or b"")
            if data is not None:
                self._answer(answer.status, data)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - the names that the base asks for

        def _answer(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hang_up(handler: BaseHTTPRequestHandler, _body: bytes, _answer: bytes) -> bytes | None:
    """Apply the request and close the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()
    return None


def cut_off(handler: BaseHTTPRequestHandler, _body: bytes, answer: bytes) -> bytes | None:
    """Apply the request and send half of the answer."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(answer)))
    handler.end_headers()
    handler.wfile.write(answer[: len(answer) // 2])
    handler.close_connection = True
    return None


def push_back_every(step: int, status: int) -> Fault:
    """Say of every so-manieth document that it was not taken, although it was: ids make that harmless."""

    def fault(_handler: BaseHTTPRequestHandler, _body: bytes, answer: bytes) -> bytes:
        told = json.loads(answer)
        for item in told["items"][::step]:
            item["index"] = {"status": status, "error": {"type": "rejected_execution_exception", "reason": "full"}}
        return json.dumps({**told, "errors": True}).encode()

    return fault


class Script:
    """Faults in turn, then none; remembers how many documents each bulk request held."""

    def __init__(self, *faults: tuple[int, Fault | None] | None) -> None:
        self.faults = list(faults)
        self.sent: list[int] = []

    def __call__(self, body: bytes) -> tuple[int, Fault | None] | None:
        """The next fault."""
        self.sent.append(body.count(b"\n") // 2)
        return self.faults.pop(0) if self.faults else None


@pytest.mark.parametrize(
    ("fault", "sent"),
    [
        ((429, None), [50, 50]),
        ((503, None), [50, 50]),
        ((200, hang_up), [50, 50]),
        ((200, cut_off), [50, 50]),
        ((200, push_back_every(7, 429)), [50, 8]),
        ((200, push_back_every(1, 503)), [50, 50]),
        ((413, None), [50, 25, 25]),
    ],
    ids=["429", "503", "hang up", "cut off", "some pushed back", "all pushed back", "too large"],
)
def test_what_is_pushed_back_is_sent_again_and_only_that(
    url: str, fault: tuple[int, Fault | None], sent: list[int]
) -> None:
    """After one fault of each kind every document is there once, and what was taken is not sent again."""
    script, clock = Script(fault), StillClock()
    with proxy(url, script) as behind:
        endpoint = backend(behind, clock)
        assert load(endpoint, rows(50), limit=1 << 20) == Loaded(50, {})
        assert endpoint.count(INDEX) == 50
    assert script.sent == sent
    assert len(clock.slept) == (0 if fault[0] == 413 else 1)


def test_seeded_faults_lose_and_double_nothing(url: str) -> None:
    """Whatever goes wrong in whatever order, the index ends with every document once."""
    faults: list[tuple[int, Fault | None] | None] = [
        None,
        (429, None),
        (502, None),
        (413, None),
        (200, hang_up),
        (200, cut_off),
        (200, push_back_every(3, 429)),
    ]
    for seed in range(6):
        print("seed", seed)
        random = Random(seed)

        def one(_body: bytes, random: Random = random) -> tuple[int, Fault | None] | None:
            return random.choices(faults, [6, 1, 1, 1, 1, 1, 1])[0]

        with proxy(url, one) as behind:
            endpoint = backend(behind)
            assert load(endpoint, rows(200)) == Loaded(200, {})
            assert endpoint.count(INDEX) == 200
        backend(url).delete_index(INDEX)


def test_an_endpoint_that_never_takes_anything_is_given_up(url: str) -> None:
    """After a bounded number of growing waits the load fails, naming the endpoint."""
    clock = StillClock()
    with proxy(url, lambda _body: (429, None)) as behind:
        endpoint = backend(behind, clock)
        with pytest.raises(TargetError, match=r"127\.0\.0\.1:\d+: it is busy \(429\)"):
            load(endpoint, rows(10))
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == 7


def test_a_document_that_is_too_large_alone_is_refused(url: str) -> None:
    """Halving ends at one document, which is counted as refused; its neighbours are taken."""
    with proxy(url, lambda body: (413, None) if b'"00003"' in body else None) as behind:
        loaded = load(backend(behind), rows(10))
    assert loaded == Loaded(9, {"the document alone is too large for the endpoint": 1})


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

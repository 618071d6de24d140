"""An endpoint that takes bulk requests and keeps what it took, and a proxy before it that fails as it is told to.

Both speak HTTP on loopback, from threads of this process. The endpoint does what OpenSearch does with the actions of
a bulk: `index` replaces a document of the same id, and an external version that is older is a conflict. It knows no
mapping and no search.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

PRESSURE = {"type": "rejected_execution_exception", "reason": "the queue is full"}


class Handler(BaseHTTPRequestHandler):
    """Keeps connections alive, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self) -> bytes:
        """What was sent, as it was sent."""
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, data: bytes, kind: str = "application/json") -> None:
        """Answer whole."""
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: type[Handler], certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """The URL at which a handler answers; with a certificate and its key, over TLS."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- the endpoint -----------------------------------------------------------------------------------------------------


@dataclass
class Index:
    """What an index holds: id -> (version, document), and how often each id was written."""

    documents: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    writes: Counter[str] = field(default_factory=Counter)


@dataclass
class Taken:
    """All that an endpoint has taken: its indices; and how many requests it had."""

    indices: dict[str, Index] = field(default_factory=dict)
    requests: int = 0
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def apply(self, index: str, body: bytes) -> list[dict[str, Any]]:
        """Do what a bulk asks for."""
        with self.lock:
            into = self.indices.setdefault(index, Index())
            return [_apply(into, action, document) for action, document in actions(body)]


def actions(body: bytes) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The actions of a bulk, with their documents."""
    lines = body.decode().split("\n")
    for action, document in zip(lines[:-1:2], lines[1::2], strict=True):
        yield json.loads(action)["index"], json.loads(document)


def _apply(into: Index, words: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    name, version = words["_id"], words.get("version", 0)
    held = into.documents.get(name, (-1, {}))[0]
    if version < held:
        error = {"type": "version_conflict_engine_exception", "reason": f"[{name}]: version conflict"}
        return {"index": {"_id": name, "status": 409, "error": error}}
    into.writes[name] += 1
    into.documents[name] = (version, document)
    return {"index": {"_id": name, "status": 200 if held >= 0 else 201}}


@contextmanager
def endpoint() -> Iterator[tuple[str, Taken]]:
    """The URL of a fresh endpoint, and what it takes."""
    taken = Taken()

    class Bulk(Handler):
        def do_POST(self) -> None:
            body = self.body()
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            path = urlsplit(self.path).path
            with taken.lock:
                taken.requests += 1
                taken.at_once += 1
                taken.most_at_once = max(taken.most_at_once, taken.at_once)
            try:
                items = taken.apply(path.split("/")[1], body)
            finally:
                with taken.lock:
                    taken.at_once -= 1
            self.answer(200, answer_of(items))

    with serving(Bulk) as url:
        yield url, taken


def answer_of(items: list[dict[str, Any]]) -> bytes:
    """The answer to a bulk, as OpenSearch writes it when asked for errors and status only."""
    for item in items:
        for result in item.values():
            result.pop("_id", None)
    errors = any("error" in result for item in items for result in item.values())
    return json.dumps({"errors": errors, "items": items}, separators=(",", ":")).encode()


# --- the proxy --------------------------------------------------------------------------------------------------------

Fault = Callable[["Passing"], None]
"""What becomes of one request."""


class Passing:
    """One request on its way through the proxy."""

    def __init__(self, handler: Handler, url: str, random: Random) -> None:
        self.handler = handler
        self.random = random
        self.raw = handler.body()
        self.packed = handler.headers.get("content-encoding") == "gzip"
        self._url = urlsplit(url)

    @property
    def body(self) -> bytes:
        """What was sent, as text."""
        return gzip.decompress(self.raw) if self.packed else self.raw

    def forward(self, raw: bytes | None = None) -> tuple[int, bytes]:
        """Pass it on (or `raw`, packed as it was); the answer."""
        connection = HTTPConnection(str(self._url.hostname), self._url.port, timeout=30)
        headers = {"content-type": "application/x-ndjson", **({"content-encoding": "gzip"} if self.packed else {})}
        connection.request(self.handler.command, self.handler.path, self.raw if raw is None else raw, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer.status, data

    def reset(self) -> None:
        """End the connection at once, without a word."""
        self.handler.close_connection = True
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.handler.connection.close()


def passed(one: Passing) -> None:
    """Nothing goes wrong."""
    one.handler.answer(*one.forward())


def refused(status: int, data: bytes = b'{"error":{"type":"told_to","reason":"told to"}}') -> Fault:
    """Not passed on: another answer instead."""

    def fault(one: Passing) -> None:
        one.handler.answer(status, data, "application/json" if data.startswith(b"{") else "text/html")

    return fault


def reset_before(one: Passing) -> None:
    """Not passed on; the connection ends."""
    one.reset()


def reset_after(one: Passing) -> None:
    """Applied; the connection ends without an answer."""
    one.forward()
    one.reset()


def cut_off(one: Passing) -> None:
    """Applied; half of the answer comes, then the connection ends."""
    _, data = one.forward()
    handler = one.handler
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True


def half(one: Passing) -> None:
    """Applied; what comes is half of an answer, under its own length."""
    _, data = one.forward()
    one.handler.answer(200, data[: len(data) // 2])


def slow(seconds: float) -> Fault:
    """Applied; the answer comes too late."""

    def fault(one: Passing) -> None:
        status, data = one.forward()
        time.sleep(seconds)
        one.handler.answer(status, data)

    return fault


def twice(one: Passing) -> None:
    """Applied twice, by something on the way that tried again itself."""
    one.forward()
    passed(one)


def some_pushed_back(one: Passing, status: int = 429) -> None:
    """Some documents are not applied, and the answer says which."""
    lines = one.body.decode().split("\n")[:-1]
    pairs = [f"{a}\n{d}\n" for a, d in zip(lines[::2], lines[1::2], strict=True)]
    keep = [one.random.random() < 0.6 for _ in pairs]
    body = "".join(pair for pair, kept in zip(pairs, keep, strict=True) if kept).encode()
    told = json.loads(one.forward(gzip.compress(body) if one.packed else body)[1])["items"] if body else []
    items = [told.pop(0) if kept else {"index": {"status": status, "error": dict(PRESSURE)}} for kept in keep]
    one.handler.answer(200, answer_of(items))


def said_to_be_pushed_back(one: Passing) -> None:
    """All are applied, and the answer says of some that they were not."""
    items = json.loads(one.forward()[1])["items"]
    for item in items[:: one.random.randint(1, 7)]:
        item["index"] = {"status": 503, "error": dict(PRESSURE)}
    one.handler.answer(200, answer_of(items))


@contextmanager
def proxy(url: str, choose: Callable[[Passing, int], Fault], seed: int = 0) -> Iterator[str]:
    """A proxy before `url`. `choose` says what becomes of each bulk request, told how often it has seen that body.

    Chance (`Passing.random`) depends on the seed, the body and that number, not on which thread comes first.
    """
    seen = Counter[int]()
    lock = threading.Lock()

    class Proxy(Handler):
        def _any(self) -> None:
            one = Passing(self, url, Random())
            if not urlsplit(self.path).path.endswith("/_bulk"):
                passed(one)
                return
            digest = zlib.crc32(one.body)
            with lock:
                seen[digest] += 1
                times = seen[digest]
            one.random.seed(f"{seed}:{digest}:{times}")
            choose(one, times)(one)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - the names that the base asks for

    with serving(Proxy) as here:
        yield here

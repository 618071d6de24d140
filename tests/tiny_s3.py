"""A server that speaks as much S3 as a store needs, with the faults that a test orders. In memory, on 127.0.0.1."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

BUCKET = "balde"


@dataclass
class TinyS3:
    """The bucket's objects (key -> bytes), and the answers that the next requests of a method get before all else. A
    listing comes in pages of `page` objects.

    A fault is a status; `500 after` is one that is answered when the request has done its work. `CREATE` is the method
    of a `PUT` that must not replace anything. `every`: a method's n-th, 2n-th, … request meets that fault (n, fault).
    `versioned`: what is replaced can still be read, by its version's id.
    """

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    page: int = 1000
    versioned: bool = False
    versions: dict[str, list[bytes]] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    every: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, data: bytes) -> None:
        """An object takes the place of another, whose version stays where versions are kept."""
        self.objects[key] = data
        if self.versioned:
            self.versions.setdefault(key, []).append(data)

    def fault(self, method: str) -> str:
        """The fault that the next request of this method meets; empty when it meets none."""
        with self.lock:
            self.asked[method] += 1
            if waiting := self.faults.get(method):
                return waiting.pop(0)
            count, fault = self.every.get(method, (0, ""))
            return fault if count and self.asked[method] % count == 0 else ""


def etag(data: bytes) -> str:
    """The entity tag, as S3 makes it."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is two writes: the second would wait for the first one's receipt
    state: TinyS3

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def handle_any(self) -> None:
        """Answer a request, with the fault that was ordered for it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        place = urlsplit(self.path)
        self.state.requests.append(f"{self.command} {unquote(place.path)}")
        fault = self.state.fault("CREATE" if self.headers.get("If-None-Match") else self.command)
        if fault.isdigit():
            return self.answer(int(fault), b"<Error><Code>Ordered</Code><Message>as ordered</Message></Error>")
        _, bucket, *rest = unquote(place.path).split("/", 2)
        query = {name: values[0] for name, values in parse_qs(place.query, keep_blank_values=True).items()}
        if bucket != BUCKET:
            return self.answer(404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
        with self.state.lock:
            status, answer, headers = self.act("".join(rest), query, body)
        return self.answer(500 if fault else status, answer, headers)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any  # noqa: N815 - names that the server looks for

    def act(self, key: str, query: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Do what a request asks for."""
        match self.command:
            case "GET" if not key:
                after = query.get("continuation-token") or query.get("start-after", "")
                return 200, self.listing(query.get("prefix", ""), after), {}
            case "GET" | "HEAD":
                return self.get(key, query.get("versionId", ""))
            case "DELETE":
                self.state.objects.pop(key, None)
                return 204, b"", {}
            case "POST":
                return self.post(key, query, body.decode())
        if "uploadId" in query:
            self.state.uploads[query["uploadId"]][int(query["partNumber"])] = body
        elif self.headers.get("If-None-Match") == "*" and key in self.state.objects:
            return 412, b"<Error><Code>PreconditionFailed</Code><Message>there</Message></Error>", {}
        else:
            self.state.put(key, body)
        return 200, b"", {"ETag": etag(body)}

    def get(self, key: str, version: str) -> tuple[int, bytes, dict[str, str]]:
        """An object or one of its versions, or a range of it, when it is the one that is asked for."""
        kept = self.state.versions.get(key, [])
        data = self.state.objects.get(key)
        if version:
            number = int(version.removeprefix("version-"))
            data = kept[number - 1] if 0 < number <= len(kept) else None
        if data is None:
            return 404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>", {}
        headers = {"ETag": etag(data), "Last-Modified": "Sun, 22 Nov 2026 11:00:00 GMT"}
        if kept:
            headers["x-amz-version-id"] = version or f"version-{len(kept)}"
        if self.headers.get("If-Match", headers["ETag"]) != headers["ETag"]:
            return 412, b"", {}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if not wanted:
            return 200, data, headers
        start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
        return 206, data[start:stop], headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}

    def post(self, key: str, query: dict[str, str], body: str) -> tuple[int, bytes, dict[str, str]]:
        """Delete several objects; begin or complete a multipart upload."""
        if "delete" in query:
            names = re.findall("<Key>(.*?)</Key>", body)
            for name in names:
                self.state.objects.pop(unescape(name), None)
            deleted = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
            return 200, f"<DeleteResult>{deleted}</DeleteResult>".encode(), {}
        if "uploads" in query:
            number = str(len(self.state.uploads) + 1)
            self.state.uploads[number] = {}
            answer = f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
            return 200, answer.encode(), {}
        pieces = self.state.uploads.pop(query["uploadId"])
        data = b"".join(pieces[number] for number in sorted(pieces))
        self.state.put(key, data)
        answer = f"<CompleteMultipartUploadResult><ETag>{escape(etag(data))}</ETag></CompleteMultipartUploadResult>"
        return 200, answer.encode(), {}

    def listing(self, prefix: str, after: str) -> bytes:
        """One page of the objects whose keys begin with a prefix and come after another key, in their order."""
        keys = sorted(key for key in self.state.objects if key.startswith(prefix) and key > after)
        page = keys[: self.state.page]
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-22T11:00:00.000Z</LastModified>"
            f"<ETag>{escape(etag(self.state.objects[key]))}</ETag>"
            f"<Size>{len(self.state.objects[key])}</Size></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(keys) > len(page) else ""
        truncated = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        return f"<ListBucketResult>{truncated}{more}{found}</ListBucketResult>".encode()

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Send an answer; one to HEAD has a length and no body."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def tiny_s3() -> Iterator[TinyS3]:
    """A server for as long as the block lasts."""
    state = TinyS3()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def tiny_s3_process(every: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """The same in a process of its own, for tests of many processes; its address. It keeps versions."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, dict(every)))
    process.start()
    try:
        assert here.poll(60), "the server has not started"
        yield here.recv()
    finally:
        here.close()
        process.join(10)
        process.kill()


def _serve(asker: Connection, every: dict[str, tuple[int, str]]) -> None:
    with tiny_s3() as state:
        state.versioned, state.every = True, every
        asker.send(state.url)
        try:
            asker.recv()
        except EOFError:  # nobody needs it any longer
            return

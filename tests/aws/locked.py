"""A door before an OpenSearch: only who says the user and the password comes through."""

from __future__ import annotations

import base64
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@contextmanager
def locked(url: str, user: str, password: str) -> Iterator[str]:
    """The URL of the door, while it is there."""
    host = urlsplit(url).netloc
    wanted = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") != wanted:
                self._say(401, b"{}", "application/json")
                return
            inner = http.client.HTTPConnection(host, timeout=60)
            kept = {name: word for name, word in self.headers.items() if name.lower() not in ("host", "connection")}
            inner.request(self.command, self.path, body, kept)
            answer = inner.getresponse()
            self._say(answer.status, answer.read(), answer.getheader("Content-Type", ""), answer)
            inner.close()

        def _say(self, status: int, body: bytes, kind: str, answer: http.client.HTTPResponse | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if answer is not None and (encoding := answer.getheader("Content-Encoding")):
                self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - the names that it looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()

"""Where alerts arrive in tests: a real mail server and real webhooks, on this machine, that can be down for a while."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Mails:
    """A mail server: what it took, as (recipient, subject, text)."""

    port: int = field(default_factory=free_port)
    got: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """As Apprise writes it."""
        return f"mailto://127.0.0.1:{self.port}?from=alertas@example.com&to=plantao@example.com&mode=insecure"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the server's word
        """Take a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        text = mail.get_body(("plain",))
        assert text is not None
        self.got.append((envelope.rcpt_tos[0], str(mail["Subject"]), text.get_content().replace("\r\n", "\n")))
        return "250 taken"


@contextmanager
def mails() -> Iterator[Mails]:
    """A mail server that is up."""
    box = Mails()
    server = Controller(box, hostname="127.0.0.1", port=box.port)
    server.start()
    try:
        yield box
    finally:
        server.stop()


@dataclass
class Hook:
    """A webhook: what it took, as Apprise's JSON. `status`: what it answers. It may be up or down, at the same port."""

    port: int = field(default_factory=free_port)
    got: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """As Apprise writes it; the path is a secret, as that of real webhooks is."""
        return f"json://127.0.0.1:{self.port}/s3cr3t-p4th"

    def up(self) -> None:
        """Listen."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 200:
                    hook.got.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Listen no longer."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@contextmanager
def hook(*, up: bool = True) -> Iterator[Hook]:
    """A webhook."""
    one = Hook()
    if up:
        one.up()
    try:
        yield one
    finally:
        one.down()

"""The board behind a socket, until somebody stops it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from posicional.backends.remember import Remembering
from posicional.board.app import Pulse, create
from posicional.board.guard import Guard
from posicional.board.past import past_days
from posicional.board.watched import Watched
from posicional.contract.feed import OpenSearchTarget
from posicional.day.usual import MOST
from posicional.errors import PosicionalError, UsageError
from posicional.ports import Target

WHOSE = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
"""What says whose bucket it is that has a name, as far as the environment does."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `UsageError` where that is not possible."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        hint = "is another board running? choose another --port"
        raise UsageError(f"cannot listen: {error.strerror}", where=f"{host}:{port}", hint=hint) from None


def serve(feeds: Sequence[Watched], guard: Guard, at: socket.socket, pulse: Pulse | None = None) -> None:
    """Answer until the process is told to end. Facts are remembered while it lives, those of a bucket beyond that."""
    remembered = [_remembering(one) for one in feeds]
    threading.Thread(target=look_back, args=(remembered,), daemon=True).start()
    config = uvicorn.Config(
        create(remembered, guard, pulse),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[at])


def look_back(feeds: Sequence[Watched]) -> None:
    """Read what the pages of today look back on, before anybody asks for them."""
    for one in feeds:
        with suppress(PosicionalError):  # whoever opens the page is told
            past_days(one, one.today, MOST + 1)


def _waiting(target: OpenSearchTarget) -> Target:
    """The endpoint of a feed, for somebody who waits for a page. Raises `UsageError` where it cannot be asked."""
    try:
        from posicional.backends.opensearch import connect
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed", hint="pip install 'posicional[opensearch]'") from error
    return connect(target, waiting=True)


def _remembering(one: Watched) -> Watched:
    store = Remembering(one.outside.store, one.outside.clock, memory_of(one.outside.store.url))
    return Watched(one.feed, dataclasses.replace(one.outside, store=store, target=_waiting))


def memory_of(url: str) -> Path | None:
    """Where the facts of a bucket are remembered for the next process; those of a folder are as near as that."""
    if "://" not in url:
        return None
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user whom the machine does not know
        return None
    words = "\0".join([url, *(os.environ.get(name, "") for name in WHOSE)])
    return caches / "posicional" / f"facts-{hashlib.sha256(words.encode()).hexdigest()[:16]}.sqlite"

"""An OpenSearch-compatible endpoint of one's own: `osmem-server`, in memory, on this machine's loopback only."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from posicional.errors import TargetError, UsageError

SECONDS = 15.0
"""How long it may take to begin; it usually takes a twentieth of a second."""


@contextmanager
def start(port: int = 0) -> Iterator[str]:
    """Its URL, while it runs; it holds nothing at first and forgets everything at the end.

    `port` 0 takes a free one. Should this process die, it ends by itself. Raises `UsageError` when it is not installed,
    `TargetError` when it does not start.
    """
    server = subprocess.Popen(
        [_binary(), "--addr", f"127.0.0.1:{port}", "--parent-pid", str(os.getpid()), "--no-ja"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with server:
        try:
            yield _url(server, port)
        finally:
            server.terminate()


def _binary() -> str:
    found = find_spec("osmem_server")
    path = Path(found.origin).parent / "bin" / "osmem-server" if found and found.origin else None
    if path is None or not path.is_file():
        raise UsageError(
            "osmem-server is not installed, or has no program for this machine",
            hint="pip install 'posicional[demo]', or set OPENSEARCH_URL to an endpoint that runs",
        )
    return str(path)


def _url(server: subprocess.Popen[bytes], port: int) -> str:
    """What it says about itself in its first line, once it listens."""
    assert server.stdout is not None  # noqa: S101 - asked for above
    ready, _, _ = select.select([server.stdout], [], [], SECONDS)
    line = server.stdout.readline() if ready else b""
    try:
        return str(json.loads(line)["url"])
    except (ValueError, KeyError):
        raise TargetError(
            "osmem-server did not start",
            where=f"127.0.0.1:{port or '(any port)'}",
            hint="is the port taken?",
        ) from None

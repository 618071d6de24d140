"""One HTTP endpoint: kept-alive connections, verified certificates, what goes wrong as errors of ours.

A message names the endpoint without user and password, an index, a field, a type of error. It never quotes the
server's own reason for refusing a document, since that holds the value.
"""

from __future__ import annotations

import base64
import gzip
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast
from urllib.parse import unquote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, SSLError
from urllib3.exceptions import TimeoutError as TookTooLong

from posicional.errors import TargetError
from posicional.ports import Clock

TIMEOUT = 60.0
"""Seconds that a request may take."""

WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try at what was pushed back, at most; at least half of that."""

BUSY = (429, 502, 503, 504)
"""The endpoint, or what stands before it, asks to come back later."""

CROWDED = "the cluster may need more room or rest; run the command again later"

WORTH_IT, LEVEL = 1024, 1
"""Bytes from which a body is compressed, and how: level 1 takes a fifth of the bytes for a third more of our time."""

CONNECTIONS = 8
"""Connections that are kept open between requests."""


class TryAgain(Exception):
    """A request may succeed later; `error` is what to raise if it does not."""

    def __init__(self, error: TargetError) -> None:
        super().__init__()
        self.error = error


class TooLarge(Exception):
    """A body is larger than the endpoint takes."""


class Unreachable(TargetError):
    """Nobody listens there."""


class Missing(TargetError):
    """There is no such index."""


Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""The headers of a request (method, URL, body as it is sent) that say who we are."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What listens at `where` (the URL without user and password)."""

    pool: urllib3.HTTPConnectionPool = field(repr=False)
    where: str
    origin: str
    prefix: str
    headers: Mapping[str, str] = field(repr=False)
    clock: Clock
    random: Random
    timeout: float
    tries: int
    compress: bool
    sign: Sign | None = field(repr=False)

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        missing: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One request, tried again while the endpoint is busy; `missing` is the answer where it has no such index.

        A request may be applied and its answer lost: what is asked twice must mean the same.
        """
        tries = 0
        while True:
            try:
                data = None if body is None else json.dumps(body).encode()
                return self._read(self.send(method, path, data, params))
            except TryAgain as again:
                if isinstance(again.error, Unreachable):
                    raise again.error from None
                tries = self.wait(tries, again.error)
            except TooLarge:
                raise TargetError(f"{method} {path.lstrip('/')} was refused (413)", where=self.where) from None
            except Missing:
                if missing is None:
                    raise
                return missing

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        params: Mapping[str, str] | None = None,
        *,
        kind: str = "application/json",
    ) -> bytes:
        """One request, once; the answer. Raises `TryAgain`, `TooLarge`, `TargetError`."""
        target = f"{self.prefix}{path}" + (f"?{urlencode(params)}" if params else "")
        headers = dict(self.headers) if body is None else {**self.headers, "content-type": kind}
        if body is not None and self.compress and len(body) >= WORTH_IT:
            body = gzip.compress(body, LEVEL, mtime=0)
            headers["content-encoding"] = "gzip"
        if self.sign is not None:
            headers.update(self.sign(method, f"{self.origin}{target}", body or b""))
        request = f"{method} {path.lstrip('/')}"
        try:
            answer = self.pool.urlopen(method, target, body, headers, retries=False, timeout=self.timeout)
            status, data = answer.status, answer.data
        except HTTPError as error:
            raise self._unanswered(error) from None
        if status >= 300:
            raise self._refused(request, status, data)
        return data

    def _read(self, data: bytes) -> dict[str, Any]:
        try:
            return cast("dict[str, Any]", json.loads(data or b"{}"))
        except ValueError:
            raise TryAgain(TargetError("an answer cannot be read", where=self.where)) from None

    def wait(self, tries: int, error: TargetError) -> int:
        """Wait before try `tries` + 1, a while that chance chooses; raise `error` when that was the last."""
        if tries >= self.tries:
            raise error
        self.clock.sleep(WAITS[tries] * self.random.uniform(0.5, 1))
        return tries + 1

    def _unanswered(self, error: HTTPError) -> Exception:
        if isinstance(error, SSLError):
            return TargetError(
                "its certificate is not trusted", where=self.where, hint="set SSL_CERT_FILE to its authority"
            )
        if isinstance(error, NewConnectionError):
            hint = "is it running, and is its url: right?"
            return TryAgain(Unreachable("OpenSearch cannot be reached", where=self.where, hint=hint))
        if isinstance(error, TookTooLong):
            return TryAgain(TargetError(f"no answer within {self.timeout:g} s", where=self.where, hint=CROWDED))
        return TryAgain(TargetError("the connection broke", where=self.where, hint=CROWDED))

    def _refused(self, request: str, status: int, data: bytes) -> Exception:
        try:
            details = json.loads(data)["error"]
            kind, reason = str(details["type"]), str(details.get("reason", ""))
        except (ValueError, LookupError, TypeError, AttributeError):
            kind, reason = "", ""
        if status == 413:
            return TooLarge()
        if status in BUSY:
            return TryAgain(TargetError(f"it is busy ({status})", where=self.where, hint=CROWDED))
        if status in (401, 403):
            return TargetError(
                f"it refuses us ({status})", where=self.where, hint="look at the user, password and role"
            )
        if status == 404 and kind == "index_not_found_exception":
            return Missing(f"{request}: no such index", where=self.where, got=kind)
        # Why a request about indices and aliases was refused holds no value of a field; that of these two may.
        said = f"{kind}: {reason}" if reason and not request.endswith(("/_bulk", "/_search")) else kind
        return TargetError(f"{request} was refused ({status})", where=self.where, got=said)


def open_endpoint(
    url: str,
    clock: Clock,
    *,
    timeout: float = TIMEOUT,
    tries: int = len(WAITS),
    compress: bool | None = None,
    basic: tuple[str, str] | None = None,
    sign: Sign | None = None,
    random: Random | None = None,
) -> Endpoint:
    """The endpoint at a URL; nothing is sent yet. `tries`: how often more than once it is asked while it is busy.

    Its user and password, or `basic`, are sent with each request, or `sign` signs it. Certificates are verified with
    what the system trusts, or SSL_CERT_FILE. Bodies are compressed unless the endpoint is on this machine, or as
    `compress` says.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    compress = not is_loopback(host) if compress is None else compress
    headers = {"accept": "application/json", "accept-encoding": "gzip" if compress else "identity"}
    if parts.username is not None:
        basic = unquote(parts.username), unquote(parts.password or "")
    if basic:
        headers["authorization"] = f"Basic {base64.b64encode(':'.join(basic).encode()).decode()}"
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        trusted = ssl.create_default_context()
        pool = urllib3.HTTPSConnectionPool(host, port, maxsize=CONNECTIONS, ssl_context=trusted)
    else:
        pool = urllib3.HTTPConnectionPool(host, port, maxsize=CONNECTIONS)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return Endpoint(
        pool=pool,
        where=f"{origin}{parts.path}",
        origin=origin,
        prefix=parts.path.rstrip("/"),
        headers=headers,
        clock=clock,
        random=random or Random(),  # noqa: S311 - how long to wait is no secret
        timeout=timeout,
        tries=tries,
        compress=compress,
        sign=sign,
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as far as its name says."""
    return host in ("localhost", "::1") or host.startswith("127.")

"""Who may see the board and who may act on it; what a browser may do with its pages.

Reading is open on loopback and needs a name beyond it. Acting always needs a name: that of a token, or the one that a
trusted proxy gives. A form counts only when it comes from a page of the board itself.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "posicional"
HOURS = 12
"""How long somebody stays known."""

LONGEST = 100
"""Characters of a name that a proxy gives."""

PASSED_ON = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""Headers of a request that came through a proxy, also one that nobody spoke of."""

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # without any, browsers send forms from nowhere (`Origin: null`)
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """What the board was told of people. `tokens`: name -> secret. `proxies`: addresses whose `header` names the user.

    `local`: the board is bound to loopback, so that whoever asks sits at this machine. `seconds`: a clock for how long
    somebody stays known; that of the browser's cookie alone would be the browser's word.
    """

    local: bool
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxies: frozenset[str] = frozenset()
    header: str = "x-forwarded-user"
    seconds: Callable[[], float] = field(default=time.monotonic, repr=False)
    _sessions: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)

    def name(self, request: Request) -> str:
        """Whoever asks; empty for nobody in particular."""
        if self._by_proxy(request):
            said = "".join(filter(str.isprintable, request.headers.get(self.header, ""))).strip()
            if said:
                return said[:LONGEST]
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self._name_of(token)
        name, until = self._sessions.get(request.cookies.get(COOKIE, ""), ("", 0.0))
        return name if self.seconds() < until else ""

    def may_read(self, request: Request) -> bool:
        """Whether pages are shown: to whoever has a name, or sits at this machine and did not come through a proxy."""
        passed_on = self._by_proxy(request) or any(name in request.headers for name in PASSED_ON)
        return bool(self.name(request)) or (self.local and not passed_on)

    def may_act(self, request: Request) -> bool:
        """Whether a form is carried out: a known name, from a page of ours."""
        return bool(self.name(request)) and self.same_origin(request)

    def welcome(self, token: str) -> tuple[str, str] | None:
        """The name that a token stands for, and the cookie by which it is known from now on; None for no such token."""
        name = self._name_of(token)
        if not name:
            return None
        while len(self._sessions) >= 1000:
            self._sessions.pop(next(iter(self._sessions)))
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = name, self.seconds() + HOURS * 3600
        return name, cookie

    def _name_of(self, token: str) -> str:
        found = [name for name, secret in self.tokens.items() if hmac.compare_digest(secret.encode(), token.encode())]
        return found[0] if found else ""

    def secure(self, request: Request) -> bool:
        """Whether the browser reached the board by TLS, which a trusted proxy may have ended."""
        proxied = self._by_proxy(request) and request.headers.get("x-forwarded-proto") == "https"
        return request.url.scheme == "https" or proxied

    def _by_proxy(self, request: Request) -> bool:
        return request.client is not None and request.client.host in self.proxies

    def goodbye(self, request: Request) -> None:
        """Forget whoever asks."""
        self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def known_host(self, request: Request) -> bool:
        """On loopback only a loopback name: another one is a page elsewhere that had its own name point here."""
        return not self.local or is_loopback(request.url.hostname or "")

    def same_origin(self, request: Request) -> bool:
        """Whether a form comes from a page of the board itself."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None and site != "same-origin":
            return False
        host = request.headers.get("host")
        if self._by_proxy(request):  # which may have a name of its own
            host = request.headers.get("x-forwarded-host", host)
        return origin is not None and urlsplit(origin).netloc == host


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Headers:
    """Adds to every answer what keeps a browser from doing more than it should."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer through the app."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)

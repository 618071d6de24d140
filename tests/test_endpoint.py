"""One HTTP endpoint: what it is asked, what it may answer, and what becomes of answers that nobody expects."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from random import Random

import pytest

from bulk_server import Handler, serving
from clocks import StillClock
from posicional.backends.endpoint import Endpoint, open_endpoint
from posicional.errors import TargetError

Answering = Callable[[Handler], None]


def speaking(*answers: Answering) -> tuple[type[Handler], list[str]]:
    """A handler that gives these answers, the last one again and again; and the requests that came."""
    came: list[str] = []

    class Speaker(Handler):
        def _any(self) -> None:
            self.body()
            came.append(f"{self.command} {self.path}")
            answers[min(len(came), len(answers)) - 1](self)

        do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that the base asks for

    return Speaker, came


def says(status: int, data: bytes = b"{}", **headers: str) -> Answering:
    """One answer."""

    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def to(url: str, clock: StillClock, **words: float) -> Endpoint:
    """The endpoint with chance that is always the same."""
    return open_endpoint(url, clock, random=Random(1), **words)  # type: ignore[arg-type]  # its words


def error(kind: str, reason: str) -> bytes:
    """What OpenSearch says when it refuses."""
    return json.dumps({"error": {"type": kind, "reason": reason}}).encode()


def test_a_busy_endpoint_is_asked_again() -> None:
    """Busy, cut off, or not JSON: asked again after a while, until it answers."""
    clock = StillClock()
    handler, came = speaking(says(429), says(503, b"<html>"), says(200, b'{"a"'), says(200, b'{"a":1}'))
    with serving(handler) as url:
        assert to(url, clock).ask("GET", "/x") == {"a": 1}
    assert came == ["GET /x"] * 4
    assert len(clock.slept) == 3


def test_a_path_before_everything_and_parameters() -> None:
    """An endpoint behind a gateway has a path of its own; parameters are spelled as URLs want."""
    handler, came = speaking(says(200))
    with serving(handler) as url:
        endpoint = to(f"{url}/search/", StillClock())
        endpoint.ask("GET", "/a,b*", params={"filter_path": "x,y.*"})
        assert endpoint.where == f"{url}/search/"
    assert came == ["GET /search/a,b*?filter_path=x%2Cy.%2A"]


def test_nobody_is_followed_elsewhere() -> None:
    """A redirection is an error: what says who we are goes to the endpoint alone."""
    there, came = speaking(says(200))
    with serving(there) as elsewhere:
        handler, _ = speaking(says(302, location=f"{elsewhere}/x"))
        with serving(handler) as url, pytest.raises(TargetError, match=r"GET x was refused \(302\)"):
            to(url.replace("//", "//ana:senha@"), StillClock()).ask("GET", "/x")
    assert came == []


def test_no_answer_in_time() -> None:
    """Said with the time that was waited, after all tries."""
    clock = StillClock()
    with serving(speaking(lambda _: time.sleep(0.3))[0]) as url:
        endpoint = to(url, clock, timeout=0.05)
        with pytest.raises(TargetError, match=r"no answer within 0\.05 s"):
            endpoint.ask("GET", "/x")
    assert len(clock.slept) == 7


@pytest.mark.parametrize(
    ("status", "data", "message"),
    [
        (400, error("illegal_argument_exception", "unknown setting"), "(400); got illegal_argument_exception: unknown"),
        (500, b"<html>", "PUT x was refused (500)"),
        (400, b'["x"]', "PUT x was refused (400)"),
        (400, b'{"error":"x"}', "PUT x was refused (400)"),
        (413, b"", "PUT x was refused (413)"),
        (403, error("security_exception", "no"), "it refuses us (403)"),
    ],
    ids=["said", "html", "list", "text", "too large", "forbidden"],
)
def test_what_no_retry_mends(status: int, data: bytes, message: str) -> None:
    """One sentence, whatever the answer looks like, and nothing is asked twice."""
    handler, came = speaking(says(status, data))
    clock = StillClock()
    with serving(handler) as url, pytest.raises(TargetError) as caught:
        to(url, clock).ask("PUT", "/x", {})
    assert message in str(caught.value)
    assert (len(came), clock.slept) == (1, [])


def test_a_bulks_reason_is_not_repeated() -> None:
    """It may hold the value of a field; that of a request about indices may not."""
    data = error("parse_exception", "cannot read 12345678909")
    with serving(speaking(says(400, data))[0]) as url, pytest.raises(TargetError) as caught:
        to(url, StillClock()).send("POST", "/x/_bulk", b"{}\n")
    assert str(caught.value).endswith("POST x/_bulk was refused (400); got parse_exception")

"""Who we are to the endpoint: users, signatures that a server works out again, certificates; what is never shown."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bulk_server import Handler, serving
from clocks import StillClock
from posicional.backends.opensearch import connect, service_of
from posicional.cli.show import Teller
from posicional.contract.feed import Aws, Basic, OpenSearchTarget
from posicional.demo.osmem import start
from posicional.errors import PosicionalError, TargetError
from posicional.steps.publish import publish
from publishing import world_at
from worlds import DAY

TLS = Path(__file__).parent / "tls"
USER, PASSWORD = "ana:maria@", "s3nha/secreta#1"
KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "AQoDYXdzEJr-session"
REGION = "sa-east-1"


@pytest.fixture(autouse=True)
def _no_other_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests may have credentials of their own."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def aws_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment, with a session's token."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)


@contextmanager
def guarded(url: str, guard: type[Guard]) -> Iterator[str]:
    """The endpoint at `url` behind somebody who looks at each request first."""
    guard.behind = url
    with serving(guard) as here:
        yield here


class Guard(Handler):
    """Passes on what `refusal` has nothing against."""

    behind = ""

    def refusal(self, body: bytes) -> tuple[int, str] | None:
        """The status and the type of error with which a request is refused."""
        raise NotImplementedError

    def _any(self) -> None:
        body = self.body()
        refused = self.refusal(body)
        if refused:
            status, kind = refused
            self.answer(status, json.dumps({"error": {"type": kind, "reason": kind}, "status": status}).encode())
            return
        real = urlsplit(self.behind)
        connection = HTTPConnection(str(real.hostname), real.port, timeout=30)
        names = ("content-type", "content-encoding")
        headers = {name: value for name in names if (value := self.headers.get(name))}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        self.answer(answer.status, answer.read())
        connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any  # noqa: N815 - the names that the base asks for


# --- user and password ------------------------------------------------------------------------------------------------


class Door(Guard):
    """Knows one user."""

    def refusal(self, body: bytes) -> tuple[int, str] | None:  # noqa: ARG002 - whatever is asked
        """Any but that user."""
        known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return None if self.headers.get("authorization") == f"Basic {known}" else (401, "security_exception")


def with_user(url: str, password: str = PASSWORD) -> OpenSearchTarget:
    """A target whose user stands in words of its own."""
    return OpenSearchTarget(url, {}, auth=Basic(USER, password))


def test_a_user_is_known_by_words_or_by_the_url() -> None:
    """Whatever characters there are; those of a URL are spelled as URLs want."""
    with start() as url, guarded(url, Door) as here:
        assert connect(with_user(here)).indices("*") == {}
        host = here.removeprefix("http://")
        assert connect(OpenSearchTarget(f"http://ana%3Amaria%40:s3nha%2Fsecreta%231@{host}", {})).indices("*") == {}
        for wrong in (with_user(here, "falsa"), OpenSearchTarget(here, {})):
            clock = StillClock()
            with pytest.raises(TargetError, match=r"it refuses us \(401\) -> look at the user") as caught:
                connect(wrong, clock).indices("*")
            assert "falsa" not in str(caught.value)
            assert clock.slept == [], "no retry opens that door"


# --- signatures -------------------------------------------------------------------------------------------------------


class Gate(Guard):
    """Works each signature out again, as Amazon does, and refuses what it would refuse."""

    service = "es"
    secrets = {KEY: (SECRET, TOKEN)}  # noqa: RUF012 - replaced, never changed
    bodies: list[bytes] = []  # noqa: RUF012 - a fresh one for each test

    def refusal(self, body: bytes) -> tuple[int, str] | None:
        """A signature that is not right, or not complete."""
        self.bodies.append(body)
        words = dict(part.split("=", 1) for part in self.headers["authorization"].split(" ", 1)[1].split(", "))
        key, day, *scope = words["Credential"].split("/")
        signed = words["SignedHeaders"].split(";")
        date = self.headers["x-amz-date"]
        if scope != [REGION, self.service, "aws4_request"] or not date.startswith(day) or key not in self.secrets:
            return 403, "scope"
        if signed != sorted({"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}):
            return 403, "signed headers"
        if self.headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
            return 403, "body"
        secret, token = self.secrets[key]
        if self.headers["x-amz-security-token"] != token:
            return 403, "token"
        request = AWSRequest(self.command, f"http://{self.headers['host']}{self.path}", data=body)
        for name in signed:
            request.headers[name] = self.headers[name]
        request.context["timestamp"] = date
        signer = SigV4Auth(Credentials(key, secret, token), self.service, REGION)
        right = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        return None if words["Signature"] == right else (403, "signature")


def signed(url: str, service: str = "es", **words: object) -> OpenSearchTarget:
    """A target whose requests are signed."""
    return replace(OpenSearchTarget(url, {}, auth=Aws(service, REGION)), **words)  # type: ignore[arg-type]  # its words


@pytest.mark.usefixtures("aws_keys")
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_a_whole_publication_is_signed(tmp_path: Path, compress: bool) -> None:
    """Every request of a publication, bulk bodies as they are sent included, has a signature that is right."""
    Gate.service, Gate.bodies = "es", []
    with start() as url, guarded(url, Gate) as here:
        world = world_at(url, tmp_path)
        world.run(1, rows=200)
        target = connect(signed(here, compress=compress), world.clock)
        publish(world.feed, DAY, 1, replace(world.outside(), target=lambda _: target))
        assert world.statuses() == ["succeeded"]
        assert world.endpoint.count("contratos") == 200
    assert any(body.startswith(b"\x1f\x8b") for body in Gate.bodies) == compress


@pytest.mark.usefixtures("aws_keys")
@pytest.mark.parametrize("wrong", ["secret", "token", "service", "region"])
def test_a_signature_that_is_not_right_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    """The server of these tests does look: each part of a signature matters."""
    Gate.service = "aoss" if wrong == "service" else "es"
    if wrong == "secret":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    if wrong == "token":
        monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    auth = Aws("es", "us-east-1" if wrong == "region" else REGION)
    with start() as url, guarded(url, Gate) as here, pytest.raises(TargetError, match=r"it refuses us \(403\)"):
        connect(OpenSearchTarget(here, {}, auth=auth)).indices("*")


def test_credentials_are_renewed_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that outlives its credentials goes on with new ones, from wherever the first came."""
    given: list[str] = []

    class Giver(Handler):
        def do_GET(self) -> None:  # noqa: N802 - the name that the base asks for
            given.append(f"KEY{len(given)}")
            until = datetime.now(UTC) + timedelta(minutes=2)
            words = {"AccessKeyId": given[-1], "SecretAccessKey": SECRET, "Token": TOKEN}
            words["Expiration"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
            self.answer(200, json.dumps(words).encode())

    Gate.service = "es"
    monkeypatch.setattr(Gate, "secrets", {f"KEY{n}": (SECRET, TOKEN) for n in range(20)})
    with start() as url, guarded(url, Gate) as here, serving(Giver) as giver:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", giver.replace("127.0.0.1", "localhost"))
        target = connect(signed(here))
        for _ in range(3):
            assert target.indices("*") == {}
    assert len(given) >= 3, "so short a time is never enough"


def test_no_credentials_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says where, and what to do; so is a region that nobody names, and a profile that is not there."""
    with pytest.raises(TargetError, match="there are no AWS credentials -> give AWS credentials: a role, a profile"):
        connect(signed("http://127.0.0.1:9")).indices("*")
    with pytest.raises(TargetError, match="nothing says in which AWS region it is -> name it"):
        connect(OpenSearchTarget("http://127.0.0.1:9", {}, auth=Aws()))
    monkeypatch.setenv("AWS_REGION", REGION)
    connect(OpenSearchTarget("http://127.0.0.1:9", {}, auth=Aws()))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    (tmp_path / "config").write_text("[default]\n")
    with pytest.raises(TargetError, match="ProfileNotFound"):
        connect(signed("http://127.0.0.1:9")).indices("*")


def test_amazons_own_names_say_service_and_region() -> None:
    """So that `auth: aws` is enough; names of one's own say nothing."""
    assert service_of("search-x-abc.sa-east-1.es.amazonaws.com") == ("es", "sa-east-1")
    assert service_of("vpc-x-abc.cn-north-1.es.amazonaws.com.cn") == ("es", "cn-north-1")
    assert service_of("07tjusf2h91cunochc.us-east-1.aoss.amazonaws.com") == ("aoss", "us-east-1")
    assert service_of("search.example.com") == ("", "")


def test_addresses_of_amazons_own_are_signed_unless_a_user_is_named() -> None:
    """One feed serves both here and there: nothing in it need say where it is."""

    def is_signed(url: str, auth: Basic | None = None) -> bool:
        return connect(OpenSearchTarget(url, {}, auth=auth)).endpoint.sign is not None

    domain = "search-x-abc.sa-east-1.es.amazonaws.com"
    assert is_signed(f"https://{domain}")
    assert not is_signed(f"https://ana:senha@{domain}")
    assert not is_signed(f"https://{domain}", Basic("ana", "senha"))
    assert not is_signed("https://search.example.com")
    assert connect(OpenSearchTarget("https://x.us-east-1.aoss.amazonaws.com", {})).serverless


# --- Serverless -------------------------------------------------------------------------------------------------------


class Collection(Gate):
    """A SEARCH collection of Serverless: signed for `aoss`; no look at the cluster, no refreshing, no copies; what was
    sent is found by and by.
    """

    service = "aoss"
    shown = 0

    def refusal(self, body: bytes) -> tuple[int, str] | None:
        """What a collection does not know."""
        path = urlsplit(self.path).path
        if wrong := super().refusal(body):
            return wrong
        if path.endswith(("/_count", "/_search")):  # it refreshes when it likes
            connect(OpenSearchTarget(self.behind, {})).refresh(path.split("/")[1])
        if path == "/" or path.startswith(("/_cluster", "/_cat", "/_nodes", "/_tasks")):
            return 404, "not_found"
        if path.endswith("/_refresh") or "refresh=" in self.path:
            return 404, "not_found"
        if b"number_of_replicas" in body or b"refresh_interval" in body or path.endswith("/_settings"):
            return 400, "illegal_argument_exception"
        return None

    def answer(self, status: int, data: bytes, kind: str = "application/json") -> None:
        """The count lags behind."""
        if urlsplit(self.path).path.endswith("/_count") and status == 200:
            told = json.loads(data)
            Collection.shown += 80
            data = json.dumps({**told, "count": min(told["count"], Collection.shown)}).encode()
        super().answer(status, data, kind)


@pytest.mark.usefixtures("aws_keys")
def test_a_publication_in_serverless(tmp_path: Path) -> None:
    """Everything goes through that a collection takes, and the count is awaited."""
    Collection.shown = 0
    with start() as url, guarded(url, Collection) as here:
        world = world_at(url, tmp_path)
        world.run(1, rows=200)
        target = connect(signed(here, "aoss"), world.clock)
        assert target.serverless
        publish(world.feed, DAY, 1, replace(world.outside(), target=lambda _: target))
        assert world.statuses() == ["succeeded"]
        assert world.shown("contratos") == [f"contratos-{DAY}-0001-0001"]
        assert world.clock.slept, "not all was there at once"


# --- certificates -----------------------------------------------------------------------------------------------------


def test_certificates_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody vouches for is refused, with what to do; with its authority it is taken."""

    class Empty(Handler):
        def do_GET(self) -> None:  # noqa: N802 - the name that the base asks for
            self.body()
            self.answer(200, b"{}")

    with serving(Empty, (TLS / "localhost.pem", TLS / "localhost.key")) as url:
        port = urlsplit(url).port
        clock = StillClock()
        for name in ("localhost", "127.0.0.1"):
            target = OpenSearchTarget(f"https://{name}:{port}", {})
            monkeypatch.delenv("SSL_CERT_FILE", raising=False)
            with pytest.raises(TargetError, match="its certificate is not trusted -> set SSL_CERT_FILE"):
                connect(target, clock).indices("*")
            monkeypatch.setenv("SSL_CERT_FILE", str(TLS / "localhost.pem"))
            assert connect(target, clock).indices("*") == {}
        assert clock.slept == [], "no retry makes it trusted"


def test_the_certificate_of_these_tests_is_good_for_nothing_else() -> None:
    """It vouches for this machine only."""
    told = ssl._ssl._test_decode_cert(str(TLS / "localhost.pem"))  # type: ignore[attr-defined]  # noqa: SLF001
    assert told["subjectAltName"] == (("DNS", "localhost"), ("IP Address", "127.0.0.1"))


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("aws_keys")
@pytest.mark.parametrize("kind", ["basic", "aws"])
def test_secrets_are_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Neither in logs at their most talkative, nor in the ledger, in what is printed, in errors or in `repr`."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    out = io.StringIO()
    guard: type[Guard] = Door if kind == "basic" else Gate
    Gate.service = "es"
    with start() as url, guarded(url, guard) as here:
        world = world_at(url, tmp_path)
        target = with_user(here) if kind == "basic" else signed(here)
        world.feed = replace(world.feed, opensearch=replace(target, datasets=world.feed.opensearch.datasets))  # type: ignore[union-attr]  # it has one
        world.run(1, rows=20)
        teller = Teller(world.clock, world.feed.timezone)
        outside = replace(world.outside(), target=lambda each: connect(each, world.clock), tell=teller)
        publish(world.feed, DAY, 1, outside)
        broken = replace(target, auth=Basic(USER, f"{PASSWORD}x") if kind == "basic" else Aws("aoss", REGION))
        with pytest.raises(PosicionalError) as caught:
            publish(world.feed, DAY, 1, replace(outside, target=lambda _: connect(broken, world.clock)))
    assert world.statuses() == ["succeeded", "failed"]
    ledger = b"".join(path.read_bytes() for path in tmp_path.rglob("*.json"))
    assert b"contratos" in ledger
    written = [caplog.text, ledger.decode(), str(caught.value), repr(caught.value), repr(world.feed), repr(outside)]
    written += [*capsys.readouterr(), out.getvalue(), repr(connect(target))]
    assert "urllib3" in caplog.text, "something was logged"
    told = "\n".join(written)
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, encoded, SECRET, TOKEN, "Signature=", "AWS4-HMAC"):
        assert secret not in told

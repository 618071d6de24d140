"""What docs/board.md promises of the board's safety, promise by promise."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from commands import posicional
from posicional.backends.duckdb import DuckDbEngine
from posicional.board import look
from posicional.board.app import create
from posicional.board.guard import HEADERS, HOURS, Guard
from posicional.board.watched import Watched
from posicional.cli.board import TOKENS, guard_of
from posicional.contract.feed import Feed
from posicional.contract.tolerance import parse_tolerance
from posicional.errors import UsageError
from posicional.steps.advance import advance
from test_board import DATE, FORM, ORIGIN, TOKEN, browser, decisions, signed_in
from test_cost import EVENING, Counting
from worlds import CPFS, DAY, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

OTHER = "outro-token-de-teste"
EVIL = '"><img src=x onerror=alert(1)><!--'
FORMS = (
    "/sign-in",
    "/sign-out",
    "/language",
    f"/feed/saude/{DATE}/hold",
    f"/feed/saude/{DATE}/file/contratos",
    f"/feed/saude/{DATE}/dataset/ativos/line",
)
PAGES = (
    "/feed/saude",
    f"/feed/saude/{DATE}",
    "/feed/saude/past",
    "/hand-over",
    f"/feed/saude/{DATE}/file/contratos",
    f"/feed/saude/{DATE}/dataset/ativos",
    f"/feed/saude/{DATE}/dataset/ativos?q=ouro",
    f"/feed/saude/{DATE}/dataset/ativos/line?id=000000",
)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files, one of which may have some rejects; its owner, its names of files hold markup."""
    feed = write_feed(tmp_path_factory.mktemp("feed"))
    one = replace(feed.files["contratos"], max_rejects=parse_tolerance("5"), owner=EVIL)
    return replace(feed, files=dict(feed.files) | {"contratos": one})


@pytest.fixture
def one(feed: Feed, tmp_path: Path) -> Watched:
    """A day that is done; a rejected line holds markup and a person's number."""
    store = new_store("memory", tmp_path)
    data = contratos()
    rejected = f"1{EVIL[:18]}{CPFS[0]}".ljust(30).encode() + b"\n"
    head, rest = data[:31], data[31:]
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", head + rejected + rest.replace(b"9000005", b"9000006"))
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    made = Watched(feed, outside_of(store, ToldClock(EVENING), engine=DuckDbEngine))
    assert advance(feed, DAY, made.outside).problem is None
    return made


def answers(one: Watched, guard: Guard, address: str = "testclient") -> TestClient:
    """A browser at some address, and the board behind a guard."""
    client = (address, 4711)
    return TestClient(create([one], guard), base_url=ORIGIN, client=client, raise_server_exceptions=False)


# --- who may see ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "board.example"])  # noqa: S104 - nothing listens
def test_a_board_that_others_can_reach_wants_tokens_or_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either it does not start; on loopback, which is where it listens by itself, it does."""
    monkeypatch.delenv(TOKENS, raising=False)
    with pytest.raises(UsageError, match="nobody would have to say who they are"):
        guard_of(host)
    assert not guard_of(host, ["10.0.0.1"]).local
    monkeypatch.setenv(TOKENS, f"ana={TOKEN}")
    assert not guard_of(host).local
    assert "[default: 127.0.0.1]" in " ".join(posicional("board", "--help").out.split())


@pytest.mark.parametrize("text", ["ana", "ana=", "=um-token-de-teste", "ana=short", f"ana={TOKEN},rui"])
def test_a_token_that_is_none_is_refused_and_never_quoted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a name, or too short to be a secret."""
    monkeypatch.setenv(TOKENS, text)
    with pytest.raises(UsageError) as caught:
        guard_of("127.0.0.1")
    assert TOKEN not in str(caught.value)
    assert "short" not in str(caught.value).replace("characters", "")


@pytest.mark.parametrize("path", PAGES)
def test_beyond_this_machine_every_page_wants_a_name(one: Watched, path: str) -> None:
    """Nobody is led to sign in, and reads nothing of the feed; a token, also in a header, opens it."""
    guard = Guard(local=False, tokens={"ana": TOKEN})
    answer = answers(one, guard).get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
    assert "OURO" not in answer.text
    bearer = answers(one, guard).get(path, headers={"authorization": f"Bearer {TOKEN}"})
    assert bearer.status_code == 200
    wrong = answers(one, guard).get(path, headers={"authorization": f"Bearer {OTHER}"}, follow_redirects=False)
    assert wrong.status_code == 303


def test_tokens_are_compared_in_constant_time_all_of_them(one: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it takes says neither whose token it was like, nor how much of it was right."""
    compared: list[bytes] = []

    def watched(left: bytes, right: bytes) -> bool:
        compared.append(left)
        return real(left, right)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", watched)
    client = answers(one, Guard(local=True, tokens={"ana": TOKEN, "rui": OTHER}))
    client.post("/sign-in", data={"token": TOKEN}, headers=FORM)
    assert compared == [TOKEN.encode(), OTHER.encode()]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_ends(one: Watched) -> None:
    """It holds no token, ends with the board's own clock, and at signing out."""
    now = 1000.0
    guard = Guard(local=False, tokens={"ana": TOKEN}, seconds=lambda: now)
    client = answers(one, guard)
    answer = client.post("/sign-in", data={"token": TOKEN}, headers=FORM, follow_redirects=False)
    morsel = SimpleCookie(answer.headers["set-cookie"])["posicional"]
    assert (morsel["httponly"], morsel["samesite"].lower(), morsel["max-age"]) == (True, "strict", str(HOURS * 3600))
    assert TOKEN not in morsel.value
    assert len(morsel.value) >= 40
    assert client.get("/feed/saude").status_code == 200
    now += HOURS * 3600 - 1
    assert client.get("/feed/saude").status_code == 200
    now += 2
    assert client.get("/feed/saude", follow_redirects=False).status_code == 303
    client.post("/sign-in", data={"token": TOKEN}, headers=FORM)
    kept = client.cookies["posicional"]
    client.post("/sign-out", headers=FORM)
    thief = answers(one, guard)
    thief.cookies["posicional"] = kept
    assert thief.get("/feed/saude", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(("address", "secure"), [("10.0.0.1", True), ("10.0.0.2", False)])
def test_behind_a_proxy_that_ends_tls_the_cookie_goes_by_tls_alone(one: Watched, address: str, secure: bool) -> None:
    """If the proxy that is trusted says so."""
    guard = Guard(local=False, tokens={"ana": TOKEN}, proxies=frozenset({"10.0.0.1"}))
    headers = FORM | {"x-forwarded-proto": "https"}
    answer = answers(one, guard, address).post(
        "/sign-in", data={"token": TOKEN}, headers=headers, follow_redirects=False
    )
    assert ("secure" in answer.headers["set-cookie"].lower()) == secure


def test_only_the_trusted_proxy_says_who_somebody_is(one: Watched) -> None:
    """From its address; what it says is a name on one line, and a token is not asked for."""
    guard = Guard(local=False, tokens={"ana": TOKEN}, proxies=frozenset({"10.0.0.1"}))
    header = FORM | {"x-forwarded-user": " rui\t\x7f "}
    hold = f"/feed/saude/{DATE}/hold"
    for address, headers in (("10.0.0.2", header), ("10.0.0.1", FORM)):
        stranger = answers(one, guard, address)
        assert stranger.post(hold, data={"why": "x"}, headers=headers, follow_redirects=False).status_code == 303
    assert decisions(one) == []
    assert answers(one, guard, "10.0.0.1").post(hold, data={"why": "x"}, headers=header).status_code == 200
    assert [fact.who for fact in decisions(one)] == ["rui@board"]


def test_a_proxy_on_this_machine_opens_nothing_to_those_whom_it_does_not_name(one: Watched) -> None:
    """Who comes through it does not sit at this machine; its own name counts for forms, and only from its address."""
    guard = Guard(local=True, proxies=frozenset({"127.0.0.1"}))
    proxied, direct = answers(one, guard, "127.0.0.1"), answers(one, guard, "::1")
    page, hold = "/feed/saude", f"/feed/saude/{DATE}/hold"
    user = {"x-forwarded-user": "rui"}
    assert proxied.get(page, follow_redirects=False).status_code == 303
    assert proxied.get(page, headers=user).status_code == 200
    assert direct.get(page).status_code == 200
    form = user | {"origin": "https://board.example", "sec-fetch-site": "same-origin"}
    named = form | {"x-forwarded-host": "board.example"}
    assert proxied.post(hold, data={"why": "x"}, headers=form).status_code == 403
    assert direct.post(hold, data={"why": "x"}, headers=named).status_code == 403
    assert decisions(one) == []
    assert proxied.post(hold, data={"why": "x"}, headers=named).status_code == 200
    rebound = named | {"host": "evil.example", "origin": "http://evil.example", "x-forwarded-host": "evil.example"}
    assert proxied.post(hold, data={"why": "x"}, headers=rebound).status_code == 400
    assert [fact.who for fact in decisions(one)] == ["rui@board"]


FORWARDED = {
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-host": "board.example",
    "x-forwarded-proto": "https",
    "x-real-ip": "203.0.113.9",
    "forwarded": "for=203.0.113.9",
    "via": "1.1 proxy",
}


def test_a_proxy_on_this_machine_that_nobody_spoke_of_opens_nothing(one: Watched) -> None:
    """What was passed on is not from this machine, whoever passed it on: it wants a name as from anywhere."""
    client = answers(one, Guard(local=True, tokens={"ana": TOKEN}), "127.0.0.1")
    for header, value in FORWARDED.items():
        for path in (*PAGES, "/"):
            answer = client.get(path, headers={header: value}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/sign-in")
        known = {header: value, "authorization": f"Bearer {TOKEN}"}
        assert client.get("/feed/saude", headers=known).status_code == 200
    assert client.get("/feed/saude").status_code == 200


def test_whom_a_proxy_does_not_name_a_token_does(one: Watched) -> None:
    """Somebody signs in through it, by its own name, and then reads and acts; another's name in the header wins."""
    client = answers(one, Guard(local=True, tokens={"ana": TOKEN}, proxies=frozenset({"127.0.0.1"})), "127.0.0.1")
    client.base_url = "https://localhost"  # so that the browser sends its secure cookie
    passed_on = {"x-forwarded-proto": "https", "x-forwarded-host": "board.example"}
    form = passed_on | {"origin": "https://board.example", "sec-fetch-site": "same-origin"}
    page, hold = "/feed/saude", f"/feed/saude/{DATE}/hold"
    assert client.get(page, headers=passed_on, follow_redirects=False).status_code == 303
    answer = client.post("/sign-in", data={"token": TOKEN, "back": page}, headers=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert "secure" in answer.headers["set-cookie"].lower()
    assert client.get(page, headers=passed_on, follow_redirects=False).status_code == 200
    assert client.post(hold, data={"why": "x"}, headers=form).status_code == 200
    assert [fact.who for fact in decisions(one)] == ["ana@board"]
    named = form | {"x-forwarded-user": "rui"}
    assert client.post(f"/feed/saude/{DATE}/release", data={"why": "y"}, headers=named).status_code == 200
    assert [fact.who for fact in decisions(one)] == ["ana@board", "rui@board"]
    client.cookies.clear()
    bearer = passed_on | {"authorization": f"Bearer {TOKEN}"}
    assert client.get(page, headers=bearer, follow_redirects=False).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7"])
def test_on_this_machine_the_board_has_this_machines_names_alone(one: Watched, host: str) -> None:
    """A page elsewhere whose name was made to point here reads and changes nothing."""
    client = signed_in(one)
    for path in (*PAGES, "/sign-in", "/healthz"):
        answer = client.get(path, headers={"host": host})
        assert (answer.status_code, "saude" in answer.text) == (400, False)
    assert client.get("/hand-over", headers={"host": "127.0.0.1:8377"}).status_code == 200
    assert client.get("/hand-over", headers={"host": "[::1]:8377"}).status_code == 200


def test_whoever_may_not_read_learns_nothing_from_the_health(one: Watched) -> None:
    """Only that it is bad; those who may read learn which feed it is about."""

    class Ill:
        """A watch that fell behind."""

        def ill(self) -> str:
            """Says so."""
            return "saude was not swept for long"

        def metrics(self) -> bytes:
            """Has none."""
            return b"posicional 1\n"

    client = TestClient(create([one], Guard(local=False, tokens={"ana": TOKEN}), Ill()), base_url=ORIGIN)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (503, "ill\n")
    assert client.get("/healthz", headers=bearer).text == "saude was not swept for long\n"
    assert client.get("/metrics", follow_redirects=False).status_code == 303
    assert client.get("/metrics", headers=bearer).status_code == 200


# --- who may act ------------------------------------------------------------------------------------------------------


def test_without_tokens_the_board_only_shows(one: Watched) -> None:
    """It writes nothing, whatever is sent, and offers nothing to write."""
    counting = Counting(one.outside.store)
    quiet = replace(one, outside=replace(one.outside, store=counting))
    client = browser(quiet, Guard(local=True))
    for path in PAGES:
        assert 'method="post" action="/feed' not in client.get(path).text
    for path in FORMS:
        client.post(path, data={"why": "x", "about": "contratos", "id": "000000", "token": ""}, headers=FORM)
    assert {name for name in counting.calls if counting.calls[name]} <= {"list", "listed", "read", "head", "source"}


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ORIGIN, "sec-fetch-site": "same-site"},
        {"origin": f"{ORIGIN}.evil.example"},
        {"sec-fetch-site": "same-origin"},
    ],
)
def test_a_form_counts_only_from_a_page_of_the_board(one: Watched, path: str, headers: Mapping[str, str]) -> None:
    """All of them, also with somebody's cookie, and with a token that a page elsewhere has got hold of."""
    client = signed_in(one)
    data = {"why": "x", "id": "000000", "token": TOKEN, "language": "pt"}
    for more in ({}, {"authorization": f"Bearer {TOKEN}"}):
        answer = client.post(path, data=data, headers={**headers, **more}, follow_redirects=False)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert decisions(one) == []


def test_a_decision_is_never_made_by_a_link(one: Watched) -> None:
    """Only forms that are posted act."""
    client = signed_in(one)
    for action in ("hold", "skip", "rerun", "accept"):
        assert client.get(f"/feed/saude/{DATE}/{action}?why=x").status_code in (404, 405)
    assert decisions(one) == []


def test_a_body_that_is_too_large_is_not_read(one: Watched) -> None:
    """Nor one of very many words."""
    client = signed_in(one)
    large = client.post(f"/feed/saude/{DATE}/hold", data={"why": "x" * (64 << 10)}, headers=FORM)
    assert large.status_code == 413
    assert decisions(one) == []


# --- what comes from files and requests -------------------------------------------------------------------------------


def test_markup_is_text_wherever_it_comes_from(one: Watched) -> None:
    """A rejected line, an owner, a reason, a search, a date, a month."""
    client = signed_in(one)
    client.post(f"/feed/saude/{DATE}/hold", data={"why": EVIL}, headers=FORM)
    revealed = client.post(f"/feed/saude/{DATE}/file/contratos", data={"why": EVIL}, headers=FORM)
    pages = [client.get(path) for path in (*PAGES, f"/feed/saude/{DATE}/dataset/ativos?q={EVIL}")]
    pages += [
        client.get(path) for path in (f"/feed/saude/{EVIL}", f"/feed/saude/past?month={EVIL}", f"/sign-in?back={EVIL}")
    ]
    for page in (revealed, *pages):
        assert "<img" not in page.text
        assert not re.search(r"<script(?! src=)|<style| style=| on\w+=\"", page.text)
    assert "&lt;img" in pages[0].text
    assert EVIL[:2].replace('"', "&#34;").replace(">", "&gt;") in revealed.text


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/static/board.css", "/healthz", "/nowhere", "/feed/x"])
def test_every_answer_carries_the_policy(one: Watched, path: str) -> None:
    """No script or style but the board's own, no frame around it, no guess at types, nothing in caches."""
    headers = browser(one).get(path).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "img-src", "connect-src", "form-action")} == {"'self'"}
    assert HEADERS["x-frame-options"] == "DENY"
    assert HEADERS["x-content-type-options"] == "nosniff"
    assert HEADERS["cache-control"] == "no-store"


def test_a_bug_says_nothing_of_itself_and_carries_the_policy_too(one: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trace of the program, no value."""

    def broken(*_: object) -> None:
        raise RuntimeError(f"a secret: {CPFS[0]}")

    monkeypatch.setattr(look, "one_day", broken)
    answer = answers(one, Guard(local=True)).get("/feed/saude")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    "path",
    [
        "/feed/..%2f..%2fcontrole",
        f"/feed/saude%2f..%2fsaude/{DATE}",
        "/feed/saude/..",
        "/feed/saude/0001-01-01",
        "/feed/saude/9999-12-31",
        "/feed/saude/2026-11-22%00",
        "/feed/saude/past?month=0001-01",
        "/feed/saude/past?month=9999-12%00",
        "/feed/saude/past?month=2026-11-22",
        f"/feed/saude/{DATE}/file/..%2fcontratos",
        f"/feed/saude/{DATE}/file/contratos%00",
        f"/feed/saude/{DATE}/dataset/..%2fativos",
        f"/feed/saude/{DATE}/dataset/ativos/line?id=..%2f..%2fcontrole",
        f"/feed/saude/{DATE}/dataset/ativos%2fdata=2026-11-22/line?id=000000",
        "/static/..%2fapp.py",
        "/static/%2e%2e/guard.py",
    ],
)
def test_a_name_in_a_request_is_looked_up_and_never_becomes_a_path(one: Watched, path: str) -> None:
    """What the feed does not have is not there; the store is asked for its own keys only."""
    counting = Counting(one.outside.store)
    asked = replace(one, outside=replace(one.outside, store=counting))
    assert browser(asked).get(path).status_code in (404, 405)
    assert not [where for where in counting.touched if ".." in where or "\x00" in where]
    assert all(where.startswith((f"controle/saude/{DATE}/", "dados-processados/saude/")) for where in counting.touched)


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "x", ""]
)
def test_nobody_is_led_to_another_site(one: Watched, back: str) -> None:
    """After signing in, and after choosing a language."""
    for path, data in (("/sign-in", {"token": TOKEN}), ("/language", {"language": "pt"})):
        answer = browser(one).post(path, data=data | {"back": back}, headers=FORM, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    inside = browser(one).post("/language", data={"back": "/hand-over?x=1&y=%2F"}, headers=FORM, follow_redirects=False)
    assert inside.headers["location"] == "/hand-over?x=1&y=%2F"


# --- personal values --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_personal_values_are_on_no_page_that_is_only_looked_at(one: Watched, path: str) -> None:
    """Also for somebody who is known."""
    for client in (browser(one), signed_in(one)):
        page = client.get(path)
        assert page.status_code == 200
        assert not any(cpf in page.text for cpf in CPFS)


def test_personal_values_without_a_reason_are_not_shown(one: Watched) -> None:
    """Of a file's rejects and of a line: blanks and dots are no reason, and nothing is written."""
    client = signed_in(one)
    for path in (f"/feed/saude/{DATE}/file/contratos", f"/feed/saude/{DATE}/dataset/ativos/line"):
        for why in ("", "   ", "…"):
            page = client.post(path, data={"why": why, "id": "000000"}, headers=FORM)
            assert page.status_code in (404, 409)
            assert not any(cpf in page.text for cpf in CPFS)
    assert decisions(one) == []

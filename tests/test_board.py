"""The board: what its pages show, who may act on them, and that nothing of a file or request gets further than text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.remember import Remembering
from posicional.board import look, pictures
from posicional.board.app import create
from posicional.board.guard import HEADERS, Guard
from posicional.board.watched import Watched
from posicional.board.words import EN, PT
from posicional.contract.feed import Feed
from posicional.contract.tolerance import parse_tolerance
from posicional.day.facts import Decision
from posicional.day.journal import Ledger
from posicional.errors import StoreError
from posicional.ports import Store, StoredObject
from posicional.steps import decide
from posicional.steps.advance import advance
from test_cost import EVENING, Counting
from worlds import CPFS, DAY, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

TOKEN = "um-token-de-teste"  # noqa: S105 - of the tests
DATE = str(DAY)
ORIGIN = "http://localhost"
FORM = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """A feed of two files and two datasets, whose file of contracts may have some rejects."""
    feed = write_feed(tmp_path_factory.mktemp("feed"))
    files = dict(feed.files)
    files["contratos"] = replace(files["contratos"], max_rejects=parse_tolerance("1"))
    return feed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return new_store("memory", tmp_path)


def watched(store: Store, feed: Feed) -> Watched:
    """The feed in the evening of its day."""
    return Watched(feed, outside_of(store, ToldClock(EVENING), engine=DuckDbEngine))


def browser(one: Watched, guard: Guard | None = None, language: str = "en") -> TestClient:
    """Somebody at this machine who reads English unless told otherwise."""
    app = create([one], guard or Guard(local=True, tokens={"ana": TOKEN}))
    return TestClient(app, base_url=ORIGIN, headers={"accept-language": language})


def signed_in(one: Watched) -> TestClient:
    """Somebody whose token the board knows."""
    client = browser(one)
    answer = client.post("/sign-in", data={"token": TOKEN}, headers=FORM, follow_redirects=False)
    assert answer.status_code == 303
    return client


@pytest.fixture
def good(store: Store, feed: Feed) -> Watched:
    """A day that is done."""
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos())
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    one = watched(store, feed)
    assert advance(feed, DAY, one.outside).problem is None
    return one


@pytest.fixture
def refused(store: Store, feed: Feed) -> Watched:
    """A day whose contracts were refused: the trailer counts wrong, and a line of another length holds markup."""
    data = contratos(counted=7)
    line = f"1{EVIL}\n".encode()
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", data[:31] + line + data[31:])
    one = watched(store, feed)
    advance(feed, DAY, one.outside)
    return one


def texts(html: str) -> str:
    """A page's text, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_finished_day_shows_its_files_run_and_datasets(good: Watched) -> None:
    """The page of a day says what came, what was made of it, and that the gate has opened."""
    page = browser(good).get("/")
    said = texts(page.text)
    assert page.status_code == 200
    for expected in (
        "published late",
        "2 of 2 files are here",
        "contratos here",
        "run 1",
        "ativos 2 rows",
        "succeeded",
    ):
        assert expected in said


def test_the_page_speaks_portuguese_and_english(good: Watched) -> None:
    """The browser's language decides, until somebody chooses another; both have all words."""
    client = browser(good, language="pt-BR,pt;q=0.9")
    assert "2 de 2 arquivos chegaram" in texts(client.get("/").text)
    client.post("/language", data={"language": "en", "back": "/hand-over"}, headers=FORM)
    assert "2 of 2 files are here" in texts(client.get("/").text)
    assert PT.keys() == EN.keys()


def test_a_template_uses_every_word_and_no_other() -> None:
    """Each word stands on some page, or is chosen by what stands before its underscore."""
    folder = Path(look.__file__).parent
    sources = [*(folder / "templates").glob("*.html"), *folder.glob("*.py")]
    used = set(re.findall(r"\bw(?:ords)?(?:\.|\[['\"])(\w+)", "".join(path.read_text() for path in sources)))
    spelled = {name for name in EN if not re.match(r"[stdcapkf]_", name)}
    assert spelled - used == set()
    assert {name for name in EN if hasattr(EN, name)} == set()  # a template would take the mapping's own


def test_a_refused_file_shows_the_reason_and_the_line_under_its_fields(refused: Watched) -> None:
    """Why, where, and the record itself, with markup as text and personal characters hidden."""
    page = browser(refused).get(f"/feed/saude/{DATE}/file/contratos")
    said = texts(page.text)
    assert "the trailer (line 6) says 7 records, 6 were read" in said
    assert "line 2" in said
    assert EVIL not in page.text
    assert "alert(1)" not in page.text  # of a record of another length nobody knows what is personal
    assert not any(cpf in page.text for cpf in CPFS)


def test_personal_values_are_shown_for_a_reason_that_is_recorded(refused: Watched) -> None:
    """Only somebody with a name sees them, and the ledger says who and why; markup stays text even then."""
    client = signed_in(refused)
    page = client.post(f"/feed/saude/{DATE}/file/contratos", data={"why": "ticket 123"}, headers=FORM)
    assert EVIL not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    notes = [fact for fact in decisions(refused) if fact.decision == "note"]
    assert [(fact.why, fact.who, dict(fact.about)) for fact in notes] == [
        ("ticket 123", "ana@board", {"revealed": "contratos"})
    ]


def decisions(one: Watched) -> list[Decision]:
    """The decisions in the day's ledger."""
    entries = Ledger(one.outside, one.feed.name, DAY).read().entries
    return [fact for fact in entries.values() if isinstance(fact, Decision)]


def test_a_dataset_shows_its_columns_and_rows(good: Watched) -> None:
    """The current run's parts, their columns and the first rows."""
    said = texts(browser(good).get(f"/feed/saude/{DATE}/dataset/ativos").text)
    assert "numero key" in said
    assert "000000 OURO SP" in said


def test_the_past_and_the_hand_over(good: Watched) -> None:
    """A month of days, and what whoever takes over must know."""
    client = browser(good)
    assert "published late" in texts(client.get("/feed/saude/past").text)
    said = texts(client.get("/hand-over").text)
    assert "saude 2026-11-22" in said
    assert "23/11 09:30" in said


def test_one_place_is_where_somebody_is(good: Watched) -> None:
    """Of the places at the top; the month is another one than the day."""
    client = browser(good)
    for path, name in (("/feed/saude", "saude"), ("/feed/saude/past", "Past days"), ("/hand-over", "Hand-over")):
        assert re.findall(r'aria-current="\w+">([^<]+)</a>', client.get(path).text) == [name]


@pytest.mark.parametrize("action", ["rerun", "hold", "accept"])
def test_nobody_acts_without_a_name(good: Watched, action: str) -> None:
    """A form from nobody changes nothing, whatever it says."""
    client = browser(good)
    answer = client.post(f"/feed/saude/{DATE}/{action}", data={"why": "x", "about": "contratos"}, headers=FORM)
    assert (answer.status_code, decisions(good)) == (403, [])


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": ORIGIN, "sec-fetch-site": "cross-site"},
        {"origin": "http://localhost:81"},
    ],
)
def test_a_form_of_another_page_changes_nothing(good: Watched, headers: Mapping[str, str]) -> None:
    """Also with the cookie of somebody who is signed in."""
    client = signed_in(good)
    answer = client.post(f"/feed/saude/{DATE}/rerun", data={"why": "x"}, headers=headers)
    assert (answer.status_code, decisions(good)) == (403, [])


def test_whoever_has_a_token_decides_under_that_name(refused: Watched) -> None:
    """A refused file is accepted with a reason, and the page says what comes next."""
    client = signed_in(refused)
    page = client.post(f"/feed/saude/{DATE}/accept", data={"about": "contratos", "why": "they said so"}, headers=FORM)
    assert page.status_code == 200
    assert "Recorded: decision 1" in texts(page.text)
    assert [(fact.decision, fact.who, fact.why) for fact in decisions(refused)] == [
        ("accept", "ana@board", "they said so")
    ]


def test_what_makes_no_sense_is_said_and_not_written(good: Watched) -> None:
    """A decision without a reason, or about nothing, is an answer with the reason."""
    client = signed_in(good)
    for action, about in (("hold", ""), ("rollback", "7"), ("rollback", "x"), ("accept", "contratos"), ("format", "")):
        why = "" if action == "hold" else "because"
        page = client.post(f"/feed/saude/{DATE}/{action}", data={"about": about, "why": why}, headers=FORM)
        assert page.status_code == 409
        assert "Not done:" in texts(page.text)
    assert decisions(good) == []


@pytest.mark.parametrize(
    ("action", "about", "why", "said"),
    [
        ("accept", "contratos", "x", "Registrado: decisão 1: a chegada 1 de contratos vale, embora tenha sido recus"),
        ("accept", "contratos", "x", "o trailer (linha 6) diz 7 registros, foram lidos 6; 1 de 6 registros"),
        ("hold", "", "x", "Registrado: decisão 1: nenhuma execução começa até que o dia seja liberado"),
        ("hold", "", " ", "saude 2026-11-22: uma decisão precisa de um motivo (dizer por quê)"),
        ("accept", "clientes", "x", "não há o que aceitar: clientes não chegou (para seguir sem ele: posicional waive"),
        ("rollback", "7", "x", "não há a execução 7; esperado: uma execução; o dia não tem nenhuma"),
        ("ack", "refused", "x", "não há alerta aberto sobre refused (nenhum está aberto)"),
        ("format", "", "x", "não há a decisão 'format' (escolher uma das que estão na página)"),
    ],
)  # fmt: skip
def test_what_became_of_a_decision_is_said_in_portuguese(
    refused: Watched, action: str, about: str, why: str, said: str
) -> None:
    """On a Portuguese page: what was recorded, or why it was not."""
    client = signed_in(refused)
    form = {"about": about, "why": why}
    page = client.post(f"/feed/saude/{DATE}/{action}", data=form, headers=FORM | {"accept-language": "pt"})
    assert said in texts(html.unescape(page.text))


class Failing(Counting):
    """A store that does not list."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Fail."""
        raise StoreError("the disk is full", where=prefix, hint="remove the link")


def test_why_nothing_can_be_said_of_a_feed_is_said_in_portuguese(good: Watched) -> None:
    """Among all feeds, and at the hand-over of the others."""
    failing = replace(good.outside, store=Failing(good.outside.store))
    bad = Watched(replace(good.feed, name="outro"), failing)
    client = TestClient(create([good, bad], Guard(local=True)), base_url=ORIGIN, headers={"accept-language": "pt"})
    assert f"controle/outro/{DATE}/: o disco está cheio (remover o link)" in texts(client.get("/").text)
    page = client.get("/hand-over")
    assert "o disco está cheio (remover o link)" in texts(page.text)
    assert (page.status_code, "23/11 09:30" in page.text) == (200, True)


def test_a_trusted_proxy_says_who_somebody_is_and_nobody_else(good: Watched) -> None:
    """The header counts from the proxy's address only."""
    header = {**FORM, "x-forwarded-user": "rui"}
    stranger = browser(good, Guard(local=True, proxies=frozenset({"10.0.0.1"})))
    assert stranger.post(f"/feed/saude/{DATE}/hold", data={"why": "x"}, headers=header).status_code == 403
    proxied = browser(good, Guard(local=False, proxies=frozenset({"testclient"})))
    assert proxied.post(f"/feed/saude/{DATE}/hold", data={"why": "x"}, headers=header).status_code == 200
    assert [fact.who for fact in decisions(good)] == ["rui@board"]


def test_beyond_this_machine_nothing_is_shown_without_a_name(good: Watched) -> None:
    """Every page leads to the one that asks for a token; a wrong token leads nowhere."""
    client = browser(good, Guard(local=False, tokens={"ana": TOKEN}))
    for path in ("/", "/hand-over", "/feed/saude", f"/feed/saude/{DATE}/file/contratos"):
        answer = client.get(path, follow_redirects=False)
        assert (answer.status_code, "saude" in answer.text) == (303, False)
    assert client.post("/sign-in", data={"token": "wrong"}, headers=FORM).status_code == 403


def test_on_this_machine_another_name_for_it_is_refused(good: Watched) -> None:
    """A page elsewhere whose name was made to point here reads nothing."""
    answer = browser(good).get("/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert "saude" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/feed/other",
        "/feed/saude/yesterday",
        "/feed/saude/2026-02-30",
        f"/feed/saude/{DATE}/file/nothing",
        f"/feed/saude/{DATE}/file/..%2F..%2Fetc%2Fpasswd",
        f"/feed/saude/{DATE}/dataset/contratos",
        "/feed/saude/past?month=2026-99",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
    ],
)
def test_what_is_not_the_feeds_own_is_not_there(good: Watched, path: str) -> None:
    """Names of a request are looked up, never put together to paths."""
    assert browser(good).get(path).status_code == 404


def test_every_answer_says_what_a_browser_may_do(good: Watched) -> None:
    """Pages, static files, errors: the policy stands on all of them, and no page has a script or style of its own."""
    client = signed_in(good)
    for path in (
        "/",
        "/hand-over",
        "/feed/saude/past",
        f"/feed/saude/{DATE}/file/contratos",
        "/static/board.css",
        "/x",
    ):
        answer = client.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert not re.search(r"<script(?! src=)|<style| style=| on\w+=", answer.text)


def test_where_to_go_next_is_never_another_site(good: Watched) -> None:
    """After signing in a browser stays on the board."""
    for back in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        answer = browser(good).post(
            "/sign-in", data={"token": TOKEN, "back": back}, headers=FORM, follow_redirects=False
        )
        assert answer.headers["location"] == "/"


def test_an_older_day_is_listed_anew_after_a_while_or_when_it_is_changed_here(good: Watched) -> None:
    """What others write about it is seen after some minutes, one's own at once."""
    clock = ToldClock(EVENING + timedelta(days=30))
    remembering = Remembering(good.outside.store, clock)
    prefix = f"controle/saude/{DATE}/"
    known = len(list(remembering.list(prefix)))
    good.outside.store.create(f"{prefix}decisions/0001.json", b"{}")
    assert len(list(remembering.list(prefix))) == known
    clock.time += timedelta(minutes=11)
    assert len(list(remembering.list(prefix))) == known + 1
    remembering.create(f"{prefix}decisions/0002.json", b"{}")
    assert len(list(remembering.list(prefix))) == known + 2
    remembering.close()


class Impatient(Counting):
    """A store that is asked to write so often and no more, so that nobody tries without end."""

    def create(self, key: str, data: bytes) -> None:
        """Write, or give up."""
        assert self.calls["create"] < 5
        super().create(key, data)


def test_a_decision_about_an_older_day_sees_what_another_wrote_meanwhile(good: Watched) -> None:
    """Whoever finds a number taken lists the day anew, and takes the next one."""
    store = Impatient(good.outside.store)
    outside = outside_of(Remembering(store, ToldClock(EVENING + timedelta(days=30))), who="rui@outra")
    assert decide.note(good.feed, DAY, outside, why="first", about={}).number == 1
    assert len(list(outside.store.list(f"controle/saude/{DATE}/decisions/"))) == 1
    assert decide.note(good.feed, DAY, outside, why="looked at", about={}).number == 2
    Ledger(outside, good.name, DAY).read()
    assert decide.note(good.feed, DAY, good.outside, why="by another", about={}).number == 3
    assert decide.note(good.feed, DAY, outside, why="after it", about={}).number == 4
    assert store.calls["create"] == 4


def test_the_page_of_an_older_day_is_as_new_as_it_says(good: Watched) -> None:
    """What another process wrote is on it at once, and whoever decides there decides about that."""
    clock = ToldClock(EVENING + timedelta(days=30))
    one = replace(good, outside=replace(good.outside, store=Remembering(good.outside.store, clock), clock=clock))
    client, page = signed_in(one), f"/feed/saude/{DATE}"
    assert "by another" not in client.get(page).text
    assert decide.hold(good.feed, DAY, good.outside, why="by another").number == 1
    assert "by another" in client.get(page).text
    assert decide.release(good.feed, DAY, good.outside, why="over again").number == 2
    answer = client.post(f"{page}/release", data={"why": "x"}, headers=FORM)
    assert "nobody holds or skips the day" in texts(answer.text)


def test_the_picture_of_a_day_has_every_file_and_the_deadline(good: Watched) -> None:
    """Arrivals stand where their hour is, left of what comes later."""
    line = pictures.timeline(look.one_day(good, DAY))
    assert [row.track.name for row in line.rows] == ["contratos", "clientes"]
    assert all(150 <= mark <= 980 for mark in (line.due.x, *(dot.x for row in line.rows for dot in row.dots)))
    assert len(line.ticks) <= 13


def test_every_picture_of_the_documentation_is_shown_and_there() -> None:
    """Those that `make pictures` takes: none is left over, and none is missing."""
    root = Path(__file__).parents[1]
    pages = [root / "README.md", root / "README.pt-BR.md", *(root / "docs").glob("*.md")]
    shown = {name for page in pages for name in re.findall(r"pictures/([\w.-]+\.png)", page.read_text())}
    assert {path.name for path in (root / "docs" / "pictures").iterdir()} == shown

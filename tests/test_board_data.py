"""The board's way from a dataset to the line: looking for rows, and the record that one came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.opensearch import connect
from posicional.board.watched import Watched
from posicional.contract.feed import Feed, IndexOf, OpenSearchTarget
from posicional.day.facts import Seen
from posicional.day.keys import SeenKey
from posicional.demo.osmem import start
from posicional.ports import Outside
from posicional.steps import search
from posicional.steps.advance import advance
from test_board import DATE, FORM, browser, decisions, signed_in, texts
from test_cost import EVENING
from worlds import CPFS, DAY, ToldClock, clientes, contratos, new_store, outside_of, send, write_feed

PAGE = f"/feed/saude/{DATE}/dataset/ativos"
PLANS = ("OURO", "BASICO", "<b>*", "PRATA")
SECRET = b"um segredo de teste"
NOBODY = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    """The feed of two files and two datasets, of which the second says of no line where it came from."""
    return write_feed(tmp_path_factory.mktemp("feed"))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An endpoint that answers."""
    with start() as url:
        yield url


def finished(feed: Feed, tmp_path: Path, secret: bytes = b"") -> Watched:
    """The evening of a day that is done; a plan of it holds markup and what a pattern would take for any text."""
    store = new_store("memory", tmp_path)
    send(store, f"CONTRATOS_{DAY:%Y%m%d}.txt", contratos(PLANS))
    send(store, f"CLIENTES_{DAY:%Y%m%d}.txt", clientes())
    outside = outside_of(store, ToldClock(EVENING), engine=DuckDbEngine)
    words = {name: getattr(outside, name) for name in outside.__slots__}
    one = Watched(feed, Outside(**words | {"target": connect, "secret": secret}))
    assert advance(feed, DAY, one.outside).problem is None
    return one


@pytest.fixture
def done(feed: Feed, tmp_path: Path) -> Watched:
    """Published nowhere."""
    return finished(feed, tmp_path)


def published_at(feed: Feed, url: str, *, upsert: bool = False) -> Feed:
    """The feed, publishing one dataset."""
    return replace(feed, opensearch=OpenSearchTarget(url, {"ativos": IndexOf("ativos", "contratos")}, upsert=upsert))


@pytest.fixture
def published(feed: Feed, tmp_path: Path, endpoint: str) -> Watched:
    """Published at an endpoint."""
    return finished(published_at(feed, endpoint), tmp_path)


@pytest.fixture
def unheard(published: Watched) -> Watched:
    """Published, and now nobody listens there any more."""
    return replace(published, feed=published_at(published.feed, NOBODY))


@pytest.fixture(params=["done", "published", "unheard"])
def anywhere(request: pytest.FixtureRequest) -> Watched:
    """What is found is the same wherever it is looked for."""
    one: Watched = request.getfixturevalue(request.param)
    return one


def found(one: Watched, text: str) -> list[str]:
    """The keys of the rows that a search gives."""
    page = browser(one).get(PAGE, params={"q": text})
    assert page.status_code == 200
    return re.findall(r"line\?id=(\w+)", page.text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("000000", ["000000"]),
        ("our", ["000000"]),
        ("PRA", ["000003"]),
        ("  prata ", ["000003"]),
        ("*", ["000002"]),
        ("<B>", ["000002"]),
        ("O?RO", []),
        ("\\", []),
        ("BASICO", []),
        ('{"match_all": {}}', []),
        ("plano:OURO", []),
        ("x" * 5000, []),
    ],
)
def test_a_text_is_looked_for_as_it_is(anywhere: Watched, text: str, keys: list[str]) -> None:
    """A key or a part of a text, whatever its case; nothing of it is a pattern or a query."""
    assert found(anywhere, text) == keys


def test_a_page_says_where_was_looked(done: Watched, published: Watched, unheard: Watched) -> None:
    """In what readers see; where that does not answer, or there is none, in the rows of the run."""
    said = [texts(browser(one).get(PAGE, params={"q": "zzz"}).text) for one in (done, published, unheard)]
    assert f"What readers see in contratos-{DATE}. Nothing was found." in said[1]
    assert "Looked through 3 of 3 rows of the run. Nothing was found." in said[0]
    assert "OpenSearch did not answer. Looked through 3 of 3 rows of the run." in said[2]


def test_a_day_that_is_not_published_is_not_said_to_be_an_endpoint_that_is_down(done: Watched, endpoint: str) -> None:
    """It answered that there is no such index; the rows of the run are looked through."""
    target = OpenSearchTarget(endpoint, {"ativos": IndexOf("ativos", "later")})
    one = replace(done, feed=replace(done.feed, opensearch=target))
    said, dito = (texts(browser(one, language=to).get(PAGE, params={"q": "prata"}).text) for to in ("en", "pt"))
    assert f"Readers do not see later-{DATE}. Looked through 3 of 3 rows of the run." in said
    assert "did not answer" not in said
    assert f"Os leitores não veem later-{DATE}." in dito
    assert found(one, "prata") == ["000003"]


def test_an_index_that_changes_with_every_day_is_looked_in_as_well(feed: Feed, tmp_path: Path) -> None:
    """All days are in one; a hit leads to the line of the date under which its row came."""
    with start() as url:
        one = finished(published_at(feed, url, upsert=True), tmp_path)
        assert found(one, "prata") == ["000003"]
        assert "What readers see in contratos." in texts(browser(one).get(PAGE, params={"q": "prata"}).text)
        said = texts(browser(one).get(f"{PAGE}/line?id=000003").text)
        assert "1000003PRATA ▒▒▒▒▒▒▒▒▒▒▒" in said


def test_a_search_looks_at_so_many_rows_and_no_more(done: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a dataset is; the page says that there may be more."""
    monkeypatch.setattr(search, "BATCH", 1)
    monkeypatch.setattr(search, "LOOKED", 2)
    said = texts(browser(done).get(PAGE, params={"q": "zzz"}).text)
    assert "Looked through 2 of 3 rows of the run. Nothing was found. There may be more" in said


def test_a_search_hands_out_so_many_rows_and_no_more(anywhere: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are; the page says that there may be more."""
    assert len(found(anywhere, "SP")) == 3
    monkeypatch.setattr(search, "MOST", 2)
    assert len(found(anywhere, "SP")) == 2
    assert "There may be more" in texts(browser(anywhere).get(PAGE, params={"q": "SP"}).text)


def test_a_hit_leads_to_the_line_that_it_came_from(anywhere: Watched) -> None:
    """The file, the line, and the record under its fields; what is personal is hidden."""
    client = browser(anywhere)
    link = re.findall(r'href="(/feed/[^"]+/line\?id=000003)"', client.get(PAGE, params={"q": "prata"}).text)
    page = client.get(link[0])
    said = texts(page.text)
    assert "contratos CONTRATOS_20261122.txt" in said
    assert "Line 5 · byte 124" in said
    assert "1000003PRATA ▒▒▒▒▒▒▒▒▒▒▒" in said
    assert "plano PRATA" in said
    assert not any(cpf in page.text for cpf in CPFS)


def test_an_arrival_has_one_time_on_all_pages(done: Watched) -> None:
    """When it came, on its line as on its file; not when somebody first looked at it."""
    (seen,) = [fact for key, fact in done.facts(DAY).entries.items() if key == SeenKey("contratos", 1)]
    assert isinstance(seen, Seen)
    came = done.local(seen.modified).strftime("%H:%M:%S")
    assert came != done.local(seen.at).strftime("%H:%M:%S")
    client = browser(done)
    for path in (f"/feed/saude/{DATE}/file/contratos", f"{PAGE}/line?id=000003"):
        assert came in texts(client.get(path).text)


def test_markup_in_a_row_and_in_its_line_stays_text(anywhere: Watched) -> None:
    """On the page of the dataset, in what was looked for, and in the record."""
    client = browser(anywhere)
    for path in (PAGE, f"{PAGE}?q={quote('<b>*')}", f"{PAGE}/line?id=000002"):
        text = client.get(path).text
        assert "&lt;b&gt;*" in text
        assert "<b>" not in text


def test_personal_values_of_a_line_are_shown_for_a_reason_that_is_recorded(anywhere: Watched) -> None:
    """Only somebody with a name sees them, and only after it is written who, why, and which line."""
    form = {"id": "000003", "why": " ticket  123 "}
    assert browser(anywhere).post(f"{PAGE}/line", data=form, headers=FORM).status_code == 403
    client = signed_in(anywhere)
    assert client.post(f"{PAGE}/line", data=form | {"why": " "}, headers=FORM).status_code == 409
    assert client.post(f"{PAGE}/line", data=form).status_code == 403
    assert decisions(anywhere) == []
    page = client.post(f"{PAGE}/line", data=form, headers=FORM)
    assert CPFS[0] in page.text
    assert [(fact.decision, fact.why, fact.who, dict(fact.about)) for fact in decisions(anywhere)] == [
        (
            "note",
            "ticket 123",
            "ana@board",
            {"file": "contratos", "arrival": 1, "line": 5, "revealed": "CONTRATOS_20261122.txt"},
        )
    ]
    assert f'name="back" value="{PAGE}/line?id=000003"' in page.text  # where another language leads to
    assert CPFS[0] not in client.get(f"{PAGE}/line?id=000003").text


@pytest.mark.parametrize("id_", ["", "999999", "../../controle", "x" * 513, "0000\x00", "*", "_all"])
def test_an_id_that_no_document_has_leads_nowhere(anywhere: Watched, id_: str) -> None:
    """Whatever it looks like: it is compared with ids, and never a path."""
    assert browser(anywhere).get(f"{PAGE}/line", params={"id": id_}).status_code == 404


def test_a_summed_up_dataset_says_that_it_has_no_line(done: Watched) -> None:
    """Its rows lead to a page that says why."""
    client = browser(done)
    page = client.get(f"/feed/saude/{DATE}/dataset/por_plano")
    assert "line?id=OURO" in page.text
    said = texts(client.get(f"/feed/saude/{DATE}/dataset/por_plano/line?id=OURO").text)
    assert "its dataset is summed up of many rows" in said


def test_personal_values_that_nothing_protects_are_not_looked_in_nor_shown(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """Also where the contract writes the column's name in another case than the SQL does."""
    folder = tmp_path_factory.mktemp("plain")
    feed = write_feed(folder)
    text = feed.path.read_text().replace("key: [numero]\n", "key: [numero]\n    protect: {CPF: plain}\n")
    feed.path.write_text(text)
    sql = folder / "ativos.sql"
    sql.write_text(sql.read_text().replace("c.plano, l.uf", "c.plano, l.uf, l.cpf"))
    one = finished(Feed.load(feed.path), tmp_path)
    page = browser(one).get(PAGE)
    assert "▒▒▒" in page.text
    assert not any(cpf in page.text for cpf in CPFS)
    assert found(one, CPFS[0]) == []
    assert found(one, "prata") == ["000003"]


@pytest.mark.parametrize(
    ("key", "said"),
    [("numero", "hmac"), ("numero", "{mask: last2}"), ("numero", ""), ("cpf, numero", "hmac"), ("cpf, numero", "")],
)
def test_personal_values_of_a_run_under_an_older_contract_are_not_shown(
    tmp_path: Path, endpoint: str, said: str, key: str
) -> None:
    """A column that is protected, or left out, since today stands in the rows and indices of yesterday as it was."""
    path = write_feed(tmp_path / "feed").path
    sql, text = path.with_name("ativos.sql"), path.read_text()
    query = sql.read_text()
    sql.write_text(query.replace("c.plano, l.uf", "c.plano, l.uf, l.cpf"))
    path.write_text(text.replace("key: [numero]\n", f"key: [{key}]\n    protect: {{CPF: plain}}\n"))
    one = finished(published_at(Feed.load(path), endpoint), tmp_path / "store", SECRET)
    if said:
        path.write_text(path.read_text().replace("CPF: plain", f"CPF: {said}"))
    else:
        path.write_text(text)
        sql.write_text(query)
    for today in (Feed.load(path), published_at(Feed.load(path), endpoint)):
        client = browser(replace(one, feed=today))
        for wanted in ("", CPFS[0], "prata"):
            page = client.get(PAGE, params={"q": wanted})
            assert page.status_code == 200
            assert not any(cpf in page.text for cpf in CPFS if cpf != wanted)  # which the page repeats
            assert ("PRATA" in page.text) == (wanted != CPFS[0])

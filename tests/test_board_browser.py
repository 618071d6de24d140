"""The board in a real browser: a day that happens, a reject and its line, two languages, acting, no serious hurdle."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from bench.history import days_before, write_history
from playwright.sync_api import Browser, Page, expect

from browser import axe, chromium
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.notify import Lines
from posicional.board.app import create
from posicional.board.guard import Guard
from posicional.board.serve import listen
from posicional.board.watched import Watched
from posicional.contract.feed import Feed
from posicional.contract.tolerance import parse_tolerance
from posicional.day.alarm_words import Language
from posicional.day.journal import Ledger
from posicional.demo.day import moments, planos
from posicional.demo.sample import write_sample
from posicional.ports import Outside, Store
from posicional.steps.advance import advance
from posicional.steps.alerts import raise_alerts
from worlds import DAY, ToldClock, new_store, outside_of, send

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

ZONE = ZoneInfo("America/Sao_Paulo")
TOKEN = "um-token-de-teste"  # noqa: S105 - of the tests
OVER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""By how much a page is wider than the window."""

PICTURES = os.environ.get("POSICIONAL_PICTURES", "")
"""The folder of the documentation's pictures, where they are to be taken anew (`make pictures`)."""

WIDE, PHONE = {"width": 1180, "height": 1000}, {"width": 390, "height": 860}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def feed() -> Feed:
    """The demo's feed; it is published nowhere, and its claims may have some rejects."""
    feed = Feed.load(planos() / "feed.yaml")
    files = dict(feed.files) | {"sinistros": replace(feed.files["sinistros"], max_rejects=parse_tolerance("5"))}
    return replace(feed, opensearch=None, files=files, path=Path("examples/planos/feed.yaml"))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The seven files of each of three days: date -> name -> content."""
    folder = tmp_path_factory.mktemp("samples")
    days = [DAY - timedelta(days=n) for n in range(2, -1, -1)]
    for day in days:
        write_sample(folder / str(day), day, 2000)
    return {str(day): {one.name: one.read_bytes() for one in (folder / str(day)).iterdir()} for day in days}


class Story:
    """A day that a test tells, and the board that shows it."""

    def __init__(self, feed: Feed, store: Store, samples: dict[str, dict[str, bytes]], before: int = 60) -> None:
        """Two good days lie before it, and `before` days of which the facts are left."""
        self.feed, self.samples = replace(feed, store=store.url), samples
        self.clock = ToldClock(datetime(DAY.year, DAY.month, DAY.day, 7, tzinfo=ZONE))
        self.said: list[str] = []
        outside = outside_of(store, self.clock, engine=DuckDbEngine)
        words = {name: getattr(outside, name) for name in outside.__slots__}
        self.outside = Outside(**words | {"channels": [Lines(self.said.append)], "secret": b"of the tests"})
        write_history(Path(store.url), feed, days_before(DAY - timedelta(days=2), before))
        for day in (DAY - timedelta(days=2), DAY - timedelta(days=1)):
            for name, at in moments(day, ZONE):
                path = feed.files[name].pattern.format(day)
                self._sent(path, samples[str(day)][path], at)
                self.clock.time = at
            assert advance(feed, day, self.outside).problem is None
        self.clock.time = datetime(DAY.year, DAY.month, DAY.day, 7, tzinfo=ZONE)

    @property
    def watched(self) -> Watched:
        """The feed as the board looks at it."""
        return Watched(self.feed, self.outside)

    def arrives(self, name: str, at: datetime, content: bytes | None = None) -> None:
        """A file of the day arrives, and whatever can be done is done."""
        self.clock.time = at
        path = self.feed.files[name].pattern.format(DAY)
        self._sent(path, content or self.samples[str(DAY)][path], at)
        advance(self.feed, DAY, self.outside, insist=False)

    def _sent(self, path: str, content: bytes, at: datetime) -> None:
        """An object arrives, as a transfer that ended at this moment would."""
        send(self.outside.store, path, content)
        where = self.outside.store.locate(f"dados-posicionais/{path}")
        os.utime(where, (at.timestamp(), at.timestamp()))

    def alarm(self, at: datetime, language: Language) -> None:
        """The deadline passes."""
        self.clock.time = at
        raise_alerts(self.feed, Ledger(self.outside, self.feed.name, DAY).read(), self.outside, language)


@contextmanager
def board(one: Watched) -> Iterator[str]:
    """The board behind a real socket; its address."""
    at = listen("127.0.0.1", 0)
    guard = Guard(local=True, tokens={"ana": TOKEN})
    app = create([one], guard)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, args=([at],))
    thread.start()
    try:
        yield f"http://localhost:{at.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        at.close()


@contextmanager
def opened(browser: Browser, url: str, *, allowed: tuple[str, ...] = (), **words: object) -> Iterator[Page]:
    """A fresh browser at a page; a script that the policy stops, or a fault of one, fails the test.

    `allowed`: words of faults that the test brings about itself.
    """
    settings: dict[str, object] = {"locale": "pt-BR", "viewport": WIDE}
    page = browser.new_context(**(settings | words)).new_page()  # type: ignore[arg-type]  # words of the browser
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.goto(url)
    yield page
    page.close()
    assert [fault for fault in faults if not any(word in fault for word in allowed)] == []


def broken(content: bytes) -> bytes:
    """The claims with markup in a line of them that cannot be read."""
    lines = content.split(b"\n")
    evil = b"<script>document.title='x'</script><b>"
    lines[3] = (b"X" * 20 + evil).ljust(len(lines[3]))[: len(lines[3])]
    return b"\n".join(lines)


def trouble(story: Story, language: Language = "pt") -> None:
    """A file is late, another one refused, noon passes."""
    for name, at in moments(DAY, ZONE):
        if name not in ("clientes", "sinistros"):
            story.arrives(name, at)
    path = story.feed.files["sinistros"].pattern.format(DAY)
    story.arrives("sinistros", story.clock.now(), broken(story.samples[str(DAY)][path]))
    story.alarm(datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=ZONE), language)
    story.clock.time += timedelta(minutes=4)


def good(story: Story) -> None:
    """Everything comes in time, and an hour passes."""
    for name, at in moments(DAY, ZONE):
        story.arrives(name, at)
    story.clock.time += timedelta(hours=1)


def signs_in(page: Page, url: str) -> None:
    """A person shows a token."""
    page.goto(f"{url}/")
    page.get_by_role("link", name="Entrar").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Entrar").click()
    expect(page.locator(".who")).to_contain_text("ana")


def test_a_day_in_a_browser(browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    """Files appear without reloading; a reject leads to its line; a person signs in and accepts; languages change."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    with board(story.watched) as url, opened(browser, f"{url}/") as page:
        page.evaluate("document.body.dataset.kept = 'yes'")  # gone if anything loads the page anew
        expect(page.locator(".standing")).to_have_text("em andamento")
        expect(page.locator("#live")).to_contain_text("0 de 7 arquivos chegaram")
        trouble(story)
        expect(page.locator("#live")).to_contain_text("5 de 7 arquivos chegaram", timeout=30_000)
        expect(page.locator(".alert").first).to_contain_text("ATRASADO", timeout=30_000)
        expect(page.locator(".timeline .dot")).to_have_count(6)
        assert page.evaluate("document.body.dataset.kept") == "yes"

        page.locator(".alert").first.get_by_role("link", name="sinistros").click()
        expect(page.locator(".reject").first).to_contain_text("linha 4")
        assert page.title() != "x"
        assert page.locator(".reject b, .reject script").count() == 0
        expect(page.locator(".reject pre").first).to_contain_text("<script>document.title='x'</script>")

        page.goto(f"{url}/")
        assert page.get_by_text("Aceitar um arquivo recusado").count() == 0
        signs_in(page, url)
        page.goto(f"{url}/")
        page.get_by_text("Seguir sem um arquivo").click()
        form = page.locator("form[action$='/waive']")
        form.get_by_label("Motivo").fill("o sistema de origem está fora do ar")
        form.get_by_role("button").click()
        expect(page.locator(".said")).to_contain_text("Registrado")
        expect(page.locator("#h-decisions + ul")).to_contain_text("ana@board")

        page.get_by_role("button", name="English").click()
        expect(page.locator("h2").first).to_have_text("Arrivals along the day")
        page.get_by_role("button", name="Português").click()
        expect(page.locator("h2").first).to_have_text("Chegadas ao longo do dia")


def test_running_again_without_and_with_a_token(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Nobody is offered it, and the form is refused all the same; then somebody is known, and a run comes."""
    story = Story(feed, new_store("folder", tmp_path), samples, before=3)
    good(story)
    send_form = """async () => (await fetch(location.origin + '/feed/planos/%s/rerun',
        {method: 'POST', body: new URLSearchParams({why: 'x'})})).status"""
    with board(story.watched) as url:
        with opened(browser, f"{url}/", allowed=("403",)) as page:
            assert page.get_by_text("Executar de novo").count() == 0
            assert page.evaluate(send_form % DAY) == 403
        with opened(browser, f"{url}/") as page:
            signs_in(page, url)
            page.goto(f"{url}/")
            page.get_by_text("Executar de novo").click()
            form = page.locator("form[action$='/rerun']")
            form.get_by_role("button").click()
            expect(page).to_have_url(f"{url}/feed/planos")  # a reason is required, the browser says so
            form.get_by_label("Motivo").fill("o contrato mudou")
            form.get_by_role("button").click()
            expect(page.locator(".said")).to_contain_text("Registrado")
            page.goto(f"{url}/")
            assert advance(feed, DAY, story.outside).problem is None
            expect(page.locator(".runs li")).to_have_count(2, timeout=30_000)


def test_from_a_dataset_to_the_line(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Somebody looks for a text, follows a hit to its line, and sees what is personal for a reason only."""
    story = Story(feed, new_store("folder", tmp_path), samples, before=3)
    good(story)
    with board(story.watched) as url, opened(browser, f"{url}/") as page:
        page.get_by_role("link", name="contratos_ativos").click()
        page.get_by_role("searchbox").fill("senior")
        page.get_by_role("button", name="Buscar").click()
        expect(page.locator("tbody tr")).to_have_count(20)
        number = page.locator("tbody tr").first.locator("td").nth(1).inner_text()
        page.locator("tbody tr").first.get_by_role("link").click()
        expect(page.locator("h1")).to_contain_text(number)
        expect(page.locator(".ruler")).to_contain_text(f"{number}SENIO")
        expect(page.locator(".ruler")).to_contain_text("▒▒▒▒▒▒▒▒▒▒▒")
        signs_in(page, url)
        page.goto(f"{url}/feed/planos/{DAY}/dataset/contratos_ativos/line?id={number}")
        page.get_by_text("Mostrar valores pessoais").first.click()
        page.get_by_label("Motivo").fill("reclamação 4711")
        page.get_by_role("button", name="Mostrar valores pessoais").click()
        expect(page.locator(".said")).to_contain_text("isso ficou registrado")
        assert "▒" not in page.locator(".ruler").inner_text()
        page.goto(f"{url}/feed/planos/{DAY}")
        expect(page.locator("#h-decisions + ul")).to_contain_text("reclamação 4711")


PAGES = {
    "today": "/feed/planos",
    "past": "/feed/planos/past",
    "a month before": "/feed/planos/past?month=2026-10",
    "the first month": "/feed/planos/past?month=2026-09",
    "hand-over": "/hand-over",
    "sign-in": "/sign-in",
    "a file": f"/feed/planos/{DAY}/file/sinistros",
    "a dataset": f"/feed/planos/{DAY - timedelta(days=1)}/dataset/contratos_ativos",
    "a search": f"/feed/planos/{DAY - timedelta(days=1)}/dataset/contratos_ativos?q=senior",
    "no hit": f"/feed/planos/{DAY - timedelta(days=1)}/dataset/contratos_ativos?q=%3Cb%3E",
    "a line": f"/feed/planos/{DAY - timedelta(days=1)}/dataset/contratos_ativos/line?id=0001000001",
}
LOOKS = [("light", WIDE), ("dark", WIDE), ("light", PHONE), ("dark", PHONE)]


def looked_at(browser: Browser, one: Watched, pages: dict[str, str], folder: Path) -> None:
    """Every page, light and dark, wide and on a phone: nothing is cut off, and axe finds nothing serious."""
    script = axe(folder)
    with board(one) as url:
        for scheme, size in LOOKS:
            with opened(browser, url, color_scheme=scheme, viewport=size, bypass_csp=True) as page:
                signs_in(page, url)
                for name, path in pages.items():
                    answer = page.goto(url + path)
                    assert answer is not None
                    assert answer.status == 200, name
                    assert page.evaluate(OVER) <= 0, (name, scheme, size)
                    assert serious(page, script) == [], (name, scheme, size)


def test_the_pages_on_a_day_in_trouble(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """With two months behind it."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    trouble(story)
    looked_at(browser, story.watched, PAGES, tmp_path)


def test_the_pages_on_a_good_day(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """That is done."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    good(story)
    looked_at(
        browser, story.watched, {name: PAGES[name] for name in ("today", "past", "hand-over", "a file")}, tmp_path
    )


def test_the_pages_of_an_empty_store_with_long_names(browser: Browser, feed: Feed, tmp_path: Path) -> None:
    """Nothing has ever come, and every name is as long as somebody may think of."""
    name, owner = "movimento_" * 6 + "do_dia", "uma.pessoa.de.nome.muito.comprido@" + "sub." * 12 + "example.com"
    files = {f"{one}_{name}": replace(file, name=f"{one}_{name}", owner=owner) for one, file in feed.files.items()}
    clock = ToldClock(datetime(DAY.year, DAY.month, DAY.day, 13, tzinfo=ZONE))
    outside = outside_of(new_store("folder", tmp_path), clock, engine=DuckDbEngine)
    one = Watched(replace(feed, name=f"planos_{name}", files=files), outside)
    here = f"/feed/{one.name}"
    pages = {
        "today": here,
        "past": f"{here}/past",
        "hand-over": "/hand-over",
        "a file": f"{here}/{DAY}/file/contratos_{name}",
    }
    looked_at(browser, one, pages, tmp_path)


def serious(page: Page, script: str) -> list[tuple[str, list[str]]]:
    """What axe finds that keeps people from using a page, each with the places."""
    page.evaluate(script)
    found = page.evaluate("axe.run()")["violations"]
    return [
        (one["id"], [str(node["target"]) for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_the_board_by_keyboard(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """The first key leads past the navigation; each line of the picture is a link that says all that it shows."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    trouble(story)
    with board(story.watched) as url, opened(browser, f"{url}/feed/planos") as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        line = page.locator(".timeline a", has_text="clientes")
        assert (line.get_attribute("aria-label") or "").startswith("clientes: atrasado; esperado até 08:45; costuma")
        line.focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("clientes")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_pictures_of_the_documentation(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path, language: Language
) -> None:
    """A day in trouble, the past, a line: what the README and docs/board.md show, taken anew by `make pictures`."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    trouble(story, language)
    views = {"board-trouble": ("/feed/planos", ".alert"), "board-past": ("/feed/planos/past", ".bar")}
    if language == "en":
        views["board-line"] = (PAGES["a line"], ".ruler")
    locale = {"en": "en-US", "pt": "pt-BR"}[language]
    with board(story.watched) as url, opened(browser, url, locale=locale, viewport=WIDE) as page:
        for name, (path, sees) in views.items():
            page.goto(url + path)
            expect(page.locator(sees).first).to_be_visible()
            if PICTURES:
                kept = Path(PICTURES) / f"{name}-{language}.png"
                page.screenshot(path=kept, animations="disabled", full_page=False)

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
"""A folder for screenshots, such as those that the documentation shows."""


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
        write_sample(folder / str(day), day, 60)
    return {str(day): {one.name: one.read_bytes() for one in (folder / str(day)).iterdir()} for day in days}


class Story:
    """A day that a test tells, and the board that shows it."""

    def __init__(self, feed: Feed, store: Store, samples: dict[str, dict[str, bytes]]) -> None:
        """Two good days lie before it."""
        self.feed, self.samples = replace(feed, store=store.url), samples
        self.clock = ToldClock(datetime(DAY.year, DAY.month, DAY.day, 7, tzinfo=ZONE))
        self.said: list[str] = []
        outside = outside_of(store, self.clock, engine=DuckDbEngine)
        words = {name: getattr(outside, name) for name in outside.__slots__}
        self.outside = Outside(**words | {"notify": Lines(self.said.append), "secret": b"of the tests"})
        for day in (DAY - timedelta(days=2), DAY - timedelta(days=1)):
            self.clock.time = datetime(day.year, day.month, day.day, 9, tzinfo=ZONE)
            for name, at in moments(day, ZONE):
                path = feed.files[name].pattern.format(day)
                self._sent(path, samples[str(day)][path], at)
            assert advance(feed, day, self.outside).problem is None
        self.clock.time = datetime(DAY.year, DAY.month, DAY.day, 7, tzinfo=ZONE)

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

    def alarm(self, at: datetime) -> None:
        """The deadline passes."""
        self.clock.time = at
        raise_alerts(self.feed, Ledger(self.outside, self.feed.name, DAY).read(), self.outside)


@contextmanager
def board(story: Story) -> Iterator[str]:
    """The board behind a real socket; its address."""
    at = listen("127.0.0.1", 0)
    guard = Guard(local=True, tokens={"ana": TOKEN})
    app = create([Watched(story.feed, story.outside)], guard)
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
def opened(browser: Browser, url: str, **words: object) -> Iterator[Page]:
    """A fresh browser at a page; a script that the policy stops, or a fault of one, fails the test."""
    settings: dict[str, object] = {"locale": "pt-BR", "viewport": {"width": 1180, "height": 860}}
    page = browser.new_context(**(settings | words)).new_page()  # type: ignore[arg-type]  # words of the browser
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
    page.goto(url)
    yield page
    page.close()
    assert faults == []


def shown(page: Page, name: str) -> None:
    """Keep a picture, where pictures are wanted."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True, animations="disabled")


def broken(content: bytes) -> bytes:
    """The claims with markup in a line of them that cannot be read."""
    lines = content.split(b"\n")
    evil = b"<script>document.title='x'</script><b>"
    lines[3] = (b"X" * 20 + evil).ljust(len(lines[3]))[: len(lines[3])]
    return b"\n".join(lines)


def test_a_day_in_a_browser(browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path) -> None:
    """Files appear without reloading; a reject leads to its line; a person signs in and accepts; languages change."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    with board(story) as url, opened(browser, f"{url}/") as page:
        expect(page.locator(".standing")).to_have_text("em andamento")
        expect(page.locator("#live")).to_contain_text("0 de 7 arquivos chegaram")
        for name, at in moments(DAY, ZONE):
            if name in ("clientes", "sinistros"):
                continue
            story.arrives(name, at)
        expect(page.locator("#live")).to_contain_text("5 de 7 arquivos chegaram", timeout=15_000)
        path = feed.files["sinistros"].pattern.format(DAY)
        story.arrives("sinistros", story.clock.now(), broken(samples[str(DAY)][path]))
        story.alarm(datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=ZONE))
        expect(page.locator(".alert").first).to_contain_text("ATRASADO", timeout=15_000)
        shown(page, "board-trouble")

        page.get_by_role("link", name="sinistros").last.click()
        expect(page.locator(".reject").first).to_contain_text("linha 4")
        assert page.title() != "x"
        assert page.locator(".reject b").count() == 0
        shown(page, "board-file")

        page.goto(f"{url}/")
        assert page.get_by_text("Aceitar um arquivo recusado").count() == 0
        page.get_by_role("link", name="Entrar").click()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Entrar").click()
        page.goto(f"{url}/")
        page.get_by_text("Seguir sem um arquivo").click()
        form = page.locator("form[action$='/waive']")
        form.get_by_label("Motivo").fill("o sistema de origem está fora do ar")
        form.get_by_role("button").click()
        expect(page.locator(".said")).to_contain_text("Registrado")
        expect(page.locator("#h-decisions + ul")).to_contain_text("ana@board")

        page.get_by_role("button", name="English").click()
        expect(page.locator("h2").first).to_have_text("Arrivals along the day")


def test_the_pages_on_a_good_day(
    browser: Browser, feed: Feed, samples: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    """Every page, light and dark, wide and on a phone: nothing is cut off, and axe finds nothing serious."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    for name, at in moments(DAY, ZONE):
        story.arrives(name, at)
    script = axe(tmp_path)
    pages = {
        "board-today": "/feed/planos",
        "board-past": "/feed/planos/past",
        "board-dataset": f"/feed/planos/{DAY}/dataset/contratos_ativos",
        "board-hand-over": "/hand-over",
        "board-sign-in": "/sign-in",
        "board-arrival": f"/feed/planos/{DAY}/file/contratos",
    }
    with board(story) as url:
        for scheme, width in (("light", 1180), ("dark", 390)):
            size = {"width": width, "height": 860}
            with opened(browser, url, color_scheme=scheme, viewport=size, bypass_csp=True) as page:
                for name, path in pages.items():
                    page.goto(url + path)
                    shown(page, f"{name}-{scheme}")
                    assert page.evaluate(OVER) <= 0, (name, scheme)
                    assert serious(page, script) == [], (name, scheme)


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
    """The first key leads past the navigation; what has the focus can be seen."""
    story = Story(feed, new_store("folder", tmp_path), samples)
    with board(story) as url, opened(browser, f"{url}/feed/planos") as page:
        page.keyboard.press("Tab")
        expect(page.locator(".skip")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()

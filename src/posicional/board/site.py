"""What all pages share: the feeds and the guard, names in a request, the templates and what they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from posicional.board.guard import COOKIE, Guard
from posicional.board.look import Track
from posicional.board.sentences import sentence
from posicional.board.watched import Watched
from posicional.board.words import LANGUAGES, decimal, language_of, number, span
from posicional.day.deadline import GOOD
from posicional.day.decisions import person
from posicional.errors import UsageError

FIRST_YEAR = 1970
"""Dates of years before this one, and of years to come, are nobody's: calendars end somewhere."""

Page = Callable[["Board", Request, Mapping[str, str]], Response]
"""Answers a request, given its form; runs in a thread, for stores make it wait."""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a decision, above the page that follows it."""

    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """What the pages are about, and who may see and change what."""

    feeds: Mapping[str, Watched]
    guard: Guard
    templates: Environment

    def feed(self, request: Request) -> Watched:
        """The feed that a request names."""
        if watched := self.feeds.get(request.path_params["feed"]):
            return watched
        raise HTTPException(404)

    def date(self, request: Request, watched: Watched) -> date:
        """The business date that a request names; else today's. What its page shows is as new as it says."""
        text = request.path_params.get("date")
        try:
            day = watched.feed.calendar.parse_date(text) if text else watched.today
        except UsageError:
            raise HTTPException(404) from None
        known = FIRST_YEAR <= day.year <= watched.today.year + 1
        if not known or not watched.feed.calendar.is_business_date(day):
            raise HTTPException(404)
        watched.look_anew(day)
        return day

    def page(self, request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page from its template."""
        language = language_of(request)
        words = LANGUAGES[language]
        user = self.guard.name(request)
        standard = {
            "w": words,
            "language": language,
            "here": here_of(request),
            "feeds": list(self.feeds.values()) if self.guard.may_read(request) else [],
            "feed": None,
            "page": "",
            "said": None,
            "user": user,
            "user_by_token": COOKIE in request.cookies,
            "number": partial(number, language=language),
            "told": partial(sentence, language=language),
            "decimal": partial(decimal, language=language),
            "shown_month": partial(shown_month, language=language),
            "shown_date": lambda day: f"{day:%Y-%m-%d}" if language == "en" else f"{day:%d/%m/%Y}",
        }
        return HTMLResponse(self.templates.get_template(name).render({**standard, **values}), status)


def here_of(request: Request) -> str:
    """Where somebody is, to come back to: a path of the board, with what was asked there."""
    query = request.url.query if request.method == "GET" else ""
    return f"{request.url.path}?{query}" if query else request.url.path


def shown_month(month: str, language: str) -> str:
    """A month (`2026-11`) as each language writes it."""
    return month if language == "en" else f"{month[5:]}/{month[:4]}"


def templates() -> Environment:
    """The templates, which escape everything, and what they may call."""
    made = Environment(
        loader=PackageLoader("posicional.board"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    made.globals.update(
        static=_static, tone=_tone, sign=_sign, chip=_chip, run_chip=_run_chip, span=span, person=person, zip=zip
    )
    return made


def _static(name: str) -> str:
    return f"/static/{name}"


def _chip(track: Track) -> str:
    return "late" if track.late else track.status


def _run_chip(status: str) -> str:
    return status if status in ("succeeded", "failed", "live") else ""


def _tone(standing: str) -> str:
    """The colour of a standing: what is well, under way, waiting for people, or bad."""
    if standing in ("published", "published late"):
        return "good"
    if standing in ("not due", "running"):
        return "live"
    if standing in ("skipped", "no business day", "held"):
        return "wait" if standing == "held" else ""
    return "bad" if standing not in GOOD else ""


def _sign(standing: str) -> str:
    """A sign for a standing, for those who do not tell colours apart."""
    signs = {"good": "✓", "bad": "✕", "live": "●", "wait": "‖"}
    return "!" if standing == "published late" else signs.get(_tone(standing), "")

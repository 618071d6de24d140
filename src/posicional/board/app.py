"""The board as a web application: requests in, pages out.

What the pages show is in `look` and `details`, who may see and act in `guard`. A name in a request is looked up among
the feed's own; nothing else of a request reaches a store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from posicional.board import data_pages, details, look, pictures, plots, progress
from posicional.board.actions import act, offered
from posicional.board.guard import COOKIE, HOURS, Guard, Headers
from posicional.board.past import PastDay, habits, month_of, past_days
from posicional.board.sentences import answered, refused, sentence
from posicional.board.site import FIRST_YEAR, Board, Page, Said, here_of, shown_month, templates
from posicional.board.watched import Watched
from posicional.board.words import COOKIE as LANGUAGE_COOKIE
from posicional.board.words import LANGUAGES, language_of, number
from posicional.contract.calendar import Due
from posicional.day.usual import MOST, period_start
from posicional.errors import PosicionalError, UsageError
from posicional.steps.quiet import silence_of

HERE = Path(__file__).parent

BODY = 16 << 10
"""Bytes of a form that are read."""


class Pulse(Protocol):
    """Tells how the watch is that the board belongs to."""

    def ill(self) -> str:
        """What is wrong; empty where nothing is."""
        ...

    def metrics(self) -> bytes:
        """Its figures."""
        ...


def create(feeds: Sequence[Watched], guard: Guard, pulse: Pulse | None = None) -> Headers:
    """The application over some feeds; `pulse`: of the watch that it belongs to."""
    board = Board({one.name: one for one in feeds}, guard, templates())
    get, post = ["GET"], ["POST"]
    routes = [
        Route("/", _endpoint(board, home), methods=get),
        Route("/hand-over", _endpoint(board, hand_over), methods=get),
        Route("/feed/{feed}", _endpoint(board, today), methods=get),
        Route("/feed/{feed}/past", _endpoint(board, past), methods=get),
        Route("/feed/{feed}/{date}", _endpoint(board, today), methods=get),
        Route("/feed/{feed}/{date}/file/{name}", _endpoint(board, data_pages.file), methods=get),
        Route("/feed/{feed}/{date}/file/{name}", _endpoint(board, data_pages.reveal, acts=True), methods=post),
        Route("/feed/{feed}/{date}/dataset/{name}", _endpoint(board, data_pages.dataset), methods=get),
        Route("/feed/{feed}/{date}/dataset/{name}/line", _endpoint(board, data_pages.line), methods=get),
        Route(
            "/feed/{feed}/{date}/dataset/{name}/line", _endpoint(board, data_pages.reveal_line, acts=True), methods=post
        ),
        Route("/feed/{feed}/{date}/{action}", _endpoint(board, decision, acts=True), methods=post),
        Route("/language", _endpoint(board, language, reads=False), methods=post),
        Route("/sign-in", _endpoint(board, sign_in, reads=False), methods=[*get, *post]),
        Route("/sign-out", _endpoint(board, sign_out, reads=False), methods=post),
        Route("/healthz", _endpoint(board, partial(healthz, pulse), reads=False), methods=get),
        *([Route("/metrics", _endpoint(board, partial(metrics, pulse)), methods=get)] if pulse else []),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    return Headers(Starlette(routes=routes, max_body_size=BODY))


def _endpoint(board: Board, page: Page, *, reads: bool = True, acts: bool = False) -> Callable[[Request], Any]:
    """The page behind its guard; whatever goes wrong is a page, too."""

    async def answer(request: Request) -> Response:
        guard = board.guard
        words = LANGUAGES[language_of(request)]
        if not guard.known_host(request):
            return PlainTextResponse("this board answers under the name of this machine only", 400)
        if request.method == "POST" and not guard.same_origin(request):
            return PlainTextResponse("a form of another page", 403)
        if reads and not guard.may_read(request):
            return RedirectResponse(f"/sign-in?back={quote(here_of(request))}", 303)
        if acts and not guard.may_act(request):
            return board.page(request, "problem.html", 403, text=words["forbidden"])
        form = {}
        if request.method == "POST":
            form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        try:
            return await run_in_threadpool(page, board, request, form)
        except HTTPException as error:
            return board.page(request, "problem.html", error.status_code, text=words["not_found"])
        except PosicionalError as error:
            status = 409 if isinstance(error, UsageError) else 503
            return board.page(request, "problem.html", status, text=refused(error, language_of(request)))

    return answer


# --- pages ------------------------------------------------------------------------------------------------------------


def home(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """How every feed stands today; with one feed alone, its day."""
    if len(board.feeds) == 1:
        return RedirectResponse(f"/feed/{next(iter(board.feeds))}", 303)
    rows: list[tuple[str, look.OneDay | None, str]] = []
    for watched in board.feeds.values():
        try:
            rows.append((watched.name, look.one_day(watched, watched.today), ""))
        except PosicionalError as error:
            rows.append((watched.name, None, sentence(str(error), language_of(request))))
    return board.page(request, "home.html", feeds_today=rows)


def today(board: Board, request: Request, _form: Mapping[str, str], said: Said | None = None) -> Response:
    """A business date: its files along the day, gate, runs, publications, alerts, decisions."""
    watched = board.feed(request)
    when = board.date(request, watched)
    calendar = watched.feed.calendar
    before = _neighbour(calendar.previous, when)
    days = past_days(watched, before, MOST) if before else []
    one = look.one_day(watched, when, habits(days, when))
    tracks = {track.name: track for track in one.tracks}
    return board.page(
        request,
        "today.html",
        200 if said is None or not said.bad else 409,
        feed=watched.feed,
        page="today",
        here=f"/feed/{watched.name}/{when}",
        one=one,
        line=pictures.timeline(one),
        steps=list(progress.steps(watched, one, days)),
        files=[(file, tracks[file.name]) for file in one.report.files],
        before=before,
        after=_neighbour(calendar.next, when) if when < watched.today else None,
        actions=list(offered(one)) if board.guard.name(request) else [],
        local=watched.local,
        silence=silence_of(watched.feed, watched.outside),
        said=said,
    )


def _neighbour(step: Callable[[date], date], day: date) -> date | None:
    try:
        return step(day)
    except UsageError:  # the calendar ends here
        return None


def decision(board: Board, request: Request, form: Mapping[str, str]) -> Response:
    """Write what somebody decided, and show the day."""
    watched = board.feed(request)
    when = board.date(request, watched)
    spoken = language_of(request)
    words = LANGUAGES[spoken]
    try:
        answer = act(
            watched,
            when,
            request.path_params["action"],
            form.get("about", ""),
            form.get("why", ""),
            board.guard.name(request),
        )
    except UsageError as error:
        return today(board, request, form, Said(f"{words['not_done']}: {refused(error, spoken)}", bad=True))
    return today(board, request, form, Said(f"{words['done']}: {answered(answer.text, spoken)}"))


def past(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """A month of days with what became of them, and when and how large each file came."""
    watched = board.feed(request)
    first = watched.today.replace(day=1)
    try:
        asked = date.fromisoformat(f"{request.query_params.get('month', first.isoformat()[:7])}-01")
    except ValueError:
        raise HTTPException(404) from None
    if asked.year < FIRST_YEAR:
        raise HTTPException(404)
    asked = min(asked, first)
    following = (asked + timedelta(days=31)).replace(day=1)
    days = month_of(watched, asked)
    shown = past_days(watched, min(watched.today, following - timedelta(days=1)), MOST)
    return board.page(
        request,
        "past.html",
        feed=watched.feed,
        page="past",
        month=shown_month(asked.isoformat()[:7], language_of(request)),
        month_before=(asked - timedelta(days=1)).isoformat()[:7],
        month_after=following.isoformat()[:7] if following <= first else None,
        weeks=pictures.weeks(days),
        **_plots(watched, [day for day in shown if day.begun], language_of(request)),
    )


def _plots(watched: Watched, days: Sequence[PastDay], language: str) -> dict[str, Any]:
    """What the days before a moment look like: when readers saw them, when each file came and how large it was."""
    feed, words = watched.feed, LANGUAGES[language]
    names = words["day_names"].split()
    if not days:
        return {"day_names": names, "readers": None, "plots": []}
    newest, start = days[-1].date, partial(period_start, feed)

    def counted(due: Due) -> timedelta:
        """How a time of the contract is counted on the newest of the dates."""
        moment = feed.calendar.due_at(due, newest, feed.timezone)
        return moment.replace(tzinfo=None) - start(newest).replace(tzinfo=None)

    plots_ = []
    for name, one in feed.files.items():
        by = counted(one.expected_by) if one.expected_by else None
        times = plots.arrivals(days, name, by, words["expected_by"])
        if times.points:
            plots_.append((name, times, plots.volumes(days, name, partial(number, language=language))))
    readers = plots.readers(days, start, counted(feed.deadline), words["deadline"])
    return {"day_names": names, "readers": readers, "plots": plots_}


def hand_over(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """For whoever takes over: what is open, what was decided in the last day, what is expected next."""
    open_, decided, expected, silences = [], [], [], []
    for watched in board.feeds.values():
        still_open, said = look.lately(watched, watched.outside.clock.now() - timedelta(days=1))
        open_ += still_open
        decided += [(watched.name, *one) for one in said]
        with suppress(PosicionalError):  # which stands among what is open
            expected += list(details.expected_next(watched))
            if silence := silence_of(watched.feed, watched.outside):
                silences.append((watched.name, silence))
    return board.page(
        request,
        "handover.html",
        page="hand-over",
        silences=silences,
        open=open_,
        decided=decided,
        expected=sorted(expected, key=lambda one: one[2])[:30],
    )


# --- who asks ---------------------------------------------------------------------------------------------------------


def language(_board: Board, _request: Request, form: Mapping[str, str]) -> Response:
    """Remember the language that somebody chose."""
    answer = RedirectResponse(_inside(form.get("back", "")), 303)
    if form.get("language") in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, form["language"], max_age=365 * 86400, samesite="strict", httponly=True)
    return answer


def sign_in(board: Board, request: Request, form: Mapping[str, str]) -> Response:
    """Ask for a token; whoever has one is known by a cookie for a while."""
    back = _inside(form.get("back", "") or request.query_params.get("back", ""))
    known = board.guard.welcome(form.get("token", "")) if request.method == "POST" else None
    if known is None:
        wrong = request.method == "POST"
        tokens = bool(board.guard.tokens)
        return board.page(
            request, "signin.html", 403 if wrong else 200, here=back, back=back, wrong=wrong, has_tokens=tokens
        )
    answer = RedirectResponse(back, 303)
    secure = board.guard.secure(request)
    answer.set_cookie(COOKIE, known[1], max_age=HOURS * 3600, httponly=True, samesite="strict", secure=secure)
    return answer


def sign_out(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """Forget whoever asks."""
    board.guard.goodbye(request)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE)
    return answer


def healthz(pulse: Pulse | None, board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """That the board answers, and that the watch it belongs to is at work; what is wrong for those who may read."""
    ill = pulse.ill() if pulse else ""
    if ill and not board.guard.may_read(request):
        ill = "ill"
    return PlainTextResponse(f"{ill or 'ok'}\n", 503 if ill else 200)


def metrics(pulse: Pulse, _board: Board, _request: Request, _form: Mapping[str, str]) -> Response:
    """What the watch has done, as Prometheus reads it."""
    return PlainTextResponse(pulse.metrics(), media_type="text/plain; version=0.0.4")


def _inside(back: str) -> str:
    """Where to go next: a path of the board, never another site."""
    there = urlsplit(back)
    outside = there.scheme or there.netloc or not there.path.startswith("/") or there.path.startswith(("//", "/\\"))
    return "/" if outside else f"{there.path}?{there.query}" if there.query else there.path

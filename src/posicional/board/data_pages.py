"""The pages of a file and of a dataset, down to the line that a row came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import date
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from posicional.board import details
from posicional.board.actions import act
from posicional.board.rejects import has_personal
from posicional.board.sentences import sentence
from posicional.board.site import Board
from posicional.board.watched import Watched
from posicional.board.words import LANGUAGES, language_of
from posicional.documents.bodies import LONGEST_ID
from posicional.errors import NotDone, TargetError, UsageError
from posicional.records.ruler import names, scale
from posicional.records.trial import PERSONAL, TriedField
from posicional.records.visible import HIDDEN
from posicional.steps.search import LONGEST, MOST, Looked, Result, result, search
from posicional.steps.trace import Traced, trace


def file(board: Board, request: Request, _form: Mapping[str, str], *, revealed: bool = False) -> Response:
    """A file of a date: each arrival, where its bytes went, its first rejects under a ruler."""
    watched = board.feed(request)
    when, name = board.date(request, watched), request.path_params["name"]
    expected = watched.feed.files.get(name)
    if expected is None:
        raise HTTPException(404)
    due = expected.expected_by
    return board.page(
        request,
        "file.html",
        feed=watched.feed,
        date=when,
        expected=expected,
        by=watched.feed.calendar.due_at(due, when, watched.feed.timezone) if due else None,
        arrivals=details.received(watched, when, name, reveal=revealed),
        has_personal=has_personal(expected.layout),
        revealed=revealed,
        may_act=bool(board.guard.name(request)),
    )


def reveal(board: Board, request: Request, form: Mapping[str, str]) -> Response:
    """The same with personal values, once it is recorded who wanted to see them and why."""
    watched = board.feed(request)
    when, name = board.date(request, watched), request.path_params["name"]
    if name not in watched.feed.files:
        raise HTTPException(404)
    act(watched, when, "reveal", name, form.get("why", ""), board.guard.name(request))
    return file(board, request, form, revealed=True)


def dataset(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """A dataset of a date: its columns, its first rows or those that hold what is looked for, its parts."""
    watched = board.feed(request)
    when, found = board.date(request, watched), _result(board, request)
    wanted = " ".join(request.query_params.get("q", "").split())[:LONGEST]
    looked = search(watched.feed, found, when, wanted) if wanted else Looked(tuple(found.first(MOST)))
    return board.page(
        request,
        "dataset.html",
        feed=watched.feed,
        date=when,
        found=found,
        columns=[(column, details.type_name(found.columns[column])) for column in details.columns(found)],
        key={column.lower() for column in found.dataset.key},
        wanted=wanted,
        longest=LONGEST,
        looked=looked,
        rows=[(row, details.cells(row, found)) for row in looked.rows],
        parts=[watched.outside.store.locate(part.key) for part in found.made.parts],
    )


def _result(board: Board, request: Request) -> Result:
    """The dataset that a request names, as it counts for its date."""
    watched = board.feed(request)
    name = request.path_params["name"]
    if name not in watched.feed.datasets:
        raise HTTPException(404)
    try:
        return result(watched.feed, name, board.date(request, watched), watched.outside)
    except NotDone:
        raise HTTPException(404) from None


def line(board: Board, request: Request, _form: Mapping[str, str]) -> Response:
    """The line that a document came from, as it arrived, under a ruler of its fields; what is personal is hidden."""
    return _line(board, request, request.query_params.get("id", ""))


def reveal_line(board: Board, request: Request, form: Mapping[str, str]) -> Response:
    """The same with personal values, once it is recorded who wanted to see them and why."""
    why, words = " ".join(form.get("why", "").split()), LANGUAGES[language_of(request)]
    if not why:
        raise UsageError(words["needs_reason"])
    return _line(board, request, form.get("id", ""), why)


def _line(board: Board, request: Request, wanted: str, why: str = "") -> Response:
    watched, name = board.feed(request), request.path_params["name"]
    when = board.date(request, watched)
    if name not in watched.feed.datasets or not wanted or len(wanted.encode()) > LONGEST_ID:
        raise HTTPException(404)
    user = board.guard.name(request)
    try:
        found = _traced(watched, name, when, wanted, why and user, why)
    except (NotDone, UsageError) as error:
        return board.page(request, "problem.html", 404, text=sentence(error.message, language_of(request)))
    shown = found.shown
    spans, length = (shown.spans, shown.length) if shown else ((), 0)
    record = shown.first[0] if shown else None
    end = max(length, len(record.cells)) if record else 0
    return board.page(
        request,
        "line.html",
        here=f"{request.url.path}?id={quote(wanted)}",
        feed=watched.feed,
        date=when,
        dataset_name=name,
        found=found,
        record=record,
        came=watched.local(found.arrived.found.modified) if found.arrived else None,
        ruler=(scale(0, end), record.cells, record.below.rstrip(), names(spans, 0, end, length)) if record else (),
        fields=list(_fields(found)),
        has_personal=bool(found.arrived and has_personal(watched.feed.files[found.arrived.file].layout)),
        revealed=bool(why),
        may_act=bool(user),
    )


def _fields(found: Traced) -> Iterator[tuple[TriedField, str, bool]]:
    """The fields of the record with their values, and whether they are bad."""
    if found.shown is not None and found.shown.first[0].values:
        record = found.shown.first[0]
        for field, value, wrong in zip(found.shown.fields, record.values, record.wrong, strict=True):
            yield field, HIDDEN * 3 if value == PERSONAL else value, wrong


def _traced(watched: Watched, name: str, when: date, wanted: str, user: str, why: str) -> Traced:
    """Follow a document that readers see; where there is none, or nobody answers, the row that the run made."""
    feed, outside = watched.feed, watched.outside
    if user:
        outside = dataclasses.replace(outside, who=f"{user}@board")
    if feed.opensearch and name in feed.opensearch.datasets and outside.target:
        try:
            return trace(feed, wanted, outside, dataset=name, day=when, reveal=why)
        except (TargetError, UsageError):
            pass
    return trace(feed, wanted, outside, dataset=name, day=when, offline=True, reveal=why)

"""How far a day has come: its files, its run, its publication, its readers; each done, under way, waiting or stuck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

from posicional.board.look import OneDay
from posicional.board.past import PastDay
from posicional.board.watched import Watched
from posicional.day.facts import PublicationEnd, RunEnd, Unreadable
from posicional.day.state import Publication, Run

State = Literal["done", "now", "wait", "bad"]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the day. `number`: of the run or publication; `at`: when it ended; `seconds`: how long it took, or has
    taken so far. A bar shows `value` of `most`; one without a `most` is as long as nobody knows.
    """

    name: Literal["files", "run", "publication", "readers"]
    state: State
    number: int = 0
    at: datetime | None = None
    seconds: float = 0.0
    value: float = 0.0
    most: float = 0.0


def steps(watched: Watched, one: OneDay, before: Sequence[PastDay]) -> Iterator[Step]:
    """The steps of a date in their order; `before`: days that tell how long a run usually takes."""
    found, day = one.found, one.day
    waited: State = "wait" if found.standing == "skipped" else "now" if one.good else "bad"
    yield Step("files", waited if one.here < found.required else "done", value=one.here, most=found.required)
    usual = [past.seconds for past in before if past.seconds]
    yield _turn(watched, one, "run", day.runs[-1] if day.runs else None, median(usual) if usual else 0.0)
    for turns in day.publications.values():
        yield _turn(watched, one, "publication", turns[-1] if turns else None, 0.0)
    yield Step("readers", "done" if found.shown else "wait", at=watched.local(found.shown) if found.shown else None)


def _turn(
    watched: Watched, one: OneDay, name: Literal["run", "publication"], turn: Run | Publication | None, usual: float
) -> Step:
    if turn is None:
        return Step(name, "wait")
    if turn.status == "live" and not isinstance(turn.claim, Unreadable):
        past = max(0.0, (one.now - turn.claim.at).total_seconds())
        silent = one.found.stage is not None and one.found.stage.status == "silent"
        # A run that takes longer than usual is nearly done for ever: then the bar says nothing.
        return Step(
            name,
            "bad" if silent else "now",
            turn.number,
            seconds=past,
            value=past,
            most=max(0.0, usual if past < usual else 0.0),
        )
    took = turn.end.seconds if isinstance(turn.end, RunEnd | PublicationEnd) else 0.0
    at = watched.local(turn.end.at) if turn.end else None
    return Step(name, "done" if turn.succeeded else "bad", turn.number, at, took)

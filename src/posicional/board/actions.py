"""What a person may decide from the board: as on the command line, under the name of whoever is signed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from posicional.board.look import OneDay
from posicional.board.watched import Watched
from posicional.errors import UsageError
from posicional.steps import decide
from posicional.steps.decide import Answer


@dataclass(frozen=True, slots=True)
class Offered:
    """A decision that makes sense now. `choices`: what it may be about; empty where it is the whole day."""

    name: str
    choices: tuple[str, ...] = ()


def offered(one: OneDay) -> Iterator[Offered]:
    """The decisions that make sense for a date as it stands."""
    day = one.day
    if refused := tuple(name for name, file in day.files.items() if file.refused):
        yield Offered("accept", refused)
    if one.found.missing:
        yield Offered("waive", one.found.missing)
    if day.run:
        yield Offered("rerun")
    if runs := tuple(str(run.number) for run in day.runs if run.succeeded and run != day.run):
        yield Offered("rollback", runs)
    if day.decided.held or day.decided.skipped:
        yield Offered("release")
    else:
        yield Offered("hold")
        if day.run is None:
            yield Offered("skip")


def act(watched: Watched, day: date, action: str, about: str, why: str, name: str) -> Answer:
    """Write a decision as `name`. Raises `UsageError` for what makes no sense, `StoreError`."""
    outside = dataclasses.replace(watched.outside, who=f"{name}@board")
    feed = watched.feed
    match action:
        case "accept":
            return decide.accept(feed, day, outside, file=about, why=why)
        case "waive":
            return decide.waive(feed, day, outside, file=about, why=why)
        case "rollback" if about.isdecimal():
            return decide.rollback(feed, day, outside, run=int(about), why=why)
        case "rerun":
            return decide.rerun(feed, day, outside, why=why)
        case "hold":
            return decide.hold(feed, day, outside, why=why)
        case "release":
            return decide.release(feed, day, outside, why=why)
        case "skip":
            return decide.skip(feed, day, outside, why=why)
        case "reveal":
            return decide.note(feed, day, outside, why=why, about={"revealed": about})
    raise UsageError(f"there is no decision {action!r}", hint="choose one of those on the page")

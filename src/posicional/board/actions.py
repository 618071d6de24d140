"""What a person may decide from the board: as on the command line, under the name of whoever is signed in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from posicional.board.look import OneDay
from posicional.board.watched import Watched
from posicional.contract.feed import Feed
from posicional.day.alerts import is_known, open_alerts
from posicional.errors import UsageError
from posicional.ports import Outside
from posicional.steps import decide, quiet
from posicional.steps.decide import Answer

SILENCES = {"1 h": timedelta(hours=1), "4 h": timedelta(hours=4), "24 h": timedelta(hours=24)}
"""For how long people may be told nothing."""


WHOLE_DAY = {"rerun": decide.rerun, "hold": decide.hold, "release": decide.release, "skip": decide.skip}
"""Decisions that are about nothing but the date."""


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
    known = open_alerts(one.facts)
    if news := tuple(name for name in known if not is_known(one.facts, name)):
        yield Offered("ack", news)
    if known:
        yield Offered("silence", tuple(SILENCES))
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
    if action in ("ack", "silence"):
        return _of_alerts(feed, day, outside, action, about, why)
    if action in WHOLE_DAY:
        return WHOLE_DAY[action](feed, day, outside, why=why)
    match action:
        case "accept":
            return decide.accept(feed, day, outside, file=about, why=why)
        case "waive":
            return decide.waive(feed, day, outside, file=about, why=why)
        case "rollback" if about.isdecimal():
            return decide.rollback(feed, day, outside, run=int(about), why=why)
        case "reveal":
            return decide.note(feed, day, outside, why=why, about={"revealed": about})
    raise UsageError(f"there is no decision {action!r}", hint="choose one of those on the page")


def _of_alerts(feed: Feed, day: date, outside: Outside, action: str, about: str, why: str) -> Answer:
    if action == "ack":
        return quiet.acknowledge(feed, day, outside, condition=about, why=why)
    if about not in SILENCES:
        raise UsageError(f"nobody can be told nothing for {about!r}", hint=f"for {', '.join(SILENCES)}")
    return quiet.silence(feed, outside, until=outside.clock.now() + SILENCES[about], why=why)

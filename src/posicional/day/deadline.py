"""How a day stands at its deadline: pure, from its facts and the time alone, and by the same decision as all else.

Whether it is due is part of the answer, so a check at the wrong hour does nothing wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from posicional.contract.feed import Feed
from posicional.day.facts import Blame, Decision, End, Unreadable
from posicional.day.gate import Action, Later, Rest, decide, outage, run_failed
from posicional.day.history import shown_at
from posicional.day.keys import RUNS, publications
from posicional.day.series import Busy, Gone, Turn, standing
from posicional.day.state import Day, targets

Standing = Literal[
    "no business day",
    "not due",
    "published",
    "published late",
    "skipped",
    "held",
    "running",
    "failed",
    "refused",
    "waiting",
    "nothing arrived",
    "not processed",
    "unknown",
]
"""`skipped`, `held`: a person decided so · `waiting`: files are missing · `refused`: those that came for them were
refused · `not processed`: all are here and nobody is at it · `unknown`: the ledger cannot be read.
"""

GOOD: frozenset[Standing] = frozenset({"no business day", "not due", "published", "published late", "skipped"})
"""Nobody needs to be told."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The turn that a day has come to: of which series, its number, who has it, since when; and how it failed.

    `silent`: it has no end, and its owner is not to be expected back. `outage`: its target has been down for some time,
    and is tried again and again.
    """

    status: Literal["live", "failed", "silent"]
    series: str
    number: int
    since: datetime
    owner: str = ""
    reason: str = ""
    blame: Blame = ""
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """A business date at a moment.

    `required`: how many files must come; `missing`: those of them without a usable arrival; `refused`: files whose
    newest arrival was refused; `unread`: those whose newest arrival nobody has read; `overdue`: those that should be
    here already (`expected_by`) and of which nothing is; `optional`: those waited for until `until`. `shown`: when
    readers first saw the date. `stage`: the run or publication that is live, has failed (and is tried again at `until`,
    or not at all: `stuck`), or has fallen silent. `failed`: the run that is not tried again, also where a publication
    of an earlier one is live or tried again. `decision`: what skips or holds the day, None when its fact cannot be
    read. All files in the order of the feed.
    """

    date: date
    due: datetime
    standing: Standing
    required: int = 0
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    until: datetime | None = None
    shown: datetime | None = None
    stage: Stage | None = None
    stuck: bool = False
    failed: Stage | None = None
    decision: Decision | None = None

    @property
    def good(self) -> bool:
        """Whether nobody needs to be told."""
        return self.standing in GOOD


def situation(feed: Feed, day: Day, now: datetime, gone: Gone) -> Situation:
    """How a business date stands at `now`. `gone`: whether whoever signed so is known to have ended."""
    due = feed.calendar.due_at(feed.deadline, day.date, feed.timezone)
    if not feed.calendar.is_business_date(day.date):
        slow = tuple(name for name in day.refused if day.files[name].expected.use_latest)  # it would count later
        return Situation(day.date, due, "no business day", refused=slow)
    shown, action = shown_at(feed, day), decide(feed, day, now, gone)
    stage = _live(feed, day, now, gone) or _stage(feed, day)
    if stage is None or stage.status != "live" or stage.series != RUNS:
        stage = _outage(feed, day) or stage
    waiting = action if isinstance(action, Rest) and action.why == "waiting" else None
    later = action if isinstance(action, Later) else waiting
    return Situation(
        date=day.date,
        due=due,
        standing=_standing(day, shown, due, now, action, stage),
        required=sum(1 for file in day.files.values() if file.expected.required),
        missing=day.missing,
        refused=day.refused,
        unread=tuple(name for name, _ in day.pending),
        overdue=tuple(_overdue(feed, day, now)),
        optional=waiting.files if waiting else (),
        until=later.until if later else None,
        shown=shown,
        stage=stage,
        stuck=isinstance(action, Rest) and action.why == "failed",
        failed=_stage(feed, day) if run_failed(feed, day, now, gone) else None,
        decision=shut.decision if (shut := day.decided.skipped or day.decided.held) else None,
    )


def _standing(
    day: Day, shown: datetime | None, due: datetime, now: datetime, action: Action, stage: Stage | None
) -> Standing:
    if shown is not None:
        return "published" if shown <= due else "published late"
    if day.decided.skipped:
        return "skipped"
    if now < due:
        return "not due"
    return "held" if day.decided.held else _obstacle(day, action, stage)


def _obstacle(day: Day, action: Action, stage: Stage | None) -> Standing:
    """What is in the way of a day that is due."""
    if stage and stage.outage:
        return "failed"
    if isinstance(action, Later) or (stage and stage.status == "live"):
        return "running"
    if absent := set(day.missing) - {name for name, _ in day.pending}:
        if not any(file.arrivals for file in day.files.values()):
            return "nothing arrived"
        return "refused" if absent <= set(day.refused) else "waiting"
    if isinstance(action, Rest) and action.why == "waiting":
        return "waiting"
    return "failed" if stage and stage.status == "failed" else "not processed"


def _overdue(feed: Feed, day: Day, now: datetime) -> Iterator[str]:
    """Files that are missing, of which nothing has arrived, and that should be here."""
    for name in () if day.decided.skipped else day.missing:
        file = day.files[name]
        by = file.expected.expected_by
        if by and file.newest is None and now >= feed.calendar.due_at(by, day.date, feed.timezone):
            yield name


def _live(feed: Feed, day: Day, now: datetime, gone: Gone) -> Stage | None:
    """The run or publication that somebody is at."""
    for series, last in _last_turns(feed, day):
        if isinstance(standing([last], now, gone), Busy):
            return Stage("live", series, last.number, last.claim.at, last.owner)
    return None


def _stage(feed: Feed, day: Day) -> Stage | None:
    """The run or publication that has failed, or that nobody is at though it has no end."""
    for series, last in _last_turns(feed, day):
        if last.end is None:
            return Stage("silent", series, last.number, last.claim.at, last.owner)
        if last.status in ("failed", "abandoned"):
            return _failed(series, last, last.end)
    return None


def _outage(feed: Feed, day: Day) -> Stage | None:
    """The last failed publication at a target that is waited for."""
    found = outage(feed, day)
    if found is None or found[1].end is None:
        return None
    return _failed(publications(found[0]), found[1], found[1].end, outage=True)


def _failed(series: str, turn: Turn[Any, Any], end: End | Unreadable, *, outage: bool = False) -> Stage:
    said = end if isinstance(end, End) else None
    reason, blame = (said.reason, said.blame) if said else ("", "outside")
    return Stage("failed", series, turn.number, end.at, turn.owner, reason, blame, outage)


def _last_turns(feed: Feed, day: Day) -> Iterator[tuple[str, Turn[Any, Any]]]:
    """The last turn of each series: runs, then publications."""
    if day.runs:
        yield RUNS, day.runs[-1]
    for target in targets(feed):
        if turns := day.publications[target]:
            yield publications(target), turns[-1]

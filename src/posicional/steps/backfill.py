"""Many business dates: a plan first, then the newest first, a few at once. Killed at any point, it is simply run again.

Days are read and published side by side, but processed one at a time: an engine may take most of the machine's memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta

from posicional.contract.feed import Dataset, Feed
from posicional.day.report import Line, line
from posicional.errors import DataRefused, PosicionalError, UsageError
from posicional.ports import Engine, Event, Offending, Outside, Place, Written
from posicional.steps.advance import Outcome, advance
from posicional.steps.days import Glance, glance
from posicional.steps.decide import rerun
from posicional.steps.incoming import Incoming, incoming

AT_ONCE = 3
"""How many dates are under way at the same time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What lies before a command over many dates; all of them newest first.

    `work`: dates that have begun and are not finished, or are to be made anew. `finished`: dates that need nothing.
    `empty`: dates of which there is nothing, neither facts nor files. `lying`: what has arrived, listed for the plan.
    """

    work: tuple[Glance, ...]
    finished: tuple[Glance, ...]
    empty: tuple[date, ...]
    lying: Incoming

    @property
    def count(self) -> int:
        """How many business dates there are in all."""
        return len(self.work) + len(self.finished) + len(self.empty)


@dataclass(frozen=True, slots=True)
class Ended:
    """How far a date has come, and the exit code that this alone would be."""

    date: date
    line: Line
    exit_code: int


def plan(feed: Feed, first: date, last: date, outside: Outside, *, again: bool = False) -> Plan:
    """Look at all business dates from `first` to `last`, and what each needs. Writes nothing.

    `again`: days that have a run are to be made anew. Raises `UsageError` when there is no business date between the
    two, `StoreError`.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    dates = [day for day in reversed(days) if feed.calendar.is_business_date(day)]
    if not dates:
        shown = feed.calendar.format_date
        raise UsageError(
            f"there is no business date from {shown(first)} to {shown(last)}",
            where=str(feed.path),
            hint="the earlier date comes first: --from 2026-11-01 --to 2026-11-30" if last < first else "",
        )
    lying = incoming(feed, outside, remember=False)
    found = [glance(feed, day, outside, lying) for day in dates]
    begun = [one for one in found if one.begun]
    work = [one for one in begun if not one.finished or (again and one.day.run)]
    return Plan(
        tuple(work),
        tuple(one for one in begun if one not in work),
        tuple(one.day.date for one in found if not one.begun),
        lying,
    )


def carry_out(
    feed: Feed, planned: Plan, outside: Outside, *, again: bool = False, publish: bool = True
) -> Iterator[Ended]:
    """Do what is planned; each date as it ends. One date's failure does not keep the others from going on.

    `again`: first of all it is written down, for every day that has a run, that it is to be made anew. Whoever goes on
    after that was interrupted need not ask for it again. Raises `StoreError` when that cannot be written.
    """
    for one in planned.work:
        if again and one.day.run:
            rerun(feed, one.day.date, outside, why="asked for with --again")
    stop, turn = threading.Event(), threading.Lock()

    def tell(_event: Event) -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    side_by_side = replace(outside, tell=tell, engine=lambda: _OneAtATime(outside.engine(), turn))

    def go_on(one: Glance) -> Ended:
        try:
            outcome = advance(feed, one.day.date, side_by_side, publish=publish, lying=planned.lying)
        except PosicionalError as error:
            shown = Line(feed.calendar.format_date(one.day.date), "failed", str(error))
            return Ended(one.day.date, shown, error.exit_code)
        return _ended(feed, outcome)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(go_on, planned.work)
        except BaseException:  # Ctrl-C, or a bug: those under way stop at their next step
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ended(feed: Feed, outcome: Outcome) -> Ended:
    problem = outcome.problem
    shown = line(feed, outcome.day, outcome.rest)
    if isinstance(problem, DataRefused):
        shown = replace(shown, word="refused", text=problem.message)
    return Ended(outcome.day.date, shown, problem.exit_code if problem else 0)


@dataclass(frozen=True, slots=True)
class _OneAtATime:
    """An engine that waits until no other date uses one."""

    engine: Engine
    turn: threading.Lock

    @property
    def name(self) -> str:
        """The real one's."""
        return self.engine.name

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Run, when it is this one's turn."""
        with self.turn:
            return self.engine.run(dataset, tables, sink, secret)

    def offending(self, sql: str, path: str, tables: Mapping[str, Sequence[str]]) -> Offending:
        """Count, when it is this one's turn."""
        with self.turn:
            return self.engine.offending(sql, path, tables)
